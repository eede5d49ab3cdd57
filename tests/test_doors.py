"""The doors of a case: whatever comes by Update, by Signal or by the command line gets a clear answer, and nothing
that comes can stop a case."""

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WithStartWorkflowOperation, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.common import RawValue, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities import reading
from activities.database import Database
from casework.calendar import spoken_date
from casework.decide import LONGEST_KEPT
from casework.effects import Refused
from casework.incoming import read, sender
from casework.messages import in_words
from casework.stages import MESSAGES
from connection.settings import settings
from starter.cases import reach
from tests.office import Office, OneCase, eventually
from workflows.case import CaseStart, CaseWorkflow, Receipt, workflow_id
from workflows.doors import CLOSED

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()
WORKER, MANAGER, SCREENER = "social worker/sw-1", "team manager/tm-1", "assistant team manager/atm-1"


async def refused_messages(case: OneCase, records: Database) -> list[reading.RecordedMessage]:
    """What the record has of messages that were refused."""
    await case.recorded(records)
    kept = await reading.facts(records, case.reference, refused=True)
    return [kept_message for kept_message in kept if kept_message.fact is None]


async def refused_signals(case: OneCase, records: Database) -> list[tuple[str, str, str]]:
    """Of each refused signal: what the chronology says, and to whom which notice went."""
    lines = await case.recorded(records)
    notices = [notice for notice in await reading.notices(records, case.reference) if notice.kind == "refused"]
    refused = [line.text for line in lines if line.text.startswith("Refused: ")]
    assert len(notices) == len(refused), "for every refusal one notice"
    return [(text, notice.role, notice.text) for text, notice in zip(refused, notices, strict=True)]


VISIT: dict[str, Any] = {"seen": True, "alone": True}


async def test_every_message_has_an_update_and_a_signal(case: OneCase) -> None:
    doors = (await case.metadata()).definition
    assert {door.name for door in doors.update_definitions if door.name} == set(MESSAGES)
    # A program sends itself the last: what stands in the record, and a lost task does not know, the case takes up.
    assert {door.name for door in doors.signal_definitions if door.name} == {*MESSAGES, "go_on_from_the_record"}


# --- What a practitioner may get wrong ----------------------------------------------------------------------------

Wrong = tuple[str, str, dict[str, Any], str, str]
"""The message, by whom, what it says, words of the answer, and which role is told where nobody waits for it."""

