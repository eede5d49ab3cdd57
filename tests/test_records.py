"""The records: written once however often, never changed, and found again by those who need them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities import reading
from activities.basis import CaseBasis, bank_holidays
from activities.database import Database, DatabaseFailed
from activities.migrate import Migration, WrongMigrations, migrate, shipped
from activities.reading import NoSuchNotice
from activities.records import Records
from activities.table import all_activities, production
from casework import decide
from casework.batch import Basis, BasisWanted, Batch, Recorded, batch_of, front_of
from casework.case import Deadline, Request
from casework.effects import Entry, said, seal_of, sealed
from connection.settings import settings
from connection.temporal import DATA_CONVERTER
from starter.embedded import postgres_server as a_postgres
from starter.embedded import temporal_server
from tests.postgres import NINE, Life, rows
from tests.test_embedded import free_port, until

pytest_plugins = ("tests.postgres",)

TABLES = ("case", "entry", "deadline", "request", "notice")
DAY = timedelta(days=1)


@pytest.fixture
def records(database: Database) -> Records:
    return Records(database)


@pytest.fixture
async def clerk(dsn: str, database: Database) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Somebody with the database's own tools and the owner's rights."""
    await database.prepare()
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def everything(dsn: str) -> dict[str, object]:
    return {table: await rows(dsn, table) for table in TABLES}


# --- What a case begins with ------------------------------------------------------------------------------------


@pytest.mark.covers("Q-21")
def test_bank_holidays_are_those_of_england_and_wales() -> None:
    holidays = bank_holidays(2026)
    assert holidays.version.endswith(" GB-ENG 2023-2045")
    assert list(holidays.dates) == sorted(set(holidays.dates))
    assert {day.year for day in holidays.dates} == set(range(2023, 2046))
    weekdays = [f"{day:%d.%m.}" for day in holidays.dates if day.year == 2026 and day.weekday() < 5]
    assert weekdays == ["01.01.", "03.04.", "06.04.", "04.05.", "25.05.", "31.08.", "25.12.", "28.12."]
    # Scotland's 2 January is England's day off only where New Year's Day is a Sunday.
    second_of_january = {day.year for day in holidays.dates if (day.month, day.day) == (1, 2)}
    assert second_of_january == {year for year in range(2023, 2046) if date(year, 1, 1).weekday() == 6}
    assert {day for day in holidays.dates if day.month in (6, 7, 9, 10, 11)} == set()


async def test_a_new_case_gets_its_procedure_and_its_number(records: Records) -> None:
    basis = CaseBasis(records.earlier_episodes)
    wanted = BasisWanted(reference="R-1", procedure="P")
    first = await basis.case_basis(wanted)
    assert first.procedure.about.key == "process-map"
    assert first.bank_holidays == bank_holidays()
    assert (first.episode, (await basis.case_basis(wanted)).episode) == (1, 1)

    await records.record(Life().referred().batch())
    assert (await basis.case_basis(wanted)).episode == 2
    await records.record(Life(episode=2).referred().batch())
    assert (await basis.case_basis(wanted)).episode == 3
    assert (await basis.case_basis(BasisWanted(reference="R-11", procedure="P"))).episode == 1

    converter = DATA_CONVERTER.payload_converter
    assert converter.from_payloads(converter.to_payloads([first]), [Basis]) == [first]


async def test_an_authority_has_its_own_procedures(tmp_path: Path) -> None:
    async def none(reference: str) -> int:
        return 0

    shipped_file = (Path(__file__).parent.parent / "casework/procedures/process-map.toml").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(shipped_file.replace('"process-map"', '"ours"'), encoding="utf-8")
    basis = await CaseBasis(none, [tmp_path]).case_basis(BasisWanted(reference="R-1", procedure="ours"))
    assert basis.procedure.about.key == "ours"

    with pytest.raises(ApplicationError, match="There is no procedure 'ours'") as refused:
        await CaseBasis(none).case_basis(BasisWanted(reference="R-1", procedure="ours"))
    assert (refused.value.type, refused.value.non_retryable) == ("WrongProcedure", True)


# --- Migrations -------------------------------------------------------------------------------------------------


