"""Promises on the ERP's documents: orders, shipments, and above all invoices.

An ERP that silently loses documents is the worst fault there is: every figure stays plausible. Three
promises catch it: numbers without gaps, no day with shipments but without invoices, and no posted
document that vanishes.
"""

from __future__ import annotations

from great_expectations.expectations.expectation import Expectation

from expectations.hub import ERP_KEYS, Hub
from expectations.landing.master_data import MAPPING
from expectations.terms import Terms
from expectations.vocabulary import (
    Suite,
    filled,
    no_finding,
    no_row_where,
    not_empty,
    one_of,
    one_row_per,
    refers_to,
)

REQUIRED = {
    "order_lines": (
        "order_number",
        "order_line_number",
        "partner_code",
        "order_date",
        "product_code",
        "ordered_quantity",
        "unit_code",
        "net_amount",
        "currency_code",
        "status_code",
    ),
    "shipment_lines": (
        "shipment_number",
        "shipment_line_number",
        "shipment_type",
        "partner_code",
        "shipment_date",
        "product_code",
        "shipped_quantity",
        "unit_code",
    ),
    "invoice_lines": (
        "invoice_number",
        "invoice_line_number",
        "invoice_type",
        "partner_code",
        "invoice_date",
        "product_code",
        "invoiced_quantity",
        "unit_code",
        "gross_amount",
        "standard_discount_amount",
        "exceptional_discount_amount",
        "net_amount",
        "currency_code",
    ),
}
"""Columns of landed documents that are never NULL."""

DATE = {
    "order_lines": "order_date",
    "shipment_lines": "shipment_date",
    "invoice_lines": "invoice_date",
}
MEASURES = {
    "order_lines": ("ordered_quantity", "net_amount"),
    "shipment_lines": ("shipped_quantity", "0"),
    "invoice_lines": ("invoiced_quantity", "net_amount"),
}
"""Quantity and amount that the ledger keeps as control totals."""

LOST = "Ask the ERP's administrator what became of them. Restore them in the ERP and run again"


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    present = hub.tables()
    found = []
    for entity in REQUIRED:
        table = f"landing.{entity}"
        if table not in present or not (entity == "invoice_lines" or hub.delivers(entity)):
            continue
        expectations = _of_every_document(entity, terms, hub.delivers(entity))
        if "landing.product_units" in present:
            expectations.append(_units_are_known(entity))
        if entity == "shipment_lines":
            expectations += _of_shipments()
        if entity == "invoice_lines":
            expectations += _of_invoices(terms)
            expectations.append(invoice_numbers_have_no_gap(terms))
            if hub.delivers("shipment_lines"):
                expectations.append(shipping_days_have_invoices(terms))
        found.append(Suite(table, tuple(expectations)))
    return found


def _of_every_document(entity: str, terms: Terms, is_delivered: bool) -> list[Expectation]:
    name = entity.removesuffix("_lines")
    a_name = _with_article(name)
    number = ERP_KEYS[entity][0]
    return [
        not_empty(
            severity="critical" if entity == "invoice_lines" and is_delivered else "warning",
            message=f"The ERP delivers no {name}s.",
            remedy="Check the connection and the rights of the ERP user, and the mapping query; "
            "`aval doctor` tries both.",
        ),
        one_row_per(
            *ERP_KEYS[entity],
            severity="critical",
            message=f"The ERP delivered the same {name} line twice in one extract: it would count twice.",
            remedy=MAPPING,
        ),
        filled(*REQUIRED[entity], severity="critical", remedy=MAPPING),
        refers_to(
            "partner_code",
            "landing.newest_partners",
            "partner_code",
            severity="critical",
            message=f"{a_name} names a partner that the ERP did not deliver.",
            remedy="Check that the mapping query of partners does not filter it out.",
        ),
        refers_to(
            "product_code",
            "landing.newest_products",
            "product_code",
            severity="critical",
            message=f"{a_name} names a product that the ERP did not deliver.",
            remedy="Check that the mapping query of products does not filter it out.",
        ),
        documents_hold_what_the_ledger_says(entity),
        no_row_where(
            f"{DATE[entity]} > {terms.as_of_sql}",
            name="no_document_from_the_future",
            show=(number, DATE[entity]),
            severity="warning",
            message=f"{a_name} is dated after {terms.as_of.isoformat()}; it does not count yet.",
            remedy="Correct its date in the ERP.",
            column=DATE[entity],
        ),
        _no_document_long_before_the_others(entity, terms),
    ]


