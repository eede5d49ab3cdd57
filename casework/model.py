"""The one base of every value in the core."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value. A changed case is a new case; nothing is altered in place.

    Unknown fields are refused: a misspelt field in a message or a procedure must be heard of, not dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
