"""Segments of partners against a walk through the months, one after the other, written in Python."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

import yaml

from connectors.segments import SegmentRules
from tests.integration.dbt.conftest import Company

RULES = """
schemes:
  amount:
    name_fr: Montant
    name_en: Amount
    versions:
      - valid_from: 2025-01-01
        measure: revenue
        window_months: 1
        hysteresis: {beyond: 60, months: 3}
        segments:
          - {code: A, name_fr: A, name_en: A, from: 800}
          - {code: B, name_fr: B, name_en: B, from: 500}
          - {code: C, name_fr: C, name_en: C, from: 200}
          - {code: D, name_fr: D, name_en: D}
  share:
    name_fr: Part
    name_en: Share
    versions:
      - valid_from: 2025-01-01
        measure: revenue
        by: cumulated_share
        window_months: 3
        hysteresis: {beyond: 0.04, months: 2}
        segments:
          - {code: Gold, name_fr: Or, name_en: Gold, up_to: 0.5}
          - {code: Silver, name_fr: Argent, name_en: Silver, up_to: 0.8}
          - {code: Bronze, name_fr: Bronze, name_en: Bronze}
  zone:
    name_fr: Zone
    name_en: Zone
    versions:
      - {valid_from: 2025-01-01, measure: channel}
"""
AMOUNT = [(Fraction(bound), code) for bound, code in ((800, "A"), (500, "B"), (200, "C"))]
SHARE = [(Fraction(1, 2), "Gold"), (Fraction(4, 5), "Silver")]
MONTHS = [date(2025, month, 1) for month in range(1, 13)] + [date(2026, 1, 1), date(2026, 2, 1)]
"""As of 31 March 2026 March is not over."""
PARTNERS = [f"P{number:02d}" for number in range(40)]


def walked(past: list[list[list[bool]]], length: int) -> list[int]:
    """The segment after each month, 0 the best.

    `past` says of each month and bound whether the figure lies past it: by the hysteresis, at all, and with
    the hysteresis against the partner.
    """
    states: list[int] = []
    for index, month in enumerate(past):
        if index == 0:
            states.append(sum(at_all for _, at_all, _ in month))
            continue
        state = states[-1]
        streak = past[max(0, index + 1 - length) : index + 1]
        if len(streak) == length:
            down = min(sum(by_far for by_far, _, _ in former) for former in streak)
            up = max(sum(nearly for _, _, nearly in former) for former in streak)
            state = min(max(state, down), up)
        states.append(state)
    return states


def ranges(codes: list[str]) -> list[tuple[date, str]]:
    """First days of the ranges that a series of segments makes, a month after what it looks at."""
    days = [*MONTHS[1:], date(2026, 3, 1)]
    return [
        (day, code)
        for position, (day, code) in enumerate(zip(days, codes, strict=True))
        if position == 0 or codes[position - 1] != code
    ]


def test_segments_are_those_of_a_walk_through_the_months(company: Company) -> None:
    chance = random.Random(20260331)
    amounts = {
        partner: [chance.choice((0, 190, 210, 440, 470, 530, 560, 740, 790, 860, 1200)) for _ in MONTHS]
        for partner in PARTNERS
    }
    company.erp("partners", [{"partner_code": code, "partner_name": code} for code in PARTNERS])
    company.erp("products", [{"product_code": "P1", "product_name": "P1"}])
    company.erp(
        "invoice_lines",
        [
            {
                "invoice_number": f"{partner}-{number}",
                "partner_code": partner,
                "product_code": "P1",
                "invoice_date": day,
                "invoiced_quantity": 1,
                "gross_amount": amount,
                "net_amount": amount,
            }
            for partner, series in amounts.items()
            for number, (day, amount) in enumerate(zip(MONTHS, series, strict=True))
        ],
    )
    rules = SegmentRules.model_validate(yaml.safe_load(RULES))
    company.rules("segment_schemes", rules.rows())
    company.rules("segments", rules.segment_rows())
    company.rules("segment_members", rules.member_rows())

    company.build("+fct_partner_segments")

    found = defaultdict(list)
    for scheme, partner, day, segment in company.query(
        "select scheme_code, partner_code, valid_from_date, segment_code from core.fct_partner_segments "
        "order by all"
    ):
        found[scheme, partner].append((day, segment))
    expected = {}
    for partner, series in amounts.items():
        past = [
            [[amount < bound - 60, amount < bound, amount < bound + 60] for bound, _ in AMOUNT]
            for amount in series
        ]
        expected["amount", partner] = ranges(["ABCD"[state] for state in walked(past, 3)])
        expected["zone", partner] = [(date(2025, 2, 1), "regional_distributor")]
    far = Fraction(4, 100)
    shares = defaultdict(list)
    for index in range(len(MONTHS)):
        sums = {partner: sum(series[max(0, index - 2) : index + 1]) for partner, series in amounts.items()}
        before = 0
        for partner in sorted(sums, key=lambda name: (-sums[name], name)):
            # Aval's shares have four decimals.
            shares[partner].append(Fraction(round(Decimal(before) / Decimal(sum(sums.values())), 4)))
            before += sums[partner]
    for partner, series in shares.items():
        past = [
            [[share >= bound + far, share >= bound, share >= bound - far] for bound, _ in SHARE]
            for share in series
        ]
        expected["share", partner] = ranges(
            [("Gold", "Silver", "Bronze")[state] for state in walked(past, 2)]
        )
    assert sum(len(moves) for moves in expected.values()) > 200
    assert dict(found) == expected
    overlapping = company.query(
        "select count(*) from (select valid_to_date, lead(valid_from_date, 1, date '9999-12-31') over "
        "(partition by scheme_code, partner_code order by valid_from_date) as next_date "
        "from core.fct_partner_segments) where valid_to_date <> next_date"
    )
    assert overlapping == [(0,)]
