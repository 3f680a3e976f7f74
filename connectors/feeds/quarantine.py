"""Rows that could not land: which are open, for whom, what is at stake, and their way back.

Whether a row lands is decided by its file and the profile, and where it names its sender by the partners'
numbers. So the way back is to read the original again after one of these was mended: files in the inbox are
read again by themselves, and `put_back` puts those that have left it back from the archive, with the time at
which they came. Reading them replaces their slices whole.
What belongs here: that, and the list of open rows. What does not: reading and judging
(`connectors.feeds.intake`), words (`connectors.feeds.reasons`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import duckdb

from connectors.archive import Archive, Original
from connectors.company import Company, Paths
from connectors.errors import SourceError
from connectors.feeds.customers import fingerprint
from connectors.feeds.profile import Profile
from connectors.feeds.reasons import Language, in_language, to_partner
from connectors.feeds.senders import load_identities
from connectors.ledger import Batch, Ledger

_COLUMNS: Final = "source_row, column_name, value, reason_code, reason, raw_text, quantity, amount"
_LATER_COLUMNS: Final = "cast(null as decimal(18, 3)) as quantity, cast(null as decimal(18, 4)) as amount"


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
    quantity: Decimal | None = None
    amount: Decimal | None = None

    def said(self, language: Language) -> str:
        return in_language(self.reason_code, self.reason, language)

    def said_to_partner(self, language: Language) -> str:
        return to_partner(self.reason_code, self.reason, language)


@dataclass(frozen=True)
class Stake:
    """What a row, or several of one currency, would bring: units and revenue before tax.

    None where the feed reports no such figure, or nothing of it has landed. What a row does not say readably
    is estimated by the mean of the feed's landed rows.
    """

    units: Decimal | None
    amount: Decimal | None
    currency: str
    units_are_estimated: bool = False
    amount_is_estimated: bool = False

    def said(self) -> str:
        """`~12 units, 340.50 EUR`; `~` stands before what holds estimates."""
        parts = []
        if self.units is not None:
            parts.append(f"{'~' * self.units_are_estimated}{self.units:,.0f} units")
        if self.amount is not None:
            parts.append(f"{'~' * self.amount_is_estimated}{self.amount:,.2f} {self.currency}")
        return ", ".join(parts) or "unknown"

    def plus(self, other: Stake) -> Stake:
        return Stake(
            _added(self.units, other.units),
            _added(self.amount, other.amount),
            self.currency,
            self.units_are_estimated or other.units_are_estimated,
            self.amount_is_estimated or other.amount_is_estimated,
        )


def _added(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one + (other or 0)


@dataclass(frozen=True)
class ReadAgain:
    """A file that was read again under another profile or other partners' numbers."""

    before: Batch
    after: Batch

    @property
    def is_of_partners(self) -> bool:
        """Whether the numbers of partners have changed in between, and not the profile."""
        former, now = self.before.profile_hash or "", self.after.profile_hash or ""
        return "+" in former and former.partition("+")[0] == now.partition("+")[0]


PutBackState = Literal[
    "restored",
    "in_inbox",
    "profile_unchanged",
    "name_taken",
    "no_original",
    "damaged_original",
    "not_in_order",
    "no_profile",
]


@dataclass(frozen=True)
class PutBack:
    """What was done with one file that has open rows, or that has to be read again in its order."""

    batch: Batch
    state: PutBackState


