"""A new version of the code takes over running cases on a worker without versions: nothing wedges, and they go on.

What a release may change freely is here; what changes a decision that was made needs versions (docs/operating.md).
"""

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from activities import reading
from activities.database import Database
from starter.cases import reach
from tests import deployment
from tests.office import Office, OneCase, eventually
from tests.record_histories import HISTORIES

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WORKER, MANAGER = "social worker/sw-1", "team manager/tm-1"
ALL = sorted(HISTORIES.glob("*.json"))


@pytest.mark.parametrize("release", deployment.RELEASES)
def test_a_golden_history_replays_with_the_next_release(tmp_path: Path, release: str) -> None:
    code = deployment.changed(tmp_path / "next", *deployment.RELEASES[release])
    assert deployment.what_does_not_replay(code, ALL) == []


def test_a_release_that_decides_otherwise_is_noticed(tmp_path: Path) -> None:
    """So that a replay that finds nothing means something."""
    otherwise = {"casework/stages/enquiry.py": (("        happened(telling, CHILD_SEEN)\n", "        pass\n"),)}
    code = deployment.changed(tmp_path / "next", otherwise)
    assert any("whole-life" in line for line in deployment.what_does_not_replay(code, ALL))


async def test_running_cases_go_over_to_the_next_release_and_back(office: Office, tmp_path: Path) -> None:
    ours = dataclasses.replace(office, queue="deployed")
    code = deployment.changed(tmp_path / "next", *deployment.RELEASES["all at once"])
    async with ours.records() as records:
        with ours.worker():
            names = ("new", "asked", "visited", "late", "plan")
            cases = {name: await ours.case(f"DEPLOY-{name.upper()}") for name in names}
            await cases["new"].refer(ago=HOUR)
            await cases["asked"].refer(ago=HOUR)
            await cases["asked"].tell("strategy_requested", "assistant team manager/atm-1")
            await cases["visited"].enquired(HOUR)
            await cases["visited"].tell("child_visited", WORKER, HOUR, seen=False, reason="Nobody was at home")
            await cases["visited"].handle.signal("child_visited", cases["visited"].body(WORKER, seen=True, alone=True))
            await cases["plan"].on_a_plan(HOUR)
            with pytest.raises(reach.NotAccepted):
                await cases["plan"].tell("case_closed", MANAGER, reason="Too early")
            await cases["plan"].handle.signal("child_visited", cases["plan"].body("vicar/v-1", seen=True))
            # It is missed once the worker is another.
            await cases["late"].enquired(DAY - timedelta(seconds=10))
            for case in cases.values():
                await case.recorded(records)
        with deployment.worker(ours, code):
            await eventually(lambda: missed(cases["late"], records, "NOT DONE IN TIME"))
            for name, case in cases.items():
                before = len((await case.state()).facts)
                receipt = await case.tell("new_information_received", "police/pc-1")
                assert receipt.fact == before + 1, name
                assert "In other words: New information received" in receipt.entries
            assert (await cases["late"].tell("new_information_received", "police/pc-1")).stage == "to be seen"
            visit = await cases["late"].tell("child_visited", WORKER, seen=True, alone=True, weather="wet")
            assert visit.stage == "section 47 enquiry"
            await cases["late"].tell("strategy_requested", "assistant team manager/atm-1", immediate=True)
            with pytest.raises(reach.NotAccepted, match="place: this is missing"):
                await cases["late"].tell("strategy_outcome", WORKER, decision="no section 47")
            held: dict[str, Any] = {"decision": "no section 47", "place": "school"}
            assert (await cases["late"].tell("strategy_outcome", WORKER, **held)).fact
            await cases["plan"].signal("child_visited", WORKER, seen=True, alone=True, weather="dry")
            request = (await cases["asked"].story()).waiting_requests[0].id
            await cases["asked"].tell("authorisation", MANAGER, request=request, decision="authorise")
            for case in cases.values():
                await case.recorded(records)
        # The release is taken back: what it wrote is replayed by the code of before.
        with ours.worker():
            for name, case in cases.items():
                assert (await case.tell("new_information_received", "police/pc-1")).fact, name
                await case.recorded(records)
                assert (await reading.verify_chain(records, case.reference)).intact
        for name, case in cases.items():
            assert await failures(case) == [], name
        lines = [line.text for line in await reading.chronology(records, cases["late"].reference)]
        assert sum("see the child: MISSED" in line or "NOT DONE IN TIME" in line for line in lines) == 1


async def missed(case: OneCase, records: Database, words: str) -> bool:
    return any(words in line.text for line in await reading.chronology(records, case.reference))


async def failures(case: OneCase) -> list[str]:
    """The workflow tasks that failed, in whichever run."""
    failures = []
    for run in await case.runs():
        for event in await case.history(run):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                failures.append(event.workflow_task_failed_event_attributes.failure.message)
    return failures
