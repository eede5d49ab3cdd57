"""Temporal's state is lost, and the record is not: every case goes on where it was, and says nothing twice."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiosmtpd.controller import Controller
from temporalio.client import WorkflowFailureError

from activities import reading
from activities.database import Database
from casework.case import Case
from casework.story import DeadlineState
from casework.vocabulary import Stage
from connection.settings import settings
from starter.cases import reach
from tests.office import Office, OneCase, eventually, has_its_timers, start_temporal
from tests.postgres import fresh_database, rows
from tests.test_embedded import free_port
from tests.test_notices import Post
from workflows.case import CaseStart, CaseWorkflow, workflow_id

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WORKER, MANAGER = "social worker/sw-1", "team manager/tm-1"


class Council:
    """A records' database that stays, and a Temporal server that can be lost with all that it knows."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.folder = folder
        self.running = AsyncExitStack()
        self.office: Office | None = None

    async def opens(self, **environment: str) -> Office:
        """With an empty Temporal server and a worker on it; the one before is gone."""
        await self.closes()
        temporal = await start_temporal()
        self.running.push_async_callback(temporal.shutdown)
        self.office = Office(temporal.client.service_client.config.target_host, self.dsn, self.folder)
        self.running.enter_context(self.office.worker(**environment))
        return self.office

    async def closes(self) -> None:
        await self.running.aclose()

    @asynccontextmanager
    async def records(self) -> AsyncIterator[Database]:
        """The records, to read in."""
        database = Database(self.dsn)
        yield database
        await database.close()

    async def again(self, case: OneCase) -> OneCase:
        """The same case, to be reached on the server of now."""
        assert self.office is not None
        client = await self.office.client()
        return OneCase(client, case.reference, case.procedure, self.office, case.numbers)


@pytest.fixture
async def council(postgres_server: str, tmp_path: Path) -> AsyncIterator[Council]:
    async with fresh_database(postgres_server) as dsn:
        council = Council(dsn, tmp_path)
        yield council
        await council.closes()


async def rebuild(case: OneCase) -> None:
    await case.client.start_workflow(
        CaseWorkflow.run,
        CaseStart(reference=case.reference, procedure="", rebuild=True),
        id=workflow_id(case.reference),
        task_queue=settings().task_queue,
    )


async def batches(council: Council, case: OneCase) -> int:
    return max(int(row["batch"]) for row in await rows(council.dsn, "case") if row["reference"] == case.reference)


async def record_of(records: Database, case: OneCase) -> tuple[list[str], list[str]]:
    """The chronology and the notices, in words."""
    lines = [line.text for line in await reading.chronology(records, case.reference)]
    return lines, [
        f"{notice.kind} {notice.role} {notice.text}" for notice in await reading.notices(records, case.reference)
    ]


async def lives(office: Office) -> dict[str, OneCase]:
    """A case in each stage, some with something that waits or is missed."""
    cases = {name: await office.case(f"LOST-{name.upper()}") for name in ("new", "asked", "enquired", "missed", "plan")}
    for name in ("corrected", "holiday"):
        cases[name] = await office.case(f"LOST-{name.upper()}")
    await cases["new"].refer(ago=HOUR)
    with pytest.raises(reach.NotAccepted):
        await cases["new"].tell("core_group_held", WORKER)
    await cases["asked"].refer(ago=HOUR)
    await cases["asked"].tell("strategy_requested", "assistant team manager/atm-1")
    await cases["enquired"].enquired(HOUR)
    await cases["missed"].enquired(3 * DAY)
    await cases["plan"].on_a_plan(HOUR)
    await cases["corrected"].enquired(HOUR)
    visit = await cases["corrected"].tell("child_visited", WORKER, seen=True, alone=True)
    await cases["corrected"].tell("recorded_in_error", WORKER, facts=[visit.fact], reason="It was the sister")
    await cases["holiday"].enquired(HOUR)
    await cases["holiday"].tell(
        "bank_holiday_proclaimed", MANAGER, day=str(_a_weekday(datetime.now(UTC).date() + 3 * DAY))
    )
    return cases


def _a_weekday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


