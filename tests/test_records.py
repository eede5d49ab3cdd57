"""The records: written once however often, never changed, and found again by those who need them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

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
from activities.reading import Break, NoSuchNotice, NoSuchRole, NoSuchStage
from activities.records import Records
from activities.table import production
from activities.texts import storable_json, words
from casework.batch import Basis, BasisWanted, Batch, Recorded
from casework.effects import Entry, NoticeKind
from casework.story import Deadline, Request, RequestState
from casework.vocabulary import Stage
from connection.settings import WrongSettings, settings
from connection.temporal import DATA_CONVERTER
from starter.embedded import postgres_server as a_postgres
from starter.embedded import temporal_server
from tests.batches import DAY, NINE, CaseRecord
from tests.postgres import rows
from tests.test_embedded import free_port, until

pytest_plugins = ("tests.postgres",)

TABLES = ("case", "fact", "entry", "seal", "deadline", "request", "notice", "procedure", "calendar", "holiday")
Clerk: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
def records(database: Database) -> Records:
    return Records(database)


@pytest.fixture
async def clerk(dsn: str, database: Database) -> AsyncIterator[Clerk]:
    """Somebody with the database's own tools and all rights."""
    await database.prepare()
    connection = await asyncpg.connect(dsn, user="postgres")
    yield connection
    await connection.close()


async def everything(dsn: str) -> dict[str, list[dict[str, Any]]]:
    return {table: await rows(dsn, table) for table in TABLES}


# --- What a case begins with ------------------------------------------------------------------------------------


@pytest.mark.covers("Q-21")
def test_bank_holidays_are_those_of_england_and_wales() -> None:
    holidays = bank_holidays(2026)
    assert holidays.version.endswith(" GB-ENG 2006-2045")
    assert list(holidays.dates) == sorted(set(holidays.dates))
    assert {day.year for day in holidays.dates} == set(range(2006, 2046))
    weekdays = [f"{day:%d.%m.}" for day in holidays.dates if day.year == 2026 and day.weekday() < 5]
    assert weekdays == ["01.01.", "03.04.", "06.04.", "04.05.", "25.05.", "31.08.", "25.12.", "28.12."]
    # Field report A15: a discussion of December 2022 counts over the Christmas of that year.
    assert {date(2022, 12, 26), date(2022, 12, 27), date(2023, 1, 2)} <= set(holidays.dates)
    # Scotland's 2 January is England's day off only where New Year's Day is a Sunday.
    second_of_january = {day.year for day in holidays.dates if (day.month, day.day) == (1, 2)}
    assert second_of_january == {year for year in range(2006, 2046) if date(year, 1, 1).weekday() == 6}
    # Jubilees and a funeral: the only days off in a month that has none.
    assert {day for day in holidays.dates if day.month in (6, 7, 9, 10, 11)} == {
        date(2012, 6, 4),
        date(2012, 6, 5),
        date(2022, 6, 2),
        date(2022, 6, 3),
        date(2022, 9, 19),
    }


async def test_a_new_case_gets_its_procedure_and_its_number(database: Database, records: Records) -> None:
    basis = CaseBasis(database)
    wanted = BasisWanted(reference="R-1", procedure="P")
    first = await basis.case_basis(wanted)
    assert first.procedure.about.key == "process-map"
    assert first.bank_holidays == bank_holidays()
    assert (first.episode, first.referrals, first.kept) == (1, {}, ())
    assert await basis.case_basis(wanted) == first

    first_batch = CaseRecord().referred(note="Seen at school").batch()
    await records.record(first_batch)
    with pytest.raises(ApplicationError) as lost:  # Temporal would not ask for a new case while it runs the old one
        await basis.case_basis(wanted)
    assert lost.value.type == "LostCase"
    await records.record(closing(first_batch))
    second = await basis.case_basis(wanted)
    assert second.episode == 2
    later = CaseRecord(episode=2).refused("Not now", "referral_received", "police", "pc-1").referred().batch()
    await records.record(later)
    await records.record(closing(later))
    third = await basis.case_basis(wanted)
    assert third.episode == 3
    assert third.referrals == {"m-1": "referral_received 1", "m-2": "referral_received 2"}
    other = await basis.case_basis(BasisWanted(reference="R-11", procedure="P"))
    assert (other.episode, other.referrals) == (1, {})

    converter = DATA_CONVERTER.payload_converter
    assert converter.from_payloads(converter.to_payloads([third]), [Basis]) == [third]


def closing(batch: Batch) -> Batch:
    """The batch after it, which closes the case."""
    front = batch.front.model_copy(update={"closed_at": batch.kept[-1].recorded_at})
    return Batch(number=batch.number + 1, at=batch.at + timedelta(minutes=1), front=front)


async def test_an_authority_has_its_own_procedures(database: Database, tmp_path: Path) -> None:
    shipped_file = (Path(__file__).parent.parent / "casework/procedures/process-map.toml").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(shipped_file.replace('"process-map"', '"ours"'), encoding="utf-8")
    basis = await CaseBasis(database, [tmp_path]).case_basis(BasisWanted(reference="R-1", procedure="ours"))
    assert basis.procedure.about.key == "ours"

    with pytest.raises(ApplicationError, match="There is no procedure 'ours'") as refused:
        await CaseBasis(database).case_basis(BasisWanted(reference="R-1", procedure="ours"))
    assert (refused.value.type, refused.value.non_retryable) == ("WrongProcedure", True)


async def test_proclaimed_bank_holidays_reach_cases_opened_later(
    database: Database, records: Records, dsn: str
) -> None:
    basis = CaseBasis(database)
    wanted = BasisWanted(reference="R-2", procedure="P")
    proclaimed = CaseRecord().referred().holiday(date(2026, 5, 8)).holiday(date(2026, 5, 15)).batch()
    await records.record(proclaimed)
    opened = (await basis.case_basis(wanted)).bank_holidays
    assert opened == bank_holidays().with_proclaimed(date(2026, 5, 8)).with_proclaimed(date(2026, 5, 15))

    await records.record(CaseRecord("R-3").referred().holiday(date(2026, 5, 8), proclaimed=False).batch())
    await records.record(proclaimed)
    opened = (await basis.case_basis(wanted)).bank_holidays
    assert opened == bank_holidays().with_proclaimed(date(2026, 5, 15)), "a retry does not proclaim it again"
    assert [row["version"] for row in await rows(dsn, "calendar")] == sorted(
        f"{bank_holidays().version}{days}" for days in (" + 2026-05-08 + 2026-05-15", " + 2026-05-15")
    )


