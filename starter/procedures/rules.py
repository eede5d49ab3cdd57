"""A procedure's rules in words: what each one asks, of whom, counted how, and where it is from.

Nothing here is written for any one procedure: the words are put together from the rule itself.
"""

import re
from collections.abc import Iterable, Iterator

from pydantic import Field
from rich.markup import escape

from casework.amounts import Amount
from casework.model import Value
from casework.procedure import Answer, Authorisation, Cited, Form, Gate, Meeting, NoticeRule, Procedure, Timescale
from casework.vocabulary import DUTY_DONE, FORM_COMPLETED, Circumstance, Condition, Event
from starter.procedures.map.stages import ON_THE_MAP, stage_of_timescale

SHORTEST_NAME_WORTH_CUTTING = 30
OWN_DUTIES = {
    "action": "every agreed action is done",
    "strategy-review": "the further strategy discussion is reviewed",
    "others-considered": "it is considered whether other children need protection",
}
"""What a case sets for itself, where a rule asks for it to be done."""
REPORTED = "it being reported done"
HOW_TO_ANSWER = re.compile(r"\s*\([^()]*\)$")
ABBREVIATION = re.compile(r".* \(([A-Z]{2,6})\)")


class Rule(Value):
    """One rule of a procedure in words. `path` names it: `timescale.child-seen`, `authorisation.step-down`."""

    path: str
    title: str
    facts: tuple[tuple[str, str], ...] = Field((), description="what it says, each with its label")
    force: str | None = None
    cites: tuple[str, ...] = ()
    source: str | None = None
    words: str | None = Field(None, description="the document's operative words")
    origin: str | None = Field(None, description="the base set it was taken from")


def rules(procedure: Procedure) -> list[Rule]:
    """Every rule of the procedure, kind by kind, in the order of its file."""
    return [
        *(timescale(procedure, key) for key in procedure.timescale),
        *(_authorisation(procedure, subject.value, rule) for subject, rule in procedure.authorisation.items()),
        *(_meeting(procedure, kind, rule) for kind, rule in procedure.meeting.items()),
        *(_gate(procedure, rule) for rule in procedure.gate),
        *(_answer(procedure, rule) for rule in procedure.answer),
        *(_notice(procedure, rule) for rule in procedure.notice),
        *(_form(procedure, key, rule) for key, rule in procedure.form.items()),
        *(
            _cited(f"prompt.{key}", rule.asks, [("only if", conditions(rule.only_if))], rule)
            for key, rule in procedure.prompt.items()
        ),
        *(
            Rule(path=f"role.{key}", title=role.label, facts=(("kind", role.kind.value),), cites=role.cites)
            for key, role in procedure.role.items()
        ),
    ]


def _cited(path: str, title: str, facts: Iterable[tuple[str, str | None]], rule: Cited) -> Rule:
    return Rule(
        path=path,
        title=title,
        facts=tuple((label, text) for label, text in facts if text),
        force=rule.force,
        cites=rule.cites,
        source=rule.source,
        words=rule.words,
        origin=rule.origin if isinstance(rule, Timescale) else None,
    )


# --- Words for the parts of rules ---------------------------------------------------------------------------------


def role(procedure: Procedure, key: str) -> str:
    """A role as the document names it; a long name by its abbreviation, where it gives one."""
    known = procedure.role.get(key)
    label = known.label if known else key
    short = ABBREVIATION.fullmatch(label)
    return short[1] if short and len(label) > SHORTEST_NAME_WORTH_CUTTING else label


def roles(procedure: Procedure, keys: Iterable[str], between: str = "or") -> str:
    """Several roles in a line."""
    return listed([role(procedure, key) for key in keys], between)


def listed(texts: list[str], between: str = "and") -> str:
    """`a, b or c`."""
    return f" {between} ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def events(some: Iterable[Event]) -> str:
    """Events as the vocabulary has them."""
    return listed(list(some), "or")


