"""Drafts of profiles: the right choice where the sample proves one, an open line where it does not."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml

from connectors.company import Calendar, read_model
from connectors.errors import ConfigError, RejectedFile
from connectors.feeds.draft import open_decisions, render
from connectors.feeds.intake.check import CheckReport, check_file
from connectors.feeds.known import Known
from connectors.feeds.profile import Profile, load_profile
from connectors.feeds.propose import WRITTEN_FROM, Proposal, propose

GTINS = ("3799991000010", "3799991000027", "3799991000034", "3799991070228")
OURS = Known(product_codes=frozenset({"RAC0101", "RAC0102", "RAC0103"}), names=("Arvel",))


def draft(tmp_path: Path, name: str, content: str | bytes, encoding: str = "utf-8", **more: Any) -> Proposal:
    path = tmp_path / name
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return propose(path, **({"partner": "P042", "folder": "P042"} | more))


def checked(tmp_path: Path, name: str, proposal: Proposal) -> CheckReport:
    """What a dry run makes of the sample by its own draft."""
    profile = tmp_path / "P042_draft.yml"
    profile.write_text(render(proposal), encoding="utf-8")
    return check_file(tmp_path / name, read_model(profile, Profile), "P042_draft")


def workbook(rows: list[list[Any]], merged: tuple[tuple[int, int, int, int, str], ...] = ()) -> bytes:
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "dd/mm/yyyy"})
    sheet = book.add_worksheet("Ventes")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    for cells in merged:
        sheet.merge_range(*cells)
    book.close()
    return target.getvalue()


def test_a_french_export_with_title_lines_totals_and_marks_is_read_by_its_own_draft(tmp_path: Path) -> None:
    text = (
        "Quincaillerie du Port;;;\r\nVentes de la semaine 5;;;\r\n\r\n"
        "Code article;Désignation;Qté vendue;CA TTC\r\n"
        "RAC0101;Raccord mâle;1 200;2 400,50\r\nRAC0102;Raccord coudé;-3;-12,00\r\n"
        "TOTAL;;1 197;2 388,50\r\n"
    )
    proposal = draft(tmp_path, "ventes_2026-S05.csv", text, "cp1252", known=OURS)
    settled = proposal.settled
    assert settled["container.encoding"] == "cp1252"
    assert settled["container.header_row"] == 4
    assert settled["columns.product_code"] == "Code article"
    assert (settled["decimal_mark"], settled["thousands_mark"]) == (",", " ")
    assert settled["tax_rate"] == 0.2
    assert settled["expected_from"] == date(2026, 1, 26)
    report = checked(tmp_path, "ventes_2026-S05.csv", proposal)
    assert report.problem is None
    (total,) = report.totals
    assert (report.rows_accepted, report.rows_skipped, report.rows_quarantined) == (2, 1, 0)
    assert (total.period, total.quantity, total.amount) == ("2026-W05", "1200.000", "1990.4167")


@pytest.mark.parametrize(
    ("titles", "currency"),
    [
        ("sku,qty,net_usd", "USD"),
        ("sku,qty,Montant HT CHF", "CHF"),
        ("sku,qty,net_eur", "EUR"),
        ("sku,qty,amount", None),
        ("sku,currency,qty,net_usd", None),
    ],
)
def test_the_title_of_the_amounts_names_their_currency_unless_a_column_does(
    tmp_path: Path, titles: str, currency: str | None
) -> None:
    middle = "USD," if "currency" in titles else ""
    text = f"{titles}\nRAC0101,{middle}3,12.50\nRAC0102,{middle}1,4.10\n"
    settled = draft(tmp_path, "orders_2026-02.csv", text, known=OURS).settled
    assert settled["columns.net_amount"] == titles.split(",")[-1]
    assert settled.get("currency") == currency


def test_an_american_till_export_is_told_by_its_dates_and_its_decimal_point(tmp_path: Path) -> None:
    text = (
        '"household_id","store_id","basket_id","product_id","quantity","sales_value","sale_date"\n'
        '"1","324","311","823721","1","3.99","2017-01-02"\n"900","406","312","873203","2","1,250.10","2017-01-08"\n'
    )
    proposal = draft(tmp_path, "sales_2017-W01.csv", text, partner="RETAILER")
    settled = proposal.settled
    assert settled["columns.customer"] == "household_id"
    assert settled["columns.store_code"] == "store_id"
    assert settled["columns.transaction_id"] == "basket_id"
    assert settled["columns.partner_product_code"] == "product_id"
    assert settled["columns.net_amount"] == "sales_value"
    assert (settled["decimal_mark"], settled["thousands_mark"]) == (".", ",")
    assert settled["date_format"] == "%Y-%m-%d"
    assert settled["period.frequency"] == "week"


def test_a_column_without_a_known_title_is_a_gtin_by_its_check_digits(tmp_path: Path) -> None:
    rows = "".join(f"{gtin};{n};{n}\n" for n, gtin in enumerate(GTINS, start=1))
    proposal = draft(tmp_path, "x_2026-02.csv", "Colonne A;Quantité;Rang\n" + rows)
    choice = next(item for item in proposal.choices if item.key == "columns.gtin")
    assert choice.value == "Colonne A"
    assert "check digit" in choice.reason
    wrong = rows.replace("3799991000010", "3799991000011").replace("3799991000027", "3799991000028")
    other = draft(tmp_path, "y_2026-02.csv", "Colonne A;Quantité;Rang\n" + wrong)
    assert "columns.gtin" not in other.settled


def test_one_gln_or_siret_on_many_rows_is_a_store_and_no_product(tmp_path: Path) -> None:
    rows = "".join(f"3012345678900;{gtin};1\n" for gtin in GTINS * 3)
    settled = draft(tmp_path, "x_2026-02.csv", "Site client;EAN;Quantité\n" + rows).settled
    assert settled["columns.gtin"] == "EAN"
    assert settled["columns.store_code"] == "Site client"
    rows = "".join(f"73282932000074;{gtin};1\n" for gtin in GTINS * 3)
    settled = draft(tmp_path, "x_2026-02.csv", "Etab;EAN;Quantité\n" + rows).settled
    assert settled["columns.store_code"] == "Etab"


def test_day_and_month_that_could_be_swapped_are_left_to_a_person(tmp_path: Path) -> None:
    text = "Date;EAN;Qté\n03/02/2026;3799991000010;1\n04/02/2026;3799991000027;2\n"
    proposal = draft(tmp_path, "export.csv", text)
    (choice,) = [item for item in proposal.choices if item.key == "date_format"]
    assert choice.confidence < WRITTEN_FROM
    assert "month before day" in choice.reason
    assert "# TODO date_format: '%d/%m/%Y'" in render(proposal)


@pytest.mark.parametrize(
    ("days", "frequency"),
    [
        (("04/12/2026", "04/15/2026", "04/18/2026"), "day"),  # Sunday to Saturday, in two ISO weeks
        (("04/26/2026", "04/29/2026", "05/02/2026"), "day"),  # and in two months
        (("04/13/2026", "04/15/2026", "04/19/2026"), "week"),  # Monday to Sunday
        (("04/12/2026", "04/15/2026", "04/19/2026"), "month"),  # eight days
    ],
)
def test_a_week_that_begins_on_sunday_is_drafted_by_day(
    tmp_path: Path, days: tuple[str, ...], frequency: str
) -> None:
    text = "Sale Date,Item,Qty Sold\n" + "".join(f"{day},AX-{number},5\n" for number, day in enumerate(days))
    settled = draft(tmp_path, "us_weekly.csv", text).settled
    assert (settled["period.frequency"], settled["period.source"]) == (frequency, "column")


def test_dates_past_the_twelfth_settle_day_and_month(tmp_path: Path) -> None:
    text = "Date;EAN;Qté\n01/13/2026;3799991000010;1\n01/28/2026;3799991000027;2\n"
    settled = draft(tmp_path, "export_2026-01.csv", text).settled
    assert settled["date_format"] == "%m/%d/%Y"
    assert settled["period.source"] == "file_name"


def test_a_date_of_export_in_the_name_is_not_taken_for_the_period(tmp_path: Path) -> None:
    text = "Date;EAN;Qté\n2026-01-13;3799991000010;1\n2026-01-28;3799991000027;2\n"
    proposal = draft(tmp_path, "export_20260203.csv", text)
    assert proposal.settled["period.source"] == "column"
    assert any("day of export" in note for note in proposal.notes)
    assert checked(tmp_path, "export_20260203.csv", proposal).problem is None


@pytest.mark.parametrize(
    ("name", "siblings", "frequency"),
    [
        ("cin_2026_05.csv", ["cin_2026_05.csv", "cin_2026_17.csv"], "week"),
        ("cin_2026_05.csv", [f"cin_2026_{n:02d}.csv" for n in range(1, 13)], "month"),
        ("Sales March 2026.csv", [], "month"),
        ("ventes_août_2026.csv", [], "month"),
        ("Umsatz_März_2026.csv", [], "month"),
        ("ventas_septiembre_2026.csv", [], "month"),
        ("x_2026W5.csv", [], "week"),
        ("jour_20260214.csv", [], "day"),
    ],
)
def test_the_names_tell_the_frequency(tmp_path: Path, name: str, siblings: list[str], frequency: str) -> None:
    text = "EAN;Qté\n3799991000010;1\n3799991000027;2\n"
    proposal = draft(tmp_path, name, text, siblings=siblings)
    assert proposal.settled["period.frequency"] == frequency
    assert checked(tmp_path, name, proposal).problem is None


def test_a_glob_leaves_another_report_of_the_folder_alone(tmp_path: Path) -> None:
    beside = ["pfi_202601.csv", "pfi_202602.csv", "pfi_stock_202601.csv"]
    proposal = draft(tmp_path, "pfi_202601.csv", "EAN;Qté\n3799991000010;1\n", siblings=beside)
    assert proposal.settled["files.glob"] == "P042/pfi_[0-9][0-9][0-9][0-9][0-9][0-9].csv"


@pytest.mark.parametrize(
    "again",
    ["pfi_202601 (copie).csv", "pfi_202601(1).csv", "pfi_202601_rectif.csv", "pfi_202601_v2_corrigé.csv"],
)
def test_a_glob_takes_copies_and_corrections_of_the_report_too(tmp_path: Path, again: str) -> None:
    beside = ["pfi_202601.csv", "pfi_202602.csv", again]
    proposal = draft(tmp_path, "pfi_202601.csv", "EAN;Qté\n3799991000010;1\n", siblings=beside)
    assert proposal.settled["files.glob"] == "P042/pfi_*.csv"


@pytest.mark.parametrize(
    ("name", "header", "week"),
    [
        ("Absatz_KW44_2026.csv", "Artikelnummer;Bezeichnung;Menge;Umsatz netto", "2026-W44"),
        ("Absatz_2026-KW44.csv", "Artikel-Nr.;Artikelbezeichnung;Stück;Netto", "2026-W44"),
        ("ventas_2026-S44.csv", "Código;Descripción;Unidades;Importe", "2026-W44"),
        ("vendite 2026 W44.csv", "Codice articolo;Descrizione;Quantità;Fatturato", "2026-W44"),
        ("omzet_wk44-2026.csv", "Artikelnummer;Omschrijving;Aantal;Omzet", "2026-W44"),
    ],
)
def test_neighbours_name_their_columns_and_weeks_in_their_language(
    tmp_path: Path, name: str, header: str, week: str
) -> None:
    proposal = draft(tmp_path, name, f"{header}\nA1;Kugelhahn DN15;3;1.212,50\nA2;Ventil DN20;4;13,50\n")
    product, label, quantity, amount = header.split(";")
    columns = {
        key.removeprefix("columns."): value for key, value in proposal.settled.items() if "columns." in key
    }
    assert columns == {
        "partner_product_code": product,
        "product_label": label,
        "sold_quantity": quantity,
        "net_amount": amount,
    }
    assert proposal.settled["period.frequency"] == "week"
    report = checked(tmp_path, name, proposal)
    assert (report.rows_accepted, [total.period for total in report.totals]) == (2, [week])


def test_a_title_that_says_only_net_is_an_amount_not_surely(tmp_path: Path) -> None:
    proposal = draft(tmp_path, "v_2026-10.csv", "Article;Qté nette;Net\nA1;3;12,50\n")
    found = {choice.key: (choice.value, choice.confidence) for choice in proposal.choices}
    assert found["columns.net_amount"] == ("Net", 0.6)
    assert found["columns.sold_quantity"][0] == "Qté nette"


def test_an_extended_price_is_the_amount_of_the_line(tmp_path: Path) -> None:
    content = (
        "Item,Qty,Unit Price,Ext Price,Ship Date\nA1,3,4.25,12.75,10/02/2026\nA2,4,2.5,10.00,10/31/2026\n"
    )
    settled = draft(tmp_path, "sales_2026-10.csv", content).settled
    assert (settled["columns.net_amount"], settled["decimal_mark"]) == ("Ext Price", ".")


def test_a_title_of_codes_over_words_is_the_label(tmp_path: Path) -> None:
    text = "Réf fournisseur;Article;Qté\nRAC0101;Raccord mâle 1/2;3\nRAC0102;Vanne à sphère DN15;4\n"
    settled = draft(tmp_path, "ventes_2026-S05.csv", text).settled
    assert (settled["columns.product_code"], settled["columns.product_label"]) == (
        "Réf fournisseur",
        "Article",
    )
    assert "columns.partner_product_code" not in settled


@pytest.mark.parametrize("titles", [("Qté S18", "Qté S19", "Qté S20"), ("Ventes janv.", "Ventes févr.")])
def test_columns_of_weeks_or_months_without_a_year_are_no_sales_of_the_report(
    tmp_path: Path, titles: tuple[str, ...]
) -> None:
    head = ";".join(("Référence", *titles))
    rows = "".join(f"A{i}" + ";4" * len(titles) + "\n" for i in range(5))
    drafted = draft(tmp_path, "ventes_hebdo.csv", f"{head}\n{rows}")
    assert "columns.sold_quantity" not in drafted.settled
    assert drafted.settled["wide"]["metric"] == "sold_quantity"
    assert [(choice.key, choice.value) for choice in drafted.open if choice.key == "period.year"] == [
        ("period.year", "received")
    ]


@pytest.mark.parametrize(
    ("name", "above", "titles", "year", "slices"),
    [
        ("suivi 2026.csv", "", "Qté S18;Qté S19", "file_name", ["2026-W18", "2026-W19"]),
        ("suivi.csv", "Exercice 2026;;\n", "Qté janv.;Qté févr.", "above", ["2026-01", "2026-02"]),
    ],
)
def test_titles_without_a_year_have_the_one_that_the_file_states(
    tmp_path: Path, name: str, above: str, titles: str, year: str, slices: list[str]
) -> None:
    drafted = draft(tmp_path, name, f"{above}Référence;{titles}\nA1;3;4\nA2;5;6\n")
    assert drafted.settled["period.year"] == year
    assert [total.period for total in checked(tmp_path, name, drafted).totals] == slices


def test_a_year_under_which_titles_would_go_back_in_time_is_none_of_theirs(tmp_path: Path) -> None:
    """S51, S52, S1: one of them is of another year than the name's."""
    drafted = draft(tmp_path, "suivi 2026.csv", "Référence;S51;S52;S1\nA1;3;4;5\nA2;5;6;7\n")
    assert "period.year" not in drafted.settled


