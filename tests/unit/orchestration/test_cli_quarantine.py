"""`aval quarantine` on a company with two partners: languages, one partner to a file, the way back."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.feeds.intake.run import take_in
from connectors.ledger import Ledger
from connectors.sheets import read_sheet
from orchestration.cli import app
from orchestration.settings import load_settings

COMPANY = """
company: {code: acme, name: Acme}
locale: fr
as_of_date: 2026-03-01
erp: {kind: sql, url: "sqlite:///${AVAL_DATA}/erp.sqlite", queries: erp}
inbox: {path: "${AVAL_DATA}/inbox"}
"""
FEED = """
partner: %s
files: {glob: "%s/*.csv"}
container: {kind: delimited, delimiter: ";"}
period: {frequency: week, source: file_name, pattern: '(?P<year>\\d{4})-W(?P<week>\\d\\d)'}
columns: {partner_product_code: Ref, sold_quantity: Qty}
max_quarantined_share: 1.0
expected_from: 2026-01-05
"""
WEEK = "v_2026-W05.csv"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    company, data = tmp_path / "company", tmp_path / "data"
    (company / "feeds").mkdir(parents=True)
    (company / "company.yml").write_text(COMPANY)
    for partner in ("P1", "P2"):
        (company / "feeds" / f"{partner}_weekly.yml").write_text(FEED % (partner, partner))
        (data / "inbox" / partner).mkdir(parents=True)
        report = data / "inbox" / partner / WEEK
        report.write_text(f"Ref;Qty\n{partner}A;1 000\n=2+3;x\n{partner}B;2\n")
        moment = datetime(2026, 2, 9, tzinfo=UTC).timestamp()
        os.utime(report, (moment, moment))
    take(company, data)
    return ["--company", str(company), "--data", str(data)]


def take(company: Path, data: Path) -> None:
    settings = load_settings(company, data)
    with Ledger(settings.paths.ledger) as ledger:
        take_in(settings.paths, settings.company, settings.profiles, ledger, now=datetime.now(UTC))


def aval(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["quarantine", *arguments], env={"COLUMNS": "250"})
    assert result.exit_code == code, result.output
    return str(result.output)


def test_the_list_counts_by_feed_and_reason_and_speaks_the_companys_language(options: list[str]) -> None:
    shown = aval("list", *options)
    assert "4 rows are in quarantine; at stake: ~8 units (~ holds estimates)" in shown
    assert "« Qty » ne contient pas de nombre" in shown
    assert "2026-02-09" in shown
    assert "2 rows are in quarantine" in aval("list", "--feed", "P1_weekly", *options)
    assert "0 rows are in quarantine" in aval("list", "--reason", "missing_date", *options)
    assert "0 rows are in quarantine" in aval("list", "--since", "2026-02-10", *options)


def test_a_report_came_on_the_day_that_it_was_at_the_companys(options: list[str]) -> None:
    company, data = Path(options[1]), Path(options[3])
    report = data / "inbox" / "P1" / "v_2026-W06.csv"
    report.write_text("Ref;Qty\nP1A;y\n")
    # Half past midnight in Paris.
    moment = datetime(2026, 2, 15, 23, 30, tzinfo=UTC).timestamp()
    os.utime(report, (moment, moment))
    take(company, data)
    shown = aval("list", "--since", "2026-02-16", *options)
    assert "1 row is in quarantine" in shown
    assert "2026-02-16" in shown


def test_a_mistyped_name_is_refused_and_does_not_read_as_an_empty_quarantine(
    options: list[str], tmp_path: Path
) -> None:
    file = str(tmp_path / "p1.csv")
    assert "one of: P1_weekly, P2_weekly" in aval("list", "--feed", "P1_weakly", *options, code=2)
    assert "one of: P1, P2" in aval("list", "--partner", "p1", *options, code=2)
    assert "missing_product" in aval("list", "--reason", "no_product", *options, code=2)
    assert "there is no feed" in aval("export", file, "-p", "P1", "--feed", "P1", *options, code=2)


def test_the_newest_report_is_listed_last_whichever_was_entered_last(options: list[str]) -> None:
    company, data = Path(options[1]), Path(options[3])
    report = data / "inbox" / "P1" / "v_2026-W06.csv"
    report.write_text("Ref;Qty\nP1A;y\n")
    moment = datetime(2026, 2, 16, tzinfo=UTC).timestamp()
    os.utime(report, (moment, moment))
    earlier = data / "inbox" / "P2" / "v_2026-W04.csv"
    earlier.write_text("Ref;Qty\nP2A;y\n")
    moment = datetime(2026, 2, 2, tzinfo=UTC).timestamp()
    os.utime(earlier, (moment, moment))
    take(company, data)
    shown = aval("list", *options)
    assert shown.index("v_2026-W04.csv") < shown.index("v_2026-W05.csv") < shown.index("v_2026-W06.csv")


def test_a_file_for_a_partner_holds_that_partners_rows_only_and_no_formula(
    options: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "p1.csv"
    assert "2 rows of P1" in aval("export", str(file), "--partner", "P1", *options)
    text = file.read_text(encoding="utf-8-sig")
    assert "P2" not in text
    assert ';"\'=2+3;x"' in text
    rows = read_sheet(file, ("fichier", "ligne", "motif"))
    assert [row.cells["ligne telle que reçue"] for row in rows] == ["P1A;1 000", "=2+3;x"]
    assert all("renvoyer le rapport entier" in row.cells["ce que nous demandons"] for row in rows)
    aval("export", str(file), "--partner", "P1", "--language", "en", *options)
    english = file.read_text(encoding="utf-8-sig")
    assert "'Qty' holds no number" in english
    assert "profile" not in english
    assert "--partner" in aval("export", str(file), *options, code=2)
    assert "one of: P1, P2" in aval("export", str(file), "--partner", "P9", *options, code=2)


def test_after_a_mended_profile_the_file_returns_and_the_list_says_what_it_brought(
    options: list[str],
) -> None:
    company, data = Path(options[1]), Path(options[3])
    (data / "inbox" / "P1" / WEEK).unlink()
    assert "mend the profile first" in aval("replay", *options)
    with (company / "feeds" / "P1_weekly.yml").open("a") as profile:
        profile.write("thousands_mark: ' '\n")
    said = aval("replay", "--feed", "P1_weekly", *options)
    assert "put back into the inbox" in said
    assert "aval run reads 1 file again" in said
    take(company, data)
    shown = aval("list", *options)
    assert "3 rows are in quarantine" in shown
    assert "a mended profile" in shown
    assert "there is no feed" in aval("replay", "--feed", "P9", *options, code=2)
    result = CliRunner().invoke(app, ["feeds", "status", *options], env={"COLUMNS": "250"})
    assert "1 row, 20 days" in result.output
    (company / "feeds" / "P1_weekly.yml").unlink()
    assert "give it back, as feeds/P1_weekly.yml" in aval("replay", *options)
    assert "give it back" in aval("replay", "--feed", "P1_weekly", *options)
