"""What was decided and is to go out: the record, written in order however long it takes, and notices by e-mail."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from casework.batch import Batch, Delivered, Delivery, Forwarding, Recorded, batch_of
from casework.case import Announced, Case
from casework.effects import Effect, Forwarded, Kept, Notice
from casework.model import Value
from casework.story import Deadline, Request
from workflows.calling import FOR_EVER, NotAtOnce, RefusedForGood, at_once, in_the_end, why
from workflows.summaries import summary_of

TURNS_PER_BATCH, BYTES_PER_BATCH = 25, 100_000
"""A batch is closed at either. Bytes are of what was sent and of the deadlines that changed, never of lines of ours:
a word more or less must not change which activities there are."""
MOST_TURNS_WAITING, MOST_BYTES_WAITING = 400, 600_000
"""While more waits for the record, messages are refused as not possible just now."""
SINGLY = 100
"""While more turns wait for the record, what is refused is only counted."""
RECORD_REFUSED_FOR = timedelta(minutes=10)
"""A record that refuses a batch for good has to be put right by somebody; until then it is tried this often."""
BEHIND = "EntryDiffers"
"""The record has another turn of the case than the one that is to be written, as the type of its error."""
AWAY = "RecordAway"
"""The record cannot be reached just now, and nobody else has written the turn that is to be written."""
FOR_AN_HOUR = RetryPolicy(maximum_interval=timedelta(minutes=5))

Goes = TypeVar("Goes", Notice, Forwarded)


class Pending(Value):
    """The effects of some turns that go into one batch, and what the case had said after the last of them.

    `size` is about how many bytes they take.
    """

    turns: int
    size: int
    effects: tuple[Effect, ...]
    announced: Announced


class Unsent(Value):
    """What has not gone out yet. It goes along when the case continues as new; sent again, it changes nothing."""

    pending: tuple[Pending, ...] = ()
    in_flight: Batch | None = None
    batches: int = 0
    last_at: datetime | None = None
    delivering: tuple[Notice, ...] = ()
    forwarding: tuple[Forwarded, ...] = ()


class Outbox:
    """The way out. It calls `stir` when something went out, `undelivered` with a notice that could not, and
    `forwarded` with a fact that has come to the case where it belongs, or why it has not.

    `away`: the record does not take what is decided in a moment, and what is decided will stand. `refused`: why it does
    not take it at all. `behind`: it has another turn in the place of what is to be written; `goes_on_from` what it has.
    `leaves_its_mark`: something was brought about that the history has to show by a command. Where a task has none, the
    SDK may hand over what the next one brings together with it, and in another order than on replay.
    """

    def __init__(
        self,
        reference: str,
        unsent: Unsent,
        *,
        now: Callable[[], datetime],
        case: Callable[[], Case],
        stir: Callable[[], None],
        undelivered: Callable[[Notice], None],
        forwarded: Callable[[Forwarded, str | None], None],
    ) -> None:
        self._reference = reference
        self._now = now
        self._case = case
        self._stir = stir
        self._undelivered = undelivered
        self._forwarded = forwarded
        self._pending = list(unsent.pending)
        self._in_flight = unsent.in_flight
        self._batches = unsent.batches
        self._last_at = unsent.last_at
        self._delivering = {notice.id: notice for notice in unsent.delivering}
        self._forwarding = list(unsent.forwarding)
        self._going_on: set[asyncio.Task[None]] = set()
        self._started = self._writing = self._slow = self._in_doubt = False
        self._turns_put = sum(pending.turns for pending in unsent.pending)
        self._turns_written = self._turns_in_flight = 0
        self._behind_at: int | None = None
        self._catchings_up = 0
        self.refused: str | None = None
        self.away = False
        self.behind = False
        self.leaves_its_mark = False

    def put(self, effects: Iterable[Effect]) -> None:
        """Take what was decided in one turn of the case."""
        turn = tuple(effects)
        if not turn:
            return
        self._turns_put += 1
        announced = self._case().announced
        before = Pending(turns=0, size=0, effects=(), announced=announced)
        last = self._pending[-1] if self._pending else None
        if last and last.turns < TURNS_PER_BATCH and last.size < BYTES_PER_BATCH:
            before = self._pending.pop()
        self._pending.append(
            Pending(
                turns=before.turns + 1,
                size=before.size + _size(turn),
                effects=before.effects + turn,
                announced=announced,
            )
        )

    def goes_on_from(
        self, batches: int, last_at: datetime | None, undelivered: Iterable[Notice], forwarding: Iterable[Forwarded]
    ) -> tuple[Kept, ...]:
        """Go on from what the record has: number the batches on from its last, send what it has as not gone out.

        Gives the messages that were to be written, and now are not.
        """
        unwritten = [*self._in_flight.kept] if self._in_flight else []
        unwritten += [effect for pending in self._pending for effect in pending.effects if isinstance(effect, Kept)]
        self._pending, self._in_flight, self._batches = [], None, batches
        self.behind = self._in_doubt = False
        self._last_at = last_at
        self._turns_written = self._turns_put
        self._catchings_up += 1
        self.leaves_its_mark = True
        for notice in undelivered:
            if notice.id not in self._delivering:
                self._delivering[notice.id] = notice
                self._begin_if_started(self._deliver, notice)
        for forwarded in forwarding:
            if forwarded not in self._forwarding:
                self._forwarding.append(forwarded)
                self._begin_if_started(self._forward, forwarded)
        return tuple(unwritten)

    def start(self) -> None:
        """Begin to deliver what an earlier run had not, beside whatever else the workflow does."""
        self._started = True
        for notice in list(self._delivering.values()):
            self._begin(self._deliver(notice))
        for forwarded in list(self._forwarding):
            self._begin(self._forward(forwarded))

    @property
    def full(self) -> bool:
        """Whether the record has been away for so long that no more can wait for it."""
        size = sum(pending.size for pending in self._pending)
        return self._turns_waiting >= MOST_TURNS_WAITING or size >= MOST_BYTES_WAITING

    @property
    def crowded(self) -> bool:
        """Whether so much waits for the record that what is refused should be counted, and not kept one by one."""
        return self._turns_waiting >= SINGLY

    @property
    def _turns_waiting(self) -> int:
        return sum(pending.turns for pending in self._pending)

    @property
    def written(self) -> bool:
        """Whether the record has everything that was decided."""
        return not (self._pending or self._in_flight)

    @property
    def empty(self) -> bool:
        """Whether everything has gone out."""
        return self.written and not self._delivering and not self._forwarding

    @property
    def last(self) -> tuple[int, datetime | None]:
        """The number of the last batch that is known to be written, and when it was made."""
        return self._batches - (1 if self._in_flight else 0), self._last_at

    def doubt(self) -> None:
        """Go on from the record, which is said to have more; where something is being written, that will show."""
        if not self._writing:
            self.behind = True
            self._stir()

    async def settled(self) -> bool:
        """Wait until what was put so far is written, or the record is away for longer than a moment.

        False where the case went on from the record instead, and has to be asked again.
        """
        mine, before = self._turns_put, self._catchings_up
        await workflow.wait_condition(lambda: self._turns_written >= mine or self.away or self._catchings_up != before)
        return self._catchings_up == before

    @property
    def unsent(self) -> Unsent:
        """What has not gone out yet."""
        return Unsent(
            pending=tuple(self._pending),
            in_flight=self._in_flight,
            batches=self._batches,
            last_at=self._last_at,
            delivering=tuple(self._delivering.values()),
            forwarding=tuple(self._forwarding),
        )

    def go_on(self) -> None:
        """Begin to write what is next, where nothing is being written. Called when everything else that the case does
        is begun: whatever comes in together, or in whichever parts, the commands are then in the same order."""
        if not self._writing and not self.behind and (self._in_flight or self._pending):
            self._writing = True
            self._begin(self._write_next())

    async def _write_next(self) -> None:
        batch = self._in_flight = self._in_flight or self._next_batch()
        try:
            recorded = await self._write(batch)
        except NotAtOnce as failed:  # it is begun again, in its turn
            self._slow, self._in_doubt = True, failed.kind != AWAY
        except RefusedForGood as refused:
            if refused.kind == BEHIND and batch.number != self._behind_at:  # or going on from it was of no use
                self.behind, self._behind_at = True, batch.number
            else:
                self.refused, self.away = str(refused), True
                self._stir()
                await workflow.sleep(RECORD_REFUSED_FOR, summary="The record refused what was to be written")
                self._behind_at = None
        else:
            self._wrote(batch, recorded)
        self._writing = False
        self._stir()

    async def _write(self, batch: Batch) -> Recorded:
        # What opens an episode is not written by a task that may still be lost: the next one would find it open.
        if self._slow or batch.number == 1:
            self.away = not self._in_doubt  # a task that was lost may have written something else in its place
            recorded = await in_the_end("record", batch, Recorded, _what(batch))
            self.leaves_its_mark = True
            return recorded
        return await at_once("record", batch, Recorded, _what(batch))

    def _wrote(self, batch: Batch, recorded: Recorded) -> None:
        self._in_flight, self.refused, self._last_at = None, None, batch.at
        self._turns_written += self._turns_in_flight
        self.away, self._in_doubt, self._behind_at = False, False, None
        self._slow = recorded.slow
        for notice in batch.notices:
            if notice.id in recorded.deliver:
                self._delivering[notice.id] = notice
                self._begin(self._deliver(notice))
        for forwarded in batch.forwards:
            self._forwarding.append(forwarded)
            self._begin(self._forward(forwarded))

    def _next_batch(self) -> Batch:
        self._batches += 1
        pending = self._pending.pop(0)
        self._turns_in_flight = pending.turns
        # A case is rebuilt from what is written: it must not have said more than that.
        return batch_of(self._case(), pending.effects, pending.announced, self._batches, self._now())

    async def _deliver(self, notice: Notice) -> None:
        """Deliver one notice; one that cannot be delivered escalates."""
        delivery = Delivery(reference=self._reference, notice=notice)
        try:
            delivered = await workflow.execute_activity(
                "deliver",
                delivery,
                result_type=Delivered,
                start_to_close_timeout=timedelta(minutes=1),
                schedule_to_close_timeout=timedelta(hours=1),
                retry_policy=FOR_AN_HOUR,
                summary=summary_of(f"Notice to the {notice.to}: {notice.kind.value}"),
            )
            failed = delivered.failed
        except ActivityError as error:
            failed = why(error)
            await workflow.execute_activity(
                "mark_undelivered",
                args=[delivery, failed],
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=FOR_EVER,
                summary=summary_of(f"Notice to the {notice.to} could not be delivered"),
            )
        del self._delivering[notice.id]
        self._stir()
        if failed:
            self._undelivered(notice)

    async def _forward(self, forwarded: Forwarded) -> None:
        """Record a fact on the case where it belongs; that it cannot be is said on this one."""
        failed: str | None = None
        try:
            failed = await workflow.execute_activity(
                "forward",
                Forwarding(reference=self._reference, episode=self._case().episode, forwarded=forwarded),
                result_type=str,
                start_to_close_timeout=timedelta(minutes=1),
                schedule_to_close_timeout=timedelta(hours=1),
                retry_policy=FOR_AN_HOUR,
                summary=summary_of(f"Record no. {forwarded.fact} on case {forwarded.to}"),
            )
        except ActivityError as error:
            failed = why(error)
        self._forwarding.remove(forwarded)
        self._stir()
        self._forwarded(forwarded, failed or None)

    def _begin_if_started(self, doing: Callable[[Goes], Coroutine[Any, Any, None]], what: Goes) -> None:
        if self._started:
            self._begin(doing(what))

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)


def _size(effects: Iterable[Effect]) -> int:
    size = 1000
    for effect in effects:
        match effect:
            case Kept():
                size += len(effect.body.encode()) + len((effect.state or "").encode())
            case Deadline() | Request():
                size += 1500
    return size


def _what(batch: Batch) -> str:
    """What a batch is about, by the names of messages alone: what people wrote is not for the Web UI."""
    names = dict.fromkeys(kept.name.replace("_", " ") if kept.fact else "a refused message" for kept in batch.kept)
    return f"Record {', '.join(names)}" if names else "Record what time has brought about"
