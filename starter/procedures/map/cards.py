"""What stands on the map: a card or an entry for each rule of the procedure, and where a case stands with it."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from casework.calendar import spoken_instant
from casework.procedure import Procedure, Timescale
from casework.story import Deadline, DeadlineState, RequestState, Story
from casework.vocabulary import Kind, Stage
from starter.procedures.phrases import KINDS, REPORTED, amount, meeting_before, role
from starter.procedures.rules import KEYS, Rule, rules
from starter.rehearsal.plot import COLOURS

INK, QUIET, PAPER, RULE = "#0b0c0c", "#505a5f", "#ffffff", "#b1b4b6"
BLUE, PURPLE, TEAL, GREY, BROWN, NAVY = "#1d70b8", "#4c2c92", "#0b6b63", "#6f777b", "#7a4a00", "#12324f"

NOT_ON_THE_MAP = ("aim", "ends with", "when missed", "reminder", "escalation", "refused with", "kind")
"""The facts of a rule that the map does not say in words."""

Sign = Literal["before", "again", "person", "form", "gate", "say", "tell", "tick", "none"]
SIGNS: dict[str, Sign] = {
    "gate": "gate",
    "answer": "say",
    "notice": "tell",
    "prompt": "tick",
    "role": "person",
    "form": "form",
}


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
    here: dict[str, list[Rule]] = {kind: [] for kind in KINDS}
    for rule in rules(procedure):
        if rule.stage is stage:
            here[rule.kind].append(rule)
    cards = [_timescale(rule, procedure.timescale[rule.key], case) for rule in here["timescale"]]
    requests = [_card(rule, BROWN, _request_mark(case, rule.key)) for rule in here["authorisation"]]
    made: list[tuple[str, Sequence[Card | Entry]]] = [
        (KINDS["meeting"].heading, [_card(rule, NAVY) for rule in here["meeting"]]),
        (KINDS["authorisation"].heading, requests),
        ("Clocks", [card for card in cards if card.head]),
        ("Duties without an amount", [card for card in cards if not card.head]),
        ("Set on this case", _own_dates(procedure, stage, case)),
        *((KINDS[kind].heading, _entries(here[kind])) for kind in ("gate", "answer", "notice", "prompt")),
    ]
    return [Section(caption, tuple(some)) for caption, some in made if some]


def footing(procedure: Procedure) -> list[Section]:
    """Roles and forms, for the foot of the map."""
    every = rules(procedure)
    people = [rule for kind in Kind for rule in every if rule.kind == "role" and rule.says("kind") == kind]
    forms = [rule for rule in every if rule.kind == "form"]
    made = ((KINDS["role"].heading, _entries(people)), (KINDS["form"].heading, _entries(forms)))
    return [Section(caption, tuple(some)) for caption, some in made if some]


def _entries(some: Sequence[Rule]) -> list[Entry]:
    """Rules of one kind as a list; those without a name of their own together, if they have the same title."""
    entries: dict[str, Entry] = {}
    for rule in some:
        path = f"{rule.kind} {rule.stage or 'at any time'} {rule.title}" if rule.kind in KEYS else rule.path
        title, text = ("", _line(rule, rule.title)) if rule.kind == "prompt" else (rule.title, _line(rule))
        entry = entries.get(path) or Entry(path, SIGNS[rule.kind], title)
        entries[path] = entry._replace(points=(*entry.points, Point(text, rule.cites)))
    return list(entries.values())


def _line(rule: Rule, *before: str) -> str:
    shown = (fact for fact in rule.facts if fact.label not in NOT_ON_THE_MAP and fact.text != REPORTED)
    return "; ".join((*before, *(fact.in_a_line for fact in shown)))


# --- Cards --------------------------------------------------------------------------------------------------------


def _card(rule: Rule, accent: str, mark: Mark | None = None) -> Card:
    """A rule with its particulars one below the other."""
    must, should = rule.force == "must", rule.force == "should"
    tags = {"base set": rule.origin, "aim": rule.says("aim"), "MUST": must, "should": should}
    particulars = [fact for fact in rule.facts if fact.label != "limit" and fact.label not in NOT_ON_THE_MAP]
    return Card(
        path=rule.path,
        title=rule.title,
        rows=tuple((fact.label, fact.text) for fact in particulars),
        quote=rule.words or "",
        cites=rule.cites,
        tags=tuple(tag for tag, applies in tags.items() if applies),
        accent=accent,
        outline="dotted" if rule.origin else "dashed" if rule.says("aim") else "solid",
        mark=mark,
    )


def _timescale(rule: Rule, timescale: Timescale, case: Story | None) -> Card:
    """How long it gives in large letters; where the document has no amount, the particulars run together."""
    accent = PURPLE if timescale.before else TEAL if timescale.recurs else BLUE if timescale.amounts else GREY
    card = _card(rule, accent, _deadline_mark(case, rule.key))
    if timescale.no_amount:
        return card._replace(rows=(), quote="", run=_line(rule))
    sign: Sign = "before" if timescale.before else "again" if timescale.recurs else "none"
    of_which = ("before", meeting_before(timescale)) if timescale.before else ("date", timescale.set_on_the_case)
    rows = tuple((label, text) for label, text in (of_which, *card.rows) if text)
    return card._replace(head=amount(timescale), slanted=not timescale.amounts, sign=sign, rows=rows)


def _deadline_mark(case: Story | None, key: str) -> Mark | None:
    deadlines = [deadline for deadline in case.deadlines.values() if deadline.timescale == key] if case else []
    if not deadlines:
        return None
    # What is still owed says more than what was; of what is over, the last.
    return mark_of(max(deadlines, key=lambda d: (d.closed_at is None, d.opened_at, d.counted_from, len(d.id), d.id)))


def mark_of(deadline: Deadline) -> Mark:
    """Where a deadline stands, with its date."""
    due = deadline.spoken_due
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
            run=role(procedure, deadline.owner),
            cites=deadline.cites,
            accent=GREY,
            mark=mark_of(deadline),
        )
        for deadline in case.deadlines.values()
        if deadline.timescale not in procedure.timescale
    ]


def _request_mark(case: Story | None, subject: str) -> Mark | None:
    requests = [request for request in case.requests.values() if request.subject == subject] if case else []
    if not requests:
        return None
    request = max(requests, key=lambda request: (request.waiting, request.asked_at, len(request.id), request.id))
    decided = spoken_instant(request.decided_at) if request.decided_at else ""
    state, says, colour = {
        RequestState.OPEN: ("WAITING", f"asked {spoken_instant(request.asked_at)}", "open"),
        RequestState.AUTHORISED: ("TO BE FINISHED" if request.waiting else "AUTHORISED", decided, "met"),
        RequestState.FINISHED: ("FINISHED", decided, "met"),
        RequestState.RETURNED: ("RETURNED", decided, "met late"),
        RequestState.WITHDRAWN: ("WITHDRAWN", request.because or "", "ended"),
    }[request.state]
    return Mark(state, says, COLOURS["open" if request.waiting else colour])
