"""What was decided and is to go out: the record, written in order however long it takes, and notices by e-mail."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from casework.batch import Batch, Delivered, Delivery, Forwarding, Recorded, batch_of
from casework.case import Announced, Case
from casework.effects import DeadlineChanged, Effect, Forwarded, Kept, Notice, RequestChanged
from casework.model import Value
from workflows.calling import FOR_EVER, until_done, why
from workflows.summaries import summary_of

TURNS_PER_BATCH, BYTES_PER_BATCH = 25, 100_000
"""A batch is closed at either. Bytes are of what was sent and of the deadlines that changed, never of lines of ours:
a word more or less must not change which activities there are."""
MOST_TURNS_WAITING, MOST_BYTES_WAITING = 200, 400_000
"""While more waits for the record, messages are refused as not possible just now."""
SINGLY = 100
"""While more turns wait for the record, what is refused is only counted."""
RECORD_REFUSED_FOR = timedelta(minutes=10)
"""A record that refuses a batch for good has to be put right by somebody; until then it is tried this often."""
FOR_AN_HOUR = RetryPolicy(maximum_interval=timedelta(minutes=5))


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
    delivering: tuple[Notice, ...] = ()
    forwarding: tuple[Forwarded, ...] = ()


class Outbox:
    """The way out. It calls `stir` when something went out, `undelivered` with a notice that could not, and
    `forwarded` with a fact that has come to the case where it belongs, or why it has not."""

    def __init__(
        self,
        reference: str,
        unsent: Unsent,
        *,
        case: Callable[[], Case],
        stir: Callable[[], None],
        undelivered: Callable[[Notice], None],
        forwarded: Callable[[Forwarded, str | None], None],
    ) -> None:
        self._reference = reference
        self._case = case
        self._stir = stir
        self._undelivered = undelivered
        self._forwarded = forwarded
        self._pending = list(unsent.pending)
        self._in_flight = unsent.in_flight
        self._batches = unsent.batches
        self._delivering = {notice.id: notice for notice in unsent.delivering}
        self._forwarding = list(unsent.forwarding)
        self._going_on: set[asyncio.Task[None]] = set()
        self.refused: str | None = None

    def put(self, effects: Iterable[Effect]) -> None:
        """Take what was decided in one turn of the case."""
        turn = tuple(effects)
        if not turn:
            return
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
        self, batches: int, undelivered: Iterable[Notice] = (), forwarding: Iterable[Forwarded] = ()
    ) -> None:
        """Of a case that is rebuilt: number the batches on from the record's, and send what it has as not gone out."""
        self._batches = batches
        self._delivering = {notice.id: notice for notice in undelivered}
        self._forwarding = list(forwarding)

    def start(self) -> None:
        """Begin to write and to deliver, beside whatever else the workflow does."""
        self._go_on(self._keep_records())
        for notice in list(self._delivering.values()):
            self._go_on(self._deliver(notice))
        for forwarded in list(self._forwarding):
            self._go_on(self._forward(forwarded))

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
    def unsent(self) -> Unsent:
        """What has not gone out yet."""
        return Unsent(
            pending=tuple(self._pending),
            in_flight=self._in_flight,
            batches=self._batches,
            delivering=tuple(self._delivering.values()),
            forwarding=tuple(self._forwarding),
        )

    async def _keep_records(self) -> None:
        """Write what was decided, in order, one batch at a time."""
        while True:
            await workflow.wait_condition(lambda: bool(self._in_flight or self._pending))
            batch = self._in_flight = self._in_flight or self._next_batch()
            try:
                recorded = await until_done("record", batch, Recorded, _what(batch))
            except ActivityError as error:
                self.refused = why(error)
                self._stir()
                await workflow.sleep(RECORD_REFUSED_FOR, summary="The record refused what was to be written")
                continue
            self._in_flight, self.refused = None, None
            self._stir()
            for notice in batch.notices:
                if notice.id in recorded.deliver:
                    self._delivering[notice.id] = notice
                    self._go_on(self._deliver(notice))
            for forwarded in batch.forwards:
                self._forwarding.append(forwarded)
                self._go_on(self._forward(forwarded))

    def _next_batch(self) -> Batch:
        self._batches += 1
        pending = self._pending.pop(0)
        # A case is rebuilt from what is written: it must not have said more than that.
        return batch_of(self._case(), pending.effects, pending.announced, self._batches)

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

    def _go_on(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)


def _size(effects: Iterable[Effect]) -> int:
    size = 1000
    for effect in effects:
        match effect:
            case Kept():
                size += len(effect.body.encode()) + len((effect.state or "").encode())
            case DeadlineChanged() | RequestChanged():
                size += 1500
    return size


def _what(batch: Batch) -> str:
    """What a batch is about, by the names of messages alone: what people wrote is not for the Web UI."""
    names = dict.fromkeys(kept.name.replace("_", " ") if kept.fact else "a refused message" for kept in batch.kept)
    return f"Record {', '.join(names)}" if names else "Record what time has brought about"
