-- Grain: one row per promotion and partner that took part, and with partner * all of
-- them together; as of the as-of day.
-- Additive over partners where the same weeks before are known of each: sold_quantity,
-- expected_quantity, uplift_quantity. Intervals are not.
-- The baseline gives each week an expected value; what is left over in the weeks before
-- says how far a week strays from it by itself.
--
-- Weeks are decimals: a sum of doubles varies with the order of its rows, and rounded,
-- what ends at a half.
with

promotions as (
    select * from {{ ref('dim_campaigns') }}
    where campaign_kind_code = 'promotion' and from_date <= {{ as_of_date() }}
),

members as (
    select * from {{ ref('dim_campaign_members') }}
),

weeks as (
    select week_start_date
    from {{ ref('dim_dates') }}
    where week_end_date <= {{ as_of_date() }}
    group by week_start_date
),

-- Every week that a promotion looks at: its own and those before, each with the same
-- week of the year before.
looked_over as (
    select
        promotions.*,
        weeks.week_start_date,
        weeks.week_start_date >= promotions.from_date as is_promoted,
        {{ add_days('weeks.week_start_date', -364) }} as last_year_week_date
    from promotions
    inner join weeks
        on
            promotions.to_date > weeks.week_start_date
            and {{ add_days('promotions.from_date', '-7 * promotions.baseline_weeks') }}
            <= weeks.week_start_date
),

looked_at as (
    select
        campaign_code,
        measure_code,
        week_start_date
    from looked_over
    union distinct
    select
        campaign_code,
        measure_code,
        last_year_week_date as week_start_date
    from looked_over
),

products as (
    select
        campaign_code,
        member_code as product_code
    from members
    where member_kind_code = 'product'
),

-- A product that was sold in a unit which nobody can convert has no units in its week.
sell_out as (
    select
        looked_at.campaign_code,
        stocks.partner_code,
        stocks.week_start_date,
        sum(stocks.sold_quantity - stocks.consumer_returned_quantity) as week_quantity
    from looked_at
    inner join products on looked_at.campaign_code = products.campaign_code
    inner join {{ ref('mart_channel_inventory_weekly') }} as stocks
        on
            products.product_code = stocks.product_code
            and looked_at.week_start_date = stocks.week_start_date
    where looked_at.measure_code = 'sell_out_units' and stocks.is_sell_out_reported
    group by
        looked_at.campaign_code, stocks.partner_code, stocks.week_start_date
    having count(stocks.sold_quantity) = count(*)
),

invoiced as (
    select
        looked_at.campaign_code,
        invoices.partner_code,
        looked_at.week_start_date,
        sum(invoices.invoiced_quantity) as week_quantity
    from looked_at
    inner join products on looked_at.campaign_code = products.campaign_code
    inner join {{ ref('fct_sell_in') }} as invoices
        on
            products.product_code = invoices.product_code
            and looked_at.week_start_date = {{ week_start('invoices.invoice_date') }}
    where looked_at.measure_code = 'sell_in_units'
    group by
        looked_at.campaign_code, invoices.partner_code, looked_at.week_start_date
),

partners as (
    select partner_code from {{ ref('dim_partners') }} where is_current
),

history as (
    select min(invoice_date) as first_invoice_date from {{ ref('fct_sell_in') }}
),

-- The ERP knows every week of every partner since its first invoice: nothing invoiced
-- is 0. What was invoiced before is not known.
sell_in as (
    select
        looked_at.campaign_code,
        partners.partner_code,
        looked_at.week_start_date,
        coalesce(invoiced.week_quantity, 0) as week_quantity
    from looked_at
    cross join partners
    inner join history on looked_at.week_start_date >= history.first_invoice_date
    left join invoiced
        on
            looked_at.campaign_code = invoiced.campaign_code
            and partners.partner_code = invoiced.partner_code
            and looked_at.week_start_date = invoiced.week_start_date
    where looked_at.measure_code = 'sell_in_units'
),

sold as (
    select * from sell_out
    union all
    select * from sell_in
),

