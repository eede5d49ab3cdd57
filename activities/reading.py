"""Reading the record, for people: lists of cases, trays, chronologies, messages, notices. Nothing is decided here.

The tables say what the running case last wrote down. Whether a limit has passed is judged by the clock (`now`, an
instant; the database's own where none is given), so that a list is right even while no worker runs.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Literal

import asyncpg

from activities.database import Database
from activities.migrate import Connection
from activities.texts import words
from casework.batch import Front
from casework.effects import Entry, Kept
from casework.model import Value
from casework.naming import there_are
from casework.story import Deadline
from casework.vocabulary import Stage


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
    """A line of the chronology, whose it is, and the message it comes from (none: time passed).

    `body` is that message whole. `note` is its sender's own words, on the first of its lines.
    """

    reference: str
    episode: int
    message_id: str | None
    name: str | None
    body: dict[str, Any] | None
    note: str | None


class RecordedMessage(Kept):
    """A message as the record keeps it, and whose it is."""

    reference: str
    episode: int


class OpenCase(Value):
    """A case that is not closed, as the record has it."""

    reference: str
    episode: int
    stage: Stage


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
    """Where the record is not what was written."""

    episode: int
    table: Literal["fact", "entry"]
    number: int
    problem: str


class Chain(Value):
    """What checking the record of a case found: how many facts and entries there are, and every break."""

    reference: str
    facts: int
    entries: int
    breaks: tuple[Break, ...]

    @property
    def intact(self) -> bool:
        """Whether every row is as it was written, and none is missing."""
        return not self.breaks


class NoSuchNotice(LookupError):
    """There is no notice of this id."""


class NoSuchRole(LookupError):
    """No case knows this role. Says which roles there are."""


class NoSuchStage(LookupError):
    """There is no such stage. Says which there are."""


class NoSuchTeam(LookupError):
    """No case has this team. Says which teams there are."""


NO_ROLE = "No case is recorded yet, so there are no roles."
NO_TEAM = "No case has a team yet."


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
    person: str | None = None,
    overdue: bool = False,
    closed: bool = False,
    now: datetime | None = None,
) -> list[Front]:
    """The cases of which all that is given holds, what is due soonest first.

    `person` is the child's id. `overdue`: only those that have missed a limit that is still owed. `closed`: closed
    ones too. Raises `NoSuchStage`, `NoSuchRole` and `NoSuchTeam`.
    """
    if stage is not None:
        stage = _stage(stage).value
    async with database.connection() as connection:
        roles = None if waiting_for is None else await _roles_called(connection, waiting_for)
        if team is not None:
            team = await _team_called(connection, team)
        rows = await connection.fetch(
            f"""
            SELECT {_names(Front)} FROM s47.case
            WHERE ($1::text IS NULL OR reference = $1)
                AND ($2::text IS NULL OR team = $2)
                AND ($3::text IS NULL OR stage = $3)
                AND ($4::text IS NULL OR allocated_to = $4)
                AND ($5::text IS NULL OR procedure = $5)
                AND ($6::text[] IS NULL OR waiting_for && $6)
                AND (NOT $7 OR overdue <> '{{}}' OR next_due < coalesce($9, now()))
                AND ($8 OR closed_at IS NULL)
                AND ($10::text IS NULL OR lower(person) = lower(btrim($10)))
            ORDER BY next_due NULLS LAST, reference, episode
            """,
            reference,
            team,
            stage,
            allocated_to,
            procedure,
            roles,
            overdue,
            closed,
            now,
            person,
        )
    return [Front(**dict(row)) for row in rows]


async def front(database: Database, reference: str, episode: int | None = None) -> Front | None:
    """The front page of one episode of a case, of the last one where none is given; None where there is none."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            f"""
            SELECT {_names(Front)} FROM s47.case
            WHERE reference = $1 AND ($2::integer IS NULL OR episode = $2)
            ORDER BY episode DESC LIMIT 1
            """,
            reference,
            episode,
        )
    return Front(**dict(row)) if row else None


async def open_cases(database: Database) -> list[OpenCase]:
    """Every case that the record has as open: each should have a workflow that runs."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_names(OpenCase)} FROM s47.case WHERE closed_at IS NULL ORDER BY reference, episode"
        )
    return [OpenCase(**dict(row)) for row in rows]


def _stage(name: str) -> Stage:
    wanted = name.strip().casefold()
    for stage in Stage:
        if stage.value.casefold() == wanted:
            return stage
    raise NoSuchStage(f"There is no stage {name.strip()!r}. {there_are(name, Stage)}")


