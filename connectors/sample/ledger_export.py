"""The sample company's ledger, exported as the FEC that French law asks for: one file for each closed year.

The company's year ends on 30 June. Sales are booked net of on-invoice discounts (701 by family), goods
that came back debit the same account, price-only credit notes debit 709; customers are 411 with the
partner as auxiliary account. A payment settles its invoice with the cash discount taken in it: bank 512,
discount 665 and its tax. Cost of goods is booked by month and family. A few entries differ from the invoices
on purpose (`_plant`), for whoever reconciles the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import COMPANY_SIREN, FAMILIES, PARTNERS, START
from connectors.sample.catalogue import Listings, Product
from connectors.sample.documents import INVOICE, PRICE_CREDIT, Documents
from connectors.sample.programmes import Programmes
from connectors.sample.rebates import GAUGES, Accrual, Settlement, accruals, monthly, settlements

COLUMNS: Final = (
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
)
JOURNALS: Final = {
    "AN": "A nouveaux",
    "VE": "Ventes",
    "BQ": "Banque",
    "ST": "Stocks",
    "OD": "Operations diverses",
}
ACCOUNTS: Final = {
    "101000": "Capital",
    "110000": "Report a nouveau",
    "355000": "Stocks de produits finis",
    "411000": "Clients",
    "419800": "Clients - RRR a accorder",
    "445710": "TVA collectee",
    "401000": "Fournisseurs",
    "512000": "Banque",
    "622200": "Commissions et courtages sur ventes",
    "623000": "Publicite et participations marketing",
    "624200": "Transports sur ventes",
    "641100": "Salaires",
    "665000": "Escomptes accordes",
    "601000": "Achats de matieres",
    "713500": "Production stockee",
    "709100": "Rabais, remises et ristournes accordes",
    "709700": "RRR a accorder - remises de fin d'annee",
    **{f"70110{number}": f"Ventes {family.name}" for number, family in enumerate(FAMILIES, 1)},
    **{f"71355{number}": f"Variation des stocks {family.name}" for number, family in enumerate(FAMILIES, 1)},
}
_NAMES: Final = {partner.code: partner.name for partner in PARTNERS}
YEAR_ENDS: Final = (date(2025, 6, 30), date(2026, 6, 30))
OPENING: Final = (
    ("101000", -80_000_000),
    ("355000", 400_000_000),
    ("512000", 60_000_000),
    ("110000", -380_000_000),
)
"""Balances with which the history begins, in cents, debit positive."""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger; `amount` in cents, debit positive."""

    journal: str
    number: str
    day: date
    account: str
    auxiliary: str
    piece: str
    piece_day: date
    label: str
    amount: int
    letter: str = ""
    letter_day: date | None = None


@dataclass(frozen=True)
class Difference:
    """What the ledger says otherwise than the invoices: `amount` is ledger less invoices, before tax, in
    cents.
    """

    code: str
    piece: str
    partner: str
    amount: int
    explanation: str


@dataclass(frozen=True)
class Export:
    """One closed year: the file's name and its entries, opening balances first."""

    name: str
    closing: date
    entries: list[Entry]


def build_exports(
    products: tuple[Product, ...],
    listings: Listings,
    documents: Documents,
    programmes: Programmes,
    as_of: date,
) -> tuple[list[Export], list[Difference]]:
    """The exports of all years closed by `as_of`, and the planted differences in them."""
    rebates = accruals(products, listings, documents, as_of)
    booked = [*_sales(products, listings, documents), *_rebates_accrued(rebates)]
    booked, differences = _plant(booked, documents, rebates)
    # The key of an entry is journal and number: years go on counting, so numbers are unique over both files.
    flows = sorted(
        [
            *booked,
            *_payments(documents, programmes),
            *_rebates_paid(settlements(rebates)),
            *_costs(products, listings, documents, as_of),
            *_overheads(documents, as_of),
        ],
        key=lambda entry: (entry.day, entry.journal, entry.number),
    )
    exports = []
    balances = {(account, ""): amount for account, amount in OPENING}
    begin = START
    for end in (end for end in YEAR_ENDS if end <= as_of):
        opening = [
            Entry(
                "AN", f"AN{begin.year}-001", begin, account, auxiliary, "BALANCE", begin, "A nouveau", amount
            )
            for (account, auxiliary), amount in sorted(balances.items())
            if amount
        ]
        year = [entry for entry in flows if begin <= entry.day <= end]
        exports.append(Export(f"{COMPANY_SIREN}FEC{end:%Y%m%d}.txt", end, [*opening, *year]))
        balances = _carried_forward(opening, year)
        begin = end + timedelta(days=1)
    return exports, differences