# --- A case from the record alone -------------------------------------------------------------------------------


async def test_a_case_can_be_rebuilt_from_the_record(database: Database, records: Records) -> None:
    basis = CaseBasis(database)
    opened = await basis.case_basis(BasisWanted(reference="R-1", procedure="P"))
    snapshots: dict[str, Any] = {"opened_with": opened.procedure.fingerprint, "calendar": opened.bank_holidays.version}
    await records.record(CaseRecord(**snapshots).referred().batch())
    case = CaseRecord(episode=2, began=NINE + 90 * DAY, **snapshots).referred(note="Again").discussion_requested()
    batches = [case.batch('{"z": 1, "a": 2}'), case.refused("Not theirs", "case_closed", "health", "hv-1").batch()]
    announced = '{"z": 1, "a": [2, "␀"]}'
    batches[1] = batches[1].model_copy(update={"announced": announced})
    for batch in batches:
        await records.record(batch)

    rebuilt = await basis.case_basis(BasisWanted(reference="R-1", procedure="", rebuild=True))
    assert rebuilt.procedure == opened.procedure
    assert rebuilt.procedure.fingerprint == opened.procedure.fingerprint, "the rules are in their order"
    assert rebuilt.bank_holidays == opened.bank_holidays
    assert (rebuilt.episode, rebuilt.batches, rebuilt.announced) == (2, 2, announced)
    assert list(rebuilt.referrals) == ["m-1"]
    assert [kept.fact for kept in rebuilt.kept] == [1, 2, None]
    for kept, sent in zip(rebuilt.kept, case.kept, strict=True):
        assert kept.model_copy(update={"body": sent.body, "state": sent.state}) == sent
        assert kept.body == "" if kept.fact else json.loads(kept.body) == json.loads(sent.body)
        assert json.loads(kept.state or "null") == json.loads(sent.state or "null")
    converter = DATA_CONVERTER.payload_converter
    assert converter.from_payloads(converter.to_payloads([rebuilt]), [Basis]) == [rebuilt]


async def test_a_case_that_had_a_day_proclaimed_is_rebuilt_with_the_calendar_it_opened_with(
    database: Database, records: Records
) -> None:
    basis = CaseBasis(database)
    wanted = BasisWanted(reference="R-1", procedure="P")
    await records.record(CaseRecord("R-0").referred().holiday(date(2026, 5, 8)).batch())
    opened = await basis.case_basis(wanted)
    case = CaseRecord(opened_with=opened.procedure.fingerprint, calendar=opened.bank_holidays.version)
    await records.record(case.referred().holiday(date(2026, 5, 15)).batch())
    rebuilt = await basis.case_basis(wanted.model_copy(update={"rebuild": True}))
    assert rebuilt.bank_holidays == opened.bank_holidays


async def test_what_is_not_in_the_record_cannot_be_rebuilt(database: Database, records: Records) -> None:
    basis = CaseBasis(database)
    wanted = BasisWanted(reference="R-1", procedure="P", rebuild=True)
    with pytest.raises(ApplicationError, match="Case R-1 is not in the record") as refused:
        await basis.case_basis(wanted)
    assert (refused.value.type, refused.value.non_retryable) == ("NoRecord", True)
    await records.record(CaseRecord().referred().batch())
    with pytest.raises(ApplicationError, match="opened with are missing from the record") as refused:
        await basis.case_basis(wanted)
    assert (refused.value.type, refused.value.non_retryable) == ("NoRecord", True)


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
    silent = await connections[0].fetch(
        "SELECT relname FROM pg_class WHERE relname = 'fact' AND col_description(oid, 1) IS NULL"
    )
    assert silent == []
    for connection in connections:
        await connection.close()


async def test_migrations_only_go_forward(dsn: str) -> None:
    first, two, three = (Migration(f"000{n}_it.sql", f"CREATE TABLE s47.t{n} (n int)") for n in (1, 2, 3))
    connection = await asyncpg.connect(dsn)
    assert await migrate(connection, [first]) == ["0001_it.sql"]
    assert await migrate(connection, [first, three]) == ["0003_it.sql"]
    assert await migrate(connection, [first]) == [], "a worker of an earlier version goes on"
    with pytest.raises(WrongMigrations, match=r"0002_it.sql was never applied .* 0003_it.sql was"):
        await migrate(connection, [first, two, three])
    with pytest.raises(WrongMigrations, match=r"0001_it.sql was changed after"):
        await migrate(connection, [Migration(first.name, first.sql + ";")])
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await migrate(connection, [first, three, Migration("0004.sql", "CREATE TABLE s47.t4 (n int); CREATE")])
    assert await connection.fetchval("SELECT to_regclass('s47.t4')") is None, "all or nothing"
    await connection.close()


# --- Roles ------------------------------------------------------------------------------------------------------


SEALS_OWNER = "SELECT tableowner FROM pg_tables WHERE schemaname = 's47' AND tablename = 'seal'"
FUNCTION_OWNER = "SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'seal_row'"


@pytest.fixture
async def superuser(dsn: str) -> AsyncIterator[Clerk]:
    """A superuser in a database that has no records yet, on a server that has none of their roles."""
    connection = await asyncpg.connect(dsn, user="postgres")
    await connection.execute("DROP ROLE IF EXISTS s47_keeper, s47_worker")
    yield connection
    await connection.execute("ALTER ROLE s47 NOCREATEROLE")
    await connection.close()


