"""Rehearsals: the scenarios, and what a person who writes one gets to see."""

import asyncio
import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.procedure_files import load as load_procedure
from casework.text_files import WrongFile
from casework.vocabulary import Stage
from starter.rehearsal.outcome import Rehearsed
from starter.rehearsal.run import rehearse
from starter.rehearsal.scenario import Scenario
from starter.rehearsal.scenario import load as load_scenario
from tests.office import ROOT, Office
from tests.tracing import rows_of_scenario

SCENARIOS = sorted((ROOT / "scenarios").glob("*.toml"))
WORKER = "social worker/sw-1"


def with_its_rows(path: Path) -> Any:
    scenario = load_scenario(path)
    letter = load_procedure(scenario.procedure).about.letter
    return pytest.param(path, id=path.stem, marks=pytest.mark.covers(*rows_of_scenario(scenario.catalogue, letter)))


@pytest.mark.parametrize("path", [with_its_rows(path) for path in SCENARIOS])
async def test_a_scenario_comes_to_what_it_expects(path: Path) -> None:
    scenario = load_scenario(path)
    rehearsed = await rehearse(scenario, load_procedure(scenario.procedure))
    assert [f"{check.expected}; found: {check.found}" for check in rehearsed.checks if not check.holds] == []
    assert len(rehearsed.checks) >= len(scenario.message)
    assert [message.message for message in rehearsed.messages] == [step.send for step in scenario.message]


@pytest.mark.parametrize(
    ("clean", "muddled"),
    [
        ("a-20-whole-life", "c-whole-life-late-and-corrected-p"),
        ("b-whole-life", "c-whole-life-late-and-corrected-b"),
    ],
)
async def test_a_life_told_late_and_wrongly_and_put_right_comes_to_the_same_dates(clean: str, muddled: str) -> None:
    lives = [load_scenario(ROOT / f"scenarios/{name}.toml") for name in (clean, muddled)]
    rehearsed = [await rehearse(life, load_procedure(life.procedure)) for life in lives]
    dates = [
        {
            (deadline.timescale, deadline.nth): (deadline.due, deadline.state, deadline.met_at, deadline.owner)
            for deadline in life.deadlines
        }
        for life in rehearsed
    ]
    assert dates[0] == dates[1]
    assert len(dates[0]) >= 14
    assert {life.stage for life in rehearsed} == {Stage.CLOSED}
    late = [step for step in lives[1].message if step.arrives is not None or step.send == "corrected"]
    assert len(late) >= len(lives[0].message) // 4


def opening(at: datetime) -> list[dict[str, Any]]:
    """From the referral to a plan on the process map, within some days."""
    day = timedelta(days=1)

    def step(after: timedelta, by: str, send: str, **fields: Any) -> dict[str, Any]:
        return {"at": at + after, "by": by, "send": send, **fields}

    child = {"person": "child-1", "date_of_birth": "2018-05-01", "source": "education"}
    return [
        step(0 * day, "other agency/school-1", "referral_received", **child),
        step(0.1 * day, "assistant team manager/atm-1", "strategy_requested", immediate=True),
        step(0.2 * day, WORKER, "strategy_outcome", decision="section 47"),
        step(0.3 * day, WORKER, "child_visited", seen=True, alone=True),
        step(3 * day, WORKER, "section47_outcome", outcome="substantiated"),
        step(3.1 * day, WORKER, "conference_service_informed"),
        step(3.2 * day, "conference service/cs-1", "chair_allocated", chair="iro-1"),
        step(
            8 * day, "independent reviewing officer/iro-1", "initial_conference_held", plan=True, categories=["neglect"]
        ),
    ]


def two_years(began: datetime) -> Scenario:
    """A plan of two years, on which everything is done in time: visits, core groups, reviews and their minutes."""
    day = timedelta(days=1)
    messages = opening(began)
    held = messages[-1]["at"]
    plan: list[dict[str, Any]] = []
    for week in range(1, 104):
        if week % 2 == 0:
            visit = {"seen": True, "alone": True, "unannounced": True}
            plan.append({"at": held + week * 7 * day - day, "by": WORKER, "send": "child_visited", **visit})
        if week == 1 or week % 4 == 0:
            plan.append({"at": held + week * 7 * day - 2 * day, "by": WORKER, "send": "core_group_held"})
    for months in (3, 8, 13, 18, 23):
        review = held + months * 30 * day
        for number, to in enumerate(("conference service", "family")):
            at = review - 12 * day + timedelta(minutes=number)
            plan.append({"at": at, "by": WORKER, "send": "core_group_minutes_sent", "to": to, "minutes": 2})
        chair = "independent reviewing officer/iro-1"
        plan.append({"at": review, "by": chair, "send": "review_conference_held", "decision": "continue"})
    return Scenario.model_validate(
        {
            "title": "Two years on a plan",
            "procedure": "P",
            "message": messages + sorted(plan, key=lambda step: step["at"]),
            "expect_stage": "child protection plan",
        }
    )


