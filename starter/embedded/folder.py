"""The state folder: made once, claimed by one process at a time."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import EmbeddedError

# Looking whether a folder is claimed holds its lock for an instant; a claim outwaits that.
CLAIM_SECONDS = 0.3


def as_root() -> bool:
    return os.geteuid() == 0


def prepare(folder: Path) -> Path:
    """Make the folder if it is not there, and give its absolute path.

    Only a folder made here gets its mode from here: closed to others, but as root passable, since Postgres
    refuses to be root and its part of the folder then belongs to another user.
    """
    try:
        folder = folder.absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            if as_root():
                folder.chmod(0o711)
        folder = folder.resolve(strict=True)
        if not folder.is_dir():
            raise EmbeddedError(f"{folder} is not a folder, so no state can be kept in it.")
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise EmbeddedError(
                f"The folder {folder} cannot be written to by this user. "
                "Start as the user it belongs to, or name another folder."
            )
    except OSError as error:
        raise EmbeddedError(f"The folder {folder} cannot be used: {error.strerror or error}.") from error
    return folder


@contextmanager
def claimed(folder: Path, what: str) -> Iterator[None]:
    """Hold `what` of the folder for this process alone; EmbeddedError names the process that holds it.

    The lock is the kernel's and goes when its process goes, however that happens.
    """
    path = folder / f"{what}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedError(f"{path} cannot be opened: {error.strerror}.") from error
    try:
        _lock(descriptor, path, folder)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(folder: Path, what: str) -> int | None:
    """The id of the process that holds `what` of the folder; None if nobody does."""
    try:
        descriptor = os.open(folder / f"{what}.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid_in(descriptor)
    finally:
        os.close(descriptor)
    return None


def _lock(descriptor: int, path: Path, folder: Path) -> None:
    end = time.monotonic() + CLAIM_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise EmbeddedError(f"{path} cannot be locked: {error.strerror}.") from error
        if time.monotonic() > end:
            pid = _pid_in(descriptor)
            raise EmbeddedError(
                f"S47 is already running on {folder} (process {pid or 'unknown'}). "
                "Stop that one first, or name another folder."
            )
        time.sleep(0.02)


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else None
