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

lines as (
    {{ sell_in_counted() }}
),

invoices_paid as (
    {{ invoices_paid() }}
),

-- The state of the last month is the state of today.
latest as (
    select
        accruals.programme_code
        || '|'
        || cast(accruals.programme_version_date as string)
        || '|' || cast(accruals.period_start_date as string) || '|'
        || accruals.partner_code as rebate_id,
        accruals.programme_code,
        accruals.programme_version_date,
        accruals.period_start_date,
        accruals.period_end_date,
        accruals.partner_code,
        accruals.reached_amount,
        accruals.expected_amount,
        programmes.basis_code,
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
carriers as (
    select
        latest.rebate_id,
        latest.programme_code,
        latest.programme_version_date,
        latest.period_start_date,
        latest.reached_amount,
        latest.expected_amount,
        latest.reward_kind_code,
        purchases.basis_code,
        purchases.partner_version_id,
        purchases.product_code,
        purchases.counted_month_date
    from latest
    inner join purchases
        on
            latest.programme_code = purchases.programme_code
            and latest.programme_version_date = purchases.programme_version_date
            and latest.period_start_date = purchases.period_start_date
            and latest.partner_code = purchases.partner_code
            and purchases.basis_code
            = case when latest.basis_code = 'paid' then 'paid' else 'invoiced' end
    group by all
),

carrying as (
    select
        carriers.*,
        lines.invoice_line_id,
        lines.partner_code,
        lines.channel_code,
        lines.invoice_date,
        lines.invoiced_quantity,
        lines.net_amount
    from carriers
    inner join lines
        on
            carriers.partner_version_id = lines.partner_version_id
            and carriers.product_code = lines.product_code
            and carriers.counted_month_date = lines.counted_month_date
    where carriers.basis_code = 'invoiced'
    union all
    select
        carriers.*,
        lines.invoice_line_id,
        lines.partner_code,
        lines.channel_code,
        lines.invoice_date,
        lines.invoiced_quantity,
        lines.net_amount
    from carriers
    inner join lines
        on
            carriers.partner_version_id = lines.partner_version_id
            and carriers.product_code = lines.product_code
    left join invoices_paid
        on
            lines.invoice_number = invoices_paid.invoice_number
            and invoices_paid.is_paid
    where
        carriers.basis_code = 'paid'
        and carriers.counted_month_date = case
            when invoices_paid.is_paid then {{ month_start('invoices_paid.paid_date') }}
            when lines.invoice_type = 'credit_note'
                then {{ month_start('lines.invoice_date') }}
        end
),

weighed as (
    select
        carrying.*,
        case
            when reward_kind_code = 'per_unit' then invoiced_quantity else net_amount
        end as weight
    from carrying
),

wholes as (
    select
        rebate_id,
        sum(weight) as whole_weight
    from weighed
    group by rebate_id
    having sum(weight) > 0
),

carried as (
    select
        weighed.programme_code,
        weighed.programme_version_date,
        weighed.period_start_date,
        weighed.rebate_id,
        weighed.partner_code,
        weighed.channel_code,
        weighed.product_code,
        weighed.invoice_line_id,
        weighed.invoice_date,
        weighed.weight,
        {{ as_cents('weighed.reached_amount') }} as whole_reached_cents,
        {{ as_cents('weighed.expected_amount') }} as whole_expected_cents
    from weighed
    inner join wholes on weighed.rebate_id = wholes.rebate_id
),

spread_reached as (
    {{
        spread(
            'carried', 'rebate_id', 'whole_reached_cents', 'weight', 'invoice_line_id'
        )
    }}
),

reached as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        rebate_id,
        partner_code,
        channel_code,
        product_code,
        invoice_line_id,
        invoice_date,
        weight,
        whole_expected_cents,
        share_cents as reached_cents
    from spread_reached
),

spread_both as (
    {{
        spread(
            'reached', 'rebate_id', 'whole_expected_cents', 'weight', 'invoice_line_id'
        )
    }}
),

final as (
    select
        programme_code || '|' || cast(programme_version_date as string) || '|'
        || invoice_line_id as rebate_line_id,
        programme_code,
        programme_version_date,
        period_start_date,
        partner_code,
        channel_code,
        product_code,
        invoice_line_id,
        invoice_date,
        {{ from_cents('reached_cents') }} as reached_amount,
        {{ from_cents('share_cents') }} as expected_amount,
        {{ company_currency() }} as currency_code
    from spread_both
    union all
    select
        latest.rebate_id as rebate_line_id,
        latest.programme_code,
        latest.programme_version_date,
        latest.period_start_date,
        latest.partner_code,
        partners.channel_code,
        'NONE' as product_code,
        cast(null as string) as invoice_line_id,
        least({{ add_days('latest.period_end_date', -1) }}, {{ as_of_date() }})
            as invoice_date,
        latest.reached_amount,
        latest.expected_amount,
        {{ company_currency() }} as currency_code
    from latest
    left join partners on latest.partner_code = partners.partner_code
    left join wholes on latest.rebate_id = wholes.rebate_id
    where wholes.rebate_id is null
)

select * from final