WRONG: dict[str, Wrong] = {
    "a field is missing": ("chair_allocated", WORKER, {}, "chair: this is missing. Add it", "social worker"),
    "a field is unknown": (
        "child_visited",
        WORKER,
        {**VISIT, "sen": True},
        "sen: there is no such field",
        "social worker",
    ),
    "a word is unknown": (
        "section47_outcome",
        WORKER,
        {"outcome": "perhaps"},
        "outcome: 'perhaps' is not one of the choices. There are: not substantiated, substantiated",
        "social worker",
    ),
    "a contradiction": (
        "child_visited",
        WORKER,
        {**VISIT, "seen": False},
        "cannot have been seen",
        "social worker",
    ),
    "no time zone": (
        "child_visited",
        WORKER,
        {**VISIT, "occurred_at": "2026-04-08T10:00:00"},
        "occurred_at: '2026-04-08T10:00:00' has no time zone. Write",
        "social worker",
    ),
    "no time": (
        "child_visited",
        WORKER,
        {**VISIT, "occurred_at": "yesterday"},
        "is not a date and time",
        "social worker",
    ),
    "a bad id": ("child_visited", WORKER, {**VISIT, "id": "a b"}, "id: 'a b' is not an id. Use ", "social worker"),
    "nobody": ("child_visited", WORKER, {**VISIT, "by": None}, "by: ", "social worker"),
    "a role alone": ("child_visited", WORKER, {**VISIT, "by": {"role": "police"}}, "by.person: ", "social worker"),
    "a yes in other words": ("child_visited", WORKER, {**VISIT, "seen": "yes"}, "seen: 'yes' is not", "social worker"),
    "seen or not": ("child_visited", WORKER, {}, "seen: this is missing. Add it", "social worker"),
    "the future": (
        "child_visited",
        WORKER,
        {**VISIT, "occurred_at": (datetime.now(UTC) + DAY).isoformat()},
        "is in the future (it is now ",
        "social worker",
    ),
    "the end of time": (
        "child_visited",
        WORKER,
        {**VISIT, "occurred_at": "9999-12-31T23:59:59-12:00"},
        "occurred_at: Fri 31 Dec 9999 is further ahead than a childhood",
        "social worker",
    ),
    "before time": (
        "child_visited",
        WORKER,
        {**VISIT, "occurred_at": "0001-01-01T00:00:00+14:00"},
        "was not open yet at that time",
        "social worker",
    ),
    "a day beyond calendars": (
        "strategy_outcome",
        WORKER,
        {"decision": "section 47", "actions": [{"what": "Ask the school", "owner": "police", "due": "9999-12-31"}]},
        "actions: Fri 31 Dec 9999 is further ahead than a childhood",
        "social worker",
    ),
    "not at this stage": (
        "core_group_held",
        WORKER,
        {},
        "The child is not on a child protection plan",
        "social worker",
    ),
    "not before the gate": (
        "conference_scheduled",
        "conference service/cs-1",
        {"starts_at": (datetime.now(UTC) + DAY).isoformat()},
        "send conference_service_informed (source: Q-01)",
        "conference service",
    ),
    "not by this role": (
        "case_closed",
        WORKER,
        {"reason": "Done"},
        "cannot record “case closed” as social worker. It is recorded by: assistant team manager, team manager",
        "social worker",
    ),
    "not by the family": (
        "child_visited",
        "parents and carers/p-1",
        VISIT,
        "cannot record “child visited” as parents and carers. It is recorded by: ",
        "parents and carers",
    ),
    "not by an administrator": (
        "child_visited",
        "conference service/cs-1",
        VISIT,
        "cannot record “child visited” as conference service. It is recorded by: ",
        "conference service",
    ),
    "a role there is not": (
        "child_visited",
        "headteacher/h-1",
        VISIT,
        "This procedure has no role 'headteacher'. There are: assistant team manager,",
        "social worker",
    ),
    "a request there is not": (
        "authorisation",
        MANAGER,
        {"request": "request-9", "decision": "authorise"},
        "request: nothing called 'request-9' was waiting for a decision then. Waiting now: none",
        "team manager",
    ),
    "another child": (
        "referral_received",
        "police/pc-1",
        {"person": "another-child", "source": "police", "date_of_birth": "2020-02-02"},
        "is another child's. Refer this child under a reference of their own",
        "police",
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_refused_at_both_doors(case: OneCase, records: Database, wrong: Wrong) -> None:
    message, by, fields, words, to = wrong
    before = await case.state()
    with pytest.raises(reach.NotAccepted) as refused:
        await case.tell(message, by, **fields)
    assert words in str(refused.value)
    # Well-formed, the record has it and why it was refused; malformed, it leaves no trace.
    well_formed = not isinstance(read(message, case.body(by, **fields)), Refused)
    answered = await refused_messages(case, records)
    assert [kept_message.refused for kept_message in answered] == ([str(refused.value)] if well_formed else [])
    assert (await case.state()).announced.entries == before.announced.entries

    sent = case.body(by, **fields)
    await case.handle.signal(message, sent)
    [(entry, role, notice)] = await eventually(lambda: refused_signals(case, records))
    what = in_words(message)
    assert entry.startswith(f"Refused: {what}. ")
    known = sender(json.dumps(sent)) is not None and by != "headteacher/h-1"
    whose = "What you sent" if known else "Something sent by somebody unknown"
    assert notice == f"{whose} was refused: {what}. To see why: s47 show {case.reference} --refused"
    assert role == to
    kept = (await refused_messages(case, records))[-1]
    assert kept.refused is not None and words in kept.refused
    body = json.loads(kept.body)
    assert kept.name == message
    assert read(message, body) == read(message, sent) if well_formed else body == sent
    after = await case.story()
    assert (after.deadlines, after.requests, after.clock) == (
        before.story.deadlines,
        before.story.requests,
        before.story.clock,
    )
    await case.tell("child_visited", WORKER, **VISIT)


async def test_what_is_far_too_long_is_cut_and_its_sender_is_told(case: OneCase, records: Database) -> None:
    sent = case.body(WORKER, **VISIT, note="long " * 10_000)
    await case.handle.signal("child_visited", sent)
    [(_, role, notice)] = await eventually(lambda: refused_signals(case, records))
    assert (role, notice.partition(" was refused")[0]) == ("social worker", "What you sent")
    [kept] = await refused_messages(case, records)
    assert (kept.role, kept.person) == ("social worker", "sw-1")
    assert len(kept.body.encode()) < LONGEST_KEPT + 100
    assert sent["id"] in kept.body


async def test_the_answer_is_an_error_of_the_application(case: OneCase) -> None:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await case.handle.execute_update("core_group_held", case.body(WORKER))
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "Refused"
    assert failed.value.cause.message == "The child is not on a child protection plan."


# --- What a program may get wrong ---------------------------------------------------------------------------------

NO_JSON = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b'{"id": '))
NO_TEXT = RawValue(Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\x00\xff"))
TOO_DEEP = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 15_000 + b"]" * 15_000))
HALF_A_CHARACTER = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b'{"id": "\\ud800"}'))

