"""Looking at each source, and bringing what is new into its partner's folder of the inbox.

A file is fetched aside and renamed once it is whole, then entered in the ledger; only then does the source
hear of it. A kill anywhere leaves at most a hidden part, and the next look does the rest. One source that is
down never stops the others. What belongs here: what to fetch, where it goes and what is remembered. What does
not: protocols (`folders`, `downloads`, `mailbox`), and reading reports (`connectors.feeds.intake`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypeGuard
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_exponential_jitter

from connectors.company import (
    AnyDelivery,
    Company,
    LocalDelivery,
    MailDelivery,
    S3Delivery,
    Secret,
    SftpDelivery,
)
from connectors.delivery.source import (
    UNFINISHED_ENDINGS,
    Item,
    RefusedItem,
    Source,
    names_like,
    readable,
    safe_path,
)
from connectors.errors import AvalError, ConfigError, Place, SourceError
from connectors.landing import fsync_folder
from connectors.ledger import Delivered, DeliveryState, Ledger

_LOOKS: Final = "deliveries"
_INCOMING: Final = ".incoming-"
_GIVE_UP_AFTER: Final = 3
_FOLDERS: Final = (LocalDelivery, SftpDelivery, S3Delivery)
_OF_A_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Faults that come from writing alone, so that the inbox has them and no source."""

State = Literal["ok", "failed"]


@dataclass(frozen=True)
class Look:
    """One look at one source. `fetched` are files of the inbox; `waiting` and `refused` names at the source,
    the latter with the reason. `problem` says why the source failed, if it did.
    """

    delivery: str
    kind: str
    partner_code: str
    at: str
    listed: int = 0
    fetched: Sequence[str] = ()
    waiting: Sequence[str] = ()
    refused: Sequence[tuple[str, str]] = ()
    new: Sequence[str] = ()
    problem: str | None = None
    is_setting: bool = False

    @property
    def state(self) -> State:
        return "failed" if self.problem else "ok"

    def in_words(self) -> str:
        """What was found, or why nothing was."""
        counts = (
            (len(self.fetched), "fetched"),
            (len(self.waiting), "still being written"),
            (len(self.refused), "refused"),
        )
        found = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "nothing new"
        return f"{found}; {self.problem}" if self.problem else found


def collect(
    company: Company, ledger: Ledger, *, now: datetime, only: str | None = None, pause: float = 1.0
) -> tuple[Look, ...]:
    """Fetch what is new from every source (or from one), and remember the looks."""
    looks = tuple(
        _Collector(company, ledger, name, settings, now).fetch(pause)
        for name, settings in company.deliveries.items()
        if only in (None, name)
    )
    others = {look.delivery: look for look in last_looks(ledger) if look.delivery in company.deliveries}
    kept = {**others, **{look.delivery: look for look in looks}}
    ledger.remember(_LOOKS, json.dumps([asdict(look) for look in kept.values()]))
    return looks


def look(company: Company, ledger: Ledger, *, now: datetime) -> tuple[Look, ...]:
    """See what is new at every source without fetching it; one try each."""
    return tuple(
        _Collector(company, ledger, name, settings, now).look()
        for name, settings in company.deliveries.items()
    )


def last_looks(ledger: Ledger) -> tuple[Look, ...]:
    """What `collect` found last."""
    text = ledger.recall(_LOOKS)
    found = json.loads(text) if text else []
    return tuple(
        Look(**{**values, "refused": [tuple(pair) for pair in values["refused"]]}) for values in found
    )


def open_source(settings: AnyDelivery, others: Iterable[AnyDelivery] = ()) -> Source:
    """The source of a delivery; it connects when it is first asked. `others` are the other deliveries."""
    from connectors.delivery import folders

    if isinstance(settings, LocalDelivery):
        return folders.open_local(settings)
    if isinstance(settings, SftpDelivery):
        return folders.open_sftp(settings)
    if isinstance(settings, S3Delivery):
        return folders.open_s3(settings)
    if isinstance(settings, MailDelivery):
        from connectors.delivery.mailbox import MailSource

        mailbox = (settings.host, settings.user, settings.mailbox)
        return MailSource(
            settings,
            (
                other
                for other in others
                if isinstance(other, MailDelivery) and (other.host, other.user, other.mailbox) == mailbox
            ),
        )
    from connectors.delivery.downloads import DownloadSource

    return DownloadSource(settings)


@dataclass
class _Found:
    """What a look has found so far."""

    listed: int = 0
    fetched: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)


class _Changing(Exception):
    """An item that changed while it was fetched."""


