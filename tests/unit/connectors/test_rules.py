"""Rules -> landing: feeds, crosswalks, thresholds; a new batch only if the content changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.accounting.accounts import load_accounts
from connectors.company import Company, ExchangeRates, Paths
from connectors.errors import ConfigError
from connectors.feeds.profile import Profile, load_profiles
from connectors.ledger import Ledger
from connectors.rules import ThresholdRules, land_rules, load_thresholds

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
PROFILE = """
partner: D07
files: {glob: "D07/*.csv"}
container: {kind: delimited}
period: {frequency: week, source: file_name, pattern: '(?P<year>\\d{4})-W(?P<week>\\d\\d)'}
columns: {partner_product_code: Ref, sold_quantity: Qty}
expected_from: 2026-01-05
crosswalk: d07.csv
"""


class House:
    def __init__(self, root: Path) -> None:
        self.paths = Paths(root / "company", root / "data")
        self.feeds = self.paths.company / "feeds"
        self.feeds.mkdir(parents=True)
        self.company = Company.model_validate(
            {
                "company": {"code": "demo", "name": "Demo"},
                "erp": {"kind": "tryton", "url": "sqlite:///erp.db"},
                "inbox": {"path": "inbox"},
            }
        )
        self.ledger = Ledger(self.paths.ledger)

    def write(self, crosswalk: str, thresholds: str | None = None) -> None:
        (self.feeds / "d07_sales.yml").write_text(PROFILE)
        (self.feeds / "d07.csv").write_text(crosswalk, encoding="utf-8")
        if thresholds is not None:
            (self.paths.company / "rules").mkdir(exist_ok=True)
            (self.paths.company / "rules" / "thresholds.yml").write_text(thresholds)

    def profiles(self) -> dict[str, Profile]:
        return load_profiles(self.feeds)

    def land(self) -> list[str]:
        """Names of the entities that landed anew."""
        batches = land_rules(self.paths, self.company, self.profiles(), self.ledger, now=NOW)
        return [batch.source for batch in batches]

    def newest(self, entity: str, columns: str) -> list[tuple[Any, ...]]:
        files = self.paths.landing / "rules" / entity / "[!_]*.parquet"
        return duckdb.sql(
            f"select {columns} from read_parquet('{files}') "
            f"where _batch_id = (select max(_batch_id) from read_parquet('{files}')) order by _source_row"
        ).fetchall()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    with house.ledger:
        yield house


CROSSWALK = "partner_product_code;product_code;unit_code\n00123;P1;PCE\n1E5;P2;BOX\n"
DATED = "partner_product_code;product_code;unit_code;valid_from_date;valid_to_date\n"


def test_rules_land_once_and_again_only_where_the_content_changed(house: House) -> None:
    house.write(CROSSWALK)
    assert house.land() == [
        "feeds",
        "product_crosswalk",
        "gl_accounts",
        "product_matches",
        "store_matches",
        "stores",
        "thresholds",
        "alert_limits",
        "alert_mutes",
        "allocation_keys",
        "commission_rates",
        "cash_discount_terms",
        "territory_rules",
        "territory_decisions",
        "partners",
        "units",
        "stock_adjustments",
        "discount_rules",
        "budgets",
        "segment_schemes",
        "segments",
        "segment_members",
        "scorecard_themes",
        "targets",
        "cost_corrections",
        "fiscal_periods",
        "working_days",
        "exchange_rates",
        "rebate_programmes",
        "rebate_tiers",
        "rebate_scopes",
        "rebate_entitlements",
        "rebate_payments",
        "campaigns",
        "campaign_scopes",
        "challenge_prizes",
    ]
    assert house.land() == []
    house.write(CROSSWALK, "launch_days: 60\n")
    assert house.land() == ["thresholds"]
    assert ("launch_days", "*", 60) in house.newest(
        "thresholds", "threshold_code, channel_code, threshold_value"
    )
    house.write(CROSSWALK + "X;P3;PCE\n", "launch_days: 60\n")
    assert house.land() == ["product_crosswalk"]


def test_a_feed_lands_as_its_profile_says(house: House) -> None:
    house.write(CROSSWALK)
    house.land()
    columns = "feed_code, partner_code, frequency_code, reports_sell_out, reports_inventory, due_days"
    assert house.newest("feeds", columns) == [("d07_sales", "D07", "week", True, False, 3)]
    assert house.newest("feeds", "expected_from_date::varchar, expected_to_date") == [("2026-01-05", None)]


def test_fiscal_periods_and_working_days_land_as_far_as_feeds_need_them(house: House) -> None:
    house.write(CROSSWALK)
    house.land()
    calendars = "calendar_code, is_company_calendar, count(*) over (partition by calendar_code)"
    assert set(house.newest("fiscal_periods", calendars)) == {("month_end/01", True, 112 * 12)}
    assert house.newest("working_days", "calendar_date") == []

    (house.feeds / "d09.yml").write_text(
        PROFILE.replace("D07", "D09")
        .replace("crosswalk: d07.csv", "due_working_days: 3")
        .replace("frequency: week", 'frequency: fiscal_period, calendar: {pattern: "4-4-5"}')
        .replace("(?P<year>\\d{4})-W(?P<week>\\d\\d)", "P(?P<period>\\d\\d) (?P<year>\\d{4})")
    )
    assert house.land() == ["feeds", "fiscal_periods", "working_days"]
    assert set(house.newest("fiscal_periods", calendars)) == {
        ("month_end/01", True, 112 * 12),
        ("4-4-5/01", False, 112 * 12),
    }
    assert house.newest("feeds", "feed_code, calendar_code, due_days, holiday_calendar_code") == [
        ("d07_sales", None, 3, None),
        ("d09", "4-4-5/01", 3, "FR"),
    ]
    may = house.newest("working_days", "calendar_date::varchar, is_working_day, working_day_number")
    (before, first, second) = [row for row in may if row[0] in ("2026-04-30", "2026-05-01", "2026-05-04")]
    assert (before[1], first[1:], second[1:]) == (True, (False, before[2]), (True, before[2] + 1))


def test_codes_of_a_crosswalk_stay_text_and_open_ranges_are_filled(house: House) -> None:
    house.write(CROSSWALK)
    house.land()
    columns = "partner_code, partner_product_code, product_code, unit_code, "
    columns += "valid_from_date::varchar, valid_to_date::varchar"
    assert house.newest("product_crosswalk", columns) == [
        ("D07", "00123", "P1", "PCE", "1900-01-01", "9999-12-31"),
        ("D07", "1E5", "P2", "BOX", "1900-01-01", "9999-12-31"),
    ]


def test_a_crosswalk_may_use_commas_quotes_a_byte_order_mark_and_ranges(house: House) -> None:
    house.write(
        "\ufeffpartner_product_code,product_code,unit_code,valid_from_date,valid_to_date\n"
        '"A,1",P1,PCE,,2026-01-01\n"A,1",P2,PCE,2026-01-01,\n\n'
    )
    house.land()
    assert house.newest(
        "product_crosswalk", "partner_product_code, product_code, valid_from_date::varchar"
    ) == [
        ("A,1", "P1", "1900-01-01"),
        ("A,1", "P2", "2026-01-01"),
    ]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("partner_product_code;product_code\nA;P\n", "invalid_header", 1),
        ("partner_product_code;product_code;unit_code;note\nA;P;PCE;x\n", "invalid_header", 1),
        (CROSSWALK + "A;P\n", "invalid_row", 4),
        (CROSSWALK + "A;;PCE\n", "missing_value", 4),
        (DATED + "A;P;PCE;01/02/2026;\n", "invalid_date", 2),
        (DATED + "A;P;PCE;2026-02-01;2026-02-01\n", "invalid_range", 2),
        (CROSSWALK + "00123;P9;PCE\n", "overlapping_ranges", 4),
        (CROSSWALK + '"A;P;PCE\n', "invalid_csv", 4),
    ],
)  # fmt: skip
def test_a_wrong_crosswalk_is_one_error_with_file_and_line(
    house: House, content: str, code: str, line: int
) -> None:
    house.write(content)
    with pytest.raises(ConfigError) as caught:
        house.land()
    assert caught.value.code == code
    assert str(caught.value.place.file).endswith("d07.csv")
    assert caught.value.place.line == line
    assert house.ledger.batches("rules") == []


def test_a_crosswalk_in_another_encoding_names_the_line(house: House) -> None:
    house.write(CROSSWALK)
    (house.feeds / "d07.csv").write_bytes(CROSSWALK.encode() + "é;P1;PCE\n".encode("cp1252"))
    with pytest.raises(ConfigError, match="UTF-8") as caught:
        house.land()
    assert caught.value.place.line == 4


def test_thresholds_have_defaults_and_channels_their_own(house: House) -> None:
    house.write(CROSSWALK, "channels:\n  online_reseller: {max_weeks_of_supply_weeks: 6}\n")
    house.land()
    rows = house.newest("thresholds", "threshold_code, channel_code, threshold_value::varchar")
    assert ("overstock_ratio_rate", "*", "0.800000") in rows
    assert ("max_weeks_of_supply_weeks", "*", "12.000000") in rows
    assert [row for row in rows if row[1] == "online_reseller"] == [
        ("max_weeks_of_supply_weeks", "online_reseller", "6.000000")
    ]


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_thresholds(tmp_path) == ThresholdRules()


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        ("launch_days: 30\noverstock: 1\n", 2, "unknown key"),
        ("launch_days: soon\n", 1, "wrong value"),
        ("overstock_ratio_rate: 1.2\n", 1, "overstock_ratio_rate <= balanced_low_rate"),
        ("channels:\n  a: {launch_day: 3}\n", 2, "unknown threshold 'launch_day'"),
        ("channels:\n  a: {coverage_min_rate: 3}\n", 2, "coverage_min_rate"),
        ("channels:\n  a: {max_weeks_of_supply_weeks: 1}\n", 1, "channel a"),
        ("channels:\n  a: {estimation_months: 3}\n", 2, "estimation_months holds for all channels"),
    ],
)
def test_wrong_thresholds_are_one_error_with_file_and_line(
    house: House, content: str, line: int, expected: str
) -> None:
    house.write(CROSSWALK, content)
    with pytest.raises(ConfigError, match=expected) as caught:
        house.land()
    assert caught.value.place.line == line


# --- partners, units, adjustments, rates ---


def write_rule(house: House, name: str, text: str) -> None:
    house.write(CROSSWALK)
    (house.paths.company / "rules").mkdir(exist_ok=True)
    (house.paths.company / "rules" / name).write_text(text)


def fault_of(house: House) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        house.land()
    assert not (house.paths.landing / "rules" / "feeds").exists()
    return raised.value


def test_a_partner_may_have_a_tolerance_and_feeds_of_record(house: House) -> None:
    write_rule(
        house,
        "partners.yml",
        "partners:\n  D09: {siso_gap_tolerance_rate: 0.02}\n  D07: {sell_out_feed: d07_sales}\n",
    )
    house.land()
    columns = "partner_code, siso_gap_tolerance_rate::varchar, sell_out_feed_code, inventory_feed_code"
    assert house.newest("partners", columns) == [
        ("D07", None, "d07_sales", None),
        ("D09", "0.020000", None, None),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "D07: {sell_out_feed: d08_sales}",
        "D08: {sell_out_feed: d07_sales}",
        "D07: {inventory_feed: d07_sales}",
    ],
)
def test_a_feed_of_record_is_a_feed_of_the_partner_that_reports_it(house: House, rule: str) -> None:
    write_rule(house, "partners.yml", f"partners:\n  {rule}\n")
    assert fault_of(house).code == "unknown_feed"


UNITS = "partner_code;product_code;unit_code;numerator;denominator;valid_from_date;valid_to_date\n"


def test_a_unit_is_a_fraction_of_decimals(house: House) -> None:
    write_rule(house, "units.csv", UNITS + "*;P1;KG;1;0,35;;\nD07;P1;PAL;480;1;2026-01-01;\n")
    house.land()
    assert house.newest("units", "partner_code, unit_code, numerator::varchar, denominator::varchar") == [
        ("*", "KG", "1.000000", "0.350000"),
        ("D07", "PAL", "480.000000", "1.000000"),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("*;P1;KG;0;1;;", "invalid_number"),
        ("*;P1;KG;1;-2;;", "invalid_number"),
        ("*;P1;KG;one;1;;", "invalid_number"),
        ("*;P1;KG;NaN;1;;", "invalid_number"),
        ("*;P1;KG;0.0000001;1;;", "invalid_number"),
        ("*;P1;KG;1e30;1;;", "invalid_number"),
        ("D07;*;PAL;480;1;;", "invalid_row"),
        ("*;P1;PAL;480;1;2026-01-01;2025-01-01", "invalid_range"),
        ("*;P1;BOX;10;1;;\n*;P1;BOX;12;1;2026-01-01;", "overlapping_ranges"),
    ],
)
def test_a_wrong_unit_is_one_error_with_file_and_line(house: House, line: str, code: str) -> None:
    write_rule(house, "units.csv", UNITS + line + "\n")
    fault = fault_of(house)
    assert fault.code == code
    assert fault.place is not None
    assert fault.place.line == 2 + line.count("\n")


def test_an_adjustment_has_a_day_a_quantity_and_a_reason(house: House) -> None:
    header = "partner_code;product_code;adjustment_date;adjusted_quantity;reason\n"
    write_rule(house, "stock_adjustments.csv", header + "D07;P1;2026-02-03;-12;broken in a flood\n")
    house.land()
    columns = "partner_code, adjustment_date::varchar, adjusted_quantity::varchar, reason"
    assert house.newest("stock_adjustments", columns) == [
        ("D07", "2026-02-03", "-12.000", "broken in a flood")
    ]
    write_rule(house, "stock_adjustments.csv", header + "D07;P1;2026-02-03;0;nothing\n")
    with pytest.raises(ConfigError, match="adjusted_quantity"):
        house.land()


CORRECTIONS = (
    "correction_code;product_code;valid_from_date;valid_to_date;unit_cost_amount;actual_unit_cost_amount;"
    "currency_code;reason;decided_by;decided_date\n"
)


def test_a_corrected_cost_lands_with_its_reason_and_who_decided_it(house: House) -> None:
    line = "K-2026-01;P1;2026-01-01;2026-02-01;4,40;;EUR;supplier invoice read in boxes;Léa;2026-02-12\n"
    write_rule(house, "cost_corrections.csv", CORRECTIONS + line)
    house.land()
    columns = (
        "correction_code, product_code, valid_from_date::varchar, valid_to_date::varchar, "
        "unit_cost_amount::varchar, actual_unit_cost_amount, currency_code, reason, decided_by, "
        "decided_date::varchar"
    )
    assert house.newest("cost_corrections", columns) == [
        (
            "K-2026-01",
            "P1",
            "2026-01-01",
            "2026-02-01",
            "4.4000",
            None,
            "EUR",
            "supplier invoice read in boxes",
            "Léa",
            "2026-02-12",
        )
    ]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("K1;P1;2026-01-01;2026-02-01;;;EUR;why;Léa;2026-02-12", "missing_value", "actual_unit_cost_amount"),
        ("K1;P1;2026-01-01;2026-02-01;-1;;EUR;why;Léa;2026-02-12", "invalid_number", "unit_cost_amount"),
        ("K1;P1;2026-01-01;2026-02-01;4;4.12345;EUR;why;Léa;2026-02-12", "invalid_number", "actual_unit"),
        ("K1;P1;2026-01-01;2026-02-01;4;;USD;why;Léa;2026-02-12", "invalid_currency", "USD"),
        ("K1;P1;2026-02-01;2026-02-01;4;;EUR;why;Léa;2026-02-12", "invalid_range", "valid_to_date"),
        ("K1;P1;2026-01-01;2026-02-13;4;;EUR;why;Léa;2026-02-12", "invalid_range", "decided_date"),
        ("K1;P1;2026-01-01;9999-12-31;4;;EUR;why;Léa;2026-02-12", "invalid_range", "decided_date"),
        ("K1;P1;1.1.2026;2026-02-01;4;;EUR;why;Léa;2026-02-12", "invalid_date", "valid_from_date"),
        ("K1;P1;2026-01-01;2026-02-01;4;;EUR;;Léa;2026-02-12", "missing_value", "reason"),
        ("K1;P1;2026-01-01;2026-02-01;4;;EUR;why;;2026-02-12", "missing_value", "decided_by"),
        (
            "K1;P1;2026-01-01;2026-02-01;4;;EUR;why;Léa;2026-02-12\n"
            "K2;P1;2026-01-31;2026-02-10;5;;EUR;why;Léa;2026-02-12",
            "overlapping_ranges",
            "P1",
        ),
    ],
)
def test_a_wrong_correction_is_one_error_with_file_and_line(
    house: House, line: str, code: str, said: str
) -> None:
    write_rule(house, "cost_corrections.csv", CORRECTIONS + line + "\n")
    fault = fault_of(house)
    assert fault.code == code
    assert said in str(fault)
    assert fault.place is not None
    assert fault.place.line == 2 + line.count("\n")


def test_rates_land_from_the_central_banks_file_and_again_when_it_changed(house: House) -> None:
    write_rule(house, "eurofxref-hist.csv", "Date,USD,\n2026-01-09,1.1642,\n")
    assert "exchange_rates" in house.land()
    assert house.land() == []
    write_rule(house, "eurofxref-hist.csv", "Date,USD,\n2026-01-12,1.1692,\n2026-01-09,1.1642,\n")
    assert house.land() == ["exchange_rates"]
    columns = "currency_code, rate_date::varchar, currency_per_euro::varchar"
    assert house.newest("exchange_rates", columns) == [
        ("USD", "2026-01-12", "1.16920000"),
        ("USD", "2026-01-09", "1.16420000"),
    ]


def test_rates_are_read_where_the_company_says_that_they_lie(house: House, tmp_path: Path) -> None:
    path = tmp_path / "downloads" / "eurofxref-hist.csv"
    house.company = house.company.model_copy(update={"exchange_rates": ExchangeRates(path=path)})
    with pytest.raises(ConfigError, match=r"exchange_rates\.path names .*eurofxref-hist\.csv"):
        house.land()
    path.parent.mkdir()
    path.write_text("Date,USD,\n2026-01-09,1.1642,\n")
    house.land()
    columns = "currency_code, rate_date::varchar, _source_file"
    assert house.newest("exchange_rates", columns) == [("USD", "2026-01-09", "eurofxref-hist.csv")]


def test_accounts_keep_their_defaults_where_the_company_says_nothing(house: House) -> None:
    (house.paths.company / "rules").mkdir(exist_ok=True)
    (house.paths.company / "rules" / "accounts.yml").write_text(
        'cost_of_goods: ["71355"]\n', encoding="utf-8"
    )
    rows = {
        row["account_prefix"]: row["account_class_code"] for row in load_accounts(house.paths.company).rows()
    }
    assert rows["71355"] == "cost_of_goods"
    assert "7135" not in rows
    assert (rows["70"], rows["709"], rows["4198"]) == ("revenue", "price_reduction", "rebate_accrual")


def test_a_beginning_of_accounts_that_means_two_things_is_refused_with_its_name(house: House) -> None:
    (house.paths.company / "rules").mkdir(exist_ok=True)
    (house.paths.company / "rules" / "accounts.yml").write_text('receivable: ["70"]\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="'70' stands twice"):
        load_accounts(house.paths.company)


# --- stores ---


STORES = "store_code;store_name;partner_code;partner_store_code;gln;siret;valid_from_date;valid_to_date\n"


def test_a_store_may_have_lines_for_several_partners_codes_and_days(house: House) -> None:
    write_rule(
        house,
        "stores.csv",
        STORES
        + "M1;Lyon;D07;001;3799900021013;732 829 320 00074;;2026-02-01\nM1;Lyon;D07;001;;;2026-02-01;\n"
        "M1;Lyon;D07;LYON;;;;\nM1;Lyon;D08;;;;;\nM2;Nice;;;;;;\n",
    )
    house.land()
    columns = "store_code, partner_code, partner_store_code, gln, siret, valid_from_date::varchar, city"
    assert house.newest("stores", columns) == [
        ("M1", "D07", "001", "3799900021013", "73282932000074", "1900-01-01", None),
        ("M1", "D07", "001", None, None, "2026-02-01", None),
        ("M1", "D07", "LYON", None, None, "1900-01-01", None),
        ("M1", "D08", None, None, None, "1900-01-01", None),
        ("M2", None, None, None, None, "1900-01-01", None),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("M1;;D07;;;;;", "missing_value"),
        ("M1;Lyon;;001;;;;", "missing_value"),
        ("M1;Lyon;D07;;3799900021014;;;", "invalid_gln"),
        ("M1;Lyon;D07;;;73282932000075;;", "invalid_siret"),
        ("M1;Lyon;D07;;;;2026-02-01;2026-02-01", "invalid_range"),
        ("M1;Lyon;D07;;;;;\nM1;Lyon;D07;;;;2026-02-01;", "overlapping_ranges"),
    ],
)
def test_a_wrong_store_is_one_error_with_file_and_line(house: House, line: str, code: str) -> None:
    write_rule(house, "stores.csv", STORES + line + "\n")
    error = fault_of(house)
    assert error.code == code
    assert "rules/stores.csv:" in str(error)
