"""Who takes part in the sample company: the company itself, its product families, its partners, its towns.

Only facts that do not depend on chance stand here, so that a person can read who is who. What each
partner does wrong on purpose is in `connectors.sample.plants`; what they trade is worked out in
`connectors.sample.trade`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from connectors.sample.identifiers import siren

START: Final = date(2024, 7, 1)
"""First day of the history. A Monday, so that the weeks of the reports are whole."""

COMPANY_CODE: Final = "arvel"
COMPANY_NAME: Final = "Arvel Fluides SAS"
COMPANY_SIREN: Final = siren(1)

Channel = Literal["regional_distributor", "trade_counter", "online_reseller", "direct"]
Rhythm = Literal["week", "month", "none"]


@dataclass(frozen=True)
class Family:
    """A product family: price of a piece in cents (from, to), pieces in a box, boxes on a pallet."""

    code: str
    name: str
    prices: tuple[int, int]
    box: int
    pallet: int
    weekly: float
    cost_share: int
    shapes: tuple[str, ...]
    sizes: tuple[str, ...]


FAMILIES: Final = (
    Family(
        "RAC",
        "Raccords instantanés",
        (180, 960),
        10,
        30,
        14.0,
        36,
        (
            "Raccord droit mâle",
            "Raccord coudé mâle",
            "Raccord té",
            "Raccord union",
            "Raccord passe-cloison",
            "Raccord banjo",
            "Raccord Y",
            "Réducteur",
            "Bouchon",
            "Raccord droit femelle",
        ),
        ("Ø4 G1/8", "Ø6 G1/8", "Ø8 G1/4", "Ø10 G3/8", "Ø12 G1/2"),
    ),
    Family(
        "VAN",
        "Vannes et robinets",
        (1190, 8900),
        5,
        12,
        3.5,
        39,
        (
            "Vanne à sphère laiton",
            "Vanne à sphère inox",
            "Vanne papillon",
            "Robinet à pointeau",
            "Clapet anti-retour",
            "Vanne à siège incliné",
            "Robinet de purge",
            "Vanne trois voies",
            "Électrovanne 24 V",
            "Électrovanne 230 V",
        ),
        ("G1/4", "G3/8", "G1/2", "G3/4", "G1"),
    ),
    Family(
        "FLX",
        "Flexibles et tuyaux",
        (1750, 11900),
        4,
        10,
        3.0,
        41,
        (
            "Flexible hydraulique 1 nappe",
            "Flexible hydraulique 2 nappes",
            "Flexible inox tressé",
            "Tuyau polyuréthane 25 m",
            "Tuyau polyamide 25 m",
            "Tuyau caoutchouc 20 m",
            "Flexible air comprimé 10 m",
            "Enrouleur automatique",
            "Spirale polyuréthane",
            "Flexible alimentaire",
        ),
        ("DN6", "DN8", "DN10", "DN12", "DN16"),
    ),
    Family(
        "COL",
        "Colliers de serrage",
        (60, 420),
        50,
        20,
        26.0,
        34,
        (
            "Collier à bande inox",
            "Collier à bande zingué",
            "Collier à oreilles",
            "Collier double fil",
            "Collier isophonique",
            "Collier à charnière",
            "Collier à tourillon",
            "Collier atlas",
            "Bride de fixation",
            "Collier de réparation",
        ),
        ("8-16", "12-22", "16-27", "25-40", "32-50"),
    ),
    Family(
        "JNT",
        "Joints et étanchéité",
        (30, 280),
        100,
        12,
        34.0,
        30,
        (
            "Joint torique NBR",
            "Joint torique FKM",
            "Bague BS laiton",
            "Joint plat fibre",
            "Joint cuivre",
            "Joint PTFE",
            "Joint racleur",
            "Joint à lèvre",
            "Ruban PTFE",
            "Joint bague à collet",
        ),
        ("Ø6", "Ø10", "Ø14", "Ø18", "Ø24"),
    ),
    Family(
        "FIL",
        "Filtration d'air comprimé",
        (1490, 13900),
        6,
        12,
        2.6,
        40,
        (
            "Filtre 40 µm",
            "Filtre 5 µm",
            "Filtre submicronique",
            "Filtre charbon actif",
            "Filtre-régulateur",
            "Lubrificateur",
            "Ensemble FRL",
            "Purgeur automatique",
            "Sécheur en ligne",
            "Séparateur cyclonique",
        ),
        ("G1/8", "G1/4", "G3/8", "G1/2", "G3/4"),
    ),
    Family(
        "SOU",
        "Soufflettes et outillage",
        (890, 5900),
        10,
        12,
        4.0,
        38,
        (
            "Soufflette longue",
            "Soufflette silencieuse",
            "Soufflette à jet plat",
            "Pistolet de gonflage",
            "Coupe-tube",
            "Pince à sertir",
            "Clé à colliers",
            "Mallette de contrôle",
            "Silencieux d'échappement",
            "Douchette d'atelier",
        ),
        ("S1", "S2", "S3", "S4", "S5"),
    ),
    Family(
        "MAN",
        "Manomètres et régulation",
        (1390, 7400),
        5,
        12,
        3.2,
        40,
        (
            "Manomètre sec",
            "Manomètre à glycérine",
            "Vacuomètre",
            "Régulateur de pression",
            "Limiteur de pression",
            "Pressostat",
            "Capteur de pression",
            "Soupape de sûreté",
            "Débitmètre à flotteur",
            "Régulateur de débit",
        ),
        ("0-4 bar", "0-6 bar", "0-10 bar", "0-16 bar", "0-25 bar"),
    ),
)


@dataclass(frozen=True)
class Partner:
    """One partner. Rates are in hundredths of a percent; ranges of dates are half-open."""

    code: str
    name: str
    channel: Channel
    postal_code: str
    city: str
    territory: str
    segment: str
    size: float
    products: int
    rhythm: Rhythm
    discount: int
    later_discount: tuple[date, int] | None = None
    payment_days: int = 45
    transit_days: int = 2
    later_transit: tuple[date, int] | None = None
    growth: float = 0.03
    joined: date = date(2018, 1, 1)
    country: str = "FR"
    price_list: str = "TAR-FR"
    proves_delivery: bool = True
    grants: tuple[tuple[str, bool], ...] = ()


def _d(
    code: str,
    name: str,
    postal: str,
    city: str,
    segment: str,
    size: float,
    products: int,
    rhythm: Rhythm,
    discount: int,
    grants: str,
    **more: object,
) -> Partner:
    """A regional distributor; `grants` lists departements, `!` marks an exclusive one."""
    parsed = tuple((word.rstrip("!"), word.endswith("!")) for word in grants.split())
    return Partner(
        code,
        name,
        "regional_distributor",
        postal,
        city,
        parsed[0][0],
        segment,
        size,
        products,
        rhythm,
        discount,
        grants=parsed,
        **more,  # type: ignore[arg-type]  # keyword fields of Partner, checked at import
    )


PARTNERS: Final = (
    _d(
        "D01",
        "Rhône Fluides Distribution",
        "69100",
        "Villeurbanne",
        "Gold",
        1.9,
        100,
        "week",
        3400,
        "69! 01 38",
        later_discount=(date(2025, 7, 1), 3500),
        growth=0.06,
    ),
    _d("D02", "Comptoir Industriel du Nord", "59810", "Lesquin", "Gold", 1.7, 90, "week", 3400, "59 62"),
    _d("D03", "Armor Équipements", "35000", "Rennes", "Silver", 1.1, 70, "week", 3200, "35! 22 53"),
    _d(
        "D04",
        "Aquitaine Raccords Services",
        "33700",
        "Mérignac",
        "Silver",
        1.2,
        75,
        "week",
        3200,
        "33! 40 47",
        growth=0.05,
    ),
    _d(
        "D05",
        "Forez Industrie Fournitures",
        "42000",
        "Saint-Étienne",
        "Silver",
        1.0,
        70,
        "month",
        3200,
        "42! 43!",
    ),
    _d("D06", "Alsace Pneumatique", "67100", "Strasbourg", "Silver", 1.1, 65, "month", 3200, "67! 68"),
    _d("D07", "Provence Hydro-Service", "13127", "Vitrolles", "Gold", 1.5, 85, "week", 3400, "13! 84 83"),
    _d(
        "D08",
        "Languedoc Fournitures Techniques",
        "30900",
        "Nîmes",
        "Silver",
        0.9,
        60,
        "week",
        3100,
        "30! 34 48",
    ),
    _d(
        "D09",
        "Seine Outillage Pro",
        "92230",
        "Gennevilliers",
        "Gold",
        1.4,
        80,
        "week",
        3400,
        "92 93 95",
        transit_days=1,
    ),
    _d("D10", "Touraine Industrie", "37000", "Tours", "Bronze", 0.7, 50, "month", 3000, "37! 41"),
    _d(
        "D11",
        "Auvergne Distribution Technique",
        "63100",
        "Clermont-Ferrand",
        "Silver",
        1.0,
        65,
        "month",
        3200,
        "63! 03 15",
    ),
    _d("D12", "Bourgogne Comptoir Pro", "21000", "Dijon", "Bronze", 0.8, 55, "week", 3000, "21! 71 58"),
    _d("D13", "Normandie Fluides", "76600", "Le Havre", "Silver", 1.0, 60, "month", 3200, "76! 27 14"),
    _d("D14", "Occitanie Air Comprimé", "31200", "Toulouse", "Silver", 1.1, 70, "week", 3200, "31! 81 82"),
    _d("D15", "Lorraine Raccorderie", "57000", "Metz", "Bronze", 0.8, 55, "month", 3000, "57! 54 55"),
    _d(
        "D16",
        "Picardie Fournitures Industrielles",
        "80000",
        "Amiens",
        "Bronze",
        0.8,
        55,
        "month",
        3000,
        "80! 60 02",
    ),
    _d(
        "D17",
        "Loire Océan Équipement",
        "44800",
        "Saint-Herblain",
        "Silver",
        1.2,
        75,
        "month",
        3200,
        "44! 85 49",
        growth=0.08,
    ),
    _d(
        "D18",
        "Savoie Maintenance Services",
        "73000",
        "Chambéry",
        "Bronze",
        0.7,
        50,
        "month",
        3000,
        "73! 74",
        transit_days=1,
        proves_delivery=False,
    ),
    _d(
        "D19",
        "Île-de-France Négoce Technique",
        "94150",
        "Rungis",
        "Gold",
        1.8,
        90,
        "month",
        4000,
        "94 91 77",
        later_discount=(date(2025, 4, 1), 4300),
        growth=0.1,
        transit_days=1,
    ),
    _d(
        "D20",
        "Limousin Approvisionnements",
        "87000",
        "Limoges",
        "Bronze",
        0.7,
        45,
        "month",
        3000,
        "87! 19 23",
        proves_delivery=False,
    ),
    _d(
        "D21",
        "Franche-Comté Outillage",
        "25000",
        "Besançon",
        "Bronze",
        0.8,
        55,
        "month",
        3000,
        "25! 39 70 90",
        proves_delivery=False,
    ),
    _d(
        "D22",
        "Champagne Industrie Services",
        "51100",
        "Reims",
        "Bronze",
        0.8,
        55,
        "week",
        3000,
        "51! 08 10",
        later_transit=(date(2025, 10, 6), 3),
    ),
    _d(
        "D23",
        "Riviera Fluides",
        "06510",
        "Carros",
        "Silver",
        0.9,
        60,
        "month",
        3100,
        "06! 04",
        transit_days=3,
        proves_delivery=False,
    ),
    _d(
        "D24",
        "Bretagne Sud Industrie",
        "56100",
        "Lorient",
        "Bronze",
        0.7,
        50,
        "month",
        3000,
        "56! 29",
        joined=date(2025, 7, 1),
        proves_delivery=False,
    ),
    _d(
        "D25",
        "Corse Équipement Pro",
        "20090",
        "Ajaccio",
        "Bronze",
        0.5,
        40,
        "month",
        2800,
        "2A! 2B!",
        transit_days=5,
        joined=date(2025, 1, 1),
        proves_delivery=False,
    ),
    Partner(
        "T01",
        "Brico-Pro Grand Ouest",
        "trade_counter",
        "49000",
        "Angers",
        "49",
        "Gold",
        1.3,
        60,
        "week",
        3000,
    ),
    Partner(
        "T02",
        "Quincaillerie Centrale",
        "trade_counter",
        "69003",
        "Lyon",
        "69",
        "Silver",
        1.0,
        50,
        "month",
        2800,
    ),
    Partner(
        "T03", "Outil-Center Nord", "trade_counter", "62000", "Arras", "62", "Silver", 0.9, 50, "month", 2800
    ),
    Partner(
        "T04",
        "Comptoir Océan Indien",
        "trade_counter",
        "97400",
        "Saint-Denis",
        "974",
        "Bronze",
        0.5,
        35,
        "month",
        2600,
        transit_days=21,
        payment_days=60,
        grants=(("974", True),),
    ),
    Partner(
        "W01",
        "Raccord-Direct",
        "online_reseller",
        "75011",
        "Paris",
        "75",
        "Gold",
        1.2,
        60,
        "week",
        3000,
        growth=0.15,
        transit_days=1,
    ),
    Partner(
        "W02",
        "ToutPneuma",
        "online_reseller",
        "13100",
        "Aix-en-Provence",
        "13",
        "Silver",
        0.9,
        45,
        "month",
        2900,
        growth=0.12,
    ),
    Partner(
        "W03",
        "Fluidshop",
        "online_reseller",
        "4000",
        "Liège",
        "BE",
        "Silver",
        0.8,
        45,
        "month",
        2900,
        country="BE",
        price_list="TAR-EXP",
        transit_days=3,
        growth=0.1,
    ),
    Partner(
        "K01",
        "Constructions Mécaniques du Giffre",
        "direct",
        "74440",
        "Taninges",
        "74",
        "Gold",
        1.0,
        35,
        "none",
        2500,
        payment_days=60,
        transit_days=1,
    ),
    Partner(
        "K02",
        "Laiterie des Aravis",
        "direct",
        "74230",
        "Thônes",
        "74",
        "Bronze",
        0.5,
        30,
        "none",
        2000,
        transit_days=1,
    ),
    Partner(
        "K03", "Verrerie du Val Suzon", "direct", "21121", "Val-Suzon", "21", "Bronze", 0.6, 30, "none", 2000
    ),
)

PARTNER_INDEX: Final = {partner.code: index for index, partner in enumerate(PARTNERS)}

WEEKDAYS: Final[dict[str, tuple[float, ...]]] = {
    "regional_distributor": (1.05, 1.05, 1.0, 1.0, 0.9, 0.0, 0.0),
    "trade_counter": (0.95, 0.95, 0.95, 0.95, 1.05, 0.65, 0.0),
    "online_reseller": (1.0, 0.95, 0.9, 0.85, 0.75, 0.45, 0.6),
    "direct": (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0),
}
"""How demand spreads over the week, Monday first; about five days' worth."""

