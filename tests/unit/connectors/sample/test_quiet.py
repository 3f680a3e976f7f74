"""In the quiet company nothing happens that is planted in the other one; afterwards the plants are back."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, START
from connectors.sample.documents import INVOICE
from connectors.sample.generator import AS_OF, SEED, Simulation, build
from connectors.sample.ledger_export import build_exports
from connectors.sample.quiet import LEFT_OUT, nothing_planted
from connectors.sample.reports import Report, build_reports


@pytest.fixture(scope="module")
def quiet() -> Simulation:
    with nothing_planted():
        return build(SEED, AS_OF)


@pytest.fixture(scope="module")
def sent(quiet: Simulation) -> list[Report]:
    with nothing_planted():
        return list(build_reports(quiet.world))


def test_plants_are_left_out_for_a_while_even_if_it_ends_badly() -> None:
    before = {name: getattr(plants, name) for name in LEFT_OUT}
    with pytest.raises(ValueError, match="expected 2024-07-15 or later"), nothing_planted():
        build(SEED, START)
    with nothing_planted():
        assert plants.SLOW_PAYER == ""
    assert {name: getattr(plants, name) for name in LEFT_OUT} == before
    assert plants.SLOW_PAYER == "D20"


def test_all_pay_about_when_it_is_due(quiet: Simulation, simulation: Simulation) -> None:
    def latest(of: Simulation) -> int:
        """Days after the due date, holidays among them."""
        paid, invoices = of.documents.payments, of.documents.invoices
        bills = invoices.kind[paid.document] == INVOICE
        return int((paid.day - invoices.due[paid.document])[bills].max())

    assert latest(quiet) < 15 < latest(simulation)


def test_all_order_to_the_end_and_get_discounts_like_others(quiet: Simulation) -> None:
    lines, listings = quiet.documents.order_lines, quiet.listings
    last = {int(partner): 0 for partner in PARTNER_INDEX.values()}
    for pair, day in zip(lines.pair.tolist(), lines.day.tolist(), strict=True):
        last[int(listings.partner[pair])] = max(day, last[int(listings.partner[pair])])
    assert all((AS_OF - START).days - day < 31 for day in last.values())
    invoices = quiet.documents.invoices
    sold = invoices.kind[invoices.document] == INVOICE
    # 7 % by exception and 6 % by a promotion; the best customer has 14 % at least by exception.
    assert (invoices.exceptional[sold] * 100 < invoices.gross[sold] * 14).all()


def test_our_own_stock_never_ends(quiet: Simulation, simulation: Simulation) -> None:
    short = {code for codes, _, _ in plants.SHORTAGES for code in codes} | {plants.UNORDERED[0]}
    columns = [row for row, product in enumerate(quiet.products) if product.code in short]
    assert (quiet.documents.own_stock[:, columns] > 0).all()
    assert not (simulation.documents.own_stock[:, columns] > 0).all()
    newest = max(line.ordered for line in quiet.documents.supplies if line.product == plants.UNORDERED[0])
    assert AS_OF - newest < timedelta(days=15)


def test_every_report_comes_once_and_within_its_usual_days(sent: list[Report]) -> None:
    assert {report.state for report in sent} == {"landed"}
    assert {report.plant for report in sent if report.plant is not None}.isdisjoint(
        {"restated", "wrong_header", "duplicate"}
    )
    counts = Counter((report.feed.code, report.span.key) for report in sent)
    assert set(counts.values()) == {1}
    assert all((report.delivered.date() - report.span.last).days <= report.feed.delay[1] for report in sent)
    of_d03 = {report.span.first for report in sent if report.feed.code == "D03_ventes"}
    monday = date(2025, 8, 4)
    assert {monday + timedelta(weeks=number) for number in range(6)} <= of_d03


def test_the_ledger_says_what_the_documents_say(quiet: Simulation) -> None:
    with nothing_planted():
        _, differences = build_exports(
            quiet.products, quiet.listings, quiet.documents, quiet.programmes, quiet.as_of
        )
    assert differences == []


def test_partners_buy_about_what_they_announce_and_no_two_register_the_same_deal(quiet: Simulation) -> None:
    overdue = [
        deal
        for deal in quiet.documents.opportunities
        if deal.closed is None and (AS_OF - deal.expected).days > 60
    ]
    assert overdue == []
    assert not {row[0] for row in plants.DEALS} & {deal.number for deal in quiet.documents.deals}