MALFORMED: dict[str, list[Any]] = {
    "nothing": [],
    "two things": [{"id": "m-1"}, {"id": "m-2"}],
    "two things in no text": [NO_TEXT, NO_TEXT],
    "null": [None],
    "a list": [[{"id": "m-1"}]],
    "a word": ["m-1"],
    "no JSON": [NO_JSON],
    "no text": [NO_TEXT],
    "too deep": [TOO_DEEP],
    "half a character": [HALF_A_CHARACTER],
    "a thousand lists": [RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 1000 + b"]" * 1000))],
    "bytes": [b"\x00\xff"],
    "another converter's": [Payload(metadata={"encoding": b"json/plain"}, data=b"{}")],
}


@pytest.mark.parametrize("given", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_message_stops_nothing(case: OneCase, records: Database, given: list[Any]) -> None:
    words = "child_visited: write this as one JSON object"
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await case.handle.execute_update("child_visited", args=given)
    assert isinstance(failed.value.cause, ApplicationError) and words in failed.value.cause.message

    assert await refused_messages(case, records) == []
    await case.handle.signal("child_visited", args=given)
    [(entry, role, _)] = await eventually(lambda: refused_signals(case, records))
    assert entry.startswith("Refused: child visited. ")
    assert role == "social worker", "who acts at this stage"
    [kept] = await refused_messages(case, records)
    assert kept.refused is not None and words in kept.refused
    assert (await case.tell("child_visited", WORKER, **VISIT)).duplicate is False


@pytest.mark.parametrize("deep", [100, 500, 900, 990, 1500, 3000, 9000])
@pytest.mark.parametrize("opening", ["[", '{"x": '])
async def test_however_deep_it_goes_it_stops_nothing(case: OneCase, records: Database, deep: int, opening: str) -> None:
    inner = opening * deep + "1" + ("]" if opening == "[" else "}") * deep
    raw = f'{{"id": "m-9", "seen": {inner}}}'.encode()
    given = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=raw))
    with pytest.raises(WorkflowUpdateFailedError):
        await case.handle.execute_update("child_visited", given)
    await case.handle.signal("child_visited", given)
    await eventually(lambda: refused_signals(case, records))
    assert (await case.tell("child_visited", WORKER, **VISIT)).duplicate is False


