"""One authority's procedure, as data: its rules, and what must hold in them. `procedure_format.py` reads files of it.

Every rule carries its citation: the catalogue rows it answers (`cites`), its place in the document (`source`) and
the document's operative words (`words`, fifteen at most). What a document does not say is left out, and then
there is no timer and no gate. Reminders and escalations are S47's own design: no document has any.
"""

import re
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cached_property
from hashlib import sha256
from itertools import chain, islice
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from casework.amounts import Amount, Reading, Unit
from casework.model import Value
from casework.naming import there_are
from casework.vocabulary import (
    FORM_COMPLETED,
    SET_BY_THE_CASE,
    Circumstance,
    Condition,
    Event,
    Ground,
    Kind,
    Stage,
    Subject,
)

CITATION = re.compile(r"(?:(?:(?:U|D|R|F|MT|NT|SP|PD)-)?[WPBTM]|C|Q|X)-\d\d")
"""A row of the catalogue, by its document; X is an authority's own rule, which no row asks for."""
MOST_WORDS = 15
MOST_PROBLEMS = 60


LENIENT: ContextVar[bool] = ContextVar("lenient", default=False)
"""Set while the snapshot of a running case is decoded: what a file must satisfy, a snapshot once did."""

Place = tuple[int | str, ...]
"""Where something stands among the rules: `("timescale", "child-seen", "within")`."""


class DoesNotFit(ValueError):
    """What does not fit together in a procedure: a line for each, and where it stands."""

    def __init__(self, problems: list[tuple[Place, str]]) -> None:
        super().__init__("; ".join(what for _, what in problems))
        self.problems = problems


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _fifteen_words_at_most(words: str) -> str:
    if len(words.split()) > MOST_WORDS:
        raise ValueError(f"the operative words are {MOST_WORDS} at most; these are {len(words.split())}")
    return words


Events = Annotated[tuple[Event, ...], BeforeValidator(_one_or_many)]
Conditions = Annotated[tuple[Condition | Circumstance, ...], BeforeValidator(_one_or_many)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Words = Annotated[str, AfterValidator(_fifteen_words_at_most)]
Text = Annotated[str, Field(min_length=1, max_length=300)]


class Cited(Value):
    """A rule and where it comes from."""

    cites: tuple[str, ...] = Field(min_length=1, description="the rows of the catalogue this answers")
    source: Text
    words: Words
    force: Literal["must", "should"] = "should"


class Timescale(Cited):
    """A rule with a clock: who must do what, counted from what, within what, and what meets it.

    Exactly one of `within`, `before`, `window`, `no_amount` and `set_on_the_case` says how long; see
    docs/writing-a-procedure.md.
    """

    duty: Text
    owner: str
    from_: Events = Field((), alias="from")
    after_duty: str | None = Field(None, description="the timescale that starts this one when met, in place of `from`")
    opens_on: Event | None = Field(None, description="the event that makes it a duty, where that is not `from`")
    within: Amount | None = None
    before: Amount | None = None
    window: tuple[Amount, Amount] | None = Field(
        None, description="due from the first amount, overdue after the second"
    )
    no_amount: Text | None = Field(None, description="what the document says in place of an amount")
    set_on_the_case: Text | None = Field(None, description="what date it is that each case sets for itself")
    reading: Reading | None = Field(None, description="how unqualified days are counted (Q-01)")
    clear_days: bool = Field(False, description="leave one further day free (Q-06)")
    anchor: Literal["first", "last", "earlier"] = Field(
        "first", description="which `from` counts when it happens again while the clock runs"
    )
    before_scheduled: Names = Field((), description="while no meeting is set: count from these limits")
    met_by: Events = Field(min_length=1)
    form: str | None = Field(None, description="the form whose completion meets it, with `form completed`")
    done_by: Names = Field((), description="with `duty done`: only these roles may say so; none named: any")
    until: Events = ()
    only_if: Conditions = ()
    replaces: str | None = Field(None, description="the timescale it takes the place of, counted from where that was")
    same_clock_as: Names = Field((), description="with `opens_on`: the timescales whose clock, last met, it shares")
    withheld_with_information: bool = Field(False, description="suspended while information is withheld (Q-20)")
    withheld_on: Annotated[tuple[Ground, ...], BeforeValidator(_one_or_many)] = Field(
        (), description="only on these grounds; none named: on any"
    )
    on_breach: Event | None = None
    warn_after: str | None = Field(None, description="another timescale whose limit this one ought not to pass (Q-13)")
    remind: tuple[Amount, ...] = ()
    escalate: str | None = None
    each: bool = Field(False, description="every occurrence starts a clock of its own: each visit is to be recorded")
    target: bool = Field(False, description="an aim shown beside the outer limit, not the limit (Q-09)")
    origin: str | None = Field(None, description="the completing set this rule was taken from")

    @model_validator(mode="after")
    def _one_way_to_count(self) -> "Timescale":
        if LENIENT.get():
            return self
        ways = ("within", "before", "window", "no_amount", "set_on_the_case")
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"say exactly one of {', '.join(f'`{way}`' for way in ways)}; "
                + (f"this has {' and '.join(given)}" if given else "this has none")
            )
        if bool(self.from_) == (self.after_duty is not None):
            raise ValueError("say what starts it: `from` an event, or `after_duty` another timescale; one of the two")
        if (FORM_COMPLETED in self.met_by) != (self.form is not None):
            raise ValueError('`met_by = "form completed"` and `form` go together')
        unqualified = any(amount.unit is Unit.DAYS for amount in self.amounts)
        if unqualified and self.reading is None:
            raise ValueError('`days` without `working` needs `reading = "working"` or `reading = "calendar"`')
        if self.reading is not None and not unqualified:
            raise ValueError("`reading` is for unqualified `days` only; this amount needs none")
        if set(self.from_) & set(self.met_by) and not self.until:
            raise ValueError("this recurs (an event both starts and meets it), so it needs `until`: what ends it")
        if self.window and self.window[0].unit is self.window[1].unit and self.window[0].number > self.window[1].number:
            raise ValueError("`window` is from the first amount to the second, so the first is the smaller")
        if self.before_scheduled and self.before is None:
            raise ValueError("`before_scheduled` is for a rule that counts `before` a meeting")
        return self

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """The amounts this counts with: none, one, or the two of a window."""
        if self.window:
            return self.window
        return tuple(amount for amount in (self.within, self.before) if amount)

    @property
    def recurs(self) -> bool:
        """Whether meeting it starts it again."""
        return bool(set(self.from_) & set(self.met_by))


