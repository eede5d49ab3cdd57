"""The one base of every value in the core."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value. A changed case is a new case; nothing is altered in place.

    Unknown fields are refused: a misspelt field in a message or a procedure must be noticed, not dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **fields: Any) -> Self:
        """The same value with other values in these fields, which are not validated again."""
        return self.model_copy(update=fields)
