"""One child's case as one long-lived workflow.

Messages come in by two doors each, an Update and a Signal of the same name; the functional core decides; effects
go out through activities; every running deadline is a durable timer. The workflow itself knows no rule.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from inspect import Parameter, Signature
from typing import Any, NoReturn, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from casework import decide, view
    from casework.batch import Basis, BasisWanted, Batch, Delivered, Delivery, Recorded, batch_of
    from casework.case import Case
    from casework.effects import Decided, Effect, Entry, Notice, Refused
    from casework.incoming import read
    from casework.messages import MESSAGES, Message
    from casework.model import Value
    from connection import search_attributes as attribute

EVENTS_PER_RUN = 1000
"""A run's history stays shorter than this, give or take one burst; the server would allow fifty times as many."""
EFFECTS_PER_BATCH = 200
SUMMARY_LENGTH = 120
"""The Web UI cuts summaries at this many characters."""
REFERRAL_AWAITED = timedelta(minutes=1)
RECORD_REFUSED_FOR = timedelta(minutes=10)
"""A record that refuses a batch for good has to be put right by somebody; until then it is tried this often."""
FOR_EVER = RetryPolicy(maximum_interval=timedelta(seconds=30))
FOR_AN_HOUR = RetryPolicy(maximum_interval=timedelta(minutes=5))


class Carried(Value):
    """What a run hands to the next one: nothing else survives continuing as new."""

    case: Case
    pending: tuple[Effect, ...]
    in_flight: Batch | None
    batches: int
    delivering: tuple[Notice, ...]


class CaseStart(Value):
    """What a case starts with. `shift` moves its clock, so that a rehearsal can live in another year."""

    reference: str
    procedure: str
    shift: timedelta = timedelta()
    carried: Carried | None = None


class Receipt(Value):
    """The answer to an accepted message: where the case stands, who acts next, and what followed."""

    message_id: str
    duplicate: bool
    stage: str
    waiting_for: tuple[str, ...]
    entries: tuple[str, ...]


