"""One durable timer per running deadline: on the Web UI's timeline each is a bar of its own, named by its summary."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from temporalio import workflow

from workflows.summaries import summary_of

Alarm = tuple[datetime, str]
"""The instant at which a deadline next makes itself heard (UTC), and how it is called on a timeline."""


class Timers:
    """The timers of a case. A timer only ever wakes the case; what its ringing means is decided by the core."""

    def __init__(self, now: Callable[[], datetime], stir: Callable[[], None]) -> None:
        self._now = now
        self._stir = stir
        self._running: dict[str, tuple[Alarm, asyncio.Task[None]]] = {}

    def bring_into_step(self, alarms: Mapping[str, Alarm]) -> None:
        """Start, replace and cancel timers until they are those wanted: in a fixed order, so that replay is stable."""
        for deadline in sorted(self._running.keys() | alarms.keys()):
            alarm, known = alarms.get(deadline), self._running.get(deadline)
            if known and (known[0] == alarm or known[0][0] <= self._now()):
                continue  # as wanted, or about to ring: cancelling a timer that has fired would race the server
            if known:
                known[1].cancel()
                del self._running[deadline]
            if alarm:
                self._running[deadline] = (alarm, asyncio.create_task(self._ring(deadline, *alarm)))

    async def _ring(self, deadline: str, at: datetime, summary: str) -> None:
        ahead = max(at - self._now(), timedelta())
        await workflow.sleep(ahead + timedelta(milliseconds=1), summary=summary_of(summary))
        self._running.pop(deadline, None)
        self._stir()
