"""No row and no unit is lost: intake against an independent calculation in Python decimals."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import RejectedFile
from connectors.feeds import delimited
from connectors.feeds.intake.check import check_file
from connectors.feeds.profile import Delimited, Profile
from connectors.feeds.table import UnprovenRows

PROFILE = Profile.model_validate(
    {
        "partner": "D07",
        "files": {"glob": "*"},
        "container": {"kind": "delimited"},
        "period": {
            "frequency": "week",
            "source": "file_name",
            "pattern": r"(?P<year>\d{4})-W(?P<week>\d{2})",
        },
        "columns": {
            "partner_product_code": "Ref",
            "product_label": "Label",
            "sold_quantity": "Qty",
            "net_amount": "Amount",
        },
        "skip_rows": [{"header": "Ref", "pattern": "^Total"}],
        "thousands_mark": " ",
        "negative_sold_is_return": True,
        "tax_rate": 0.2,
        "max_quarantined_share": 1.0,
        "expected_from": "2026-01-01",
    }
)


@dataclass(frozen=True)
class Cell:
    """A number as written, and its value; None if it is no number."""

    text: str
    value: Decimal | None


def write_number(value: Decimal, grouped: bool, trailing: bool) -> Cell:
    digits = f"{abs(value):,f}" if grouped else f"{abs(value):f}"
    text = digits.replace(",", "\u202f").replace(".", ",")
    sign = "-" if value < 0 else ""
    return Cell(text + sign if trailing else sign + text, value)


numbers = st.builds(
    write_number,
    st.decimals(min_value=-999999, max_value=999999, places=4),
    st.booleans(),
    st.booleans(),
)
broken = st.sampled_from(["x", "1.5", "=1+1", "1 23", "--3"]).map(lambda text: Cell(text, None))
labels = st.text(alphabet=st.sampled_from("aé;\"\n ,'=€"), max_size=8)
rows = st.one_of(
    st.tuples(
        st.sampled_from(["A", "B", ""]),
        labels,
        st.one_of(numbers, numbers, broken),
        st.one_of(numbers, broken),
    ),
    st.just(("Total", "", Cell("1", Decimal(1)), Cell("1", Decimal(1)))),
    st.just(("", "", Cell("", None), Cell("", None))),
)


def rounded(value: Decimal, places: str) -> Decimal:
    return value.quantize(Decimal(places), ROUND_HALF_UP)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_rows_in_equal_rows_landed_quarantined_and_skipped_and_sums_are_exact(
    table: list[tuple[str, str, Cell, Cell]], end: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator=end)
    writer.writerow(["Ref", "Label", "Qty", "Amount"])
    accepted = quarantined = skipped = 0
    sold = amount = Decimal(0)
    for ref, label, quantity, money in table:
        writer.writerow([ref, label, quantity.text, money.text])
        if ref == "Total" or not (ref or label.strip() or quantity.text or money.text):
            skipped += 1
        elif not ref or quantity.value is None or money.value is None:
            quarantined += 1
        else:
            accepted += 1
            sold += max(rounded(quantity.value, "0.001"), Decimal(0))
            amount += rounded(money.value / Decimal("1.2"), "0.0001")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r_2026-W05.csv"
        path.write_bytes(text.getvalue().encode())
        report = check_file(path, PROFILE, "sales")
    assert report.problem is None
    assert (report.rows_read, report.rows_accepted, report.rows_quarantined, report.rows_skipped) == (
        len(table), accepted, quarantined, skipped,
    )  # fmt: skip
    (total,) = report.totals
    assert (total.rows, Decimal(total.quantity), Decimal(total.amount)) == (accepted, sold, amount)


@cache
def shared_connection() -> duckdb.DuckDBPyConnection:
    """One connection for all examples: opening one takes longer than reading a small file."""
    return duckdb.connect()


def both_ways(content: bytes) -> tuple[list[tuple[object, ...]] | None, list[tuple[object, ...]]]:
    """Rows by the straight way (None where it does not hold) and by the careful one."""
    container = Delimited(kind="delimited")
    connection = shared_connection()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        path = scratch / "report.csv"
        path.write_bytes(content)
        text = delimited.look(path, container, scratch / "decoded.csv", "report.csv")
        straight = None
        if text.is_plain:
            table = delimited.offer(connection, [text], container)
            try:
                found = connection.execute("from raw").fetchall()
            except duckdb.InvalidInputException:
                found = []
            if len(found) == text.rows:
                straight = [(table.header_row + 1 + i, *row[2:]) for i, row in enumerate(found)]
        delimited.load_carefully(connection, text, container, scratch)
        return straight, connection.execute("from raw order by _row").fetchall()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=st.sampled_from('a;"\n \r'), max_size=24))
def test_where_the_straight_way_holds_the_careful_one_agrees_or_is_stricter(body: str) -> None:
    straight, careful = both_ways(b"h1;h2\n" + body.encode())
    if straight is not None:
        # After blanks a lone quote is text to the one and a broken cell to the other.
        kept = [(row[0], row[1], *(str(cell).strip() for cell in row[2:])) for row in straight]
        assert [row[0] for row in careful] == [row[0] for row in kept]
        for row, other in zip(careful, kept, strict=True):
            assert row[1] is not None or (row[0], row[1], *(str(cell).strip() for cell in row[2:])) == other


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=st.sampled_from('a;"\n \r'), max_size=24))
def test_no_character_of_a_line_is_lost_by_the_careful_way(body: str) -> None:
    try:
        _, careful = both_ways(b"h1;h2\n" + body.encode())
    except (RejectedFile, UnprovenRows) as error:
        raise AssertionError("any text is a table of well-formed and malformed rows") from error
    kept = "".join(str(cell) for row in careful for cell in row[1:] if cell is not None)
    assert kept.count("a") >= body.count("a")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.text('ab;"\n', max_size=5), st.text('ab;"\n', max_size=5)), min_size=1, max_size=6)
)
def test_what_a_csv_writer_writes_is_read_back_with_its_line_numbers(table: list[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\n").writerows([("h1", "h2"), *table])
    expected, line = [], 2
    for row in table:
        expected.append((line, None, *row))
        line += 1 + "".join(row).count("\n")
    straight, careful = both_ways(text.getvalue().encode())
    assert careful == expected
    assert straight in (None, expected)
