"""Promises on the intake ledger: counts add up, landed files are there, reports come in."""

from __future__ import annotations

from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.hub import Hub
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, no_row_where

REPLAY = (
    "Remove what landed of it, see that the partner's file lies in the inbox, and run: it is read again; "
    "if it comes back, report it as a fault of Aval."
)
_FEWEST_REPLACED: Final = 6
"""Lines from which on a report that shrinks says more than chance."""


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    limits = terms.thresholds
    batches = Suite(
        "ledger.batches",
        (
            no_row_where(
                "state in ('landed', 'superseded') "
                "and rows_read <> rows_accepted + rows_quarantined + rows_skipped",
                name="every_row_read_is_accounted_for",
                show=(
                    "source",
                    "file_name",
                    "rows_read",
                    "rows_accepted",
                    "rows_quarantined",
                    "rows_skipped",
                ),
                severity="critical",
                message="Rows of a file are neither accepted, nor in quarantine, nor skipped: they are lost.",
                remedy=REPLAY,
                column="rows_read",
            ),
            no_finding(
                f"""
                select
                    feed_code,
                    count(*) filter (where state = 'rejected') as rejected,
                    count(*) as files
                from (
                    select
                        *,
                        content_hash is not null
                        and bool_or(state = 'landed') over (partition by feed_code, content_hash)
                            as has_landed
                    from {{batch}}
                    where system = 'feeds' and state <> 'duplicate'
                )
                where received_at >= {terms.as_of_sql} - 60 and not (state = 'rejected' and has_landed)
                group by feed_code
                having count(*) filter (where state = 'rejected') > {limits.max_rejected_share} * count(*)
                """,
                name="few_files_are_rejected",
                severity="warning",
                message="Many files of a feed were rejected in the last 60 days.",
                remedy="`aval feeds status` gives the reasons; `aval feeds check FILE` explains one file.",
                found="{rejected} of {files} files of {feed_code}",
            ),
            no_finding(
                f"""
                select
                    feed_code,
                    sum(rows_quarantined) as quarantined,
                    sum(rows_quarantined + rows_accepted) as total
                from {{batch}}
                where system = 'feeds' and state = 'landed'
                group by feed_code
                having sum(rows_quarantined)
                    > {limits.max_quarantined_share} * sum(rows_quarantined + rows_accepted)
                """,
                name="few_rows_are_quarantined",
                severity="warning",
                message="Many rows of a feed are in quarantine, so its partner's sell-out is understated.",
                remedy="`aval feeds status` gives the reasons; mend the profile, and run again.",
                found="{quarantined} of {total} rows of {feed_code}",
            ),
            no_finding(
                """
                select file_name, rows_quarantined, rows_read from {batch}
                where
                    rows_quarantined > 0
                    and batch_id in (
                        select batch_id from ledger.documents where system = 'accounting' and is_live
                    )
                """,
                name="ledger_lines_are_read",
                severity="warning",
                message="Lines of a ledger export are in quarantine: the reconciliation lacks them.",
                remedy="Look at the reasons in landing/accounting/quarantine, correct the export and write "
                "it again.",
                found="{rows_quarantined} of {rows_read} lines of {file_name}",
            ),
            no_finding(
                """
                select
                    feed_code,
                    replace(name, 'personal_', '') as column_name,
                    sum(cast(json_extract_string(totals, name) as bigint)) as cells
                from (
                    select feed_code, totals, unnest(json_keys(totals)) as name
                    from {batch}
                    where system = 'feeds' and state = 'landed' and contains(totals, '"personal_')
                )
                where starts_with(name, 'personal_')
                group by feed_code, name
                order by feed_code, name
                """,
                name="no_personal_data_land_in_clear",
                severity="warning",
                message="A column that lands in clear holds e-mail addresses or telephone numbers.",
                remedy="Name the column under `columns.customer` or `personal` in the profile, and run "
                "again; or ask the partner to leave it out.",
                found="{feed_code}: {cells} cells of {column_name}",
            ),
        ),
    )
    slices = Suite(
        "ledger.slices",
        (
            no_finding(
                """
                select slice_key, file from ledger.documents
                where is_live and file is not null and file not in (select file from ledger.files)
                """,
                name="landed_files_are_there",
                severity="critical",
                message="A landed file that counts has vanished from the landing folder.",
                remedy="Restore it from the backup; or see that the partner's file lies in the inbox "
                "(`aval archive restore` has it) and run: it is read again.",
                found="{slice_key}: {file}",
                column="file",
            ),
            no_finding(
                f"""
                select documents.slice_key, batches.file_name, documents.rows_landed, documents.rows_replaced
                from ledger.documents_in_scope as documents
                inner join ledger.batches as batches using (batch_id)
                where documents.rows_replaced >= {_FEWEST_REPLACED}
                    and 2 * documents.rows_landed < documents.rows_replaced
                order by documents.slice_key
                """,
                name="no_report_takes_most_of_a_period_away",
                severity="warning",
                message="A report took the place of one with over twice its lines; the rest is gone.",
                remedy="Ask the partner for the whole period, if it sent only what has changed. If its weeks "
                "do not begin on Monday, write `frequency: day` into the profile.",
                found="{slice_key}: {rows_landed} lines of {file_name} in place of {rows_replaced}",
            ),
            *([_reports_are_on_time(terms), _no_period_counts_twice()] if _has_feeds(hub) else []),
            _no_period_counts_within_a_longer_one(),
            *([_erp_is_alive(terms)] if "landing.invoice_lines" in hub.tables() else []),
        ),
    )
    return [batches, slices]


