-- Grain: one row per rebate programme, version and period x partner x month of the
-- period, and after it as long as something changes or is owed.
-- Additive: accrual_amount and its three parts, settled_amount. All else runs since the
-- period began or is the state at the month's end, and measured_value is the group's.
with

accruals as (
    select * from {{ ref('fct_rebate_accruals') }}
),

programmes as (
    select * from {{ ref('dim_rebate_programmes') }}
),

payments as (
    select * from {{ ref('fct_rebate_payments') }}
    where payment_date <= {{ as_of_date() }}
),

paid_months as (
    select
        programme_code,
        period_start_date,
        partner_code,
        greatest({{ month_start('payment_date') }}, period_start_date)
            as month_start_date,
        sum(paid_amount) as settled_amount
    from payments
    group by all
),

connected as (
    select count(*) > 0 as has_settlements from payments
),

changes as (
    select
        accruals.*,
        coalesce(lag(base_amount) over rebate, 0) as former_base_amount
    from accruals
    window rebate as (
        partition by
            programme_code, programme_version_date, period_start_date, partner_code
        order by month_start_date nulls last
    )
),

-- DuckDB multiplies two decimals of 18 digits in 64 bits, which a rebate of 100,000
-- times purchases of a million overflows: the rebate is made wider first.
widened as (
    select
        changes.*,
        cast(expected_amount as decimal(20, 4)) as wide_expected_amount
    from changes
),

-- At the rate that holds at the month's end, what the month's own purchases add, and
-- what became known of months before; the rest is the change of the rate. Each part is
-- rounded: up to two cents are no change of a rate, and belong to the month.
split as (
    select
        widened.*,
        case
            when base_amount <> 0
                then {{
                    to_cents(
                        divide('wide_expected_amount * month_own_amount', 'base_amount')
                    )
                }}
            else 0
        end as base_accrual_amount,
        case
            when base_amount <> 0
                then {{
                    to_cents(
                        divide(
                            'wide_expected_amount * '
                            ~ '(base_amount - former_base_amount - month_own_amount)',
                            'base_amount'
                        )
                    )
                }}
            else 0
        end as prior_period_adjustment_amount
    from widened
),

rounded as (
    select
        split.*,
        accrual_amount - base_accrual_amount - prior_period_adjustment_amount as rest
    from split
),

instalments as (
    select
        rounded.*,
        programmes.programme_name_fr,
        programmes.programme_name_en,
        programmes.form_code,
        programmes.basis_code,
        programmes.measure_code,
        case
            when
                rounded.is_over
                or (
                    {{ is_month_over('rounded.month_start_date') }}
                    and mod(
                        {{ month_number('rounded.month_start_date') }}
                        - {{ month_number('rounded.period_start_date') }} + 1,
                        programmes.instalment_months
                    ) = 0
                )
                then rounded.month_start_date
        end as instalment_month_date
    from rounded
    inner join programmes
        on
            rounded.programme_code = programmes.programme_code
            and rounded.programme_version_date = programmes.programme_version_date
),

settled as (
    select
        instalments.*,
        coalesce(paid_months.settled_amount, 0) as settled_amount
    from instalments
    left join paid_months
        on
            instalments.programme_code = paid_months.programme_code
            and instalments.period_start_date = paid_months.period_start_date
            and instalments.partner_code = paid_months.partner_code
            and instalments.month_start_date = paid_months.month_start_date
),

to_date as (
    select
        settled.*,
        sum(settled_amount) over rebate as settled_to_date_amount,
        max(instalment_month_date) over rebate as last_instalment_date
    from settled
    window rebate as (
        partition by
            programme_code, programme_version_date, period_start_date, partner_code
        order by month_start_date nulls last
    )
),

due as (
    select
        to_date.*,
        coalesce(instalment_dues.reached_amount, 0) as due_to_date_amount,
        connected.has_settlements
    from to_date
    left join accruals as instalment_dues
        on
            to_date.programme_code = instalment_dues.programme_code
            and to_date.programme_version_date = instalment_dues.programme_version_date
            and to_date.period_start_date = instalment_dues.period_start_date
            and to_date.partner_code = instalment_dues.partner_code
            and to_date.last_instalment_date = instalment_dues.month_start_date
    cross join connected
),

final as (
    select
        rebate_accrual_id as mart_rebate_accrual_id,
        month_start_date,
        programme_code,
        programme_version_date,
        programme_name_fr,
        programme_name_en,
        period_start_date,
        period_end_date,
        partner_code,
        group_code,
        form_code,
        basis_code,
        measure_code,
        base_quantity,
        base_amount,
        unvalued_line_count,
        measured_value,
        forecast_value,
        forecast_method_code,
        reached_tier_number,
        expected_tier_number,
        next_tier_value,
        next_tier_distance,
        is_next_tier_included,
        paid_on_time_status_code,
        reporting_status_code,
        certified_status_code,
        minimum_status_code,
        reached_amount,
        expected_amount,
        withheld_amount,
        {{ amount('accrual_amount') }} as accrual_amount,
        {{
            amount(
                'base_accrual_amount + case when abs(rest) <= 0.02 then rest else 0 end'
            )
        }} as base_accrual_amount,
        {{ amount('prior_period_adjustment_amount') }}
            as prior_period_adjustment_amount,
        {{ amount('case when abs(rest) <= 0.02 then 0 else rest end') }}
            as rate_adjustment_amount,
        case when has_settlements then {{ amount('settled_amount') }} end
            as settled_amount,
        case when has_settlements then {{ amount('settled_to_date_amount') }} end
            as settled_to_date_amount,
        {{ amount('due_to_date_amount') }} as due_to_date_amount,
        case
            when has_settlements
                then {{ amount('due_to_date_amount - settled_to_date_amount') }}
        end as payable_amount,
        case
            when has_settlements
                then {{ amount('expected_amount - settled_to_date_amount') }}
        end as balance_amount,
        case when not has_settlements then 'settlements_not_connected' end
            as settlement_reason_code,
        currency_code
    from due
    where
        month_start_date <= period_end_date
        or accrual_amount <> 0
        or settled_amount <> 0
        or expected_amount <> settled_to_date_amount
)

select * from final