taking_part as (
    select
        looked_over.campaign_code,
        looked_over.week_start_date,
        looked_over.is_promoted,
        looked_over.baseline_code,
        members.member_code as partner_code,
        {{ quantity('this_year.week_quantity') }} as week_quantity,
        {{ quantity('last_year.week_quantity') }} as last_year_quantity
    from looked_over
    inner join members
        on
            looked_over.campaign_code = members.campaign_code
            and members.member_kind_code = 'partner'
    left join sold as this_year
        on
            looked_over.campaign_code = this_year.campaign_code
            and members.member_code = this_year.partner_code
            and looked_over.week_start_date = this_year.week_start_date
    left join sold as last_year
        on
            looked_over.campaign_code = last_year.campaign_code
            and members.member_code = last_year.partner_code
            and looked_over.last_year_week_date = last_year.week_start_date
),

lengths as (
    select
        campaign_code,
        count(*) as week_count,
        count(case when is_promoted then 1 end) as passed_week_count
    from looked_over
    group by campaign_code
),

-- Partners that did not take part and of whom every week is known.
others as (
    select
        looked_over.campaign_code,
        sold.partner_code
    from looked_over
    inner join lengths on looked_over.campaign_code = lengths.campaign_code
    inner join sold
        on
            looked_over.campaign_code = sold.campaign_code
            and looked_over.week_start_date = sold.week_start_date
    left join members
        on
            looked_over.campaign_code = members.campaign_code
            and members.member_kind_code = 'partner'
            and sold.partner_code = members.member_code
    where looked_over.baseline_code = 'other_partners' and members.member_code is null
    group by looked_over.campaign_code, sold.partner_code, lengths.week_count
    having count(*) = lengths.week_count
),

of_others as (
    select
        sold.campaign_code,
        sold.week_start_date,
        {{ quantity('sum(sold.week_quantity)') }} as others_quantity
    from sold
    inner join others
        on
            sold.campaign_code = others.campaign_code
            and sold.partner_code = others.partner_code
    group by sold.campaign_code, sold.week_start_date
),

compared as (
    select
        taking_part.*,
        of_others.others_quantity,
        sum(
            case
                when
                    not taking_part.is_promoted
                    and of_others.others_quantity is not null
                    then taking_part.week_quantity
            end
        ) over (
            partition by taking_part.campaign_code, taking_part.partner_code
        ) as baseline_quantity,
        sum(
            case
                when
                    not taking_part.is_promoted
                    and taking_part.week_quantity is not null
                    then of_others.others_quantity
            end
        ) over (
            partition by taking_part.campaign_code, taking_part.partner_code
        ) as baseline_others_quantity
    from taking_part
    left join of_others
        on
            taking_part.campaign_code = of_others.campaign_code
            and taking_part.week_start_date = of_others.week_start_date
),

-- What of a week its baseline leaves unexplained.
left_over as (
    select
        campaign_code,
        partner_code,
        week_start_date,
        is_promoted,
        week_quantity,
        case baseline_code
            when 'weeks_before' then week_quantity
            when 'last_year' then week_quantity - last_year_quantity
            when 'other_partners'
                then
                    cast(
                        week_quantity
                        - others_quantity
                        * {{
                            quotient('baseline_quantity', 'baseline_others_quantity')
                        }} as decimal(28, 9)
                    )
        end as rest_quantity
    from compared
),

of_partners as (
    {{ sums_of_weeks('left_over', ['campaign_code', 'partner_code']) }}
),

judged as (
    select
        of_partners.*,
        lengths.passed_week_count,
        case
            when lengths.passed_week_count = 0 then 'not_begun'
            when of_partners.reported_week_count < lengths.passed_week_count
                then 'not_reported'
            when of_partners.baseline_week_count < 4 then 'baseline_too_short'
            when of_partners.compared_week_count < lengths.passed_week_count
                then 'baseline_not_reported'
        end as reason_code
    from of_partners
    inner join lengths on of_partners.campaign_code = lengths.campaign_code
),

compared_counts as (
    select
        campaign_code,
        count(*) as member_count,
        count(case when reason_code is null then 1 end) as partner_count
    from judged
    group by campaign_code
),

-- All partners that can be compared, week by week: what makes several of them stray at
-- once is then in the deviation. A week before counts if it is known of each.
weeks_together as (
    select
        left_over.campaign_code,
        left_over.week_start_date,
        left_over.is_promoted,
        sum(left_over.week_quantity) as week_quantity,
        case
            when count(left_over.rest_quantity) = count(*)
                then sum(left_over.rest_quantity)
        end as rest_quantity
    from left_over
    inner join judged
        on
            left_over.campaign_code = judged.campaign_code
            and left_over.partner_code = judged.partner_code
    where judged.reason_code is null
    group by
        left_over.campaign_code, left_over.week_start_date, left_over.is_promoted
),

