"""What the sample company keeps beside its ERP: a survey, after-sales tickets, trainings, shop visits.

Four files as four tools export them: CSV with French dates in an office's old encoding, a workbook, CSV in
UTF-8, and Parquet. Each month of each partner is drawn from a stream of its own, so that a longer history
begins with the shorter one. What follows from them is worked out in `source_key`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.sample import plants
from connectors.sample.cast import PARTNERS, START, Partner
from connectors.sample.catalogue import Listings, Product
from connectors.sample.dice import Dice
from connectors.sample.layouts import Column, Text, Workbook, render

SURVEY: Final = "enquete_clients.csv"
TICKETS: Final = "tickets_sav.xlsx"
TRAININGS: Final = "formations.csv"
VISITS: Final = "visites_boutiques.parquet"

REASONS: Final = ("fuite", "filetage", "livraison", "notice", "casse")
VISIT_SOURCES: Final = ("moteur", "campagne", "mailing", "direct")


@dataclass(frozen=True)
class Answer:
    """One answer of the survey. `product` is None where it is about the partner."""

    number: str
    partner: str
    product: str | None
    day: date
    score: int
    respondent: str


@dataclass(frozen=True)
class Ticket:
    """One after-sales ticket; `closed` is None while it is open on the last day."""

    number: str
    partner: str
    product: str
    opened: date
    closed: date | None
    reason: str
    severity: str


@dataclass(frozen=True)
class Training:
    """One person of a partner in one course; a certification lasts a year."""

    number: str
    partner: str
    course: str
    person: str
    day: date
    result: str
    certified_to: date | None


@dataclass(frozen=True)
class Visits:
    """One day of one source of a partner's shop. `visitors` is None where only leads are counted."""

    partner: str
    source: str
    day: date
    visitors: int | None
    leads: int | None
    baskets: int | None
    purchases: int


@dataclass(frozen=True)
class Sources:
    """All four; `faulty_answer` and `faulty_ticket` are numbers of rows that must be held back."""

    answers: tuple[Answer, ...]
    tickets: tuple[Ticket, ...]
    trainings: tuple[Training, ...]
    visits: tuple[Visits, ...]
    faulty_answer: str | None
    faulty_ticket: str | None


def build_sources(seed: int, as_of: date, products: tuple[Product, ...], listings: Listings) -> Sources:
    """What the four tools hold on the last day."""
    carried = {
        partner.code: [products[i].code for i in listings.product[listings.partner == number].tolist()]
        for number, partner in enumerate(PARTNERS)
    }
    answers: list[Answer] = []
    tickets: list[Ticket] = []
    trainings: list[Training] = []
    for month in _months(as_of):
        for partner in PARTNERS:
            if partner.joined > month:
                continue
            answers += _answers(seed, month, partner, carried[partner.code])
            tickets += _tickets(seed, month, partner, carried[partner.code], as_of)
            trainings += _trainings(seed, month, partner)
    visits = [row for day in _days(as_of) for row in _visits(seed, day)]
    answers = [answer for answer in answers if answer.day <= as_of]
    tickets = [ticket for ticket in tickets if ticket.opened <= as_of]
    trainings = [training for training in trainings if training.day <= as_of]
    return Sources(
        tuple(answers),
        tuple(tickets),
        tuple(trainings),
        tuple(visits),
        _last_of_june_2025(answers),
        _last_of_june_2025([ticket for ticket in tickets if ticket.closed is not None]),
    )


def _last_of_june_2025(rows: Sequence[Answer] | Sequence[Ticket]) -> str | None:
    numbers = [row.number for row in rows if "-2025-06-" in row.number]
    return numbers[-1] if numbers else None


def _months(as_of: date) -> Iterator[date]:
    month = START
    while month <= as_of:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def _days(as_of: date) -> Iterator[date]:
    return (START + timedelta(days=number) for number in range((as_of - START).days + 1))


