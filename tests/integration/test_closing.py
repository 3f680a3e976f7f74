"""One of the sample company's first months is closed; a late credit note, a corrected report and a corrected
cost show as adjustments in the open month, also after everything is rebuilt from landing; it is reopened."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from connectors.sample.changes import credit_late, send_correction
from tests.integration.first_months import Site

SEPTEMBER = date(2024, 9, 1)
OCTOBER = date(2024, 10, 1)
INVOICE = "FA-2024-000396"
"""An invoice of D04 of 2024-09-06."""
REPORT = "ventes_2024-S38.csv"
"""D01's sales of 16 to 22 September."""
AT = datetime(2024, 10, 20, 10, tzinfo=UTC)
CORRECTIONS = (
    "correction_code;product_code;valid_from_date;valid_to_date;unit_cost_amount;actual_unit_cost_amount;"
    "currency_code;reason;decided_by;decided_date\n"
)


def ask(data: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str((data / "published" / "current.duckdb").resolve()), read_only=True) as connection:
        return connection.execute(query).fetchall()


def changes(data: Path, mart: str) -> list[tuple[Any, ...]]:
    """Adjustments of a mart: partner, product, measure, amount, month booked in, reason, documents."""
    return ask(
        data,
        "select partner_code, product_code, measure_code, adjustment_amount, booked_month_date, reason_code, "
        f"documents from marts.mart_closing_adjustments_monthly where mart_name = '{mart}' order by all",
    )


def month_of(data: Path, mart: str, column: str, month: date) -> Decimal:
    total: Decimal = ask(data, f"select sum({column}) from marts.{mart} where month_start_date = '{month}'")[
        0
    ][0]
    return total


