{#
    Which of our products and units a reported line means. In this order: our own
    product code, the GTIN (a packing's GTIN also says the unit), the crosswalk of the
    partner's code on the line's day. A line whose product stays unknown belongs to the
    product UNMATCHED; no line is dropped.

    Needs the columns partner_code, reported_product_code, reported_gtin,
    partner_product_code, reported_unit_code and `day`; adds product_code, unit_code,
    base_quantity, resolution_code.
#}
{% macro resolved_lines(lines, day) -%}
    select
        matched_lines.*,
        units.base_quantity,
        case
            when matched_lines.product_code = 'UNMATCHED' then 'product_unmatched'
            when units.base_quantity is null then 'unit_unknown'
            else 'resolved'
        end as resolution_code
    from (
        select
            lines.*,
            coalesce(
                products.product_code,
                gtins.product_code,
                crosswalk_products.product_code,
                'UNMATCHED'
            ) as product_code,
            case
                when products.product_code is not null then lines.reported_unit_code
                -- The base unit's GTIN names the product only; the line says how it was
                -- counted.
                when gtins.is_packing then gtins.unit_code
                when gtins.product_code is not null then lines.reported_unit_code
                when crosswalk_products.product_code is not null
                    then crosswalk.unit_code
                else lines.reported_unit_code
            end as unit_code
        from {{ lines }} as lines
        left join {{ ref('stg_erp__products') }} as products
            on lines.reported_product_code = products.product_code
        left join {{ ref('int_product_gtins_resolved') }} as gtins
            on {{ gtin_14('lines.reported_gtin') }} = gtins.gtin_14
        left join {{ ref('stg_rules__product_crosswalk') }} as crosswalk
            on
                lines.partner_code = crosswalk.partner_code
                and lines.partner_product_code = crosswalk.partner_product_code
                and {{ in_range('lines.' ~ day, 'crosswalk') }}
        left join {{ ref('stg_erp__products') }} as crosswalk_products
            on crosswalk.product_code = crosswalk_products.product_code
    ) as matched_lines
    left join {{ ref('int_product_units_completed') }} as units
        on
            matched_lines.product_code = units.product_code
            and matched_lines.unit_code = units.unit_code
{%- endmacro %}
