{#
    Which of our products and units a reported line means. In this order: our own
    product code, the GTIN (a packing's GTIN also says the unit), what the partner's code
    means on the line's day by the crosswalk or by an accepted match. A code of ours that
    is gone from the ERP means the article that bears its GTIN now, and itself only where
    nothing else names a product. A line whose product stays unknown belongs to the
    product UNMATCHED; no line is dropped.

    Needs the columns partner_code, reported_product_code, reported_gtin,
    partner_product_code, reported_unit_code and `day`; adds product_code, unit_code,
    unit_numerator, unit_denominator, resolution_code.
#}
{% macro resolved_lines(lines, day) -%}
    select
        matched_lines.*,
        {{ unit_numerator() }} as unit_numerator,
        {{ unit_denominator() }} as unit_denominator,
        case
            when matched_lines.product_code = 'UNMATCHED' then 'product_unmatched'
            when {{ unit_numerator() }} is null then 'unit_unknown'
            else 'resolved'
        end as resolution_code
    from (
        select
            lines.*,
            coalesce(
                {{ present_product_code() }},
                gtins.product_code,
                translations.product_code,
                products.product_code,
                'UNMATCHED'
            ) as product_code,
            case
                when {{ present_product_code() }} is not null
                    then lines.reported_unit_code
                -- The base unit's GTIN names the product only; the line says how it was
                -- counted.
                when gtins.is_packing then gtins.unit_code
                when gtins.product_code is not null then lines.reported_unit_code
                when translations.product_code is not null then translations.unit_code
                else lines.reported_unit_code
            end as unit_code
        from {{ lines }} as lines
        left join {{ ref('stg_erp__products') }} as products
            on lines.reported_product_code = products.product_code
        left join {{ ref('int_product_gtins_resolved') }} as successors
            on
                {{ gtin_14('products.gtin') }} = successors.gtin_14
                and products.product_code <> successors.product_code
                and not successors.is_packing
        left join {{ ref('int_product_gtins_resolved') }} as gtins
            on {{ gtin_14('lines.reported_gtin') }} = gtins.gtin_14
        left join {{ ref('stg_rules__product_translations') }} as translations
            on
                lines.partner_code = translations.partner_code
                and {{ reported_code('lines') }} = translations.reported_code
                and {{ in_range('lines.' ~ day, 'translations') }}
    ) as matched_lines
    {{ unit_joins('matched_lines', day) }}
{%- endmacro %}

{# The product that a code of ours means, of `products` and their `successors`. #}
{% macro present_product_code() -%}
    case
        when products.is_deleted then successors.product_code
        else products.product_code
    end
{%- endmacro %}

{#
    What a line calls its product, for people to decide on: the partner's own code, else
    the GTIN, else the code that should be ours.
#}
{% macro reported_code(lines) -%}
    coalesce(
        {{ lines }}.partner_product_code,
        {{ lines }}.reported_gtin,
        {{ lines }}.reported_product_code
    )
{%- endmacro %}
