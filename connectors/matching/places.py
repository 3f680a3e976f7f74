"""How alike a place that a partner reports and our stores or partners are: a score from 0 to 1, and why.

    score = the better of (name x numbers, address) x place, and less where a second one is as near

- `name`: shared words of name and city by their rarity (cut short or with a letter wrong), and spelling;
- `numbers`: those in the name. Lyon 3 is not Lyon 7;
- `address`: street and house number, where both name them;
- `place`: the postal code, else the city. A contradiction costs most of the score.

What belongs here: the score. What does not: exact identifiers (the models for stores, `senders` for
partners), and what a person makes of the proposals.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rapidfuzz import fuzz

DEFAULT_THRESHOLD: Final = 0.75
KEPT: Final = 3
"""Proposals per reported place: the best, and others a person may choose instead."""

_PREFIX: Final = 4
_BLOCK: Final = 2
_SAME_WORD: Final = 80
_TIE: Final = 0.03
_TIE_FACTOR: Final = 0.85
_STOP_WORDS: Final = frozenset(
    ("de", "du", "des", "la", "le", "les", "et", "en", "the", "of", "and", "sa", "sas", "sarl", "sasu",
     "eurl", "snc", "ste", "ets", "cie", "ltd", "gmbh", "bv", "magasin", "depot", "agence", "point", "vente",
     "pdv", "site", "eme", "ieme", "er", "store", "shop", "branch", "warehouse", "cedex")
)  # fmt: skip
_SHORT: Final = {
    "st": "saint", "bd": "boulevard", "bld": "boulevard", "av": "avenue", "ave": "avenue", "r": "rue",
    "rte": "route", "pl": "place", "za": "zone", "zi": "zone", "zac": "zone", "all": "allee",
    "imp": "impasse", "ch": "chemin", "fg": "faubourg", "fbg": "faubourg",
}  # fmt: skip


@dataclass(frozen=True)
class Weights:
    """What each finding leaves of the score; docs/matching.md gives the same table."""

    rarity: float = 0.6
    numbers_missing_on_one_side: float = 0.85
    numbers_contradict: float = 0.3
    other_postal_code: float = 0.8
    place_contradicts: float = 0.3
    place_unknown: float = 0.9
    address_alone: float = 0.9


WEIGHTS: Final = Weights()


@dataclass(frozen=True)
class Place:
    """A place as its owner or a partner writes it. `code` is ours, or what the partner calls it.

    `partner_code` is who reports it, or to whom ours belongs; None: to whoever reports it.
    """

    code: str
    name: str
    partner_code: str | None = None
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None

    @cached_property
    def words(self) -> frozenset[str]:
        """Words of name and city."""
        return frozenset(_words(f"{self.name} {self.city or ''}"))

    @cached_property
    def plain_name(self) -> str:
        return " ".join(_words(self.name))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers in the name that are no postal code and no identifier."""
        return frozenset(
            number.lstrip("0") or "0" for number in re.findall(r"\d+", self.name) if len(number) < 5
        )

    @cached_property
    def plain_address(self) -> str:
        return " ".join(_words(self.address or "", with_numbers=True))

    @cached_property
    def plain_city(self) -> str:
        return " ".join(_words(self.city or ""))

    @cached_property
    def plain_postal_code(self) -> str:
        return re.sub(r"\s", "", self.postal_code or "").upper()


@dataclass(frozen=True)
class Likeness:
    """One of our places that a reported one may be."""

    partner_code: str
    reported_code: str
    rank: int
    target: Place
    score: float
    reasons: str


def score(
    reported: Sequence[Place], ours: Sequence[Place], rejected: AbstractSet[tuple[str, str, str]]
) -> list[Likeness]:
    """The best of our places for each reported one, best first. What a person has rejected is left out.

    A reported place is compared with those of its partner and those of nobody that share the beginning of a
    word, or the postal code, with it.
    """
    places = Counter(start for place in ours for start in {word[:_PREFIX] for word in place.words})
    rarity = {start: math.log(1 + len(ours) / count) for start, count in places.items()}
    by_key: dict[str, list[int]] = defaultdict(list)
    for index, place in enumerate(ours):
        for key in _keys(place):
            by_key[key].append(index)
    found: list[Likeness] = []
    for item in reported:
        near = sorted({index for key in _keys(item) for index in by_key.get(key, ())})
        scored = []
        for place in (ours[index] for index in near):
            if item.partner_code and place.partner_code not in (None, item.partner_code):
                continue
            if (item.partner_code or "", item.code, place.code) not in rejected:
                scored.append((*_compare(item, place, rarity), place))
        found += _ranked(item, scored)
    return found


