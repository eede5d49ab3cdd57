"""What each check must object to: the record of one case, spoilt on purpose. Only ever on a database of the test's own.

The statements are of Postgres' superuser; `$1` is the case's reference. What is append-only is changed by force.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import asyncpg

NUMBERS = count(1)
FORCE = ("fact", "entry", "seal")
"""The append-only tables."""
LAST = "(SELECT max(fact) FROM s47.fact WHERE reference = $1)"

SPOILS: dict[str, tuple[str, ...]] = {
    "acknowledged_is_recorded": (f"DELETE FROM s47.fact WHERE reference = $1 AND fact = {LAST}",),
    "recorded_once": (
        f"""
        INSERT INTO s47.fact SELECT reference, episode, number + 1000, fact + 1000, refused, recorded_at, occurred_at,
            name, message_id, person, role, body, state FROM s47.fact WHERE reference = $1 AND fact = {LAST}
        """,
        f"UPDATE s47.fact SET name = 'case_closed' WHERE reference = $1 AND fact = {LAST}",
    ),
    "receipts_hold": (
        "UPDATE s47.entry SET text = 'Something else' WHERE reference = $1 AND fact = 2",
        f"UPDATE s47.fact SET fact = fact + 1000 WHERE reference = $1 AND fact = {LAST}",
    ),
    "refused_is_no_fact": (
        "UPDATE s47.fact SET fact = number + 1000 WHERE reference = $1 AND refused IS NOT NULL AND role IS NOT NULL",
    ),
    "nothing_unsent": ("UPDATE s47.fact SET message_id = 'of-nobody' WHERE reference = $1 AND fact = 3",),
    "in_order": ("UPDATE s47.fact SET number = number + 1000 WHERE reference = $1 AND fact = 2",),
    "verifies": (
        'UPDATE s47.fact SET body = body || \'{"note": "Never sent"}\' WHERE reference = $1 AND fact = 2',
        "DELETE FROM s47.entry WHERE reference = $1 AND number = 2",
        "DELETE FROM s47.seal WHERE reference = $1 AND chain = 'fact' AND number = 2",
        "UPDATE s47.seal SET seal = repeat('0', 64) WHERE reference = $1 AND chain = 'entry' AND number = 1",
    ),
    "front_agrees": (
        "UPDATE s47.case SET stage = 'closed' WHERE reference = $1",
        "UPDATE s47.case SET waiting_for = '{}' WHERE reference = $1",
        "UPDATE s47.case SET announced = '{}' WHERE reference = $1",
    ),
    "deadlines_agree": (
        "DELETE FROM s47.deadline WHERE reference = $1 AND running",
        "UPDATE s47.deadline SET due = due + interval '1 day' WHERE reference = $1",
        "UPDATE s47.deadline SET body = jsonb_set(body, '{duty}', '\"Another\"') WHERE reference = $1",
    ),
    "requests_agree": (
        "DELETE FROM s47.request WHERE reference = $1",
        "UPDATE s47.request SET waiting = NOT waiting WHERE reference = $1",
    ),
    "notices_are_whole": (
        "DELETE FROM s47.notice WHERE reference = $1 AND ordinal = "
        "(SELECT min(ordinal) FROM s47.notice WHERE reference = $1)",
    ),
    "rungs_sound_once": (
        "DELETE FROM s47.notice WHERE reference = $1 AND kind = 'overdue'",
        """
        INSERT INTO s47.notice (id, reference, episode, kind, role, text, at, deadline, state, channel)
        SELECT id || '.again', reference, episode, kind, role, text, at, deadline, state, channel
        FROM s47.notice WHERE reference = $1 AND kind = 'escalation'
        """,
    ),
    "nothing_sounds_early": (
        "UPDATE s47.notice SET at = at - interval '40 days' WHERE reference = $1 AND kind = 'overdue'",
        "UPDATE s47.notice SET at = at - interval '40 days' WHERE reference = $1 AND kind = 'escalation'",
    ),
}
"""By check, what it must object to. What of the workflow each check must object to is in tests/test_faults.py."""


async def spoil(dsn: str, statement: str, reference: str) -> int:
    """Spoil the record of a case. Gives how many rows that changed."""
    superuser = await asyncpg.connect(dsn, user="postgres")
    try:
        async with superuser.transaction():
            for table in FORCE:
                await superuser.execute(f"ALTER TABLE s47.{table} DISABLE TRIGGER USER")
            done = await superuser.execute(statement, reference)
            for table in FORCE:
                await superuser.execute(f"ALTER TABLE s47.{table} ENABLE ALWAYS TRIGGER append_only")
                if table != "seal":
                    await superuser.execute(f"ALTER TABLE s47.{table} ENABLE ALWAYS TRIGGER sealed")
    finally:
        await superuser.close()
    return int(done.rpartition(" ")[2])


@asynccontextmanager
async def a_copy(dsn: str) -> AsyncIterator[str]:
    """A copy of a database to be spoilt, dropped after the block. Whoever is connected to the database is cut off."""
    database, name = dsn.partition("@/")[2].partition("?")[0], f"copy_{next(NUMBERS)}"
    superuser = await asyncpg.connect(dsn, user="postgres", database="postgres")
    try:
        await superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database)
        await superuser.execute(f"CREATE DATABASE {name} TEMPLATE {database}")
        yield dsn.replace(f"@/{database}?", f"@/{name}?")
        await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await superuser.close()
