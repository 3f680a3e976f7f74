"""Erasing one customer of one partner from landing, quarantine, archive and inbox.

The customer's rows stay, without the customer: figures do not change. Originals that hold the customer are
removed, since a report cannot be altered and remain the original. What belongs here: finding and removing.
What does not: hashing (`connectors.feeds.customers`), and what is built from landing
(`orchestration.erasure`).
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import shutil
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Final
from xml.sax.saxutils import escape

import duckdb

from connectors.archive import Archive, Original
from connectors.company import Company, Paths
from connectors.contract import ERP_ENTITIES, FEED_ENTITIES, SOURCE_ENTITIES, is_of_person
from connectors.errors import AvalError, Place, SourceError
from connectors.feeds.customers import (
    ANYBODY,
    all_keys,
    business_hashes,
    company_keys,
    normalised,
    refuse_another_key,
)
from connectors.feeds.intake.inbox import readable_name
from connectors.feeds.intake.matcher import FeedMatcher
from connectors.feeds.profile import Profile
from connectors.feeds.table import quoted
from connectors.landing import atomic_file
from connectors.ledger import Erasure, Ledger

ERASED: Final = "(erased)"
_CHUNK: Final = 1 << 20
_OVERLAP: Final = 1 << 12
_ENCODINGS: Final = ("utf-8", "cp1252", "utf-16-le", "utf-16-be")
_SHORTEST: Final = 3
_DEPTH: Final = 3
"""A packed file, a workbook in it, and what is packed in that."""
_NAMING_BUSINESSES: Final = tuple(entity for entity in ERP_ENTITIES if entity.secret_columns)


@dataclass(frozen=True)
class Wanted:
    """One customer of one partner: the hashes under every key, and the texts as a regular expression."""

    partner_code: str
    hashes: tuple[str, ...]
    pattern: str
    is_business: bool = False
    """Whether one of the hashes is the same for all partners."""
    encodings: tuple[str, ...] = _ENCODINGS
    """How reports may be written."""

    def in_sql(self) -> str:
        return ", ".join(quoted(item) for item in self.hashes)


def wanted(partner: str, texts: Iterable[str]) -> Wanted:
    """The customer that these texts (name, e-mail, telephone, card: each one) name at this partner."""
    given = [text.strip() for text in texts if text.strip()]
    if not given or any(len(text) < _SHORTEST for text in given):
        raise AvalError(
            "no_customer",
            f"a customer is named by texts of at least {_SHORTEST} characters, one a line",
            "write the name, e-mail address, telephone number or card number as the partner reports it",
        )
    normal = normalised(given)
    shared = business_hashes(given)
    keys = [*all_keys(partner), *all_keys(ANYBODY)]
    hashes = [key.hash(text) for key in keys for text in normal] + shared
    return Wanted(partner, tuple(dict.fromkeys(hashes)), "|".join(map(_pattern, normal)), bool(shared))


def _pattern(normal: str) -> str:
    """A regular expression (Python's and RE2's) of how the text may be written in a report."""
    if re.fullmatch(r"\+?\d+", normal):
        between = r"[ .\-/()]*"
        digits = between.join(normal.lstrip("+"))
        # A French number may be written with its country's; an international one with 00.
        head = rf"(?:(?:\+|00)33{between}(?:\(0\))?{between}|0{between})" if normal.startswith("0") else ""
        body = between.join(normal[1:]) if head else digits
        return rf"(?:^|\D){head}{body}(?:$|\D)"
    words = r"\s+".join(re.escape(word) for word in normal.split(" "))
    return rf"(?:^|\W)(?i:{words})(?:$|\W)"


def erase(
    paths: Paths,
    company: Company,
    profiles: Mapping[str, Profile],
    ledger: Ledger,
    who: Wanted,
    *,
    now: datetime,
) -> tuple[Erasure, tuple[str, ...]]:
    """Erase a customer and enter it in the ledger, without saying who it was. Also gives what could not be
    looked into, for a person to do.
    """
    refuse_another_key(ledger, company_keys())
    who = replace(who, encodings=_encodings(profiles.values()))
    rows, batches = _erase_landed(paths.landing, who)
    unknown = _borne_keys(paths.landing, who) - {key.key_id for key in company_keys()}
    faults, faulty = _erase_quarantined(paths.landing, who)
    contents = {
        batch.content_hash
        for batch in ledger.batches("feeds")
        if batch.content_hash is not None
        and batch.partner_code == who.partner_code
        and batch.batch_id in batches | faulty
    }
    scratch = paths.state / "erasure"
    scratch.mkdir(parents=True, exist_ok=True)
    left: list[str] = [
        f"rows that bear the key {key}, which is not set: they may still name the customer; set it as "
        "docs/privacy.md says and erase again"
        for key in sorted(unknown)
    ]
    for partner in sorted({code for code, _ in _sent_by(ledger, batches)} - {who.partner_code}):
        left.append(f"{partner}: its reports name the business customer too; erase it there as well")
    for entity in _NAMING_BUSINESSES:
        if batches & {batch.batch_id for batch in ledger.batches(entity.system, source=entity.name)}:
            left.append(f"{entity.name}: the ERP names the customer; erase it there before the next run")
    for entity in SOURCE_ENTITIES:
        if batches & {batch.batch_id for batch in ledger.batches(entity.system, source=entity.name)}:
            left.append(
                f"{entity.name}: the source names the customer; erase it there before it next changes"
            )
    try:
        originals = _erase_archived(Archive(paths.archive, company.archive), contents, who, scratch, left)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    files = _erase_from_inbox(company.inbox.path, profiles, ledger, contents, who, left)
    ledger.mark_pending(ledger.slices_of(batches), "erasure")
    entry = Erasure(who.partner_code, now, rows, faults, len(originals), len(files))
    ledger.record_erasure(entry, contents | originals | set(files))
    return entry, tuple(left)


def partners_heard_of(landing: Path, ledger: Ledger) -> set[str]:
    """Partners of whom reports have come, also where the feed is gone, or whom a survey or training names."""
    found = {batch.partner_code for batch in ledger.batches("feeds") if batch.partner_code}
    with duckdb.connect() as connection:
        for entity in SOURCE_ENTITIES:
            files = [str(path) for path in _parquet(landing / entity.system / entity.name)]
            if files and any(is_of_person(column.name) for column in entity.columns):
                rows = connection.execute(
                    "select distinct partner_code from read_parquet(?, union_by_name = true) "
                    "where partner_code is not null",
                    [files],
                ).fetchall()
                found |= {code for (code,) in rows}
    return found


def _encodings(profiles: Iterable[Profile]) -> tuple[str, ...]:
    """The usual encodings, and those that profiles state."""
    found = dict.fromkeys(_ENCODINGS)
    for profile in profiles:
        stated = getattr(profile.container, "encoding", None)
        try:
            found.setdefault(codecs.lookup(stated or "utf-8").name)
        except LookupError:
            continue  # its files were rejected for it
    return tuple(found)


def _sent_by(ledger: Ledger, batches: set[str]) -> set[tuple[str, str]]:
    return {
        (batch.partner_code or "", batch.batch_id)
        for batch in ledger.batches("feeds")
        if batch.batch_id in batches
    }


def _erase_landed(landing: Path, who: Wanted) -> tuple[int, set[str]]:
    """Rows and batches that held the customer."""
    rows, batches = 0, set()
    for path in _naming_people(landing, who):
        count = forget_in_parquet(path, who)
        rows += count
        batches |= {path.stem} if count else set()
    return rows, batches


def _naming_people(landing: Path, who: Wanted) -> Iterator[Path]:
    """Landed files in which the customer may stand."""
    businesses = _NAMING_BUSINESSES if who.is_business else ()
    for entity in (*FEED_ENTITIES, *SOURCE_ENTITIES, *businesses):
        if any(is_of_person(column.name) for column in entity.columns):
            folder = landing / entity.system / entity.name
            is_by_partner = entity.system == "feeds" and not who.is_business
            yield from _parquet(folder / who.partner_code if is_by_partner else folder)


def _borne_keys(landing: Path, who: Wanted) -> set[str]:
    """Ids of the keys under which people are hashed in these files."""
    found = set()
    with duckdb.connect() as connection:
        for path in _naming_people(landing, who):
            source = f"read_parquet({quoted(str(path))})"
            names = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
            for name in filter(is_of_person, names):
                keys = connection.execute(
                    f"select distinct split_part({name}, '-', 1) from {source} where {name} is not null"
                ).fetchall()
                found |= {key for (key,) in keys}
    return found


def forget_in_parquet(path: Path, who: Wanted) -> int:
    """Take the customer out of a Parquet file's columns of hashes; returns how many rows bore it."""
    with duckdb.connect() as connection:
        source = f"read_parquet({quoted(str(path))})"
        names = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
        keys = [name for name in names if is_of_person(name)]
        bears = " or ".join(f"coalesce({name} in ({who.in_sql()}), false)" for name in keys)
        forgotten = ", ".join(
            f"case when {name} in ({who.in_sql()}) then null else {name} end as {name}" for name in keys
        )
        (count, rows) = connection.execute(
            f"select count(*) filter (where {bears}), count(*) from {source}"
        ).fetchone() or (0, 0)
        if not count:
            return 0
        with atomic_file(path) as part:
            connection.execute(
                f"copy (select * replace ({forgotten}) "
                f"from {source}) to {quoted(str(part))} (format parquet, compression zstd)"
            )
            (written,) = connection.execute(
                f"select count(*) from read_parquet({quoted(str(part))})"
            ).fetchone() or (0,)
            if written != rows:
                raise AvalError(
                    "lost_rows", f"{path} would lose rows", "report the fault; nothing was changed"
                )
    return int(count)


