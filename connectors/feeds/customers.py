"""End customers: how they are told apart without being known.

A customer lands as `<key id>-<HMAC-SHA256>` of the normalised text, under a key that is derived from the
company's for each partner: one partner's customers cannot be linked with another's. What belongs here: keys,
normalisation, hashing, and how personal data look. What does not: which columns hold them (`profile`), and
erasing them (`connectors.privacy`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from typing import Final

import duckdb

from connectors.errors import ConfigError, Place
from connectors.feeds.profile import Profile
from connectors.feeds.table import UNUSUAL_SPACES

KEY: Final = "AVAL_PSEUDONYM_KEY"
KEY_ID: Final = "AVAL_PSEUDONYM_KEY_ID"
FORMER_KEYS: Final = "AVAL_PSEUDONYM_FORMER_KEYS"

_SCHEME: Final = "aval customer 1"
_BLANKS: Final = f"[\\s{UNUSUAL_SPACES}\ufeff]+"

EMAIL: Final = r"[^\s@<>;,]+@[^\s@<>;,]+\.[A-Za-z]{2,}"
PHONE: Final = r"(?:\+|00)\d{1,3}[\s.\-()]*\d(?:[\s.\-()]*\d){6,12}|0\d(?:[\s.\-]\d{2}){4}"
"""What nobody writes into a code or a label: an international number, or a French one in its pairs."""


@dataclass(frozen=True)
class PartnerKey:
    """The key of one partner's customers, and the id that each hash bears."""

    key_id: str
    secret: bytes

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


def fingerprint(profile: Profile) -> str:
    """What decides how a file is read: for feeds with customers the key as well, so that a new key reads the
    files that are still in the inbox again.
    """
    own = profile.fingerprint()
    if profile.columns.customer is None:
        return own
    return hashlib.sha256(f"{own} {_SCHEME} {key_id()}".encode()).hexdigest()[:16]


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
    """Make `customers`: each distinct customer of `source_rows` with its hash, an HMAC-SHA256 (RFC 2104)."""
    block = key.secret.ljust(64, b"\0")
    inner = bytes(byte ^ 0x36 for byte in block)
    outer = bytes(byte ^ 0x5C for byte in block)
    connection.execute(
        "create or replace temp table customers as select customer, "
        "? || '-' || sha256(cast(? as blob) || unhex(sha256(cast(? as blob) || encode(normal)))) "
        f"as customer_key from (select customer, {normal_sql('customer')} as normal "
        f"from (select distinct {text} as customer from source_rows) where customer is not null)",
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
