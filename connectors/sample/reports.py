"""What the partners' reports hold: lines worked out from the trade, written in each sender's way, faults
planted.

`build_reports` gives every file that has arrived by the horizon, with its bytes, its moment of arrival,
and a plain account of what a reader should make of it (`Report.lines`, counts): the answer key adds those
up, nobody else may look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, START, TOWNS
from connectors.sample.catalogue import BOX, PCE, Listings, Product
from connectors.sample.dice import Dice, Ints
from connectors.sample.edi import X12, Edifact, Interchange, write
from connectors.sample.identifiers import company_gln, partner_gln
from connectors.sample.layouts import Cents, Column, Text, foot_rows, render
from connectors.sample.rates import Rates
from connectors.sample.senders import FEEDS, Feed, Span, file_name, files_of, title_of
from connectors.sample.stores import gln_written, spelled
from connectors.sample.trade import Trade, day_number

State = Literal["landed", "superseded", "rejected", "duplicate"]
POSTAL: Final = {
    "D05": (("42000", 4), ("42100", 2), ("42300", 2), ("43000", 2)),
    "D11": (("63000", 5), ("63100", 3), ("03000", 2), ("15000", 1)),
}
POACHED_POSTAL: Final = ("42000", "42300")
CUSTOMERS: Final = 4000


@dataclass(frozen=True)
class Lines:
    """Reported lines: quantities in `unit`, `price` in cents before tax of one of it, in the feed's currency;
    -1 for what is not reported.
    """

    pair: Ints
    unit: Ints
    sold: Ints
    returned: Ints
    price: Ints
    stock: Ints
    day: Ints
    place: Ints
    ticket: Ints
    customer: Ints
    period: Ints

    def __len__(self) -> int:
        return len(self.pair)

    @property
    def amount(self) -> Ints:
        """Cents before tax, returns deducted."""
        return (self.sold - self.returned) * self.price

    def take(self, index: Any) -> Lines:
        return Lines(*(getattr(self, name)[index] for name in _FIELDS))

    @classmethod
    def join(cls, parts: list[Lines]) -> Lines:
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


_FIELDS: Final = tuple(Lines.__dataclass_fields__)


@dataclass(frozen=True)
class Report:
    """One file of the inbox and what is true of it.

    `lines` are those that can be landed; `fates` says of each whether its product and unit can be resolved.
    `quarantined` counts spoilt rows by reason; `skipped` counts rows that are no data.
    """

    feed: Feed
    span: Span
    periods: list[Span]
    path: str
    delivered: datetime
    content: bytes
    state: State
    lines: Lines
    fates: list[str]
    rows: int
    quarantined: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    plant: str | None = None


@dataclass(frozen=True)
class World:
    """What reports are worked out from."""

    seed: int
    as_of: date
    products: tuple[Product, ...]
    listings: Listings
    trade: Trade
    price: Ints
    resale: Ints
    rates: Rates


def build_world(
    seed: int,
    as_of: date,
    products: tuple[Product, ...],
    listings: Listings,
    trade: Trade,
    price: Ints,
    rates: Rates,
) -> World:
    """The trade, with the share of the list price that each partner sells each product at."""
    resale = Dice(seed, "resale").integers(84, 105, len(listings))
    return World(seed, as_of, products, listings, trade, price, resale, rates)


def build_reports(world: World, progress: Callable[[float], None] | None = None) -> Iterator[Report]:
    """All files that have arrived by the end of the horizon, in order of feed and time."""
    for number, feed in enumerate(FEEDS):
        if progress is not None:
            progress(number / len(FEEDS))
        for span, periods in files_of(feed, world.as_of):
            yield from (
                report
                for report in _files(world, feed, span, periods)
                if report.delivered.date() <= world.as_of
            )


# --- what a file says ---


def _files(world: World, feed: Feed, span: Span, periods: list[Span]) -> Iterator[Report]:
    """The files that a sender sends for one span: usually one, none or two where something is planted."""
    here = (feed.partner, span.key)
    if here[0] == plants.MISSING_WEEKS[0] and span.key in plants.MISSING_WEEKS[1]:
        return
    if here == plants.MISSING_MONTH:
        return
    lines = _lines(world, feed, periods)
    delivered = _delivered(world, feed, span)
    name = file_name(feed, span)
    stem, _, ending = name.rpartition(".")
    if here == plants.RESTATED:
        yield _report(
            world,
            feed,
            span,
            periods,
            name,
            delivered,
            _understated(lines),
            state="superseded",
            plant="restated",
        )
        yield _report(
            world,
            feed,
            span,
            periods,
            f"{stem}_rectificatif.{ending}",
            delivered + timedelta(days=24),
            lines,
            plant="restated",
        )
        return
    if here == plants.WRONG_HEADER:
        yield _report(
            world, feed, span, periods, name, delivered, lines, state="rejected", plant="wrong_header"
        )
        yield _report(
            world,
            feed,
            span,
            periods,
            f"{stem}_v2.{ending}",
            delivered + timedelta(days=2),
            lines,
            plant="wrong_header",
        )
        return
    state: State = "rejected" if here == plants.DAMAGED_EXCEL else "landed"
    report = _report(world, feed, span, periods, name, delivered, lines, state=state)
    yield report
    if here == plants.DUPLICATE:
        yield replace(
            report,
            path=report.path.replace(name, f"{stem} (1).{ending}"),
            delivered=delivered + timedelta(days=2),
            state="duplicate",
            plant="duplicate",
        )


def _delivered(world: World, feed: Feed, span: Span) -> datetime:
    low, high = feed.delay
    dice = Dice(world.seed, "delivery", feed.code, span.key)
    days = dice.one(low, high + 1)
    if feed.partner == plants.LATE_REPORTER and span.first >= plants.LATE_FROM:
        days = dice.one(9, 21)
    day = span.last + timedelta(days=days)
    return datetime(day.year, day.month, day.day, 5, tzinfo=UTC) + timedelta(seconds=dice.one(0, 6 * 3600))


def _lines(world: World, feed: Feed, periods: list[Span]) -> Lines:
    """What was sold, returned and counted in the periods, as the sender lists it."""
    parts = []
    for number, period in enumerate(periods):
        first, last = day_number(period.first), day_number(period.last)
        pairs = _carried(world, feed, period)
        if feed.split in ("day", "ticket"):
            parts.append(_daily(world, feed, pairs, first, last, number))
            continue
        window = slice(first, last + 1)
        sold, returned = (
            world.trade.sold[window][:, pairs].sum(axis=0),
            world.trade.returned[window][:, pairs].sum(axis=0),
        )
        lines = _summed(world, feed, pairs, sold, returned, last, number)
        if feed.split != "none":
            lines = _placed(world, feed, period, lines)
        if feed.packs:
            lines = _packed(world, lines)
        parts.append(lines)
    joined = Lines.join(parts)
    percent = plants.FOREIGN_PRICE_PERCENT.get(feed.currency, 100)
    return replace(joined, price=joined.price * percent // 100)


def _carried(world: World, feed: Feed, period: Span) -> Ints:
    """The partner's pairs that are on its list at the end of the period."""
    pairs = np.flatnonzero(world.listings.partner == PARTNER_INDEX[feed.partner])
    listed = [world.listings.first[pair] <= period.last for pair in pairs.tolist()]
    return pairs[np.array(listed, dtype=np.bool_)]


