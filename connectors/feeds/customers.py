"""End customers: how they are told apart without being known.

A customer lands as `<key id>-<HMAC-SHA256>` of the normalised text, under a key that is derived from the
company's for each partner: one partner's customers cannot be linked with another's. Business customers that a
profile names by a number of theirs get a second hash, under a key that the company sets on purpose: it is the
same whichever partner sells to them. What belongs here: keys,
normalisation, hashing, and how personal data look. What does not: which columns hold them (`profile`), and
erasing them (`connectors.privacy`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from connectors.errors import ConfigError, Place
from connectors.feeds.profile import Profile
from connectors.feeds.table import UNUSUAL_SPACES
from connectors.ledger import Ledger

KEY: Final = "AVAL_PSEUDONYM_KEY"
KEY_ID: Final = "AVAL_PSEUDONYM_KEY_ID"
FORMER_KEYS: Final = "AVAL_PSEUDONYM_FORMER_KEYS"
BUSINESS_KEY: Final = "AVAL_BUSINESS_KEY"
BUSINESS_KEY_ID: Final = "AVAL_BUSINESS_KEY_ID"
BUSINESS_COLUMNS: Final = ("customer_siret", "customer_vat", "customer_domain")

SITE_DIGITS: Final = 14

ANYBODY: Final = "*"
"""Stands for the partner in the key of people whom no partner is named with."""

_SCHEME: Final = "aval customer 1"
_PROOF: Final = "aval proof of a key"
"""What is hashed to tell one key of the company from another; no customer is called so."""
_BUSINESS_SCHEME: Final = "aval business customer 1"
_PUBLIC_DOMAINS: Final = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.fr", "hotmail.com", "hotmail.fr", "outlook.com",
    "outlook.fr", "live.com", "live.fr", "msn.com", "icloud.com", "me.com", "aol.com", "orange.fr",
    "wanadoo.fr", "free.fr", "sfr.fr", "laposte.net", "bbox.fr",
    "neuf.fr", "numericable.fr", "gmx.fr", "gmx.de", "proton.me", "protonmail.com",
)  # fmt: skip
"""Mail hosts of everybody: such a domain names no company."""
_BLANKS: Final = f"[\\s{UNUSUAL_SPACES}\ufeff]+"

EMAIL: Final = r"[^\s@<>;,]+@[^\s@<>;,]+\.[A-Za-z]{2,}"
PHONE: Final = r"(?:\+|00)\d{1,3}[\s.\-()]*\d(?:[\s.\-()]*\d){6,12}|0\d(?:[\s.\-]\d{2}){4}"
"""What nobody writes into a code or a label: an international number, or a French one in its pairs."""


@dataclass(frozen=True)
class PartnerKey:
    """The key of one partner's customers, or of `business` customers, and the id that each hash bears."""

    key_id: str
    secret: bytes
    business: bool = False

    def hash(self, normal: str) -> str:
        """The pseudonym of a normalised text."""
        return f"{self.key_id}-{hmac.new(self.secret, normal.encode(), hashlib.sha256).hexdigest()}"


def key_id() -> str:
    """The id of the current key: letters and digits."""
    return _checked(os.environ.get(KEY_ID) or "1")


def partner_key(partner: str, feed_code: str | None = None) -> PartnerKey:
    """The current key of a partner's customers; ConfigError if none is set."""
    secret = os.environ.get(KEY, "")
    if not secret:
        raise ConfigError(
            "missing_secret",
            f"the feed names a customer column, and the environment variable {KEY} is not set",
            f"set {KEY} to a long random value and keep it: another key gives other customers",
            Place(file=f"feeds/{feed_code}.yml" if feed_code else None),
        )
    return PartnerKey(key_id(), _derived(secret, partner))


@dataclass(frozen=True)
class Keys:
    """The keys that a feed needs: of the partner's customers, and of business customers across partners."""

    partner: PartnerKey | None = None
    business: PartnerKey | None = None


def keys_of(profile: Profile, feed_code: str) -> Keys:
    """The keys that a profile's columns need; ConfigError if one is not set."""
    return Keys(
        partner_key(profile.partner, feed_code) if profile.columns.customer else None,
        business_key(f"feeds/{feed_code}.yml") if profile.names_businesses else None,
    )


def business_key(file: str | None = None) -> PartnerKey:
    """The key of business customers, the same for all partners, which the columns of `file` need.

    ConfigError if the company has not set it.
    """
    secret = os.environ.get(BUSINESS_KEY, "")
    if not secret:
        raise ConfigError(
            "missing_secret",
            "business customers are named by a number or domain, and the environment variable "
            f"{BUSINESS_KEY} is not set",
            f"set {BUSINESS_KEY} if customers of different partners may be linked (docs/privacy.md), or take "
            f"away what names them: {', '.join(BUSINESS_COLUMNS)} of a feed, the whole query of an ERP",
            Place(file=file),
        )
    name = _checked(os.environ.get(BUSINESS_KEY_ID) or "b1")
    derived = hmac.new(secret.encode(), _BUSINESS_SCHEME.encode(), hashlib.sha256).digest()
    return PartnerKey(name, derived, business=True)