async def _team_called(connection: Connection, name: str) -> str:
    """A team as cases have it, whatever its case here."""
    teams = [
        row["team"] for row in await connection.fetch("SELECT DISTINCT team FROM s47.case ORDER BY team") if row["team"]
    ]
    wanted = name.strip().casefold()
    for team in teams:
        if team == name or team.casefold() == wanted:
            return str(team)
    raise NoSuchTeam(f"There is no team {name.strip()!r}. {there_are(name, teams) if teams else NO_TEAM}")


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
    With a person: what is theirs, or anybody's. A deadline is the allocated person's only where its role is the one
    that the allocation is about. Left out are notices that are of no use any more: of a request that is listed or
    settled, and of a duty that is done. Raises `NoSuchRole` and `NoSuchTeam`.
    """
    async with database.connection() as connection:
        roles = await _roles_called(connection, role)
        if team is not None:
            team = await _team_called(connection, team)
        rows = await connection.fetch(
            f"""
            WITH item AS (
                SELECT 'deadline' AS kind, d.reference, d.episode, d.id, d.duty AS what, d.owner AS role,
                    CASE WHEN d.owner = c.allocated_role THEN c.allocated_to END AS person,
                    c.team, d.due, d.due_on AS "on", d.opened_at AS since, d.state,
                    coalesce(d.due < coalesce($4, now()), false) AS overdue
                FROM s47.deadline d JOIN s47.case c USING (reference, episode)
                WHERE d.owner = ANY($1::text[]) AND d.running
            UNION ALL
                SELECT 'request', r.reference, r.episode, r.id, r.title,
                    (SELECT min(role) FROM unnest(r.roles) AS role WHERE role = ANY($1)), r.assigned_to,
                    c.team, NULL, NULL, r.asked_at, r.state, false
                FROM s47.request r JOIN s47.case c USING (reference, episode)
                WHERE r.roles && $1 AND r.waiting
            UNION ALL
                SELECT 'notice', n.reference, n.episode, n.id, n.text, n.role, n.person,
                    c.team, NULL, NULL, n.at, n.state, false
                FROM s47.notice n JOIN s47.case c USING (reference, episode)
                LEFT JOIN s47.request r ON (r.reference, r.episode, r.id) = (n.reference, n.episode, n.request)
                LEFT JOIN s47.deadline d ON (d.reference, d.episode, d.id) = (n.reference, n.episode, n.deadline)
                WHERE n.role = ANY($1) AND n.state <> 'acknowledged'
                    AND NOT (n.kind = 'request' AND coalesce(r.roles @> ARRAY[n.role] AND r.state <> 'returned', false))
                    AND d.closed_at IS NULL AND d.state IS DISTINCT FROM 'ended'
            )
            SELECT {_names(TrayItem)} FROM item
            WHERE ($2::text IS NULL OR person IS NULL OR lower(person) = lower(btrim($2)))
                AND ($3::text IS NULL OR team = $3)
            ORDER BY kind = 'deadline' AND due IS NULL, coalesce(due, since), kind, reference, id
            """,
            roles,
            person,
            team,
            now,
        )
    return [TrayItem(**dict(row)) for row in rows]


async def _roles_called(connection: Connection, name: str) -> list[str]:
    """The roles that people call `name`, by key or label, whatever its case: authorities may write one differently."""
    known = await connection.fetch(
        "SELECT DISTINCT role.key, role.value ->> 'label' AS label "
        "FROM s47.procedure, json_each(body -> 'role') AS role"
    )
    wanted = name.strip().casefold()
    roles = {row["key"] for row in known if wanted in (row["key"].casefold(), (row["label"] or "").casefold())}
    if not roles:  # a role of a procedure that a case adopted later is in no snapshot
        used = await connection.fetch(
            """
            SELECT owner AS key FROM s47.deadline UNION SELECT unnest(roles) FROM s47.request
            UNION SELECT role FROM s47.notice UNION SELECT unnest(waiting_for) FROM s47.case
            UNION SELECT allocated_role FROM s47.case WHERE allocated_role IS NOT NULL
            """
        )
        roles = {row["key"] for row in used if row["key"].casefold() == wanted}
    if not roles:
        keys = {row["key"] for row in known}
        raise NoSuchRole(f"There is no role {name.strip()!r}. {there_are(name, keys) if keys else NO_ROLE}")
    return sorted(roles)


async def chronology(database: Database, reference: str, episode: int | None = None) -> list[ChronologyEntry]:
    """The chronology in the order it was written, of one episode or of all."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""
            SELECT {", ".join(f"e.{name}" for name in Entry.model_fields)}, e.reference, e.episode,
                f.message_id, f.name, f.body, row_number() OVER (
                    PARTITION BY e.episode, e.fact ORDER BY e.number
                ) = 1 AS is_first
            FROM s47.entry e LEFT JOIN s47.fact f USING (reference, episode, fact)
            WHERE e.reference = $1 AND ($2::integer IS NULL OR e.episode = $2)
            ORDER BY e.episode, e.number
            """,
            reference,
            episode,
        )
    return [_chronology_entry(dict(row)) for row in rows]


def _chronology_entry(row: dict[str, Any]) -> ChronologyEntry:
    is_first = row.pop("is_first")
    body = json.loads(row.pop("body") or "null")
    note = words(row["name"], body) if body and is_first else None
    return ChronologyEntry(**row, body=body, note=note)


async def facts(
    database: Database, reference: str, episode: int | None = None, *, refused: bool = False
) -> list[RecordedMessage]:
    """The messages of a case in the order the case was told, of one episode or of all. `refused`: those too."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""
            SELECT {_names(RecordedMessage)} FROM s47.fact
            WHERE reference = $1 AND ($2::integer IS NULL OR episode = $2) AND ($3 OR fact IS NOT NULL)
            ORDER BY episode, number
            """,
            reference,
            episode,
            refused,
        )
    return [RecordedMessage(**dict(row)) for row in rows]


async def refused(database: Database, reference: str, episode: int) -> list[RecordedMessage]:
    """What was sent to one episode of a case and refused, in the order in which it came."""
    return [fact for fact in await facts(database, reference, episode, refused=True) if fact.fact is None]


async def deadlines(database: Database, reference: str, episode: int) -> dict[str, Deadline]:
    """Every deadline of one episode of a case as the record has it, by its name."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, body FROM s47.deadline WHERE reference = $1 AND episode = $2", reference, episode
        )
    return {row["id"]: Deadline.model_validate_json(row["body"]) for row in rows}


