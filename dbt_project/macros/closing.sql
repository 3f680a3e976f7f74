{#
    What the close of a month freezes. A mart joins by `meta: finance:` in its .yml and
    by its name in this list: dbt has to know what a model reads before it knows what
    the other models say of themselves.
#}
{% macro finance_marts() -%}
    {{ return([
        'mart_margin_reconciliation_monthly',
        'mart_sell_in_monthly',
    ]) }}
{%- endmacro %}

{# The facts that `meta: trace:` of these marts names. #}
{% macro finance_facts() -%}
    {{ return([
        'fct_gl_entries',
        'fct_orders',
        'fct_sell_in',
        'fct_shipments',
    ]) }}
{%- endmacro %}

{# What each of these marts says of itself: `finance` and `trace` of its meta. #}
{% macro finance_declarations() -%}
    {%- set found = {} -%}
    {%- if execute -%}
        {%- for name in finance_marts() -%}
            {%- set meta = graph.nodes['model.aval.' ~ name].config.meta -%}
            {%- do found.update(
                {name: {'finance': meta.finance, 'trace': meta.trace}}
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# The columns of the grain that have columns of their own in the register. #}
{% macro closed_grain_columns() -%}
    {{ return(['partner_code', 'channel_code', 'product_code']) }}
{%- endmacro %}

{# What else the grain of a mart has, as `column=value` separated by `|`. #}
{% macro grain_detail(grain) -%}
    {%- set parts = [] -%}
    {%- for column in grain if column not in closed_grain_columns() -%}
        {%- do parts.append(
            "'" ~ column ~ "=' || coalesce(cast(" ~ column ~ " as string), '')"
        ) -%}
    {%- endfor -%}
    {{ return(parts | join(" || '|' || ") or 'cast(null as string)') }}
{%- endmacro %}

{# Texts of a group as one, in their order. #}
{% macro texts_joined(text) -%}
    {{ return(adapter.dispatch('texts_joined', 'aval')(text)) }}
{%- endmacro %}

{% macro default__texts_joined(text) -%}
    array_join(sort_array(collect_list({{ text }})), ', ')
{%- endmacro %}

{% macro duckdb__texts_joined(text) -%}
    string_agg({{ text }}, ', ' order by {{ text }})
{%- endmacro %}

{# Landed rows of the register of closed months: those of batches that the ledger knows. #}
{% macro landed_closing(entity) -%}
    select landed.*
    from {{ landing('closing', entity) }} as landed
    where
        landed._batch_id in (
            select batches.batch_id
            from {{ ref('stg_ledger__batches') }} as batches
            where batches.system_code = 'closing'
        )
{%- endmacro %}
