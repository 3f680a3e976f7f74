"""`aval partner` on the sample company: a page in the company's language, and a workbook of the same."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from orchestration.cli import app

pytestmark = pytest.mark.slow


def aval(*arguments: str, expect: int = 0) -> str:
    result = CliRunner().invoke(app, ["partner", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == expect, result.output
    return str(result.output)


def test_the_page_of_a_partner_says_what_a_visit_needs(built_demo: Path, tmp_path: Path) -> None:
    file = tmp_path / "D13.xlsx"
    page = aval("D13", "--xlsx", str(file), "--data", str(built_demo))
    assert "D13 Normandie Fluides, à la date du 30/06/2026" in page
    lines = {line[:38].strip(): line[38:].strip() for line in page.splitlines()}
    assert lines["Dernière commande"] == "14/04/2026"
    assert lines["Jours depuis la dernière commande"] == "77"
    # It counts at the end of the month; the report of June is not due yet.
    assert lines["Stock au"] == "31/05/2026"
    report = built_demo / "source" / "inbox" / "D13" / "normandie_202605.txt"
    counted = sum(int(row.split("\t")[-1]) for row in report.read_text("utf-16").splitlines()[1:])
    assert int(lines["Stock"].replace("\u202f", "").replace("\xa0", "").replace(" ", "")) == counted
    assert lines["Territoires exclusifs"] == "76"
    assert lines["Canal"] == "Distributeur régional"
    assert lines["Mesure du palier"] in {"montant", "unités"}
    rows = CalamineWorkbook.from_path(file).get_sheet_by_name("D13").to_python()
    values = {row[1]: row[2] for row in rows if len(row) > 2}
    assert values["Jours depuis la dernière commande"] == 77
    assert values["Stock"] == counted


def test_a_stock_that_is_not_reported_is_not_known(built_demo: Path, tmp_path: Path) -> None:
    file = tmp_path / "D03.xlsx"
    page = aval("D03", "--xlsx", str(file), "--data", str(built_demo))
    lines = {line[:38].strip(): line[38:].strip() for line in page.splitlines()}
    assert lines["Stock au"] == "non connu"
    rows = CalamineWorkbook.from_path(file).get_sheet_by_name("D03").to_python()
    assert {row[1]: row[2] for row in rows if len(row) > 2}["Stock"] == "non connu"


def test_a_conflict_over_all_families_is_said_in_words(built_demo: Path) -> None:
    # A lead of Loire-Atlantique went to D08, where D17 is exclusive for all families.
    conflict = next(line for line in aval("D17", "--data", str(built_demo)).splitlines() if "D08" in line)
    assert "Loire-Atlantique" in conflict
    assert conflict.strip().endswith("toutes les familles")


def test_a_partner_that_nobody_knows_is_one_sentence(built_demo: Path) -> None:
    assert "there is no partner 'D99'" in aval("D99", "--data", str(built_demo), expect=2)


def test_an_amount_of_nothing_is_0_and_not_unknown(published: duckdb.DuckDBPyConnection) -> None:
    for kind in ("open_opportunity", "protected_deal"):
        amounts = published.execute(
            f"select {kind}_amount, count(*) from marts.mart_partner_360 where {kind}_count = 0 group by all"
        ).fetchall()
        assert [amount for amount, _ in amounts] == [0]
