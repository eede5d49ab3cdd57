"""Another version of S47's code: a copy of it, changed as the next release may change it.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.office import ROOT, Office

PARTS = ("casework", "workflows", "activities", "connection", "starter", "worker.py")

REWORDED = {
    "casework/telling.py": ((" else 0, text, cites, at", ' else 0, f"In other words: {text}", cites, at'),),
    "casework/reconcile.py": ((": MISSED, was due ", ": NOT DONE IN TIME; it was due "),),
    "casework/story.py": (('return self.no_amount or "with no date set"', 'return "without a date"'),),
    "workflows/outbox.py": (('"a refused message"', '"something that was refused"'),),
    "workflows/case.py": (('"Load what the case is decided with"', '"Load the rules"'),),
}
"""Lines of the chronology, notices, summaries: nothing that is decided depends on them."""

A_NEW_STAGE = {
    "casework/vocabulary.py": (
        ('    ENQUIRY = "section 47 enquiry"\n', '    ENQUIRY = "section 47 enquiry"\n    VISITING = "to be seen"\n'),
    ),
    "casework/story.py": (
        (
            "            return Stage.CLOSED\n",
            "            return Stage.CLOSED\n"
            '        if self.enquiry and not (self.conference or self.plan) and "child seen" not in self.clock:\n'
            "            return Stage.VISITING\n",
        ),
    ),
}
"""One stage becomes two."""

NEW_FIELDS = {
    "casework/stages/enquiry.py": (
        (
            '    seen: bool = Field(description="Whether the child was seen")\n',
            '    seen: bool = Field(description="Whether the child was seen")\n'
            '    weather: Word | None = Field(None, description="How it was outside")\n',
        ),
        ("import PRACTITIONERS,", "import PRACTITIONERS, Word,"),
    ),
    "casework/stages/strategy.py": (
        (
            "    joint_with_police: bool",
            '    place: Word = Field(description="Where the discussion was held")\n    joint_with_police: bool',
        ),
        ("from casework.messages import ", "from casework.messages import Word, "),
    ),
}
"""Messages ask for more: a field that may be left out, and one that may not.

A signal that lacks what is now asked for is refused when it is replayed: a field that may not be left out needs
versions of the worker where anything sends that message by Signal.
"""

A_NEW_EVENT = {
    "casework/stages/enquiry.py": (
        (
            "    happened(telling, CHILD_VISITED)\n",
            "    happened(telling, DOOR_OPENED)\n    happened(telling, CHILD_VISITED)\n",
        ),
        ("CHILD_VISITED = Event", 'DOOR_OPENED = Event("door opened")\nCHILD_VISITED = Event'),
    ),
}
"""A stage says that something more happened, of which no procedure knows yet."""

Changes = Mapping[str, Iterable[tuple[str, str]]]
RELEASES: dict[str, tuple[Changes, ...]] = {
    "reworded": (REWORDED,),
    "a new stage": (A_NEW_STAGE,),
    "new fields": (NEW_FIELDS,),
    "a new event": (A_NEW_EVENT,),
    "all at once": (REWORDED, A_NEW_STAGE, NEW_FIELDS, A_NEW_EVENT),
}


def changed(folder: Path, *releases: Changes) -> Path:
    """A copy of the code in this folder, with these changes made."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, folder / part)
    for release in releases:
        for name, changes in release.items():
            path = folder / name
            text = path.read_text(encoding="utf-8")
            for before, after in changes:
                assert before in text, f"{name} has changed; change it otherwise: {before!r}"
                text = text.replace(before, after)
            path.write_text(text, encoding="utf-8")
    return folder


def environment(office: Office | None, code: Path) -> dict[str, str]:
    return {**(office.environment if office else {}), "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def worker(office: Office, code: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A worker that runs that copy, for the length of the block; what it does not replay it finds out anew."""
    with (office.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "worker"),
            env=environment(office, code),
            cwd=code,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


REPLAY = """
import asyncio, json, os, sys
from pathlib import Path
import casework
assert Path(casework.__file__).parent.parent == Path.cwd(), casework.__file__
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from connection.temporal import DATA_CONVERTER
from worker import RUNNER
from workflows.case import CaseWorkflow

async def main():
    for path in map(Path, sys.argv[1:]):
        history = json.loads(path.read_text(encoding="utf-8"))
        started = history["events"][0]["workflowExecutionStartedEventAttributes"]
        replayer = Replayer(workflows=[CaseWorkflow], workflow_runner=RUNNER, data_converter=DATA_CONVERTER)
        try:
            async with asyncio.timeout(60):
                await replayer.replay_workflow(WorkflowHistory.from_json(started["workflowId"], history))
        except Exception as error:
            print(f"{path.stem}: {type(error).__name__}: {str(error)[:1500]}")

asyncio.run(main())
sys.stdout.flush()
os._exit(0)  # at once: the SDK's own threads must not meet an exiting interpreter
"""


def what_does_not_replay(code: Path, histories: Iterable[Path]) -> list[str]:
    """Replay histories with that copy of the code: a line for each that it cannot."""
    ran = subprocess.run(
        (sys.executable, "-c", REPLAY, *map(str, histories)),
        env=environment(None, code),
        cwd=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()
