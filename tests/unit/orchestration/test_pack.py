"""The finance pack: identity first, sheets by declaration, formulas that give the marts' figures."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.closing import close
from orchestration.declared import models
from orchestration.pack import write_pack
from orchestration.publish import Coverage
from orchestration.settings import DBT_PROJECT, Settings
from tests.unit.orchestration import books
from tests.unit.orchestration.formulas import Calculator

APRIL = date(2026, 4, 1)
MAY = date(2026, 5, 1)


def sold(partner: str, channel: str, gross: str, standard: str, exceptional: str) -> dict[str, Any]:
    values = [Decimal(text) for text in (gross, standard, exceptional)]
    return {
        "sell_in_monthly_id": partner,
        "month_start_date": MAY,
        "partner_code": partner,
        "channel_code": channel,
        "product_code": "P1",
        "net_quantity": 3,
        "gross_amount": values[0],
        "standard_discount_amount": values[1],
        "exceptional_discount_amount": values[2],
        "net_amount": values[0] - values[1] - values[2],
    }


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path)
    books.publication(
        settings,
        {
            "mart_sell_in_monthly": [
                sold("D01", "direct", "100.10", "20", "0.05"),
                sold("D02", "direct", "50", "0", "0"),
                sold("D03", "online", "1000", "250.25", "0"),
            ],
            "dim_channels": [
                {
                    "channel_code": "direct",
                    "channel_name_fr": "Vente directe",
                    "channel_name_en": "Direct sale",
                }
            ],
            "dim_partners": [
                {"partner_code": code, "partner_name": f"Société {code}", "is_current": True}
                for code in ("D01", "D02", "D03")
            ],
        },
    )
    return settings


def test_formulas_give_the_figures_of_the_mart(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "pack.xlsx"
    pack = write_pack(settings, "2026-05", path)
    assert pack.agrees
    assert dict(pack.sheets) == {"Sell-in": 3}
    calculator = Calculator(path)
    assert calculator.wrong() == []
    sheet = calculator.book["Sell-in"]
    heads = [cell.value for cell in sheet[4]]
    assert heads[:3] == ["Canal", "Code partenaire", "Partenaire"]
    net = "ABCDEFGHIJ"[heads.index("Montant net HT")]
    rows = [
        (sheet[f"A{row}"].value, sheet[f"B{row}"].value, round(calculator.number(sheet, f"{net}{row}"), 4))
        for row in range(5, 11)
    ]
    assert rows == [
        ("Vente directe", "D01", 80.05),
        ("Vente directe", "D02", 50),
        ("Total Vente directe", None, 130.05),
        ("online", "D03", 749.75),
        ("Total online", None, 749.75),
        ("Total", None, 879.8),
    ]
    assert sheet[f"{net}5"].value.startswith("=")
    control = calculator.book["Contrôle"]
    differences = [calculator.value(control, f"E{row}") for row in range(5, control.max_row + 1)]
    assert differences
    assert set(differences) == {0}


def test_the_first_sheet_says_which_publication_it_is_and_whether_the_month_is_closed(
    settings: Settings, tmp_path: Path
) -> None:
    close(settings, "2026-05", "Ana")
    path = tmp_path / "pack.xlsx"
    write_pack(settings, "2026-05", path)
    sheet = Calculator(path).book.worksheets[0]
    said = {row[0].value: row[1].value for row in sheet.iter_rows(min_row=4) if row[0].value}
    assert said["Publication"] == settings.current.resolve().stem
    assert said["Exécution"] == "run-1"
    assert said["Version du code"] == "0.1.0+abc"
    assert said["Chiffres arrêtés au"] == datetime(2026, 6, 30)  # noqa: DTZ001 - Excel knows no zone
    assert str(said["État du mois"]).startswith("clos : 2026-05#1")
    assert said["Contrôle core"] == "passé, 3 vérifications, 0 avertissement"


def test_numbers_are_numbers_in_french_formats_and_sheets_are_set_up_to_print(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "pack.xlsx"
    write_pack(settings, "2026-05", path)
    sheet = Calculator(path).book["Sell-in"]
    gross = next(cell for cell in sheet[5] if cell.value == 100.1)
    assert gross.number_format == "[$-40C]#,##0.00"
    assert sheet["A1"].value == "Sell-in 05/2026"
    assert sheet.freeze_panes == "D5"
    assert sheet.print_title_rows == "$4:$4"
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)


def test_a_sheet_that_does_not_tie_to_its_mart_is_told_by_the_exit_code(
    settings: Settings, tmp_path: Path
) -> None:
    options = ["-c", str(settings.paths.company), "-d", str(settings.paths.data)]
    runner = CliRunner()
    path = tmp_path / "pack.xlsx"
    asked = ["finance-pack", "2026-05", "--out", str(path), *options]
    assert runner.invoke(app, asked).exit_code == 0
    with duckdb.connect(str(settings.current.resolve())) as connection:
        connection.execute(
            "update marts.mart_sell_in_monthly set net_amount = 50.01 where partner_code = 'D02'"
        )
    result = runner.invoke(app, asked)
    assert result.exit_code == 1
    assert "Montant net HT: -0.01" in result.output
    control = Calculator(path)
    sheet = control.book["Contrôle"]
    found = {sheet[f"B{row}"].value: control.value(sheet, f"E{row}") for row in range(5, sheet.max_row + 1)}
    assert found["Montant net HT"] == -0.01
    assert runner.invoke(app, ["finance-pack", "2019-01", "--out", str(path), *options]).exit_code == 2


def test_headings_follow_the_companys_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path, locale="en")
    books.publication(
        settings,
        {
            "mart_sell_in_monthly": [sold("D01", "direct", "1", "0", "0")],
            "dim_partners": [],
            "dim_channels": [],
            "fct_reporting_periods": [
                {
                    "feed_code": feed,
                    "report_kind_code": "sell_out",
                    "month_start_date": month,
                    "is_of_record": True,
                    "is_expected": True,
                    "is_reported": False,
                }
                for feed, month in (
                    ("D17_quarter", MAY),
                    ("D03_sales", MAY),
                    ("D03_sales", MAY),
                    ("D15", APRIL),
                )
            ],
            "mart_margin_reconciliation_monthly": [
                {
                    "margin_reconciliation_id": "1",
                    "month_start_date": MAY,
                    "measure_code": "cost_of_goods",
                    "partner_code": "NONE",
                    "status_code": "not_computed",
                }
            ],
        },
        coverage=Coverage(reports_missing=("D15 2026-04",)),
    )
    close(settings, "2026-05", "Ana")
    path = tmp_path / "pack.xlsx"
    write_pack(settings, "2026-05", path)
    book = Calculator(path).book
    said = {row[0].value: row[1].value for row in book["Identity"].iter_rows(min_row=4) if row[0].value}
    assert re.fullmatch(r"closed: 2026-05#1, \d{4}-\d\d-\d\d, Ana", str(said["State of the month"]))
    assert said["Gate core"] == "passed, 3 checks, 0 warnings"
    assert said["Sales reports of the month not received"] == "D03_sales × 2, D17_quarter"
    assert said["Reports overdue, all months"] == "D15 2026-04"
    assert book.sheetnames == ["Identity", "Sell-in", "Ledger reconciliation", "Control"]
    assert book["Sell-in"]["A4"].value == "Channel"
    assert [cell.value for cell in book["Ledger reconciliation"][5]][:4] == [
        "Cost of goods sold",
        "No partner",
        None,
        "Not computed",
    ]


CODES_OF_THE_COMPANY = {
    "agent_code",
    "channel_code",
    "partner_code",
    "product_code",
    "programme_code",
}


def earned(partner: str, sales: int, margin: int | None) -> dict[str, Any]:
    return {
        "partner_profitability_id": partner,
        "month_start_date": MAY,
        "partner_code": partner,
        "invoice_sales_amount": Decimal(sales),
        "pocket_sales_amount": Decimal(sales),
        "pocket_margin_amount": None if margin is None else Decimal(margin),
        "channel_contribution_amount": None if margin is None else Decimal(margin),
        "profit_amount": None if margin is None else Decimal(margin),
    }


def test_what_is_not_known_is_an_empty_cell_and_no_part_of_a_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path, locale="en")
    rows = [earned("D01", 100, 40), earned("D02", 50, None), earned("D03", -100, -160)]
    books.publication(settings, {"mart_partner_profitability_monthly": rows, "dim_partners": []})
    path = tmp_path / "pack.xlsx"
    assert write_pack(settings, "2026-05", path).agrees
    calculator = Calculator(path)
    sheet = calculator.book["Partner profitability"]
    at = {cell.value: cell.column_letter for cell in sheet[4]}
    rates = [calculator.value(sheet, f"{at['Pocket margin rate (%)']}{row}") for row in (5, 6, 7, 8)]
    # D02 has no rate, and neither has a total of which a part is not known. D03 has lost 160, but not 160 %.
    assert rates == [0.4, None, "", None]
    assert calculator.number(sheet, f"{at['Pocket margin']}8") == -120
    # Nobody's waiting has a cost that is known: no total of 0.
    assert sheet[f"{at['Financing cost']}8"].value is None


def test_amounts_have_the_decimals_of_the_currency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path, locale="en", currency="JPY")
    books.publication(
        settings,
        {
            "mart_sell_in_monthly": [sold("D01", "direct", "100", "0", "0")],
            "dim_partners": [],
            "dim_channels": [],
        },
    )
    path = tmp_path / "pack.xlsx"
    write_pack(settings, "2026-05", path)
    sheet = Calculator(path).book["Sell-in"]
    assert next(cell for cell in sheet[5] if cell.value == 100).number_format == "#,##0"


def test_a_partner_whose_sales_nobody_knows_has_none_of_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path, locale="en")

    def of_product(partner: str, product: str, sales: int | None, freight: int) -> dict[str, Any]:
        return {
            "margin_waterfall_id": f"{partner}|{product}",
            "month_start_date": MAY,
            "channel_code": "direct",
            "partner_code": partner,
            "product_code": product,
            "gross_sales_amount": sales,
            "invoice_sales_amount": sales,
            "freight_amount": freight,
        }

    rows = [
        of_product("D01", "P1", None, 5),  # no rate of exchange
        of_product("D01", "NONE", 0, 7),  # a cost that no line carries
        of_product("D02", "P1", 70, 0),
        of_product("D02", "P2", None, 0),
        of_product("D03", "NONE", 0, 7),  # bought nothing
    ]
    books.publication(
        settings, {"mart_margin_waterfall_monthly": rows, "dim_partners": [], "dim_channels": []}
    )
    path = tmp_path / "pack.xlsx"
    assert write_pack(settings, "2026-05", path).agrees
    sheet = Calculator(path).book["Margin waterfall"]
    at = {cell.value: cell.column_letter for cell in sheet[4]}
    assert [sheet[f"{at['Gross sales at list price']}{row}"].value for row in (5, 6, 7)] == [None, 70, 0]
    assert [sheet[f"{at['Freight paid by us']}{row}"].value for row in (5, 6, 7)] == [12, 0, 7]


def test_a_level_that_one_product_does_not_know_is_empty_for_the_partner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    settings = books.company(tmp_path, locale="en")

    def of_product(partner: str, product: str, cost: int | None) -> dict[str, Any]:
        margin = None if cost is None else Decimal(100 - cost)
        return {
            "margin_waterfall_id": f"{partner}|{product}",
            "month_start_date": MAY,
            "channel_code": "direct",
            "partner_code": partner,
            "product_code": product,
            "gross_sales_amount": Decimal(100),
            "invoice_sales_amount": Decimal(100),
            "pocket_sales_amount": Decimal(100),
            "cost_of_goods_amount": cost,
            "pocket_margin_amount": margin,
            "channel_contribution_amount": margin,
        }

    rows = [of_product("D01", "P1", 60), of_product("D01", "P2", None), of_product("D02", "P1", 70)]
    books.publication(
        settings, {"mart_margin_waterfall_monthly": rows, "dim_partners": [], "dim_channels": []}
    )
    path = tmp_path / "pack.xlsx"
    pack = write_pack(settings, "2026-05", path)
    assert [check for check in pack.checks if check.difference] == []
    calculator = Calculator(path)
    sheet = calculator.book["Margin waterfall"]
    at = {cell.value: cell.column_letter for cell in sheet[4]}
    assert sheet[f"{at['Pocket margin']}5"].value is None
    assert calculator.number(sheet, f"{at['Pocket sales']}5") == 200
    assert calculator.number(sheet, f"{at['Pocket margin']}6") == 30
    assert calculator.number(sheet, f"{at['Pocket margin']}7") == 30


def test_every_code_of_ours_on_a_sheet_has_a_name_in_both_languages() -> None:
    """`measure_code` of the adjustments is a column of the mart beside it and is named by that."""
    found = {
        (model.name, column): model.values[column]
        for model in models().values()
        if model.sheet is not None
        for column in model.sheet.rows
        if column.endswith("_code")
        and column not in CODES_OF_THE_COMPANY
        and "mart_name" not in model.sheet.rows
    }
    assert len(found) >= 5
    for place, names in found.items():
        assert names, place
        assert all(set(in_both) == {"fr", "en"} for in_both in names.values()), place
    accepted = {
        (node["name"], column["name"]): test["accepted_values"]["arguments"]["values"]
        for folder in ("core", "marts")
        for path in (DBT_PROJECT / "models" / folder).glob("*.yml")
        for node in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ())
        for column in node["columns"]
        for test in column.get("data_tests", ())
        if isinstance(test, dict) and "accepted_values" in test
    }
    held = set(found) & set(accepted)
    assert len(held) >= 4
    assert {place: set(found[place]) for place in held} == {place: set(accepted[place]) for place in held}
