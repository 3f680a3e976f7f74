-- Grain: one row per rebate programme, version and invoice line that carries a part of
-- the rebate; and one per programme, version, period and partner whose rebate no line
-- can carry (invoice_line_id NULL, product NONE).
-- Additive: reached_amount, expected_amount. They sum to the programme's amounts.
with

purchases as (
    select * from {{ ref('int_rebate_purchases_qualified') }} where not is_last_year
),

programmes as (
    select * from {{ ref('stg_rules__rebate_programmes') }}
),

accruals as (
    select * from {{ ref('fct_rebate_accruals') }}
),

tiers as (
    select * from {{ ref('stg_rules__rebate_tiers') }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

product_groups as (
    {{ rebate_product_groups() }}
),

lines as (
    {{ sell_in_counted() }}
),

-- Lines find what they carry by numbers.
group_numbers as (
    select
        product_code,
        product_group_code,
        dense_rank() over (order by product_group_code nulls last) as group_number
    from product_groups
),

-- The state of the last month is the state of today. Lines find their rebate by number.
latest as (
    select
        row_number() over (
            order by
                accruals.programme_code nulls last,
                accruals.programme_version_date nulls last,
                accruals.period_start_date nulls last,
                accruals.partner_code nulls last
        ) as rebate_number,
        accruals.programme_code,
        accruals.programme_version_date,
        accruals.period_start_date,
        accruals.period_end_date,
        accruals.partner_code,
        accruals.is_over,
        {{ as_cents('accruals.reached_amount') }} as whole_reached_cents,
        {{ as_cents('accruals.expected_amount') }} as whole_expected_cents,
        case when programmes.basis_code = 'paid' then 'paid' else 'invoiced' end
            as carrying_basis_code,
        tiers.reward_kind_code
    from accruals
    inner join programmes
        on
            accruals.programme_code = programmes.programme_code
            and accruals.programme_version_date = programmes.valid_from_date
    inner join tiers
        on
            accruals.programme_code = tiers.programme_code
            and accruals.programme_version_date = tiers.valid_from_date
            and tiers.tier_number = 1
    where
        accruals.month_start_date = {{ month_start(as_of_date()) }}
        and (accruals.reached_amount <> 0 or accruals.expected_amount <> 0)
),

-- What is invoiced carries a rebate, whatever it is measured on; one on what is paid is
-- carried by what is paid.
weighed as (
    select
        latest.rebate_number,
        purchases.basis_code,
        purchases.partner_version_id,
        purchases.product_group_code,
        purchases.counted_month_date,
        sum(
            case
                when latest.reward_kind_code = 'per_unit'
                    then purchases.purchased_quantity
                else purchases.purchased_amount
            end
        ) as weight
    from latest
    inner join purchases
        on
            latest.programme_code = purchases.programme_code
            and latest.programme_version_date = purchases.programme_version_date
            and latest.period_start_date = purchases.period_start_date
            and latest.partner_code = purchases.partner_code
            and latest.carrying_basis_code = purchases.basis_code
    group by
        latest.rebate_number,
        purchases.basis_code,
        purchases.partner_version_id,
        purchases.product_group_code,
        purchases.counted_month_date
),

paid_versions as (
    select partner_version_id
    from weighed
    where basis_code = 'paid'
    group by partner_version_id
),

partner_numbers as (
    select
        versions.partner_version_id,
        row_number() over (order by versions.partner_version_id nulls last)
            as partner_number,
        paid_versions.partner_version_id is not null as is_carrying_paid
    from {{ ref('dim_partners') }} as versions
    left join paid_versions
        on versions.partner_version_id = paid_versions.partner_version_id
),

named_groups as (
    select
        product_group_code,
        min(group_number) as group_number
    from group_numbers
    group by product_group_code
),

carriers as (
    select
        weighed.rebate_number,
        weighed.basis_code,
        partner_numbers.partner_number,
        named_groups.group_number,
        weighed.counted_month_date
    from weighed
    inner join partner_numbers
        on weighed.partner_version_id = partner_numbers.partner_version_id
    inner join named_groups
        on weighed.product_group_code = named_groups.product_group_code
),

wholes as (
    select
        rebate_number,
        cast(sum(weight) as decimal(19, 4)) as whole_weight
    from weighed
    group by rebate_number
    having sum(weight) > 0
),

rebates as (
    select
        latest.*,
        wholes.whole_weight,
        latest.programme_code || '|' || cast(latest.programme_version_date as string)
        || '|' as version_prefix
    from latest
    inner join wholes on latest.rebate_number = wholes.rebate_number
),

without_line as (
    select
        latest.*,
        partners.channel_code,
        least(latest.period_end_date, {{ as_of_date() }}) as last_date
    from latest
    left join wholes on latest.rebate_number = wholes.rebate_number
    left join partners on latest.partner_code = partners.partner_code
    where wholes.rebate_number is null
),

numbered_lines as (
    select
        lines.*,
        partner_numbers.partner_number,
        partner_numbers.is_carrying_paid,
        group_numbers.group_number
    from lines
    inner join partner_numbers
        on lines.partner_version_id = partner_numbers.partner_version_id
    inner join group_numbers on lines.product_code = group_numbers.product_code
),

paid_carriers as (
    select * from carriers where basis_code = 'paid'
),

lines_to_be_paid as (
    select * from numbered_lines where is_carrying_paid
),

invoices_to_be_paid as (
    {{ invoices_of('lines_to_be_paid') }}
),

settled as (
    {{ invoices_settled('invoices_to_be_paid') }}
),

carrying as (
    select
        carriers.rebate_number,
        numbered_lines.invoice_line_id,
        numbered_lines.partner_code,
        numbered_lines.channel_code,
        numbered_lines.product_code,
        numbered_lines.invoice_date,
        numbered_lines.invoiced_quantity,
        numbered_lines.net_amount
    from numbered_lines
    inner join carriers
        on
            numbered_lines.partner_number = carriers.partner_number
            and numbered_lines.group_number = carriers.group_number
            and numbered_lines.counted_month_date = carriers.counted_month_date
    where carriers.basis_code = 'invoiced'
    union all
    select
        paid_carriers.rebate_number,
        lines_to_be_paid.invoice_line_id,
        lines_to_be_paid.partner_code,
        lines_to_be_paid.channel_code,
        lines_to_be_paid.product_code,
        lines_to_be_paid.invoice_date,
        lines_to_be_paid.invoiced_quantity,
        lines_to_be_paid.net_amount
    from lines_to_be_paid
    left join settled on lines_to_be_paid.invoice_number = settled.invoice_number
    inner join paid_carriers
        on
            lines_to_be_paid.partner_number = paid_carriers.partner_number
            and lines_to_be_paid.group_number = paid_carriers.group_number
            and paid_carriers.counted_month_date = case
                when settled.settled_date is not null
                    then {{ month_start('settled.settled_date') }}
                when lines_to_be_paid.invoice_type = 'credit_note'
                    then {{ month_start('lines_to_be_paid.invoice_date') }}
            end
),

carried as (
    select
        carrying.rebate_number,
        carrying.invoice_line_id,
        carrying.partner_code,
        carrying.channel_code,
        carrying.product_code,
        carrying.invoice_date,
        case
            when rebates.reward_kind_code = 'per_unit' then carrying.invoiced_quantity
            else carrying.net_amount
        end as weight,
        rebates.whole_weight,
        rebates.whole_reached_cents,
        rebates.whole_expected_cents,
        rebates.is_over
    from carrying
    inner join rebates on carrying.rebate_number = rebates.rebate_number
),

ended as (
    select * from carried where is_over
),

running as (
    select * from carried where not is_over
),

-- What is expected of a period that is over is what was reached.
spread_ended as (
    {{
        spread(
            'ended', 'rebate_number', 'whole_reached_cents', 'weight',
            'invoice_line_id', is_weighed=true
        )
    }}
),

spread_reached as (
    {{
        spread(
            'running', 'rebate_number', 'whole_reached_cents', 'weight',
            'invoice_line_id', is_weighed=true
        )
    }}
),

reached as (
    select
        rebate_number,
        invoice_line_id,
        partner_code,
        channel_code,
        product_code,
        invoice_date,
        weight,
        whole_weight,
        whole_expected_cents,
        share_cents as reached_cents
    from spread_reached
),

spread_both as (
    {{
        spread(
            'reached', 'rebate_number', 'whole_expected_cents', 'weight',
            'invoice_line_id', is_weighed=true
        )
    }}
),

shares as (
    select
        rebate_number,
        invoice_line_id,
        partner_code,
        channel_code,
        product_code,
        invoice_date,
        share_cents as reached_cents,
        share_cents as expected_cents
    from spread_ended
    union all
    select
        rebate_number,
        invoice_line_id,
        partner_code,
        channel_code,
        product_code,
        invoice_date,
        reached_cents,
        share_cents as expected_cents
    from spread_both
),

final as (
    select
        rebates.version_prefix || shares.invoice_line_id as rebate_line_id,
        rebates.programme_code,
        rebates.programme_version_date,
        rebates.period_start_date,
        shares.partner_code,
        shares.channel_code,
        shares.product_code,
        shares.invoice_line_id,
        shares.invoice_date,
        {{ from_cents('shares.reached_cents') }} as reached_amount,
        {{ from_cents('shares.expected_cents') }} as expected_amount,
        {{ company_currency() }} as currency_code
    from shares
    inner join rebates on shares.rebate_number = rebates.rebate_number
    union all
    select
        programme_code || '|' || cast(programme_version_date as string) || '|'
        || cast(period_start_date as string) || '|' || partner_code as rebate_line_id,
        programme_code,
        programme_version_date,
        period_start_date,
        partner_code,
        channel_code,
        'NONE' as product_code,
        cast(null as string) as invoice_line_id,
        last_date as invoice_date,
        {{ from_cents('whole_reached_cents') }} as reached_amount,
        {{ from_cents('whole_expected_cents') }} as expected_amount,
        {{ company_currency() }} as currency_code
    from without_line
)

select * from final
