"""The map is drawn from the rules: everything that is in a procedure stands on it, nothing over anything else."""

import re
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from casework.procedure import Procedure
from casework.procedure_files import load, shipped
from casework.requests import EFFECTS
from casework.stages import MESSAGES
from casework.stages.strategy import StrategyRequested
from casework.vocabulary import Stage, Subject
from starter.cases.reach import Failed
from starter.cli import app
from starter.procedures import phrases
from starter.procedures.map import flow
from starter.procedures.map.canvas import SVG, Box, Canvas, Line
from starter.procedures.map.cards import Card, Mark, sections
from starter.procedures.map.letters import Style, width, wrap
from starter.procedures.map.sheet import PAPERS, draw
from starter.procedures.map.stages import (
    ON_THE_MAP,
    stage_of_timescale,
    ways,
)
from starter.procedures.rules import rules
from starter.rehearsal.plot import COLOURS
from tests.lives import B_ANSWERS, Life, example, plan_made, referred, strategy_held, strategy_on_b

EVERY = [path.stem for path in shipped()]
COMPLETED = "pan-bedfordshire+working-together"
SMALLEST_PRINT = 4.6
"""Points. Rows and tags are the smallest; what people read is a fifth larger."""

"""Events of no stage: they may happen whenever."""


@pytest.fixture(scope="module")
def maps() -> dict[str, Canvas]:
    return {name: draw(load(name)) for name in (*EVERY, COMPLETED)}


def over_one_another(canvas: Canvas) -> list[tuple[Line, Line]]:
    """The lines of text that share more than a hair's breadth of paper."""
    lines = sorted(canvas.lines, key=lambda line: line.box.y)
    overlapping = []
    for number, line in enumerate(lines):
        for other in lines[number + 1 :]:
            if other.box.y > line.box.bottom:
                break
            if line.box.overlaps(other.box, 0.12):
                overlapping.append((line, other))
    return overlapping


def text_of(canvas: Canvas, part: str) -> str:
    """What stands in one part of the map, its lines put together. A line may end after a stroke, which is undone."""
    return " ".join(line.text for line in canvas.lines if line.part == part).replace("/ ", "/")


def check_geometry(canvas: Canvas) -> None:
    assert over_one_another(canvas) == []
    page = Box(5, 5, canvas.box.width - 10, canvas.box.height - 10)
    for line in canvas.lines:
        assert page.holds(line.box, 0.1), line
        assert line.part == "" or canvas.parts[line.part].holds(line.box, 0.15), line
    cards = [box for name, box in canvas.parts.items() if not name.startswith("way ")]
    for number, card in enumerate(cards):
        assert not any(card.overlaps(other, 0.05) for other in cards[number + 1 :])


# --- Geometry -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*EVERY, COMPLETED])
def test_nothing_stands_over_anything_or_leaves_its_box(maps: dict[str, Canvas], name: str) -> None:
    check_geometry(maps[name])


@pytest.mark.parametrize("name", [*EVERY, COMPLETED])
def test_no_line_of_the_ways_runs_through_words(maps: dict[str, Canvas], name: str) -> None:
    canvas = maps[name]
    root = ElementTree.fromstring(canvas.svg())
    lines = [line for line in canvas.lines if line.part.startswith("way ")]
    assert lines
    strokes = []
    for group in root.iter(f"{{{SVG}}}g"):
        if (group.get("id") or "").startswith("way-"):
            path = group.find(f"{{{SVG}}}path")
            assert path is not None
            strokes += segments(path.get("d") or "")
    for line in lines:
        crossing = [stroke for stroke in strokes if stroke.overlaps(line.box, 0.05)]
        assert not crossing, f"{line.text}: {crossing}"


def segments(path: str) -> list[Box]:
    """The straight parts of a way's path, as boxes without breadth."""
    boxes = []
    x = y = 0.0
    for command, given in re.findall(r"([MVHq])([^MVHq]*)", path):
        numbers = [float(number) for number in given.split()]
        if command == "M":
            x, y = numbers
        elif command == "V":
            boxes.append(Box(x, min(y, numbers[0]), 0.0, abs(y - numbers[0])))
            y = numbers[0]
        elif command == "H":
            boxes.append(Box(min(x, numbers[0]), y, abs(x - numbers[0]), 0.0))
            x = numbers[0]
        else:
            x, y = x + numbers[2], y + numbers[3]
    return [box._replace(width=max(box.width, 0.2), height=max(box.height, 0.2)) for box in boxes]


