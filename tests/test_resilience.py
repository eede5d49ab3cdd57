"""What breaks and comes back: a worker killed, the records' database stopped, Temporal killed. Nothing is lost and
nothing is done twice."""

import asyncio
import dataclasses
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from temporalio.service import RPCError, RPCStatusCode

from activities import reading
from activities.database import Database, DatabaseFailed
from casework.story import Deadline
from connection.search_attributes import OVERDUE, registered
from starter.cases import reach
from starter.embedded import postgres_server as a_postgres
from starter.embedded import temporal_server
from tests.batches import written_by_a_lost_task
from tests.office import SECONDS, Office, OneCase, eventually, has_its_timers
from tests.postgres import fresh_database, rows
from tests.test_embedded import free_port, programs_of

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WORKER = "social worker/sw-1"
A_LONG_WAIT = 60.0
"""Seconds. An activity whose worker was killed is tried again once its half a minute has passed."""


async def is_recorded_once(case: OneCase, records: Database, sent: list[str]) -> None:
    """Every message stands in the record once, line follows line, and the record says what the case says."""
    lines = await case.recorded(records)
    recorded = [line.message_id for line in lines if line.text == "New information received"]
    assert sorted(map(str, recorded)) == sorted(sent)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert (await reading.verify_chain(records, case.reference)).intact
    state = await case.state()
    kept = {row["id"]: row for row in await rows(case.office.dsn, "deadline") if row["reference"] == case.reference}
    assert {key: Deadline.model_validate_json(row["body"]) for key, row in kept.items()} == state.story.deadlines
    notices = await reading.notices(records, case.reference)
    assert len({notice.id for notice in notices}) == len(notices) == state.announced.notices


async def overdue(case: OneCase) -> bool:
    """Whether Temporal's list shows that a limit has passed."""
    attributes = (await case.handle.describe()).typed_search_attributes
    return list(attributes.get(OVERDUE) or ()) == ["child-seen"]


async def test_a_worker_killed_between_acceptance_and_record(office: Office) -> None:
    ours = dataclasses.replace(office, queue="killed")
    sent: list[str] = []

    async def new_information(case: OneCase) -> None:
        """Sent until it is answered, under one id, as a practitioner's tool would."""
        body = case.body("police/pc-1")
        sent.append(body["id"])
        while True:
            with suppress(reach.NotReached):
                await case.send("new_information_received", body)
                return

    async with ours.records() as records:
        with ours.worker() as first:
            case, other = await ours.case("KILLED"), await ours.case("KILLED")
            await asyncio.gather(case.enquired(HOUR), other.enquired(HOUR))
            await case.recorded(records)
            async with records.transaction() as connection:  # the record cannot be written meanwhile
                await connection.execute("SELECT FROM s47.case WHERE reference = $1 FOR UPDATE", case.reference)
                for _ in range(3):
                    await new_information(case)
                before = await case.state()
                first.kill()
                first.wait()
                # Accepted, and in no record; what comes now waits for a worker.
                assert sent[0] not in {line.message_id for line in await reading.chronology(records, case.reference)}
            await case.signal("child_visited", WORKER, seen=True, alone=True)
            waiting = asyncio.create_task(new_information(case))
        with ours.worker():
            await waiting
            state = await case.state()
            assert len(before.facts) < len(state.facts)
            assert state.story.deadlines["child-seen@4"].met_at is not None
            await eventually(lambda: kept(case, records), A_LONG_WAIT)
            await is_recorded_once(case, records, sent)
            await is_recorded_once(other, records, [])
            await eventually(lambda: has_its_timers(case))


async def kept(case: OneCase, records: Database) -> bool:
    lines = await reading.chronology(records, case.reference)
    return len(lines) == (await case.state()).announced.entries


async def test_nothing_is_answered_while_a_lost_task_may_have_written_something_else(office: Office) -> None:
    """A task wrote into the record and was lost, with its worker. The next worker cannot reach the record at first."""
    ours = dataclasses.replace(office, queue="lost")
    async with ours.records() as records:
        with ours.worker():
            case = await ours.case("LOST")
            await case.enquired(HOUR)
            await case.recorded(records)
            before = await case.state()
        await written_by_a_lost_task(before, records, case.body("police/pc-1"))
        with ours.worker():
            async with records.transaction() as connection:  # the record cannot be written meanwhile
                await connection.execute("SELECT FROM s47.case WHERE reference = $1 FOR UPDATE", case.reference)
                visit = asyncio.create_task(case.tell("child_visited", WORKER, seen=True, alone=True))
                await eventually(lambda: writes_by_an_activity_of_its_own(case))
                assert not visit.done()
            assert (await visit).fact == len(before.facts) + 2
            lines = await case.recorded(records)
            assert [line.number for line in lines] == list(range(1, len(lines) + 1))


