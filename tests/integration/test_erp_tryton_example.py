"""The example `examples/tryton` as its README runs it: the invoices arrive in `fct_sell_in` to the cent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from examples.tryton.prepare import unpack
from orchestration.settings import ROOT
from tests.installation import bring_parsed
from tests.samples import FIXTURES

COMPANY = Path(__file__).resolve().parents[2] / "examples" / "tryton"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Path:
    """The data directory after the example's run. Read only."""
    data = tmp_path_factory.mktemp("tryton")
    unpack(data)
    bring_parsed(manifest_data, data)
    run = subprocess.run(
        [sys.executable, "-c", "from orchestration.cli import app; app()", "run", "--company", str(COMPANY)],
        env={**os.environ, "AVAL_DATA": str(data)},
        cwd=data,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return data


@pytest.mark.slow
def test_sell_in_per_invoice_is_what_tryton_invoiced(example: Path) -> None:
    published = duckdb.connect((example / "published" / "current.duckdb").resolve(), read_only=True)
    found = published.execute(
        "select invoice_number, partner_code, sum(gross_amount), sum(net_amount), sum(invoiced_quantity), "
        "sum(cost_amount) from core.fct_sell_in group by all order by all"
    ).fetchall()
    published.close()

    d = Decimal
    assert found == [
        # 120 x 3.50 + 60 x 5.20; less 10 % on the second line; 120 x 1.10 + 60 x 1.75
        ("1", "2", d("732.0000"), d("700.8000"), d("180.000"), d("237.0000")),
        # 40 x 7.90; 40 x 2.40
        ("2", "3", d("316.0000"), d("316.0000"), d("40.000"), d("96.0000")),
        # 5 of them came back
        ("3", "3", d("-39.5000"), d("-39.5000"), d("-5.000"), d("-12.0000")),
    ]


@pytest.mark.slow
def test_the_pages_of_a_company_without_reports_say_what_is_not_known(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVAL_COMPANY", str(COMPANY))
    monkeypatch.setenv("AVAL_DATA", str(example))
    page = AppTest.from_file(str(ROOT / "dashboards" / "app.py"), default_timeout=60).run()
    assert not page.exception
    assert {metric.label: metric.value for metric in page.metric}["Sell-out / sell-in"] == "non connu"
    for name in ("partner", "stock", "margin", "alerts"):
        page.switch_page(f"{name}.py")
        assert not page.run().exception, name
        if name == "stock":
            assert {info.value for info in page.info} == {"Rien à montrer pour ce choix."}


@pytest.mark.slow
def test_trytons_own_ledger_export_agrees_with_its_invoices(tmp_path: Path, manifest_data: Path) -> None:
    company, data = tmp_path / "company", tmp_path / "data"
    unpack(data)
    bring_parsed(manifest_data, data)
    company.mkdir()
    settings = (COMPANY / "company.yml").read_text()
    (company / "company.yml").write_text(f"{settings}accounting:\n  path: ledger\n")
    (company / "ledger").mkdir()
    shutil.copy(FIXTURES / "tryton" / "FEC_demo.txt", company / "ledger")
    run = subprocess.run(
        [sys.executable, "-c", "from orchestration.cli import app; app()", "run", "--company", str(company)],
        env={**os.environ, "AVAL_DATA": str(data)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr

    with duckdb.connect((data / "published" / "current.duckdb").resolve(), read_only=True) as published:
        found = published.execute(
            "select measure_code, partner_code, warehouse_amount, ledger_amount, status_code "
            "from marts.mart_margin_reconciliation_monthly order by all"
        ).fetchall()
        differences = published.execute("select count(*) from core.fct_ledger_differences").fetchone()

    d = Decimal
    assert found == [
        # No tax in this company: each owes what it was invoiced, 316.00 less the 39.50 that came back.
        ("receivable", "2", d("700.8000"), d("700.8000"), "agrees"),
        ("receivable", "3", d("276.5000"), d("276.5000"), "agrees"),
        ("revenue", "2", d("700.8000"), d("700.8000"), "agrees"),
        ("revenue", "3", d("276.5000"), d("276.5000"), "agrees"),
    ]
    assert differences == (0,)