def _erase_quarantined(landing: Path, who: Wanted) -> tuple[int, set[str]]:
    """Faults whose text named the customer, and their batches; the fault stays, the text goes."""
    faults, batches = 0, set()
    with duckdb.connect() as connection:
        for path in _parquet(landing / "feeds" / "quarantine" / who.partner_code):
            source = f"read_parquet({quoted(str(path))})"
            texts = [
                name
                for name, kind, *_ in connection.execute(f"describe select * from {source}").fetchall()
                if kind == "VARCHAR" and name not in _QUARANTINE_KEYS
            ]
            names = {name: _names_sql(name, who) for name in texts}
            (count,) = connection.execute(
                f"select count(*) from {source} where {' or '.join(names.values())}"
            ).fetchone() or (0,)
            if not count:
                continue
            faults += int(count)
            batches.add(path.stem)
            changes = ", ".join(
                f"case when {condition} then {quoted(ERASED)} else {name} end as {name}"
                for name, condition in names.items()
            )
            with atomic_file(path) as part:
                connection.execute(
                    f"copy (select * replace ({changes}) from {source}) to {quoted(str(part))} "
                    "(format parquet, compression zstd)"
                )
    return faults, batches


_QUARANTINE_KEYS: Final = ("batch_id", "partner_code", "feed_code", "file_name", "reason_code")