async def test_a_worker_adds_to_the_record_and_reads_it_and_no_more(
    superuser: Clerk, dsn: str, database: Database
) -> None:
    await migrate(superuser)
    assert await superuser.fetchval(SEALS_OWNER) == await superuser.fetchval(FUNCTION_OWNER) == "s47_keeper"
    assert not await superuser.fetchval("SELECT rolcanlogin FROM pg_roles WHERE rolname = 's47_keeper'")
    assert not await superuser.fetchval("SELECT has_schema_privilege('s47_keeper', 's47', 'CREATE')")
    name = await superuser.fetchval("SELECT current_database()")
    await superuser.execute(f"ALTER DATABASE {name} OWNER TO postgres; GRANT s47_worker TO s47")
    records, case = Records(database), CaseRecord()

    basis = await CaseBasis(database).case_basis(BasisWanted(reference="R-1", procedure="P"))
    case.becomes(opened_with=basis.procedure.fingerprint, calendar=basis.bank_holidays.version)
    await records.record(case.referred().discussion_requested().batch())
    await records.record(case.enquired().missed().holiday(date(2026, 5, 8)).batch())
    await records.record(case.holiday(date(2026, 5, 8), proclaimed=False).batch())
    await CaseBasis(database).case_basis(BasisWanted(reference="R-1", procedure="P", rebuild=True))
    await reading.acknowledge(database, "R-1.1.1", "tm-1")
    assert (await reading.verify_chain(database, "R-1")).intact
    assert len(await reading.tray(database, "social worker")) == 3

    worker = await asyncpg.connect(dsn)
    for table in ("fact", "entry", "seal"):
        for statement in (
            f"UPDATE s47.{table} SET number = number",
            f"DELETE FROM s47.{table}",
            f"TRUNCATE s47.{table}",
            f"ALTER TABLE s47.{table} DISABLE TRIGGER USER",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await worker.execute(statement)
    for statement in (
        "INSERT INTO s47.seal SELECT reference, episode, chain, number + 100, line, seal FROM s47.seal",
        "CREATE TRIGGER sealed AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION s47.seal_row()",
        "SET ROLE s47_keeper",
    ):
        await worker.execute("CREATE TEMP TABLE IF NOT EXISTS own (LIKE s47.fact)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute(statement)
    await worker.close()


@pytest.mark.parametrize("prepared", ["ALTER ROLE s47 CREATEROLE", "CREATE ROLE s47_keeper; GRANT s47_keeper TO s47"])
async def test_who_is_no_superuser_gives_the_seals_away_too(
    superuser: Clerk, records: Records, database: Database, prepared: str
) -> None:
    await superuser.execute(prepared)
    await records.record(CaseRecord().referred().batch())
    assert await superuser.fetchval(SEALS_OWNER) == await superuser.fetchval(FUNCTION_OWNER) == "s47_keeper"
    assert not await superuser.fetchval("SELECT has_schema_privilege('s47_keeper', 's47', 'CREATE')")
    kept_it = "CREATEROLE" not in prepared
    assert await superuser.fetchval("SELECT pg_has_role('s47', 's47_keeper', 'SET')") == kept_it
    assert (await reading.verify_chain(database, "R-1")).intact


async def test_who_may_make_no_roles_is_told_and_goes_on(superuser: Clerk, dsn: str, database: Database) -> None:
    log: list[str] = []
    owner = await asyncpg.connect(dsn)
    owner.add_log_listener(lambda _, message: log.append(message.message))
    await migrate(owner)
    await owner.close()
    assert [line for line in log if "s47_keeper" in line] == [
        "The role s47_keeper is not there, and this user may not make it.",
        "The seals of the record belong to s47, who can change them: there is no role s47_keeper, or this user may "
        "not give them to it.",
    ]
    assert await superuser.fetchval(SEALS_OWNER) == "s47"
    await Records(database).record(CaseRecord().referred().batch())
    assert (await reading.verify_chain(database, "R-1")).intact


# --- Writing ----------------------------------------------------------------------------------------------------


async def test_a_batch_is_written_as_the_case_stands(records: Records, database: Database, dsn: str) -> None:
    case = CaseRecord().referred().enquired()
    first, second = case.batch(), case.missed().batch()
    await records.record(first)
    await records.record(second)

    assert await reading.cases(database) == [case.front]
    assert await reading.front(database, "R-1") == case.front
    kept = {row["id"]: row for row in await rows(dsn, "deadline")}
    now = {deadline.id: deadline for batch in (first, second) for deadline in batch.deadlines}
    assert {key: Deadline.model_validate_json(row["body"]) for key, row in kept.items()} == now
    missed = kept["child-seen-1"]
    assert (missed["state"], missed["running"], missed["due_on"]) == ("overdue", True, None)
    assert missed["breached_at"] == missed["due"] == datetime(2026, 4, 2, 9, 30, tzinfo=UTC)
    assert kept["conference-1"]["due_on"] == date(2026, 4, 24)
    [request] = await rows(dsn, "request")
    assert Request.model_validate_json(request["body"]) == first.requests[0]
    assert (request["state"], request["waiting"], request["roles"]) == ("authorised", False, ["team manager"])


async def test_messages_are_kept_whole_accepted_or_refused(records: Records, database: Database) -> None:
    case = CaseRecord().referred(concern=["neglect"], note="Bruises, 'quoted' — \n two lines")
    case.refused("The health visitor cannot record this.", "child_visited", "health", "hv-1", seen=True)
    case.refused("No such message.", "x", None, None)
    await records.record(case.batch())
    kept = await reading.facts(database, "R-1", refused=True)
    assert [(fact.number, fact.fact, fact.name, fact.person) for fact in kept] == [
        (1, 1, "referral_received", "pc-1"),
        (2, None, "child_visited", "hv-1"),
        (3, None, "x", None),
    ]
    assert [json.loads(fact.body) for fact in kept] == [json.loads(fact.body) for fact in case.kept]
    assert kept[1].refused == "The health visitor cannot record this."
    assert await reading.facts(database, "R-1") == kept[:1]
    assert await reading.facts(database, "R-1", episode=2, refused=True) == []


async def test_a_retry_changes_nothing(records: Records, dsn: str) -> None:
    batches = [(case := CaseRecord().referred().enquired()).batch('{"a": 1}'), case.missed().batch('{"a": 2}')]
    for batch in batches:
        await records.record(batch)
    once = await everything(dsn)
    assert [table for table, kept in once.items() if not kept] == ["procedure", "calendar", "holiday"]
    for batch in reversed(batches):
        await asyncio.gather(*(records.record(batch) for _ in range(4)))
    assert await everything(dsn) == once


async def test_the_same_batch_many_times_at_once_is_written_once(records: Records, dsn: str) -> None:
    batch = CaseRecord().referred().enquired().batch()
    await asyncio.gather(*(records.record(batch) for _ in range(6)))
    assert [row["number"] for row in await rows(dsn, "entry")] == [entry.number for entry in batch.entries]
    assert [row["number"] for row in await rows(dsn, "fact")] == [kept.number for kept in batch.kept]
    assert len(await rows(dsn, "seal")) == len(batch.entries) + len(batch.kept)


async def test_an_older_batch_never_overwrites_a_newer_one(records: Records, dsn: str) -> None:
    case = CaseRecord().referred()
    first, second = case.discussion_requested().batch(), case.line("A day passed").batch()
    case.message("authorisation", "team manager", "tm-1", request="request-1", decision="authorise")
    third = case.request("request-1", "team manager", state=RequestState.AUTHORISED).batch('{"said": "third"}')
    for batch in (first, second, third):
        await records.record(batch)
    newest = await everything(dsn)
    [kept] = newest["request"]
    assert (kept["state"], kept["batch"], newest["case"][0]["announced"]) == ("authorised", 3, '{"said": "third"}')
    for late in (second, first):
        await records.record(late)
    assert await everything(dsn) == newest


@pytest.mark.parametrize("lost", ["entry", "fact"])
async def test_a_lost_batch_is_said_for_good(records: Records, dsn: str, lost: str) -> None:
    case = CaseRecord().referred()
    first = case.batch()
    case.line("A day passed") if lost == "entry" else case.refused("No.", "x", None, None).entries.pop()
    case.batch()
    third = (case.line("Two days passed") if lost == "entry" else case.refused("No.", "x", None, None)).batch()
    if lost == "fact":
        third = third.model_copy(update={"entries": ()})
    await records.record(first)
    before = await everything(dsn)
    with pytest.raises(ApplicationError, match="does not continue the record") as refused:
        await records.record(third)
    assert (refused.value.type, refused.value.non_retryable) == ("ChainBroken", True)
    assert await everything(dsn) == before


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ("entries", {"fact": None}),
        ("entries", {"what": "case_closed"}),
        ("entries", {"recorded_at": NINE + timedelta(microseconds=1)}),
        ("kept", {"fact": None}),
        ("kept", {"name": "case_closed"}),
        ("kept", {"message_id": "m-2"}),
        ("kept", {"recorded_at": NINE + timedelta(microseconds=1)}),
        ("kept", {"body": '{"id": "m-1"}'}),
    ],
)
async def test_what_another_workflow_writes_of_the_case_is_refused_for_good(
    records: Records, dsn: str, table: str, changed: dict[str, Any]
) -> None:
    batch = CaseRecord().referred().batch()
    await records.record(batch)
    before = await everything(dsn)
    [row] = getattr(batch, table)
    other = batch.model_copy(update={"number": 2, table: (row.model_copy(update=changed),)})
    with pytest.raises(ApplicationError, match="has another message or line of a number already") as refused:
        await records.record(other)
    assert (refused.value.type, refused.value.non_retryable) == ("EntryDiffers", True)
    assert await everything(dsn) == before


