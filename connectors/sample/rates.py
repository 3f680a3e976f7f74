"""The exchange rates of the sample: invented reference rates of the central bank, in its own file format.

What belongs here: rates by day, the file, and what an amount is worth at them, in whole numbers. The rates
are nobody's: only their size and their restlessness are those of the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from holidays import financial_holidays

from connectors.sample.cast import START
from connectors.sample.dice import Dice

FILE_NAME: Final = "eurofxref-hist.csv"
WITHOUT_RATE: Final = "RUB"
"""A currency of which the bank has a column and publishes no rate."""

_LEVELS: Final = {"USD": (10_800, 55), "GBP": (8_450, 30), "CHF": (9_450, 30)}
"""Ten-thousandths of the currency for one euro: around which level, and how far it moves in a day at most."""


@dataclass(frozen=True)
class Rates:
    """Ten-thousandths of a currency for one euro, by currency and by day on which the bank publishes."""

    published: dict[str, dict[date, int]]

    def at(self, currency: str, day: date) -> int:
        """The rate of the day, otherwise that of the last day before it that has one."""
        rates = self.published[currency]
        while day not in rates:
            day -= timedelta(days=1)
        return rates[day]

    def in_euros(self, cents: int, currency: str, day: date) -> int:
        """Hundredths of a euro cent that an amount in cents of a currency is worth, half away from zero."""
        rate = self.at(currency, day)
        # cents / 100 / (rate / 10000) euros, in ten-thousandths of a euro.
        whole, rest = divmod(abs(cents) * 1_000_000, rate)
        rounded = whole + (2 * rest >= rate)
        return -rounded if cents < 0 else rounded

    def text(self) -> str:
        """The file: the newest day first, and a comma at the end of each line, as the bank writes it."""
        currencies = list(self.published)
        days = sorted(self.published[currencies[0]], reverse=True)
        lines = [
            ",".join(
                [
                    day.isoformat(),
                    *(_written(self.published[name][day]) for name in currencies),
                    "N/A",
                    "",
                ]
            )
            for day in days
        ]
        return "\n".join([",".join(["Date", *currencies, WITHOUT_RATE, ""]), *lines]) + "\n"


def build_rates(seed: int, as_of: date) -> Rates:
    """Rates of the bank's working days up to `as_of`; a later `as_of` gives the same ones and more."""
    closed = financial_holidays("ECB", years=range(START.year, as_of.year + 1))
    days = [
        day
        for day in (START + timedelta(days=number) for number in range((as_of - START).days + 1))
        if day.weekday() < 5 and day not in closed
    ]
    published = {}
    for currency, (level, most) in _LEVELS.items():
        steps = Dice(seed, "exchange", currency).integers(-most, most + 1, len(days)).tolist()
        rate, rates = level, {}
        for day, step in zip(days, steps, strict=True):
            # What strays from its level is drawn back to it.
            rate += step + (level - rate) // 40
            rates[day] = rate
        published[currency] = rates
    return Rates(published)


def write(path: Path, rates: Rates) -> None:
    path.write_text(rates.text(), encoding="ascii")


def _written(rate: int) -> str:
    return f"{rate // 10_000}.{rate % 10_000:04d}"
