"""Promises on rebates: lines carry what partners have earned, once, and payments find their rebate."""

from __future__ import annotations

from expectations.core.documents import REBUILD
from expectations.vocabulary import Suite, no_finding, one_row_per, refers_to


def suites() -> list[Suite]:
    return [_accruals(), _lines(), _payments()]


def _accruals() -> Suite:
    return Suite(
        "core.fct_rebate_accruals",
        (
            one_row_per(
                "rebate_accrual_id",
                severity="critical",
                message="fct_rebate_accruals holds a rebate twice in one month: it would be accrued twice.",
                remedy=REBUILD,
            ),
            refers_to(
                "partner_code", "core.dim_partners", "partner_code", severity="critical", remedy=REBUILD
            ),
            no_finding(
                """
                select programme_code, period_start_date, partner_code, month_start_date, expected_amount
                from (
                    select *, sum(accrual_amount) over (
                        partition by programme_code, programme_version_date, period_start_date, partner_code
                        order by month_start_date
                    ) as accrued_amount
                    from {batch}
                ) as summed
                where expected_amount <> accrued_amount
                order by programme_code, period_start_date, partner_code, month_start_date
                """,
                name="accruals_add_up",
                severity="critical",
                message="A rebate expected is not the sum of what was accrued for it.",
                remedy=REBUILD,
                found="{programme_code} of {period_start_date}, {partner_code}, {month_start_date}: "
                "{expected_amount}",
                column="accrual_amount",
            ),
        ),
    )


def _lines() -> Suite:
    return Suite(
        "core.fct_rebate_lines",
        (
            one_row_per(
                "rebate_line_id",
                severity="critical",
                message="fct_rebate_lines holds a line of a programme twice: its rebate counts twice.",
                remedy=REBUILD,
            ),
            no_finding(
                """
                with carried as (
                    select programme_code, programme_version_date, period_start_date, partner_code,
                        sum(reached_amount) as reached_amount, sum(expected_amount) as expected_amount
                    from {batch}
                    group by all
                ),
                earned as (
                    select programme_code, programme_version_date, period_start_date, partner_code,
                        reached_amount, expected_amount
                    from core.fct_rebate_accruals
                    where month_start_date = (select max(month_start_date) from core.fct_rebate_accruals)
                        and (reached_amount <> 0 or expected_amount <> 0)
                )
                select
                    coalesce(carried.programme_code, earned.programme_code) as programme_code,
                    coalesce(carried.period_start_date, earned.period_start_date) as period_start_date,
                    coalesce(carried.partner_code, earned.partner_code) as partner_code,
                    coalesce(carried.reached_amount, 0) - coalesce(earned.reached_amount, 0)
                        as reached_too_much,
                    coalesce(carried.expected_amount, 0) - coalesce(earned.expected_amount, 0)
                        as expected_too_much
                from carried
                full join earned
                    on carried.programme_code = earned.programme_code
                    and carried.programme_version_date = earned.programme_version_date
                    and carried.period_start_date = earned.period_start_date
                    and carried.partner_code = earned.partner_code
                where coalesce(carried.reached_amount, 0) <> coalesce(earned.reached_amount, 0)
                    or coalesce(carried.expected_amount, 0) <> coalesce(earned.expected_amount, 0)
                order by programme_code, period_start_date, partner_code
                """,
                name="lines_give_the_rebate",
                severity="critical",
                message="What invoice lines carry is not what the partner has earned.",
                remedy=REBUILD,
                found="{programme_code} of {period_start_date}, {partner_code}: {reached_too_much} reached "
                "and {expected_too_much} expected too much",
                column="expected_amount",
            ),
            no_finding(
                """
                with lines as (select * from {batch} where invoice_line_id is not null)
                select lines.invoice_line_id, programmes.exclusive_group_code, count(*) as programme_count
                from lines
                inner join core.dim_rebate_programmes as programmes
                    on lines.programme_code = programmes.programme_code
                    and lines.programme_version_date = programmes.programme_version_date
                where programmes.exclusive_group_code is not null
                group by lines.invoice_line_id, programmes.exclusive_group_code
                having count(*) > 1
                order by lines.invoice_line_id
                """,
                name="exclusive_programmes_share_no_line",
                severity="critical",
                message="A line earns in two programmes of which only one may count.",
                remedy=REBUILD,
                found="{invoice_line_id} in {programme_count} programmes of {exclusive_group_code}",
                column="invoice_line_id",
            ),
        ),
    )


def _payments() -> Suite:
    return Suite(
        "core.fct_rebate_payments",
        (
            no_finding(
                """
                with paid as (
                    select * from {batch}
                    where payment_date <= (select max(invoice_date) from core.fct_sell_in)
                ),
                earned as (
                    select programme_code, partner_code, period_start_date
                    from core.fct_rebate_accruals
                    group by all
                )
                select paid.reference, paid.programme_code, paid.partner_code, paid.period_start_date,
                    paid.source_file, paid.source_row
                from paid
                left join earned
                    on paid.programme_code = earned.programme_code
                    and paid.partner_code = earned.partner_code
                    and paid.period_start_date = earned.period_start_date
                where earned.programme_code is null
                order by paid.source_row
                """,
                name="payments_find_their_rebate",
                severity="critical",
                message="A rebate was paid to a partner that purchased nothing under the programme in that "
                "period: no balance would show it.",
                remedy="Correct partner and period in rules/rebate_payments.csv, or the programme's "
                "partners.",
                found="{reference}: {programme_code} of {period_start_date}, {partner_code} "
                "({source_file}, row {source_row})",
                column="partner_code",
            ),
        ),
    )
