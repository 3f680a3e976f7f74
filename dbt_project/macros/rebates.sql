{#
    What rebates are worked out with in more than one model.
#}

{#
    Invoice lines with the month in which they count: a credit note that names its
    invoice counts in the invoice's month, under the terms of then.
#}
{% macro sell_in_counted() -%}
    select
        lines.invoice_line_id,
        lines.invoice_number,
        lines.invoice_type,
        lines.partner_code,
        coalesce(originals.partner_version_id, lines.partner_version_id)
            as partner_version_id,
        lines.channel_code,
        lines.product_code,
        lines.invoice_date,
        {{ month_start('coalesce(originals.invoice_date, lines.invoice_date)') }}
            as counted_month_date,
        lines.due_date,
        lines.invoiced_quantity,
        lines.net_amount,
        lines.document_net_amount,
        lines.document_currency_code
    from {{ ref('fct_sell_in') }} as lines
    left join (
        select
            invoice_number,
            min(invoice_date) as invoice_date,
            min(partner_version_id) as partner_version_id
        from {{ ref('fct_sell_in') }}
        where
            invoice_type = 'invoice'
            and invoice_number in (
                select original_invoice_number
                from {{ ref('fct_sell_in') }}
                where original_invoice_number is not null
            )
        group by invoice_number
    ) as originals on lines.original_invoice_number = originals.invoice_number
    where lines.invoice_date <= {{ as_of_date() }}
{%- endmacro %}

{#
    How many lines lack an amount or units: without a rate of exchange, in a unit that
    nobody can convert, a delivery without its order.
#}
{% macro unvalued_lines() -%}
    count(*) - count(case
        when {{ varargs | join(' is not null and ') }} is not null then 1
    end)
{%- endmacro %}

{#
    Products in the groups that programmes can tell apart. They name products by code or
    by family: what none of them names by code is alike within its family.
#}
{% macro rebate_product_groups() -%}
    select
        products.product_code,
        products.family_code,
        named.product_code as named_product_code,
        coalesce(
            'product|' || named.product_code,
            'family|' || coalesce(products.family_code, '')
        ) as product_group_code
    from {{ ref('dim_products') }} as products
    left join (
        select scope_code as product_code
        from {{ ref('stg_rules__rebate_scopes') }}
        where dimension_code = 'product'
        group by scope_code
    ) as named on products.product_code = named.product_code
{%- endmacro %}

{#
    A number brought to cents, half away from zero. It comes as a double: what is a half
    in decimals may lie a hair below it there.
#}
{% macro to_cents(expression) -%}
    cast(
        round({{ expression }} + sign({{ expression }}) * 0.0000001, 2)
        as decimal(18, 4)
    )
{%- endmacro %}

{#
    The same of a decimal. DuckDB takes a microsecond to bring one of 128 bits to fewer
    places, so there a double decides wherever it is far from a half.
#}
{% macro decimal_to_cents(expression) -%}
    {{ return(adapter.dispatch('decimal_to_cents', 'aval')(expression)) }}
{%- endmacro %}

{% macro default__decimal_to_cents(expression) -%}
    {{ to_cents(expression) }}
{%- endmacro %}

{% macro duckdb__decimal_to_cents(expression) -%}
    {%- set cents = '(cast(' ~ expression ~ ' as double) * 100)' -%}
    case
        when
            abs(abs({{ cents }} - trunc({{ cents }})) - 0.5)
            <= 0.0001 + abs({{ cents }}) * 0.000000000001
            then {{ to_cents(expression) }}
        else {{ from_cents('round(' ~ cents ~ ')') }}
    end
{%- endmacro %}

{# A share as a double, for what is rounded to cents afterwards. #}
{% macro as_share(part, whole) -%}
    cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0)
{%- endmacro %}

{#
    Where an account stands among tiers: what they are held against, in the unit that they
    are counted in. Tiers of growth are shares of last year's purchases, those of a target
    of it, others of 1. Without a unit no tier is reached. A double, and the two around
    it between which it surely lies.
#}
{% macro level_columns(value, unit, prefix) -%}
    {{ level_bound(value, unit, '-') }} as {{ prefix }}_low_level,
    {{ level_bound(value, unit, '+') }} as {{ prefix }}_high_level
{%- endmacro %}

{% macro level_bound(value, unit, sign) -%}
    case
        when {{ unit }} > 0
            then {{ as_share(value, unit) }}
                {{ sign }} 0.000000001 * abs({{ as_share(value, unit) }})
    end
{%- endmacro %}

{#
    The condition under which `tier` is the highest that `accounts` reach on the basis
    `prefix`: the step below the first tier, which has no number, if they reach none. Every
    account is held against every tier, so doubles decide except where one stands at the
    very beginning of a tier.
#}
{% macro is_highest_tier(tier, prefix) -%}
    (
        {{ tier }}.tier_number is null
        or accounts.{{ prefix }}_low_level > {{ tier }}.from_level
        or (
            accounts.{{ prefix }}_high_level >= {{ tier }}.from_level
            and {{ reaches(tier, prefix, 'from') }}
        )
    )
    and (
        {{ tier }}.next_level is null
        or accounts.{{ prefix }}_high_level is null
        or accounts.{{ prefix }}_high_level < {{ tier }}.next_level
        or (
            accounts.{{ prefix }}_low_level <= {{ tier }}.next_level
            and not {{ reaches(tier, prefix, 'next') }}
        )
    )
{%- endmacro %}

{% macro reaches(tier, prefix, end) -%}
    {%- set value = 'accounts.' ~ prefix ~ '_value' -%}
    {%- set from = tier ~ '.' ~ end ~ '_share * accounts.' ~ prefix ~ '_unit' -%}
    (
        {{ value }} > {{ from }}
        or ({{ tier }}.is_{{ end }}_included and {{ value }} = {{ from }})
    )
{%- endmacro %}

{#
    What tiers that are paid slice by slice give for `value`: those below together, and
    this one's slice.
#}
{% macro sliced(tier, value) -%}
    ({{ tier }}.lower_tiers_reward
    + ({{ value }} - {{ tier }}.from_value) * {{ tier }}.reward_value)
{%- endmacro %}

{#
    The rebate on what has been purchased so far, before limits, at the rates of `tier`.
    `share` of the period is done: what is for the whole of it is due in that share.
#}
{% macro rebate_so_far(tier, value, share, last_year_amount) -%}
    cast(
        case
            when {{ tier }}.tier_number is null then 0
            when programmes.form_code = 'stepped' and {{ tier }}.reward_kind_code = 'amount'
                then {{
                    to_cents(
                        '(' ~ tier ~ '.lower_tiers_reward + ' ~ tier ~ '.reward_value) * '
                        ~ share
                    )
                }}
            when
                programmes.form_code = 'stepped'
                and programmes.measure_code = 'units'
                and {{ tier }}.reward_kind_code = 'rate'
                then {{
                    to_cents(
                        as_share(
                            'cast(' ~ sliced(tier, value) ~ ' as double)'
                            ~ ' * cast(accounts.purchased_amount as double)',
                            value
                        )
                    )
                }}
            when programmes.form_code = 'stepped'
                then {{ decimal_to_cents(sliced(tier, value) ~ ' * ' ~ share) }}
            when programmes.is_on_increment
                then {{
                    to_cents(
                        '(' ~ wide('accounts.purchased_amount') ~ ' - '
                        ~ last_year_amount ~ ') * '
                        ~ tier ~ '.reward_value'
                    )
                }}
            when {{ tier }}.reward_kind_code = 'rate'
                then {{ wide('accounts.purchased_amount') }} * {{ tier }}.reward_value
            when {{ tier }}.reward_kind_code = 'per_unit'
                then {{ wide('accounts.purchased_quantity') }} * {{ tier }}.reward_value
            else {{ to_cents(tier ~ '.reward_value * ' ~ share) }}
        end as decimal(28, 10)
    )
{%- endmacro %}

{#
    The same within the programme's limits: the floor holds once a tier is reached, the
    cap always, and less than the least payment is not due.
#}
{% macro within_limits(rebate, tier_number, share) -%}
    case
        when {{ tier_number }} is null then 0
        when {{ limited(rebate, share) }} < coalesce(minimum_payment_amount * {{ share }}, 0)
            then 0
        else {{ limited(rebate, share) }}
    end
{%- endmacro %}

{% macro limited(rebate, share) -%}
    least(
        greatest({{ rebate }}, coalesce(floor_amount * {{ share }}, 0)),
        coalesce(cap_amount * {{ share }}, greatest({{ rebate }}, floor_amount, 0))
    )
{%- endmacro %}

{# Whether a condition leaves the rebate as it is: met, not asked for, or by the rule. #}
{% macro is_granted(condition) -%}
    (
        coalesce({{ condition }}_status_code, 'met') = 'met'
        or (
            {{ condition }}_status_code = 'unknown'
            and {{ condition }}_when_unknown_code = 'grant'
        )
    )
{%- endmacro %}

{# Whether an account is of partners of a group that are counted together. #}
{% macro is_group(account_code) -%}
    substr({{ account_code }}, 1, 6) = 'group|'
{%- endmacro %}

{# A programme and its version in one column. #}
{% macro rebate_version_key(programmes, version_date) -%}
    {{ programmes }}.programme_code
    || '|' || cast({{ programmes }}.{{ version_date }} as string)
{%- endmacro %}