async def test_a_reworded_line_never_stops_a_case(records: Records, database: Database) -> None:
    """Field report C2: a workflow replayed by reworded code sends a batch again that was written before."""
    case = CaseRecord().referred().refused("No.", "x", None, None)
    batch = case.batch()
    await records.record(batch)
    reworded = batch.model_copy(
        update={
            "kept": tuple(kept.model_copy(update={"refused": kept.refused and "Never."}) for kept in batch.kept),
            "entries": tuple(
                entry.model_copy(update={"text": f"In other words, {entry.text}", "by": "S-47", "cites": ()})
                for entry in batch.entries
            ),
        }
    )
    await records.record(reworded)
    await records.record(case.line("And so on").batch())
    assert [line.text for line in await reading.chronology(database, "R-1")] == [
        "Referral received",
        "Refused: No.",
        "And so on",
    ]
    assert [message.refused for message in await reading.facts(database, "R-1", refused=True)] == [None, "No."]
    assert (await reading.verify_chain(database, "R-1")).intact


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        '{"half": "\\ud800"}',
        '{"half": 1, "half": "\\ud800", "half": 2}',
        '{"much": 1e999}',
        '{"little": 1e-999999}',
        f'{{"long": {"9" * 5000}}}',
        '{"none": NaN}',
        "[" * 20_000 + "]" * 20_000,
        "\0 and \\u0000",
        '{"null\\u0000": ["\\u0000", {"x": "\\\\u0000"}]}',
    ],
)
async def test_whatever_was_sent_reaches_the_record(records: Records, database: Database, body: str) -> None:
    case = CaseRecord().refused("This is no message.", "child\0visited", "sw\0", "sw\0-1")
    case.kept[0] = case.kept[0].model_copy(update={"body": body, "message_id": "m\0"})
    batch = case.batch()
    for _ in range(2):
        await records.record(batch)
    [kept] = await reading.facts(database, "R-1", refused=True)
    assert (kept.name, kept.person, kept.role, kept.message_id) == ("child␀visited", "sw␀-1", "sw␀", "m␀")
    assert "\0" not in kept.body and json.loads(kept.body) == json.loads(storable_json(body))
    assert (await reading.verify_chain(database, "R-1")).intact


def test_null_characters_are_shown_by_a_sign() -> None:
    assert json.loads(storable_json('{"null\\u0000": ["\\u0000", {"x": "\\\\u0000"}, 1.5]}')) == {
        "null␀": ["␀", {"x": "\\u0000"}, 1.5]
    }
    assert json.loads(storable_json("no \0 JSON")) == "no ␀ JSON"