@pytest.mark.parametrize(
    ("line", "frequency", "span"),
    [
        ("Période : mars 2026", "month", "2026-03"),
        ("Semaine 12/2026", "week", "2026-W12"),
        ("Sales report from 01/03/2026 to 31/03/2026", "month", "2026-03"),
        ("Sales report from 03/01/2026 to 03/31/2026", "month", "2026-03"),
        ("Woche vom 16.03.2026 bis 22.03.2026", "week", "2026-W12"),
        ("T1 2026", "quarter", "2026-Q1"),
    ],
)
def test_the_period_above_the_header_is_drafted(tmp_path: Path, line: str, frequency: str, span: str) -> None:
    text = f"Port;;\n{line};;\nédité le 02/04/2026;;\nRéférence;Qté;CA HT\nA1;3;4,50\nA2;5;6,5\n"
    drafted = draft(tmp_path, "ventes.csv", text)
    assert (drafted.settled["period.frequency"], drafted.settled["period.source"]) == (frequency, "above")
    assert [total.period for total in checked(tmp_path, "ventes.csv", drafted).totals] == [span]


def test_two_periods_above_the_header_are_for_a_person_to_tell_apart(tmp_path: Path) -> None:
    text = "Période : mars 2026;;\nComparée à : mars 2025;;\nRéférence;Qté;CA HT\nA1;3;4,50\nA2;5;6,50\n"
    drafted = draft(tmp_path, "ventes.csv", text)
    assert "period.pattern" not in drafted.settled
    assert [choice.value for choice in drafted.open if choice.key == "period.source"] == ["above"]


