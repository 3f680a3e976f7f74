"""Scorecards: the company's view at the terminal, and the workbook that the partner itself may see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.cli_scorecard import _points
from orchestration.scorecards import read_scorecard, shared_total, write_shared
from orchestration.settings import Settings
from tests.unit.orchestration import books

MAY = date(2026, 5, 1)
MEASURES = {
    "volume": "revenue_to_median_rate",
    "growth": "sell_out_growth_rate",
    "margin": "pocket_margin_rate",
}


def a_theme(partner: str, theme: str, score: str | None, month: date = MAY, **more: Any) -> dict[str, Any]:
    return {
        "month_start_date": month,
        "partner_code": partner,
        "theme_code": theme,
        "theme_number": [*MEASURES].index(theme) + 1,
        "theme_name_fr": f"{theme} fr",
        "theme_name_en": f"{theme} en",
        "measure_code": MEASURES[theme],
        "figure_value": None if score is None else Decimal("0.1234"),
        "score_value": score,
        "weight_rate": {"volume": 20, "growth": 30, "margin": 50}[theme],
        "reason_code": "not_reported" if score is None else None,
        "segment_median_value": Decimal("0.0777"),
        "segment_median_score": Decimal("44"),
        "segment_scored_partner_count": 5,
        "total_score": Decimal("66.6"),
        "covered_weight_rate": 100,
        "total_rank": 2,
        "ranked_partner_count": 7,
        **more,
    }


def balance(partner: str, product: str, month: date, sold: Any) -> dict[str, Any]:
    return {
        "month_start_date": month,
        "partner_code": partner,
        "product_code": product,
        "sell_in_quantity": 40,
        "sell_out_quantity": sold,
        "closing_stock_quantity": 12,
    }


def publish(settings: Settings, partners: int, peers: int = 5) -> None:
    others = [f"SECRET{number}" for number in range(1, partners)]
    books.publication(
        settings,
        {
            "mart_partner_scorecard_monthly": [
                a_theme("D01", "volume", "50", segment_scored_partner_count=peers),
                a_theme("D01", "growth", "80", segment_scored_partner_count=peers, coverage_rate=67),
                a_theme("D01", "growth", "70", date(2026, 4, 1)),
                a_theme("D01", "margin", "99", figure_value=Decimal("0.9876")),
                *(a_theme(code, "growth", "10", figure_value=Decimal("0.5555")) for code in others),
            ],
            "dim_scorecard_themes": [
                {
                    "theme_code": theme,
                    "valid_from_date": date(1900, 1, 1),
                    "valid_to_date": date(9999, 12, 31),
                    "theme_weight": 1,
                    "is_shared": theme != "margin",
                }
                for theme in MEASURES
            ],
            "dim_partners": [
                {"partner_code": code, "partner_name": f"Société {code}", "is_current": True}
                for code in ("D01", *others)
            ],
            "dim_products": [{"product_code": "P1", "product_name": "Vanne"}],
            "mart_channel_balance_monthly": [
                balance("D01", "P1", MAY, 30),
                balance("D01", "P1", date(2026, 4, 1), None),
                balance("SECRET1", "P9", MAY, 31),
            ],
        },
    )


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    return books.company(tmp_path)


def cells(path: Path) -> Iterator[Any]:
    for sheet in openpyxl.load_workbook(path, data_only=True).worksheets:
        for row in sheet.iter_rows(values_only=True):
            yield from (cell for cell in row if cell is not None)


def shared(settings: Settings, path: Path) -> list[Any]:
    published = settings.current.resolve()
    write_shared(published, read_scorecard(published, "D01", MAY, "fr"), "Acme", "fr", path)
    return list(cells(path))


def test_the_partners_workbook_holds_its_own_figures_and_medians_only(
    settings: Settings, tmp_path: Path
) -> None:
    publish(settings, partners=6)
    found = shared(settings, tmp_path / "own.xlsx")
    texts = " ".join(str(cell) for cell in found)
    assert "Société D01" in texts
    assert "Vanne" in texts
    assert "SECRET" not in texts
    assert "P9" not in texts
    assert "margin" not in texts
    numbers = {round(float(cell), 4) for cell in found if isinstance(cell, int | float)}
    assert {0.1234, 80, 70, 0.0777, 44, 30} <= numbers
    # The other partners' growth, our margin, the total it is part of, and what another sold.
    assert numbers & {0.5555, 0.9876, 99, 66.6, 31} == set()
    assert "couverture des rapports 67 %" in texts


def test_titles_are_punctuated_as_in_their_language(settings: Settings, tmp_path: Path) -> None:
    publish(settings, partners=6)
    published = settings.current.resolve()
    path = tmp_path / "en.xlsx"
    write_shared(published, read_scorecard(published, "D01", MAY, "en"), "Acme", "en", path)
    assert "Société D01: scorecard 2026-05" in list(cells(path))
    assert "Société D01: your sales by month" in list(cells(path))
    assert "Société D01 : fiche de performance 05/2026" in shared(settings, tmp_path / "fr.xlsx")


def test_its_total_is_that_of_the_themes_it_shows(settings: Settings, tmp_path: Path) -> None:
    publish(settings, partners=6)
    shared(settings, tmp_path / "own.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "own.xlsx")["Fiche"]
    assert sheet["F7"].value == "=SUMPRODUCT(F5:F6,I5:I6)"
    assert [sheet[place].value for place in ("F5", "F6", "I5", "I6")] == [50, 80, 0.4, 0.6]
    assert openpyxl.load_workbook(tmp_path / "own.xlsx", data_only=True)["Fiche"]["F7"].value == 68
    card = read_scorecard(settings.current.resolve(), "D01", MAY, "fr")
    assert shared_total(card.shared()) == 68


def test_medians_of_four_partners_are_kept_back_and_so_is_what_a_median_of_few_tells(
    settings: Settings, tmp_path: Path
) -> None:
    publish(settings, partners=4, peers=4)
    found = shared(settings, tmp_path / "own.xlsx")
    numbers = {round(float(cell), 4) for cell in found if isinstance(cell, int | float)}
    assert numbers & {0.0777, 44, 50} == set()
    assert "volume fr" not in found
    assert "growth fr" in found


def test_a_month_without_a_report_is_an_empty_cell(settings: Settings, tmp_path: Path) -> None:
    publish(settings, partners=6)
    shared(settings, tmp_path / "own.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "own.xlsx", data_only=True)["Par mois"]
    rows = [row[1:4] for row in sheet.iter_rows(min_row=5, values_only=True)]
    assert rows == [(40, None, None), (40, 30, 75)]


def test_the_company_sees_total_and_rank_at_the_terminal(settings: Settings) -> None:
    publish(settings, partners=6)
    where = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]
    shown = {}
    for language in ("fr", "en"):
        asked = ["scorecard", "--partner", "D01", "--month", "2026-05", "--language", language, *where]
        result = CliRunner().invoke(app, asked)
        assert result.exit_code == 0, result.output
        shown[language] = result.output
    assert "D01, 2026-05" in shown["en"]
    assert "total 66.6, rank 2 of 7" in shown["en"]
    assert "benchmark" in shown["en"]
    assert "98.8 %" in shown["en"]
    assert "D01, 05/2026" in shown["fr"]
    assert "total 66,6, rang 2 sur 7" in shown["fr"]
    assert "des poids couverts" in shown["fr"]
    assert "margin fr" in shown["fr"]
    assert "repère" in shown["fr"]
    assert "98,8 %" in shown["fr"]
    assert "weight" not in shown["fr"]


def test_a_partner_without_a_scorecard_is_said_in_words(settings: Settings) -> None:
    publish(settings, partners=6)
    where = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]
    result = CliRunner().invoke(app, ["scorecard", "--partner", "D77", *where])
    assert result.exit_code == 2, result.output
    assert "partner D77 has no scorecard" in result.output


def test_reports_that_are_not_whole_are_never_said_to_cover_100_percent(
    settings: Settings, tmp_path: Path
) -> None:
    books.publication(
        settings,
        {
            "mart_partner_scorecard_monthly": [
                a_theme("D01", "growth", "80", coverage_rate=Decimal("99.62"))
            ],
            "dim_scorecard_themes": [
                {
                    "theme_code": "growth",
                    "valid_from_date": date(1900, 1, 1),
                    "valid_to_date": date(9999, 12, 31),
                    "theme_weight": 1,
                    "is_shared": True,
                }
            ],
            "dim_partners": [{"partner_code": "D01", "partner_name": "Société D01", "is_current": True}],
            "dim_products": [],
            "mart_channel_balance_monthly": [],
        },
    )
    card = read_scorecard(settings.current, "D01", MAY, "en")
    write_shared(settings.current, card, "Acme", "en", tmp_path / "D01.xlsx")
    assert "reports cover 99 %" in set(cells(tmp_path / "D01.xlsx"))


@pytest.mark.parametrize(
    ("change", "said"), [("-0.04", "+0.0"), ("0", "+0.0"), ("-0.06", "-0.1"), ("7.44", "+7.4")]
)
def test_a_change_that_rounds_to_nothing_has_no_minus_sign(change: str, said: str) -> None:
    assert _points(Decimal(change), signed=True) == said
