"""From a figure to its rows: sums at each step, documents, EDI messages, and what happens if one differs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration.cli import app
from orchestration.pack import write_pack
from orchestration.settings import Settings
from orchestration.trace import Question, trace
from tests.unit.orchestration import books
from tests.unit.orchestration.formulas import Calculator

MAY = date(2026, 5, 1)


def trace_of(settings: Settings, version: str | None) -> object:
    return trace(settings, Question("sell_in_monthly", "2026-05", {}), version)


def pack_of(settings: Settings, version: str | None) -> object:
    return write_pack(settings, "2026-05", settings.paths.data / "pack.xlsx", version)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """D01 bought P1 by two lines of I1 and a credit note, and reported that it sold 8 by EDI."""
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path)
    erp = books.land(settings, "erp", "invoice_lines")
    report = books.land(settings, "feeds", "sell_out", "D01/mai.edi", partner="D01", feed="D01_edi")
    inbox = settings.company.inbox.path / "D01"
    inbox.mkdir(parents=True)
    (inbox / "mai.edi").write_text("UNB")

    def line(number: str, position: str, net: str, quantity: int, day: date) -> dict[str, Any]:
        return {
            "invoice_line_id": f"{number}|{position}",
            "invoice_number": number,
            "invoice_line_number": position,
            "invoice_date": day,
            "partner_code": "D01",
            "product_code": "P1",
            "invoiced_quantity": quantity,
            "net_amount": Decimal(net),
            "source_batch_id": erp,
            "source_file": "sql:invoice_lines.sql",
            "source_row": int(position),
        }

    books.publication(
        settings,
        {
            "fct_sell_in": [
                line("I1", "10", "60.10", 6, date(2026, 5, 4)),
                line("I1", "20", "40.15", 4, date(2026, 5, 4)),
                line("C1", "10", "-10.00", 0, date(2026, 5, 30)),
                line("I2", "10", "5.00", 1, date(2026, 6, 1)),
            ],
            "fct_sell_out": [
                {
                    "sell_out_line_id": "s1",
                    "slice_key": "D01|D01_edi|2026-05",
                    "feed_code": "D01_edi",
                    "month_start_date": MAY,
                    "partner_code": "D01",
                    "product_code": "P1",
                    "sold_quantity": 8,
                    "net_quantity": 8,
                    "source_batch_id": report,
                    "source_file": "D01/mai.edi",
                    "source_row": 17,
                    "message_reference": "202605/1",
                }
            ],
            "dim_feeds": [],
            "mart_sell_in_monthly": [
                {
                    "month_start_date": MAY,
                    "partner_code": "D01",
                    "product_code": "P1",
                    "net_amount": Decimal("90.25"),
                    "net_quantity": 10,
                }
            ],
            "mart_sell_out_monthly": [
                {"month_start_date": MAY, "partner_code": "D01", "product_code": "P1", "sold_quantity": 8}
            ],
        },
    )
    return settings


def of(settings: Settings, mart: str = "sell_in_monthly", **columns: str) -> Question:
    measures = ("net_amount", "net_quantity") if mart.startswith("sell_in") else ("sold_quantity",)
    return Question(mart, "2026-05", columns, measures)


def test_each_step_adds_up_to_the_figure(settings: Settings) -> None:
    found = trace(settings, of(settings, partner_code="D01"))
    (walk,) = found.walks
    assert found.agrees
    assert walk.figure == walk.in_fact == (Decimal("90.25"), Decimal("10"))
    assert [(document, count, sums) for document, _, count, sums in walk.documents] == [
        ("C1", 1, (Decimal("-10.00"), Decimal("0"))),
        ("I1", 2, (Decimal("100.25"), Decimal("10"))),
    ]
    assert [(line.document, line.line, line.source_file, line.source_row) for line in walk.lines] == [
        ("C1", "10", "sql:invoice_lines.sql", 10),
        ("I1", "10", "sql:invoice_lines.sql", 10),
        ("I1", "20", "sql:invoice_lines.sql", 20),
    ]
    assert walk.sum_of_lines(0) == Decimal("90.25")


def test_what_is_dated_after_the_as_of_day_stands_behind_no_figure(settings: Settings) -> None:
    with duckdb.connect(str(settings.current.resolve())) as connection:
        connection.execute("update marts.publication set as_of_date = date '2026-05-29'")
        connection.execute("update marts.mart_sell_in_monthly set net_amount = 100.25")
    found = trace(settings, of(settings, partner_code="D01"))
    (walk,) = found.walks
    assert found.agrees
    assert [document for document, *_ in walk.documents] == ["I1"]


def test_rows_of_the_mart_that_do_not_know_a_measure_are_left_out_at_each_step(settings: Settings) -> None:
    with duckdb.connect(str(settings.current.resolve())) as connection:
        connection.execute(
            "insert into core.fct_sell_in by name "
            "select * replace ('P2' as product_code) from core.fct_sell_in"
        )
        connection.execute(
            "insert into marts.mart_sell_in_monthly by name select * replace ('P2' as product_code, "
            "null as net_amount) from marts.mart_sell_in_monthly"
        )
    found = trace(settings, of(settings, partner_code="D01"))
    assert found.agrees
    assert found.unknown_rows == {"net_amount": 1}
    sums = {item.measure: item.figure for item in found.sums}
    assert sums == {"net_quantity": Decimal(20), "net_amount": Decimal("90.25")}


def test_a_reported_sale_ends_at_its_file_row_message_and_original(settings: Settings) -> None:
    (walk,) = trace(settings, of(settings, "mart_sell_out_monthly")).walks
    (line,) = walk.lines
    assert (line.source_file, line.source_row, line.message) == ("D01/mai.edi", 17, "202605/1")
    assert line.original == str(settings.company.inbox.path / "D01" / "mai.edi")


def test_a_step_that_differs_is_shown_and_told_by_the_exit_code(settings: Settings, tmp_path: Path) -> None:
    options = ["-c", str(settings.paths.company), "-d", str(settings.paths.data), "-m", "2026-05"]
    runner = CliRunner()
    book = tmp_path / "trace.xlsx"
    asked = ["trace", "sell_in_monthly", *options, "--measure", "net_amount", "-p", "D01"]
    good = runner.invoke(app, [*asked, "--xlsx", str(book)], env={"COLUMNS": "200"})
    assert good.exit_code == 0, good.output
    calculator = Calculator(book)
    assert calculator.wrong() == []
    steps = calculator.book.worksheets[0]
    assert [calculator.value(steps, f"{column}5") for column in "CDEFG"] == [90.25] * 4 + [0]
    with duckdb.connect(str(settings.current.resolve())) as connection:
        connection.execute("update marts.mart_sell_in_monthly set net_amount = 91")
    bad = runner.invoke(app, asked, env={"COLUMNS": "200"})
    assert bad.exit_code == 1
    assert "-0.75" in bad.output


@pytest.mark.parametrize(
    ("mart", "month", "columns"),
    [
        ("publication", "2026-05", {}),
        ("sell_in_monthly", "2026-05", {"partner_code": "D99"}),
        ("sell_in_monthly", "2026-05", {"colour": "red"}),
        ("sell_in_monthly", "2026-W20", {}),
    ],
)
def test_a_figure_that_does_not_exist_is_wrong_use(
    settings: Settings, mart: str, month: str, columns: dict[str, str]
) -> None:
    with pytest.raises(AvalError) as refused:
        trace(settings, Question(mart, month, columns))
    assert refused.value.code in ("unknown_figure", "invalid_span")


@pytest.mark.parametrize("ask", [trace_of, pack_of])
@pytest.mark.parametrize(
    ("version", "said"), [(None, "nothing has been published"), ("20250101", "20250101")]
)
def test_a_publication_that_is_not_there_names_the_folder(
    settings: Settings, ask: Callable[[Settings, str | None], object], version: str | None, said: str
) -> None:
    settings.current.unlink()
    with pytest.raises(AvalError) as refused:
        ask(settings, version)
    assert refused.value.code == "no_publication"
    assert f"{said} in {settings.paths.published} -> " in str(refused.value)


def test_originals_that_left_the_inbox_are_found_in_the_archive(settings: Settings) -> None:
    (settings.company.inbox.path / "D01" / "mai.edi").unlink()
    with Ledger(settings.paths.ledger) as ledger:
        content = ledger.batches("feeds")[-1].content_hash
    kept = settings.paths.archive / "D01" / "2026-06-01" / f"{content}_mai.edi"
    kept.parent.mkdir(parents=True)
    kept.write_text("UNB")
    (walk,) = trace(settings, of(settings, "mart_sell_out_monthly")).walks
    assert walk.lines[0].original == str(kept)