async def test_two_years_of_a_case() -> None:
    scenario = two_years(datetime(2026, 1, 12, 9, tzinfo=UTC))
    rehearsed = await rehearse(scenario, load_procedure("P"))
    assert [message.reason for message in rehearsed.messages if not message.accepted] == []
    assert rehearsed.messages[-1].occurred_at - rehearsed.messages[0].occurred_at > timedelta(days=720)
    assert len([life for life in rehearsed.deadlines if life.timescale == "plan-visit"]) == 52
    assert len([life for life in rehearsed.deadlines if life.timescale == "core-group"]) == 26
    on_the_plan = ("plan-visit", "first-core-group", "core-group", "first-review", "later-review")
    missed = [life.id for life in rehearsed.deadlines if life.timescale in on_the_plan and life.breached_at]
    assert missed == []
    reminders = [notice for notice in rehearsed.notices if notice.kind == "reminder"]
    assert len(reminders) > 70
    numbers = [entry.number for entry in rehearsed.entries]
    assert numbers == list(range(1, len(numbers) + 1)), "nothing is lost between the runs"
    assert all(check.holds for check in rehearsed.checks)


async def test_a_rehearsal_comes_to_the_same_every_time() -> None:
    """But for the moments at which messages are taken, which are real."""
    scenario = load_scenario(ROOT / "scenarios/a-20-whole-life.toml")
    procedure = load_procedure(scenario.procedure)
    first, second = await asyncio.gather(rehearse(scenario, procedure), rehearse(scenario, procedure))

    def without_moments(rehearsed: Rehearsed) -> str:
        return re.sub(r"(\d\d:\d\d):\d\d(\.\d+)?", r"\1", rehearsed.model_dump_json())

    assert without_moments(first) == without_moments(second)


async def test_a_referral_that_is_refused_can_be_put_right() -> None:
    at = datetime(2026, 4, 7, 8, tzinfo=UTC)
    right = opening(at)[0]
    hour = timedelta(hours=1)
    scenario = Scenario.model_validate(
        {
            "title": "At last",
            "procedure": "P",
            "message": [
                {**opening(at)[3], "at": at, "expect": "refused", "because": "is not open yet"},
                {**right, "at": at + hour, "by": "vicar/v-1", "expect": "refused", "because": "no role 'vicar'"},
                {
                    **right,
                    "at": at + 2 * hour,
                    "date_of_birth": "2030-01-01",
                    "expect": "refused",
                    "because": "after the",
                },
                {**right, "at": at + 3 * hour},
                {**right, "at": at + 4 * hour, "by": "vicar/v-1", "door": "signal"},
                {"at": at + 5 * hour, "by": "team manager/tm-1", "send": "screening_decided", "harm_suspected": False},
                {"at": at + 6 * hour, "by": "team manager/tm-1", "send": "case_closed", "reason": "No harm"},
                {**right, "at": at + 7 * hour},
            ],
            "expect_stage": "referral",
            "expect_waiting_for": ["assistant team manager"],
        }
    )
    rehearsed = await rehearse(scenario, load_procedure("P"))
    assert [check for check in rehearsed.checks if not check.holds] == []
    assert [notice.to for notice in rehearsed.notices if notice.kind == "refused"] == ["assistant team manager"]


# --- The command --------------------------------------------------------------------------------------------------

VISIT = """
title = "A visit in time"
procedure = "P"
until = 2026-04-11T12:00:00
absent = ["plan-visit"]

[[message]]
at = 2026-04-07T09:00:00
by = "other agency/school-1"
send = "referral_received"
person = "child-1"
date_of_birth = 2018-05-01
source = "education"

[[message]]
at = 2026-04-07T10:00:00
by = "assistant team manager/atm-1"
send = "strategy_requested"
immediate = true

[[message]]
at = 2026-04-07T11:00:00
by = "social worker/sw-1"
send = "strategy_outcome"
decision = "section 47"

[[expect]]
deadline = "child-seen"
due = "2026-04-08T11:00"
state = "met"
"""


def documented_fields() -> dict[str, set[str]]:
    """The table of docs/rehearsing.md: the fields of the answer, and those of each part."""
    text = (ROOT / "docs/rehearsing.md").read_text(encoding="utf-8").partition("## The JSON")[2]
    fields: dict[str, set[str]] = {"": set(), "moves": set()}
    for row in re.findall(r"^\| `.*$", text, flags=re.MULTILINE):
        names, explanation = row.strip("| ").split(" | ", 1)
        for name in re.findall(r"`(\w+)(?:\[\])?`", names):
            fields[""].add(name)
            if f"`{name}[]`" in names:
                moves = re.search(r"`moves\[\]` \((.*?)\)", explanation)
                fields["moves"] |= set(re.findall(r"`(\w+)`", moves[1])) if moves else set()
                of_moves = moves[1] if moves else ""
                fields[name] = set(re.findall(r"`(\w+)(?:\[\])?`", explanation.replace(f"({of_moves})", "")))
    return fields


