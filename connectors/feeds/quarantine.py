"""Rows that could not land: which are open, for whom, and their way back.

Whether a row lands is decided by its file and the profile alone. So the way back is to read the original
again after the profile was mended: files in the inbox are read again by themselves, and `put_back` puts those
that have left it back from the archive, with the time at which they came. Reading them replaces their slices
whole.
What belongs here: that, and the list of open rows. What does not: reading and judging
(`connectors.feeds.intake`), words (`connectors.feeds.reasons`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

import duckdb

from connectors.archive import Archive, Original
from connectors.company import Company, Paths
from connectors.feeds.profile import Profile
from connectors.feeds.reasons import Language, in_language
from connectors.ledger import Batch, Ledger

_COLUMNS: Final = "source_row, column_name, value, reason_code, reason, raw_text"


@dataclass(frozen=True)
class Fault:
    """One fault of one open row, with the text of the row as it came."""

    batch: Batch
    source_row: int
    column_name: str | None
    value: str | None
    reason_code: str
    reason: str
    raw_text: str | None

    def said(self, language: Language) -> str:
        return in_language(self.reason_code, self.reason, language)


@dataclass(frozen=True)
class ReadAgain:
    """A file that was read again under another profile: rows in quarantine before and after."""

    before: Batch
    after: Batch


PutBackState = Literal[
    "restored", "in_inbox", "profile_unchanged", "name_taken", "no_original", "not_in_order"
]


@dataclass(frozen=True)
class PutBack:
    """What was done with one file that has open rows, or that has to be read again in its order."""

    batch: Batch
    state: PutBackState


def open_batches(ledger: Ledger) -> list[Batch]:
    """Reports with rows in quarantine that no later report has replaced, oldest first.

    A file that was rejected for its faults is open until a file of that name or period lands.
    """
    found: list[Batch] = []
    answered: set[tuple[str | None, object]] = set()
    for batch in reversed(ledger.batches("feeds")):
        period = (batch.period_start_date, batch.period_end_date)
        names: list[object] = [batch.file_name, *([period] if batch.period_start_date else [])]
        if batch.state == "rejected" and batch.rows_quarantined:
            if not any((batch.feed_code, name) in answered for name in names):
                found.append(batch)
        elif batch.state == "landed" and batch.rows_quarantined:
            found.append(batch)
        if batch.state in ("landed", "superseded"):
            answered.update((batch.feed_code, name) for name in names)
    return found[::-1]


def read_again(ledger: Ledger) -> list[ReadAgain]:
    """Files with rows in quarantine that were read again since, under another profile."""
    former: dict[tuple[str | None, str | None, str | None], Batch] = {}
    found = []
    for batch in ledger.batches("feeds"):
        if batch.state == "duplicate":
            continue
        key = (batch.feed_code, batch.file_name, batch.content_hash)
        before = former.get(key)
        if before is not None and before.rows_quarantined:
            found.append(ReadAgain(before, batch))
        former[key] = batch
    return found


def open_faults(
    landing: Path,
    batches: Sequence[Batch],
    *,
    reason: str | None = None,
    since: date | None = None,
) -> list[Fault]:
    """The faults of the open rows of these reports, report by report in the order of rows."""
    found: list[Fault] = []
    with duckdb.connect() as connection:
        for batch in batches:
            path = _file(landing, batch)
            if not path.is_file() or (since is not None and batch.received_at.date() < since):
                continue
            rows = connection.execute(
                f"select {_COLUMNS} from read_parquet($1) where $2 is null or reason_code = $2 "
                "order by source_row, column_name",
                [str(path), reason],
            ).fetchall()
            found += [Fault(batch, *row) for row in rows]
    return found


def _file(landing: Path, batch: Batch) -> Path:
    folder = landing / "feeds" / "quarantine" / (batch.partner_code or "") / (batch.feed_code or "")
    return folder / f"{batch.batch_id}.parquet"


def put_back(
    paths: Paths,
    company: Company,
    profiles: Mapping[str, Profile],
    ledger: Ledger,
    feed: str | None = None,
) -> list[PutBack]:
    """Put the originals of reports with open rows back into the inbox, where their profile has changed since.

    Reports of a feed replace one another in the order in which they came. Where one file may speak for
    several periods, all later ones are read again with it; if one of them is lost, none is put back.
    """
    archive = Archive(paths.archive, company.archive)
    done: list[PutBack] = []
    for code, profile in sorted(profiles.items()):
        if feed is not None and code != feed:
            continue
        opened = [batch for batch in open_batches(ledger) if batch.feed_code == code]
        unchanged = [batch for batch in opened if batch.profile_hash == profile.fingerprint()]
        done += [PutBack(batch, "profile_unchanged") for batch in unchanged]
        changed = [batch for batch in opened if batch not in unchanged]
        if changed:
            originals = {item.content_hash: item for item in archive.originals(profile.partner)}
            done += _put_back(
                company.inbox.path, archive, originals, changed, _followers(ledger, profile, changed)
            )
    return done


def _followers(ledger: Ledger, profile: Profile, changed: Sequence[Batch]) -> list[Batch]:
    """Reports that must be read again after these, so that the later one of a period still counts."""
    if profile.period.source == "file_name":
        return []
    known = {batch.batch_id for batch in changed}
    return [
        batch
        for batch in ledger.batches("feeds", since=changed[0].batch_id)
        if batch.feed_code == changed[0].feed_code and batch.state == "landed" and batch.batch_id not in known
    ]


def _put_back(
    inbox: Path,
    archive: Archive,
    originals: Mapping[str, Original],
    changed: Sequence[Batch],
    followers: Sequence[Batch],
) -> list[PutBack]:
    states = {batch.batch_id: _look(inbox, originals, batch) for batch in (*changed, *followers)}
    lost = ("name_taken", "no_original")
    if any(states[batch.batch_id] in lost for batch in followers):
        return [
            PutBack(batch, states[batch.batch_id] if states[batch.batch_id] in lost else "not_in_order")
            for batch in (*changed, *followers)
        ]
    for batch in (*changed, *followers):
        if states[batch.batch_id] == "restored":
            target = inbox / (batch.file_name or "")
            archive.restore(originals[batch.content_hash or ""], target)
            moment = batch.received_at.timestamp()
            os.utime(target, (moment, moment))
    return [PutBack(batch, states[batch.batch_id]) for batch in (*changed, *followers)]


def _look(inbox: Path, originals: Mapping[str, Original], batch: Batch) -> PutBackState:
    """What can be done with a file; `restored` if it is to be."""
    path = inbox / (batch.file_name or "")
    if path.is_file():
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == batch.content_hash
        return "in_inbox" if same else "name_taken"
    return "restored" if batch.content_hash in originals else "no_original"
