"""Procedures in words and side by side: what they differ in is said of each, with its rows; nothing is left out."""

import csv
import io
import json
import re

import pytest
from typer.testing import CliRunner

from casework.procedure import Procedure
from casework.procedure_files import load, shipped
from starter.cli import app
from starter.procedures import rules
from starter.procedures.differences import PARAMETERS, Row, as_csv, as_markdown, book, compare, find
from tests.lives import example

LETTERS = ("W", "P", "B", "T", "M")


@pytest.fixture(scope="module")
def procedures() -> dict[str, Procedure]:
    return {letter: load(letter) for letter in (*LETTERS, "WT")}


@pytest.fixture(scope="module")
def rows(procedures: dict[str, Procedure]) -> list[Row]:
    return compare([procedures[letter] for letter in LETTERS])


def cells_of(rows: list[Row], parameter: str, group: str | None = None) -> dict[str, str]:
    """What each procedure says to a parameter: the text and the rows of all its rules."""
    row = next(row for row in rows if row.parameter == parameter and group in (None, row.group))
    return {
        letter: " | ".join(f"{part.text} {part.rule.citation}" for part in cell)
        for letter, cell in zip(LETTERS, row.says, strict=True)
    }


# By parameter of the comparison in the catalogue: which procedures say nothing, and what the others have to name.
EXPECTED: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("The case", "System of record"): {
        "W": ("AzeusCare",),
        "P": ("LL",),
        "B": ("electronic record",),
        "M": ("MOSAIC",),
    },
    ("Referral", "Who authorises holding a strategy discussion"): {
        "W": ("Practice Lead decides", "open case", "D-W-02"),
        "P": ("Team Manager (TM) decides", "D-P-01"),
    },
    ("Referral", "Decision of the front door"): {"W": ("referral received", "W-01")},
    ("Referral", "Allocation"): {"W": ("W-02",)},
    ("Strategy discussion", "Strategy discussion held"): {
        "W": ("W-03",),
        "B": ("“as soon as possible”", "U-B-03"),
        "T": ("“at short notice”", "U-T-01"),
        "M": ("concern raised", "read as calendar days", "M-01"),
    },
    ("Strategy discussion", "Longer limit"): {"W": ("Service Manager decides", "W-04")},
    ("Strategy discussion", "Who authorises its record"): {
        "B": ("Children's Social Care manager decides", "U-B-05"),
        "M": ("Senior/TM (Team Manager) decides", "separate act", "D-M-05"),
    },
    ("Strategy discussion", "Form for the police"): {"W": ("87A", "F-W-01")},
    ("Section 47 enquiry", "Child visited"): {"W": ("W-05",), "P": ("P-02",)},
    ("Section 47 enquiry", "What the visit counts from"): {"W": ("referral received",), "P": ("section 47 initiated",)},
    ("Section 47 enquiry", "Visit recorded"): {"W": ("W-06",)},
    ("Assessment", "What it is called"): {
        "W": ("Child and Family Assessment",),
        "P": ("Single Assessment",),
        "B": ("multi-agency assessment",),
        "T": ("core assessment",),
        "M": ("Child and Family Assessment",),
    },
    ("Assessment", "Limit"): {"W": ("a date set on the case: the estimate", "U-W-02"), "B": ("B-01",)},
    ("Assessment", "Where it passes the limit"): {"B": ("reasons", "B-03")},
    ("Assessment", "Who authorises it"): {"P": ("Team Manager (TM) decides", "D-P-06")},
    ("Outcome of the enquiry", "Who authorises the outcome"): {"B": ("D-B-21",), "M": ("D-M-07", "F-M-03")},
    ("Initial conference", "Initial conference held"): {
        "W": ("read as working days", "W-08"),
        "P": ("P-01",),
        "B": ("B-05",),
        "T": ("T-01",),
    },
    ("Initial conference", "What it counts from"): {
        "W": ("section 47 initiated",),
        "P": ("section 47 initiated",),
        "B": ("section 47 initiated",),
        "T": ("strategy discussion held; the last one counts",),
    },
    ("Initial conference", "Report to the parents"): {
        "P": ("before the initial conference", "P-04"),
        "B": ("D-B-24",),
        "T": ("before the initial conference", "T-02"),
    },
    ("Initial conference", "Report to the conference service"): {"P": ("before", "P-05")},
    ("Initial conference", "Requests sent"): {"M": ("before", "M-02")},
    ("Initial conference", "Dates set at the conference"): {"T": ("U-T-02",), "M": ("U-M-02",)},
    ("Child protection plan", "First core group"): {
        "P": ("P-06",),
        "T": ("T-03",),
        "M": ("must", "M-03"),
    },
    ("Child protection plan", "Further core groups"): {
        "P": ("P-07",),
        "T": ("T-04",),
        "M": ("M-05",),
    },
    ("Child protection plan", "Record of the core group"): {"M": ("M-06",)},
    ("Child protection plan", "Visits on a plan"): {"P": ("unannounced", "P-08")},
    ("Child protection plan", "First review"): {
        "P": ("P-09",),
        "T": ("T-05",),
        "M": ("M-07",),
    },
    ("Child protection plan", "Later reviews"): {"P": ("P-10",), "M": ("M-07",)},
    ("Child protection plan", "Review report to the parents"): {"T": ("T-06",)},
    ("Child protection plan", "Core group minutes before a review"): {"P": ("P-11", "P-12")},
    ("Child protection plan", "Requests before a review"): {"M": ("review report is authorised", "M-08")},
    ("Child protection plan", "Stepping down"): {"P": ("Team Manager (TM) decides", "D-P-09"), "B": ("D-B-32",)},
    ("Instead of a conference", "Information and advice"): {"W": ("W-09",)},
    ("Instead of a conference", "Early help"): {"W": ("Families First", "W-10")},
    ("Special paths", "Child not to be found"): {"B": ("B-08", "B-09")},
    ("Special paths", "Urgent medical need and treatment"): {"W": ("A&E", "U-W-04"), "B": ("U-B-18",)},
    ("Special paths", "Police agree what the family is told"): {"B": ("NT-B-12",)},
    ("Special paths", "Referrer from the public"): {"B": ("NT-B-13",)},
    ("Special paths", "Inspected establishment"): {"B": ("NT-B-15",)},
    ("Special paths", "Dispute on a conference"): {"B": ("U-B-10",)},
}


