"""What is checked of a case from outside, once it is at rest: one function for each thing that always holds.

Each takes a `Look` and gives every problem in words. tests/faults/spoil.py has, for each, what it must object to.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHistory

from activities.database import Database
from casework import decide
from casework.batch import Front, front_of
from casework.case import Announced, Case
from casework.story import Deadline, Request
from starter.cases import reach, recorded
from tests.faults.report import Report, Violation
from tests.faults.sending import Answer, Door, FaultCase, Sent
from tests.office import eventually, is_in_step, records_at
from tests.test_replay import replay
from workflows.case import workflow_id

Row = dict[str, Any]
TABLES = {
    "fact": "number",
    "entry": "number",
    "case": "episode",
    "deadline": "id",
    "request": "id",
    "notice": "ordinal",
}
"""What is looked at of the record, and what each table's rows are ordered by within an episode."""
LATE = timedelta(seconds=10)
"""So late a timer may ring at most, where nothing holds it up."""
MOVED = "moved-"
"""The ids of what is forwarded from another case begin with this."""


@dataclass(frozen=True)
class Look:
    """A case as it is seen from outside at one instant, on its own clock: what was sent to it, the workflow's state,
    the record's rows of it, what `s47 verify` finds, and what Temporal has of its workflow. `histories` are those of
    all its runs, oldest first."""

    case: FaultCase
    at: datetime
    state: Case
    record: dict[str, list[Row]]
    problems: tuple[str, ...]
    description: WorkflowExecutionDescription
    histories: list[WorkflowHistory]

    @property
    def last_episode(self) -> dict[str, list[Row]]:
        """The rows of the episode that the state is of."""
        return {
            table: [row for row in rows if row["episode"] == self.state.episode] for table, rows in self.record.items()
        }

    def facts_of(self, sent: Sent) -> list[Row]:
        """The rows by which the record has this message as accepted."""
        return [row for row in self.record["fact"] if row["message_id"] == sent.id and row["fact"] is not None]


async def look(case: FaultCase, dsn: str) -> Look:
    """Look at a case and its record, until both are of the same instant. TimeoutError where they never are."""
    async with records_at(dsn) as records:

        async def of_one_instant() -> Look | None:
            state, at = await state_of(case, records), case.now()
            seen = Look(case, at, state, {}, (), await case.handle.describe(), await histories_of(case))
            seen = await with_record(seen, dsn)
            return seen if await state_of(case, records) == state else None

        return await eventually(of_one_instant)


async def with_record(seen: Look, dsn: str) -> Look:
    """The same, with the record that this database has."""
    reference = seen.case.reference
    async with records_at(dsn) as records:
        verified = await recorded.verify(seen.case.client, records, reference, within=0)
        assert verified is not None
    return replace(seen, record=await _rows(dsn, reference), problems=verified.problems)


async def state_of(case: FaultCase, records: Database) -> Case:
    """The state of its workflow; of one that is not to be asked (it was lost, or opened nothing) that of the record."""
    try:
        return await case.state()
    except reach.NotFound:
        state = await recorded.case_of(records, case.reference)
        assert state is not None, f"{case.reference} is nowhere"
        return state


async def _rows(dsn: str, reference: str) -> dict[str, list[Row]]:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {
                table: [
                    dict(row)
                    for row in await connection.fetch(
                        f"SELECT * FROM s47.{table} WHERE reference = $1 ORDER BY episode, {order}", reference
                    )
                ]
                for table, order in TABLES.items()
            }
    finally:
        await connection.close()


async def histories_of(case: FaultCase) -> list[WorkflowHistory]:
    """The histories of all its runs, oldest first."""
    workflow = workflow_id(case.reference)
    return [await case.client.get_workflow_handle(workflow, run_id=run).fetch_history() for run in await case.runs()]


# --- Messages -----------------------------------------------------------------------------------------------------


