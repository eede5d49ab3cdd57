"""Reaching Temporal: the client, and how values are turned into payloads."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig

DATA_CONVERTER = pydantic_data_converter


async def connect(otherwise: str = "127.0.0.1:7233") -> Client:
    """A client of the Temporal server that the environment names (`TEMPORAL_*`, or a TOML profile).

    `otherwise` is the host:port to use where it names none. Raises what the SDK raises where no server answers.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", otherwise)
    return await Client.connect(**config, data_converter=DATA_CONVERTER)
