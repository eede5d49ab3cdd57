"""Reaching Temporal: the client, and how values are turned into payloads."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig

from connection.settings import WrongSettings

DATA_CONVERTER = pydantic_data_converter


async def connect() -> Client:
    """A client of the Temporal server that the environment names (`TEMPORAL_*`, or a TOML profile), else of a local
    one. Raises `WrongSettings`, and what the SDK raises where no server answers."""
    try:
        config = ClientConfig.load_client_connect_config()
    except Exception as error:  # its own class of error is not for us to import
        raise WrongSettings(f"Temporal's settings cannot be used: {error}") from None
    config.setdefault("target_host", "127.0.0.1:7233")
    return await Client.connect(**config, data_converter=DATA_CONVERTER)


async def connect_to(address: str) -> Client:
    """A client of the server at this host:port, whatever the environment says. Raises as `connect`."""
    return await Client.connect(address, data_converter=DATA_CONVERTER)