def test_what_changes_after_the_close_is_an_adjustment_until_the_month_is_reopened(site: Site) -> None:
    data = site.data

    def aval(*arguments: str) -> None:
        result = site.aval(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr

    version = ask(data, "select publication_id from marts.publication")[0][0]
    before = {
        mart: month_of(data, mart, "net_amount", SEPTEMBER)
        for mart in ("mart_sell_in_monthly", "mart_sell_out_monthly")
    }
    cost_of_october = month_of(data, "mart_margin_waterfall_monthly", "cost_of_goods_amount", OCTOBER)
    product, cost = ask(
        data,
        "select product_code, max(unit_cost_amount) from core.fct_sell_in "
        "where invoice_date >= '2024-09-01' and invoice_date < '2024-10-11' and product_code in "
        f"(select product_code from core.fct_sell_in where invoice_number = '{INVOICE}') "
        "group by all having count(distinct unit_cost_amount) = 1 order by product_code limit 1",
    )[0]
    pieces = ask(
        data,
        "select partner_code, sum(invoiced_quantity) from core.fct_sell_in "
        f"where product_code = '{product}' and date_trunc('month', invoice_date) = '{SEPTEMBER}' "
        "group by partner_code having sum(invoiced_quantity) <> 0 order by partner_code",
    )
    pieces_of_october = ask(
        data,
        f"select sum(invoiced_quantity) from core.fct_sell_in where product_code = '{product}' "
        "and invoice_date >= '2024-10-01' and invoice_date < '2024-10-11'",
    )[0][0]

    # Closed; then a credit note, a report sent once more with ten pieces more, and a cost that was 1 too low.
    aval("close", "2024-09", "--by", "Ana")
    note = credit_late(site.sample, INVOICE, Decimal("100.00"), date(2024, 9, 27), AT)
    report = send_correction(site.sample, REPORT)
    with next((data / "source" / "ledger").glob("*FEC*.txt")).open("ab") as export:
        for account, amounts in (("471000", ["40,00", "0,00"]), ("708000", ["0,00", "40,00"])):
            entry = ["OD", "Divers", "LATE", "20240930", account, "", "", "", "PORT", "20240930", "Port"]
            export.write("\t".join([*entry, *amounts, *[""] * 5]).encode() + b"\r\n")
    (site.company / "rules" / "cost_corrections.csv").write_text(
        f"{CORRECTIONS}K-2024-09;{product};2024-09-01;2024-10-11;{cost + 1};;EUR;freight left out;Ana;"
        "2024-10-12\n",
        encoding="utf-8",
    )
    aval("run")

    assert changes(data, "mart_sell_in_monthly") == [
        ("D04", *found[1:2], "exceptional_discount_amount", 100, OCTOBER, "late_document", note)
        for found in changes(data, "mart_sell_in_monthly")[:1]
    ] + [
        ("D04", *found[1:2], "net_amount", -100, OCTOBER, "late_document", note)
        for found in changes(data, "mart_sell_in_monthly")[:1]
    ]
    sell_out = {change[2]: change[3:6] for change in changes(data, "mart_sell_out_monthly")}
    assert {change[0] for change in changes(data, "mart_sell_out_monthly")} == {"D01"}
    assert sell_out["sold_quantity"] == (10, OCTOBER, "late_report")
    assert sell_out["net_quantity"] == (10, OCTOBER, "late_report")
    assert report.is_file()
    margin = changes(data, "mart_margin_waterfall_monthly")
    assert [change for change in margin if change[2] == "cost_of_goods_amount"] == [
        (partner, product, "cost_of_goods_amount", quantity, OCTOBER, "corrected_cost", "K-2024-09")
        for partner, quantity in pieces
    ]
    # Sums over lines and what follows from purchases name the credit note as well.
    for mart, measure, amount in (
        ("mart_partner_profitability_monthly", "invoice_sales_amount", -100),
        # One per cent of what D04 purchased.
        ("mart_rebate_accruals_monthly", "reached_amount", -1),
    ):
        assert [(change[0], *change[3:]) for change in changes(data, mart) if change[2] == measure] == [
            ("D04", amount, OCTOBER, "late_document", note)
        ]
    # The ledger was exported anew with one entry more, and all others are as old as they were. It knows
    # neither the credit note nor the corrected cost.
    books = {
        (change[0], change[1]): change[2]
        for change in ask(
            data,
            "select grain_detail, measure_code, adjustment_amount "
            "from marts.mart_closing_adjustments_monthly "
            "where mart_name = 'mart_margin_reconciliation_monthly' and reason_code <> 'late_entry'",
        )
    }
    assert books["measure_code=revenue", "warehouse_amount"] == -100
    assert books["measure_code=revenue", "missing_in_ledger_amount"] == 100
    assert ("measure_code=revenue", "ledger_amount") not in books
    total = sum(quantity for _, quantity in pieces)
    assert books["measure_code=cost_of_goods", "warehouse_amount"] == total
    assert books["measure_code=cost_of_goods", "corrected_cost_amount"] == -total
    assert ("measure_code=cost_of_goods", "unexplained_amount") not in books
    assert ask(
        data,
        "select partner_code, grain_detail, measure_code, adjustment_amount, documents "
        "from marts.mart_closing_adjustments_monthly where reason_code = 'late_entry' order by measure_code",
    ) == [
        ("NONE", "measure_code=revenue", measure, 40, "ledger|2025-06|OD|LATE")
        for measure in ("difference_amount", "ledger_amount", "manual_entry_amount")
    ]

    # October is open: its figure simply changed, and the lines name the correction.
    assert pieces_of_october > 0
    assert (
        month_of(data, "mart_margin_waterfall_monthly", "cost_of_goods_amount", OCTOBER)
        == cost_of_october + pieces_of_october
    )
    assert ask(
        data,
        "select distinct cost_corrections from marts.mart_margin_waterfall_monthly "
        f"where product_code = '{product}' and month_start_date = '{OCTOBER}' "
        "and cost_corrections is not null",
    ) == [("K-2024-09",)]

    # As was and as is stand side by side, and the publication of the close is still there.
    was = {mart: ask(data, f"select sum(net_amount) from closed.{mart}")[0][0] for mart in before}
    assert was == before
    now = month_of(data, "mart_sell_in_monthly", "net_amount", SEPTEMBER)
    assert now == before["mart_sell_in_monthly"] - 100
    assert (data / "published" / f"{version}.duckdb").is_file()

    # Rebuilt from landing, all of it is the same.
    everything = [
        "select * from marts.mart_closing_adjustments_monthly order by all",
        "select * from closed.mart_margin_waterfall_monthly order by all",
        "select * from core.fct_closed_figures where sequence_number = 0 order by all",
    ]
    kept = [ask(data, query) for query in everything]
    aval("run", "--full-refresh")
    assert [ask(data, query) for query in everything] == kept

    aval("reopen", "2024-09", "--reason", "credit note of D04", "--by", "Léa")
    aval("run")

    # The register says that it was closed and why it is open; the figures are those of today, unadjusted.
    assert ask(
        data,
        "select closing_code, is_closed, closed_by, publication_code, reopened_by, reopening_reason "
        "from core.fct_closings",
    ) == [("2024-09#1", False, "Ana", version, "Léa", "credit note of D04")]
    assert ask(data, "select count(*) from marts.mart_closing_adjustments_monthly") == [(0,)]
    assert ask(data, "select count(*) > 0 from core.fct_closed_figures") == [(True,)]
    assert month_of(data, "mart_sell_in_monthly", "net_amount", SEPTEMBER) == now