class Authorisation(Cited):
    """What one role must authorise or complete before something takes effect."""

    asked_by: Names = Field((), description="the roles that may ask; none named: any that may send the message")
    authorised_by: Names = Field(min_length=1)
    holds: bool = Field(True, description="whether the effect waits for it, or only the record is authorised")
    finish: bool = Field(False, description="whether FINISH is a separate act after authorising")
    only_if: Conditions = ()
    title: Text
    completes: bool = Field(
        False, description="a task to complete (invitations, minutes), which whoever asked may do too"
    )


class Meeting(Cited):
    """A meeting's minimum membership and chair."""

    minimum: tuple[Names, ...] = Field((), description="the roles that must attend; several in one: one of them must")
    minimum_if: dict[Condition | Circumstance, Names] = Field({}, description="further members under a condition")
    chair: str | None = None
    professionals_only: bool = False
    distribute_to: Names = ()


class MessageRule(Cited):
    """What is asked of a message, with these values of its fields, while these conditions hold."""

    message: str
    when: dict[str, str | bool] = Field({}, description="only where these fields have these values")
    only_if: Conditions = ()
    because: Text


class Gate(MessageRule):
    """Something that must be so before a message is accepted: a condition holds, or a duty is not owed any more."""

    needs: Condition | Circumstance | None = None
    while_owed: str | None = Field(None, description="refused as long as this timescale is owed")
    subject: Subject | None = Field(None, description="of an `authorisation`: only of a request about this")

    @model_validator(mode="after")
    def _one_obstacle(self) -> "Gate":
        if (self.needs is None) == (self.while_owed is None):
            raise ValueError("say what must be so: `needs` a condition, or `while_owed` a timescale; one of the two")
        if self.subject is not None and self.message != "authorisation":
            raise ValueError('`subject` is for a gate on `message = "authorisation"`')
        return self


class Form(Cited):
    """A form, record or document: who writes it, who signs it, who receives it, what it must contain."""

    name: Text
    written_by: Names = Field(min_length=1, description="the roles of which one writes it")
    signed_by: str | None = None
    to: Names = ()
    contents: tuple[Text, ...] = ()


class Answer(MessageRule):
    """A question that a message must answer, although in general it need not."""

    field: str
    must_be: str | bool | None = Field(None, description="the only answer that is accepted")


