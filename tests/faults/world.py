"""The world of a run: Temporal, Postgres, a mail server and workers on one state folder, and the faults they suffer.

Only processes of that folder, and workers that were started here, are ever killed or frozen.
"""

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random

import psutil
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from connection.search_attributes import registered
from connection.temporal import connect_to
from starter.cases import reach
from starter.embedded import embedded_stack, processes
from tests.faults.report import Report, Violation
from tests.office import Office
from tests.test_embedded import free_port, programs_of

STARTED_AGAIN_WITHIN = 1.5
"""Seconds. Usually the pauses after which a server is started again grow up to half a minute."""
WORKER_ENDS_WITHIN = 40.0
"""Seconds that a worker may take to end after SIGTERM: its activities may finish."""
ADDRESSES = {"team manager": "tm@example.invalid", "manager": "m@example.invalid"}


class Post:
    """A mail server that takes everything, and remembers how often it took each notice."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        for line in (content if isinstance(content, bytes) else b"").decode("utf-8", "replace").splitlines():
            if line.lower().startswith("x-s47-notice:"):
                self.taken[line.partition(":")[2].strip()] += 1
        return "250 OK"


class World:
    """What a run takes place in. `longest_freeze`: seconds for which something is frozen at most."""

    def __init__(self, office: Office, smtp: str, post: Post, report: Report, *, longest_freeze: float) -> None:
        self.office = office
        self.post = post
        self.report = report
        self.longest_freeze = longest_freeze
        self.workers: list[subprocess.Popen[bytes]] = []
        self._smtp = smtp
        self._started = ExitStack()

    def start_worker(self) -> None:
        """One worker more."""
        settings = {"S47_SMTP": self._smtp, "S47_ADDRESSES": json.dumps(ADDRESSES)}
        self.workers.append(self._started.enter_context(self.office.worker(**settings)))

    def kill_worker(self, worker: "subprocess.Popen[bytes]") -> None:
        """Kill a worker and forget it."""
        worker.kill()
        worker.wait()
        self.workers.remove(worker)

    def keep_workers(self, number: int) -> None:
        """Have so many workers again. One that ended by itself is a violation."""
        for worker in list(self.workers):
            if worker.poll() is not None:
                self.report.violation(Violation("workers", "", f"one ended by itself, with {worker.returncode}"))
                self.workers.remove(worker)
        for worker in self.workers[number:]:
            self.kill_worker(worker)
        while len(self.workers) < number:
            self.start_worker()

    def programs(self, name: str) -> list[psutil.Process]:
        """The processes of `temporal` or `postgres` on the folder, the eldest first."""
        ours = [process for process in programs_of(self.office.folder) if _is_called(process, name)]
        pids = {process.pid for process in ours}
        return sorted(ours, key=lambda process: _parent(process) in pids)

    async def frozen(self, what: Iterable[psutil.Process], seconds: float) -> None:
        """Stop processes for a while, as a machine does that is out of breath."""
        stopped = list(what)
        send(stopped, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            send(stopped, signal.SIGCONT)

    def close(self) -> None:
        """Kill the workers that are left."""
        self._started.close()


@asynccontextmanager
async def a_world(folder: Path, report: Report, *, longest_freeze: float) -> AsyncIterator[World]:
    """Everything up and answering, with one worker, until the end of the block."""
    longest_pause, processes.LONGEST_PAUSE = processes.LONGEST_PAUSE, STARTED_AGAIN_WITHIN
    post = Post()
    mail = Controller(post, hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        async with embedded_stack(
            folder, temporal_port=free_port(), ui_port=None, search_attributes=registered(), report=report.say
        ) as addresses:
            office = Office(addresses.temporal, addresses.postgres, folder.resolve())
            world = World(office, f"{mail.hostname}:{mail.port}", post, report, longest_freeze=longest_freeze)
            try:
                world.start_worker()
                await reach.worker_ready(await connect_to(addresses.temporal))
                yield world
            finally:
                world.close()
    finally:
        mail.stop()
        processes.LONGEST_PAUSE = longest_pause


# --- Faults -------------------------------------------------------------------------------------------------------


async def kill_worker(world: World, dice: Random) -> None:
    world.kill_worker(dice.choice(world.workers))
    await asyncio.sleep(dice.choice((0, 0.5, 3)))
    world.start_worker()


async def freeze_worker(world: World, dice: Random) -> None:
    worker = psutil.Process(dice.choice(world.workers).pid)
    await world.frozen([worker], dice.uniform(0.2, 1) * world.longest_freeze)


async def hand_over(world: World, dice: Random) -> None:
    """Another worker is started beside one, which is killed a little later."""
    old = dice.choice(world.workers)
    world.start_worker()
    await asyncio.sleep(dice.choice((1, 4, 8)))
    world.kill_worker(old)


async def stop_worker(world: World, dice: Random) -> None:
    """As a release does: asked to end, while its successor starts."""
    old = dice.choice(world.workers)
    world.workers.remove(old)
    old.terminate()
    world.start_worker()
    try:
        await asyncio.to_thread(old.wait, WORKER_ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        world.report.notes["a worker did not end within 40 s of SIGTERM"] += 1
        old.kill()
        old.wait()
    if old.returncode > 0:
        world.report.violation(Violation("workers", "", f"asked to stop, one ended with {old.returncode}"))


async def kill_temporal(world: World, dice: Random) -> None:
    send(world.programs("temporal")[:1], signal.SIGKILL)


async def freeze_temporal(world: World, dice: Random) -> None:
    await world.frozen(world.programs("temporal"), dice.uniform(0.15, 1) * world.longest_freeze)


async def stop_postgres(world: World, dice: Random) -> None:
    send(world.programs("postgres")[:1], signal.SIGINT)


async def kill_postgres(world: World, dice: Random) -> None:
    send(world.programs("postgres")[:1], signal.SIGKILL)


async def kill_backend(world: World, dice: Random) -> None:
    backends = world.programs("postgres")[1:]
    send([dice.choice(backends)] if backends else [], signal.SIGKILL)


async def freeze_postgres(world: World, dice: Random) -> None:
    await world.frozen(world.programs("postgres"), dice.uniform(0.4, 1) * world.longest_freeze)


async def kill_everything(world: World, dice: Random) -> None:
    number = len(world.workers)
    for worker in list(world.workers):
        world.kill_worker(worker)
    for name in ("postgres", "temporal"):
        send(world.programs(name)[:1], signal.SIGKILL)
    await asyncio.sleep(1)
    world.keep_workers(number)


FAULTS: dict[str, tuple[int, Callable[[World, Random], Awaitable[None]]]] = {
    "kill worker": (6, kill_worker),
    "kill Temporal": (5, kill_temporal),
    "stop Postgres": (4, stop_postgres),
    "kill Postgres": (3, kill_postgres),
    "hand over": (3, hand_over),
    "freeze worker": (2, freeze_worker),
    "freeze Temporal": (2, freeze_temporal),
    "freeze Postgres": (2, freeze_postgres),
    "kill a backend of Postgres": (1, kill_backend),
    "stop worker": (1, stop_worker),
    "kill everything": (1, kill_everything),
}
"""Every kind of fault: how often it is in the deck they are drawn from, and what it does."""
SERVERS = ("Temporal", "Postgres")


async def inject(world: World, dice: Random, *, faults: int, gap: float, kinds: Iterable[str] = FAULTS) -> None:
    """Make so many faults, about `gap` seconds apart, drawn from a deck that is shuffled anew when it is used up."""
    workers, deck = len(world.workers), list[str]()
    for _ in range(faults):
        await asyncio.sleep(dice.uniform(0.5, 1.5) * gap)
        if not deck:
            deck = [kind for kind in kinds for _ in range(FAULTS[kind][0])]
            dice.shuffle(deck)
        kind = deck.pop()
        world.keep_workers(workers)
        world.report.fault(kind)
        await FAULTS[kind][1](world, dice)
    world.keep_workers(workers)


def send(what: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to processes, those that are gone left out."""
    for process in what:
        assert process.pid != os.getpid()
        with suppress(psutil.Error):
            process.send_signal(number)


def _is_called(process: psutil.Process, name: str) -> bool:
    with suppress(psutil.Error):
        return bool(process.name() == name and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _parent(process: psutil.Process) -> int | None:
    with suppress(psutil.Error):
        return int(process.ppid())
    return None