async def test_the_answer_in_json_is_as_documented(office: Office, tmp_path: Path) -> None:
    late, wrong = tmp_path / "late.toml", tmp_path / "wrong.toml"
    late.write_text(VISIT.replace('"met"', '"overdue"'), encoding="utf-8")
    wrong.write_text(VISIT, encoding="utf-8")
    drawn = tmp_path / "late.svg"
    first, two, as_text = await asyncio.gather(
        office.s47("rehearse", str(late), "--json", "--plot", str(drawn)),
        office.s47("rehearse", str(late), str(wrong), "--json"),
        office.s47("rehearse", str(wrong)),
    )
    assert (first.code, first.err) == (0, "")
    answer = first.json
    documented = documented_fields()
    assert set(answer) == documented.pop("")
    moves = documented.pop("moves")
    for part, fields in documented.items():
        assert answer[part], part
        assert all(set(item) == fields for item in answer[part]), part
    assert moves == {"from_due", "to_due"}
    [seen] = [life for life in answer["deadlines"] if life["timescale"] == "child-seen"]
    assert (seen["due"], seen["due_local"], seen["state"]) == ("2026-04-08T10:00:00Z", "2026-04-08T11:00", "overdue")
    assert ET.parse(drawn).getroot().tag == "{http://www.w3.org/2000/svg}svg"

    assert two.code == 1
    assert [all(check["holds"] for check in first["checks"]) for first in two.json] == [True, False]
    assert as_text.code == 1
    assert "✗  child-seen 1 state: met" in as_text.out and "found: overdue" in as_text.out
    assert "Traceback" not in as_text.err


WRONG: dict[str, tuple[str, str]] = {
    "no TOML": ("title =", "this is not valid TOML: "),
    "nothing": ("", "title: this is missing. Add it."),
    "no message": ('title = "x"\nprocedure = "P"\nmessage = []', "message: "),
    "an unknown field": (VISIT.replace("until", "untill"), "untill: there is no such field."),
    "an unknown message": (
        VISIT.replace("strategy_requested", "strategy_wished"),
        "there is no message 'strategy_wished'",
    ),
    "no time": (VISIT.replace("2026-04-07T10:00:00", '"soon"'), "message.1.at: 'soon' is not a date and time"),
    "no sender": (VISIT.replace('by = "social worker/sw-1"\n', ""), "message.2.by: "),
    "out of order": (VISIT.replace("2026-04-07T10:00:00", "2026-04-06T10:00:00"), "message 2 arrives before message 1"),
    "an unknown state": (
        VISIT.replace('"met"', '"STATE"'),
        "expect.0.state: there is no state 'STATE'.",
    ),
    "nobody in a role": (
        VISIT.replace("social worker/sw-1", "police"),
        "message.2.by: 'police' does not name a person",
    ),
    "an unknown expectation": (VISIT.replace("state =", "stat ="), "expect.0.stat: there is no such field."),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_scenario_is_said_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "life.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WrongFile) as wrong:
        load_scenario(path)
    lines = str(wrong.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines), lines
    assert any(words in line for line in lines), lines


async def test_a_wrong_scenario_is_not_rehearsed(office: Office, tmp_path: Path) -> None:
    ruleless, right = tmp_path / "ruleless.toml", tmp_path / "right.toml"
    ruleless.write_text(VISIT.replace('"P"', '"Utopia"'), encoding="utf-8")
    right.write_text(VISIT, encoding="utf-8")
    answers = await asyncio.gather(
        office.s47("rehearse", str(ruleless)),
        office.s47("rehearse", "nowhere.toml"),
        office.s47("rehearse", str(right), "--plot", str(tmp_path / "drawn.txt")),
    )
    assert [(ran.code, ran.out) for ran in answers] == [(1, "")] * 3
    errors = [ran.err.replace("\n", " ").strip() for ran in answers]
    assert errors[0].startswith("✗ There is no procedure 'Utopia'. There are: ")
    assert errors[1] == "✗ nowhere.toml: No such file or directory"
    assert errors[2].startswith(f"✗ {tmp_path / 'drawn.txt'}: this is drawn as .svg or .png or .pdf.")


def test_a_day_is_a_day_in_london() -> None:
    """Times without a zone are London's, in summer as in winter; those with one are taken as they are."""
    scenario = Scenario.model_validate(
        {
            "title": "x",
            "procedure": "P",
            "until": date(2026, 7, 2),
            "message": [
                {"at": "2026-07-01T09:00:00", "by": "police/pc-1", "send": "referral_received"},
                {"at": "2026-07-01T09:00:00Z", "by": "police/pc-1", "send": "referral_received"},
            ],
        }
    )
    assert [step.told_at.hour for step in scenario.message] == [8, 9]
    assert scenario.until == datetime(2026, 7, 1, 23, tzinfo=UTC)
    assert scenario.message[0].message(1)["by"] == {"role": "police", "person": "pc-1"}
