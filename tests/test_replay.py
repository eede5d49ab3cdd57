"""The golden histories: the workflow's code replays every one of them, command for command.

A change of `workflows/` or `casework/` that breaks one would stop running cases: see tests/record_histories.py.
"""

import asyncio
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from connection.temporal import DATA_CONVERTER
from tests.record_histories import HISTORIES, history_in
from worker import RUNNER
from workflows.case import CaseWorkflow

ALL = sorted(HISTORIES.glob("*.json"))


async def replay(history: WorkflowHistory) -> None:
    replayer = Replayer(workflows=[CaseWorkflow], workflow_runner=RUNNER, data_converter=DATA_CONVERTER)
    async with asyncio.timeout(30):
        await replayer.replay_workflow(history)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
async def test_a_golden_history_replays(path: Path) -> None:
    await replay(history_in(path))


def test_the_histories_have_what_they_are_kept_for() -> None:
    seen: dict[str, Counter[str]] = {}
    for path in ALL:
        kinds = Counter(EventType.Name(event.event_type) for event in history_in(path).events)
        life = re.sub(r"-\d+$", "", path.stem)
        seen[life] = seen.get(life, Counter()) + kinds
    assert set(seen) == {"whole-life", "whereabouts-unknown", "continued-as-new", "refused", "reopened", "corrected"}
    assert seen["continued-as-new"]["EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"] >= 2
    assert seen["refused"]["EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED"] >= 10
    assert seen["refused"]["EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED"] == 1
    assert seen["corrected"]["EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED"] == 1, "and rebuilt"
    assert seen["reopened"]["EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"] >= 2
    for life in ("whole-life", "whereabouts-unknown"):
        for kind in ("TIMER_STARTED", "TIMER_FIRED", "TIMER_CANCELED"):
            assert seen[life][f"EVENT_TYPE_{kind}"] >= 1, (life, kind)
    assert seen["whole-life"]["EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED"] >= 30


def test_the_histories_say_nothing_of_the_machine_they_were_recorded_on() -> None:
    for path in ALL:
        text = path.read_text(encoding="utf-8")
        assert "stackTrace" not in text
        assert set(re.findall(r'"identity": "(.*?)"', text)) == {"tests"}
        assert not re.search(r"\d+@\w|/(home|root|Users|tmp|work)/", text), path.name


@pytest.mark.parametrize("kind", ["TIMER_STARTED", "MARKER_RECORDED", "WORKFLOW_EXECUTION_UPDATE_COMPLETED"])
async def test_a_changed_history_does_not_replay(kind: str) -> None:
    """So that a replay that finds nothing means something: one command of another kind is found."""
    history = json.loads((HISTORIES / "whole-life.json").read_text(encoding="utf-8"))
    event = next(event for event in history["events"][200:] if event["eventType"] == f"EVENT_TYPE_{kind}")
    history["events"].remove(event)
    with pytest.raises((NondeterminismError, RuntimeError)):
        await replay(WorkflowHistory.from_json("case-A-20", history))
