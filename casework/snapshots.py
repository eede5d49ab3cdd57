"""A procedure as a running case carries it: as one text, decoded once in a process, and read leniently."""

import json
from copy import deepcopy
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, ValidationError

from casework.procedure import LENIENT, Procedure
from casework.vocabulary import Kind

_SHARED: dict[str, Procedure] = {}
"""Each procedure that cases of this process are decided with, by its fingerprint: decoded once, held once."""
MOST_ROUNDS = 20


def shared(procedure: Procedure) -> Procedure:
    """The one object of this process for a procedure of this fingerprint."""
    return _SHARED.setdefault(procedure.fingerprint, procedure)


def _packed(procedure: Procedure) -> dict[str, str]:
    """The rules as one text, which need not be read where a procedure of this fingerprint is in memory."""
    return {"fingerprint": procedure.fingerprint, "rules": procedure.as_json}


def _unpacked(given: Any) -> Procedure:
    return shared(given) if isinstance(given, Procedure) else from_json(given["fingerprint"], given["rules"])


def from_json(fingerprint: str, rules: str) -> Procedure:
    """The procedure that was kept under this fingerprint, from its rules as JSON.

    What this version cannot read of it is handed on all the same, to one that can.
    """
    procedure = _SHARED.get(fingerprint)
    if procedure is None:
        procedure = leniently(json.loads(rules))
        procedure.__dict__.update(fingerprint=fingerprint, as_json=rules)
        _SHARED[fingerprint] = procedure
    return procedure


def leniently(rules: dict[str, Any]) -> Procedure:
    """The procedure in a snapshot, by whatever version it was made.

    A word or a field that this version does not know is left out, and a rule that cannot do without it: a new stage,
    role kind or event must never make a running case undecodable. Files are read strictly.
    """
    rules = deepcopy(rules)
    token = LENIENT.set(True)
    try:
        for _ in range(MOST_ROUNDS):
            try:
                return Procedure.model_validate(rules)
            except ValidationError as error:
                for problem in sorted(
                    error.errors(), key=lambda item: [str(part) for part in item["loc"]], reverse=True
                ):
                    _leave_out(rules, list(problem["loc"]), problem["type"])
        return Procedure.model_validate(rules)
    finally:
        LENIENT.reset(token)


def _leave_out(rules: dict[str, Any], place: list[int | str], kind: str) -> None:
    """Take out what cannot be read: the value itself, or the whole rule where something in it is missing."""
    if place[:1] == ["procedure"] or not place:
        return
    if place[0] == "role" and place[-1] == "kind":
        rules["role"][place[1]]["kind"] = Kind.AGENCY.value  # one that decides nothing
        return
    if place[-1] == "[key]" or kind in ("missing", "too_short", "value_error"):
        place = place[:-1] if kind != "value_error" else place
    within: Any = rules
    try:
        for part in place[:-1]:
            within = within[part]
        del within[place[-1]]
    except (KeyError, IndexError, TypeError):
        pass  # it is out already, with what it stood in


Snapshot = Annotated[Procedure, PlainSerializer(_packed), PlainValidator(_unpacked)]
"""A procedure as a running case carries it."""
