"""A real SMTP server from a package (aiosmtpd), started by the test, that keeps what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """What the server took, and how it behaves: `answer` to the message, or None to hang up on it."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer: str | None = "250 taken"
        self.refused: set[str] = set()

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


class OwnController(Controller):
    """A server on a free port: which one, it knows only once it listens."""

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
