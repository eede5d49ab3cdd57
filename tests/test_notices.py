"""Notices: into the tray always, by e-mail once where an address is known, and never lost without a word."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from temporalio.exceptions import ApplicationError

from activities import reading
from activities.database import Database, DatabaseFailed
from activities.mail import Mail
from activities.notices import Notices
from activities.reading import LedgerNotice
from activities.records import Records
from casework.batch import Batch, Delivered, Delivery
from casework.effects import NoticeKind
from connection.settings import Settings
from tests.batches import CaseRecord
from tests.test_embedded import free_port

pytest_plugins = ("tests.postgres",)

MANAGER = "team.north@example.org"
ROLES = {"team manager": MANAGER, "social worker": "duty@example.org", "tm-2": "second.manager@example.org"}


class Post:
    """A mail server's own account of what it was sent, and what it is to answer."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] = {}
        self.tried: list[str] = []
        self.taken: list[EmailMessage] = []

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._answer("MAIL")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tried.append(address)
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self._answer("DATA")
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = BytesParser(policy=default).parsebytes(envelope.content)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
        return answer

    def _answer(self, command: str) -> str:
        queue = self.answers.get(command)
        return queue.pop(0) if queue else "250 OK"


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def server(post: Post) -> Iterator[str]:
    """A mail server, and where it answers."""
    controller = Controller(post, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"{controller.hostname}:{controller.port}"
    controller.stop()


@pytest.fixture
async def office(database: Database, server: str) -> AsyncIterator["Office"]:
    yield Office(database, smtp=server, addresses=ROLES)


class Office:
    """The records and the notices as a worker has them with these settings."""

    def __init__(self, database: Database, **chosen: Any) -> None:
        self.database = database
        mail = Mail(
            Settings(link="https://s47.example.org/cases/{reference}", smtp_sender="S47 <s47@example.org>", **chosen)
        )
        self.records = Records(database, mail.reaches)
        self.notices = Notices(database, mail)

    async def deliver(self, case: CaseRecord) -> list[Delivery]:
        """Record what happened. Gives what the workflow then has to deliver."""
        batch = case.batch()
        recorded = await self.records.record(batch)
        return [delivery for delivery in deliveries(batch) if delivery.notice.id in recorded.deliver]

    async def ledger(self) -> list[LedgerNotice]:
        return await reading.notices(self.database, "R-1")


def deliveries(batch: Batch) -> list[Delivery]:
    return [Delivery(reference=batch.front.reference, notice=notice) for notice in batch.notices]


def a_request() -> CaseRecord:
    """The team manager is asked to decide on a strategy discussion."""
    return CaseRecord().referred(note="Jo Bloggs has bruises").discussion_requested()


async def test_a_notice_is_sent_once_however_often_it_is_tried(office: Office, post: Post) -> None:
    batch = a_request().batch()
    assert (await office.records.record(batch)).deliver == ("R-1.1.1",)
    assert (await office.records.record(batch)).deliver == ("R-1.1.1",), "it was not delivered yet"
    [delivery] = deliveries(batch)
    for _ in range(3):
        assert await office.notices.deliver(delivery) == Delivered(channel="smtp")
    assert (await office.records.record(batch)).deliver == ()

    [message] = post.taken
    assert (message["To"], message["From"]) == (MANAGER, "S47 <s47@example.org>")
    assert message["Subject"] == "S47: case R-1: request"
    assert message["X-S47-Notice"] == "R-1.1.1"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == [
        "Waiting for you: Decide on a strategy discussion",
        "",
        "Case R-1",
        "https://s47.example.org/cases/R-1",
    ]
    assert "Jo" not in message.as_string()
    assert "child-of-R-1" not in message.as_string()
    [kept] = await office.ledger()
    assert (kept.state, kept.channel, kept.attempts, kept.last_error) == ("delivered", "smtp", 1, None)
    assert kept.tried_at is not None


async def test_attempts_at_the_same_time_send_it_once(office: Office, post: Post) -> None:
    [delivery] = await office.deliver(a_request())
    answers = await asyncio.gather(*(office.notices.deliver(delivery) for _ in range(4)), return_exceptions=True)
    assert len(post.taken) == 1
    assert Delivered(channel="smtp") in answers
    assert all(isinstance(answer, Delivered | DatabaseFailed) for answer in answers), "the others try again"
    assert await office.notices.deliver(delivery) == Delivered(channel="smtp")
    assert len(post.taken) == 1


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        ("RCPT", f"550 5.1.1 <{MANAGER}>: no such mailbox", "The mail server refused the recipient: 550 5.1.1"),
        ("DATA", "554 Not from you", "The mail server refused the message: 554"),
    ],
)
async def test_what_a_server_refuses_for_good_has_failed(
    office: Office, post: Post, caplog: pytest.LogCaptureFixture, command: str, answer: str, reason: str
) -> None:
    caplog.set_level(logging.DEBUG, "temporalio")
    post.answers[command] = [answer]
    [delivery] = await office.deliver(a_request())
    for _ in range(2):
        assert await office.notices.deliver(delivery) == Delivered(channel="smtp", failed=reason)
    assert post.tried == [MANAGER], "tried once"
    assert post.taken == []
    [kept] = await office.ledger()
    assert (kept.state, kept.attempts, kept.last_error) == ("failed", 1, reason)
    assert [item.id for item in await reading.tray(office.database, "team manager")] == ["request-1"]
    assert "R-1.1.1" in caplog.text
    assert MANAGER not in caplog.text


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        ("RCPT", f"450 4.2.0 <{MANAGER}>: greylisted", "The mail server refused the recipient: 450 4.2.0"),
        ("DATA", "452 Disk full", "The mail server refused the message: 452"),
        ("MAIL", "550 Who are you?", "The mail server refuses us: 550 (SMTPSenderRefused)"),
    ],
)
async def test_what_a_server_refuses_for_now_is_tried_again(
    office: Office, post: Post, command: str, answer: str, reason: str
) -> None:
    post.answers[command] = [answer, answer]
    [delivery] = await office.deliver(a_request())
    for attempt in (1, 2):
        with pytest.raises(ApplicationError) as problem:
            await office.notices.deliver(delivery)
        assert (problem.value.message, problem.value.type, problem.value.non_retryable) == (reason, "NotTaken", False)
        assert problem.value.__cause__ is None, "the server's own words may hold the address"
        [kept] = await office.ledger()
        assert (kept.state, kept.attempts, kept.last_error) == ("queued", attempt, reason)
    assert await office.notices.deliver(delivery) == Delivered(channel="smtp")
    [kept] = await office.ledger()
    assert (kept.state, kept.attempts, kept.last_error) == ("delivered", 3, None)
    assert len(post.taken) == 1