async def test_migrations_are_applied_once_though_many_start_at_once(dsn: str) -> None:
    connections = [await asyncpg.connect(dsn) for _ in range(3)]
    applied = await asyncio.gather(*map(migrate, connections))
    assert sorted(applied, key=len) == [[], [], [migration.name for migration in shipped()]]
    assert await migrate(connections[0]) == []
    undescribed = await connections[0].fetch(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = 's47'::regnamespace AND relkind = 'r' AND obj_description(oid, 'pg_class') IS NULL
        """
    )
    assert undescribed == []
    for connection in connections:
        await connection.close()


async def test_migrations_only_go_forward(dsn: str) -> None:
    one, two, three = (Migration(f"000{n}_it.sql", f"CREATE TABLE s47.t{n} (n int)") for n in (1, 2, 3))
    connection = await asyncpg.connect(dsn)
    assert await migrate(connection, [one]) == ["0001_it.sql"]
    assert await migrate(connection, [one, three]) == ["0003_it.sql"]
    assert await migrate(connection, [one]) == [], "a worker of an earlier version goes on"
    with pytest.raises(WrongMigrations, match=r"0002_it.sql was never applied .* 0003_it.sql was"):
        await migrate(connection, [one, two, three])
    with pytest.raises(WrongMigrations, match=r"0001_it.sql was changed after"):
        await migrate(connection, [Migration(one.name, one.sql + ";")])
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await migrate(connection, [one, three, Migration("0004.sql", "CREATE TABLE s47.t4 (n int); CREATE")])
    assert await connection.fetchval("SELECT to_regclass('s47.t4')") is None, "all or nothing"
    await connection.close()


# --- Writing ----------------------------------------------------------------------------------------------------


async def test_a_batch_is_written_as_the_case_stands(records: Records, database: Database, dsn: str) -> None:
    life = Life().referred().enquired()
    await records.record(life.batch())
    await records.record(life.wait(2 * DAY).batch())

    assert await reading.cases(database) == [front_of(life.case)]
    kept = {row["id"]: row for row in await rows(dsn, "deadline")}
    assert {key: Deadline.model_validate_json(row["body"]) for key, row in kept.items()} == life.case.deadlines
    missed = kept["child-seen-1"]
    assert (missed["state"], missed["running"], missed["due_on"]) == ("overdue", True, None)
    assert missed["breached_at"] == missed["due"] == datetime(2026, 4, 2, 9, 30, tzinfo=UTC)
    assert kept["initial-conference-1"]["due_on"] == date(2026, 4, 24)
    [request] = await rows(dsn, "request")
    assert Request.model_validate_json(request["body"]) == life.case.requests["request-1"]
    assert (request["state"], request["waiting"], request["roles"]) == ("authorised", False, ["team manager"])


async def test_a_retry_changes_nothing(records: Records, dsn: str) -> None:
    batches = [(life := Life().referred().enquired()).batch(), life.wait(2 * DAY).batch()]
    for batch in batches:
        await records.record(batch)
    once = await everything(dsn)
    assert all(once.values())
    for batch in reversed(batches):
        await asyncio.gather(*(records.record(batch) for _ in range(4)))
    assert await everything(dsn) == once


async def test_the_same_batch_many_times_at_once_is_written_once(records: Records, dsn: str) -> None:
    life = Life().referred().enquired()
    batch = life.batch()
    await asyncio.gather(*(records.record(batch) for _ in range(6)))
    entries = await rows(dsn, "entry")
    assert [row["number"] for row in entries] == [entry.number for entry in batch.entries]


async def test_an_older_batch_never_overwrites_a_newer_one(records: Records, dsn: str) -> None:
    life = Life().referred()
    first, second = life.asked_for_strategy().batch(), life.wait(DAY).batch()
    request = life.case.waiting_requests[0].id
    third = life.tell("authorisation", "team manager", "tm-1", request=request, decision="authorise").batch()

    with pytest.raises(DatabaseFailed, match="before entry") as gap:
        await records.record(third)
    assert not isinstance(gap.value, ApplicationError), "tried again until the earlier ones are there"
    assert await rows(dsn, "entry") == []

    for batch in (first, second, third):
        await records.record(batch)
    newest = await everything(dsn)
    [kept] = await rows(dsn, "request")
    assert (kept["state"], kept["batch"]) == ("authorised", 3)
    for late in (second, first):
        await records.record(late)
    assert await everything(dsn) == newest


async def test_another_entry_of_the_same_number_is_refused_for_good(records: Records, dsn: str) -> None:
    await records.record(Life().referred().batch())
    before = await everything(dsn)
    other = Life().referred(note="Quite another referral").batch()
    with pytest.raises(ApplicationError, match="says something else") as refused:
        await records.record(other)
    assert (refused.value.type, refused.value.non_retryable) == ("EntryDiffers", True)
    assert await everything(dsn) == before


async def test_a_broken_seal_is_refused_for_good(records: Records, dsn: str) -> None:
    life = Life().referred()
    await records.record(life.batch())
    before = await everything(dsn)
    batch = life.asked_for_strategy().batch()
    forged = batch.entries[0].model_copy(update={"text": "Nobody asked for anything"})
    with pytest.raises(ApplicationError, match="does not continue the chronology") as refused:
        await records.record(batch.model_copy(update={"entries": (forged, *batch.entries[1:])}))
    assert (refused.value.type, refused.value.non_retryable) == ("ChainBroken", True)
    assert await everything(dsn) == before


def test_the_record_seals_as_the_case_does() -> None:
    before = ""
    for entry in Life().referred(note="Bruising, seen at school").enquired().batch().entries:
        assert sealed(entry, before).seal == entry.seal == seal_of(said(entry), before)
        before = entry.seal


async def test_what_was_said_is_kept_as_it_was_said(records: Records, database: Database) -> None:
    life = Life().referred()
    life.tell(
        "new_information_received",
        "police",
        "pc-1",
        after=DAY,
        occurred_at="2026-04-02T08:30:00.250+01:00",
        note="Two\nlines, 'quoted' — and \\u0000",
    )
    life.asked_for_strategy()
    life.tell(
        "authorisation",
        "team manager",
        "tm-1",
        request="request-1",
        decision="return",
        reason="Say more of it, \\u0000",
    )
    await records.record(life.batch())
    told = next(entry for entry in await reading.chronology(database, "R-1") if entry.note)
    assert told.note == "Two\nlines, 'quoted' — and \\u0000"
    assert told.occurred_at == datetime(2026, 4, 2, 7, 30, 0, 250_000, tzinfo=UTC)
    assert (await reading.verify_chain(database, "R-1")).intact


async def test_what_postgres_cannot_hold_is_shown_by_a_sign(records: Records, database: Database) -> None:
    life = Life().referred()
    refused = decide.refuse_signal(life.case, "child_visited", "sw\0-1", None, "malformed", life.now)
    await records.record(life.batch())
    await records.record(batch_of(refused.case, refused.effects, 2))
    [told] = [entry for entry in await reading.chronology(database, "R-1") if entry.text.startswith("Refused")]
    assert "sw␀-1" in told.text
    assert (await reading.verify_chain(database, "R-1")).intact


async def test_an_error_says_nothing_of_the_child(
    records: Records, clerk: "asyncpg.Connection[asyncpg.Record]", caplog: pytest.LogCaptureFixture
) -> None:
    batch = Life().referred(note="Jo Bloggs has bruises").batch()
    await clerk.execute("ALTER TABLE s47.entry ADD CHECK (note IS NULL)")
    with pytest.raises(DatabaseFailed, match="violates check constraint") as failed:
        await records.record(batch)
    assert failed.value.__cause__ is None
    assert "Jo" not in str(failed.value) + caplog.text
    with pytest.raises(DatabaseFailed, match="DataError") as failed:
        await records.earlier_episodes(batch.entries)  # type: ignore[arg-type]
    assert "Jo" not in str(failed.value)


# --- The chronology stands --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE s47.entry SET text = text",
        "UPDATE s47.entry SET note = 'x' WHERE number = 99",
        "DELETE FROM s47.entry",
        "TRUNCATE s47.entry",
        "TRUNCATE s47.case CASCADE",
        "INSERT INTO s47.entry SELECT * FROM s47.entry ON CONFLICT ON CONSTRAINT entry_pkey DO UPDATE SET text = ''",
    ],
)
async def test_the_chronology_is_append_only(
    records: Records, clerk: "asyncpg.Connection[asyncpg.Record]", dsn: str, statement: str
) -> None:
    await records.record(Life().referred().batch())
    before = await rows(dsn, "entry")
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await clerk.execute(statement)
    assert await rows(dsn, "entry") == before


async def test_the_database_takes_no_entry_that_does_not_follow(
    records: Records, clerk: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await records.record(Life().referred().batch())
    last = await clerk.fetchrow("SELECT * FROM s47.entry ORDER BY number DESC LIMIT 1")
    assert last
    insert = "INSERT INTO s47.entry SELECT (jsonb_populate_record(e, $1)).* FROM s47.entry e WHERE number = $2"
    for number, problem in ((last["number"] + 1, "does not seal"), (last["number"] + 2, "comes before entry")):
        with pytest.raises(asyncpg.PostgresError, match=problem):
            await clerk.execute(insert, f'{{"number": {number}}}', last["number"])


SEALED_AGAIN = """
UPDATE s47.entry SET text = 'Nothing', said = changed.said,
    seal = encode(sha256(convert_to(changed.before || E'\\n' || changed.said, 'UTF8')), 'hex')
FROM (
    SELECT this.number, replace(this.said, this.text, 'Nothing') AS said, earlier.seal AS before
    FROM s47.entry this JOIN s47.entry earlier ON earlier.number = this.number - 1
) changed
WHERE entry.number = changed.number AND entry.number = {number}
"""


@pytest.mark.parametrize(
    ("tampering", "where"),
    [
        ("UPDATE s47.entry SET text = 'Nothing happened' WHERE number = 4", 4),
        ("UPDATE s47.entry SET occurred_at = occurred_at - interval '1 day' WHERE number = 2", 2),
        ("UPDATE s47.entry SET said = replace(said, 'sw-1', 'sw-2') WHERE number = 2", 2),
        ("DELETE FROM s47.entry WHERE number = 3", 3),
        ("DELETE FROM s47.entry WHERE number IN (3, 4)", 3),
        ("DELETE FROM s47.entry WHERE number >= 10", 10),
        ("DELETE FROM s47.entry", 1),
        (SEALED_AGAIN.format(number=4), 5),
        (SEALED_AGAIN.format(number=11), 11),
    ],
)
async def test_tampering_shows(
    records: Records,
    database: Database,
    clerk: "asyncpg.Connection[asyncpg.Record]",
    tampering: str,
    where: int,
) -> None:
    await records.record(Life().referred().enquired().batch())
    assert await reading.verify_chain(database, "R-1") == reading.Chain(reference="R-1", entries=11, breaks=())

    await clerk.execute("ALTER TABLE s47.entry DISABLE TRIGGER USER")
    assert not (await clerk.execute(tampering)).endswith(" 0")
    chain = await reading.verify_chain(database, "R-1")
    assert not chain.intact
    assert [found.number for found in chain.breaks] == [where]


# --- Postgres goes away and comes back --------------------------------------------------------------------------


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[str]:
    async with a_postgres(folder, lambda _: None, durable=False, elsewhere=folder / "elsewhere") as dsn:
        yield dsn


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment whose S47_* are read anew, before the test and after it."""
    monkeypatch.delenv("S47_POSTGRES", raising=False)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


async def test_a_worker_outlives_the_database(state_folder: Path, environment: pytest.MonkeyPatch) -> None:
    """The worker starts while Postgres is down, and goes on after Postgres was restarted, with nobody's help."""
    async with running(state_folder) as dsn:
        pass
    with pytest.raises(DatabaseFailed, match="Postgres does not answer"):
        await Database(dsn).prepare()
    environment.setenv("S47_POSTGRES", dsn)
    life = Life()
    async with (
        temporal_server(state_folder, lambda _: None, search_attributes={}, port=free_port(), ui_port=None) as temporal,
        production() as real,
    ):
        client = await Client.connect(temporal.server, data_converter=DATA_CONVERTER)
        async with Worker(client, task_queue="records", activities=all_activities(*real)):
            await _recorded_once_postgres_is_back(client, state_folder, life.referred().batch())
            await _recorded_once_postgres_is_back(client, state_folder, life.enquired().batch())
        async with running(state_folder), _opened(dsn) as database:
            assert await reading.cases(database) == [front_of(life.case)]
            assert (await reading.verify_chain(database, "R-1")).intact


@pytest.mark.parametrize(
    ("dsn", "said"), [(None, "S47_POSTGRES is not set"), ("records", "The DSN of the records' database is wrong")]
)
async def test_a_worker_without_records_says_so(environment: pytest.MonkeyPatch, dsn: str | None, said: str) -> None:
    if dsn:
        environment.setenv("S47_POSTGRES", dsn)
    with pytest.raises(ValueError, match=said):
        await production().__aenter__()


async def _recorded_once_postgres_is_back(client: Client, folder: Path, batch: Batch) -> None:
    """Postgres is down when this begins and when it ends."""
    activity = await client.start_activity(
        "record",
        batch,
        result_type=Recorded,
        id=f"batch-{batch.number}",
        task_queue="records",
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50), backoff_coefficient=1),
    )

    async def tried_in_vain() -> bool:
        return (await activity.describe()).attempt > 2

    await until(tried_in_vain)
    async with running(folder), asyncio.timeout(20):
        assert await activity.result() == Recorded()
        basis = await client.execute_activity(
            "case_basis",
            BasisWanted(reference=batch.front.reference, procedure="P"),
            result_type=Basis,
            id=f"basis-{batch.number}",
            task_queue="records",
            start_to_close_timeout=timedelta(seconds=30),
        )
        assert basis.episode == 2


