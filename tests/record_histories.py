"""Record the golden histories anew: `python -m tests.record_histories`.

The workflow's code must be able to replay the histories of every version that cases still run on. Those here are
of the present one; they are recorded anew as long as nothing is released, and kept from then on.
"""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from casework.procedure_files import load
from starter.cases import reach
from starter.rehearsal.run import Notebook, live, stage
from starter.rehearsal.scenario import load as load_scenario
from tests.office import IDENTITY, ROOT, OneCase, an_office, eventually
from workflows.case import workflow_id

HISTORIES = Path(__file__).parent / "histories"
SCENARIOS = {
    "whole-life": "a-20-whole-life.toml",
    "whereabouts-unknown": "b-whereabouts-unknown.toml",
}
SOON_SUGGESTED = {"limit.historyCount.suggestContinueAsNew": 60}
"""After so many events the server suggests to continue as new, so that a short life does so too."""
RECORDED: dict[str, str] = {}
AT_REST = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_MARKER_RECORDED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
)
"""What a history may end with: Temporal's own replay waits for ever where a task is just being done."""
WORKER = "social worker/sw-1"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def main() -> None:
    """Live through each life, and keep what Temporal wrote down of it: of all of them, or of none."""
    for name, scenario in SCENARIOS.items():
        await rehearsed(name, ROOT / "scenarios" / scenario)
    async with an_office(**SOON_SUGGESTED) as office:
        with office.worker():
            await continued(await office.case("GOLDEN"))
            await refused(await office.case("GOLDEN"))
            await reopened(await office.case("GOLDEN", "B"))
            await corrected(await office.case("GOLDEN"))
    HISTORIES.mkdir(exist_ok=True)
    for old in HISTORIES.glob("*.json"):
        old.unlink()
    for name, text in RECORDED.items():
        (HISTORIES / f"{name}.json").write_text(text, encoding="utf-8")


async def rehearsed(name: str, path: Path) -> None:
    """A scenario, on the server that skips time: its timers ring."""
    scenario = load_scenario(path)
    notebook = Notebook(load(scenario.procedure), scenario.message[0].told_at.year)
    async with stage(notebook) as server:
        await live(scenario, server, notebook)
        await keep(server.client, workflow_id(scenario.reference), None, name)


async def continued(case: OneCase) -> None:
    """A plan, and a plan's life, over several runs."""
    await case.on_a_plan(HOUR)
    async with case.office.records() as records:
        for _ in range(6):
            for _ in range(3):
                await case.tell("new_information_received", "police/pc-1")
            await case.signal("child_visited", WORKER, seen=True, alone=True, unannounced=True)
            await case.recorded(records)
    await keep_runs(case, "continued-as-new")


async def refused(case: OneCase) -> None:
    """Everything that is wrong, by both doors."""
    await case.enquired(HOUR)
    visit = case.body(WORKER, seen=True, alone=True)
    for given in ([], [{"id": "m-1"}, {"id": "m-2"}], [None], ["m-1"]):
        await case.handle.signal("child_visited", args=given)
    for message in ("child_vanished", "core_group_held", "case_closed"):
        await case.handle.signal(message, case.body(WORKER))
    await case.handle.signal("child_visited", case.body("vicar/v-1"))
    for _ in range(2):
        await case.handle.signal("child_visited", visit)
    await case.send("child_visited", visit)
    for message in ("core_group_held", "case_closed"):
        try:
            await case.tell(message, WORKER)
        except reach.NotAccepted:
            continue
        raise AssertionError(f"{message} was accepted")
    await case.handle.cancel()
    await case.tell("new_information_received", "police/pc-1")
    await eventually(lambda: is_quiet(case))
    await keep_runs(case, "refused")


async def reopened(case: OneCase) -> None:
    """A referral that is refused, one that is taken, a case closed, and the child referred again."""
    try:
        await case.refer("vicar/v-1")
    except reach.NotAccepted:
        await case.refer("school/school-1")
    await case.tell("screening_decided", "practice supervisor/ps-1", harm_suspected=False)
    await case.tell("assessment_completed", "lead practitioner/sw-1")
    await case.tell("case_closed", "children's social care manager/m-1", reason="No harm is suspected")
    await case.handle.result()
    await case.refer("police/pc-1", source="police")
    await eventually(lambda: is_quiet(case))
    await keep_runs(case, "reopened")


async def corrected(case: OneCase) -> None:
    """Told late, put right, withdrawn, and lost by Temporal: the last run is rebuilt from the record."""
    await case.enquired(DAY)
    visit = await case.tell("child_visited", WORKER, HOUR, seen=True, alone=True)
    await case.tell("child_visited", WORKER, 2 * HOUR, seen=False, reason="Nobody was at home")
    earlier = {"occurred_at": (datetime.now(UTC) - 3 * HOUR).isoformat()}
    receipt = await case.tell("corrected", WORKER, fact=visit.fact, changes=earlier, reason="It was at noon")
    await case.tell("authorisation", "team manager/tm-1", request=f"request-{receipt.fact}", decision="authorise")
    receipt = await case.tell(
        "recorded_in_error", WORKER, facts=[visit.fact], belongs_to="NOWHERE", reason="His sister's"
    )
    await case.tell("authorisation", "team manager/tm-1", request=f"request-{receipt.fact}", decision="authorise")

    async def was_not_forwarded() -> bool:
        async with case.office.records() as records:
            return any("could not be recorded on case" in line.text for line in await case.recorded(records))

    await eventually(was_not_forwarded)
    await case.handle.terminate("lost")
    await reach.rebuild(case.client, case.reference)
    await case.tell("child_visited", WORKER, seen=True, alone=True)
    await eventually(lambda: is_quiet(case))
    await keep_runs(case, "corrected")


async def is_quiet(case: OneCase) -> bool:
    """Whether everything is written down."""
    async with case.office.records() as records:
        await case.recorded(records)
    return True


async def keep_runs(case: OneCase, name: str) -> None:
    for number, run in enumerate(await case.runs(), 1):
        await keep(case.client, workflow_id(case.reference), run, f"{name}-{number}")


async def keep(client: Client, workflow: str, run: str | None, name: str) -> None:
    """Keep a run's history, once it rests, without what is of this machine and not of the case."""

    async def at_rest() -> WorkflowHistory | None:
        history = await client.get_workflow_handle(workflow, run_id=run).fetch_history()
        return history if history.events[-1].event_type in AT_REST else None

    history = await eventually(at_rest)
    events = neutral(json.loads(history.to_json()))
    events["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"] = workflow  # not every server says it
    RECORDED[name] = json.dumps(events, indent=1) + "\n"
    print(f"{name}: {len(history.events)} events, {len(RECORDED[name]) // 1024} KiB")


def neutral(value: Any) -> Any:
    """Without stack traces, and without the names of processes and machines."""
    if isinstance(value, dict):
        return {
            key: IDENTITY if key == "identity" else neutral(part) for key, part in value.items() if key != "stackTrace"
        }
    if isinstance(value, list):
        return [neutral(part) for part in value]
    return re.sub(r"\d+@[\w.-]+", IDENTITY, value) if isinstance(value, str) else value


def history_in(path: Path) -> WorkflowHistory:
    """The history that a file keeps."""
    text = path.read_text(encoding="utf-8")
    started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], text)


if __name__ == "__main__":
    asyncio.run(main())
