"""Reminders of reports that are overdue: which, to whom, and in which words.

What belongs here: putting a feed's overdue periods into one reminder, in French or English. What does not:
which periods are overdue (`orchestration.feeds_status`), and sending anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from typing import Literal

from connectors.feeds.profile import Profile
from connectors.ledger import Ledger
from orchestration.feeds_status import Expected, all_feeds, expected_periods

Language = Literal["fr", "en"]


@dataclass(frozen=True)
class Reminder:
    """What one feed owes as of `today`: at least one period, the oldest first."""

    feed_code: str
    partner_code: str
    contact: str | None
    description: str | None
    periods: Sequence[Expected]
    today: date

    def days_late(self, period: Expected) -> int:
        return (self.today - period.due).days

    def text(self, language: Language, company_name: str) -> str:
        """The reminder as a person would write it."""
        report = self.description or self.feed_code
        if language == "fr":
            lines = [
                f"- {p.label} (du {p.first:%d/%m/%Y} au {p.last:%d/%m/%Y}) : attendu le {p.due:%d/%m/%Y}, "
                f"{self.days_late(p)} jour{'s' if self.days_late(p) > 1 else ''} de retard"
                for p in self.periods
            ]
            return "\n".join(
                [
                    "Bonjour,",
                    "",
                    f"Nous n'avons pas encore reçu votre rapport « {report} » pour :",
                    *lines,
                    "",
                    "Merci de nous l'envoyer, même s'il n'y a rien à déclarer : un rapport vide "
                    "compte pour zéro.",
                    "",
                    company_name,
                ]
            )
        lines = [
            f"- {p.label} ({p.first.isoformat()} to {p.last.isoformat()}): due on {p.due.isoformat()}, "
            f"{self.days_late(p)} day{'s' if self.days_late(p) > 1 else ''} late"
            for p in self.periods
        ]
        return "\n".join(
            [
                "Hello,",
                "",
                f'We have not received your report "{report}" yet for:',
                *lines,
                "",
                "Please send it, even if there is nothing to report: an empty report counts as zero.",
                "",
                company_name,
            ]
        )


def reminders_due(
    profiles: Mapping[str, Profile], ledger: Ledger, today: date, zone: tzinfo = UTC
) -> list[Reminder]:
    """One reminder for each feed with overdue periods, the longest overdue first."""
    found = []
    for status in all_feeds(profiles, ledger, today, zone):
        profile = profiles[status.feed_code]
        missing = set(status.missing)
        periods = [period for period in expected_periods(profile, today) if period.label in missing]
        if periods:
            found.append(
                Reminder(
                    status.feed_code,
                    status.partner_code,
                    profile.contact,
                    profile.description,
                    periods,
                    today,
                )
            )
    return sorted(found, key=lambda reminder: (reminder.periods[0].due, reminder.feed_code))
