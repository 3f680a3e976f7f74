"""Digests in words: French and English, for people of the company and for partners.

What belongs here: every sentence of a notice. What does not: what is told (`orchestration.notices`), and the
names and actions of alerts, which the seed of rules holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from babel.numbers import get_currency_precision

from connectors.notices import Recipient
from orchestration.alert_words import is_singular
from orchestration.alerts import NOBODY, Alert, Language
from orchestration.notices import Digest, Proposed


@dataclass(frozen=True)
class Message:
    """One message: its subject and its text, ready to be sent."""

    subject: str
    text: str


_WORDS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "hello": "Bonjour,",
        "subject": "{company} : {told}",
        "subject_partner": "{company} : à votre attention, le {day}",
        "subject_proposals": "{company} : nos propositions du {day}",
        "alerts": "À traiter",
        "alert": "- {name}, {subject} : {measure}depuis le {since}, enjeu {stake}. {action}",
        "measure": "{what} {measured}, ",
        "measure_limit": "{what} {measured} (limite {limit}), ",
        "reorder": "Réassort conseillé",
        "promotion": "Stock élevé : promotion conseillée",
        "novelty": "Nouveautés à découvrir",
        "reorder_line": "- {product} : commander {quantity}{packs}, stock {stock}, {amount}",
        "packs": " (colis de {pack})",
        "promotion_line": "- {product} : {quantity} en trop, {weeks} semaines de stock, {amount}",
        "novelty_line": "- {product}, lancement le {day}",
        "rebate_tier_within_reach": "- {programme} : il manque {measured} pour le palier de {limit}, "
        "jusqu'au {last_day}.",
        "rebate_tier_at_risk": "- {programme} : le palier de {limit} n'est pas encore acquis, "
        "il manque {measured} jusqu'au {last_day}.",
        "late_report": "- Vos rapports « {report} » nous arrivent en retard : merci de les envoyer "
        "à la date prévue.",
        "missing_report": "- Nous n'avons pas reçu votre rapport « {report} » du {first_day} au {last_day} : "
        "merci de nous l'envoyer.",
        "missing_reports": "- Nous n'avons pas reçu vos rapports « {report} » du {first_day} au {last_day} : "
        "merci de nous les envoyer.",
        "more": "- {count} de plus dans un prochain message",
        "unknown": "inconnu",
        "unknown_amount": "montant inconnu",
        "partner": "Partenaire {partner}",
        "in_days": "{number} jours",
        "in_one_days": "{number} jour",
        "in_months": "{number} mois",
        "in_percent": "{number} %",
        "in_units": "{number} unités",
        "in_one_units": "{number} unité",
        "in_weeks": "{number} semaines",
        "in_one_weeks": "{number} semaine",
        "count_alert": "{count} alerte à traiter",
        "count_alerts": "{count} alertes à traiter",
        "count_proposal": "{count} proposition",
        "count_proposals": "{count} propositions",
    },
    "en": {
        "hello": "Hello,",
        "subject": "{company}: {told}",
        "subject_partner": "{company}: for your attention, {day}",
        "subject_proposals": "{company}: our proposals of {day}",
        "alerts": "To look at",
        "alert": "- {name}, {subject}: {measure}since {since}, at stake {stake}. {action}",
        "measure": "{what} {measured}, ",
        "measure_limit": "{what} {measured} (limit {limit}), ",
        "reorder": "Reorders that we propose",
        "promotion": "Much stock: promotions that we propose",
        "novelty": "New products to try",
        "reorder_line": "- {product}: order {quantity}{packs}, stock {stock}, {amount}",
        "packs": " (packs of {pack})",
        "promotion_line": "- {product}: {quantity} too many, {weeks} weeks of stock, {amount}",
        "novelty_line": "- {product}, launched on {day}",
        "rebate_tier_within_reach": "- {programme}: {measured} to go to the tier of {limit}, "
        "until {last_day}.",
        "rebate_tier_at_risk": "- {programme}: the tier of {limit} is not reached yet, {measured} to go "
        "until {last_day}.",
        "late_report": '- Your reports "{report}" reach us late: please send them on the day agreed.',
        "missing_report": '- We have not received your report "{report}" of {first_day} to {last_day}: '
        "please send it.",
        "missing_reports": '- We have not received your reports "{report}" of {first_day} to {last_day}: '
        "please send them.",
        "more": "- {count} more in a later message",
        "unknown": "unknown",
        "unknown_amount": "amount unknown",
        "partner": "Partner {partner}",
        "in_days": "{number} days",
        "in_one_days": "{number} day",
        "in_months": "{number} months",
        "in_one_months": "{number} month",
        "in_percent": "{number} %",
        "in_units": "{number} units",
        "in_one_units": "{number} unit",
        "in_weeks": "{number} weeks",
        "in_one_weeks": "{number} week",
        "count_alert": "{count} alert to look at",
        "count_alerts": "{count} alerts to look at",
        "count_proposal": "{count} proposal",
        "count_proposals": "{count} proposals",
    },
}


def compose(
    digest: Digest,
    recipient: Recipient,
    language: Language,
    company_name: str,
    partners: Mapping[str, str],
    reports: Mapping[str, str],
    as_of: date,
) -> Message:
    """The digest as a message in the recipient's language; `reports` are what feeds are called, by code."""
    words = _WORDS[language]
    lines = [words["hello"], ""]
    if recipient.partner is not None:
        if digest.alerts:
            lines += [*(_told_to_partner(alert, language, reports) for alert in digest.alerts), ""]
        subject = words["subject_proposals" if digest.proposals else "subject_partner"].format(
            company=company_name, day=_day(as_of, language)
        )
    else:
        if digest.alerts:
            told = (_told_to_us(alert, language, partners) for alert in digest.alerts)
            lines += [words["alerts"], *told, ""]
        counts = (("alert", len(digest.alerts)), ("proposal", len(digest.proposals)))
        counted = ", ".join(_count(what, count, language) for what, count in counts if count)
        subject = words["subject"].format(company=company_name, told=counted)
    for partner, proposals in itertools.groupby(digest.proposals, key=lambda proposal: proposal.partner):
        if recipient.partner is None:
            lines.append(words["partner"].format(partner=f"{partner} {partners.get(partner, '')}".strip()))
        for kind, group in itertools.groupby(proposals, key=lambda proposal: proposal.kind):
            lines.append(words[kind])
            lines += [_proposal(proposal, language) for proposal in group]
            if (partner, kind) in digest.more:
                lines.append(words["more"].format(count=digest.more[partner, kind]))
        lines.append("")
    while lines[-1] == "":
        lines.pop()
    return Message(subject, "\n".join([*lines, "", company_name, ""]))


