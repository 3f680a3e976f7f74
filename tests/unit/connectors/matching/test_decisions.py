"""The company's list of decisions: appended, dated, read with its checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.errors import ConfigError
from connectors.matching.decisions import (
    PARTNERS,
    PRODUCTS,
    STORES,
    Decision,
    add_decisions,
    load_matches,
    partner_of,
    rejected_pairs,
    standing_matches,
)

FILE = PRODUCTS.file
AT = "2026-03-01 09:00:00"
MATCH = Decision(
    "D08",
    "=X9",
    "Vanne; à\nsphère",
    "P1",
    "BOX",
    "accepted",
    "Ana",
    datetime(2026, 3, 1, 9, tzinfo=UTC),
    Decimal("0.9312"),
    "words 93 %",
    date(2026, 1, 1),
)


def test_decisions_are_appended_and_read_back_as_they_were(tmp_path: Path) -> None:
    add_decisions(tmp_path, [MATCH])
    before = (tmp_path / FILE).read_bytes()
    add_decisions(tmp_path, [replace(MATCH, decision="rejected", score=None)])
    assert (tmp_path / FILE).read_bytes().startswith(before)
    first, second = load_matches(tmp_path)
    assert first == {
        "partner_code": "D08",
        "reported_code": "=X9",
        "reported_label": "Vanne; à sphère",
        "product_code": "P1",
        "unit_code": "BOX",
        "valid_from_date": "2026-01-01",
        "valid_to_date": "9999-12-31",
        "decision_code": "accepted",
        "decided_by": "Ana",
        "decided_at": "2026-03-01 09:00:00",
        "match_score": "0.9312",
        "reason": "words 93 %",
    }
    assert second["decision_code"] == "rejected"
    assert second["match_score"] is None


def test_the_newest_decision_on_a_code_and_a_product_counts(tmp_path: Path) -> None:
    other = replace(MATCH, target_code="P2")
    add_decisions(tmp_path, [MATCH, other, replace(MATCH, decision="rejected")])
    rows = load_matches(tmp_path)
    assert rejected_pairs(rows) == {("D08", "=X9", "P1")}
    assert standing_matches(rows) == {("D08", "=X9", "P2", AT)}
    add_decisions(tmp_path, [replace(other, decision="rejected"), MATCH])
    rows = load_matches(tmp_path)
    assert rejected_pairs(rows) == {("D08", "=X9", "P2")}
    assert standing_matches(rows) == {("D08", "=X9", "P1", AT)}


def test_no_file_is_no_decision(tmp_path: Path) -> None:
    assert load_matches(tmp_path) == []
    add_decisions(tmp_path, [])
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("decision_code", "perhaps", "invalid_decision"),
        ("decided_at", "hier", "invalid_date"),
        ("match_score", "2", "invalid_number"),
        ("valid_to_date", "1900-01-01", "invalid_range"),
        ("product_code", "", "missing_value"),
    ],
)
def test_a_fault_names_file_and_line_and_nothing_is_added_to_it(
    tmp_path: Path, column: str, value: str, code: str
) -> None:
    add_decisions(tmp_path, [MATCH])
    header, line = (tmp_path / FILE).read_text().splitlines()
    cells = line.split(";")
    cells[2] = "x"  # the label holds the delimiter in quotes
    cells.pop(3)
    cells[header.split(";").index(column)] = value
    (tmp_path / FILE).write_text(f"{header}\n{';'.join(cells)}")
    before = (tmp_path / FILE).read_bytes()
    for use in (load_matches, lambda company: add_decisions(company, [MATCH])):
        with pytest.raises(ConfigError, match=r"products\.csv:2") as caught:
            use(tmp_path)
        assert caught.value.code == code
    assert (tmp_path / FILE).read_bytes() == before


def test_stores_and_partners_are_kept_in_files_of_their_own(tmp_path: Path) -> None:
    store = replace(MATCH, reported_code="LYON 3", target_code="MAG-0201", unit_code=None)
    add_decisions(tmp_path, [store], STORES)
    (row,) = load_matches(tmp_path, STORES)
    assert (row["partner_code"], row["reported_code"], row["store_code"]) == ("D08", "LYON 3", "MAG-0201")
    assert "unit_code" not in row
    assert standing_matches([row], STORES) == {("D08", "LYON 3", "MAG-0201", AT)}
    assert load_matches(tmp_path) == []


def test_the_partner_of_a_folder_is_the_one_accepted_last(tmp_path: Path) -> None:
    assert partner_of(tmp_path, "Nord/ventes.csv") is None
    first = replace(MATCH, partner_code="", reported_code="Nord", target_code="D08", unit_code=None)
    add_decisions(tmp_path, [first, replace(first, target_code="D09")], PARTNERS)
    assert partner_of(tmp_path, "Nord/ventes.csv") == "D09"
    add_decisions(tmp_path, [replace(first, target_code="D09", decision="rejected")], PARTNERS)
    assert partner_of(tmp_path, "Nord") == "D08"
    assert partner_of(tmp_path, "Sud") is None
