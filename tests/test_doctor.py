"""Cases that were brought to a stop on purpose: `s47 doctor` names each, says why, and mends what can be mended."""

import dataclasses
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities import reading
from activities.database import Database
from connection.search_attributes import TROUBLE
from connection.stuck import stuck
from starter.cases import reach
from starter.embedded import postgres_server as a_postgres
from tests import deployment
from tests.faults.spoil import spoil
from tests.office import Office, OneCase, eventually, has_its_timers
from workflows.case import CaseStart, CaseWorkflow, workflow_id

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WORKER, MANAGER, POLICE = "social worker/sw-1", "team manager/tm-1", "police/pc-1"

WAITS_FIRST = {
    "workflows/case.py": (
        (
            "        message = admitted(name, given)\n",
            "        message = admitted(name, given)\n"
            '        if name == "new_information_received":\n'
            "            await workflow.sleep(timedelta(milliseconds=1))\n",
        ),
    ),
}
"""A release that gives Temporal another command for one message: neither replays what the other did."""

OPENS_LATER = {
    "workflows/case.py": (
        (
            "        if not await self._opened():\n",
            "        await workflow.sleep(timedelta(milliseconds=1))\n        if not await self._opened():\n",
        ),
    ),
}
"""A release that gives Temporal another command before all others."""


async def doctor(office: Office, *arguments: str, code: int) -> list[dict[str, Any]]:
    """What `s47 doctor` finds, in JSON."""
    ran = await office.s47("doctor", *arguments, "--json")
    assert ran.code == code, ran.out + ran.err
    findings: list[dict[str, Any]] = ran.json
    return findings


async def is_whole(case: OneCase, records: Database, sent: list[str]) -> None:
    """Every message that was acknowledged is a fact, once; the seals hold, record and case agree, the timers stand."""
    await case.recorded(records)
    recorded = [fact.message.id for fact in (await case.state()).facts]
    assert sorted(recorded) == sorted(sent)
    assert (await reading.verify_chain(records, case.reference)).intact
    assert (await case.office.s47("verify", case.reference)).code == 0
    await eventually(lambda: has_its_timers(case))


async def is_answered(case: OneCase, body: dict[str, Any]) -> bool:
    """Whether a message is answered: a worker of code that was never compiled starts slowly."""
    with suppress(reach.NotReached):
        await case.send("new_information_received", body)
        return True
    return False


async def its_task_fails(case: OneCase) -> bool:
    raw = (await case.handle.describe()).raw_description
    return raw.HasField("pending_workflow_task") and raw.pending_workflow_task.attempt > 2


async def test_what_another_release_did_is_undone_and_taken_again(
    office: Office, records: Database, tmp_path: Path
) -> None:
    ours = dataclasses.replace(office, queue="doctored")
    other = deployment.changed(tmp_path / "other", WAITS_FIRST)
    with ours.worker():
        mixed, held_up = await ours.case("MIXED"), await ours.case("HELD-UP")
        await mixed.enquired(HOUR)
        await held_up.enquired(HOUR)
        await held_up.tell("new_information_received", POLICE)
    with deployment.worker(ours, other):
        body = mixed.body(POLICE, note="The other release took this")
        await eventually(lambda: is_answered(mixed, body), 60)
        await mixed.signal("child_visited", WORKER, seen=True, alone=True)
        await mixed.recorded(records)
        await held_up.signal("child_visited", WORKER, seen=True, alone=True)
        await eventually(lambda: its_task_fails(held_up))
        [finding] = await doctor(ours, held_up.reference, code=1)
        assert (finding["reference"], finding["kind"]) == (held_up.reference, "task fails")
        assert "TMPRL1100" in finding["why"] and "has failed to go on" in finding["why"]
    with ours.worker():
        await mixed.signal("section47_outcome", WORKER, outcome="substantiated")
        await eventually(lambda: its_task_fails(mixed))
        [finding] = await doctor(ours, mixed.reference, code=1)
        assert finding["kind"] == "task fails" and finding["mended"] is None
        for case in (mixed, held_up):
            mended = await doctor(ours, case.reference, "--mend", code=0)
            if case is mixed:
                assert "Went back to" in mended[0]["mended"]["done"]
            assert await doctor(ours, case.reference, code=0) == []
        await is_whole(mixed, records, [f"m-{n}" for n in range(1, 8)])
        await is_whole(held_up, records, [f"m-{n}" for n in range(1, 7)])
    for case in (mixed, held_up):  # nobody serves their queue any more
        await case.handle.terminate()


