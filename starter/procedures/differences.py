"""Authorities' procedures side by side, in words: by the parameters in which they differ, then whatever else they say.

A parameter is only a name and where to look for it in a procedure; what stands there is put into words by
`starter.procedures.rules`. Where a document says nothing the cell is empty.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from rich import box
from rich.markup import escape
from rich.table import Table

from casework.model import Value
from casework.procedure import Procedure
from casework.vocabulary import Circumstance, Condition, Event, Kind, Stage, Subject
from starter.procedures import rules
from starter.procedures.rules import Rule

NOTHING = "—"


class Said(Value):
    """What one rule says to one parameter, and which rows and words of its document that is from."""

    text: str
    cites: tuple[str, ...] = ()
    source: str | None = None
    words: str | None = None
    origin: str | None = None
    path: str = ""


class Row(Value):
    """One parameter, and what each procedure says to it: none, one or several rules."""

    number: int | None
    group: str
    parameter: str
    says: tuple[tuple[Said, ...], ...]

    @property
    def differs(self) -> bool:
        """Whether the procedures do not all say the same."""
        return len({tuple(said.text for said in cell) for cell in self.says}) > 1

    @property
    def anything(self) -> bool:
        """Whether any of them says something."""
        return any(self.says)


class Book(NamedTuple):
    """A procedure, and all of its rules in words."""

    procedure: Procedure
    rules: list[Rule]


Finder = Callable[[Book], list[Said]]


def compare(procedures: Sequence[Procedure]) -> list[Row]:
    """Every parameter, then every rule that belongs to none, for all of the procedures."""
    books = [Book(one, rules.rules(one)) for one in procedures]
    rows = [
        Row(
            number=number,
            group=parameter.group,
            parameter=parameter.name,
            says=tuple(tuple(dict.fromkeys(said for find in parameter.finds for said in find(book))) for book in books),
        )
        for number, parameter in enumerate(PARAMETERS, 1)
    ]
    seen = [{said.path for row in rows for said in row.says[place]} for place in range(len(procedures))]
    return [*rows, *_rest(books, seen)]


REST = {
    "timescale": "Other timescales and duties",
    "authorisation": "Other authorisations",
    "meeting": "Other meetings",
    "gate": "Other things that must be so before",
    "answer": "Other things that have to be said",
    "notice": "Other things that are told",
    "form": "Forms and records",
    "prompt": "Things to think of",
    "role": "Roles and teams",
}


def _rest(books: Sequence[Book], seen: Sequence[set[str]]) -> Iterator[Row]:
    """The rules that no parameter asks for, so that a comparison leaves nothing out."""
    every: list[dict[str, list[Rule]]] = [{} for _ in books]
    for known, book in zip(every, books, strict=True):
        for one in book.rules:
            known.setdefault(one.path, []).append(one)
    for kind, group in REST.items():
        paths = dict.fromkeys(
            path
            for known, told in zip(every, seen, strict=True)
            for path in known
            if path.startswith(f"{kind}.") and path not in told
        )
        for path in paths:
            says = tuple(tuple(_said(rule) for rule in known.get(path, [])) for known in every)
            yield Row(number=None, group=group, parameter=path.partition(".")[2], says=says)


# --- Where to look ------------------------------------------------------------------------------------------------

PHRASES = {
    "limit": "{}",
    "counts from": "from {}",
    "a duty once": "once {}",
    "reading": "{}",
    "clear days": "{}",
    "aim": "an aim",
    "each": "{}",
    "owner": "{}",
    "asked by": "{} asks",
    "authorised by": "{} decides",
    "done by": "{} does it",
    "finish": "{}",
    "effect": "{}",
    "minimum": "at least {}",
    "besides": "{}",
    "chair": "{} chairs",
    "who": "{}",
    "record to": "record to {}",
    "not before": "not before: {}",
    "has to be said": "{}",
    "on": "on {}",
    "to": "to {}",
    "written by": "by {}",
    "signed by": "signed by {}",
    "contains": "contains {}",
    "kind": "{}",
    "only if": "only if {}",
}
"""What is said of a rule where rules stand side by side, in this order; `s47 procedure show` says all of it."""


def _said(rule: Rule, *labels: str) -> Said:
    """A rule as it stands in a cell: its title and main facts, or only the facts with these labels."""
    facts = dict(rule.facts)
    if labels:
        text = "; ".join(facts[label] for label in labels if label in facts)
    else:
        said = [phrase.format(facts[label]) for label, phrase in PHRASES.items() if label in facts]
        said += ["must"] if rule.force == "must" else []
        text = f"{rule.title}: {'; '.join(said)}" if said else rule.title
    return Said(text=text, cites=rule.cites, source=rule.source, words=rule.words, origin=rule.origin, path=rule.path)


def rule(*patterns: str) -> Finder:
    """The rules whose paths are these (`timescale.first-review*`), whole."""
    return lambda book: [_said(one) for pattern in patterns for one in book.rules if fnmatchcase(one.path, pattern)]


def fact(path: str, *labels: str) -> Finder:
    """Single facts of one rule."""
    return lambda book: [said for one in book.rules if one.path == path and (said := _said(one, *labels)).text]


def authoriser(*subjects: Subject) -> Finder:
    """Who authorises or completes these."""
    return rule(*(f"authorisation.{subject.value}" for subject in subjects))


def begun_by(*names: str) -> Finder:
    """The timescales that the events of these names start, and who is told of them."""
    events = [Event.every[name] for name in names]
    notices = [f"notice.{event}" for event in events]

    def find(book: Book) -> list[Said]:
        started = [
            f"timescale.{key}"
            for key, one in book.procedure.timescale.items()
            if {*one.from_, one.opens_on}.intersection(events)
        ]
        return [_said(one) for one in book.rules if one.path in (*started, *notices)]

    return find


def asked_if(condition: Condition | Circumstance) -> Finder:
    """The rules that hold only under this condition, or need it."""
    return lambda book: [
        _said(one)
        for one in book.rules
        if any(condition.value in said for label, said in one.facts if label in ("only if", "not before"))
    ]


def _system_of_record(book: Book) -> list[Said]:
    name = book.procedure.about.system_of_record
    return [Said(text=name)] if name else []


def _takes_up(book: Book) -> list[Said]:
    role = book.procedure.role[book.procedure.acts[Stage.REFERRAL]]
    return [Said(text=f"{role.label} takes it up", cites=role.cites)] if role.cites else []


def _assessment(book: Book) -> list[Said]:
    known = book.procedure.assessment
    return [Said(text=f"{known.name}; starts with {rules.events(known.starts)}", cites=known.cites)]


def _chairs(book: Book) -> list[Said]:
    known = [role for role in book.procedure.role.values() if role.kind is Kind.CHAIR and role.cites]
    return [Said(text=role.label, cites=role.cites) for role in known]


def _to_police(book: Book) -> list[Said]:
    """The forms that go to the police and to nobody else."""
    role = book.procedure.role
    keys = [
        key
        for key, form in book.procedure.form.items()
        if form.to and all(role[name].kind is Kind.POLICE for name in form.to)
    ]
    return rule(*(f"form.{key}" for key in keys))(book)


def _withheld(book: Book) -> list[Said]:
    return [
        Said(text=f"{one.duty}: rests {rules.withheld(one)}", cites=one.cites, source=one.source, words=one.words)
        for one in book.procedure.timescale.values()
        if one.withheld_with_information
    ]


class Parameter(NamedTuple):
    """Something in which procedures differ, and where to look for it."""

    group: str
    name: str
    finds: tuple[Finder, ...]


def _parameters() -> Iterator[Parameter]:
    """The parameters in the order in which a case comes to them."""
    group = "The case"
    yield Parameter(group, "System of record", (_system_of_record,))
    yield Parameter(
        group,
        "Ways in",
        (
            _takes_up,
            begun_by("harm suspected at screening"),
            rule("timescale.moved-in*", "timescale.strategy-considered"),
        ),
    )
    group = "Referral"
    yield Parameter(group, "Who authorises holding a strategy discussion", (authoriser(Subject.STRATEGY_DISCUSSION),))
    yield Parameter(group, "Decision of the front door", (rule("timescale.screening"),))
    yield Parameter(group, "Allocation", (rule("timescale.allocation"),))
    group = "Strategy discussion"
    yield Parameter(
        group,
        "Strategy discussion held",
        (rule("timescale.strategy-discussion", "timescale.strategy-discussion-open-case"),),
    )
    yield Parameter(
        group,
        "Longer limit",
        (rule("timescale.strategy-discussion*extended"), authoriser(Subject.STRATEGY_EXTENSION)),
    )
    yield Parameter(
        group, "Immediate response", (begun_by("immediate response required", "immediate protection taken"),)
    )
    yield Parameter(group, "Chair", (fact("meeting.strategy discussion", "chair"),))
    yield Parameter(group, "Minimum membership", (fact("meeting.strategy discussion", "minimum", "besides", "who"),))
    yield Parameter(group, "Form for the police", (_to_police, rule("timescale.police-form*")))
    yield Parameter(group, "Who authorises its record", (authoriser(Subject.STRATEGY_RECORD),))
    yield Parameter(
        group,
        "Where it leads to no enquiry",
        (begun_by("section 47 not initiated", "strategy discussion ended with no further action"),),
    )
    yield Parameter(
        group,
        "More than one strategy discussion",
        (
            begun_by("further strategy discussion needed"),
            rule("answer.strategy_outcome.review_on"),
            rule("timescale.*-from-initiating"),
        ),
    )
    group = "Section 47 enquiry"
    yield Parameter(group, "Child visited", (rule("timescale.child-seen", "timescale.child-seen-*born*"),))
    yield Parameter(group, "What the visit counts from", (fact("timescale.child-seen", "counts from"),))
    yield Parameter(group, "Visit recorded", (rule("timescale.visit-record"),))
    yield Parameter(
        group,
        "Child seen alone",
        (rule("timescale.child-seen-alone", "answer.child_visited.*", "prompt.children-seen*", "prompt.*alone*"),),
    )
    group = "Assessment"
    yield Parameter(
        group,
        "What it is called",
        (_assessment,),
    )
    yield Parameter(
        group,
        "Limit",
        (
            rule("timescale.assessment", "timescale.assessment-judged*", "timescale.assessment-estimate"),
            authoriser(Subject.ASSESSMENT_ESTIMATE),
        ),
    )
    yield Parameter(group, "Where it passes the limit", (begun_by("assessment limit passed"),))
    yield Parameter(group, "Who authorises it", (authoriser(Subject.ASSESSMENT),))
    group = "Outcome of the enquiry"
    yield Parameter(group, "Who authorises the outcome", (authoriser(Subject.SECTION_47_OUTCOME),))
    group = "Initial conference"
    yield Parameter(
        group,
        "Asked for",
        (
            rule("timescale.conference-request", "timescale.attendees-and-invitations"),
            rule("gate.conference_scheduled.*", f"notice.{'section 47 substantiated'}"),
        ),
    )
    yield Parameter(group, "Initial conference held", (rule("timescale.initial-conference*"),))
    yield Parameter(group, "What it counts from", (fact("timescale.initial-conference", "counts from"),))
    yield Parameter(
        group,
        "Chair",
        (_chairs, rule("timescale.conference-arrangements", "gate.initial_conference_held.the conference chair*")),
    )
    yield Parameter(
        group,
        "What serves as its report",
        (
            rule("timescale.conference-report", "timescale.single-agency-chronology", "timescale.agency-information"),
            rule("form.conference-report", "form.single-agency-chronology", "form.agency-information"),
            rule("gate.report_shared.the assessment*", "gate.conference_requests_sent.the assessment*"),
        ),
    )
    yield Parameter(
        group,
        "Report to the parents",
        (
            rule(
                "timescale.conference-report-to-family",
                "timescale.report-sharing-decided",
                "gate.report_shared.it is decided*",
            ),
        ),
    )
    yield Parameter(group, "Report to the conference service", (rule("timescale.conference-report-to-service"),))
    yield Parameter(group, "Requests sent", (rule("timescale.conference-requests"),))
    yield Parameter(
        group,
        "Invitations",
        (authoriser(Subject.INVITATIONS), rule("timescale.invitees-decided", "timescale.attendees-and-invitations")),
    )
    yield Parameter(
        group,
        "Minutes and record",
        (authoriser(Subject.MINUTES, Subject.CONFERENCE_RECORD), begun_by("conference minutes finished")),
    )
    yield Parameter(
        group,
        "Decision on a plan",
        (rule("meeting.initial conference", "answer.initial_conference_held.services_considered"),),
    )
    yield Parameter(
        group,
        "Dates set at the conference",
        (rule("answer.initial_conference_held.first_*"),),
    )
    group = "Child protection plan"
    yield Parameter(group, "First core group", (rule("timescale.first-core-group"),))
    yield Parameter(group, "Further core groups", (rule("timescale.core-group", "timescale.second-core-group"),))
    yield Parameter(group, "Record of the core group", (rule("timescale.core-group-record"),))
    yield Parameter(group, "Visits on a plan", (rule("timescale.plan-visit"),))
    yield Parameter(group, "First review", (rule("timescale.first-review*"),))
    yield Parameter(group, "Later reviews", (rule("timescale.later-review"),))
    yield Parameter(group, "Review report to the parents", (rule("timescale.review-report-to-family"),))
    yield Parameter(group, "Core group minutes before a review", (rule("timescale.core-group-minutes-*"),))
    yield Parameter(
        group,
        "Requests before a review",
        (rule("timescale.review-requests", "gate.conference_requests_sent.the review report*"),),
    )
    yield Parameter(
        group,
        "Review report",
        (authoriser(Subject.REVIEW_REPORT), rule("timescale.review-report", "form.review-report")),
    )
    yield Parameter(
        group,
        "Stepping down",
        (
            authoriser(Subject.STEP_DOWN),
            rule("gate.step_down_agreed.*", "answer.review_conference_held.support"),
            begun_by("plan ended"),
        ),
    )
    group = "Instead of a conference"
    yield Parameter(group, "Information and advice", (begun_by("disposal chosen: information and advice"),))
    yield Parameter(group, "Early help", (begun_by("disposal chosen: early help"),))
    yield Parameter(
        group,
        "Child in need or another statutory service",
        (
            begun_by("disposal chosen: statutory service", "section 47 not substantiated"),
            rule("answer.section47_outcome.child_in_need_considered", "answer.section47_outcome.disposals"),
        ),
    )
    group = "Special paths"
    yield Parameter(group, "Child not to be found", (begun_by("whereabouts unknown"),))
    yield Parameter(
        group,
        "Urgent medical need and treatment",
        (begun_by("urgent medical need found", "emergency treatment given without parental consent"),),
    )
    yield Parameter(
        group, "What is withheld from the family", (_withheld, rule("answer.strategy_outcome.share_with_family"))
    )
    yield Parameter(
        group,
        "Police agree what the family is told",
        (rule("timescale.feedback-agreed-with-police", "gate.*.feedback-agreed-with-police"),),
    )
    yield Parameter(group, "Referrer from the public", (rule("timescale.lay-referrer-told"),))
    yield Parameter(group, "Inspected establishment", (asked_if(Circumstance.RESIDENTIAL),))
    yield Parameter(
        group,
        "Dispute on a conference",
        (begun_by("decision on a conference disputed"), rule("timescale.*-after-dispute")),
    )


PARAMETERS = tuple(_parameters())


# --- For people ---------------------------------------------------------------------------------------------------


def as_table(procedures: Sequence[Procedure], rows: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    made = Table(box=box.HORIZONTALS, pad_edge=False, header_style="bold", show_lines=True)
    made.add_column("", max_width=24)
    for one in procedures:
        made.add_column(f"{one.about.letter}  {escape(one.about.title)}", overflow="fold", ratio=1)
    for row in rows:
        cells = ["\n".join(map(_cell, cell)) or f"[dim]{NOTHING}[/]" for cell in row.says]
        number = f"{row.number} " if row.number else ""
        made.add_row(f"[dim]{number}{row.group}[/]\n[bold]{escape(row.parameter)}[/]", *cells)
    return made


def _cell(said: Said) -> str:
    return f"{escape(said.text)} [dim]{escape(_citation(said))}[/]".rstrip()


def _citation(said: Said) -> str:
    origin = [f"from {said.origin}, not from this document"] if said.origin else []
    inside = "; ".join([part for part in (", ".join(said.cites), *origin) if part])
    return f"({inside})" if inside else ""


def as_markdown(procedures: Sequence[Procedure], rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown."""
    head = ["#", "parameter", *(f"{one.about.letter}: {one.about.title}" for one in procedures)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for number, name, *cells in _plain(rows):
        lines.append("| " + " | ".join(one.replace("|", "\\|") for one in (number, name, *cells)) + " |")
    return "\n".join(lines) + "\n"


def as_csv(procedures: Sequence[Procedure], rows: Sequence[Row]) -> str:
    """The rows as comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["number", "parameter", *(one.about.key for one in procedures)])
    writer.writerows(_plain(rows))
    return text.getvalue()


def _plain(rows: Sequence[Row]) -> Iterator[list[str]]:
    for row in rows:
        cells = ["; ".join(f"{said.text} {_citation(said)}".strip() for said in cell) or NOTHING for cell in row.says]
        yield [str(row.number or ""), f"{row.group}: {row.parameter}", *cells]


def as_json(procedures: Sequence[Procedure], rows: Sequence[Row]) -> dict[str, object]:
    """The rows as they are documented for other programs."""
    return {
        "procedures": [{**one.about.model_dump(mode="json"), "fingerprint": one.fingerprint} for one in procedures],
        "rows": [
            {
                "number": row.number,
                "group": row.group,
                "parameter": row.parameter,
                "differs": row.differs,
                "says": {
                    one.about.key: [said.model_dump(mode="json", exclude={"path"}) for said in cell]
                    for one, cell in zip(procedures, row.says, strict=True)
                },
            }
            for row in rows
        ],
    }
