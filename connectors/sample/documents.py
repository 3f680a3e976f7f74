"""ERP documents made of the movements: orders, shipments, invoices, credit notes, payments, opportunities,
leads.

Amounts are whole cents. Numbers of invoices and credit notes run without a gap within the year, in order
of date, as French law demands. A document appears only if its date is not after the horizon, and every
draw of chance is made in order of time: a longer history has the same documents, and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, PARTNERS, START, TOWNS, Partner
from connectors.sample.catalogue import PCE, PRICE_LISTS, Dated, Listings, Product
from connectors.sample.deals import Deal, build_deals
from connectors.sample.dice import Dice, Ints
from connectors.sample.opportunities import Opportunity, build_opportunities
from connectors.sample.supply import SupplyLine, build_supplies
from connectors.sample.trade import NEVER, TAIL, Calendar, OrderLines, Trade, day_number

INVOICE, RETURN_CREDIT, PRICE_CREDIT = 0, 1, 2
VAT_PERCENT: Final = 20
Texts = NDArray[np.str_]


@dataclass(frozen=True)
class Orders:
    """Order documents; `number` by document, `document` and `line` by order line of `OrderLines`."""

    number: list[str]
    partner: Ints
    day: Ints
    requested: Ints
    document: Ints
    line: Ints
    net: Ints
    status: list[str]
    changed: Ints


@dataclass(frozen=True)
class Shipments:
    """Deliveries and returns by line; `document` points into `number`."""

    number: list[str]
    document: Ints
    line: Ints
    is_return: NDArray[np.bool_]
    day: Ints
    received: Ints
    pair: Ints
    order_line: Ints
    quantity: Ints
    unit: Ints
    pieces: Ints


@dataclass(frozen=True)
class Invoices:
    """Invoices and credit notes: documents, and their lines in the order of `document`."""

    number: list[str]
    partner: Ints
    day: Ints
    due: Ints
    kind: Ints
    original: Ints
    net: Ints
    vat: Ints
    document: Ints
    line: Ints
    pair: Ints
    order_line: Ints
    quantity: Ints
    unit: Ints
    pieces: Ints
    gross: Ints
    standard: Ints
    exceptional: Ints
    line_net: Ints
    cost: Ints

    @property
    def total(self) -> Ints:
        """Cents by document, tax included."""
        return self.net + self.vat


@dataclass(frozen=True)
class Payments:
    """`amount` is what is settled, in cents: money, but for the discount that the partner takes."""

    number: list[str]
    document: Ints
    day: Ints
    amount: Ints


@dataclass(frozen=True)
class Lead:
    number: str
    partner: str
    source: str
    status: str
    created: date
    closed: date | None
    postal_code: str


@dataclass(frozen=True)
class Documents:
    """All documents up to the horizon, and the tables of prices and costs they were made with."""

    order_lines: OrderLines
    orders: Orders
    shipments: Shipments
    invoices: Invoices
    payments: Payments
    opportunities: list[Opportunity]
    leads: list[Lead]
    deals: list[Deal]
    supplies: list[SupplyLine]
    own_stock: Ints
    own_stock_days: list[int]
    price: Ints
    cost: Ints


def build_documents(
    seed: int, as_of: date, products: tuple[Product, ...], listings: Listings, trade: Trade
) -> Documents:
    """The ERP's documents up to `as_of`."""
    calendar = Calendar.until(as_of)
    last = day_number(as_of)
    price = np.stack(
        [_by_day([product.prices[code] for product in products], last + TAIL) for code in PRICE_LISTS]
    )
    cost = _by_day([product.costs for product in products], last + TAIL)
    shipments = _shipments(trade, listings, last)
    invoices = _invoices(seed, calendar, listings, trade, shipments, price, cost, last)
    orders = _orders(listings, trade, price, shipments, invoices, last)
    shipped = _shipped(listings, shipments, products, last)
    days, levels = _own_stock(listings, shipped, products, last)
    opportunities = build_opportunities(
        seed,
        as_of,
        products,
        listings,
        trade.orders,
        [orders.number[document] for document in orders.document.tolist()],
        orders.net,
        price[0],
    )
    return Documents(
        trade.orders,
        orders,
        shipments,
        invoices,
        _payments(seed, calendar, invoices, last),
        opportunities,
        _leads(seed, as_of),
        build_deals(seed, as_of),
        build_supplies(as_of, products, shipped),
        levels,
        days,
        price,
        cost,
    )


