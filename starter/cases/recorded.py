"""A case as the record has it, whether or not it runs; which cases are lost; and whether record and case agree.

A case is lost where the record has it as open and no workflow runs that is it: Temporal's database was lost or
restored, or somebody ended the workflow from outside.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities import reading
from activities.basis import CaseBasis
from activities.database import Database
from casework import decide
from casework.batch import BasisWanted, Front
from casework.calendar import spoken_instant
from casework.case import Announced, Case
from casework.model import Value
from casework.story import Deadline
from starter.cases import reach
from starter.cases.ended import Ended

CATCHES_UP_WITHIN = 10.0
"""Seconds in which the record has what a case decided, where all is well."""
LOOK_AGAIN = 0.2
AT_A_TIME = 4
"""So many cases are verified at the same time."""


class Shown(NamedTuple):
    """A case to be shown, as it runs or as the record has it, with its chronology and what was refused.

    `ended`: how its workflow ended, where it is lost and Temporal knows.
    """

    case: Case
    is_lost: bool = False
    ended: Ended | None = None
    lines: Sequence[reading.ChronologyEntry] = ()
    refused: Sequence[reading.RecordedMessage] = ()


async def case_of(records: Database, reference: str) -> Case | None:
    """The last episode of a case from the record alone, told as far as it had come; None where there is none."""
    if await reading.front(records, reference) is None:
        return None
    try:
        basis = await CaseBasis(records).case_basis(BasisWanted(reference=reference, procedure="", rebuild=True))
    except ApplicationError as error:
        raise reach.Failed(f"The record of case {reference} is incomplete: {error.message}") from None
    case = decide.unopened(reference, basis.episode, basis.procedure, basis.bank_holidays)
    case = case.model_copy(update={"referrals": basis.referrals})
    try:
        return decide.rebuilt(case, basis.kept, Announced.model_validate_json(basis.announced))
    except ValidationError:
        raise reach.Failed(f"The record of case {reference} was written by another version of S47.") from None


async def current(to: Client, records: Database, reference: str, now: datetime) -> tuple[Case, bool]:
    """A case as the record has it, with what time has brought about up to now; and whether Temporal has lost it.

    The workflow is not asked: it would have to be replayed for it, and it answers only while a worker runs. Raises
    `NotFound` where there is no such case, `NotReached`.
    """
    case = await case_of(records, reference)
    if case is None:
        if await reach.runs(to, reference):
            raise reach.NotFound(f"Case {reference} is just being opened. Try again in a moment.")
        raise reach.there_is_none(reference)
    if case.story.closed_at is not None:
        return case, False
    return decide.wake(case, now).case, not await reach.runs(to, reference)


async def is_lost(to: Client, records: Database, reference: str) -> bool:
    """Whether the record has a case as open that does not run."""
    if await reach.runs(to, reference):
        return False
    front = await reading.front(records, reference)
    return front is not None and front.closed_at is None


async def lost(to: Client, records: Database) -> list[str]:
    """Every case that is lost."""
    running = set(await reach.running(to))
    absent = [case.reference for case in await reading.open_cases(records) if case.reference not in running]
    return [reference for reference in dict.fromkeys(absent) if await is_lost(to, records, reference)]


async def elsewhere(records: Database, reference: str, person: str) -> list[Front]:
    """The cases of the same child that are open under other references."""
    return [case for case in await reading.cases(records, person=person) if case.reference != reference]


# --- Verifying ----------------------------------------------------------------------------------------------------


class Verified(Value):
    """What checking one case found: how much there is, and every problem in words. `lost`: it does not run."""

    reference: str
    facts: int
    entries: int
    closed: bool
    lost: bool = False
    problems: tuple[str, ...] = ()


async def verify(to: Client, records: Database, reference: str, within: float = CATCHES_UP_WITHIN) -> Verified | None:
    """Check one case; None where neither Temporal nor the record has it. Raises `NotReached`.

    A record that is behind its case has so many seconds to catch up (`within`).
    """
    until = time.monotonic() + within
    while True:
        verified = await _look(to, records, reference)
        if verified is None or not verified.problems or verified.lost or time.monotonic() > until:
            return verified
        # The record is written a moment after a case decides; what is wrong with a seal stays wrong.
        chain = await reading.verify_chain(records, reference)
        if chain.breaks:
            return verified
        await asyncio.sleep(LOOK_AGAIN)


async def verify_all(to: Client, records: Database) -> list[Verified]:
    """Check every case that the record or Temporal has."""
    references = dict.fromkeys((*await reading.references(records), *await reach.running(to)))
    turn = asyncio.Semaphore(AT_A_TIME)

    async def verify_one(reference: str) -> Verified | None:
        async with turn:
            return await verify(to, records, reference)

    return [verified for verified in await asyncio.gather(*map(verify_one, sorted(references))) if verified is not None]


async def _look(to: Client, records: Database, reference: str) -> Verified | None:
    runs = await reach.runs(to, reference)
    chain = await reading.verify_chain(records, reference)
    front = await reading.front(records, reference)
    problems = [f"episode {row.episode}, {row.table} {row.number}: {row.problem}" for row in chain.breaks]
    is_open = front is not None and front.closed_at is None
    if front is None and not runs:
        if not chain.facts and not problems:
            return None
        problems.append("the record has messages but no case")
    elif front is None:
        problems.append("it is running, but it is not in the record")
    elif is_open and not runs:
        problems.append(
            f"lost: the record has it as open, but Temporal is not running it. Rebuild it with: s47 rebuild {reference}"
        )
    elif runs:
        try:
            problems += await _differences(records, front, await reach.read(to, reference))
        except reach.NotFound:  # a referral that is being turned away just now: nothing is opened by it
            if is_open:
                problems.append("it is running, but has no referral")
    return Verified(
        reference=reference,
        facts=chain.facts,
        entries=chain.entries,
        closed=not is_open,
        lost=is_open and not runs,
        problems=tuple(problems),
    )


async def _differences(records: Database, front: Front, case: Case) -> Iterable[str]:
    """In what the record and the case that runs differ, in words."""
    if front.episode != case.episode:
        return [f"the running case is in episode {case.episode}, the record in episode {front.episode}"]
    if front.closed_at is not None and case.story.closed_at is None:
        return ["it is running, but the record has it as closed"]
    problems = []
    kept = await reading.facts(records, case.reference, case.episode, refused=True)
    entries = await reading.chronology(records, case.reference, case.episode)
    for what, there, wanted in (
        ("messages", len(kept), case.announced.kept),
        ("lines of the chronology", len(entries), case.announced.entries),
    ):
        if there != wanted:
            problems.append(f"the running case has {wanted} {what}, the record has {there}")
    recorded = await case_of(records, case.reference)
    digests = {fact.number: fact.digest for fact in case.facts}
    written = {fact.number: fact.digest for fact in recorded.facts} if recorded else {}
    other = sorted(number for number in digests.keys() | written.keys() if digests.get(number) != written.get(number))
    if other:
        problems.append(f"the record and the running case differ in: {', '.join(f'no. {number}' for number in other)}")
    if front.stage != case.story.stage:
        problems.append(f"the stage is {case.story.stage.value} on the running case, {front.stage.value} in the record")
    deadlines = await reading.deadlines(records, case.reference, case.episode)
    for name, deadline in case.story.deadlines.items():
        if (was := deadlines.get(name)) is None:
            problems.append(f"{name} is missing from the record")
        elif (was.due, was.state) != (deadline.due, deadline.state):
            problems.append(f"{name} is {_standing(deadline)} on the running case, {_standing(was)} in the record")
    for name, was in deadlines.items():
        if name not in case.story.deadlines and was.running:
            problems.append(f"{name} is in the record only")
    return problems


def _standing(deadline: Deadline) -> str:
    return f"{deadline.state.value}, due {spoken_instant(deadline.due) if deadline.due else 'with no date'}"
