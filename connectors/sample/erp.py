"""The sample company's ERP: a database as a French ERP might have it, declared here and filled from the
documents.

Its names are its own, not the contract's; `examples/demo/erp/*.sql` translates them. Every row has `maj`,
the instant (UTC) of its last change. SQLite and PostgreSQL are filled by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.types import REAL

from connectors.sample import deals, plants
from connectors.sample.cast import FAMILIES, PARTNERS, START, Partner
from connectors.sample.catalogue import FAR, UNITS, Dated, Listings, Product
from connectors.sample.dice import Ints
from connectors.sample.documents import INVOICE, RETURN_CREDIT, Documents
from connectors.sample.identifiers import french_vat, partner_gln, siret
from connectors.sample.pricing import actual_cost, contract_prices, landed_costs
from connectors.sample.programmes import Programmes
from connectors.sample.programmes import rows_by_table as programme_rows
from connectors.sample.supply import LEAD_DAYS
from connectors.sample.trade import NEVER

METADATA: Final = sa.MetaData()
BEFORE_HISTORY: Final = datetime(2024, 1, 2, 8, 0)  # noqa: DTZ001 - the ERP keeps UTC without an offset
WAREHOUSE: Final = "CLU"
Row = dict[str, Any]


def _money(name: str, scale: int = 2, *, empty: bool = False) -> sa.Column[Any]:
    # SQLite's NUMERIC affinity would give whole amounts as integers and others as floats.
    return sa.Column(
        name, sa.Numeric(16, scale, asdecimal=False).with_variant(REAL(), "sqlite"), nullable=empty
    )


def _text(name: str, length: int = 40, *, key: bool = False, empty: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), primary_key=key, nullable=empty)


def _day(name: str, *, key: bool = False, empty: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date, primary_key=key, nullable=empty)


def _number(name: str, *, key: bool = False, empty: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, primary_key=key, nullable=empty, autoincrement=False)


def _changed() -> sa.Column[Any]:
    return sa.Column("maj", sa.DateTime, nullable=False, index=True)


TIERS: Final = sa.Table(
    "tiers",
    METADATA,
    _text("code_tiers", 12, key=True),
    _text("raison_sociale", 80),
    _text("categorie", 3),
    _text("classe", 10),
    _text("siret", 14, empty=True),
    _text("gln", 13),
    _text("no_tva", 16, empty=True),
    _text("pays", 2),
    _text("code_postal", 10),
    _text("ville", 40),
    _text("devise", 3),
    _text("actif", 1),
    _day("date_creation"),
    _changed(),
)
CONDITIONS: Final = sa.Table(
    "tiers_conditions",
    METADATA,
    _text("code_tiers", 12, key=True),
    _day("date_effet", key=True),
    _day("date_fin", empty=True),
    _text("tarif", 10),
    _money("taux_remise"),
    _number("delai_reglement"),
    _number("delai_transport"),
    _text("classe", 10),
    _text("categorie", 3),
    _changed(),
)
SECTEURS: Final = sa.Table(
    "tiers_secteurs",
    METADATA,
    _text("code_tiers", 12, key=True),
    _text("secteur", 3, key=True),
    _text("famille", 10, key=True),
    _day("date_effet", key=True),
    _day("date_fin", empty=True),
    _text("exclusif", 1),
    _changed(),
)
FAMILLES: Final = sa.Table("familles", METADATA, _text("code_famille", 10, key=True), _text("libelle", 60))
ARTICLES: Final = sa.Table(
    "articles",
    METADATA,
    _text("code_article", 20, key=True),
    _text("designation", 80),
    _text("code_famille", 10),
    _text("gencod", 14),
    _text("unite_stock", 3),
    _day("date_lancement"),
    _number("delai_appro"),
    _text("sommeil", 1),
    _changed(),
)
CONDITIONNEMENTS: Final = sa.Table(
    "articles_cond",
    METADATA,
    _text("code_article", 20, key=True),
    _text("unite", 3, key=True),
    _number("qte_base"),
    _text("gencod", 14),
    _changed(),
)
COUTS: Final = sa.Table(
    "articles_pru",
    METADATA,
    _text("code_article", 20, key=True),
    _day("date_effet", key=True),
    _day("date_fin", empty=True),
    _money("prix_revient", 4),
    _money("prix_reel", 4),
    _text("devise", 3),
    _changed(),
)
FRAIS: Final = sa.Table(
    "articles_frais",
    METADATA,
    _text("code_article", 20, key=True),
    _text("nature", 3, key=True),
    _day("date_effet", key=True),
    _day("date_fin", empty=True),
    _money("frais_unitaire", 4),
    _text("devise", 3),
    _changed(),
)
TARIFS: Final = sa.Table(
    "tarifs",
    METADATA,
    _text("code_article", 20, key=True),
    _text("tarif", 10, key=True),
    _day("date_effet", key=True),
    _day("date_fin", empty=True),
    _money("prix_ht"),
    _text("devise", 3),
    _changed(),
)
PRIX_NETS: Final = sa.Table(
    "tiers_prix",
    METADATA,
    _text("code_tiers", 12, key=True),
    _text("code_article", 20, key=True),
    _day("date_effet", key=True),
    _day("date_fin", empty=True),
    _money("prix_net"),
    _text("devise", 3),
    _changed(),
)
ACCORDS: Final = sa.Table(
    "accords_remise",
    METADATA,
    _text("no_accord", 20, key=True),
    _text("code_tiers", 12),
    _text("code_famille", 10, empty=True),
    _day("date_effet"),
    _day("date_fin"),
    _money("taux_max"),
    _text("accorde_par", 40),
    _day("date_accord"),
    _text("motif_accord", 80),
    _changed(),
)
COMMANDES: Final = sa.Table(
    "cdes",
    METADATA,
    _text("no_cde", 20, key=True),
    _text("code_tiers", 12),
    _day("date_cde"),
    _day("date_souhaitee"),
    _text("devise", 3),
    _changed(),
)
LIGNES_CDE: Final = sa.Table(
    "cdes_lignes",
    METADATA,
    _text("no_cde", 20, key=True),
    _number("no_ligne", key=True),
    _text("code_article", 20),
    _number("qte"),
    _text("unite", 3),
    _money("montant_ht"),
    _text("etat", 3),
    _changed(),
)
EXPEDITIONS: Final = sa.Table(
    "expeditions",
    METADATA,
    _text("no_bl", 20, key=True),
    _text("code_tiers", 12),
    _text("sens", 1),
    _day("date_exp"),
    _day("date_reception", empty=True),
    _changed(),
)
LIGNES_EXP: Final = sa.Table(
    "expeditions_lignes",
    METADATA,
    _text("no_bl", 20, key=True),
    _number("no_ligne", key=True),
    _text("no_cde", 20, empty=True),
    _number("no_ligne_cde", empty=True),
    _text("code_article", 20),
    _number("qte"),
    _text("unite", 3),
    _changed(),
)
FACTURES: Final = sa.Table(
    "factures",
    METADATA,
    _text("no_piece", 20, key=True),
    _text("type_piece", 1),
    _text("motif", 3, empty=True),
    _text("code_tiers", 12),
    _day("date_piece"),
    _day("date_echeance"),
    _text("no_origine", 20, empty=True),
    _text("devise", 3),
    _money("total_ht"),
    _money("total_tva"),
    _money("total_ttc"),
    _text("etat", 1),
    _changed(),
)
LIGNES_FAC: Final = sa.Table(
    "factures_lignes",
    METADATA,
    _text("no_piece", 20, key=True),
    _number("no_ligne", key=True),
    _text("no_cde", 20, empty=True),
    _number("no_ligne_cde", empty=True),
    _text("code_article", 20),
    _number("qte"),
    _text("unite", 3),
    _money("montant_brut"),
    _money("remise_contrat"),
    _money("remise_except"),
    _money("montant_net"),
    _changed(),
)
STOCK: Final = sa.Table(
    "stock_photo",
    METADATA,
    _text("code_article", 20, key=True),
    _text("depot", 5, key=True),
    _day("date_photo", key=True),
    _number("qte"),
    _changed(),
)
APPROVISIONNEMENTS: Final = sa.Table(
    "appro_lignes",
    METADATA,
    _text("no_of", 20, key=True),
    _number("no_ligne", key=True),
    _text("code_article", 20),
    _day("date_ordre"),
    _day("date_prevue"),
    _number("qte"),
    _number("qte_recue"),
    _day("date_reception", empty=True),
    _text("solde", 1),
    _changed(),
)
AFFAIRES: Final = sa.Table(
    "affaires",
    METADATA,
    _text("no_affaire", 20, key=True),
    _text("code_tiers", 12),
    _text("code_article", 20),
    _text("etape", 10),
    _number("qte_annoncee"),
    _money("montant_annonce"),
    _text("devise", 3),
    _day("date_creation"),
    _day("date_prevue"),
    _day("date_cloture", empty=True),
    _text("no_cde", 20, empty=True),
    _changed(),
)
PROSPECTS: Final = sa.Table(
    "prospects",
    METADATA,
    _text("no_prospect", 20, key=True),
    _text("code_tiers", 12),
    _text("origine", 20),
    _text("etat", 10),
    _day("date_creation"),
    _day("date_cloture", empty=True),
    _text("code_postal", 10),
    _changed(),
)
ENREGISTREMENTS: Final = sa.Table(
    "enregistrements_affaires",
    METADATA,
    _text("no_enregistrement", 20, key=True),
    _text("code_tiers", 12),
    _text("client", 80),
    _text("siret_client", 14, empty=True),
    _text("courriel_client", 80, empty=True),
    _text("code_postal", 10),
    _text("code_famille", 10),
    _money("montant_attendu"),
    _text("devise", 3),
    _text("etat", 10),
    sa.Column("enregistre_le", sa.DateTime, nullable=False),
    sa.Column("clos_le", sa.DateTime, nullable=True),
    _changed(),
)
REGLEMENTS: Final = sa.Table(
    "reglements",
    METADATA,
    _text("no_reglement", 20, key=True),
    _text("code_tiers", 12),
    _text("no_piece", 20),
    _day("date_reglement"),
    _money("montant"),
    _money("escompte"),
    _text("devise", 3),
    _changed(),
)
BUDGETS: Final = sa.Table(
    "budgets_coop",
    METADATA,
    _text("code_budget", 20, key=True),
    _text("nature", 20),
    _text("code_tiers", 12),
    _money("montant"),
    _text("devise", 3),
    _day("date_debut"),
    _day("date_fin"),
    _changed(),
)
DEMANDES: Final = sa.Table(
    "demandes_prise_en_charge",
    METADATA,
    _text("no_demande", 20, key=True),
    _text("nature", 20),
    _text("code_tiers", 12),
    _text("code_budget", 20, empty=True),
    _text("no_accord", 20, empty=True),
    _text("code_article", 20, empty=True),
    _day("date_demande"),
    _day("date_debut"),
    _day("date_fin"),
    _number("qte", empty=True),
    _money("montant_demande"),
    _money("montant_accorde", empty=True),
    _money("montant_regle", empty=True),
    _text("etat", 3),
    _text("justificatif", 40, empty=True),
    _day("date_accord", empty=True),
    _day("date_reglement", empty=True),
    _text("libelle", 80),
    _text("devise", 3),
    _changed(),
)
ECARTS: Final = sa.Table(
    "accords_ecart_prix",
    METADATA,
    _text("no_accord", 20, key=True),
    _text("nature", 20),
    _text("code_tiers", 12, key=True),
    _text("code_article", 20, key=True),
    _money("ecart_unitaire", 4),
    _text("devise", 3),
    _day("date_debut"),
    _day("date_fin", empty=True),
    _changed(),
)
FRAIS_COMMERCIAUX: Final = sa.Table(
    "frais_commerciaux",
    METADATA,
    _text("no_frais", 20, key=True),
    _text("nature", 20),
    _day("date_frais"),
    _text("no_piece", 20, empty=True),
    _text("no_bl", 20, empty=True),
    _text("code_tiers", 12, empty=True),
    _text("canal", 20, empty=True),
    _money("montant_ht"),
    _text("libelle", 80),
    _text("devise", 3),
    _changed(),
)
AFFECTATIONS: Final = sa.Table(
    "agents_affectations",
    METADATA,
    _text("code_agent", 12, key=True),
    _text("nom_agent", 40),
    _text("code_tiers", 12, key=True),
    _text("secteur", 3, key=True),
    _text("plan", 20),
    _money("quote_part", 6),
    _day("date_debut", key=True),
    _day("date_fin", empty=True),
    _changed(),
)
COMMISSIONS: Final = sa.Table(
    "commissions_reglees",
    METADATA,
    _text("no_reglement", 20, key=True),
    _text("code_agent", 12),
    _text("code_tiers", 12),
    _day("mois"),
    _day("date_reglement"),
    _money("montant"),
    _text("devise", 3),
    _changed(),
)

CATEGORIES: Final = {
    "regional_distributor": "RD",
    "trade_counter": "CP",
    "online_reseller": "WEB",
    "direct": "DIR",
}
COST_ELEMENTS: Final = {"freight_in": "TRA", "customs": "DOU", "material_surcharge": "MAT"}
STATES: Final = {"open": "ENC", "shipped": "EXP", "closed": "SOL", "cancelled": "ANN"}


def fill(
    url: str,
    products: tuple[Product, ...],
    listings: Listings,
    documents: Documents,
    programmes: Programmes,
    as_of: date,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Make the ERP's tables in the database at `url` anew and fill them, in one transaction."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            METADATA.drop_all(connection)
            METADATA.create_all(connection)
            contents = rows_by_table(products, listings, documents, programmes, as_of)
            for number, table in enumerate(METADATA.sorted_tables):
                rows = contents[table.name]
                if rows:
                    connection.execute(table.insert(), rows)
                if progress is not None:
                    progress((number + 1) / len(contents))
    finally:
        engine.dispose()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path.resolve()}"


def rows_by_table(
    products: tuple[Product, ...],
    listings: Listings,
    documents: Documents,
    programmes: Programmes,
    as_of: date,
) -> dict[str, list[Row]]:
    """Every row of every table, as known at the end of `as_of`."""
    return {
        "tiers": list(_partners(as_of)),
        "tiers_conditions": list(_terms(as_of)),
        "tiers_secteurs": list(_territories(as_of)),
        "familles": [{"code_famille": family.code, "libelle": family.name} for family in FAMILIES],
        "articles": list(_products(products, as_of)),
        "articles_cond": list(_packs(products, as_of)),
        "articles_pru": list(_costs(products, as_of)),
        "articles_frais": list(_landed_costs(products, as_of)),
        "tarifs": list(_prices(products, as_of)),
        "tiers_prix": list(_contract_prices(products, listings, as_of)),
        "accords_remise": list(_approvals(as_of)),
        **_order_rows(products, listings, documents),
        **_shipment_rows(products, listings, documents, as_of),
        **_invoice_rows(products, listings, documents),
        "stock_photo": list(_stock(products, documents)),
        "appro_lignes": list(_supplies(documents)),
        "affaires": list(_opportunities(documents, as_of)),
        "prospects": list(_leads(documents)),
        "enregistrements_affaires": list(deals.rows(documents.deals)),
        "reglements": list(_payments(documents, programmes)),
        **programme_rows(programmes),
    }


def _at(day: date, hour: int, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour)) + timedelta(seconds=second % 3000)


def _known(day: date, as_of: date) -> datetime:
    """When master data that holds from `day` was entered: a fortnight ahead."""
    return max(BEFORE_HISTORY, _at(min(day - timedelta(days=14), as_of), 8))


def _end(after: date) -> date | None:
    return None if after == FAR else after


def _joined_by(partner: Partner, as_of: date) -> bool:
    return partner.joined <= as_of + timedelta(days=14)


def _partners(as_of: date) -> Iterator[Row]:
    for number, partner in enumerate(PARTNERS):
        if not _joined_by(partner, as_of):
            continue
        establishment = siret(100 + number)
        french = partner.country == "FR"
        yield {
            "code_tiers": partner.code,
            "raison_sociale": partner.name,
            "categorie": CATEGORIES[partner.channel],
            "classe": partner.segment,
            "siret": establishment if french else None,
            "gln": partner_gln(number),
            "no_tva": french_vat(establishment[:9]) if french else "BE0999999922",
            "pays": partner.country,
            "code_postal": partner.postal_code,
            "ville": partner.city,
            "devise": "EUR",
            "actif": "O",
            "date_creation": partner.joined,
            "maj": _known(partner.joined, as_of),
        }


def _terms(as_of: date) -> Iterator[Row]:
    for partner in PARTNERS:
        if not _joined_by(partner, as_of):
            continue
        changes = sorted(
            {partner.joined}
            | {change[0] for change in (partner.later_discount, partner.later_transit) if change}
        )
        known = [day for day in changes if day <= as_of + timedelta(days=14)]
        for position, first in enumerate(known):
            after = known[position + 1] if position + 1 < len(known) else None
            discount, transit = partner.discount, partner.transit_days
            if partner.later_discount and first >= partner.later_discount[0]:
                discount = partner.later_discount[1]
            if partner.later_transit and first >= partner.later_transit[0]:
                transit = partner.later_transit[1]
            yield {
                "code_tiers": partner.code,
                "date_effet": first,
                "date_fin": after,
                "tarif": partner.price_list,
                "taux_remise": discount / 100,
                "delai_reglement": partner.payment_days,
                "delai_transport": transit,
                "classe": partner.segment,
                "categorie": CATEGORIES[partner.channel],
                "maj": _known(after or first, as_of),
            }


def _territories(as_of: date) -> Iterator[Row]:
    for partner in PARTNERS:
        if not _joined_by(partner, as_of):
            continue
        for territory, exclusive in partner.grants:
            yield {
                "code_tiers": partner.code,
                "secteur": territory,
                "famille": "TOUTES",
                "date_effet": partner.joined,
                "date_fin": None,
                "exclusif": "O" if exclusive else "N",
                "maj": _known(partner.joined, as_of),
            }
    partner_code, territory, family, first = plants.OVERLAPPING_GRANT
    if first <= as_of + timedelta(days=14):
        yield {
            "code_tiers": partner_code,
            "secteur": territory,
            "famille": family,
            "date_effet": first,
            "date_fin": None,
            "exclusif": "O",
            "maj": _known(first, as_of),
        }


def _on_record(products: tuple[Product, ...], as_of: date) -> Iterator[Product]:
    return (product for product in products if product.launched - timedelta(days=30) <= as_of)


def _products(products: tuple[Product, ...], as_of: date) -> Iterator[Row]:
    for product in _on_record(products, as_of):
        asleep = product.discontinued <= as_of
        yield {
            "code_article": product.code,
            "designation": product.name,
            "code_famille": product.family.code,
            "gencod": product.gtin,
            "unite_stock": "PCE",
            "date_lancement": product.launched,
            "delai_appro": LEAD_DAYS[product.family.code],
            "sommeil": "O" if asleep else "N",
            "maj": _at(product.discontinued, 8) if asleep else _known(product.launched, as_of),
        }


def _packs(products: tuple[Product, ...], as_of: date) -> Iterator[Row]:
    for product in _on_record(products, as_of):
        gtins = (product.gtin, product.box_gtin, product.pallet_gtin)
        for unit, pieces, gtin in zip(UNITS, product.per_unit, gtins, strict=True):
            if gtin is not None:
                yield {
                    "code_article": product.code,
                    "unite": unit,
                    "qte_base": pieces,
                    "gencod": gtin,
                    "maj": _known(product.launched, as_of),
                }


def _dated(ranges: tuple[Dated, ...], as_of: date) -> Iterator[tuple[Dated, date | None, datetime]]:
    """Ranges known by `as_of`: a change is entered a month ahead, and closes the range before it."""
    known = [item for item in ranges if item.first <= as_of + timedelta(days=30)]
    for position, item in enumerate(known):
        is_last = position + 1 == len(known)
        entered = max(BEFORE_HISTORY, _at((item.first if is_last else item.after) - timedelta(days=30), 8))
        yield item, None if is_last else _end(item.after), entered


def _costs(products: tuple[Product, ...], as_of: date) -> Iterator[Row]:
    for number, product in enumerate(_on_record(products, as_of)):
        for position, (item, after, entered) in enumerate(_dated(product.costs, as_of)):
            yield {
                "code_article": product.code,
                "date_effet": item.first,
                "date_fin": after,
                "prix_revient": item.value / 10000,
                "prix_reel": actual_cost(number, position, item.value) / 10000,
                "devise": "EUR",
                "maj": entered,
            }


def _landed_costs(products: tuple[Product, ...], as_of: date) -> Iterator[Row]:
    known = {product.code for product in _on_record(products, as_of)}
    for item in landed_costs(products):
        if item.product in known and item.range.first <= as_of + timedelta(days=14):
            yield {
                "code_article": item.product,
                "nature": COST_ELEMENTS[item.element],
                "date_effet": item.range.first,
                "date_fin": _end(item.range.after),
                "frais_unitaire": item.range.value / 10000,
                "devise": "EUR",
                "maj": _known(item.range.first, as_of),
            }


def _contract_prices(products: tuple[Product, ...], listings: Listings, as_of: date) -> Iterator[Row]:
    for item in contract_prices(products, listings):
        if item.range.first <= as_of + timedelta(days=14):
            yield {
                "code_tiers": item.partner,
                "code_article": item.product,
                "date_effet": item.range.first,
                "date_fin": _end(item.range.after),
                "prix_net": item.range.value / 100,
                "devise": "EUR",
                "maj": _known(item.range.first, as_of),
            }


def _approvals(as_of: date) -> Iterator[Row]:
    for number, partner, family, first, after, rate, approved in plants.APPROVALS:
        if approved <= as_of:
            yield {
                "no_accord": number,
                "code_tiers": partner,
                "code_famille": family,
                "date_effet": first,
                "date_fin": after,
                "taux_max": rate / 100,
                "accorde_par": "direction commerciale",
                "date_accord": approved,
                "motif_accord": "alignement sur un concurrent",
                "maj": _at(approved, 14),
            }


def _prices(products: tuple[Product, ...], as_of: date) -> Iterator[Row]:
    for product in _on_record(products, as_of):
        for price_list, ranges in product.prices.items():
            for item, after, entered in _dated(ranges, as_of):
                yield {
                    "code_article": product.code,
                    "tarif": price_list,
                    "date_effet": item.first,
                    "date_fin": after,
                    "prix_ht": item.value / 100,
                    "devise": "EUR",
                    "maj": entered,
                }


def _codes(products: tuple[Product, ...], listings: Listings, pairs: Ints) -> list[str]:
    names = [product.code for product in products]
    return [names[index] for index in listings.product[pairs].tolist()]


def _date(number: int) -> date:
    return START + timedelta(days=number)


def _order_rows(
    products: tuple[Product, ...], listings: Listings, documents: Documents
) -> dict[str, list[Row]]:
    orders, lines = documents.orders, documents.order_lines
    headers = [
        {
            "no_cde": number,
            "code_tiers": PARTNERS[partner].code,
            "date_cde": _date(day),
            "date_souhaitee": _date(requested),
            "devise": "EUR",
            "maj": _at(_date(day), 9, partner * 61),
        }
        for number, partner, day, requested in zip(
            orders.number,
            orders.partner.tolist(),
            orders.day.tolist(),
            orders.requested.tolist(),
            strict=True,
        )
    ]
    rows = [
        {
            "no_cde": orders.number[document],
            "no_ligne": line * 10,
            "code_article": code,
            "qte": quantity,
            "unite": UNITS[unit],
            "montant_ht": net / 100,
            "etat": STATES[status],
            "maj": _at(_date(changed), 18, document * 7 + line),
        }
        for document, line, code, quantity, unit, net, status, changed in zip(
            orders.document.tolist(),
            orders.line.tolist(),
            _codes(products, listings, lines.pair),
            lines.units.tolist(),
            listings.unit[lines.pair].tolist(),
            orders.net.tolist(),
            orders.status,
            orders.changed.tolist(),
            strict=True,
        )
    ]
    return {"cdes": headers, "cdes_lignes": rows}


def _order_reference(documents: Documents, order_line: int) -> tuple[str, int]:
    orders = documents.orders
    return orders.number[int(orders.document[order_line])], int(orders.line[order_line]) * 10


def _shipment_rows(
    products: tuple[Product, ...], listings: Listings, documents: Documents, as_of: date
) -> dict[str, list[Row]]:
    shipments = documents.shipments
    headers: dict[int, Row] = {}
    rows = []
    for document, line, is_return, day, received, code, order_line, quantity, unit, partner in zip(
        shipments.document.tolist(),
        shipments.line.tolist(),
        shipments.is_return.tolist(),
        shipments.day.tolist(),
        shipments.received.tolist(),
        _codes(products, listings, shipments.pair),
        shipments.order_line.tolist(),
        shipments.quantity.tolist(),
        shipments.unit.tolist(),
        listings.partner[shipments.pair].tolist(),
        strict=True,
    ):
        order, order_row = _order_reference(documents, order_line)
        number = shipments.number[document]
        arrival = None if received == NEVER else _date(received)
        sequence = int(number[-6:])
        changed = _at(arrival or _date(day), 16, sequence)
        if document not in headers:
            headers[document] = {
                "no_bl": number,
                "code_tiers": PARTNERS[partner].code,
                "sens": "E" if is_return else "S",
                "date_exp": _date(day),
                "date_reception": arrival,
                "maj": changed,
            }
        rows.append(
            {
                "no_bl": number,
                "no_ligne": line * 10,
                "no_cde": order,
                "no_ligne_cde": order_row,
                "code_article": code,
                "qte": quantity,
                "unite": UNITS[unit],
                "maj": _at(_date(day), 16, sequence),
            }
        )
    return {"expeditions": list(headers.values()), "expeditions_lignes": rows}


def _credit_reason(number: str, goods_came_back: bool) -> str:
    """Every tenth return is an article mixed up by us, every fourth price credit a wrong price."""
    sequence = int(number[-4:])
    if goods_came_back:
        return "ERA" if sequence % 10 == 0 else "RET"
    return "ERP" if sequence % 4 == 0 else "PRX"


def _invoice_rows(
    products: tuple[Product, ...], listings: Listings, documents: Documents
) -> dict[str, list[Row]]:
    invoices = documents.invoices
    headers = [
        {
            "no_piece": number,
            "type_piece": "F" if kind == INVOICE else "A",
            "motif": None if kind == INVOICE else _credit_reason(number, kind == RETURN_CREDIT),
            "code_tiers": PARTNERS[partner].code,
            "date_piece": _date(day),
            "date_echeance": _date(due),
            "no_origine": None if original < 0 else invoices.number[original],
            "devise": "EUR",
            "total_ht": net / 100,
            "total_tva": vat / 100,
            "total_ttc": (net + vat) / 100,
            "etat": "V",
            "maj": _at(_date(day), 17, partner * 83),
        }
        for number, kind, partner, day, due, original, net, vat in zip(
            invoices.number,
            invoices.kind.tolist(),
            invoices.partner.tolist(),
            invoices.day.tolist(),
            invoices.due.tolist(),
            invoices.original.tolist(),
            invoices.net.tolist(),
            invoices.vat.tolist(),
            strict=True,
        )
    ]
    days = invoices.day[invoices.document].tolist()
    partners = invoices.partner[invoices.document].tolist()
    rows = []
    for (
        document,
        line,
        code,
        order_line,
        quantity,
        unit,
        gross,
        standard,
        exceptional,
        net,
        day,
        partner,
    ) in zip(
        invoices.document.tolist(),
        invoices.line.tolist(),
        _codes(products, listings, invoices.pair),
        invoices.order_line.tolist(),
        invoices.quantity.tolist(),
        invoices.unit.tolist(),
        invoices.gross.tolist(),
        invoices.standard.tolist(),
        invoices.exceptional.tolist(),
        invoices.line_net.tolist(),
        days,
        partners,
        strict=True,
    ):
        order, order_row = _order_reference(documents, order_line)
        rows.append(
            {
                "no_piece": invoices.number[document],
                "no_ligne": line * 10,
                "no_cde": order,
                "no_ligne_cde": order_row,
                "code_article": code,
                "qte": quantity,
                "unite": UNITS[unit],
                "montant_brut": gross / 100,
                "remise_contrat": standard / 100,
                "remise_except": exceptional / 100,
                "montant_net": net / 100,
                "maj": _at(_date(day), 17, partner * 83),
            }
        )
    return {"factures": headers, "factures_lignes": rows}


def _stock(products: tuple[Product, ...], documents: Documents) -> Iterator[Row]:
    for day, levels in zip(documents.own_stock_days, documents.own_stock.tolist(), strict=True):
        moment = _date(day)
        for product, level in zip(products, levels, strict=True):
            if product.launched - timedelta(days=30) <= moment:
                yield {
                    "code_article": product.code,
                    "depot": WAREHOUSE,
                    "date_photo": moment,
                    "qte": level,
                    "maj": _at(moment, 20),
                }


def _supplies(documents: Documents) -> Iterator[Row]:
    for item in documents.supplies:
        yield {
            "no_of": item.number,
            "no_ligne": item.line,
            "code_article": item.product,
            "date_ordre": item.ordered,
            "date_prevue": item.expected,
            "qte": item.pieces,
            "qte_recue": item.pieces if item.received else 0,
            "date_reception": item.received,
            "solde": "O" if item.received else "N",
            "maj": _at(item.received or item.ordered, 19),
        }


def _opportunities(documents: Documents, as_of: date) -> Iterator[Row]:
    for item in documents.opportunities:
        quoted = item.created + timedelta(days=15)
        changed = item.closed or (quoted if quoted <= as_of else item.created)
        yield {
            "no_affaire": item.number,
            "code_tiers": item.partner,
            "code_article": item.product,
            "etape": item.stage,
            "qte_annoncee": item.pieces,
            "montant_annonce": item.amount / 100,
            "devise": "EUR",
            "date_creation": item.created,
            "date_prevue": item.expected,
            "date_cloture": item.closed,
            "no_cde": item.order,
            "maj": _at(changed, 11),
        }


def _leads(documents: Documents) -> Iterator[Row]:
    for item in documents.leads:
        yield {
            "no_prospect": item.number,
            "code_tiers": item.partner,
            "origine": item.source,
            "etat": item.status,
            "date_creation": item.created,
            "date_cloture": item.closed,
            "code_postal": item.postal_code,
            "maj": _at(item.closed or item.created, 12),
        }


def _payments(documents: Documents, programmes: Programmes) -> Iterator[Row]:
    payments, invoices = documents.payments, documents.invoices
    for number, document, day, amount, discount, tax in zip(
        payments.number,
        payments.document.tolist(),
        payments.day.tolist(),
        payments.amount.tolist(),
        programmes.discounts.tolist(),
        programmes.discount_taxes.tolist(),
        strict=True,
    ):
        yield {
            "no_reglement": number,
            "code_tiers": PARTNERS[int(invoices.partner[document])].code,
            "no_piece": invoices.number[document],
            "date_reglement": _date(day),
            "montant": (amount - discount - tax) / 100,
            "escompte": discount / 100,
            "devise": "EUR",
            "maj": _at(_date(day), 10),
        }