def _no_document_long_before_the_others(entity: str, terms: Terms) -> Expectation:
    """History begins with the first document: after a mistyped year what nobody knows counts as nothing."""
    name = entity.removesuffix("_lines")
    number = ERP_KEYS[entity][0]
    return no_finding(
        f"""
        select
            {number},
            {DATE[entity]} as document_date,
            lead({DATE[entity]}) over (order by {DATE[entity]}, {number}) as next_date
        from {{batch}}
        where {DATE[entity]} <= {terms.as_of_sql}
        qualify next_date - document_date > 366
        order by document_date
        """,
        name="no_document_long_before_the_others",
        severity="warning",
        message=f"More than a year lies between {_with_article(name).lower()} and the next one: history "
        "begins with the first, and what nobody knows of the time since counts as nothing.",
        remedy="Correct its date in the ERP, if the year is mistyped.",
        found=f"{name} {{{number}}} of {{document_date}}, the next one of {{next_date}}",
        column=DATE[entity],
    )


def _with_article(name: str) -> str:
    return f"{'An' if name[0] in 'aeiou' else 'A'} {name}"


def documents_hold_what_the_ledger_says(entity: str) -> Expectation:
    """By month, the newest versions are as many, and sum up to, what the ledger entered."""
    quantity, amount = MEASURES[entity]
    return no_finding(
        f"""
        with landed as (
            select
                'erp|' || strftime({DATE[entity]}, '%Y-%m') as slice_key,
                count(*) as row_count,
                sum({quantity}) as quantity,
                sum({amount}) as amount
            from {{batch}}
            group by 1
        )
        select
            ledgered.slice_key,
            ledgered.rows_landed as rows_in_ledger,
            coalesce(landed.row_count, 0) as rows_landed,
            coalesce(landed.amount, 0) - ledgered.amount_total as amount_too_much
        from ledger.slices as ledgered
        left join landed on ledgered.slice_key = landed.slice_key
        where ledgered.system = 'erp' and ledgered.entity = '{entity}' and ledgered.is_live
            and (
                ledgered.rows_landed <> coalesce(landed.row_count, 0)
                or ledgered.quantity_total <> coalesce(landed.quantity, 0)
                or ledgered.amount_total <> coalesce(landed.amount, 0)
            )
        order by ledgered.slice_key
        """,
        name="documents_hold_what_the_ledger_says",
        severity="critical",
        message="The landed documents are not those that the ledger entered: a file is damaged or gone.",
        remedy="Restore the landing folder from the backup.",
        found="{slice_key}: {rows_landed} rows landed, {rows_in_ledger} in the ledger, amount too much by "
        "{amount_too_much}",
        column=quantity,
    )


def _units_are_known(entity: str) -> Expectation:
    name = entity.removesuffix("_lines")
    return no_finding(
        """
        with known as (
            select product_code, unit_code from landing.product_units
            union
            select product_code, base_unit_code as unit_code from landing.newest_products
        ),
        line as (select * from {batch})
        select product_code, unit_code, count(*) as line_count
        from line
        where (product_code, unit_code) not in (select (product_code, unit_code) from known)
            and not exists (
                select 1 from landing.unit_rules as rule
                where rule.unit_code = line.unit_code
                    and rule.product_code in (line.product_code, '*')
                    and rule.partner_code in (line.partner_code, '*')
            )
        group by product_code, unit_code
        order by product_code, unit_code
        """,
        name="units_are_known",
        severity="warning" if entity == "order_lines" else "critical",
        message=f"{_with_article(name)} is in a unit that its product does not have: its units cannot be "
        "counted.",
        remedy="Add the unit to the product in the ERP, to the mapping query of product_units, or to "
        "the company's rules/units.csv.",
        found="product {product_code} in {unit_code}: {line_count} lines",
        column="unit_code",
    )


