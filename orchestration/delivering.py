"""One round of notices: what a recipient has not been told, or could not be, is composed, entered and sent.

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
from orchestration.told import Entry, State, Told


@dataclass(frozen=True)
class Round:
    """What a round did or, without sending, would do: messages by recipient, and what remains in doubt.

    `in_part` are those of `sent` that a server refused for some of their addresses.
    """

    recipients: Sequence[str]
    messages: Sequence[tuple[str, Message]]
    sent: int
    in_part: Sequence[Entry]
    failed: Sequence[Entry]
    in_doubt: Sequence[Entry]


def tell(
    settings: Settings,
    *,
    send: bool,
    only: str | None = None,
    again: int | None = None,
    arrived: int | None = None,
) -> Round:
    """Tell each recipient what it has not been told; nothing is sent or entered without `send`.

    Of two messages in doubt a person says that one did not arrive (`again`) or that one did (`arrived`).
    """
    notices = load_notices(settings.paths)
    if only is not None and only not in notices.recipients:
        raise ConfigError(
            "unknown_recipient",
            f"there is no recipient {only!r}",
            f"one of: {', '.join(notices.recipients) or 'none'}",
        )
    if not send and (again is not None or arrived is not None):
        raise ConfigError("not_sending", "without --send nothing is sent or entered", "add --send")
    names = [only] if only is not None else list(notices.recipients)
    with Told(settings.paths.data / "landing" / "notices.sqlite") as told:
        entries = [] if again is None else [_doubt(told, again, names)]
        if arrived is not None:
            told.change(_doubt(told, arrived, names).number, "sent", "it arrived, as a person says")
        new = _new_messages(settings, notices, names, told) if names else []
        messages = [*((entry.recipient, entry.message) for entry in entries), *((n, m) for n, m, _ in new)]
        if send:
            entries += [told.prepare(name, message, causes) for name, message, causes in new]
        done = [_deliver(settings, notices, told, entry) for entry in entries]
        sent = [entry for entry in done if entry.state == "sent"]
        in_part = [entry for entry in sent if entry.remark]
        failed = [entry for entry in done if entry.state == "failed"]
        in_doubt = [entry for entry in told.entries("sending") if entry.recipient in names]
        return Round(names, messages, len(sent), in_part, failed, in_doubt)


def _doubt(told: Told, number: int, names: Sequence[str]) -> Entry:
    """The message in doubt of that number; ConfigError if it is not in doubt, or not to one of `names`."""
    found = {entry.number: entry for entry in told.entries("sending")}.get(number)
    if found is None:
        raise ConfigError(
            "not_in_doubt",
            f"message {number} is not in doubt",
            "aval notices lists those of which nobody knows whether they arrived",
        )
    if found.recipient not in names:
        raise ConfigError(
            "unknown_recipient",
            f"message {number} is to {found.recipient!r}, who is not among those told now",
            f"one of: {', '.join(names) or 'none'}",
        )
    return found


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
                reports={code: feed.description or code for code, feed in settings.profiles.items()},
                as_of=news.as_of,
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


def _deliver(settings: Settings, notices: Notices, told: Told, entry: Entry) -> Entry:
    """Send one message, enter what became of it and return that."""
    name = f"{settings.company.company.code}-{entry.created_at:%Y%m%dT%H%M%S}-{entry.number}"
    channel = notices.recipients[entry.recipient].send_to
    state: State = "sent"
    try:
        remark = send(
            channel, notices.server, entry.message, name, partial(told.change, entry.number, "sending")
        )
    except NotSent as error:
        state, remark = "failed", str(error)
    except InDoubt as error:
        state, remark = "sending", str(error)
    told.change(entry.number, state, remark)
    return replace(entry, state=state, remark=remark)
