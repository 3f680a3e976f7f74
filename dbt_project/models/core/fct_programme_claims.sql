-- Grain: one row per claim of a partner under a programme.
-- Additive: amounts, but for budget_amount and budget_used_before_amount.
with

claims as (
    select * from {{ ref('stg_erp__programme_claims') }}
),

budgets as (
    select * from {{ ref('stg_erp__programme_budgets') }}
),

differences as (
    select * from {{ ref('stg_erp__price_differences') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

thresholds as (
    select
        max(
            case when threshold_code = 'claim_duplicate_days' then threshold_value end
        ) as duplicate_days,
        max(
            case
                when threshold_code = 'claim_duplicate_amount_rate' then threshold_value
            end
        ) as duplicate_amount_rate,
        max(
            case
                when threshold_code = 'claim_duplicate_text_rate' then threshold_value
            end
        ) as duplicate_text_rate
    from {{ ref('dim_thresholds') }}
    where channel_code = '*'
),

sell_out as (
    select * from {{ ref('fct_sell_out_weekly') }}
    where {{ is_of_record('feed_code', 'sell_out') }}
),

periods as (
    select * from {{ ref('fct_reporting_periods') }}
    where report_kind_code = 'sell_out' and is_of_record
),

inventory as (
    select * from {{ ref('fct_inventory') }}
),

claims_converted as (
    select
        claims.*,
        partners.channel_code,
        coalesce(claims.activity_from_date, claims.claim_date) as first_date,
        coalesce(claims.activity_to_date, claims.claim_date) as last_date,
        {{ to_the_cent(in_company_currency('claims.claimed_amount', 'claims')) }}
            as company_claimed_amount,
        {{ to_the_cent(in_company_currency('claims.approved_amount', 'claims')) }}
            as company_approved_amount,
        {{ to_the_cent(in_company_currency('claims.paid_amount', 'claims')) }}
            as company_paid_amount,
        {{ amount_reason('claims.claimed_amount', 'claims') }} as amount_reason_code
    from claims
    left join partners
        on
            claims.partner_code = partners.partner_code
            and {{ in_range('claims.claim_date', 'partners') }}
    left join rates
        on
            claims.currency_code = rates.currency_code
            and claims.claim_date = rates.date_day
),

-- What the claim costs us as things stand: paid, else granted, else claimed.
claims_valued as (
    select
        claims_converted.*,
        {% for side in ['company', 'document'] -%}
        {% set own = 'company_' if side == 'company' else '' -%}
        case
            when status_code = 'rejected' then cast(0 as decimal(18, 4))
            when status_code = 'paid'
                then coalesce(
                    {{ own }}paid_amount, {{ own }}approved_amount,
                    {{ own }}claimed_amount
                )
            when status_code = 'approved'
                then coalesce({{ own }}approved_amount, {{ own }}claimed_amount)
            else {{ own }}claimed_amount
        end as {{ '' if side == 'company' else 'document_' }}cost_amount,
        {% endfor -%}
        case when last_date <= {{ as_of_date() }} then last_date else claim_date end
            as cost_date
    from claims_converted
),

-- The same thing claimed twice: a claim that is not rejected, shortly before, about as
-- much, with the same proof or much the same words. Where one names no days, it may be
-- for those of the other.
pairs as (
    select
        later.claim_number,
        earlier.claim_number as earlier_claim_number,
        earlier.claim_date as earlier_claim_date,
        case
            when
                translate(upper(later.proof_reference), ' -/._', '')
                = translate(upper(earlier.proof_reference), ' -/._', '')
                then 'same_proof'
            when
                {{ divide(
                    'greatest(length(later.claim_text), length(earlier.claim_text)) '
                    ~ '- levenshtein(lower(later.claim_text), lower(earlier.claim_text))',
                    'greatest(length(later.claim_text), length(earlier.claim_text))'
                ) }} >= thresholds.duplicate_text_rate
                then 'similar_text'
        end as duplicate_reason_code
    from claims_valued as later
    inner join claims_valued as earlier
        on
            later.partner_code = earlier.partner_code
            and later.cost_step_code = earlier.cost_step_code
    cross join thresholds
    where
        (
            later.claim_date > earlier.claim_date
            or (
                later.claim_date = earlier.claim_date
                and later.claim_number > earlier.claim_number
            )
        )
        and earlier.status_code <> 'rejected'
        and {{ days_between('earlier.claim_date', 'later.claim_date') }}
        <= thresholds.duplicate_days
        and coalesce(later.product_code, '') = coalesce(earlier.product_code, '')
        and (
            coalesce(later.activity_from_date, later.activity_to_date) is null
            or coalesce(earlier.activity_from_date, earlier.activity_to_date) is null
            or (
                later.first_date <= earlier.last_date
                and earlier.first_date <= later.last_date
            )
        )
        and abs(later.company_claimed_amount - earlier.company_claimed_amount)
        <= thresholds.duplicate_amount_rate
        * {{
            wide(
                'greatest(later.company_claimed_amount, earlier.company_claimed_amount)'
            )
        }}
),

duplicates as (
    select * from pairs
    where duplicate_reason_code is not null
    qualify
        row_number() over (
            partition by claim_number order by earlier_claim_date, earlier_claim_number
        ) = 1
),

-- A budget is used up in its own currency: what a rate has done since it was granted
-- leaves nothing over and takes nothing away.
budget_claims as (
    select
        claims_valued.claim_number,
        claims_valued.claim_date,
        budgets.budget_code,
        budgets.currency_code,
        budgets.valid_from_date,
        budgets.budget_amount,
        case
            when claims_valued.currency_code = budgets.currency_code
                then claims_valued.document_cost_amount
            when budgets.currency_code = {{ company_currency() }}
                then claims_valued.cost_amount
            else {{
                to_the_cent(
                    divide(
                        ['claims_valued.cost_amount', 'rates.currency_per_euro'],
                        'rates.company_per_euro'
                    )
                )
            }}
        end as cost_amount
    from claims_valued
    inner join budgets on claims_valued.budget_code = budgets.budget_code
    left join rates
        on
            budgets.currency_code = rates.currency_code
            and claims_valued.claim_date = rates.date_day
),

budgets_used as (
    select
        *,
        coalesce(
            sum(cost_amount) over (
                partition by budget_code
                order by claim_date, claim_number
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as used_before_amount,
        count(case when cost_amount is null then 1 end) over (
            partition by budget_code
            order by claim_date, claim_number
            rows between unbounded preceding and 1 preceding
        ) > 0 as is_use_unknown
    from budget_claims
),

budget_uses as (
    select
        used.claim_number,
        used.valid_from_date as budget_version_date,
        {{ to_the_cent(in_company_currency('used.budget_amount', 'used')) }}
            as budget_amount,
        case
            when not used.is_use_unknown
                then {{
                    to_the_cent(in_company_currency('used.used_before_amount', 'used'))
                }}
        end as budget_used_before_amount,
        case
            when not used.is_use_unknown and used.cost_amount is not null
                then {{
                    to_the_cent(
                        in_company_currency(
                            'greatest(least(used.cost_amount, used.used_before_amount '
                            ~ '+ used.cost_amount - used.budget_amount), 0)',
                            'used'
                        )
                    )
                }}
        end as over_budget_amount,
        used.cost_amount > 0
        and used.used_before_amount + used.cost_amount > used.budget_amount
            as is_over_budget
    from budgets_used as used
    left join rates
        on
            used.currency_code = rates.currency_code
            and used.valid_from_date = rates.date_day
),

agreements as (
    select
        claims_valued.claim_number,
        claims_valued.cost_step_code,
        claims_valued.partner_code,
        claims_valued.product_code,
        claims_valued.first_date,
        claims_valued.last_date,
        claims_valued.claim_date,
        differences.agreement_code,
        differences.valid_from_date,
        differences.currency_code,
        differences.unit_difference_amount,
        -- The last week of a month, which holds its last Thursday, ends by then.
        claims_valued.cost_step_code = 'ship_and_debit'
        and {{ add_days(add_months(month_start('claims_valued.last_date'), 1), 2) }}
        > {{ as_of_date() }} as is_running
    from claims_valued
    inner join differences
        on
            claims_valued.partner_code = differences.partner_code
            and claims_valued.product_code = differences.product_code
            and claims_valued.cost_step_code = differences.cost_step_code
            and {{ in_range('claims_valued.last_date', 'differences') }}
            and coalesce(
                claims_valued.agreement_code, differences.agreement_code
            ) = differences.agreement_code
    qualify
        row_number() over (
            partition by claims_valued.claim_number
            order by
                differences.valid_from_date desc,
                differences.agreement_code asc
        ) = 1
),

-- Ship and debit: what the partner reported as sold in the months of the claim.
resales as (
    select
        agreements.claim_number,
        {{ quantity('sum(sell_out.net_quantity)') }} as reported_quantity,
        count(case when sell_out.resolution_code <> 'resolved' then 1 end)
            as unknown_unit_count
    from agreements
    inner join sell_out
        on
            agreements.partner_code = sell_out.partner_code
            and agreements.product_code = sell_out.product_code
            and sell_out.month_start_date
            between {{ month_start('agreements.first_date') }}
            and {{ month_start('agreements.last_date') }}
    where agreements.cost_step_code = 'ship_and_debit'
    group by agreements.claim_number
),

claimed_months as (
    select
        claim_number,
        partner_code,
        {{ month_start('first_date') }} as first_month_date,
        {{ month_start('last_date') }} as last_month_date,
        {{ months_as_rows(month_start('first_date'), month_start('last_date')) }}
    from agreements
    where cost_step_code = 'ship_and_debit'
),

-- A month of which no report was ever expected is as unknown as one whose report is
-- missing; what a quarter says stands in its last month, for all three.
resales_reported as (
    select
        claimed_months.claim_number,
        count(case when periods.partner_code is null then 1 end)
            as unknown_month_count,
        count(case when not periods.is_reported then 1 end) as missing_period_count
    from claimed_months
    left join periods
        on
            claimed_months.partner_code = periods.partner_code
            and periods.month_start_date
            between claimed_months.first_month_date and claimed_months.last_month_date
            and (
                claimed_months.month_start_date = periods.month_start_date
                or (
                    claimed_months.month_start_date >= periods.period_start_date
                    and {{ add_months('claimed_months.month_start_date', 1) }}
                    <= {{ add_days('periods.period_end_date', 1) }}
                )
            )
            and (periods.is_expected or periods.is_reported)
    group by claimed_months.claim_number
),

-- Price protection: what the partner had in stock when the price fell.
stocks as (
    select
        agreements.claim_number,
        coalesce(inventory.reported_quantity, inventory.calculated_quantity)
            as reported_quantity
    from agreements
    inner join inventory
        on
            agreements.partner_code = inventory.partner_code
            and agreements.product_code = inventory.product_code
            and agreements.valid_from_date > inventory.week_end_date
            and {{ add_days('agreements.valid_from_date', -35) }}
            <= inventory.week_end_date
    where
        agreements.cost_step_code = 'price_protection'
        and coalesce(inventory.reported_quantity, inventory.calculated_quantity)
        is not null
    qualify
        row_number() over (
            partition by agreements.claim_number order by inventory.week_end_date desc
        ) = 1
),

quantities as (
    select
        agreements.claim_number,
        agreements.claim_date,
        agreements.agreement_code,
        agreements.valid_from_date,
        agreements.currency_code,
        agreements.unit_difference_amount,
        coalesce(resales.unknown_unit_count, 0) > 0 as has_unknown_units,
        agreements.is_running,
        case
            when agreements.is_running then null
            -- Below zero, something is missing from what we know of the stock.
            when agreements.cost_step_code = 'price_protection'
                then case
                    when stocks.reported_quantity >= 0 then stocks.reported_quantity
                end
            when resales.unknown_unit_count > 0 then null
            when
                resales_reported.unknown_month_count = 0
                and resales_reported.missing_period_count = 0
                then coalesce(resales.reported_quantity, 0)
        end as reported_quantity
    from agreements
    left join resales on agreements.claim_number = resales.claim_number
    left join resales_reported
        on agreements.claim_number = resales_reported.claim_number
    left join stocks on agreements.claim_number = stocks.claim_number
),

-- Whole cents in the currency that was agreed on, at the rate of the claim's day: what
-- is right in that currency is right to the cent.
compared as (
    select
        quantities.claim_number,
        quantities.agreement_code,
        quantities.valid_from_date as agreement_version_date,
        quantities.has_unknown_units,
        quantities.is_running,
        quantities.reported_quantity,
        {{ in_company_currency('quantities.unit_difference_amount', 'quantities') }}
            as unit_difference_amount,
        {{
            to_the_cent(
                in_company_currency(
                    to_the_cent(
                        wide('quantities.reported_quantity')
                        ~ ' * quantities.unit_difference_amount'
                    ),
                    'quantities'
                )
            )
        }} as computed_amount
    from quantities
    left join rates
        on
            quantities.currency_code = rates.currency_code
            and quantities.claim_date = rates.date_day
),

-- What claims before it took of the same: of the same fall of a price, or of resales of
-- months that this one covers too. A claim in its currency counts at the same rate.
agreed as (
    select
        agreements.*,
        case
            when agreements.cost_step_code = 'price_protection'
                then agreements.valid_from_date
            else {{ month_start('agreements.first_date') }}
        end as covered_from_date,
        case
            when agreements.cost_step_code = 'price_protection'
                then agreements.valid_from_date
            else {{ month_start('agreements.last_date') }}
        end as covered_to_date,
        claims_valued.currency_code as claim_currency_code,
        claims_valued.cost_amount,
        claims_valued.document_cost_amount
    from agreements
    inner join claims_valued on agreements.claim_number = claims_valued.claim_number
),

taken_before as (
    select
        later.claim_number,
        later.claim_date,
        later.claim_currency_code as currency_code,
        count(*) as claim_count,
        sum(
            case
                when earlier.claim_currency_code = later.claim_currency_code
                    then earlier.document_cost_amount
                else 0
            end
        ) as own_currency_amount,
        sum(
            case
                when earlier.claim_currency_code = later.claim_currency_code then 0
                else earlier.cost_amount
            end
        ) as other_currency_amount,
        count(
            case
                when
                    earlier.claim_currency_code <> later.claim_currency_code
                    and earlier.cost_amount is null
                    then 1
            end
        ) > 0 as is_taken_unknown
    from agreed as later
    inner join agreed as earlier
        on
            later.cost_step_code = earlier.cost_step_code
            and later.partner_code = earlier.partner_code
            and later.product_code = earlier.product_code
            and later.agreement_code = earlier.agreement_code
            and later.valid_from_date = earlier.valid_from_date
            and later.covered_from_date <= earlier.covered_from_date
            and later.covered_to_date >= earlier.covered_to_date
            and (
                later.claim_date > earlier.claim_date
                or (
                    later.claim_date = earlier.claim_date
                    and later.claim_number > earlier.claim_number
                )
            )
    where earlier.document_cost_amount <> 0
    group by later.claim_number, later.claim_date, later.claim_currency_code
),

taken_converted as (
    select
        taken.claim_number,
        taken.claim_count,
        case
            when not taken.is_taken_unknown
                then {{
                    to_the_cent(
                        in_company_currency('taken.own_currency_amount', 'taken')
                    )
                }} + taken.other_currency_amount
        end as taken_before_amount
    from taken_before as taken
    left join rates
        on
            taken.currency_code = rates.currency_code
            and taken.claim_date = rates.date_day
),

joined as (
    select
        claims_valued.*,
        duplicates.earlier_claim_number,
        duplicates.duplicate_reason_code,
        budget_uses.budget_amount,
        budget_uses.budget_version_date,
        budget_uses.budget_used_before_amount,
        budget_uses.over_budget_amount,
        budget_uses.is_over_budget,
        -- A claim costs on the last day of its activity.
        claims_valued.budget_code is not null
        and claims_valued.status_code <> 'rejected'
        and (
            budgets.budget_code is null
            or budgets.cost_step_code <> claims_valued.cost_step_code
            or coalesce(budgets.partner_code <> claims_valued.partner_code, false)
            or coalesce(budgets.channel_code <> claims_valued.channel_code, false)
            or claims_valued.last_date < budgets.valid_from_date
            or claims_valued.last_date >= budgets.valid_to_date
        ) as is_outside_budget,
        compared.agreement_code as found_agreement_code,
        compared.agreement_version_date,
        compared.unit_difference_amount,
        compared.has_unknown_units,
        compared.is_running,
        compared.reported_quantity,
        compared.computed_amount,
        case
            when compared.claim_number is null then null
            when taken_converted.claim_number is null then 0
            else taken_converted.taken_before_amount
        end as taken_before_amount,
        claims_valued.company_claimed_amount
        + case
            when taken_converted.claim_number is null then 0
            else taken_converted.taken_before_amount
        end
        - compared.computed_amount as claim_gap_amount,
        -- Each claim before was rounded by itself.
        0.01 * coalesce(taken_converted.claim_count, 0) as rounding_amount
    from claims_valued
    left join duplicates on claims_valued.claim_number = duplicates.claim_number
    left join budgets on claims_valued.budget_code = budgets.budget_code
    left join budget_uses on claims_valued.claim_number = budget_uses.claim_number
    left join compared on claims_valued.claim_number = compared.claim_number
    left join taken_converted
        on claims_valued.claim_number = taken_converted.claim_number
),

final as (
    select
        claim_number,
        cost_step_code,
        partner_code,
        channel_code,
        product_code,
        invoice_number,
        budget_code,
        coalesce(found_agreement_code, agreement_code) as agreement_code,
        agreement_version_date,
        budget_version_date,
        claim_date,
        first_date as activity_from_date,
        last_date as activity_to_date,
        status_code,
        claim_text,
        proof_reference,
        approved_date,
        paid_date,
        {{ days_between('claim_date', 'paid_date') }} as days_to_payment,
        claimed_quantity,
        company_claimed_amount as claimed_amount,
        company_approved_amount as approved_amount,
        company_paid_amount as paid_amount,
        cost_amount,
        cost_date,
        {{ company_currency() }} as currency_code,
        amount_reason_code,
        proof_reference is null and status_code <> 'rejected' as is_without_proof,
        earlier_claim_number is not null as is_near_duplicate,
        earlier_claim_number as duplicate_of_claim_number,
        duplicate_reason_code,
        budget_amount,
        budget_used_before_amount,
        over_budget_amount,
        coalesce(is_over_budget, false) as is_over_budget,
        is_outside_budget,
        unit_difference_amount,
        reported_quantity,
        computed_amount,
        {{ amount('taken_before_amount') }} as taken_before_amount,
        {{ amount('claim_gap_amount') }} as claim_gap_amount,
        coalesce(claim_gap_amount > rounding_amount, false) as is_over_computed,
        case
            when computed_amount is not null then null
            when cost_step_code not in ('ship_and_debit', 'price_protection') then null
            when found_agreement_code is null then 'no_agreement'
            when is_running then 'month_not_over'
            when has_unknown_units then 'unit_unknown'
            else 'not_reported'
        end as comparison_reason_code,
        source_batch_id,
        source_file,
        source_row
    from joined
)

select * from final