def _answers(seed: int, month: date, partner: Partner, carried: Sequence[str]) -> Iterator[Answer]:
    """Four to nine a month; most are content, those of the unhappy partner are not."""
    dice = Dice(seed, "survey", partner.code, f"{month:%Y-%m}")
    unhappy = partner.code == plants.UNHAPPY and month >= plants.UNHAPPY_FROM
    for number in range(1, dice.one(4, 10) + 1):
        drawn = [float(value) for value in dice.uniform(5)]
        promoter, passive = (0.12, 0.32) if unhappy else (0.58, 0.86)
        if drawn[0] < promoter:
            score = 9 + int(drawn[1] * 2)
        elif drawn[0] < passive:
            score = 7 + int(drawn[1] * 2)
        else:
            score = int(drawn[1] * 7)
        yield Answer(
            f"E-{month:%Y-%m}-{partner.code}-{number}",
            partner.code,
            carried[int(drawn[3] * len(carried))] if drawn[2] < 0.3 else None,
            month + timedelta(days=int(drawn[4] * 28)),
            score,
            f"client{int(drawn[1] * 1000):04d}@{partner.code.lower()}.example",
        )


def _tickets(
    seed: int, month: date, partner: Partner, carried: Sequence[str], as_of: date
) -> Iterator[Ticket]:
    """None to four a month, closed after one to twelve days."""
    dice = Dice(seed, "tickets", partner.code, f"{month:%Y-%m}")
    for number in range(1, dice.one(0, 5) + 1):
        drawn = [float(value) for value in dice.uniform(5)]
        yield _ticket(month, partner, number, carried[int(drawn[0] * len(carried))], drawn, as_of)
    if partner.code == plants.UNHAPPY and month >= plants.UNHAPPY_FROM:
        valve = next((code for code in carried if code.startswith("VAN")), carried[0])
        more = Dice(seed, "tickets of one product", f"{month:%Y-%m}")
        for number in range(101, 101 + plants.UNHAPPY_TICKETS):
            yield _ticket(month, partner, number, valve, [float(v) for v in more.uniform(5)], as_of)


def _ticket(
    month: date, partner: Partner, number: int, product: str, drawn: Sequence[float], as_of: date
) -> Ticket:
    opened = month + timedelta(days=int(drawn[1] * 28))
    closed = opened + timedelta(days=1 + int(drawn[2] * 12))
    return Ticket(
        f"T-{month:%Y-%m}-{partner.code}-{number}",
        partner.code,
        product,
        opened,
        closed if closed <= as_of else None,
        REASONS[int(drawn[3] * len(REASONS))],
        ("haute" if drawn[4] < 0.2 else "normale"),
    )


def _trainings(seed: int, month: date, partner: Partner) -> Iterator[Training]:
    """Each March and September, and in a new partner's first month, two to four people; one passes what
    certifies the partner for a year. The uncertified partner has not come again since that ran out.
    """
    is_first = month in (date(2024, 9, 1), partner.joined.replace(day=1))
    if partner.code == plants.NEVER_TRAINED or not (is_first or month.month in (3, 9)):
        return
    day = month + timedelta(days=14)
    if partner.code == plants.UNCERTIFIED and day >= plants.UNCERTIFIED_FROM:
        return
    dice = Dice(seed, "trainings", partner.code, f"{month:%Y-%m}")
    for number in range(1, dice.one(2, 5) + 1):
        certifies = number == 1 and (is_first or month.month == 3)
        passed = certifies or float(dice.uniform(1)[0]) < 0.8
        yield Training(
            f"F-{month:%Y-%m}-{partner.code}-{number}",
            partner.code,
            "Gamme et sécurité" if number == 1 else "Argumentaire de vente",
            f"vendeur{number}@{partner.code.lower()}.example",
            day,
            "reçu" if passed else "échoué",
            day.replace(year=day.year + 1) if certifies else None,
        )


