"""The example `examples/tryton` as its README runs it: the invoices arrive in `fct_sell_in` to the cent."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from examples.tryton.prepare import unpack

COMPANY = Path(__file__).resolve().parents[2] / "examples" / "tryton"


@pytest.mark.slow
def test_sell_in_per_invoice_is_what_tryton_invoiced(tmp_path: Path) -> None:
    unpack(tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", "from orchestration.cli import app; app()", "run", "--company", str(COMPANY)],
        env={**os.environ, "AVAL_DATA": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr

    published = duckdb.connect((tmp_path / "published" / "current.duckdb").resolve(), read_only=True)
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
