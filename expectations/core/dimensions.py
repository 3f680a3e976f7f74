"""Promises on dimensions: each thing once, and partners' ranges of dates without holes or overlaps."""

from __future__ import annotations

from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.vocabulary import Suite, filled, no_finding, no_row_where, not_empty, one_row_per

KEYS: Final = {
    "dim_dates": "date_day",
    "dim_channels": "channel_code",
    "dim_territories": "territory_code",
    "dim_partners": "partner_version_id",
    "dim_products": "product_code",
}
REBUILD: Final = (
    "`aval run --full-refresh`; if it comes back, correct the record in the ERP that the finding names."
)


def suites() -> list[Suite]:
    own = {"dim_partners": _of_partners(), "dim_products": _of_products(), "dim_dates": _of_dates()}
    return [
        Suite(
            f"core.{table}",
            (
                not_empty(severity="critical", message=f"{table} is empty.", remedy=REBUILD),
                one_row_per(
                    key,
                    severity="critical",
                    message=f"{table} holds a member twice: every fact joined to it would be doubled.",
                    remedy=REBUILD,
                ),
                filled(key, severity="critical", remedy=REBUILD),
                *own.get(table, ()),
            ),
        )
        for table, key in KEYS.items()
    ] + [Suite("core.dim_stores", _of_stores())]


def _of_stores() -> tuple[Expectation, ...]:
    """A company whose partners report no stores has none: that is no fault."""
    return (
        one_row_per(
            "store_version_id",
            severity="critical",
            message="dim_stores holds a store twice on a day: its sell-out would be doubled.",
            remedy=REBUILD,
        ),
        filled("store_version_id", "store_key", "partner_code", severity="critical", remedy=REBUILD),
        no_row_where(
            "is_current and other_partner_code is not null",
            name="stores_bear_no_other_partners_number",
            show=("store_key", "own_store_code", "other_partner_code"),
            severity="warning",
            message="A partner reports a store under a GLN or SIRET of another partner's.",
            remedy="Ask the partner whose store it is; correct rules/stores.csv if the list is wrong.",
            column="other_partner_code",
        ),
    )


def _of_partners() -> tuple[Expectation, ...]:
    return (
        no_finding(
            """
            with ordered as (
                select
                    partner_code,
                    valid_from_date,
                    valid_to_date,
                    lag(valid_to_date) over in_time as former_to_date,
                    lead(valid_from_date) over in_time as next_from_date
                from {batch}
                window in_time as (partition by partner_code order by valid_from_date, valid_to_date)
            )
            select
                partner_code,
                valid_from_date,
                valid_to_date,
                case
                    when valid_to_date <= valid_from_date then 'an empty range'
                    when former_to_date is null and valid_from_date > date '1900-01-01'
                        then 'nothing before it'
                    when next_from_date is null then 'nothing after it'
                    when next_from_date > valid_to_date then 'a hole after it'
                    else 'an overlap with the next'
                end as fault
            from ordered
            where valid_to_date <= valid_from_date
                or (former_to_date is null and valid_from_date > date '1900-01-01')
                or coalesce(next_from_date, date '9999-12-31') <> valid_to_date
            """,
            name="ranges_have_no_hole_and_no_overlap",
            severity="critical",
            message="A partner's versions leave days without terms, or days with two: documents of those "
            "days would be lost or doubled.",
            remedy=REBUILD,
            found="partner {partner_code} from {valid_from_date} to {valid_to_date}: {fault}",
            column="valid_from_date",
        ),
        no_finding(
            """
            select partner_code, count(*) filter (where is_current) as current_versions
            from {batch}
            group by partner_code
            having count(*) filter (where is_current) <> 1
            """,
            name="one_version_is_current",
            severity="critical",
            message="A partner has no current version, or several.",
            remedy=REBUILD,
            found="partner {partner_code}: {current_versions}",
            column="is_current",
        ),
        no_finding(
            """
            select partner_code from landing.partners
            where partner_code not in (select partner_code from {batch})
            """,
            name="every_landed_partner_is_there",
            severity="critical",
            message="A partner of the ERP is missing among the partners.",
            remedy=REBUILD,
            found="partner {partner_code}",
            column="partner_code",
        ),
    )


def _of_products() -> tuple[Expectation, ...]:
    return (
        no_finding(
            """
            select product_code from landing.products
            where product_code not in (select product_code from {batch})
            union all
            select 'UNMATCHED' as product_code
            where 'UNMATCHED' not in (select product_code from {batch})
            """,
            name="every_landed_product_is_there",
            severity="critical",
            message="A product of the ERP, or the member for unmatched lines, is missing among the products.",
            remedy=REBUILD,
            found="product {product_code}",
            column="product_code",
        ),
    )


def _of_dates() -> tuple[Expectation, ...]:
    return (
        no_finding(
            """
            select min(date_day) as first_day, max(date_day) as last_day, count(*) as days
            from {batch}
            having count(*) <> max(date_day) - min(date_day) + 1
            """,
            name="every_day_is_there",
            severity="critical",
            message="The calendar has a hole.",
            remedy=REBUILD,
            found="{days} days from {first_day} to {last_day}",
            column="date_day",
        ),
    )
