"""A month of the sample company is closed; a late credit note shows as an adjustment in the open month; the
month is reopened."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from connectors.sample.changes import credit_late
from connectors.sample.generator import Sample
from tests.installation import run_aval

MAY = date(2026, 5, 1)
JUNE = date(2026, 6, 1)
INVOICE = "FA-2026-000858"
"""An invoice of D04 of 2026-05-04."""
AT = datetime(2026, 6, 30, 10, tzinfo=UTC)


def ask(data: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str((data / "published" / "current.duckdb").resolve()), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_what_changes_after_the_close_is_an_adjustment_until_the_month_is_reopened(demo_copy: Path) -> None:
    data = demo_copy
    source = data / "source"
    sample = Sample(source, 20240701, date(2026, 6, 30), f"sqlite:///{source / 'erp.sqlite'}", 0)
    version = ask(data, "select publication_id from marts.publication")[0][0]
    before = ask(
        data, f"select sum(net_amount) from marts.mart_sell_in_monthly where month_start_date = '{MAY}'"
    )

    assert run_aval("close", "2026-05", "--by", "Ana", data=data).returncode == 0
    note = credit_late(sample, INVOICE, Decimal("100.00"), date(2026, 5, 29), AT)
    result = run_aval("run", data=data)
    assert result.returncode == 0, result.stdout + result.stderr

    changes = ask(
        data,
        "select mart_name, partner_code, grain_detail, measure_code, adjustment_amount, booked_month_date, "
        "reason_code, documents, sources from marts.mart_closing_adjustments_monthly order by all",
    )
    sell_in = [change for change in changes if change[0] == "mart_sell_in_monthly"]
    assert [change[3:8] for change in sell_in] == [
        ("exceptional_discount_amount", Decimal("100.0000"), JUNE, "late_document", note),
        ("net_amount", Decimal("-100.0000"), JUNE, "late_document", note),
    ]
    assert {change[1] for change in sell_in} == {"D04"}
    # The ledger did not move, and does not know the credit note.
    books = {change[3]: change[4] for change in changes if change[2] == "measure_code=revenue"}
    assert books["warehouse_amount"] == Decimal("-100")
    assert books["missing_in_ledger_amount"] == Decimal("100")
    assert "ledger_amount" not in books

    # As was and as is stand side by side, and the publication of the close is still there.
    was = ask(data, "select sum(net_amount) from closed.mart_sell_in_monthly")
    now = ask(
        data, f"select sum(net_amount) from marts.mart_sell_in_monthly where month_start_date = '{MAY}'"
    )
    assert was == before
    assert now[0][0] == before[0][0] - 100
    assert (data / "published" / f"{version}.duckdb").is_file()

    reopened = run_aval("reopen", "2026-05", "--reason", "credit note of D04", "--by", "Léa", data=data)
    assert reopened.returncode == 0, reopened.stdout + reopened.stderr
    result = run_aval("run", data=data)
    assert result.returncode == 0, result.stdout + result.stderr

    # The register says that it was closed and why it is open; the figures are those of today, unadjusted.
    assert ask(
        data,
        "select closing_code, is_closed, closed_by, publication_code, reopened_by, reopening_reason "
        "from core.fct_closings",
    ) == [("2026-05#1", False, "Ana", version, "Léa", "credit note of D04")]
    assert ask(data, "select count(*) from marts.mart_closing_adjustments_monthly") == [(0,)]
    assert ask(data, "select count(*) > 0 from core.fct_closed_figures") == [(True,)]
    assert now == ask(
        data, f"select sum(net_amount) from marts.mart_sell_in_monthly where month_start_date = '{MAY}'"
    )