async def writes_by_an_activity_of_its_own(case: OneCase) -> bool:
    pending = (await case.handle.describe()).raw_description.pending_activities
    return [activity.activity_type.name for activity in pending] == ["record"]


async def test_the_records_database_is_away_for_a_while(office: Office, state_folder: Path) -> None:
    sent: list[str] = []
    with ExitStack() as stack:
        async with a_postgres(state_folder, lambda _: None, durable=False) as dsn:
            ours = dataclasses.replace(office, queue="recordless", dsn=dsn)
            stack.enter_context(ours.worker())
            case, new = await ours.case("AWAY"), await ours.case("AWAY")
            await case.enquired(DAY - timedelta(seconds=4))
            async with ours.records() as records:
                await case.recorded(records)

        # Messages are accepted and answered, and limits pass.
        for number in range(20):
            body = case.body("police/pc-1")
            receipt = await case.send("new_information_received", body)
            sent.append(receipt.message_id)
            assert receipt.entries == ("New information received",), number
        referral = asyncio.create_task(new.refer())
        await eventually(lambda: overdue(case))
        assert "child-seen" in [deadline.timescale for deadline in (await case.story()).overdue]
        async with ours.records() as records:
            with pytest.raises((DatabaseFailed, OSError)):
                await reading.chronology(records, case.reference)

        async with a_postgres(state_folder, lambda _: None, durable=False) as again:
            assert again == dsn
            async with ours.records() as records:
                await eventually(lambda: kept(case, records))
                await is_recorded_once(case, records, sent)
                texts = [line.text for line in await case.recorded(records)]
                assert sum("Visit the family home and see the child: MISSED" in text for text in texts) == 1
                # The referral that came meanwhile opened its case.
                assert (await referral).stage == "referral"
                await is_recorded_once(new, records, [])


async def test_temporal_is_killed_and_comes_back_on_its_file(postgres_server: str, state_folder: Path) -> None:
    lines: list[str] = []
    async with (
        fresh_database(postgres_server) as dsn,
        temporal_server(
            state_folder, lines.append, search_attributes=registered(), port=free_port(), ui_port=None
        ) as addresses,
    ):
        ours = Office(addresses.server, dsn, state_folder)
        with ours.worker():
            case = await ours.case("KILLED")
            await case.enquired(DAY - timedelta(seconds=6))
            await case.tell("new_information_received", "police/pc-1")
            before = await case.story()
            [temporal] = [process for process in programs_of(state_folder) if process.name() == "temporal"]
            temporal.kill()
            # What the worker was at when the server died is begun again only after `TASK_WITHIN`.
            await eventually(lambda: answers_again(case), SECONDS + reach.TASK_WITHIN.total_seconds())
            assert lines[0].startswith("Temporal stopped by itself (SIGKILL); starting it again")
            assert not psutil.pid_exists(temporal.pid)

            assert (await case.story()).deadlines.keys() == before.deadlines.keys()
            await eventually(lambda: overdue(case))
            await case.tell("child_visited", WORKER, seen=True, alone=True)
            await eventually(lambda: has_its_timers(case))
            async with ours.records() as records:
                await is_recorded_once(case, records, ["m-5"])


@pytest.mark.parametrize("status", ["DEADLINE_EXCEEDED", "UNAVAILABLE", "UNKNOWN"])
def test_a_connection_that_breaks_is_no_answer(status: str) -> None:
    """What the SDK makes of a server that is killed is one of these, by chance."""
    error = reach.of(RPCError("transport error", RPCStatusCode[status], b""), "R-1")
    assert isinstance(error, reach.NotReached)
    assert "counts once" in str(error)


async def answers_again(case: OneCase) -> bool:
    with suppress(reach.Failed):
        await case.state()
        return True
    return False
