-- Grain: one row per month, partner and source of visitors, from its first month to the
-- last one that anything is known of; where the company connects no shop, one row per
-- month and partner with the source *.
-- Additive: counts. Rates are not additive.
-- Purchases are held against visitors, and against leads where no visitors are counted
-- on any day of the month. A count that is missing on some days is not known in the
-- month.
with

partner_months as (
    {{ partner_months() }}
),

visits as (
    select * from {{ ref('fct_shop_visits') }}
    where visit_date <= {{ as_of_date() }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

limits as (
    select
        channel_code,
        100 * case
            when channel_code = 'direct'
                then {{ threshold('direct_conversion_low_rate') }}
            else {{ threshold('conversion_low_rate') }}
        end as low_rate,
        100 * case
            when channel_code = 'direct'
                then {{ threshold('direct_conversion_high_rate') }}
            else {{ threshold('conversion_high_rate') }}
        end as high_rate
    from {{ ref('dim_thresholds') }}
    group by channel_code
),

months as (
    select
        month_start_date,
        count(*) as day_count
    from {{ ref('dim_dates') }}
    where date_day <= {{ as_of_date() }}
    group by month_start_date
),

known as (
    select max(month_start_date) as last_month_date from visits
),

counted as (
    select
        partner_code,
        source_code,
        month_start_date,
        count(*) as reported_day_count,
        {%- for name in ['visitor', 'lead', 'basket'] %}
        count({{ name }}_count) as {{ name }}_day_count,
        case when count({{ name }}_count) = count(*) then sum({{ name }}_count) end
            as {{ name }}_count,
        {%- endfor %}
        sum(purchase_count) as purchase_count
    from visits
    group by partner_code, source_code, month_start_date
),

beginnings as (
    select
        partner_code,
        source_code,
        min(month_start_date) as first_month_date
    from visits
    group by partner_code, source_code
),

expected as (
    select
        beginnings.partner_code,
        beginnings.source_code,
        partners.channel_code,
        months.month_start_date,
        months.day_count,
        true as is_connected
    from beginnings
    cross join known
    inner join months
        on
            beginnings.first_month_date <= months.month_start_date
            and known.last_month_date >= months.month_start_date
    left join partners on beginnings.partner_code = partners.partner_code
    union all
    select
        partner_months.partner_code,
        '*' as source_code,
        partner_months.channel_code,
        partner_months.month_start_date,
        months.day_count,
        false as is_connected
    from partner_months
    inner join months on partner_months.month_start_date = months.month_start_date
    where not exists (select 1 from visits)
),

gathered as (
    select
        expected.*,
        counted.reported_day_count,
        counted.visitor_count,
        counted.lead_count,
        counted.basket_count,
        counted.purchase_count,
        counted.visitor_day_count,
        counted.lead_day_count,
        case
            when counted.visitor_day_count > 0 then 'visitors'
            when counted.lead_day_count > 0 then 'leads'
        end as conversion_basis_code,
        case
            when counted.visitor_day_count > 0 then counted.visitor_count
            else counted.lead_count
        end as conversion_basis_count
    from expected
    left join counted
        on
            expected.partner_code = counted.partner_code
            and expected.source_code = counted.source_code
            and expected.month_start_date = counted.month_start_date
),

rated as (
    select
        *,
        {{ percent('purchase_count', 'conversion_basis_count') }} as conversion_rate
    from gathered
),

final as (
    select
        cast(rated.month_start_date as string)
        || '|' || rated.partner_code
        || '|' || rated.source_code as conversion_id,
        rated.month_start_date,
        rated.partner_code,
        rated.channel_code,
        rated.source_code,
        rated.day_count,
        rated.reported_day_count,
        {{ percent('rated.reported_day_count', 'rated.day_count') }} as coverage_rate,
        cast(rated.visitor_count as bigint) as visitor_count,
        cast(rated.lead_count as bigint) as lead_count,
        cast(rated.basket_count as bigint) as basket_count,
        cast(rated.purchase_count as bigint) as purchase_count,
        rated.conversion_basis_code,
        cast(rated.conversion_basis_count as bigint) as conversion_basis_count,
        rated.conversion_rate,
        {{ percent('rated.purchase_count', 'rated.basket_count') }} as basket_rate,
        cast(limits.low_rate as decimal(18, 4)) as low_benchmark_rate,
        cast(limits.high_rate as decimal(18, 4)) as high_benchmark_rate,
        case
            when rated.conversion_rate < limits.low_rate then 'below'
            when rated.conversion_rate > limits.high_rate then 'above'
            when rated.conversion_rate is not null then 'within'
        end as conversion_status_code,
        case
            when not rated.is_connected then 'not_connected'
            when rated.reported_day_count is null then 'not_reported'
            when rated.conversion_basis_code is null then 'no_visitors_counted'
            when rated.conversion_basis_count is null then 'count_incomplete'
            when rated.conversion_basis_count = 0 then 'no_visitors'
        end as reason_code
    from rated
    left join limits on rated.channel_code = limits.channel_code
)

select * from final
