"""The files that drawings go to: in the format that the name says, never over another file unasked, never by a link."""

import os
from pathlib import Path

from starter.cases.reach import Failed


def format_of(file: Path, formats: tuple[str, ...]) -> str:
    """The format that a file's name says: `svg`, `png`. Raises `Failed` where a drawing has no such format."""
    ending = file.suffix.lower().removeprefix(".")
    if ending not in formats:
        endings = " or ".join(f".{suffix}" for suffix in formats)
        raise Failed(
            f"{file}: this is drawn as {endings}. Name it {file.stem or 'drawing'}.{formats[0]}, for instance."
        )
    return ending


def write(file: Path, content: bytes, *, force: bool) -> None:
    """Write a drawing to a new file; with `force` over the file that is there. Raises `Failed`."""
    how = os.O_TRUNC if force else os.O_EXCL

    def opened(path: str, flags: int) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | how, 0o666)

    try:
        with open(file, "wb", opener=opened) as there:
            there.write(content)
    except OSError as error:
        if file.is_symlink():
            raise Failed(f"{file}: this is a link to another place. Name the file itself.") from None
        if isinstance(error, FileExistsError):
            raise Failed(f"{file}: this file is there already. Name another, or write over it with --force.") from None
        raise Failed(f"{file}: {error.strerror}") from None
