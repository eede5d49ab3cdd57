"""What to write instead of a name that there is not."""

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 12
"""So many names are easily looked through; of more, only those that are near are named where any is."""


def there_are(wrong: str, names: Iterable[str]) -> str:
    """The names that may have been meant: first those that are near a wrong one, then all where they are few."""
    known = {name.casefold(): name for name in sorted(names)}
    near = get_close_matches(wrong.strip().casefold(), known)
    meant = f"Did you mean: {', '.join(known[name] for name in near)}? " if near else ""
    if near and len(known) > FEW:
        return meant.strip()
    return f"{meant}There are: {', '.join(known.values())}."


def cut(text: str, size: int) -> str:
    """The text in at most about so many bytes: what came from outside, or is put together, may be of any length."""
    whole = text.encode(errors="replace")
    return text if len(whole) <= size else f"{whole[:size].decode(errors='ignore')}…"