def _of_shipments() -> list[Expectation]:
    return [
        one_of("shipment_type", ("delivery", "return"), severity="critical", remedy=MAPPING),
        no_row_where(
            "shipped_quantity < 0",
            name="shipped_quantity_is_positive",
            show=("shipment_number", "shipment_line_number", "shipment_type", "shipped_quantity"),
            severity="critical",
            message="A shipped quantity is negative; the direction stands in shipment_type, so it would "
            "be turned round twice.",
            remedy=MAPPING,
            column="shipped_quantity",
        ),
    ]


def _of_invoices(terms: Terms) -> list[Expectation]:
    line = ("invoice_number", "invoice_line_number")
    return [
        one_of("invoice_type", ("invoice", "credit_note"), severity="critical", remedy=MAPPING),
        no_row_where(
            "abs(gross_amount - standard_discount_amount - exceptional_discount_amount - net_amount) "
            f"> {terms.thresholds.amount_tolerance}",
            name="net_is_gross_less_discounts",
            show=(
                *line,
                "gross_amount",
                "standard_discount_amount",
                "exceptional_discount_amount",
                "net_amount",
            ),
            severity="critical",
            message="Net amount is not gross less both discounts.",
            remedy=MAPPING,
            column="net_amount",
        ),
        no_row_where(
            "invoice_type = 'credit_note' and (net_amount > 0 or gross_amount > 0 or invoiced_quantity > 0)",
            name="credit_notes_are_negative",
            show=(*line, "invoiced_quantity", "net_amount"),
            severity="critical",
            message="A credit note adds to sales instead of reducing them.",
            remedy="Turn its sign round in the mapping query: credit notes are negative.",
            column="net_amount",
        ),
        no_row_where(
            "invoice_type = 'credit_note' and credit_reason_code in ('price', 'wrong_price') "
            "and invoiced_quantity <> 0",
            name="price_credits_move_no_units",
            show=(*line, "invoiced_quantity"),
            severity="critical",
            message="A price-only credit note moves units.",
            remedy="Give it quantity 0, or the reason `return`, in the mapping query.",
            column="invoiced_quantity",
        ),
        no_row_where(
            "invoice_type = 'credit_note' and credit_reason_code is null",
            name="credit_notes_have_a_reason",
            show=line,
            severity="warning",
            message="A credit note does not say whether goods came back or only the price changed.",
            remedy="Map credit_reason_code (return, price, wrong_item, wrong_quantity or wrong_price).",
            column="credit_reason_code",
        ),
        no_row_where(
            "invoice_type = 'invoice' and (net_amount < 0 or invoiced_quantity < 0)",
            name="invoices_are_positive",
            show=(*line, "invoiced_quantity", "net_amount"),
            severity="warning",
            message="An invoice holds a negative line; it counts as it stands.",
            remedy="Nothing, if the line is a rebate or a return billed on the invoice.",
            column="net_amount",
        ),
        vanished_invoices_are_accepted(),
        _partners_keep_their_code(),
    ]