def write(folder: Path, exports: list[Export]) -> None:
    """Write the exports: tab, decimal comma, ISO 8859-15, dates AAAAMMJJ."""
    folder.mkdir(parents=True, exist_ok=True)
    for export in exports:
        lines = ["\t".join(COLUMNS), *("\t".join(_cells(entry)) for entry in export.entries)]
        (folder / export.name).write_bytes(("\r\n".join(lines) + "\r\n").encode("iso8859-15"))


def _cells(entry: Entry) -> tuple[str, ...]:
    debit, credit = max(entry.amount, 0), max(-entry.amount, 0)
    return (
        entry.journal,
        JOURNALS[entry.journal],
        entry.number,
        f"{entry.day:%Y%m%d}",
        entry.account,
        ACCOUNTS[entry.account],
        entry.auxiliary,
        _NAMES.get(entry.auxiliary, ""),
        entry.piece,
        f"{entry.piece_day:%Y%m%d}",
        entry.label,
        _money(debit),
        _money(credit),
        entry.letter,
        f"{entry.letter_day:%Y%m%d}" if entry.letter_day else "",
        f"{entry.day:%Y%m%d}",
        "",
        "",
    )


def _money(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d}"


def _date(number: int) -> date:
    return START + timedelta(days=number)


def _letter(number: int) -> str:
    """Lettering AA, AB, … of settled documents."""
    letters = ""
    while number >= 0:
        letters = chr(65 + number % 26) + letters
        number = number // 26 - 1
    return letters


def _settled(documents: Documents) -> dict[int, date]:
    payments = documents.payments
    return {
        int(document): _date(int(day))
        for document, day in zip(payments.document.tolist(), payments.day.tolist(), strict=True)
    }


def _sales(products: tuple[Product, ...], listings: Listings, documents: Documents) -> Iterator[Entry]:
    """Invoices and credit notes in the sales journal: customer, sales by family, tax."""
    invoices = documents.invoices
    families = {family.code: number for number, family in enumerate(FAMILIES, 1)}
    family_of = np.array([families[product.family.code] for product in products])[
        listings.product[invoices.pair]
    ]
    nets = np.zeros((len(invoices.number), len(FAMILIES) + 1), dtype=np.int64)
    np.add.at(nets, (invoices.document, family_of), invoices.line_net)
    settled = _settled(documents)
    order = np.lexsort((np.arange(len(invoices.number)), invoices.partner, invoices.day))
    for sequence, document in enumerate(order.tolist(), 1):
        day, number = _date(int(invoices.day[document])), invoices.number[document]
        partner = PARTNERS[int(invoices.partner[document])]
        kind = int(invoices.kind[document])
        label = f"{'Facture' if kind == INVOICE else 'Avoir'} {partner.name}"
        paid = settled.get(document)
        entry = Entry(
            "VE",
            f"VE{sequence:06d}",
            day,
            "411000",
            partner.code,
            number,
            day,
            label,
            int(invoices.total[document]),
            _letter(document) if paid else "",
            paid,
        )
        yield entry
        plain = replace(entry, auxiliary="", letter="", letter_day=None)
        if kind == PRICE_CREDIT:
            yield replace(plain, account="709100", amount=-int(invoices.net[document]))
        else:
            for number_of_family in range(1, len(FAMILIES) + 1):
                net = int(nets[document, number_of_family])
                if net:
                    yield replace(plain, account=f"70110{number_of_family}", amount=-net)
        if invoices.vat[document]:
            yield replace(plain, account="445710", amount=-int(invoices.vat[document]))


def _rebates_accrued(rebates: list[Accrual]) -> Iterator[Entry]:
    """Rebates at the rate expected, at each month's end: what it changes of each partner's."""
    for sequence, (rebate, amount) in enumerate(monthly(rebates), 1):
        if amount:
            entry = Entry(
                "OD",
                f"OD8{sequence:05d}",
                rebate.month_end,
                "709700",
                "",
                _rebate_piece(rebate.programme, rebate.year, rebate.month_end, rebate.partner),
                rebate.month_end,
                f"Remise {rebate.programme} {rebate.year} a accorder",
                amount,
            )
            yield entry
            yield replace(entry, account="419800", auxiliary=rebate.partner, amount=-amount)


def _rebate_piece(programme: str, year: int, month_end: date, partner: str) -> str:
    return f"{programme}-{year}/{month_end:%Y-%m}/{partner}"


def _rebates_paid(paid: list[Settlement]) -> Iterator[Entry]:
    """Rebates that were paid, by the bank."""
    for sequence, settlement in enumerate(paid, 1):
        entry = Entry(
            "BQ",
            f"BQ8{sequence:05d}",
            settlement.day,
            "419800",
            settlement.partner,
            settlement.reference,
            settlement.day,
            f"Paiement remise {settlement.programme} {settlement.year}",
            settlement.amount,
        )
        yield entry
        yield replace(entry, account="512000", auxiliary="", amount=-settlement.amount)


