"""A case that lives long: its runs follow one another, and nothing is lost or done twice between them."""

import asyncio
import dataclasses
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from activities import reading
from activities.database import Database
from casework.story import Deadline, Request
from starter.cases import reach
from starter.cases.people import who
from tests.office import Office, eventually, has_its_timers
from tests.postgres import rows
from workflows.case import NOT_NOW
from workflows.outbox import MOST_TURNS_WAITING, TURNS_PER_BATCH

MESSAGES = 1000
AT_ONCE = 9
"""A server takes ten updates of one workflow at once; more have to wait."""
WORKER = "social worker/sw-1"
HOUR = timedelta(hours=1)


async def test_a_thousand_messages_through_one_case(office: Office, records: Database) -> None:
    case = await office.case("LONG")
    await case.on_a_plan(HOUR)
    # Told as it happens; now and then something is told late, and the story is told again from the start.
    now = datetime.now(UTC)
    bodies = [
        case.body("police/pc-1", occurred_at=(now - HOUR * (number % 50 == 1)).isoformat())
        for number in range(MESSAGES)
    ]
    turn = asyncio.Semaphore(AT_ONCE)

    async def send(message: str, body: dict[str, Any]) -> bool:
        """Send it until it is answered, as a practitioner's tool would."""
        async with turn:
            while True:
                with suppress(reach.NotReached):
                    return (await case.send(message, body)).duplicate

    async def tell(number: int) -> list[bool]:
        """Most by Update, some by Signal, some twice at once, some again later; every tenth is a visit."""
        message, by = ("child_visited", WORKER) if number % 10 == 0 else ("new_information_received", "police/pc-1")
        body = {**bodies[number], "by": who(by)} | ({"seen": True} if message == "child_visited" else {})
        if number % 7 == 0:
            async with turn:
                await reach.signal(case.client, case.reference, message, body)
            return []
        earlier = number - 99
        # Those whose bodies were sent as they are: not the visits, not the signals that may still be on their way.
        plain = earlier > 0 and earlier % 10 and earlier % 7
        again = [send("new_information_received", bodies[earlier])] if number % 9 == 0 and plain else []
        twice = [send(message, body)] if number % 5 == 0 else []
        return list(await asyncio.gather(send(message, body), *twice, *again))

    numbers = iter(range(MESSAGES))
    duplicates: list[bool] = []

    async def practitioner() -> None:
        for number in numbers:
            duplicates.extend(await tell(number))

    async def meddler() -> None:
        """Somebody asks to cancel the workflow, whichever run it is in, again and again."""
        while True:
            with suppress(RPCError):  # between two runs there is nothing to be cancelled
                await case.handle.cancel()
            await asyncio.sleep(0.02)

    meddling = asyncio.create_task(meddler())
    await asyncio.gather(*(practitioner() for _ in range(AT_ONCE)))
    meddling.cancel()
    assert sum(duplicates) >= 200, "many were sent twice"

    # Nothing is lost, and nothing is applied twice.
    async def all_there() -> list[reading.ChronologyEntry] | None:
        lines = await case.recorded(records)
        return lines if {body["id"] for body in bodies} <= {line.message_id for line in lines} else None

    lines = await eventually(all_there)
    recorded = Counter(
        line.message_id for line in lines if line.text in ("New information received", "Child visited: seen")
    )
    assert recorded == Counter(body["id"] for body in bodies)
    # One whose first answer was lost with its task is answered as what it is by then: recorded before.
    firsts = len([duplicate for duplicate in duplicates if not duplicate])
    assert 0.9 * MESSAGES < firsts + len(range(0, MESSAGES, 7)) <= MESSAGES
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert (await reading.verify_chain(records, case.reference)).intact

    # Several runs, none of them long.
    runs = await case.runs()
    described = [await case.client.get_workflow_handle(case.handle.id, run_id=run).describe() for run in runs]
    lengths = [run.history_length for run in described]
    assert len(runs) >= 4 and max(lengths) < 1300, lengths
    assert [run.status for run in described[:-1]] == [WorkflowExecutionStatus.CONTINUED_AS_NEW] * (len(runs) - 1)
    assert sum(lengths) / MESSAGES < 12, "events a message"

    # The state stays small, and the records say the same.
    whole = await case.state()
    assert len(whole.facts) == MESSAGES + 9
    assert len(whole.model_dump_json(exclude={"procedure", "bank_holidays"})) < 400_000, "some 300 bytes a message"
    state = whole.story
    kept = {row["id"]: row for row in await rows(office.dsn, "deadline") if row["reference"] == case.reference}
    assert {key: Deadline.model_validate_json(kept[key]["body"]) for key in state.deadlines} == state.deadlines
    assert all(not row["running"] for key, row in kept.items() if key not in state.deadlines)
    requests = {row["id"]: row for row in await rows(office.dsn, "request") if row["reference"] == case.reference}
    assert {key: Request.model_validate_json(requests[key]["body"]) for key in state.requests} == state.requests
    assert state.running_deadlines
    await eventually(lambda: has_its_timers(case))


