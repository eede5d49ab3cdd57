"""Notices by e-mail: whom one reaches, what it says, and what a mail server's answers mean."""

import asyncio
import re
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from urllib.parse import urlsplit

import aiosmtplib

from casework.batch import Delivery
from casework.effects import Notice
from connection.settings import Settings, WrongSettings

SECONDS = 40.0
"""A mail server has this long to take a notice: less than the workflow gives the activity."""


class NotTaken(Exception):
    """The mail server does not take it now; it is to be tried again. Says why, without the address."""


class Undeliverable(Exception):
    """The mail server will never take it. Says why, without the address."""


class Mail:
    """E-mail as the settings have it. Without a mail server it reaches nobody. Raises ValueError for a wrong one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._host: str | None = None
        self._port: int | None = None
        if settings.smtp:
            self._host, self._port = _host_and_port(settings.smtp)

    def address(self, notice: Notice) -> str | None:
        """Where a notice goes: to its person, else to its role; nowhere, where no address of either is known."""
        if self._host is None:
            return None
        known = self._settings.addresses
        return known.get(notice.person or "") or known.get(notice.to)

    def reaches(self, notice: Notice) -> bool:
        """Whether a notice can go out by e-mail."""
        return self.address(notice) is not None

    async def send(self, delivery: Delivery, address: str) -> None:
        """Send it, once. Raises `NotTaken`, `Undeliverable`."""
        settings = self._settings
        try:
            async with asyncio.timeout(SECONDS):
                await aiosmtplib.send(
                    self._message(delivery, address),
                    hostname=self._host,
                    port=self._port,
                    username=settings.smtp_username,
                    password=settings.smtp_password,
                    use_tls=settings.smtp_tls,
                )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            answers = [(recipient.code, recipient.message) for recipient in refused.recipients]
            raise _problem("refused the recipient", *answers[0]) from None
        except aiosmtplib.SMTPDataError as refused:
            raise _problem("refused the message", refused.code, refused.message) from None
        except aiosmtplib.SMTPResponseException as refused:
            # The sender, the sign-in: of ours, not of this notice. Whoever runs the worker can put it right.
            raise NotTaken(f"The mail server refuses us: {refused.code} ({type(refused).__name__})") from None
        except (aiosmtplib.SMTPException, OSError) as problem:
            raise NotTaken(f"The mail server cannot be used: {type(problem).__name__}") from None

    def _message(self, delivery: Delivery, address: str) -> EmailMessage:
        """Neutral, and always the same for the same notice, so that a copy can be known as one."""
        notice, sender = delivery.notice, self._settings.smtp_sender
        domain = parseaddr(sender)[1].rpartition("@")[2]
        message = EmailMessage(policy=SMTP)
        message["From"] = sender
        message["To"] = address
        message["Subject"] = f"S47: case {delivery.reference}: {notice.kind.value}"
        message["Date"] = format_datetime(notice.at)
        message["Message-ID"] = f"<s47.{sha256(notice.id.encode()).hexdigest()[:32]}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence notice answers
        message["X-S47-Notice"] = notice.id
        link = self._settings.link.replace("{reference}", delivery.reference)
        message.set_content(f"{notice.text}\n\nCase {delivery.reference}\n{link}\n")
        return message


def _host_and_port(server: str) -> tuple[str, int | None]:
    address = urlsplit(f"//{server}")
    with suppress(ValueError):  # a port that is no number
        if address.hostname:
            return address.hostname, address.port
    raise WrongSettings(f"S47_SMTP is {server!r}; a mail server is named as host:port")


def _problem(did: str, code: int, answer: str) -> NotTaken | Undeliverable:
    """A refusal by its code; of the answer only the enhanced status, since its words may hold the address."""
    status = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", answer)
    text = f"The mail server {did}: {code}{f' {status[0]}' if status else ''}"
    return Undeliverable(text) if code >= 500 else NotTaken(text)
