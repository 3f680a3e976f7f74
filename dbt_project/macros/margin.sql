{#
    The steps from gross sales to channel contribution, by the level that they lead to. Names
    and order stand in dim_margin_steps.
#}

{# Steps that fct_programme_costs carries. #}
{% macro programme_cost_steps() -%}
    {{ return([
        'price_protection',
        'ship_and_debit',
        'mdf',
        'freight',
        'cash_discount',
        'commission',
        'spiff',
        'training',
        'channel_staff',
        'tools',
    ]) }}
{%- endmacro %}

{% macro margin_steps(level) -%}
    {{ return({
        'invoice_sales': [
            'contract_discount',
            'promotion_discount',
            'exception_discount',
        ],
        'pocket_sales': [
            'rebate',
            'price_protection',
            'ship_and_debit',
            'mdf',
            'freight',
            'cash_discount',
            'commission',
            'spiff',
        ],
        'pocket_margin': ['cost_of_goods', 'landed_cost'],
        'channel_contribution': ['training', 'channel_staff', 'tools'],
    }[level]) }}
{%- endmacro %}

{% macro margin_levels() -%}
    {{ return([
        'invoice_sales', 'pocket_sales', 'pocket_margin', 'channel_contribution'
    ]) }}
{%- endmacro %}

{#
    The parts of the landed cost, and the element of the ERP that each is made of. What has
    no part of its own is in the last one.
#}
{% macro landed_cost_parts() -%}
    {{ return({
        'inbound_freight': 'freight_in',
        'customs': 'customs',
        'material_surcharge': 'material_surcharge',
        'other_landed_cost': none,
    }) }}
{%- endmacro %}

{# The unit cost of an element if it belongs to a part of the landed cost, else 0. #}
{% macro cost_of_part(part, elements) -%}
    {%- set parts = landed_cost_parts() -%}
    {%- set named = parts.values() | select | join("', '") -%}
    case
        when {{ elements }}.element_code
            {{ "= '" ~ parts[part] ~ "'" if parts[part] else "not in ('" ~ named ~ "')" }}
            then {{ elements }}.unit_cost_amount
        else 0
    end
{%- endmacro %}

{# All steps in order, and with `levels` the levels after their steps. #}
{% macro all_margin_steps(levels=false) -%}
    {%- set steps = ['gross_sales'] if levels else [] -%}
    {%- for level in margin_levels() -%}
        {%- do steps.extend(margin_steps(level)) -%}
        {%- if levels -%}{%- do steps.append(level) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(steps) }}
{%- endmacro %}

{# What is left after the steps of a level; a step that is not connected takes nothing. #}
{% macro less_steps(former, level) -%}
    {{ former }}
    {%- for step in margin_steps(level) if step != 'cost_of_goods' %}
    - coalesce({{ step }}_amount, 0)
    {%- endfor %}
{%- endmacro %}

{# What moves the margin from one period to another. #}
{% macro margin_effects() -%}
    {{ return([
        'price',
        'discount',
        'rebate',
        'programme',
        'cost',
        'currency',
        'volume',
        'mix',
        'new_product',
        'discontinued_product',
        'without_units',
    ]) }}
{%- endmacro %}

{# What a sentence calls an effect. #}
{% macro effect_name(effect, language) -%}
    {%- set names = {
        'price': {'fr': 'prix', 'en': 'price'},
        'discount': {'fr': 'remises sur facture', 'en': 'discounts'},
        'rebate': {'fr': 'ristournes', 'en': 'rebates'},
        'programme': {'fr': 'programmes et frais', 'en': 'programmes'},
        'cost': {'fr': 'coûts', 'en': 'costs'},
        'currency': {'fr': 'changes', 'en': 'currency'},
        'volume': {'fr': 'volume', 'en': 'volume'},
        'mix': {'fr': 'mix', 'en': 'mix'},
        'new_product': {'fr': 'nouveaux articles', 'en': 'new products'},
        'discontinued_product': {
            'fr': 'articles arrêtés',
            'en': 'discontinued products',
        },
        'without_units': {
            'fr': 'montants sans quantité',
            'en': 'amounts without units',
        },
    } -%}
    '{{ names[effect][language] }}'
{%- endmacro %}

{# An amount in words of a sentence, whole and with its sign: `+12 345 €`, `-980 €`. #}
{% macro amount_in_words(amount, separator) -%}
    case when {{ amount }} < 0 then '-' else '+' end
    || {{ digits_in_words(amount, separator) }}
    || case
        when {{ company_currency() }} = 'EUR' then ' €'
        else ' ' || {{ company_currency() }}
    end
{%- endmacro %}

{#
    What an amount differs by from the base's amount at this period's quantity: the effect
    of its value by unit.
#}
{% macro unit_effect(step) -%}
    {{ step }}_amount
    - {{
        divide(
            ['base_' ~ step ~ '_amount', 'invoiced_quantity'],
            'base_invoiced_quantity'
        )
    }}
{%- endmacro %}

{#
    Sum of what lines know: unknown where there are lines and none of them knows it. Costs
    that no line carries bear a 0 and tell nothing of the lines beside them.
#}
{% macro sum_of_lines(column, is_line) -%}
    case
        when count(case when {{ is_line }} then 1 end) > 0
            then sum(case when {{ is_line }} then {{ column }} end)
        else sum({{ column }})
    end
{%- endmacro %}
