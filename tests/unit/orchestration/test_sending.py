"""Messages really arrive: at an SMTP server, at a webhook, in a folder; once each, and crashes are told."""

from __future__ import annotations

import asyncio
import json
import os
import smtplib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.company import Secret
from connectors.notices import Folder, Mail, MailServer, Webhook
from orchestration.notice_texts import Message
from orchestration.sending import InDoubt, NotSent, send
from tests.unit.orchestration.smtp_server import Mailbox, listening

MESSAGE = Message("Arvel : 1 alerte", "Bonjour,\n\nécart > 5 % & plus\n")
MAIL = Mail(kind="email", addresses=("ana@arvel.example", "leo@arvel.example"))


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[MailServer]:
    with listening(mailbox) as port:
        yield MailServer(
            host="127.0.0.1", port=port, tls="none", sender="aval@arvel.example", timeout_seconds=10
        )


def handed_over() -> tuple[list[str], Any]:
    steps: list[str] = []
    return steps, lambda: steps.append("handed over")


def test_a_mail_arrives_once_with_all_addresses_and_a_name_of_its_own(
    server: MailServer, mailbox: Mailbox
) -> None:
    steps, before = handed_over()
    assert send(MAIL, server, MESSAGE, "arvel-20260630-1", before) is None

    assert steps == ["handed over"]
    ((addresses, mail),) = mailbox.mails
    assert addresses == ["ana@arvel.example", "leo@arvel.example"]
    assert mail["Subject"] == MESSAGE.subject
    assert mail["From"] == "aval@arvel.example"
    assert mail["Message-ID"] == "<arvel-20260630-1@arvel.example>"
    assert abs(datetime.now(UTC) - mail["Date"].datetime) < timedelta(minutes=5)
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.text


def test_a_server_that_is_down_or_says_no_has_certainly_not_taken_it(
    server: MailServer, mailbox: Mailbox
) -> None:
    steps, before = handed_over()
    with pytest.raises(NotSent):
        send(MAIL, server.model_copy(update={"port": 9}), MESSAGE, "n", before)
    assert steps == []
    mailbox.answer = "451 try later"
    with pytest.raises(NotSent, match="try later"):
        send(MAIL, server, MESSAGE, "n", before)
    mailbox.refused = set(MAIL.addresses)
    with pytest.raises(NotSent):
        send(MAIL, server, MESSAGE, "n", before)
    assert mailbox.mails == []


def test_a_connection_that_breaks_while_it_is_handed_over_leaves_it_in_doubt(
    server: MailServer, mailbox: Mailbox
) -> None:
    steps, before = handed_over()
    mailbox.answer = None
    with pytest.raises(InDoubt):
        send(MAIL, server, MESSAGE, "n", before)
    assert steps == ["handed over"]


class Hesitating(Mailbox):
    """Takes its time to think of an address, as servers do that keep robots away."""

    async def handle_RCPT(self, *asked: Any) -> str:  # noqa: N802
        await asyncio.sleep(3)
        return await super().handle_RCPT(*asked)


def test_a_server_that_hesitates_before_it_asks_for_the_message_has_certainly_not_taken_it() -> None:
    mailbox = Hesitating()
    steps, before = handed_over()
    with listening(mailbox) as port:
        server = MailServer(
            host="127.0.0.1", port=port, tls="none", sender="aval@arvel.example", timeout_seconds=1
        )
        with pytest.raises(NotSent, match="timed out"):
            send(MAIL, server, MESSAGE, "n", before)
    assert (steps, mailbox.mails) == ([], [])


