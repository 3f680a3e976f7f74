"""Two years of trade, day by day: end customers buy, partners reorder, we ship, goods arrive and come back.

One loop over the days, vectorised over all pairs of partner and product. The stock identity holds for each
pair and day, because stock is only ever moved here:

    stock = stock before + arrived + brought from elsewhere - sent back to us - sold + returned by customers

What belongs here: movements of goods, in pieces. Documents, prices and numbers are made of them in
`documents`; what partners report of them, in `reports`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, PARTNERS, PUBLIC_HOLIDAYS, SEASON, START, WEEKDAYS
from connectors.sample.catalogue import Listings, Product
from connectors.sample.dice import Dice, Flags, Floats, Ints

TAIL: Final = 150
"""Days beyond the horizon on which goods ordered before it may still move."""
NEVER: Final = 10**6


@dataclass(frozen=True)
class OrderLines:
    """Order lines in order of day, partner and product, each with up to two shipments (day NEVER: none)."""

    day: Ints
    pair: Ints
    units: Ints
    requested: Ints
    is_cancelled: Flags
    exceptional: Ints
    first_day: Ints
    first_units: Ints
    first_arrival: Ints
    second_day: Ints
    second_units: Ints
    second_arrival: Ints


@dataclass(frozen=True)
class SentBack:
    """Goods that came back to us: day, pair, pieces, and the order line they were delivered by."""

    day: Ints
    pair: Ints
    pieces: Ints
    order_line: Ints


@dataclass(frozen=True)
class Trade:
    """All movements. Matrices are [day, pair] in pieces; day 0 is the first day of the history."""

    sold: Ints
    returned: Ints
    arrived: Ints
    sent_back: Ints
    brought: Ints
    stock: Ints
    opening: Ints
    orders: OrderLines
    returns: SentBack

    @property
    def days(self) -> int:
        return len(self.sold)


@dataclass(frozen=True)
class Calendar:
    """Days as numbers: 0 is the first day of the history; it reaches `TAIL` days beyond the horizon."""

    dates: tuple[date, ...]
    is_working: Flags
    next_working: Ints

    @classmethod
    def until(cls, as_of: date) -> Calendar:
        count = (as_of - START).days + 1 + TAIL
        dates = tuple(START + timedelta(days=number) for number in range(count))
        working = np.array([day.weekday() < 5 and day not in PUBLIC_HOLIDAYS for day in dates])
        following = np.empty(count, dtype=np.int64)
        reached = count - 1
        for number in range(count - 1, -1, -1):
            if working[number]:
                reached = number
            following[number] = reached
        return cls(dates, working, following)


def day_number(day: date) -> int:
    return (day - START).days


def simulate(
    seed: int,
    as_of: date,
    products: tuple[Product, ...],
    listings: Listings,
    progress: Callable[[float], None] | None = None,
) -> Trade:
    """Trade from the first day of the history to `as_of`, both included."""
    calendar = Calendar.until(as_of)
    days = day_number(as_of) + 1
    pairs = len(listings)
    demand, returned_share, is_closed = _demand(seed, calendar, days, listings)
    state = _State.begin(seed, calendar, days, products, listings)
    arrived = np.zeros((len(calendar.dates), pairs), dtype=np.int64)
    back = np.zeros((days, pairs), dtype=np.int64)
    brought = np.zeros((days, pairs), dtype=np.int64)
    sold = np.zeros((days, pairs), dtype=np.int64)
    returned = np.zeros((days, pairs), dtype=np.int64)
    stock = np.zeros((days, pairs), dtype=np.int64)
    opening = state.stock.copy()
    _grey_import(brought, products, listings)
    for day in range(days):
        state.stock += arrived[day] + brought[day]
        state.on_order -= arrived[day]
        state.send_back(day, back)
        np.minimum(demand[day], state.stock, out=sold[day])
        if day >= 6:
            np.floor(sold[day - 6] * 0.015 + returned_share[day], casting="unsafe", out=returned[day])
            np.minimum(returned[day], sold[day - 6], out=returned[day])
            returned[day][is_closed[day]] = 0
        state.stock += returned[day] - sold[day]
        stock[day] = state.stock
        state.order(day, arrived)
        if progress is not None and day % 30 == 0:
            progress(day / days)
    return Trade(
        sold,
        returned,
        arrived[:days].copy(),
        back,
        brought,
        stock,
        opening,
        state.order_lines(),
        state.returns(),
    )


def _demand(seed: int, calendar: Calendar, days: int, listings: Listings) -> tuple[Ints, Floats, Flags]:
    """Pieces asked for by end customers, [day, pair], the dice for their returns, and where a partner is
    shut.
    """
    dates = calendar.dates[:days]
    pairs = len(listings)
    growth = np.array([partner.growth for partner in PARTNERS])[listings.partner]
    week = np.array([WEEKDAYS[partner.channel] for partner in PARTNERS])[listings.partner]
    season = np.array([SEASON[day.month - 1] for day in dates])
    weekday = np.array([day.weekday() for day in dates])
    trend = 1.0 + np.outer(np.arange(days) / 365.0, growth)
    rate = listings.rate * trend * season[:, None] * week.T[weekday]
    first = np.array([day_number(day) for day in listings.first])
    after = np.array([min(day_number(day), NEVER) for day in listings.after])
    numbers = np.arange(days)[:, None]
    rate = np.where((numbers >= first) & (numbers < after), rate, 0.0)
    overstocked = listings.partner == PARTNER_INDEX[plants.OVERSTOCKED]
    rate[day_number(plants.OVERSTOCK_FROM) :, overstocked] *= 0.8
    # One partner shuts for a month and says so: nothing sold, nothing returned.
    closed_partner, closed_month = plants.REPORTED_ZERO
    closed = listings.partner == PARTNER_INDEX.get(closed_partner)
    month = np.array([f"{day:%Y-%m}" == closed_month for day in dates])
    rate[np.ix_(month, closed)] = 0.0
    dice = Dice(seed, "demand").uniform(days, 4, pairs)
    # Half of the days bring nothing, the other half 0.4 to 1.6 times the double: the mean is the rate.
    wanted = np.where(dice[:, 0] < 0.5, rate * (0.8 + 2.4 * dice[:, 1]), 0.0)
    return np.floor(wanted + dice[:, 2]).astype(np.int64) * (rate > 0), dice[:, 3], np.outer(month, closed)


def _grey_import(brought: Ints, products: tuple[Product, ...], listings: Listings) -> None:
    """Goods that a partner bought elsewhere: it sells them, and we never shipped them."""
    pair = find_pair(plants.GREY_IMPORT_PARTNER, plants.GREY_IMPORT_PRODUCT, products, listings)
    day = day_number(plants.GREY_IMPORT_DATE)
    if day < len(brought):
        brought[day, pair] = plants.GREY_IMPORT_UNITS


def find_pair(partner: str, product: str, products: tuple[Product, ...], listings: Listings) -> int:
    """The pair of that partner and product; KeyError if the partner does not carry it."""
    number = PARTNER_INDEX[partner]
    for pair in np.flatnonzero(listings.partner == number):
        if products[int(listings.product[pair])].code == product:
            return int(pair)
    raise KeyError(f"{partner} does not carry {product}")


def working_season(day: date) -> float:
    """Demand level that a buyer plans with: this month's and the next one's season, averaged."""
    return (SEASON[day.month - 1] + SEASON[day.month % 12]) / 2.0


@dataclass
class _State:
    """Stocks and open orders while the days pass."""

    calendar: Calendar
    days: int
    listings: Listings
    stock: Ints
    on_order: Ints
    dice: Dice
    return_dice: Dice
    transit: Ints
    later_transit: Ints
    transit_change: Ints
    proves: Flags
    late: Ints
    growth: Floats
    monthly: Flags
    order_weekday: Ints
    first: Ints
    after: Ints
    cover: Floats
    capped: Flags
    capped_total: int
    shortage: dict[int, list[tuple[int, int]]]
    careless: Flags
    last_line: Ints
    last_units: Ints
    last_ship: Ints
    lines: list[tuple[Ints | Flags, ...]]
    sent_back: list[tuple[int, Ints, Ints, Ints]]
    line_count: int = 0

    @classmethod
    def begin(
        cls, seed: int, calendar: Calendar, days: int, products: tuple[Product, ...], listings: Listings
    ) -> _State:
        pairs = len(listings)
        by_pair = listings.partner
        partners = PARTNERS
        monthly = np.array([p.rhythm != "week" for p in partners])[by_pair]
        transit = np.array([p.transit_days for p in partners])[by_pair]
        codes = [products[int(index)].code for index in listings.product]
        shortage: dict[int, list[tuple[int, int]]] = {}
        for short, begin, end in plants.SHORTAGES:
            for pair, code in enumerate(codes):
                if code in short:
                    shortage.setdefault(pair, []).append((day_number(begin), day_number(end)))
        capped = (by_pair == PARTNER_INDEX[plants.CAPPED]) & np.array(
            [code.startswith(plants.CAPPED_FAMILY) for code in codes]
        )
        first = np.array([day_number(day) for day in listings.first])
        cover = np.where(monthly, 24.0, 14.0) + transit
        dice = Dice(seed, "opening stock")
        lots = np.ceil(listings.rate * (0.55 * cover + 8 * dice.uniform(pairs)) / listings.lot)
        drawn = Dice(seed, "carriers").uniform(len(calendar.dates), 2, len(partners))
        late = np.where(drawn[:, 0] < 0.05, 2 + np.floor(drawn[:, 1] * 3), 0).astype(np.int64)
        later = [p.later_transit or (date(9999, 1, 1), p.transit_days) for p in partners]
        return cls(
            calendar=calendar,
            days=days,
            listings=listings,
            stock=np.where(first <= 0, lots.astype(np.int64) * listings.lot, 0),
            on_order=np.zeros(pairs, dtype=np.int64),
            dice=Dice(seed, "orders"),
            return_dice=Dice(seed, "returns"),
            transit=transit,
            later_transit=np.array([value for _, value in later])[by_pair],
            transit_change=np.array([day_number(day) for day, _ in later])[by_pair],
            proves=np.array([p.proves_delivery for p in partners])[by_pair],
            late=late,
            growth=np.array([p.growth for p in partners])[by_pair],
            monthly=monthly,
            order_weekday=by_pair % 4,
            first=first,
            after=np.array([min(day_number(day), NEVER) for day in listings.after]),
            cover=cover,
            capped=capped,
            capped_total=0,
            shortage=shortage,
            careless=by_pair == PARTNER_INDEX.get(plants.MARGIN_DESTROYER),
            last_line=np.full(pairs, -1, dtype=np.int64),
            last_units=np.zeros(pairs, dtype=np.int64),
            last_ship=np.full(pairs, NEVER, dtype=np.int64),
            lines=[],
            sent_back=[],
        )

    def ordering(self, day: int) -> Flags:
        """Pairs whose partner orders on that day.

        Partners that report by month order on the 5th and the 14th, so that all they receive has arrived
        well before the month's end and their counted stock is comparable with the week that holds it.
        """
        calendar = self.calendar
        today = calendar.dates[day]
        if not calendar.is_working[day]:
            return np.zeros(len(self.listings), dtype=np.bool_)
        since = [
            calendar.dates[earlier].day
            for earlier in range(max(day - 4, 0), day + 1)
            if calendar.next_working[earlier] == day
        ]
        due_monthly = 5 in since or 14 in since
        chosen: Flags = np.where(self.monthly, due_monthly, self.order_weekday == today.weekday())
        silent = self.listings.partner == PARTNER_INDEX[plants.SILENT]
        if today >= plants.SILENT_FROM:
            chosen &= ~silent
        # New products are stocked ten days before they are on sale; old ones not in their last month.
        chosen &= (day >= self.first - 10) & (day < self.after - 30)
        if today.year < plants.CAPPED_YEAR:
            last = day_number(date(plants.CAPPED_YEAR - 1, 12, 12))
            if day > last:
                chosen &= ~self.capped
        return chosen

    def order(self, day: int, arrived: Ints) -> None:
        """Reorder what runs short, and decide when it will be shipped."""
        mask = self.ordering(day)
        if not mask.any():
            return
        today = self.calendar.dates[day]
        rate = self.listings.rate * (1.0 + self.growth * (day / 365.0)) * working_season(today)
        cover = self.cover.copy()
        if today >= plants.OVERSTOCK_FROM:
            weeks = (today - plants.OVERSTOCK_FROM).days / 7.0
            cover[self.listings.partner == PARTNER_INDEX[plants.OVERSTOCKED]] += 2.4 * weeks
        short = rate * cover - (self.stock + self.on_order)
        review = np.where(self.monthly, 14.0, 11.0)
        units = np.ceil((short + rate * review) / self.listings.lot).astype(np.int64)
        wanted = mask & (short > 0) & (units > 0)
        self._cap(today, wanted, units)
        pair = np.flatnonzero(wanted)
        if not len(pair):
            return
        self._enter(day, pair, units[pair], arrived)

    def _cap(self, today: date, wanted: Flags, units: Ints) -> None:
        """Hold one partner's purchases of one family in one year to a few pieces below the tier."""
        if today.year != plants.CAPPED_YEAR:
            return
        remaining = plants.CAPPED_UNITS - self.capped_total
        is_last = today.month == 12 and today.day >= 14
        for pair in np.flatnonzero(self.capped):
            if wanted[pair]:
                units[pair] = min(int(units[pair]), remaining)
                wanted[pair] = units[pair] > 0
                remaining -= int(units[pair])
        if is_last and remaining > 0 and today.day < 20:
            chosen = int(np.flatnonzero(self.capped)[0])
            if self.ordering(day_number(today))[chosen]:
                units[chosen] = (int(units[chosen]) if wanted[chosen] else 0) + remaining
                wanted[chosen] = True
                remaining = 0
        self.capped_total = plants.CAPPED_UNITS - remaining

    def _enter(self, day: int, pair: Ints, units: Ints, arrived: Ints) -> None:
        count = len(pair)
        dice = self.dice.uniform(count, 5)
        careless, capped = self.careless[pair], self.capped[pair]
        cancelled = (dice[:, 0] < 0.006) & ~capped
        rebated = dice[:, 1] < np.where(careless, 0.7, 0.05)
        exceptional = np.where(
            rebated,
            np.where(careless, 1400 + 100 * np.floor(dice[:, 2] * 7), 300 + 200 * np.floor(dice[:, 2] * 3)),
            0,
        ).astype(np.int64)
        lag = 1 + np.floor(dice[:, 3] * 2).astype(np.int64)
        ship = self.calendar.next_working[day + lag]
        split = (dice[:, 4] < 0.03) & (units > 1) & ~capped & ~cancelled
        first_units = np.where(split, np.maximum(1, np.floor(units * 0.6)).astype(np.int64), units)
        later = self.calendar.next_working[ship + 4]
        for position, number in enumerate(pair):
            for begin, end in self.shortage.get(int(number), ()):
                if begin <= ship[position] < end and not cancelled[position]:
                    split[position] = True
                    first_units[position] = int(units[position]) // 3
                    later[position] = end
        first_units = np.where(cancelled, 0, first_units)
        second_units = np.where(split, units - first_units, 0)
        first_day = np.where(first_units > 0, ship, NEVER)
        second_day = np.where(second_units > 0, later, NEVER)
        first_arrival = self._arrival(pair, first_day)
        second_arrival = self._arrival(pair, second_day)
        lot = self.listings.lot[pair]
        for moment, quantity in ((first_arrival, first_units), (second_arrival, second_units)):
            known = moment < len(arrived)
            np.add.at(arrived, (moment[known], pair[known]), (quantity * lot)[known])
        self.on_order[pair] += np.where(cancelled, 0, units * lot)
        self.lines.append(
            (
                np.full(count, day),
                pair,
                units,
                self._wanted(day, pair, ship),
                cancelled,
                exceptional,
                first_day,
                first_units,
                first_arrival,
                second_day,
                second_units,
                second_arrival,
            )
        )
        self.last_line[pair] = np.arange(self.line_count, self.line_count + count)
        self.last_units[pair] = first_units * lot
        self.last_ship[pair] = first_day
        self.line_count += count

    def _wanted(self, day: int, pair: Ints, ship: Ints) -> Ints:
        """Day asked for: the journey after a week, or a day less where the partner is in a hurry."""
        patience = 7 - (self.listings.partner[pair] % 3 == 1)
        wanted: Ints = self.calendar.next_working[day + patience + self._transit(pair, ship)]
        return wanted

    def _transit(self, pair: Ints, ship: Ints) -> Ints:
        changed = ship >= self.transit_change[pair]
        return np.where(changed, self.later_transit[pair], self.transit[pair])

    def _arrival(self, pair: Ints, ship: Ints) -> Ints:
        """Day of arrival: shipment and transit; with partners that confirm receipt, perhaps late, on a
        working day.

        It depends on the day and the partner only: a shipment arrives as a whole.
        """
        known = np.minimum(ship, len(self.calendar.dates) - 1)
        late = np.where(self.proves[pair], self.late[known, self.listings.partner[pair]], 0)
        plain = np.minimum(known + self._transit(pair, ship) + late, len(self.calendar.dates) - 1)
        confirmed = np.where(self.proves[pair], self.calendar.next_working[plain], plain)
        return np.where(ship == NEVER, NEVER, confirmed)

    def send_back(self, day: int, back: Ints) -> None:
        """Goods go back to us on Mondays and Tuesdays in the middle of the month, ten days after delivery at
        least.
        """
        today = self.calendar.dates[day]
        if today.weekday() > 1 or not self.calendar.is_working[day] or not 7 <= today.day <= 20:
            return
        dice = self.return_dice.uniform(2, len(self.listings))
        share = np.where(self.careless, 0.045, 0.004)
        pieces = np.maximum(1, np.floor(self.last_units * (0.1 + 0.2 * dice[1]))).astype(np.int64)
        pieces = np.minimum(pieces, np.minimum(self.last_units, self.stock))
        chosen = (dice[0] < share) & (self.last_ship <= day - 10) & (pieces > 0) & ~self.capped
        pair = np.flatnonzero(chosen)
        if not len(pair):
            return
        back[day, pair] = pieces[pair]
        self.stock[pair] -= pieces[pair]
        self.sent_back.append((day, pair, pieces[pair], self.last_line[pair].copy()))
        self.last_units[pair] = 0

    def order_lines(self) -> OrderLines:
        return OrderLines(*(np.concatenate(column) for column in zip(*self.lines, strict=True)))

    def returns(self) -> SentBack:
        if not self.sent_back:
            empty = np.zeros(0, dtype=np.int64)
            return SentBack(empty, empty, empty, empty)
        days, pairs, pieces, lines = zip(*self.sent_back, strict=True)
        each = [np.full(len(pair), day, dtype=np.int64) for day, pair in zip(days, pairs, strict=True)]
        return SentBack(
            np.concatenate(each), np.concatenate(pairs), np.concatenate(pieces), np.concatenate(lines)
        )