@asynccontextmanager
async def _opened(dsn: str) -> AsyncIterator[Database]:
    database = Database(dsn)
    yield database
    await database.close()


# --- Reading ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def three_cases(records: Records) -> dict[str, Life]:
    """R-1 in the North, its child not seen in time; R-2 in the South, just asked about; R-3 in the North, closed."""
    lives = {
        "R-1": Life("R-1").referred().enquired("sw-1").wait(2 * DAY),
        "R-2": Life("R-2", began=NINE + 2 * DAY).referred("South").asked_for_strategy(),
        "R-3": Life("R-3").referred(),
    }
    closed = lives["R-3"].tell("screening_decided", "team manager", "tm-1", harm_suspected=False)
    closed.tell("case_closed", "team manager", "tm-1", after=DAY, reason="No harm is suspected")
    for life in lives.values():
        await records.record(life.batch())
    return lives


NOW = NINE + 2 * DAY + timedelta(hours=2)


async def test_cases_are_found(database: Database, three_cases: dict[str, Life]) -> None:
    async def found(**wanted: Any) -> list[str]:
        return [case.reference for case in await reading.cases(database, **{"now": NOW, **wanted})]

    assert await found() == ["R-1", "R-2"]
    assert await found(closed=True) == ["R-1", "R-2", "R-3"]
    assert await found(team="North", closed=True) == ["R-1", "R-3"]
    assert await found(stage="closed", closed=True) == ["R-3"]
    assert await found(stage="section 47 enquiry") == ["R-1"]
    assert await found(allocated_to="sw-1") == ["R-1"]
    assert await found(allocated_to="sw-2") == []
    assert await found(procedure="process-map") == ["R-1", "R-2"]
    assert await found(procedure="mosaic") == []
    assert await found(waiting_for="team manager") == ["R-2"]
    assert await found(waiting_for="conference service") == ["R-1"]
    assert await found(reference="R-2") == ["R-2"]
    assert await found(overdue=True) == ["R-1"]


