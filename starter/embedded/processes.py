"""Child programs: start them, watch over them, stop them, and stop those an earlier run left behind.

Each child runs in a session of its own, so that Ctrl-C in the terminal reaches only the parent, which then
stops its children in the right order. Each carries its log file's path in its environment: a log has one
writer, and that is how a child is recognised that outlived a parent killed outright.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from .errors import DidNotStart, EmbeddedError

Report = Callable[[str], None]

MARK = "S47_LOG_OF_THIS_PROCESS"
FIRST_PAUSE = 0.5  # seconds before a program that died is started again, doubled up to the longest
LONGEST_PAUSE = 30.0
STEADY = 60.0  # seconds a program must run for the pause to begin anew
PATIENCE = 60.0  # seconds a server may take until it answers
LARGEST_LOG = 20_000_000  # bytes; a larger one is put aside when its program starts


@dataclass(frozen=True)
class User:
    """Whom a program runs as when we are root and it must not be."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """One child program. `stop`: what ends it, and the seconds each may take; SIGKILL comes after."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    user: User | None = None
    stop: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 20.0),)


async def keep_running(
    command: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    report: Report,
    *,
    name: str = "The worker",
    grace: float = 30.0,
) -> None:
    """Run a command until cancelled, and start it again, with growing pauses, whenever it ends.

    `env` is added to our own environment. What the command prints goes to `log`. When cancelled the command
    is sent SIGTERM and, `grace` seconds later, SIGKILL. An earlier run's command on the same log is stopped
    first, so a log must be no other running stack's: keep it in the folder of the stack.
    """
    program = Program(
        name=name,
        command=list(command),
        log=log.absolute(),
        environment={**os.environ, **env},
        stop=((signal.SIGTERM, grace),),
    )
    await stop_leftovers(program, report)
    await _keep(program, await spawn(program), report)


@asynccontextmanager
async def running(program: Program, answers: Callable[[], Awaitable[bool]], report: Report) -> AsyncIterator[None]:
    """Run a server inside the block: from when it answers, started again if it dies, stopped at the end.

    Raises DidNotStart with its last words if it ends, or does not answer, at the start.
    """
    logged = program.log.stat().st_size if program.log.exists() else 0
    process = await spawn(program)
    try:
        await _until(answers, program, process, logged)
    except BaseException:
        await end(process, program)
        raise
    keeper = asyncio.create_task(_keep(program, process, report))
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def spawn(program: Program) -> asyncio.subprocess.Process:
    """Start the program, its output appended to its log; EmbeddedError if it cannot be run at all."""
    as_whom: dict[str, Any] = {}
    if program.user:
        as_whom = {"user": program.user.uid, "group": program.user.gid, "extra_groups": []}
    try:
        with _log_of(program) as log:
            return await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                cwd=program.folder,
                env={**program.environment, MARK: str(program.log)},
                start_new_session=True,
                umask=0o077,
                **as_whom,
            )
    except OSError as error:
        raise EmbeddedError(f"{program.name} cannot be run ({program.command[0]}): {error.strerror}.") from error


async def end(process: asyncio.subprocess.Process, program: Program) -> None:
    """Stop a child of ours and wait until it is gone."""
    for number, seconds in program.stop:
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def stop_leftovers(program: Program, report: Report) -> None:
    """Stop what still runs of this program from a run whose parent was killed before it could do so."""
    left = [process for process in psutil.process_iter() if _writes_to(process, program.log)]
    # Killing a Postgres postmaster makes its own children leave, and so on: only the eldest is told.
    eldest = [process for process in left if process.ppid() not in {other.pid for other in left}]
    if not eldest:
        return
    report(f"{program.name} still runs from an earlier time (process {eldest[0].pid}); stopping it.")
    for number, seconds in (*program.stop, (signal.SIGKILL, 10.0)):
        for process in eldest:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, eldest = await asyncio.to_thread(psutil.wait_procs, eldest, timeout=seconds)
        if not eldest:
            break
    _, left = await asyncio.to_thread(psutil.wait_procs, left, timeout=0 if eldest else 2)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    if not eldest:
        return
    raise EmbeddedError(
        f"{program.name} still runs from an earlier time (process {eldest[0].pid}) and cannot be stopped."
    )


def run_until_stopped(main: Coroutine[Any, Any, None], report: Report) -> None:
    """Run `main`; Ctrl-C, SIGTERM and a closed terminal cancel it, once, and it is left to stop in order.

    Further such signals are only answered: what is being stopped must not be abandoned half-way.
    """

    async def supervised() -> None:
        task = asyncio.create_task(main)
        stopping = False

        def stop() -> None:
            nonlocal stopping
            notice = "Still stopping; one moment." if stopping else "Stopping."
            if not stopping:
                stopping = True
                task.cancel()
            with suppress(OSError):  # the terminal may be gone: that is what SIGHUP tells
                report(notice)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        try:
            await task
        except asyncio.CancelledError:
            if not stopping:
                raise

    asyncio.run(supervised())


async def _keep(program: Program, process: asyncio.subprocess.Process, report: Report) -> None:
    pause, since = FIRST_PAUSE, time.monotonic()
    try:
        while True:
            code = await process.wait()
            if time.monotonic() - since > STEADY:
                pause = FIRST_PAUSE
            report(
                f"{program.name} stopped by itself ({_how(code)}); starting it again in {pause:g} seconds. "
                f"What it said is in {program.log}."
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            since = time.monotonic()
            try:
                process = await spawn(program)
            except EmbeddedError as error:
                report(str(error))
    finally:
        await end(process, program)


async def _until(
    answers: Callable[[], Awaitable[bool]], program: Program, process: asyncio.subprocess.Process, logged: int
) -> None:
    end_of_patience = time.monotonic() + PATIENCE
    while not await answers():
        if process.returncode is not None:
            raise DidNotStart(
                f"{program.name} did not start ({_how(process.returncode)}). {_last_words(program.log, logged)}"
            )
        if time.monotonic() > end_of_patience:
            raise DidNotStart(
                f"{program.name} does not answer after {PATIENCE:g} seconds. {_last_words(program.log, logged)}"
            )
        await asyncio.sleep(0.02)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _last_words(log: Path, logged: int) -> str:
    """The end of what a log holds beyond its first `logged` bytes."""
    with log.open("rb") as file:
        file.seek(max(logged, os.fstat(file.fileno()).st_size - 4000))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return f"Its last words, from {log}:\n" + ("\n".join(f"  {line}" for line in lines[-12:]) or "  (nothing)")


def _log_of(program: Program) -> BinaryIO:
    """The log, open to append to, for our eyes only; a large one is put aside first."""
    log = program.log
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_name(log.name + ".old"))
    return open(log, "ab", opener=partial(os.open, mode=0o600))


def _writes_to(process: psutil.Process, log: Path) -> bool:
    """Whether it is a child that we, or an earlier run, started with this log."""
    if process.pid == os.getpid():
        return False
    try:
        return process.environ().get(MARK) == str(log) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def settings_free_environment(*prefixes: str) -> dict[str, str]:
    """Our environment without the variables of these prefixes: a server must not take a client's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