class _Unfinished(Exception):
    """An item that has arrived and that the source refuses to mark or move."""

    def __init__(self, reason: SourceError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Collector:
    """The looks at one source."""

    def __init__(
        self, company: Company, ledger: Ledger, name: str, settings: AnyDelivery, now: datetime
    ) -> None:
        self._others = [other for code, other in company.deliveries.items() if code != name]
        self._inbox = company.inbox.path
        self._folder = company.inbox.path / settings.partner
        self._ledger = ledger
        self._name = name
        self._settings = settings
        self._now = now
        self._found = _Found()
        self._is_clear = False

    def fetch(self, pause: float) -> Look:
        tries = Retrying(
            stop=stop_after_attempt(self._settings.retries + 1),
            wait=wait_exponential_jitter(initial=pause, max=60, jitter=pause),
            retry=lambda state: isinstance(_outcome(state), _Passing),
            reraise=True,
        )
        return self._told(lambda: tries(self._once, True))

    def look(self) -> Look:
        return self._told(lambda: self._once(False))

    def _told(self, work: Callable[[], None]) -> Look:
        """Do the work; a fault of this source becomes its problem."""
        problem, is_setting = None, False
        try:
            work()
        except _Passing as error:
            problem = str(error)
        except AvalError as error:
            problem, is_setting = str(error), isinstance(error, ConfigError)
        found = self._found
        return Look(
            self._name,
            self._settings.kind,
            self._settings.partner,
            self._now.isoformat(timespec="seconds"),
            found.listed,
            found.fetched,
            found.waiting,
            list(found.refused.items()),
            found.new,
            problem,
            is_setting,
        )

    def _once(self, is_fetching: bool) -> None:
        self._found = replace(self._found, listed=0, waiting=[], refused={}, new=[])
        known = self._ledger.delivered(self._name)
        source = open_source(self._settings, self._others)
        failed: list[str] = []
        unfinished: list[SourceError] = []
        with closing(source):
            try:
                for item in source.items():
                    self._found.listed += 1
                    try:
                        self._consider(source, item, known.get(item.name), is_fetching)
                    except _Unfinished as error:
                        unfinished.append(error.reason)
                    except RefusedItem as error:
                        self._found.refused[readable(item.name)] = str(error)
                    except source.lasting as error:
                        self._found.refused[item.name] = self._explain(error)
                    except source.passing as error:
                        failed.append(f"{item.name}: {self._explain(error)}")
                        if len(failed) >= _GIVE_UP_AFTER:
                            break
            except source.lasting as error:
                raise SourceError(
                    "refused_source", self._explain(error), f"check 'deliveries.{self._name}' in company.yml"
                ) from error
            except source.passing as error:
                raise _Passing(self._explain(error)) from error
        if failed:
            raise _Passing("; ".join(failed))
        if unfinished:
            raise unfinished[0]

    def _consider(self, source: Source, item: Item, former: Delivered | None, is_fetching: bool) -> None:
        is_same = former is not None and bool(item.stamp) and former.stamp == item.stamp
        if former is not None and is_same and former.state != "seen":
            if former.state == "refused":
                self._found.refused[item.name] = former.files.get("reason", "")
            elif former.state == "fetched" and is_fetching:
                self._finish(source, item, former)
            return
        if self._is_unfinished(item.name):
            self._found.waiting.append(item.name)
            return
        if isinstance(self._settings, _FOLDERS):
            safe_path(item.name)
        if not self._is_settled(item, former if is_same else None):
            self._found.waiting.append(item.name)
            if not is_same:
                self._remember(item, "seen", {})
            return
        self._check_size(item.size or 0, item)
        if not is_fetching:
            self._found.new.append(f"{item.name}\0{item.stamp}")
            return
        try:
            files, refused = self._bring(source, item, former)
        except _Changing:
            self._found.waiting.append(item.name)
            return
        except RefusedItem as error:
            files, refused = {}, [error]
        if refused:
            # What else the item holds has arrived; the item itself stays where it is.
            reason = "; ".join(map(str, refused))
            self._remember(item, "refused", {"reason": reason})
            self._found.refused[item.name] = reason
            return
        self._finish(source, item, self._remember(item, "fetched", files))

    def _finish(self, source: Source, item: Item, fetched: Delivered) -> None:
        if fetched.files:
            try:
                source.finish(item)
            except SourceError as error:
                raise _Unfinished(error) from error
        self._remember(item, "finished", fetched.files)

    def _remember(self, item: Item, state: DeliveryState, files: Mapping[str, str]) -> Delivered:
        entry = Delivered(item.name, item.stamp, state, self._now, dict(files))
        self._ledger.remember_delivered(self._name, entry)
        return entry

    @staticmethod
    def _is_unfinished(name: str) -> bool:
        base = name.rpartition("/")[2]
        return base.startswith((".", "~$")) or base.lower().endswith(UNFINISHED_ENDINGS)

    def _is_settled(self, item: Item, seen: Delivered | None) -> bool:
        if item.is_whole:
            return True
        pause = timedelta(seconds=self._settings.settle_seconds)
        if item.modified_at is not None and item.modified_at <= self._now - pause:
            return True
        return seen is not None and seen.at <= self._now - pause

    def _check_size(self, size: int, item: Item) -> None:
        if size > self._settings.max_bytes:
            raise RefusedItem(
                "oversized_file",
                f"{item.name} is larger than {self._settings.max_bytes:,} bytes",
                f"raise 'deliveries.{self._name}.max_bytes' in company.yml if that is right",
            )

    # --- fetching one item ---

    def _bring(
        self, source: Source, item: Item, former: Delivered | None
    ) -> tuple[dict[str, str], list[RefusedItem]]:
        """Fetch the files of an item; returns their names in the inbox with their hashes, and why others of
        them are refused.
        """
        made: list[Path] = []
        parts: list[tuple[Path, str, str]] = []
        refused: list[RefusedItem] = []
        size = 0
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._folder.resolve().is_relative_to(self._inbox.resolve()):
                raise ConfigError(
                    "outside_inbox",
                    f"{self._folder} is a link that leads out of the inbox",
                    "make it a folder of the inbox",
                )
            self._clear_once()
            for content in source.contents(item):
                part = self._folder / f"{_INCOMING}{secrets.token_hex(8)}.part"
                made.append(part)
                digest = hashlib.sha256()
                try:
                    name = safe_path(content.file_name)
                    with part.open("xb") as handle:
                        for chunk in content.chunks:
                            size += len(chunk)
                            self._check_size(size, item)
                            digest.update(chunk)
                            handle.write(chunk)
                        handle.flush()
                        os.fsync(handle.fileno())
                except RefusedItem as error:
                    refused.append(error)
                else:
                    parts.append((part, name, digest.hexdigest()))
            is_file = not isinstance(self._settings, MailDelivery)
            if is_file and not refused and item.size is not None and size != item.size:
                raise _Changing
            if source.stamp(item) != item.stamp:
                raise _Changing
            files = {self._place(part, name, digest, item, former): digest for part, name, digest in parts}
            return files, refused
        except OSError as error:
            self._refuse_if_ours(error)
            raise
        finally:
            for part in made:
                part.unlink(missing_ok=True)

    def _refuse_if_ours(self, error: OSError) -> None:
        """SourceError where the inbox cannot be written to: nobody should look for that at the source."""
        is_below = Path(os.fsdecode(error.filename or b"")).is_relative_to(self._inbox)
        if is_below or error.errno in _OF_A_DISK:
            raise SourceError(
                "unwritable_inbox",
                f"the inbox cannot be written to ({error.strerror})",
                "see to the rights and the space of that folder; the next look fetches what is missing",
                Place(file=self._folder),
            ) from error

    def _clear_once(self) -> None:
        """Remove what a look that was killed left. Once: the folder may hold ten thousands of files."""
        if not self._is_clear:
            for part in self._folder.glob(f"{_INCOMING}*"):
                part.unlink()
        self._is_clear = True

    def _place(self, part: Path, name: str, digest: str, item: Item, former: Delivered | None) -> str:
        """Give a fetched file its name in the inbox. A file that intake has not entered yet is not replaced
        by another one of the same name.
        """
        moment = min(item.modified_at or self._now, self._now).timestamp()
        os.utime(part, (moment, moment))
        for target in map(self._folder.joinpath, names_like(name)):
            if target.is_file():
                present = _hash(target)
                if present == digest:
                    return self._inbox_name(target)
                is_version = self._stayed(former) and self._inbox_name(target) in former.files
                if not (is_version or self._ledger.has_content(present)):
                    continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.parent.resolve().is_relative_to(self._folder.resolve()):
                raise RefusedItem(
                    "refused_name",
                    f"{name} leads out of the partner's folder",
                    "remove the link in the inbox",
                )
            part.replace(target)
            fsync_folder(target.parent)
            self._found.fetched.append(self._inbox_name(target))
            return self._inbox_name(target)
        raise AssertionError("the names never end")

    def _stayed(self, former: Delivered | None) -> TypeGuard[Delivered]:
        """Whether what stood under the name stands there still, so that other bytes are a version of it."""
        is_taken_away = isinstance(self._settings, _FOLDERS) and self._settings.then != "keep"
        return former is not None and not (is_taken_away and former.state == "finished")

    def _inbox_name(self, target: Path) -> str:
        return target.relative_to(self._inbox).as_posix()

    def _explain(self, error: BaseException) -> str:
        """The error in one line, without secrets and without the query of an address."""
        reason = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        text = re.sub(r"\?[^\s)'\"]+", "?…", str(reason).splitlines()[0])
        for value in _secrets(self._settings):
            text = text.replace(value, "***")
        return f"{self._settings.kind}: {text}"


class _Passing(Exception):
    """A fault that may be over at the next try, in words."""


def _outcome(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _secrets(settings: AnyDelivery) -> Iterator[str]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Secret):
                secret = item.reveal()
                yield secret
                if name == "urls":
                    # Libraries name an address without its host; a path of "/" says nothing.
                    yield from filter(lambda part: len(part) > 1, urlsplit(secret)[1:3])


def _hash(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
