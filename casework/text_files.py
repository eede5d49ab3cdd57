"""Files that people write, in TOML or JSON: whatever is in one, it is read, or refused in one clear line."""

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any, BinaryIO

LARGEST = 500_000
"""Bytes; the longest procedure that ships is a sixth of it."""
DEEPEST = 20
"""Tables and lists, each within another."""
WIDEST = 2**63
"""Whole numbers stay below it: beyond, not every program reads them."""
DEEP_NAME = re.compile(rf"""(?:\.[ \t]*+[\w"'-]++[ \t]*+){{{DEEPEST + 1}}}""")
"""Looked for first: over `a.a.a…` the parser of TOML takes minutes."""
TOO_DEEP = f"tables or lists in it are more than {DEEPEST} deep"
TOO_MANY_DIGITS = "a whole number in it has too many digits"
NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


class WrongFile(Exception):
    """A file that cannot be used; the message names it, and is for the person who wrote it."""


def text_of(file: Path | BinaryIO) -> str:
    """The text of a file, or of what stands open (standard input), without a byte order mark. Raises `WrongFile`."""
    name = file if isinstance(file, Path) else "standard input"
    try:
        if isinstance(file, Path):
            with file.open("rb") as opened:
                content = opened.read(LARGEST + 1)
        else:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise WrongFile(f"{name}: this is too long. It can have {LARGEST:,} bytes at most")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongFile(f"{name}: this is not a text file in UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise WrongFile(f"{name}: {getattr(error, 'strerror', None) or error}") from None


def values_in(text: str, name: str, *, or_json: bool = False) -> dict[str, Any]:
    """The values in a text of TOML; with `or_json`, one that begins with a brace is JSON. Raises `WrongFile`."""
    kind = "JSON" if or_json and text.lstrip().startswith("{") else "TOML"
    try:
        if kind == "TOML" and DEEP_NAME.search(text):
            raise RecursionError
        values: dict[str, Any] = json.loads(text) if kind == "JSON" else tomllib.loads(text)
        problem = unusable(values)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        problem = f"this is not valid {kind}: {error}"
    except ValueError:
        problem = TOO_MANY_DIGITS
    except RecursionError:
        problem = TOO_DEEP
    if problem:
        raise WrongFile(f"{name}: {problem}")
    return values


def unusable(values: Any, depth: int = 0) -> str | None:
    """What in these values could not be kept or passed on."""
    if depth > DEEPEST:
        return TOO_DEEP
    if isinstance(values, dict | list):
        inner = [*values, *values.values()] if isinstance(values, dict) else values
        return next(filter(None, (unusable(value, depth + 1) for value in inner)), None)
    if isinstance(values, int) and abs(values) >= WIDEST:
        return TOO_MANY_DIGITS
    if isinstance(values, float) and not math.isfinite(values):
        return "a number in it is infinite, or is not a number"
    if isinstance(values, str) and NO_CHARACTER.search(values):
        return "a text in it has a character that cannot be stored"
    return None