def acknowledged_is_recorded(seen: Look) -> Iterator[str]:
    """What was accepted is a fact; what was taken by a Signal is a fact, or kept as refused."""
    kept = Counter(row["message_id"] for row in seen.record["fact"])
    for sent in seen.case.sent:
        if sent.accepted and not seen.facts_of(sent):
            yield f"{sent.id} ({sent.name}) was acknowledged, and is no fact"
        elif sent.answers[Door.SIGNAL, Answer.SIGNALLED] and sent.readable and not kept[sent.id]:
            yield f"{sent.id} ({sent.name}) was taken by its Signal, and is not in the record"
    unreadable = [sent for sent in seen.case.sent if not sent.readable]
    # Nothing tells one from the same sent again: it may count once, and where the server did not answer it may be sent
    # again within the same call.
    least = sum(bool(sent.answers[Door.SIGNAL, Answer.SIGNALLED]) for sent in unreadable)
    most = sum(2 * sent.answers[Door.SIGNAL, Answer.SIGNALLED] for sent in unreadable)
    most += sum(sent.answers[Door.SIGNAL, Answer.NONE] for sent in unreadable)
    if not least <= kept[None] <= most:
        yield f"{least} to {most} unreadable Signals were taken, and the record has {kept[None]}"


def recorded_once(seen: Look) -> Iterator[str]:
    """No message is two facts, and each stands as what it was sent as."""
    names = {sent.id: sent.name for sent in seen.case.sent}
    facts = [row for row in seen.record["fact"] if row["fact"] is not None]
    for message_id, times in Counter(row["message_id"] for row in facts).items():
        if times > 1:
            yield f"{message_id} is {times} facts"
    for row in facts:
        if row["name"] != names.get(row["message_id"], row["name"]):
            yield f"{row['message_id']} stands as {row['name']}, and was sent as {names[row['message_id']]}"


def receipts_hold(seen: Look) -> Iterator[str]:
    """The number and the lines that a receipt gave are those in the record."""
    for sent in seen.case.sent:
        for receipt in sent.receipts:
            if receipt.message_id != sent.id:
                yield f"{sent.id} was given a receipt for {receipt.message_id}"
            if receipt.duplicate or not (facts := seen.facts_of(sent)):
                continue
            row = facts[0]
            if receipt.fact != row["fact"]:
                yield f"{sent.id} was answered as no. {receipt.fact}, and is no. {row['fact']}"
            instant = (row["episode"], row["recorded_at"])
            lines = [e["text"] for e in seen.record["entry"] if (e["episode"], e["recorded_at"]) == instant]
            answered = list(receipt.entries)
            if not any(lines[at : at + len(answered)] == answered for at in range(len(lines) - len(answered) + 1)):
                yield f"{sent.id}: the record has not the lines of its receipt: {answered}, but {lines}"


def refused_is_no_fact(seen: Look) -> Iterator[str]:
    """What was refused whenever it was sent is no fact."""
    for sent in seen.case.sent:
        if sent.refused and seen.facts_of(sent):
            yield f"{sent.id} ({sent.name}) was refused, and is a fact"


def nothing_unsent(seen: Look) -> Iterator[str]:
    """The record has no message that nobody sent."""
    known = {sent.id for sent in seen.case.sent}
    for row in seen.record["fact"]:
        message_id = row["message_id"]
        if message_id is not None and message_id not in known and not message_id.startswith(MOVED):
            yield f"{message_id} ({row['name']}) was sent by nobody"


def in_order(seen: Look) -> Iterator[str]:
    """What was acknowledged before something else was sent stands before it."""
    placed = [
        (sent, (facts[0]["episode"], facts[0]["number"])) for sent in seen.case.sent if (facts := seen.facts_of(sent))
    ]
    for first, place in placed:
        for second, other in placed:
            acknowledged = first.acknowledged_at
            if acknowledged is not None and acknowledged < second.first_at and place > other:
                yield f"{first.id} was acknowledged before {second.id} was sent, and stands after it"


# --- What is worked out from them ---------------------------------------------------------------------------------


def verifies(seen: Look) -> Iterator[str]:
    """The seals hold, and the record has what the workflow was told: `s47 verify` has nothing to say."""
    yield from seen.problems


def front_agrees(seen: Look) -> Iterator[str]:
    """The case's row in the list of cases is as the workflow has it, with what it has said so far."""
    rows = {row["episode"]: row for row in seen.record["case"]}
    row = rows.get(seen.state.episode)
    if row is None:
        yield "the list of cases has not its last episode"
        return
    wanted = front_of(seen.state).model_dump()
    there = Front(**{name: row[name] for name in Front.model_fields}).model_dump()
    yield from (
        f"{name} is {wanted[name]}, in the record {there[name]}" for name in wanted if wanted[name] != there[name]
    )
    announced = _announced(row)
    if announced.model_copy(update={"until": None}) != seen.state.announced.model_copy(update={"until": None}):
        yield "the record has not what the case has said so far"
    for episode, earlier in rows.items():
        if episode < seen.state.episode and earlier["closed_at"] is None:
            yield f"episode {episode} is not closed"


