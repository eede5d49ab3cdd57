"""What stands on the map: a card or an entry for each rule of the procedure, in words that come from the rule."""

from typing import Literal, NamedTuple

from casework.calendar import spoken_instant
from casework.deadlines import spoken_due
from casework.procedure import Authorisation, Form, Meeting, Procedure, Timescale
from casework.story import Deadline, DeadlineState, RequestState, Story
from casework.vocabulary import MEETINGS, Kind, Stage, Subject
from starter.procedures import rules
from starter.procedures.map.stages import (
    stage_of_gate,
    stage_of_message,
    stage_of_timescale,
)
from starter.rehearsal.plot import COLOURS

INK, QUIET, PAPER, RULE = "#0b0c0c", "#505a5f", "#ffffff", "#b1b4b6"
BLUE, PURPLE, TEAL, GREY, BROWN, NAVY = "#1d70b8", "#4c2c92", "#0b6b63", "#6f777b", "#7a4a00", "#12324f"

MOST_WRITERS = 3
"""Of those who may write a form, so many are named."""

Sign = Literal["before", "again", "person", "form", "gate", "say", "tell", "tick", "none"]


class Mark(NamedTuple):
    """Where a case stands with a rule: a coloured band under its card."""

    state: str
    says: str
    colour: str

    @property
    def ink(self) -> str:
        """A text colour that can be read on it."""
        return INK if self.colour in (COLOURS["met late"], COLOURS["ended"]) else PAPER


class Card(NamedTuple):
    """A rule in a box: its amount, what it asks, its particulars, the document's words, the rows it answers."""

    path: str
    title: str
    head: str = ""
    slanted: bool = False
    sign: Sign = "none"
    rows: tuple[tuple[str, str], ...] = ()
    run: str = ""
    quote: str = ""
    cites: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    accent: str = RULE
    outline: Literal["solid", "dashed", "dotted"] = "solid"
    mark: Mark | None = None


