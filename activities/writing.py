"""A batch as one statement: a case waits for it, and each round trip to the database takes time."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic_core import to_json

from activities.migrate import Connection
from casework.batch import Batch

Row = Mapping[str, Any]
"""By its columns. JSON stands in it as text."""
Rows = Mapping[str, Sequence[Row]]
"""By table."""
JSON: Mapping[str, Mapping[str, str]] = {
    "case": {"announced": "json"},
    "fact": {"body": "jsonb", "state": "json"},
    "deadline": {"body": "jsonb"},
    "request": {"body": "jsonb"},
}
KEYS = {"case": ("reference", "episode"), "deadline": ("reference", "episode", "id")}
KEYS["request"] = KEYS["deadline"]
"""Of the tables in which a newer batch writes over what an older one wrote."""
IN_ANY_CASE, PROCLAIMED, TAKEN_BACK, NOTICES, FIRST_ROWS = range(1, 6)
"""The places of the parameters."""


async def write(
    connection: Connection, batch: Batch, rows: Rows, *, in_any_case: bool = False
) -> tuple[bool, tuple[str, ...]]:
    """Write the rows of a batch, or none of them where the case's own row is as new already; `in_any_case`: even then.

    Writing the case's row locks it, so that the batches of one case are written one after the other. Says whether it
    was written, and which of the notices are still to be delivered further.
    """
    common = {"reference": batch.front.reference, "episode": batch.front.episode}
    whole = {
        table: [{**common, **row, **({"batch": batch.number} if table in KEYS else {})} for row in of_table]
        for table, of_table in rows.items()
        if of_table
    }
    days = {change.day: change.proclaimed for change in batch.holidays}
    written = await connection.fetchrow(
        _statement(tuple((table, tuple(of_table[0])) for table, of_table in whole.items())),
        in_any_case,
        [day for day, proclaimed in days.items() if proclaimed],
        [day for day, proclaimed in days.items() if not proclaimed],
        [notice.id for notice in batch.notices],
        *(to_json(of_table).decode() for of_table in whole.values()),
    )
    assert written is not None
    return written["newest"], tuple(written["queued"])


@cache
def _statement(tables: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Inserts the rows of these tables, with these columns, in their order; the case's own comes first.

    What was proclaimed goes with the case's row alone: another case may have taken it back since.
    """
    newest = 'EXISTS (SELECT FROM "case")'
    case, *others = (_insert(table, columns, place) for place, (table, columns) in enumerate(tables, FIRST_ROWS))
    parts = {"case": case, "wanted": f"SELECT ${IN_ANY_CASE}::boolean OR {newest} AS so"}
    parts |= {table: insert for (table, _), insert in zip(tables[1:], others, strict=True)}
    parts["proclaimed"] = f"""INSERT INTO s47.holiday (day) SELECT unnest(${PROCLAIMED}::date[])
        WHERE {newest} ON CONFLICT (day) DO NOTHING"""
    parts["taken_back"] = f"DELETE FROM s47.holiday WHERE day = ANY (${TAKEN_BACK}::date[]) AND {newest}"
    known = f"SELECT id, ordinal FROM s47.notice WHERE id = ANY (${NOTICES}::text[]) AND state = 'queued'"
    if "notice" in parts:
        known += " UNION SELECT id, ordinal FROM notice WHERE state = 'queued'"
    return f"""
        WITH {", ".join(f'"{name}" AS ({part})' for name, part in parts.items())}
        SELECT {newest} AS newest, ARRAY(SELECT id FROM ({known}) AS queued ORDER BY ordinal) AS queued
    """


def _insert(table: str, columns: Sequence[str], place: int) -> str:
    as_json = JSON.get(table, {})
    values = [
        f"(given.value ->> '{column}')::{as_json[column]}" if column in as_json else f"plain.{column}"
        for column in columns
    ]
    return f"""
        INSERT INTO s47.{table} AS kept ({", ".join(columns)})
        SELECT {", ".join(values)}
        FROM json_array_elements(${place}::json) WITH ORDINALITY AS given (value, place),
            json_populate_record(NULL::s47.{table}, given.value) AS plain
        {"" if table == "case" else "WHERE (SELECT so FROM wanted)"}
        ORDER BY given.place
        {_otherwise(table, columns)}
    """


def _otherwise(table: str, columns: Sequence[str]) -> str:
    """What becomes of a row that is there already, and what is said of the rows that were written."""
    if table == "notice":
        return "ON CONFLICT (id) DO NOTHING RETURNING id, ordinal, state"
    if table not in KEYS:
        return ""
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in KEYS[table])
    return f"""
        ON CONFLICT ({", ".join(KEYS[table])}) DO UPDATE SET {changed} WHERE kept.batch < excluded.batch RETURNING 1
    """