async def references(database: Database) -> list[str]:
    """Every case that the record has anything of."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT DISTINCT reference FROM s47.case ORDER BY reference")
    return [row["reference"] for row in rows]


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
    """Check the record of a case, every episode of it: each seal is computed anew from the one before it.

    Facts and entries have a chain each. What is cut off at the end of both, with its seals, is not seen from the
    record alone: the running case knows how long it was.
    """
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("SET LOCAL TimeZone TO 'UTC'")  # as the rows were sealed
        sealed = await connection.fetch(SEALED, reference)
        groundless = await connection.fetch(GROUNDLESS, reference)
    breaks = []
    for chain in dict.fromkeys((row["episode"], row["chain"]) for row in sealed):
        rows = [row for row in sealed if (row["episode"], row["chain"]) == chain]
        breaks += [
            Break(episode=chain[0], table=chain[1], number=at, problem=problem) for at, problem in _breaks_in(rows)
        ]
    breaks += [
        Break(
            episode=row["episode"],
            table="entry",
            number=row["number"],
            problem=f"names fact {row['fact']}, which is missing",
        )
        for row in groundless
    ]
    there = [row["chain"] for row in sealed if row["is_there"]]
    return Chain(
        reference=reference,
        facts=there.count("fact"),
        entries=there.count("entry"),
        breaks=tuple(sorted(breaks, key=lambda part: (part.episode, part.table != "fact", part.number))),
    )


SEALED = """
WITH kept AS (
        SELECT reference, episode, 'fact' AS chain, number, to_jsonb(this) AS whole
        FROM s47.fact AS this WHERE reference = $1
    UNION ALL
        SELECT reference, episode, 'entry', number, to_jsonb(this) FROM s47.entry AS this WHERE reference = $1
), sealed AS (
    SELECT reference, episode, chain, number, line, seal FROM s47.seal WHERE reference = $1
)
SELECT episode, chain, number, line, seal, whole IS NOT NULL AS is_there,
    -- Column by column as it was sealed: a column that was added since is in no seal.
    EXISTS (
        SELECT FROM jsonb_each(CASE WHEN line IS JSON OBJECT THEN line::jsonb END) AS field
        WHERE whole -> field.key IS DISTINCT FROM field.value
    ) AS differs
FROM kept FULL JOIN sealed USING (reference, episode, chain, number)
ORDER BY episode, chain DESC, number
"""
"""Every row of the record of a case beside its seal."""

GROUNDLESS = """
SELECT episode, number, fact FROM s47.entry e
WHERE reference = $1 AND fact IS NOT NULL
    AND NOT EXISTS (SELECT FROM s47.fact f WHERE (f.reference, f.episode, f.fact) = (e.reference, e.episode, e.fact))
"""
"""The entries that name a fact that is not there."""


def _breaks_in(rows: Sequence[asyncpg.Record]) -> Iterator[tuple[int, str]]:
    """The numbers at which the rows of one chain are not as they were sealed, and what is wrong."""
    before: str | None = ""  # none: it is gone, so what comes next cannot be checked against it
    expected = 1
    for row in rows:
        number, seal = row["number"], row["seal"]
        if number != expected:
            until = f", and all up to {number - 1}" if number > expected + 1 else ""
            yield expected, f"missing{until}, with its seal"
            before = None
        if seal is None:
            yield number, "was never sealed"
        elif before is not None and sha256(f"{before}\n{row['line']}".encode()).hexdigest() != seal:
            yield number, "its seal does not match what was sealed"
        elif not row["is_there"]:
            yield number, "missing"
        elif row["differs"]:
            yield number, "changed since it was sealed"
        before, expected = seal, number + 1