@pytest.mark.parametrize(("group", "parameter"), EXPECTED)
def test_each_procedure_says_its_own_and_only_its_own(rows: list[Row], group: str, parameter: str) -> None:
    cells = cells_of(rows, parameter, group)
    expected = EXPECTED[group, parameter]
    assert {letter for letter, cell in cells.items() if cell} == set(expected)
    for letter, texts in expected.items():
        for text in texts:
            assert text in cells[letter], f"{letter}: {cells[letter]}"


def test_there_are_as_many_parameters_as_the_catalogue_compares() -> None:
    assert sum(len(parameters) for parameters in PARAMETERS.values()) == 56


def test_every_place_where_a_parameter_looks_is_in_some_procedure(procedures: dict[str, Procedure]) -> None:
    books = [book(procedure) for procedure in procedures.values()]
    places = {place for parameters in PARAMETERS.values() for text in parameters.values() for place in text.split("; ")}
    lost = {place for place in places if not any(find(rules_of_it, place) for rules_of_it in books)}
    assert lost == {"meeting.strategy discussion | chair"}  # no document names one


def test_every_rule_is_said_of_its_own_procedure(rows: list[Row], procedures: dict[str, Procedure]) -> None:
    for place, letter in enumerate(LETTERS):
        shown = {part.rule.path for row in rows for part in row.says[place]}
        assert {rule.path for rule in rules.rules(procedures[letter])} <= shown, letter


def test_p_and_b_differ_in_the_strategy_limit_and_not_in_the_conferences_clock(
    procedures: dict[str, Procedure],
) -> None:
    compared = {row.parameter: row for row in compare([procedures["P"], procedures["B"]])}
    strategy = compared["Strategy discussion held"]
    assert strategy.differs
    p, b = strategy.says
    assert p == ()
    assert [(part.rule.cites[0], part.rule.words) for part in b] == [
        ("U-B-03", "convened as soon as possible bearing in mind the needs of the child")
    ]
    assert not compared["What it counts from"].differs
    assert not compared["Decision of the front door"].anything


