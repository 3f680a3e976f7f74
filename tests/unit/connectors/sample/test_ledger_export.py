"""The ledger export: the form that the law asks for, and the invoices' figures but for what is planted."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.sample.cast import PARTNERS, START
from connectors.sample.generator import Simulation
from connectors.sample.ledger_export import Difference, build_exports, write

Row = dict[str, str]


@pytest.fixture(scope="module")
def books(
    simulation: Simulation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, list[Row]], list[Difference]]:
    folder = tmp_path_factory.mktemp("ledger")
    exports, differences = build_exports(
        simulation.products,
        simulation.listings,
        simulation.documents,
        simulation.programmes,
        simulation.as_of,
    )
    write(folder, exports)
    return {path.name: read(path) for path in sorted(folder.glob("*.txt"))}, differences


def read(path: Path) -> list[Row]:
    lines = path.read_bytes().decode("iso8859-15").split("\r\n")
    titles = lines[0].split("\t")
    return [dict(zip(titles, line.split("\t"), strict=True)) for line in lines[1:] if line]


def amount(row: Row) -> Decimal:
    return Decimal(row["Debit"].replace(",", ".")) - Decimal(row["Credit"].replace(",", "."))


def test_there_is_a_file_of_eighteen_columns_for_each_closed_year(
    books: tuple[dict[str, list[Row]], object],
) -> None:
    files, _ = books
    assert list(files) == ["999900012FEC20250630.txt", "999900012FEC20260630.txt"]
    for rows in files.values():
        assert len(rows[0]) == 18
        assert list(rows[0])[:5] == ["JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum"]


def test_each_entry_balances_and_opening_balances_come_first(
    books: tuple[dict[str, list[Row]], object],
) -> None:
    files, _ = books
    for rows in files.values():
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in rows:
            sums[row["JournalCode"], row["EcritureNum"]] += amount(row)
        assert set(sums.values()) == {Decimal(0)}
        journals = [row["JournalCode"] for row in rows]
        assert "AN" not in journals[journals.count("AN") :]


def test_the_second_year_opens_with_the_balances_that_the_first_one_closed_with(
    books: tuple[dict[str, list[Row]], object],
) -> None:
    files, _ = books
    first, second = files.values()
    closing: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in first:
        if row["CompteNum"] == "411000":
            closing[row["CompteNum"], row["CompAuxNum"]] += amount(row)
    opening = {
        (row["CompteNum"], row["CompAuxNum"]): amount(row)
        for row in second
        if row["JournalCode"] == "AN" and row["CompteNum"] == "411000"
    }
    assert opening == {key: value for key, value in closing.items() if value}


def test_customers_are_booked_with_the_partners_code(books: tuple[dict[str, list[Row]], object]) -> None:
    files, _ = books
    codes = {row["CompAuxNum"] for rows in files.values() for row in rows if row["CompteNum"] == "411000"}
    assert codes <= {partner.code for partner in PARTNERS}
    assert len(codes) > 30


def test_sales_equal_the_invoices_to_the_cent_but_for_the_planted_differences(
    simulation: Simulation, books: tuple[dict[str, list[Row]], list[Difference]]
) -> None:
    files, differences = books
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for rows in files.values():
        for row in rows:
            if row["JournalCode"] == "VE" and row["CompteNum"].startswith(("701", "7091")):
                booked[row["PieceRef"]] -= amount(row)
    invoices = simulation.documents.invoices
    invoiced = {
        number: Decimal(net) / 100
        for number, net in zip(invoices.number, invoices.net.tolist(), strict=True)
        if net
    }
    unequal = {number: booked[number] - net for number, net in invoiced.items() if booked[number] != net}
    planted = {
        item.piece: Decimal(item.amount) / 100
        for item in differences
        if item.piece in invoiced and item.amount
    }
    assert unequal == planted
    assert {item.code for item in differences} == {
        "cut_off",
        "keying_error",
        "missing_credit_note",
        "wrong_partner",
        "kept_rebate_accrual",
    }


def test_accruals_of_rebates_are_booked_with_the_partner_and_paid_by_the_bank(
    books: tuple[dict[str, list[Row]], list[Difference]],
) -> None:
    """What is left on 4198 of a partner is what was accrued for it less what was paid."""
    files, _ = books
    rows = [row for found in files.values() for row in found if row["JournalCode"] != "AN"]
    accrued = sum((amount(row) for row in rows if row["CompteNum"] == "709700"), Decimal(0))
    owed = sum((amount(row) for row in rows if row["CompteNum"] == "419800"), Decimal(0))
    paid = sum(
        (
            -amount(row)
            for row in rows
            if row["CompteNum"] == "512000" and row["PieceRef"].startswith(("SOLDE", "ACOMPTE"))
        ),
        Decimal(0),
    )
    assert accrued > 0
    assert paid > 0
    assert owed == paid - accrued
    assert {row["CompAuxNum"] for row in rows if row["CompteNum"] == "419800"} <= {p.code for p in PARTNERS}


def test_cost_of_sales_is_pieces_at_the_cost_of_the_invoice_date(
    simulation: Simulation, books: tuple[dict[str, list[Row]], object]
) -> None:
    files, _ = books
    booked = sum(
        (amount(row) for rows in files.values() for row in rows if row["CompteNum"].startswith("71355")),
        Decimal(0),
    )
    invoices, listings = simulation.documents.invoices, simulation.listings
    expected = Decimal(0)
    for pieces, pair, document in zip(
        invoices.pieces.tolist(), invoices.pair.tolist(), invoices.document.tolist(), strict=True
    ):
        if pieces:
            day = START + timedelta(days=int(invoices.day[document]))
            costs = simulation.products[int(listings.product[pair])].costs
            cost = next(item.value for item in costs if item.first <= day < item.after)
            line = Decimal(abs(pieces) * cost) / 10000
            cents = (line * 100 + Decimal("0.5")) // 1
            expected += cents.copy_sign(Decimal(pieces)) / 100
    assert booked == expected