def conditions(some: Iterable[Condition | Circumstance]) -> str:
    """Conditions as the vocabulary has them."""
    return listed([condition.value for condition in some])


def meeting_before(rule: Timescale) -> str:
    """The meeting that a rule counts back from: `the initial conference`."""
    return listed([f"the {event.removesuffix(' scheduled')}" for event in rule.from_], "or")


def amount(rule: Timescale) -> str:
    """How long a timescale gives, as it is written: `15 working days`, `4 to 6 weeks`; or its words for no amount."""
    if rule.window:
        return window(*rule.window)
    given = rule.within or rule.before
    return str(given) if given else rule.no_amount or rule.set_on_the_case or ""


def window(first: Amount, last: Amount) -> str:
    """`4 to 6 weeks`."""
    return f"{first.number} to {last}" if first.unit is last.unit else f"{first} to {last}"


def limit(rule: Timescale) -> str:
    """The limit as a phrase."""
    if rule.no_amount:
        return f"no amount: “{rule.no_amount}”"
    if rule.set_on_the_case:
        return f"by a date of the case's own: {rule.set_on_the_case}"
    if rule.before:
        return f"at least {rule.before} before {meeting_before(rule)}"
    return f"{'every' if rule.recurs else 'within'} {amount(rule)}"


def counts_from(procedure: Procedure, rule: Timescale) -> str:
    """What a timescale counts from, and which one where that happens again."""
    if rule.after_duty:
        after = procedure.timescale.get(rule.after_duty)
        said = f"“{after.duty}” being met" if after else rule.after_duty
    else:
        said = events(event for event in rule.from_ if event not in rule.met_by or len(rule.from_) == 1)
        if rule.recurs and len(rule.from_) > 1:
            said += ", then from each time it is met"
    which = {"first": "", "last": "; the last one counts", "earlier": "; whichever ends earlier counts"}
    return said + which[rule.anchor]


def met_by(procedure: Procedure, rule: Timescale) -> str:
    """What meets a timescale."""
    form = procedure.form.get(rule.form or "")
    return listed(
        [
            f"{form.name} completed" if event == FORM_COMPLETED and form else REPORTED if event == DUTY_DONE else event
            for event in rule.met_by
        ],
        "or",
    )


def reading(rule: Timescale) -> str | None:
    """How unqualified days are read."""
    if rule.reading is None:
        return None
    return f"the document says only days; read as {rule.reading} days"


def withheld(rule: Timescale) -> str | None:
    """When a duty towards the family rests."""
    if not rule.withheld_with_information:
        return None
    grounds = listed([ground.value for ground in rule.withheld_on], "or")
    return "while information is withheld from the family" + (f" (ground: {grounds})" if grounds else "")


def timescale(procedure: Procedure, key: str) -> Rule:
    """A timescale in words."""
    rule = procedure.timescale[key]
    duty_of = {key: known.duty for key, known in procedure.timescale.items()}
    facts = [
        ("limit", limit(rule)),
        ("counts from", None if rule.before else counts_from(procedure, rule)),
        ("a duty once", rule.opens_on),
        ("owner", role(procedure, rule.owner)),
        ("met by", met_by(procedure, rule)),
        ("only if", conditions(rule.only_if)),
        ("reading", reading(rule)),
        ("clear days", "one further day is left free" if rule.clear_days else None),
        ("each", "every occurrence starts a clock of its own" if rule.each else None),
        ("aim", "an aim beside the limit; passing it escalates to nobody" if rule.target else None),
        ("replaces", f"“{duty_of[rule.replaces]}”" if rule.replaces else None),
        ("same clock as", listed([f"“{duty_of[other]}”" for other in rule.same_clock_as])),
        ("meanwhile", _meanwhile(duty_of, rule)),
        ("withheld", withheld(rule)),
        ("warns", f"when later than “{duty_of[rule.warn_after]}”" if rule.warn_after else None),
        ("ends with", events(rule.until)),
        ("when missed", rule.on_breach),
        ("reminder", f"{listed([str(one) for one in rule.remind])} before (S47's own)" if rule.remind else None),
        ("escalation", _escalation(procedure, rule)),
    ]
    return _cited(f"timescale.{key}", rule.duty, facts, rule)


