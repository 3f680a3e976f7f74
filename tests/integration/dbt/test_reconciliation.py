"""The project's own data and unit tests pass on a sound warehouse, and each reconciliation can fail."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import DBT_PROJECT

from .conftest import Company
from .test_slices import stock_the_company

pytestmark = pytest.mark.slow

# What is done to a sound warehouse, and the test that has to notice it.
DAMAGES = {
    "sell_in_ties_from_landing_to_mart": "update core.fct_sell_in set net_amount = net_amount + 0.01",
    "sell_out_ties_from_landing_to_fact": """
        insert into core.fct_sell_out_lines select line.* from core.fct_sell_out_lines as line
        join core.dim_sell_out_reports as report using (report_number) where slice_key = 'D02|d02_w|2026-W02'
    """,
    "sell_out_ties_from_fact_to_marts": """
        update core.fct_sell_out_weekly set net_amount = net_amount + 0.01 where product_code = 'UNMATCHED'
    """,
    "sell_out_of_stores_ties_from_fact_to_mart": (
        "update marts.mart_store_sell_out_monthly set line_count = line_count + 1"
    ),
    "sell_out_holds_live_reports_only": """
        update core.fct_sell_out_weekly set source_batch_id = 'superseded' where partner_code = 'D03'
    """,
    "inventory_roll_forward_closes": """
        update core.fct_inventory set calculated_quantity = calculated_quantity + 1 where not is_anchor
    """,
    "inventory_holds_all_movements": "update core.fct_inventory set received_quantity = 0",
    "balance_ties_to_its_marts": """
        delete from marts.mart_channel_balance_monthly where sell_out_quantity > 0
    """,
    "amounts_are_converted_or_say_why": "update core.fct_orders set net_amount = null",
    "unique_in_touched_slices_fct_sell_out_sell_out_line_id": "select 1",
    "closed_ranges_dim_partners_partner_code": """
        update core.dim_partners set valid_to_date = date '2030-01-01' where partner_code = 'D02'
    """,
    "unique_combination_fct_sell_out_weekly": """
        insert into core.fct_sell_out_weekly select * from core.fct_sell_out_weekly where partner_code = 'D02'
    """,
    "expression_holds_mart_sell_in_monthly": """
        update marts.mart_sell_in_monthly set credited_quantity = credited_quantity + 1
    """,
}


def outcomes(company: Company, *selected: str) -> dict[str, str]:
    """What each test of the models gives, by its unique name."""
    result = company.dbt("test", *selected, scope="all", with_tests=True)
    return {item.node.unique_id: str(item.status) for item in result.result.results}


def test_sound_warehouse_passes_every_test_and_a_damaged_one_fails_each_reconciliation(
    company: Company,
) -> None:
    stock_the_company(company)
    company.build(scope="all")
    sound = outcomes(company)
    assert len(sound) > 150
    assert {name for name, status in sound.items() if status != "pass"} == set()
    with duckdb.connect(str(company.warehouse)) as connection:
        for statement in DAMAGES.values():
            connection.execute(statement)
    found = outcomes(company, "--select", *(f"{damage}*" for damage in DAMAGES))
    failed = {name.split(".")[2] for name, status in found.items() if status == "fail"}
    unnoticed = [damage for damage in DAMAGES if not any(name.startswith(damage) for name in failed)]
    assert unnoticed == []


def test_every_reconciliation_is_shown_to_fail() -> None:
    written = {path.stem for path in (DBT_PROJECT / "tests").glob("*.sql")}
    assert written - DAMAGES.keys() == set()
    generic = {path.stem for path in (DBT_PROJECT / "tests" / "generic").glob("*.sql")}
    assert {name for name in generic if not any(damage.startswith(name) for damage in DAMAGES)} == set()


@pytest.fixture(scope="module")
def without_a_batch(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Company:
    """All models, built of a landing without a batch."""
    company = Company(tmp_path_factory.mktemp("without_a_batch"), manifest_data)
    company.build()
    return company


def test_landing_without_a_batch_builds_empty_tables(without_a_batch: Company) -> None:
    company = without_a_batch
    assert company.query("select count(*) from core.fct_sell_out") == [(0,)]
    assert company.query("select count(*) from marts.mart_channel_balance_monthly") == [(0,)]
    assert company.query("select product_code from core.dim_products") == [("UNMATCHED",)]


def test_calendar_is_the_one_of_iso_8601(company: Company) -> None:
    """Compared with Python's calendar: thirteen years, with weeks 53 of 2015, 2020 and 2026."""
    company.rules("feeds", [{"feed_code": "f", "partner_code": "D01", "expected_from_date": "2015-06-01"}])
    company.build("+dim_dates", as_of=date(2026, 3, 31))
    rows = company.query(
        "select date_day, iso_year, iso_week, week_label, week_start_date, is_weekend from core.dim_dates "
        "order by date_day"
    )
    # 1 January 2015 is a Thursday: its week is whole. Thirteen projected weeks end in a year to come.
    assert (rows[0][0], rows[-1][0]) == (date(2014, 12, 29), date(2027, 12, 31))
    assert len(rows) == (date(2027, 12, 31) - date(2014, 12, 29)).days + 1
    for day, iso_year, iso_week, label, monday, is_weekend in rows:
        year, number, weekday = day.isocalendar()
        assert (iso_year, iso_week, label) == (year, number, f"{year}-W{number:02d}")
        assert monday == date.fromisocalendar(year, number, 1)
        assert is_weekend is (weekday >= 6)


def test_marts_explain_themselves_in_the_database(without_a_batch: Company) -> None:
    unexplained = without_a_batch.query(
        "select table_name, column_name from duckdb_columns() where schema_name in ('core', 'marts') "
        "and coalesce(comment, '') = ''"
    )
    assert unexplained == []
