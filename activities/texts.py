"""Texts as Postgres can hold them, and a message's own words as people read them."""

import json
from collections.abc import Mapping
from typing import Any

from casework.messages import narratives
from casework.stages import MESSAGES


def storable(text: str) -> str:
    """Postgres takes every character but the null one; its visible sign stands in for it."""
    return text.replace("\0", "␀")


def storable_json(text: str) -> str:
    """The same JSON without null characters. What jsonb cannot hold is kept letter by letter, as a JSON string.

    A refused message may be anything: no JSON at all, half a character, a number beyond all bounds, a thousand
    lists in one another. It must reach the record nevertheless.
    """
    try:
        plain = json.dumps(_without_nulls(json.loads(text)), ensure_ascii=False, allow_nan=False)
        plain.encode()
    except (ValueError, RecursionError):
        return json.dumps(storable(text), ensure_ascii=False)
    return plain


def _without_nulls(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case list():
            return [_without_nulls(item) for item in value]
        case dict():
            return {storable(key): _without_nulls(part) for key, part in value.items()}
        case _:
            return value


def words(name: str | None, body: Mapping[str, Any]) -> str | None:
    """The sender's own words in a message: the note, and each reason that was given, a line each.

    The record outlives the code: a message or a field that is known no more is passed over.
    """
    lines = [f"{body['note']}"] if body.get("note") else []
    kind = MESSAGES.get(name or "")
    for field in narratives(kind) if kind else ():
        if field != "note" and body.get(field):
            lines.append(f"{field.replace('_', ' ')}: {body[field]}")
    for action in body.get("actions") or ():
        if isinstance(action, dict) and action.get("what"):
            lines.append(f"action: {action['what']}, by the {action.get('owner')}, by {action.get('due')}")
    return "\n".join(lines) or None
