"""One round of notices: what is new is composed, entered and sent, and what had failed is tried again.

What belongs here: the order of these steps. What does not: each of them (`orchestration.notices`,
`.notice_texts`, `.told`, `.sending`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from connectors.errors import ConfigError
from connectors.notices import Channel, Notices, load_notices
from orchestration.notice_texts import Message, compose
from orchestration.notices import Digest, check_partners, digest, read_news
from orchestration.sending import InDoubt, NotSent, fits, send
from orchestration.settings import Settings
from orchestration.told import Entry, Told


@dataclass(frozen=True)
class Round:
    """What a round did or, without sending, would do: messages by recipient, and what remains.

    `in_part` are those of `sent` that a server refused for some of their addresses.
    """

    recipients: Sequence[str]
    messages: Sequence[tuple[str, Message]]
    sent: int
    in_part: Sequence[Entry]
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
        sent: list[Entry] = []
        if send:
            entries = [*waiting, *(told.prepare(name, message, causes) for name, message, causes in new)]
            sent = [done for entry in entries if (done := _deliver(settings, notices, told, entry))]
        in_part = [entry for entry in sent if entry.remark]
        return Round(names, messages, len(sent), in_part, told.entries("failed"), told.entries("sending"))


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
            composed = partial(
                compose,
                recipient=recipient,
                language=recipient.language or company.locale,
                company_name=company.company.name,
                partners=news.partners,
                today=company.today(),
            )
            found += [(name, text, part.causes) for part, text in _parts(mine, composed, recipient.send_to)]
    return found


def _parts(
    whole: Digest, composed: Callable[[Digest], Message], channel: Channel
) -> Iterator[tuple[Digest, Message]]:
    """The digest as one message, or as several where the channel takes no more at once."""
    message = composed(whole)
    if fits(channel, message) or len(whole.causes) == 1:
        yield whole, message
        return
    for half in whole.halves():
        yield from _parts(half, composed, channel)


def _deliver(settings: Settings, notices: Notices, told: Told, entry: Entry) -> Entry | None:
    """Send one message and enter what became of it; None if it was not sent."""
    name = f"{settings.company.company.code}-{entry.created_at:%Y%m%dT%H%M%S}-{entry.number}"
    channel = notices.recipients[entry.recipient].send_to
    try:
        remark = send(
            channel, notices.server, entry.message, name, partial(told.change, entry.number, "sending")
        )
    except NotSent as error:
        told.change(entry.number, "failed", str(error))
        return None
    except InDoubt as error:
        told.change(entry.number, "sending", str(error))
        return None
    told.change(entry.number, "sent", remark)
    return replace(entry, state="sent", remark=remark)
