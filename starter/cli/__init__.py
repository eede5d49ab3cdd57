"""The command line `s47`."""

from starter.cli.commands import app, main

__all__ = ["app", "main"]
