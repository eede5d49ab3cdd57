"""The stages of the casework, one module each: its events and messages, each message beside what it means.

Importing this imports them all, which fills the tables of messages and of events.
"""

from importlib import import_module
from pkgutil import iter_modules

from casework.messages import MESSAGES

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["MESSAGES"]
