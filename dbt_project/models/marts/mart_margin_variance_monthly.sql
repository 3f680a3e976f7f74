-- Grain: one row per comparison, scope, month, partner, family and product. Scopes show
-- the same money: company, its partners (product ALL), their products.
-- Additive within a scope: quantities and amounts. The effects sum to the variance.
{%- set effects = margin_effects() %}
{%- set parts = ['gross', 'discount', 'rebate', 'programme', 'cost'] %}
{%- set measures = ['invoiced_quantity', 'pocket_margin_amount', 'unknown_count'] %}
{%- set is_known = '(scopes.unknown_count = 0 and scopes.base_unknown_count = 0)' %}
{%- for part in parts %}{% do measures.append(part ~ '_amount') %}{% endfor %}
with

waterfall as (
    select * from {{ ref('mart_margin_waterfall_monthly') }}
),

lines as (
    select * from {{ ref('fct_margin_lines') }}
),

budgets as (
    select
        *,
        0 as unknown_count
    from {{ ref('dim_budgets') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

monthly as (
    select
        waterfall.month_start_date,
        waterfall.partner_code,
        waterfall.product_code,
        coalesce(products.family_code, 'NONE') as family_code,
        sum(waterfall.invoiced_quantity) as invoiced_quantity,
        sum(waterfall.gross_sales_amount) as gross_amount,
        sum(waterfall.gross_sales_amount - waterfall.invoice_sales_amount)
            as discount_amount,
        sum(coalesce(waterfall.rebate_amount, 0)) as rebate_amount,
        sum(
            waterfall.invoice_sales_amount - coalesce(waterfall.rebate_amount, 0)
            - waterfall.pocket_sales_amount
        ) as programme_amount,
        sum(waterfall.cost_of_goods_amount + coalesce(waterfall.landed_cost_amount, 0))
            as cost_amount,
        sum(waterfall.pocket_margin_amount) as pocket_margin_amount,
        sum(
            case
                when waterfall.line_without_cost_count > 0 then 1
                when waterfall.unconverted_line_count > 0 then 1
                else 0
            end
        ) as unknown_count
    from waterfall
    left join products on waterfall.product_code = products.product_code
    group by
        waterfall.month_start_date,
        waterfall.partner_code,
        waterfall.product_code,
        coalesce(products.family_code, 'NONE')
),

months as (
    select month_start_date
    from monthly
    group by month_start_date
),

budgeted_partners as (
    select
        month_start_date,
        partner_code
    from budgets
    group by month_start_date, partner_code
),

-- The same row stands on the side of its own month, and on the side of the base of the
-- month that is compared with it; months without any figure are not compared.
{% for comparison, months_back in [('former_year', 12), ('former_period', 1)] -%}
{{ comparison }}_own as (
    select monthly.*
    from monthly
    inner join months
        on
            cast(
                monthly.month_start_date
                - interval '{{ months_back }}' month as date
            ) = months.month_start_date
),

{{ comparison }}_base as (
    select
        months.month_start_date,
        monthly.partner_code,
        monthly.product_code,
        monthly.family_code,
        {% for measure in measures -%}
        monthly.{{ measure }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from monthly
    inner join months
        on
            cast(
                monthly.month_start_date
                + interval '{{ months_back }}' month as date
            ) = months.month_start_date
),

{{ comparison }}_cells as (
    select
        '{{ comparison }}' as comparison_code,
        coalesce(own.month_start_date, base.month_start_date) as month_start_date,
        coalesce(own.partner_code, base.partner_code) as partner_code,
        coalesce(own.product_code, base.product_code) as product_code,
        coalesce(own.family_code, base.family_code) as family_code,
        {% for measure in measures -%}
        coalesce(own.{{ measure }}, 0) as {{ measure }},
        coalesce(base.{{ measure }}, 0) as base_{{ measure }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from {{ comparison }}_own as own
    full outer join {{ comparison }}_base as base
        on
            own.month_start_date = base.month_start_date
            and own.partner_code = base.partner_code
            and own.product_code = base.product_code
            and own.family_code = base.family_code
),

{% endfor -%}
budget_sides as (
    select
        monthly.month_start_date,
        monthly.partner_code,
        case when budgets.budget_id is null then 'ALL' else monthly.product_code end
            as product_code,
        monthly.family_code,
        {% for measure in measures -%}
        monthly.{{ measure }},
        cast(0 as decimal(18, 4)) as base_{{ measure }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from monthly
    inner join budgeted_partners
        on
            monthly.month_start_date = budgeted_partners.month_start_date
            and monthly.partner_code = budgeted_partners.partner_code
    left join budgets
        on
            monthly.month_start_date = budgets.month_start_date
            and monthly.partner_code = budgets.partner_code
            and monthly.product_code = budgets.product_code
    union all
    select
        budgets.month_start_date,
        budgets.partner_code,
        budgets.product_code,
        budgets.family_code,
        {% for measure in measures -%}
        cast(0 as decimal(18, 4)) as {{ measure }},
        budgets.{{ measure }} as base_{{ measure }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from budgets
    inner join months on budgets.month_start_date = months.month_start_date
),

cells as (
    select * from former_year_cells
    union all
    select * from former_period_cells
    union all
    select
        'budget' as comparison_code,
        month_start_date,
        partner_code,
        product_code,
        family_code,
        {% for measure in measures -%}
        sum({{ measure }}) as {{ measure }},
        sum(base_{{ measure }}) as base_{{ measure }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from budget_sides
    group by month_start_date, partner_code, product_code, family_code
),

-- Units bought: what another partner returns, or of another product, takes none of them
-- away.
totals as (
    select
        cells.*,
        sum(greatest(invoiced_quantity, 0)) over (
            partition by comparison_code, month_start_date, family_code, product_code
        ) as product_quantity,
        sum(greatest(base_invoiced_quantity, 0)) over (
            partition by comparison_code, month_start_date, family_code, product_code
        ) as base_product_quantity,
        sum(greatest(invoiced_quantity, 0)) over (
            partition by comparison_code, month_start_date, partner_code
        ) as partner_quantity,
        sum(greatest(base_invoiced_quantity, 0)) over (
            partition by comparison_code, month_start_date, partner_code
        ) as base_partner_quantity
    from cells
),

-- New is what nobody bought in the base period, and all that a new partner buys; gone
-- is the same the other way round.
lives as (
    select
        totals.*,
        case
            when invoiced_quantity <= 0 and base_invoiced_quantity <= 0
                then 'without_units'
            when
                invoiced_quantity > 0
                and (base_product_quantity = 0 or base_partner_quantity = 0)
                then 'new_product'
            when
                base_invoiced_quantity > 0
                and (product_quantity = 0 or partner_quantity = 0)
                then 'discontinued_product'
            else 'continuing'
        end as life_code
    from totals
),

monthly_rates as (
    select
        currency_code,
        {{ month_start('date_day') }} as month_start_date,
        cast(avg(company_per_euro) as decimal(18, 8)) as company_per_euro,
        cast(avg(currency_per_euro) as decimal(18, 8)) as currency_per_euro
    from rates
    group by currency_code, {{ month_start('date_day') }}
),

foreign_lines as (
    select * from lines
    where document_currency_code <> currency_code
),

-- The rate that a partner's sales of a product bore; of amounts without their sign, so
-- that credits do not turn it.
own_rates as (
    select
        month_start_date,
        partner_code,
        product_code,
        document_currency_code,
        sum(abs(invoice_sales_amount)) as invoice_sales_amount,
        sum(abs(document_net_amount)) as document_net_amount
    from foreign_lines
    group by month_start_date, partner_code, product_code, document_currency_code
),

-- Sales in another currency at the rate that they bore in the base month, else at the
-- month's mean; without one, or against the budget, the effect cannot be told from that
-- of the price.
foreign_sales as (
    {% for comparison, months_back in [('former_year', 12), ('former_period', 1)] -%}
    select
        '{{ comparison }}' as comparison_code,
        foreign_lines.month_start_date,
        foreign_lines.partner_code,
        foreign_lines.product_code,
        foreign_lines.gross_sales_amount,
        foreign_lines.invoice_sales_amount,
        foreign_lines.invoice_sales_amount - coalesce(
            {{ divide(
                ['foreign_lines.document_net_amount', 'own_rates.invoice_sales_amount'],
                'own_rates.document_net_amount'
            ) }},
            {{ divide(
                [
                    'foreign_lines.document_net_amount',
                    'monthly_rates.company_per_euro',
                ],
                'monthly_rates.currency_per_euro'
            ) }}
        ) as moved_amount
    from foreign_lines
    left join own_rates
        on
            foreign_lines.partner_code = own_rates.partner_code
            and foreign_lines.product_code = own_rates.product_code
            and foreign_lines.document_currency_code = own_rates.document_currency_code
            and cast(
                foreign_lines.month_start_date
                - interval '{{ months_back }}' month as date
            ) = own_rates.month_start_date
    left join monthly_rates
        on
            foreign_lines.document_currency_code = monthly_rates.currency_code
            and cast(
                foreign_lines.month_start_date
                - interval '{{ months_back }}' month as date
            ) = monthly_rates.month_start_date
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- The rate moves list prices and discounts alike: what it moved is in neither effect.
currency_effects as (
    select
        comparison_code,
        month_start_date,
        partner_code,
        product_code,
        sum(moved_amount) as currency_effect_amount,
        sum(
            {{ divide(
                ['gross_sales_amount', 'moved_amount'], 'invoice_sales_amount'
            ) }}
        ) as gross_currency_amount
    from foreign_sales
    group by comparison_code, month_start_date, partner_code, product_code
),

growth as (
    select
        comparison_code,
        month_start_date,
        partner_code,
        sum(greatest(invoiced_quantity, 0)) as continuing_quantity,
        sum(greatest(base_invoiced_quantity, 0)) as base_continuing_quantity
    from lives
    where life_code = 'continuing'
    group by comparison_code, month_start_date, partner_code
),

weighed as (
    select
        lives.*,
        {{ amount('coalesce(currency_effects.currency_effect_amount, 0)') }}
            as currency_amount,
        {{ amount('coalesce(currency_effects.gross_currency_amount, 0)') }}
            as gross_currency_amount,
        {{ amount('lives.pocket_margin_amount - lives.base_pocket_margin_amount') }}
            as variance_amount,
        lives.life_code = 'continuing'
        and lives.invoiced_quantity > 0
        and lives.base_invoiced_quantity > 0 as is_in_both,
        growth.continuing_quantity,
        growth.base_continuing_quantity
    from lives
    left join growth
        on
            lives.comparison_code = growth.comparison_code
            and lives.month_start_date = growth.month_start_date
            and lives.partner_code = growth.partner_code
    left join currency_effects
        on
            lives.comparison_code = currency_effects.comparison_code
            and lives.month_start_date = currency_effects.month_start_date
            and lives.partner_code = currency_effects.partner_code
            and lives.product_code = currency_effects.product_code
),

-- A continuing product moves the margin by what a unit brings and costs, where there
-- are units in both periods, and by units: at the growth of the partner's continuing
-- products (volume), and beyond it (mix, the rest).
moved as (
    select
        weighed.*,
        case when is_in_both then currency_amount else 0 end
            as currency_effect_amount,
        case
            when is_in_both
                then {{ unit_effect('gross') }} - gross_currency_amount
            else 0
        end as price_effect_amount,
        {% for part in parts if part != 'gross' -%}
        case
            when is_in_both
                then
                    -({{ unit_effect(part) }})
                    {%- if part == 'discount' %}
                    + gross_currency_amount - currency_amount
                    {%- endif %}
            else 0
        end as {{ part }}_effect_amount,
        {% endfor -%}
        {% for life in ['new_product', 'discontinued_product', 'without_units'] -%}
        case when life_code = '{{ life }}' then variance_amount else 0 end
            as {{ life }}_effect_amount,
        {% endfor -%}
        case
            when life_code = 'continuing' and base_invoiced_quantity > 0
                then coalesce(
                    {{ divide(
                        [
                            'base_pocket_margin_amount',
                            'continuing_quantity - base_continuing_quantity',
                        ],
                        'base_continuing_quantity'
                    ) }},
                    0
                )
            else 0
        end as volume_effect_amount
    from weighed
),

explained as (
    select
        moved.*,
        case
            when life_code = 'continuing'
                then
                    variance_amount - currency_effect_amount - price_effect_amount
                    {%- for part in parts if part != 'gross' %}
                    - {{ part }}_effect_amount
                    {%- endfor %}
                    - volume_effect_amount
            else 0
        end as mix_effect_amount
    from moved
),

scopes as (
    select
        'product' as scope_code,
        comparison_code,
        month_start_date,
        partner_code,
        family_code,
        product_code,
        {% for measure in measures -%}
        {{ measure }},
        base_{{ measure }},
        {% endfor -%}
        {% for code in effects -%}
        {{ code }}_effect_amount,
        {% endfor -%}
        variance_amount
    from explained
    {% for scope in ['partner', 'company'] -%}
    union all
    select
        '{{ scope }}' as scope_code,
        comparison_code,
        month_start_date,
        {{ "'ALL'" if scope == 'company' else 'partner_code' }} as partner_code,
        'ALL' as family_code,
        'ALL' as product_code,
        {% for measure in measures -%}
        sum({{ measure }}) as {{ measure }},
        sum(base_{{ measure }}) as base_{{ measure }},
        {% endfor -%}
        {% for code in effects -%}
        sum({{ code }}_effect_amount) as {{ code }}_effect_amount,
        {% endfor -%}
        sum(variance_amount) as variance_amount
    from explained
    group by
        comparison_code,
        month_start_date
        {%- if scope == 'partner' %}, partner_code{% endif %}
    {% endfor %}
),

drivers as (
    {% for code in effects -%}
    select
        scope_code,
        comparison_code,
        month_start_date,
        partner_code,
        {{ loop.index }} as driver_order,
        {{ code }}_effect_amount as effect_amount,
        {{ effect_name(code, 'fr') }} as name_fr,
        {{ effect_name(code, 'en') }} as name_en
    from scopes
    where scope_code <> 'product' and round({{ code }}_effect_amount, 0) <> 0
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

ranked as (
    select
        scope_code,
        comparison_code,
        month_start_date,
        partner_code,
        name_fr || ' (' || {{ amount_in_words('effect_amount', ' ') }} || ')'
            as driver_fr,
        name_en || ' (' || {{ amount_in_words('effect_amount', ',') }} || ')'
            as driver_en,
        row_number() over (
            partition by scope_code, comparison_code, month_start_date, partner_code
            order by abs(effect_amount) desc, driver_order asc
        ) as driver_rank
    from drivers
),

told as (
    select
        scope_code,
        comparison_code,
        month_start_date,
        partner_code,
        max(case when driver_rank = 1 then driver_fr end) as driver_1_fr,
        max(case when driver_rank = 2 then driver_fr end) as driver_2_fr,
        max(case when driver_rank = 3 then driver_fr end) as driver_3_fr,
        max(case when driver_rank = 1 then driver_en end) as driver_1_en,
        max(case when driver_rank = 2 then driver_en end) as driver_2_en,
        max(case when driver_rank = 3 then driver_en end) as driver_3_en
    from ranked
    where driver_rank <= 3
    group by scope_code, comparison_code, month_start_date, partner_code
),

final as (
    select
        scopes.comparison_code || '|' || scopes.scope_code || '|'
        || cast(scopes.month_start_date as string) || '|' || scopes.partner_code || '|'
        || scopes.family_code || '|' || scopes.product_code as margin_variance_id,
        scopes.comparison_code,
        scopes.scope_code,
        scopes.month_start_date,
        scopes.partner_code,
        scopes.family_code,
        scopes.product_code,
        {{ quantity('scopes.invoiced_quantity') }} as invoiced_quantity,
        {{ quantity('scopes.base_invoiced_quantity') }} as base_invoiced_quantity,
        {%- for side in ['', 'base_'] %}
        {{ amount(
            'case when scopes.' ~ side ~ 'unknown_count = 0 then scopes.' ~ side
            ~ 'pocket_margin_amount end'
        ) }} as {{ side }}pocket_margin_amount,
        {%- endfor %}
        {{ amount(
            'case when ' ~ is_known ~ ' then scopes.variance_amount end'
        ) }} as variance_amount,
        {% for code in effects -%}
        {{ amount(
            'case when ' ~ is_known ~ ' then scopes.' ~ code ~ '_effect_amount end'
        ) }} as {{ code }}_effect_amount,
        {% endfor -%}
        {{ is_month_over('scopes.month_start_date') }} as is_month_complete,
        case
            when scopes.scope_code <> 'product' and {{ is_known }}
                then
                    'Marge nette nette '
                    || {{ amount_in_words('scopes.variance_amount', ' ') }}
                    || case scopes.comparison_code
                        when 'former_year'
                            then ' par rapport au même mois de l''an passé'
                        when 'former_period' then ' par rapport au mois précédent'
                        else ' par rapport au budget'
                    end
                    || coalesce(' : ' || told.driver_1_fr, '')
                    || coalesce(', ' || told.driver_2_fr, '')
                    || coalesce(', ' || told.driver_3_fr, '') || '.'
        end as summary_fr,
        case
            when scopes.scope_code <> 'product' and {{ is_known }}
                then
                    'Pocket margin '
                    || {{ amount_in_words('scopes.variance_amount', ',') }}
                    || case scopes.comparison_code
                        when 'former_year' then ' on the same month of last year'
                        when 'former_period' then ' on the former month'
                        else ' on the budget'
                    end
                    || coalesce(': ' || told.driver_1_en, '')
                    || coalesce(', ' || told.driver_2_en, '')
                    || coalesce(', ' || told.driver_3_en, '') || '.'
        end as summary_en,
        case when not {{ is_known }} then 'margin_unknown' end as reason_code,
        {{ company_currency() }} as currency_code
    from scopes
    left join told
        on
            scopes.scope_code = told.scope_code
            and scopes.comparison_code = told.comparison_code
            and scopes.month_start_date = told.month_start_date
            and scopes.partner_code = told.partner_code
)

select * from final