async def test_a_case_of_which_nothing_replays_is_rebuilt_if_the_record_has_it_all(
    office: Office, records: Database, tmp_path: Path
) -> None:
    ours = dataclasses.replace(office, queue="replaced")
    with deployment.worker(ours, deployment.changed(tmp_path / "other", OPENS_LATER)):
        await eventually(lambda: is_served(ours), 60)
        whole, more = await ours.case("WHOLE"), await ours.case("MORE")
        for case in (whole, more):
            await case.enquired(HOUR)
            await case.recorded(records)
    with ours.worker():
        await whole.handle.cancel()
        await more.signal("child_visited", WORKER, seen=True, alone=True)
        for case in (whole, more):
            await eventually(lambda case=case: its_task_fails(case), 60)  # type: ignore[misc]
        await eventually(lambda: is_in_a_notice(more))
        [finding] = await doctor(ours, more.reference, "--mend", code=1)
        assert "the record does not have: child_visited m-5" in finding["mended"]["done"]
        assert (await more.handle.describe()).status is WorkflowExecutionStatus.RUNNING, "nothing was done"
        [finding] = await doctor(ours, whole.reference, "--mend", code=0)
        assert "rebuilt" in finding["mended"]["done"]
        await is_whole(whole, records, [f"m-{n}" for n in range(1, 5)])
    with ours.worker():
        await eventually(lambda: is_in_the_log(ours))
    for case in (whole, more):
        await case.handle.terminate()


async def is_served(office: Office) -> bool:
    """Whether a worker asks for work: one of code that was never compiled starts slowly."""
    return bool(await reach.builds_asking(await office.client(), office.queue))


async def is_in_the_log(office: Office) -> bool:
    text = (office.folder / "worker.log").read_text(encoding="utf-8")
    return any("ERROR" in line and "stuck. To see why: s47 doctor" in line for line in text.splitlines())


# --- A case that does not run -------------------------------------------------------------------------------------


async def test_a_terminated_case_is_named_as_such_and_rebuilt(office: Office, records: Database) -> None:
    case = await office.case("TERMINATED")
    await case.enquired(HOUR)
    await case.recorded(records)
    assert await doctor(office, case.reference, code=0) == []
    await case.handle.terminate(reason="Ended by mistake")
    [finding] = await doctor(office, case.reference, code=1)
    assert finding["kind"] == "not running" and f"s47 rebuild {case.reference}" in finding["to_do"]
    assert "was terminated in Temporal on" in finding["why"] and "Ended by mistake" in finding["why"]
    await eventually(lambda: is_in_a_notice(case))
    shown, listed, tray = [
        await office.s47(*command) for command in (("show", case.reference), ("cases",), ("tray", "social worker"))
    ]
    assert shown.out.startswith("This case was terminated in Temporal on") and "Ended by mistake" in shown.out
    assert f"{case.reference} was terminated in Temporal on" in listed.err
    assert any(line.startswith(case.reference) and "TERMINATED" in line for line in listed.out.splitlines())
    assert f"{case.reference} (not running)" in tray.out and "s47 doctor" in tray.out
    [finding] = await doctor(office, case.reference, "--mend", code=0)
    assert finding["mended"]["whole"]
    ran = await office.s47("doctor", case.reference)
    assert (ran.code, ran.out) == (0, "Nothing is stuck.\n")
    await is_whole(case, records, [f"m-{n}" for n in range(1, 5)])
    assert not await is_in_a_notice(case)


