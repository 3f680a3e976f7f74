"""What recipients have been told: a small ledger beside the landing, so that nobody is told twice.

A message and the causes that it tells of are entered before it is sent. It is `prepared`, then `sending` for
the moment in which the server takes it, then `sent`; or `failed` where the server certainly did not take it.
What is `prepared` or `failed` has told nobody anything: another message takes over its causes. A run that
dies while sending leaves `sending`: nobody can know whether it arrived, so it is shown and never sent again
by itself.

What belongs here: that ledger. What does not: what is told, and sending it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from orchestration.notice_texts import Message

State = Literal["prepared", "sending", "sent", "failed"]
_TABLES: Final = """
create table if not exists messages (
    message_number integer primary key,
    recipient text not null,
    state text not null check (state in ('prepared', 'sending', 'sent', 'failed')),
    created_at text not null,
    changed_at text not null,
    subject text not null,
    body text not null,
    remark text
);
create table if not exists told (
    recipient text not null,
    cause text not null,
    message_number integer not null references messages,
    primary key (recipient, cause)
);
"""


@dataclass(frozen=True)
class Entry:
    """One message of the ledger."""

    number: int
    recipient: str
    state: State
    created_at: datetime
    message: Message
    remark: str | None


class Told:
    """The ledger of notices, a SQLite file; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.executescript(_TABLES)

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def causes(self, recipient: str) -> set[str]:
        """All that the recipient has been told, or may have been."""
        rows = self._connection.execute(
            "select cause from told inner join messages using (message_number) "
            "where told.recipient = ? and state in ('sending', 'sent')",
            [recipient],
        )
        return {str(cause) for (cause,) in rows}

    def prepare(self, recipient: str, message: Message, causes: Sequence[str]) -> Entry:
        """Enter a message with all its causes, or nothing."""
        now = datetime.now(UTC)
        with self._transaction():
            number = self._connection.execute(
                "insert into messages (recipient, state, created_at, changed_at, subject, body) "
                "values (?, 'prepared', ?, ?, ?, ?) returning message_number",
                [recipient, now.isoformat(), now.isoformat(), message.subject, message.text],
            ).fetchone()[0]
            self._connection.executemany(
                "insert or replace into told values (?, ?, ?)",
                [(recipient, cause, number) for cause in causes],
            )
        return Entry(number, recipient, "prepared", now, message, None)

    def change(self, number: int, state: State, remark: str | None = None) -> None:
        """Enter what became of a message, durably before this returns."""
        self._connection.execute(
            "update messages set state = ?, changed_at = ?, remark = ? where message_number = ?",
            [state, datetime.now(UTC).isoformat(), remark, number],
        )

    def entries(self, *states: State) -> list[Entry]:
        """Messages in these states, oldest first."""
        rows = self._connection.execute(
            "select message_number, recipient, state, created_at, subject, body, remark from messages "
            "where state in (select value from json_each(?)) order by message_number",
            [json.dumps(states)],
        )
        return [
            Entry(number, recipient, state, datetime.fromisoformat(created), Message(subject, body), remark)
            for number, recipient, state, created, subject, body, remark in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")