async def test_a_limit_that_passed_while_no_worker_ran_is_overdue(records: Records, database: Database) -> None:
    life = Life().referred().enquired()
    await records.record(life.batch())
    for now, is_late in ((life.now + DAY, False), (life.now + DAY + timedelta(seconds=1), True)):
        assert [case.reference for case in await reading.cases(database, overdue=True, now=now)] == ["R-1"] * is_late
        tray = await reading.tray(database, "social worker", now=now)
        assert {item.id for item in tray if item.overdue} == ({"child-seen-1"} if is_late else set())
    assert len(await reading.cases(database, overdue=True)) == 1, "by the clock of the database: 2026 is past"


@pytest.mark.covers("PD-M-01")
async def test_a_tray_has_what_a_role_must_do_or_know_soonest_first(
    database: Database, three_cases: dict[str, Life]
) -> None:
    social_worker = await reading.tray(database, "social worker", now=NOW)
    assert [(item.kind, item.id, item.overdue) for item in social_worker] == [
        ("deadline", "child-seen-1", True),
        ("notice", "R-1.1.2", False),
        ("deadline", "initial-conference-1", False),
    ]
    assert social_worker[0].due == datetime(2026, 4, 2, 9, 30, tzinfo=UTC)
    assert social_worker[2].on == date(2026, 4, 24)
    assert {item.person for item in social_worker} == {"sw-1"}

    team_manager = await reading.tray(database, "team manager", now=NOW)
    assert [(item.kind, item.reference, item.id) for item in team_manager] == [
        ("request", "R-2", "request-1"),
        ("notice", "R-1", "R-1.1.3"),
    ]
    assert [item.team for item in team_manager] == ["South", "North"]


