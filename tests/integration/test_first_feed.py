"""The README's five minutes: a directory copied from examples/start, one ugly file, a published mart."""

from __future__ import annotations

import shutil
import sqlite3
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.installation import ROOT, run_aval

pytestmark = pytest.mark.slow

# The ERP in the tables that the queries of examples/start expect.
ERP = """
create table customer (code text, name text, country text, postal_code text, active integer);
insert into customer values ('P042', 'Quincaillerie du Port', 'FR', '29200', 1);
create table article (code text, name text, family text, ean text, active integer);
insert into article values
    ('RAC0101', 'Raccord mâle', 'RAC', '3799991000010', 1), ('RAC0102', 'Raccord coudé', 'RAC', null, 1);
create table invoice (number text, kind text, customer text, posting_date text);
insert into invoice values ('F1', 'F', 'P042', '2026-01-05'), ('A1', 'C', 'P042', '2026-01-20');
create table invoice_line (
    invoice text, position integer, article text, quantity numeric, list_price numeric, net numeric
);
insert into invoice_line values
    ('F1', 1, 'RAC0101', 100, 5, 400), ('F1', 2, 'RAC0102', 50, 6, 240), ('A1', 1, 'RAC0101', -10, 5, -40);
"""
# As its spreadsheet program saved it: Windows-1252, titles above, blanks in numbers, a total below.
REPORT = (
    "Quincaillerie du Port;;;;\r\nVentes de la semaine 5, édité le 02/02/2026;;;;\r\n\r\n"
    "Réf.;Désignation;Qté vendue;CA HT;Stock\r\n"
    "RAC0101;Raccord mâle;1 012;12 234,50;88\r\nRAC0102;Raccord coudé;3;45,00;47\r\n"
    "ZZZ99;Joint spécial;2;8,40;5\r\nTOTAL;;1 017;12 287,90;140\r\n"
).encode("cp1252")


def test_a_new_partners_report_is_drafted_checked_and_published_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, data, inbox = tmp_path / "acme", tmp_path / "data", tmp_path / "inbox"
    shutil.copytree(ROOT / "examples" / "start", company)
    settings = company / "company.yml"
    settings.write_text(settings.read_text().replace("/srv/acme/inbox", str(inbox)))
    with sqlite3.connect(tmp_path / "erp.sqlite") as connection:
        connection.executescript(ERP)
    sample = inbox / "P042" / "ventes_2026-S05.csv"
    sample.parent.mkdir(parents=True)
    sample.write_bytes(REPORT)
    profile = company / "feeds" / "P042_ventes.yml"
    monkeypatch.setenv("AVAL_COMPANY", str(company))
    monkeypatch.setenv("AVAL_DATA", str(data))
    monkeypatch.setenv("ACME_ERP_URL", f"sqlite:///{tmp_path / 'erp.sqlite'}")

    def aval(*arguments: str) -> str:
        """What takes no process of its own, whose start would cost more than what it does."""
        told = CliRunner().invoke(app, arguments)
        assert told.exit_code == 0, told.output
        return told.output

    aval("feeds", "propose", str(sample), "--out", str(profile))
    # What the README says to correct: nothing has landed, so the draft cannot know that the codes are ours.
    draft = profile.read_text()
    assert "  partner_product_code: Réf.   # 0.60: " in draft
    profile.write_text(draft.replace("partner_product_code: Réf.", "product_code: Réf."))
    aval("doctor")
    checked = aval("feeds", "check", str(sample))
    assert "4 rows read: 3 accepted, 0 in quarantine, 1 skipped" in checked
    assert "would be accepted" in checked
    told = run_aval("run", data=data, AVAL_COMPANY=str(company))
    assert told.returncode == 0, told.stdout + told.stderr

    with duckdb.connect(str((data / "published" / "current.duckdb").resolve()), read_only=True) as published:
        assert published.sql(
            "select product_code, sold_quantity, net_amount from marts.mart_sell_out_monthly "
            "where partner_code = 'P042' and month_start_date = date '2026-01-01' and line_count > 0 "
            "order by product_code"
        ).fetchall() == [
            ("RAC0101", 1012, Decimal("12234.50")),
            ("RAC0102", 3, Decimal(45)),
            ("UNMATCHED", None, Decimal("8.40")),
        ]
        assert published.sql(
            "select sum(net_quantity), sum(net_amount) from marts.mart_sell_in_monthly "
            "where partner_code = 'P042'"
        ).fetchall() == [(140, 600)]
