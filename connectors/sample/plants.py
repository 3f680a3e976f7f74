"""What is planted in the sample company: where, when and how much. `docs/sample-company.md` tells the story.

Only constants stand here. The simulation (`trade`, `documents`), the reports (`reports`) and the ledger
export (`fec`) act on them; `answer_key` states what follows from them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from connectors.sample.cast import START

# The catalogue: prices, costs, launches.
PRICE_RISE_DATE: Final = date(2025, 7, 1)
PRICE_RISE_PERCENT: Final = {
    "RAC": 4,
    "VAN": 5,
    "FLX": 6,
    "COL": 3,
    "JNT": 3,
    "FIL": 4,
    "SOU": 4,
    "MAN": 5,
}
COST_CHANGE_DATE: Final = date(2026, 2, 1)
COST_CHANGE_FAMILY: Final = "FLX"
COST_CHANGE_PERCENT: Final = 18
LAUNCHED: Final = ("FIL0801", "FIL0802", "FIL0803", "FIL0804", "FIL0805", "SOU1003")
LAUNCH_DATE: Final = date(2026, 4, 15)
LATE_LISTING_PARTNER: Final = "D01"
LATE_LISTING_DATE: Final = date(2026, 5, 12)
FORMER_LAUNCH: Final = ("SOU1001", "SOU1002")
FORMER_LAUNCH_DATE: Final = date(2025, 3, 3)
DISCONTINUED: Final = ("COL1001", "COL1002", "COL1003")
DISCONTINUED_DATE: Final = date(2026, 1, 1)

# Landed costs: shares of the first standard cost in hundredths of a percent, by family and range.
LANDED_COSTS: Final = (
    ("FIL", "freight_in", date(2024, 1, 1), None, 150),
    ("FIL", "customs", date(2024, 1, 1), None, 270),
    ("FLX", "freight_in", date(2024, 1, 1), None, 110),
    ("FLX", "material_surcharge", date(2025, 10, 1), date(2026, 4, 1), 400),
)
# Discounts that are allowed, in hundredths of a percent; examples/demo/rules/discounts.yml says the same.
CONTRACT_PRICE_PARTNER: Final = "K01"
CONTRACT_PRICE_COUNT: Final = 5
CONTRACT_PRICE_RANGES: Final = ((date(2024, 7, 1), date(2026, 1, 1)), (date(2026, 1, 1), None))
CONTRACT_TIERS: Final = (
    ("D01", date(2024, 7, 1), ((0, 3400),)),
    ("D01", date(2025, 7, 1), ((0, 3500),)),
    ("D02", date(2024, 7, 1), ((0, 3400), (100, 3700))),
)
"""Partner, first day, and rates by pieces from which they hold; the last version before a day counts."""
PROMOTIONS: Final = (
    ("VAN", None, date(2025, 3, 1), date(2025, 5, 1), ((0, 500),)),
    (None, "Gold", date(2025, 9, 1), date(2025, 10, 1), ((0, 300), (50, 600))),
)
"""Family, segment, first day, first day after, and rates by pieces from which they hold."""
APPROVALS: Final = (
    ("ACC-2024-0007", "D19", None, date(2024, 10, 1), date(2025, 1, 1), 2000, date(2024, 9, 24)),
    ("ACC-2025-0002", "D19", None, date(2025, 1, 1), date(2025, 7, 1), 1700, date(2024, 12, 18)),
    ("ACC-2025-0019", "D19", "RAC", date(2025, 7, 1), date(2026, 1, 1), 2000, date(2025, 6, 27)),
    ("ACC-2024-0003", "D04", "FLX", date(2024, 9, 1), date(2025, 9, 1), 500, date(2024, 8, 30)),
)
"""Number, partner, family, first day, first day after, highest rate, day of the approval."""

# Trade between the company and its partners.
OVERSTOCKED: Final = "D07"
OVERSTOCK_FROM: Final = date(2026, 1, 12)
SILENT: Final = "D13"
SILENT_FROM: Final = date(2026, 4, 18)
MARGIN_DESTROYER: Final = "D19"
CAPPED: Final = "D21"
CAPPED_FAMILY: Final = "MAN"
CAPPED_YEAR: Final = 2025
CAPPED_UNITS: Final = 994
CAPPED_TIER: Final = 1000
CAPPED_BOOKED_PERCENT: Final = 12
"""The rate at which the accountant closes the year for it, as if the tier had been reached."""
SLOW_PAYER: Final = "D20"
SHORTAGES: Final = (
    (("VAN0203", "VAN0204"), date(2025, 2, 17), date(2025, 3, 12)),
    (("FIL0702",), date(2025, 10, 13), date(2025, 11, 13)),
    (("RAC0103", "RAC0203"), date(2026, 5, 18), date(2026, 6, 11)),
)
"""Products out of stock with us: (products, first day, first day back)."""
UNORDERED: Final = ("FLX0303", date(2026, 5, 11))
"""A product whose production nobody has ordered since that day."""
GREY_IMPORT_PARTNER: Final = "D14"
GREY_IMPORT_PRODUCT: Final = "VAN0103"
GREY_IMPORT_DATE: Final = date(2026, 2, 10)
GREY_IMPORT_UNITS: Final = 240
ANNOUNCED_DEAL: Final = "AFF-2026-0007"
ANNOUNCED_DEAL_PARTNER: Final = "D17"
WON_LATE_DEAL: Final = "AFF-2025-0031"
WON_LATE_DEAL_PARTNER: Final = "D04"
BIASED_PERCENT: Final = {"D23": 270, "D12": 34}
"""What these partners announce of what they usually order at once: far too much, and far too little."""
BIASED_FROM: Final = date(2025, 10, 1)

LEDGER_FAULTS: Final[bool] = True
"""Whether the accountant books five things otherwise than the documents say."""

# Territories, registered deals and leads; examples/demo/rules/territories.yml has the rules.
OVERLAPPED: Final = "D06"
OVERLAPPING_GRANT: Final = ("D15", "67", "VAN", date(2026, 5, 1))
"""Partner, departement, family and first day of an exclusive grant where another partner is exclusive."""
ROUTING_FROM: Final = date(2026, 6, 29)
MISROUTED_LEAD: Final = ("LD-2026-00154", "D08", "D17")
"""A lead of Nantes, to whom it was passed, and to whom it should have been: chance gave it away."""
DEALS: Final = (
    ("ENR-2026-9001", "D01", datetime(2026, 5, 4, 7, 12, tzinfo=UTC), "Décolletage du Faucigny", 2001,
     "achats@decolletage-faucigny.example", "69800", "RAC", 1_840_000),
    ("ENR-2026-9002", "D18", datetime(2026, 5, 21, 14, 40, tzinfo=UTC), "DECOLLETAGE FAUCIGNY SARL", 2001,
     None, "74300", "RAC", 1_650_000),
    ("ENR-2026-9003", "D03", datetime(2026, 6, 2, 8, 5, tzinfo=UTC), "Ateliers Navals de Penthièvre", None,
     None, "22000", "VAN", 920_000),
    ("ENR-2026-9004", "D24", datetime(2026, 6, 16, 6, 55, tzinfo=UTC), "Atelier Naval Penthievre SAS", None,
     None, "22000", "VAN", 1_100_000),
    ("ENR-2026-9005", "D09", datetime(2026, 1, 12, 9, 30, tzinfo=UTC), "Blanchisserie de la Bièvre", 2003,
     None, "92220", "FIL", 600_000),
    ("ENR-2026-9006", "D19", datetime(2026, 5, 11, 9, 30, tzinfo=UTC), "Blanchisserie de la Bièvre", 2003,
     None, "94250", "FIL", 700_000),
)  # fmt: skip
"""Number, partner, instant, customer, company, e-mail, postal code, family, cents. The last two are the same
customer after the protection has ended: no conflict.
"""
DOUBLE_DEALS: Final = {
    "double_registration": ("ENR-2026-9001", "ENR-2026-9002", "siret"),
    "alike_registration": ("ENR-2026-9003", "ENR-2026-9004", "name"),
}

# What is spent on the channel beside the invoice. Amounts in cents, rates in millionths.
MARKETING_PARTNERS: Final = (
    "D01",
    "D02",
    "D04",
    "D07",
    "D09",
    "D17",
    "T01",
    "T02",
    "T03",
    "W01",
    "W02",
    "W03",
)
"""Partners with a marketing budget; of each three that follow one another, one claims in a month."""
MARKETING_BUDGET: Final = 1_200_000
CAMPAIGNS: Final = (
    "Salon professionnel",
    "Encart catalogue",
    "Journée démonstration",
    "Campagne e-mail",
    "Vitrine magasin",
)
DOUBLE_CLAIM: Final = ("D07", "2026-01")
DOUBLE_CLAIM_DAYS: Final = 19
DOUBLE_CLAIM_PERCENT: Final = 2
OVER_BUDGET: Final = ("W01", 2026)
OVER_BUDGET_CLAIM: Final = 180_000
SMALL_BUDGET: Final = 250_000
WITHOUT_PROOF: Final = "T02"
DEBIT_PARTNER: Final = "D02"
DEBIT_FROM: Final = date(2024, 9, 1)
DEBIT_UNIT_TENTHS: Final = 65
"""Tenths of a cent for one piece."""
DEBIT_TOO_MUCH: Final = "2026-03"
DEBIT_TOO_MUCH_PERCENT: Final = 40
PROTECTED: Final = "D09"
PROTECTION_DATE: Final = date(2026, 2, 2)
PROTECTION_UNIT_TENTHS: Final = 80
FREIGHT_BY_INVOICE: Final = ("W03", "T04", "D25", "K01", "K02", "K03")
FREIGHT_BY_SHIPMENT: Final = "D23"
SPIFF: Final = 65_000
SPIFF_PARTNER: Final = "T01"
TRAINING: Final = 480_001
PORTAL: Final = 343_777
DIRECT_FROM: Final = date(2025, 7, 1)
DIRECT_TOOLS: Final = 390_000
CHANNEL_STAFF: Final = {
    "regional_distributor": ((START, 2_150_000),),
    "trade_counter": ((START, 780_000),),
    "online_reseller": ((START, 520_000),),
    "direct": ((START, 960_000), (DIRECT_FROM, 2_700_000)),
}
"""Monthly salaries by channel: first day and cents. Those of `direct` eat up what it earns."""
LEAVING_AGENT: Final = "AGT01"
LEAVING_PARTNER: Final = "D19"
LEAVING_DATE: Final = date(2026, 3, 18)
ASSIGNMENTS: Final = (
    ("AGT01", "Claire Morvan", "D19", "*", "agents", 1_000_000, START, LEAVING_DATE),
    ("AGT02", "Yann Kerbrat", "D19", "*", "agents", 1_000_000, LEAVING_DATE, date.max),
    ("AGT02", "Yann Kerbrat", "D17", "*", "agents", 1_000_000, START, date.max),
    ("AGT03", "Sofia Benali", "D01", "*", "sedentaires", 600_000, START, date.max),
    ("AGT03", "Sofia Benali", "*", "13", "sedentaires", 1_000_000, START, date.max),
    ("AGT04", "Marc Thiers", "D01", "*", "sedentaires", 400_000, START, date.max),
)
"""Agent, name, partner, territory, plan, share, first day, first day after."""
COMMISSION_PLANS: Final[dict[str, tuple[tuple[date, str, dict[str, int]], ...]]] = {
    "agents": (
        (START, "paid", {"*": 30_000, "VAN": 40_000, "FLX": 40_000}),
        (date(2026, 1, 1), "paid", {"*": 25_000, "VAN": 40_000, "FLX": 40_000}),
    ),
    "sedentaires": ((START, "invoiced", {"*": 8_000}),),
}
"""By plan the versions: first day, basis, rates by family. rules/programme_costs.yml says the same."""
CASH_DISCOUNTS: Final = (
    ("ESC45", 5_000, 45, ("D02", "D09"), date(2025, 1, 1)),
    ("ESC30", 10_000, 30, ("W01",), date(2025, 1, 1)),
)
"""Term, rate, days, partners, first day. rules/programme_costs.yml says the same."""
DISCOUNT_TAKER: Final = "W01"
DISCOUNT_TAKEN_FROM: Final = date(2026, 1, 1)

# What the partners' reports say.
FOREIGN_PRICE_PERCENT: Final = {"USD": 109}
"""Cents of a currency that a partner who sells in it asks for what costs a euro."""
POACHER: Final = "D11"
POACHED: Final = "D05"
POACHED_TERRITORY: Final = "42"
POACHING_FROM: Final = date(2025, 10, 1)
POACHING_PERCENT: Final = 22
LATE_REPORTER: Final = "D08"
LATE_FROM: Final = date(2026, 1, 5)
MISSING_WEEKS: Final = ("D03", ("2025-W33", "2025-W34", "2025-W35"))
MISSING_MONTH: Final = ("D15", "2025-08")
REPORTED_ZERO: Final = ("D18", "2025-08")
RESTATED: Final = ("D02", "2025-W10")
RESTATED_PERCENT: Final = 130
DUPLICATE: Final = ("D01", "2025-W21")
DAMAGED_EXCEL: Final = ("D06", "2025-10")
WRONG_HEADER: Final = ("T01", "2026-W08")
PHANTOM_PARTNER: Final = "D09"
PHANTOM_PRODUCTS: Final = ("RAC0303", "SOU0102", "VAN0103")
PHANTOM_FROM: Final = "2026-W10"
PHANTOM_UNITS: Final = 150
REUSED_CODE_PARTNER: Final = "D12"
REUSED_CODE: Final = "BC2040"
REUSED_CODE_BEFORE: Final = "RAC0402"
REUSED_CODE_AFTER: Final = "RAC0404"
REUSED_CODE_DATE: Final = date(2025, 9, 29)
UNKNOWN_CODE_PARTNER: Final = "D08"
UNKNOWN_CODE_PRODUCT: Final = "SOU0503"
PACK_PARTNER: Final = "D16"
UNKNOWN_UNIT_PARTNER: Final = "D18"
UNKNOWN_UNIT: Final = "CAR"
WRONG_GTIN_PARTNER: Final = "D10"
UNLISTED_STORE: Final = ("T01", "LE MANS")
RESPELLED_STORE: Final = ("T03", "BÉTHUNE")
RESPELLED_AS: Final = "Outil Center Bethune"
RESPELLED_FROM: Final = date(2026, 1, 1)
FOREIGN_GLN_STORE: Final = ("T02", "VILLEFRANCHE")
FOREIGN_GLN_OF: Final = ("T01", "LAVAL")
FOREIGN_GLN_FROM: Final = date(2026, 3, 1)

# What tools beside the ERP say: survey, tickets, trainings, web shops.
UNHAPPY: Final = "D24"
UNHAPPY_FROM: Final = date(2026, 1, 1)
UNHAPPY_TICKETS: Final = 14
"""Tickets that this partner's customers open in a month about one product, from that day on."""
UNCERTIFIED: Final = "T03"
UNCERTIFIED_FROM: Final = date(2026, 3, 15)
NEVER_TRAINED: Final = "T01"
CERTIFICATION: Final = "CERT-FLUIDES"
SHOP_PERCENT: Final = {"W01": 300, "W02": 120, "W03": 610}
"""Visitors of a partner's web shop that buy, in hundredths of a percent."""
QUOTATION_DESK: Final = "K02"
QUOTATION_PERCENT: Final = 1_450
"""Who counts requests for a quotation and not visitors, and how many of them buy."""
SCORE_TOO_HIGH: Final = 11
TICKET_CLOSED_BEFORE: Final = 3
"""Days by which one ticket is closed before it was opened."""

MUST_LIST: Final = {
    "D01": (*LAUNCHED,),
    "D04": ("FLX0101",),
    "D08": (UNKNOWN_CODE_PRODUCT,),
    "D09": PHANTOM_PRODUCTS,
    "D10": ("RAC0103", "JNT0101", "COL0101"),
    "D12": (REUSED_CODE_BEFORE, REUSED_CODE_AFTER),
    "D14": (GREY_IMPORT_PRODUCT,),
    "D16": ("RAC0103", "COL0101", "JNT0101", "JNT0201"),
    "D17": ("FLX0203",),
    "D21": ("MAN0101", "MAN0102", "MAN0201", "MAN0202", "MAN0203", "MAN0303", "MAN0401", "MAN0402"),
}
"""Products that a partner certainly carries, because something planted needs them."""
