"""What a new case begins with: its procedure, the bank holidays, and which episode of the child's it is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from holidays import country_holidays
from temporalio import activity
from temporalio.exceptions import ApplicationError

from casework.batch import Basis, BasisWanted
from casework.calendar import BankHolidays
from casework.procedure_files import WrongProcedure, load

YEARS_BEFORE, YEARS_AFTER = 3, 19
"""A late fact may be some years old, and a case may last until the child is of age."""


class CaseBasis:
    """Where a new case's snapshots come from.

    `earlier_episodes` says how many episodes of a reference the records have; `procedures` are the folders of an
    authority's own procedure files.
    """

    def __init__(self, earlier_episodes: Callable[[str], Awaitable[int]], procedures: Sequence[Path] = ()) -> None:
        self._earlier_episodes = earlier_episodes
        self._procedures = procedures

    @activity.defn(name="case_basis")
    async def case_basis(self, wanted: BasisWanted) -> Basis:
        """The snapshots. An unknown or wrong procedure is said so at once, not tried again ("WrongProcedure").

        An episode is in the records only once its first batch is written, so a second try counts the same.
        """
        try:
            procedure = await asyncio.to_thread(load, wanted.procedure, self._procedures)
        except WrongProcedure as problem:
            raise ApplicationError(str(problem), type="WrongProcedure", non_retryable=True) from None
        return Basis(
            procedure=procedure,
            bank_holidays=await asyncio.to_thread(bank_holidays),
            episode=1 + await self._earlier_episodes(wanted.reference),
        )


def bank_holidays(year: int | None = None) -> BankHolidays:
    """The bank holidays of England and Wales from some years before the given one (this one) to many after it."""
    middle = year or datetime.now(UTC).year
    return _bank_holidays(middle - YEARS_BEFORE, middle + YEARS_AFTER)


@lru_cache
def _bank_holidays(first: int, last: int) -> BankHolidays:
    days = country_holidays("GB", subdiv="ENG", years=range(first, last + 1))
    return BankHolidays(
        version=f"holidays {version('holidays')} GB-ENG {first}-{last}",
        # A holiday of the last year may be kept on a day of the next one.
        dates=tuple(sorted(day for day in days if first <= day.year <= last)),
    )
