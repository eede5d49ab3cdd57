"""Whether a query can leave a history behind that never replays: `python -m tests.faults.queries`.

A worker is killed. A query is asked of each case and waits on the dead worker's own queue; then a Signal comes, and
then Updates. A fresh worker answers the query first, from a history with the Signal that no task has taken yet. If it
kept the run in its cache, what comes with the Signal's own task would be handled after it, and on replay beside it: in
another order. `--asking`: somebody has each case open in the Web UI all along, which asks for its metadata.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from random import Random

from temporalio.client import WorkflowHistory
from temporalio.service import RPCError

from starter.cases import reach
from tests.office import Office, OneCase, an_office, eventually
from tests.test_replay import replay

STICKY_SECONDS = 10.0
"""So long what is meant for a dead worker waits on its own queue, unless the worker chose otherwise."""
UPDATES_AFTER = (0.2, 1.0, 3.0)
"""Seconds after the Signal at which Updates come; they are answered together, once a worker takes the case."""
ASK_AGAIN = 0.3


async def trial(cases: int, *, asking: bool, dice: Random) -> list[str]:
    """Try it with so many cases at once. Gives the references of those whose history does not replay, and why not."""
    async with an_office() as office:
        return await _trial(office, cases, asking, dice)


async def _trial(office: Office, number: int, asking: bool, dice: Random) -> list[str]:
    cases = [await office.case("QUERIED") for _ in range(number)]
    with office.worker() as first:
        await asyncio.gather(*(case.enquired() for case in cases))
        async with office.records() as records:
            await asyncio.gather(*(case.recorded(records) for case in cases))
        visitors = [asyncio.create_task(keep_asking(case)) for case in cases if asking]
        first.kill()
        first.wait()
    with office.worker():
        pauses = [dice.uniform(0.05, 0.6) * STICKY_SECONDS for _ in cases]
        await asyncio.gather(*(query_then_tell(case, pause) for case, pause in zip(cases, pauses, strict=True)))
        for visitor in visitors:
            visitor.cancel()
        await asyncio.gather(*visitors, return_exceptions=True)
        histories = await asyncio.gather(*(rested_history(case) for case in cases))
    return [problem for history in histories if (problem := await why_it_does_not_replay(history))]


async def query_then_tell(case: OneCase, pause: float) -> None:
    """Ask, and while nobody answers yet send a Signal, and then Updates."""
    query = asyncio.create_task(case.state())
    await asyncio.sleep(pause)
    await case.signal("new_information_received", "police/pc-1")
    updates = []
    for seconds in UPDATES_AFTER:
        await asyncio.sleep(seconds)
        updates.append(asyncio.create_task(send_until_answered(case)))
    await asyncio.gather(*updates)
    with suppress(reach.NotReached):  # it may have waited for too long
        await query


async def send_until_answered(case: OneCase) -> None:
    """New information by an Update, sent until it is answered."""
    body = case.body("police/pc-1")
    while True:
        with suppress(reach.NotReached):
            await case.send("new_information_received", body)
            return


async def keep_asking(case: OneCase) -> None:
    """What a case's page in the Web UI asks for, again and again."""
    while True:
        with suppress(RPCError, TimeoutError):
            async with asyncio.timeout(STICKY_SECONDS * 2):
                await case.metadata()
        await asyncio.sleep(ASK_AGAIN)


async def rested_history(case: OneCase) -> WorkflowHistory:
    """The history of the last run, once no workflow task is pending and no activity runs."""

    async def rested() -> WorkflowHistory | None:
        description = (await case.handle.describe()).raw_description
        busy = description.HasField("pending_workflow_task") or description.pending_activities
        return None if busy else await case.handle.fetch_history()

    return await eventually(rested, seconds=60)


async def why_it_does_not_replay(history: WorkflowHistory) -> str | None:
    """Why this history does not replay, in the SDK's words; None where it does."""
    try:
        await replay(history)
    except Exception as error:
        return f"{history.workflow_id}: {error}"
    return None


def main() -> None:
    """Try, and say how many histories replay; 1 where some do not."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.queries", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", type=int, default=20, help="so many cases at once")
    parser.add_argument("--asking", action="store_true", help="somebody has each case open in the Web UI all along")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    wrong = asyncio.run(trial(chosen.cases, asking=chosen.asking, dice=Random(chosen.seed)))
    for line in wrong:
        print(line[:300])
    print(f"{chosen.cases - len(wrong)} of {chosen.cases} histories replay")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