def test_an_address_that_the_server_cannot_write_is_not_sent_to_and_leaves_no_doubt(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without SMTPUTF8 takes letters of ASCII only."""
    has = smtplib.SMTP.has_extn
    monkeypatch.setattr(smtplib.SMTP, "has_extn", lambda self, name: name != "smtputf8" and has(self, name))
    steps, before = handed_over()
    channel = Mail(kind="email", addresses=("hélène@arvel.example",))
    with pytest.raises(NotSent, match="SMTPUTF8"):
        send(channel, server, MESSAGE, "n", before)
    assert steps == []


def test_addresses_that_the_server_refuses_are_named_and_the_others_get_it(
    server: MailServer, mailbox: Mailbox
) -> None:
    mailbox.refused = {"leo@arvel.example"}
    assert send(MAIL, server, MESSAGE, "n", lambda: None) == "refused for leo@arvel.example (550 unknown)"
    assert [addresses for addresses, _ in mailbox.mails] == [["ana@arvel.example"]]


def test_without_starttls_nothing_is_sent_where_it_is_asked_for(server: MailServer, mailbox: Mailbox) -> None:
    with pytest.raises(NotSent, match="STARTTLS"):
        send(MAIL, server.model_copy(update={"tls": "starttls"}), MESSAGE, "n", lambda: None)
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tls": "starttls"}, "STARTTLS"),
        ({"user": "aval", "password": Secret(env="AVAL_SMTP_PASSWORD")}, "AUTH"),
    ],
)
def test_a_connection_that_cannot_be_protected_or_logged_in_to_is_closed(
    server: MailServer,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    said: str,
) -> None:
    """This server knows neither. The error is kept, and with it what it refers to."""
    monkeypatch.setenv("AVAL_SMTP_PASSWORD", "no secret")
    with pytest.raises(NotSent, match=said) as kept:
        send(MAIL, server.model_copy(update=settings), MESSAGE, "n", lambda: None)
    assert mailbox.is_left_within(5), kept


# --- webhooks ---


class Hook(BaseHTTPRequestHandler):
    status = 200
    seconds = 0
    bodies: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).bodies.append(json.loads(body))
        time.sleep(type(self).seconds)
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hook]]:
    handler = type("OwnHook", (Hook,), {"bodies": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HOOK_URL", f"http://127.0.0.1:{server.server_port}/secret")
    yield handler
    server.shutdown()
    server.server_close()


def a_webhook(kind: str, **settings: Any) -> Webhook:
    return Webhook.model_validate({"kind": kind, "url": {"env": "HOOK_URL"}, **settings})


def test_slack_and_teams_get_it_in_their_own_format(hook: type[Hook]) -> None:
    send(a_webhook("slack"), None, MESSAGE, "n", lambda: None)
    send(a_webhook("teams"), None, MESSAGE, "n", lambda: None)

    slack, teams = hook.bodies
    assert slack == {"text": "Arvel : 1 alerte\n\nBonjour,\n\nécart &gt; 5 % &amp; plus\n"}
    card = teams["attachments"][0]["content"]
    assert teams["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["body"][0]["text"] == MESSAGE.subject
    assert "écart > 5 % & plus" in card["body"][1]["text"]


def test_a_webhook_that_refuses_or_is_down_can_be_tried_again_and_its_address_is_never_shown(
    hook: type[Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.status = 403
    with pytest.raises(NotSent) as refused:
        send(a_webhook("slack"), None, MESSAGE, "n", lambda: None)
    monkeypatch.setenv("HOOK_URL", "http://127.0.0.1:9/secret")
    with pytest.raises(NotSent) as down:
        send(a_webhook("slack"), None, MESSAGE, "n", lambda: None)
    assert "403" in str(refused.value)
    assert "secret" not in str(refused.value) + str(down.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://127.0.0.1:{port}/secret", "could not be secured"),
        ("ftp://127.0.0.1:{port}/secret", "the address is none"),
        ("http://127.0.0.1:9/secret", "the connection failed"),
    ],
)
def test_what_no_connection_was_made_for_has_certainly_not_arrived(
    hook: type[Hook], monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    """The server speaks no TLS: a certificate that is not trusted fails in the same moment."""
    port = os.environ["HOOK_URL"].split(":")[2].split("/")[0]
    monkeypatch.setenv("HOOK_URL", address.format(port=port))
    steps, before = handed_over()
    with pytest.raises(NotSent, match=said) as refused:
        send(a_webhook("slack"), None, MESSAGE, "n", before)
    assert (steps, hook.bodies) == ([], [])
    assert "secret" not in str(refused.value)


def test_a_webhook_that_takes_a_message_and_does_not_answer_leaves_a_doubt(hook: type[Hook]) -> None:
    hook.seconds = 3
    steps, before = handed_over()
    with pytest.raises(InDoubt, match="no answer in time"):
        send(a_webhook("slack", timeout_seconds=1), None, MESSAGE, "n", before)
    assert (steps, len(hook.bodies)) == (["handed over"], 1)


def test_a_file_is_there_whole(tmp_path: Path) -> None:
    send(Folder(kind="file", folder=tmp_path / "out"), None, MESSAGE, "arvel-1", lambda: None)
    assert (tmp_path / "out" / "arvel-1.txt").read_text() == f"{MESSAGE.subject}\n\n{MESSAGE.text}"
    (tmp_path / "blocked").write_text("")
    with pytest.raises(NotSent):
        send(Folder(kind="file", folder=tmp_path / "blocked"), None, MESSAGE, "n", lambda: None)