class NoticeRule(Cited):
    """Who is told what, when something happens."""

    on: Event
    to: Names = Field(min_length=1)
    says: Text
    form: str | None = Field(None, description="with `form completed`: only this form")
    only_if: Conditions = ()


class Prompt(Cited):
    """A practice duty the system can only remind of and check off; it never blocks (catalogue section 11)."""

    stage: Stage
    asks: Text
    only_if: Conditions = ()


class Role(Value):
    """A role or team as the document names it."""

    kind: Kind
    label: Text
    cites: tuple[str, ...] = ()


class AssessmentRule(Value):
    """What the authority calls its assessment, and what starts one."""

    name: Text
    starts: Events
    cites: tuple[str, ...] = ()


class About(Value):
    """What this file is."""

    key: str = Field(pattern=r"^[a-z0-9-]+(\+[a-z0-9-]+)?$", description="with a plus once a base set completes it")
    letter: str = Field(pattern=r"^[A-Z]{1,3}$")
    title: Text
    source: Text
    version: str
    system_of_record: str | None = None
    completes_with: str | None = None


PARTS = ("timescale", "authorisation", "meeting", "gate", "answer", "notice", "form", "prompt", "role")
"""The parts of a procedure that have rules which cite."""
ROLES = {
    "timescale": ("owner", "escalate", "done_by"),
    "authorisation": ("asked_by", "authorised_by"),
    "meeting": ("minimum", "minimum_if", "chair", "distribute_to"),
    "notice": ("to",),
    "form": ("written_by", "signed_by", "to"),
}
"""Where rules name roles."""
TIMESCALES = {"timescale": ("after_duty", "before_scheduled", "replaces", "same_clock_as", "warn_after")}
"""Where rules name timescales."""


def _names(value: Any) -> Iterator[str]:
    """The names in a setting: none, one, or all within it."""
    if isinstance(value, str):
        yield value
    elif value is not None:
        for within in value.values() if isinstance(value, dict) else value:
            yield from _names(within)