SEASON: Final = (0.95, 1.0, 1.06, 1.04, 0.96, 1.06, 0.95, 0.68, 1.06, 1.08, 1.02, 0.86)
"""How demand spreads over the year, January first."""

TOWNS: Final = (
    ("75011", 14),
    ("69003", 9),
    ("13008", 8),
    ("31000", 7),
    ("59000", 7),
    ("33000", 6),
    ("44000", 6),
    ("67000", 5),
    ("34000", 4),
    ("35000", 4),
    ("06000", 4),
    ("38000", 4),
    ("21000", 3),
    ("49000", 3),
    ("76000", 3),
    ("51100", 2),
    ("63000", 2),
    ("42000", 2),
    ("83000", 2),
    ("87000", 1),
    ("20000", 1),
    ("97400", 1),
    ("2950", 0),
)
"""Postal codes of online customers with their weights."""

_HOLIDAYS: Final = """
2024-07-14 2024-08-15 2024-11-01 2024-11-11 2024-12-25
2025-01-01 2025-04-21 2025-05-01 2025-05-08 2025-05-29 2025-06-09 2025-07-14 2025-08-15 2025-11-01 2025-11-11
2025-12-25
2026-01-01 2026-04-06 2026-05-01 2026-05-08 2026-05-14 2026-05-25 2026-07-14 2026-08-15 2026-11-01 2026-11-11
2026-12-25
"""
PUBLIC_HOLIDAYS: Final = frozenset(date.fromisoformat(day) for day in _HOLIDAYS.split())
