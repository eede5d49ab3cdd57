"""The running case: its durable timers, and what Temporal's Web UI shows of it."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from activities import reading
from activities.confirming import Confirming
from activities.database import Database
from casework.batch import front_of
from casework.calendar import spoken_date
from casework.story import DeadlineState, Story
from connection import search_attributes as attribute
from starter.cases import reach
from tests.batches import written_by_a_lost_task
from tests.faults.spoil import spoil
from tests.office import Office, OneCase, eventually, has_its_timers, running_timers, summary
from tests.postgres import rows
from workflows.case import workflow_id

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ALMOST_A_DAY = DAY - timedelta(seconds=2)
"""So long ago did something happen that a limit of 24 hours passes in two seconds."""
WORKER, MANAGER = "social worker/sw-1", "team manager/tm-1"


def only(story: Story, timescale: str) -> DeadlineState:
    [deadline] = [deadline for deadline in story.deadlines.values() if deadline.timescale == timescale]
    return deadline.state


# --- Timers -------------------------------------------------------------------------------------------------------


async def test_a_limit_that_passes_is_told_by_itself(office: Office, records: Database) -> None:
    case = await office.case("LATE")
    await case.enquired(ALMOST_A_DAY)
    assert only(await case.story(), "child-seen") is DeadlineState.OPEN
    assert await listed(case, "Overdue IS NULL")

    await eventually(lambda: listed(case, "Overdue = 'child-seen'"))
    assert only(await case.story(), "child-seen") is DeadlineState.OVERDUE
    lines = await case.recorded(records)
    missed = [line for line in lines if "MISSED" in line.text]
    assert [(line.what, line.by) for line in missed] == [("time passed", "S47")]
    assert missed[0].text.startswith("Visit the family home and see the child: MISSED, was due ")
    notices = [(notice.kind, notice.role) for notice in await reading.notices(records, case.reference)]
    assert notices[-2:] == [("overdue", "social worker"), ("escalation", "team manager")]
    details = (await case.metadata()).current_details
    assert "| **OVERDUE** | " in details and "Visit the family home and see the child" in details

    await case.tell("child_visited", WORKER, seen=True, alone=True)
    await eventually(lambda: listed(case, "Overdue IS NULL"))


async def test_every_deadline_has_one_timer_that_names_it(case: OneCase) -> None:
    async def timers() -> set[str]:
        await eventually(lambda: has_its_timers(case))
        return set(running_timers(await case.history()))

    due = {deadline.timescale: deadline for deadline in (await case.story()).running_deadlines}
    first = await timers()
    assert {words.partition(" — due ")[0] for words in first} == {
        "Visit the family home and see the child",
        "Hold the initial child protection conference",
        "Allocate the Independent Reviewing Officer and arrange the conference",
        "Look at the case again",
    }
    conference = due["initial-conference"].on
    assert conference is not None
    assert f"Hold the initial child protection conference — due {spoken_date(conference)}" in first

    # Met: its timer is gone. Set: a timer more. Moved: another one in its place.
    await case.tell("child_visited", WORKER, seen=True, alone=True)
    second = await timers()
    assert first - second == {words for words in first if words.startswith("Visit")} and second < first
    await case.tell("section47_outcome", WORKER, outcome="substantiated")
    await case.tell("conference_service_informed", WORKER)
    starts = datetime.now(UTC) + 9 * DAY
    await case.tell("conference_scheduled", "conference service/cs-1", starts_at=starts.isoformat())
    third = await timers()
    reports = {
        words for words in third if words.startswith(("Share the conference report", "Send the conference report"))
    }
    assert len(reports) == 2
    await case.tell("conference_scheduled", "conference service/cs-1", starts_at=(starts + DAY).isoformat())
    fourth = await timers()
    assert third - fourth == reports and len(fourth) == len(third)
    assert all(len(words) <= 120 for words in fourth)


async def test_a_duty_that_is_late_from_the_start_rings_at_once(office: Office) -> None:
    """When a limit passes, what follows from it may have been due before: its timer must not lie in the past."""
    case = await office.case("OVERTAKEN", "OWN")
    await case.enquired(ALMOST_A_DAY)
    timescales = {deadline.timescale for deadline in (await case.story()).deadlines.values()}
    assert "report" in timescales and "report-explained" not in timescales

    async def overdue() -> bool:
        return {"report", "report-explained"} <= {deadline.timescale for deadline in (await case.story()).overdue}

    await eventually(overdue)
    await eventually(lambda: has_its_timers(case))


# --- What the Web UI shows ----------------------------------------------------------------------------------------


async def listed(case: OneCase, query: str) -> bool:
    """Whether a filter of the Web UI's list of workflows finds the case."""
    workflow = workflow_id(case.reference)
    executions = case.client.list_workflows(f"{query} AND WorkflowType = 'case' AND WorkflowId = '{workflow}'")
    return [execution.id async for execution in executions] == [workflow]


