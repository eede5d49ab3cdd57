"""Living through a scenario: the real worker and workflow on Temporal's time-skipping test server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from temporalio import activity
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.basis import bank_holidays
from casework.batch import Basis, BasisWanted, Batch, Recorded
from casework.case import Case
from casework.effects import Entry, Notice
from casework.facts import Fact
from casework.procedure import Procedure
from casework.stages.referral import ReferralReceived
from casework.story import Deadline
from casework.telling import is_closed
from connection.search_attributes import ALL
from connection.temporal import DATA_CONVERTER
from starter.embedded import EmbeddedError, test_server_path
from starter.rehearsal.outcome import DeadlineLife, Rehearsed, SentMessage, held_against, life_of
from starter.rehearsal.scenario import Scenario, Step
from worker import case_worker
from workflows.case import CaseStart, CaseWorkflow, Receipt, workflow_id
from workflows.doors import CLOSED

TASK_QUEUE = "rehearsal"
START_WITHIN = timedelta(seconds=60)
ANSWER_WITHIN = timedelta(seconds=30)
SETTLE = 0.05
"""Seconds to wait once the server has stopped: the SDK's own threads must not meet an exiting interpreter."""

ASK_AGAIN = 0.02

Progress = Callable[[int, int], None]
"""Told after each message: how many were sent, and how many there are."""


@dataclass
class Pages:
    """What is written down of one episode."""

    entries: list[Entry] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    deadlines: dict[str, list[Deadline]] = field(default_factory=dict)
    referrals: dict[str, str] = field(default_factory=dict)
    written: int = 0


class Notebook:
    """The records of a rehearsal, kept in memory; a rehearsal leaves nothing behind."""

    def __init__(self, procedure: Procedure, year: int) -> None:
        self.procedure = procedure
        self.year = year
        self.episodes: dict[int, Pages] = {}

    @activity.defn(name="case_basis")
    async def basis(self, wanted: BasisWanted) -> Basis:
        """The procedure under rehearsal, and the bank holidays of all its years."""
        earlier: dict[str, str] = {}
        for pages in self.episodes.values():
            earlier |= pages.referrals
        return Basis(
            procedure=self.procedure,
            bank_holidays=bank_holidays(self.year),
            episode=len(self.episodes) + 1,
            referrals=earlier,
        )

    @activity.defn(name="record")
    async def record(self, batch: Batch) -> Recorded:
        """Write a batch, once."""
        pages = self.episodes.setdefault(batch.front.episode, Pages())
        if batch.number > pages.written:
            pages.written = batch.number
            pages.entries += batch.entries
            pages.notices += batch.notices
            for deadline in batch.deadlines:
                pages.deadlines.setdefault(deadline.id, []).append(deadline)
            for kept in batch.kept:
                if kept.name == ReferralReceived.name and kept.state is not None and kept.message_id is not None:
                    pages.referrals[kept.message_id] = Fact.model_validate_json(kept.state).digest
        return Recorded(written=batch.written)

    @property
    def notices(self) -> list[Notice]:
        """Every notice, in order."""
        return [notice for pages in self.episodes.values() for notice in pages.notices]

    @property
    def entries(self) -> list[Entry]:
        """Every line of the chronology, in order."""
        return [entry for pages in self.episodes.values() for entry in pages.entries]

    def lives(self, order: Callable[[str], int]) -> list[DeadlineLife]:
        """Every deadline there was, by when it began; of those that began at once, in the given order."""
        histories = [
            (episode, snapshots[-1].opened_at, order(name), snapshots)
            for episode, pages in self.episodes.items()
            for name, snapshots in pages.deadlines.items()
        ]
        lives: list[DeadlineLife] = []
        counted: Counter[str] = Counter()
        for _, _, _, snapshots in sorted(histories, key=lambda history: history[:3]):
            counted[snapshots[-1].timescale] += 1
            lives.append(life_of(snapshots, counted[snapshots[-1].timescale]))
        return lives


async def rehearse(scenario: Scenario, procedure: Procedure, progress: Progress = lambda done, of: None) -> Rehearsed:
    """Live through the scenario and say what came of it. Two years of a case take seconds."""
    notebook = Notebook(procedure, scenario.message[0].told_at.year)
    async with stage(notebook) as server:
        messages, case = await live(scenario, server, notebook, progress)
    order = {name: place for place, name in enumerate(case.story.deadlines)}
    lives = tuple(notebook.lives(lambda name: order.get(name, len(order))))
    return Rehearsed(
        title=scenario.title,
        procedure=procedure.about.key,
        procedure_fingerprint=procedure.fingerprint,
        bank_holidays=case.story.bank_holidays.version,
        stage=case.story.stage.value,
        waiting_for=tuple(case.story.waiting_for),
        messages=messages,
        deadlines=lives,
        notices=tuple(notebook.notices),
        entries=tuple(notebook.entries),
        checks=held_against(scenario, case, messages, lives, notebook.notices),
    )


