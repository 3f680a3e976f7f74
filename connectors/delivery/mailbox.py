"""Attachments of mails, by IMAP over TLS. Mails are read without marking them, unless the settings say so."""

from __future__ import annotations

import email
import email.policy
import hashlib
import imaplib
import re
import ssl
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import getaddresses
from functools import cached_property
from typing import Any, Final

from fsspec.utils import glob_translate

from connectors.company import MailDelivery
from connectors.delivery.source import CHUNK, Content, Item, RefusedItem, safe_name
from connectors.errors import ConfigError, SourceError

_MAILS_AT_ONCE: Final = 500
_UID: Final = re.compile(rb"UID (\d+)")
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE: Final = re.compile(rb'INTERNALDATE "([^"]+)"')


class MailSource:
    """One mailbox. An item is a mail, named by the mailbox's UIDVALIDITY and the mail's UID."""

    passing: tuple[type[Exception], ...] = (OSError, imaplib.IMAP4.error)
    lasting: tuple[type[Exception], ...] = (ssl.SSLCertVerificationError,)

    def __init__(self, settings: MailDelivery, others: Iterable[str] = ()) -> None:
        """`others` are senders that other deliveries of the same mailbox take: not this one's to report."""
        self._settings = settings
        self._others = {sender.casefold() for sender in others}
        self._globs = [re.compile(glob_translate(glob), re.IGNORECASE) for glob in settings.files]
        self._senders = {sender.casefold() for sender in settings.senders}
        # Other senders or attachments asked for: every mail is looked at again.
        lists = (settings.senders, sorted(self._others), settings.files, [settings.authenticated_by or ""])
        asked = "\0\0".join("\0".join(each) for each in lists)
        self._stamp = hashlib.sha256(asked.encode()).hexdigest()[:16]

    @cached_property
    def _imap(self) -> imaplib.IMAP4:
        settings = self._settings
        imap = _connect(settings)
        try:
            imap.login(settings.user, settings.password.reveal())
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise ConfigError(
                "refused_login",
                f"{settings.host} refuses the login of {settings.user}",
                "check 'user' and the secret of 'password'",
            ) from error
        return imap

    def items(self) -> Iterator[Item]:
        imap, settings = self._imap, self._settings
        self._ask("SELECT", imap.select(_quoted(settings.mailbox), readonly=settings.then == "keep"))
        validity = (imap.response("UIDVALIDITY")[1] or [b"0"])[0] or b"0"
        found = self._ask("SEARCH", imap.uid("SEARCH", "UNDELETED"))
        uids = sorted(found[0].split(), key=int) if found and found[0] else []
        for first in range(0, len(uids), _MAILS_AT_ONCE):
            wanted = b",".join(uids[first : first + _MAILS_AT_ONCE]).decode()
            for line in self._ask("FETCH", imap.uid("FETCH", wanted, "(UID RFC822.SIZE INTERNALDATE)")):
                if isinstance(line, bytes) and (size := _SIZE.search(line)) and (uid := _UID.search(line)):
                    name = f"{validity.decode()}:{uid.group(1).decode()}"
                    yield Item(name, self._stamp, _received(line), int(size.group(1)), is_whole=True)

    def contents(self, item: Item) -> Iterator[Content]:
        header = self._message(item, "BODY.PEEK[HEADER]")
        if not self._is_wanted(header):
            return
        mail = self._message(item, "BODY.PEEK[]")
        for part in mail.walk():
            name = part.get_filename()
            if name is None or part.is_multipart():
                continue
            if not any(glob.fullmatch(name) for glob in self._globs):
                continue
            payload = part.get_payload(decode=True)
            data = payload if isinstance(payload, bytes) else b""
            yield Content(safe_name(name), (data[i : i + CHUNK] for i in range(0, len(data), CHUNK)))

    def _is_wanted(self, header: EmailMessage) -> bool:
        """Whether the mail is from a sender of the settings; RefusedItem if that sender is not proven, or no
        delivery takes its mails.
        """
        addresses = [address.casefold() for _, address in getaddresses(header.get_all("From", []))]
        named = {name for each in addresses for name in (each, "@" + each.rpartition("@")[2])}
        if len(addresses) != 1 or not named & self._senders:
            if named & self._others:
                return False
            raise RefusedItem(
                "unknown_sender",
                f"a mail from {', '.join(map(_shown, addresses)) or 'nobody'}, subject "
                f"{_shown(str(header.get('Subject', '')))!r}, is from no sender that a delivery names; it is "
                "left in the mailbox",
                "if it is the partner's, add the address to 'senders'; otherwise move or delete it",
            )
        server = self._settings.authenticated_by
        # Our own server puts its result on top; those below may have come with the mail.
        results = str(next(iter(header.get_all("Authentication-Results", [])), ""))
        if server is not None and not (
            results.split(";")[0].strip().casefold() == server.casefold()
            and re.search(r"\bdmarc\s*=\s*pass\b", results, re.IGNORECASE)
        ):
            raise RefusedItem(
                "unproven_sender",
                f"a mail from {addresses[0]} is not authenticated by {server}",
                "look at the mail: its sender may be forged; otherwise correct 'authenticated_by'",
            )
        return True

    def _message(self, item: Item, what: str) -> EmailMessage:
        answer = self._ask("FETCH", self._imap.uid("FETCH", item.name.rpartition(":")[2], f"({what})"))
        for line in answer:
            if isinstance(line, tuple):
                return email.message_from_bytes(line[1], policy=email.policy.default)
        raise RefusedItem("vanished_mail", "the mail is no longer in the mailbox", "nothing needs to be done")

    def stamp(self, item: Item) -> str:
        return item.stamp

    def finish(self, item: Item) -> None:
        uid = item.name.rpartition(":")[2]
        if self._settings.then == "mark":
            self._ask("STORE", self._imap.uid("STORE", uid, "+FLAGS", r"(\Seen)"))
        elif self._settings.move_to is not None:
            target = _quoted(self._settings.move_to)
            # What a server can do is often told after the login only.
            can = self._ask("CAPABILITY", self._imap.capability())[0].upper().split()
            if b"MOVE" in can:
                self._ask("MOVE", self._imap.uid("MOVE", uid, target))
                return
            self._ask("COPY", self._imap.uid("COPY", uid, target))
            self._ask("STORE", self._imap.uid("STORE", uid, "+FLAGS", r"(\Deleted)"))
            if b"UIDPLUS" in can:
                self._ask("EXPUNGE", self._imap.uid("EXPUNGE", uid))

    def close(self) -> None:
        if "_imap" not in self.__dict__:
            return
        try:
            self._imap.logout()
        except (OSError, imaplib.IMAP4.error):
            # The other side has hung up already.
            self._imap.shutdown()

    def _ask(self, command: str, answer: tuple[str, list[Any]]) -> list[Any]:
        status, data = answer
        if status != "OK":
            raise SourceError(
                "refused_command",
                f"the mail server refuses {command} ({_said(data)})",
                "check 'mailbox', 'move_to' and the rights of 'user'",
            )
        return data


def _connect(settings: MailDelivery) -> imaplib.IMAP4:
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    if settings.tls == "implicit":
        return imaplib.IMAP4_SSL(
            settings.host, settings.port, ssl_context=context, timeout=settings.timeout_seconds
        )
    imap = imaplib.IMAP4(settings.host, settings.port, timeout=settings.timeout_seconds)
    imap.starttls(context)
    return imap


def _shown(text: str) -> str:
    """A text of a stranger's, fit for one line of a report."""
    return "".join(character if character.isprintable() else " " for character in text)[:100]


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _received(line: bytes) -> datetime | None:
    match = _DATE.search(line)
    if match is None:
        return None
    return datetime.strptime(match.group(1).decode().strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)


def _said(data: list[Any]) -> str:
    first = data[0] if data else b""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
