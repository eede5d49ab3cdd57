"""Summaries of timers and activities, as the Web UI shows them."""

LENGTH = 120
"""The Web UI cuts summaries at this many characters."""


def summary_of(text: str) -> str:
    """The text, no longer than a summary can be."""
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"
