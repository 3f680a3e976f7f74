"""Reading: values become the contract's types exactly, or one error says which value cannot."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from connectors.contract import Column, entity
from connectors.erp.queries import read_query
from connectors.erp.reading import Extract, _array, cursor_parameter, open_erp
from connectors.errors import SourceError

if TYPE_CHECKING:
    from .conftest import SmallErp

LONG_AGO = datetime(1900, 1, 1)  # noqa: DTZ001 - instants of the contract carry no offset


@pytest.mark.parametrize(("master", "code"), [("partners", "partner_code"), ("products", "product_code")])
def test_a_padded_code_of_master_data_is_refused_before_it_lands(
    tmp_path: Path, master: str, code: str
) -> None:
    file = tmp_path / f"{master}.sql"
    file.write_text("select 1", encoding="utf-8")
    query = read_query(file, entity("erp", master))
    with pytest.raises(SourceError, match="ends with blanks") as caught:
        _array(query, Column(code, "VARCHAR", ""), ["C1", "C100    "], first_row=1)

    assert (caught.value.place.row, caught.value.place.value) == (2, "C100    ")


@pytest.mark.parametrize("value", ["", "   "])
@pytest.mark.parametrize(("master", "code"), [("partners", "partner_code"), ("products", "product_code")])
def test_an_empty_code_of_master_data_is_refused(tmp_path: Path, master: str, code: str, value: str) -> None:
    """A customer without a code landed as the partner '', which no report and no document can name."""
    file = tmp_path / f"{master}.sql"
    file.write_text("select 1", encoding="utf-8")
    query = read_query(file, entity("erp", master))
    with pytest.raises(SourceError, match="the code is empty") as caught:
        _array(query, Column(code, "VARCHAR", ""), ["C1", value], first_row=1)
    assert caught.value.place.row == 2


@pytest.fixture
def query(tmp_path: Path):
    file = tmp_path / "invoice_lines.sql"
    file.write_text("select 1", encoding="utf-8")
    return read_query(file, entity("erp", "invoice_lines"))


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("DECIMAL(18,4)", Decimal("1.10"), Decimal("1.1000")),
        ("DECIMAL(18,4)", "12345678901234.5678", Decimal("12345678901234.5678")),
        ("DECIMAL(18,4)", b"3.5000", Decimal("3.5000")),
        ("DECIMAL(18,4)", 0.1 + 0.2, Decimal("0.3000")),
        ("DECIMAL(18,4)", 1.00005, Decimal("1.0001")),
        ("DECIMAL(18,4)", Decimal("-1.00005"), Decimal("-1.0001")),
        ("DECIMAL(18,3)", 7, Decimal("7.000")),
        ("VARCHAR", 42, "42"),
        ("VARCHAR", 42.0, "42"),
        ("VARCHAR", b"abc", "abc"),
        ("VARCHAR", Decimal("1.50"), "1.50"),
        ("VARCHAR", Decimal("100.00"), "100"),
        ("VARCHAR", Decimal("1E+40"), "1" + 40 * "0"),
        ("VARCHAR", Decimal("-7.0"), "-7"),
        ("VARCHAR", Decimal("NaN"), "NaN"),
        ("VARCHAR", float("inf"), "inf"),
        ("DATE", "2026-02-03", date(2026, 2, 3)),
        ("DATE", "2026-02-03 23:59:59", date(2026, 2, 3)),
        ("DATE", datetime(2026, 2, 3, 12, tzinfo=UTC), date(2026, 2, 3)),
        ("DATE", datetime.max.replace(tzinfo=UTC), date(9999, 12, 31)),
        ("TIMESTAMP", "2026-02-03 09:30:00.25", datetime(2026, 2, 3, 9, 30, 0, 250_000)),  # noqa: DTZ001
        ("TIMESTAMP", "2026-02-03T09:30:00+02:00", datetime(2026, 2, 3, 7, 30)),  # noqa: DTZ001
        (
            "TIMESTAMP",
            datetime(2026, 2, 3, 9, tzinfo=timezone(timedelta(hours=1))),
            datetime(2026, 2, 3, 8),  # noqa: DTZ001
        ),
        ("TIMESTAMP", date(2026, 2, 3), datetime(2026, 2, 3)),  # noqa: DTZ001
        ("BOOLEAN", 1, True),
        ("BOOLEAN", "f", False),
        ("BOOLEAN", Decimal(0), False),
        ("INTEGER", "30", 30),
        ("INTEGER", 30.0, 30),
    ],
)
def test_a_value_becomes_the_contracts_type(query: Any, type_: str, value: Any, expected: Any) -> None:
    array = _array(query, Column("x", type_, ""), [value, None], first_row=1)

    assert array.to_pylist() == [expected, None]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("DECIMAL(18,4)", "1,10"),
        ("DECIMAL(18,4)", float("nan")),
        ("DECIMAL(18,4)", True),
        ("DECIMAL(18,4)", Decimal("1E20")),
        ("DATE", 20260203),
        ("DATE", "03/02/2026"),
        ("TIMESTAMP", "yesterday"),
        ("BOOLEAN", "maybe"),
        ("INTEGER", 1.5),
        ("INTEGER", 2**70),
        ("TIMESTAMP", datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))),
        ("VARCHAR", b"\xff"),
        ("VARCHAR", {"fr_FR": "Savon"}),
        ("VARCHAR", ["rouge", "bleu"]),
        ("VARCHAR", memoryview(b"Savon")),
        ("VARCHAR", timedelta(days=1)),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_row_and_column(query: Any, type_: str, value: Any) -> None:
    with pytest.raises(SourceError) as caught:
        _array(query, Column("x", type_, "A thing."), [None, value], first_row=100)

    place = caught.value.place
    assert (place.row, place.column, place.value) == (101, "x", str(value))
    assert caught.value.remedy == f"give x as {type_}: A thing."


def test_null_in_a_required_column_is_named_with_its_row(query: Any) -> None:
    with pytest.raises(SourceError, match="required column is NULL") as caught:
        _array(query, Column("x", "VARCHAR", "", required=True), ["a", None], first_row=1)

    assert caught.value.place.row == 2


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 2, 3, 9, 30, 15, 120_000), "2026-02-03 09:30:15.12"),  # noqa: DTZ001
        (datetime(2026, 2, 3, 9, 30, 15), "2026-02-03 09:30:15"),  # noqa: DTZ001
        (datetime(2026, 2, 3, 9, 30), "2026-02-03 09:30"),  # noqa: DTZ001
        (datetime(2026, 2, 3), "2026-02-03"),  # noqa: DTZ001
        (datetime(2026, 2, 3, 0, 0, 0, 500_000), "2026-02-03 00:00:00.5"),  # noqa: DTZ001
    ],
)
def test_sqlite_gets_the_shortest_writing_of_the_cursor(moment: datetime, text: str) -> None:
    # Texts compare letter by letter: a longer writing of the same instant is never smaller.
    assert cursor_parameter(sa.create_engine("sqlite://"), moment) == text


def _read(erp: SmallErp, text: str, name: str = "partners") -> list[pa.Table]:
    query = read_query(erp.write_query(name, text), entity("erp", name))
    with open_erp(f"sqlite:///{erp.database}") as engine:
        return list(Extract(engine, query, LONG_AGO))


COLUMNS = "'P1' as partner_code, 'Nord' as partner_name, 'direct' as channel_code, 'EUR' as currency_code"


def test_columns_come_in_the_contracts_order_and_absent_ones_are_null(erp: SmallErp) -> None:
    (table,) = _read(erp, f"select 1 as is_active, {COLUMNS}")

    assert table.column_names == [*(c.name for c in entity("erp", "partners").columns), "_source_row"]
    assert table.column("city").to_pylist() == [None]


def test_column_names_are_taken_in_any_case(erp: SmallErp) -> None:
    (table,) = _read(erp, f"select 1 as IS_ACTIVE, {COLUMNS.upper().replace('NORD', 'Nord')}")

    assert table.column("partner_name").to_pylist() == ["Nord"]


@pytest.mark.parametrize(
    ("select", "column", "problem", "remedy"),
    [
        (COLUMNS, "is_active", "is missing in the mapping query", "give it as BOOLEAN: Whether the partner"),
        (
            f"{COLUMNS}, 1 as is_active, 2 as siren",
            "siren",
            "is no column of the contract",
            "leave it out or",
        ),
        (f"{COLUMNS}, 1 as is_active, 1 as is_active", "is_active", "stands twice", "keep one of them"),
    ],
)
def test_a_wrong_set_of_columns_is_one_error(
    erp: SmallErp, select: str, column: str, problem: str, remedy: str
) -> None:
    with pytest.raises(SourceError) as caught:
        _read(erp, f"select {select}")

    assert caught.value.place.file == erp.queries / "partners.sql"
    assert caught.value.place.column == column
    assert problem in caught.value.problem
    assert caught.value.remedy.startswith(remedy)


def test_a_query_with_cursor_must_give_updated_at(erp: SmallErp) -> None:
    with pytest.raises(SourceError, match="updated_at is NULL in a query that uses :cursor"):
        _read(
            erp, f"select 1 as is_active, {COLUMNS}, null as updated_at from partner where '2026' > :cursor"
        )


def test_a_database_file_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "erp.sqlite"

    with pytest.raises(SourceError, match="does not exist"), open_erp(f"sqlite:///{missing}"):
        pass
    assert not missing.exists()


@pytest.mark.parametrize("url", ["no url", "cobol://erp"])
def test_a_url_that_cannot_be_used_is_one_error(url: str) -> None:
    with pytest.raises(SourceError, match="the URL of the ERP cannot be used"), open_erp(url):
        pass