async def test_cases_are_filtered_by_what_managers_ask(case: OneCase) -> None:
    state = await case.story()
    assert state.next_due is not None
    after, before = (state.next_due + wait for wait in (timedelta(minutes=1), -timedelta(minutes=1)))
    is_so = [
        "Stage = 'section 47 enquiry'",
        "ExecutionStatus = 'Running'",
        "CaseProcedure = 'example'",
        "Team = 'North'",
        "AllocatedTo = 'sw-1'",
        "WaitingFor = 'social worker'",
        "WaitingFor = 'conference service'",
        "Overdue IS NULL",
        f"NextDue < '{after.isoformat()}'",
        f"NextDue > '{before.isoformat()}'",
        "Stage = 'section 47 enquiry' AND Team = 'North' AND Overdue IS NULL",
    ]
    is_not = [
        "Stage = 'referral'",
        "CaseProcedure = 'pan-bedfordshire'",
        "Team = 'South'",
        "AllocatedTo = 'sw-2'",
        "WaitingFor = 'team manager'",
        "Overdue IS NOT NULL",
        "Overdue = 'child-seen'",
        f"NextDue > '{after.isoformat()}'",
    ]
    for query in is_so:
        assert await eventually(lambda query=query: listed(case, query)), query  # type: ignore[misc]
    for query in is_not:
        assert not await listed(case, query), query


async def test_search_attributes_follow_the_case(case: OneCase) -> None:
    async def shown() -> dict[str, object]:
        attributes = (await case.handle.describe()).typed_search_attributes
        return {key.name: attributes.get(key) for key in attribute.ALL}

    async def as_it_stands() -> bool:
        front = front_of(await case.state())
        return await shown() == {
            "Stage": front.stage.value,
            "CaseProcedure": "example",
            "Team": front.team,
            "AllocatedTo": front.allocated_to,
            "NextDue": front.next_due,
            "Overdue": list(front.overdue) or None,
            "WaitingFor": list(front.waiting_for),
            "Trouble": None,
        }

    await eventually(as_it_stands)
    await case.tell("social_worker_allocated", MANAGER, social_worker="sw-2", team="South")
    await eventually(as_it_stands)
    assert ((await shown())["AllocatedTo"], (await shown())["Team"]) == ("sw-2", "South")
    await case.tell("child_visited", WORKER, seen=True, alone=True)
    await case.tell("section47_outcome", WORKER, outcome="not substantiated", child_in_need_considered=True)
    await eventually(as_it_stands)
    assert (await shown())["Stage"] == "assessment"
    await case.tell("assessment_completed", WORKER)
    await eventually(as_it_stands)
    assert (await shown())["WaitingFor"] == ["team manager"]
    request = (await case.story()).waiting_requests[0].id
    await case.tell("authorisation", MANAGER, request=request, decision="authorise")
    await case.tell("case_closed", MANAGER, reason="Not substantiated")
    await case.handle.result()
    assert await shown() == {
        **dict.fromkeys(("NextDue", "Overdue", "WaitingFor", "Trouble")),
        "Stage": "closed",
        "CaseProcedure": "example",
        "Team": "South",
        "AllocatedTo": "sw-2",
    }


