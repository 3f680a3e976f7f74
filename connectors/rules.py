"""The company's rules -> landing: feeds, crosswalks, thresholds, units, rates, the fiscal calendar, …

Each rule entity lands as a whole; the newest batch is the truth, and a new one is written only if the
content changed. What belongs here: what `rules/` may hold, its checks across files, and landing it. What
does not: how a feed is written (`connectors.feeds.profile`), reading CSV (`connectors.ruletables`,
`connectors.exchange`), what a rule decides (the models).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import duckdb
import pyarrow as pa
from pydantic import AfterValidator, Field, ValidationError, model_validator

from connectors.accounting.accounts import load_accounts
from connectors.alerts import FILE as ALERTS_FILE
from connectors.alerts import MUTES_FILE, load_alert_rules, load_mutes
from connectors.budget import load_budget
from connectors.calendar import calendar_code, fiscal_periods
from connectors.campaigns import campaign_rows
from connectors.company import Calendar, Code, Company, Paths, Settings, line_finder, read_model
from connectors.contract import OPEN_END, entity
from connectors.corrections import FILE as CORRECTIONS_FILE
from connectors.corrections import load_cost_corrections
from connectors.discounts import load_discounts
from connectors.errors import ConfigError, Place
from connectors.exchange import FILE_NAME, RateFile
from connectors.feeds.profile import Profile
from connectors.landing import batch_ids, column_definitions, entity_folder
from connectors.ledger import Batch, Ledger, Slice, write_rows
from connectors.matching.decisions import PRODUCTS, STORES, load_matches
from connectors.programmes import FILE as PROGRAMMES_FILE
from connectors.programmes import load_programme_costs
from connectors.rebates import rebate_rows
from connectors.ruletables import FIRST_DAY, Line, Row, Table, read_date, read_number, refuse_overlaps
from connectors.scorecard import FILE as SCORECARD_FILE
from connectors.scorecard import TARGETS_FILE, load_scorecard, load_targets
from connectors.segments import FILE as SEGMENTS_FILE
from connectors.segments import SegmentRules, load_segments
from connectors.stores import FILE as STORES_FILE
from connectors.stores import load_stores
from connectors.territories import DECISIONS_FILE, load_territory_decisions, load_territory_rules
from connectors.territories import FILE as TERRITORIES_FILE
from connectors.workdays import numbered_days

EVERY: Final = "*"
SLICE_KEY: Final = "rules|all"
_FIRST_COUNTED: Final = date(2000, 1, 1)

CROSSWALK: Final = Table("crosswalk", ("partner_product_code", "product_code", "unit_code"), dated=True)
UNITS: Final = Table(
    "unit table",
    ("partner_code", "product_code", "unit_code", "numerator", "denominator"),
    dated=True,
)
ADJUSTMENTS: Final = Table(
    "table of stock adjustments",
    ("partner_code", "product_code", "adjustment_date", "adjusted_quantity", "reason"),
)


class Thresholds(Settings):
    """Limits that give figures their status. Rates are shares (0.80 = 80 %)."""

    overstock_ratio_rate: Decimal = Field(
        default=Decimal("0.80"), ge=0, description="Sell-out / sell-in below this: overstock risk."
    )
    balanced_low_rate: Decimal = Field(
        default=Decimal("1.00"),
        ge=0,
        description="Sell-out / sell-in from this on is balanced; below it a normal build.",
    )
    balanced_high_rate: Decimal = Field(
        default=Decimal("1.00"), ge=0, description="Sell-out / sell-in above this: shortage risk."
    )
    rotation_low_rate: Decimal = Field(
        default=Decimal("0.60"), ge=0, description="Sold / average stock of a quarter below this: below."
    )
    rotation_high_rate: Decimal = Field(
        default=Decimal("0.80"), ge=0, description="Sold / average stock of a quarter above this: above."
    )
    launch_days: int = Field(default=90, ge=0, description="A product younger than this is a launch.")
    shortage_weeks_of_supply_weeks: Decimal = Field(
        default=Decimal(1), ge=0, description="Weeks of supply below this: shortage."
    )
    min_weeks_of_supply_weeks: Decimal = Field(
        default=Decimal(2), ge=0, description="Weeks of supply below this: low."
    )
    target_weeks_of_supply_weeks: Decimal = Field(
        default=Decimal(4), ge=0, description="Weeks of supply that a proposed reorder fills up to."
    )
    max_weeks_of_supply_weeks: Decimal = Field(
        default=Decimal(12), ge=0, description="Weeks of supply above this: overstock."
    )
    trailing_sell_out_days: int = Field(
        default=28,
        ge=7,
        le=364,
        multiple_of=7,
        description="Days of sell-out in the mean that weeks of supply divide by.",
    )
    rolling_ratio_months: int = Field(
        default=3, ge=1, le=12, description="Months of the rolling sell-out / sell-in ratio."
    )
    siso_gap_tolerance_rate: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        description="Reported against calculated stock: a gap up to this is no finding.",
    )
    coverage_min_rate: Decimal = Field(
        default=Decimal("0.80"),
        ge=0,
        le=1,
        description="Share of expected reports below which a figure is not compared.",
    )
    estimation_months: int = Field(
        default=0,
        ge=0,
        le=24,
        description="Months of a partner's own sales that an estimate of unreported ones rests on; 0: none.",
    )
    min_order_fill_rate: Decimal = Field(
        default=Decimal("0.95"),
        ge=0,
        le=1,
        description="Share of complete orders above which service is good.",
    )
    max_lead_time_days: Decimal = Field(
        default=Decimal(7), ge=0, description="Mean days from order to receipt below which service is good."
    )
    max_order_error_rate: Decimal = Field(
        default=Decimal("0.02"),
        ge=0,
        le=1,
        description="Share of orders with an error below which it is good.",
    )
    min_availability_rate: Decimal = Field(
        default=Decimal("0.95"), ge=0, le=1, description="Share of lines from stock above which it is good."
    )
    max_return_rate: Decimal = Field(
        default=Decimal("0.02"), ge=0, le=1, description="Share of units sent back below which it is good."
    )
    min_repeat_purchase_rate: Decimal = Field(
        default=Decimal("0.25"),
        ge=0,
        le=1,
        description="Share of customers that buy again above which it is good.",
    )
    reorder_days: int = Field(
        default=60, ge=1, description="Days after an order within which the next one is a reorder."
    )
    supply_rate_weeks: int = Field(
        default=13, ge=1, le=52, description="Weeks of orders that the run rate of demand rests on."
    )
    supply_horizon_weeks: int = Field(
        default=13, ge=1, le=52, description="Weeks ahead for which our own stock is projected."
    )
    supply_notice_days: int = Field(
        default=7, ge=0, description="Days before the last day to order from which on it is time to."
    )
    opportunity_stale_days: int = Field(
        default=60, ge=0, description="Days after its expected day from which a deal is no demand any more."
    )
    calibration_deal_count: int = Field(
        default=5,
        ge=1,
        description="Decided deals of a year that a partner's own reliability takes; with fewer all count.",
    )
    max_missing_invoice_numbers: int = Field(
        default=0, ge=0, description="Invoice numbers that may be missing in a series, once explained."
    )
    max_silent_days: int = Field(
        default=0, ge=0, description="Shipping days without invoices that have been explained."
    )
    max_row_drop_share: Decimal = Field(
        default=Decimal("0.20"),
        ge=0,
        le=1,
        description="A mart that shrinks by more than this against the published one closes the gate.",
    )
    erp_stale_days: int = Field(
        default=7, ge=0, description="Days without a new invoice after which a run warns."
    )
    claim_duplicate_days: int = Field(
        default=45, ge=0, description="Claims of a partner within so many days may be one claim sent twice."
    )
    claim_duplicate_amount_rate: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        le=1,
        description="Claims whose amounts differ by no more may be one claim sent twice.",
    )
    claim_duplicate_text_rate: Decimal = Field(
        default=Decimal("0.80"),
        ge=0,
        le=1,
        description="Likeness of two claims' texts from which on they may be one claim sent twice.",
    )
    marginal_cost_change_min_rate: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        description="Programme costs that change by less over a year have no marginal return.",
    )
    financing_annual_rate: Decimal = Field(
        default=Decimal(0),
        ge=0,
        le=1,
        decimal_places=6,
        description="What money that partners owe costs in a year; 0 counts no financing cost.",
    )
    net_promoter_good_rate: Decimal = Field(
        default=Decimal("0.30"), ge=-1, le=1, description="Net promoters above this share of answers: good."
    )
    net_promoter_excellent_rate: Decimal = Field(
        default=Decimal("0.50"), ge=-1, le=1, description="Net promoters above this share: excellent."
    )
    conversion_low_rate: Decimal = Field(
        default=Decimal("0.02"),
        ge=0,
        le=1,
        description="Purchases / visitors of a web shop below this: below.",
    )
    conversion_high_rate: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        le=1,
        description="Purchases / visitors of a web shop above this: above.",
    )
    direct_conversion_low_rate: Decimal = Field(
        default=Decimal("0.10"), ge=0, le=1, description="The same for the channel direct."
    )
    direct_conversion_high_rate: Decimal = Field(
        default=Decimal("0.20"), ge=0, le=1, description="The same for the channel direct."
    )
    certification_expiring_days: int = Field(
        default=60, ge=0, description="A certification that ends within so many days is expiring."
    )
    reconciliation_rounding_amount: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        description="A document whose amounts in ledger and ERP differ by no more is rounded, not wrong.",
    )
    reconciliation_tolerance_amount: Decimal = Field(
        default=Decimal("1.00"),
        ge=0,
        description="Unexplained difference of a month against the ledger above which the marts gate "
        "closes and the month cannot be closed.",
    )


_ASCENDING: Final = (
    ("overstock_ratio_rate", "balanced_low_rate", "balanced_high_rate"),
    ("rotation_low_rate", "rotation_high_rate"),
    (
        "shortage_weeks_of_supply_weeks",
        "min_weeks_of_supply_weeks",
        "target_weeks_of_supply_weeks",
        "max_weeks_of_supply_weeks",
    ),
    ("net_promoter_good_rate", "net_promoter_excellent_rate"),
    ("conversion_low_rate", "conversion_high_rate"),
    ("direct_conversion_low_rate", "direct_conversion_high_rate"),
)


# Nothing reads them by channel: a gate judges all, and a window or a tolerance is one for all partners.
COMPANY_WIDE: Final = frozenset(
    {
        "trailing_sell_out_days",
        "rolling_ratio_months",
        "estimation_months",
        "supply_rate_weeks",
        "supply_horizon_weeks",
        "supply_notice_days",
        "opportunity_stale_days",
        "calibration_deal_count",
        "max_missing_invoice_numbers",
        "max_silent_days",
        "max_row_drop_share",
        "erp_stale_days",
        "financing_annual_rate",
        "claim_duplicate_days",
        "claim_duplicate_amount_rate",
        "claim_duplicate_text_rate",
        "marginal_cost_change_min_rate",
        "reconciliation_rounding_amount",
        "reconciliation_tolerance_amount",
    }
)


def _known_thresholds(own: dict[str, Decimal]) -> dict[str, Decimal]:
    """A channel's own thresholds: each known, read by channel and within its bounds."""
    by_channel = [name for name in Thresholds.model_fields if name not in COMPANY_WIDE]
    for name in own:
        if name in COMPANY_WIDE:
            raise ValueError(f"{name} holds for all channels; write it above 'channels'")
        if name not in by_channel:
            raise ValueError(f"unknown threshold {name!r}; expected one of {', '.join(by_channel)}")
    try:
        Thresholds.model_validate(own)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{fault['loc'][0]}: {fault['msg']}") from error
    return own


