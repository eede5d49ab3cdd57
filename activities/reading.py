"""Reading the record, for people: lists of cases, trays, chronologies, the ledger of notices. Nothing is decided here.

The tables say what the running case last wrote down. Whether a limit has passed is judged by the clock (`now`, an
instant; the database's own where none is given), so that a list is right even while no worker runs.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Literal

import asyncpg

from activities.database import Database
from activities.entries import columns
from casework.batch import Front
from casework.effects import Entry, seal_of
from casework.model import Value


class TrayItem(Value):
    """Something a role has to do, or to know. `due` is none where no limit was set; `on` is its London day.

    `person` is whose it is alone; none: anybody's in the role. `since` is when it came into the tray.
    """

    kind: Literal["deadline", "request", "notice"]
    reference: str
    episode: int
    id: str
    what: str
    role: str
    person: str | None
    team: str | None
    due: datetime | None
    on: date | None
    since: datetime
    state: str
    overdue: bool


class ChronologyEntry(Entry):
    """A line of the chronology, and whose it is."""

    reference: str
    episode: int


class LedgerNotice(Value):
    """A notice and what became of it."""

    id: str
    reference: str
    episode: int
    kind: str
    role: str
    person: str | None
    text: str
    at: datetime
    deadline: str | None
    request: str | None
    state: Literal["queued", "accepted", "delivered", "failed", "acknowledged"]
    channel: str
    attempts: int
    tried_at: datetime | None
    last_error: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None


class Break(Value):
    """Where a chronology is not what was written."""

    episode: int
    number: int
    problem: str


class Chain(Value):
    """What checking a chronology found: how many entries there are, and every break."""

    reference: str
    entries: int
    breaks: tuple[Break, ...]

    @property
    def intact(self) -> bool:
        """Whether every line is as it was written, and none is missing."""
        return not self.breaks


class NoSuchNotice(LookupError):
    """There is no notice of this id."""


def _names(model: type[Value]) -> str:
    """The columns of a model, quoted, since some are words of SQL."""
    return ", ".join(f'"{name}"' for name in model.model_fields)


async def cases(
    database: Database,
    *,
    reference: str | None = None,
    team: str | None = None,
    stage: str | None = None,
    allocated_to: str | None = None,
    procedure: str | None = None,
    waiting_for: str | None = None,
    overdue: bool = False,
    closed: bool = False,
    now: datetime | None = None,
) -> list[Front]:
    """The cases of which all that is given holds, what is due soonest first.

    `overdue`: only those that have missed a limit that is still owed. `closed`: closed ones too.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""
            SELECT {_names(Front)} FROM s47.case
            WHERE ($1::text IS NULL OR reference = $1)
                AND ($2::text IS NULL OR team = $2)
                AND ($3::text IS NULL OR stage = $3)
                AND ($4::text IS NULL OR allocated_to = $4)
                AND ($5::text IS NULL OR procedure = $5)
                AND ($6::text IS NULL OR $6 = ANY(waiting_for))
                AND (NOT $7 OR overdue <> '{{}}' OR next_due < coalesce($9, now()))
                AND ($8 OR closed_at IS NULL)
            ORDER BY next_due NULLS LAST, reference, episode
            """,
            reference,
            team,
            stage,
            allocated_to,
            procedure,
            waiting_for,
            overdue,
            closed,
            now,
        )
    return [Front(**dict(row)) for row in rows]


async def tray(
    database: Database,
    role: str,
    person: str | None = None,
    team: str | None = None,
    *,
    now: datetime | None = None,
) -> list[TrayItem]:
    """What a role has to do or to know, soonest first (PD-M-01).

    Deadlines stand where they are due, requests and notices where they came in; a duty without a date comes last.
    With a person: what is theirs, or anybody's. A deadline is the allocated worker's where its role is one that the
    cases tell by person. Left out are notices that say no more than the tray does: of a request that is listed or
    settled, and reminders of what is done.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""
            WITH item AS (
                SELECT 'deadline' AS kind, d.reference, d.episode, d.id, d.duty AS what, d.owner AS role,
                    CASE WHEN EXISTS (
                        SELECT FROM s47.notice WHERE role = $1 AND person IS NOT NULL AND request IS NULL
                    ) THEN c.allocated_to END AS person,
                    c.team, d.due, d.due_on AS "on", d.opened_at AS since, d.state,
                    coalesce(d.due < coalesce($4, now()), false) AS overdue
                FROM s47.deadline d JOIN s47.case c USING (reference, episode)
                WHERE d.owner = $1 AND d.running
            UNION ALL
                SELECT 'request', r.reference, r.episode, r.id, r.title, $1::text, r.assigned_to,
                    c.team, NULL, NULL, r.asked_at, r.state, false
                FROM s47.request r JOIN s47.case c USING (reference, episode)
                WHERE r.roles @> ARRAY[$1] AND r.waiting
            UNION ALL
                SELECT 'notice', n.reference, n.episode, n.id, n.text, n.role, n.person,
                    c.team, NULL, NULL, n.at, n.state, false
                FROM s47.notice n JOIN s47.case c USING (reference, episode)
                LEFT JOIN s47.request r ON (r.reference, r.episode, r.id) = (n.reference, n.episode, n.request)
                LEFT JOIN s47.deadline d ON (d.reference, d.episode, d.id) = (n.reference, n.episode, n.deadline)
                WHERE n.role = $1 AND n.state <> 'acknowledged'
                    AND NOT (n.kind = 'request' AND coalesce(r.roles @> ARRAY[n.role] AND r.state <> 'returned', false))
                    AND NOT (n.kind = 'reminder' AND coalesce(d.closed_at IS NOT NULL, false))
            )
            SELECT {_names(TrayItem)} FROM item
            WHERE ($2::text IS NULL OR person IS NULL OR person = $2) AND ($3::text IS NULL OR team = $3)
            ORDER BY kind = 'deadline' AND due IS NULL, coalesce(due, since), kind, reference, id
            """,
            role,
            person,
            team,
            now,
        )
    return [TrayItem(**dict(row)) for row in rows]


async def chronology(database: Database, reference: str, episode: int | None = None) -> list[ChronologyEntry]:
    """The chronology in the order it was written, of one episode or of all."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""
            SELECT {_names(ChronologyEntry)} FROM s47.entry
            WHERE reference = $1 AND ($2::integer IS NULL OR episode = $2)
            ORDER BY episode, number
            """,
            reference,
            episode,
        )
    return [ChronologyEntry(**dict(row)) for row in rows]


async def notices(database: Database, reference: str, episode: int | None = None) -> list[LedgerNotice]:
    """The ledger of a case's notices in the order they were told, of one episode or of all."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""
            SELECT {_names(LedgerNotice)} FROM s47.notice
            WHERE reference = $1 AND ($2::integer IS NULL OR episode = $2)
            ORDER BY episode, ordinal
            """,
            reference,
            episode,
        )
    return [LedgerNotice(**dict(row)) for row in rows]


async def acknowledge(database: Database, notice_id: str, person: str) -> LedgerNotice:
    """Note that a person (an opaque id) has seen a notice; it leaves the tray. Who was first stays so.

    Raises `NoSuchNotice`.
    """
    async with database.transaction() as connection:
        await connection.execute(
            """
            UPDATE s47.notice SET state = 'acknowledged', acknowledged_by = $2, acknowledged_at = now()
            WHERE id = $1 AND acknowledged_at IS NULL
            """,
            notice_id,
            person,
        )
        row = await connection.fetchrow(f"SELECT {_names(LedgerNotice)} FROM s47.notice WHERE id = $1", notice_id)
    if row is None:
        raise NoSuchNotice(f"There is no notice {notice_id}.")
    return LedgerNotice(**dict(row))


async def verify_chain(database: Database, reference: str) -> Chain:
    """Check the chronology of a case, every episode of it: each seal is computed anew from the one before it."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await connection.fetch(
            "SELECT * FROM s47.entry WHERE reference = $1 ORDER BY episode, number", reference
        )
        heads = await connection.fetch(
            "SELECT episode, entries, seal FROM s47.case WHERE reference = $1 ORDER BY episode", reference
        )
    breaks = []
    for head in heads:
        lines = [row for row in rows if row["episode"] == head["episode"]]
        found = [*_breaks_in(lines), *_missing_at_the_end(lines, head)]
        breaks += [Break(episode=head["episode"], number=number, problem=problem) for number, problem in found]
    return Chain(reference=reference, entries=len(rows), breaks=tuple(breaks))


def _breaks_in(lines: Sequence[asyncpg.Record]) -> Iterator[tuple[int, str]]:
    """The numbers at which the lines of one episode do not follow from one another, and what is wrong."""
    before, expected = "", 1
    for line in lines:
        number = line["number"]
        if number != expected:
            yield expected, "missing" if number == expected + 1 else f"missing, and all up to {number - 1}"
        elif seal_of(line["said"], before) != line["seal"]:
            yield number, "not as it was sealed, or not after the line it was sealed after"
        elif any(line[column] != value for column, value in columns(line["said"]).items()):
            yield number, "shown otherwise than it was sealed"
        before, expected = line["seal"], number + 1


def _missing_at_the_end(lines: Sequence[asyncpg.Record], head: asyncpg.Record) -> Iterator[tuple[int, str]]:
    """What the case knows to have been its last line must be there."""
    last, seal = (lines[-1]["number"], lines[-1]["seal"]) if lines else (0, "")
    if last < head["entries"]:
        yield last + 1, f"missing, and all up to {head['entries']}" if head["entries"] > last + 1 else "missing"
    elif (last, seal) != (head["entries"], head["seal"]):
        yield last, "not the last line that the case knows of"
