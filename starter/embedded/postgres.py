"""An embedded Postgres: its own cluster, reached only through a Unix socket by the user who started it."""

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from . import binaries
from .errors import DidNotStart, EmbeddedError
from .folder import as_root, claimed, prepare
from .place import ELSEWHERE, Place, give, place_of, run_as, temporary_base
from .processes import Program, Report, running, settings_free_environment, stop_leftovers

DATABASE = "s47"
ROLE = "s47"
SUPERUSER = "postgres"
PORT = 5432  # only names the socket's file
# A socket's path may have 103 characters on macOS, 107 on Linux; Postgres adds the file name.
LONGEST_SOCKET_FOLDER = 103 - len(f"/.s.PGSQL.{PORT}.lock")

# As initdb wants them, and as docker-compose.yml gives them to the production database.
INITDB = (
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--auth=reject",  # the rules of access are written anew at each start
)
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The detail of a refused statement holds the values of the row: not for a log.
    "log_error_verbosity": "terse",
}
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@asynccontextmanager
async def postgres_server(
    folder: Path, report: Report, *, durable: bool = True, elsewhere: Path = ELSEWHERE
) -> AsyncIterator[str]:
    """Run the Postgres of a state folder inside the block; gives the DSN of its database for asyncpg.

    `elsewhere` is where its files go when the user it must run as cannot reach the state folder.
    Raises EmbeddedError.
    """
    folder = prepare(folder)
    with claimed(folder, "postgres"):
        place = await asyncio.to_thread(place_of, folder, elsewhere, report)
        with _socket_folder(place) as sockets:
            program = _program(folder, place, sockets, DURABLE if durable else THROWAWAY)
            await stop_leftovers(program, report)
            await asyncio.to_thread(_make_cluster, place, durable)
            _forget_dead_postmaster(place)
            async with _started(program, sockets, report):
                await _ensure_database(sockets)
                yield _dsn(sockets)


@asynccontextmanager
async def throwaway_postgres() -> AsyncIterator[str]:
    """An empty database for the length of the block, in a folder of its own: quick to start, not durable."""
    folder = Path(tempfile.mkdtemp(prefix="s47-", dir=temporary_base()))
    try:
        if as_root():
            folder.chmod(0o711)
        async with postgres_server(folder, lambda _: None, durable=False) as dsn:
            yield dsn
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_cluster(place: Place, durable: bool) -> None:
    """Make the cluster if there is none; whole or not at all, whenever this is interrupted."""
    marker = place.data / "PG_VERSION"
    ours = metadata.version(binaries.POSTGRES_WHEEL).partition(".")[0]
    if place.data.exists():
        theirs = marker.read_text().strip() if marker.exists() else "no Postgres"
        if theirs != ours:
            raise EmbeddedError(
                f"The records in {place.data} were made by Postgres {theirs}; the one installed is {ours}, "
                "which cannot read them. Install the earlier package, or move them with pg_dump."
            )
        return
    unfinished = place.home / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [str(place.programs / "initdb"), f"--pgdata={unfinished}", *INITDB]
    made = run_as(place.user, command if durable else [*command, "--no-sync"], place.home)
    if made.returncode != 0:
        raise EmbeddedError(f"The database cannot be made in {place.home}:\n{made.stderr.strip()}")
    unfinished.rename(place.data)


@contextmanager
def _socket_folder(place: Place) -> Iterator[Path]:
    """A folder for the socket that only Postgres' user (and root) may enter, with a path short enough."""
    note = place.home / "socket-is-elsewhere"
    if note.exists():  # left by a run that was killed
        shutil.rmtree(note.read_text().strip(), ignore_errors=True)
        note.unlink()
    sockets = place.home / "socket"
    if len(os.fsencode(sockets)) <= LONGEST_SOCKET_FOLDER:
        sockets.mkdir(mode=0o700, exist_ok=True)
        give(sockets, place.user)
        yield sockets
        return
    sockets = Path(tempfile.mkdtemp(prefix="s47-", dir="/tmp"))
    try:
        note.write_text(f"{sockets}\n")
        give(sockets, place.user)
        yield sockets
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
        note.unlink(missing_ok=True)


def _program(folder: Path, place: Place, sockets: Path, durability: Mapping[str, str]) -> Program:
    settings = {
        **SETTINGS,
        **durability,
        "unix_socket_directories": '"{}"'.format(str(sockets).replace('"', '""')),
        **_rules_of_access(place),
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="Postgres",
        command=[str(place.programs / "postgres"), "-D", str(place.data), *options],
        log=folder / "postgres.log",
        environment=settings_free_environment("PG"),
        folder=place.home,
        user=place.user,
        # A fast shutdown, then an immediate one (recovered from at the next start).
        stop=((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0)),
    )


def _rules_of_access(place: Place) -> dict[str, str]:
    """Only we come in, and the kernel vouches for us over the socket: no password to keep or leak."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    rules = {
        "hba_file": ("pg_hba.conf", "local all all peer map=s47\n"),
        "ident_file": ("pg_ident.conf", "".join(f's47 "{me}" {role}\n' for role in (ROLE, SUPERUSER))),
    }
    for name, text in rules.values():
        path = place.home / name
        path.write_text(text)
        path.chmod(0o600)
        give(path, place.user)
    return {setting: str(place.home / name) for setting, (name, _) in rules.items()}


def _forget_dead_postmaster(place: Place) -> None:
    """Remove the pid file of a postmaster that was killed.

    Postgres does so itself unless the pid is some other program's by now, as in a container it soon is.
    """
    path = place.data / "postmaster.pid"
    try:
        pid = int(path.read_text().split(maxsplit=1)[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    try:
        alive = psutil.Process(pid).name().startswith("postgres")
    except psutil.Error:
        alive = False
    if not alive:
        path.unlink(missing_ok=True)


@asynccontextmanager
async def _started(program: Program, sockets: Path, report: Report) -> AsyncIterator[None]:
    """Run Postgres, giving the processes of one that was killed a few seconds to see it and leave."""
    end = time.monotonic() + 10
    async with AsyncExitStack() as stack:
        while True:
            try:
                await stack.enter_async_context(running(program, partial(_answers, sockets), report))
                break
            except DidNotStart as error:
                if "shared memory" not in str(error) or time.monotonic() > end:
                    raise
            await asyncio.sleep(0.2)
        yield


async def _answers(sockets: Path) -> bool:
    try:
        connection = await _connect(sockets)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


async def _ensure_database(sockets: Path) -> None:
    """The database and the role that owns it, who is no superuser."""
    connection = await _connect(sockets)
    try:
        if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", ROLE):
            await connection.execute(f"CREATE ROLE {ROLE} LOGIN")
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
    finally:
        await connection.close()


async def _connect(sockets: Path) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(host=str(sockets), port=PORT, user=SUPERUSER, database="postgres", timeout=5)


def _dsn(sockets: Path) -> str:
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(sockets))}&port={PORT}"