class Procedure(Value):
    """One authority's rules, whole. Loading one validates it; a case carries a snapshot of it."""

    about: About = Field(alias="procedure")
    role: dict[str, Role]
    acts: dict[Stage, str] = Field(
        description="who takes the next step while no deadline or request names anyone, also at the stages after it"
    )
    assessment: AssessmentRule
    recorded_by: dict[str, Names] = Field(
        default_factory=dict, description="the roles that may record a message, where that is not as usual"
    )
    timescale: dict[str, Timescale] = Field(default_factory=dict)
    authorisation: dict[Subject, Authorisation] = Field(default_factory=dict)
    meeting: dict[str, Meeting] = Field(default_factory=dict)
    gate: tuple[Gate, ...] = ()
    answer: tuple[Answer, ...] = ()
    notice: tuple[NoticeRule, ...] = ()
    form: dict[str, Form] = Field(default_factory=dict)
    prompt: dict[str, Prompt] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _every_name_is_known(self) -> "Procedure":
        wrong = chain(self._nobody_acts(), self._unknown_names(), self._wrong_rows())
        problems = [] if LENIENT.get() else [*islice(wrong, MOST_PROBLEMS)]
        if problems:
            raise DoesNotFit(problems)
        return self

    def _nobody_acts(self) -> Iterator[tuple[Place, str]]:
        if Stage.REFERRAL not in self.acts:
            yield ("acts",), f"say who acts in {Stage.REFERRAL.value}"

    def _unknown_names(self) -> Iterator[tuple[Place, str]]:
        """Every role, timescale and form that a rule names and that there is not."""
        of_the_case = dict.fromkeys((*self.timescale, *SET_BY_THE_CASE))
        for settings, what, names in (
            (ROLES, "role", self.role),
            (TIMESCALES, "timescale", self.timescale),
            ({"gate": ("while_owed",)}, "timescale", of_the_case),
            ({"timescale": ("form",), "notice": ("form",)}, "form", self.form),
        ):
            for part, fields in settings.items():
                for place, rule in self.rules_of(part):
                    for field in fields:
                        for name in _names(getattr(rule, field)):
                            if name not in names:
                                yield (*place, field), f"there is no {what} {name!r} here. {there_are(name, names)}"
        for part in ("acts", "recorded_by"):
            for key, named in getattr(self, part).items():
                for name in _names(named):
                    if name not in self.role:
                        yield (part, key), f"there is no role {name!r} here. {there_are(name, self.role)}"

    def _wrong_rows(self) -> Iterator[tuple[Place, str]]:
        for part in PARTS:
            for place, rule in self.rules_of(part):
                for row in rule.cites:
                    if not CITATION.fullmatch(row):
                        yield (*place, "cites"), f"{row!r} is not a row of the catalogue (such as W-05, D-M-03)"

    def rules_of(self, part: str) -> Iterator[tuple[Place, Any]]:
        """The rules of a part of the procedure, and where each stands."""
        rules = getattr(self, part)
        for key, rule in rules.items() if isinstance(rules, dict) else enumerate(rules):
            yield (part, key), rule

    @cached_property
    def fingerprint(self) -> str:
        """The first twelve hexadecimal digits of the hash of this procedure."""
        return sha256(self.as_json.encode()).hexdigest()[:12]

    @cached_property
    def as_json(self) -> str:
        """The whole procedure as JSON, without what has its default."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)

    @cached_property
    def rules_by_event(self) -> dict[Event, tuple[str, ...]]:
        """Which timescales an event can touch, in the order of the file."""
        touched: dict[Event, list[str]] = {}
        for key, rule in self.timescale.items():
            opens = (rule.opens_on,) if rule.opens_on else ()
            for event in dict.fromkeys((*rule.from_, *opens, *rule.met_by, *rule.until)):
                touched.setdefault(event, []).append(key)
        return {event: tuple(keys) for event, keys in touched.items()}

    def acting_at(self, stage: Stage) -> str:
        """Who takes the next step at a stage; at one that is not named, whoever does at the one before."""
        stages = list(Stage)
        until_then = stages[: stages.index(stage) + 1]
        return next(self.acts[earlier] for earlier in reversed(until_then) if earlier in self.acts)

    @property
    def allocated_role(self) -> str:
        """The role that a child is allocated to: what this role has to do is the allocated person's."""
        return self.acting_at(Stage.ENQUIRY)

    @property
    def managers(self) -> tuple[str, ...]:
        """The roles of managers, in the order of the file."""
        return tuple(key for key, role in self.role.items() if role.kind is Kind.MANAGER)

    def above(self, roles: tuple[str, ...]) -> str | None:
        """A manager's role other than these, which has a notice when nobody in them decides; None if there is none."""
        return next((role for role in self.managers if role not in roles), None)

    def may_record(self, role: str, message: str, kinds: frozenset[Kind]) -> bool:
        """Whether a role may record a message: as this procedure says, else by the kind of role it is."""
        named = self.recorded_by.get(message)
        return role in named if named else self.role[role].kind in kinds

    def no_role(self, name: str) -> str:
        """What to say of a role that this procedure does not have."""
        return f"This procedure has no role {name.strip()!r}. {there_are(name, self.role)}"

    def role_named(self, name: str) -> str | None:
        """The key of the role that people call `name`, whatever its case; None where there is none."""
        wanted = name.strip().casefold()
        for key, role in self.role.items():
            if wanted in (key.casefold(), role.label.casefold()):
                return key
        return None

    def completed_with(self, base: "Procedure") -> "Procedure":
        """This procedure, its gaps filled with the timescales of a base set, each marked with where it is from.

        Raises pydantic's `ValidationError` where the two do not fit together.
        """

        def ours(role: str | None) -> str | None:
            """The base set names roles of its own; this authority's of the same name, or else kind, stand in."""
            if role is None:
                return None
            kind = base.role[role].kind
            return role if role in self.role and self.role[role].kind is kind else self._own_role(kind)

        added = {
            key: rule.changed(
                origin=base.about.key,
                owner=ours(rule.owner),
                escalate=ours(rule.escalate),
                done_by=tuple(ours(role) for role in rule.done_by),
            )
            for key, rule in base.timescale.items()
            if key not in self.timescale
        }
        # Made anew and not copied: a copy would keep the fingerprint and the index that were worked out before.
        whole = {name: getattr(self, name) for name in Procedure.model_fields} | {
            "procedure": self.about.changed(key=f"{self.about.key}+{base.about.key}"),
            "timescale": {**self.timescale, **added},
        }
        del whole["about"]
        return Procedure.model_validate(whole)

    def _own_role(self, kind: Kind) -> str:
        """This authority's role of a kind: one that acts at some stage, the latest first, where there is one.

        The front door acts first and has no part in what comes later.
        """
        acting = [self.acts[stage] for stage in reversed(Stage) if stage in self.acts]
        of_the_kind = [role for role in (*acting, *self.role) if self.role[role].kind is kind]
        return of_the_kind[0] if of_the_kind else self.acting_at(Stage.PLAN)
