"""The right names, for whoever wrote a wrong one. And texts cut to a size."""

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 12
"""So many names are all listed; of more, only those that are like the wrong one, where any is."""


def there_are(wrong: str, names: Iterable[str]) -> str:
    """The names that may have been meant: first those that are like the wrong one, then all where they are few."""
    right = {name.casefold(): name for name in sorted(names)}
    near = get_close_matches(wrong.strip().casefold(), right)
    meant = f"Did you mean: {', '.join(right[name] for name in near)}? " if near else ""
    if near and len(right) > FEW:
        return meant.strip()
    return f"{meant}There are: {', '.join(right.values())}."


def cut(text: str, size: int) -> str:
    """The text in at most about so many bytes."""
    whole = text.encode(errors="replace")
    return text if len(whole) <= size else f"{whole[:size].decode(errors='ignore')}…"
