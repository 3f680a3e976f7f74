"""Sending a message by e-mail, to Slack or Teams, or as a file.

A channel is opened first and takes the message then: what fails before the message is handed over has
certainly not arrived (`NotSent`); what fails while it is may have (`InDoubt`). What belongs here: the
channels. What does not: what is sent, and what was sent (`orchestration.told`).
"""

from __future__ import annotations

import io
import json
import smtplib
import ssl
from collections.abc import Callable
from contextlib import ExitStack, closing
from email.message import EmailMessage
from email.utils import localtime
from pathlib import Path
from typing import Any, Final

import requests

from connectors.errors import AvalError
from connectors.landing import atomic_file
from connectors.notices import Channel, Folder, Mail, MailServer, Webhook
from orchestration.notice_texts import Message

BeforeHandingOver = Callable[[], None]
_SLACK_LIMIT: Final = 39_000
"""Bytes of a message; Slack cuts its text off after 40,000 characters."""
_TEAMS_LIMIT: Final = 27_000
"""Bytes of a message; Teams refuses what has more than 28 KB."""


class NotSent(AvalError):
    """The message has certainly not arrived: it may be tried again."""


class InDoubt(AvalError):
    """The connection broke while the message was handed over: it may have arrived."""


def send(
    channel: Channel,
    server: MailServer | None,
    message: Message,
    name: str,
    before: BeforeHandingOver,
) -> str | None:
    """Send a message; `before` is called at the last moment before it is handed over.

    `name` is the same at each try, and the same for no other message. Returns what is to be known of it, if
    anything; raises NotSent or InDoubt.
    """
    if isinstance(channel, Mail):
        if server is None:
            raise NotSent("no_server", "no mail server is set", "add 'server' to rules/notices.yml")
        return _mail(channel, server, message, name, before)
    if isinstance(channel, Webhook):
        _post(channel, message, before)
    else:
        _write(channel, message, name, before)
    return None


def fits(channel: Channel, message: Message) -> bool:
    """Whether the channel takes the message whole."""
    if not isinstance(channel, Webhook):
        return True
    size = len(json.dumps(_payload(channel, message)))
    return size <= (_SLACK_LIMIT if channel.kind == "slack" else _TEAMS_LIMIT)


# --- e-mail ---


def _mail(
    channel: Mail, server: MailServer, message: Message, name: str, before: BeforeHandingOver
) -> str | None:
    mail = EmailMessage()
    mail["Date"] = localtime()
    mail["From"] = server.sender
    mail["To"] = ", ".join(channel.addresses)
    mail["Subject"] = message.subject
    mail["Message-ID"] = f"<{name}@{server.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    password = server.password.reveal() if server.password else None
    where = f"{server.host}:{server.port}"
    is_handed_over = False
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(closing(_connect(server)))
            if server.tls == "starttls":
                connection.starttls(context=_trusted(server))
            if server.user is not None and password is not None:
                connection.login(server.user, password)
            give = connection.data

            def hand_over(content: Any) -> tuple[int, bytes]:
                """The server knows sender and addresses; only now it gets the message itself."""
                nonlocal is_handed_over
                before()
                is_handed_over = True
                return give(content)

            connection.data = hand_over  # type: ignore[method-assign, assignment]
            refused = connection.send_message(mail, server.sender, list(channel.addresses))
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            raise _not_sent(where, error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise (_in_doubt if is_handed_over else _not_sent)(where, error) from error
    said = (
        f"{address} ({code} {text.decode(errors='replace')})" for address, (code, text) in refused.items()
    )
    return f"refused for {', '.join(sorted(said))}" if refused else None


def _connect(server: MailServer) -> smtplib.SMTP:
    timeout = server.timeout_seconds
    if server.tls == "implicit":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=_trusted(server))
    return smtplib.SMTP(server.host, server.port, timeout=timeout)


def _trusted(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file else None)


# --- webhooks ---


class _Body(io.BytesIO):
    """A request's body that says when it is read: the connection stands then, and the server gets it."""

    def __init__(self, content: bytes, before: BeforeHandingOver) -> None:
        super().__init__(content)
        self._before = before
        self.is_handed_over = False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.is_handed_over:
            self._before()
            self.is_handed_over = True
        return super().read(size)


def _post(channel: Webhook, message: Message, before: BeforeHandingOver) -> None:
    body = _Body(json.dumps(_payload(channel, message)).encode(), before)
    try:
        answer = requests.post(
            channel.url.reveal(),
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=channel.timeout_seconds,
            allow_redirects=False,
        )
    except requests.exceptions.RequestException as error:
        fault = ConnectionError(_what_failed(error))
        raise (_in_doubt if body.is_handed_over else _not_sent)(channel.kind, fault) from error
    if not answer.ok or answer.is_redirect:
        raise _not_sent(channel.kind, ConnectionError(f"the answer was {answer.status_code}"))


def _what_failed(error: requests.exceptions.RequestException) -> str:
    """In our own words: those of the error hold the address, which is a secret."""
    if isinstance(error, ValueError):
        return "the address is none"
    if isinstance(error, requests.exceptions.SSLError):
        return "the connection could not be secured"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    return "the connection failed"


def _payload(channel: Webhook, message: Message) -> dict[str, object]:
    if channel.kind == "slack":
        # Slack reads these three as markup.
        text = f"{message.subject}\n\n{message.text}"
        for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, written)
        return {"text": text}
    blocks = [
        {"type": "TextBlock", "text": message.subject, "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": message.text.replace("\n", "\n\n"), "wrap": True},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


# --- files ---


def _write(channel: Folder, message: Message, name: str, before: BeforeHandingOver) -> None:
    target: Path = channel.folder / f"{name}.txt"
    before()
    try:
        channel.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as part:
            part.write_text(f"{message.subject}\n\n{message.text}", encoding="utf-8")
    except OSError as error:
        raise _not_sent(str(channel.folder), error) from error


def _not_sent(where: str, error: Exception) -> NotSent:
    return NotSent(
        "not_sent", f"{where} did not take it: {error}", "it is tried again by the next aval notices --send"
    )


def _in_doubt(where: str, error: Exception) -> InDoubt:
    return InDoubt(
        "in_doubt",
        f"{where}: {error} while the message was handed over",
        "ask whether it arrived",
    )