def _partners_keep_their_code() -> Expectation:
    """No invoice stands under the former code of a partner that the ERP calls by another one now."""
    return no_finding(
        """
        select former.partner_code, present.partner_code as present_code, count(*) as line_count
        from {batch} as lines
        inner join landing.newest_partners as former
            on former.partner_code = lines.partner_code and former._is_deleted
        inner join landing.newest_partners as present
            on not present._is_deleted and (
                present.siret = former.siret or present.gln = former.gln
                or present.partner_name = former.partner_name and present.postal_code = former.postal_code
            )
        group by all
        order by all
        """,
        name="partners_keep_their_code",
        severity="warning",
        message="A partner bears another code in the ERP now; invoices under its former one stand apart.",
        remedy="Take the partner's `updated_at` into those of the mapping queries with `:cursor`: its "
        "documents are then read again (docs/erp.md).",
        found="{partner_code} is {present_code} now, {line_count} lines",
        column="partner_code",
    )


def invoice_numbers_have_no_gap(terms: Terms) -> Expectation:
    """Numbers run without a gap within each series that is numbered so at all.

    A number is text and a counter at its end: `FA-2025-000123` is 123 of the series `FA-2025-`. Where
    the digits begin with the year of the invoice (`FA2025000123`, `250001`), the year belongs to the
    series; and so does the month after it. A series is judged if it has enough documents and nearly all its
    steps are 1. Steps decide, not the share of missing numbers: an ERP that loses a month of a young
    series makes one large gap, and must be caught. Deleted documents count as known: they have an
    expectation of their own. A series ends with its highest living number: an invoice that was numbered
    9000000 by mistake and deleted does not leave a gap of millions behind it.
    """
    limits = terms.thresholds
    share = limits.numbering_min_unit_steps_share
    return no_finding(
        rf"""
        with documents as (
            select invoice_number, invoice_date, is_living from landing.invoice_numbers
        ),
        split as (
            select
                *,
                regexp_extract(invoice_number, '^(.*?)([0-9]+)$', 1) as prefix,
                regexp_extract(invoice_number, '^(.*?)([0-9]+)$', 2) as digits
            from documents
            where regexp_matches(invoice_number, '[0-9]$')
        ),
        with_year as (
            select
                *,
                avg(case when digits[1:4] = strftime(invoice_date, '%Y') and length(digits) > 5
                    then 1 else 0 end) over (partition by prefix) as long_years,
                avg(case when digits[1:2] = strftime(invoice_date, '%y') and length(digits) > 4
                    then 1 else 0 end) over (partition by prefix) as short_years
            from split
        ),
        after_year as (
            select
                *,
                case when long_years >= {share} then 4 when short_years >= {share} then 2 else 0 end
                    as year_length
            from with_year
        ),
        with_month as (
            select
                *,
                avg(case when digits[year_length + 1:year_length + 2] = strftime(invoice_date, '%m')
                    and length(digits) > year_length + 3 then 1 else 0 end)
                    over (partition by prefix, digits[1:year_length]) as months
            from after_year
        ),
        after_month as (
            select
                *,
                case when months >= {share} then year_length + 2 else year_length end as period_length
            from with_month
        ),
        with_counter as (
            select
                invoice_number,
                invoice_date,
                is_living,
                prefix || digits[1:period_length] as series,
                try_cast(digits[period_length + 1:] as bigint) as counter
            from after_month
        ),
        in_range as (
            select * from with_counter
            qualify counter <= max(counter) filter (where is_living) over (partition by series)
        ),
        steps as (
            select
                *,
                lag(counter) over in_order as counter_before,
                lag(invoice_number) over in_order as number_before,
                lag(invoice_date) over in_order as date_before,
                count(*) over (partition by series) as documents
            from in_range
            window in_order as (partition by series order by counter, invoice_number)
        ),
        judged as (
            select
                *,
                counter - counter_before - 1 as missing,
                avg(case when counter - counter_before <= 1 then 1 else 0 end)
                    filter (where counter_before is not null) over (partition by series) as unit_steps
            from steps
        ),
        gaps as (
            select
                series,
                sum(missing) over (partition by series) as missing_in_series,
                missing,
                counter_before + 1 as first_missing,
                counter - 1 as last_missing,
                number_before,
                date_before,
                invoice_number as number_after,
                invoice_date as date_after
            from judged
            where missing > 0
                and documents >= {limits.numbering_min_documents}
                and unit_steps >= {share}
        )
        select * from gaps
        where missing_in_series > {limits.max_missing_invoice_numbers}
        order by date_after, number_after
        """,
        name="invoice_numbers_have_no_gap",
        severity="critical",
        message="The ERP lost documents: invoice numbers that should run without a gap do not.",
        remedy=f"{LOST}. If the numbers were never used (voided drafts) or the mapping "
        "query leaves their documents out, set the threshold `max_missing_invoice_numbers` to their count.",
        found="{missing} numbers ({first_missing} to {last_missing}) of series '{series}' are missing "
        "between {number_before} of {date_before} and {number_after} of {date_after}",
        column="invoice_number",
    )