async def test_an_error_says_nothing_of_the_child(
    records: Records, database: Database, clerk: Clerk, caplog: pytest.LogCaptureFixture
) -> None:
    batch = CaseRecord().referred(note="Jo Bloggs has bruises").batch()
    await clerk.execute("ALTER TABLE s47.fact ADD CHECK (body ->> 'note' IS NULL)")
    with pytest.raises(DatabaseFailed, match="violates check constraint") as failed:
        await records.record(batch)
    assert failed.value.__cause__ is None
    assert "Jo" not in str(failed.value) + caplog.text
    with pytest.raises(DatabaseFailed, match="DataError") as failed:
        await reading.facts(database, batch.kept)  # type: ignore[arg-type]
    assert "Jo" not in str(failed.value)


# --- The record stands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["fact", "entry", "seal"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE s47.{0} SET reference = reference",
        "UPDATE s47.{0} SET reference = 'x' WHERE number = 99",
        "DELETE FROM s47.{0}",
        "TRUNCATE s47.{0}",
        "INSERT INTO s47.{0} SELECT * FROM s47.{0} ON CONFLICT ON CONSTRAINT {0}_pkey DO UPDATE SET reference = ''",
        "SET session_replication_role = replica; DELETE FROM s47.{0}",
    ],
)
async def test_the_record_is_append_only_for_whoever_it_is(
    records: Records, clerk: Clerk, dsn: str, table: str, statement: str
) -> None:
    await records.record(CaseRecord().referred().batch())
    before = await rows(dsn, table)
    with pytest.raises(asyncpg.PostgresError, match=f"append-only: .* of s47.{table} is refused"):
        await clerk.execute(statement.format(table))
    assert await rows(dsn, table) == before


async def test_the_database_takes_no_row_that_does_not_follow(records: Records, clerk: Clerk) -> None:
    await records.record(CaseRecord().referred().discussion_requested().batch())
    for table in ("fact", "entry"):
        insert = f"INSERT INTO s47.{table} SELECT (jsonb_populate_record(e, $1)).* FROM s47.{table} e WHERE number = 2"
        for number in (4, 99):
            with pytest.raises(asyncpg.PostgresError, match="does not follow the last one") as refused:
                await clerk.execute(insert, f'{{"number": {number}, "fact": null}}')
            assert refused.value.sqlstate == "S4701"
        assert await clerk.execute(insert, '{"number": 3, "fact": null}') == "INSERT 0 1"
    assert (await reading.verify_chain(records._database, "R-1")).intact


@pytest.mark.parametrize("zone", ["Europe/London", "Asia/Kathmandu"])
async def test_a_seal_does_not_depend_on_the_session(
    records: Records, database: Database, clerk: Clerk, zone: str
) -> None:
    await clerk.execute(
        f"""
        ALTER ROLE s47 SET timezone = '{zone}'; ALTER ROLE s47 SET datestyle = 'SQL, DMY';
        """
    )
    try:
        await database.close()
        await records.record(CaseRecord().referred().discussion_requested().batch())
        assert (await reading.verify_chain(database, "R-1")).intact
        line = await clerk.fetchval("SELECT line FROM s47.seal WHERE chain = 'entry' AND number = 1")
        assert json.loads(line)["recorded_at"] == "2026-04-01T08:00:00+00:00"
    finally:
        await clerk.execute("ALTER ROLE s47 RESET ALL")


async def test_a_column_that_is_added_breaks_no_seal(records: Records, database: Database, clerk: Clerk) -> None:
    case = CaseRecord().referred()
    await records.record(case.batch())
    await clerk.execute("ALTER TABLE s47.fact ADD COLUMN via text DEFAULT 'update'")
    await clerk.execute("ALTER TABLE s47.entry ADD COLUMN lang text")
    assert (await reading.verify_chain(database, "R-1")).intact
    await database.close()
    await records.record(case.discussion_requested().batch())
    assert (await reading.verify_chain(database, "R-1")).intact
    await clerk.execute("ALTER TABLE s47.fact DISABLE TRIGGER USER")
    await clerk.execute("UPDATE s47.fact SET via = 'signal' WHERE number = 2")
    assert [broken.number for broken in (await reading.verify_chain(database, "R-1")).breaks] == [2]


SEALED_AGAIN = """
UPDATE s47.{0} SET {1} WHERE number = {2};
UPDATE s47.seal SET line = to_jsonb(kept)::text,
    seal = encode(sha256(convert_to(before.seal || E'\\n' || to_jsonb(kept)::text, 'UTF8')), 'hex')
FROM s47.{0} kept, s47.seal before
WHERE seal.chain = '{0}' AND seal.number = {2} AND kept.number = {2}
    AND before.chain = '{0}' AND before.number = {2} - 1
"""
CHANGED = "changed since it was sealed"
OUT_OF_LINE = "its seal does not match what was sealed"
SWAPPED = """
UPDATE s47.{0} SET number = 99 WHERE number = 2;
UPDATE s47.{0} SET number = 2 WHERE number = 3;
UPDATE s47.{0} SET number = 3 WHERE number = 99
"""
INSERTED = """
INSERT INTO s47.{0} SELECT (jsonb_populate_record(e, '{{"number": 6, "fact": null}}')).* FROM s47.{0} e
WHERE number = 5
"""


