{#
    Slice replacement: facts from partners' reports are replaced slice by slice
    (partner|feed|period). Which slices, decides stg_ledger__touched_slices; these
    macros are what it and the facts share.
#}

{#
    A number that stands for a name in a fact of many lines: 60 bits of its MD5, so that it
    is the same in every run and on every engine. Names are few (slices, reports); that no
    two share a number is tested where they are (dim_sell_out_reports).
#}
{% macro number_of(name) -%}
    {{ return(adapter.dispatch('number_of', 'aval')(name)) }}
{%- endmacro %}

{% macro default__number_of(name) -%}
    cast(conv(substr(md5({{ name }}), 1, 15), 16, 10) as bigint)
{%- endmacro %}

{% macro duckdb__number_of(name) -%}
    cast('0x' || substr(md5({{ name }}), 1, 15) as bigint)
{%- endmacro %}

{#
    Tables that remember between runs, as schema and name. Without one of them
    everything is read.
#}
{% macro remembering_tables() -%}
    {{ return([
        ('core', 'fct_sell_out_lines'),
        ('core', 'fct_sell_out_weekly'),
        ('core', 'fct_store_reports'),
        ('core', 'fct_customer_purchases'),
        ('intermediate', 'int_inventory_reported'),
        ('intermediate', 'int_product_identifiers_used'),
        ('intermediate', 'int_partner_versions_used'),
        ('intermediate', 'int_exchange_rates_used'),
        ('core', 'fct_inventory'),
        ('intermediate', 'int_rolled_inputs_used'),
        ('marts', 'mart_sell_out_monthly'),
        ('marts', 'mart_channel_inventory_weekly'),
        ('marts', 'mart_channel_balance_monthly'),
    ]) }}
{%- endmacro %}

{#
    A table as the last run left it. Not `ref()`: what this run reads of the last one is
    no edge of the graph, and as an edge it would be a cycle.
#}
{% macro built(schema, name) -%}
    {{ return(api.Relation.create(
        database=target.database, schema=schema, identifier=name
    )) }}
{%- endmacro %}

{#
    Whether this run reads all live slices: scope `all`, --full-refresh, or nothing to
    build on.
#}
{% macro rebuilds_everything() -%}
    {%- if not execute or flags.FULL_REFRESH -%}{{ return(true) }}{%- endif -%}
    {%- if env_var('AVAL_SCOPE', 'touched') == 'all' -%}{{ return(true) }}{%- endif -%}
    {%- for schema, name in remembering_tables() -%}
        {%- if load_relation(built(schema, name)) is none -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}

{#
    Pre-hook of a fact: remove the touched slices that have no rows any more. Slices
    with rows are replaced by the strategy `delete+insert` itself.
#}
{% macro clear_emptied_slices(entity, key='slice_key') -%}
    {%- set touched_slices = ref('stg_ledger__touched_slices') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ key }} in (
            select touched.{{ key }}
            from {{ touched_slices }} as touched
            where touched.entity_code = '{{ entity }}' and touched.landed_row_count = 0
        )
    {%- endif -%}
{%- endmacro %}

{#
    Pre-hook of a fact that not every report has rows of: remove all touched slices. A
    report that names stores or customers no more leaves none of those that the former
    one named. Slices of both entities are known by slice_id, those of one by slice_key.
#}
{% macro clear_touched_slices(key='slice_id', entity=none) -%}
    {%- set touched_slices = ref('stg_ledger__touched_slices') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ key }} in (
            select touched.{{ key }} from {{ touched_slices }} as touched
            {%- if entity %} where touched.entity_code = '{{ entity }}'{% endif %}
        )
    {%- endif -%}
{%- endmacro %}

{# A GTIN in its one comparable length. #}
{% macro gtin_14(gtin) -%}
    lpad({{ gtin }}, 14, '0')
{%- endmacro %}

{#
    Which products and units claim a GTIN. An article that bears another code now leaves its
    former code behind, inactive or gone from the ERP, with the same GTIN: it claims it no
    more once an active product does.
#}
{% macro gtin_claims() -%}
    select
        gtin_14,
        product_code,
        unit_code,
        is_packing
    from (
        select
            {{ gtin_14('gtin') }} as gtin_14,
            product_code,
            base_unit_code as unit_code,
            false as is_packing,
            is_active,
            is_deleted
        from {{ ref('stg_erp__products') }}
        where gtin is not null
        union all
        select
            {{ gtin_14('packings.gtin') }} as gtin_14,
            packings.product_code,
            packings.unit_code,
            packings.unit_code <> products.base_unit_code as is_packing,
            products.is_active,
            products.is_deleted
        from {{ ref('stg_erp__product_units') }} as packings
        inner join {{ ref('stg_erp__products') }} as products
            on packings.product_code = products.product_code
        where packings.gtin is not null
    ) as claimed
    qualify
        rank() over (
            partition by gtin_14
            order by
                case when is_deleted then 2 when is_active then 0 else 1 end
        ) = 1
{%- endmacro %}

{#
    All master data that decides to which product and unit a reported line belongs. The
    facts' copy (int_product_identifiers_used) is compared with it to find the slices
    that a change touches.
#}
{% macro product_identifiers() -%}
    select
        'product' as identifier_kind,
        '' as partner_code,
        product_code as identifier,
        cast('1900-01-01' as date) as valid_from_date,
        cast('9999-12-31' as date) as valid_to_date,
        product_code,
        base_unit_code as unit_code,
        {{ quantity(1) }} as base_quantity
    from {{ ref('stg_erp__products') }}
    where not is_deleted
    union distinct
    select
        'gtin' as identifier_kind,
        '' as partner_code,
        gtin_14 as identifier,
        cast('1900-01-01' as date) as valid_from_date,
        cast('9999-12-31' as date) as valid_to_date,
        product_code,
        unit_code,
        {{ quantity(1) }} as base_quantity
    from ({{ gtin_claims() }}) as claims
    union distinct
    select
        'unit' as identifier_kind,
        '' as partner_code,
        product_code || '|' || unit_code as identifier,
        cast('1900-01-01' as date) as valid_from_date,
        cast('9999-12-31' as date) as valid_to_date,
        product_code,
        unit_code,
        base_quantity
    from {{ ref('stg_erp__product_units') }}
    union distinct
    {#- The fraction itself stands in the identifier: a change of it is a change. #}
    select
        'unit_rule' as identifier_kind,
        partner_code,
        cast(numerator as string) || '/' || cast(denominator as string) as identifier,
        valid_from_date,
        valid_to_date,
        product_code,
        unit_code,
        {{ quantity(1) }} as base_quantity
    from {{ ref('stg_rules__units') }}
    union distinct
    select
        'translation' as identifier_kind,
        partner_code,
        reported_code as identifier,
        valid_from_date,
        valid_to_date,
        product_code,
        unit_code,
        {{ quantity(1) }} as base_quantity
    from {{ ref('stg_rules__product_translations') }}
{%- endmacro %}

{#
    Partners with their dated terms: what decides a line's partner version, channel and
    territory.
#}
{% macro partner_versions() -%}
    select
        partners.partner_code,
        coalesce(terms.valid_from_date, cast('1900-01-01' as date)) as valid_from_date,
        coalesce(terms.valid_to_date, cast('9999-12-31' as date)) as valid_to_date,
        coalesce(terms.channel_code, partners.channel_code)
        || '|' || coalesce(partners.country_code, '') as attributes
    from {{ ref('stg_erp__partners') }} as partners
    left join {{ ref('stg_erp__partner_terms') }} as terms
        on partners.partner_code = terms.partner_code
{%- endmacro %}
