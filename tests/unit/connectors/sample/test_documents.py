"""ERP documents keep French law and arithmetic."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, START
from connectors.sample.documents import INVOICE, PRICE_CREDIT, RETURN_CREDIT
from connectors.sample.generator import Simulation


def test_invoice_numbers_run_without_a_gap_within_each_year_and_in_order_of_date(
    simulation: Simulation,
) -> None:
    invoices = simulation.documents.invoices
    seen: dict[tuple[str, int], list[int]] = defaultdict(list)
    days: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number, day in zip(invoices.number, invoices.day.tolist(), strict=True):
        prefix, year, sequence = number.split("-")
        assert (START + timedelta(days=day)).year == int(year)
        assert len(sequence) == 6
        seen[prefix, int(year)].append(int(sequence))
        days[prefix, int(year)].append(day)
    assert set(seen) == {(prefix, year) for prefix in ("FA", "AV") for year in (2024, 2025, 2026)}
    for key, sequences in seen.items():
        assert sequences == list(range(1, len(sequences) + 1))
        assert days[key] == sorted(days[key])


def test_a_line_is_its_gross_amount_less_both_discounts_and_a_document_the_sum_of_its_lines(
    simulation: Simulation,
) -> None:
    invoices = simulation.documents.invoices
    assert (invoices.line_net == invoices.gross - invoices.standard - invoices.exceptional).all()
    sums = np.zeros(len(invoices.number), dtype=np.int64)
    np.add.at(sums, invoices.document, invoices.line_net)
    assert (sums == invoices.net).all()


def test_the_price_is_the_list_price_of_the_invoice_date_and_it_rises_in_july_2025(
    simulation: Simulation,
) -> None:
    invoices, listings = simulation.documents.invoices, simulation.listings
    product = next(i for i, p in enumerate(simulation.products) if p.code == "RAC0103")
    chosen = (listings.product[invoices.pair] == product) & (invoices.kind[invoices.document] == INVOICE)
    chosen &= listings.partner[invoices.pair] != PARTNER_INDEX["W03"]
    day = invoices.day[invoices.document]
    rise = (plants.PRICE_RISE_DATE - START).days
    before, after = (
        set((invoices.gross[rows] // invoices.pieces[rows]).tolist())
        for rows in (chosen & (day < rise), chosen & (day >= rise))
    )
    assert (len(before), len(after)) == (1, 1)
    (old,), (new,) = before, after
    assert new == (old * 104 + 50) // 100


def test_credit_notes_name_their_invoice_and_never_credit_more_than_it_billed(simulation: Simulation) -> None:
    invoices = simulation.documents.invoices
    kinds = invoices.kind[invoices.document]
    billed: dict[tuple[int, int], int] = defaultdict(int)
    for row in np.flatnonzero(kinds == INVOICE).tolist():
        billed[int(invoices.document[row]), int(invoices.pair[row])] += int(invoices.pieces[row])
    for row in np.flatnonzero(kinds == RETURN_CREDIT).tolist():
        original = int(invoices.original[invoices.document[row]])
        assert invoices.number[original].startswith("FA-")
        assert invoices.day[original] < invoices.day[invoices.document[row]]
        billed[original, int(invoices.pair[row])] += int(invoices.pieces[row])
    assert min(billed.values()) >= 0


def test_a_price_credit_moves_euros_and_no_goods(simulation: Simulation) -> None:
    invoices = simulation.documents.invoices
    price = invoices.kind[invoices.document] == PRICE_CREDIT
    assert price.sum() > 100
    assert not invoices.pieces[price].any()
    assert (invoices.line_net[price] < 0).all()


def test_the_partner_that_misses_a_tier_ends_six_pieces_below_a_thousand(simulation: Simulation) -> None:
    invoices, listings = simulation.documents.invoices, simulation.listings
    family = np.array([p.family.code == "MAN" for p in simulation.products])[listings.product[invoices.pair]]
    mine = listings.partner[invoices.pair] == PARTNER_INDEX["D21"]
    year = np.array([(START + timedelta(days=day)).year for day in invoices.day[invoices.document].tolist()])
    assert invoices.pieces[family & mine & (year == 2025)].sum() == 994


def test_payments_settle_documents_once_and_to_the_cent(simulation: Simulation) -> None:
    payments, invoices = simulation.documents.payments, simulation.documents.invoices
    assert len(set(payments.document.tolist())) == len(payments.document)
    assert (payments.amount == invoices.total[payments.document]).all()


def test_french_invoices_bear_twenty_percent_and_the_others_none(simulation: Simulation) -> None:
    invoices = simulation.documents.invoices
    untaxed = (invoices.partner == PARTNER_INDEX["W03"]) | (invoices.partner == PARTNER_INDEX["T04"])
    assert not invoices.vat[untaxed].any()
    french = ~untaxed
    assert (np.abs(invoices.vat[french] * 5 - invoices.net[french]) <= 2).all()