@pytest.mark.parametrize("table", ["fact", "entry"])
@pytest.mark.parametrize(
    ("tampering", "where"),
    [
        ("UPDATE s47.{0} SET recorded_at = recorded_at - interval '1 day' WHERE number = 4", {4: CHANGED}),
        ("UPDATE s47.{0} SET occurred_at = occurred_at + interval '1 microsecond' WHERE number = 2", {2: CHANGED}),
        ("DELETE FROM s47.{0} WHERE number = 3", {3: "missing"}),
        ("DELETE FROM s47.{0} WHERE number IN (3, 4)", {3: "missing", 4: "missing"}),
        ("DELETE FROM s47.{0} WHERE number >= 5", {5: "missing"}),
        (INSERTED, {6: "was never sealed"}),
        (SWAPPED, {2: CHANGED, 3: CHANGED}),
        (
            SWAPPED + "; UPDATE s47.seal SET line = 'x' WHERE number = 4 AND chain = '{0}'",
            {
                2: CHANGED,
                3: CHANGED,
                4: OUT_OF_LINE,
            },
        ),
        ("UPDATE s47.seal SET line = replace(line, 'R-1', 'R-2') WHERE number = 2", {2: OUT_OF_LINE}),
        ("UPDATE s47.seal SET line = 'no JSON' WHERE number = 2", {2: OUT_OF_LINE}),
        ("DELETE FROM s47.seal WHERE number = 2", {2: "was never sealed"}),
        ("DELETE FROM s47.seal WHERE number = 2; DELETE FROM s47.{0} WHERE number = 2", {2: "missing, with its seal"}),
        (
            "DELETE FROM s47.seal WHERE number IN (1, 2); DELETE FROM s47.{0} WHERE number IN (1, 2)",
            {1: "missing, and all up to 2, with its seal"},
        ),
        (SEALED_AGAIN.format("{0}", "recorded_at = now()", 4), {5: OUT_OF_LINE}),
    ],
)
async def test_tampering_shows(
    records: Records, database: Database, clerk: Clerk, table: str, tampering: str, where: dict[int, str]
) -> None:
    await records.record(CaseRecord().referred().enquired().batch())
    await records.record(CaseRecord("R-2").referred().enquired().batch())
    whole = reading.Chain(reference="R-1", facts=5, entries=5, breaks=())
    assert await reading.verify_chain(database, "R-1") == whole

    for touched in ("fact", "entry", "seal"):
        await clerk.execute(f"ALTER TABLE s47.{touched} DISABLE TRIGGER USER")
    await clerk.execute("SET timezone TO 'UTC'")
    await clerk.execute("DELETE FROM s47.fact WHERE reference = 'R-2'; DELETE FROM s47.entry WHERE reference = 'R-2'")
    await clerk.execute("DELETE FROM s47.seal WHERE reference = 'R-2'")
    await clerk.execute(tampering.format(table))
    chain = await reading.verify_chain(database, "R-1")
    assert not chain.intact
    assert {
        broken.number: broken.problem
        for broken in chain.breaks
        if broken.table == table and "names" not in broken.problem
    } == where


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE s47.fact SET body = body || '{\"seen\": true}' WHERE number = 1",
        "UPDATE s47.fact SET body = body #- '{by,person}' WHERE number = 1",
        'UPDATE s47.fact SET body = jsonb_set(body, \'{concern}\', \'["neglect", "harm", "harm"]\') WHERE number = 1',
        "UPDATE s47.fact SET refused = 'No' WHERE number = 1",
        "UPDATE s47.entry SET text = 'Nothing happened' WHERE number = 1",
        "UPDATE s47.entry SET by = 'somebody else' WHERE number = 1",
        "UPDATE s47.entry SET cites = cites || cites WHERE number = 1",
        "UPDATE s47.entry SET cites = ARRAY['P-02', 'P-01'] WHERE number = 1",
        "UPDATE s47.entry SET fact = 2 WHERE number = 1",
    ],
)
async def test_nothing_can_be_added_or_taken_away_within_a_row(
    records: Records, database: Database, clerk: Clerk, tampering: str
) -> None:
    await records.record(CaseRecord().referred(concern=["neglect", "harm"]).discussion_requested().batch())
    table: Literal["fact", "entry"] = "fact" if "s47.fact" in tampering else "entry"
    await clerk.execute(f"ALTER TABLE s47.{table} DISABLE TRIGGER USER")
    assert await clerk.execute(tampering) == "UPDATE 1"
    chain = await reading.verify_chain(database, "R-1")
    assert chain.breaks == (Break(episode=1, table=table, number=1, problem=CHANGED),)


async def test_an_entry_whose_fact_is_gone_shows(records: Records, database: Database, clerk: Clerk) -> None:
    """Even where the last facts were cut off together with their seals."""
    await records.record(CaseRecord().referred().batch())
    await records.record(CaseRecord(episode=2).referred().discussion_requested().batch())
    for table in ("fact", "seal"):
        await clerk.execute(f"ALTER TABLE s47.{table} DISABLE TRIGGER USER")
    await clerk.execute("DELETE FROM s47.fact WHERE number = 2")
    await clerk.execute("DELETE FROM s47.seal WHERE number = 2 AND chain = 'fact'")
    assert (await reading.verify_chain(database, "R-1")).breaks == (
        Break(episode=2, table="entry", number=2, problem="names fact 2, which is missing"),
    )


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
    case = CaseRecord()
    async with (
        temporal_server(state_folder, lambda _: None, search_attributes={}, port=free_port(), ui_port=None) as temporal,
        production() as (activities, _),
    ):
        client = await Client.connect(temporal.server, data_converter=DATA_CONVERTER)
        async with Worker(client, task_queue="records", activities=activities):
            await _recorded_once_postgres_is_back(client, state_folder, case.referred().batch())
            await _recorded_once_postgres_is_back(client, state_folder, case.enquired().batch())
        async with running(state_folder), _opened(dsn) as database:
            assert await reading.cases(database) == [case.front]
            assert (await reading.verify_chain(database, "R-1")).intact


@pytest.mark.parametrize(
    ("dsn", "problem"), [(None, "S47_POSTGRES is not set"), ("records", "S47_POSTGRES: this is no DSN of a database")]
)
async def test_a_worker_without_records_says_so(environment: pytest.MonkeyPatch, dsn: str | None, problem: str) -> None:
    if dsn:
        environment.setenv("S47_POSTGRES", dsn)
    with pytest.raises(WrongSettings, match=problem):
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
    async with running(folder), asyncio.timeout(60):
        assert (await activity.result()).deliver == ()
        basis = await client.execute_activity(
            "case_basis",
            BasisWanted(reference="R-another", procedure="P"),
            result_type=Basis,
            id=f"basis-{batch.number}",
            task_queue="records",
            start_to_close_timeout=timedelta(seconds=30),
        )
        assert basis.episode == 1