async def test_every_case_goes_on_from_the_record_alone(council: Council) -> None:
    office = await council.opens()
    cases = await lives(office)
    async with office.records() as records:
        before: dict[str, Case] = {}
        words = {}
        numbers = {}
        for name, case in cases.items():
            await case.recorded(records)
            before[name] = await case.state()
            words[name] = await record_of(records, case)
            numbers[name] = await batches(council, case)
        assert {case.story.stage for case in before.values()} >= {
            Stage.REFERRAL,
            Stage.ENQUIRY,
            Stage.PLAN,
        }
        assert before["asked"].story.waiting_requests and before["corrected"].story.waiting_requests
        assert before["missed"].story.overdue

        await council.opens()
        cases = {name: await council.again(case) for name, case in cases.items()}
        for case in cases.values():
            with pytest.raises(reach.NotFound):
                await case.state()
            await rebuild(case)
        for name, case in cases.items():
            after = await eventually(lambda case=case: known(case))  # type: ignore[misc]
            was, now = before[name].story, after.story
            assert (now.stage, now.waiting_for, now.next_due) == (was.stage, was.waiting_for, was.next_due), name
            assert (now.deadlines, now.requests, now.clock) == (was.deadlines, was.requests, was.clock), name
            assert (after.facts, after.episode) == (before[name].facts, before[name].episode), name
            until = {"until": after.announced.until}
            assert before[name].announced.model_copy(update=until) == after.announced, name
            await eventually(lambda case=case: has_its_timers(case))  # type: ignore[misc]
            assert await record_of(records, case) == words[name], name
            assert await batches(council, case) == numbers[name], "nothing is written again"

        # Each goes on: the next message is taken, what was said stays said, and the batches are numbered on.
        for name, case in cases.items():
            receipt = await case.tell("new_information_received", "police/pc-1")
            assert receipt.fact == len(before[name].facts) + 1
            await case.recorded(records)
            lines, notices = await record_of(records, case)
            assert lines[: len(words[name][0])] == words[name][0] and notices[: len(words[name][1])] == words[name][1]
            new = lines[len(words[name][0]) :]
            assert new[0] == "New information received", name
            assert not set(new) & set(words[name][0]), name
            assert await batches(council, case) == numbers[name] + 1
            assert (await reading.verify_chain(records, case.reference)).intact
        missed = [line for line in (await record_of(records, cases["missed"]))[0] if "MISSED" in line]
        assert max(Counter(missed).values()) == 1

        # What waited to be decided still can be.
        request = (await cases["asked"].story()).waiting_requests[0].id
        assert (await cases["asked"].tell("authorisation", MANAGER, request=request, decision="authorise")).fact
        await cases["corrected"].tell("authorisation", MANAGER, request="correction", decision="authorise")
        [seen] = [d for d in (await cases["corrected"].story()).deadlines.values() if d.timescale == "child-seen"]
        assert seen.state is DeadlineState.OPEN, "the visit was withdrawn"

        # The same id counts as it always did.
        [referral, *_] = await reading.facts(records, cases["new"].reference)
        again = await cases["new"].send("referral_received", json.loads(referral.body))
        assert again.duplicate and again.fact == 1


async def known(case: OneCase) -> Case | None:
    try:
        return await case.state()
    except reach.NotFound:
        return None


async def test_a_limit_that_passes_meanwhile_is_said_once(council: Council) -> None:
    office = await council.opens()
    case = await office.case("MEANWHILE")
    await case.enquired(DAY - timedelta(seconds=2))
    async with office.records() as records:
        await case.recorded(records)
        for _ in range(2):
            await council.opens()
            case = await council.again(case)
            await rebuild(case)

            async def is_overdue(case: OneCase = case) -> bool:
                now = await known(case)
                return now is not None and bool(now.story.overdue)

            await eventually(is_overdue)
            await case.recorded(records)
        lines, notices = await record_of(records, case)
        assert sum("see the child: MISSED" in line for line in lines) == 1
        kinds = Counter(notice.partition(" ")[0] for notice in notices)
        assert (kinds["overdue"], kinds["escalation"]) == (1, 1)


