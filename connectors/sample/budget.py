"""The sample company's budget for 2026: by month, partner and family what the year before brought, and a
change drawn by partner.

Made once in winter from the closed year 2025, and the same whatever comes later. Amounts are whole euros.
`examples/demo/rules/budget.csv` is this file.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Final

from connectors.sample.cast import PARTNERS, START
from connectors.sample.catalogue import Listings, Product
from connectors.sample.dice import Dice
from connectors.sample.documents import Documents

YEAR: Final = 2026
SEGMENTS: Final = ("Gold", "Silver")
"""Partners with a budget: those with a yearly talk."""
GROWTH_PERCENT: Final = (-2, 8)
"""What sales are to change by; drawn by partner."""
REBATE_PERCENT: Final = 2
PROGRAMME_PERCENT: Final = 3


@dataclass(frozen=True)
class BudgetLine:
    """A month of a partner's family; columns as `rules/budget.csv` names them."""

    month: str
    partner_code: str
    family_code: str
    invoiced_quantity: int
    gross_amount: int
    discount_amount: int
    rebate_amount: int
    programme_amount: int
    cost_amount: int


def budget(
    seed: int, products: tuple[Product, ...], listings: Listings, documents: Documents
) -> list[BudgetLine]:
    """The lines in order of month, partner and family; none where nothing was sold in the year before."""
    invoices = documents.invoices
    sold: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for document, pair, *figures in zip(
        invoices.document.tolist(),
        invoices.pair.tolist(),
        invoices.pieces.tolist(),
        invoices.gross.tolist(),
        invoices.line_net.tolist(),
        invoices.cost.tolist(),
        strict=True,
    ):
        day = START + timedelta(days=int(invoices.day[document]))
        partner = PARTNERS[int(listings.partner[pair])]
        if day.year == YEAR - 1 and partner.segment in SEGMENTS:
            family = products[int(listings.product[pair])].family.code
            sums = sold[f"{YEAR}-{day:%m}", partner.code, family]
            for place, figure in enumerate(figures):
                sums[place] += figure
    dice = Dice(seed, "budget")
    growth = {partner.code: 100 + dice.one(*GROWTH_PERCENT) for partner in PARTNERS}
    lines = []
    for (month, partner_code, family_code), sums in sorted(sold.items()):
        pieces, gross, net, cost = (figure * growth[partner_code] for figure in sums)
        if pieces > 0 and net > 0:
            lines.append(
                BudgetLine(
                    month,
                    partner_code,
                    family_code,
                    pieces // 100,
                    gross // 10_000,
                    (gross - net) // 10_000,
                    net * REBATE_PERCENT // 1_000_000,
                    net * PROGRAMME_PERCENT // 1_000_000,
                    cost // 1_000_000,
                )
            )
    return lines


def write(path: Path, lines: list[BudgetLine]) -> None:
    names = [field.name for field in fields(BudgetLine)]
    rows = [names, *([str(value) for value in astuple(line)] for line in lines)]
    path.write_text("".join(";".join(row) + "\n" for row in rows), encoding="utf-8")