class ThresholdRules(Thresholds):
    """`rules/thresholds.yml`: thresholds for all channels, and under `channels` those that differ for one."""

    channels: dict[Code, Annotated[dict[str, Decimal], AfterValidator(_known_thresholds)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _in_order(self) -> ThresholdRules:
        general = self.model_dump(exclude={"channels"})
        for channel, own in {EVERY: {}, **self.channels}.items():
            for names in _ASCENDING:
                values = [Decimal((general | own)[name]) for name in names]
                if values != sorted(values):
                    raise ValueError(f"expected {' <= '.join(names)} (channel {channel})")
        return self

    def rows(self) -> list[Row]:
        """One row per threshold and channel; `*` holds where a channel has none of its own."""
        general = self.model_dump(exclude={"channels"})
        sets: dict[str, dict[str, Any]] = {EVERY: general, **self.channels}
        return [
            {"threshold_code": code, "channel_code": channel, "threshold_value": str(value)}
            for channel, values in sets.items()
            for code, value in values.items()
        ]


def load_thresholds(company: Path) -> ThresholdRules:
    """`rules/thresholds.yml` of a company directory; the defaults where the file is absent."""
    path = company / "rules" / "thresholds.yml"
    return read_model(path, ThresholdRules) if path.is_file() else ThresholdRules()


def feed_rows(profiles: Mapping[str, Profile]) -> list[Row]:
    """The feeds that the company expects, one row each."""
    return [
        {
            "feed_code": code,
            "partner_code": profile.partner,
            "frequency_code": profile.period.frequency,
            "calendar_code": calendar_code(profile.period.calendar) if profile.period.calendar else None,
            "reports_sell_out": profile.reports_sell_out,
            "reports_inventory": profile.reports_inventory,
            "expected_from_date": profile.expected_from.isoformat(),
            "expected_to_date": profile.expected_to.isoformat() if profile.expected_to else None,
            "due_days": profile.due_working_days or profile.due_days,
            "holiday_calendar_code": profile.holidays if profile.due_working_days else None,
        }
        for code, profile in sorted(profiles.items())
    ]


# --- partners ---


class PartnerRule(Settings):
    """What holds for one partner. Where several feeds report the same, `sell_out_feed` and `inventory_feed`
    name the one whose figures count; without them all feeds of the partner count and are added up.
    """

    siso_gap_tolerance_rate: Decimal | None = Field(default=None, ge=0)
    sell_out_feed: Code | None = None
    inventory_feed: Code | None = None


class PartnerRules(Settings):
    """`rules/partners.yml`."""

    partners: dict[Code, PartnerRule] = Field(default_factory=dict)


def load_partner_rules(company: Path, profiles: Mapping[str, Profile]) -> list[Row]:
    """`rules/partners.yml`, one row per partner; ConfigError if it names a feed that cannot be meant."""
    path = company / "rules" / "partners.yml"
    if not path.is_file():
        return []
    rules = read_model(path, PartnerRules)
    for partner, rule in rules.partners.items():
        _refuse_strange_feed(path, partner, "sell_out_feed", rule.sell_out_feed, profiles)
        _refuse_strange_feed(path, partner, "inventory_feed", rule.inventory_feed, profiles)
    return [
        {
            "partner_code": partner,
            "siso_gap_tolerance_rate": rule.siso_gap_tolerance_rate,
            "sell_out_feed_code": rule.sell_out_feed,
            "inventory_feed_code": rule.inventory_feed,
        }
        for partner, rule in sorted(rules.partners.items())
    ]


def _refuse_strange_feed(
    path: Path, partner: str, key: str, feed: str | None, profiles: Mapping[str, Profile]
) -> None:
    if feed is None:
        return
    own = {
        code
        for code, profile in profiles.items()
        if profile.partner == partner
        and (profile.reports_sell_out if key == "sell_out_feed" else profile.reports_inventory)
    }
    if feed not in own:
        raise ConfigError(
            "unknown_feed",
            f"partners.{partner}.{key} is {feed!r}, which is no such feed of the partner",
            f"expected one of {', '.join(sorted(own)) or 'none: the partner has no such feed'}",
            Place(file=path),
        )


# --- tables ---


def load_crosswalks(feeds: Path, profiles: Mapping[str, Profile]) -> list[Row]:
    """Rows of all crosswalks; ConfigError with file and line at the first fault.

    A file that several feeds of a partner share counts once. For one code of a partner, ranges must not
    overlap.
    """
    files = {
        (profile.partner, (feeds / profile.crosswalk).resolve()): None
        for _, profile in sorted(profiles.items())
        if profile.crosswalk is not None
    }
    lines: list[Line] = [
        ({"partner_code": partner, **row}, place)
        for partner, path in files
        for row, place in CROSSWALK.read(path)
    ]
    refuse_overlaps(lines, ("partner_code", "partner_product_code"), "partner_product_code")
    return [row for row, _ in lines]


def load_units(company: Path) -> list[Row]:
    """`rules/units.csv`: what a unit is worth in base units, as a fraction, for one partner and product, for
    one product, or for all (`*`).
    """
    path = company / "rules" / "units.csv"
    if not path.is_file():
        return []
    lines = UNITS.read(path)
    for row, place in lines:
        for name in ("numerator", "denominator"):
            read_number(
                row,
                name,
                place,
                digits=6,
                accepts=lambda number: 0 < number < 10**12,
                expected="a number above 0 with at most six decimals",
            )
        if row["product_code"] == EVERY and row["partner_code"] != EVERY:
            raise ConfigError(
                "invalid_row",
                "the line names a partner and no product",
                "name the product too, or map the partner's unit to one of ours in its profile (`units`)",
                place,
            )
    refuse_overlaps(lines, ("partner_code", "product_code", "unit_code"), "unit_code")
    return [row for row, _ in lines]


def load_adjustments(company: Path) -> list[Row]:
    """`rules/stock_adjustments.csv`: what entered or left a partner's stock beside trade, in base units."""
    path = company / "rules" / "stock_adjustments.csv"
    if not path.is_file():
        return []
    lines = ADJUSTMENTS.read(path)
    for row, place in lines:
        read_date(row, "adjustment_date", place)
        read_number(
            row,
            "adjusted_quantity",
            place,
            digits=3,
            accepts=lambda number: number != 0 and abs(number) < 10**12,
            expected="a number other than 0 with at most three decimals, negative for what left the stock",
        )
    return [row for row, _ in lines]


def calendar_rows(calendar: Calendar, profiles: Mapping[str, Profile]) -> list[Row]:
    """The fiscal periods of the company's calendar, and of others that its partners report by."""
    others = {profile.period.calendar for profile in profiles.values()} - {None, calendar}
    return [
        row
        for own in (calendar, *sorted((other for other in others if other), key=calendar_code))
        for row in _calendar_rows(own, is_company=own == calendar)
    ]


def _calendar_rows(calendar: Calendar, *, is_company: bool) -> list[Row]:
    return [
        {
            "calendar_code": calendar_code(calendar),
            "is_company_calendar": is_company,
            "fiscal_year": period.year,
            "fiscal_quarter": period.quarter,
            "fiscal_period": period.number,
            "period_start_date": period.start.isoformat(),
            "period_end_date": period.end.isoformat(),
            "first_week_start_date": period.first_week.isoformat(),
        }
        for period in fiscal_periods(calendar)
    ]


def working_day_rows(profiles: Mapping[str, Profile], today: date) -> list[Row]:
    """The days of the holiday calendars that due dates follow, up to the end of next year."""
    codes = {profile.holidays for profile in profiles.values() if profile.due_working_days}
    return [
        {
            "holiday_calendar_code": code,
            "calendar_date": day.isoformat(),
            "is_working_day": is_worked,
            "working_day_number": number,
        }
        for code in sorted(filter(None, codes))
        for day, is_worked, number in numbered_days(_FIRST_COUNTED, date(today.year + 1, 12, 31), code)
    ]


# --- landing ---


@dataclass(frozen=True)
class _Content:
    """One rule entity as it stands now: its hash, and its rows as texts, read when they have to land."""

    source_file: str
    content_hash: str
    read: Callable[[], pa.Table]


def land_rules(
    paths: Paths, company: Company, profiles: Mapping[str, Profile], ledger: Ledger, *, now: datetime
) -> list[Batch]:
    """Land the rule entities whose content changed; returns the batches that were entered."""
    contents = _contents(paths.company, company, profiles)
    now = now.astimezone(UTC)
    ids = batch_ids(now, ledger.last_batch_id())
    changed = []
    for name, content in contents.items():
        target = entity("rules", name)
        # With the entity's columns, so that a change of the contract lands anew.
        stamped = json.dumps([column_definitions(target), content.content_hash])
        content_hash = hashlib.sha256(stamped.encode()).hexdigest()
        former = ledger.last_extract("rules", name)
        if former is None or former.content_hash != content_hash:
            changed.append((target, content, content_hash, content.read()))
    batches = []
    with duckdb.connect() as engine:
        for target, content, content_hash, rows in changed:
            batch = Batch(
                batch_id=next(ids),
                system="rules",
                source=target.name,
                state="landed",
                received_at=now,
                landed_at=now,
                file_name=content.source_file,
                content_hash=content_hash,
                rows_read=rows.num_rows,
                rows_accepted=rows.num_rows,
            )
            final = entity_folder(paths.landing, target) / f"{batch.batch_id}.parquet"
            write_rows(final, target, rows, batch, engine)
            file = final.relative_to(paths.landing).as_posix()
            span = (date.fromisoformat(FIRST_DAY), date.fromisoformat(OPEN_END))
            held = Slice("rules", target.name, SLICE_KEY, *span, rows_landed=rows.num_rows, file=file)
            ledger.record(batch, [held])
            batches.append(batch)
    return batches


def _contents(directory: Path, company: Company, profiles: Mapping[str, Profile]) -> dict[str, _Content]:
    """All rule entities; ConfigError at the first fault in one of the files that people write."""
    rates = _rate_file(directory, company)
    programmes = load_programme_costs(directory)
    segments = load_segments(directory)
    return {
        "feeds": _of_rows("feeds", feed_rows(profiles), "feeds/*.yml"),
        "product_crosswalk": _of_rows(
            "product_crosswalk", load_crosswalks(directory / "feeds", profiles), "feeds/*.csv"
        ),
        "gl_accounts": _of_rows("gl_accounts", load_accounts(directory).rows(), "rules/accounts.yml"),
        "product_matches": _of_rows("product_matches", load_matches(directory), str(PRODUCTS.file)),
        "store_matches": _of_rows("store_matches", load_matches(directory, STORES), str(STORES.file)),
        "stores": _of_rows("stores", load_stores(directory), str(STORES_FILE)),
        "thresholds": _of_rows("thresholds", load_thresholds(directory).rows(), "rules/thresholds.yml"),
        "alert_limits": _of_rows("alert_limits", load_alert_rules(directory).rows(), str(ALERTS_FILE)),
        "alert_mutes": _of_rows("alert_mutes", load_mutes(directory), str(MUTES_FILE)),
        "allocation_keys": _of_rows("allocation_keys", programmes.allocation_rows(), str(PROGRAMMES_FILE)),
        "commission_rates": _of_rows("commission_rates", programmes.commission_rows(), str(PROGRAMMES_FILE)),
        "cash_discount_terms": _of_rows(
            "cash_discount_terms", programmes.cash_discount_rows(), str(PROGRAMMES_FILE)
        ),
        "territory_rules": _of_rows(
            "territory_rules", load_territory_rules(directory).rows(), str(TERRITORIES_FILE)
        ),
        "territory_decisions": _of_rows(
            "territory_decisions", load_territory_decisions(directory), str(DECISIONS_FILE)
        ),
        "partners": _of_rows("partners", load_partner_rules(directory, profiles), "rules/partners.yml"),
        "units": _of_rows("units", load_units(directory), "rules/units.csv"),
        "stock_adjustments": _of_rows(
            "stock_adjustments", load_adjustments(directory), "rules/stock_adjustments.csv"
        ),
        "discount_rules": _of_rows("discount_rules", load_discounts(directory).rows(), "rules/discounts.yml"),
        "budgets": _of_rows("budgets", load_budget(directory), "rules/budget.csv"),
        "segment_schemes": _of_rows("segment_schemes", segments.rows(), SEGMENTS_FILE),
        "segments": _of_rows("segments", segments.segment_rows(), SEGMENTS_FILE),
        "segment_members": _of_rows("segment_members", _segment_members(directory, segments), SEGMENTS_FILE),
        "scorecard_themes": _of_rows("scorecard_themes", load_scorecard(directory).rows(), SCORECARD_FILE),
        "targets": _of_rows("targets", load_targets(directory), TARGETS_FILE),
        "cost_corrections": _of_rows(
            "cost_corrections", load_cost_corrections(directory, company.currency), str(CORRECTIONS_FILE)
        ),
        "fiscal_periods": _of_rows(
            "fiscal_periods", calendar_rows(company.calendar, profiles), "company.yml"
        ),
        "working_days": _of_rows("working_days", working_day_rows(profiles, company.today()), "feeds/*.yml"),
        "exchange_rates": _Content(_shown(rates.path, directory), rates.content_hash(), rates.read),
        **{
            name: _of_rows(name, rows, file)
            for name, (rows, file) in {**rebate_rows(directory), **campaign_rows(directory)}.items()
        },
    }


def _segment_members(directory: Path, segments: SegmentRules) -> list[Row]:
    path = directory / SEGMENTS_FILE
    return segments.member_rows(line_finder(path)) if path.is_file() else []


def _rate_file(directory: Path, company: Company) -> RateFile:
    """The file of rates; ConfigError if company.yml names one that is not there."""
    if company.exchange_rates is None:
        return RateFile(directory / "rules" / FILE_NAME)
    path = company.exchange_rates.path
    if not path.is_file():
        raise ConfigError(
            "missing_file",
            f"exchange_rates.path names {path}, which does not exist",
            f"put the central bank's {FILE_NAME} there, or take 'exchange_rates' out of company.yml",
            Place(file=directory / "company.yml"),
        )
    return RateFile(path)


def _shown(path: Path, directory: Path) -> str:
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else path.name


def _of_rows(name: str, rows: Sequence[Row], source_file: str) -> _Content:
    content = hashlib.sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()

    def read() -> pa.Table:
        return pa.table(
            {
                column.name: pa.array([_as_text(row[column.name]) for row in rows], pa.string())
                for column in entity("rules", name).columns
            }
        )

    return _Content(source_file, content, read)


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)