def _plant(
    booked: list[Entry], documents: Documents, rebates: list[Accrual]
) -> tuple[list[Entry], list[Difference]]:
    """Differences between ledger and invoices, each of a kind that finance really meets."""
    if not plants.LEDGER_FAULTS:
        return booked, []
    invoices = documents.invoices
    totals = {number: int(net) for number, net in zip(invoices.number, invoices.net.tolist(), strict=True)}
    partners = {
        number: PARTNERS[int(partner)].code
        for number, partner in zip(invoices.number, invoices.partner.tolist(), strict=True)
    }

    def pick(first: date, prefix: str, partner: str | None = None, last: date = date.max) -> str | None:
        """The first document of some size that is dated from `first` to `last`."""
        for number, day in zip(invoices.number, invoices.day.tolist(), strict=True):
            matches = number.startswith(prefix) and partner in (None, partners[number])
            if matches and first <= _date(day) <= last and abs(totals[number]) >= 30000:
                return number
        return None

    differences = []
    changed = booked
    late = pick(date(2025, 11, 20), "FA", "D02", last=date(2025, 11, 30))
    if late is not None:
        changed = [
            replace(entry, day=date(2025, 12, 2)) if entry.piece == late else entry for entry in changed
        ]
        differences.append(
            Difference(
                "cut_off", late, partners[late], 0, "invoiced in November 2025, booked on 2 December 2025"
            )
        )
    wrong = pick(date(2025, 9, 10), "FA", "D06")
    if wrong is not None:
        changed = [
            replace(entry, amount=entry.amount + (27000 if entry.account == "411000" else 0))
            if entry.piece == wrong
            else entry
            for entry in changed
        ]
        sale = next(
            row
            for row, entry in enumerate(changed)
            if entry.piece == wrong and entry.account.startswith("701")
        )
        changed[sale] = replace(changed[sale], amount=changed[sale].amount - 27000)
        differences.append(
            Difference("keying_error", wrong, partners[wrong], 27000, "booked 270.00 too high before tax")
        )
    forgotten = pick(date(2026, 2, 1), "AV")
    if forgotten is not None:
        changed = [entry for entry in changed if entry.piece != forgotten]
        differences.append(
            Difference(
                "missing_credit_note", forgotten, partners[forgotten], -totals[forgotten], "never booked"
            )
        )
    mistaken = pick(date(2025, 4, 7), "FA", "D15")
    if mistaken is not None:
        changed = [
            replace(entry, auxiliary="D16")
            if entry.piece == mistaken and entry.account == "411000"
            else entry
            for entry in changed
        ]
        differences.append(Difference("wrong_partner", mistaken, "D15", 0, "booked on the account of D16"))
    year_end = date(plants.CAPPED_YEAR, 12, 31)
    for rebate in rebates:
        if (rebate.programme, rebate.partner, rebate.month_end) == (GAUGES, plants.CAPPED, year_end):
            piece = _rebate_piece(rebate.programme, rebate.year, year_end, rebate.partner)
            surplus = (rebate.purchased * plants.CAPPED_BOOKED_PERCENT + 50) // 100 - rebate.expected
            changed = [
                replace(entry, amount=entry.amount + (surplus if entry.account == "709700" else -surplus))
                if entry.piece == piece
                else entry
                for entry in changed
            ]
            differences.append(
                Difference(
                    "kept_rebate_accrual",
                    piece,
                    rebate.partner,
                    surplus,
                    "accrued as if the tier had been reached",
                )
            )
    return changed, differences


def _payments(documents: Documents, programmes: Programmes) -> Iterator[Entry]:
    payments, invoices = documents.payments, documents.invoices
    rows = zip(
        payments.number,
        payments.document.tolist(),
        payments.day.tolist(),
        payments.amount.tolist(),
        programmes.discounts.tolist(),
        programmes.discount_taxes.tolist(),
        strict=True,
    )
    for sequence, (number, document, moment, amount, discount, tax) in enumerate(rows, 1):
        day = _date(moment)
        partner = PARTNERS[int(invoices.partner[document])]
        entry = Entry(
            "BQ",
            f"BQ{sequence:06d}",
            day,
            "512000",
            "",
            number,
            day,
            f"Reglement {invoices.number[document]}",
            amount - discount - tax,
        )
        yield entry
        if discount:
            yield replace(entry, account="665000", amount=discount)
        if tax:
            yield replace(entry, account="445710", amount=tax)
        yield replace(
            entry,
            account="411000",
            auxiliary=partner.code,
            amount=-amount,
            letter=_letter(document),
            letter_day=day,
        )


def _months(as_of: date) -> Iterator[date]:
    """Ends of all whole months up to `as_of`."""
    first = START
    while True:
        after = (first + timedelta(days=32)).replace(day=1)
        if after - timedelta(days=1) > as_of:
            return
        yield after - timedelta(days=1)
        first = after


