"""Invented identifiers are valid by a library that we did not write."""

from __future__ import annotations

import pytest
from stdnum import ean, luhn
from stdnum.fr import siren as fr_siren
from stdnum.fr import siret as fr_siret
from stdnum.fr import tva

from connectors.sample.cast import COMPANY_SIREN, PARTNERS
from connectors.sample.generator import Simulation
from connectors.sample.identifiers import french_vat, gln, gs1, gtin14, siret
from connectors.sample.identifiers import luhn as with_luhn_digit


@pytest.mark.parametrize(("digits", "expected"), [("7992739871", "79927398713"), ("73282932", "732829320")])
def test_a_luhn_digit_makes_the_weighted_sum_a_multiple_of_ten(digits: str, expected: str) -> None:
    assert with_luhn_digit(digits) == expected


def test_a_gs1_digit_weighs_three_and_one_from_the_right() -> None:
    assert gs1("400638133393") == "4006381333931"


def test_the_gtin_of_a_box_has_its_own_check_digit() -> None:
    assert gtin14(1, "4006381333931") == "14006381333938"


def test_siren_siret_gln_and_vat_numbers_are_valid() -> None:
    assert fr_siren.is_valid(COMPANY_SIREN)
    for number in range(100, 100 + len(PARTNERS)):
        assert fr_siret.is_valid(siret(number))
        assert luhn.is_valid(siret(number))
        assert ean.is_valid(gln(number))
        assert tva.is_valid(french_vat(siret(number)[:9]))


def test_all_gtins_are_valid_and_no_two_are_equal(simulation: Simulation) -> None:
    pieces = [product.gtin for product in simulation.products]
    boxes = [product.box_gtin for product in simulation.products]
    pallets = [product.pallet_gtin for product in simulation.products if product.pallet_gtin]
    assert len(pieces) == 400
    assert all(ean.is_valid(gtin) and len(gtin) == 13 for gtin in pieces)
    assert all(ean.is_valid(gtin) and len(gtin) == 14 for gtin in boxes + pallets)
    assert len({*pieces, *boxes, *pallets}) == len(pieces) + len(boxes) + len(pallets)
