"""The command line `s47`."""

from starter.cli.app import app, main

__all__ = ["app", "main"]