async def test_what_waits_to_be_recorded_goes_along_until_no_more_can_wait(office: Office, records: Database) -> None:
    case = await office.case("BEHIND")
    await case.enquired(HOUR)
    await case.recorded(records)
    accepted: list[str] = []

    async def until_refused() -> str:
        while True:
            try:
                accepted.append((await case.tell("new_information_received", "police/pc-1")).message_id)
            except reach.NotAccepted as refused:
                return str(refused)

    async with records.transaction() as connection:  # the record cannot be written meanwhile
        await connection.execute("SELECT FROM s47.case WHERE reference = $1 FOR UPDATE", case.reference)
        assert await until_refused() == NOT_NOW
        assert 300 < len(accepted) <= MOST_TURNS_WAITING + TURNS_PER_BATCH
        assert len(await case.runs()) >= 2
        assert len(await reading.chronology(records, case.reference)) < 20
    lines = await case.recorded(records)
    recorded = Counter(line.message_id for line in lines if line.text == "New information received")
    assert recorded == Counter(accepted)
    assert (await reading.verify_chain(records, case.reference)).intact
    starts = [(await case.history(run))[0].ByteSize() for run in await case.runs()]
    assert max(starts) < 1_000_000, "the server takes two megabytes"


async def test_a_case_goes_over_to_a_newer_version_of_the_worker(office: Office) -> None:
    """Pinned, it stays with the version it began with, until it hears of a newer one: then it goes on there, once."""
    ours = dataclasses.replace(office, queue="versioned")
    case = await ours.case("HOP")

    async def current(build: str) -> bool:
        """Say that this build is the current one, once the server knows it."""
        saying = SetWorkerDeploymentCurrentVersionRequest(
            namespace=case.client.namespace, deployment_name="hop", build_id=build
        )
        try:
            await case.client.workflow_service.set_worker_deployment_current_version(saying)
        except RPCError:
            return False
        return True

    async def served_by(build: str) -> bool:
        versioning = (await case.handle.describe()).raw_description.workflow_execution_info.versioning_info
        return versioning.deployment_version.build_id == build

    with ours.worker(S47_DEPLOYMENT="hop", S47_BUILD="one"):
        await eventually(lambda: current("one"))
        await case.enquired(HOUR)
        assert await served_by("one")
        with ours.worker(S47_DEPLOYMENT="hop", S47_BUILD="two"):
            await eventually(lambda: current("two"))
            before = await case.story()

            async def hopped() -> bool:
                """The server tells a case of a newer version when it next stirs."""
                await case.tell("new_information_received", "police/pc-1")
                return await served_by("two")

            await eventually(hopped)
            runs = await case.runs()
            assert len(runs) == 2
            for _ in range(3):
                await case.tell("new_information_received", "police/pc-1")
            assert await case.runs() == runs
            assert (await case.story()).deadlines == before.deadlines
