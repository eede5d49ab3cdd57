"""Files as a slip of the hand leaves them: what is read of them must still be said clearly."""

import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

PIECES = [
    *"[]{}=.,#\"'\n\\",
    "[[",
    "]]",
    "'''",
    '"""',
    "\\u0000",
    "true",
    "0x" + "f" * 40,
    "1e999",
    "2027-01-01",
    "\u202e",
]
"""What breaks a file where it is put in."""


def words_of(texts: Iterable[str]) -> list[str]:
    """The words and quoted texts of these files, each once: what may take another's place."""
    return sorted(set(re.findall(r"[A-Za-z0-9_-]+|\"[^\"\n]*\"", "\n".join(texts))))


def spoilt_by_hand(text: str, words: Sequence[str], chance: random.Random, most: int = 4) -> str:
    """A file as a slip of the hand leaves it: lines lost, doubled, moved; words and signs put in or out.

    `most`: so many slips at most.
    """
    lines = text.split("\n")
    for _ in range(chance.randint(1, most)):
        at = chance.randrange(len(lines))
        do: Callable[[], Any] = chance.choice(
            [
                lambda at=at: lines.pop(at) if len(lines) > 1 else None,
                lambda at=at: lines.insert(chance.randrange(len(lines)), lines[at]),
                lambda at=at: lines.__setitem__(at, lines[at].replace(chance.choice(words), chance.choice(words))),
                lambda at=at: lines.__setitem__(at, re.sub(r'"[^"]*"', lambda _: chance.choice(words), lines[at])),
                lambda at=at: lines.__setitem__(at, re.sub(r"\w+", lambda _: chance.choice(words), lines[at], count=1)),
                lambda at=at: lines.__setitem__(at, _put_in(lines[at], chance)),
            ]
        )
        do()
    return "\n".join(lines)


def _put_in(line: str, chance: random.Random) -> str:
    at = chance.randint(0, len(line))
    return line[:at] + str(chance.choice(PIECES)) + line[at + chance.randint(0, 3) :]


def toml(value: object) -> str:
    """A value as TOML has it, as near as may be: what JSON writes is TOML, save for objects."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return str(json.dumps(value))