@pytest.mark.parametrize("given", [[], [{"by": {"role": "police", "person": "pc-9"}}], [1, 2]], ids=str)
async def test_a_message_there_is_not(case: OneCase, records: Database, given: list[Any]) -> None:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await case.handle.execute_update("child_vanished", args=given)
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message.startswith("There is nothing called 'child_vanished' to record. Did you mean: ")

    await case.handle.signal("child_vanished", args=given)
    [(entry, role, notice)] = await eventually(lambda: refused_signals(case, records))
    assert entry.startswith("Refused: a message. ")
    known = len(given) == 1
    assert role == ("police" if known else "social worker")
    whose = "What you sent" if known else "Something sent by somebody unknown"
    assert notice == f"{whose} was refused: a message. To see why: s47 show {case.reference} --refused"
    [kept] = await refused_messages(case, records)
    assert kept.name == "child_vanished"
    assert (kept.refused or "").startswith("There is nothing called 'child_vanished' to record. ")


async def test_a_refusal_quotes_little_and_tells_nothing_of_a_child(case: OneCase, records: Database) -> None:
    name = "Tom Doe " * 1000
    by = {"role": "police", "person": "pc-1"}
    await case.handle.signal("child_visited", {**case.body(WORKER), "seen": name, "by": by})
    await case.handle.signal(name[:900], {"by": by})
    refused = await eventually(lambda: refused_signals(case, records))
    assert len(refused) == 2
    for entry, role, notice in refused:
        assert entry.startswith("Refused: ") and len(entry) < 200 and "Tom" not in entry
        assert role == "police"
        assert "Tom" not in notice


async def test_a_sender_who_is_no_person_does_no_harm(case: OneCase, records: Database) -> None:
    senders: list[Any] = [
        "police",
        ["police"],
        {"role": 1, "person": 2},
        {"role": {}, "person": []},
        {"role": "police"},
    ]
    for by in senders:
        await case.handle.signal("child_visited", {**case.body(WORKER), "by": by})
    refused = await eventually(lambda: refused_signals(case, records))
    assert [role for _, role, _ in refused] == ["social worker"] * 5, "who acts at this stage"


# --- Once, and in every order -------------------------------------------------------------------------------------


async def test_the_same_message_counts_once_by_whatever_door(case: OneCase, records: Database) -> None:
    visit = case.body(WORKER, **VISIT)

    async def sent() -> Receipt:
        return await reach.send(case.client, case.reference, "child_visited", visit)

    receipts = await asyncio.gather(*(sent() for _ in range(6)))
    assert sorted(receipt.duplicate for receipt in receipts) == [False] + [True] * 5
    [first] = [receipt for receipt in receipts if not receipt.duplicate]
    assert first.fact == 5 and {receipt.fact for receipt in receipts} == {first.fact}
    await case.handle.signal("child_visited", visit)
    again = await sent()
    assert (again.duplicate, again.stage) == (True, "section 47 enquiry")
    assert again.entries == ("Child visited: seen alone",)
    lines = await case.recorded(records)
    assert [line.message_id for line in lines].count(visit["id"]) == 2, "the visit, and the deadline it met"
    assert [line.text for line in lines if line.text.startswith("Child visited")] == ["Child visited: seen alone"]
    kept = await reading.facts(records, case.reference, refused=True)
    assert [fact.message_id for fact in kept].count(visit["id"]) == 1


