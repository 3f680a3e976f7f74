"""The floor of the rebate engine: a plain DuckDB script that a good engineer would write once.

It writes the same accruals and the same lines to the cent, knowing in advance what `benchmarks.rebates`
makes: 50 programmes of one version and one family each, calendar years, three tiers, invoices alone and no
credit notes, no groups, conditions, limits or overlaps, whole units and whole cents, the last day of a month.
What belongs here: SQL that is as fast as we can make it. What does not: anything shared with the models, so
that equal rows prove something.
"""

from __future__ import annotations

from typing import Final

# Cents and units are whole numbers here, months are counted from January 2025 on.
FLOOR: Final = """
create schema floor;
create temp table families as
select product_code, substr(family_code, 2)::int as family from core.dim_products;

create temp table monthly as
select
    partner_code, family, (12 * (year(invoice_date) - 2025) + month(invoice_date) - 1)::int as month,
    sum(invoiced_quantity)::bigint as units, (100 * sum(net_amount))::bigint as cents
from core.fct_sell_in inner join families using (product_code)
group by all;

create temp table accounts as
select
    row_number() over () as account, partner_code, family, month // 12 as year,
    min(min(month)) over (partition by partner_code) as first_month
from monthly group by partner_code, family, month // 12;

create temp table states as
select
    account, month.month, year, partner_code, family, first_month,
    coalesce(units, 0) as own_units, coalesce(cents, 0) as own_cents,
    sum(units) over so_far as units, sum(cents) over so_far as cents,
    month.month >= 12 * year + 11 as is_over
from accounts
inner join range(18) as month (month) on month.month >= 12 * year
left join (
    select account, month, units, cents
    from monthly inner join accounts
        on monthly.partner_code = accounts.partner_code and monthly.family = accounts.family
        and monthly.month // 12 = accounts.year
) as bought using (account, month)
window so_far as (
    partition by account order by month.month rows between unbounded preceding and current row
);

create temp table measured as
select
    now.* exclude (units, cents), coalesce(now.units, 0)::bigint as units,
    coalesce(now.cents, 0)::bigint as cents,
    now.family % 2 = 0 as is_by_units,
    case when now.family % 2 = 0 then coalesce(now.units, 0) else coalesce(now.cents, 0) end::bigint as value,
    case when now.family % 2 = 0 then former.units else former.cents end::bigint as part,
    case when now.family % 2 = 0 then whole.units else whole.cents end::bigint as whole
from states as now
left join states as former
    on now.year = former.year + 1 and now.partner_code = former.partner_code
    and now.family = former.family and now.month - 12 = former.month
left join states as whole
    on now.year = whole.year + 1 and now.partner_code = whole.partner_code
    and now.family = whole.family and whole.month = 11;

-- Values in ten thousandths from here on.
create temp table forecast as
select
    * exclude (value, part, whole), value * scale as value,
    case when is_over then value * scale else (2 * value * whole * scale + part) // (2 * part) end
        as forecast,
    part::double / whole as share
from (
    select
        * exclude (part, whole), case when is_by_units then 10000 else 100 end as scale,
        case when is_over then 'over' when is_seasonal then 'season' else 'run_rate' end as method,
        case when is_seasonal then part else month - 12 * year + 1 end as part,
        case when is_seasonal then whole else 12 end as whole
    from (
        select
            *, not is_over and first_month = 0 and year = 1
            and coalesce(part, 0) > 0 and coalesce(whole, 0) > 0 as is_seasonal
        from measured
    )
);

create temp table earned as
select
    *,
    case when is_over then reached_cents when is_by_units then (2 * cents * expected_tier * 2 + 100) // 200
        else round(
            case expected_tier
                when 0 then 0 when 1 then (forecast - 1000000) * 0.000002::double
                when 2 then 8 + (forecast - 5000000) * 0.000004::double
                else 28 + (forecast - 10000000) * 0.000006::double
            end * share * 100 + 0.00001
        )
    end::bigint as expected_cents
from (
    select
        *,
        case when is_by_units then (2 * cents * reached_tier * 2 + 100) // 200
            when reached_tier = 0 then 0
            when reached_tier = 1 then (2 * (cents - 10000) * 2 + 100) // 200
            when reached_tier = 2 then (2 * (80000 + (cents - 50000) * 4) + 100) // 200
            else (2 * (280000 + (cents - 100000) * 6) + 100) // 200
        end as reached_cents
    from (
        select
            *,
            (value >= 1000000)::int + (value >= 5000000)::int + (value > 10000000)::int as reached_tier,
            (forecast >= 1000000)::int + (forecast >= 5000000)::int + (forecast > 10000000)::int
                as expected_tier
        from forecast
    )
);

create table floor.fct_rebate_accruals as
select
    'R' || family || '|2025-01-01|' || (2025 + year) || '-01-01|' || partner_code || '|' || label
        as rebate_accrual_id,
    'R' || family as programme_code, date '2025-01-01' as programme_version_date,
    make_date(2025 + year, 1, 1) as period_start_date, make_date(2026 + year, 1, 1) as period_end_date,
    partner_code, null::varchar as group_code, month_start_date,
    (own_cents::decimal(16, 0) * 0.01)::decimal(18, 4) as month_own_amount,
    units::decimal(18, 3) as base_quantity,
    (cents::decimal(16, 0) * 0.01)::decimal(18, 4) as base_amount,
    (value::decimal(18, 0) * 0.0001)::decimal(18, 4) as measured_value,
    (forecast::decimal(18, 0) * 0.0001)::decimal(18, 4) as forecast_value,
    method as forecast_method_code, is_over,
    nullif(reached_tier, 0) as reached_tier_number, nullif(expected_tier, 0) as expected_tier_number,
    next_value::decimal(18, 4) as next_tier_value,
    (next_value - (value::decimal(18, 0) * 0.0001)::decimal(18, 4))::decimal(18, 4) as next_tier_distance,
    null::varchar as paid_on_time_status_code, null::varchar as reporting_status_code,
    null::varchar as certified_status_code, null::varchar as minimum_status_code, true as is_granted,
    (reached_cents::decimal(16, 0) * 0.01)::decimal(18, 4) as reached_amount,
    (expected_cents::decimal(16, 0) * 0.01)::decimal(18, 4) as expected_amount,
    ((expected_cents - coalesce(lag(expected_cents) over (partition by account order by month), 0))
        ::decimal(16, 0) * 0.01)::decimal(18, 4) as accrual_amount,
    0::decimal(18, 4) as withheld_amount, 'EUR' as currency_code
from earned
inner join (
    select
        month, make_date(2025 + month // 12, month % 12 + 1, 1) as month_start_date,
        make_date(2025 + month // 12, month % 12 + 1, 1)::varchar as label
    from range(18) as months (month)
) using (month)
inner join (values (0, 100), (1, 500), (2, 1000), (3, null)) as next (reached_tier, next_value)
    using (reached_tier);

create temp table rebates as
select
    account, partner_code, family, year, cents as whole,
    reached_cents, expected_cents,
    'R' || family || '|2025-01-01|' as prefix, 'R' || family as programme_code,
    make_date(2025 + year, 1, 1) as period_start_date
from earned where month = 17 and (reached_cents <> 0 or expected_cents <> 0);

create table floor.fct_rebate_lines as
with carried as (
    select
        account, year, invoice_line_id, sell_in.partner_code, channel_code, product_code, invoice_date,
        reached_cents, expected_cents, (100 * net_amount)::bigint as weight, whole
    from core.fct_sell_in as sell_in inner join families using (product_code)
    inner join rebates
        on sell_in.partner_code = rebates.partner_code and families.family = rebates.family
        and year(invoice_date) - 2025 = rebates.year
),
reached as (
    select
        * exclude (quota), floor(quota)::bigint + (row_number() over (
            partition by account
            order by reached_cents * weight - floor(quota)::bigint * whole desc, invoice_line_id
        ) <= reached_cents - sum(floor(quota)::bigint) over (partition by account))::int as reached
    from (select *, reached_cents::double * weight / whole - 0.0000001 as quota from carried)
),
both_bases as (
    select * exclude (reached), reached, reached as expected from reached where year = 0
    union all
    select
        * exclude (quota), floor(quota)::bigint + (row_number() over (
            partition by account
            order by expected_cents * weight - floor(quota)::bigint * whole desc, invoice_line_id
        ) <= expected_cents - sum(floor(quota)::bigint) over (partition by account))::int as expected
    from (select *, expected_cents::double * weight / whole - 0.0000001 as quota from reached where year = 1)
)
select
    prefix || invoice_line_id as rebate_line_id, programme_code,
    date '2025-01-01' as programme_version_date, period_start_date,
    both_bases.partner_code, channel_code, product_code, invoice_line_id, invoice_date,
    (reached::decimal(16, 0) * 0.01)::decimal(18, 4) as reached_amount,
    (expected::decimal(16, 0) * 0.01)::decimal(18, 4) as expected_amount,
    'EUR' as currency_code
from both_bases inner join rebates using (account);
"""
