"""One child's case as one long-lived workflow.

Messages come in by two doors each, an Update and a Signal of the same name; the functional core decides; effects
go out through activities; every running deadline is a durable timer. The workflow itself knows no rule.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from casework import decide
    from casework.batch import Basis, BasisWanted
    from casework.case import Case
    from casework.decide import Decided
    from casework.effects import Entry, Notice
    from casework.messages import Message
    from casework.model import Value
    from casework.stages import MESSAGES
    from workflows.doors import message_in, or_refuse, refusal, sender_of, takes_one_message
    from workflows.monitor import Monitor
    from workflows.outbox import FOR_EVER, Outbox, Unsent, why
    from workflows.timers import Timers

EVENTS_PER_RUN, MOST_EVENTS_PER_RUN = 1000, 1200
"""A run's history is about as long as the first, or the second where the record cannot be written meanwhile; give
or take one burst. The server would allow fifty times as many."""
REFERRAL_AWAITED = timedelta(minutes=1)


class Carried(Value):
    """What a run hands to the next one: nothing else survives continuing as new."""

    case: Case
    unsent: Unsent


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
        self._stirred = False
        self._timers = Timers(self._now, self._stir)
        self._monitor = Monitor()
        self._outbox = Outbox(
            start.reference,
            carried.unsent if carried else Unsent(),
            case=lambda: self._known_case,
            stir=self._stir,
            undelivered=self._undelivered,
        )
        for name in MESSAGES:
            self._open_doors(name)

    @workflow.run
    async def run(self, start: CaseStart) -> str:
        """The life of a case. Returns how it ended, in words."""
        if not await self._opened():
            return "No referral came, so no case was opened."
        self._outbox.start()
        while not self._ended:
            self._apply(decide.wake(self._known_case, self._now()))
            self._timers.bring_into_step(decide.alarms(self._known_case))
            self._monitor.show(self._known_case, self._outbox.refused)
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
                self._broken = why(error)
                await workflow.wait_condition(workflow.all_handlers_finished)
                raise refusal(self._broken) from error
            self._case = decide.unopened(self._start.reference, basis.episode, basis.procedure, basis.bank_holidays)
        elif self._case.child is not None:
            return True  # without waiting for anything: it goes on, even if it is being cancelled just now
        with suppress(TimeoutError, asyncio.CancelledError):  # a case that has its referral by now is open
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
        return self._known_case.closed_at is not None and self._outbox.empty and workflow.all_handlers_finished()

    def _run_is_long_enough(self) -> bool:
        """Best once everything is written down: less goes along, and no message is just being answered."""
        info = workflow.info()
        events = info.get_current_history_length()
        if not workflow.all_handlers_finished():
            return False
        if not self._outbox.written:
            return events >= MOST_EVENTS_PER_RUN
        return (
            events >= EVENTS_PER_RUN
            or info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
        )

    def _continue(self) -> NoReturn:
        carried = Carried(case=self._known_case, unsent=self._outbox.unsent)
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
        """Two doors with one body."""

        def refuse_early(*given: Any) -> None:
            message = message_in(name, given)
            if self._case is not None:
                self._decide(message)

        async def update(*given: Any) -> Receipt:
            await self._ready()
            message = message_in(name, given)
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
                self._apply(self._decide(message_in(name, given)))
            except ApplicationError as refused:
                self._refuse_signal(name, given, refused.message)

        for door in (refuse_early, update, signal):
            takes_one_message(door, Receipt if door is update else None)
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
        message_in(name, args)

    async def _ready(self) -> None:
        await workflow.wait_condition(lambda: self._case is not None or self._broken is not None)
        if self._broken is not None:
            raise refusal(self._broken)

    def _decide(self, message: Message) -> Decided:
        try:
            return or_refuse(decide.receive(self._known_case, message, self._now()))
        except ApplicationError:
            raise
        except Exception as fault:  # an error of ours must cost one message, not the case: its timers go on
            workflow.logger.exception("Message %s could not be decided", message.name)
            said = f"S47 could not decide this ({type(fault).__name__}); nothing has changed. Please report it."
            raise refusal(said) from None

    def _receipt(self, message: Message, decided: Decided) -> Receipt:
        return Receipt(
            message_id=message.id,
            duplicate=decided.duplicate,
            stage=decided.case.stage.value,
            waiting_for=tuple(decided.case.waiting_for),
            entries=tuple(effect.text for effect in decided.effects if isinstance(effect, Entry)),
        )

    def _refuse_signal(self, name: str, given: Sequence[Any], reason: str) -> None:
        person, role = sender_of(given)
        self._apply(decide.refuse_signal(self._known_case, name, person, role, reason, self._now()))

    def _undelivered(self, notice: Notice) -> None:
        self._apply(decide.notice_undelivered(self._known_case, notice, self._now()))

    def _apply(self, decided: Decided) -> None:
        self._case = decided.case
        self._outbox.put(decided.effects)
        self._stir()

    def _stir(self) -> None:
        self._stirred = True

    def _now(self) -> datetime:
        return workflow.now() + self._start.shift
