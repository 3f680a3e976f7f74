-- Grain: one row per challenge, month of it up to the as-of month, and partner that
-- takes part: how the challenge stood at the month's end.
-- Not additive: figures run from the challenge's first month on.
-- Equal partners share a position, and the next one is left out (1, 1, 3).
with

challenges as (
    select * from {{ ref('dim_campaigns') }}
    where campaign_kind_code = 'challenge' and from_date <= {{ as_of_date() }}
),

members as (
    select * from {{ ref('dim_campaign_members') }}
),

prizes as (
    select * from {{ ref('dim_challenge_prizes') }}
),

months as (
    select
        month_start_date,
        max(date_day) as month_end_date
    from {{ ref('dim_dates') }}
    where date_day <= {{ as_of_date() }}
    group by month_start_date
),

sold as (
    select
        'sell_in' as flow_code,
        month_start_date,
        partner_code,
        product_code,
        net_quantity,
        net_amount,
        0 as unresolved_line_count,
        unconverted_line_count
    from {{ ref('mart_sell_in_monthly') }}
    union all
    select
        'sell_out' as flow_code,
        month_start_date,
        partner_code,
        product_code,
        net_quantity,
        net_amount,
        unresolved_line_count,
        unconverted_line_count
    from {{ ref('mart_sell_out_monthly') }}
),

reported as (
    select
        month_start_date,
        partner_code,
        max(expected_period_count) as expected_period_count,
        max(reported_period_count) as reported_period_count,
        max(expected_day_count) as expected_day_count,
        max(reported_day_count) as reported_day_count
    from {{ ref('mart_sell_out_monthly') }}
    group by month_start_date, partner_code
),

-- What was invoiced before the first month that the ERP delivers is not known.
history as (
    select min(month_start_date) as first_month_date
    from {{ ref('mart_sell_in_monthly') }}
),

measured as (
    select
        challenges.campaign_code,
        sold.partner_code,
        sold.month_start_date,
        sum(
            case
                when challenges.measure_code in ('sell_in_units', 'sell_out_units')
                    then sold.net_quantity
                else sold.net_amount
            end
        ) as month_value,
        sum(
            case
                when challenges.measure_code in ('sell_in_units', 'sell_out_units')
                    then sold.unresolved_line_count
                else sold.unconverted_line_count
            end
        ) > 0 as has_unknown_value
    from challenges
    inner join members as partners
        on
            challenges.campaign_code = partners.campaign_code
            and partners.member_kind_code = 'partner'
    inner join members as products
        on
            challenges.campaign_code = products.campaign_code
            and products.member_kind_code = 'product'
    inner join sold
        on
            partners.member_code = sold.partner_code
            and products.member_code = sold.product_code
            and sold.flow_code = case
                when challenges.measure_code in ('sell_in_units', 'sell_in_amount')
                    then 'sell_in'
                else 'sell_out'
            end
    group by challenges.campaign_code, sold.partner_code, sold.month_start_date
),

expected as (
    select
        challenges.campaign_code,
        challenges.campaign_name_fr,
        challenges.campaign_name_en,
        challenges.from_date,
        challenges.to_date,
        challenges.measure_code,
        challenges.ranked_by_code,
        challenges.minimum_value,
        challenges.measure_code in ('sell_in_units', 'sell_in_amount') as is_of_sell_in,
        partners.member_code as partner_code,
        months.month_start_date,
        months.month_end_date
    from challenges
    inner join members as partners
        on
            challenges.campaign_code = partners.campaign_code
            and partners.member_kind_code = 'partner'
    inner join months
        on
            challenges.from_date <= months.month_start_date
            and challenges.to_date > months.month_start_date
),

gathered as (
    select
        expected.*,
        -- The ERP knows every month: nothing invoiced is 0.
        case
            when expected.is_of_sell_in then coalesce(this_year.month_value, 0)
            else this_year.month_value
        end as month_value,
        case
            when expected.is_of_sell_in then coalesce(last_year.month_value, 0)
            else last_year.month_value
        end as last_year_month_value,
        reported.expected_period_count,
        reported.reported_period_count,
        reported.expected_day_count,
        reported.reported_day_count,
        {{ is_month_over('expected.month_start_date') }}
        and not coalesce(this_year.has_unknown_value, false)
        and (
            expected.is_of_sell_in
            or coalesce(
                reported.reported_period_count = reported.expected_period_count, false
            )
        ) as is_whole,
        case
            when last_year.has_unknown_value then false
            when expected.is_of_sell_in
                then
                    {{ add_months('expected.month_start_date', -12) }}
                    >= history.first_month_date
            else coalesce(
                last_year_reported.reported_period_count
                = last_year_reported.expected_period_count,
                false
            )
        end as is_last_year_whole,
        coalesce(this_year.has_unknown_value, false) as has_unknown_value
    from expected
    cross join history
    left join measured as this_year
        on
            expected.campaign_code = this_year.campaign_code
            and expected.partner_code = this_year.partner_code
            and expected.month_start_date = this_year.month_start_date
    left join measured as last_year
        on
            expected.campaign_code = last_year.campaign_code
            and expected.partner_code = last_year.partner_code
            and last_year.month_start_date
            = {{ add_months('expected.month_start_date', -12) }}
    left join reported
        on
            not expected.is_of_sell_in
            and expected.partner_code = reported.partner_code
            and expected.month_start_date = reported.month_start_date
    left join reported as last_year_reported
        on
            not expected.is_of_sell_in
            and expected.partner_code = last_year_reported.partner_code
            and last_year_reported.month_start_date
            = {{ add_months('expected.month_start_date', -12) }}
),