def test_a_real_date_above_the_header_of_a_workbook_is_the_month_that_it_shows(tmp_path: Path) -> None:
    rows = [["Mois", date(2026, 3, 1)], [], ["Référence", "Qté", "CA HT"], ["A1", 3, 4.5], ["A2", 5, 6.5]]
    drafted = draft(tmp_path, "etat.xlsx", workbook(rows))
    assert [total.period for total in checked(tmp_path, "etat.xlsx", drafted).totals] == ["2026-03"]


def test_a_column_of_months_without_a_year_has_that_of_the_name(tmp_path: Path) -> None:
    text = "Mois;Référence;Qté;CA HT\njanvier;A1;3;4,50\nfévrier;A1;5;6,50\n"
    drafted = draft(tmp_path, "ventes 2026.csv", text)
    assert (drafted.settled["period.header"], drafted.settled["period.year"]) == ("Mois", "file_name")
    assert [total.period for total in checked(tmp_path, "ventes 2026.csv", drafted).totals] == [
        "2026-01",
        "2026-02",
    ]


def test_sheets_that_are_named_as_months_are_a_period_each(tmp_path: Path) -> None:
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    for month, quantity in (("janvier", 3), ("février", 5)):
        sheet = book.add_worksheet(month)
        sheet.write_row(0, 0, ["Référence", "Qté", "CA HT"])
        sheet.write_row(1, 0, ["A1", quantity, 4.5])
        sheet.write_row(2, 0, ["A2", quantity, 4.5])
    book.close()
    drafted = draft(tmp_path, "ventes 2026.xlsx", target.getvalue())
    assert [
        (total.period, total.quantity) for total in checked(tmp_path, "ventes 2026.xlsx", drafted).totals
    ] == [("2026-01", "6.000"), ("2026-02", "10.000")]


def test_a_day_beside_a_month_in_the_name_is_the_day_of_export(tmp_path: Path) -> None:
    name = "ventes_2026-03_export_20260402.csv"
    settled = draft(tmp_path, name, "Référence;Qté;CA HT\nA1;3;4,50\nA2;5;6,50\n").settled
    assert (settled["period.frequency"], settled["expected_from"]) == ("month", date(2026, 3, 1))


@pytest.mark.parametrize("days", ["02/03/2026;09/03/2026", "2026-03-02;2026-03-09", "02.03.2026;09.03.2026"])
def test_titles_of_days_with_whole_weeks_between_them_are_weeks(tmp_path: Path, days: str) -> None:
    drafted = draft(tmp_path, "large.csv", f"Référence;{days}\nA1;3;4\nA2;5;6\n")
    assert [total.period for total in checked(tmp_path, "large.csv", drafted).totals] == [
        "2026-W10",
        "2026-W11",
    ]


def test_titles_that_repeat_are_told_apart_by_the_groups_above_them(tmp_path: Path) -> None:
    text = "Mars;;;\n;Ventes;;Retours\nRéférence;Qté;CA HT;Qté\nA1;3;4,50;1\nA2;4;5,50;0\n"
    drafted = draft(tmp_path, "ventes_2026-S05.csv", text)
    assert (drafted.settled["container.header_row"], drafted.settled["container.header_rows"]) == (2, 2)
    (total,) = checked(tmp_path, "ventes_2026-S05.csv", drafted).totals
    assert (total.rows, total.quantity, total.amount) == (2, "7.000", "10.0000")
    assert drafted.settled["columns.returned_quantity"] == "Retours / Qté"


def test_what_returns_were_worth_is_deducted_from_the_sales_beside_them(tmp_path: Path) -> None:
    text = ";Ventes;;Retours;\nRéférence;Qté;CA HT;Qté;Montant\nA1;3;40,50;1;13,50\nA2;4;55,00;0;0,00\n"
    drafted = draft(tmp_path, "ventes_2026-S05.csv", text)
    assert drafted.settled["columns.returned_amount"] == "Retours / Montant"
    (total,) = checked(tmp_path, "ventes_2026-S05.csv", drafted).totals
    assert (total.quantity, total.amount) == ("7.000", "82.0000")
    net = draft(tmp_path, "v_2026-S06.csv", text.replace("CA HT", "CA net"))
    assert "columns.returned_amount" not in net.settled, "it may be net of returns already"


def test_what_a_draft_leaves_open_is_read_from_its_text(tmp_path: Path) -> None:
    text = "Référence;Qté vendue;Qté nette;CA HT\nA1;3;2;1,234\nA2;4;4;5,678\n"
    assert open_decisions(render(draft(tmp_path, "ventes_2026-S05.csv", text))) == (
        "sold_quantity",
        "decimal_mark",
    )
    assert open_decisions("period: {frequency: week}\n# TODO later\n") == ()


@pytest.mark.parametrize(
    ("titles", "column", "taken"),
    [
        ("Réf;Qté;Montant unitaire;Total", "net_amount", "Montant unitaire"),
        ("Réf;Vendu;Stock;Valeur stock", "net_amount", "Valeur stock"),
        ("Réf;Qté reçue;Stock;Vendu", "sold_quantity", "Qté reçue"),
        ("Réf;Vendu;Montant achat;Stock", "net_amount", "Montant achat"),
        ("Réf;Vendu;Stock valeur;Stock pièces", "on_hand_quantity", "Stock valeur"),
        ("Réf;Qté;CA HT;Date MAJ", "sale_date", "Date MAJ"),
    ],
)
def test_a_title_that_says_another_thing_is_none_of_ours(
    tmp_path: Path, titles: str, column: str, taken: str
) -> None:
    """What a unit costs, what was bought or received, and what the stock is worth are no sales."""
    rows = "".join(f"A{i};{i};1{i},50;0{i}/04/2026\n" for i in range(1, 6))
    drafted = draft(tmp_path, "ventes_2026-S05.csv", f"{titles}\n{rows}")
    assert taken not in [choice.value for choice in drafted.choices if choice.key == f"columns.{column}"]


