-- Grain: one row per rebate programme, version and period x partner version x product
-- group x basis x month in which a purchase counts x month in which it became known.
-- A credit note that names its invoice counts in the invoice's month, and is known from
-- its own on. Last year's purchases stand beside, for growth and for the season.
-- A table: the facts read it more than once, and it is small against the lines, because
-- products that no programme tells apart are summed up together.
{{ config(materialized='table') }}

with

programmes as (
    select * from {{ ref('stg_rules__rebate_programmes') }}
),

scopes as (
    select * from {{ ref('stg_rules__rebate_scopes') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

product_groups as (
    {{ rebate_product_groups() }}
),

sell_in as (
    {{ sell_in_counted() }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    where status_code <> 'cancelled' and order_date <= {{ as_of_date() }}
),

shipments as (
    select * from {{ ref('fct_shipments') }} where arrival_date <= {{ as_of_date() }}
),

-- Who takes part: whoever is named under each dimension that the version names.
names as (
    select
        partner_version_id,
        'partner' as dimension_code,
        partner_code as scope_code
    from partners
    union all
    select
        partner_version_id,
        'segment' as dimension_code,
        segment_code as scope_code
    from partners
    union all
    select
        partner_version_id,
        'channel' as dimension_code,
        channel_code as scope_code
    from partners
    union all
    select
        partner_version_id,
        'territory' as dimension_code,
        territory_code as scope_code
    from partners
),

named_dimensions as (
    select
        programme_code,
        valid_from_date,
        count(distinct case
            when dimension_code not in ('product', 'family') then dimension_code
        end) as partner_dimension_count,
        count(distinct case
            when dimension_code in ('product', 'family') then dimension_code
        end) as product_dimension_count
    from scopes
    where role_code = 'include'
    group by programme_code, valid_from_date
),

partner_hits as (
    select
        scopes.programme_code,
        scopes.valid_from_date,
        names.partner_version_id,
        count(distinct case
            when scopes.role_code = 'include' then scopes.dimension_code
        end) as dimension_count,
        max(case when scopes.role_code = 'exclude' then 1 else 0 end) as is_excluded,
        max(scopes.group_code) as group_code
    from scopes
    inner join names
        on
            scopes.dimension_code = names.dimension_code
            and scopes.scope_code = names.scope_code
    where scopes.role_code in ('include', 'exclude')
    group by scopes.programme_code, scopes.valid_from_date, names.partner_version_id
),

participants as (
    select
        programmes.programme_code,
        programmes.valid_from_date,
        partners.partner_version_id,
        partners.partner_code,
        partner_hits.group_code
    from programmes
    cross join partners
    left join named_dimensions
        on
            programmes.programme_code = named_dimensions.programme_code
            and programmes.valid_from_date = named_dimensions.valid_from_date
    left join partner_hits
        on
            programmes.programme_code = partner_hits.programme_code
            and programmes.valid_from_date = partner_hits.valid_from_date
            and partners.partner_version_id = partner_hits.partner_version_id
    where
        coalesce(partner_hits.dimension_count, 0)
        = coalesce(named_dimensions.partner_dimension_count, 0)
        and coalesce(partner_hits.is_excluded, 0) = 0
),

-- Days on which a partner that takes part was not named: in another segment.
named_partners as (
    select
        programme_code,
        valid_from_date,
        partner_code,
        coalesce('group|' || group_code, partner_code) as account_code
    from participants
    group by all
),

absences as (
    select
        named_partners.programme_code,
        named_partners.valid_from_date,
        named_partners.account_code,
        partners.valid_from_date as absent_from_date,
        partners.valid_to_date as absent_to_date
    from named_partners
    inner join partners on named_partners.partner_code = partners.partner_code
    left join participants
        on
            named_partners.programme_code = participants.programme_code
            and named_partners.valid_from_date = participants.valid_from_date
            and partners.partner_version_id = participants.partner_version_id
    where participants.partner_version_id is null
),

-- Products by code or by family: either names them.
groups_named as (
    select
        product_group_code,
        named_product_code,
        family_code
    from product_groups
    group by product_group_code, named_product_code, family_code
),

group_hits as (
    select
        scopes.programme_code,
        scopes.valid_from_date,
        groups_named.product_group_code,
        max(case when scopes.role_code = 'include' then 1 else 0 end) as is_included,
        max(case when scopes.role_code = 'exclude' then 1 else 0 end) as is_excluded
    from scopes
    inner join groups_named
        on
            scopes.scope_code = case
                when scopes.dimension_code = 'product'
                    then groups_named.named_product_code
                when scopes.dimension_code = 'family' then groups_named.family_code
            end
    where scopes.role_code in ('include', 'exclude')
    group by
        scopes.programme_code, scopes.valid_from_date, groups_named.product_group_code
),

covered_groups as (
    select
        programmes.programme_code,
        programmes.valid_from_date,
        groups_named.product_group_code,
        groups_named.named_product_code,
        groups_named.family_code
    from programmes
    cross join groups_named
    left join named_dimensions
        on
            programmes.programme_code = named_dimensions.programme_code
            and programmes.valid_from_date = named_dimensions.valid_from_date
    left join group_hits
        on
            programmes.programme_code = group_hits.programme_code
            and programmes.valid_from_date = group_hits.valid_from_date
            and groups_named.product_group_code = group_hits.product_group_code
    where
        (
            coalesce(named_dimensions.product_dimension_count, 0) = 0
            or group_hits.is_included = 1
        )
        and coalesce(group_hits.is_excluded, 0) = 0
),

-- Whose purchases a programme measures on something else than what is invoiced.
asked as (
    select
        programmes.basis_code,
        participants.partner_version_id
    from participants
    inner join programmes
        on
            participants.programme_code = programmes.programme_code
            and participants.valid_from_date = programmes.valid_from_date
    where programmes.basis_code <> 'invoiced'
    group by programmes.basis_code, participants.partner_version_id
),

paid_lines as (
    select sell_in.*
    from sell_in
    inner join asked
        on
            sell_in.partner_version_id = asked.partner_version_id
            and asked.basis_code = 'paid'
),

invoices_asked as (
    {{ invoices_of('paid_lines') }}
),

settled as (
    {{ invoices_settled('invoices_asked') }}
),

-- What counts, by what it is measured on.
invoiced as (
    select
        'invoiced' as basis_code,
        sell_in.partner_version_id,
        product_groups.product_group_code,
        sell_in.counted_month_date,
        {{ month_start('sell_in.invoice_date') }} as known_month_date,
        sum(sell_in.invoiced_quantity) as purchased_quantity,
        sum(sell_in.net_amount) as purchased_amount,
        {{ unvalued_lines('sell_in.net_amount', 'sell_in.invoiced_quantity') }}
            as unvalued_line_count
    from sell_in
    inner join product_groups on sell_in.product_code = product_groups.product_code
    group by all
),

paid as (
    select
        'paid' as basis_code,
        paid_lines.partner_version_id,
        product_groups.product_group_code,
        {{ month_start('coalesce(settled.settled_date, paid_lines.invoice_date)') }}
            as counted_month_date,
        {{ month_start('coalesce(settled.settled_date, paid_lines.invoice_date)') }}
            as known_month_date,
        sum(paid_lines.invoiced_quantity) as purchased_quantity,
        sum(paid_lines.net_amount) as purchased_amount,
        {{ unvalued_lines('paid_lines.net_amount', 'paid_lines.invoiced_quantity') }}
            as unvalued_line_count
    from paid_lines
    inner join product_groups on paid_lines.product_code = product_groups.product_code
    left join settled on paid_lines.invoice_number = settled.invoice_number
    where
        settled.settled_date is not null
        or paid_lines.invoice_type = 'credit_note'
    group by all
),

ordered as (
    select
        'ordered' as basis_code,
        orders.partner_version_id,
        product_groups.product_group_code,
        {{ month_start('orders.order_date') }} as counted_month_date,
        {{ month_start('orders.order_date') }} as known_month_date,
        sum(orders.ordered_quantity) as purchased_quantity,
        sum(orders.net_amount) as purchased_amount,
        {{ unvalued_lines('orders.net_amount', 'orders.ordered_quantity') }}
            as unvalued_line_count
    from orders
    inner join asked
        on
            orders.partner_version_id = asked.partner_version_id
            and asked.basis_code = 'ordered'
    inner join product_groups on orders.product_code = product_groups.product_code
    group by all
),

-- A delivery has no amount of its own: its share of what the order line comes to.
delivered as (
    select
        'delivered' as basis_code,
        shipments.partner_version_id,
        product_groups.product_group_code,
        {{ month_start('shipments.arrival_date') }} as counted_month_date,
        {{ month_start('shipments.arrival_date') }} as known_month_date,
        sum(shipments.signed_quantity) as purchased_quantity,
        sum({{
            divide(
                ['orders.net_amount', 'shipments.signed_quantity'],
                'orders.ordered_quantity'
            )
        }}) as purchased_amount,
        {{ unvalued_lines(
            'orders.net_amount', 'shipments.signed_quantity', 'orders.ordered_quantity'
        ) }} as unvalued_line_count
    from shipments
    inner join asked
        on
            shipments.partner_version_id = asked.partner_version_id
            and asked.basis_code = 'delivered'
    inner join product_groups on shipments.product_code = product_groups.product_code
    left join orders
        on
            shipments.order_number = orders.order_number
            and shipments.order_line_number = orders.order_line_number
    group by all
),

purchases as (
    select * from invoiced
    union all
    select * from paid
    union all
    select * from ordered
    union all
    select * from delivered
),

-- A period that is still to come takes its purchases of last year out of the programmes
-- after it in an exclusive group, as it will take this year's.
months as (
    select
        programmes.*,
        {{
            months_as_rows(
                'programmes.valid_from_date',
                'least(programmes.valid_to_date, '
                ~ add_months(month_start(as_of_date()), 11) ~ ')'
            )
        }}
    from programmes
    where
        programmes.valid_from_date
        <= {{ add_months(month_start(as_of_date()), 11) }}
),

-- Periods follow one another from the version's first day on.
periods as (
    select
        programme_code,
        valid_from_date,
        basis_code,
        programme_order,
        exclusive_group_code,
        month_start_date as period_start_date,
        {{ add_months('month_start_date', 'period_months') }} as period_end_date,
        {{ add_months('month_start_date', -12) }} as last_year_start_date,
        {{ add_months('month_start_date', 'period_months - 12') }}
            as last_year_end_date
    from months
    where
        month_start_date < valid_to_date
        and (
            exclusive_group_code is not null
            or month_start_date <= {{ as_of_date() }}
        )
        and mod(
            {{ month_number('month_start_date') }}
            - {{ month_number('valid_from_date') }},
            period_months
        ) = 0
),

partial_last_years as (
    select
        periods.programme_code,
        periods.valid_from_date,
        periods.period_start_date,
        absences.account_code
    from periods
    inner join absences
        on
            periods.programme_code = absences.programme_code
            and periods.valid_from_date = absences.valid_from_date
            and periods.last_year_end_date > absences.absent_from_date
            and periods.last_year_start_date < absences.absent_to_date
    group by all
),

-- What is invoiced carries a rebate, whatever the rebate is measured on.
qualified as (
    select
        periods.programme_code,
        periods.valid_from_date as programme_version_date,
        periods.period_start_date,
        periods.period_end_date,
        periods.programme_order,
        periods.exclusive_group_code,
        purchases.basis_code,
        purchases.basis_code = periods.basis_code as is_measured,
        purchases.counted_month_date < periods.period_start_date as is_last_year,
        participants.partner_code,
        participants.partner_version_id,
        coalesce('group|' || participants.group_code, participants.partner_code)
            as account_code,
        purchases.product_group_code,
        covered_groups.named_product_code,
        covered_groups.family_code,
        purchases.counted_month_date,
        purchases.known_month_date,
        {{ quantity('coalesce(purchases.purchased_quantity, 0)') }}
            as purchased_quantity,
        {{ amount('coalesce(purchases.purchased_amount, 0)') }} as purchased_amount,
        purchases.unvalued_line_count
    from purchases
    inner join participants
        on purchases.partner_version_id = participants.partner_version_id
    inner join covered_groups
        on
            participants.programme_code = covered_groups.programme_code
            and participants.valid_from_date = covered_groups.valid_from_date
            and purchases.product_group_code = covered_groups.product_group_code
    inner join periods
        on
            participants.programme_code = periods.programme_code
            and participants.valid_from_date = periods.valid_from_date
            and (
                purchases.basis_code = periods.basis_code
                or purchases.basis_code = 'invoiced'
            )
            and (
                (
                    purchases.counted_month_date >= periods.period_start_date
                    and purchases.counted_month_date < periods.period_end_date
                )
                or (
                    purchases.counted_month_date >= periods.last_year_start_date
                    and purchases.counted_month_date < periods.last_year_end_date
                )
            )
),

-- Who takes part in a period of an exclusive group on any of its days.
taking_part as (
    select
        periods.programme_code,
        periods.valid_from_date,
        periods.period_start_date,
        participants.partner_code
    from periods
    inner join participants
        on
            periods.programme_code = participants.programme_code
            and periods.valid_from_date = participants.valid_from_date
    inner join partners
        on
            participants.partner_version_id = partners.partner_version_id
            and periods.period_end_date > partners.valid_from_date
            and periods.period_start_date < partners.valid_to_date
    where periods.exclusive_group_code is not null
    group by all
),

-- What a partner bought last year in a programme that it has left since counts in the
-- next one, as what it buys now does.
taken as (
    select qualified.*
    from qualified
    left join taking_part
        on
            qualified.programme_code = taking_part.programme_code
            and qualified.programme_version_date = taking_part.valid_from_date
            and qualified.period_start_date = taking_part.period_start_date
            and qualified.partner_code = taking_part.partner_code
    where
        qualified.exclusive_group_code is not null
        and (not qualified.is_last_year or taking_part.partner_code is not null)
),

-- Of an exclusive group a purchase counts in the first programme only.
shared as (
    select
        taken.*,
        min(programme_order) over (
            partition by
                exclusive_group_code,
                is_last_year,
                basis_code,
                partner_version_id,
                product_group_code,
                counted_month_date
        ) as first_programme_order
    from taken
),

counted as (
    select
        qualified.*,
        programme_order as first_programme_order
    from qualified
    where exclusive_group_code is null
    union all
    select * from shared where programme_order = first_programme_order
),

final as (
    select
        counted.programme_code,
        counted.programme_version_date,
        counted.period_start_date,
        counted.period_end_date,
        counted.basis_code,
        counted.is_measured,
        counted.is_last_year,
        counted.partner_code,
        counted.partner_version_id,
        counted.account_code,
        partial_last_years.account_code is null as has_whole_last_year,
        counted.product_group_code,
        counted.named_product_code,
        counted.family_code,
        counted.counted_month_date,
        counted.known_month_date,
        counted.purchased_quantity,
        counted.purchased_amount,
        counted.unvalued_line_count
    from counted
    left join partial_last_years
        on
            counted.programme_code = partial_last_years.programme_code
            and counted.programme_version_date = partial_last_years.valid_from_date
            and counted.period_start_date = partial_last_years.period_start_date
            and counted.account_code = partial_last_years.account_code
    where counted.period_start_date <= {{ as_of_date() }}
)

select * from final