def _meanwhile(duty_of: dict[str, str], rule: Timescale) -> str | None:
    if not rule.before_scheduled:
        return None
    limits = listed([f"“{duty_of[other]}”" for other in rule.before_scheduled], "or")
    return f"while no meeting is set, counts back from the limit of {limits}"


def _escalation(procedure: Procedure, rule: Timescale) -> str | None:
    if not rule.escalate:
        return None
    return f"to {role(procedure, rule.escalate)} (S47's own)"


# --- The other kinds of rules -------------------------------------------------------------------------------------


def _authorisation(procedure: Procedure, subject: str, rule: Authorisation) -> Rule:
    verb = "done by" if rule.completes else "authorised by"
    facts = [
        (verb, roles(procedure, rule.authorised_by)),
        ("asked by", roles(procedure, rule.asked_by)),
        ("finish", "finishing is a separate act after authorising" if rule.finish else None),
        ("effect", None if rule.holds else "takes effect at once; only the record is authorised"),
        ("only if", conditions(rule.only_if)),
    ]
    return _cited(f"authorisation.{subject}", rule.title, facts, rule)


def _meeting(procedure: Procedure, kind: str, rule: Meeting) -> Rule:
    facts = [
        ("minimum", listed([roles(procedure, line) for line in rule.minimum])),
        (
            "besides",
            "; ".join(f"if {when.value}: {roles(procedure, who, 'and')}" for when, who in rule.minimum_if.items()),
        ),
        ("chair", role(procedure, rule.chair) if rule.chair else None),
        ("who", "professionals only" if rule.professionals_only else None),
        ("record to", roles(procedure, rule.distribute_to, "and") if rule.distribute_to else None),
    ]
    return _cited(f"meeting.{kind}", kind.capitalize(), facts, rule)


def where(procedure: Procedure, when: dict[str, str | bool]) -> str:
    """The fields a rule about a message looks at, as people say it: `the review conference`, `plan: yes`."""
    yes_or_no = {True: "yes", False: "no"}
    parts = []
    for field, value in when.items():
        if isinstance(value, bool):
            parts.append(f"{spoken_name(field)}: {yes_or_no[value]}")
        elif field == "which":
            parts.append(f"the {value} conference")
        elif field == "duty" and value in procedure.timescale:
            parts.append(f"“{procedure.timescale[value].duty}”")
        elif field == "form" and value in procedure.form:
            parts.append(procedure.form[value].name)
        else:
            parts.append(f"{spoken_name(field)}: {value}")
    return listed(parts)


def spoken_name(name: str) -> str:
    """A message's or a field's name as people say it."""
    return name.replace("_", " ").replace("section47", "section 47")


def needs(procedure: Procedure, rule: Gate) -> str:
    """What a gate asks to be so: a condition, or a duty to be done."""
    if rule.needs is not None:
        return rule.needs.value
    owed = procedure.timescale.get(rule.while_owed or "")
    return f"done: {owed.duty}" if owed else OWN_DUTIES.get(rule.while_owed or "", rule.while_owed or "")


def gated(procedure: Procedure, rule: Gate) -> str:
    """What is not accepted before, as people say it: a message, or the duty or form the message is about."""
    about = where(procedure, {field: value for field, value in rule.when.items() if field != "decision"})
    if rule.message in ("duty_done", "form_completed") and about:
        return about
    if rule.subject is not None:
        return f"{spoken_name(rule.message)} of the {rule.subject.value}".capitalize()
    return spoken_name(rule.message).capitalize() + (f" ({about})" if about else "")


