"""Reaching Temporal: the client, and how values are turned into payloads."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from connection.settings import WrongSettings

DATA_CONVERTER = pydantic_data_converter
SETTLE = 0.05
"""Seconds to wait before a process ends: the client's own threads must not meet an exiting interpreter."""


def named() -> ClientConnectConfig:
    """What `TEMPORAL_*` or a TOML profile says of the server; without `target_host` where nothing names one.

    Raises `WrongSettings`.
    """
    try:
        return ClientConfig.load_client_connect_config()
    except Exception as error:  # its own class of error is not for us to import
        raise WrongSettings(f"Temporal's settings cannot be used: {error}") from None


async def connect() -> Client:
    """A client of the server that is named. Raises `WrongSettings` where none is, RuntimeError where none answers."""
    config = named()
    if "target_host" not in config:
        raise WrongSettings("No Temporal server is named: set TEMPORAL_ADDRESS to its host:port.")
    try:
        return await Client.connect(**config, data_converter=DATA_CONVERTER)
    except ValueError as error:
        raise WrongSettings(f"Temporal's settings cannot be used: {error}") from None


def address(client: Client) -> str:
    """The host:port of the server that a client was made for."""
    return client.service_client.config.target_host


async def connect_to(address: str) -> Client:
    """A client of the server at this host:port, whatever the environment says. Raises as `connect`."""
    return await Client.connect(address, data_converter=DATA_CONVERTER)
