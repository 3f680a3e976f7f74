"""An amount over those that carry it, to the cent: the method of the largest remainder, in whole numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import pandas as pd

Shares = dict[str, int]


def spread(cents: int, weights: Mapping[str, int]) -> Shares:
    """Each carrier's share rounded down; the cents that are left go to the largest remainders, of equal ones
    to the first by name.
    """
    size, whole = abs(cents), sum(weights.values())
    shares = {carrier: size * weight // whole for carrier, weight in weights.items()}
    left = size - sum(shares.values())
    by_remainder = sorted(weights, key=lambda carrier: (-(size * weights[carrier] % whole), carrier))
    for carrier in by_remainder[:left]:
        shares[carrier] += 1
    return {carrier: share if cents >= 0 else -share for carrier, share in shares.items()}


def by_net_amount(cents: int, lines: pd.DataFrame) -> Shares:
    return spread(cents, dict(zip(lines.index, lines["net"].tolist(), strict=True)))


def by_partners(cents: int, lines: pd.DataFrame) -> Shares:
    return _by_groups(cents, lines, lines["partner"])


def by_orders(cents: int, lines: pd.DataFrame) -> Shares:
    return _by_groups(cents, lines, lines["order"].fillna(lines["document"]))


def _by_groups(cents: int, lines: pd.DataFrame, groups: pd.Series) -> Shares:
    """Each group the same, within the group by net amount."""
    members: dict[str, dict[str, int]] = defaultdict(dict)
    for line, group, net in zip(lines.index, groups.tolist(), lines["net"].tolist(), strict=True):
        members[group][line] = net
    of_groups = spread(cents, dict.fromkeys(members, 1))
    return {
        line: share
        for group, weights in members.items()
        for line, share in spread(of_groups[group], weights).items()
    }


KEYS: Mapping[str, Callable[[int, pd.DataFrame], Shares]] = {
    "net_amount": by_net_amount,
    "partners": by_partners,
    "orders": by_orders,
}
"""The keys of docs/programme-costs.md that the sample company uses."""