def _by_day(ranges: list[tuple[Dated, ...]], last: int) -> Ints:
    """Dated values as a matrix [item, day]; 0 where nothing is on record."""
    values = np.zeros((len(ranges), last + 1), dtype=np.int64)
    for number, item in enumerate(ranges):
        for dated in item:
            first = max(day_number(dated.first), 0)
            after = min(max(day_number(dated.after), 0), last + 1)
            values[number, first:after] = dated.value
    return values


def discount_at(partner: Partner, day: date) -> int:
    """The partner's contractual discount on that day, in hundredths of a percent."""
    if partner.later_discount and day >= partner.later_discount[0]:
        return partner.later_discount[1]
    return partner.discount


def _discounts(partners: Ints, days: Ints) -> Ints:
    before = np.array([partner.discount for partner in PARTNERS])
    change = [partner.later_discount or (date(9999, 1, 1), partner.discount) for partner in PARTNERS]
    moment = np.array([day_number(day) for day, _ in change])
    after = np.array([value for _, value in change])
    return np.where(days >= moment[partners], after[partners], before[partners])


def _share(amount: Ints, hundredths_of_percent: Ints) -> Ints:
    """That share of an amount of at least zero, rounded half up to the cent."""
    result: Ints = (amount * hundredths_of_percent + 5000) // 10000
    return result


def _numbered(prefix: str, days: Ints, width: int = 6) -> list[str]:
    """Numbers by year, from 1 without a gap, for documents in order of date."""
    numbers, counts = [], dict[int, int]()
    for day in days.tolist():
        year = (START + timedelta(days=day)).year
        counts[year] = counts.get(year, 0) + 1
        numbers.append(f"{prefix}-{year}-{counts[year]:0{width}d}")
    return numbers


def _group(*keys: Ints) -> tuple[Ints, Ints, Ints]:
    """Group rows by keys: (first row of each group, group of each row, position within the group, from 1)."""
    combined = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        combined = combined * (int(key.max(initial=0)) + 2) + key + 1
    _, first, group = np.unique(combined, return_index=True, return_inverse=True)
    position = np.zeros(len(combined), dtype=np.int64)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(first)))
    position[order] = np.arange(len(combined)) - starts[group[order]] + 1
    return first, group.astype(np.int64), position


def _shipments(trade: Trade, listings: Listings, last: int) -> Shipments:
    lines, back = trade.orders, trade.returns
    rows = np.arange(len(lines.day))
    ships = np.concatenate([lines.first_day, lines.second_day])
    keep = ships <= last
    order_line = np.concatenate([rows, rows])[keep]
    day = ships[keep]
    arrival = np.concatenate([lines.first_arrival, lines.second_arrival])[keep]
    quantity = np.concatenate([lines.first_units, lines.second_units])[keep]
    pair = lines.pair[order_line]
    proves = np.array([partner.proves_delivery for partner in PARTNERS])[listings.partner[pair]]
    received = np.where(proves & (arrival <= last), arrival, NEVER)
    out = np.lexsort((order_line, listings.partner[pair], day))
    first, document, line = _group(day[out], listings.partner[pair[out]])
    numbers = _numbered("BL", day[out][first])
    back_first, back_document, back_line = _group(back.day, listings.partner[back.pair])
    back_numbers = _numbered("RT", back.day[back_first])
    none = np.full(len(back.day), NEVER, dtype=np.int64)
    return Shipments(
        number=numbers + back_numbers,
        document=np.concatenate([document, back_document + len(numbers)]),
        line=np.concatenate([line, back_line]),
        is_return=np.concatenate(
            [np.zeros(len(out), dtype=np.bool_), np.ones(len(back.day), dtype=np.bool_)]
        ),
        day=np.concatenate([day[out], back.day]),
        received=np.concatenate([received[out], none]),
        pair=np.concatenate([pair[out], back.pair]),
        order_line=np.concatenate([order_line[out], back.order_line]),
        quantity=np.concatenate([quantity[out], back.pieces]),
        unit=np.concatenate([listings.unit[pair[out]], np.full(len(back.day), PCE, dtype=np.int64)]),
        pieces=np.concatenate([quantity[out] * listings.lot[pair[out]], back.pieces]),
    )


