"""Temporal's development server and an embedded Postgres, for one machine and nothing else to install.

Everything they keep lies in one state folder; stopped and started again, every case is where it was.
For production use docker-compose.yml instead.
"""

from .binaries import temporal_path, test_server_path
from .errors import EmbeddedError
from .postgres import postgres_server, throwaway_postgres
from .processes import keep_running, run_until_stopped
from .stack import Addresses, embedded_stack, read_addresses
from .temporal import TemporalAddresses, temporal_server

__all__ = [
    "Addresses",
    "EmbeddedError",
    "TemporalAddresses",
    "embedded_stack",
    "keep_running",
    "postgres_server",
    "read_addresses",
    "run_until_stopped",
    "temporal_path",
    "temporal_server",
    "test_server_path",
    "throwaway_postgres",
]
