"""Authorities' procedures side by side, in words: by the parameters in which they differ, then whatever else they say.

A parameter is only a name and where to look for it in a procedure; how it is worded stands in
`starter.procedures.phrases`. Where a document says nothing the cell is empty.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from rich import box
from rich.markup import escape
from rich.table import Table

from casework.procedure import Procedure
from casework.vocabulary import Stage
from starter.procedures.phrases import KINDS
from starter.procedures.rules import Rule, rules

NOTHING = "—"
NOT_COMPARED = (
    *("met by", "until set", "in place of", "clock", "rests", "warns", "ends with", "when missed"),
    *("reminder", "escalation", "refused with"),
)
"""The facts of a rule that only `s47 procedure show` has."""


class Statement(NamedTuple):
    """What one rule says to one parameter."""

    text: str
    rule: Rule


class Row(NamedTuple):
    """One parameter, and what each procedure says to it: none, one or several rules. Unnumbered: of no parameter."""

    number: int | None
    group: str
    parameter: str
    says: tuple[tuple[Statement, ...], ...]

    @property
    def differs(self) -> bool:
        """Whether the procedures do not all say the same."""
        return len({tuple(statement.text for statement in cell) for cell in self.says}) > 1

    @property
    def anything(self) -> bool:
        """Whether any of them says something."""
        return any(self.says)


def compare(procedures: Sequence[Procedure]) -> list[Row]:
    """Every parameter, then every rule that no parameter has whole, for all of the procedures."""
    books = [book(procedure) for procedure in procedures]
    rows: list[Row] = []
    for group, parameters in PARAMETERS.items():
        for parameter, places in parameters.items():
            cells = [[part for place in places.split("; ") for part in find(some, place)] for some in books]
            says = tuple(tuple(dict.fromkeys(cell)) for cell in cells)
            rows.append(Row(len(rows) + 1, group, parameter, says))
    seen = {part for row in rows for cell in row.says for part in cell}
    left = [rule for some in books for rule in some if _whole(rule) not in seen]
    for kind, wording in KINDS.items():
        for path in dict.fromkeys(rule.path for rule in left if rule.kind == kind):
            says = tuple(tuple(_whole(rule) for rule in some if rule.path == path) for some in books)
            rows.append(Row(None, wording.heading, path.partition(".")[2], says))
    return rows


def book(procedure: Procedure) -> list[Rule]:
    """All of its rules in words, and what a parameter asks for besides."""
    besides = []
    if name := procedure.about.system_of_record:
        besides.append(Rule(path="system of record", title=name))
    first = procedure.role[procedure.acts[Stage.REFERRAL]]
    if first.cites:
        besides.append(Rule(path="takes it up", title=f"{first.label} takes it up", cites=first.cites))
    return [*rules(procedure), *besides]


# --- Where to look ------------------------------------------------------------------------------------------------

PARAMETERS: dict[str, dict[str, str]] = {
    "The case": {
        "System of record": "system of record",
        "Ways in": ("takes it up; on harm suspected at screening; timescale.moved-in*; timescale.strategy-considered"),
    },
    "Referral": {
        "Who authorises holding a strategy discussion": "authorisation.strategy discussion",
        "Decision of the front door": "timescale.screening",
        "Allocation": "timescale.allocation",
    },
    "Strategy discussion": {
        "Strategy discussion held": "timescale.strategy-discussion; timescale.strategy-discussion-open-case",
        "Longer limit": "timescale.strategy-discussion*extended; authorisation.strategy extension",
        "Immediate response": "on immediate response required; on immediate protection taken",
        "Chair": "meeting.strategy discussion | chair",
        "Minimum membership": "meeting.strategy discussion | at least, besides, who",
        "Form for the police": "form.form-87a; timescale.police-form*",
        "Who authorises its record": "authorisation.strategy record",
        "Where it leads to no enquiry": (
            "on section 47 not initiated; on strategy discussion ended with no further action"
        ),
        "More than one strategy discussion": ("answer.strategy_outcome.review_on; timescale.*-from-initiating"),
    },
    "Section 47 enquiry": {
        "Child visited": "timescale.child-seen; timescale.child-seen-after-birth",
        "What the visit counts from": "timescale.child-seen | from",
        "Visit recorded": "timescale.visit-record",
        "Child seen alone": "timescale.child-seen-alone; answer.child_visited.*; prompt.children-seen*",
    },
    "Assessment": {
        "What it is called": "assessment",
        "Limit": (
            "timescale.assessment; timescale.assessment-judged*; timescale.assessment-estimate; "
            "authorisation.assessment estimate"
        ),
        "Where it passes the limit": "on assessment limit passed",
        "Who authorises it": "authorisation.assessment",
    },
    "Outcome of the enquiry": {
        "Who authorises the outcome": "authorisation.section 47 outcome",
    },
    "Initial conference": {
        "Asked for": (
            "timescale.conference-request; timescale.attendees-and-invitations; gate.conference_scheduled.*; "
            "notice.section 47 substantiated"
        ),
        "Initial conference held": "timescale.initial-conference*",
        "What it counts from": "timescale.initial-conference | from",
        "Chair": "role.* saying chair; timescale.conference-arrangements; gate.*_held.the conference chair*",
        "What serves as its report": (
            "timescale.conference-report; timescale.single-agency-chronology; timescale.agency-information; "
            "form.conference-report; form.single-agency-chronology; form.agency-information; "
            "gate.report_shared.the assessment*; gate.conference_requests_sent.the assessment*"
        ),
        "Report to the parents": (
            "timescale.conference-report-to-family; timescale.report-sharing-decided; gate.report_shared.it is decided*"
        ),
        "Report to the conference service": "timescale.conference-report-to-service",
        "Requests sent": "timescale.conference-requests",
        "Invitations": "authorisation.invitations; timescale.invitees-decided; timescale.attendees-and-invitations",
        "Minutes and record": "authorisation.minutes; authorisation.conference record; on conference minutes finished",
        "Decision on a plan": "meeting.initial conference; answer.initial_conference_held.services_considered",
        "Dates set at the conference": "answer.initial_conference_held.first_*",
    },
    "Child protection plan": {
        "First core group": "timescale.first-core-group",
        "Further core groups": "timescale.core-group",
        "Record of the core group": "timescale.core-group-record",
        "Visits on a plan": "timescale.plan-visit",
        "First review": "timescale.first-review*",
        "Later reviews": "timescale.later-review",
        "Review report to the parents": "timescale.review-report-to-family",
        "Core group minutes before a review": "timescale.core-group-minutes-*",
        "Requests before a review": "timescale.review-requests; gate.conference_requests_sent.the review report*",
        "Review report": "authorisation.review report; timescale.review-report; form.review-report",
        "Stepping down": (
            "authorisation.step-down; gate.step_down_agreed.*; answer.review_conference_held.support; on plan ended"
        ),
    },
    "Instead of a conference": {
        "Information and advice": "on disposal chosen: information and advice",
        "Early help": "on disposal chosen: early help",
        "Child in need or another statutory service": (
            "on disposal chosen: statutory service; on section 47 not substantiated; "
            "answer.section47_outcome.child_in_need_considered; answer.section47_outcome.disposals"
        ),
    },
    "Special paths": {
        "Child not to be found": "on whereabouts unknown",
        "Urgent medical need and treatment": (
            "on urgent medical need found; on emergency treatment given without parental consent"
        ),
        "What is withheld from the family": "timescale.* | title, rests; answer.strategy_outcome.share_with_family",
        "Police agree what the family is told": (
            "timescale.feedback-agreed-with-police; gate.*.feedback-agreed-with-police"
        ),
        "Referrer from the public": "timescale.lay-referrer-told",
        "Inspected establishment": "* saying the child lives in an inspected residential establishment",
        "Dispute on a conference": "on decision on a conference disputed; timescale.*-after-dispute",
    },
}
"""In what procedures differ, in the order in which a case comes to it: the group, the parameter, where to look for it.

