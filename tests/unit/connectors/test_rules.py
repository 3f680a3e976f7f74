"""Rules -> landing: feeds, crosswalks, thresholds; a new batch only if the content changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.company import Company, Paths
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
    assert house.land() == ["feeds", "product_crosswalk", "thresholds"]
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
    assert ("overstock_ratio_rate", "*", "0.800") in rows
    assert ("max_weeks_of_supply_weeks", "*", "12.000") in rows
    assert [row for row in rows if row[1] == "online_reseller"] == [
        ("max_weeks_of_supply_weeks", "online_reseller", "6.000")
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
    ],
)
def test_wrong_thresholds_are_one_error_with_file_and_line(
    house: House, content: str, line: int, expected: str
) -> None:
    house.write(CROSSWALK, content)
    with pytest.raises(ConfigError, match=expected) as caught:
        house.land()
    assert caught.value.place.line == line