async def is_in_a_notice(case: OneCase) -> bool:
    """Whether the worker's log counts it among those that are stuck."""
    return case.handle.id in await stuck(case.client)


# --- A record that lost something ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lists", ["as old as the rest", "newer than the rest"])
async def test_what_the_record_has_lost_is_written_again(office: Office, records: Database, lists: str) -> None:
    case = await office.case("LOST-BATCH")
    await case.enquired(HOUR)
    lines = len(await case.recorded(records))
    async with records.connection() as connection:
        before = await connection.fetchrow("SELECT * FROM s47.case WHERE reference = $1", case.reference)
    assert before is not None
    await case.tell("child_visited", WORKER, seen=True, alone=True)
    await case.recorded(records)
    for table, chain, last in (("fact", "fact", 4), ("entry", "entry", lines)):
        gone = f"WHERE reference = $1 AND number > {last}"
        assert await spoil(office.dsn, f"DELETE FROM s47.seal {gone} AND chain = '{chain}'", case.reference)
        assert await spoil(office.dsn, f"DELETE FROM s47.{table} {gone}", case.reference)
    if lists == "as old as the rest":
        async with records.transaction() as connection:
            back = "UPDATE s47.case SET batch = $2, batch_at = $3, announced = $4 WHERE reference = $1"
            await connection.execute(back, case.reference, before["batch"], before["batch_at"], before["announced"])
            older = "UPDATE s47.deadline SET batch = least(batch, $2) WHERE reference = $1"
            await connection.execute(older, case.reference, before["batch"])
    await case.signal("section47_outcome", WORKER, outcome="substantiated")
    await eventually(lambda: is_refused(case))
    await eventually(lambda: is_in_a_notice(case))
    await case.tell("new_information_received", POLICE)

    [finding] = await doctor(office, case.reference, code=1)
    assert finding["kind"] == "record refuses" and "The record refuses" in finding["why"]
    [finding] = await doctor(office, case.reference, "--mend", code=0)
    assert finding["mended"]["whole"], finding
    assert await doctor(office, case.reference, code=0) == []
    await is_whole(case, records, [f"m-{n}" for n in range(1, 8)])


async def is_refused(case: OneCase) -> bool:
    return bool((await case.handle.describe()).typed_search_attributes.get(TROUBLE))


# --- What is down -------------------------------------------------------------------------------------------------


async def test_a_record_that_is_away_is_said_so(office: Office, state_folder: Path) -> None:
    async with a_postgres(state_folder, lambda _: None, durable=False) as dsn:
        ours = dataclasses.replace(office, queue="record-away", dsn=dsn)
        stack = ExitStack()
        stack.enter_context(ours.worker())
        case = await ours.case("AWAY")
        await case.refer()
    with stack:
        await case.signal("new_information_received", POLICE)
        await eventually(lambda: retries(case))
        away, finding = await doctor(ours, case.reference, "--mend", code=1)
        assert (away["kind"], away["reference"]) == ("no record", None)
        assert (finding["kind"], finding["reference"]) == ("activity retries", case.reference)
        assert "Writing the record has failed" in finding["why"] and "Is Postgres up" in finding["to_do"]
        assert finding["mended"] is None
    await case.handle.terminate()


async def retries(case: OneCase) -> bool:
    return any(activity.attempt > 2 for activity in (await case.handle.describe()).raw_description.pending_activities)


async def test_that_no_worker_runs_is_said_once(office: Office) -> None:
    ours = dataclasses.replace(office, queue="unserved")
    client = await ours.client()
    cases = [await ours.case("UNSERVED") for _ in range(2)]
    for case in cases:
        start = CaseStart(reference=case.reference, procedure="P")
        await client.start_workflow(CaseWorkflow.run, start, id=workflow_id(case.reference), task_queue="unserved")
    [finding] = await doctor(ours, *(case.reference for case in cases), code=1)
    assert finding["kind"] == "no worker" and "No worker serves the task queue unserved" in finding["why"]
    assert "2 cases" in finding["why"]
    for case in cases:
        await case.handle.terminate()
