"""The long run: `python -m tests.faults --seed 2 --folder F --out report.json`; 1 where something was violated.

The folder must hold nothing of value: everything that runs on it is killed again and again.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from tests.faults.report import Report
from tests.faults.run import Plan, run

NUMBERS = {
    "seed": "other seeds are other lives and other faults",
    "cases": "children",
    "messages": "messages, by both doors",
    "minutes": "minutes of sending, at most",
    "faults": "faults",
    "senders": "people who send at the same time",
    "gap": "seconds between faults, on average",
    "rate": "messages a second, at most",
    "workers": "workers that run all along",
    "longest_freeze": "seconds for which something is frozen at most",
}


def main() -> None:
    """Read the command line, and run."""
    usual = {field.name: field.default for field in fields(Plan)}
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Fault injection on the real stack.")
    for name, what in NUMBERS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(usual[name]), default=usual[name], help=f"{what} (%(default)s)")
    parser.add_argument("--repeat", action="store_true", help="each message is sent again under its id, by both doors")
    parser.add_argument("--control", action="store_true", help="spoil the record at the end: each check must say so")
    parser.add_argument("--folder", type=Path, help="where the stack keeps its state (a new one, removed at the end)")
    parser.add_argument("--out", type=Path, default=Path("faults.json"), help="the report, as JSON (%(default)s)")
    chosen = vars(parser.parse_args())
    for name in [name for name in os.environ if name.startswith(("TEMPORAL_", "S47_"))]:
        del os.environ[name]  # whoever runs this has settings for another stack
    control, out, folder = chosen.pop("control"), chosen.pop("out"), chosen.pop("folder")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="s47-faults-", dir="/tmp") as own:
        Path(own).chmod(0o711)  # Postgres' user has to pass
        try:
            asyncio.run(run(Plan(folder=folder or Path(own) / "state", **chosen), report, control=control))
        finally:
            report.write(out)
    report.say(f"{len(report.violations)} violations; the report is in {out}")
    sys.exit(bool(report.violations))


if __name__ == "__main__":
    main()