def _told_to_us(alert: Alert, language: Language, partners: Mapping[str, str]) -> str:
    words = _WORDS[language]
    stake = words["unknown"] if alert.stake is None else _money(alert.stake, alert.currency, language)
    return words["alert"].format(
        name=alert.name(language),
        subject=_subject(alert, partners, language),
        measure=_measure(alert, language),
        since=_day(alert.since, language),
        stake=stake,
        action=alert.action(language),
    )


def _measure(alert: Alert, language: Language) -> str:
    """What was measured, within a sentence, and its limit where the rule has one."""
    if alert.measured is None:
        return ""
    what = alert.measure(language)
    return _WORDS[language]["measure" if alert.limit is None else "measure_limit"].format(
        what=_within(what),
        measured=_measured(alert.measured, alert, language),
        limit=_measured(alert.limit, alert, language),
    )


def _subject(alert: Alert, partners: Mapping[str, str], language: Language) -> str:
    """Who, by name; and of what, or against whom and where."""
    who = f"{alert.partner} {partners.get(alert.partner, '')}".strip()
    conflict = alert.conflict(language)
    if conflict is not None:
        return f"{who}, {_within(conflict)}"
    code, *day = _item(alert, language)
    named = f"{code} {alert.product_name or alert.programme_name(language) or ''}".strip()
    said = ", ".join(part for part in (named, *day) if part)
    if alert.partner == NOBODY:
        return said
    return f"{who} ({said})" if said else who


