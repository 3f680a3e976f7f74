"""Goods move by rule: nothing appears or vanishes, and what is planted happens."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, PARTNERS, START
from connectors.sample.dice import Dice
from connectors.sample.generator import Simulation
from connectors.sample.trade import day_number


def test_stock_is_what_was_there_plus_what_came_less_what_went(simulation: Simulation) -> None:
    trade = simulation.trade
    before = np.vstack([trade.opening, trade.stock[:-1]])
    came = trade.arrived + trade.brought + trade.returned
    went = trade.sold + trade.sent_back
    assert (trade.stock == before + came - went).all()
    assert trade.stock.min() >= 0


def test_all_that_arrived_was_ordered_and_shipped(simulation: Simulation) -> None:
    trade, lot = simulation.trade, simulation.listings.lot
    lines = trade.orders
    shipped = (lines.first_units * (lines.first_arrival < trade.days)) + (
        lines.second_units * (lines.second_arrival < trade.days)
    )
    assert (shipped * lot[lines.pair]).sum() == trade.arrived.sum()
    assert not (shipped[lines.is_cancelled]).any()


def test_goods_for_partners_that_report_by_month_never_arrive_in_the_first_days_of_one(
    simulation: Simulation,
) -> None:
    """Then stock counted at the month's end is comparable with the week that holds it."""
    monthly = {PARTNER_INDEX[p.code] for p in PARTNERS if p.rhythm == "month" and p.code != "T04"}
    short = {"VAN0203", "VAN0204", "FIL0702", "RAC0103", "RAC0203"}
    for pair, partner in enumerate(simulation.listings.partner.tolist()):
        if partner not in monthly or simulation.products[simulation.listings.product[pair]].code in short:
            continue
        for day in np.flatnonzero(simulation.trade.arrived[:, pair]).tolist():
            assert (START + timedelta(days=day)).day >= 7


def test_the_silent_partner_orders_nothing_any_more_and_goes_on_selling(simulation: Simulation) -> None:
    silent = simulation.listings.partner == PARTNER_INDEX[plants.SILENT]
    from_day = day_number(plants.SILENT_FROM)
    ordered = simulation.trade.orders.day[silent[simulation.trade.orders.pair]]
    assert ordered.max() < from_day
    assert simulation.trade.sold[from_day:, silent].sum() > 0


def test_a_partner_that_is_shut_for_a_month_sells_nothing_in_it(simulation: Simulation) -> None:
    shut = simulation.listings.partner == PARTNER_INDEX["D18"]
    august = slice(day_number(date(2025, 8, 1)), day_number(date(2025, 9, 1)))
    assert simulation.trade.sold[august][:, shut].sum() == 0
    assert simulation.trade.returned[august][:, shut].sum() == 0


def test_dice_give_the_same_numbers_for_ever() -> None:
    """PCG64's raw bits are a promise of numpy; if this changes, every figure of the sample changes."""
    assert Dice(20240701, "demand").uniform(3).tolist() == [
        0.10469910447440667,
        0.5801435422930502,
        0.3971162236622662,
    ]


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    assert Dice(1, "a").uniform(4, 3)[:2].tolist() == Dice(1, "a").uniform(2, 3).tolist()