async def test_an_id_that_was_used_for_something_else_is_refused(case: OneCase, records: Database) -> None:
    visit = case.body(WORKER, **VISIT)
    receipt = await case.send("child_visited", visit)
    for message, body in (
        ("child_visited", {**visit, "alone": False}),
        ("child_visited", {**visit, "note": "Seen at school"}),
        ("new_information_received", case.body(WORKER) | {"id": visit["id"]}),
    ):
        with pytest.raises(reach.NotAccepted, match=f"id: {visit['id']} was used before, for something else") as no:
            await case.send(message, body)
        assert f"no. {receipt.fact} (child visited, " in str(no.value)
    kept = await refused_messages(case, records)
    assert [fact.message_id for fact in kept] == [visit["id"]] * 3
    # However the instant or the person is written, it is the same.
    same = datetime.fromisoformat(visit["occurred_at"]).astimezone(timezone(timedelta(hours=1)))
    by = {"role": "Social Worker", "person": "SW-1"}
    again = await case.send("child_visited", {**visit, "occurred_at": same.isoformat(), "by": by})
    assert (again.duplicate, again.fact) == (True, receipt.fact)


async def test_a_case_there_is_not(office: Office) -> None:
    case = await office.case("NOBODY")
    for sent in (case.tell("child_visited", WORKER, **VISIT), case.signal("child_visited", WORKER), case.state()):
        with pytest.raises(reach.NotFound, match=f"There is no case {case.reference}") as unknown:
            await sent
        assert unknown.value.code == 3


# --- Referrals ----------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-03")
@pytest.mark.parametrize("status", ["FAILED_PRECONDITION", "ABORTED", "RESOURCE_EXHAUSTED"])
async def test_what_could_not_be_answered_just_then_is_asked_again(office: Office, status: str) -> None:
    """As the server has it, now and then, of a run that is just closing, or just beginning."""
    failures = iter([RPCError("not now", RPCStatusCode[status], b"")] * 2)

    async def ask() -> str:
        for failure in failures:
            raise failure
        return "the answer"

    assert await reach._answered(await office.client(), "R-1", ask) == "the answer"


async def test_a_second_referral_is_new_information(case: OneCase, records: Database) -> None:
    again = await case.refer("police/pc-1", source="police")
    assert again.entries[0] == "A further referral, from police: new information on this case"
    assert len(await case.runs()) == 1
    # The same by Signal.
    known = (await case.story()).child
    assert known is not None
    await case.signal(
        "referral_received", "health/gp-1", person=known.person, source="health", date_of_birth=str(known.born)
    )

    async def both() -> bool:
        texts = [line.text for line in await case.recorded(records)]
        return sum(text.startswith("A further referral, from ") for text in texts) == 2

    assert await eventually(both)


WRONG_REFERRALS: dict[str, tuple[dict[str, Any], str]] = {
    "born tomorrow": (
        {"date_of_birth": str(TODAY + DAY)},
        f"date_of_birth: {spoken_date(TODAY + DAY)} is after the referral",
    ),
    "grown up": ({"date_of_birth": "1990-01-01"}, "date_of_birth: somebody born on Mon 1 Jan 1990 was an adult on"),
    "born and expected": ({"date_of_birth": "2020-01-01", "expected_date_of_birth": str(TODAY)}, "one of the two"),
    "neither born nor expected": ({"date_of_birth": None}, "one of the two"),
    "received next year": (
        {"occurred_at": (datetime.now(UTC) + 366 * DAY).isoformat()},
        "is in the future",
    ),
    "without a time zone": (
        {"occurred_at": "2026-04-08T10:00:00"},
        "occurred_at: '2026-04-08T10:00:00' has no time zone",
    ),
    "an unknown field": ({"name": "Tom Doe"}, "name: there is no such field"),
    "an unknown source": ({"source": "a friend"}, "source: 'a friend' is not one of the choices. There are: agency, "),
    "without a child": ({"person": None}, "person: "),
    "by the family": ({"by": {"role": "parents and carers", "person": "p"}}, "cannot record “referral received” as "),
    "by an unknown role": ({"by": {"role": "vicar", "person": "v"}}, "This procedure has no role 'vicar'"),
}