def test_sales_in_cents_are_an_amount_unless_the_title_says_that_it_counts(tmp_path: Path) -> None:
    rows = "".join(f"A{i};{i};{i}1,25;-{i},50\n" for i in range(1, 6))
    drafted = draft(tmp_path, "ventes_2026-S05.csv", f"Réf;Qté;Ventes;Retours\n{rows}")
    assert (drafted.settled["columns.sold_quantity"], drafted.settled["columns.net_amount"]) == (
        "Qté",
        "Ventes",
    )
    assert "columns.returned_quantity" not in drafted.settled
    assert (
        "columns.sold_quantity"
        not in draft(tmp_path, "ventes_2026-S06.csv", "Réf;Ventes\nA1;1234,56\nA2;99,10\n").settled
    )
    metres = draft(tmp_path, "ventes_2026-S07.csv", "Réf;Qté vendue\nA1;12,50\nA2;99,10\n")
    assert metres.settled["columns.sold_quantity"] == "Qté vendue"


def test_a_hidden_sheet_is_not_drafted_where_another_is_shown(tmp_path: Path) -> None:
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    shown, hidden = book.add_worksheet("Mars"), book.add_worksheet("Archive")
    shown.write_row(0, 0, ["Référence", "Qté", "CA HT"])
    shown.write_row(1, 0, ["A1", 3, 4.5])
    hidden.write_row(0, 0, ["Référence", "Désignation", "Qté", "CA HT"])
    for row in range(1, 50):
        hidden.write_row(row, 0, [f"B{row}", "Raccord", 1, 2.5])
    hidden.hide()
    book.close()
    assert draft(tmp_path, "v_2026-S05.xlsx", target.getvalue()).settled["container.sheet"] == "Mars"


def test_two_currencies_beside_amounts_are_not_added_up(tmp_path: Path) -> None:
    drafted = draft(tmp_path, "r_2026-S05.csv", "Référence;Qté;CA HT\nA1;3;€ 4,50\nA2;4;$ 5,50\n")
    assert not {"number_affixes", "currency"} & drafted.settled.keys()
    assert any("amounts stand in several currencies (EUR, USD)" in note for note in drafted.notes)


def test_a_workbook_under_another_name_is_one(tmp_path: Path) -> None:
    content = workbook([["Référence", "Qté", "CA HT"], ["A1", 3, 4.5], ["A2", 5, 6.5]])
    assert draft(tmp_path, "ventes_2026-S05.csv", content).settled["container.kind"] == "excel"


def test_a_file_that_mixes_encodings_is_refused(tmp_path: Path) -> None:
    content = "Référence;Qté;CA HT\n".encode() + "Écrou;3;4,50\n".encode("cp1252")
    with pytest.raises(RejectedFile, match="mixes UTF-8 and another encoding"):
        draft(tmp_path, "ventes_2026-S05.csv", content)


def test_wide_columns_are_entries_by_metric(tmp_path: Path) -> None:
    text = "Référence;Ventes S05/2026;Stock S05/2026;Ventes S06/2026;Stock S06/2026\nA1;3;10;4;6\n"
    proposal = draft(tmp_path, "large.csv", text)
    wide = [choice.value for choice in proposal.choices if choice.key == "wide"]
    assert [entry["metric"] for entry in wide] == ["sold_quantity", "on_hand_quantity"]
    report = checked(tmp_path, "large.csv", proposal)
    assert {(t.entity, t.period, t.quantity) for t in report.totals} == {
        ("sell_out", "2026-W05", "3.000"), ("sell_out", "2026-W06", "4.000"),
        ("inventory", "2026-W05", "10.000"), ("inventory", "2026-W06", "6.000"),
    }  # fmt: skip


def test_labels_that_a_pivot_table_leaves_blank_are_noted(tmp_path: Path) -> None:
    text = "Magasin;Réf;Qté\nLyon;RAC0101;1\n;RAC0102;2\nTotal Lyon;;3\nNice;RAC0101;4\n"
    proposal = draft(tmp_path, "v_2026-S05.csv", text, known=OURS)
    (note,) = proposal.notes
    assert "{header: Magasin, pattern: '^(?P<section>.+)$'} and store_code: '@section'" in note
    assert not draft(tmp_path, "w_2026-S05.csv", text.replace("\n;", "\nLyon;"), known=OURS).notes


@pytest.mark.parametrize("encoding", ["mac-roman", "cp850", "cp1252"])
def test_in_the_right_encoding_no_word_has_a_capital_within(tmp_path: Path, encoding: str) -> None:
    """What is é on a Mac is Ä in DOS, and both are letters."""
    text = "Référence;Libellé;Qté;CA HT\rRAC0101;Câblé à nœud;1;2,50\r".replace("œ", "oe")
    proposal = draft(tmp_path, "v_2026-S05.csv", text, encoding, known=OURS)
    assert proposal.settled["container.encoding"] == encoding
    assert checked(tmp_path, "v_2026-S05.csv", proposal).totals[0].amount == "2.5000"


def test_of_the_same_figure_the_newest_year_and_the_one_without_tax_are_taken(tmp_path: Path) -> None:
    text = "Réf;Qté 2025;Qté 2026;CA TTC 2025;CA HT 2025;CA TTC 2026;CA HT 2026\n"
    proposal = draft(tmp_path, "v_2026-S05.csv", f"{text}RAC0101;1;2;12;10;24;20\n", known=OURS)
    settled = proposal.settled
    assert (settled["columns.sold_quantity"], settled["columns.net_amount"]) == ("Qté 2026", "CA HT 2026")
    assert "tax_rate" not in settled
    (note,) = [note for note in proposal.notes if "other_titles" in note]
    assert "'Qté 2026'" in note


def test_titles_with_a_line_break_in_quotes_are_one(tmp_path: Path) -> None:
    text = 'Réf;"Qté\nvendue";"CA\r\nHT"\r\nRAC0101;1;2,5\r\n'
    proposal = draft(tmp_path, "v_2026-S05.csv", text, known=OURS)
    assert proposal.settled["columns.sold_quantity"] == "Qté vendue"
    assert checked(tmp_path, "v_2026-S05.csv", proposal).totals[0].amount == "2.5000"


@pytest.mark.parametrize("title", ["Date", "Mois"])
def test_real_dates_of_a_workbook_give_the_period_whether_or_not_they_bear_a_time(
    tmp_path: Path, title: str
) -> None:
    written = ("2026-09-01", "2026-10-01") if title == "Mois" else ("2026-09-05T14:30", "2026-10-06")
    days = [datetime.fromisoformat(text) for text in written]
    rows = [[title, "Réf", "Qté"], [days[0], "RAC0101", 1], [days[1], "RAC0102", 2]]
    proposal = draft(tmp_path, "ventes.xlsx", workbook(rows), known=OURS)
    assert proposal.settled["period.header"] == title
    # What names a month is no day of sale.
    assert proposal.settled.get("columns.sale_date") == (title if title == "Date" else None)
    totals = checked(tmp_path, "ventes.xlsx", proposal).totals
    assert [(total.period, total.quantity) for total in totals] == [
        ("2026-09", "1.000"), ("2026-10", "2.000"),
    ]  # fmt: skip


def test_of_packs_and_pieces_the_pieces_are_taken(tmp_path: Path) -> None:
    text = "Réf;Qté (cartons);Qté (pièces)\nRAC0101;1;6\nRAC0102;2;20\n"
    proposal = draft(tmp_path, "v_2026-S05.csv", text, known=OURS)
    assert proposal.settled["columns.sold_quantity"] == "Qté (pièces)"
    packs = draft(tmp_path, "w_2026-S05.csv", "Réf;Qté cartons\nRAC0101;1\n", known=OURS)
    assert [choice.key for choice in packs.open] == ["unit"]


