"""The publication in PostgreSQL: what the file holds, in one transaction, and only what has changed."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from click.testing import Result
from typer.testing import CliRunner

from connectors.company import PostgresqlTarget
from connectors.errors import AvalError, ConfigError
from connectors.feeds.customers import KEY, partner_key
from orchestration.cli import app
from orchestration.postgresql import NotNow, probe, send
from tests.installation import ROOT, bring_parsed, run_aval
from tests.integration.test_first_feed import ERP

MARTS = """
create schema core; create schema marts; create schema closed;
create table core.dim_products as select 'A' as product_code, 'Vis' as product_name;
create table core.fct_sell_in as select 1 as line_id;
create table marts.mart_monthly as select * from (values
    (date '2026-01-01', 'A', 10.5::decimal(18, 4), 1::bigint, true, 0.5::double,
        timestamp '2026-02-01 04:05:06.789'),
    (date '2026-02-01', 'B', -3.25, 2, false, null, null),
    (date '2026-02-01', null, null, null, null, -1.5, null)
) as v (month_start_date, product_code, net_amount, line_count, is_known, ratio, seen_at);
comment on table marts.mart_monthly is 'Grain: month and product.';
comment on column marts.mart_monthly.net_amount is 'Net of discounts: it''s 100 % known.';
create table marts.mart_plain as select * from (values
    ('', 'quoted "text", with; ,'), (null, '\\N'), ('\\N', e'two\nlines'), ('été €', '\\.'), (' ', 'a\\tb')
) as v (name, value);
create table closed.mart_monthly as select date '2025-12-01' as month_start_date, 'Z' as product_code;
"""
MARCH = "values (date '2026-03-01', 'C', 1, 4, true, 0.25, null)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "published" / "v1.duckdb"
    path.parent.mkdir()
    return change(path, MARTS)


@pytest.fixture
def target(postgres_database: str) -> PostgresqlTarget:
    return PostgresqlTarget(url=postgres_database, retries=0)


@pytest.fixture
def ask(target: PostgresqlTarget) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Ask the database as a BI tool does."""
    engine = sa.create_engine(target.connection_url(), isolation_level="AUTOCOMMIT")

    def of(query: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            result = connection.execute(sa.text(query))
            return [tuple(row) for row in result] if result.returns_rows else []

    yield of
    engine.dispose()


def change(file: Path, *statements: str) -> Path:
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)
    return file


