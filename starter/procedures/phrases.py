"""How every kind of rule is put into words: one table of phrases, read by `s47 procedure show`, `diff` and the map.

Nothing here is written for any one procedure: the words are put together from the rule itself.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from casework.procedure import ROLES, TIMESCALES, Answer, Form, Gate, Meeting, Procedure, Timescale
from casework.vocabulary import DUTY_DONE, FORM_COMPLETED, Event

SHORTEST_NAME_WORTH_CUTTING = 30
ABBREVIATION = re.compile(r".* \(([A-Z]{2,6})\)")
HOW_TO_ANSWER = re.compile(r"\s*\([^()]*\)$")
OWN_DUTIES = {
    "action": "every agreed action is done",
    "strategy-review": "the further strategy discussion is reviewed",
    "others-considered": "it is considered whether other children need protection",
}
"""What a case sets for itself, where a rule asks for it to be done."""
MOST_WRITERS = 3
REPORTED = "a report that it is done"
ALL_OF_THEM = ("only_if", "to", "distribute_to", "remind", "same_clock_as")
"""The settings of which everything named counts; of any other, one of what is named."""


# --- Words for the settings of rules ------------------------------------------------------------------------------


def listed(texts: Iterable[str], between: str = "and") -> str:
    """`a, b and c`."""
    *most, last = [*texts] or [""]
    return f"{', '.join(most)} {between} {last}" if most else last


def role(procedure: Procedure, key: str) -> str:
    """A role as the document names it; a long name by its abbreviation, where it gives one."""
    label = procedure.role[key].label if key in procedure.role else key
    short = ABBREVIATION.fullmatch(label)
    return short[1] if short and len(label) > SHORTEST_NAME_WORTH_CUTTING else label


def roles(procedure: Procedure, keys: Iterable[str], between: str = "or") -> str:
    """Several roles."""
    return listed((role(procedure, key) for key in keys), between)


def duty(procedure: Procedure, key: str) -> str:
    """What a timescale asks for: `“Hold the first core group”`."""
    return f"“{procedure.timescale[key].duty}”" if key in procedure.timescale else key


def event(procedure: Procedure, name: Event, form: str | None) -> str:
    """What happens, as people say it: `Form 87A completed`."""
    completed = procedure.form.get(form or "") if name == FORM_COMPLETED else None
    return f"{completed.name} completed" if completed else REPORTED if name == DUTY_DONE else name


def message_name(name: str) -> str:
    """A message's or a field's name as people say it."""
    return name.replace("_", " ").replace("section47", "section 47")


def setting(procedure: Procedure, kind: str, rule: Any, name: str) -> str:
    """One setting of a rule in words: roles and timescales by their names, several in a line; nothing if not set."""
    value = getattr(rule, name)
    if isinstance(value, bool):
        return "yes" if value else ""
    texts = [] if value is None else [str(item) for item in (value if isinstance(value, tuple) else [value])]
    for settings, words in ((ROLES, role), (TIMESCALES, duty)):
        if name in settings.get(kind, ()):
            texts = [words(procedure, text) for text in texts]
    return listed(texts, "and" if name in ALL_OF_THEM else "or")


# --- Words for what takes more than one setting -------------------------------------------------------------------


def amount(rule: Timescale) -> str:
    """How long a timescale gives: `15 working days`, `every 4 to 6 weeks`, `a date set on the case`."""
    if not rule.amounts:
        return "a date set on the case"
    first, last = rule.amounts[0], rule.amounts[-1]
    length = f"{first.number if first.unit is last.unit else first} to {last}" if rule.window else str(first)
    return f"every {length}" if rule.recurs else length


def meeting_before(rule: Timescale) -> str:
    """The meeting that a rule counts back from: `the initial conference`."""
    return listed((f"the {name.removesuffix(' scheduled')}" for name in rule.from_), "or")


def _limit(_: Procedure, rule: Timescale) -> str:
    if rule.no_amount:
        return ""
    if rule.before:
        return f"at least {amount(rule)} before {meeting_before(rule)}"
    if rule.set_on_the_case:
        return f"{amount(rule)}: {rule.set_on_the_case}"
    return amount(rule) if rule.recurs else f"within {amount(rule)}"


def _counts_from(procedure: Procedure, rule: Timescale) -> str:
    """What a timescale counts from, and which one where that happens again."""
    if rule.before:
        return ""
    if rule.after_duty:
        text = f"{duty(procedure, rule.after_duty)} being met"
    else:
        text = listed((name for name in rule.from_ if name not in rule.met_by or len(rule.from_) == 1), "or")
        if rule.recurs and len(rule.from_) > 1:
            text += ", then from each time it is met"
    return (
        text + {"first": "", "last": "; the last one counts", "earlier": "; whichever ends earlier counts"}[rule.anchor]
    )


def _withheld(_: Procedure, rule: Timescale) -> str:
    if not rule.withheld_with_information:
        return ""
    grounds = listed(rule.withheld_on, "or")
    return "while information is withheld from the family" + (f" ({grounds})" if grounds else "")


def _besides(procedure: Procedure, rule: Meeting) -> str:
    return "; ".join(f"if {when}: {roles(procedure, keys, 'and')}" for when, keys in rule.minimum_if.items())


def _about(procedure: Procedure, when: dict[str, str | bool]) -> str:
    """The fields a rule about a message looks at: `the review conference`, `plan: yes`."""
    parts = []
    for name, value in when.items():
        if name == "which":
            parts.append(f"the {value} conference")
        elif name == "duty" and value in procedure.timescale:
            parts.append(duty(procedure, str(value)))
        elif name == "form" and value in procedure.form:
            parts.append(procedure.form[str(value)].name)
        else:
            parts.append(f"{message_name(name)}: {'yes' if value is True else 'no' if value is False else value}")
    return listed(parts)


def _gated(procedure: Procedure, rule: Gate) -> str:
    """What is accepted only after something else: a message, or the duty or form that the message is about."""
    about = _about(procedure, {name: value for name, value in rule.when.items() if name != "decision"})
    name = message_name(rule.message).capitalize()
    if rule.message in ("duty_done", "form_completed") and about:
        return about
    if rule.subject is not None:
        return f"{name} of the {rule.subject}"
    return name + (f" ({about})" if about else "")


def _needs(procedure: Procedure, rule: Gate) -> str:
    """What a gate asks to be so: a condition, or a duty to be done."""
    owed = rule.while_owed or ""
    return rule.needs or OWN_DUTIES.get(owed) or duty(procedure, owed)


def _asked(_: Procedure, rule: Answer) -> str:
    """What has to be said. How to answer is for the one who sends it, and is left out."""
    text = HOW_TO_ANSWER.sub("", rule.because)
    return text[0].upper() + text[1:]


def _some_writers(procedure: Procedure, rule: Form) -> str:
    """Of many who may write a form, some and how many more."""
    if len(rule.written_by) <= MOST_WRITERS:
        return ""
    others = len(rule.written_by) - MOST_WRITERS + 1
    return f"{', '.join(role(procedure, key) for key in rule.written_by[: MOST_WRITERS - 1])} or {others} others"


# --- The table ----------------------------------------------------------------------------------------------------

Words = str | Callable[[Procedure, Any], str]
"""A setting of the rule by its name, or what puts several into words. Nothing comes of it: the rule says nothing."""


class Phrase(NamedTuple):
    """One fact of a rule: its label, what is said, how that is worded, and how it reads in a line with others, where
    it may also be said `shorter`."""

    label: str
    says: Words
    text: str = "{}"
    in_a_line: str = "{label} {text}"
    shorter: Words = ""


class Wording(NamedTuple):
    """One kind of rule: the heading over its rules, the title of each (none: its key), and its phrases in order."""

    heading: str
    title: Words | None
    phrases: tuple[Phrase, ...]


ALONE = "{text}"
ONLY_IF = Phrase("only if", "only_if")
KINDS: dict[str, Wording] = {
    "timescale": Wording(
        "Timescales and duties",
        "duty",
        (
            Phrase("limit", _limit, in_a_line=ALONE),
            Phrase("no amount", "no_amount", "“{}”", ALONE),
            Phrase("days", "reading", "read as {} days"),
            Phrase("clear days", "clear_days", "one further day is left free", ALONE),
            Phrase("until set", "before_scheduled", "counts back from that meeting's own limit"),
            Phrase("from", _counts_from),
            Phrase("once", "opens_on"),
            Phrase("each", "each", "every occurrence starts a clock of its own", ALONE),
            Phrase("aim", "target", "an aim beside the limit; nobody is told if it passes", ALONE),
            Phrase("who", "owner", in_a_line=ALONE),
            Phrase("met by", lambda p, rule: listed((event(p, name, rule.form) for name in rule.met_by), "or")),
            ONLY_IF,
            Phrase("in place of", "replaces"),
            Phrase("clock", "same_clock_as", "shared with {}"),
            Phrase("rests", _withheld),
            Phrase("warns", "warn_after", "when later than {}"),
            Phrase("ends with", "until"),
            Phrase("when missed", "on_breach"),
            Phrase("reminder", "remind", "{} before (S47's own)"),
            Phrase("escalation", "escalate", "to {} (S47's own)"),
        ),
    ),
    "assessment": Wording("The assessment", "name", (Phrase("starts with", "starts"),)),
    "authorisation": Wording(
        "Authorisations",
        "title",
        (
            Phrase("asks", lambda p, rule: roles(p, rule.asked_by) or "whoever records it", in_a_line="{text} asks"),
            Phrase(
                "decides",
                lambda p, rule: "" if rule.completes else roles(p, rule.authorised_by),
                in_a_line="{text} decides",
            ),
            Phrase(
                "does it",
                lambda p, rule: roles(p, rule.authorised_by) if rule.completes else "",
                in_a_line="{text} does it",
            ),
            Phrase(
                "finish", "finish", "finishing is a separate act after authorising; only then it takes effect", ALONE
            ),
            Phrase(
                "effect",
                lambda _, rule: "" if rule.holds else "at once",
                "takes effect {}; only the record is authorised",
                ALONE,
            ),
            ONLY_IF,
        ),
    ),
    "meeting": Wording(
        "Meetings",
        None,
        (
            Phrase("at least", lambda p, rule: listed(roles(p, keys) for keys in rule.minimum)),
            Phrase("besides", _besides, in_a_line=ALONE),
            Phrase("chair", "chair", in_a_line="{text} chairs"),
            Phrase("who", "professionals_only", "professionals only", ALONE),
            Phrase("record to", "distribute_to"),
        ),
    ),
    "gate": Wording(
        "Accepted only after",
        _gated,
        (Phrase("after", _needs), ONLY_IF, Phrase("refused with", "because")),
    ),
    "answer": Wording(
        "Has to be said",
        lambda _, rule: f"With {message_name(rule.message)}",
        (
            Phrase("has to be said", _asked, in_a_line=ALONE),
            Phrase("if", lambda p, rule: _about(p, rule.when)),
            ONLY_IF,
        ),
    ),
    "notice": Wording(
        "Who is told",
        "to",
        (Phrase("told", "says", in_a_line=ALONE), Phrase("on", lambda p, rule: event(p, rule.on, rule.form)), ONLY_IF),
    ),
    "form": Wording(
        "Forms and records",
        "name",
        (
            Phrase("written by", "written_by", shorter=_some_writers),
            Phrase("signed by", "signed_by"),
            Phrase("to", "to"),
            Phrase("contains", lambda _, rule: "; ".join(rule.contents)),
        ),
    ),
    "prompt": Wording("To think of", "asks", (ONLY_IF,)),
    "role": Wording("Roles and teams", "label", (Phrase("kind", "kind", in_a_line=ALONE),)),
}