@pytest.mark.parametrize(
    ("titles", "column", "chosen"),
    [
        ("Réf;Budget Qté;Réalisé Qté", "sold_quantity", "Réalisé Qté"),
        ("SKU;Forecast Qty;Actual Qty", "sold_quantity", "Actual Qty"),
        ("SKU;Beginning Inventory;Ending Inventory", "on_hand_quantity", "Ending Inventory"),
        ("Réf;Stock début de mois;Stock fin", "on_hand_quantity", "Stock fin"),
        ("Réf;Qté;CA k€", "net_amount", None),
    ],
)
def test_figures_that_are_planned_former_or_in_thousands_are_not_taken(
    tmp_path: Path, titles: str, column: str, chosen: str | None
) -> None:
    proposal = draft(tmp_path, "v_2026-S05.csv", f"{titles}\nRAC0101;1;2\nRAC0102;3;4\n", known=OURS)
    assert proposal.settled.get(f"columns.{column}") == chosen


def test_sheets_of_the_same_titles_are_left_to_a_person(tmp_path: Path) -> None:
    """One for each store: a draft that named the first would lose the others at each report."""
    target = BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        for name in ("Lyon", "Nice (06)", "Notes"):
            sheet = book.add_worksheet(name)
            rows = [["Réf", "Qté"], ["RAC0101", 1]] if name != "Notes" else [["Lisez-moi"]]
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    proposal = draft(tmp_path, "v_2026-S05.xlsx", target.getvalue(), known=OURS)
    assert "container.sheet" not in proposal.settled
    (choice,) = proposal.open
    assert (choice.key, choice.value) == ("container.sheets", r"^(Lyon|Nice \(06\))$")
    problem = checked(tmp_path, "v_2026-S05.xlsx", proposal).problem
    assert problem is not None
    assert problem.code == "unclear_sheets"


def test_subtotals_that_excel_inserted_are_seen_whether_the_word_stands_first_or_last(tmp_path: Path) -> None:
    for name, subtotal in (("a_2026-S05.csv", "Total {}"), ("b_2026-S05.csv", "{} Total")):
        rows = "".join(
            f"{code};Lyon;1\n{code};Nice;2\n{subtotal.format(code)};;3\n" for code in ("RAC0101", "RAC0102")
        )
        proposal = draft(tmp_path, name, f"Item;Store;Qty\n{rows}Grand Total;;6\n", known=OURS)
        assert proposal.settled["columns.product_code"] == "Item"
        report = checked(tmp_path, name, proposal)
        assert (report.rows_accepted, report.rows_skipped, report.totals[0].quantity) == (4, 3, "6.000")


def test_merged_headers_of_a_workbook_and_its_total_row_are_seen(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Rapport mensuel"], [], [],
        ["Réf", "Libellé", "Quantité", "CA HT"],
        ["A-1", "Vis", 3.0, 4.5], ["A-2", "Clou", 5.0, 7.25], ["Total", "", 8.0, 11.75],
    ]  # fmt: skip
    content = workbook(rows, ((2, 0, 2, 1, "Article"), (2, 2, 2, 3, "Ventes")))
    proposal = draft(tmp_path, "mois_2026-02.xlsx", content)
    settled = proposal.settled
    assert (settled["container.header_row"], settled["container.header_rows"]) == (3, 2)
    assert settled["columns.net_amount"] == "Ventes / CA HT"
    report = checked(tmp_path, "mois_2026-02.xlsx", proposal)
    assert (report.rows_accepted, report.rows_skipped) == (2, 1)
    assert [(t.quantity, t.amount) for t in report.totals] == [("8.000", "11.7500")]


def test_titles_below_a_group_are_seen_where_the_upper_row_has_the_better_names(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Réf", "Libellé", "Ventes", None, "Stock"], [None, None, "Qté", "CA HT", None],
        ["A-1", "Vis", 3.0, 4.5, 9.0], ["A-2", "Clou", 5.0, 7.25, 8.0],
    ]  # fmt: skip
    for name, merged in (("a_2026-02.xlsx", ()), ("b_2026-02.xlsx", ((0, 2, 0, 3, "Ventes"),))):
        proposal = draft(tmp_path, name, workbook(rows, merged))
        settled = proposal.settled
        assert (settled["container.header_row"], settled["container.header_rows"]) == (1, 2)
        assert (settled["columns.sold_quantity"], settled["columns.net_amount"]) == (
            "Ventes / Qté", "Ventes / CA HT",
        )  # fmt: skip
        sold = next(total for total in checked(tmp_path, name, proposal).totals if total.entity == "sell_out")
        assert (sold.rows, sold.quantity, sold.amount) == (2, "8.000", "11.7500")


@pytest.mark.parametrize(
    ("rows", "affixes", "currency"),
    [
        (("$1,200.50", "($50.25)", "$0.75"), ["$"], "USD"),
        (("1 200,50 €", "-50,25 €", "0,75 EUR"), ["EUR", "€"], "EUR"),
        (("CHF 1'200.50", "CHF -50.25", "CHF 0.75"), ["CHF"], "CHF"),
    ],
)
def test_amounts_that_bear_their_currency_are_read(
    tmp_path: Path, rows: tuple[str, ...], affixes: list[str], currency: str
) -> None:
    text = "Item\tQty\tNet Amount\n" + "".join(f"RAC010{i}\t{i}\t{row}\n" for i, row in enumerate(rows, 1))
    proposal = draft(tmp_path, "s_2026-02.txt", text, known=OURS)
    settled = proposal.settled
    assert (settled["number_affixes"], settled["currency"]) == (affixes, currency)
    (total,) = checked(tmp_path, "s_2026-02.txt", proposal).totals
    assert (total.rows, total.amount) == (3, "1151.0000")


@pytest.mark.parametrize(
    ("days", "frequency", "periods"),
    [
        (("2026-08-01", "2026-09-01", "2026-11-01"), "month", ["2026-08", "2026-09", "2026-11"]),
        (("2026-08-31", "2026-09-30", "2026-10-31"), "month", ["2026-08", "2026-09", "2026-10"]),
        (("2026-10-05", "2026-10-12", "2026-10-26"), "week", ["2026-W41", "2026-W42", "2026-W44"]),
        (("2026-10-05", "2026-10-06", "2026-10-07"), "day", ["2026-10-05", "2026-10-06", "2026-10-07"]),
    ],
)
def test_titles_that_are_days_name_what_lies_between_them(
    tmp_path: Path, days: tuple[str, ...], frequency: str, periods: list[str]
) -> None:
    """Excel shows the first of a month as `août-26`; as a day it would date the month's sales there."""
    rows = [["Réf", *map(date.fromisoformat, days)], ["A-1", 1, 2, 3]]
    proposal = draft(tmp_path, "ventes.xlsx", workbook(rows))
    assert proposal.settled["period.frequency"] == frequency
    totals = checked(tmp_path, "ventes.xlsx", proposal).totals
    assert [(total.period, total.quantity) for total in totals] == [
        (period, f"{number}.000") for number, period in enumerate(periods, 1)
    ]


def test_marks_that_could_mean_two_numbers_are_left_to_a_person(tmp_path: Path) -> None:
    text = "EAN;Montant\n3799991000010;1.250\n3799991000027;2.300\n"
    proposal = draft(tmp_path, "x_2026-02.csv", text.replace("Montant", "Quantité"))
    assert "decimal_mark" not in proposal.settled
    assert "# TODO decimal_mark" in render(proposal)