of_all as (
    {{ sums_of_weeks('weeks_together', ['campaign_code']) }}
),

gathered as (
    select
        judged.campaign_code,
        judged.partner_code,
        judged.passed_week_count,
        judged.reported_week_count,
        judged.compared_week_count,
        judged.baseline_week_count,
        judged.sold_quantity,
        judged.rest_sum,
        judged.baseline_rest_sum,
        judged.rest_deviation,
        case when judged.reason_code is null then 1 else 0 end as partner_count,
        1 as member_count,
        judged.reason_code
    from judged
    union all
    select
        compared_counts.campaign_code,
        '*' as partner_code,
        lengths.passed_week_count,
        of_all.reported_week_count,
        of_all.compared_week_count,
        of_all.baseline_week_count,
        of_all.sold_quantity,
        of_all.rest_sum,
        of_all.baseline_rest_sum,
        of_all.rest_deviation,
        compared_counts.partner_count,
        compared_counts.member_count,
        case
            when lengths.passed_week_count = 0 then 'not_begun'
            when compared_counts.partner_count = 0 then 'no_partner_compared'
            when of_all.baseline_week_count < 4 then 'baseline_too_short'
        end as reason_code
    from compared_counts
    inner join lengths on compared_counts.campaign_code = lengths.campaign_code
    left join of_all on compared_counts.campaign_code = of_all.campaign_code
),

-- An interval for what is to come: a sum of n weeks, held against the mean of m.
estimated as (
    select
        *,
        case
            when reason_code is null
                then {{
                    divide_quantity(
                        'baseline_week_count * rest_sum '
                        ~ '- compared_week_count * baseline_rest_sum',
                        'baseline_week_count'
                    )
                }}
        end as uplift_quantity,
        case
            when reason_code is null
                then
                    {{ t_quantile('baseline_week_count - 1') }}
                    * rest_deviation
                    * sqrt(
                        compared_week_count
                        + {{ quotient(
                            'compared_week_count * compared_week_count',
                            'baseline_week_count'
                        ) }}
                    )
        end as uncertainty
    from gathered
),

rounded as (
    select
        estimated.*,
        promotions.campaign_name_fr,
        promotions.campaign_name_en,
        promotions.from_date,
        promotions.to_date,
        promotions.measure_code,
        promotions.baseline_code,
        promotions.currency_code,
        case when estimated.partner_code = '*' then promotions.cost_amount end
            as cost_amount,
        {{ quantity('estimated.sold_quantity') }} as promoted_quantity,
        {{ quantity('estimated.sold_quantity - estimated.uplift_quantity') }}
            as expected_quantity,
        {{ quantity('estimated.uncertainty') }} as uncertainty_quantity
    from estimated
    inner join promotions on estimated.campaign_code = promotions.campaign_code
),

final as (
    select
        campaign_code || '|' || partner_code as promotion_uplift_id,
        campaign_code as promotion_code,
        campaign_name_fr as promotion_name_fr,
        campaign_name_en as promotion_name_en,
        from_date,
        to_date,
        to_date > {{ add_days(as_of_date(), 1) }} as is_running,
        partner_code,
        cast(member_count as bigint) as member_count,
        cast(partner_count as bigint) as compared_partner_count,
        measure_code,
        baseline_code,
        cast(passed_week_count as bigint) as promotion_week_count,
        cast(reported_week_count as bigint) as reported_week_count,
        cast(baseline_week_count as bigint) as baseline_week_count,
        promoted_quantity as sold_quantity,
        expected_quantity,
        uplift_quantity,
        {{ percent('uplift_quantity', positive('expected_quantity')) }} as uplift_rate,
        uncertainty_quantity,
        {{ quantity('uplift_quantity - uncertainty_quantity') }} as uplift_low_quantity,
        {{ quantity('uplift_quantity + uncertainty_quantity') }}
            as uplift_high_quantity,
        case
            when reason_code is not null then null
            when uplift_quantity - uncertainty_quantity > 0 then 'positive'
            when uplift_quantity + uncertainty_quantity < 0 then 'negative'
            else 'not_proven'
        end as uplift_status_code,
        cost_amount,
        case
            when uplift_quantity - uncertainty_quantity > 0
                then {{ divide('cost_amount', 'uplift_quantity') }}
        end as cost_per_extra_unit_amount,
        currency_code,
        reason_code
    from rounded
)

select * from final