async def test_the_front_page_says_who_acts_next_and_what_is_due(case: OneCase) -> None:
    await case.tell("strategy_requested", "assistant team manager/atm-1")
    details = (await case.metadata()).current_details
    state = await case.story()
    assert details.startswith("## Strategy discussion\n") or details.startswith("## Section 47 enquiry\n")
    assert f"Case **{case.reference}**, episode 1, on the procedure *Example Council*" in details
    assert f"**Who must act next:** {', '.join(state.waiting_for)}" in details and "team manager" in state.waiting_for
    assert "**Allocated to:** sw-1, North" in details
    for deadline in state.running_deadlines:
        assert f"| {deadline.duty} | {deadline.owner} | {', '.join(deadline.cites)}" in details
    [request] = state.waiting_requests
    assert f"| {request.id} | {request.title} | team manager |" in details


async def test_a_case_says_what_it_is_and_what_it_does(case: OneCase, records: Database) -> None:
    await case.recorded(records)
    described = await case.handle.describe()
    assert await described.static_summary() == f"Case {case.reference}, on the procedure E"
    assert "who must act next" in (await described.static_details() or "")
    assert described.workflow_type == "case"
    assert await described.memo() == {}
    scheduled = [
        event for event in await case.history() if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    types = {event.activity_task_scheduled_event_attributes.activity_type.name for event in scheduled}
    assert types == {"record"}, "what opens it; all else is done within the workflow tasks"
    done_at_once = [event for event in await case.history() if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED]
    assert summary(done_at_once[0]) == "Load what the case is decided with"
    assert summary(scheduled[0]).startswith("Record referral received")
    assert all(0 < len(summary(event)) <= 120 for event in scheduled + done_at_once)


async def test_nothing_of_a_child_stands_where_many_can_read_it(office: Office, records: Database) -> None:
    case = await office.case("PRIVATE")
    child, born = "child-nhs-4711", datetime.now(UTC).date().replace(year=datetime.now(UTC).year - 7, month=2, day=3)
    note, action, reason = "Bruises on Tom's left arm", "Ask Tom's aunt Sue", "Since Tom's father Jack said so"
    await case.refer(person=child, date_of_birth=str(born), note=note)
    await case.tell("social_worker_allocated", MANAGER, social_worker="sw-1", note=note)
    await case.tell("strategy_requested", "assistant team manager/atm-1", immediate=True, note=note)
    actions = [{"what": action, "owner": "social worker", "due": str((datetime.now(UTC) + 3 * DAY).date())}]
    await case.tell("strategy_outcome", WORKER, decision="section 47", note=note, actions=actions, reason=reason)
    await case.tell("child_visited", WORKER, seen=False, reason=reason, note=note)
    await case.tell("information_withheld", WORKER, ground="risk of harm", note=note)
    await case.tell("reason_recorded", WORKER, deadline="initial-conference", reason=reason)
    wrong = await case.tell("new_information_received", WORKER, concern=["Tom hides"], note=note)
    await case.tell("recorded_in_error", WORKER, facts=[wrong.fact], reason=reason)
    with pytest.raises(reach.NotAccepted, match="team: "):  # a team is seen on lists: a plain name
        await case.tell("social_worker_allocated", MANAGER, social_worker="sw-1", team="[Tom](http://x) <b>North</b>")
    with pytest.raises(reach.NotAccepted, match="was not open yet at that time"):
        await case.tell("child_visited", WORKER, seen=True, occurred_at="1999-01-01T00:00:00Z", note=note)
    await case.signal("child_visited", "police/pc-1", seen=True, note=note * 1000)
    await case.signal("referral_received", "police/pc-1", person="child-nhs-4712", source=note, note=note)
    await case.handle.signal(note, case.body(WORKER, note=note))

    async def all_refused() -> bool:
        return sum("Refused: " in line.text for line in await case.recorded(records)) == 3

    await eventually(all_refused)
    await eventually(lambda: has_its_timers(case))

    described = await case.handle.describe()
    summaries = [summary(event) for event in await case.history() if event.HasField("user_metadata")]
    open_to_many = [
        described.id,
        described.workflow_type,
        described.task_queue,
        await described.static_summary(),
        await described.static_details(),
        (await case.metadata()).current_details,
        str(described.raw_description.workflow_execution_info.search_attributes),
        str(described.raw_description.workflow_execution_info.memo),
        *summaries,
        *(f"{notice}" for notice in await reading.notices(records, case.reference)),
    ]
    # How many batches there are is chance; that there is a summary of each sort is not.
    assert {"Action 1 agreed at strategy-3", "Load what the case is decided with", "Look at the case again"} <= {
        words.partition(" — due ")[0] for words in summaries
    }
    assert any(words.startswith("Record ") and "strategy outcome" in words for words in summaries)
    days = (str(born), f"{born.day} {born:%b} {born.year}", f"{born:%d.%m.%Y}", f"{born:%d/%m/%Y}")
    for secret in (child, "child-nhs", "Bruises", "Tom", "Sue", "Jack", "<b>", "http://x", *days):
        assert not [words for words in open_to_many if words is not None and secret in words], secret
    # It is where it belongs: in the record.
    words = [line.note for line in await reading.chronology(records, case.reference) if line.note]
    assert note in words
    assert any(action in text and reason in text for text in words)


# --- A record that says something else ----------------------------------------------------------------------------


async def test_a_record_that_refuses_is_said_so_and_the_case_goes_on(office: Office, records: Database) -> None:
    case = await office.case("TAMPERED")
    await case.refer()
    await case.recorded(records)
    last = "number = (SELECT max(number) FROM s47.entry WHERE reference = $1)"
    assert await spoil(
        office.dsn, f"DELETE FROM s47.seal WHERE reference = $1 AND chain = 'entry' AND {last}", case.reference
    )
    assert await spoil(office.dsn, f"DELETE FROM s47.entry WHERE reference = $1 AND {last}", case.reference)

    await case.tell("social_worker_allocated", MANAGER, social_worker="sw-1")

    async def is_reported() -> bool:
        return "**The record refuses what is decided" in (await case.metadata()).current_details

    await eventually(is_reported)
    details = (await case.metadata()).current_details
    assert f"of case {case.reference} (episode 1) does not continue the record" in details
    assert (await case.tell("strategy_requested", "assistant team manager/atm-1")).stage == "referral"
    waiting = [words for words in running_timers(await case.history()) if words.startswith("The record refused")]
    assert len(waiting) == 1, "it is tried again"


async def test_a_case_that_goes_on_from_its_record_is_not_ended_by_cancelling_it(
    office: Office, records: Database
) -> None:
    case = await office.case("CANCELLED")
    await case.enquired()
    await case.recorded(records)
    facts = len((await case.state()).facts)
    await written_by_a_lost_task(await case.state(), records, case.body("police/pc-1"))

    async def reads_its_record() -> bool:
        described = (await case.handle.describe()).raw_description
        return [activity.activity_type.name for activity in described.pending_activities] == ["case_basis"]

    async with records.transaction() as connection:  # it cannot be read meanwhile
        await connection.execute("LOCK TABLE s47.calendar IN ACCESS EXCLUSIVE MODE")
        await case.signal("new_information_received", "police/pc-2")
        await eventually(reads_its_record)
        await case.handle.cancel()

    async def goes_on() -> bool:
        return len((await case.state()).facts) == facts + 2

    await eventually(goes_on)
    assert (await case.handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert sum("cancel" in line.text.casefold() for line in await case.recorded(records)) == 1


async def test_a_case_comes_to_know_of_what_a_lost_task_had_written(office: Office, records: Database) -> None:
    case = await office.case("UNKNOWING")
    await case.enquired()
    await case.recorded(records)
    facts = len((await case.state()).facts)
    await written_by_a_lost_task(await case.state(), records, case.body("police/pc-1"))
    assert len((await case.state()).facts) == facts
    await written_a_while_ago(case, records)
    await Confirming(records).confirm(case.client)

    async def knows() -> bool:
        return len((await case.state()).facts) == facts + 1

    await eventually(knows)
    await Confirming(records).confirm(case.client)
    [row] = [row for row in await rows(office.dsn, "case") if row["reference"] == case.reference]
    assert row["confirmed"] == row["batch"]
    assert (await case.tell("child_visited", WORKER, seen=True, alone=True)).fact == facts + 2


async def test_what_a_history_shows_as_written_is_confirmed_though_no_worker_runs(
    office: Office, records: Database
) -> None:
    ours = dataclasses.replace(office, queue="confirmed")
    case = await ours.case("CONFIRMED")
    with ours.worker():
        await case.enquired()
        await case.recorded(records)
    await written_a_while_ago(case, records)
    await Confirming(records).confirm(case.client)
    [row] = [row for row in await rows(office.dsn, "case") if row["reference"] == case.reference]
    assert row["confirmed"] == row["batch"]


async def written_a_while_ago(case: OneCase, records: Database) -> None:
    """Let what was written a moment ago be confirmed already."""
    async with records.transaction() as connection:
        await connection.execute(
            "UPDATE s47.case SET written_at = now() - interval '1 hour' WHERE reference = $1", case.reference
        )


async def test_what_a_lost_task_had_written_stands(office: Office, records: Database) -> None:
    case = await office.case("OVERTAKEN")
    await case.enquired()
    await case.recorded(records)
    before = await case.state()
    sent = case.body("police/pc-1", note="Only the record has heard of this")
    await written_by_a_lost_task(await case.state(), records, sent)

    await case.signal("new_information_received", "police/pc-2", note="A signal of the same moment")
    await case.tell("child_visited", WORKER, seen=True, alone=True)
    state = await case.state()
    assert [fact.message.name for fact in state.facts[len(before.facts) :]] == [
        *("new_information_received",) * 2,
        "child_visited",
    ]
    again = await case.send("new_information_received", sent)
    assert (again.fact, again.duplicate) == (len(before.facts) + 1, True)
    lines = await case.recorded(records)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert (await reading.verify_chain(records, case.reference)).intact


async def test_a_case_that_a_lost_task_had_closed_ends(office: Office, records: Database) -> None:
    case = await office.case("CLOSED-UNKNOWN", "B")
    await case.refer("school/school-1")
    await case.tell("screening_decided", "practice supervisor/ps-1", harm_suspected=False)
    await case.tell("assessment_completed", "lead practitioner/sw-1")
    await case.recorded(records)
    closing = case.body("children's social care manager/m-1", reason="No harm is suspected")
    await written_by_a_lost_task(await case.state(), records, closing, "case_closed")
    await reach.signal(case.client, case.reference, "case_closed", closing)  # the task that takes it is done again
    assert await asyncio.wait_for(case.handle.result(), 30) == "Closed after episode 1."


async def test_task_after_task_may_be_lost(office: Office, records: Database) -> None:
    """Each had written all that the next one decides, so that nothing is written between them."""
    case = await office.case("OVERTAKEN")
    await case.enquired()
    await case.recorded(records)
    facts = len((await case.state()).facts)
    for number in range(1, 4):
        sent = case.body("police/pc-1")
        await written_by_a_lost_task(await case.state(), records, sent)
        again = await case.send("new_information_received", sent)
        assert (again.fact, again.duplicate) == (facts + number, False)
    assert "record refuses" not in (await case.metadata()).current_details
    assert len((await case.state()).facts) == facts + 3