def test_what_nothing_says_is_a_todo_and_the_check_names_what_is_missing(tmp_path: Path) -> None:
    proposal = draft(tmp_path, "rapport.csv", "EAN;Qté\n3799991000010;1\n", partner=None, folder=None)
    text = render(proposal)
    assert "# TODO partner:" in text
    assert "# TODO period:" in text
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path, "rapport.csv", proposal)
    assert caught.value.code == "invalid_setting" or "missing" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "kind", "messages", "frequency"),
    [
        (
            b"UNA:+.? 'UNB+UNOA:2+1+2+260101:0000+1'UNH+1+SLSRPT:D:96A:UN'DTM+356:2026010520260111:718'",
            "edifact", ["SLSRPT"], "week",
        ),
        (b"\r\n UNB+UNOC:3+1+2+260101:0000+1'\nUNH+1+INVRPT:D:01B:UN'", "edifact", ["INVRPT"], None),
        (b"ISA*00*          *00*    *ZZ*A~ST*852*0001~XQ*H*20260101*20260131~", "x12", ["852"], "month"),
    ],
)  # fmt: skip
def test_edi_is_recognised_by_its_envelope(
    tmp_path: Path, content: bytes, kind: str, messages: list[str], frequency: str | None
) -> None:
    proposal = draft(tmp_path, "m.edi", content)
    assert proposal.settled["container.kind"] == kind
    assert proposal.settled["container.messages"] == messages
    assert proposal.settled.get("period.frequency") == frequency
    written = yaml.safe_load(render(proposal))
    assert written["container"] == {"kind": kind, "messages": messages}


def test_the_price_of_an_852_is_that_of_a_unit_unless_there_are_several(tmp_path: Path) -> None:
    head = "ISA*00*          *00*    *ZZ*A~ST*852*0001~XQ*H*20260101*20260131~LIN*1*EN*3799991000010~"
    one = draft(tmp_path, "one.x12", f"{head}CTP*RS*RES*5.51~ZA*QS*2*EA~")
    several = draft(tmp_path, "several.x12", f"{head}CTP*RS*RES*5.51~CTP**UCP*3.10~ZA*QS*2*EA~")
    none = draft(tmp_path, "none.x12", f"{head}ZA*QS*2*EA~")

    assert one.settled["container.price_basis"] == "unit"
    assert "container.price_basis" not in several.settled
    (open_choice,) = [c for c in several.open if c.key == "container.price_basis"]
    assert "RES, UCP" in open_choice.reason
    assert not [c for c in none.choices if c.key == "container.price_basis"]


SALES = "UNB+UNOC:3+1+2+260112:0000+1'UNH+1+SLSRPT:D:97A:UN'DTM+90:20260105:102'DTM+91:20260111:102'"


def test_quantities_of_edi_that_are_not_read_by_themselves_are_named(tmp_path: Path) -> None:
    line = "LIN+1++OUR1:VP'QTY+{kind}:10:PCE'PRI+AAA:12.5'QTY+21:3'"
    read = draft(tmp_path, "a.edi", SALES + line.format(kind=153))
    assert (read.settled["period.frequency"], read.settled["expected_from"]) == ("week", date(2026, 1, 5))
    assert not [c for c in read.choices if c.key == "container.quantities"]
    unread = draft(tmp_path, "b.edi", SALES + line.format(kind=152))
    (quantities,) = [c for c in unread.open if c.key == "container.quantities"]
    assert quantities.value == {"sold_quantity": ["152", "21"]}
    assert "QTY 152 (1), QTY 21 (1)" in quantities.reason
    assert "# TODO quantities: {sold_quantity: ['152', '21']}" in render(unread)


def test_prices_of_edi_without_amounts_ask_what_they_are_of(tmp_path: Path) -> None:
    line = "LIN+1++OUR1:VP'QTY+153:10:PCE'PRI+AAA:12.5'"
    (basis,) = [c for c in draft(tmp_path, "a.edi", SALES + line).open if c.key == "container.price_basis"]
    assert "MOA 203" in basis.reason
    with_amount = draft(tmp_path, "b.edi", f"{SALES}{line}MOA+203:125'")
    assert not [c for c in with_amount.choices if c.key == "container.price_basis"]
    transfer = "ISA*00*          *00*    *ZZ*A~ST*867*0001~PTD*SD~QTY*39*10*EA~LIN*1*VP*OUR1~UIT*EA*2.5*RS~"
    assert draft(tmp_path, "c.x12", transfer).settled["container.price_basis"] == "unit"