def test_what_the_base_set_fills_is_said_to_be_from_there() -> None:
    filled = compare([load("B"), load("B+WT")])
    visits = next(row for row in filled if row.parameter == "First core group")
    alone, completed = visits.says
    assert alone == ()
    assert completed[0].rule.origin == "working-together"


def test_a_procedure_does_not_differ_from_itself(procedures: dict[str, Procedure]) -> None:
    assert not any(row.differs for row in compare([procedures["W"], procedures["W"]]))


def test_markdown_and_csv_hold_every_cell(rows: list[Row], procedures: dict[str, Procedure]) -> None:
    known = [procedures[letter] for letter in LETTERS]
    numbered = [row for row in rows if row.number]
    read = list(csv.reader(io.StringIO(as_csv(known, numbered))))
    assert read[0] == ["number", "parameter", *(procedure.about.key for procedure in known)]
    assert len(read) == 57
    assert read[6][:2] == ["6", "Strategy discussion: Strategy discussion held"]
    assert "(W-03" in read[6][2]
    assert read[6][3] == "—"
    lines = as_markdown(known, numbered).splitlines()
    assert len(lines) == 58
    assert {len(re.split(r"(?<!\\)\|", line)) for line in lines} == {9}


# --- In words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", [path.stem for path in shipped()])
def test_a_procedure_is_shown_whole(letter: str) -> None:
    procedure = load(letter)
    text = "\n".join(rules.shown(procedure))
    titles = [rule.title for rule in rules.rules(procedure)]
    for title in titles:
        assert title.replace("[", "\\[") in text
    for rule in rules.rules(procedure):
        assert all(row in text for row in rule.cites)
        assert "None" not in rule.title
        for fact in rule.facts:
            assert fact.text.strip()
            assert fact.label == "refused with" or not re.search(r"None|_|[{}]", fact.text + fact.in_a_line), rule


def test_a_timescale_in_words_says_all_it_has() -> None:
    t = {rule.path: rule for rule in rules.rules(load("T"))}
    conference = t["timescale.initial-conference"]
    assert conference.says("limit") == "within 15 days"
    assert conference.says("from") == "strategy discussion held; the last one counts"
    assert conference.says("once") == "section 47 initiated"
    assert conference.says("days") == "read as working days"
    assert t["timescale.core-group"].says("limit") == "every 4 to 6 weeks"
    p = {rule.path: rule for rule in rules.rules(example())}
    minutes = p["timescale.core-group-minutes-to-family"]
    assert minutes.says("limit") == "at least 5 working days before the review conference"
    assert minutes.says("until set") == "counts back from that meeting's own limit"
    assert minutes.says("rests") == "while information is withheld from the family"
    visit = p["timescale.plan-visit"]
    assert visit.says("limit") == "every 2 weeks"
    assert visit.says("from").endswith("then from each time it is met")


# --- On the command line ------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    answer = CliRunner().invoke(app, ["procedure", *arguments])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_the_commands_answer_in_words_and_in_json() -> None:
    assert "Hold the first core group" in run("show", "P")
    shown = json.loads(run("show", "P", "--json"))
    assert {"path", "title", "facts", "cites", "words", "source"} <= shown[0].keys()
    differing = json.loads(run("diff", "P", "B", "--json"))
    assert [procedure["letter"] for procedure in differing["procedures"]] == ["P", "B"]
    by_name = {row["parameter"]: row for row in differing["rows"]}
    assert by_name["Limit"]["says"]["pan-bedfordshire"][0]["cites"][0] == "B-01"
    assert by_name["Limit"]["says"]["process-map"] == []
    assert "What it counts from" not in by_name  # the same in both, so only with --all
    everything = json.loads(run("diff", "P", "B", "--all", "--json"))
    assert "What it counts from" in {row["parameter"] for row in everything["rows"]}
    assert "45 working days" in " ".join(run("diff", "P", "B").split())
    assert run("table").startswith("| # | parameter |")
    assert run("table", "P", "B", "--format", "csv").startswith("number,parameter,process-map,pan-bedfordshire")
    assert run("diff", "P", "P").strip() == "They say the same."


def test_one_procedure_alone_cannot_be_compared() -> None:
    answer = CliRunner().invoke(app, ["procedure", "diff", "P"])
    assert answer.exit_code == 2
    assert "Name two procedures" in answer.output