def refuse_another_key(ledger: Ledger, keys: Iterable[PartnerKey]) -> None:
    """ConfigError if one of these keys of the company is not the one that was used under its id before."""
    for key in keys:
        if ledger.recall(_proof_of(key)) not in (None, key.hash(_PROOF)):
            name, id_name = (BUSINESS_KEY, BUSINESS_KEY_ID) if key.business else (KEY, KEY_ID)
            raise ConfigError(
                "another_key",
                f"{name} with the id {key.key_id} is another key than before: it would give each customer a "
                "second hash, and find none of the former ones",
                f"set the former one again, or give the new one an id of its own in {id_name} "
                "(docs/privacy.md, Rotation)",
            )


def remember_key(ledger: Ledger, key: PartnerKey) -> None:
    """Enter a key of the company that is about to be used, so that it stays the same under its id."""
    refuse_another_key(ledger, [key])
    if ledger.recall(_proof_of(key)) is None:
        ledger.remember(_proof_of(key), key.hash(_PROOF))


def _proof_of(key: PartnerKey) -> str:
    return f"{'business' if key.business else 'customer'}_key:{key.key_id}"


def business_normal_sql(siret: str, vat: str, domain: str, *, checked: bool = True) -> str:
    """SQL: a business customer as it is hashed: its SIREN, else its VAT number, else its domain.

    A SIRET and a French VAT number hold the SIREN, so that both name the same company. A mail address stands
    for its domain. NULL where nothing names a company, such as the domain of a mail host of everybody, or a
    number of zeros or with a wrong check digit, as stands where there is none. Reports that were read before
    numbers were `checked` hold the hashes of such ones too.
    """
    digits = f"regexp_replace({siret}, '[^0-9]', '', 'g')"
    number = f"upper(regexp_replace({vat}, '[^0-9A-Za-z]', '', 'g'))"
    bare = f"regexp_replace(lower(trim({domain})), '^.*@|^https?://', '')"
    host = f"regexp_replace({bare}, '^www\\.|/.*$', '', 'g')"
    public = ", ".join(f"'{name}'" for name in _PUBLIC_DOMAINS)
    siren, siren_of_vat = f"left({digits}, 9)", f"right({number}, 9)"
    right, right_of_vat = (_is_siren_sql(siren), _is_siren_sql(siren_of_vat)) if checked else ("true", "true")
    return (
        f"coalesce(case when length({digits}) in (9, 14) and {right} then 'siren:' || {siren} end, "
        f"case when regexp_full_match({number}, 'FR[0-9A-Z]{{2}}[0-9]{{9}}') "
        f"then case when {right_of_vat} then 'siren:' || {siren_of_vat} end "
        f"when regexp_full_match({number}, '[A-Z]{{2}}[0-9A-Z]{{6,13}}') "
        f"and not regexp_full_match({number}, '[A-Z]{{2}}0*') then 'vat:' || {number} end, "
        f"case when regexp_full_match({host}, '[^ @]+\\.[a-z]{{2,}}') and {host} not in ({public}) "
        f"then 'domain:' || {host} end)"
    )


def _is_siren_sql(siren: str) -> str:
    """SQL: whether nine digits are those of a company, by Luhn's check digit."""
    digit = f"try_cast(substr({siren}, place, 1) as integer)"
    single = f"list_sum([{digit} for place in [1, 3, 5, 7, 9]])"
    doubled = f"list_sum([2 * {digit} % 10 + 2 * {digit} // 10 for place in [2, 4, 6, 8]])"
    return f"({siren} <> '000000000' and ({single} + {doubled}) % 10 = 0)"


def business_normals(
    sirets: Sequence[str | None], vats: Sequence[str | None], domains: Sequence[str | None]
) -> list[str | None]:
    """Business customers as they are hashed, one for each place of the three lists; None where nothing names
    a company.
    """
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {business_normal_sql('siret', 'vat', 'domain')} from (select "
            "unnest(?::varchar[]) as siret, unnest(?::varchar[]) as vat, unnest(?::varchar[]) as domain)",
            [list(sirets), list(vats), list(domains)],
        ).fetchall()
    return [row[0] for row in rows]


def business_hashes(texts: list[str]) -> list[str]:
    """The hashes of texts that may be a SIRET, a VAT number or a domain; none where no key is set.

    A SIRET has two: of the company, and of the establishment, as registered deals bear it.
    """
    if not os.environ.get(BUSINESS_KEY):
        return []
    key = business_key()
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select distinct {business_normal_sql('text', 'text', 'text', checked=False)} from "
            "(select unnest(?::varchar[]) as text)",
            [texts],
        ).fetchall()
    sites = {digits for text in texts if len(digits := re.sub(r"\D", "", text)) == SITE_DIGITS}
    normal = [row[0] for row in rows if row[0] is not None]
    return [key.hash(text) for text in (*normal, *map(site_normal, sorted(sites)))]


def site_normal(siret: str) -> str:
    """An establishment as it is hashed."""
    return f"siret:{siret}"