def open_batches(ledger: Ledger) -> list[Batch]:
    """Reports with rows in quarantine that no later report has replaced, oldest first.

    A file that was rejected for its faults is open until a file of that name or period lands, or a known one
    stands in its place.
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
        elif batch.state == "duplicate":
            answered.add((batch.feed_code, batch.file_name))
    return found[::-1]


def read_again(ledger: Ledger) -> list[ReadAgain]:
    """Files with rows in quarantine that were read again since, because something was mended."""
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
    since: datetime | None = None,
) -> list[Fault]:
    """The faults of the open rows of these reports, report by report in the order of rows."""
    found: list[Fault] = []
    with duckdb.connect() as connection:
        for batch in batches:
            path = _file(landing, batch)
            if not path.is_file() or (since is not None and batch.received_at < since):
                continue
            rows = connection.execute(
                f"select {_COLUMNS} from (from read_parquet($1) union all by name "
                f"select {_LATER_COLUMNS} where false) where $2 is null or reason_code = $2 "
                "order by source_row, column_name",
                [str(path), reason],
            ).fetchall()
            found += [Fault(batch, *row) for row in rows]
    return found


class Stakes:
    """What the rows of some feeds would bring."""

    def __init__(self, ledger: Ledger, profiles: Mapping[str, Profile], currency: str) -> None:
        self._ledger = ledger
        self._profiles = profiles
        self._currency = currency
        self._means: dict[str, tuple[Decimal | None, Decimal | None]] = {}

    def of(self, fault: Fault) -> Stake:
        """What the row of a fault would bring; a feed whose profile is gone has the company's currency."""
        profile = self._profiles.get(fault.batch.feed_code or "")
        units, amount = self._mean(fault.batch.feed_code or "", profile)
        return Stake(
            units if fault.quantity is None else fault.quantity,
            amount if fault.amount is None else fault.amount,
            profile.currency if profile else self._currency,
            fault.quantity is None and units is not None,
            fault.amount is None and amount is not None,
        )

    def total(self, faults: Iterable[Fault]) -> list[Stake]:
        """The sum over rows, each counted once, by currency."""
        rows = {(fault.batch.batch_id, fault.source_row): fault for fault in faults}
        found: dict[str, Stake] = {}
        for fault in rows.values():
            stake = self.of(fault)
            found[stake.currency] = found[stake.currency].plus(stake) if stake.currency in found else stake
        return list(found.values())

    def _mean(self, feed_code: str, profile: Profile | None) -> tuple[Decimal | None, Decimal | None]:
        if profile is None:
            return None, None
        if feed_code not in self._means:
            entity = "sell_out" if profile.reports_sell_out else "inventory"
            rows, units, amount = self._ledger.live_totals(feed_code, entity)
            has_amount = "net_amount" in profile.metrics and entity == "sell_out"
            self._means[feed_code] = (
                (units / rows).quantize(Decimal("0.001")) if rows else None,
                (amount / rows).quantize(Decimal("0.01")) if rows and has_amount else None,
            )
        return self._means[feed_code]


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
    """Put the originals of reports with open rows back into the inbox, where what decided has changed since.

    Reports of a feed replace one another in the order in which they came. Where one file may speak for
    several periods, all later ones are read again with it; if one of them is lost, none is put back.
    Reports of feeds whose profile is gone are named and left alone.
    """
    archive = Archive(paths.archive, company.archive)
    identities = load_identities(paths.landing)
    done: list[PutBack] = []
    waiting: dict[str, list[Batch]] = {}
    for batch in open_batches(ledger):
        if feed in (None, batch.feed_code):
            waiting.setdefault(batch.feed_code or "", []).append(batch)
    for code, opened in sorted(waiting.items()):
        profile = profiles.get(code)
        if profile is None:
            done += [PutBack(batch, "no_profile") for batch in opened]
            continue
        own = fingerprint(profile)
        unchanged = [batch for batch in opened if batch.profile_hash in (own, identities.stamped(own))]
        done += [PutBack(batch, "profile_unchanged") for batch in unchanged]
        changed = [batch for batch in opened if batch not in unchanged]
        if changed:
            originals = {item.content_hash: item for item in archive.originals(profile.partner)}
            paths.state.mkdir(parents=True, exist_ok=True)
            followers = _followers(ledger, profile, changed)
            done += _put_back(company.inbox.path, archive, originals, changed, followers, paths.state)
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
    scratch: Path,
) -> list[PutBack]:
    states = {
        batch.batch_id: _look(inbox, archive, originals, batch, scratch) for batch in (*changed, *followers)
    }
    lost = ("name_taken", "no_original", "damaged_original")
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


def _look(
    inbox: Path, archive: Archive, originals: Mapping[str, Original], batch: Batch, scratch: Path
) -> PutBackState:
    """What can be done with a file; `restored` if it is to be."""
    path = inbox / (batch.file_name or "")
    if path.is_file():
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == batch.content_hash
        return "in_inbox" if same else "name_taken"
    original = originals.get(batch.content_hash or "")
    if original is None:
        return "no_original"
    try:
        with archive.opened(original, scratch):
            return "restored"
    except SourceError:
        return "damaged_original"