@pytest.mark.parametrize(("fields", "words"), WRONG_REFERRALS.values(), ids=WRONG_REFERRALS)
async def test_a_wrong_referral_opens_no_case(office: Office, fields: dict[str, Any], words: str) -> None:
    case = await office.case("WRONG")
    with pytest.raises(reach.NotAccepted) as refused:
        await case.refer(**fields)
    assert words in str(refused.value)
    # Put right, it opens the case at once.
    assert (await case.refer()).stage == "referral"
    assert [fact.number for fact in (await case.state()).facts] == [1]


async def test_a_referral_on_the_wrong_procedure_can_be_put_right_at_once(office: Office) -> None:
    wrong = await office.case("MISTAKEN", "B")
    with pytest.raises(reach.NotAccepted, match="This procedure has no role 'other agency'"):
        await wrong.refer("other agency/school-1")
    right = OneCase(wrong.client, wrong.reference, "P", office)  # under the very ids that were refused
    assert (await right.refer("other agency/school-1")).duplicate is False
    assert (await right.story()).procedure.about.letter == "P"


async def test_a_procedure_there_is_not(office: Office) -> None:
    case = await office.case("UNRULED", "Utopia")
    with pytest.raises(reach.NotAccepted, match=r"^There is no procedure 'Utopia'. There are: .*process-map \(P\)"):
        await case.refer()
    right = OneCase(case.client, case.reference, "P", office)
    assert (await right.refer()).stage == "referral"


