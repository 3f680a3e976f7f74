-- Grain: one row per agent, partner and month.
-- Additive: amounts, but for open_to_date_amount. Rate: sums divided, never averaged.
with

commissions as (
    select * from {{ ref('fct_commissions') }}
    where
        case when event_code = 'paid' then due_date else event_date end
        <= {{ as_of_date() }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

agents as (
    select
        agent_code,
        max(agent_name) as agent_name
    from commissions
    group by agent_code
),

movements as (
    select
        agent_code,
        partner_code,
        {{ month_start('event_date') }} as month_start_date,
        case when event_code <> 'paid' then basis_amount end as basis_amount,
        case when event_code = 'earned' then commission_amount end as commission_amount,
        case when event_code = 'clawed_back' then commission_amount end
            as clawback_amount,
        cast(null as decimal(18, 4)) as due_amount,
        paid_amount,
        commission_reason_code
    from commissions
    union all
    select
        agent_code,
        partner_code,
        {{ month_start('due_date') }} as month_start_date,
        cast(null as decimal(18, 4)) as basis_amount,
        cast(null as decimal(18, 4)) as commission_amount,
        cast(null as decimal(18, 4)) as clawback_amount,
        commission_amount as due_amount,
        cast(null as decimal(18, 4)) as paid_amount,
        cast(null as string) as commission_reason_code
    from commissions
    where event_code <> 'paid' and due_date is not null
),

monthly as (
    select
        agent_code,
        partner_code,
        month_start_date,
        -- Of lines that could not be computed, not one of them known, nothing is 0.
        case
            when count(basis_amount) > 0 or count(commission_reason_code) = 0
                then {{ amount('coalesce(sum(basis_amount), 0)') }}
        end as basis_amount,
        case
            when
                count(commission_amount) + count(clawback_amount) > 0
                or count(commission_reason_code) = 0
                then {{ amount('coalesce(sum(commission_amount), 0)') }}
        end as commission_amount,
        case
            when
                count(commission_amount) + count(clawback_amount) > 0
                or count(commission_reason_code) = 0
                then {{ amount('coalesce(sum(clawback_amount), 0)') }}
        end as clawback_amount,
        {{ amount('coalesce(sum(due_amount), 0)') }} as due_amount,
        sum(paid_amount) as paid_amount,
        count(commission_reason_code) as uncomputed_line_count,
        max(commission_reason_code) as commission_reason_code
    from movements
    group by agent_code, partner_code, month_start_date
),

-- Without a single payment the ERP does not deliver them: unknown, and not unpaid.
settled as (
    select
        monthly.*,
        {{ amount('commission_amount + clawback_amount') }} as accrued_amount,
        case
            when max(paid_amount) over () is not null
                then {{ amount('coalesce(paid_amount, 0)') }}
        end as known_paid_amount
    from monthly
),

final as (
    select
        settled.agent_code || '|' || settled.partner_code
        || '|' || cast(settled.month_start_date as string) as commission_month_id,
        settled.agent_code,
        agents.agent_name,
        settled.partner_code,
        partners.channel_code,
        settled.month_start_date,
        settled.basis_amount,
        settled.commission_amount,
        settled.clawback_amount,
        settled.accrued_amount,
        {{ percent('settled.accrued_amount', positive('settled.basis_amount')) }}
            as commission_rate,
        case
            when settled.basis_amount <= 0 then 'no_sales'
            when settled.accrued_amount is null then settled.commission_reason_code
        end as rate_reason_code,
        settled.due_amount,
        settled.known_paid_amount as paid_amount,
        {{ amount('settled.due_amount - settled.known_paid_amount') }} as open_amount,
        {{
            amount(
                'sum(settled.due_amount - settled.known_paid_amount) over ('
                ~ 'partition by settled.agent_code, settled.partner_code '
                ~ 'order by settled.month_start_date)'
            )
        }} as open_to_date_amount,
        case when settled.known_paid_amount is null then 'payments_not_connected' end
            as paid_reason_code,
        settled.uncomputed_line_count,
        {{ company_currency() }} as currency_code
    from settled
    left join agents on settled.agent_code = agents.agent_code
    left join partners
        on
            settled.partner_code = partners.partner_code
            and {{ in_range(last_day('settled.month_start_date'), 'partners') }}
)

select * from final