@pytest.mark.parametrize("name", [*EVERY, COMPLETED])
def test_it_hangs_on_a_wall_at_a3_and_at_a2_where_there_is_more_of_it(maps: dict[str, Canvas], name: str) -> None:
    canvas = maps[name]
    size = (canvas.box.width, canvas.box.height)
    assert size == PAPERS["A2" if name.startswith("pan-bedfordshire") else "A3"]
    root = ElementTree.fromstring(canvas.svg())
    assert (root.get("width"), root.get("height")) == tuple(f"{side:g}mm" for side in size)
    points = [float(text.get("font-size") or 0) / 25.4 * 72 for text in root.iter(f"{{{SVG}}}text")]
    assert min(points) >= SMALLEST_PRINT
    assert sorted(points)[len(points) // 2] >= 5.4


HELVETICA = {
    222: "il’",
    278: "ft ,;",
    333: "r“”",
    500: "csy",
    556: "adeghnopu£0123456789",
    667: "S",
    722: "wCH",
    1000: "—",
}
HELVETICA_BOLD = {
    278: "il ,’",
    333: "ft;",
    389: "r",
    500: "“”",
    556: "aecsy£0123456789",
    611: "dghnopu",
    667: "S",
    722: "CH",
    778: "w",
    1000: "—",
}
"""As Adobe published them, in thousandths of the font size."""


def test_words_are_as_wide_as_they_are_measured() -> None:
    text = "Hold the first core group “within 10 days” — Children’s Social Care; £5, 72 hours"
    for bold, widths in ((False, HELVETICA), (True, HELVETICA_BOLD)):
        known = {letter: wide for wide, letters in widths.items() for letter in letters}
        style = Style(10, bold)
        assert width(text, style) == pytest.approx(sum(known[letter] for letter in text) / 1000 * style.mm)


def test_lines_break_between_words_and_never_get_too_long() -> None:
    style = Style(8)
    text = "Assessment/Intervention Team Practice Lead agrees how long the assessment may take"
    for across in (12.0, 20.0, 37.5, 80.0):
        lines = wrap(text, style, across)
        assert all(width(line, style) <= across for line in lines)
        assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert wrap("", style, 20) == []
    assert wrap("Donaudampfschifffahrt", style, 5)[0] == "Do"
    assert width("ŵ", style) >= width("w", style)


# --- What stands on it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*EVERY, COMPLETED])
def test_every_rule_of_the_procedure_stands_on_it(maps: dict[str, Canvas], name: str) -> None:
    procedure, canvas = load(name), maps[name]
    for key, rule in procedure.timescale.items():
        text = text_of(canvas, f"timescale.{key}")
        amount = rule.no_amount or phrases.amount(rule)
        for words in (rule.duty, phrases.role(procedure, rule.owner), amount, *rule.cites, rule.force):
            assert words.casefold() in text.casefold(), f"{key}: {words!r} is not in {text!r}"
        if rule.amounts:
            assert rule.words.replace("/ ", "/") in text
            for event in rule.from_:
                assert (phrases.meeting_before(rule) if rule.before else event) in text
        for condition in rule.only_if:
            assert condition.value in text
    for subject, authorisation in procedure.authorisation.items():
        text = text_of(canvas, f"authorisation.{subject.value}")
        who = [phrases.role(procedure, key) for key in (*authorisation.asked_by, *authorisation.authorised_by)]
        assert all(words in text for words in (authorisation.title, *who, *authorisation.cites))
        assert ("a separate act" in text) == authorisation.finish
    for kind, meeting in procedure.meeting.items():
        text = text_of(canvas, f"meeting.{kind}")
        assert all(phrases.role(procedure, role) in text for line in meeting.minimum for role in line)
        assert meeting.chair is None or phrases.role(procedure, meeting.chair) in text
    every = " ".join(line.text for line in canvas.lines)
    for cited in (*procedure.gate, *procedure.answer, *procedure.notice, *procedure.prompt.values()):
        assert all(row in every for row in cited.cites)
    assert all(words.says("after") in every for words in rules(procedure))
    for key, role in procedure.role.items():
        assert role.label in text_of(canvas, f"role.{key}")
    for key, form in procedure.form.items():
        assert form.name in text_of(canvas, f"form.{key}")
    about = procedure.about
    for words in (about.title, about.letter, f"Version {about.version}, rules {procedure.fingerprint}", about.source):
        assert words in every


def test_what_a_rule_is_can_be_seen() -> None:
    cards = {
        card.path: card
        for procedure in (example(), load("T"), load("B+WT"))
        for stage in (*ON_THE_MAP, None)
        for section in sections(procedure, stage)
        for card in section.cards
        if isinstance(card, Card)
    }
    assert cards["timescale.core-group-minutes-to-family"].sign == "before"
    assert cards["timescale.core-group-minutes-to-family"].head == "5 working days"
    assert ("before", "the review conference") in cards["timescale.core-group-minutes-to-family"].rows
    assert cards["timescale.plan-visit"].sign == "again"
    assert cards["timescale.plan-visit"].head == "every 2 weeks"
    assert cards["timescale.first-review-aim"].outline == "dashed"
    assert "aim" in cards["timescale.first-review-aim"].tags
    assert cards["timescale.first-core-group"].outline == "dotted"
    assert "base set" in cards["timescale.first-core-group"].tags
    assert cards["timescale.assessment"].tags == ("MUST",)
    assert not cards["timescale.strategy-discussion"].head  # as soon as possible is no amount
    colours = {card.accent for path, card in cards.items() if path.startswith("timescale.")}
    assert len(colours) == 4  # a limit, before a meeting, recurring, none


def test_colours_can_be_read() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(colour: str, other: str) -> float:
        low, high = sorted((luminance(colour), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    from starter.procedures.map import cards, sheet

    for colour in (cards.BLUE, cards.PURPLE, cards.TEAL, cards.GREY, cards.BROWN, cards.NAVY, cards.QUIET, cards.INK):
        assert contrast(colour, cards.PAPER) >= 4.5
    for ground in (sheet.GROUND, sheet.HERE_GROUND, sheet.BAND):
        assert contrast(cards.QUIET, ground) >= 4.5
    assert contrast(cards.PAPER, cards.NAVY) >= 4.5
    assert contrast(cards.INK, sheet.HERE) >= 4.5
    for colour in COLOURS.values():
        assert contrast(Mark("", "", colour).ink, colour) >= 4.5, colour


# --- Where things stand -------------------------------------------------------------------------------------------


def test_every_subject_of_an_authorisation_takes_effect() -> None:
    assert set(EFFECTS) == set(Subject)


def test_a_timescale_stands_where_it_is_done() -> None:
    stage = {
        key: stage_of_timescale(procedure, rule)
        for procedure in (load("P"), load("W"), load("B"))
        for key, rule in procedure.timescale.items()
    }
    assert stage["child-seen"] is Stage.ENQUIRY
    assert stage["initial-conference"] is Stage.CONFERENCE
    assert stage["plan-visit"] is Stage.PLAN  # a visit, but one that the plan asks for
    assert stage["strategy-discussion"] is Stage.STRATEGY
    assert stage["assessment-overrun-reasons"] is Stage.ASSESSMENT
    assert stage["information-and-advice"] is Stage.CLOSING
    assert stage["whereabouts-action"] is Stage.ENQUIRY
    assert stage["urgent-medical-attention"] is None


def test_the_ways_on_are_those_the_messages_know() -> None:
    """Every outcome that a message may report is drawn, and no other."""
    drawn: dict[tuple[str, str], set[object]] = {}
    for way in ways(load("P")):
        if way.field is not None:
            assert way.message in MESSAGES
            drawn.setdefault((way.message, way.field), set()).add(way.value)
    for (message, field), values in drawn.items():
        annotation = MESSAGES[message].model_fields[field].annotation
        if annotation is not bool:
            assert values == set(get_args(annotation))
        elif field != "conference":  # a conference is what comes unless it is said not to
            assert values == {True, False}
    assert StrategyRequested.name in MESSAGES


@pytest.mark.parametrize("letter", ["P", "B"])
def test_a_way_on_leads_where_a_case_really_goes(letter: str) -> None:
    """Cases are lived to each outcome of the strategy discussion; the map says the stage they come to."""
    to = {(way.message, way.value): way.to for way in ways(load(letter))}
    for decision in ("section 47", "no section 47", "no further action"):
        life = to_outcome(letter, decision)
        assert life.case.stage is to["strategy_outcome", decision], decision


def to_outcome(letter: str, decision: str) -> Life:
    if letter == "P":
        return strategy_held("2026-04-08 10:00") if decision == "section 47" else without_section_47(decision)
    if decision == "section 47":
        return strategy_on_b("2026-04-07 09:00", "2026-04-08 10:00")
    life = referred("B", "2026-04-07 09:00")
    return life.say(
        "strategy_outcome", "lead practitioner/lp", "2026-04-08 10:00", **{"decision": decision, **B_ANSWERS}
    )


def without_section_47(decision: str) -> Life:
    life = referred("P", "2026-04-07 09:00").say("strategy_requested", "assistant team manager/atm")
    life.say("authorisation", "team manager/tm", request="strategy discussion", decision="authorise")
    return life.say("strategy_outcome", "social worker/sw", "2026-04-08 10:00", decision=decision)


def test_ways_keep_apart(maps: dict[str, Canvas]) -> None:
    """No two ways share a channel where they would run over one another."""
    edges = {stage: (50.0 * number, 50.0 * number + 48.0) for number, stage in enumerate(ON_THE_MAP)}
    for name in maps:
        drawn = flow.bends(load(name), edges)
        assert len({(bend.way.stage, bend.way.to) for bend in drawn}) == len(drawn)
        for number, arrow in enumerate(drawn):
            for other in drawn[number + 1 :]:
                apart = max(min(arrow.start, arrow.end), min(other.start, other.end)) > min(
                    max(arrow.start, arrow.end), max(other.start, other.end)
                )
                assert arrow.channel != other.channel or apart


# --- A case on it -------------------------------------------------------------------------------------------------


@pytest.mark.covers("D-P-09", "P-08")
def test_a_case_shows_its_stage_and_what_is_running_overdue_and_met() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00").until("2026-05-20 10:00")
    life.say("core_group_held", "social worker/sw").say("step_down_considered", "social worker/sw")
    canvas = draw(life.procedure, life.case, at=life.now)
    check_geometry(canvas)
    assert "This case is here" in text_of(canvas, "stage child protection plan")
    assert not any("here" in text_of(canvas, f"stage {stage.value}") for stage in ON_THE_MAP if stage is not Stage.PLAN)
    assert "OVERDUE was due Wed 13 May 2026" in text_of(canvas, "timescale.plan-visit")
    assert "MET LATE Wed 20 May 2026 10:00; was due Thu 14 May 2026" in text_of(canvas, "timescale.first-core-group")
    assert "RUNNING due Wed 29 Jul 2026" in text_of(canvas, "timescale.first-review")
    assert "MET Wed 29 Apr 2026 14:00" in text_of(canvas, "timescale.initial-conference")
    assert "provisional" in text_of(canvas, "timescale.core-group-minutes-to-family")
    assert "WAITING asked Wed 20 May 2026 10:00" in text_of(canvas, "authorisation.step-down")
    assert "AUTHORISED" in text_of(canvas, "authorisation.assessment")
    assert "RUNNING" not in text_of(canvas, "timescale.later-review")
    svg = canvas.svg()
    for state in ("met", "met late", "overdue", "open"):
        assert COLOURS[state] in svg
    words = " ".join(line.text for line in canvas.lines)
    assert "Case case-1: child protection plan, as it stood on Wed 20 May 2026 10:00" in words
    assert "child-1" not in words  # the child's id in the system of record stands on no wall


def test_what_a_case_set_for_itself_stands_where_it_is() -> None:
    life = strategy_on_b("2026-04-07 09:00", "2026-04-08 10:00").until("2026-04-10 09:00")
    canvas = draw(life.procedure, life.case)
    check_geometry(canvas)
    assert "OVERDUE was due Wed 8 Apr 2026" in text_of(canvas, "deadline.action@2")


def test_withheld_is_not_overdue_on_the_map_either() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("information_withheld", "social worker/sw", ground="risk of harm")
    canvas = draw(life.procedure, life.case)
    assert "WITHHELD" in text_of(canvas, "timescale.core-group-minutes-to-family")
    assert "WITHHELD" not in text_of(canvas, "timescale.core-group-minutes-to-service")


# --- The command --------------------------------------------------------------------------------------------------


def test_it_is_well_formed_and_says_what_it_is(maps: dict[str, Canvas]) -> None:
    for canvas in maps.values():
        root = ElementTree.fromstring(canvas.svg())
        assert root.get("role") == "img"
        title, description = root.find(f"{{{SVG}}}title"), root.find(f"{{{SVG}}}desc")
        assert title is not None
        assert description is not None
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        identities = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(identities) == len(set(identities))
        assert all(re.fullmatch(r"[A-Za-z][\w.-]*", identity or "") for identity in identities)


def test_the_same_rules_give_the_same_picture() -> None:
    assert draw(load("P")).svg() == draw(load("P")).svg()


def test_a_paper_too_small_or_unknown_is_refused() -> None:
    with pytest.raises(Failed, match="does not fit on A3"):
        draw(load("B"), paper="A3")
    with pytest.raises(Failed, match="There is: A3, A2, A1"):
        draw(load("P"), paper="A4")
    assert draw(load("P"), paper="A2").box.width == PAPERS["A2"][0]


def test_names_that_xml_does_not_like_are_drawn_all_the_same() -> None:
    p = load("P")
    odd = p.about.model_copy(update={"title": "Rules & <odd> “names” – ŵ 漢"})
    root = ElementTree.fromstring(draw(p.model_copy(update={"about": odd})).svg())
    assert odd.title in [text.text for text in root.iter(f"{{{SVG}}}text")]


def test_a_procedure_with_hardly_a_rule_is_drawn() -> None:
    p = load("P")
    bare = Procedure.model_validate(
        {
            **p.model_dump(by_alias=True),
            "timescale": {},
            "authorisation": {},
            "meeting": {},
            "gate": [],
            "answer": [],
            "notice": [],
            "form": {},
            "prompt": {},
        }
    )
    canvas = draw(bare)
    check_geometry(canvas)
    assert "The document has no rule of its own here." in " ".join(line.text for line in canvas.lines)


def test_whatever_an_authority_writes_nothing_runs_over() -> None:
    """Names and duties as long as a file may have them, with words that fit into no column."""
    p = load("P")
    long = ("Safeguarding-and-Reviewing/" * 12)[:298]
    rules = p.model_dump(by_alias=True)
    rules["procedure"] |= {"letter": "ABC", "title": long, "source": long, "version": long, "system_of_record": long}
    for role in rules["role"].values():
        role["label"] = long
    for rule in rules["timescale"].values():
        rule["duty"] = ("Do " * 100)[:300]
    canvas = draw(Procedure.model_validate(rules), paper="A1")
    check_geometry(canvas)


def test_a_closed_case_is_drawn_too() -> None:
    life = without_section_47("no section 47")
    life.say("case_closed", "team manager/tm", reason="No further action is needed")
    canvas = draw(life.procedure, life.case)
    check_geometry(canvas)
    assert "case-1: closed" in " ".join(line.text for line in canvas.lines)


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "p.svg"
    ran = CliRunner().invoke(app, ["map", "P", "--out", str(file)])
    assert ran.exit_code == 0, ran.output
    assert "420 × 297 mm" in " ".join(ran.stdout.split())
    assert ElementTree.parse(file).getroot().get("width") == "420mm"
    nowhere = CliRunner().invoke(app, ["map", "P", "--out", str(tmp_path / "nowhere" / "p.svg")])
    assert isinstance(nowhere.exception, Failed)
    assert "No such file" in str(nowhere.exception)
    assert CliRunner().invoke(app, ["map"]).exit_code == 2


def test_a_drawing_goes_where_nothing_is_yet_in_the_format_that_the_name_says(tmp_path: Path) -> None:
    there, elsewhere, link = tmp_path / "there.svg", tmp_path / "elsewhere", tmp_path / "link.svg"
    for file in (there, elsewhere):
        file.write_text("kept", encoding="utf-8")
    link.symlink_to(elsewhere)
    for out, options, words in (
        (tmp_path / "p.png", ["--force"], "this is drawn as .svg. Name it p.svg, for instance."),
        (tmp_path / "p", [], "this is drawn as .svg"),
        (Path(), ["--force"], "this is drawn as .svg. Name it drawing.svg"),
        (there, [], "this file is there already. Name another, or write over it with --force."),
        (link, [], "this is a link to another place"),
        (link, ["--force"], "this is a link to another place"),
    ):
        ran = CliRunner().invoke(app, ["map", "P", "--out", str(out), *options])
        assert isinstance(ran.exception, Failed) and str(ran.exception).startswith(f"{out}: {words}"), ran.exception
    assert {path.name for path in tmp_path.iterdir()} == {"there.svg", "elsewhere", "link.svg"}
    assert {file.read_text(encoding="utf-8") for file in (there, elsewhere)} == {"kept"}
    assert CliRunner().invoke(app, ["map", "P", "--out", str(there), "--force"]).exit_code == 0
    assert ElementTree.parse(there).getroot().get("width") == "420mm"
