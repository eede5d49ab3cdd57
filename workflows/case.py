"""One child's case as one long-lived workflow.

Messages come in by two doors each, an Update and a Signal of the same name; the functional core decides; effects
go out through activities; every running deadline is a durable timer. The workflow itself knows no rule.

Nothing that it does may depend on wording: reworded code must be able to replay what is running.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NoReturn

from pydantic import Field, ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from casework import decide
from casework.batch import Basis, BasisWanted, LastWritten
from casework.case import Announced, Case
from casework.decide import Decided
from casework.effects import Entry, Forwarded, Kept, Notice
from casework.incoming import no_such_message, read
from casework.messages import Id, Message
from casework.mistakes import problems
from casework.model import Value
from casework.vocabulary import Stage
from workflows.calling import NotAtOnce, RefusedForGood, at_once, in_the_end
from workflows.doors import (
    CLOSED,
    REFUSED,
    admitted,
    message_in,
    or_refuse,
    refusal,
    taken,
    takes_whatever_comes,
    with_doors,
    written,
)
from workflows.monitor import Monitor
from workflows.outbox import Outbox, Unsent
from workflows.timers import Timers

EVENTS_PER_RUN, MOST_EVENTS_PER_RUN = 1000, 1200
"""A run's history is about as long as the first, or the second where the record cannot be written meanwhile; give
or take one burst. The server would allow fifty times as many."""
REFERRAL_AWAITED = timedelta(minutes=1)
NOT_NOW = "The record cannot be written at present, so nothing was recorded. Send it again later."


def workflow_id(reference: str) -> str:
    """The id of the workflow that is this case."""
    return f"case-{reference}"


class Carried(Value):
    """What a run hands to the next one: nothing else survives continuing as new.

    `refusals`: so many messages were refused.
    """

    case: Case
    unsent: Unsent
    refusals: int = 0


class CaseStart(Value):
    """What a case starts with. `shift` moves its clock, so that a rehearsal can live in another year.

    `rebuild`: Temporal has lost it, and it goes on from what the record has.
    """

    reference: Id
    procedure: str = Field(max_length=200)
    rebuild: bool = False
    shift: timedelta = timedelta()
    carried: Carried | None = None


class Receipt(Value):
    """The answer to an accepted message: where the case stands, who acts next, and what followed.

    `fact` is the number that it has in the record; `duplicate`: it was recorded before, and nothing has changed;
    `warnings` say what is unusual in it.
    """

    message_id: str
    fact: int | None
    duplicate: bool
    stage: str
    waiting_for: tuple[str, ...]
    entries: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@workflow.defn(name="case")
@with_doors(Receipt)
class CaseWorkflow:
    """A case, from its referral to its closing."""

    @workflow.init
    @takes_whatever_comes(CaseStart)
    def __init__(self, *given: Any) -> None:
        self._start, self._broken = _read_start(given)
        carried = self._start.carried
        self._case: Case | None = carried.case if carried else None
        self._refusals = carried.refusals if carried else 0
        self._turned_away = False
        self._asked_to_cancel = False
        self._stirred = False
        self._decided = True
        self._trouble: str | None = None
        self._timers = Timers(self._now, self._stir)
        self._monitor = Monitor()
        self._outbox = Outbox(
            self._start.reference,
            carried.unsent if carried else Unsent(),
            case=lambda: self._known_case,
            now=self._now,
            stir=self._stir,
            undelivered=self._undelivered,
            forwarded=self._forwarded,
        )

    @workflow.run
    @takes_whatever_comes(CaseStart)
    async def run(self, *given: Any) -> str:
        """The life of a case. Returns how it ended, in words. Fails at once where it is started with anything else
        than a `CaseStart` of its own id."""
        if self._broken is not None:
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise refusal(self._broken)
        if not await self._opened():
            return "No referral came, so no case was opened."
        self._outbox.start()
        while not self._ended:
            if self._outbox.behind:
                await self._catch_up()
            if self._asked_to_cancel:
                self._apply(decide.cancellation_refused(self._known_case, self._now()))
                self._asked_to_cancel = False
            self._apply(decide.wake(self._known_case, self._now()))
            if self._refusals_unheard and self._outbox.written:
                self._apply(decide.refused_together(self._known_case, self._refusals, self._now()))
            self._timers.bring_into_step(decide.alarms(self._known_case))
            marks, self._outbox.leaves_its_mark = self._outbox.leaves_its_mark, False
            if self._decided or marks or self._trouble != self._outbox.refused:
                self._trouble = self._outbox.refused
                self._monitor.show(self._known_case, self._trouble, again=marks)
                self._decided = False
            if self._run_is_long_enough():
                self._continue()
            self._outbox.go_on()
            self._stirred = False
            await self._until(lambda: self._stirred or self._ended)
        return f"Closed after episode {self._known_case.episode}."

    @workflow.query(name="case", description="The case as it stands")
    def state(self) -> Case | None:
        """The whole state; None while the case is not opened yet."""
        return self._case

    @workflow.query(description="The last batch of the case that stands in its record")
    def last_written(self) -> LastWritten:
        """None of no episode, while the case is not opened yet."""
        number, at = self._outbox.last
        return LastWritten(episode=self._case.episode if self._case else 0, number=number, at=at)

    @workflow.signal
    async def go_on_from_the_record(self) -> None:
        """The record has something of which the case does not know: a task was lost after it had written."""
        await self._ready()
        self._outbox.doubt()

    # --- Beginning and ending -------------------------------------------------------------------------------------

    async def _opened(self) -> bool:
        """Load the snapshots a new case is decided with, then wait for its referral.

        A case whose referral was refused is none: the next one may come with another procedure.
        """
        if self._case is None:
            try:
                basis = await self._basis(rebuild=self._start.rebuild)
            except RefusedForGood as refused:
                self._broken = str(refused)
                await workflow.wait_condition(workflow.all_handlers_finished)
                raise refusal(self._broken) from refused
            self._case, _ = self._begun(basis, rebuild=self._start.rebuild)
            self._refusals = self._case.announced.refusals
        if self._opened_already:
            return True  # without waiting for anything: it goes on, even if it is being cancelled just now
        with suppress(TimeoutError, asyncio.CancelledError):  # a case that has its referral by now is open
            await workflow.wait_condition(
                lambda: self._opened_already or self._turned_away,
                timeout=REFERRAL_AWAITED,
                timeout_summary="Waiting for the referral",
            )
        return self._opened_already

    async def _basis(self, *, rebuild: bool) -> Basis:
        start = self._start
        wanted = BasisWanted(reference=start.reference, procedure=start.procedure, rebuild=rebuild)
        summary = "Load what the case is decided with"
        try:
            return await at_once("case_basis", wanted, Basis, summary)
        except NotAtOnce:
            return await in_the_end("case_basis", wanted, Basis, summary)

    def _begun(self, basis: Basis, *, rebuild: bool) -> tuple[Case, tuple[Kept, ...]]:
        """A new case, or one that goes on from the record; and the messages that were to be written, and are not."""
        case = decide.unopened(self._start.reference, basis.episode, basis.procedure, basis.bank_holidays)
        case = case.model_copy(update={"referrals": basis.referrals})
        if not rebuild:
            return case, ()
        announced = Announced.model_validate_json(basis.announced)
        unwritten = self._outbox.goes_on_from(basis.batches, basis.batch_at, basis.undelivered, announced.forwarding)
        return decide.rebuilt(case, basis.kept, announced), unwritten

    async def _catch_up(self) -> None:
        """Go on from the record, which has another turn than ours: of a task that was lost after it had written.

        What it wrote was decided by these very rules, and may have been answered by a task that was not lost. So it
        stands, and what we decided is decided again after it; what is the same counts once.
        """
        loading = asyncio.create_task(self._basis(rebuild=True))
        await self._until(loading.done)
        try:
            basis = loading.result()
        except RefusedForGood:  # that it cannot be written is then shown as such
            self._outbox.behind = False
            return
        self._case, unwritten = self._begun(basis, rebuild=True)
        self._refusals = max(self._refusals, self._case.announced.refusals)
        refused = {_refusal_of(kept) for kept in basis.kept if kept.fact is None}
        for kept in unwritten:
            if kept.fact is not None or _refusal_of(kept) not in refused:
                self._take_again(kept)

    def _take_again(self, kept: Kept) -> None:
        """Take a message again, whose turn is not in the record."""
        message = None
        try:
            message = or_refuse(read(kept.name, json.loads(kept.body)))
            self._apply(self._decide(message))
        except (ApplicationError, ValueError, RecursionError) as refused:
            reason = kept.refused or (refused.message if isinstance(refused, ApplicationError) else str(refused))
            self._refusals += kept.fact is not None  # it was accepted before
            self._apply(
                decide.refused(self._known_case, kept.name, message, kept.body, reason, self._now(), tell_sender=True)
            )

    @property
    def _opened_already(self) -> bool:
        return bool(self._known_case.facts)

    @property
    def _known_case(self) -> Case:
        assert self._case is not None
        return self._case

    @property
    def _refusals_unheard(self) -> bool:
        return self._refusals > self._known_case.announced.refusals

    @property
    def _ended(self) -> bool:
        everything_went_out = self._outbox.empty and not self._refusals_unheard
        return self._known_case.story.closed_at is not None and everything_went_out and workflow.all_handlers_finished()

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
        carried = Carried(case=self._known_case, unsent=self._outbox.unsent, refusals=self._refusals)
        newer = workflow.info().is_target_worker_deployment_version_changed()
        workflow.continue_as_new(
            self._start.model_copy(update={"carried": carried, "rebuild": False}),
            # A pinned run would hand on its own version, and never come to the newer one.
            initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE if newer else None,
        )

    async def _until(self, so: Callable[[], bool]) -> None:
        """Wait until it is so. Being asked to cancel changes nothing: a case is closed by somebody entitled to."""
        while not so():
            try:
                await workflow.wait_condition(so)
            except asyncio.CancelledError:
                self._asked_to_cancel = True
                self._stir()

    # --- Messages in ----------------------------------------------------------------------------------------------

    def look_at(self, name: str, given: Sequence[Any]) -> None:
        """Turn a malformed message away at the door, with what would be right; it leaves no trace."""
        message_in(name, given)

    async def answer(self, name: str, given: Sequence[Any]) -> Receipt:
        """Take a message by its Update: a receipt, or a clear refusal. Refused, the record keeps it."""
        await self._ready()
        message = admitted(name, given)
        if self._outbox.full:
            raise refusal(NOT_NOW)
        try:
            decided = self._decide(message)
        except ApplicationError as refused:
            self._turned_away = True
            self._keep_refused(name, given, message, refused.message, tell_sender=False)
            raise
        if not decided.case.facts:
            self._turned_away = True  # a referral of an earlier episode, sent again: it opens nothing
        self._apply(decided)
        while not await self._outbox.settled():  # again, after what a task that was lost had written
            again = self._decide(message)
            self._apply(again)
            decided = again.model_copy(update={"duplicate": decided.duplicate})
        if workflow.info().get_current_history_length() >= EVENTS_PER_RUN:
            self._stir()  # it goes on as new once nobody waits for an answer
        return self._receipt(message, decided)

    async def take(self, name: str, given: Sequence[Any]) -> None:
        """Take a message by its Signal: nobody waits, so that a refusal is told to whoever sent it."""
        await self._ready()
        message = None
        try:
            message = taken(name, given)
            if self._outbox.full:
                raise refusal(NOT_NOW)
            self._apply(self._decide(message))
        except ApplicationError as refused:
            self._keep_refused(name, given, message, refused.message, tell_sender=True)

    @workflow.signal(dynamic=True)
    async def signal_without_a_door(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that is no message of ours: it is written down as refused, like any other."""
        await self._ready()
        self._keep_refused(name, args, None, no_such_message(name).reason, tell_sender=True)

    @workflow.update(dynamic=True)
    async def update_without_a_door(self, name: str, args: Sequence[RawValue]) -> None:
        """An update that is no message of ours never comes here: it is refused at the door."""

    @update_without_a_door.validator
    def look_at_what_has_no_door(self, name: str, args: Sequence[RawValue]) -> None:
        """Say what messages there are."""
        message_in(name, args)

    async def _ready(self) -> None:
        await workflow.wait_condition(lambda: self._case is not None or self._broken is not None)
        if self._broken is not None:  # what could not be rebuilt is no case, and a referral opens one
            raise refusal(self._broken, kind=CLOSED if self._start.rebuild else REFUSED)

    def _decide(self, message: Message) -> Decided:
        try:
            return or_refuse(decide.receive(self._known_case, message, self._now()))
        except ApplicationError:
            raise
        except Exception as fault:  # an error of ours must cost one message, not the case: its timers go on
            workflow.logger.exception("Message %s could not be decided", message.name)
            text = f"S47 could not decide this ({type(fault).__name__}); nothing has changed. Please report it."
            raise refusal(text) from None

    def _receipt(self, message: Message, decided: Decided) -> Receipt:
        story = decided.case.story
        entries = tuple(effect.text for effect in decided.effects if isinstance(effect, Entry))
        return Receipt(
            message_id=message.id,
            fact=decided.fact,
            duplicate=decided.duplicate,
            stage=story.stage.value if decided.case.facts else Stage.CLOSED.value,
            waiting_for=tuple(story.waiting_for) if decided.case.facts else (),
            entries=decided.repeated or entries,
            warnings=decided.warnings,
        )

    def _keep_refused(
        self, name: str, given: Sequence[Any], message: Message | None, reason: str, *, tell_sender: bool
    ) -> None:
        if self._case is None or not self._case.facts:
            return  # a case that nothing opened has no record
        self._refusals += 1
        if self._outbox.crowded:
            return self._stir()
        decided = decide.refused(
            self._case, name, message, written(given), reason, self._now(), tell_sender=tell_sender
        )
        self._apply(decided)

    def _undelivered(self, notice: Notice) -> None:
        self._apply(decide.notice_undelivered(self._known_case, notice, self._now()))

    def _forwarded(self, what: Forwarded, why_not: str | None) -> None:
        self._apply(decide.forwarded(self._known_case, what, why_not, self._now()))

    def _apply(self, decided: Decided) -> None:
        self._case = decided.case
        self._outbox.put(decided.effects)
        if decided.effects:
            self._decided = True
        self._stir()

    def _stir(self) -> None:
        self._stirred = True

    def _now(self) -> datetime:
        return workflow.now() + self._start.shift


def _refusal_of(kept: Kept) -> tuple[str, str]:
    """What tells one refused message from another, whoever wrote its JSON; one that is cut short is none."""
    try:
        return kept.name, json.dumps(json.loads(kept.body), sort_keys=True)
    except (ValueError, RecursionError):
        return kept.name, kept.body


def _read_start(given: Sequence[Any]) -> tuple[CaseStart, str | None]:
    """What a case starts with, or why that cannot be read."""
    nothing = CaseStart(reference="unknown", procedure="")
    try:
        [raw] = given
        start = workflow.payload_converter().from_payload(raw.payload, CaseStart)
        if not isinstance(start, CaseStart):
            raise TypeError
    except ValidationError as error:
        return nothing, "A case cannot start with this:\n" + "\n".join(problems(error))
    except Exception:  # whatever a converter makes of bytes that are no JSON
        return nothing, "A case cannot start with this: it takes one JSON object, with a reference and a procedure."
    wanted = workflow_id(start.reference)
    if workflow.info().workflow_id != wanted:
        return nothing, f"The workflow of case {start.reference} has the id {wanted}, and no other."
    return start, None
