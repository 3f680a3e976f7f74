"""Deal registrations as they land: end customers by keyed hashes, and whose names are alike by pairs.

A registration names the end customer that a partner wants to be protected at. Numbers and domains become
hashes under the company's key of business customers, so that one customer of two partners bears one hash.
Names are compared here, while they are in memory, and only numbers of registrations and scores land. What
belongs here: turning the rows that the ERP gives into those that land. What does not: who was first, and
what is a conflict (the models).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from rapidfuzz import fuzz
from stdnum.fr import siren, siret

from connectors.contract import Entity
from connectors.feeds.customers import business_key, business_normals, site_normal
from connectors.matching.places import Place

LOWEST_SCORE: Final = 0.70
"""Names that are less alike are not told; limits of rules/territories.yml lie at or above it."""

_PREFIX: Final = 4
_SAME_PLACE: Final = 1.0
_SAME_DEPARTEMENT: Final = 0.95
_PLACE_UNKNOWN: Final = 0.95
_OTHER_PLACE: Final = 0.85
_NUMBERS_DIFFER: Final = 0.8


@dataclass(frozen=True)
class Registration:
    """What of one registration decides whether another one is about the same customer."""

    number: str
    partner_code: str
    registered_at: datetime
    place: Place
    company: str | None


def concealed(rows: pa.Table, entity: Entity) -> pa.Table:
    """The whole extract of registrations with the columns that land, in order, and `_source_row`.

    ConfigError if the company has not set the key of business customers.
    """
    key = business_key(f"erp/{entity.name}.sql")
    given = {name: rows.column(name).to_pylist() for name in rows.column_names}
    sites = [_site(number) for number in given["customer_siret"]]
    numbers = [number if _is_number(number) else None for number in given["customer_siret"]]
    count = rows.num_rows
    companies = business_normals(numbers, given["customer_vat"], [None] * count)
    domains = business_normals([None] * count, [None] * count, given["customer_domain"])
    alike = _alike(given, companies)
    made = {
        "site_customer_key": [key.hash(site) if site else None for site in sites],
        "company_customer_key": [key.hash(company) if company else None for company in companies],
        "domain_customer_key": [key.hash(domain) if domain else None for domain in domains],
        "alike_registrations": [alike.get(number) for number in given["registration_number"]],
    }
    columns = {
        column.name: pa.array(made[column.name], pa.string())
        if column.name in made
        else rows.column(column.name)
        for column in entity.columns
    }
    return pa.table({**columns, "_source_row": rows.column("_source_row")})


def alike_names(registrations: Sequence[Registration]) -> Iterator[tuple[str, str, float]]:
    """Pairs of registrations of two partners whose customers' names are alike: later, earlier, score 0 to 1.

    Those whose numbers name two companies are none.
    """
    in_order = sorted(registrations, key=lambda item: (item.registered_at, item.number))
    by_start: dict[str, list[int]] = defaultdict(list)
    for index, later in enumerate(in_order):
        starts = {word[:_PREFIX] for word in later.place.words}
        for before in sorted({found for start in starts for found in by_start[start]}):
            earlier = in_order[before]
            if earlier.partner_code != later.partner_code and not _contradict(earlier, later):
                score = likeness(earlier.place, later.place)
                if score >= LOWEST_SCORE:
                    yield later.number, earlier.number, score
        for start in starts:
            by_start[start].append(index)


def likeness(one: Place, other: Place) -> float:
    """How alike two customers are by name and place, 0 to 1, with two decimals.

    Legal forms, accents and the order of words do not count.
    """
    name = fuzz.token_sort_ratio(one.plain_name, other.plain_name) / 100
    numbers = 1.0 if one.numbers == other.numbers else _NUMBERS_DIFFER
    return round(name * numbers * _placed(one.plain_postal_code, other.plain_postal_code), 2)


def _placed(one: str, other: str) -> float:
    if not one or not other:
        return _PLACE_UNKNOWN
    if one == other:
        return _SAME_PLACE
    return _SAME_DEPARTEMENT if one[:2] == other[:2] else _OTHER_PLACE


def _contradict(one: Registration, other: Registration) -> bool:
    return one.company is not None and other.company is not None and one.company != other.company


def _alike(given: dict[str, list[Any]], companies: Sequence[str | None]) -> dict[str, str]:
    """By number of a registration the earlier ones that are alike, a line each: score, blank, number."""
    registrations = [
        Registration(number, partner, at, Place(number, name, postal_code=postal), company)
        for number, partner, at, name, postal, company in zip(
            given["registration_number"],
            given["partner_code"],
            given["registered_at"],
            given["customer_name"],
            given["postal_code"],
            companies,
            strict=True,
        )
        if name
    ]
    lines: dict[str, list[str]] = defaultdict(list)
    for later, earlier, score in alike_names(registrations):
        lines[later].append(f"{score:.2f} {earlier}")
    return {number: "\n".join(found) for number, found in lines.items()}


def _is_number(text: str | None) -> bool:
    return text is not None and bool(siret.is_valid(text) or siren.is_valid(text))


def _site(text: str | None) -> str | None:
    if text is None or not siret.is_valid(text):
        return None
    number = siret.compact(text)
    # Zeros have a right check digit, and stand where nobody knows the number.
    return site_normal(number) if number.strip("0") else None
