"""The answer key of what stands beside the ERP: survey, tickets, trainings, web shops by partner and month.

Worked out from the generator's own rows, less those that must be held back. `answer_key` puts it beside the
rest.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from connectors.sample import plants
from connectors.sample.cast import START
from connectors.sample.sources import Sources

Fact = dict[str, Any]


def facts(sources: Sources, as_of: date) -> Fact:
    """Figures by partner and month, and what must be held back."""
    return {
        "survey_monthly": _survey(sources),
        "tickets_monthly": _tickets(sources),
        "trainings_monthly": _trainings(sources, as_of),
        "visits_monthly": _visits(sources),
        "quarantined": {
            "survey_answers": [sources.faulty_answer] if sources.faulty_answer else [],
            "support_tickets": [sources.faulty_ticket] if sources.faulty_ticket else [],
        },
    }


def planted(sources: Sources) -> dict[str, Fact]:
    """Who is unhappy, uncertified and never trained, and which shops convert badly or well."""
    valves = [
        ticket
        for ticket in sources.tickets
        if ticket.partner == plants.UNHAPPY and ticket.opened >= plants.UNHAPPY_FROM
    ]
    counts: dict[str, int] = defaultdict(int)
    for ticket in valves:
        counts[ticket.product] += 1
    worst = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return {
        "unhappy_partner": {
            "partner_code": plants.UNHAPPY,
            "from": plants.UNHAPPY_FROM.isoformat(),
            "product_code": worst[0],
            "tickets_of_product": worst[1],
        },
        "uncertified_partner": {
            "partner_code": plants.UNCERTIFIED,
            "from": plants.UNCERTIFIED_FROM.isoformat(),
        },
        "never_trained_partner": {"partner_code": plants.NEVER_TRAINED},
    }


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _survey(sources: Sources) -> list[Fact]:
    scores: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for answer in sources.answers:
        if answer.number != sources.faulty_answer:
            subject = "product" if answer.product else "partner"
            scores[answer.partner, _month(answer.day), subject].append(answer.score)
    return [
        {
            "partner_code": partner,
            "month": month,
            "subject_code": subject,
            "answer_count": len(found),
            "promoter_count": sum(score >= 9 for score in found),
            "detractor_count": sum(score <= 6 for score in found),
        }
        for (partner, month, subject), found in sorted(scores.items())
    ]


def _tickets(sources: Sources) -> list[Fact]:
    rows: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for ticket in sources.tickets:
        if ticket.number == sources.faulty_ticket:
            continue
        rows[ticket.partner, _month(ticket.opened)]["opened"] += 1
        if ticket.closed is not None:
            rows[ticket.partner, _month(ticket.closed)]["closed"] += 1
            rows[ticket.partner, _month(ticket.closed)]["days"] += (ticket.closed - ticket.opened).days
    return [
        {
            "partner_code": partner,
            "month": month,
            "opened_count": row["opened"],
            "closed_count": row["closed"],
            "days_to_close": row["days"],
        }
        for (partner, month), row in sorted(rows.items())
    ]


def _trainings(sources: Sources, as_of: date) -> list[Fact]:
    """By partner and month from the first training: people trained, and the state on its last day."""
    months = []
    month = START
    while month <= as_of:
        following = (month + timedelta(days=32)).replace(day=1)
        months.append((month, min(following - timedelta(days=1), as_of)))
        month = following
    if not sources.trainings:
        return []
    first = min(training.day for training in sources.trainings)
    rows = []
    for partner in sorted({training.partner for training in sources.trainings}):
        mine = [training for training in sources.trainings if training.partner == partner]
        for start, last in months:
            if last < first:
                continue
            valid = [t.certified_to for t in mine if t.certified_to and t.day <= last < t.certified_to]
            rows.append(
                {
                    "partner_code": partner,
                    "month": _month(start),
                    "trained_count": len({t.person for t in mine if _month(t.day) == _month(start)}),
                    "is_certified": bool(valid),
                    "certified_to_date": max(valid).isoformat() if valid else None,
                }
            )
    return rows


def _visits(sources: Sources) -> list[Fact]:
    rows: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for visit in sources.visits:
        row = rows[visit.partner, visit.source, _month(visit.day)]
        row["basis"] += visit.visitors if visit.visitors is not None else visit.leads or 0
        row["purchases"] += visit.purchases
    return [
        {
            "partner_code": partner,
            "source_code": source,
            "month": month,
            "basis_count": row["basis"],
            "purchase_count": row["purchases"],
        }
        for (partner, source, month), row in sorted(rows.items())
    ]
