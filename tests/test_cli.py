"""The command line, run as people and programs run it: what it answers, and how it ends."""

import asyncio
import dataclasses
import json
import re
import shlex
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, get_origin

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from activities import reading
from casework.messages import MESSAGES
from starter import demo
from starter.cli import app
from tests.office import ROOT, S47, Office, OneCase, Ran, eventually
from tests.test_embedded import free_port

DONE, REFUSED, WRONGLY_CALLED, NO_SUCH_CASE, NO_ANSWER = range(5)
HOUR = timedelta(hours=1)
WORKER, MANAGER = "social worker/sw-1", "team manager/tm-1"


async def together(*runs: Any) -> list[Ran]:
    """Commands run at the same time: starting a process is the slow part. None of them may end in a traceback."""
    ran: list[Ran] = list(await asyncio.gather(*runs))
    assert [one.err for one in ran if "Traceback" in one.err] == []
    return ran


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


# --- Help ---------------------------------------------------------------------------------------------------------


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command there is, and how it is called; a case's reference where one is needed first."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, "R-1", name) if path == ("send",) else (*path, name))


ALL = dict(commands(get_command(app)))


def test_every_command_explains_itself() -> None:
    assert {"up", "refer", "send", "show", "tray", "cases", "verify", "rehearse"} <= {path[0] for path in ALL if path}
    assert [path for path, command in ALL.items() if not one_line(command.help or "")] == []
    for path, command in ALL.items():
        if len(path) == 3 and path[-1] != "strategy_outcome":
            continue  # one of the many messages is as good as another
        helped = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "300", "TERM": "dumb"})
        assert helped.exit_code == 0, path
        assert one_line(command.help)[:60] in one_line(helped.output), path


def test_every_message_can_be_sent_with_all_its_fields() -> None:
    sent = {path[-1]: command for path, command in ALL.items() if path[:1] == ("send",) and len(path) == 3}
    assert set(sent) == set(MESSAGES)
    for name, message in MESSAGES.items():
        options = {option: parameter for parameter in sent[name].params for option in parameter.opts}
        for field, info in message.model_fields.items():
            own = {"occurred_at": "--at", "by": "--as"}
            option = own.get(field, f"--{field.replace('_', '-')}")
            assert option in options, (name, field)
            if isinstance(info.annotation, type) and issubclass(info.annotation, StrEnum):
                assert all(value in options[option].help for value in info.annotation), (name, field)
            many = get_origin(info.annotation) is tuple  # none given, the case says that some are needed
            assert field in own or field == "id" or many or options[option].required == info.is_required(), (
                name,
                field,
            )
        assert {"--signal", "--json", "--as", "--at", "--id", "--note"} <= set(options)


async def test_the_program_as_it_is_installed(office: Office, tmp_path: Path) -> None:
    """The very program, from its start to its end: everywhere else a copy of it that is loaded already is run."""
    case = await office.case("PROGRAM")
    (tmp_path / "one.json").write_text(json.dumps(referral(case.reference)), encoding="utf-8")
    opened = await office.s47_itself("refer", str(tmp_path / "one.json"))
    assert (opened.code, opened.err) == (DONE, ""), opened
    helped, listed, refused, wrong = await together(
        office.s47_itself("--help"),
        office.s47_itself("cases", "--json"),
        office.s47_itself(*_send(case, "core_group_held", WORKER)),
        office.s47_itself("case"),
    )
    assert (helped.code, listed.code, refused.code, wrong.code) == (DONE, DONE, REFUSED, WRONGLY_CALLED)
    assert "Exit status: 0 done" in helped.out
    assert case.reference in [row["reference"] for row in listed.json]
    assert refused.err == f"✗ {case.reference}: The child is not on a child protection plan.\n"


# --- Referring ----------------------------------------------------------------------------------------------------


def referral(reference: str, **said: Any) -> dict[str, Any]:
    """What a referral file says, as JSON."""
    return {
        "reference": reference,
        "procedure": "P",
        "by": "other agency/school-1",
        "received_at": (datetime.now(UTC) - HOUR).isoformat(),
        "person": "child-1",
        "date_of_birth": "2019-05-01",
        "source": "education",
        **said,
    }


def as_toml(said: dict[str, Any]) -> str:
    bare = ("received_at", "date_of_birth")
    return "".join(f"{key} = {value if key in bare else json.dumps(value)}\n" for key, value in said.items())


