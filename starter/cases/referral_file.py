"""Referral files, JSON or TOML: read, checked, and made into the message that opens a case."""

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from casework.effects import Refused
from casework.incoming import read as read_message
from casework.mistakes import problems
from casework.text_files import text_of, values_in
from starter.cases.people import who
from starter.cases.reach import NotAccepted, Opening


def read(file: Path | BinaryIO) -> tuple[Opening, dict[str, Any]]:
    """The opening and the message body in a referral file. Raises `WrongFile`, or `NotAccepted` with a line for each
    wrong thing."""
    text = text_of(file)
    referral = values_in(text, str(file) if isinstance(file, Path) else "standard input", or_json=True)
    opening = {key: referral.pop(key) for key in ("reference", "procedure") if key in referral}
    wrong: list[str] = []
    try:
        Opening.model_validate(opening)
    except ValidationError as error:
        wrong += problems(error)
    try:
        body = _body(referral, text)
    except ValueError as problem:
        raise NotAccepted("\n".join([*wrong, f"by: {problem}"])) from None
    message = read_message("referral_received", body)
    if isinstance(message, Refused):
        wrong += message.reason.replace("occurred_at:", "received_at:").splitlines()
    if wrong:
        raise NotAccepted("\n".join(wrong))
    return Opening.model_validate(opening), body


def _body(referral: dict[str, Any], text: str) -> dict[str, Any]:
    """The message: sending the same file twice is the same message, so it counts once."""
    body = {key: value.isoformat() if isinstance(value, date) else value for key, value in referral.items()}
    if "received_at" in body:
        body["occurred_at"] = body.pop("received_at")
    if isinstance(body.get("by"), str):
        body["by"] = who(body["by"])
    body.setdefault("id", f"referral-{sha256(text.encode()).hexdigest()[:16]}")
    return body
