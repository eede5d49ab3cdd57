"""Temporal's development server on a SQLite file, with settings that were measured."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from .binaries import temporal_path
from .errors import DidNotStart, EmbeddedError
from .folder import claimed, prepare
from .processes import Program, Report, running, settings_free_environment, stop_leftovers

HOST = "127.0.0.1"
NAMESPACE = "default"
# How long a closed case stays in the Web UI and its lists. (The records in Postgres stay for good.)
RETENTION = timedelta(days=90)

DYNAMIC_CONFIG: Mapping[str, object] = {
    # Without these two, every signal, activity and first task waits about 50 ms.
    "history.transferProcessorMaxPollRPS": 1000,
    "history.timerProcessorMaxPollRPS": 1000,
    # Without this, a timer of less than a second fires a second late.
    "history.timerProcessorMaxTimeShift": "10ms",
    # Without this, a case whose turn was lost a few times is left alone for up to ten minutes.
    "history.workflowTaskRetryMaxInterval": "10s",
    # A workflow task that failed so often is listed as a problem (connection/stuck.py).
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": 3,
}
# The write-ahead log is several times faster than the default; FULL, since a case must survive a power cut.
PRAGMAS: Mapping[str, str] = {"journal_mode": "WAL", "synchronous": "FULL"}


@dataclass(frozen=True)
class TemporalAddresses:
    """`server` is host:port. `web_ui` is a URL, or empty when there is none."""

    server: str
    web_ui: str


@asynccontextmanager
async def temporal_server(
    folder: Path,
    report: Report,
    *,
    search_attributes: Mapping[str, str],
    port: int = 7233,
    ui_port: int | None = 8233,
    codec_endpoint: str | None = None,
) -> AsyncIterator[TemporalAddresses]:
    """Run the development server of a state folder inside the block.

    A port in use is replaced by the next free one, and `report` told. `ui_port=None` means no Web UI.
    `search_attributes` gives each name's type in the command line's spelling ("Keyword", "KeywordList",
    "Datetime", "Int", "Bool", …); `codec_endpoint` is where the Web UI has payloads decoded.
    Raises EmbeddedError.
    """
    folder = prepare(folder)
    with claimed(folder, "temporal"):
        async with AsyncExitStack() as stack:
            await stop_leftovers(_program(folder, port, ui_port, search_attributes, codec_endpoint), report)
            while True:
                chosen, chosen_ui = _choose_ports(port, ui_port)
                program = _program(folder, chosen, chosen_ui, search_attributes, codec_endpoint)
                try:
                    await stack.enter_async_context(running(program, partial(_answers, chosen, chosen_ui), report))
                    break
                except DidNotStart:
                    # Somebody may have taken a port between our look and the server's.
                    if _choose_ports(port, ui_port) == (chosen, chosen_ui):
                        raise
            _say_moved("Temporal", port, chosen, report)
            _say_moved("its Web UI", ui_port, chosen_ui, report)
            client = await _connect(chosen)
            try:
                await _keep_closed_cases(client)
                await _register_missing(client, search_attributes)
            except RPCError as error:
                raise EmbeddedError(f"Temporal refuses its settings: {error.message}") from error
            yield TemporalAddresses(f"{HOST}:{chosen}", f"http://{HOST}:{chosen_ui}" if chosen_ui else "")


def _program(
    folder: Path,
    port: int,
    ui_port: int | None,
    search_attributes: Mapping[str, str],
    codec_endpoint: str | None,
) -> Program:
    options = ["--ip", HOST, "--port", str(port), "--db-filename", "temporal.db", "--log-level", "warn"]
    options += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port), "--ui-disable-news-fetch"]
    if codec_endpoint:
        options += ["--ui-codec-endpoint", codec_endpoint]
    for name, pragma in PRAGMAS.items():
        options += ["--sqlite-pragma", f"{name}={pragma}"]
    for name, value in DYNAMIC_CONFIG.items():
        options += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
    for name, kind in search_attributes.items():
        options += ["--search-attribute", f"{name}={kind}"]
    return Program(
        name="Temporal",
        command=[str(temporal_path()), "server", "start-dev", *options],
        log=folder / "temporal.log",
        # A user's settings for the command line, in the environment or at home, are not for the server.
        environment={**settings_free_environment("TEMPORAL_"), "HOME": str(folder)},
        # The database is named relative to it: SQLite reads some characters of a path as its own syntax.
        folder=folder,
    )


async def _answers(port: int, ui_port: int | None) -> bool:
    try:
        client = await _connect(port)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
        if ui_port is not None:
            _, writer = await asyncio.open_connection(HOST, ui_port)
            writer.close()
    except (RPCError, RuntimeError, OSError):
        return False
    return True


async def _keep_closed_cases(client: Client) -> None:
    config = NamespaceConfig()
    config.workflow_execution_retention_ttl.FromTimedelta(RETENTION)
    await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=NAMESPACE, config=config))


async def _register_missing(client: Client, search_attributes: Mapping[str, str]) -> None:
    """Register what the server does not know: its own option does so only when the database is new."""
    wanted = {name: _indexed(kind) for name, kind in search_attributes.items()}
    listing = ListSearchAttributesRequest(namespace=NAMESPACE)
    existing = (await client.operator_service.list_search_attributes(listing)).custom_attributes
    for name, kind in wanted.items():
        if name in existing and existing[name] != kind:
            raise EmbeddedError(
                f"The search attribute {name} is of another type in the existing cases: "
                f"{IndexedValueType.Name(existing[name])}, not {IndexedValueType.Name(kind)}."
            )
    missing = {name: kind for name, kind in wanted.items() if name not in existing}
    if missing:
        adding = AddSearchAttributesRequest(namespace=NAMESPACE, search_attributes=missing)
        await client.operator_service.add_search_attributes(adding)


def _indexed(kind: str) -> IndexedValueType.ValueType:
    """ "KeywordList", as the command line spells it, to Temporal's own constant."""
    words = re.findall(r"[A-Z][a-z]+", kind)
    return IndexedValueType.Value("_".join(["INDEXED_VALUE_TYPE", *(word.upper() for word in words)]))


async def _connect(port: int) -> Client:
    return await Client.connect(f"{HOST}:{port}", namespace=NAMESPACE)


def _choose_ports(port: int, ui_port: int | None) -> tuple[int, int | None]:
    chosen = _next_free(port, avoid=())
    return chosen, None if ui_port is None else _next_free(ui_port, avoid=(chosen,))


def _next_free(first: int, avoid: tuple[int, ...]) -> int:
    for port in range(first, min(first + 200, 65536)):
        if port not in avoid and _free(port):
            return port
    raise EmbeddedError(f"No port is free from {first} on. Name another with --port.")


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server itself will: a port whose last connections still time out is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _say_moved(what: str, wanted: int | None, chosen: int | None, report: Report) -> None:
    if chosen != wanted:
        report(f"Port {wanted} is in use by another program: {what} is on port {chosen} instead.")
