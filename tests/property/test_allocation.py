"""Spreading an amount in SQL loses no cent, whatever the weights and whatever the order of the rows.

The expected shares are worked out here in whole numbers, apart from the macro's arithmetic.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MACRO = Path(__file__).parents[2] / "dbt_project" / "macros" / "allocation.sql"

Carrier = tuple[str, int, str, int]
"""What is spread, its cents, the carrier, and its weight in ten-thousandths."""


@st.composite
def wholes(draw: st.DrawFn) -> list[Carrier]:
    rows: list[Carrier] = []
    for number in range(draw(st.integers(1, 4))):
        cents = draw(st.integers(-(10**9), 10**9))
        weights = draw(
            st.lists(st.one_of(st.integers(1, 9), st.integers(1, 10**11)), min_size=1, max_size=12)
        )
        rows += [(f"w{number}", cents, f"c{place:02d}", weight) for place, weight in enumerate(weights)]
    return rows


def spread(rows: list[Carrier]) -> dict[tuple[str, str], int]:
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - SQL, no page
    macro = environment.from_string(MACRO.read_text(encoding="utf-8")).module.spread
    with duckdb.connect() as connection:
        connection.execute(
            "create table carriers (whole varchar, cents bigint, carrier varchar, weight decimal(18, 4))"
        )
        connection.executemany(
            "insert into carriers values (?, ?, ?, cast(? as decimal(18, 0)) * 0.0001)", rows
        )
        query = macro("carriers", "whole", "cents", "weight", "carrier")
        found = connection.execute(f"select whole, carrier, share_cents from ({query})").fetchall()
    return {(whole, carrier): int(share) for whole, carrier, share in found}


def by_hand(rows: list[Carrier]) -> dict[tuple[str, str], int]:
    shares: dict[tuple[str, str], int] = {}
    for whole in {row[0] for row in rows}:
        own = sorted(row for row in rows if row[0] == whole)
        cents, total = abs(own[0][1]), sum(row[3] for row in own)
        floors = {carrier: cents * weight // total for _, _, carrier, weight in own}
        remainders = sorted(
            own, key=lambda row: (-(Fraction(cents * row[3], total) - floors[row[2]]), row[2])
        )
        for _, _, carrier, _ in remainders[: cents - sum(floors.values())]:
            floors[carrier] += 1
        sign = -1 if own[0][1] < 0 else 1
        shares |= {(whole, carrier): sign * share for carrier, share in floors.items()}
    return shares


@settings(max_examples=60, deadline=None)
@given(wholes(), st.randoms(use_true_random=False))
def test_no_cent_is_lost_and_the_order_of_rows_is_irrelevant(
    rows: list[Carrier], chance: st.DataObject
) -> None:
    found = spread(rows)
    shuffled = list(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert spread(shuffled) == found
    for whole, cents in {row[:2] for row in rows}:
        assert sum(share for (name, _), share in found.items() if name == whole) == cents
    exact = by_hand(rows)
    assert found == exact


@pytest.mark.parametrize(
    ("cents", "weights", "expected"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (5, [300, 200, 100], [2, 2, 1]),
        (1, [1, 5, 4], [0, 1, 0]),
        (0, [1, 2], [0, 0]),
        (10**9, [10**11, 1], [10**9, 0]),
    ],
)
def test_left_over_cents_go_to_the_largest_remainders(
    cents: int, weights: list[int], expected: list[int]
) -> None:
    rows = [("w", cents, f"c{place}", weight) for place, weight in enumerate(weights)]
    shares = spread(rows)
    assert [shares[whole, carrier] for whole, _, carrier, _ in rows] == expected
