"""Closing a month: what may be closed, what is frozen, what is kept for ever, and what survives a kill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from connectors.closing import closings, pinned_publications
from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration.cli import app
from orchestration.closed_rows import write_closed_rows
from orchestration.closing import Refused, close, reopen
from orchestration.publish import Coverage, versions
from orchestration.settings import Settings
from tests.unit.orchestration import books

SELL_IN = "mart_sell_in_monthly"
RECONCILIATION = "mart_margin_reconciliation_monthly"


def sold(month: str, partner: str, product: str, net: str, invoices: int = 1) -> dict[str, Any]:
    return {
        "sell_in_monthly_id": f"{month}|{partner}|{product}",
        "month_start_date": date.fromisoformat(month),
        "partner_code": partner,
        "channel_code": "direct",
        "product_code": product,
        "net_quantity": 3,
        "net_amount": Decimal(net),
        "invoice_count": invoices,
        "currency_code": "EUR",
    }


def reconciled(month: str, unexplained: str = "0") -> dict[str, Any]:
    return {
        "margin_reconciliation_id": f"cost_of_goods|{month}|NONE",
        "month_start_date": date.fromisoformat(month),
        "measure_code": "cost_of_goods",
        "partner_code": "NONE",
        "unexplained_amount": Decimal(unexplained),
        "difference_amount": Decimal(unexplained),
        "status_code": "agrees",
    }


def awaited(feed: str, start: str, **said: Any) -> dict[str, Any]:
    """A period of May of which no report has come."""
    return {
        "feed_code": feed,
        "report_kind_code": "sell_out",
        "period_start_date": date.fromisoformat(start),
        "month_start_date": date(2026, 5, 1),
        "is_of_record": True,
        "is_expected": True,
        "is_reported": False,
        **said,
    }


MARTS: Mapping[str, list[dict[str, Any]]] = {
    SELL_IN: [
        sold("2026-04-01", "D01", "P1", "5"),
        sold("2026-05-01", "D01", "P1", "100.25"),
        sold("2026-05-01", "D02", "P1", "40", invoices=2),
    ],
    RECONCILIATION: [reconciled("2026-04-01"), reconciled("2026-05-01")],
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A company whose data are published as of 2026-06-30."""
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path)
    books.land(settings, "erp", "invoice_lines")
    books.publication(settings, MARTS)
    books.forget_pending(settings)
    return settings