async def test_a_case_is_opened_by_a_file_of_either_kind(office: Office, tmp_path: Path) -> None:
    one, two, three = [(await office.case("REFER")).reference for _ in range(3)]
    (tmp_path / "one.json").write_text(json.dumps(referral(one)), encoding="utf-8")
    (tmp_path / "two.toml").write_text(as_toml(referral(two, concern=["neglect"], team="North")), encoding="utf-8")
    opened = await together(
        office.s47("refer", str(tmp_path / "one.json")),
        office.s47("refer", str(tmp_path / "two.toml"), "--json"),
        office.s47("refer", "-", typed=as_toml(referral(three))),
    )
    assert [ran.code for ran in opened] == [DONE] * 3
    assert opened[0].out.splitlines()[0] == f"✓ {one}: accepted. Stage: referral"
    assert "Who must act next: assistant team manager" in opened[0].out
    answer = opened[1].json[two]
    assert (answer["accepted"], answer["duplicate"], answer["stage"]) == (True, False, "referral")
    assert answer["waiting_for"] == ["assistant team manager"]
    assert answer["entries"][0].startswith("Referral received from education")

    # The same file again counts once; another referral is new information.
    again, further = await together(
        office.s47("refer", str(tmp_path / "two.toml"), "--json"),
        office.s47("refer", "-", "--json", typed=json.dumps(referral(one, source="police", by="police/pc-1"))),
    )
    assert (again.code, again.json[two]["accepted"]) == (DONE, True)
    assert further.json[one]["entries"][0] == "A further referral, from police: new information on this case"
    shown = await office.s47("show", two, "--json")
    assert [line["text"] for line in shown.json["chronology"]] == answer["entries"]