async def test_what_had_not_gone_out_goes_out(council: Council) -> None:
    """E-mails that no mail server took yet, and a fact on its way to the case where it belongs."""
    post = Post()
    server = Controller(post, hostname="127.0.0.1", port=free_port())
    mail = {
        "S47_SMTP": f"127.0.0.1:{server.port}",
        "S47_ADDRESSES": json.dumps({"team manager": "tm@example.org", "social worker": "sw@example.org"}),
    }
    office = await council.opens(**mail)
    case, right = await office.case("UNSENT"), await office.case("RIGHT")
    await case.client.start_workflow(  # nobody serves it, so that nothing can be recorded there yet
        CaseWorkflow.run,
        CaseStart(reference=right.reference, procedure="P"),
        id=workflow_id(right.reference),
        task_queue="nobody",
    )
    await case.enquired(HOUR)
    visit = await case.tell("child_visited", WORKER, seen=True, alone=True)
    wrong: dict[str, Any] = {"facts": [visit.fact], "belongs_to": right.reference, "reason": "It was the sister"}
    await case.tell("recorded_in_error", WORKER, **wrong)
    await case.tell("authorisation", MANAGER, request="correction", decision="authorise")
    async with council.records() as records:
        await case.recorded(records)
        assert [forwarded.fact for forwarded in (await case.state()).announced.forwarding] == [visit.fact]
        queued = {notice.id for notice in await reading.notices(records, case.reference) if notice.state == "queued"}
        assert queued, "there is no mail server yet"

        office = await council.opens(**mail)
        server.start()
        case, right = await council.again(case), await council.again(right)
        await right.enquired(HOUR)
        await rebuild(case)

        async def all_gone() -> bool:
            there = [fact.name for fact in await reading.facts(records, right.reference)]
            states = {notice.id: notice.state for notice in await reading.notices(records, case.reference)}
            return "child_visited" in there and {states[notice_id] for notice_id in queued} == {"delivered"}

        await eventually(all_gone)
        lines, _ = await eventually(lambda: record_with(records, case, "is now recorded on case"))
        assert lines[-1] == f"No. {visit.fact} is now recorded on case {right.reference}"
    server.stop()
    sent = Counter(message["Message-ID"] for message in post.taken)
    assert set(sent.values()) == {1} and len(sent) >= len(queued)


async def record_with(records: Database, case: OneCase, words: str) -> tuple[list[str], list[str]] | None:
    """The same, once the chronology has these words."""
    lines, notices = await record_of(records, case)
    return (lines, notices) if any(words in line for line in lines) else None


async def test_a_closed_case_and_the_referral_after_it(council: Council) -> None:
    office = await council.opens()
    case = await office.case("CLOSED")
    await case.refer(ago=HOUR)
    await case.tell("screening_decided", MANAGER, harm_suspected=False)
    await case.tell("case_closed", MANAGER, reason="No harm is suspected")
    await case.handle.result()
    await council.opens()
    case = await council.again(case)
    async with council.records() as records:
        before = await record_of(records, case)
        await rebuild(case)
        assert await case.handle.result() == "Closed after episode 1."
        assert await record_of(records, case) == before
        assert (await case.refer()).stage == "referral"
        assert (await case.state()).episode == 2


async def test_what_is_in_no_record_is_said_to_be_so(council: Council) -> None:
    office = await council.opens()
    case = await office.case("NEVER")
    await rebuild(case)
    with pytest.raises(WorkflowFailureError) as failed:
        await case.handle.result()
    assert f"Case {case.reference} is not in the record" in str(failed.value.cause)


async def test_a_case_that_is_lost_while_much_waits_to_be_written(council: Council) -> None:
    """What was written says no more than what was written: what waited is lost, and what follows finds its place."""
    office = await council.opens()
    case = await office.case("HALFWAY")
    await case.enquired(HOUR)
    async with council.records() as records:
        await case.recorded(records)
        written = await batches(council, case)
        superuser = await asyncpg.connect(council.dsn, user="postgres")
        await superuser.execute(UNWRITTEN.format(number=written + 1))
        for _ in range(60):
            await case.tell("new_information_received", "police/pc-1")

        async def half_of_it() -> bool:
            await superuser.execute(UNWRITTEN.format(number=written + 3))
            return await batches(council, case) == written + 2

        await eventually(half_of_it, 60)
        before = len(await reading.facts(records, case.reference))
        assert 20 < before < 64
        await council.opens()
        await superuser.execute("DROP TRIGGER unwritten ON s47.case")
        await superuser.close()
        case = await council.again(case)
        await rebuild(case)
        receipt = await case.tell("new_information_received", "police/pc-1")
        assert receipt.fact == before + 1
        lines = await case.recorded(records)
        assert [line.number for line in lines] == list(range(1, len(lines) + 1))
        assert (await reading.verify_chain(records, case.reference)).intact
        assert (await case.state()).announced.kept == before + 1


UNWRITTEN = """
CREATE OR REPLACE FUNCTION s47.unwritten() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.batch >= {number} THEN RAISE EXCEPTION 'not now'; END IF; RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER unwritten BEFORE INSERT OR UPDATE ON s47.case
    FOR EACH ROW EXECUTE FUNCTION s47.unwritten();
"""
"""The record takes no batch from this number on."""