def deadlines_agree(seen: Look) -> Iterator[str]:
    """The list of deadlines has each as the workflow has it, whole and column by column, and no other that is owed."""
    story = seen.state.story
    kept = {row["id"]: Deadline.model_validate_json(row["body"]) for row in seen.last_episode["deadline"]}
    for name, deadline in story.deadlines.items():
        if kept.get(name) != deadline:
            yield f"deadline {name} is {deadline}, in the record {kept.get(name)}"
    yield from (
        f"deadline {name} runs in the record only"
        for name in kept
        if name not in story.deadlines and kept[name].running
    )
    for row in seen.last_episode["deadline"]:
        deadline = kept[row["id"]]
        columns = (row["state"], row["running"], row["due"], row["due_on"], row["breached_at"], row["closed_at"])
        whole = (deadline.state, deadline.running, deadline.due, deadline.on, deadline.breached_at, deadline.closed_at)
        if columns != whole:
            yield f"deadline {row['id']}: its columns are not as the whole of it"


def requests_agree(seen: Look) -> Iterator[str]:
    """The same of requests."""
    story = seen.state.story
    kept = {row["id"]: Request.model_validate_json(row["body"]) for row in seen.last_episode["request"]}
    for name, request in story.requests.items():
        if kept.get(name) != request.model_copy(update={"held": None}):
            yield f"request {name} is {request}, in the record {kept.get(name)}"
    yield from (
        f"request {name} waits in the record only" for name in kept if name not in story.requests and kept[name].waiting
    )
    for row in seen.last_episode["request"]:
        request = kept[row["id"]]
        if (row["state"], row["waiting"], row["assigned_to"]) != (request.state, request.waiting, request.assigned_to):
            yield f"request {row['id']}: its columns are not as the whole of it"


# --- What was said of them ----------------------------------------------------------------------------------------


def notices_are_whole(seen: Look) -> Iterator[str]:
    """Each episode's notices are numbered from 1, and none is missing."""
    for row in seen.record["case"]:
        start = f"{seen.case.reference}.{row['episode']}."
        there = {notice["id"] for notice in seen.record["notice"] if notice["episode"] == row["episode"]}
        wanted = {f"{start}{number}" for number in range(1, _announced(row).notices + 1)}
        if there != wanted:
            yield f"episode {row['episode']}: of its notices {sorted(wanted ^ there)} are missing, or too many"


def rungs_sound_once(seen: Look) -> Iterator[str]:
    """Each missed limit, each escalation and each reminder of a request is told once, as often as it was heard."""
    for row in seen.record["case"]:
        for about, wanted in _rungs(_announced(row)).items():
            notices = [n for n in seen.record["notice"] if (n["episode"], n["kind"]) == (row["episode"], about[1])]
            times = sum(about[0] in (notice["deadline"], notice["request"]) for notice in notices)
            if times != len(wanted):
                yield f"{about[0]}: {len(wanted)} rungs ({about[1]}) were heard, and {times} notices told"


def nothing_sounds_early(seen: Look) -> Iterator[str]:
    """Nobody is told of a missed limit, or escalated to, before its time."""
    for row in seen.record["case"]:
        for (name, kind), instants in _rungs(_announced(row)).items():
            instants_told = [
                notice["at"].timestamp()
                for notice in seen.record["notice"]
                if (notice["episode"], notice["kind"]) == (row["episode"], kind)
                and name in (notice["deadline"], notice["request"])
            ]
            for at, instant in zip(instants_told, instants, strict=False):
                if at < instant:
                    yield f"{name}: {kind} was told {instant - at:.0f} s early"


def nothing_is_missed(seen: Look) -> Iterator[str]:
    """Whatever should have made itself heard by now has."""
    for name, (at, _) in decide.alarms(seen.state).items():
        if at < seen.at - LATE:
            yield f"{name} should have made itself heard at {at}, and it is {seen.at}"