async def test_a_wrong_referral_file_is_said_what_is_wrong(office: Office, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    tomorrow = (datetime.now(UTC) + 24 * HOUR).date()
    wrong = {
        "{": "This is not JSON: ",
        "x =": "This is neither JSON nor TOML: ",
        "": "reference: this is missing and is needed.\nprocedure: this is missing",
        '{"a":' * 5000: "This is nested too deeply to be a referral",
        as_toml(referral("R 1")): "reference: 'R 1' is not an id",
        as_toml(referral("R-1", date_of_birth=tomorrow)): f"date_of_birth {tomorrow} is after the referral",
        json.dumps(referral("R-1", received_at="2026-04-08T10:00:00")): (
            "received_at: '2026-04-08T10:00:00' has no time zone; write it like 2026-04-08T10:00:00+01:00."
        ),
        json.dumps(referral("R-1", name="Tom")): "name: there is no such field.",
        json.dumps(referral("R-2", procedure="Utopia")): "There is no procedure 'Utopia'. There are: ",
        json.dumps(referral("R-3", by="vicar/v-1")): "This procedure has no role 'vicar'. Its roles are: ",
        json.dumps(referral("R-4", received_at=f"{datetime.now(UTC).year + 1}-12-31T10:00:00Z")): "is in the future",
    }
    answers = await together(
        *(office.s47("refer", "-", typed=text) for text in wrong),
        office.s47("refer", str(tmp_path)),
        office.s47("refer", str(tmp_path / "nowhere.toml")),
        office.s47("refer", str(tmp_path / "binary")),
    )
    words = [*wrong.values(), "Is a directory", "No such file or directory", "this is not text in UTF-8"]
    for ran, expected in zip(answers, words, strict=True):
        assert (ran.code, ran.out) == (REFUSED, ""), (expected, ran)
        assert ran.err.startswith("✗ ") and expected in ran.err, ran.err


# --- Sending ------------------------------------------------------------------------------------------------------


async def test_what_is_typed_arrives(office: Office) -> None:
    case = await office.case("TYPED")
    await case.enquired(HOUR)
    action = {"what": "Ask the school", "owner": "social worker", "due": str((datetime.now(UTC) + 72 * HOUR).date())}
    at = f"{(datetime.now(UTC) - HOUR / 2):%Y-%m-%dT%H:%M:%SZ}"
    await case.tell("strategy_requested", "assistant team manager/atm-1", immediate=True)
    visited, held = await together(
        office.s47(*_send(case, "child_visited", WORKER), "--alone", "--no-unannounced", "--at", at, "--note", "Well"),
        office.s47(
            *_send(case, "strategy_outcome", WORKER),
            *("--decision", "no section 47", "--attended-by", "police", "--attended-by", "social worker"),
            *("--actions", json.dumps(action), "--id", "typed-1", "--json"),
        ),
    )
    assert (visited.code, held.code) == (DONE, DONE), visited.err + held.err
    assert visited.out.startswith(f"✓ {case.reference}: accepted. Stage: ")
    assert held.json[case.reference]["message_id"] == "typed-1"
    async with office.records() as records:
        lines = {line.text: line for line in await case.recorded(records)}
    visit = lines["Child visited: seen alone"]
    assert (visit.note, visit.by) == ("Well", "social worker sw-1")
    assert visit.occurred_at == datetime.fromisoformat(at)
    assert "Action 1 agreed at strategy-2: Ask the school" in lines

    again, unread = await together(
        office.s47(*_send(case, "strategy_outcome", WORKER), "--decision", "no section 47", "--id", "typed-1"),
        office.s47(*_send(case, "strategy_outcome", WORKER), "--decision", "no section 47", "--actions", "{no JSON"),
    )
    assert (again.code, again.out.splitlines()[0]) == (
        DONE,
        f"✓ {case.reference}: taken before; nothing changed. Stage: section 47 enquiry",
    )
    assert unread.code == REFUSED and "actions.0" in unread.err


def _send(case: OneCase, message: str, by: str) -> tuple[str, ...]:
    return "send", case.reference, message, "--as", by


async def test_one_message_to_several_cases(office: Office) -> None:
    cases = [await office.case("SEVERAL") for _ in range(3)]
    await asyncio.gather(*(case.refer(ago=HOUR) for case in cases[:2]))
    one, two, three = (case.reference for case in cases)
    day = f"{datetime.now(UTC).year + 1}-07-14"
    proclaimed = ("bank_holiday_proclaimed", "--day", day, "--as", WORKER)
    both, some, none = await together(
        office.s47("send", f"{one}, {two},", *proclaimed, "--json"),
        office.s47("send", f"{one},{three},{two}", "new_information_received", "--as", "police/pc-1"),
        office.s47("send", " , ", *proclaimed),
    )
    assert both.code == DONE
    assert {case: answer["accepted"] for case, answer in both.json.items()} == {one: True, two: True}
    assert some.code == NO_SUCH_CASE
    assert [line for line in some.out.splitlines() if line.startswith("✓")] == [
        f"✓ {case}: accepted. Stage: referral" for case in (one, two)
    ]
    assert (
        some.err == f"✗ {three}: There is no case {three}. Open one with: s47 refer FILE; list them with: s47 cases\n"
    )
    assert none.code == WRONGLY_CALLED and "name at least one case" in none.err


async def test_a_signal_does_not_wait_and_its_refusal_is_told(office: Office) -> None:
    case = await office.case("SIGNALLED")
    await case.refer(ago=HOUR)
    sent, refused = await together(
        office.s47(*_send(case, "new_information_received", "police/pc-1"), "--signal", "--json"),
        office.s47(*_send(case, "core_group_held", WORKER), "--signal"),
    )
    assert (sent.code, sent.json) == (DONE, {case.reference: {"accepted": None}})
    assert (refused.code, refused.out) == (DONE, f"→ {case.reference}: sent, without waiting for the answer\n")

    async def told() -> bool:
        async with office.records() as records:
            return any(notice.kind == "refused" for notice in await reading.notices(records, case.reference))

    await eventually(told)
    tray = await office.s47("tray", "social worker")
    assert "The message core_group_held was refused" in tray.out


async def test_what_is_refused_says_why(office: Office) -> None:
    case = await office.case("REFUSED")
    await case.refer(ago=HOUR)
    refused, malformed, early, unknown, nobody, misspelt = await together(
        office.s47(*_send(case, "core_group_held", WORKER)),
        office.s47(*_send(case, "section47_outcome", WORKER), "--outcome", "perhaps", "--json"),
        office.s47(*_send(case, "child_visited", WORKER), "--at", "2099-01-01T10:00"),
        office.s47("send", "NOBODY-1", "child_visited", "--as", WORKER),
        office.s47("send", case.reference, "child_visited"),
        office.s47(*_send(case, "child_visitted", WORKER)),
    )
    assert (refused.code, refused.out) == (REFUSED, "")
    assert refused.err == f"✗ {case.reference}: The child is not on a child protection plan.\n"
    assert malformed.code == REFUSED
    assert malformed.json[case.reference] == {
        "accepted": False,
        "reason": "outcome: 'perhaps' is not one of 'substantiated' or 'not substantiated'.",
    }
    assert (early.code == REFUSED and "Thu 1 Jan 2099" in early.err) or "than a childhood" in early.err
    assert unknown.code == NO_SUCH_CASE and unknown.err.startswith("✗ NOBODY-1: There is no case NOBODY-1. Open one ")
    assert nobody.code == WRONGLY_CALLED and "Missing option '--as'" in nobody.err
    assert misspelt.code == WRONGLY_CALLED and "Did you mean 'child_visited'" in misspelt.err


# --- Reading ------------------------------------------------------------------------------------------------------


async def test_a_case_is_shown_and_its_record_verified(office: Office) -> None:
    case = await office.case("SHOWN")
    await case.enquired(HOUR)
    await case.tell("strategy_requested", "assistant team manager/atm-1")
    async with office.records() as records:
        lines = await case.recorded(records)
        as_json, shown, without, verified, unknown, no_record = await together(
            office.s47("show", case.reference, "--json"),
            office.s47("show", case.reference),
            office.s47("show", case.reference, "--no-chronology", "--json"),
            office.s47("verify", case.reference),
            office.s47("show", "NOBODY-1"),
            office.s47("verify", "NOBODY-1"),
        )
    whole = as_json.json
    state = await case.state()
    assert (whole["reference"], whole["stage"]) == (case.reference, state.stage.value)
    assert whole["waiting_for"] == state.waiting_for and "team manager" in state.waiting_for
    assert whole["deadlines"].keys() == state.deadlines.keys()
    assert [line["seal"] for line in whole["chronology"]] == [line.seal for line in lines]
    assert (whole["procedure"], whole["person"]) == ("process-map", f"child-of-{case.reference}")
    assert without.json["chronology"] == []
    said = one_line(shown.out)
    assert f"Case {case.reference} {state.stage.value}" in said
    for deadline in state.running_deadlines:
        assert deadline.duty in said and deadline.cites[0] in said
    assert "Management Decision to hold a strategy meeting" in said and "Chronology" in said
    assert (verified.code, verified.out) == (
        DONE,
        f"✓ {case.reference}: {len(lines)} entries, the chain is whole\n",
    )
    assert (unknown.code, no_record.code) == (NO_SUCH_CASE, NO_SUCH_CASE)
    assert no_record.err == "✗ There are no records of a case NOBODY-1.\n"


async def test_cases_are_listed_and_filtered(office: Office) -> None:
    team = f"O'Brien's {(await office.case('TEAM')).reference}"
    late, early = await office.case("LATE"), await office.case("EARLY")
    await asyncio.gather(late.enquired(25 * HOUR), early.refer(ago=HOUR, team=team))
    await late.tell("social_worker_allocated", MANAGER, social_worker="sw-7", team=team)

    async def both_listed() -> bool:
        found = [one async for one in late.client.list_workflows("AllocatedTo = 'sw-7' AND Overdue IS NOT NULL")]
        return len(found) == 1 and len([one async for one in late.client.list_workflows("Stage = 'referral'")]) > 0

    await eventually(both_listed)
    ours = ("--team", team, "--json")
    listed, overdue, waiting, staged, allocated, none, closed, table = await together(
        office.s47("cases", *ours),
        office.s47("cases", *ours, "--overdue"),
        office.s47("cases", *ours, "--waiting-for", "assistant team manager"),
        office.s47("cases", *ours, "--stage", "section 47 enquiry", "--procedure", "process-map"),
        office.s47("cases", *ours, "--allocated-to", "sw-7"),
        office.s47("cases", "--team", "nobody's"),
        office.s47("cases", *ours, "--closed"),
        office.s47("cases", "--team", team),
    )
    both, only_late, only_early = [late.reference, early.reference], [late.reference], [early.reference]
    found = [[row["reference"] for row in ran.json] for ran in (listed, overdue, waiting, staged, allocated, closed)]
    assert found == [both, only_late, only_early, only_late, only_late, both]
    assert listed.json[0] | {"next_due": None} == {
        "reference": late.reference,
        "status": "running",
        "stage": "section 47 enquiry",
        "procedure": "process-map",
        "next_due": None,
        "overdue": ["child-seen"],
        "waiting_for": ["social worker", "conference service"],
        "team": team,
        "allocated_to": "sw-7",
    }
    assert none.out == "There is no such case.\n"
    assert one_line(table.out).startswith("case stage next due overdue waiting for team allocated to")


@pytest.mark.covers("PD-M-01")
async def test_a_tray_empties_when_a_notice_is_read(office: Office) -> None:
    case = await office.case("TRAY")
    team = f"Team {case.reference}"
    await case.enquired(25 * HOUR)
    await case.tell("social_worker_allocated", MANAGER, social_worker="sw-8", team=team)
    await case.tell("strategy_requested", "assistant team manager/atm-1")
    async with office.records() as records:
        await case.recorded(records)
    mine, managers, table = await together(
        office.s47("tray", "social worker", "--team", team, "--person", "sw-8", "--json"),
        office.s47("tray", "team manager", "--team", team, "--json"),
        office.s47("tray", "social worker", "--team", team),
    )
    assert [item["kind"] for item in mine.json if item["overdue"]] == ["deadline"]
    assert "request" in [item["kind"] for item in managers.json]
    assert case.reference in table.out and "Visit the family home" in table.out

    notice = next(item["id"] for item in managers.json if item["kind"] == "notice")
    read, unknown = await together(
        office.s47("acknowledge", notice, "--as", "tm-1"), office.s47("acknowledge", "nothing", "--as", "tm-1")
    )
    assert (read.code, read.out) == (DONE, f"✓ {notice}: read by tm-1\n")
    assert (unknown.code, unknown.err) == (NO_SUCH_CASE, "✗ There is no notice nothing.\n")
    left, empty = await together(
        office.s47("tray", "team manager", "--team", team, "--json"), office.s47("tray", "vicar", "--team", team)
    )
    assert notice not in [item["id"] for item in left.json]
    assert empty.out == "Nothing is in the tray of the vicar.\n"


# --- When nothing answers -----------------------------------------------------------------------------------------


async def test_what_does_not_answer_is_named(office: Office, tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    idle = dataclasses.replace(office, queue="nobody-serves-this")
    unread = await idle.case("IDLE")
    file = tmp_path / "idle.json"
    file.write_text(json.dumps(referral(unread.reference)), encoding="utf-8")
    no_temporal, no_worker, no_records, none_known, no_dsn, no_json, no_profile = await together(
        office.s47("cases", TEMPORAL_ADDRESS=nowhere),
        idle.s47("refer", str(file)),
        office.s47("tray", "x", S47_POSTGRES="postgresql://s47@/s47?host=/nowhere"),
        office.s47("tray", "x", S47_POSTGRES=""),
        office.s47("tray", "x", S47_POSTGRES="nonsense"),
        office.s47("procedure", "list", S47_PROCEDURES="/ours"),
        office.s47("cases", TEMPORAL_PROFILE="nobody-s"),
    )
    assert no_temporal.code == NO_ANSWER
    assert no_temporal.err == f"✗ No Temporal server answers at {nowhere}. Start one with: s47 up\n"
    assert no_worker.code == NO_ANSWER
    assert (
        no_worker.err.startswith(f"✗ Case {unread.reference} did not answer")
        and "no worker is running" in no_worker.err
    )
    assert no_records.code == NO_ANSWER and "The records' database does not answer: " in no_records.err
    assert none_known.code in (NO_ANSWER, WRONGLY_CALLED) and none_known.err.startswith("✗ ")
    assert no_dsn.code == WRONGLY_CALLED and no_dsn.err.startswith("✗ S47_POSTGRES: The DSN of the records' database")
    assert (no_json.code, no_json.err) == (WRONGLY_CALLED, "✗ S47_PROCEDURES: this is to be written as JSON\n")
    assert (no_profile.code, no_profile.err.strip()) == (
        WRONGLY_CALLED,
        "✗ Temporal's settings cannot be used: Profile 'nobody-s' not found",
    )

    # The referral was taken all the same: once somebody serves the queue, the case is there.
    with idle.worker():
        again = await idle.s47("refer", str(file), "--json")
        assert (again.code, again.json[unread.reference]["accepted"]) == (DONE, True)
        async with office.records() as records:
            assert len(await unread.recorded(records)) == 1


# --- Everything on one machine ------------------------------------------------------------------------------------


async def test_everything_on_one_machine_stopped_and_started_again(state_folder: Path) -> None:
    """Whatever Temporal the user has settings for, in the environment or in a profile at home, is left alone."""
    home = state_folder / "home"
    profile = home / ".config" / "temporalio" / "temporal.toml"
    profile.parent.mkdir(parents=True)
    profile.write_text('[profile.default]\naddress = "production:7233"\nnamespace = "production"\n', encoding="utf-8")
    here = Office("", "", state_folder)
    at_home = {name: value for name, value in here.environment.items() if not name.startswith(("TEMPORAL_", "S47_"))}
    at_home |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    ports = ("--temporal-port", str(free_port()), "--ui-port", str(free_port()))
    folder = state_folder / "s47"

    @asynccontextmanager
    async def running(**more: str) -> AsyncIterator[list[str]]:
        up = await asyncio.create_subprocess_exec(
            *S47,
            *("up", "--folder", str(folder), *ports),
            env={**at_home, **more},
            cwd=state_folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert up.stdout
        said: list[str] = []
        try:
            async with asyncio.timeout(60):
                while "s47 --help" not in "".join(said[-1:]):
                    line = await up.stdout.readline()
                    assert line, said
                    said.append(line.decode())
            yield said
            up.send_signal(signal.SIGINT)
            rest, _ = await asyncio.wait_for(up.communicate(), 60)
            assert (up.returncode, rest.decode().split()[-1]) == (0, "Stopping.")
        finally:
            if up.returncode is None:
                up.kill()

    async def s47(*arguments: str) -> Ran:
        return await dataclasses.replace(here, environment_of={**at_home, "S47_FOLDER": str(folder)}).s47(*arguments)

    async with running(TEMPORAL_ADDRESS="production:7233", TEMPORAL_NAMESPACE="production") as said:
        assert f"  export S47_FOLDER={folder}\n" in said
        (state_folder / "one.json").write_text(json.dumps(referral("ONE")), encoding="utf-8")
        opened, elsewhere = await together(s47("refer", str(state_folder / "one.json")), s47("show", "TWO"))
        assert (opened.code, elsewhere.code) == (DONE, NO_SUCH_CASE), opened.err
    stopped = await s47("cases")
    assert (stopped.code, "Start one with: s47 up" in stopped.err) == (NO_ANSWER, True)
    async with running():
        [listed] = (await s47("cases", "--json")).json
        assert (listed["reference"], listed["stage"]) == ("ONE", "referral")
        assert (await s47("send", "ONE", "new_information_received", "--as", "police/pc-1")).code == DONE
        verified = await s47("verify", "ONE")
        assert (verified.code, verified.err) == (DONE, "")


# --- The demonstration, and what the README says of it ------------------------------------------------------------


async def test_the_demonstration_and_the_five_minutes_of_the_readme(office: Office) -> None:
    said: list[str] = []
    client = await office.client()
    await demo.load(client, said.append)
    assert [line.strip() for line in said] == [f"{key} referred, on procedure {on}" for key, on in demo.CASES]
    said.clear()
    await demo.load(client, said.append)
    assert [line.strip() for line in said] == [f"{key} is where it was" for key, _ in demo.CASES]

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    five_minutes = readme.partition("## Five minutes with a case")[2].partition("\n## ")[0]
    sends = re.findall(r"s47 (send DEMO-\S+ \w+(?: [^`\n]*)?)", five_minutes)
    assert len(sends) >= 5
    for call in sends:
        ran = await office.s47(*shlex.split(call))
        assert "Traceback" not in ran.err
        gate = "conference_scheduled" in call and "--help" not in call
        assert ran.code == (REFUSED if gate else DONE), (call, ran.err)
        if gate:
            assert "send conference_service_informed" in ran.err

    case = OneCase(client, "DEMO-LATE", "P", office)
    seen = (await case.state()).deadlines["child-seen-1"]
    assert (seen.state.value, seen.breached_at is not None) == ("met late", True)
    queries = re.findall(r"^\|.*\| `(.+)` \|$", readme, flags=re.MULTILINE)
    assert len(queries) >= 5
    for query in queries:
        listed = [execution.id async for execution in client.list_workflows(query)]
        assert all(workflow.startswith("case-") for workflow in listed)
