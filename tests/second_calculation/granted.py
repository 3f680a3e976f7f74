"""What is granted outside the invoice: an amount of a step, and the line that carries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd


class Granted(NamedTuple):
    """Cents of a step. Without a line it stands in the month of the cost, under product NONE."""

    step: str
    line: str | None
    month: str
    partner: str
    channel: str
    product: str
    cents: int


def carried(step: str, shares: Mapping[str, int], lines: pd.DataFrame) -> Iterator[Granted]:
    """Shares of lines, which count in the month of their invoice."""
    own = lines.loc[[line for line, cents in shares.items() if cents]]
    for row in own.reset_index().itertuples():
        yield Granted(step, row.line, row.month, row.partner, row.channel, row.product, shares[row.line])


def without_line(step: str, month: str, partner: str | None, channel: str | None, cents: int) -> Granted:
    return Granted(step, None, month, partner or "NONE", channel or "NONE", "NONE", cents)