def _announced(row: Row) -> Announced:
    return Announced.model_validate_json(row["announced"])


def _rungs(announced: Announced) -> dict[tuple[str, str], list[int]]:
    """The instants of what was heard, by its deadline or request and the kind of its notices, in order."""
    kinds = {"due": "overdue", "escalation": "escalation"}
    heard: dict[tuple[str, str], list[int]] = {}
    for name, about in announced.deadlines.items():
        for kind in kinds.values():
            heard[name, kind] = []
        for key in about.heard:
            rung, _, rest = key.partition(":")
            if rung in kinds:
                heard[name, kinds[rung]].append(int(rest.rpartition(":")[2]))
    for key in announced.heard:
        name, rung, *_, instant = key.split(":")
        heard.setdefault((name, rung), []).append(int(instant))
    return heard


# --- The workflow -------------------------------------------------------------------------------------------------


def timers_are_alarms(seen: Look) -> Iterator[str]:
    """There is one timer for each running deadline, and no other."""
    if seen.state.story.closed_at is None and not is_in_step(seen.state, list(seen.histories[-1].events)):
        yield "its timers are not its alarms"


def workflow_is_sound(seen: Look) -> Iterator[str]:
    """A case that is open runs, one that is closed has ended; no task of it is stuck, and no activity."""
    closed, status = seen.state.story.closed_at is not None, seen.description.status
    if status is not (WorkflowExecutionStatus.COMPLETED if closed else WorkflowExecutionStatus.RUNNING):
        yield f"it is {'closed' if closed else 'open'}, and its workflow is {status and status.name}"
    description = seen.description.raw_description
    if description.HasField("pending_workflow_task") and description.pending_workflow_task.attempt > 1:
        yield f"its workflow task is at attempt {description.pending_workflow_task.attempt}"
    for activity in description.pending_activities:
        yield f"{activity.activity_type.name}: attempt {activity.attempt}, {activity.last_failure.message}"


CHECKS: dict[str, Callable[[Look], Iterator[str]]] = {
    check.__name__: check
    for check in (
        acknowledged_is_recorded,
        recorded_once,
        receipts_hold,
        refused_is_no_fact,
        nothing_unsent,
        in_order,
        verifies,
        front_agrees,
        deadlines_agree,
        requests_agree,
        notices_are_whole,
        rungs_sound_once,
        nothing_sounds_early,
        nothing_is_missed,
        timers_are_alarms,
        workflow_is_sound,
    )
}


async def histories_replay(histories: list[WorkflowHistory]) -> list[str]:
    """Why some of them do not replay, in the SDK's words."""
    problems = []
    for history in histories:
        try:
            await replay(history)
        except Exception as error:
            problems.append(f"run {history.run_id}: {str(error)[:300]}")
    return problems


async def check(seen: Look, report: Report) -> None:
    """Hold every check against a case, and count what there is of it."""
    for name, holds in CHECKS.items():
        for problem in holds(seen):
            report.violation(Violation(name, seen.case.reference, problem))
    for problem in await histories_replay(seen.histories):
        report.violation(Violation(histories_replay.__name__, seen.case.reference, problem))
    _count(seen, report)


def _count(seen: Look, report: Report) -> None:
    figures = report.figures
    for table, rows in seen.record.items():
        figures[f"rows of s47.{table}"] += len(rows)
    for sent in seen.case.sent:
        for (door, answer), times in sent.answers.items():
            figures[f"{door}: {answer}"] += times
    for notice in seen.record["notice"]:
        figures[f"notices: {notice['kind']}"] += 1
    for history in seen.histories:
        figures["histories"] += 1
        figures["events of history"] += len(history.events)
        report.most("the longest history", len(history.events))
    figures[f"stage at the end: {seen.state.story.stage.value}"] += 1
    if seen.state.episode > 1:
        figures["cases opened again"] += 1


def mail_arrived(notices: list[Row], taken: Counter[str]) -> Iterator[str]:
    """What the ledger has as delivered was taken by the mail server, and nothing waits any more."""
    for notice in notices:
        if notice["state"] == "delivered" and not taken[notice["id"]]:
            yield f"notice {notice['id']} is said to be delivered, and no mail came"
        if notice["state"] == "queued":
            yield f"notice {notice['id']} is still queued"
