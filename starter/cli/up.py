"""`s47 up`: everything on this machine, in one process group, until it is stopped."""

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from connection.search_attributes import registered
from connection.settings import settings
from connection.temporal import connect_to
from starter.cases import demo as demonstration
from starter.cases import reach
from starter.cli.words import flag, out
from starter.embedded import Addresses, embedded_stack, keep_running, run_until_stopped


def say(line: str) -> None:
    """Tell the person at the terminal."""
    out.print(line, markup=False)


def up(
    demo: Annotated[bool, flag("--demo", "Load a few fictional cases")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where to keep the data (default: .s47, or S47_FOLDER)")] = None,
    temporal_port: Annotated[int, typer.Option(metavar="PORT", help="Port of the Temporal server")] = 7233,
    ui_port: Annotated[int, typer.Option(metavar="PORT", help="Port of the Temporal Web UI")] = 8233,
) -> None:
    """Run S47 on this computer: Temporal, Postgres and the worker. Press Ctrl-C to stop."""
    where = folder or settings().folder
    run_until_stopped(_run(where, with_demo=demo, temporal_port=temporal_port, ui_port=ui_port), say)


async def _run(folder: Path, *, with_demo: bool, temporal_port: int, ui_port: int) -> None:
    """Run Temporal, Postgres and the worker until cancelled. Raises `EmbeddedError`."""
    say(f"Starting Temporal and Postgres. Their data is kept in {folder}/")
    _forget_other_servers(folder)
    async with embedded_stack(
        folder, temporal_port=temporal_port, ui_port=ui_port, search_attributes=registered(), report=say
    ) as addresses:
        environment = {"TEMPORAL_ADDRESS": addresses.temporal, "S47_POSTGRES": addresses.postgres}
        if "link" not in settings().model_fields_set:
            environment["S47_LINK"] = f"{addresses.web_ui}/namespaces/default/workflows/case-{{reference}}"
        worker = asyncio.create_task(
            keep_running([sys.executable, "-m", "worker"], environment, folder / "worker.log", say)
        )
        try:
            client = await connect_to(addresses.temporal)
            await reach.worker_ready(client)
            if with_demo:
                await demonstration.load(client, say)
            _invite(addresses, folder, with_demo)
            await worker
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


def _forget_other_servers(folder: Path) -> None:
    """Settings for another Temporal, in the environment or in a profile at home, are not for this one's worker."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = str(folder / "temporal.toml")


def _invite(addresses: Addresses, folder: Path, with_demo: bool) -> None:
    """Print where everything is and what to type next."""
    say("")
    say("S47 is running. To stop it, press Ctrl-C. When you start it again, every case is where it was.")
    say("")
    say(f"  Temporal Web UI   {addresses.web_ui}/namespaces/default/workflows")
    say(f"  Temporal          {addresses.temporal}")
    say("")
    say("In another terminal, in this folder:")
    say("")
    s47 = Path(sys.argv[0])
    here = f"{s47.parent.parent.name}/{s47.parent.name}/s47" if s47.parent.name == "bin" else "s47"
    if folder != settings().folder:
        say(f"  export S47_FOLDER={shlex.quote(str(folder.absolute()))}")
    if with_demo:
        say(f"  {here} cases")
        say(f"  {here} show DEMO-PLAN")
        say(f"  {here} show DEMO-LATE")
        say(f"  {here} tray 'social worker'")
        say(f"  {here} send DEMO-LATE --as 'social worker/sw-2'")
        say(f"  {here} send DEMO-LATE child_visited --seen --as 'social worker/sw-2'")
    else:
        say(f"  {here} refer examples/referral.toml")
        say(f"  {here} cases")
    say(f"  {here} --help")
    say("")
