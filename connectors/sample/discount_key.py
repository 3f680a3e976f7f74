"""The answer key's part on discounts and landed costs: what each invoice line was allowed, and who approved.

Worked out line by line in whole cents from the documents and the planted rules, in another way than the
models do it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from connectors.sample import plants
from connectors.sample.cast import PARTNERS, START, Partner
from connectors.sample.catalogue import Listings, Product
from connectors.sample.documents import Documents, discount_at
from connectors.sample.pricing import contract_prices, landed_costs

Fact = dict[str, Any]
ELEMENTS: Final = ("freight_in", "customs", "material_surcharge")


@dataclass(frozen=True)
class Attributed:
    """An invoice line: its reductions in cents, with its sign; its landed costs by element of `ELEMENTS` in
    hundredths of a cent.
    """

    partner: str
    month: str
    contract: int
    promotion: int
    exception: int
    status: str
    landed: tuple[int, ...]


def discount_facts(products: Sequence[Product], listings: Listings, documents: Documents) -> Fact:
    """Reductions and landed cost by partner and month, and exceptions by partner and status."""
    monthly: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (3 + len(ELEMENTS)))
    exceptions: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for line in attribute(tuple(products), listings, documents):
        sums = monthly[line.partner, line.month]
        for place, value in enumerate((line.contract, line.promotion, line.exception, *line.landed)):
            sums[place] += value
        if line.status:
            counts = exceptions[line.partner, line.status]
            counts[0] += 1
            counts[1] += line.exception
    return {
        "monthly": [
            {
                "partner_code": partner,
                "month": month,
                "contract_discount_amount": _money(contract),
                "promotion_discount_amount": _money(promotion),
                "exception_discount_amount": _money(exception),
                "landed_cost_amount": f"{sum(landed) / 10000:.4f}",
                "landed_cost_elements": {
                    element: f"{value / 10000:.4f}" for element, value in zip(ELEMENTS, landed, strict=True)
                },
            }
            for (partner, month), (contract, promotion, exception, *landed) in sorted(monthly.items())
        ],
        "exceptions": [
            {"partner_code": partner, "status_code": status, "lines": lines, "amount": _money(cents)}
            for (partner, status), (lines, cents) in sorted(exceptions.items())
        ],
    }


def attribute(
    products: tuple[Product, ...], listings: Listings, documents: Documents
) -> Iterator[Attributed]:
    """Every invoice line in order."""
    invoices = documents.invoices
    agreed = defaultdict(list)
    for price in contract_prices(products, listings):
        agreed[price.partner, price.product].append(price.range)
    landed = defaultdict(list)
    for item in landed_costs(products):
        landed[item.product, item.element].append(item.range)
    for document, pair, pieces, gross, net in zip(
        invoices.document.tolist(),
        invoices.pair.tolist(),
        invoices.pieces.tolist(),
        invoices.gross.tolist(),
        invoices.line_net.tolist(),
        strict=True,
    ):
        day = START + timedelta(days=int(invoices.day[document]))
        original = int(invoices.original[document])
        sale = START + timedelta(days=int(invoices.day[original])) if original >= 0 else day
        partner = PARTNERS[int(listings.partner[pair])]
        product = products[int(listings.product[pair])]
        sign = -1 if gross < 0 else 1
        given = sign * (gross - net)
        prices = [item for item in agreed[partner.code, product.code] if item.first <= sale < item.after]
        allowed = (
            sign * gross - prices[0].value * sign * pieces
            if prices
            else _part(abs(gross), _contract_rate(partner, sale, abs(pieces)))
        )
        contract = given if given <= allowed + 1 else allowed
        promoted = _part(abs(gross), _promotion_rate(partner, product, sale, abs(pieces)))
        rest = given - contract
        promotion = rest if rest <= promoted + 1 else promoted
        exception = rest - promotion
        yield Attributed(
            partner.code,
            f"{day:%Y-%m}",
            sign * contract,
            sign * promotion,
            sign * exception,
            _status(partner.code, product, sale, exception, abs(gross)) if exception > 0 else "",
            tuple(
                pieces
                * sum(item.value for item in landed[product.code, element] if item.first <= day < item.after)
                for element in ELEMENTS
            ),
        )


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _part(cents: int, hundredths_of_percent: int) -> int:
    return (cents * hundredths_of_percent + 5000) // 10000


def _tier(tiers: Sequence[tuple[int, int]], pieces: int) -> int:
    return next(rate for least, rate in reversed(tiers) if pieces >= least)


def _contract_rate(partner: Partner, day: date, pieces: int) -> int:
    own = [tiers for code, first, tiers in plants.CONTRACT_TIERS if code == partner.code and first <= day]
    return _tier(own[-1], pieces) if own else discount_at(partner, day)


def _promotion_rate(partner: Partner, product: Product, day: date, pieces: int) -> int:
    for family, segment, first, after, tiers in plants.PROMOTIONS:
        fits = family in (None, product.family.code) and segment in (None, partner.segment)
        if fits and first <= day < after:
            return _tier(tiers, pieces)
    return 0


def _status(partner: str, product: Product, day: date, exception: int, gross: int) -> str:
    begun = [
        (after, rate)
        for _, who, family, first, after, rate, _ in plants.APPROVALS
        if who == partner and family in (None, product.family.code) and first <= day
    ]
    in_force = [rate for after, rate in begun if day < after]
    if any(gross == 0 or exception <= _part(gross, rate) + 1 for rate in in_force):
        return "approved"
    if in_force:
        return "over_approved_rate"
    return "expired" if begun else "unapproved"