@asynccontextmanager
async def _opened(dsn: str) -> AsyncIterator[Database]:
    database = Database(dsn)
    yield database
    await database.close()


# --- Reading ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def three_cases(records: Records) -> dict[str, CaseRecord]:
    """R-1 in the North, its child not seen in time; R-2 in the South, just asked about; R-3 in the North, closed."""
    cases = {
        "R-1": CaseRecord("R-1").referred().enquired("sw-1").missed(),
        "R-2": CaseRecord("R-2", began=NINE + 2 * DAY, team="South").referred().discussion_requested(),
        "R-3": CaseRecord("R-3")
        .referred()
        .message("case_closed", "team manager", "tm-1", reason="No harm is suspected"),
    }
    cases["R-3"].becomes(stage=Stage.CLOSED, closed_at=NINE + DAY, waiting_for=())
    for case in cases.values():
        await records.record(case.batch())
    return cases


NOW = NINE + 2 * DAY + timedelta(hours=2)


async def test_cases_are_found(database: Database, three_cases: dict[str, CaseRecord]) -> None:
    async def references(**wanted: Any) -> list[str]:
        return [case.reference for case in await reading.cases(database, **{"now": NOW, **wanted})]

    assert await references() == ["R-1", "R-2"]
    assert await references(closed=True) == ["R-1", "R-2", "R-3"]
    assert await references(team="North", closed=True) == ["R-1", "R-3"]
    assert await references(stage="closed", closed=True) == ["R-3"]
    assert await references(stage="section 47 enquiry") == await references(stage=" Section 47 Enquiry ") == ["R-1"]
    assert await references(allocated_to="sw-1") == ["R-1"]
    assert await references(allocated_to="sw-2") == []
    assert await references(procedure="process-map") == ["R-1", "R-2"]
    assert await references(procedure="mosaic") == []
    assert await references(waiting_for="team manager") == ["R-2"]
    assert await references(waiting_for="conference service") == ["R-1"]
    assert await references(reference="R-2") == ["R-2"]
    assert await references(overdue=True) == ["R-1"]
    with pytest.raises(NoSuchStage, match=r"There is no stage 'bogus'. There are: assessment, .*strategy discussion."):
        await references(stage="bogus")


async def test_what_should_run_is_known(
    records: Records, database: Database, three_cases: dict[str, CaseRecord]
) -> None:
    again = CaseRecord("R-3", episode=2, began=NINE + 90 * DAY).referred()
    await records.record(again.batch())
    assert [(case.reference, case.episode, case.stage) for case in await reading.open_cases(database)] == [
        ("R-1", 1, Stage.ENQUIRY),
        ("R-2", 1, Stage.STRATEGY),
        ("R-3", 2, Stage.REFERRAL),
    ]
    assert await reading.front(database, "R-3") == again.front
    assert await reading.front(database, "R-3", episode=1) == three_cases["R-3"].front
    assert await reading.front(database, "R-9") is None


async def test_a_limit_that_passed_while_no_worker_ran_is_overdue(records: Records, database: Database) -> None:
    case = CaseRecord().referred().enquired()
    await records.record(case.batch())
    for now, is_late in ((case.now + DAY, False), (case.now + DAY + timedelta(seconds=1), True)):
        assert [case.reference for case in await reading.cases(database, overdue=True, now=now)] == ["R-1"] * is_late
        tray = await reading.tray(database, "social worker", now=now)
        assert {item.id for item in tray if item.overdue} == ({"child-seen-1"} if is_late else set())
    assert len(await reading.cases(database, overdue=True)) == 1, "by the clock of the database: 2026 is past"


@pytest.mark.covers("PD-M-01")
async def test_a_tray_has_what_a_role_must_do_or_know_soonest_first(
    database: Database, three_cases: dict[str, CaseRecord]
) -> None:
    social_worker = await reading.tray(database, "social worker", now=NOW)
    assert [(item.kind, item.id, item.overdue) for item in social_worker] == [
        ("deadline", "child-seen-1", True),
        ("notice", "R-1.1.2", False),
        ("deadline", "conference-1", False),
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
    records: Records, database: Database, three_cases: dict[str, CaseRecord]
) -> None:
    async def in_tray(role: str, person: str | None = None, team: str | None = None) -> set[tuple[str, str]]:
        return {(item.reference, item.id) for item in await reading.tray(database, role, person, team, now=NOW)}

    assert len(await in_tray("social worker", "sw-1")) == len(await in_tray("social worker", " SW-1 ")) == 3
    assert await in_tray("social worker", "sw-2") == set()
    assert len(await in_tray("social worker", team="North")) == 3
    assert await in_tray("social worker", team="South") == set()
    assert await in_tray("team manager", team="South") == {("R-2", "request-1")}

    # Nobody's in particular: everybody's in the role, until it is given to somebody.
    assert ("R-2", "request-1") in await in_tray("team manager", "tm-1")
    given = three_cases["R-2"].message("request_reassigned", "team manager", "tm-1", request="request-1", to="tm-2")
    await records.record(given.request("request-1", "team manager", assigned_to="tm-2").batch())
    assert ("R-2", "request-1") not in await in_tray("team manager", "tm-1")
    assert ("R-2", "request-1") in await in_tray("team manager", "tm-2")


