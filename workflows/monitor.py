"""What the Web UI shows of a case: its search attributes in the list, its front page among the details."""

from collections.abc import Iterable
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from casework import view
from casework.case import Case
from casework.naming import cut
from connection import search_attributes as attribute

LONGEST_DETAILS = 20_000
RECORD_REFUSES = "record refuses"
MOST_ATTRIBUTE_BYTES = 1_900
"""Of the 2,048 that Temporal allows."""


class Monitor:
    """Keeps what is shown in step with the case. An attribute is sent when it is another than before: by what the
    case holds, never by how that is worded."""

    def __init__(self) -> None:
        self._shown: dict[str, Any] | None = None

    def show(self, case: Case, refused: str | None, *, again: bool = False) -> None:
        """Show the case; `refused` is why the record does not take what is decided, where it does not. `again`: send
        the attributes in any case."""
        trouble = f"**The record refuses what is decided; tell whoever runs S47:** {refused}\n\n" if refused else ""
        workflow.set_current_details(cut(trouble + view.details(case), LONGEST_DETAILS))
        story = case.story
        now: dict[str, Any] = {
            attribute.STAGE.name: story.stage.value,
            attribute.PROCEDURE.name: story.procedure.about.key,
            attribute.TEAM.name: story.team,
            attribute.ALLOCATED_TO.name: story.allocated_to,
            attribute.NEXT_DUE.name: story.next_due,
            attribute.OVERDUE.name: _bounded(dict.fromkeys(deadline.timescale for deadline in story.overdue)),
            attribute.WAITING_FOR.name: _bounded(story.waiting_for),
            attribute.TROUBLE.name: RECORD_REFUSES if refused else None,
        }
        if now == self._shown and not again:
            return
        self._shown = now
        updates: list[SearchAttributeUpdate[Any]] = [
            key.value_set(now[key.name]) if now[key.name] else key.value_unset() for key in attribute.ALL
        ]
        workflow.upsert_search_attributes(updates)


def _bounded(names: Iterable[str]) -> list[str]:
    """As many of the names as an attribute can hold: one that is larger makes the server end the case."""
    kept, size = [], 0
    for name in names:
        size += len(name.encode()) + 3  # its quotes and its comma
        if size > MOST_ATTRIBUTE_BYTES:
            break
        kept.append(name)
    return kept
