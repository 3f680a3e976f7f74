"""Invented identifiers with valid check digits: SIREN, SIRET, GLN, GTIN and French VAT numbers.

All of them are fictional. The check digits are worked out here and not by a library, so that a test can
compare them with one.
"""

from __future__ import annotations


def luhn(digits: str) -> str:
    """`digits` with the Luhn check digit appended (SIREN, SIRET)."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def gs1(digits: str) -> str:
    """`digits` with the GS1 check digit appended (GTIN, GLN): weights 3 and 1 from the right."""
    total = sum(
        int(character) * (3 if position % 2 == 0 else 1)
        for position, character in enumerate(reversed(digits))
    )
    return digits + str(-total % 10)


def siren(number: int) -> str:
    return luhn(f"9999{number:04d}")


def siret(number: int, establishment: int = 1) -> str:
    return luhn(f"{siren(number)}{establishment:04d}")


def french_vat(siren_number: str) -> str:
    return f"FR{(12 + 3 * (int(siren_number) % 97)) % 97:02d}{siren_number}"


def gln(number: int) -> str:
    return gs1(f"379990{number:06d}")


def company_gln() -> str:
    return gln(1)


def partner_gln(index: int) -> str:
    """GLN of the partner at that place of `cast.PARTNERS`."""
    return gln(100 + index)


def gtin13(number: int) -> str:
    """GTIN of a piece."""
    return gs1(f"3799991{number:05d}")


def gtin14(indicator: int, piece: str) -> str:
    """GTIN of a pack of the product whose piece has the GTIN-13 `piece`."""
    return gs1(f"{indicator}{piece[:12]}")