@pytest.mark.covers("PD-M-01", "PD-M-03")
async def test_a_tray_can_be_one_persons_or_one_teams(
    records: Records, database: Database, three_cases: dict[str, Life]
) -> None:
    async def found(role: str, person: str | None = None, team: str | None = None) -> set[tuple[str, str]]:
        return {(item.reference, item.id) for item in await reading.tray(database, role, person, team, now=NOW)}

    assert len(await found("social worker", "sw-1")) == 3
    assert await found("social worker", "sw-2") == set()
    assert len(await found("social worker", team="North")) == 3
    assert await found("social worker", team="South") == set()
    assert await found("team manager", team="South") == {("R-2", "request-1")}

    # Nobody's in particular: everybody's in the role, until it is given to somebody.
    assert ("R-2", "request-1") in await found("team manager", "tm-1")
    given = three_cases["R-2"].tell("request_reassigned", "team manager", "tm-1", request="request-1", to="tm-2")
    await records.record(given.batch())
    assert ("R-2", "request-1") not in await found("team manager", "tm-1")
    assert ("R-2", "request-1") in await found("team manager", "tm-2")
    # The conference service holds no case, so its deadlines are not the allocated worker's.
    assert await found("conference service", "csrs-1") == {("R-1", "conference-arrangements-1")}


