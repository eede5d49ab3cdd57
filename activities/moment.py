"""An activity within a workflow task must end in a moment: all that waits for the case waits for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio import activity

A_MOMENT = 2.0
"""Seconds."""
Result = TypeVar("Result")


class TakesLonger(Exception):
    """What was asked for cannot be had in a moment; it is asked for again in an activity of its own."""

    def __init__(self) -> None:
        super().__init__("This takes longer than a moment.")


async def in_a_moment(doing: Coroutine[Any, Any, Result]) -> Result:
    """What is being done, if it is done in a moment, or if this is no local activity. Else raises `TakesLonger`.

    What takes longer goes on by itself, and nobody waits for it: ending it may take as long, where a database hangs.
    """
    if not (activity.in_activity() and activity.info().is_local):
        return await doing
    task = asyncio.ensure_future(doing)
    await asyncio.wait({task}, timeout=A_MOMENT)
    if not task.done():
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # or it would complain
        raise TakesLonger
    return task.result()