def landed(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """Ask the register's files as they lie in landing."""
    with duckdb.connect() as connection:
        connection.execute(
            f"create view figures as from read_parquet('{settings.paths.landing}/closing/figures/*.parquet')"
        )
        return connection.execute(query).fetchall()


def held(settings: Settings) -> list[tuple[str, bool]]:
    with Ledger(settings.paths.ledger) as ledger:
        return [(c.closed.closing_code, c.is_closed) for c in closings(settings.paths.landing, ledger)]


def test_a_close_freezes_the_rows_of_the_month_with_the_publication_they_came_from(
    settings: Settings,
) -> None:
    event = close(settings, "2026-05", "Ana", "all in").event
    version = settings.current.resolve().stem
    assert (event.closing_code, event.publication_code, event.done_by) == ("2026-05#1", version, "Ana")
    assert (event.run_code, event.code_version, event.as_of_date) == ("run-1", "0.1.0+abc", books.AS_OF)
    assert '"gate": "core"' in (event.gate_results or "")
    assert landed(
        settings,
        "select row_key, partner_code, figure_amount from figures where column_name = 'net_amount' "
        f"and mart_name = '{SELL_IN}' order by 1",
    ) == [
        ("*", None, Decimal("140.25")),
        ("2026-05-01|D01|P1", "D01", Decimal("100.25")),
        ("2026-05-01|D02|P1", "D02", Decimal("40")),
    ]
    assert landed(
        settings,
        "select figure_text, grain_detail from figures "
        f"where mart_name = '{RECONCILIATION}' and column_name = 'status_code'",
    ) == [("agrees", "measure_code=cost_of_goods")]


@pytest.mark.parametrize(
    ("month", "code"),
    [("2026-06", "month_not_ended"), ("2026-13", "invalid_span"), ("2026-04..2026-05", "invalid_span")],
)
def test_a_month_that_is_none_or_has_not_ended_is_refused(settings: Settings, month: str, code: str) -> None:
    result = CliRunner().invoke(
        app, ["close", month, "-c", str(settings.paths.company), "-d", str(settings.paths.data)]
    )
    assert result.exit_code == 2
    with pytest.raises(Exception, match="->") as refused:
        close(settings, month, "Ana")
    assert refused.value.code == code  # type: ignore[attr-defined]
    # One month is closed: a span of them is not what to write instead.
    assert "2026-03" not in str(refused.value)
    assert held(settings) == []


def refusal(settings: Settings, month: str) -> str:
    with pytest.raises(Refused) as refused:
        close(settings, month, "Ana")
    return refused.value.code


def test_nothing_published_is_refused(settings: Settings) -> None:
    settings.current.unlink()
    with pytest.raises(AvalError) as refused:
        close(settings, "2026-05", "Ana")
    assert refused.value.code == "no_publication"


def test_a_publication_that_did_not_pass_its_gates_is_refused(settings: Settings) -> None:
    with duckdb.connect(str(settings.current.resolve())) as connection:
        connection.execute(
            "update marts.publication set gate_results = replace(gate_results, '\"passed\": true', "
            "'\"passed\": false')"
        )
    assert refusal(settings, "2026-05") == "gate_closed"


def test_a_publication_from_within_the_month_is_refused(settings: Settings) -> None:
    books.publication(settings, MARTS, as_of=date(2026, 5, 31))
    assert refusal(settings, "2026-05") == "publication_too_old"


def test_data_that_are_not_published_yet_are_refused(settings: Settings) -> None:
    books.land(settings, "erp", "invoice_lines")
    assert refusal(settings, "2026-05") == "data_not_published"


def test_an_unexplained_difference_above_the_tolerance_is_refused(settings: Settings) -> None:
    rows = {**MARTS, RECONCILIATION: [reconciled("2026-05-01", "1.01")]}
    books.publication(settings, rows)
    assert refusal(settings, "2026-05") == "unexplained_difference"
    books.publication(settings, {**MARTS, RECONCILIATION: [reconciled("2026-05-01", "1.00")]})
    said = "Coût des ventes : écart de 1,00 EUR avec le grand livre, dont 1,00 EUR toléré sans explication"
    assert close(settings, "2026-05", "Ana").event.remarks == said


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        (
            "fr",
            "Coût des ventes : écart de 5,00 EUR avec le grand livre, expliqué par ses causes; "
            "3 rapports de partenaires du mois manquaient (D03_ventes × 2, D17_trimestre)",
        ),
        (
            "en",
            "Cost of goods sold: differs from the general ledger by 5.00 EUR, explained by its causes; "
            "3 reports of partners for the month were missing (D03_ventes × 2, D17_trimestre)",
        ),
    ],
)
def test_what_a_close_remarks_is_said_in_the_language_of_the_company(
    settings: Settings, locale: str, said: str
) -> None:
    spoken = replace(settings, company=settings.company.model_copy(update={"locale": locale}))
    # April's report, that of a feed beside the record, and stock are not sell-out that May lacks.
    periods = [
        awaited("D03_ventes", "2026-05-04"),
        awaited("D03_ventes", "2026-05-11"),
        awaited("D17_trimestre", "2026-05-01"),
        awaited("D15_mensuel", "2026-04-01", month_start_date=date(2026, 4, 1)),
        awaited("D05_depot", "2026-05-01", is_of_record=False),
        awaited("D06_mensuel", "2026-05-01", is_reported=True),
        awaited("D16_stock", "2026-05-01", report_kind_code="inventory"),
    ]
    books.publication(
        spoken,
        {
            **MARTS,
            RECONCILIATION: [{**reconciled("2026-05-01"), "difference_amount": Decimal("5.00")}],
            "fct_reporting_periods": periods,
        },
        coverage=Coverage(reports_missing=("D03_ventes 2025-W33",)),
    )
    assert close(spoken, "2026-05", "Ana").event.remarks == said


def test_months_are_closed_one_after_the_other_and_once(settings: Settings) -> None:
    close(settings, "2026-04", "Ana")
    assert refusal(settings, "2026-04") == "already_closed"
    assert refusal(settings, "2026-03") == "before_the_first_close"
    close(settings, "2026-05", "Ana")
    with pytest.raises(Refused) as refused:
        reopen(settings, "2026-04", "Ben", "a mistake")
    assert refused.value.code == "later_month_closed"
    reopen(settings, "2026-05", "Ben", "a mistake")
    reopen(settings, "2026-04", "Ben", "another")
    # The gap: May cannot be closed while April is open.
    close(settings, "2026-03", "Ana")
    assert refusal(settings, "2026-05") == "earlier_month_open"


