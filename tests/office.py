"""An office for tests: Temporal, the records and a worker as real processes, shared by all tests of one process.

Every test has cases of its own, under references of its own, so that tests do not see each other.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import asyncio
import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle
from temporalio.converter import PayloadConverter
from temporalio.testing import WorkflowEnvironment

from activities import reading
from activities.database import Database
from casework import decide
from casework.case import Case
from casework.story import Story
from connection.search_attributes import ALL
from connection.settings import settings
from connection.temporal import DATA_CONVERTER
from starter.cases import reach
from starter.cases.people import who
from starter.embedded import temporal_path, throwaway_postgres
from starter.embedded.temporal import DYNAMIC_CONFIG
from workflows.case import CaseWorkflow, Receipt, workflow_id
from workflows.summaries import summary_of

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "tests" / "procedures"
SECONDS = 30.0
"""How long a test waits for something that is to come about."""
NUMBERS = count(1)
Found = TypeVar("Found")
IDENTITY = "tests"

OWN_RULES = """
# What no shipped procedure has: a duty that another one's being missed makes, and that may be late from the start.

[timescale.report]
duty = "Report on the enquiry"
should = ["C-01", "made up for tests", "within 24 hours"]
from = "section 47 initiated"
within = "24 hours"
met_by = "assessment ended"
on_breach = "assessment limit passed"

[timescale.report-explained]
duty = "Explain why there is no report"
should = ["C-01", "made up for tests", "within an hour"]
owner = "team manager"
from = "section 47 initiated"
opens_on = "assessment limit passed"
within = "1 hour"
met_by = "assessment overrun explained"
"""
"""An authority's own procedure, `OWN`: the example with two rules more."""

WORKER = (sys.executable, "-m", "worker")
S47 = (str(Path(sys.executable).with_name("s47")),)