async def test_only_the_role_that_the_allocation_is_about_is_the_allocated_person(
    records: Records, database: Database
) -> None:
    """Field report B3: MASH's notices and duties stay MASH's after a social worker was allocated."""
    case = CaseRecord().referred().enquired("sw-1").deadline("screening-1", "MASH", NINE + DAY)
    case.notice(NoticeKind.OVERDUE, "MASH", "Overdue: screen it", person="m-1", deadline="screening-1")
    await records.record(case.batch())

    async def whose(role: str) -> dict[str, str | None]:
        return {item.id: item.person for item in await reading.tray(database, role, now=NOW) if item.kind == "deadline"}

    assert await whose("social worker") == {"child-seen-1": "sw-1", "conference-1": "sw-1"}
    assert await whose("MASH") == {"screening-1": None}, "whomever a notice was told to"
    assert await whose("conference service") == {"arrangements-1": None}
    assert [item.id for item in await reading.tray(database, "conference service", "cs-1")] == ["arrangements-1"]
    await records.record(case.becomes(allocated_to=None, allocated_role=None).batch())
    assert set((await whose("social worker")).values()) == {None}


async def test_a_tray_empties_as_things_are_done(records: Records, database: Database) -> None:
    async def in_tray(role: str) -> list[tuple[str, str]]:
        return [(item.kind, item.id) for item in await reading.tray(database, role, now=case.now)]

    case = CaseRecord().referred().discussion_requested()
    await records.record(case.batch())
    assert await in_tray("team manager") == [("request", "request-1")], "once, not its notice too"

    case.request("request-1", "team manager", state=RequestState.RETURNED, because="Say what happened")
    case.notice(NoticeKind.REQUEST, "assistant team manager", "Returned to you", request="request-1")
    await records.record(case.batch())
    assert await in_tray("team manager") == [("notice", "R-1.1.1")]
    [returned] = await reading.tray(database, "assistant team manager")
    assert (returned.id, returned.what) == ("R-1.1.2", "Returned to you")
    await reading.acknowledge(database, returned.id, "atm-1")
    assert await in_tray("assistant team manager") == []


async def test_what_was_told_of_a_duty_leaves_the_tray_once_it_is_done(records: Records, database: Database) -> None:
    due = NINE + DAY
    case = CaseRecord().referred().deadline("child-seen-1", "social worker", due)
    for kind in (NoticeKind.REMINDER, NoticeKind.OVERDUE, NoticeKind.MOVED, NoticeKind.WARNING):
        case.notice(kind, "social worker", f"{kind.value}: see the child", deadline="child-seen-1")
    case.notice(NoticeKind.ESCALATION, "team manager", "Escalated: see the child", deadline="child-seen-1")
    case.notice(NoticeKind.TOLD, "social worker", "A referral came")
    await records.record(case.batch())
    assert len(await reading.tray(database, "social worker")) == 6
    assert len(await reading.tray(database, "team manager")) == 1
    await records.record(case.met("child-seen-1", "social worker", due).batch())
    assert [item.what for item in await reading.tray(database, "social worker")] == ["A referral came"]
    assert await reading.tray(database, "team manager") == []
    assert len(await reading.notices(database, "R-1")) == 6, "the ledger keeps them"


async def test_a_role_that_no_case_knows_is_said(records: Records, database: Database) -> None:
    with pytest.raises(NoSuchRole, match=r"There is no role 'team manager'. No case is recorded yet"):
        await reading.tray(database, "team manager")

    basis = await CaseBasis(database).case_basis(BasisWanted(reference="R-1", procedure="P"))
    roles = basis.procedure.role
    for key, role in roles.items():
        assert await reading.tray(database, key) == await reading.tray(database, f" {role.label.upper()} ") == []
    with pytest.raises(NoSuchRole) as refused:
        await reading.tray(database, "Head honcho ")
    assert str(refused.value) == f"There is no role 'Head honcho'. There are: {', '.join(sorted(roles))}."

    await records.record(CaseRecord().referred().deadline("screening-1", "Adopted Role", NINE).batch())
    assert [item.role for item in await reading.tray(database, "adopted role")] == ["Adopted Role"]


async def test_a_notice_is_acknowledged_once(database: Database, three_cases: dict[str, CaseRecord]) -> None:
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
    cases = [
        CaseRecord().referred().enquired(),
        CaseRecord(episode=2, began=NINE + 90 * DAY).referred(note="Seen at school"),
    ]
    for case in cases:
        await records.record(case.batch())
    everything = await reading.chronology(database, "R-1")
    assert [(entry.episode, entry.number) for entry in everything] == [*((1, n) for n in range(1, 6)), (2, 1)]
    assert [Entry(**entry.model_dump(include=set(Entry.model_fields))) for entry in everything[:-1]] == cases[0].entries
    [second] = await reading.chronology(database, "R-1", episode=2)
    assert (second.by, second.what, second.note) == ("police pc-1", "referral_received", "Seen at school")
    assert await reading.chronology(database, "R-2") == []
    assert (await reading.verify_chain(database, "R-1")).entries == 6


async def test_a_chronology_has_the_message_and_the_senders_own_words(records: Records, database: Database) -> None:
    case = CaseRecord().referred(note="Bruises\nseen at school", concern=["neglect"])
    case.line("Told the police", fact=1).line("A limit passed")
    case.refused("Not theirs.", "case_closed", "health", "hv-1", reason="Because")
    case.message("case_closed", "team manager", "tm-1", reason="No harm", note="All done")
    case.message("known_no_more", "team manager", "tm-1", reason="Because", note="A note")
    await records.record(case.batch())
    first, second, passed, refused, closed, unknown = await reading.chronology(database, "R-1")
    assert (first.message_id, first.name, first.note) == ("m-1", "referral_received", "Bruises\nseen at school")
    assert first.body == json.loads(case.kept[0].body)
    assert (second.body, second.note) == (first.body, None), "once"
    assert (passed.fact, passed.message_id, passed.name, passed.body, passed.note) == (None,) * 5
    assert (refused.fact, refused.body) == (None, None)
    assert closed.note == "All done\nreason: No harm"
    assert (unknown.name, unknown.note) == ("known_no_more", "A note")


def test_words_are_the_note_and_every_reason() -> None:
    assert words("strategy_outcome", {"discharge_plan": "With a nurse", "further_action": None, "decision": "x"}) == (
        "discharge plan: With a nurse"
    )
    assert words("strategy_outcome", {"team": "North"}) is None
    assert words(None, {"note": "x"}) == words("known_no_more", {"note": "x", "reason": "y"}) == "x"
