"""Referral files, JSON or TOML: read, checked, and made into the message that opens a case."""

import json
import tomllib
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from casework.effects import Refused
from casework.incoming import problems
from casework.incoming import read as read_message
from starter.cases.reach import NotAccepted, Opening
from starter.rehearsal.scenario import who


def text_of(file: Path | BinaryIO) -> str:
    """What a file says, with or without a byte order mark. Raises `NotAccepted`."""
    try:
        said = file.read_bytes() if isinstance(file, Path) else file.read()
        return said.decode("utf-8-sig")
    except OSError as error:
        raise NotAccepted(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotAccepted(f"{file if isinstance(file, Path) else '-'}: this is not text in UTF-8") from None


def read(text: str) -> tuple[Opening, dict[str, Any]]:
    """The opening and the message body in a referral file. Raises `NotAccepted`, a line for each wrong thing."""
    said = _parsed(text)
    opening = {key: said.pop(key) for key in ("reference", "procedure") if key in said}
    wrong: list[str] = []
    try:
        Opening.model_validate(opening)
    except ValidationError as error:
        wrong += problems(error)
    try:
        body = _body(said, text)
    except ValueError as problem:
        raise NotAccepted("\n".join([*wrong, f"by: {problem}"])) from None
    message = read_message("referral_received", body)
    if isinstance(message, Refused):
        wrong += message.reason.replace("occurred_at:", "received_at:").splitlines()
    if wrong:
        raise NotAccepted("\n".join(wrong))
    return Opening.model_validate(opening), body


def _parsed(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise NotAccepted(f"This is not JSON: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise NotAccepted(f"This is neither JSON nor TOML: {error}") from None
    except ValueError as error:  # a number of thousands of digits
        raise NotAccepted(f"This cannot be read: {error}") from None
    except RecursionError:
        raise NotAccepted("This is nested too deeply to be a referral") from None
    return said if isinstance(said, dict) else {}


def _body(said: dict[str, Any], text: str) -> dict[str, Any]:
    """The message: sending the same file twice is the same message, so it counts once."""
    body = {key: value.isoformat() if isinstance(value, date) else value for key, value in said.items()}
    if "received_at" in body:
        body["occurred_at"] = body.pop("received_at")
    if isinstance(body.get("by"), str):
        body["by"] = who(body["by"])
    body.setdefault("id", f"referral-{sha256(text.encode()).hexdigest()[:16]}")
    return body
