-- Grain: one row per run: the first week and the first month that it replaces in the
-- models that are rolled forward.
-- depends_on: {{ ref('stg_ledger__touched_slices') }}
-- depends_on: {{ ref('int_sell_out_weeks_covered') }}, {{ ref('dim_dates') }}
-- depends_on: {{ ref('fct_reporting_periods') }}, {{ ref('fct_shipments') }}
-- depends_on: {{ ref('fct_sell_in') }}, {{ ref('fct_orders') }}
-- depends_on: {{ ref('dim_partners') }}, {{ ref('dim_products') }}
-- depends_on: {{ ref('dim_thresholds') }}, {{ ref('dim_feeds') }}
-- depends_on: {{ ref('stg_rules__stock_adjustments') }}
{{ config(materialized='table') }}

with

{% if not rolls_from_the_beginning() -%}
covered_weeks as (
    select * from {{ ref('int_sell_out_weeks_covered') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

inputs_now as (
    {{ rolled_inputs() }}
),

inputs_used as (
    select * from {{ built('intermediate', 'int_rolled_inputs_used') }}
),

-- New partners and products have no rows but those that other inputs bring.
changed_inputs as (
    (
        select * from inputs_now
        where input_kind not in ('partner', 'product')
        except
        select * from inputs_used
    )
    union all
    (
        select * from inputs_used
        except
        select * from inputs_now
    )
),

built_weeks as (
    select max(week_start_date) as week_start_date
    from {{ built('core', 'fct_inventory') }}
    union all
    select max(week_start_date) as week_start_date
    from {{ built('marts', 'mart_channel_inventory_weekly') }}
),

candidates as (
    select min(from_date) as from_date from changed_inputs
    union all
    select min(period_start_date) as from_date
    from {{ ref('stg_ledger__touched_slices') }}
    union all
    -- The weeks that have ended since, or that have not ended by an earlier day.
    select min({{ add_days('week_start_date', 7) }}) as from_date from built_weeks
    union all
    select {{ week_start(add_days(as_of_date(), 1)) }} as from_date
),

earliest as (
    select {{ week_start('min(from_date)') }} as week_start_date from candidates
),

-- Inside a longer reporting period the stock runs on unseen: the chain is taken up
-- after a week in which it shows.
seen as (
    select max({{ add_days('dates.week_start_date', 7) }}) as week_start_date
    from dates
    cross join earliest
    left join covered_weeks
        on
            dates.week_start_date = covered_weeks.week_start_date
            and covered_weeks.week_state_code = 'running'
    where
        dates.date_day = dates.week_start_date
        and dates.week_start_date < earliest.week_start_date
        and covered_weeks.week_start_date is null
),

-- The last month grows from run to run.
built_months as (
    select {{ month_start(as_of_date()) }} as month_start_date
    union all
    select max(month_start_date) as month_start_date
    from {{ built('marts', 'mart_sell_out_monthly') }}
    union all
    select max(month_start_date) as month_start_date
    from {{ built('marts', 'mart_channel_balance_monthly') }}
    union all
    select
        {{ month_start("coalesce(week_start_date, cast('1900-01-01' as date))") }}
            as month_start_date
    from seen
),

final as (
    select
        coalesce(
            (select week_start_date from seen), cast('1900-01-01' as date)
        ) as first_week_date,
        coalesce(min(month_start_date), cast('1900-01-01' as date)) as first_month_date
    from built_months
)
{%- else -%}
final as (
    select
        cast('1900-01-01' as date) as first_week_date,
        cast('1900-01-01' as date) as first_month_date
)
{%- endif %}

select * from final