A place is the path of rules (`timescale.first-review*`), perhaps only of those with certain words in them (`saying …`),
whole or only some facts of each (`| title, from`); or `on` an event: what it starts, and who is told of it.
"""


def find(some: Sequence[Rule], place: str) -> list[Statement]:
    """What a procedure says at a place. A role that cites nothing is not the document's."""
    if place.startswith("on "):
        return [_whole(rule) for rule in some if place.removeprefix("on ") in rule.on]
    where, _, labels = place.partition(" | ")
    path, _, words = where.partition(" saying ")
    some = [rule for rule in some if fnmatchcase(rule.path, path) and (rule.cites or rule.kind != "role")]
    some = [rule for rule in some if not words or any(words in fact.text for fact in rule.facts)]
    statements = [_part(rule, labels.split(", ")) if labels else _whole(rule) for rule in some]
    return [statement for statement in statements if statement.text]


def _whole(rule: Rule) -> Statement:
    """A rule as it stands in a cell: its title and what is compared of it."""
    lines = [fact.in_a_line for fact in rule.facts if fact.label not in NOT_COMPARED]
    lines += ["must"] if rule.force == "must" else []
    return Statement(f"{rule.title}: {'; '.join(lines)}" if lines else rule.title, rule)


def _part(rule: Rule, labels: list[str]) -> Statement:
    """Single facts of a rule, with its title if that is asked for; no text where it says none of them."""
    lines = "; ".join(fact.in_a_line for fact in rule.facts if fact.label in labels)
    return Statement(f"{rule.title}: {lines}" if lines and "title" in labels else lines, rule)


