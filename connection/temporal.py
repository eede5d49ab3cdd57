"""Reaching Temporal: the client, and how values are turned into payloads."""

from collections.abc import Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from connection.settings import WrongSettings


class PayloadConverter(PydanticPayloadConverter):
    """Leaves several payloads that cannot be decoded as they are, where one was meant.

    The SDK decodes them by no type then; where they are in no known encoding, a start with them would fail its
    workflow task for ever, and a signal would be dropped unheard.
    """

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """The values of these payloads."""
        try:
            return super().from_payloads(payloads, type_hints)
        except Exception:  # whatever a converter makes of bytes in no known encoding
            if type_hints or len(payloads) < 2:
                raise
            return super().from_payloads(payloads, [RawValue] * len(payloads))


DATA_CONVERTER = DataConverter(payload_converter_class=PayloadConverter)
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