async def test_a_referral_that_meets_the_rebuilding_of_a_case_there_never_was_is_tried_again(office: Office) -> None:
    case = await office.case("NEVER")
    fields = case.body("police/pc-1", date_of_birth="2020-02-02", person="child-1", source="police")
    rebuilding = WithStartWorkflowOperation(
        CaseWorkflow.run,
        CaseStart(reference=case.reference, procedure="", rebuild=True),
        id=workflow_id(case.reference),
        task_queue=settings().task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await case.client.execute_update_with_start_workflow(
            "referral_received", fields, start_workflow_operation=rebuilding
        )
    answer = failed.value.cause
    assert isinstance(answer, ApplicationError)
    assert (answer.type, answer.message) == (CLOSED, f"Case {case.reference} is not in the record")
    opened = await reach.refer(case.client, reach.Opening(reference=case.reference, procedure="P"), fields)
    assert (opened.stage, opened.duplicate) == ("referral", False)


async def test_many_who_refer_at_once_open_one_case(office: Office) -> None:
    case = await office.case("MANY")
    now = datetime.now(UTC).isoformat()
    receipts = await asyncio.gather(
        *(case.refer(f"other agency/school-{number}", occurred_at=now) for number in range(6))
    )
    assert sum("Referral received" in receipt.entries[0] for receipt in receipts) == 1
    assert sum("A further referral" in receipt.entries[0] for receipt in receipts) == 5
    assert len(await case.runs()) == 1


# --- The end ------------------------------------------------------------------------------------------------------


async def close(case: OneCase) -> None:
    await case.tell("screening_decided", MANAGER, harm_suspected=False)
    await case.tell("case_closed", MANAGER, reason="No harm is suspected")


async def waits_for_its_referral(case: OneCase) -> None:
    """Start its workflow, as a referral does."""
    start = CaseStart(reference=case.reference, procedure=case.procedure)
    await case.client.start_workflow(
        CaseWorkflow.run, start, id=workflow_id(case.reference), task_queue=settings().task_queue
    )


async def completed(case: OneCase) -> bool:
    return (await case.handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_closed_case_takes_nothing_and_a_new_referral_opens_it_again(office: Office, records: Database) -> None:
    case = await office.case("CLOSED")
    await case.refer()
    await close(case)
    await eventually(lambda: completed(case))
    assert await case.handle.result() == "Closed after episode 1."
    for sent in (case.tell("child_visited", WORKER, **VISIT), case.signal("child_visited", WORKER)):
        with pytest.raises(reach.NotFound, match=f"Case {case.reference} is closed. To open it again, "):
            await sent
    # While a referral of it is on its way: that one may be the old file again, which opens nothing.
    await waits_for_its_referral(case)
    with pytest.raises(
        reach.NotAccepted, match=f"Case {case.reference} is closed. To open it again, send a new referral"
    ):
        await case.tell("child_visited", WORKER, **VISIT)
    again = await case.refer()
    assert again.stage == "referral"
    assert (await case.state()).episode == 2
    assert [line.episode for line in await case.recorded(records)].count(2) == 1


async def test_the_same_referral_again_opens_nothing(office: Office, records: Database) -> None:
    """Field report A12: the same file, after the case closed and again in the next episode."""
    case = await office.case("AGAIN")
    fields: dict[str, Any] = {"date_of_birth": "2020-02-02", "person": "child-1", "source": "police"}
    file = case.body("police/pc-1", **fields)
    opening = reach.Opening(reference=case.reference, procedure="P")

    async def again() -> Receipt:
        return await reach.refer(case.client, opening, file)

    first = await again()
    assert (first.duplicate, first.fact) == (False, 1)
    assert ((await again()).duplicate, (await again()).fact) == (True, 1)
    await close(case)
    await eventually(lambda: completed(case))
    for _ in range(2):
        repeat = await again()
        assert (repeat.duplicate, repeat.stage, repeat.waiting_for) == (True, "closed", ())
        await eventually(lambda: completed(case))
    assert {line.episode for line in await reading.chronology(records, case.reference)} == {1}
    assert await reading.open_cases(records) == [
        front for front in await reading.open_cases(records) if front.reference != case.reference
    ]

    # Another one opens it; the old file is a repeat in that episode too, and says where the case stands now.
    anew = await reach.refer(case.client, opening, case.body("police/pc-1", **fields))
    assert (anew.duplicate, anew.fact, anew.stage) == (False, 1, "referral")
    repeat = await again()
    assert (repeat.duplicate, repeat.stage) == (True, "referral")
    assert len((await case.state()).facts) == 1
    with pytest.raises(reach.NotAccepted, match="was used before, for an earlier referral"):
        await reach.refer(case.client, opening, {**file, "source": "health"})


@pytest.mark.parametrize("by", [WORKER, "vicar/v-1"])
async def test_what_comes_while_a_case_is_being_closed_is_answered(office: Office, records: Database, by: str) -> None:
    case = await office.case("CLOSING")
    await case.refer()
    await case.recorded(records)
    async with records.transaction() as connection:  # the record cannot be written meanwhile
        await connection.execute("SELECT FROM s47.case WHERE reference = $1 FOR UPDATE", case.reference)
        await close(case)
        with pytest.raises(reach.NotAccepted, match=r"is closed\. To open it again, send a new referral"):
            await case.tell("child_visited", by, **VISIT)
        kept = (await case.state()).announced.kept
        await case.signal("child_visited", by, **VISIT)
        await eventually(lambda: has_kept(case, kept + 1))
    await eventually(lambda: completed(case))
    [(_, role, _)] = await refused_signals(case, records)
    for refusal in await refused_messages(case, records):
        assert refusal.refused is not None and "is closed. To open it again, send a new referral" in refusal.refused
    assert role == ("social worker" if by == WORKER else "team manager"), "who closes cases, where the role is unknown"


async def has_kept(case: OneCase, number: int) -> bool:
    return (await case.state()).announced.kept == number


async def test_a_case_is_not_ended_by_cancelling_it(case: OneCase, records: Database) -> None:
    before = await case.story()
    await case.handle.cancel()

    async def is_notified() -> bool:
        return (await case.recorded(records))[-1].text.startswith(
            "Somebody asked Temporal to cancel this case. It goes on"
        )

    await eventually(is_notified)
    assert (await case.handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert (await case.story()).deadlines == before.deadlines
    assert (await case.tell("child_visited", WORKER, **VISIT)).stage == "section 47 enquiry"