@pytest.mark.parametrize("content", [b"", b" \n", b"\x00\x01\x02" * 50, b"no table here\nat all\n"])
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RejectedFile):
        draft(tmp_path, "x.csv", content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[\n {"ean": "3012345678900", "qte": 3},\n {"ean": "3012345678917", "qte": 4}\n]', "JSON"),
        ('{"ean": "3012345678900", "qte": 3}\n{"ean": "3012345678917", "qte": 4}\n', "JSON"),
        ('<?xml version="1.0"?>\n<sales><line><qty>3,5</qty></line></sales>', "an XML document"),
        ("<!DOCTYPE html>\n<html><table><tr><td>EAN</td><td>3,5</td></tr></table></html>", "a web page"),
        ("%PDF-1.4;\n1 0;obj\n2 0;obj\n", "a PDF document"),
    ],
)
def test_another_format_is_called_by_its_name(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(RejectedFile, match=f"the file is {said}"):
        draft(tmp_path, "ventes_2026-10.txt", content)


def test_texts_that_yaml_would_read_otherwise_are_quoted(tmp_path: Path) -> None:
    text = "EAN;Qté: vendue # 'net';No\n3799991000010;1;x\n3799991000027;2;y\n"
    proposal = draft(tmp_path, "x_2026-02.csv", text)
    report = checked(tmp_path, "x_2026-02.csv", proposal)
    assert report.columns["sold_quantity"] == "Qté: vendue # 'net'"


def test_a_packed_sample_is_looked_into(tmp_path: Path) -> None:
    text = "EAN;Qté\n3799991000010;1\n3799991000027;2\n".encode()
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("inner.csv", text)
    for name, content in (("x_2026-02.zip", stream.getvalue()), ("x_2026-02.csv.gz", gzip.compress(text))):
        proposal = draft(tmp_path, name, content)
        assert proposal.settled["columns.gtin"] == "EAN"
        report = checked(tmp_path, name, proposal)
        assert (report.problem, report.rows_accepted) == (None, 2)


@pytest.mark.parametrize("delimiter", ["||", ";;", "~|~"])
def test_a_delimiter_of_several_characters_is_proposed_and_read(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ["Réf", "Désignation", "Qté", "CA HT"],
        ["A1", "Vérin", "12", "120,50"],
        ["B2", "Joint", "3", "9,00"],
    ]
    text = "".join(delimiter.join(row) + "\r\n" for row in rows)
    proposal = draft(tmp_path, "ventes_2026-S05.csv", text)
    assert proposal.settled["container.delimiter"] == delimiter
    report = checked(tmp_path, "ventes_2026-S05.csv", proposal)
    assert report.problem is None
    assert [(total.rows, total.quantity, total.amount) for total in report.totals] == [
        (2, "15.000", "129.5000")
    ]


@pytest.mark.parametrize("has_header", [True, False])
def test_fixed_positions_are_proposed_and_read(tmp_path: Path, has_header: bool) -> None:
    rows = [("Réf", "Désignation", "Qté", "CA HT")] if has_header else []
    rows += [("A1", "Vérin Ø32 long", "12", "1120,50"), ("B22222", "Joint", "3", "9,00")]
    rows += [("C3", "Vis", "100", "45,10"), ("D4", "Vanne", "1", "12,00")]
    text = "".join(f"{a:<8}{b:<16}{c:>7}{d:>12}\n" for a, b, c, d in rows)
    proposal = draft(tmp_path, "ventes_2026-S05.txt", text)
    assert proposal.settled["container.kind"] == "fixed_width"
    spelled = list(proposal.settled["container.fields"].values())
    # Between two words that begin at their left edge the blanks belong to the first, before figures to them.
    assert spelled == ["1-8", "9-22", "23-31", "32-43"]
    if has_header:
        assert list(proposal.settled["container.fields"]) == ["Réf", "Désignation", "Qté", "CA HT"]
        report = checked(tmp_path, "ventes_2026-S05.txt", proposal)
        assert report.problem is None
        assert (report.rows_read, report.totals[0].quantity, report.totals[0].amount) == (
            4,
            "116.000",
            "1186.6000",
        )


@pytest.mark.parametrize(
    ("cells", "frequency", "periods"),
    [
        (["T1 2026", "T2 2026"], "quarter", ["2026-Q1", "2026-Q2"]),
        (["Q1-2026", "Q2-2026"], "quarter", ["2026-Q1", "2026-Q2"]),
        (["2026-T3", "2026-T4"], "quarter", ["2026-Q3", "2026-Q4"]),
        (["2026P03", "2026P10"], "fiscal_period", ["FY2026-P03", "FY2026-P10"]),
        (["P03 FY26", "P11 FY26"], "fiscal_period", ["FY2026-P03", "FY2026-P11"]),
        (["FY26 Q1", "FY26 Q2"], "fiscal_quarter", ["FY2026-Q1", "FY2026-Q2"]),
    ],
)
def test_quarters_and_fiscal_periods_are_known_in_a_column_and_in_titles(
    tmp_path: Path, cells: list[str], frequency: str, periods: list[str]
) -> None:
    rows = [f"3799991000010;{cell};{n}\n" for n, cell in enumerate(cells, 1)]
    column = "EAN;Période;Qté vendue\n" + "".join(rows)
    wide = "EAN;" + ";".join(f"Qté vendue {cell}" for cell in cells) + "\n3799991000010;1;2\n"
    for name, content, source in (("ventes.csv", column, "column"), ("large.csv", wide, "header")):
        proposal = draft(tmp_path, name, content)
        assert proposal.settled["period.frequency"] == frequency
        assert proposal.settled["period.source"] == source
        reason = next(choice.reason for choice in proposal.choices if choice.key == "period.frequency")
        assert reason
        told = [note for note in proposal.notes if "fiscal calendar" in note]
        assert len(told) == (frequency != "quarter")
        profile = tmp_path / "P042_draft.yml"
        profile.write_text(render(proposal), encoding="utf-8")
        report = check_file(tmp_path / name, load_profile(profile), "P042_draft")
        assert [(total.period, total.quantity) for total in report.totals] == [
            (period, f"{n}.000") for n, period in enumerate(periods, 1)
        ]


def test_a_fiscal_period_in_the_name_is_of_the_calendar_given(tmp_path: Path) -> None:
    calendar = Calendar(pattern="4-4-5", year_start_month=2)
    proposal = draft(tmp_path, "ventes_P01_FY2026.csv", "EAN;Qté\n3799991000010;1\n", calendar=calendar)
    assert proposal.settled["period.frequency"] == "fiscal_period"
    # The Monday nearest to 1 February 2025, with which the year that ends in January 2026 begins.
    assert proposal.settled["expected_from"] == date(2025, 2, 3)


def test_half_years_are_a_todo(tmp_path: Path) -> None:
    proposal = draft(tmp_path, "ventes.csv", "EAN;Période;Qté vendue\n3799991000010;H1 2026;1\n")
    assert "period.frequency" not in proposal.settled
    assert any(note.startswith("TODO: 'H1 2026' seems to name a half-year") for note in proposal.notes)


@pytest.mark.parametrize(
    "title", ["Qté cumulée", "CA HT cumulé depuis janvier", "YTD Qty", "Cumul ventes", "Umsatz kumuliert"]
)
def test_figures_since_january_are_left_unread_with_the_reason(tmp_path: Path, title: str) -> None:
    text = f"EAN;Qté;{title}\n3799991000010;1;7\n3799991000027;2;9\n"
    proposal = draft(tmp_path, "x_2026-02.csv", text)
    assert checked(tmp_path, "x_2026-02.csv", proposal).columns == {"gtin": "EAN", "sold_quantity": "Qté"}
    assert "ask the partner for the period alone" in render(proposal)


def test_groups_of_columns_that_say_the_same_are_left_open(tmp_path: Path) -> None:
    """The first of two stores was taken at 0.95, and the other stayed unread."""
    rows = [
        ["Réf", "Libellé", "Rennes", "", "Vitré", "", "Total", ""],
        ["", "", "Qté", "CA", "Qté", "CA", "Qté", "CA"],
        ["RAC0101", "Raccord mâle", 3, 30.5, 2, 20.5, 5, 51],
        ["RAC0102", "Raccord coudé", 1, 9.5, 4, 40.5, 5, 50],
    ]
    merged = ((0, 2, 0, 3, "Rennes"), (0, 4, 0, 5, "Vitré"), (0, 6, 0, 7, "Total"))
    proposal = draft(tmp_path, "Ventes sept. 2026.xlsx", workbook(rows, merged), known=OURS)
    assert not {"columns.sold_quantity", "columns.net_amount"} & proposal.settled.keys()
    assert {choice.key for choice in proposal.open} >= {"columns.sold_quantity", "columns.net_amount"}
    (advice,) = [note for note in proposal.notes if "sold_quantity" in note]
    assert r"'^(?P<store_code>Rennes|Vitré) / Qté$'" in advice


@pytest.mark.parametrize("titles", ["Ref;Qté Rennes;Qté Vitré;CA", "Ref;Qté;Quantité;CA"])
def test_columns_that_say_the_same_are_left_open(tmp_path: Path, titles: str) -> None:
    proposal = draft(tmp_path, "ventes_2026-W05.csv", f"{titles}\nRAC0101;3;2;9,5\nRAC0102;4;1;8,5\n")
    assert "columns.sold_quantity" not in proposal.settled
    assert proposal.settled["columns.net_amount"] == "CA"


@pytest.mark.parametrize("other", ["Retours", "Budget", "N-1", "Cumul"])
def test_a_group_of_other_figures_is_not_taken_for_sales(tmp_path: Path, other: str) -> None:
    rows = [
        ["Référence", "Désignation", other, "", "Ventes", ""],
        ["", "", "Qté", "Valeur brute", "Qté", "CA HT"],
        ["RAC0101", "Raccord mâle", 1, 10.5, 7, 70.5],
        ["RAC0102", "Raccord coudé", 0, 0, 5, 50.5],
    ]
    merged = ((0, 2, 0, 3, other), (0, 4, 0, 5, "Ventes"))
    merged += ((0, 0, 1, 0, "Référence"), (0, 1, 1, 1, "Désignation"))
    proposal = draft(tmp_path, "Etat octobre 2026.xlsx", workbook(rows, merged), known=OURS)
    assert proposal.settled["container.header_rows"] == 2
    assert proposal.settled["columns.sold_quantity"] == "Ventes / Qté"
    assert proposal.settled["columns.net_amount"] == "Ventes / CA HT"
    assert proposal.settled.get("columns.returned_quantity") == (
        "Retours / Qté" if other == "Retours" else None
    )
    report = checked(tmp_path, "Etat octobre 2026.xlsx", proposal)
    # A gross value of returns is no part of net sales.
    assert [(total.rows, total.quantity, total.amount) for total in report.totals] == [
        (2, "12.000", "121.0000")
    ]


def test_real_dates_and_dates_as_text_in_one_column_are_dates(tmp_path: Path) -> None:
    """A clerk types some of them: the column stayed unread, and the report had no period."""
    rows = [
        ["Date vente", "Article", "Qté", "Montant HT"],
        [date(2026, 10, 26), "RAC0101", 3, 30.5],
        ["28/10/2026", "RAC0102", "4", "1 240,5"],
        [date(2026, 10, 30), "RAC0103", 2, 20.5],
        ["Total semaine", "", 9, 1291.5],
    ]
    proposal = draft(tmp_path, "ventes semaine 44 bis.xlsx", workbook(rows), known=OURS)
    assert {
        "period.frequency": "week",
        "period.source": "column",
        "period.header": "Date vente",
        "period.date_format": "%d/%m/%Y",
        "columns.sale_date": "Date vente",
        "date_format": "%d/%m/%Y",
        "expected_from": date(2026, 10, 26),
    }.items() <= proposal.settled.items()
    report = checked(tmp_path, "ventes semaine 44 bis.xlsx", proposal)
    assert [(total.period, total.quantity, total.amount) for total in report.totals] == [
        ("2026-W44", "9.000", "1291.5000")
    ]


@pytest.mark.parametrize(
    ("name", "glob", "week"),
    [
        ("ventes semaine 44 2026.csv", "ventes *.csv", "2026-10-26"),
        ("Umsatz_KW45_26.csv", "Umsatz_*.csv", "2026-11-02"),
        ("ventes S9-26.csv", "ventes *.csv", "2026-02-23"),
        ("26S44 ventes.csv", "* ventes.csv", "2026-10-26"),
        ("ventes_sem_5_2026.csv", "ventes_*.csv", "2026-01-26"),
    ],
)
def test_weeks_are_read_in_words_and_with_short_years(
    tmp_path: Path, name: str, glob: str, week: str
) -> None:
    proposal = draft(tmp_path, name, "Ref;Qté;CA HT\nRAC0101;3;9,5\nRAC0102;4;8,5\n")
    settled = proposal.settled
    assert (settled["period.frequency"], settled["files.glob"]) == ("week", f"P042/{glob}")
    assert settled["expected_from"] == date.fromisoformat(week)
    assert checked(tmp_path, name, proposal).would_land


@pytest.mark.parametrize("name", ["ventes S05-12.csv", "CR5 45.csv", "sortie ventes 2.csv"])
def test_other_figures_beside_a_letter_are_no_week(tmp_path: Path, name: str) -> None:
    proposal = draft(tmp_path, name, "Ref;Qté;CA HT\nRAC0101;3;9,5\nRAC0102;4;8,5\n")
    assert "period.frequency" not in proposal.settled


def test_units_behind_quantities_are_left_out_of_them(tmp_path: Path) -> None:
    text = "Item,Qty Sold,Net Sales\nRAC0101,12 pcs,$30.50\nRAC0102,(3) pcs,($9.00)\nRAC0103,1 Pcs.,$2.00\n"
    proposal = draft(tmp_path, "sales 2026-01.csv", text, known=OURS)
    assert proposal.settled["columns.sold_quantity"] == "Qty Sold"
    assert proposal.settled["number_affixes"] == ["$", "Pcs.", "pcs"]
    assert "unit" not in proposal.settled
    (total,) = checked(tmp_path, "sales 2026-01.csv", proposal).totals
    assert (total.rows, total.quantity, total.amount) == (3, "13.000", "23.5000")


def test_packs_behind_quantities_are_their_unit(tmp_path: Path) -> None:
    text = "Ref;Qté\nRAC0101;12 bte\nRAC0102;3 bte\n"
    proposal = draft(tmp_path, "ventes_2026-W05.csv", text, known=OURS)
    assert (proposal.settled["number_affixes"], proposal.settled["unit"]) == (["bte"], "BOX")


def test_quantities_in_several_units_are_left_to_the_partner(tmp_path: Path) -> None:
    text = "Ref;Qté\nRAC0101;12 pcs\nRAC0102;3 bte\n"
    proposal = draft(tmp_path, "ventes_2026-W05.csv", text, known=OURS)
    assert not {"number_affixes", "unit"} & proposal.settled.keys()
    assert any("several units ('bte', 'pcs')" in note for note in proposal.notes)
    assert not checked(tmp_path, "ventes_2026-W05.csv", proposal).would_land


def test_a_dash_for_zero_is_no_return(tmp_path: Path) -> None:
    text = "Ref;Qté;CA HT\nRAC0101;5;10,5\nRAC0102;-;- €\nRAC0103;4;9 €\n"
    proposal = draft(tmp_path, "ventes_2026-W05.csv", text, known=OURS)
    assert proposal.settled["empty_is_zero"] is True
    assert "negative_sold_is_return" not in proposal.settled
    report = checked(tmp_path, "ventes_2026-W05.csv", proposal)
    assert (report.rows_accepted, report.reasons) == (3, {})


def test_rows_whose_kind_says_that_they_came_back_are_drafted_as_returns(tmp_path: Path) -> None:
    """Their quantities counted as sold: 8 pieces sold, and none back."""
    text = "Type;Ref;Qté;CA HT\nFA;RAC0101;5;50\nAvoir;RAC0101;2;20\nAV;RAC0102;1;10\n"
    proposal = draft(tmp_path, "ventes_2026-W05.csv", text, known=OURS)
    assert proposal.settled["return_rows"] == {"header": "Type", "pattern": "^(AV|Avoir)$"}
    assert not any("stay unread" in note for note in proposal.notes)
    (total,) = checked(tmp_path, "ventes_2026-W05.csv", proposal).totals
    assert (total.quantity, total.amount) == ("5.000", "20.0000")


def test_kinds_of_documents_whose_quantities_bear_their_sign_are_left_to_it(tmp_path: Path) -> None:
    text = "Type;Ref;Qté\nFA;RAC0101;5\nAvoir;RAC0101;-2\n"
    proposal = draft(tmp_path, "ventes_2026-W05.csv", text, known=OURS)
    assert "return_rows" not in proposal.settled
    assert proposal.settled["negative_sold_is_return"] is True


def test_our_codes_without_their_leading_zeros_are_told_as_such(tmp_path: Path) -> None:
    """They were told to be the partner's, at 0.95."""
    known = Known(product_codes=frozenset({"04107", "04114", "00012"}))
    proposal = draft(tmp_path, "ventes_2026-W05.csv", "Code;Qté\n4107;1\n4114;2\nX;4\n", known=known)
    assert proposal.settled["columns.partner_product_code"] == "Code"
    (choice,) = [c for c in proposal.choices if c.key == "columns.partner_product_code"]
    assert "2 of 3 cells are codes of ours without their leading zeros" in choice.reason
    assert any("without their leading zeros" in note for note in proposal.notes)


def test_days_as_excel_counts_them_are_told(tmp_path: Path) -> None:
    """44834 is 30 September 2022 since 1900, and 1 October 2026 since 1904: the column stayed unread."""
    rows = [["Date", "Code", "Qté"], [44834, "RAC0101", 3], [44840, "RAC0102", 4]]
    proposal = draft(tmp_path, "ventes.xlsx", workbook(rows), known=OURS)
    (note,) = [note for note in proposal.notes if "as Excel counts them" in note]
    assert "44834 is 2022-09-30 (excel) or 2026-10-01 (excel1904)" in note