compared as (
    select
        *,
        is_whole
        and is_last_year_whole
        and month_value is not null
        and last_year_month_value is not null as is_compared
    from gathered
),

-- Like for like: what has not been reported yet is no loss of the partner's.
accumulated as (
    select
        *,
        sum(month_value) over so_far as known_value,
        count(case when has_unknown_value then 1 end) over so_far > 0 as is_in_part,
        sum(case when is_compared then month_value end) over so_far as compared_value,
        sum(case when is_compared then last_year_month_value end) over so_far
            as last_year_value,
        count(case when is_whole then 1 end) over so_far as whole_month_count,
        sum(expected_period_count) over so_far as expected_periods,
        sum(reported_period_count) over so_far as reported_periods,
        sum(expected_day_count) over so_far as expected_days,
        sum(reported_day_count) over so_far as reported_days
    from compared
    window
        so_far as (
            partition by campaign_code, partner_code order by month_start_date
        )
),

-- Of a part nobody knows how much it is of the whole; a growth has its own months.
reached as (
    select
        *,
        case when ranked_by_code = 'growth' or not is_in_part then known_value end
            as reached_value,
        known_value < minimum_value
        or (ranked_by_code = 'value' and known_value <= 0) as is_too_little,
        case
            when not is_in_part then null
            when measure_code in ('sell_in_units', 'sell_out_units') then 'unit_unknown'
            else 'rate_missing'
        end as part_reason_code
    from accumulated
),

grown as (
    select
        *,
        {{ percent('compared_value - last_year_value', positive('last_year_value')) }}
            as growth_rate
    from reached
),

scored as (
    select
        *,
        case
            when is_too_little then null
            when ranked_by_code = 'value' then {{ amount('reached_value') }}
            else growth_rate
        end as score
    from grown
),

ranked as (
    select
        *,
        case
            when score is not null
                then rank() over (
                    partition by campaign_code, month_start_date
                    order by score desc nulls last
                )
        end as position_number,
        count(score) over (partition by campaign_code, month_start_date)
            as ranked_partner_count,
        max(score) over (partition by campaign_code, month_start_date) as leader_score
    from scored
),

-- The next better score: what it takes to move up.
ahead as (
    select
        ranked.campaign_code,
        ranked.month_start_date,
        ranked.partner_code,
        min(better.score) as next_score
    from ranked
    inner join ranked as better
        on
            ranked.campaign_code = better.campaign_code
            and ranked.month_start_date = better.month_start_date
            and ranked.score < better.score
    group by ranked.campaign_code, ranked.month_start_date, ranked.partner_code
),

final as (
    select
        ranked.campaign_code
        || '|' || cast(ranked.month_start_date as string)
        || '|' || ranked.partner_code as challenge_monthly_id,
        ranked.month_start_date,
        ranked.campaign_code as challenge_code,
        ranked.campaign_name_fr as challenge_name_fr,
        ranked.campaign_name_en as challenge_name_en,
        ranked.from_date,
        ranked.to_date,
        {{ add_days('ranked.month_end_date', 1) }} >= ranked.to_date as is_final,
        {{ percent(
            days_between('ranked.from_date', add_days('ranked.month_end_date', 1)),
            days_between('ranked.from_date', 'ranked.to_date')
        ) }} as elapsed_rate,
        ranked.partner_code,
        ranked.measure_code,
        ranked.ranked_by_code,
        {{ amount('ranked.reached_value') }} as reached_value,
        {{ amount('ranked.compared_value') }} as compared_value,
        {{ amount('ranked.last_year_value') }} as last_year_value,
        ranked.growth_rate,
        cast(ranked.expected_periods as bigint) as expected_period_count,
        cast(ranked.reported_periods as bigint) as reported_period_count,
        {{ percent('ranked.reported_days', 'ranked.expected_days') }} as coverage_rate,
        cast(ranked.position_number as integer) as position_number,
        cast(ranked.ranked_partner_count as integer) as ranked_partner_count,
        {{ amount('ranked.leader_score') }} as leader_score,
        {{ amount('ahead.next_score - ranked.score') }} as gap_to_next_score,
        prizes.prize_name_fr,
        prizes.prize_name_en,
        prizes.prize_amount,
        {{ company_currency() }} as currency_code,
        case
            when ranked.reached_value is null
                then coalesce(ranked.part_reason_code, 'not_reported')
            when ranked.is_too_little
                then coalesce(ranked.part_reason_code, 'below_minimum')
            when ranked.score is null and ranked.whole_month_count = 0
                then 'no_whole_month'
            when ranked.score is null then 'no_last_year'
        end as reason_code
    from ranked
    left join ahead
        on
            ranked.campaign_code = ahead.campaign_code
            and ranked.month_start_date = ahead.month_start_date
            and ranked.partner_code = ahead.partner_code
    left join prizes
        on
            ranked.campaign_code = prizes.campaign_code
            and ranked.position_number = prizes.prize_rank
)

select * from final