def _none(count: int) -> Ints:
    return np.full(count, -1, dtype=np.int64)


def _unit_resale(world: World, pairs: Ints, days: Ints) -> Ints:
    """Cents per piece before tax, in steps of five cents so that tax included it is whole cents too."""
    list_price = world.price[0, world.listings.product[pairs], days]
    cents: Ints = np.maximum((list_price * world.resale[pairs] // 100 + 2) // 5 * 5, 5)
    return cents


def _summed(
    world: World, feed: Feed, pairs: Ints, sold: Ints, returned: Ints, last: int, number: int
) -> Lines:
    count = len(pairs)
    days = np.full(count, last, dtype=np.int64)
    stock = world.trade.stock[last][pairs] if "stock" in feed.fields else _none(count)
    if feed.partner == plants.PHANTOM_PARTNER:
        stock = _phantom(world, pairs, last, stock)
    lines = Lines(
        pair=pairs,
        unit=np.full(count, PCE, dtype=np.int64),
        sold=sold,
        returned=returned,
        price=_unit_resale(world, pairs, days),
        stock=stock,
        day=_none(count),
        place=_none(count),
        ticket=_none(count),
        customer=_none(count),
        period=np.full(count, number, dtype=np.int64),
    )
    if feed.rows == "listed" or feed.wide:
        return lines
    return lines.take((sold > 0) | (returned > 0))


def _phantom(world: World, pairs: Ints, last: int, stock: Ints) -> Ints:
    """Stock that is on the partner's list but not on its shelves."""
    year, week = plants.PHANTOM_FROM.split("-W")
    if START + timedelta(days=last) < date.fromisocalendar(int(year), int(week), 7):
        return stock
    codes = [world.products[product].code for product in world.listings.product[pairs].tolist()]
    phantom = np.array([code in plants.PHANTOM_PRODUCTS for code in codes])
    reported: Ints = stock + plants.PHANTOM_UNITS * phantom
    return reported


def _daily(world: World, feed: Feed, pairs: Ints, first: int, last: int, number: int) -> Lines:
    """One line for each product and day; online resellers also number their tickets and customers."""
    window = slice(first, last + 1)
    sold, returned = world.trade.sold[window][:, pairs], world.trade.returned[window][:, pairs]
    day, column = np.nonzero((sold > 0) | (returned > 0))
    count = len(day)
    quantity, back = sold[day, column], returned[day, column]
    days, pair = day + first, pairs[column]
    ticket = customer = place = _none(count)
    if feed.split == "ticket":
        drawn = Dice(world.seed, "tickets", feed.partner, first).uniform(count, 3)
        ticket = days * 1000 + np.floor(drawn[:, 0] * 25).astype(np.int64)
        # A ticket has one customer and one address.
        customer = (ticket * 7919 + ticket // 1000 * 104729) % CUSTOMERS
        customer = customer * customer // CUSTOMERS
        towns = np.array([index for index, (_, weight) in enumerate(TOWNS) for _ in range(weight)])
        place = towns[customer % len(towns)]
    return Lines(
        pair=pair,
        unit=np.full(count, PCE, dtype=np.int64),
        sold=quantity,
        returned=back,
        price=_unit_resale(world, pair, days),
        stock=_none(count),
        day=days,
        place=place,
        ticket=ticket,
        customer=customer,
        period=np.full(count, number, dtype=np.int64),
    )


def _weights(feed: Feed, period: Span) -> list[tuple[int, int]]:
    """Places (stores or postal codes) of a feed with their weights in percent."""
    if feed.split == "store":
        return list(enumerate((40, 30, 20, 10) if len(feed.stores) == 4 else (50, 30, 20)))
    codes = POSTAL[feed.partner]
    total = sum(weight for _, weight in codes)
    home = 100
    extra: list[tuple[int, int]] = []
    if feed.partner == plants.POACHER and period.first >= plants.POACHING_FROM:
        home -= plants.POACHING_PERCENT
        extra = [(len(codes) + index, plants.POACHING_PERCENT // 2) for index in range(len(POACHED_POSTAL))]
    return [(index, weight * home // total) for index, (_, weight) in enumerate(codes)] + extra


def _placed(world: World, feed: Feed, period: Span, lines: Lines) -> Lines:
    """Spread each line over places, to the piece; returns go to the place that sold most."""
    places = _weights(feed, period)
    total = sum(weight for _, weight in places)
    chance = Dice(world.seed, "places", feed.code, period.key).uniform(len(lines))
    parts = []
    reached = 0
    before = np.zeros(len(lines), dtype=np.int64)
    for position, (place, weight) in enumerate(places):
        reached += weight
        upto = (
            lines.sold
            if position + 1 == len(places)
            else np.floor(lines.sold * reached / total + chance).astype(np.int64)
        )
        upto = np.minimum(upto, lines.sold)
        sold = upto - before
        returned = lines.returned if position == 0 else np.zeros(len(lines), dtype=np.int64)
        part = replace(lines, sold=sold, returned=returned, place=np.full(len(lines), place, dtype=np.int64))
        parts.append(part.take((sold > 0) | (returned > 0)))
        before = upto
    joined = Lines.join(parts)
    return joined.take(np.lexsort((joined.pair, joined.place)))


def _packed(world: World, lines: Lines) -> Lines:
    """Whole boxes are reported as boxes, the rest as pieces; returns come back as pieces."""
    box = np.array([product.family.box for product in world.products])[world.listings.product[lines.pair]]
    boxes = lines.sold // box
    loose = lines.sold - boxes * box
    none = np.zeros(len(lines), dtype=np.int64)
    boxed = replace(
        lines,
        unit=np.full(len(lines), BOX, dtype=np.int64),
        sold=boxes,
        returned=none,
        price=lines.price * box,
    ).take(boxes > 0)
    rest = replace(lines, sold=loose).take((loose > 0) | (lines.returned > 0))
    joined = Lines.join([boxed, rest])
    return joined.take(np.lexsort((joined.unit, joined.pair)))


def _understated(lines: Lines) -> Lines:
    """The first version of a report that is restated later: fewer pieces, less money."""
    return replace(lines, sold=lines.sold * 100 // plants.RESTATED_PERCENT)


# --- how it is written ---


def _report(
    world: World,
    feed: Feed,
    span: Span,
    periods: list[Span],
    name: str,
    delivered: datetime,
    lines: Lines,
    *,
    state: State = "landed",
    plant: str | None = None,
) -> Report:
    if "signed" in feed.fields:
        lines = _signed(lines)
    if feed.wide:
        lines = lines.take(np.isin(lines.pair, lines.pair[(lines.sold > 0) | (lines.returned > 0)]))
    titles, columns, rows = (
        _wide(world, feed, periods, lines) if feed.wide else _long(world, feed, periods, lines)
    )
    spoilt = _spoil(feed, span, titles, columns)
    layout = feed.layout
    if state == "rejected" and isinstance(layout, Text):
        titles = ["Quantity" if title == "Qté" else title for title in titles]
    if isinstance(layout, Edifact | X12):
        content = write(layout, _interchange(feed, span, delivered), titles, columns)
    elif isinstance(layout, Text) or not layout.groups:
        content = render(layout, titles, columns)
    else:
        widths = sum(width for _, width in layout.groups[:-1])
        groups = (*layout.groups[:-1], (layout.groups[-1][0], len(titles) - widths))
        content = render(replace(layout, groups=groups), titles, columns)
    if state == "rejected" and not isinstance(layout, Text):
        content, plant = content[: len(content) * 6 // 10], "damaged_excel"
    kept = (
        lines
        if spoilt.is_empty
        else lines.take(np.array([row not in spoilt.rows for row in range(len(lines))]))
    )
    return Report(
        feed=feed,
        span=span,
        periods=periods,
        path=f"{feed.partner}/{name}",
        delivered=delivered,
        content=content,
        state=state,
        lines=kept,
        fates=_fates(world, feed, periods, kept),
        rows=rows + spoilt.extra,
        quarantined=spoilt.reasons,
        skipped=0 if isinstance(layout, Edifact | X12) else foot_rows(layout),
        plant=plant,
    )


def _interchange(feed: Feed, span: Span, delivered: datetime) -> Interchange:
    """The envelope of a month's report by EDI; it is made when it is sent."""
    number = 100 * span.first.year + span.first.month
    return Interchange(
        sender=partner_gln(PARTNER_INDEX[feed.partner]),
        recipient=company_gln(),
        number=number,
        document=f"{feed.partner}-{number}",
        first=span.first,
        last=span.last,
        prepared=delivered,
    )


def _signed(lines: Lines) -> Lines:
    """Senders with one signed quantity write a sale and a return as two lines."""
    none = np.zeros(len(lines), dtype=np.int64)
    sales = replace(lines, returned=none).take(lines.sold > 0)
    backs = replace(lines, sold=none).take(lines.returned > 0)
    joined = Lines.join([sales, backs])
    return joined.take(np.lexsort((joined.sold == 0, joined.pair, joined.place, joined.day)))


def _long(world: World, feed: Feed, periods: list[Span], lines: Lines) -> tuple[list[str], list[Column], int]:
    titles = [title for title, _ in feed.columns]
    columns = [_column(world, feed, periods, lines, name) for _, name in feed.columns]
    return titles, columns, len(lines)


def _wide(world: World, feed: Feed, periods: list[Span], lines: Lines) -> tuple[list[str], list[Column], int]:
    """One row for each product, one column for each period and metric. A product without sales has no row."""
    moved = np.unique(lines.pair[(lines.sold > 0) | (lines.returned > 0)])
    fixed = [(title, name) for title, name in feed.columns if name in ("code", "label")]
    metrics = [(title, name) for title, name in feed.columns if name in ("sold", "returned")]
    first = Lines(*(moved if name == "pair" else np.zeros(len(moved), dtype=np.int64) for name in _FIELDS))
    titles = [title for title, _ in fixed]
    columns = [_column(world, feed, periods, first, name) for _, name in fixed]
    for number, period in enumerate(periods):
        here = lines.take(lines.period == number)
        for title, name in metrics:
            values = dict(zip(here.pair.tolist(), getattr(here, name).tolist(), strict=True))
            titles.append(title_of(title, period))
            columns.append([values.get(pair, 0) for pair in moved.tolist()])
    return titles, columns, len(moved)


def stores_written(
    feed: Feed, periods: list[Span], lines: Lines, write: Callable[[str, str, date], str]
) -> list[str]:
    """What each line says of its store."""
    written = [[write(feed.partner, store, period.first) for store in feed.stores] for period in periods]
    return [
        written[period][place]
        for period, place in zip(lines.period.tolist(), lines.place.tolist(), strict=True)
    ]


def _column(world: World, feed: Feed, periods: list[Span], lines: Lines, name: str) -> Column:
    """One column of a report as cells."""
    if name in ("sold", "returned", "stock"):
        return [int(value) for value in getattr(lines, name).tolist()]
    if name in ("net_sold", "signed"):
        return [int(value) for value in (lines.sold - lines.returned).tolist()]
    if name == "amount":
        return Cents(lines.amount.tolist())
    if name == "price":
        return Cents(lines.price.tolist())
    if name == "amount_with_tax":
        return Cents((lines.amount * 6 // 5).tolist())
    if name == "date":
        written = [
            (START + timedelta(days=day)).strftime(feed.date_format)
            for day in range(int(lines.day.max(initial=0)) + 1)
        ]
        return [written[day] for day in lines.day.tolist()]
    if name == "ticket":
        return [f"{feed.partner}-{value}" for value in lines.ticket.tolist()]
    if name == "customer":
        return [f"C{value:05d}" for value in lines.customer.tolist()]
    if name == "currency":
        return [feed.currency] * len(lines)
    if name == "week":
        keys = [f"S{period.key[-2:]}-{period.key[:4]}" for period in periods]
        return [keys[number] for number in lines.period.tolist()]
    if name == "store":
        return stores_written(feed, periods, lines, spelled)
    if name == "store_gln":
        return stores_written(feed, periods, lines, gln_written)
    if name == "postal":
        codes = (
            [code for code, _ in TOWNS]
            if feed.split == "ticket"
            else [*(code for code, _ in POSTAL[feed.partner]), *POACHED_POSTAL]
        )
        return [codes[place] for place in lines.place.tolist()]
    if name == "unit":
        # One month the partner used a unit that nobody has agreed on.
        odd = plants.UNKNOWN_UNIT if periods[0].key == UNKNOWN_UNIT_MONTH else "BTE"
        return ["PCE" if unit == PCE else odd for unit in lines.unit.tolist()]
    products = [world.products[product] for product in world.listings.product[lines.pair].tolist()]
    if name == "code":
        return [product.code for product in products]
    if name == "label":
        return [product.name for product in products]
    if name == "gtin":
        wrong = (
            WRONG_GTIN_PRODUCT
            if feed.partner == plants.WRONG_GTIN_PARTNER and periods[0].key == WRONG_GTIN_MONTH
            else ""
        )
        return [
            (product.gtin if unit == PCE else product.box_gtin)[:-2] + "00"
            if product.code == wrong
            else (product.gtin if unit == PCE else product.box_gtin)
            for product, unit in zip(products, lines.unit.tolist(), strict=True)
        ]
    if name == "own_code":
        return [
            own_code(feed.partner, product.code, number, unit, periods[period].first)
            for product, number, unit, period in zip(
                products,
                world.listings.product[lines.pair].tolist(),
                lines.unit.tolist(),
                lines.period.tolist(),
                strict=True,
            )
        ]
    raise KeyError(name)


UNKNOWN_UNIT_MONTH: Final = "2025-11"
WRONG_GTIN_MONTH: Final = "2026-02"
WRONG_GTIN_PRODUCT: Final = "COL0101"
UNKNOWN_CODE_FROM: Final = date(2026, 3, 2)


def own_code(partner: str, product: str, number: int, unit: int, day: date) -> str:
    """A product's code in the partner's own numbering; `number` is its place in the catalogue."""
    if partner == "D08":
        if product == plants.UNKNOWN_CODE_PRODUCT and day >= UNKNOWN_CODE_FROM:
            return "LFT-90417"
        return f"LFT-{10000 + 37 * number}"
    if partner == "D12":
        if product in (plants.REUSED_CODE_BEFORE, plants.REUSED_CODE_AFTER):
            return plants.REUSED_CODE
        return f"BC{3000 + number}"
    if partner == "D16":
        return f"PFI{100 + number}" + ("-B" if unit == BOX else "")
    raise KeyError(f"{partner} has no product codes of its own")


def _fates(world: World, feed: Feed, periods: list[Span], lines: Lines) -> list[str]:
    """Whether each line's product and unit can be resolved."""
    fates = ["resolved"] * len(lines)
    if feed.partner == plants.UNKNOWN_CODE_PARTNER and periods[-1].first >= UNKNOWN_CODE_FROM:
        _mark(world, lines, plants.UNKNOWN_CODE_PRODUCT, fates)
    if feed.partner == plants.WRONG_GTIN_PARTNER and periods[0].key == WRONG_GTIN_MONTH:
        _mark(world, lines, WRONG_GTIN_PRODUCT, fates)
    if feed.partner == plants.UNKNOWN_UNIT_PARTNER and periods[0].key == UNKNOWN_UNIT_MONTH:
        fates = [
            "unit_unknown" if unit == BOX else fate
            for unit, fate in zip(lines.unit.tolist(), fates, strict=True)
        ]
    return fates


def _mark(world: World, lines: Lines, product: str, fates: list[str]) -> None:
    for row, number in enumerate(world.listings.product[lines.pair].tolist()):
        if world.products[number].code == product:
            fates[row] = "product_unmatched"


# --- spoilt rows ---


@dataclass
class _Spoilt:
    """Rows of a file that must be quarantined: rows of `lines` that are lost, and rows added on top."""

    rows: set[int] = field(default_factory=set)
    reasons: dict[str, int] = field(default_factory=dict)
    extra: int = 0

    @property
    def is_empty(self) -> bool:
        return not self.rows

    def lose(self, row: int, reason: str) -> None:
        self.rows.add(row)
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


SPOILT: Final = {
    ("D03_ventes", "2025-W20"): ("bad_number", 2),
    ("D11_ventes", "2025-03"): ("missing_product", 3),
    ("D23_detail", "2025-11"): ("outside_period", 4),
    ("D23_detail", "2026-01"): ("bad_date", 2),
    ("T03_ventes", "2025-09"): ("bad_number", 1),
    ("D04_large", "2025-06"): ("service_row", 1),
    ("D07_sales", "2026-W03"): ("service_row", 2),
}
"""What is spoilt in which file, and in how many rows."""


def _spoil(feed: Feed, span: Span, titles: list[str], columns: list[Column]) -> _Spoilt:
    """Plant faults in the cells; rows are spread over the file."""
    spoilt = _Spoilt()
    kind, count = SPOILT.get((feed.code, span.key), ("", 0))
    if not kind:
        return spoilt
    fields = [name for _, name in feed.columns]
    if kind == "service_row":
        _add_service_rows(columns, fields, count)
        spoilt.extra = count
        spoilt.reasons["missing_product"] = count
        return spoilt
    for number in range(count):
        row = 5 + 9 * number
        if kind == "bad_number":
            cells = columns[fields.index("signed" if "signed" in fields else "net_sold")]
            cells[row] = "12?5" if number % 2 == 0 else "n.c."  # type: ignore[index]  # a list by construction
            spoilt.lose(row, "unparseable_number")
        elif kind == "missing_product":
            columns[fields.index("code")][row] = ""  # type: ignore[index]
            spoilt.lose(row, "missing_product")
        elif kind == "outside_period":
            columns[fields.index("date")][row] = (span.first - timedelta(days=3)).strftime(feed.date_format)  # type: ignore[index]
            spoilt.lose(row, "outside_period")
        else:
            columns[fields.index("date")][row] = "31/02/2026"  # type: ignore[index]
            spoilt.lose(row, "unparseable_date")
    return spoilt


def _add_service_rows(columns: list[Column], fields: list[str], count: int) -> None:
    """Freight and services have no product code; they do not belong in a sales report, and turn up all the
    same.
    """
    for position, column in enumerate(columns):
        name = fields[min(position, len(fields) - 1)]
        for number in range(count):
            value: Any = {"code": "", "label": ("Frais de port", "Freight")[number % 2], "amount": 1250}.get(
                name, 1
            )
            (column.values if isinstance(column, Cents) else column).append(value)  # type: ignore[union-attr]
