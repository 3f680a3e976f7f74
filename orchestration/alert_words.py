"""An alert in words: its subject, what was measured, how urgent it is.

What belongs here: what stands on a screen. What does not: messages to people (`orchestration.notice_texts`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from orchestration.alerts import NOBODY, Alert, Language
from orchestration.partner_page import written

WORDS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "title": "Alertes à la date du {day}",
        "severity": "gravité",
        "alert": "alerte",
        "subject": "sujet",
        "since": "depuis",
        "measured": "mesure (limite)",
        "stake": "enjeu ({currency})",
        "action": "à faire",
        "state": "état",
        "critical": "critique",
        "warning": "avertissement",
        "notice": "information",
        "open": "ouverte",
        "muted": "en sourdine jusqu'au",
        "resolved": "résolue le",
        "lapsed": "périmée le",
        "unknown": "inconnu",
        "unit_days": "jours",
        "unit_one_days": "jour",
        "unit_months": "mois",
        "unit_percent": "%",
        "unit_units": "unités",
        "unit_one_units": "unité",
        "unit_weeks": "semaines",
        "unit_one_weeks": "semaine",
        "own_stock": "notre stock",
        "no_partner": "sans partenaire",
        "count": "alertes",
        "count_one": "alerte",
    },
    "en": {
        "title": "Alerts as of {day}",
        "severity": "severity",
        "alert": "alert",
        "subject": "subject",
        "since": "since",
        "measured": "measured (limit)",
        "stake": "at stake ({currency})",
        "action": "what to do",
        "state": "state",
        "critical": "critical",
        "warning": "warning",
        "notice": "notice",
        "open": "open",
        "muted": "muted until",
        "resolved": "resolved on",
        "lapsed": "lapsed on",
        "unknown": "unknown",
        "unit_days": "days",
        "unit_one_days": "day",
        "unit_months": "months",
        "unit_one_months": "month",
        "unit_percent": "%",
        "unit_units": "units",
        "unit_one_units": "unit",
        "unit_weeks": "weeks",
        "unit_one_weeks": "week",
        "own_stock": "our stock",
        "no_partner": "no partner",
        "count": "alerts",
        "count_one": "alert",
    },
}


def counted(count: int, locale: Language) -> str:
    name = "count_one" if is_singular(count, locale) else "count"
    return f"{written(count, 'quantity', locale)} {WORDS[locale][name]}"


def is_singular(number: Decimal | int, locale: Language) -> bool:
    """French says all below two in the singular, 0 and 1,5 too; English one alone."""
    return -2 < number < 2 if locale == "fr" else number in (1, -1)


def listed(alert: Alert, locale: Language) -> str:
    """The subject, in words where it is about no partner, and below it the names that it has."""
    subject = alert.subject
    if alert.partner == NOBODY:
        who = "own_stock" if alert.rule == "own_stock_shortage" else "no_partner"
        subject = WORDS[locale][who] + subject.removeprefix(NOBODY)
    partner = None if alert.partner == NOBODY else alert.partner_name
    names = (partner, alert.product_name, alert.programme_name(locale), alert.conflict(locale))
    return "\n".join([subject, *(name for name in names if name)])


def published_subject(subject: str, locale: Language) -> str:
    """The subject's code, of what a person reads in the list."""
    who, mark, of = subject.partition("|")
    is_listed_so = who in (WORDS[locale]["own_stock"], WORDS[locale]["no_partner"])
    return NOBODY + mark + of if is_listed_so else subject


def measured_in_words(alert: Alert, locale: Language) -> str:
    """The value, its limit where the rule has one, in the rule's unit, and below it what was measured."""
    if alert.measured is None:
        return ""
    mark = "," if locale == "fr" else "."
    words, unit = WORDS[locale], alert.measured_in
    currency = alert.currency if unit == "amount" else None
    measured, limit = (
        "" if value is None else written(value, "amount", locale, currency).removesuffix(f"{mark}00")
        for value in (alert.measured, alert.limit)
    )
    one = words.get(f"unit_one_{unit}") if is_singular(round(alert.measured, 2), locale) else None
    unit = one or words.get(f"unit_{unit}", alert.currency if unit == "amount" else "")
    value = " ".join(part for part in (measured, f"({limit})" if limit else "", unit) if part)
    return f"{value}\n{alert.measure(locale)}"