def test_a_reopening_leaves_a_trace_that_a_new_close_does_not_remove(settings: Settings) -> None:
    close(settings, "2026-05", "Ana")
    with pytest.raises(Refused, match="reason"):
        reopen(settings, "2026-05", "Ben", " ")
    reopen(settings, "2026-05", "Ben", "late freight")
    close(settings, "2026-05", "Ana")
    assert held(settings) == [("2026-05#1", False), ("2026-05#2", True)]
    with Ledger(settings.paths.ledger) as ledger:
        first, _ = closings(settings.paths.landing, ledger)
    assert first.reopened is not None
    assert (first.reopened.done_by, first.reopened.reason) == ("Ben", "late freight")
    assert (first.closed.done_by, first.closed.publication_code) == ("Ana", settings.current.resolve().stem)


def test_the_publication_of_a_closed_month_is_kept_until_it_is_reopened(settings: Settings) -> None:
    version = close(settings, "2026-05", "Ana").event.publication_code
    with Ledger(settings.paths.ledger) as ledger:
        pinned = pinned_publications(settings.paths.landing, ledger)
    for _ in range(3):
        newest = books.publication(settings, MARTS, pinned=pinned).version
    assert versions(settings.paths.published) == [version, newest]
    reopen(settings, "2026-05", "Ben", "late freight")
    with Ledger(settings.paths.ledger) as ledger:
        assert pinned_publications(settings.paths.landing, ledger) == set()
    newest = books.publication(settings, MARTS).version
    assert versions(settings.paths.published) == [newest]


KILLED = """
import os, signal
from pathlib import Path
from connectors.ledger import Ledger
from orchestration.closing import close
from orchestration.settings import load_settings
{patch}
close(load_settings(Path({company!r}), Path({data!r})), "2026-05", "Ana")
"""
DIE = "lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    ("patch", "is_closed"),
    [
        (f"import connectors.ledger as l; l.atomic_file = {DIE}", False),
        (f"Ledger.record_all = {DIE}", False),
        (f"import connectors.ledger as l; l._record = {DIE}", False),
        (f"import orchestration.closing as c; c.Frozen = {DIE}", True),
    ],
    ids=["writing", "before the ledger", "within the transaction", "after it"],
)
def test_a_close_that_is_killed_is_made_whole_or_not_at_all(
    settings: Settings, patch: str, is_closed: bool
) -> None:
    paths = settings.paths
    code = KILLED.format(patch=patch, company=str(paths.company), data=str(paths.data))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == -9, result.stderr
    assert held(settings) == ([("2026-05#1", True)] if is_closed else [])
    if not is_closed:
        assert close(settings, "2026-05", "Ana").event.closing_code == "2026-05#1"


def test_the_published_file_shows_the_rows_as_they_were_closed(settings: Settings) -> None:
    close(settings, "2026-05", "Ana")
    figures = settings.paths.landing / "closing" / "figures" / "2*.parquet"
    events = settings.paths.landing / "closing" / "events" / "2*.parquet"
    with duckdb.connect() as connection:
        books.write_tables(connection, MARTS)
        connection.execute("update marts.mart_sell_in_monthly set net_amount = 1, invoice_count = 9")
        connection.execute(f"create table core.fct_closed_figures as from read_parquet('{figures}')")
        connection.execute(
            f"create table core.fct_closings as select *, true as is_closed from read_parquet('{events}')"
        )
        write_closed_rows(connection)
        rows = connection.execute(
            f"select closing_code, partner_code, net_amount, invoice_count, month_start_date, gross_amount "
            f"from closed.{SELL_IN} order by partner_code"
        ).fetchall()
        month = date(2026, 5, 1)
        assert rows == [
            ("2026-05#1", "D01", Decimal("100.25"), 1, month, None),
            ("2026-05#1", "D02", Decimal("40"), 2, month, None),
        ]
        connection.execute("update core.fct_closings set is_closed = false")
        write_closed_rows(connection)
        assert (
            connection.execute("select 1 from duckdb_tables() where schema_name = 'closed'").fetchall() == []
        )


def test_the_register_is_listed(settings: Settings) -> None:
    options = ["-c", str(settings.paths.company), "-d", str(settings.paths.data)]
    runner = CliRunner()
    assert "no month has been closed" in runner.invoke(app, ["closings", *options]).output
    assert runner.invoke(app, ["close", "2026-05", "--by", "Ana", *options]).exit_code == 0
    refused = runner.invoke(app, ["close", "2026-05", *options])
    assert refused.exit_code == 2
    assert "by Ana -> `aval reopen 2026-05 --reason …` takes it back" in refused.output
    assert runner.invoke(app, ["reopen", "2026-05", "--reason", "late freight", *options]).exit_code == 0
    assert "late freight" in runner.invoke(app, ["closings", *options]).output