def rows(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_database_holds_what_the_file_holds_but_for_lines_of_facts(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    sent = send(target, "acme", file)
    assert (sent.version, sent.rows, sent.tables) == ("v1", 10, 4)
    for table in ("core.dim_products", "closed.mart_monthly", "marts.mart_monthly", "marts.mart_plain"):
        assert sorted(ask(f"select * from {table}"), key=repr) == sorted(
            rows(file, f"from {table}"), key=repr
        ), table
    assert ask("select count(*) from pg_tables where tablename = 'fct_sell_in'") == [(0,)]
    assert ask("select obj_description('marts.mart_monthly'::regclass)") == [("Grain: month and product.",)]
    assert ask("select col_description('marts.mart_monthly'::regclass, 3)") == [
        ("Net of discounts: it's 100 % known.",)
    ]
    assert ask(
        "select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns "
        "where table_name = 'mart_monthly' and table_schema = 'marts' and numeric_scale > 0"
    ) == [("net_amount", "numeric", 18, 4)]


def test_a_character_that_postgresql_cannot_hold_is_left_out(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    change(file, "insert into marts.mart_plain values ('x' || chr(0) || 'y', 'z')")
    send(target, "acme", file)
    assert ask("select name from marts.mart_plain where value = 'z'") == [("xy",)]


def as_text(row: Sequence[Any]) -> list[str]:
    """Cells with numbers to four digits: each side has types of its own for sums and ratios."""
    return [f"{cell:.4f}" if isinstance(cell, int | float | Decimal) else str(cell) for cell in row]


def documented() -> list[str]:
    """Blocks of SQL of the page on publication."""
    page = (ROOT / "docs" / "publication.md").read_text()
    return re.findall(r"```sql\n(.*?)```", page, re.DOTALL)


def test_all_tables_of_the_sample_company_are_the_same_row_for_row_and_answer_the_same(
    built_demo: Path, target: PostgresqlTarget, tmp_path: Path
) -> None:
    file = tmp_path / "v.duckdb"
    shutil.copyfile((built_demo / "published" / "current.duckdb").resolve(), file)
    send(target, "arvel", file)
    engine = sa.create_engine(target.connection_url())
    with duckdb.connect(str(file), read_only=True) as source, engine.connect() as connection:
        tables = source.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where schema_name = 'marts' or starts_with(table_name, 'dim_')"
        ).fetchall()
        assert len(tables) > 50
        for schema, table in tables:
            described = source.execute(f"describe {schema}.{table}").fetchall()
            back = tmp_path / f"{table}.csv"
            with back.open("wb") as written, connection.connection.cursor() as cursor:
                columns = ", ".join(f'"{name}"' for name, *_ in described)
                cursor.copy_expert(
                    f"copy {schema}.{table} ({columns}) to stdout (format csv, null '<null>')", written
                )
            types = {name: kind for name, kind, *_ in described}
            source.execute(
                f"create or replace temp table back as from read_csv('{back}', auto_detect = false, "
                "delim = ',', quote = '\"', escape = '\"', nullstr = '<null>', allow_quoted_nulls = false, "
                f"columns = {types})"
            )
            for one, other in ((f"{schema}.{table}", "back"), ("back", f"{schema}.{table}")):
                differing = f"select count(*) from (from {one} except all from {other})"
                assert source.execute(differing).fetchone() == (0,), (table, one)

        for query in documented():
            if "create role" not in query:
                expected = source.execute(query).fetchall()
                found = connection.execute(sa.text(query)).all()
                assert len(expected) > 3, query
                # Texts are sorted by the collation of the one and of the other.
                assert sorted(map(as_text, found)) == sorted(map(as_text, expected)), query
    engine.dispose()


def test_only_the_months_that_have_changed_are_written(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    send(target, "acme", file)
    written = "select product_code, xmin::text from marts.mart_monthly order by 1"
    before = dict(ask(written))
    assert send(target, "acme", file).rows == 0
    assert dict(ask(written)) == before

    change(
        file,
        "update marts.mart_monthly set net_amount = -4 where product_code = 'B'",
        f"insert into marts.mart_monthly {MARCH}",
    )
    sent = send(target, "acme", file)
    after = dict(ask(written))
    assert (sent.rows, sent.tables) == (3, 1)
    assert after["A"] == before["A"]
    assert after["B"] != before["B"]
    assert ask("select sum(net_amount), count(*) from marts.mart_monthly") == [(7.5, 4)]

    change(file, "delete from marts.mart_monthly where month_start_date = date '2026-01-01'")
    send(target, "acme", file)
    assert ask("select count(*) from marts.mart_monthly where product_code = 'A'") == [(0,)]


def test_a_row_without_its_month_is_a_part_of_its_own(file: Path, target: PostgresqlTarget, ask: Any) -> None:
    change(file, "insert into marts.mart_monthly (product_code) values ('N')")
    send(target, "acme", file)
    change(file, "update marts.mart_monthly set product_code = 'M' where product_code = 'N'")
    assert send(target, "acme", file).rows == 1
    assert ask("select product_code from marts.mart_monthly where month_start_date is null") == [("M",)]


def test_an_open_reader_waits_for_nothing_and_keeps_what_it_sees(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    send(target, "acme", file)
    count = sa.text("select count(*), sum(net_amount) from marts.mart_monthly")
    engine = sa.create_engine(target.connection_url(), isolation_level="REPEATABLE READ")
    with engine.connect() as reader:
        before = reader.execute(count).all()
        change(file, f"insert into marts.mart_monthly {MARCH}")
        send(target, "acme", file)
        assert reader.execute(count).all() == before
    assert ask(str(count)) != [tuple(row) for row in before]
    engine.dispose()


def test_a_column_that_comes_or_goes_leaves_views_and_rights(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    send(target, "acme", file)
    ask("create view public.report as select product_code, net_amount from marts.mart_monthly")
    ask("grant select on marts.mart_monthly to public")
    change(
        file,
        "alter table marts.mart_monthly drop column ratio",
        "alter table marts.mart_monthly add column unit_code varchar default 'PCE'",
        "alter table marts.mart_monthly alter line_count type integer",
        "comment on column marts.mart_monthly.unit_code is 'Unit.'",
    )
    send(target, "acme", file)
    columns = [name for name, *_ in rows(file, "describe marts.mart_monthly")]
    named = ", ".join(columns)
    assert sorted(ask(f"select {named} from marts.mart_monthly"), key=repr) == sorted(
        rows(file, f"select {named} from marts.mart_monthly"), key=repr
    )
    found = ask(
        "select attname from pg_attribute where attrelid = 'marts.mart_monthly'::regclass and attnum > 0"
    )
    assert {name for (name,) in found if "dropped" not in name} == set(columns)
    assert len(ask("select * from public.report")) == 3
    assert ask("select has_table_privilege('public', 'marts.mart_monthly', 'select')") == [(True,)]


def test_what_is_not_published_any_more_goes(file: Path, target: PostgresqlTarget, ask: Any) -> None:
    send(target, "acme", file)
    change(file, "drop table marts.mart_plain")
    send(target, "acme", file)
    assert ask("select table_name from information_schema.tables where table_schema = 'marts'") == [
        ("mart_monthly",)
    ]


def test_a_refusal_leaves_the_former_publication_whole(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    send(target, "acme", file)
    ask("create view public.report as select * from marts.mart_plain")
    change(file, "drop table marts.mart_plain", "delete from marts.mart_monthly")
    with pytest.raises(AvalError, match=r"view report depends on table marts\.mart_plain") as refused:
        send(target, "acme", file)
    assert refused.value.code == "postgresql_refused"
    assert ask("select count(*) from marts.mart_monthly") == [(3,)]
    ask("drop view public.report")
    send(target, "acme", file)
    assert ask("select count(*) from marts.mart_monthly") == [(0,)]


def test_what_was_changed_by_hand_is_written_again_where_the_notes_on_it_are_taken_away(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    send(target, "acme", file)
    ask("create view marts.mine as select net_amount from marts.mart_monthly")
    ask("update marts.mart_monthly set net_amount = 0")
    ask("insert into marts.mart_monthly (month_start_date) values (date '2031-01-01')")
    ask("delete from aval.published_parts")
    send(target, "acme", file)
    assert sorted(ask("select * from marts.mart_monthly"), key=repr) == sorted(
        rows(file, "from marts.mart_monthly"), key=repr
    )
    assert ask("select count(*) from marts.mine") == [(3,)]


def test_a_server_without_room_is_tried_again_and_told_as_such(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    send(target, "acme", file)
    ask(
        "create function is_full() returns trigger language plpgsql as "
        "$$begin raise exception 'No space left on device' using errcode = 'disk_full'; end$$"
    )
    ask("create trigger is_full before insert on marts.mart_plain execute function is_full()")
    with pytest.raises(NotNow, match="No space left on device") as told:
        send(target, "acme", change(file, "insert into marts.mart_plain values ('new', 'row')"))
    assert told.value.remedy.startswith("give its disk room")


def test_a_table_dropped_by_hand_comes_back(file: Path, target: PostgresqlTarget, ask: Any) -> None:
    send(target, "acme", file)
    ask("drop table marts.mart_monthly")
    assert send(target, "acme", file).rows == 3
    assert ask("select count(*) from marts.mart_monthly") == [(3,)]


def test_a_table_of_somebody_else_is_left_alone(file: Path, target: PostgresqlTarget, ask: Any) -> None:
    ask("create schema marts")
    ask("create table marts.mart_plain as select 1 as n")
    with pytest.raises(AvalError, match=r"marts\.mart_plain that Aval has not written"):
        send(target, "acme", file)
    assert ask("select n from marts.mart_plain") == [(1,)]
    assert ask("select count(*) from pg_tables where schemaname in ('core', 'aval')") == [(0,)]


def test_one_database_holds_one_company(file: Path, target: PostgresqlTarget) -> None:
    send(target, "acme", file)
    for attempt in (lambda: send(target, "other", file), lambda: probe(target, "other", file.parent)):
        with pytest.raises(AvalError, match="holds the publication of the company acme"):
            attempt()


def test_a_trial_with_other_data_does_not_reach_the_readers(
    file: Path, target: PostgresqlTarget, ask: Any, tmp_path: Path
) -> None:
    """`aval run --data /tmp/trial` of the same company.yml, from an inbox that holds the last week alone."""
    send(target, "acme", file)
    trial = tmp_path / "trial" / "published" / "v1.duckdb"
    trial.parent.mkdir(parents=True)
    shutil.copyfile(file, trial)
    change(trial, "delete from marts.mart_monthly")
    for attempt in (lambda: send(target, "acme", trial), lambda: probe(target, "acme", trial.parent)):
        with pytest.raises(AvalError, match=f"holds what was published in {file.parent}, and this is") as no:
            attempt()
    assert ask("select count(*) from marts.mart_monthly") == [(3,)]

    # The data directory was moved: the remedy holds.
    ask(re.search(r"`(delete from .*)`", no.value.remedy)[1])  # type: ignore[index]
    assert send(target, "acme", trial).rows == 0
    assert ask("select count(*) from marts.mart_monthly") == [(0,)]


def test_a_user_needs_no_right_to_make_schemas_where_they_are(
    file: Path, target: PostgresqlTarget, ask: Any
) -> None:
    user = "aval_" + target.connection_url().rpartition("test_")[2].partition("?")[0]
    ask(f"create role {user} login")
    url = sa.make_url(target.connection_url()).set(username=user)
    own = PostgresqlTarget(url=url.render_as_string(hide_password=False), retries=0)
    try:
        for attempt in (lambda: probe(own, "acme", file.parent), lambda: send(own, "acme", file)):
            with pytest.raises(AvalError, match="permission denied for database") as refused:
                attempt()
            assert "grant" in refused.value.remedy
        for schema in ("aval", "core", "marts", "closed"):
            ask(f"create schema {schema} authorization {user}")
        assert probe(own, "acme", file.parent).startswith("18")
        assert send(own, "acme", file).rows == 10
    finally:
        for schema in ("aval", "core", "marts", "closed"):
            ask(f"drop schema if exists {schema} cascade")
        ask(f"drop role {user}")


def test_the_roles_of_the_docs_are_all_that_is_needed(file: Path, target: PostgresqlTarget) -> None:
    (told,) = [block for block in documented() if "create role" in block]
    on_server, in_database = told.split("\\connect channel\n")
    server = sa.make_url(target.connection_url())

    def database(user: str | None = None, name: str = "channel") -> Any:
        url = server.set(database=name, username=user or server.username)
        return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool).connect()

    def carry_out(connection: sa.Connection, text: str) -> None:
        for statement in filter(str.strip, text.split(";")):
            connection.execute(sa.text(statement))

    try:
        with database(name="postgres") as connection:
            carry_out(connection, on_server)
        with database() as connection:
            carry_out(connection, in_database)
        own = server.set(database="channel", username="aval").render_as_string(hide_password=False)
        send(PostgresqlTarget(url=own, retries=0), "acme", file)
        with database("bi") as connection:
            assert connection.execute(sa.text("select count(*) from marts.mart_monthly")).scalar() == 3
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                connection.execute(sa.text("delete from marts.mart_monthly"))
    finally:
        with database(name="postgres") as connection:
            carry_out(
                connection, "drop database if exists channel with (force); drop role bi; drop role aval"
            )


def test_no_message_shows_the_password(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, fault in (
        ("postgresql://aval:hidden@127.0.0.1:1/marts", NotNow),
        ("mysql://aval:hidden@127.0.0.1/marts", ConfigError),
        ("aval:hidden", ConfigError),
    ):
        monkeypatch.setenv("BI_URL", url)
        with pytest.raises(fault) as told:
            send(PostgresqlTarget.model_validate({"url": {"env": "BI_URL"}, "retries": 0}), "acme", file)
        assert "hidden" not in str(told.value)


def test_an_erased_customer_is_erased_there_too(
    tmp_path: Path, target: PostgresqlTarget, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "a key")
    monkeypatch.setenv("BI_URL", "postgresql://127.0.0.1:1/marts")
    company = tmp_path / "company"
    (company / "feeds").mkdir(parents=True)
    (company / "feeds" / "W01_sales.yml").write_text(
        "{partner: W01, files: {glob: '*.csv'}, container: {kind: delimited}, expected_from: 2026-01-05,\n"
        "period: {frequency: week, source: file_name, pattern: '(?P<year>\\d{4})-W(?P<week>\\d{2})'},\n"
        "columns: {product_code: Ref, sold_quantity: Qty, customer: Client}}"
    )
    (company / "company.yml").write_text(
        "{company: {code: acme, name: Acme}, inbox: {path: inbox},\n"
        "erp: {kind: sql, url: 'sqlite:///erp.sqlite', queries: erp},\n"
        "publish: {postgresql: {url: {env: BI_URL}, retries: 0}}}"
    )
    who = partner_key("W01").hash("client 7")
    published = tmp_path / "data" / "published"
    published.mkdir(parents=True)
    change(
        published / "1.duckdb",
        f"create schema marts; create table marts.mart_customers as select '{who}' as customer_key",
    )
    (published / "current.duckdb").symlink_to("1.duckdb")
    send(target, "acme", published / "1.duckdb")

    def erase() -> Result:
        options = ["--partner", "W01", "--company", str(company), "--data", str(tmp_path / "data")]
        return CliRunner().invoke(app, ["privacy", "erase", *options], input="Client 7\n")

    refused = erase()
    assert refused.exit_code == 1
    assert "left: PostgreSQL still names the customer: PostgreSQL does not take" in refused.output
    monkeypatch.setenv("BI_URL", target.connection_url())
    assert erase().exit_code == 0
    assert ask("select customer_key from marts.mart_customers") == [(None,)]


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port on which nobody listens while it is held."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.slow
def test_a_database_that_is_down_keeps_nobody_from_the_file_and_gets_it_from_the_next_run(
    tmp_path: Path,
    manifest_data: Path,
    postgres_database: str,
    ask: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company, data = tmp_path / "acme", tmp_path / "data"
    shutil.copytree(ROOT / "examples" / "start", company)
    settings = company / "company.yml"
    settings.write_text(
        settings.read_text().replace("/srv/acme/inbox", str(tmp_path))
        + "publish: {postgresql: {url: {env: ACME_BI_URL}, retries: 0}}\n"
    )
    with sqlite3.connect(tmp_path / "erp.sqlite") as connection:
        connection.executescript(ERP)
    bring_parsed(manifest_data, data)

    monkeypatch.setenv("AVAL_COMPANY", str(company))
    monkeypatch.setenv("AVAL_DATA", str(data))
    monkeypatch.setenv("ACME_ERP_URL", f"sqlite:///{tmp_path / 'erp.sqlite'}")

    def run(url: str, status: int) -> str:
        told = run_aval("run", data=data, ACME_BI_URL=url, AVAL_COMPANY=str(company))
        assert told.returncode == status, told.stdout + told.stderr
        return told.stdout

    def aval(command: str, url: str, status: int) -> str:
        """What takes no process of its own, whose start would cost more than what it does."""
        monkeypatch.setenv("ACME_BI_URL", url)
        told = CliRunner().invoke(app, [command])
        assert told.exit_code == status, told.output
        return told.output

    with deaf_port() as port:
        nowhere = f"postgresql://aval@127.0.0.1:{port}/marts"
        assert "PostgreSQL does not take the publication" in aval("doctor", nowhere, 2)
        said = run(nowhere, 1)
        assert "PostgreSQL does not take the publication" in said
        assert "The newest version is published as a file, and PostgreSQL stays as it was." in said
        file = (data / "published" / "current.duckdb").resolve()
        assert rows(file, "select sum(net_amount) from marts.mart_sell_in_monthly") == [(600,)]
        said = run(nowhere, 1)
    assert f"still version {file.stem}" in said
    assert [path.stem for path in file.parent.glob("2*.duckdb")] == [file.stem]

    said = run(postgres_database, 0)
    assert "PostgreSQL does not hold the newest publication" in said
    assert f"nothing new, still version {file.stem}" in said
    assert (data / "published" / "current.duckdb").resolve() == file
    assert ask("select publication_id from marts.publication") == [(file.stem,)]
    assert ask("select sum(net_amount) from marts.mart_sell_in_monthly") == [(600,)]
    assert "of 1 table replaced" in aval("publish", postgres_database, 0)
    # Who is shown an older version again is shown it until there is something new.
    current = data / "published" / "current.duckdb"
    current.unlink()
    current.symlink_to(file.name)
    assert "nothing new, still version" in run(postgres_database, 0)
    assert current.resolve() == file