async def start_temporal(**settings: object) -> WorkflowEnvironment:
    """Temporal's development server, in memory; with these settings of it besides our own."""
    chosen = {**DYNAMIC_CONFIG, **settings}
    options = [("--dynamic-config-value", f"{name}={json.dumps(value)}") for name, value in chosen.items()]
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_path()),
        dev_server_extra_args=[part for option in options for part in option],
        dev_server_log_level="error",
        dev_server_startup_timeout=timedelta(seconds=2 * SECONDS),
        search_attributes=list(ALL),
        data_converter=DATA_CONVERTER,
        identity=IDENTITY,
    )


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said; `using` is which servers it said it used."""

    code: int
    out: str
    err: str
    using: tuple[str, ...] = ()

    @classmethod
    def of(cls, code: int, out: str, err: str) -> "Ran":
        """Of what a command wrote."""
        lines = err.splitlines(keepends=True)
        using = tuple(line.strip() for line in lines if line.startswith("Using "))
        return cls(code, out, "".join(line for line in lines if not line.startswith("Using ")), using)

    @property
    def json(self) -> Any:
        """What it answered in JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Office:
    """Where Temporal and the records answer."""

    temporal: str
    dsn: str
    folder: Path
    queue: str = "s47"
    environment_of: Mapping[str, str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a program of ours needs to know, and nothing of the settings of whoever runs the tests."""
        if self.environment_of is not None:
            return dict(self.environment_of)
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "S47_"))}
        ours = {
            "TEMPORAL_ADDRESS": self.temporal,
            "S47_POSTGRES": self.dsn,
            "S47_FOLDER": str(self.folder),
            "S47_TASK_QUEUE": self.queue,
            "S47_PROCEDURES": json.dumps([str(self.procedures), str(EXAMPLE)]),
        }
        return {**theirs, **ours, "COLUMNS": "200", "PYTHONPATH": str(ROOT)}

    @property
    def procedures(self) -> Path:
        """The folder of the authority's own procedures."""
        folder = self.folder / "procedures"
        if not folder.exists():
            folder.mkdir()
            example = (EXAMPLE / "example.toml").read_text(encoding="utf-8")
            ours = example.replace('key = "example"', 'key = "own-rules"').replace('letter = "E"', 'letter = "OWN"')
            (folder / "own-rules.toml").write_text(ours + OWN_RULES, encoding="utf-8")
        return folder

    async def client(self) -> Client:
        """A client, as the command line makes one."""
        return await Client.connect(self.temporal, data_converter=DATA_CONVERTER)

    async def case(self, reference: str, procedure: str = "E") -> "OneCase":
        """A case to be, under a reference that no other test uses."""
        return OneCase(await self.client(), f"{reference}-{next(NUMBERS)}-{os.getpid()}", procedure, self)

    def records(self) -> AbstractAsyncContextManager[Database]:
        """The records, to read in."""
        return records_at(self.dsn)

    async def s47(self, *arguments: str, typed: str | None = None, **environment: str) -> Ran:
        """Run the command line in a process of its own (see tests/forks.py)."""
        forks = await self._forks()
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            here = Path(folder)
            (here / "in").write_text(typed or "", encoding="utf-8")
            reader, writer = await asyncio.open_unix_connection(forks)
            command = {"arguments": arguments, "environment": {**self.environment, **environment}, "folder": folder}
            writer.write(json.dumps(command).encode() + b"\n")
            code = await asyncio.wait_for(reader.readline(), 2 * SECONDS)
            writer.close()
            return Ran.of(int(code), *((here / name).read_text(encoding="utf-8") for name in ("out", "err")))

    async def _forks(self) -> Path:
        """The socket of what forks commands; started when the first is run, it ends with the tests."""
        path = self.folder / "forks"
        if not path.exists():
            starting = path.with_suffix(".starting")
            with suppress(FileExistsError), starting.open("x"):
                command = (sys.executable, "-m", "tests.forks", str(path))
                process = subprocess.Popen(command, env=self.environment, cwd=ROOT)
                atexit.register(process.kill)
            await eventually(lambda: exists(path))
        return path

    async def s47_itself(self, *arguments: str, seconds: float = 2 * SECONDS) -> Ran:
        """Run the command line as it is installed: slower, and the very program people run."""
        process = await asyncio.create_subprocess_exec(
            *S47,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
            cwd=self.folder,
        )
        out, err = await asyncio.wait_for(process.communicate(), seconds)
        assert process.returncode is not None
        return Ran.of(process.returncode, out.decode(), err.decode())

    @contextmanager
    def worker(self, **environment: str) -> "Iterator[subprocess.Popen[bytes]]":
        """A worker in a process of its own; killed at the end."""
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                WORKER, env={**self.environment, **environment}, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@asynccontextmanager
async def an_office(**temporal_settings: object) -> AsyncIterator[Office]:
    """An office of its own, for the length of the block: Temporal with these settings, the records, and no worker."""
    temporal = await start_temporal(**temporal_settings)
    try:
        async with throwaway_postgres() as dsn:
            with tempfile.TemporaryDirectory(prefix="s47-office-") as folder:
                yield Office(temporal.client.service_client.config.target_host, dsn, Path(folder))
    finally:
        await temporal.shutdown()
        await asyncio.sleep(0.05)  # the SDK's own threads must not meet an exiting interpreter


@dataclass
class OneCase:
    """A case of a test: what happened is told it under ids of its own, as the command line would."""

    client: Client
    reference: str
    procedure: str
    office: Office
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def handle(self) -> WorkflowHandle[CaseWorkflow, str]:
        """Its workflow, whichever run of it is the last."""
        return self.client.get_workflow_handle_for(CaseWorkflow.run, workflow_id(self.reference))

    def body(self, by: str, /, ago: timedelta = timedelta(), **fields: Any) -> dict[str, Any]:
        """A message as it is sent: by a `role/person`, about something some time ago."""
        own = {"id": f"m-{next(self.numbers)}", "occurred_at": (datetime.now(UTC) - ago).isoformat(), "by": who(by)}
        return {**own, **fields}

    async def refer(self, by: str = "other agency/school-1", /, ago: timedelta = timedelta(), **fields: Any) -> Receipt:
        """A referral of a child of seven."""
        born = {"date_of_birth": f"{datetime.now(UTC).year - 7}-01-01"}
        known = {"person": f"child-of-{self.reference}", "source": "education", "team": "North"}
        body = self.body(by, ago, **{**born, **known, **fields})
        if self.office.queue == settings().task_queue:
            opening = reach.Opening(reference=self.reference, procedure=self.procedure)
            return await reach.refer(self.client, opening, body)
        # Another queue than this process's own: as any program would, by the command line.
        file = json.dumps({"reference": self.reference, "procedure": self.procedure, **body})
        ran = await self.office.s47("refer", "-", "--json", typed=file)
        [answer] = ran.json.values()
        assert answer.pop("accepted"), answer
        return Receipt.model_validate(answer)

    async def tell(self, message: str, by: str, /, ago: timedelta = timedelta(), **fields: Any) -> Receipt:
        """Send a message by its Update; `reach.NotAccepted` where it is refused."""
        return await self.send(message, self.body(by, ago, **fields))

    async def send(self, message: str, body: dict[str, Any]) -> Receipt:
        """Send what is written already."""
        return await reach.send(self.client, self.reference, message, body)

    async def signal(self, message: str, by: str, /, ago: timedelta = timedelta(), **fields: Any) -> None:
        """Send a message by its Signal."""
        await reach.signal(self.client, self.reference, message, self.body(by, ago, **fields))

    async def state(self) -> Case:
        """The case as it stands."""
        return await reach.read(self.client, self.reference)

    async def story(self) -> Story:
        """What it amounts to."""
        return (await self.state()).story

    async def enquired(self, ago: timedelta = timedelta()) -> None:
        """Referred on the process map, allocated, and section 47 enquiries initiated that long ago."""
        await self.refer(ago=ago)
        await self.tell("social_worker_allocated", "team manager/tm-1", ago, social_worker="sw-1")
        await self.tell("strategy_requested", "assistant team manager/atm-1", ago, immediate=True)
        await self.tell("strategy_outcome", "social worker/sw-1", ago, decision="section 47")

    async def on_a_plan(self, ago: timedelta = timedelta()) -> None:
        """Enquired into, seen, and made the subject of a child protection plan, all that long ago."""
        await self.enquired(ago)
        await self.tell("child_visited", "social worker/sw-1", ago, seen=True, alone=True)
        await self.tell("section47_outcome", "social worker/sw-1", ago, outcome="substantiated")
        await self.tell("conference_service_informed", "social worker/sw-1", ago)
        await self.tell("chair_allocated", "conference service/cs-1", ago, chair="iro-1")
        held = {"plan": True, "categories": ["neglect"]}
        await self.tell("initial_conference_held", "independent reviewing officer/iro-1", ago, **held)

    async def recorded(self, records: Database) -> list[reading.ChronologyEntry]:
        """The chronology, once the records have all that the case decided."""

        async def complete() -> list[reading.ChronologyEntry] | None:
            case = await self.state()
            lines = await reading.chronology(records, self.reference)
            kept = await reading.facts(records, self.reference, case.episode, refused=True)
            there = [line for line in lines if line.episode == case.episode]
            wanted = (case.announced.entries, case.announced.kept)
            return lines if (len(there), len(kept)) == wanted else None

        return await eventually(complete)

    async def history(self, run: str | None = None) -> list[HistoryEvent]:
        """What Temporal wrote down of a run (the last, where none is named)."""
        handle = self.client.get_workflow_handle(workflow_id(self.reference), run_id=run)
        return [event async for event in handle.fetch_history_events()]

    async def runs(self) -> list[str]:
        """The runs of the workflow, oldest first."""
        query = f"WorkflowId = '{workflow_id(self.reference)}'"
        executions = [execution async for execution in self.client.list_workflows(query)]
        return [execution.run_id for execution in sorted(executions, key=lambda execution: execution.start_time)]

    async def metadata(self) -> WorkflowMetadata:
        """What the Web UI asks for: the doors and the current details."""
        metadata: WorkflowMetadata = await self.handle.query(
            "__temporal_workflow_metadata", result_type=WorkflowMetadata
        )
        return metadata


@asynccontextmanager
async def records_at(dsn: str) -> AsyncIterator[Database]:
    """The records in this database, to read in."""
    database = Database(dsn)
    try:
        yield database
    finally:
        await database.close()


def summary(event: HistoryEvent) -> str:
    """What the Web UI writes on an event's bar."""
    summary = PayloadConverter.default.from_payload(event.user_metadata.summary, str)
    assert isinstance(summary, str)
    return summary


def running_timers(history: list[HistoryEvent]) -> Counter[str]:
    """The timers that are started and neither fired nor cancelled, by what they are called."""
    running = {}
    for event in history:
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            running[event.timer_started_event_attributes.timer_id] = summary(event)
        elif event.event_type == EventType.EVENT_TYPE_TIMER_FIRED:
            del running[event.timer_fired_event_attributes.timer_id]
        elif event.event_type == EventType.EVENT_TYPE_TIMER_CANCELED:
            del running[event.timer_canceled_event_attributes.timer_id]
    return Counter(running.values())


async def has_its_timers(case: OneCase) -> bool:
    """Whether every running deadline has exactly one running timer, which names it, and there is no other."""
    return is_in_step(await case.state(), await case.history())


def is_in_step(case: Case, history: list[HistoryEvent]) -> bool:
    """The same of a state and the history of the run that it is of."""
    return running_timers(history) == Counter(summary_of(words) for _, words in decide.alarms(case).values())


async def exists(path: Path) -> bool:
    return path.exists()


async def eventually(look: Callable[[], Awaitable[Found | None]], seconds: float = SECONDS) -> Found:
    """What `look` finds, once it finds something that is not None or False."""
    async with asyncio.timeout(seconds):
        while True:
            result = await look()
            if result is not None and result is not False:
                return result
            await asyncio.sleep(0.02)
