"""What each partner should have sent, what came, and what became of it.

What belongs here: expected periods of a feed and their comparison with the intake ledger, for the
command line and for Dagster's freshness checks. What does not: taking files in (`connectors.feeds`)
and the coverage that figures carry (dbt models; both read the same expectations from the profiles).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo

from connectors.feeds.periods import span_of
from connectors.feeds.profile import Frequency, Profile
from connectors.ledger import Batch, Ledger
from orchestration.publish import Coverage


@dataclass(frozen=True)
class Expected:
    """One period that a feed should report, and the last day on which the report is in time."""

    label: str
    first: date
    last: date
    due: date


@dataclass(frozen=True)
class FeedStatus:
    """One feed as of a day. `missing` are due and not there; `waited_for` have ended but are not due yet;
    `held` are reports that restate a period too long after it and wait for somebody to accept them.
    """

    feed_code: str
    partner_code: str
    frequency: Frequency
    expected: int
    received: int
    last_period: str | None
    last_batch: Batch | None
    missing: Sequence[str]
    late: Sequence[str]
    waited_for: Sequence[str]
    rows_quarantined: int
    quarantined_files: int
    rejected: Sequence[Batch] = field(default_factory=tuple)
    held: Sequence[Batch] = field(default_factory=tuple)
    quarantined_since: date | None = None

    @property
    def is_complete(self) -> bool:
        return not self.missing


def expected_periods(profile: Profile, today: date) -> list[Expected]:
    """The whole periods from the profile's first day on that have ended by `today`, as models count them."""
    found: list[Expected] = []
    period = profile.period
    span = span_of(profile.expected_from, period.frequency, period.calendar)
    if span.start < profile.expected_from:
        span = span.following(period.frequency, period.calendar)
    while span.end <= today and (profile.expected_to is None or span.end < profile.expected_to):
        found.append(Expected(span.key, span.start, span.end, profile.due_date(span.end)))
        span = span.following(period.frequency, period.calendar)
    return found


def feed_status(
    feed_code: str,
    profile: Profile,
    batches: Sequence[Batch],
    live: set[str],
    today: date,
    zone: tzinfo = UTC,
) -> FeedStatus:
    """The state of one feed from its batches (in order of entry) and the slice keys that are live.

    A report arrives on the day that `zone`, the company's clock, shows.
    """
    expected = expected_periods(profile, today)
    landed = [batch for batch in batches if batch.state in ("landed", "superseded")]
    current = [batch for batch in landed if batch.state == "landed"]
    spoken_for, first_arrival = _Spans(current, zone), _Spans(landed, zone)
    arrived = {
        period.label: f"{profile.partner}|{feed_code}|{period.label}" in live
        or spoken_for.first_arrival(period) is not None
        for period in expected
    }
    late = [
        period.label
        for period in expected
        if arrived[period.label] and (first_arrival.first_arrival(period) or date.min) > period.due
    ]
    live_labels = sorted(
        key.rsplit("|", 1)[1] for key in live if key.startswith(f"{profile.partner}|{feed_code}|")
    )
    return FeedStatus(
        feed_code=feed_code,
        partner_code=profile.partner,
        frequency=profile.period.frequency,
        expected=len(expected),
        received=sum(arrived.values()),
        last_period=live_labels[-1] if live_labels else None,
        last_batch=batches[-1] if batches else None,
        missing=[p.label for p in expected if not arrived[p.label] and p.due < today],
        late=late,
        waited_for=[p.label for p in expected if not arrived[p.label] and p.due >= today],
        rows_quarantined=sum(batch.rows_quarantined for batch in current),
        quarantined_files=sum(batch.rows_quarantined > 0 for batch in current),
        rejected=[batch for batch in batches if batch.state == "rejected"],
        held=[batch for batch in batches if batch.state == "held"],
        quarantined_since=min(
            (batch.received_at.astimezone(zone).date() for batch in current if batch.rows_quarantined),
            default=None,
        ),
    )


class _Spans:
    """The periods that reports speak for, and when the first one came.

    A report of several periods speaks for all of them: a day without a line inside it is a zero. Reports of
    one period, by far the most, are looked up: comparing each with each takes minutes after some years.
    """

    def __init__(self, batches: Sequence[Batch], zone: tzinfo) -> None:
        self._days: dict[tuple[date, date], date] = {}
        for batch in batches:
            if batch.period_start_date is not None and batch.period_end_date is not None:
                span = (batch.period_start_date, batch.period_end_date)
                day = batch.received_at.astimezone(zone).date()
                self._days[span] = min(day, self._days.get(span, day))
        self._wide = [span for span in self._days if (span[1] - span[0]).days > 0]

    def first_arrival(self, period: Expected) -> date | None:
        """The day on which a report of the period first came, or None."""
        exact = self._days.get((period.first, period.last))
        if exact is not None:
            return exact
        return min(
            (self._days[span] for span in self._wide if span[0] <= period.first and span[1] >= period.last),
            default=None,
        )


def all_feeds(
    profiles: Mapping[str, Profile], ledger: Ledger, today: date, zone: tzinfo = UTC
) -> list[FeedStatus]:
    """The state of every feed of the company, by feed code."""
    by_feed: dict[str, list[Batch]] = {}
    for batch in ledger.batches("feeds"):
        by_feed.setdefault(batch.feed_code or "", []).append(batch)
    live: dict[str, set[str]] = {}
    for system, _, key in ledger.live_slices():
        if system == "feeds":
            live.setdefault(key.split("|")[1], set()).add(key)
    return [
        feed_status(code, profile, by_feed.get(code, []), live.get(code, set()), today, zone)
        for code, profile in sorted(profiles.items())
    ]


def coverage(
    statuses: Sequence[FeedStatus], newest_invoice: date | None, newest_sell_out: date | None
) -> Coverage:
    """How far the sources reached, for `marts.publication`."""
    return Coverage(
        newest_invoice_date=newest_invoice,
        newest_sell_out_date=newest_sell_out,
        reports_expected=sum(status.expected - len(status.waited_for) for status in statuses),
        reports_received=sum(
            status.expected - len(status.waited_for) - len(status.missing) for status in statuses
        ),
        reports_missing=[f"{status.feed_code} {label}" for status in statuses for label in status.missing],
    )
