{#
    What a unit is worth in base units, as a fraction. In this order: what the company
    laid down for the partner and product, for the product, the ERP's table of packings,
    and what the company laid down for all products. A unit that none of them knows has
    no value: it is never 1.

    `unit_joins` belongs behind the `from` clause of `lines`, which needs partner_code,
    product_code and unit_code; the other macros read what it joins.
#}
{% macro unit_joins(lines, day) -%}
    left join {{ ref('stg_rules__units') }} as partner_units
        on
            {{ lines }}.partner_code = partner_units.partner_code
            and {{ lines }}.product_code = partner_units.product_code
            and {{ lines }}.unit_code = partner_units.unit_code
            and {{ in_range(lines ~ '.' ~ day, 'partner_units') }}
    left join {{ ref('stg_rules__units') }} as own_units
        on
            own_units.partner_code = '*'
            and {{ lines }}.product_code = own_units.product_code
            and {{ lines }}.unit_code = own_units.unit_code
            and {{ in_range(lines ~ '.' ~ day, 'own_units') }}
    left join {{ ref('int_product_units_completed') }} as erp_units
        on
            {{ lines }}.product_code = erp_units.product_code
            and {{ lines }}.unit_code = erp_units.unit_code
    left join {{ ref('stg_rules__units') }} as general_units
        on
            general_units.partner_code = '*'
            and general_units.product_code = '*'
            and {{ lines }}.product_code <> 'UNMATCHED'
            and {{ lines }}.unit_code = general_units.unit_code
            and {{ in_range(lines ~ '.' ~ day, 'general_units') }}
{%- endmacro %}

{% macro unit_numerator() -%}
    cast(
        coalesce(
            partner_units.numerator,
            own_units.numerator,
            erp_units.base_quantity,
            general_units.numerator
        ) as decimal(18, 6)
    )
{%- endmacro %}

{% macro unit_denominator() -%}
    cast(
        coalesce(
            partner_units.denominator,
            own_units.denominator,
            case when erp_units.base_quantity is not null then 1 end,
            general_units.denominator
        ) as decimal(18, 6)
    )
{%- endmacro %}

{# A quantity of a unit in base units; exact unless the unit is a true fraction. #}
{% macro in_base_units(quantity_in_unit, numerator, denominator) -%}
    case
        when {{ denominator }} = 1
            then {{ product(quantity_in_unit, numerator, 'decimal(18, 3)') }}
        else {{ divide_quantity(wide(quantity_in_unit) ~ ' * ' ~ numerator, denominator) }}
    end
{%- endmacro %}