class Point(NamedTuple):
    """One thing of an entry, and the rows it answers."""

    says: str
    cites: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A rule in a list: a sign, what or whom it is about, and what is said of it."""

    path: str
    sign: Sign
    title: str = ""
    points: tuple[Point, ...] = ()


class Section(NamedTuple):
    """Cards or entries of one sort, under a caption."""

    caption: str
    cards: tuple[Card | Entry, ...]


def sections(procedure: Procedure, stage: Stage | None, case: Story | None = None) -> list[Section]:
    """Everything that stands in a stage; with None, what may come at any time."""
    here = {key: rule for key, rule in procedure.timescale.items() if stage_of_timescale(procedure, rule) is stage}
    found = [
        Section(
            "Meetings",
            tuple(
                _meeting(procedure, kind, rule)
                for kind, rule in procedure.meeting.items()
                if MEETINGS.get(kind) is stage
            ),
        ),
        Section(
            "Authorisation",
            tuple(
                _authorisation(procedure, subject, rule, case)
                for subject, rule in procedure.authorisation.items()
                if subject.stage is stage
            ),
        ),
        Section("Clocks", tuple(_clock(procedure, key, case) for key, rule in here.items() if not rule.no_amount)),
        Section(
            "Duties without an amount",
            tuple(_duty(procedure, key, case) for key, rule in here.items() if rule.no_amount),
        ),
        Section("Set on this case", tuple(_own_dates(procedure, stage, case))),
        Section("Not before", tuple(_gates(procedure, stage))),
        Section("Has to be said", tuple(_answers(procedure, stage))),
        Section("Told", tuple(_notices(procedure, stage))),
        Section(
            "To think of",
            tuple(
                Entry(
                    f"prompt.{key}",
                    "tick",
                    points=(Point(rule.asks + _if(rules.conditions(rule.only_if)), rule.cites),),
                )
                for key, rule in procedure.prompt.items()
                if rule.stage is stage
            ),
        ),
    ]
    return [section for section in found if section.cards]


def footing(procedure: Procedure) -> list[Section]:
    """Roles and forms, for the foot of the map."""
    people = [
        Entry(f"role.{key}", "person", role.label, (Point("", role.cites),) if role.cites else ())
        for kind in Kind
        for key, role in procedure.role.items()
        if role.kind is kind
    ]
    forms = []
    for key, form in procedure.form.items():
        said = [f"by {_writers(procedure, form)}"]
        said += [f"signed by {rules.role(procedure, form.signed_by)}"] if form.signed_by else []
        said += [f"to {rules.roles(procedure, form.to, 'and')}"] if form.to else []
        contents = f". Contains: {'; '.join(form.contents)}" if form.contents else ""
        forms.append(Entry(f"form.{key}", "form", form.name, (Point("; ".join(said) + contents, form.cites),)))
    found = [Section("Roles and teams", tuple(people)), Section("Forms and records", tuple(forms))]
    return [section for section in found if section.cards]


def _writers(procedure: Procedure, form: Form) -> str:
    """Who writes a form; of many, some and how many more."""
    names = [rules.role(procedure, one) for one in form.written_by]
    if len(names) <= MOST_WRITERS:
        return " or ".join(names)
    return f"{', '.join(names[: MOST_WRITERS - 1])} or {len(names) - MOST_WRITERS + 1} others"


def _if(conditions: str) -> str:
    return f" (only if {conditions})" if conditions else ""


# --- Clocks -------------------------------------------------------------------------------------------------------


def _clock(procedure: Procedure, key: str, case: Story | None) -> Card:
    """A timescale that ends on a date."""
    rule = procedure.timescale[key]
    facts = dict(rules.timescale(procedure, key).facts)
    rows = [
        ("who", facts["owner"]),
        ("before", rules.meeting_before(rule)) if rule.before else ("from", facts["counts from"]),
        ("once", facts.get("a duty once")),
        ("set by", rule.set_on_the_case),
        ("met by", facts["met by"]),
        ("only if", facts.get("only if")),
        ("days", f"read as {rule.reading} days" if rule.reading else None),
        ("clear", facts.get("clear days")),
        ("each", facts.get("each")),
        ("in lieu", f"of {facts['replaces']}" if rule.replaces else None),
        ("clock", _shared(procedure, rule) if rule.same_clock_as else None),
        ("till set", "before that meeting’s own limit" if rule.before_scheduled else None),
        ("rests", facts.get("withheld")),
        ("warns", facts.get("warns")),
    ]
    return Card(
        path=f"timescale.{key}",
        title=rule.duty,
        head="a date of the case’s own" if rule.set_on_the_case else _amount(rule),
        slanted=not rule.amounts,
        sign="before" if rule.before else "again" if rule.recurs else "none",
        rows=tuple((label, text) for label, text in rows if text),
        quote=rule.words,
        cites=rule.cites,
        tags=_tags(rule),
        accent=_accent(rule),
        outline="dotted" if rule.origin else "dashed" if rule.target else "solid",
        mark=_deadline_mark(case, key),
    )


def _shared(procedure: Procedure, rule: Timescale) -> str:
    first, *others = rule.same_clock_as
    more = f" or {len(others)} like it" if others else ""
    return f"that of “{procedure.timescale[first].duty}”{more}"


def _duty(procedure: Procedure, key: str, case: Story | None) -> Card:
    """A timescale for which the document has no amount, its particulars run together."""
    rule = procedure.timescale[key]
    facts = dict(rules.timescale(procedure, key).facts)
    said = [
        facts["owner"],
        f"“{rule.no_amount}”",
        f"from {facts['counts from']}",
        f"once {facts['a duty once']}" if rule.opens_on else "",
        "" if facts["met by"] == rules.REPORTED else f"met by {facts['met by']}",
        f"only if {facts['only if']}" if rule.only_if else "",
        facts.get("each", ""),
        f"rests {facts['withheld']}" if rule.withheld_with_information else "",
    ]
    return Card(
        path=f"timescale.{key}",
        title=rule.duty,
        run="; ".join(one for one in said if one),
        cites=rule.cites,
        tags=_tags(rule),
        accent=GREY,
        outline="dotted" if rule.origin else "dashed" if rule.target else "solid",
        mark=_deadline_mark(case, key),
    )


def _amount(rule: Timescale) -> str:
    return f"{'every ' if rule.recurs else ''}{rules.amount(rule)}"


def _tags(rule: Timescale) -> tuple[str, ...]:
    said = {
        "base set": rule.origin is not None,
        "aim": rule.target,
        "MUST": rule.force == "must",
        "should": rule.force == "should",
    }
    return tuple(tag for tag, so in said.items() if so)


def _accent(rule: Timescale) -> str:
    if not rule.amounts:
        return GREY
    if rule.before:
        return PURPLE
    return TEAL if rule.recurs else BLUE


def _deadline_mark(case: Story | None, key: str) -> Mark | None:
    known = [deadline for deadline in case.deadlines.values() if deadline.timescale == key] if case else []
    if not known:
        return None
    # What is still owed says more than what was; of what is over, the last.
    return mark_of(max(known, key=lambda d: (d.closed_at is None, d.opened_at, d.counted_from, len(d.id), d.id)))


def mark_of(deadline: Deadline) -> Mark:
    """Where a deadline stands, with its date."""
    due = spoken_due(deadline)
    was_due = f"was due {due}" if deadline.due else due
    met = spoken_instant(deadline.met_at) if deadline.met_at else ""
    owed = deadline.closed_at is None
    state, says = {
        DeadlineState.OPEN: ("RUNNING", f"due {due}" if deadline.due else due),
        DeadlineState.OVERDUE: ("OVERDUE" if owed else "NEVER MET", was_due),
        DeadlineState.WITHHELD: ("WITHHELD", "; ".join(part for part in (deadline.because, f"due {due}") if part)),
        DeadlineState.MET: ("MET", met),
        DeadlineState.MET_LATE: ("MET LATE", f"{met}; {was_due}"),
        DeadlineState.ENDED: ("ENDED", deadline.because or ""),
    }[deadline.state]
    if deadline.provisional and owed:
        says += "; provisional, until the meeting is set"
    return Mark(state, says, COLOURS[deadline.state.value])


def _own_dates(procedure: Procedure, stage: Stage | None, case: Story | None) -> list[Card]:
    """The deadlines this case set for itself, with no timescale behind them, where the case now stands."""
    if case is None or stage is not (Stage.CLOSING if case.stage is Stage.CLOSED else case.stage):
        return []
    return [
        Card(
            path=f"deadline.{deadline.id}",
            title=deadline.duty,
            run=rules.role(procedure, deadline.owner),
            cites=deadline.cites,
            accent=GREY,
            mark=mark_of(deadline),
        )
        for deadline in case.deadlines.values()
        if deadline.timescale not in procedure.timescale
    ]


# --- The other rules ----------------------------------------------------------------------------------------------


def _authorisation(procedure: Procedure, subject: Subject, rule: Authorisation, case: Story | None) -> Card:
    by = rules.roles(procedure, rule.authorised_by)
    rows = [
        ("asks", rules.roles(procedure, rule.asked_by) or "whoever records it"),
        ("does it" if rule.completes else "decides", by),
        ("FINISH", f"{by}, in an act of its own; only then it takes effect" if rule.finish else None),
        ("effect", None if rule.holds else "at once; only the record is authorised"),
        ("only if", rules.conditions(rule.only_if)),
    ]
    return Card(
        path=f"authorisation.{subject.value}",
        title=rule.title,
        rows=tuple((label, text) for label, text in rows if text),
        quote=rule.words,
        cites=rule.cites,
        tags=("MUST",) if rule.force == "must" else ("should",),
        accent=BROWN,
        mark=_request_mark(case, subject),
    )


def _request_mark(case: Story | None, subject: Subject) -> Mark | None:
    known = [request for request in case.requests.values() if request.subject is subject] if case else []
    if not known:
        return None
    request = max(known, key=lambda one: (one.waiting, one.asked_at, len(one.id), one.id))
    decided = spoken_instant(request.decided_at) if request.decided_at else ""
    state, says, colour = {
        RequestState.OPEN: ("WAITING", f"asked {spoken_instant(request.asked_at)}", "open"),
        RequestState.AUTHORISED: ("TO BE FINISHED" if request.waiting else "AUTHORISED", decided, "met"),
        RequestState.FINISHED: ("FINISHED", decided, "met"),
        RequestState.RETURNED: ("RETURNED", decided, "met late"),
        RequestState.WITHDRAWN: ("WITHDRAWN", request.because or "", "ended"),
    }[request.state]
    return Mark(state, says, COLOURS["open" if request.waiting else colour])


def _meeting(procedure: Procedure, kind: str, rule: Meeting) -> Card:
    rows = [
        ("at least", rules.listed([rules.roles(procedure, line) for line in rule.minimum])),
        *(("and if", f"{when.value}: {rules.roles(procedure, who, 'and')}") for when, who in rule.minimum_if.items()),
        ("chair", rules.role(procedure, rule.chair) if rule.chair else None),
        ("who", "professionals only" if rule.professionals_only else None),
        ("record", f"to {rules.roles(procedure, rule.distribute_to, 'and')}" if rule.distribute_to else None),
    ]
    return Card(
        path=f"meeting.{kind}",
        title=kind[0].upper() + kind[1:],
        rows=tuple((label, text) for label, text in rows if text),
        quote=rule.words,
        cites=rule.cites,
        tags=("MUST",) if rule.force == "must" else ("should",),
        accent=NAVY,
    )


def _gates(procedure: Procedure, stage: Stage | None) -> list[Entry]:
    """What must be so before a message is accepted; the gates before one message together."""
    found: dict[str, list[Point]] = {}
    for rule in procedure.gate:
        if stage_of_gate(procedure, rule) is stage:
            needs = f"{rules.needs(procedure, rule)}{_if(rules.conditions(rule.only_if))}"
            found.setdefault(rules.gated(procedure, rule), []).append(Point(needs, rule.cites))
    return [Entry(f"gate.{title}", "gate", title, tuple(points)) for title, points in found.items()]


def _answers(procedure: Procedure, stage: Stage | None) -> list[Entry]:
    """What has to be said with a message; the questions of one message together."""
    found: dict[str, list[Point]] = {}
    for rule in procedure.answer:
        if stage_of_message(procedure, rule.message, rule.when) is stage:
            title = f"With {rules.spoken_name(rule.message)}"
            found.setdefault(title, []).append(Point(rules.asked(rule), rule.cites))
    return [Entry(f"answer.{title}", "say", title, tuple(points)) for title, points in found.items()]


def _notices(procedure: Procedure, stage: Stage | None) -> list[Entry]:
    return [
        Entry(
            f"notice.{number}",
            "tell",
            rules.roles(procedure, rule.to, "and"),
            (Point(f"{rule.says}; on {rule.on}{_if(rules.conditions(rule.only_if))}", rule.cites),),
        )
        for number, rule in enumerate(procedure.notice)
        if rule.on.stage is stage
    ]