def all_keys(partner: str) -> list[PartnerKey]:
    """The current key of a partner's customers and all former ones that the environment names."""
    keys = [partner_key(partner)]
    for former in filter(None, re.split(r"[\s,]+", os.environ.get(FORMER_KEYS, ""))):
        name = f"{KEY}_{_checked(former)}"
        secret = os.environ.get(name, "")
        if not secret:
            raise ConfigError(
                "missing_secret",
                f"{FORMER_KEYS} names the key {former}, and the environment variable {name} is not set",
                f"set {name}, or take {former} out of {FORMER_KEYS} once nothing bears it any more",
            )
        keys.append(PartnerKey(former, _derived(secret, partner)))
    return keys


def company_keys() -> list[PartnerKey]:
    """All keys that the environment names: those of customers, and the one of business customers."""
    keys = all_keys(ANYBODY) if os.environ.get(KEY) else []
    return [*keys, business_key()] if os.environ.get(BUSINESS_KEY) else keys


def fingerprint(profile: Profile) -> str:
    """What decides how a file is read: for feeds with customers the key as well, so that a new key reads the
    files that are still in the inbox again.
    """
    own = profile.fingerprint()
    if profile.columns.customer is not None:
        own = hashlib.sha256(f"{own} {_SCHEME} {key_id()}".encode()).hexdigest()[:16]
    if profile.names_businesses:
        name = os.environ.get(BUSINESS_KEY_ID) or "b1"
        own = hashlib.sha256(f"{own} {_BUSINESS_SCHEME} {name}".encode()).hexdigest()[:16]
    return own


def normal_sql(text: str) -> str:
    """SQL: the text of a customer as it is hashed, so that one customer has one hash.

    Without case and doubled blanks; a number (telephone, loyalty card) by its digits alone, a French
    telephone number with its national zero. Accents stay: they tell people apart.
    """
    plain = f"trim(regexp_replace(lower(nfc_normalize({text})), '{_BLANKS}', ' ', 'g'))"
    digits = f"regexp_replace(replace({plain}, '(0)', ''), '[ .\\-/()]', '', 'g')"
    french = f"regexp_replace(regexp_replace({digits}, '^00', '+'), '^\\+33(\\d{{9}})$', '0\\1')"
    return (
        f"case when regexp_full_match({plain}, '\\+?[0-9 .\\-/()]*[0-9][0-9 .\\-/()]*') then {french} "
        f"else {plain} end"
    )


def normalised(texts: list[str]) -> list[str]:
    """The texts as they are hashed."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {normal_sql('text')} from (select unnest(?::varchar[]) as text)", [texts]
        ).fetchall()
    return [row[0] for row in rows]


def load_hashes(connection: duckdb.DuckDBPyConnection, text: str, key: PartnerKey) -> None:
    """Make `customers`: each distinct customer of `source_rows` with its hash."""
    _hash_into(connection, "customers", "customer", f"{text} as customer", normal_sql("customer"), key)


def load_business_hashes(
    connection: duckdb.DuckDBPyConnection, texts: Sequence[str], key: PartnerKey
) -> None:
    """Make `businesses`: each distinct way of naming a business customer in `source_rows` with its hash.

    `texts` is SQL, in the order of BUSINESS_COLUMNS.
    """
    names = [column.removeprefix("customer_") for column in BUSINESS_COLUMNS]
    named = ", ".join(f"{text} as {name}" for text, name in zip(texts, names, strict=True))
    _hash_into(connection, "businesses", ", ".join(names), named, business_normal_sql(*names), key)


def _hash_into(
    connection: duckdb.DuckDBPyConnection, name: str, columns: str, texts: str, normal: str, key: PartnerKey
) -> None:
    """Make a table of distinct texts with `hash`, an HMAC-SHA256 (RFC 2104) of their normal form."""
    block = key.secret.ljust(64, b"\0")
    inner = bytes(byte ^ 0x36 for byte in block)
    outer = bytes(byte ^ 0x5C for byte in block)
    connection.execute(
        f"create or replace temp table {name} as select {columns}, "
        "? || '-' || sha256(cast(? as blob) || unhex(sha256(cast(? as blob) || encode(normal)))) "
        f"as hash from (select {columns}, {normal} as normal "
        f"from (select distinct {texts} from source_rows)) where normal is not null",
        [key.key_id, outer, inner],
    )


def looks_personal_sql(text: str) -> str:
    """SQL: whether a text holds an e-mail address or a telephone number."""
    return (
        f"(contains({text}, '@') and regexp_matches({text}, '{EMAIL}')) or "
        f"(left({text}, 1) in ('+', '0') and regexp_full_match({text}, '{PHONE}'))"
    )


def _derived(secret: str, partner: str) -> bytes:
    return hmac.new(secret.encode(), f"{_SCHEME}|{partner}".encode(), hashlib.sha256).digest()


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{1,16}", name):
        raise ConfigError(
            "invalid_key_id",
            f"the id of a pseudonym key is {name!r}",
            f"use 1 to 16 letters and digits in {KEY_ID} and {FORMER_KEYS}",
        )
    return name