def shipping_days_have_invoices(terms: Terms) -> Expectation:
    """A day on which goods left but nothing was invoiced, where that never happens.

    Shipments, not a calendar, say that a day was worked: holidays and closures need no list.
    """
    limits = terms.thresholds
    return no_finding(
        f"""
        with shipping_days as (
            select shipment_date as day, count(distinct shipment_number) as shipments
            from landing.shipment_lines
            where shipment_type = 'delivery' and dayofweek(shipment_date) between 1 and 5
            group by shipment_date
        ),
        invoice_days as (
            select distinct invoice_date as day from {{batch}} where invoice_type = 'invoice'
        ),
        judged as (
            select
                shipping_days.*,
                invoice_days.day is not null as has_invoices,
                count(*) over () as days,
                avg(case when invoice_days.day is not null then 1 else 0 end) over () as share
            from shipping_days
            left join invoice_days on shipping_days.day = invoice_days.day
            where shipping_days.day >= (select min(day) from invoice_days)
                and shipping_days.day < {terms.as_of_sql} - {limits.silent_day_lag_days}
        ),
        silent as (
            select day, shipments, count(*) over () as silent_days
            from judged
            where not has_invoices
                and days >= {limits.silent_day_min_days}
                and share >= {limits.silent_day_min_share}
        )
        select day, shipments from silent where silent_days > {limits.max_silent_days} order by day
        """,
        name="shipping_days_have_invoices",
        severity="critical",
        message="The ERP lost documents: goods were shipped on a day that has no invoice at all, which "
        "otherwise never happens.",
        remedy=f"{LOST}. If nothing was billed that day, set the threshold `max_silent_days` to the "
        "count of such days.",
        found="{shipments} shipments but no invoice on {day}",
        column="invoice_date",
    )


def vanished_invoices_are_accepted() -> Expectation:
    """No posted invoice that was pulled before is missing in the ERP without anybody's consent."""
    return no_finding(
        """
        with unaccepted as (
            select batch_id
            from ledger.batches
            where system = 'erp'
                and coalesce(try_cast(json_extract_string(totals, 'deleted_rows') as bigint), 0) > 0
                and json_extract_string(totals, 'deletions_accepted') is distinct from 'yes'
        )
        select
            invoice_number,
            min(invoice_date) as invoice_date,
            min(partner_code) as partner_code,
            count(*) as line_count,
            cast(sum(net_amount) as decimal(18, 2)) as net_amount
        from landing.newest_invoice_lines
        where _is_deleted and _batch_id in (select batch_id from unaccepted)
        group by invoice_number
        order by invoice_date, invoice_number
        """,
        name="vanished_invoices_are_accepted",
        severity="critical",
        message="Posted invoices that were pulled before are no longer in the ERP.",
        remedy=f"{LOST}. If they were rightly deleted, accept it with `aval run --accept-deleted-documents`.",
        found="{invoice_number} of {invoice_date}, partner {partner_code}, {line_count} lines, "
        "net {net_amount}",
        column="invoice_number",
    )