async def test_a_server_that_is_down_is_tried_again(database: Database) -> None:
    office = Office(database, smtp=f"127.0.0.1:{free_port()}", addresses=ROLES)
    [delivery] = await office.deliver(a_request())
    with pytest.raises(ApplicationError, match="cannot be used: SMTPConnectError") as problem:
        await office.notices.deliver(delivery)
    assert not problem.value.non_retryable


async def test_a_copy_can_be_known_as_one(office: Office, post: Post, database: Database) -> None:
    """A worker that dies after sending and before the ledger says so sends again; the reader's program sees a copy."""
    case = a_request()
    [delivery] = await office.deliver(case)
    await office.notices.deliver(delivery)
    async with database.connection() as connection:
        await connection.execute("UPDATE s47.notice SET state = 'queued'")
    await office.notices.deliver(delivery)
    first, second = post.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@example.org>")
    assert first.as_string() == second.as_string()

    case.notice(NoticeKind.REQUEST, "team manager", "Given to you", person="tm-2", request="request-1")
    [another] = await office.deliver(case)
    await office.notices.deliver(another)
    assert post.taken[2]["Message-ID"] != first["Message-ID"]
    assert post.taken[2]["To"] == "second.manager@example.org", "the person's own address rather than the role's"


@pytest.mark.covers("PD-M-01")
@pytest.mark.parametrize("known", [{}, {"social worker": "duty@example.org"}])
async def test_where_no_address_is_known_the_tray_has_it(
    database: Database, server: str, post: Post, known: dict[str, str]
) -> None:
    office = Office(database, smtp=server, addresses=known)
    batch = CaseRecord().referred().enquired().batch()
    assert (await office.records.record(batch)).deliver == ()
    [notice] = await office.ledger()
    assert (notice.state, notice.channel, notice.role) == ("accepted", "tray", "team manager")
    assert await office.notices.deliver(deliveries(batch)[0]) == Delivered(channel="tray")
    assert post.tried == []


async def test_without_a_mail_server_the_tray_has_it(database: Database) -> None:
    office = Office(database, addresses=ROLES)
    assert await office.deliver(a_request()) == []
    assert [notice.state for notice in await office.ledger()] == ["accepted"]


async def test_an_address_that_is_known_no_more_leaves_it_in_the_tray(office: Office, post: Post) -> None:
    [delivery] = await office.deliver(a_request())
    later = Office(office.database)
    assert await later.notices.deliver(delivery) == Delivered(channel="tray")
    assert await office.notices.deliver(delivery) == Delivered(channel="tray")
    assert [(notice.state, notice.channel) for notice in await office.ledger()] == [("accepted", "tray")]
    assert post.taken == []


async def test_what_was_seen_in_the_tray_is_not_sent_any_more(office: Office, post: Post) -> None:
    [delivery] = await office.deliver(a_request())
    await reading.acknowledge(office.database, delivery.notice.id, "tm-1")
    assert (await office.notices.deliver(delivery)).failed is None
    await office.notices.mark_undelivered(delivery, "given up")
    assert [notice.state for notice in await office.ledger()] == ["acknowledged"]
    assert post.tried == []


async def test_what_is_given_up_is_in_the_ledger(office: Office, post: Post) -> None:
    post.answers["DATA"] = ["452 Disk full"]
    [delivery] = await office.deliver(a_request())
    with pytest.raises(ApplicationError):
        await office.notices.deliver(delivery)
    for reason in ("The mail server refused the message: 452", "said again"):
        await office.notices.mark_undelivered(delivery, reason)
    [kept] = await office.ledger()
    assert (kept.state, kept.attempts, kept.last_error) == ("failed", 1, "The mail server refused the message: 452")
    # An attempt that comes too late does not send it after all: it was escalated already.
    assert (await office.notices.deliver(delivery)).failed == kept.last_error
    assert post.taken == []


async def test_what_was_delivered_is_not_given_up(office: Office) -> None:
    [delivery] = await office.deliver(a_request())
    await office.notices.deliver(delivery)
    await office.notices.mark_undelivered(delivery, "the answer was lost")
    assert [notice.state for notice in await office.ledger()] == ["delivered"]


async def test_a_notice_waits_for_its_record(office: Office, post: Post) -> None:
    batch = a_request().batch()
    with pytest.raises(ApplicationError, match="not in the record yet") as early:
        await office.notices.deliver(deliveries(batch)[0])
    assert not early.value.non_retryable
    assert post.tried == []


@pytest.mark.parametrize("wrong", [":25", "mail.example.org:smtp"])
def test_a_wrong_mail_server_is_said_at_once(wrong: str) -> None:
    with pytest.raises(ValueError, match="is named as host:port"):
        Mail(Settings(smtp=wrong))