@workflow.defn(name="case")
class CaseWorkflow:
    """A case, from its referral to its closing."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        carried = start.carried
        self._start = start
        self._case: Case | None = carried.case if carried else None
        self._broken: str | None = None
        self._turned_away = False
        self._unwritten: str | None = None
        self._pending: list[Effect] = list(carried.pending) if carried else []
        self._in_flight: Batch | None = carried.in_flight if carried else None
        self._batches = carried.batches if carried else 0
        self._delivering: dict[str, Notice] = {n.id: n for n in carried.delivering} if carried else {}
        self._timers: dict[str, tuple[tuple[datetime, str], asyncio.Task[None]]] = {}
        self._shown: dict[str, Any] = {}
        self._stirred = False
        self._going_on: set[asyncio.Task[None]] = set()
        for name in MESSAGES:
            self._open_doors(name)

    @workflow.run
    async def run(self, start: CaseStart) -> str:
        """The life of a case. Returns how it ended, in words."""
        if not await self._opened():
            return "No referral came, so no case was opened."
        self._go_on(self._keep_records())
        for notice in list(self._delivering.values()):
            self._go_on(self._deliver(notice))
        while not self._ended:
            self._apply(decide.wake(self._known_case, self._now()))
            self._set_timers()
            self._show()
            if self._run_is_long_enough():
                self._continue()
            self._stirred = False
            await self._something_stirs()
        return f"Closed after episode {self._known_case.episode}."

    @workflow.query(name="case", description="The case as it stands")
    def state(self) -> Case | None:
        """The whole state; None while the case is not opened yet."""
        return self._case

    # --- Beginning and ending -------------------------------------------------------------------------------------

    async def _opened(self) -> bool:
        """Load the snapshots a new case is decided with, then wait for its referral.

        A case whose referral was refused is none: the next one may come with another procedure.
        """
        if self._case is None:
            try:
                basis = await workflow.execute_activity(
                    "case_basis",
                    BasisWanted(reference=self._start.reference, procedure=self._start.procedure),
                    result_type=Basis,
                    start_to_close_timeout=timedelta(seconds=30),
                    retry_policy=FOR_EVER,
                    summary="Load the procedure and the bank holidays",
                )
            except ActivityError as error:
                self._broken = _why(error)
                await workflow.wait_condition(workflow.all_handlers_finished)
                raise ApplicationError(self._broken, type="Refused", non_retryable=True) from error
            self._case = decide.unopened(self._start.reference, basis.episode, basis.procedure, basis.bank_holidays)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._known_case.child is not None or self._turned_away,
                timeout=REFERRAL_AWAITED,
                timeout_summary="Waiting for the referral",
            )
        return self._known_case.child is not None

    @property
    def _known_case(self) -> Case:
        assert self._case is not None
        return self._case

    @property
    def _ended(self) -> bool:
        return (
            self._known_case.closed_at is not None
            and not (self._pending or self._in_flight or self._delivering)
            and workflow.all_handlers_finished()
        )

    def _run_is_long_enough(self) -> bool:
        info = workflow.info()
        return workflow.all_handlers_finished() and (
            info.get_current_history_length() >= EVENTS_PER_RUN
            or info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
        )

    def _continue(self) -> NoReturn:
        carried = Carried(
            case=self._known_case,
            pending=tuple(self._pending),
            in_flight=self._in_flight,
            batches=self._batches,
            delivering=tuple(self._delivering.values()),
        )
        newer = workflow.info().is_target_worker_deployment_version_changed()
        workflow.continue_as_new(
            self._start.model_copy(update={"carried": carried}),
            # A pinned run would hand on its own version, and never come to the newer one.
            initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE if newer else None,
        )

    async def _something_stirs(self) -> None:
        """Wait for a message, a timer or an activity. Being asked to cancel is none of these: a case is closed by
        somebody entitled to, and by nothing else."""
        try:
            await workflow.wait_condition(lambda: self._stirred)
        except asyncio.CancelledError:
            self._apply(decide.cancellation_refused(self._known_case, self._now()))

    # --- Messages in ----------------------------------------------------------------------------------------------

    def _open_doors(self, name: str) -> None:
        """Two doors with one body. They take the raw payload, so that a malformed message gets our answer."""

        def refuse_early(*given: Any) -> None:
            message = self._read(name, given)
            if self._case is not None:
                self._decide(message)

        async def update(*given: Any) -> Receipt:
            await self._ready()
            message = self._read(name, given)
            try:
                decided = self._decide(message)
            except ApplicationError:
                self._turned_away = True
                raise
            self._apply(decided)
            return self._receipt(message, decided)

        async def signal(*given: Any) -> None:
            await self._ready()
            try:
                self._apply(self._decide(self._read(name, given)))
            except ApplicationError as refusal:
                self._refuse_signal(name, given, refusal.message)

        for door in (refuse_early, update, signal):
            _takes_one_message(door, Receipt if door is update else None)
        workflow.set_update_handler(name, update, validator=refuse_early)
        workflow.set_signal_handler(name, signal)

    @workflow.signal(dynamic=True)
    async def signal_without_a_door(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that is no message of ours: it is written down as refused, like any other."""
        await self._ready()
        self._refuse_signal(name, args, f"There is no message {name!r}.")

    @workflow.update(dynamic=True)
    async def update_without_a_door(self, name: str, args: Sequence[RawValue]) -> None:
        """An update that is no message of ours never comes here: it is refused at the door."""

    @update_without_a_door.validator
    def no_such_message(self, name: str, args: Sequence[RawValue]) -> None:
        """Say what messages there are."""
        self._read(name, args)

    async def _ready(self) -> None:
        await workflow.wait_condition(lambda: self._case is not None or self._broken is not None)
        if self._broken is not None:
            raise ApplicationError(self._broken, type="Refused", non_retryable=True)

    def _body(self, given: Sequence[Any]) -> Any:
        """The message as it was sent; None where that is no JSON, or not one thing."""
        try:
            [raw] = given
            return workflow.payload_converter().from_payload(raw.payload)
        except Exception:  # whatever a converter makes of bytes that are no JSON, it is a malformed message
            return None

    def _read(self, name: str, given: Sequence[Any]) -> Message:
        return _or_refuse(read(name, self._body(given)))

    def _decide(self, message: Message) -> Decided:
        try:
            return _or_refuse(decide.receive(self._known_case, message, self._now()))
        except ApplicationError:
            raise
        except Exception as fault:  # an error of ours must cost one message, not the case: its timers go on
            workflow.logger.exception("Message %s could not be decided", message.name)
            said = f"S47 could not decide this ({type(fault).__name__}); nothing has changed. Please report it."
            raise ApplicationError(said, type="Refused", non_retryable=True) from None

    def _receipt(self, message: Message, decided: Decided) -> Receipt:
        return Receipt(
            message_id=message.id,
            duplicate=decided.duplicate,
            stage=decided.case.stage.value,
            waiting_for=tuple(decided.case.waiting_for),
            entries=tuple(effect.text for effect in decided.effects if isinstance(effect, Entry)),
        )

    def _refuse_signal(self, name: str, given: Sequence[Any], reason: str) -> None:
        body = self._body(given)
        by = body.get("by") if isinstance(body, dict) else None
        person, role = (by.get("person"), by.get("role")) if isinstance(by, dict) else (None, None)
        self._apply(
            decide.refuse_signal(
                self._known_case,
                name,
                person if isinstance(person, str) else None,
                role if isinstance(role, str) else None,
                reason,
                self._now(),
            )
        )

    def _apply(self, decided: Decided) -> None:
        self._case = decided.case
        if decided.effects:
            self._pending.extend(decided.effects)
        self._stirred = True

    def _now(self) -> datetime:
        return workflow.now() + self._start.shift

    # --- Effects out ----------------------------------------------------------------------------------------------

    async def _keep_records(self) -> None:
        """Write what was decided, in order, one batch at a time, for as long as it takes."""
        while True:
            await workflow.wait_condition(lambda: bool(self._in_flight or self._pending))
            if self._in_flight is None:
                self._batches += 1
                effects = tuple(self._pending[:EFFECTS_PER_BATCH])
                del self._pending[:EFFECTS_PER_BATCH]
                self._in_flight = batch_of(self._known_case, effects, self._batches)
            batch = self._in_flight
            try:
                recorded = await workflow.execute_activity(
                    "record",
                    batch,
                    result_type=Recorded,
                    start_to_close_timeout=timedelta(seconds=30),
                    retry_policy=FOR_EVER,
                    summary=_cut(batch.entries[0].text if batch.entries else "Update the record"),
                )
            except ActivityError as error:
                self._unwritten, self._stirred = _why(error), True
                await workflow.sleep(RECORD_REFUSED_FOR, summary="The record refused what was to be written")
                continue
            self._in_flight, self._unwritten = None, None
            self._stirred = True
            for notice in batch.notices:
                if notice.id in recorded.deliver:
                    self._delivering[notice.id] = notice
                    self._go_on(self._deliver(notice))

    async def _deliver(self, notice: Notice) -> None:
        """Deliver one notice; one that cannot be delivered escalates."""
        delivery = Delivery(reference=self._start.reference, notice=notice)
        try:
            delivered = await workflow.execute_activity(
                "deliver",
                delivery,
                result_type=Delivered,
                start_to_close_timeout=timedelta(minutes=1),
                schedule_to_close_timeout=timedelta(hours=1),
                retry_policy=FOR_AN_HOUR,
                summary=_cut(f"Notice to the {notice.to}: {notice.kind.value}"),
            )
            failed = delivered.failed
        except ActivityError as error:
            failed = _why(error)
            await workflow.execute_activity(
                "mark_undelivered",
                args=[delivery, failed],
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=FOR_EVER,
                summary=_cut(f"Notice to the {notice.to} could not be delivered"),
            )
        del self._delivering[notice.id]
        self._stirred = True
        if failed:
            self._apply(decide.notice_undelivered(self._known_case, notice, self._now()))

    def _go_on(self, doing: Coroutine[Any, Any, None]) -> None:
        """Do something beside the main loop."""
        task = asyncio.create_task(doing)
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)

    def _set_timers(self) -> None:
        """One timer per running deadline, set to the next instant at which it makes itself heard.

        A timer only ever wakes the loop. They are brought into step in a fixed order, so that replay is stable.
        """
        wanted = decide.alarms(self._known_case)
        for deadline in sorted(self._timers.keys() | wanted.keys()):
            alarm, known = wanted.get(deadline), self._timers.get(deadline)
            if known and (known[0] == alarm or known[0][0] <= self._now()):
                continue  # as wanted, or about to ring: cancelling a timer that has fired would race the server
            if known:
                known[1].cancel()
                del self._timers[deadline]
            if alarm:
                self._timers[deadline] = (alarm, asyncio.create_task(self._ring(deadline, *alarm)))

    async def _ring(self, deadline: str, at: datetime, summary: str) -> None:
        ahead = max(at - self._now(), timedelta())
        await workflow.sleep(ahead + timedelta(milliseconds=1), summary=_cut(summary))
        self._timers.pop(deadline, None)
        self._stirred = True

    def _show(self) -> None:
        """What the Web UI shows of the case: its search attributes and its front page."""
        case = self._known_case
        trouble = f"**The record refuses what is decided; tell whoever runs S47:** {self._unwritten}\n\n"
        workflow.set_current_details((trouble if self._unwritten else "") + view.details(case))
        now_shown: dict[str, Any] = {
            attribute.STAGE.name: case.stage.value,
            attribute.PROCEDURE.name: case.procedure.about.key,
            attribute.TEAM.name: case.team,
            attribute.ALLOCATED_TO.name: case.allocated_to,
            attribute.NEXT_DUE.name: case.next_due,
            attribute.OVERDUE.name: list(dict.fromkeys(deadline.timescale for deadline in case.overdue)),
            attribute.WAITING_FOR.name: case.waiting_for,
        }
        changed: list[SearchAttributeUpdate[Any]] = [
            key.value_set(now_shown[key.name]) if now_shown[key.name] else key.value_unset()
            for key in attribute.ALL
            if now_shown[key.name] != self._shown.get(key.name)
        ]
        if changed:
            workflow.upsert_search_attributes(changed)
            self._shown = now_shown


def _takes_one_message(door: Callable[..., Any], returns: type | None) -> None:
    """Declare that a door takes one raw payload. It takes whatever comes: Python's own complaint about a signal
    without a payload, or with two, would stop the case."""
    door.__annotations__ = {"raw": RawValue, "return": returns}
    raw = Parameter("raw", Parameter.POSITIONAL_OR_KEYWORD, annotation=RawValue)
    door.__signature__ = Signature([raw])  # type: ignore[attr-defined]


Answer = TypeVar("Answer")


def _or_refuse(answer: Answer | Refused) -> Answer:
    if isinstance(answer, Refused):
        raise ApplicationError(answer.reason, type="Refused", non_retryable=True)
    return answer


def _why(error: ActivityError) -> str:
    return error.cause.message if isinstance(error.cause, ApplicationError) else str(error.cause or error)


def _cut(text: str) -> str:
    return text if len(text) <= SUMMARY_LENGTH else f"{text[: SUMMARY_LENGTH - 1]}…"