def _visits(seed: int, day: date) -> Iterator[Visits]:
    """Shops of online resellers count visitors; the direct customer's desk counts requests for quotations."""
    for code, percent in plants.SHOP_PERCENT.items():
        dice = Dice(seed, "visits", code, day.isoformat())
        for source in VISIT_SOURCES:
            visitors = dice.one(150, 400)
            chances = dice.uniform(visitors)
            purchases = int((chances * 10_000 < percent).sum())
            baskets = int((chances * 10_000 < 3 * percent).sum())
            yield Visits(code, source, day, visitors, None, baskets, purchases)
    dice = Dice(seed, "visits", plants.QUOTATION_DESK, day.isoformat())
    leads = dice.one(2, 9)
    purchases = int((dice.uniform(leads) * 10_000 < plants.QUOTATION_PERCENT).sum())
    yield Visits(plants.QUOTATION_DESK, "demande", day, None, leads, None, purchases)


# --- files ---


def write(folder: Path, sources: Sources) -> None:
    """Write the four files; what stands there is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SURVEY).write_bytes(_survey(sources))
    (folder / TICKETS).write_bytes(_ticket_book(sources))
    (folder / TRAININGS).write_bytes(_training_file(sources))
    pq.write_table(_visit_table(sources.visits), folder / VISITS, compression="zstd")


def _french(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day is not None else ""


def _survey(sources: Sources) -> bytes:
    answers = sources.answers
    columns: list[Column] = [
        [answer.number for answer in answers],
        ["produit" if answer.product else "revendeur" for answer in answers],
        [answer.partner for answer in answers],
        [answer.product or "" for answer in answers],
        [_french(answer.day) for answer in answers],
        [plants.SCORE_TOO_HIGH if a.number == sources.faulty_answer else a.score for a in answers],
        [answer.respondent for answer in answers],
    ]
    titles = ("N° réponse", "Sujet", "Revendeur", "Article", "Répondu le", "Note", "E-mail")
    return render(Text(encoding="cp1252"), titles, columns)


def _ticket_book(sources: Sources) -> bytes:
    def closed(ticket: Ticket) -> str:
        if ticket.number == sources.faulty_ticket:
            return (ticket.opened - timedelta(days=plants.TICKET_CLOSED_BEFORE)).isoformat()
        return ticket.closed.isoformat() if ticket.closed is not None else ""

    tickets = sources.tickets
    columns: list[Column] = [
        [ticket.number for ticket in tickets],
        [ticket.partner for ticket in tickets],
        [ticket.product for ticket in tickets],
        [ticket.opened.isoformat() for ticket in tickets],
        [closed(ticket) for ticket in tickets],
        [ticket.reason for ticket in tickets],
        [ticket.severity for ticket in tickets],
    ]
    titles = ("Ticket", "Revendeur", "Article", "Ouvert le", "Fermé le", "Motif", "Gravité")
    return render(Workbook(sheet="SAV"), titles, columns)


def _training_file(sources: Sources) -> bytes:
    trainings = sources.trainings
    columns: list[Column] = [
        [training.number for training in trainings],
        [training.partner for training in trainings],
        [training.course for training in trainings],
        [training.person for training in trainings],
        [training.day.isoformat() for training in trainings],
        [training.result for training in trainings],
        [plants.CERTIFICATION if training.certified_to else "" for training in trainings],
        [training.day.isoformat() if training.certified_to else "" for training in trainings],
        [training.certified_to.isoformat() if training.certified_to else "" for training in trainings],
    ]
    titles = (
        "Inscription", "Revendeur", "Formation", "Participant", "Date", "Résultat", "Certification", "Du",
        "Au",
    )  # fmt: skip
    return render(Text(delimiter=","), titles, columns)


def _visit_table(visits: Sequence[Visits]) -> pa.Table:
    def column(name: str, kind: pa.DataType) -> pa.Array:
        values: list[Any] = [getattr(row, name) for row in visits]
        return pa.array(values, kind)

    counts = {name: column(name, pa.int32()) for name in ("visitors", "leads", "baskets", "purchases")}
    return pa.table(
        {
            "shop": column("partner", pa.string()),
            "source": column("source", pa.string()),
            "day": column("day", pa.date32()),
            **counts,
        }
    )