async def test_a_tray_empties_as_things_are_done(records: Records, database: Database) -> None:
    async def found(role: str) -> list[tuple[str, str]]:
        return [(item.kind, item.what.partition(":")[0]) for item in await reading.tray(database, role, now=life.now)]

    title = "Management Decision to hold a strategy meeting"
    life = Life().referred().asked_for_strategy()
    await records.record(life.batch())
    assert await found("team manager") == [("request", title)]

    life.tell(
        "authorisation", "team manager", "tm-1", request="request-1", decision="return", reason="Say what happened"
    )
    await records.record(life.batch())
    assert await found("assistant team manager") == [("notice", "Returned to you")]
    [returned] = await reading.tray(database, "assistant team manager")
    await reading.acknowledge(database, returned.id, "atm-1")
    assert await found("assistant team manager") == []

    await records.record(life.enquired().wait(timedelta(hours=21)).batch())
    assert ("notice", "Due soon") in await found("social worker")
    await records.record(life.tell("child_visited", "social worker", "sw-1", alone=True).batch())
    assert await found("social worker") == [("deadline", "Hold the initial child protection conference")]


async def test_a_notice_is_acknowledged_once(database: Database, three_cases: dict[str, Life]) -> None:
    seen = await reading.acknowledge(database, "R-1.1.2", "sw-1")
    assert (seen.state, seen.acknowledged_by, seen.kind) == ("acknowledged", "sw-1", "overdue")
    assert await reading.acknowledge(database, "R-1.1.2", "sw-2") == seen
    assert "R-1.1.2" not in {item.id for item in await reading.tray(database, "social worker")}
    assert [notice.state for notice in await reading.notices(database, "R-1")] == [
        "accepted",
        "acknowledged",
        "accepted",
    ]
    with pytest.raises(NoSuchNotice, match="There is no notice R-9"):
        await reading.acknowledge(database, "R-9", "sw-1")


@pytest.mark.covers("F-B-16")
async def test_a_chronology_is_read_by_episode(records: Records, database: Database) -> None:
    lives = [Life().referred().enquired(), Life(episode=2, began=NINE + 90 * DAY).referred(note="Seen at school")]
    batches = [life.batch() for life in lives]
    for batch in batches:
        await records.record(batch)
    everything = await reading.chronology(database, "R-1")
    assert [(entry.episode, entry.number) for entry in everything] == [*((1, n) for n in range(1, 12)), (2, 1)]
    assert [Entry(**entry.model_dump(exclude={"reference", "episode"})) for entry in everything[:-1]] == list(
        batches[0].entries
    )
    [second] = await reading.chronology(database, "R-1", episode=2)
    assert (second.by, second.what, second.note) == ("police pc-1", "referral_received", "Seen at school")
    assert await reading.chronology(database, "R-2") == []
    assert (await reading.verify_chain(database, "R-1")).entries == 12