@dataclass(frozen=True)
class _CreditLines:
    """Lines of credit notes before they are grouped into documents; `source` is the invoice line credited."""

    day: Ints
    kind: Ints
    source: Ints
    pieces: Ints
    amount: Ints


def _invoices(
    seed: int,
    calendar: Calendar,
    listings: Listings,
    trade: Trade,
    shipments: Shipments,
    price: Ints,
    cost: Ints,
    last: int,
) -> Invoices:
    sent = np.flatnonzero(~shipments.is_return)
    partner = listings.partner[shipments.pair[sent]]
    shipped = shipments.day[sent]
    # One shipment in five is invoiced on the next working day.
    day = calendar.next_working[shipped + ((shipped * 7 + partner * 13) % 5 == 0)]
    keep = day <= last
    sent, partner, day = sent[keep], partner[keep], day[keep]
    order = np.lexsort((np.arange(len(sent)), partner, day))
    sent, partner, day = sent[order], partner[order], day[order]
    first, document, line = _group(day, partner)
    pair = shipments.pair[sent]
    product = listings.product[pair]
    pieces = shipments.pieces[sent]
    price_list = np.array([PRICE_LISTS.index(item.price_list) for item in PARTNERS])[partner]
    unit_price = price[price_list, product, day]
    gross = unit_price * pieces
    exceptional_rate = trade.orders.exceptional[shipments.order_line[sent]]
    standard_rate = _discounts(partner, day)
    standard = _share(gross, standard_rate)
    exceptional = _share(gross, exceptional_rate)
    net = gross - standard - exceptional

    drafts = _credits(seed, calendar, trade, shipments, sent, partner, day, net, last)
    order = np.lexsort(
        (
            np.arange(len(drafts.source)),
            document[drafts.source],
            drafts.kind,
            partner[drafts.source],
            drafts.day,
        )
    )
    credited = _CreditLines(
        *(column[order] for column in (drafts.day, drafts.kind, drafts.source, drafts.pieces, drafts.amount))
    )
    source = credited.source
    back_first, back_document, back_line = _group(
        credited.day, partner[source], credited.kind, document[source]
    )
    returned = credited.kind == RETURN_CREDIT
    back_gross = np.where(returned, unit_price[source] * credited.pieces, 0)
    back_standard = np.where(returned, _share(back_gross, standard_rate[source]), 0)
    back_exceptional = np.where(returned, _share(back_gross, exceptional_rate[source]), -credited.amount)
    count = len(first)
    header_partner = np.concatenate([partner[first], partner[source][back_first]])
    header_day = np.concatenate([day[first], credited.day[back_first]])
    terms = np.array([item.payment_days for item in PARTNERS])[header_partner]
    all_document = np.concatenate([document, back_document + count])
    all_net = np.concatenate([net, -(back_gross - back_standard - back_exceptional)])
    header_net = np.zeros(count + len(back_first), dtype=np.int64)
    np.add.at(header_net, all_document, all_net)
    taxed = np.array([item.country == "FR" and item.territory != "974" for item in PARTNERS])[header_partner]
    vat = np.where(taxed, np.sign(header_net) * ((np.abs(header_net) * VAT_PERCENT + 50) // 100), 0)
    return Invoices(
        number=_numbered("FA", day[first]) + _numbered("AV", credited.day[back_first]),
        partner=header_partner,
        day=header_day,
        due=np.where(np.arange(len(header_day)) < count, header_day + terms, header_day),
        kind=np.concatenate([np.zeros(count, dtype=np.int64), credited.kind[back_first]]),
        original=np.concatenate([np.full(count, -1), document[source][back_first]]),
        net=header_net,
        vat=vat,
        document=all_document,
        line=np.concatenate([line, back_line]),
        pair=np.concatenate([pair, pair[source]]),
        order_line=np.concatenate([shipments.order_line[sent], shipments.order_line[sent][source]]),
        quantity=np.concatenate([shipments.quantity[sent], -credited.pieces]),
        unit=np.concatenate([shipments.unit[sent], np.full(len(source), PCE, dtype=np.int64)]),
        pieces=np.concatenate([pieces, -credited.pieces]),
        gross=np.concatenate([gross, -back_gross]),
        standard=np.concatenate([standard, -back_standard]),
        exceptional=np.concatenate([exceptional, -back_exceptional]),
        line_net=all_net,
        cost=np.concatenate(
            [pieces * cost[product, day], -credited.pieces * cost[product[source], credited.day]]
        ),
    )


def _credits(
    seed: int,
    calendar: Calendar,
    trade: Trade,
    shipments: Shipments,
    sent: Ints,
    partner: Ints,
    day: Ints,
    net: Ints,
    last: int,
) -> _CreditLines:
    """What is credited: goods that came back, and prices corrected without goods."""
    invoiced_by = {int(line): row for row, line in reversed(list(enumerate(shipments.order_line[sent])))}
    back_day = calendar.next_working[trade.returns.day + 3]
    known = back_day <= last
    source = np.array([invoiced_by[int(line)] for line in trade.returns.order_line[known]], dtype=np.int64)
    careless = partner == PARTNER_INDEX.get(plants.MARGIN_DESTROYER)
    drawn = Dice(seed, "price credits").uniform(len(day), 2)
    priced = np.flatnonzero((drawn[:, 0] < np.where(careless, 0.02, 0.003)) & (net >= 5000))
    amount = net[priced] * (3 + np.floor(drawn[priced, 1] * 6).astype(np.int64)) // 100
    priced_day = calendar.next_working[day[priced] + 20]
    in_time = priced_day <= last
    return _CreditLines(
        day=np.concatenate([back_day[known], priced_day[in_time]]),
        kind=np.concatenate([np.full(len(source), RETURN_CREDIT), np.full(int(in_time.sum()), PRICE_CREDIT)]),
        source=np.concatenate([source, priced[in_time]]),
        pieces=np.concatenate([trade.returns.pieces[known], np.zeros(int(in_time.sum()), dtype=np.int64)]),
        amount=np.concatenate([np.zeros(len(source), dtype=np.int64), amount[in_time]]),
    )


def _orders(
    listings: Listings, trade: Trade, price: Ints, shipments: Shipments, invoices: Invoices, last: int
) -> Orders:
    lines = trade.orders
    partner = listings.partner[lines.pair]
    first, document, line = _group(lines.day, partner)
    price_list = np.array([PRICE_LISTS.index(item.price_list) for item in PARTNERS])[partner]
    gross = (
        price[price_list, listings.product[lines.pair], lines.day] * lines.units * listings.lot[lines.pair]
    )
    net = gross - _share(gross, _discounts(partner, lines.day)) - _share(gross, lines.exceptional)
    count = len(lines.day)
    sent = ~shipments.is_return
    shipped = np.zeros(count, dtype=np.int64)
    np.add.at(shipped, shipments.order_line[sent], shipments.quantity[sent])
    billed = np.zeros(count, dtype=np.int64)
    bills = invoices.kind[invoices.document] == INVOICE
    np.add.at(billed, invoices.order_line[bills], invoices.quantity[bills])
    changed = lines.day.copy()
    np.maximum.at(changed, shipments.order_line[sent], shipments.day[sent])
    np.maximum.at(changed, invoices.order_line[bills], invoices.day[invoices.document[bills]])
    status = np.select(
        [lines.is_cancelled, billed >= lines.units, shipped >= lines.units],
        ["cancelled", "closed", "shipped"],
        "open",
    )
    return Orders(
        number=_numbered("CDE", lines.day[first]),
        partner=partner[first],
        day=lines.day[first],
        requested=lines.requested[first],
        document=document,
        line=line,
        net=net,
        status=status.tolist(),
        changed=np.minimum(changed, last),
    )


def _payments(seed: int, calendar: Calendar, invoices: Invoices, last: int) -> Payments:
    """Invoices are paid about when due, credit notes refunded after ten days."""
    order = np.lexsort((invoices.kind, invoices.partner, invoices.day))
    lag = np.zeros(len(order), dtype=np.int64)
    lag[order] = Dice(seed, "payments").integers(-2, 9, len(order))
    slow = invoices.partner == PARTNER_INDEX.get(plants.SLOW_PAYER)
    lag = np.where(slow, 38 + 2 * (lag + 2), lag)
    wanted = np.where(invoices.kind == INVOICE, invoices.due + lag, invoices.day + 10)
    day = np.where(wanted > last, NEVER, calendar.next_working[np.clip(wanted, 0, last)])
    paid = np.flatnonzero((day <= last) & (invoices.total != 0))
    paid = paid[np.lexsort((paid, invoices.partner[paid], day[paid]))]
    return Payments(_numbered("RG", day[paid]), paid, day[paid], invoices.total[paid])


def _shipped(listings: Listings, shipments: Shipments, products: tuple[Product, ...], last: int) -> Ints:
    """Pieces that left us, [day, product]."""
    shipped = np.zeros((last + 1, len(products)), dtype=np.int64)
    sent = ~shipments.is_return
    np.add.at(shipped, (shipments.day[sent], listings.product[shipments.pair[sent]]), shipments.pieces[sent])
    return shipped


def _own_stock(
    listings: Listings, shipped: Ints, products: tuple[Product, ...], last: int
) -> tuple[list[int], Ints]:
    """Our own stock on Sunday evenings: a level for six weeks less what left in the last two."""
    demand = np.zeros(len(products))
    for pair in range(len(listings)):
        demand[listings.product[pair]] += listings.rate[pair]
    running = np.vstack([np.zeros((1, len(products)), dtype=np.int64), np.cumsum(shipped, axis=0)])
    level = np.ceil(demand * 30).astype(np.int64) + 20
    days = list(range(6, last + 1, 7))
    ends = np.array(days) + 1
    stock = np.maximum(level - (running[ends] - running[np.maximum(ends - 14, 0)]), level // 20)
    codes = {product.code: index for index, product in enumerate(products)}
    for short, begin, end in plants.SHORTAGES:
        gone = [row for row, day in enumerate(days) if day_number(begin) <= day < day_number(end)]
        for code in short:
            stock[gone, codes[code]] = 0
    for index, product in enumerate(products):
        begun = np.array(days) >= day_number(product.launched) - 30
        stock[~begun, index] = 0
    return days, stock


def _leads(seed: int, as_of: date) -> list[Lead]:
    """Six a week, passed to distributors, counters and online resellers."""
    dice = Dice(seed, "leads")
    partners = [partner for partner in PARTNERS if partner.channel != "direct"]
    towns = [code for code, weight in TOWNS for _ in range(weight)]
    result: list[Lead] = []
    counts: dict[int, int] = {}
    monday = START
    while monday <= as_of:
        for slot in range(6):
            drawn = [float(value) for value in dice.uniform(7)]
            created = monday + timedelta(days=slot)
            counts[created.year] = counts.get(created.year, 0) + 1
            number = f"LD-{created.year}-{counts[created.year]:05d}"
            if created > as_of:
                continue
            partner = partners[int(drawn[1] * len(partners))]
            closed: date | None = created + timedelta(days=10 + int(drawn[2] * 60))
            won = drawn[3] < 0.24
            if closed is not None and closed > as_of:
                closed = None
            status = ("won" if won else "lost") if closed else ("passed" if drawn[4] < 0.8 else "new")
            source = ("salon", "site", "appel", "partenaire")[int(drawn[5] * 4)]
            result.append(
                Lead(number, partner.code, source, status, created, closed, towns[int(drawn[6] * len(towns))])
            )
        monday += timedelta(days=7)
    return result
