"""What the Web UI shows of a case: its search attributes in the list, its front page among the details."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from casework import view
from casework.case import Case
from connection import search_attributes as attribute


class Monitor:
    """Keeps what is shown in step with the case; a search attribute is sent only when it changed."""

    def __init__(self) -> None:
        self._shown: dict[str, Any] = {}

    def show(self, case: Case, refused: str | None) -> None:
        """Show the case; `refused` is why the record does not take what is decided, where it does not."""
        trouble = f"**The record refuses what is decided; tell whoever runs S47:** {refused}\n\n" if refused else ""
        workflow.set_current_details(trouble + view.details(case))
        now: dict[str, Any] = {
            attribute.STAGE.name: case.stage.value,
            attribute.PROCEDURE.name: case.procedure.about.key,
            attribute.TEAM.name: case.team,
            attribute.ALLOCATED_TO.name: case.allocated_to,
            attribute.NEXT_DUE.name: case.next_due,
            attribute.OVERDUE.name: list(dict.fromkeys(deadline.timescale for deadline in case.overdue)),
            attribute.WAITING_FOR.name: case.waiting_for,
        }
        changed: list[SearchAttributeUpdate[Any]] = [
            key.value_set(now[key.name]) if now[key.name] else key.value_unset()
            for key in attribute.ALL
            if now[key.name] != self._shown.get(key.name)
        ]
        if changed:
            workflow.upsert_search_attributes(changed)
            self._shown = now
