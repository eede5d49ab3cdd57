"""An entry of the chronology as the record keeps it: the line as it was sealed, and columns read from it.

The sealed line is kept letter by letter. A seal can then be checked for as long as the record lasts, whatever
becomes of the model meanwhile, and a time keeps the zone it was given in.
"""

import json
from datetime import datetime
from typing import Any


def columns(line: str) -> dict[str, Any]:
    """What a sealed line says, column by column."""
    fields: dict[str, Any] = json.loads(line)
    return {
        "number": fields["number"],
        "recorded_at": datetime.fromisoformat(fields["recorded_at"]),
        "occurred_at": datetime.fromisoformat(fields["occurred_at"]),
        "by": storable(fields["by"]),
        "what": fields["what"],
        "text": storable(fields["text"]),
        "note": storable(fields["note"]) if fields.get("note") is not None else None,
        "cites": fields.get("cites", []),
        "message_id": fields.get("message_id"),
    }


def storable(text: str) -> str:
    """Postgres takes every character but the null one; its visible sign stands in for it. The sealed line has it."""
    return text.replace("\0", "␀")