@asynccontextmanager
async def stage(notebook: Notebook) -> AsyncIterator[WorkflowEnvironment]:
    """A server that skips time, and a worker on it that writes into the notebook."""
    try:
        server = await WorkflowEnvironment.start_time_skipping(
            data_converter=DATA_CONVERTER,
            test_server_existing_path=str(test_server_path()),
            test_server_startup_timeout=START_WITHIN,
            runtime=_quiet(),
        )
    except RuntimeError as problem:
        raise EmbeddedError(f"The test server that skips time did not start: {problem}") from None
    try:
        await server.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=server.client.namespace,
                search_attributes={key.name: key.indexed_value_type for key in ALL},  # type: ignore[misc]
            )
        )
        async with case_worker(server.client, [notebook.basis, notebook.record], TASK_QUEUE, stays=True):
            yield server
    finally:
        await server.shutdown()
        await asyncio.sleep(SETTLE)


@lru_cache
def _quiet() -> Runtime:
    """The SDK's core says on standard output, where our answer goes, what this small server cannot do."""
    errors_only = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=errors_only)))


async def live(
    scenario: Scenario, server: WorkflowEnvironment, notebook: Notebook, progress: Progress = lambda done, of: None
) -> tuple[tuple[SentMessage, ...], Case]:
    """Tell the messages one after the other, each at its time: the answers, and the case as it then stands."""
    shift = scenario.message[0].told_at - await server.get_current_time()
    start = CaseStart(reference=scenario.reference, procedure=scenario.procedure, shift=shift)
    messages: list[SentMessage] = []
    opened = False
    for number, step in enumerate(scenario.message, 1):
        await _let_time_pass(server, shift, step.told_at)
        if number > 1:
            await _settled(server.client, start, notebook)
        answer = _tell(server.client, start, step, number, opened=opened)
        reason = await asyncio.wait_for(answer, ANSWER_WITHIN.total_seconds())
        opened = opened or reason is None
        messages.append(
            SentMessage(
                number=number,
                occurred_at=step.at.astimezone(UTC),
                told_at=step.told_at,
                by=f"{step.by.role}/{step.by.person}",
                message=step.send,
                accepted=reason is None,
                reason=reason,
            )
        )
        progress(number, len(scenario.message))
    if scenario.until is not None:
        await _let_time_pass(server, shift, scenario.until.astimezone(UTC))
    return tuple(messages), await _settled(server.client, start, notebook)


async def _let_time_pass(server: WorkflowEnvironment, shift: timedelta, until: datetime) -> None:
    pause = until - (await server.get_current_time() + shift)
    if pause > timedelta():
        await server.sleep(pause)


async def _tell(client: Client, start: CaseStart, step: Step, number: int, *, opened: bool) -> str | None:
    """Send one message. None where it was accepted; else the reason why not."""
    body = step.message(number)
    handle = _handle(client, start)
    refers = step.send == ReferralReceived.name
    while True:
        try:
            if not opened:
                await _open(client, start, step, body)
            elif step.door == "signal":
                await handle.signal(step.send, body)
            else:
                await handle.execute_update(step.send, body, id=str(body["id"]), result_type=Receipt)
        except WorkflowUpdateFailedError as refused:
            cause = refused.cause
            if refers and isinstance(cause, ApplicationError) and cause.type == CLOSED:
                await asyncio.sleep(ASK_AGAIN)  # it still writes; then the referral opens it again
                continue
            return cause.message if isinstance(cause, ApplicationError) else str(cause)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if refers and opened:
                opened = False
                continue
            return str(is_closed(start.reference))
        return None


async def _open(client: Client, start: CaseStart, step: Step, body: dict[str, Any]) -> None:
    """Open the case with this message: only a referral that is accepted does."""
    operation = WithStartWorkflowOperation(
        CaseWorkflow.run,
        start,
        id=workflow_id(start.reference),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    await client.execute_update_with_start_workflow(
        step.send, body, id=str(body["id"]), result_type=Receipt, start_workflow_operation=operation
    )


def _handle(client: Client, start: CaseStart) -> WorkflowHandle[CaseWorkflow, str]:
    return client.get_workflow_handle_for(CaseWorkflow.run, workflow_id(start.reference))


async def _settled(client: Client, start: CaseStart, notebook: Notebook) -> Case:
    """The case as it stands, once all it decided is written down."""
    while True:
        case = await _handle(client, start).query(CaseWorkflow.state)
        if case is not None:
            pages = notebook.episodes.get(case.episode, Pages())
            if len(pages.entries) == case.announced.entries:
                return case
        await asyncio.sleep(0.01)
