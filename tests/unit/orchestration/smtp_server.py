"""A real SMTP server from a package (aiosmtpd), started by the test, that keeps what it takes."""

from __future__ import annotations

import threading
from asyncio import BaseTransport
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class Mailbox:
    """What the server took, and how it behaves: `answer` to the message, or None to hang up on it."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer: str | None = "250 taken"
        self.refused: set[str] = set()
        self.connections = 0
        self._changed = threading.Condition()

    def changes_by(self, count: int) -> None:
        with self._changed:
            self.connections += count
            self._changed.notify_all()

    def is_left_within(self, seconds: float) -> bool:
        """Whether everybody has hung up before that time has passed."""
        with self._changed:
            return self._changed.wait_for(lambda: self.connections == 0, seconds)

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return "550 unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer is None:
            server.transport.abort()
            return "250 never heard"
        if self.answer.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append((list(envelope.rcpt_tos), mail))
        return self.answer


class Served(SMTP):
    """One connection, which the mailbox counts."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.event_handler.changes_by(1)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.event_handler.changes_by(-1)


class OwnController(Controller):
    """A server on a free port: which one, it knows only once it listens."""

    def factory(self) -> SMTP:
        return Served(self.handler, **self.SMTP_kwargs)

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def listening(mailbox: Mailbox) -> Iterator[int]:
    """The server at work; its port on 127.0.0.1."""
    controller = OwnController(mailbox, hostname="127.0.0.1", port=0, ready_timeout=30)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)