# --- For people ---------------------------------------------------------------------------------------------------


def as_table(procedures: Sequence[Procedure], rows: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    table = Table(box=box.HORIZONTALS, pad_edge=False, header_style="bold", show_lines=True)
    table.add_column("", max_width=24)
    for procedure in procedures:
        table.add_column(f"{procedure.about.letter}  {escape(procedure.about.title)}", overflow="fold", ratio=1)
    for row in rows:
        cells = ["\n".join(map(_cell, cell)) or f"[dim]{NOTHING}[/]" for cell in row.says]
        number = f"{row.number} " if row.number else ""
        table.add_row(f"[dim]{number}{row.group}[/]\n[bold]{escape(row.parameter)}[/]", *cells)
    return table


def _cell(statement: Statement) -> str:
    return f"{escape(statement.text)} [dim]{escape(statement.rule.citation)}[/]".rstrip()


def as_markdown(procedures: Sequence[Procedure], rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown."""
    head = ["#", "parameter", *(f"{procedure.about.letter}: {procedure.about.title}" for procedure in procedures)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for number, name, *cells in _plain(rows):
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (number, name, *cells)) + " |")
    return "\n".join(lines) + "\n"


def as_csv(procedures: Sequence[Procedure], rows: Sequence[Row]) -> str:
    """The rows as comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["number", "parameter", *(procedure.about.key for procedure in procedures)])
    writer.writerows(_plain(rows))
    return text.getvalue()


def _plain(rows: Sequence[Row]) -> Iterator[list[str]]:
    for row in rows:
        cells = [
            "; ".join(f"{statement.text} {statement.rule.citation}".strip() for statement in cell) or NOTHING
            for cell in row.says
        ]
        yield [str(row.number or ""), f"{row.group}: {row.parameter}", *cells]


def as_json(procedures: Sequence[Procedure], rows: Sequence[Row]) -> dict[str, object]:
    """The rows as they are documented for other programs."""
    keys = [procedure.about.key for procedure in procedures]
    return {
        "procedures": [about(procedure) for procedure in procedures],
        "rows": [
            {
                "number": row.number,
                "group": row.group,
                "parameter": row.parameter,
                "differs": row.differs,
                "says": {key: [_as_json(part) for part in cell] for key, cell in zip(keys, row.says, strict=True)},
            }
            for row in rows
        ],
    }


def about(procedure: Procedure) -> dict[str, object]:
    """What a procedure is, as it is documented for other programs."""
    return {**procedure.about.model_dump(mode="json"), "fingerprint": procedure.fingerprint}


def _as_json(statement: Statement) -> dict[str, object]:
    cited = statement.rule.model_dump(mode="json", include={"cites", "source", "words", "origin"})
    return {"text": statement.text, **cited}