def _keys(place: Place) -> set[str]:
    return {word[:_BLOCK] for word in place.words} | ({place.plain_postal_code} - {""})


def _ranked(item: Place, scored: Sequence[tuple[float, str, Place]]) -> list[Likeness]:
    best: dict[str, tuple[float, str, Place]] = {}
    for entry in sorted(scored, key=lambda entry: (-entry[0], entry[2].code)):
        # A store may have several lines in the list; the one that fits best speaks for it.
        best.setdefault(entry[2].code, entry)
    ranked = []
    order = list(best.values())
    for rank, (value, reasons, place) in enumerate(order[:KEPT], start=1):
        if rank == 1 and len(order) > 1 and order[1][0] > value - _TIE:
            value, reasons = value * _TIE_FACTOR, f"{reasons}; as near: {order[1][2].code}"
        ranked.append(Likeness(item.partner_code or "", item.code, rank, place, round(value, 4), reasons))
    return ranked


def _compare(theirs: Place, ours: Place, rarity: Mapping[str, float]) -> tuple[float, str]:
    w = WEIGHTS
    unknown = max(rarity.values(), default=1.0)

    def weight(words: AbstractSet[str]) -> float:
        return sum(rarity.get(word[:_PREFIX], unknown) for word in words)

    shared = weight(_shared(theirs.words, ours.words))
    of_theirs = shared / (weight(theirs.words) or 1)
    of_both = 2 * shared / ((weight(theirs.words) + weight(ours.words)) or 1)
    spelling = fuzz.token_set_ratio(theirs.plain_name, ours.plain_name) / 100
    name = w.rarity * (of_theirs + of_both) / 2 + (1 - w.rarity) * spelling
    reasons = [f"name {name:.0%}"]
    numbers = 1.0
    if theirs.numbers != ours.numbers:
        is_one_sided = not theirs.numbers or not ours.numbers
        numbers = w.numbers_missing_on_one_side if is_one_sided else w.numbers_contradict
        reasons.append(f"numbers {_listed(theirs.numbers)} against {_listed(ours.numbers)}")
    address = 0.0
    if theirs.plain_address and ours.plain_address:
        address = fuzz.token_sort_ratio(theirs.plain_address, ours.plain_address) / 100
        reasons.append(f"address {address:.0%}")
    place, said = _placed(theirs, ours)
    reasons.append(said)
    return max(name * numbers, w.address_alone * address) * place, "; ".join(reasons)


def _shared(theirs: AbstractSet[str], ours: AbstractSet[str]) -> set[str]:
    """Words of ours that stand among theirs: cut short, or with a letter wrong."""
    starts = {word[:_PREFIX] for word in theirs}
    return {
        word
        for word in ours
        if word[:_PREFIX] in starts or any(fuzz.ratio(word, other) >= _SAME_WORD for other in theirs)
    }


def _placed(theirs: Place, ours: Place) -> tuple[float, str]:
    w = WEIGHTS
    their_code, our_code = theirs.plain_postal_code, ours.plain_postal_code
    if their_code and our_code:
        if their_code == our_code:
            return 1.0, f"postal code {our_code}"
        said = f"postal code {their_code} against {our_code}"
        return (w.other_postal_code if their_code[:2] == our_code[:2] else w.place_contradicts), said
    if theirs.plain_city and ours.plain_city:
        if fuzz.ratio(theirs.plain_city, ours.plain_city) >= 85:
            return 1.0, f"city {ours.city}"
        return w.place_contradicts, f"city {theirs.city} against {ours.city}"
    # A shop is often called after its city.
    longest = max(ours.plain_city.split(), key=len, default="")
    if longest and longest in theirs.plain_name.split():
        return 1.0, f"its name holds the city {ours.city}"
    return w.place_unknown, "no place to compare"


def _listed(numbers: AbstractSet[str]) -> str:
    return ", ".join(sorted(numbers)) or "none"


def _words(text: str, *, with_numbers: bool = False) -> list[str]:
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = re.findall(r"[a-z]+|\d+" if with_numbers else r"[a-z]{2,}", plain)
    return [full for word in words if (full := _SHORT.get(word, word)) not in _STOP_WORDS]