def _names_sql(column: str, who: Wanted) -> str:
    return f"coalesce(regexp_matches({column}, {quoted(who.pattern)}) or {column} in ({who.in_sql()}), false)"


def _erase_archived(
    archive: Archive, contents: set[str], who: Wanted, scratch: Path, left: list[str]
) -> set[str]:
    """Remove originals that hold the customer; returns their hashes."""
    removed = set()
    for item in archive.originals(who.partner_code):
        try:
            if item.content_hash in contents or _opened_names(archive, item, who, scratch):
                archive.remove(item)
                removed.add(item.content_hash)
        except SourceError as error:
            left.append(f"{item.path}: {error.problem} -> {error.remedy}")
    return removed


def _opened_names(archive: Archive, item: Original, who: Wanted, scratch: Path) -> bool:
    with archive.opened(item, scratch) as clear:
        return names_customer(clear, who)


def _erase_from_inbox(
    inbox: Path,
    profiles: Mapping[str, Profile],
    ledger: Ledger,
    contents: set[str],
    who: Wanted,
    left: list[str],
) -> list[str]:
    """Remove files of the inbox that intake has entered and that hold the customer, and return their hashes;
    others are only told.
    """
    matcher = FeedMatcher(profiles)
    removed = []
    for path in sorted(inbox.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(inbox).as_posix()
        feed = profiles.get(matcher.find(name) or "")
        if not (name.startswith(f"{who.partner_code}/") or (feed and feed.partner == who.partner_code)):
            continue
        with path.open("rb") as handle:
            content = hashlib.file_digest(handle, "sha256").hexdigest()
        try:
            if content not in contents and not names_customer(path, who):
                continue
        except SourceError as error:
            left.append(f"{readable_name(name)}: {error.problem} -> {error.remedy}")
            continue
        if ledger.has_content(content):
            path.unlink()
            removed.append(content)
        else:
            left.append(
                f"{readable_name(name)}: it names the customer and has not been taken in; "
                "run first, or remove it"
            )
    return removed


def names_customer(path: Path, who: Wanted) -> bool:
    """Whether a report holds the customer's text, whatever its container and encoding."""
    try:
        with path.open("rb") as handle:
            return _names(handle, who, zipfile.is_zipfile(path))
    # zipfile's words for a compression that it lacks, and for a member under a password, among others.
    except (
        zipfile.BadZipFile,
        gzip.BadGzipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise SourceError(
            "unreadable_original",
            f"what is packed in it cannot be read ({error})",
            "look into it yourself, and remove it if it names the customer",
            Place(file=path.name),
        ) from error


def _names(stream: IO[bytes], who: Wanted, is_zip: bool = False, depth: int = 0) -> bool:
    head = stream.read(4)
    stream.seek(0)
    if depth < _DEPTH and (is_zip or head == b"PK\x03\x04"):
        with zipfile.ZipFile(stream) as packed:
            return any(_member_names(packed, member, who, depth) for member in packed.infolist())
    if depth < _DEPTH and head.startswith(b"\x1f\x8b"):
        with io.BufferedReader(gzip.open(stream)) as unpacked:
            return _names(unpacked, who, depth=depth + 1)
    return _stream_names(stream, who)


def _member_names(packed: zipfile.ZipFile, member: zipfile.ZipInfo, who: Wanted, depth: int) -> bool:
    with packed.open(member) as stream:
        return _names(stream, who, depth=depth + 1)


def _stream_names(stream: IO[bytes], who: Wanted) -> bool:
    pattern = re.compile(who.pattern)
    for chunk in _overlapping(stream):
        for encoding in who.encodings:
            text = chunk.decode(encoding, "replace")
            if pattern.search(_plain(text)):
                return True
    return False


def _plain(text: str) -> str:
    """Without the marks of XML around words, as a workbook holds them, and in composed letters."""
    for letter in "&<>":
        text = text.replace(escape(letter), letter)
    return unicodedata.normalize("NFC", text)


def _overlapping(stream: IO[bytes]) -> Iterator[bytes]:
    """Chunks of even length that share their ends, so that no text falls between two."""
    tail = b""
    while chunk := stream.read(_CHUNK):
        yield tail + chunk
        tail = chunk[-_OVERLAP:]


def _parquet(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.parquet")) if not path.name.startswith(("_", "."))]