def asked(rule: Answer) -> str:
    """What has to be said, as people say it. How to answer is for the one who sends it, and is left out."""
    says = HOW_TO_ANSWER.sub("", rule.because)
    return says[0].upper() + says[1:]


def _gate(procedure: Procedure, rule: Gate) -> Rule:
    facts = [
        ("not before", needs(procedure, rule)),
        ("only if", conditions(rule.only_if)),
        ("refused with", rule.because),
    ]
    return _cited(f"gate.{rule.message}.{rule.needs or rule.while_owed}", gated(procedure, rule), facts, rule)


def _answer(procedure: Procedure, rule: Answer) -> Rule:
    about = where(procedure, rule.when)
    facts = [
        ("has to be said", asked(rule)),
        ("only if", conditions(rule.only_if)),
    ]
    title = f"With {spoken_name(rule.message)}" + (f" ({about})" if about else "")
    return _cited(f"answer.{rule.message}.{rule.field}", title, facts, rule)


def _notice(procedure: Procedure, rule: NoticeRule) -> Rule:
    facts = [
        ("on", rule.on),
        ("to", roles(procedure, rule.to, "and")),
        ("only if", conditions(rule.only_if)),
    ]
    return _cited(f"notice.{rule.on}", rule.says, facts, rule)


def _form(procedure: Procedure, key: str, rule: Form) -> Rule:
    facts = [
        ("written by", " or ".join(role(procedure, one) for one in rule.written_by)),
        ("signed by", role(procedure, rule.signed_by) if rule.signed_by else None),
        ("to", roles(procedure, rule.to, "and") if rule.to else None),
        ("contains", "; ".join(rule.contents)),
    ]
    return _cited(f"form.{key}", rule.name, facts, rule)


def citation(rule: Rule) -> str:
    """The rows and where else it is from, in brackets."""
    origin = [f"from {rule.origin}, not from this document"] if rule.origin else []
    inside = "; ".join([", ".join(rule.cites), *origin])
    return f"({inside})" if inside else ""


# --- A whole procedure, for people --------------------------------------------------------------------------------

KINDS = {
    "authorisation": "Authorisations",
    "meeting": "Meetings",
    "gate": "Not accepted before",
    "answer": "Has to be said",
    "notice": "Told",
    "form": "Forms and records",
    "prompt": "To think of",
    "role": "Roles and teams",
}


def shown(procedure: Procedure) -> Iterator[str]:
    """A procedure in words, line by line in the terminal's markup: its timescales by stage, then the other kinds."""
    about = procedure.about
    version = f"version {about.version}, {procedure.fingerprint}"
    yield f"[bold]{escape(about.title)}[/] ({about.letter}, {about.key}, {version})"
    yield f"Source: document {about.source}. System of record: {about.system_of_record or 'not named'}."
    yield f"The assessment is called {procedure.assessment.name} and starts with {events(procedure.assessment.starts)}."
    every = rules(procedure)
    for stage in (*ON_THE_MAP, None):
        here = [
            rule
            for rule in every
            if rule.path.startswith("timescale.")
            and stage_of_timescale(procedure, procedure.timescale[rule.path.partition(".")[2]]) is stage
        ]
        yield from _block(stage.value if stage else "at any time", here)
    for kind, title in KINDS.items():
        yield from _block(title, [rule for rule in every if rule.path.startswith(f"{kind}.")])


def _block(title: str, some: list[Rule]) -> Iterator[str]:
    if some:
        yield f"\n[bold underline]{title[0].upper()}{title[1:]}[/]"
    for rule in some:
        force = " [bold]must[/]" if rule.force == "must" else ""
        yield f"[bold]{escape(rule.title)}[/]{force} [dim]{escape(citation(rule))}[/]"
        yield from (f"    [dim]{label}:[/] {escape(text)}" for label, text in rule.facts)
        if rule.words:
            yield f"    [dim italic]“{escape(rule.words)}”  {escape(rule.source or '')}[/]"
