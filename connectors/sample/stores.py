"""The partners' stores: how the company lists them, and how the partners write them in their reports.

What belongs here: names and what is planted in them. What does not: what stores sell (`reports`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from connectors.sample import identifiers, plants


@dataclass(frozen=True)
class Store:
    """A store as the company knows it; `partner_store_code` is '' where it does not know the partner's code.

    `written` is what the partner calls it.
    """

    code: str
    partner: str
    written: str
    partner_store_code: str
    name: str
    address: str
    postal_code: str
    city: str
    number: int

    @property
    def gln(self) -> str:
        return identifiers.gln(2000 + self.number)

    @property
    def siret(self) -> str:
        return identifiers.siret(100 + int(self.partner[1:]), self.number)


def _store(code: str, written: str, name: str, address: str, postal_code: str, city: str) -> Store:
    partner = f"T{code[4:6]}"
    known = "" if (partner, written) == plants.UNLISTED_STORE else written
    return Store(code, partner, written, known, name, address, postal_code, city, int(code[4:]))


STORES: Final = (
    _store("MAG-0101", "ANGERS", "Brico-Pro Angers Beaucouzé", "12 rue du Landreau", "49070", "Beaucouzé"),
    _store("MAG-0102", "CHOLET", "Brico-Pro Cholet", "45 avenue de l'Europe", "49300", "Cholet"),
    _store("MAG-0103", "LAVAL", "Brico-Pro Laval", "8 boulevard des Loges", "53000", "Laval"),
    _store("MAG-0104", "LE MANS", "Brico-Pro Le Mans Sud", "230 avenue Jean Jaurès", "72100", "Le Mans"),
    _store("MAG-0201", "LYON 3", "Quincaillerie Centrale Lyon 3", "17 rue Servient", "69003", "Lyon"),
    _store("MAG-0202", "LYON 7", "Quincaillerie Centrale Lyon 7", "96 rue de Gerland", "69007", "Lyon"),
    _store(
        "MAG-0203",
        "VILLEFRANCHE",
        "Quincaillerie Centrale Villefranche",
        "5 rue de Thizy",
        "69400",
        "Villefranche-sur-Saône",
    ),
    _store("MAG-0301", "ARRAS", "Outil-Center Arras", "31 rue des Rosati", "62000", "Arras"),
    _store("MAG-0302", "LENS", "Outil-Center Lens", "120 route de Béthune", "62300", "Lens"),
    _store("MAG-0303", "DOUAI", "Outil-Center Douai", "64 rue de Lambres", "59500", "Douai"),
    _store("MAG-0304", "BÉTHUNE", "Outil-Center Béthune", "77 boulevard Poincaré", "62400", "Béthune"),
)
_BY_NAME: Final = {(store.partner, store.written): store for store in STORES}


def find(partner: str, written: str) -> Store:
    """The store that a partner calls so, in its usual spelling."""
    return _BY_NAME[partner, written]


def spelled(partner: str, written: str, day: date) -> str:
    """What a report of the period that begins on that day calls a store."""
    if (partner, written) == plants.RESPELLED_STORE and day >= plants.RESPELLED_FROM:
        return plants.RESPELLED_AS
    return written


def gln_written(partner: str, written: str, day: date) -> str:
    """The GLN that a report of the period that begins on that day gives for a store."""
    if (partner, written) == plants.FOREIGN_GLN_STORE and day >= plants.FOREIGN_GLN_FROM:
        return find(*plants.FOREIGN_GLN_OF).gln
    return find(partner, written).gln


def list_lines() -> list[str]:
    """The company's list of stores, `rules/stores.csv`, header included."""
    lines = ["store_code;store_name;partner_code;partner_store_code;gln;siret;address;postal_code;city"]
    for store in STORES:
        cells = (store.code, store.name, store.partner, store.partner_store_code, store.gln, store.siret)
        lines.append(";".join((*cells, store.address, store.postal_code, store.city)))
    return lines