def monthly_costs(
    products: tuple[Product, ...], listings: Listings, documents: Documents
) -> dict[tuple[str, str], int]:
    """Cost of goods sold, in cents, by month of invoice and family; each line is rounded by itself."""
    invoices = documents.invoices
    cents = np.sign(invoices.cost) * ((np.abs(invoices.cost) + 50) // 100)
    days = invoices.day[invoices.document].tolist()
    codes = [products[index].family.code for index in listings.product[invoices.pair].tolist()]
    totals: dict[tuple[str, str], int] = {}
    for day, code, amount in zip(days, codes, cents.tolist(), strict=True):
        key = (f"{_date(day):%Y-%m}", code)
        totals[key] = totals.get(key, 0) + amount
    return totals


def _costs(
    products: tuple[Product, ...], listings: Listings, documents: Documents, as_of: date
) -> Iterator[Entry]:
    """At each month's end: cost of goods sold by family, what was produced to replace it, and the material
    for that.
    """
    totals = monthly_costs(products, listings, documents)
    for sequence, end in enumerate(_months(as_of), 1):
        sold = Entry(
            "ST",
            f"ST{sequence:04d}A",
            end,
            "355000",
            "",
            f"COUT-{end:%Y-%m}",
            end,
            f"Cout des ventes {end:%m/%Y}",
            0,
        )
        produced = replace(
            sold, number=f"ST{sequence:04d}B", piece=f"PROD-{end:%Y-%m}", label=f"Production {end:%m/%Y}"
        )
        month = 0
        for number, family in enumerate(FAMILIES, 1):
            amount = totals.get((f"{end:%Y-%m}", family.code), 0)
            if amount:
                month += amount
                yield replace(sold, account=f"71355{number}", amount=amount)
                yield replace(sold, amount=-amount)
        if month:
            yield replace(produced, amount=month)
            yield replace(produced, account="713500", amount=-month)
            yield from _bought(
                f"ST{sequence:04d}C", end, "601000", "Matieres et sous-traitance", month * 55 // 100
            )


def _bought(number: str, end: date, account: str, label: str, amount: int) -> Iterator[Entry]:
    """Something bought at a month's end and paid by the bank with the next."""
    journal = "ST" if account == "601000" else "OD"
    entry = Entry(journal, number, end, account, "", f"{number}-{end:%Y-%m}", end, label, amount)
    yield entry
    yield replace(entry, account="401000", amount=-amount)
    paid = (end + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    yield replace(
        entry, journal="BQ", number=f"P{number}", day=paid, account="401000", label=f"Paiement {label}"
    )
    yield replace(
        entry,
        journal="BQ",
        number=f"P{number}",
        day=paid,
        account="512000",
        label=f"Paiement {label}",
        amount=-amount,
    )


def _overheads(documents: Documents, as_of: date) -> Iterator[Entry]:
    """What no invoice of ours shows: freight, marketing, commissions, sales staff, and the tax that is
    passed on.
    """
    invoices = documents.invoices
    months = np.array([(_date(day).year * 12 + _date(day).month) for day in invoices.day.tolist()])
    for sequence, end in enumerate(_months(as_of), 1):
        net = int(invoices.net[months == end.year * 12 + end.month].sum())
        if not net:
            continue
        yield from _bought(f"OD{sequence:04d}01", end, "624200", "Transports sur ventes", net * 28 // 1000)
        yield from _bought(
            f"OD{sequence:04d}02", end, "623000", "Participations marketing distributeurs", net * 15 // 1000
        )
        yield from _bought(f"OD{sequence:04d}03", end, "622200", "Commissions", net * 9 // 1000)
        wages = Entry(
            "OD",
            f"OD{sequence:04d}04",
            end,
            "641100",
            "",
            f"PAIE-{end:%Y-%m}",
            end,
            "Salaires equipe reseau",
            5_200_000,
        )
        yield wages
        yield replace(wages, account="512000", amount=-5_200_000)
        vat = int(invoices.vat[months == end.year * 12 + end.month].sum())
        declared = Entry(
            "OD", f"OD{sequence:04d}05", end, "445710", "", f"TVA-{end:%Y-%m}", end, f"TVA {end:%m/%Y}", vat
        )
        yield declared
        yield replace(declared, account="512000", amount=-vat)


def _carried_forward(opening: list[Entry], year: list[Entry]) -> dict[tuple[str, str], int]:
    """Opening balances of the next year; the result of the others goes to retained earnings."""
    balances: dict[tuple[str, str], int] = {}
    for entry in (*opening, *year):
        key = ("110000", "") if entry.account[0] in "67" else (entry.account, entry.auxiliary)
        balances[key] = balances.get(key, 0) + entry.amount
    return balances