def _has_feeds(hub: Hub) -> bool:
    return "landing.expected_feeds" in hub.tables()


def _reports_are_on_time(terms: Terms) -> Expectation:
    return no_finding(
        f"""
        with newest as (
            select feed_code, max(period_end_date) as reported_to
            from {{batch}}
            where system = 'feeds' and is_live
            group by feed_code
        ),
        expected as (
            select
                feeds.feed_code,
                feeds.partner_code,
                newest.reported_to,
                coalesce(newest.reported_to, feeds.expected_from_date - 1) as covered_to,
                case feeds.frequency_code when 'day' then 1 when 'week' then 7 else 31 end as period_days,
                feeds.due_days,
                feeds.expected_to_date
            from landing.expected_feeds as feeds
            left join newest on feeds.feed_code = newest.feed_code
        )
        select
            feed_code,
            partner_code,
            coalesce(cast(reported_to as varchar), 'nothing yet') as reported_to,
            covered_to + period_days + due_days as due_date
        from expected
        where covered_to + period_days + due_days < {terms.as_of_sql}
            and (expected_to_date is null or covered_to + 1 < expected_to_date)
        order by due_date
        """,
        name="reports_are_on_time",
        severity="warning",
        message="A partner's report is overdue; its periods are 'not reported', not zero.",
        remedy="Remind the partner; `aval feeds status` lists contacts.",
        found="{feed_code} of {partner_code}: reported to {reported_to}, the next was due {due_date}",
    )


def _no_period_counts_twice() -> Expectation:
    """Feeds of a partner are added up, and reports of one replace none of another."""
    return no_finding(
        """
        with reported as (
            select
                slices.*,
                feed_code in (select feed_code from landing.expected_feeds) as has_profile
            from {batch} as slices
            where system = 'feeds' and is_live
        )
        select
            former.feed_code as former_feed,
            present.feed_code as present_feed,
            former.partner_code,
            former.entity,
            count(distinct former.slice_key) as periods,
            min(former.period_start_date) as first_date
        from reported as former
        inner join reported as present
            on former.partner_code = present.partner_code
            and former.entity = present.entity
            and former.period_start_date <= present.period_end_date
            and former.period_end_date >= present.period_start_date
        where not former.has_profile and present.has_profile
        group by all
        order by former_feed, present_feed, former.entity
        """,
        name="no_period_counts_under_a_former_feed_too",
        severity="warning",
        message="A period counts under a feed whose profile is gone and under another of the partner: their "
        "reports are added up. If the profile was renamed, the same sales count twice.",
        remedy="Give the profile its former name back; a report without rows, its titles alone, under a "
        "profile of the other name takes back what came there. Where both are parts of a whole, keep the "
        "former profile, with `expected_to`.",
        found="{former_feed} and {present_feed} of {partner_code}: {periods} periods of {entity} from "
        "{first_date} on",
    )


def _no_period_counts_within_a_longer_one() -> Expectation:
    """Reports of one feed replace one another by period, and a month is none of its weeks."""
    return no_finding(
        """
        with reported as (
            select
                *,
                regexp_replace(split_part(slice_key, '|', 3), '[0-9]', '9', 'g') as shape
            from {batch}
            where system = 'feeds' and is_live and rows_landed > 0
        ),
        changed as (
            select feed_code from reported group by feed_code having count(distinct shape) > 1
        ),
        periods as (
            select distinct
                feed_code, entity, partner_code, slice_key, shape, period_start_date, period_end_date
            from reported
            inner join changed using (feed_code)
        )
        select
            longer.feed_code,
            longer.entity,
            split_part(longer.slice_key, '|', 3) as longer_period,
            string_agg(split_part(shorter.slice_key, '|', 3), ', ' order by shorter.slice_key) as periods
        from periods as longer
        inner join periods as shorter
            on longer.feed_code = shorter.feed_code
            and longer.entity = shorter.entity
            and longer.partner_code = shorter.partner_code
            and longer.shape <> shorter.shape
            and longer.period_start_date <= shorter.period_start_date
            and longer.period_end_date >= shorter.period_end_date
        group by longer.feed_code, longer.entity, longer.slice_key
        order by longer.feed_code, longer.entity, longer.slice_key
        """,
        name="no_period_counts_within_a_longer_one",
        severity="warning",
        message="A feed whose frequency was changed has reported a period and a longer one that holds it: "
        "both count, so the same sales count twice.",
        remedy="Set the profile to the former frequency, let a report without rows, its titles alone, take "
        "back the periods that the other holds, and set it to the new one again.",
        found="{feed_code}: {longer_period} of {entity} holds {periods}",
    )


def _erp_is_alive(terms: Terms) -> Expectation:
    return no_finding(
        f"""
        select max(invoice_date) as newest_invoice_date
        from landing.invoice_lines
        having max(invoice_date) < {terms.as_of_sql} - {terms.thresholds.erp_stale_days}
        """,
        name="erp_brings_new_invoices",
        severity="warning",
        message="The ERP has not brought a new invoice for long.",
        remedy="Check that the ERP connection points to the live database, not to a copy.",
        found="the newest is of {newest_invoice_date}",
    )
