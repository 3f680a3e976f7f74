"""Who reports what, how and when: one `Feed` for each profile in `examples/demo/feeds`, by the same name.

A feed here is the sender's side: the columns it writes and when it sends. The profile is the reader's side.
The two are written apart on purpose: a test reads the one with the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from connectors.sample.cast import START
from connectors.sample.edi import X12, Edifact
from connectors.sample.layouts import Text, Workbook

Frequency = Literal["day", "week", "month"]
Bundle = Literal["day", "week", "month", "quarter"]
Split = Literal["none", "store", "postal", "day", "ticket"]
FOREVER: Final = date(9999, 12, 31)


@dataclass(frozen=True)
class Feed:
    """One kind of report of one partner.

    `frequency` is the period of one figure, `bundle` the span of one file. `columns` are pairs of title
    and field (see `reports`; by EDI the title is a segment, see `edi`). `rows`: only products sold, or all
    listed ones. `packs`: whole boxes are reported as boxes. `delay`: days from the end of the file's span to
    its arrival, from and to. `currency` is that of its amounts.
    """

    code: str
    partner: str
    frequency: Frequency
    bundle: Bundle
    name: str
    layout: Text | Workbook | Edifact | X12
    columns: tuple[tuple[str, str], ...]
    rows: Literal["sold", "listed"] = "sold"
    split: Split = "none"
    stores: tuple[str, ...] = ()
    packs: bool = False
    delay: tuple[int, int] = (1, 3)
    first: date = START
    after: date = FOREVER
    date_format: str = "%d/%m/%Y"
    wide: str | None = None
    currency: str = "EUR"

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(field for _, field in self.columns)


def _cols(text: str) -> tuple[tuple[str, str], ...]:
    """`Title=field | Title=field` as pairs."""
    pairs = (part.strip().rpartition("=") for part in text.split("|"))
    return tuple((title, field) for title, _, field in pairs)


MONTHLY: Final = (1, 6)
FEEDS: Final = (
    Feed(
        "D01_ventes",
        "D01",
        "week",
        "week",
        "ventes_{year}-S{week:02d}.csv",
        Text("cp1252"),
        _cols(
            "Référence=code | Désignation=label | Qté vendue=sold | "
            "Qté retournée=returned | CA HT=amount | Stock=stock"
        ),
        rows="listed",
    ),
    Feed(
        "D02_hebdo",
        "D02",
        "week",
        "week",
        "CIN_ventes_{year}_{week:02d}.csv",
        Text("utf-8-sig"),
        _cols(
            "GTIN=gtin | Libellé=label | Quantité vendue=sold | "
            "Quantité reprise=returned | Montant HT=amount | "
            "Stock fin de semaine=stock"
        ),
        rows="listed",
    ),
    Feed(
        "D03_ventes",
        "D03",
        "week",
        "week",
        "armor_S{week:02d}_{year}.csv",
        Text(
            "cp1252",
            thousands=" ",
            title=("ARMOR ÉQUIPEMENTS - Rennes", "Ventes de la semaine, fournisseur ARVEL", ""),
            foot="TOTAL",
        ),
        _cols("Code article=code | Désignation=label | Quantité=signed | Montant TTC=amount_with_tax"),
    ),
    Feed(
        "D04_large",
        "D04",
        "week",
        "month",
        "aquitaine_{year}-{month:02d}.csv",
        Text("utf-8", line_end="\n"),
        _cols("Référence=code | Désignation=label | S{week:02d} {year}=sold"),
        wide="sold",
        delay=MONTHLY,
    ),
    Feed(
        "D05_ventes",
        "D05",
        "month",
        "month",
        "FIF_ventes_{year}_{month:02d}.xlsx",
        Workbook(
            "Ventes",
            ("FOREZ INDUSTRIE FOURNITURES", "Déclaration mensuelle des ventes", ""),
            (("Article", 2), ("Ventes", 3), ("Localisation", 1)),
        ),
        _cols(
            "Référence=code | Désignation=label | Quantité=sold | "
            "Retours=returned | CA HT=amount | Code postal=postal"
        ),
        split="postal",
        delay=MONTHLY,
    ),
    Feed(
        "D05_stock",
        "D05",
        "month",
        "month",
        "FIF_stock_{year}_{month:02d}.csv",
        Text("cp1252"),
        _cols("Référence=code | Stock au dernier jour=stock"),
        rows="listed",
        delay=MONTHLY,
    ),
    Feed(
        "D06_mensuel",
        "D06",
        "month",
        "month",
        "Alsace_{year}-{month:02d}.xlsx",
        Workbook("Export"),
        _cols(
            "Code Arvel=code | Libellé=label | Ventes=sold | Retours=returned | CA HT=amount | Stock=stock"
        ),
        rows="listed",
        delay=MONTHLY,
    ),
    Feed(
        "D07_sales",
        "D07",
        "week",
        "week",
        "provence_sellout_{year}W{week:02d}.txt",
        Text("utf-8", "\t", ".", line_end="\n"),
        _cols(
            "Item=code | Description=label | Units sold=sold | "
            "Units returned=returned | Net revenue=amount | "
            "Closing stock=stock"
        ),
        rows="listed",
    ),
    Feed(
        "D08_hebdo",
        "D08",
        "week",
        "week",
        "lft_{year}_S{week:02d}.csv",
        Text("cp1252"),
        _cols("Réf. interne=own_code | Désignation=label | Qté=sold | Retours=returned | CA=amount"),
    ),
    Feed(
        "D09_hebdo",
        "D09",
        "week",
        "week",
        "seine-{year}-{week:02d}.csv",
        Text("utf-8", ",", ".", line_end="\n", quoted=True),
        _cols("code=code | libelle=label | vendu=sold | retour=returned | ca_ht=amount | stock=stock"),
        rows="listed",
    ),
    Feed(
        "D10_monthly",
        "D10",
        "month",
        "month",
        "Sales report {year}-{month:02d}.csv",
        Text("utf-8-sig", ",", ".", quoted=True),
        _cols("GTIN=gtin | Description=label | Qty sold=net_sold | Net amount (EUR)=amount"),
        packs=True,
        delay=MONTHLY,
    ),
    Feed(
        "D11_ventes",
        "D11",
        "month",
        "month",
        "adt_ventes_{month:02d}{year}.csv",
        Text("cp1252"),
        _cols("Référence=code | CP client=postal | Quantité=sold | Retour=returned | CA HT=amount"),
        split="postal",
        delay=MONTHLY,
    ),
    Feed(
        "D12_hebdo",
        "D12",
        "week",
        "month",
        "bcp_{year}_{month:02d}.csv",
        Text("utf-8"),
        _cols(
            "Semaine=week | Code BCP=own_code | Libellé=label | "
            "Qté vendue=sold | Qté reprise=returned | Montant=amount"
        ),
        delay=MONTHLY,
    ),
    Feed(
        "D13_mensuel",
        "D13",
        "month",
        "month",
        "normandie_{year}{month:02d}.txt",
        Text("utf-16", "\t"),
        _cols(
            "Référence=code | Désignation=label | Quantité vendue=sold | "
            "Retours=returned | Montant HT=amount | "
            "Stock fin de mois=stock"
        ),
        rows="listed",
        delay=MONTHLY,
    ),
    Feed(
        "D14_hebdo",
        "D14",
        "week",
        "week",
        "oac_{year}_w{week:02d}.txt",
        Text("utf-8", "|", line_end="\n"),
        _cols("article=code | qte_vendue=sold | qte_retour=returned | ca_ht=amount | stock=stock"),
        rows="listed",
    ),
    Feed(
        "D15_mensuel",
        "D15",
        "month",
        "month",
        "Lorraine ventes {month:02d}-{year}.csv",
        Text("iso8859-15"),
        _cols("Code=code | Désignation=label | Ventes nettes=net_sold | CA net HT=amount"),
        delay=MONTHLY,
    ),
    Feed(
        "D16_ventes",
        "D16",
        "month",
        "month",
        "pfi_{year}{month:02d}.csv",
        Text("cp1252"),
        _cols("Notre réf.=own_code | Désignation=label | Nb vendu=sold | Nb repris=returned | CA HT=amount"),
        packs=True,
        delay=MONTHLY,
    ),
    Feed(
        "D16_stock",
        "D16",
        "month",
        "month",
        "pfi_stock_{year}{month:02d}.csv",
        Text("cp1252"),
        _cols("Réf. Arvel=code | Stock pièces=stock"),
        rows="listed",
        delay=MONTHLY,
    ),
    Feed(
        "D17_trimestre",
        "D17",
        "month",
        "quarter",
        "LOE ventes T{quarter} {year}.xlsx",
        Workbook(
            "Trimestre",
            ("Loire Océan Équipement", "Ventes trimestrielles par article"),
            (("Article", 2), ("Ventes", 3)),
        ),
        _cols("Référence=code | Désignation=label | {year}-{month:02d}=sold"),
        wide="sold",
        delay=MONTHLY,
    ),
    Feed(
        "D18_mensuel",
        "D18",
        "month",
        "month",
        "savoie_{year}-{month:02d}.csv",
        Text("utf-8"),
        _cols("Référence=code | Unité=unit | Quantité=sold | Reprises=returned | CA HT=amount"),
        packs=True,
        delay=MONTHLY,
    ),
    Feed(
        "D19_mensuel",
        "D19",
        "month",
        "month",
        "INT_{year}_{month:02d}.xlsx",
        Workbook("Ventes", ("Île-de-France Négoce Technique",), foot="Total général"),
        _cols("Référence=code | Désignation=label | Qté=sold | Retours=returned | CA HT=amount"),
        delay=MONTHLY,
    ),
    Feed(
        "D20_mensuel",
        "D20",
        "month",
        "month",
        "limousin_{year}{month:02d}.csv",
        Text("iso8859-15", thousands="."),
        _cols("Référence=code | Quantité=sold | Retours=returned | Montant HT=amount | Stock=stock"),
        rows="listed",
        delay=MONTHLY,
    ),
    Feed(
        "D21_mensuel",
        "D21",
        "month",
        "month",
        "fc_outillage_{year}_{month:02d}.x12",
        X12(),
        _cols(
            "LIN*{line}*EN*{}=gtin | CTP*RS*RES*{}=price | ZA*QS*{}*EA=sold | ZA*QU*{}*EA=returned | "
            "ZA*QA*{}*EA=stock"
        ),
        rows="listed",
        delay=MONTHLY,
    ),
    Feed(
        "D22_large",
        "D22",
        "week",
        "month",
        "champagne_{year}_{month:02d}.csv",
        Text("cp1252"),
        _cols(
            "Référence=code | Désignation=label | "
            "S{week:02d}-{year} ventes=sold | S{week:02d}-{year} retours=returned"
        ),
        wide="sold returned",
        delay=MONTHLY,
    ),
    Feed(
        "D23_detail",
        "D23",
        "month",
        "month",
        "riviera_{year}-{month:02d}.csv",
        Text("utf-8"),
        _cols("Date=date | Référence=code | Quantité=sold | Retour=returned | Montant HT=amount"),
        split="day",
        delay=MONTHLY,
    ),
    Feed(
        "D24_mensuel",
        "D24",
        "month",
        "month",
        "bsi_{year}_{month:02d}.csv",
        Text("utf-8-sig", quoted=True),
        _cols("Référence Arvel=code | Désignation=label | Quantité=sold | Retours=returned | CA HT=amount"),
        delay=MONTHLY,
        first=date(2025, 7, 1),
    ),
    Feed(
        "D25_mensuel",
        "D25",
        "month",
        "month",
        "corse_{year}_{month:02d}.xlsx",
        Workbook("Corse"),
        _cols("GTIN=gtin | Désignation=label | Quantité=sold | Retours=returned | CA HT=amount"),
        delay=MONTHLY,
        first=date(2025, 1, 1),
    ),
    Feed(
        "T01_magasins",
        "T01",
        "week",
        "week",
        "bricopro_{year}_{week:02d}.txt",
        Text("cp1252", "\t"),
        _cols("Magasin=store | Code EAN=gtin | Qté=sold | Retour=returned | CA TTC=amount_with_tax"),
        split="store",
        stores=("ANGERS", "CHOLET", "LAVAL", "LE MANS"),
    ),
    Feed(
        "T02_magasins",
        "T02",
        "month",
        "month",
        "QC_{year}_{month:02d}.xlsx",
        Workbook("Ventes magasins"),
        _cols("Magasin=store | GLN=store_gln | Réf=code | Vendu=signed | CA HT=amount"),
        split="store",
        stores=("LYON 3", "LYON 7", "VILLEFRANCHE"),
        delay=MONTHLY,
    ),
    Feed(
        "T03_ventes",
        "T03",
        "month",
        "month",
        "outil_center_{year}{month:02d}.csv",
        Text("cp1252"),
        _cols("Dépôt=store | Article=code | Libellé=label | Qté nette=net_sold | CA net=amount"),
        split="store",
        stores=("ARRAS", "LENS", "DOUAI", "BÉTHUNE"),
        delay=MONTHLY,
    ),
    Feed(
        "T04_mensuel",
        "T04",
        "month",
        "month",
        "coi_{year}_{month:02d}.edi",
        Edifact(),
        _cols(
            "LIN+{line}++{}:EN=gtin | PIA+5+{}:SA=code | IMD+F++:::{}=label | MOA+203:{}=amount | "
            "QTY+153:{}:PCE=sold | QTY+61:{}:PCE=returned"
        ),
        delay=MONTHLY,
    ),
    Feed(
        "W01_mois",
        "W01",
        "month",
        "month",
        "commandes_{year}_{month:02d}.csv",
        Text("utf-8", line_end="\n"),
        _cols(
            "date=date | commande=ticket | client=customer | cp=postal | ean=gtin | quantite=signed | "
            "montant_ttc=amount_with_tax"
        ),
        split="ticket",
        delay=MONTHLY,
        after=date(2026, 5, 1),
        date_format="%Y-%m-%d",
    ),
    Feed(
        "W01_jour",
        "W01",
        "day",
        "day",
        "jour_{year}{month:02d}{day:02d}.csv",
        Text("utf-8", line_end="\n"),
        _cols(
            "date=date | commande=ticket | client=customer | cp=postal | ean=gtin | quantite=signed | "
            "montant_ttc=amount_with_tax"
        ),
        split="ticket",
        delay=(1, 1),
        first=date(2026, 5, 1),
        date_format="%Y-%m-%d",
    ),
    Feed(
        "W02_orders",
        "W02",
        "month",
        "month",
        "orders-{year}-{month:02d}.csv",
        Text("utf-8", ",", ".", line_end="\n"),
        _cols(
            "order_date=date | order_id=ticket | customer_id=customer | "
            "postcode=postal | sku=code | qty=sold | "
            "qty_returned=returned | net_usd=amount"
        ),
        split="ticket",
        delay=MONTHLY,
        date_format="%m/%d/%Y",
        currency="USD",
    ),
    Feed(
        "W03_monthly",
        "W03",
        "month",
        "month",
        "Fluidshop_{year}_{month:02d}.csv",
        Text("utf-8", ";", ".", line_end="\n"),
        _cols(
            "Product code=code | Description=label | Units=sold | "
            "Returns=returned | Net amount=amount | Currency=currency"
        ),
        delay=MONTHLY,
    ),
)


@dataclass(frozen=True)
class Span:
    """A period or the span of a file: first and last day, and its key."""

    first: date
    last: date
    key: str


def span_of(day: date, bundle: Bundle) -> Span:
    """The day, ISO week, month or quarter that holds `day`."""
    if bundle == "day":
        return Span(day, day, day.isoformat())
    if bundle == "week":
        first = day - timedelta(days=day.weekday())
        year, week, _ = day.isocalendar()
        return Span(first, first + timedelta(days=6), f"{year}-W{week:02d}")
    months = 3 if bundle == "quarter" else 1
    month = (day.month - 1) // months * months + 1
    first = date(day.year, month, 1)
    after = date(day.year + (month + months > 12), (month + months - 1) % 12 + 1, 1)
    key = f"{day.year}-T{(month + 2) // 3}" if bundle == "quarter" else f"{day.year}-{month:02d}"
    return Span(first, after - timedelta(days=1), key)


def files_of(feed: Feed, as_of: date) -> Iterator[tuple[Span, list[Span]]]:
    """The spans of the feed's files that are over by `as_of`, each with the periods in it.

    A week belongs to the month of its Thursday, which is where ISO 8601 sees the most of it.
    """
    day = feed.first
    while day <= as_of and day < feed.after:
        span = span_of(day, feed.bundle)
        if span.last > as_of:
            return
        yield span, _periods(feed, span)
        day = span.last + timedelta(days=1)


def _periods(feed: Feed, span: Span) -> list[Span]:
    if feed.frequency != "week":
        found: list[Span] = []
        day = span.first
        while day <= span.last:
            found.append(span_of(day, feed.frequency))
            day = found[-1].last + timedelta(days=1)
        return found
    if feed.bundle == "week":
        return [span]
    weeks = []
    monday = span.first - timedelta(days=span.first.weekday())
    while monday <= span.last:
        if span.first <= monday + timedelta(days=3) <= span.last:
            weeks.append(span_of(monday, "week"))
        monday += timedelta(days=7)
    return weeks


def file_name(feed: Feed, span: Span) -> str:
    """The name under which the file of that span arrives."""
    year, week, _ = span.first.isocalendar()
    return feed.name.format(
        year=year if feed.bundle == "week" else span.first.year,
        week=week,
        month=span.first.month,
        day=span.first.day,
        quarter=(span.first.month + 2) // 3,
    )


def title_of(title: str, period: Span) -> str:
    """A column's title; in wide reports it names the period."""
    year, week, _ = period.first.isocalendar()
    return title.format(
        year=year if "W" in period.key else period.first.year, week=week, month=period.first.month
    )