def _within(sentence: str) -> str:
    """A name as it is written within a sentence."""
    return sentence[0].lower() + sentence[1:]


def _item(alert: Alert, language: Language) -> list[str]:
    """What an alert is of: a code, and of a feed's or programme's period its first day."""
    code, _, day = (alert.item or "").partition("|")
    return [code, _day(date.fromisoformat(day), language)] if day else [code]


def _programme(alert: Alert, language: Language) -> str:
    code, name = _item(alert, language)[0], alert.programme_name(language)
    return f"{name} ({code})" if name else code


def _figures(alert: Alert) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in alert.figures.split("; "))


def _told_to_partner(alert: Alert, language: Language, reports: Mapping[str, str]) -> str:
    figures = _figures(alert)
    code = _item(alert, language)[0]
    text = "missing_reports" if int(figures.get("period_count", 1)) > 1 else alert.rule
    first_day, last_day = (
        figures.get("first_start_date"),
        figures.get("last_end_date", figures.get("last_day")),
    )
    return _WORDS[language][text].format(
        report=reports.get(code, code),
        programme=_programme(alert, language),
        measured=_measured(alert.measured, alert, language),
        limit=_measured(alert.limit, alert, language),
        first_day=_day(date.fromisoformat(first_day), language) if first_day else "",
        last_day=_day(date.fromisoformat(last_day), language) if last_day else "",
    )


def _measured(value: Decimal | None, alert: Alert, language: Language) -> str:
    """A figure of the alert with its unit."""
    if value is not None and alert.measured_in == "amount":
        return _money(value, alert.currency, language)
    words, unit = _WORDS[language], alert.measured_in
    # As precise as the list: a tenth would show values of just beyond a limit as the limit itself.
    is_one = value is not None and is_singular(round(value, 2), language)
    shown = words.get(f"in_one_{unit}") if is_one else None
    return (shown or words.get(f"in_{unit}", "{number}")).format(number=_number(value, language))


def _proposal(proposal: Proposed, language: Language) -> str:
    words = _WORDS[language]
    return words[f"{proposal.kind}_line"].format(
        product=f"{proposal.product} {proposal.product_name}",
        quantity=_number(proposal.quantity, language),
        packs="" if proposal.pack is None else words["packs"].format(pack=_number(proposal.pack, language)),
        stock=_number(proposal.stock, language),
        weeks=_number(proposal.weeks, language, 1),
        amount=words["unknown_amount"]
        if proposal.amount is None
        else _money(proposal.amount, proposal.currency, language),
        day=_day(proposal.cause_date, language) if proposal.cause_date else words["unknown"],
    )


def _count(what: str, count: int, language: Language) -> str:
    name = f"count_{what}" if is_singular(count, language) else f"count_{what}s"
    return _WORDS[language][name].format(count=count)


def _day(day: date, language: Language) -> str:
    return f"{day:%d/%m/%Y}" if language == "fr" else day.isoformat()


def _number(value: Decimal | None, language: Language, places: int = 2) -> str:
    if value is None:
        return _WORDS[language]["unknown"]
    text = f"{value:z,.{places}f}".rstrip("0").rstrip(".")
    return _as_french(text) if language == "fr" else text


def _money(amount: Decimal, currency: str, language: Language) -> str:
    text = f"{amount:,.{get_currency_precision(currency)}f}"
    return f"{_as_french(text) if language == 'fr' else text} {currency}"


def _as_french(number: str) -> str:
    return number.replace(",", "\u202f").replace(".", ",")
