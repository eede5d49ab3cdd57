"""Looking for what is stuck and, where it is asked for, mending it: what `s47 doctor` does."""

from collections.abc import Sequence

from temporalio.client import Client

from activities.database import Database, DatabaseFailed
from casework.model import Value
from starter.cases import reach
from starter.doctor.look import Kind, Stuck, look
from starter.doctor.mend import Mended, mend


class Finding(Value):
    """Something that is stuck, and what was done about it; none: nothing was, or nothing can be from here."""

    stuck: Stuck
    mended: Mended | None = None


async def examine(to: Client, references: Sequence[str] = (), *, mending: bool = False) -> list[Finding]:
    """What is stuck of these cases, of all of them where none is named. While the record's database is away, what runs
    is looked at, and nothing is mended. Raises `NotFound`, `NotReached`, `WrongSettings`."""
    records = Database(reach.records_dsn())
    try:
        try:
            await records.prepare()
        except (DatabaseFailed, OSError) as error:
            return [Finding(stuck=_away(error)), *(Finding(stuck=stuck) for stuck in await look(to, None, references))]
        every = await look(to, records, references)
        return [Finding(stuck=stuck, mended=await mend(to, records, stuck) if mending else None) for stuck in every]
    except (DatabaseFailed, OSError) as error:
        raise reach.NotReached(f"The record's database does not answer: {error}") from None
    finally:
        await records.close()


def _away(error: Exception) -> Stuck:
    return Stuck(
        reference=None,
        kind=Kind.NO_RECORD,
        why=f"The record's database does not answer: {error}.",
        to_do="Start it, or check S47_POSTGRES. Cases wait for it, and lose nothing. Then run s47 doctor again.",
    )
