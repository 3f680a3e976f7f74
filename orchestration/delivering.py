"""One round of notices: what is new is composed, entered and sent, and what had failed is tried again.

What belongs here: the order of these steps. What does not: each of them (`orchestration.notices`,
`.notice_texts`, `.told`, `.sending`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from connectors.errors import ConfigError
from connectors.notices import Notices, load_notices
from orchestration.notice_texts import Message, compose
from orchestration.notices import check_partners, digest, read_news
from orchestration.sending import InDoubt, NotSent, send
from orchestration.settings import Settings
from orchestration.told import Entry, Told


@dataclass(frozen=True)
class Round:
    """What a round did or, without sending, would do: messages by recipient, and what remains."""

    recipients: Sequence[str]
    messages: Sequence[tuple[str, Message]]
    sent: int
    failed: Sequence[Entry]
    in_doubt: Sequence[Entry]


def tell(settings: Settings, *, send: bool, only: str | None = None, again: int | None = None) -> Round:
    """Tell each recipient what it has not been told; nothing is sent or entered without `send`."""
    notices = load_notices(settings.paths)
    if only is not None and only not in notices.recipients:
        raise ConfigError(
            "unknown_recipient",
            f"there is no recipient {only!r}",
            f"one of: {', '.join(notices.recipients) or 'none'}",
        )
    names = [only] if only is not None else list(notices.recipients)
    with Told(settings.paths.data / "landing" / "notices.sqlite") as told:
        if again is not None:
            told.send_again(again)
        waiting = [entry for entry in told.entries("prepared", "failed") if entry.recipient in names]
        new = _new_messages(settings, notices, names, told) if names else []
        messages = [*((entry.recipient, entry.message) for entry in waiting), *((n, m) for n, m, _ in new)]
        sent = 0
        if send:
            entries = [*waiting, *(told.prepare(name, message, causes) for name, message, causes in new)]
            sent = sum(_deliver(settings, notices, told, entry) for entry in entries)
        return Round(names, messages, sent, told.entries("failed"), told.entries("sending"))


def _new_messages(
    settings: Settings, notices: Notices, names: Sequence[str], told: Told
) -> list[tuple[str, Message, tuple[str, ...]]]:
    news = read_news(settings.paths.published)
    check_partners(notices, news, settings.paths.company)
    company = settings.company
    found = []
    for name in names:
        recipient = notices.recipients[name]
        mine = digest(name, recipient, news, told.causes(name))
        if mine.causes:
            language = recipient.language or company.locale
            text = compose(mine, recipient, language, company.company.name, news.partners, company.today())
            found.append((name, text, mine.causes))
    return found


def _deliver(settings: Settings, notices: Notices, told: Told, entry: Entry) -> bool:
    """Send one message and enter what became of it; whether it was sent."""
    name = f"{settings.company.company.code}-{entry.created_at:%Y%m%dT%H%M%S}-{entry.number}"
    channel = notices.recipients[entry.recipient].send_to
    try:
        remark = send(
            channel, notices.server, entry.message, name, partial(told.change, entry.number, "sending")
        )
    except NotSent as error:
        told.change(entry.number, "failed", str(error))
        return False
    except InDoubt as error:
        told.change(entry.number, "sending", str(error))
        return False
    told.change(entry.number, "sent", remark)
    return True
