"""Who a file is from: partners' identifiers (GLN, SIRET, VAT number), and what a file says of its sender.

What belongs here: what has landed of partners, and looking for them in a file that no profile takes. What
does not: names that are only alike (`connectors.matching.places`), and reading reports by a profile.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import duckdb

from connectors.errors import RejectedFile
from connectors.feeds.known import landed_files
from connectors.feeds.profile import Profile
from connectors.feeds.sniff import sniff
from connectors.feeds.table import quoted

_HEAD: Final = 1 << 16
_ROWS: Final = 200
_IDENTIFIER: Final = re.compile(r"(?<![0-9A-Za-z])(?:FR\s?[0-9A-Z]{2}\s?)?\d(?:[ .]?\d){8,13}(?![0-9A-Za-z])")
_EDI_PARTY: Final = (
    re.compile(r"NAD\+(?:SE|FR|MS|BY)\+[^+']*\+([^+']*)\+?([^+']*)"),
    re.compile(r"N1\W(?:SE|FR|DB|RL|RE)\W([^*|~^\r\n]+)"),
)


@dataclass(frozen=True)
class Partner:
    """A partner as it has landed from the ERP."""

    code: str
    name: str
    gln: str | None = None
    siret: str | None = None
    vat_number: str | None = None
    postal_code: str | None = None
    city: str | None = None

    @property
    def identifiers(self) -> frozenset[str]:
        """GLN, SIRET and VAT number without blanks, in capitals."""
        return frozenset(_plain(text) for text in (self.gln, self.siret, self.vat_number) if text)


@dataclass(frozen=True)
class Evidence:
    """What a file says of its sender: identifiers, and names that may be the sender's."""

    identifiers: frozenset[str]
    names: tuple[str, ...]


def load_partners(landing: Path) -> list[Partner]:
    """The partners as they landed last, by code; none where nothing has landed yet."""
    files = landed_files(landing / "erp" / "partners")
    if files is None:
        return []
    rows = duckdb.execute(
        "select partner_code, partner_name, gln, siret, vat_number, postal_code, city "
        f"from read_parquet({quoted(files)}, union_by_name=true) "
        "qualify row_number() over (partition by partner_code order by _batch_id desc, _source_row desc) = 1 "
        "and not _is_deleted order by partner_code"
    ).fetchall()
    return [Partner(*row) for row in rows]


@dataclass(frozen=True)
class Identities:
    """To whom each number belongs, for judging reports; `stamp` changes when any of that does."""

    owners: Mapping[str, str]

    @cached_property
    def stamp(self) -> str:
        return hashlib.sha256(repr(sorted(self.owners.items())).encode()).hexdigest()[:8]

    def of_others(self, profile: Profile) -> frozenset[str]:
        """Numbers of other partners than the profile's, but for those that it says the partner signs with."""
        own = {_plain(number) for number in profile.signs_as}
        return frozenset(
            number for number, code in self.owners.items() if code != profile.partner and number not in own
        )

    def stamped(self, fingerprint: str) -> str:
        """The fingerprint of a verdict that depends on these numbers beside file and profile."""
        return f"{fingerprint}+{self.stamp}"


def load_identities(landing: Path) -> Identities:
    """The numbers of all partners as they landed last."""
    return Identities(owners(load_partners(landing)))


def owners(partners: Iterable[Partner]) -> Mapping[str, str]:
    """Identifier -> partner; what several partners claim names none."""
    found: dict[str, str] = {}
    shared: set[str] = set()
    for partner in partners:
        for identifier in partner.identifiers:
            if found.setdefault(identifier, partner.code) != partner.code:
                shared.add(identifier)
    return {identifier: code for identifier, code in found.items() if identifier not in shared}


def look(path: Path) -> Evidence:
    """What the first rows of a file say of its sender; nothing where it is no table and no EDI."""
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    text = _decoded(head)
    names: list[str] = []
    try:
        sample = sniff(path)
    except RejectedFile:
        return Evidence(frozenset(), ())
    if sample.kind == "edi":
        for pattern in _EDI_PARTY:
            names += [" ".join(filter(None, found)) for found in map(_groups, pattern.finditer(text))]
    else:
        names += sample.above
        text = "\n".join((*sample.above, *(" | ".join(row) for row in sample.rows[:_ROWS])))
    named = tuple(dict.fromkeys(name.strip() for name in names if re.search(r"[^\W\d]{3}", name)))
    return Evidence(frozenset(_plain(found[0]) for found in _IDENTIFIER.finditer(text)), named)


def _groups(match: re.Match[str]) -> Sequence[str]:
    return [group.replace(":", " ").strip() for group in match.groups()]


def _decoded(head: bytes) -> str:
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("cp1252", errors="replace")


def _plain(text: str) -> str:
    return re.sub(r"[\s.]", "", text).upper()
