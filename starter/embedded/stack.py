"""Both embedded servers together, and where others find them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from .folder import claimed, holder, prepare
from .place import ELSEWHERE
from .postgres import postgres_server
from .processes import Report
from .temporal import temporal_server

STACK = "up"
FILE = "addresses.json"

T = TypeVar("T")
T2 = TypeVar("T2")


@dataclass(frozen=True)
class Addresses:
    """Where a running stack answers: Temporal's host:port, the Web UI's URL (or empty), Postgres' DSN."""

    temporal: str
    web_ui: str
    postgres: str


@asynccontextmanager
async def embedded_stack(
    folder: Path,
    *,
    temporal_port: int = 7233,
    ui_port: int | None = 8233,
    search_attributes: Mapping[str, str],
    report: Report,
    codec_endpoint: str | None = None,
    elsewhere: Path = ELSEWHERE,
) -> AsyncIterator[Addresses]:
    """Run Temporal and Postgres on one state folder inside the block, from when both answer.

    While it runs, read_addresses(folder) finds it. The folder is claimed: a second start on it raises
    EmbeddedError, which names the process of the first. The parameters are those of the two servers.
    """
    folder = prepare(folder)
    with claimed(folder, STACK):
        async with AsyncExitStack() as stack:
            temporal, postgres = await _both(
                stack,
                temporal_server(
                    folder,
                    report,
                    search_attributes=search_attributes,
                    port=temporal_port,
                    ui_port=ui_port,
                    codec_endpoint=codec_endpoint,
                ),
                postgres_server(folder, report, elsewhere=elsewhere),
            )
            addresses = Addresses(temporal.server, temporal.web_ui, postgres)
            _publish(folder, addresses)
            try:
                yield addresses
            finally:
                (folder / FILE).unlink(missing_ok=True)


def read_addresses(folder: Path) -> Addresses | None:
    """Where the stack that now runs on this folder answers; None if none does."""
    if holder(folder, STACK) is None:
        return None
    try:
        return Addresses(**json.loads((folder / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


async def _both(
    stack: AsyncExitStack, manager: AbstractAsyncContextManager[T], other: AbstractAsyncContextManager[T2]
) -> tuple[T, T2]:
    """Enter both at the same time; if one fails, leave the other again (the stack does) and say why."""
    first, second = await asyncio.gather(
        stack.enter_async_context(manager), stack.enter_async_context(other), return_exceptions=True
    )
    if isinstance(first, BaseException):
        raise first
    if isinstance(second, BaseException):
        raise second
    return first, second


def _publish(folder: Path, addresses: Addresses) -> None:
    """Written whole or not at all: others may read it at any moment."""
    unfinished = folder / f"{FILE}.unfinished"
    unfinished.write_text(json.dumps(asdict(addresses), indent=2) + "\n")
    os.replace(unfinished, folder / FILE)
