"""Attachments of mails, by IMAP over TLS. Mails are read without marking them, unless the settings say so."""

from __future__ import annotations

import email
import email.policy
import hashlib
import imaplib
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.errors import CloseBoundaryNotFoundDefect, InvalidBase64LengthDefect
from email.message import EmailMessage, Message
from email.utils import getaddresses
from functools import cached_property
from typing import Any, Final

from fsspec.utils import glob_translate

from connectors.company import MailDelivery
from connectors.delivery.source import CHUNK, Content, Item, RefusedItem, safe_name
from connectors.errors import ConfigError, Place, SourceError

_MAILS_AT_ONCE: Final = 500
_UID: Final = re.compile(rb"UID (\d+)")
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE: Final = re.compile(rb'INTERNALDATE "([^"]+)"')


class MailSource:
    """One mailbox. An item is a mail, named by the mailbox's UIDVALIDITY and the mail's UID."""

    passing: tuple[type[Exception], ...] = (OSError, imaplib.IMAP4.error)
    lasting: tuple[type[Exception], ...] = (ssl.SSLCertVerificationError,)

    def __init__(self, settings: MailDelivery, others: Iterable[MailDelivery] = ()) -> None:
        """`others` are further deliveries of the same mailbox: what they take is not this one's to report."""
        self._settings = settings
        self._others = tuple(others)
        # Other senders or attachments asked for: every mail is looked at again.
        lists = (
            settings.senders,
            sorted(_folded(sender for other in self._others for sender in other.senders)),
            settings.files,
            [settings.authenticated_by or ""],
            *(other.files for other in self._others),
        )
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
        attached = [part for part in mail.walk() if _is_attached(part)]
        wanted = [part for part in attached if _asks_for(self._settings, part)]
        if not wanted and not self._is_of_others(header, attached):
            raise _without_report(header, attached)
        open_ended = _open_ended(mail)
        for part in wanted:
            is_whole = not any(part is other for other in open_ended)
            yield Content(_file_name(part) or "", _attachment(header, part, is_whole))

    def _is_of_others(self, header: EmailMessage, attached: Sequence[EmailMessage]) -> bool:
        """Whether another delivery of the mailbox takes something of a mail."""
        return any(
            _takes(other, _senders(header)) and any(_asks_for(other, part) for part in attached)
            for other in self._others
        )

    def _is_wanted(self, header: EmailMessage) -> bool:
        """Whether the mail is from a sender of the settings; RefusedItem if that sender is not proven, or no
        delivery takes its mails.
        """
        addresses = _senders(header)
        if len(addresses) != 1 or not _takes(self._settings, addresses):
            if any(_takes(other, addresses) for other in self._others):
                return False
            raise RefusedItem(
                "unknown_sender",
                f"{_named(header)} is from no sender that a delivery names; it is left in the mailbox",
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


def _folded(texts: Iterable[str]) -> set[str]:
    return {text.casefold() for text in texts}


def _senders(header: EmailMessage) -> list[str]:
    return [address.casefold() for _, address in getaddresses(header.get_all("From", []))]


def _takes(settings: MailDelivery, addresses: Sequence[str]) -> bool:
    """Whether the settings name one of the senders, or its domain."""
    named = {name for each in addresses for name in (each, "@" + each.rpartition("@")[2])}
    return not named.isdisjoint(_folded(settings.senders))


def _is_attached(part: EmailMessage) -> bool:
    """Whether a part is a file: it has a name, or is called an attachment."""
    if part.is_multipart():
        return False
    return _file_name(part) is not None or part.get_content_disposition() == "attachment"


def _file_name(part: EmailMessage) -> str | None:
    """The name of a part, as its sender sees it: old programs write accents into the header as they are."""
    name = part.get_filename()
    if name is None or "\ufffd" not in name:
        return name
    headers = {header.casefold(): value for header, value in part.raw_items()}
    for header in ("content-disposition", "content-type"):
        written = headers.get(header, "").encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        again = email.message_from_string(f"{header}: {written}\n\n", policy=email.policy.default)
        if found := again.get_filename():
            return found
    return name


def _asks_for(settings: MailDelivery, part: EmailMessage) -> bool:
    """Whether a part's name matches a glob of the settings."""
    globs = (re.compile(glob_translate(glob), re.IGNORECASE) for glob in settings.files)
    name = _file_name(part)
    return name is not None and any(glob.fullmatch(name) for glob in globs)


def _open_ended(mail: EmailMessage) -> list[Message]:
    """The parts behind which a mail breaks off: its multipart has no end."""
    return [
        list(part.iter_parts())[-1]
        for part in mail.walk()
        if part.is_multipart() and any(isinstance(each, CloseBoundaryNotFoundDefect) for each in part.defects)
    ]


def _attachment(header: EmailMessage, part: EmailMessage, is_whole: bool) -> Iterator[bytes]:
    """The bytes of an attachment; RefusedItem if its name holds a path or it is not whole."""
    name = safe_name(_file_name(part) or "")
    payload = part.get_payload(decode=True)
    if not is_whole or any(isinstance(defect, InvalidBase64LengthDefect) for defect in part.defects):
        raise RefusedItem(
            "damaged_attachment",
            f"the attachment of {_named(header)} was cut off on its way",
            "ask the partner to send it again",
            Place(file=name),
        )
    data = payload if isinstance(payload, bytes) else b""
    yield from (data[i : i + CHUNK] for i in range(0, len(data), CHUNK))


def _without_report(header: EmailMessage, attached: Sequence[EmailMessage]) -> RefusedItem:
    """What is said of a partner's mail of which nothing is fetched."""
    names = [_file_name(part) or f"one without a name ({part.get_content_type()})" for part in attached]
    if not names:
        has, remedy = "has no attachment", "if it holds or links to a report, ask the partner to attach it"
    elif any(part.get_content_type() == "application/ms-tnef" for part in attached):
        has = "hides its attachments in Outlook's winmail.dat"
        remedy = "ask the partner to write the mail as HTML or plain text, not as rich text"
    else:
        has = f"brings nothing that 'files' asks for, only {', '.join(map(_shown, names))}"
        remedy = "if one is a report, ask the partner for the agreed name, or add a glob to 'files'"
    return RefusedItem(
        "mail_without_report",
        f"{_named(header)} {has}; it is left in the mailbox",
        f"{remedy}; otherwise move or delete the mail",
    )


def _named(header: EmailMessage) -> str:
    """A mail by its sender and subject."""
    senders = ", ".join(map(_shown, _senders(header))) or "nobody"
    return f"a mail from {senders}, subject {_shown(str(header.get('Subject', '')))!r},"


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
