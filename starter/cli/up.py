"""`s47 up`: everything on this machine, in one process group, until it is stopped."""

import asyncio
import os
import shlex
import sys
from pathlib import Path

from connection.search_attributes import registered
from connection.settings import settings
from connection.temporal import connect_to
from starter.cases import demo, reach
from starter.cli.words import out
from starter.embedded import Addresses, embedded_stack, keep_running


def say(line: str) -> None:
    """Tell the person at the terminal."""
    out.print(line, markup=False)


async def up(folder: Path, *, with_demo: bool, temporal_port: int, ui_port: int) -> None:
    """Run Temporal, Postgres and the worker until cancelled. Raises `EmbeddedError`."""
    say(f"Starting Temporal and Postgres; their state is in {folder}/")
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
                await demo.load(client, say)
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
    say("S47 is running. Ctrl-C stops it; started again, every case is where it was.")
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
