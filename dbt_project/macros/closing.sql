{#
    What the close of a month freezes. A mart joins by `meta: finance:` in its .yml and
    by its name in this list: dbt has to know what a model reads before it knows what
    the other models say of themselves.
#}
{% macro finance_marts() -%}
    {{ return([
        'mart_channel_roi_monthly',
        'mart_commissions_monthly',
        'mart_margin_reconciliation_monthly',
        'mart_margin_variance_monthly',
        'mart_margin_waterfall_monthly',
        'mart_partner_profitability_monthly',
        'mart_rebate_accruals_monthly',
        'mart_receivables_monthly',
        'mart_sell_in_monthly',
        'mart_sell_out_monthly',
    ]) }}
{%- endmacro %}

{# The facts in which `meta: trace:` of these marts looks for what came late. #}
{% macro finance_facts() -%}
    {{ return([
        'fct_commissions',
        'fct_gl_entries',
        'fct_margin_lines',
        'fct_orders',
        'fct_payments',
        'fct_receivables',
        'fct_sell_in',
        'fct_sell_out_weekly',
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

{# Lets dbt know, where it parses, what the adjustments read. #}
{% macro read_for_closing() -%}
    {%- if not execute -%}
        {%- for name in finance_marts() + finance_facts() -%}{%- do ref(name) -%}{%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{#
    What the finance marts say now of closed months, one measure a row. `measures` names
    closing_code, month_start_date, mart_name and column_name of what was closed.
#}
{% macro finance_figures(measures) -%}
    {%- for name, declared in finance_declarations().items() %}
    {%- for measure in declared.finance.measures %}
    select
        {{ measures }}.closing_code,
        {{ measures }}.month_start_date,
        {{ measures }}.mart_name,
        mart.{{ declared.finance.key }} as row_key,
        {%- for column in closed_grain_columns() %}
        {% if column in declared.finance.grain -%}
        mart.{{ column }}
        {%- else -%}
        cast(null as string) as {{ column }}
        {%- endif %},
        {%- endfor %}
        {{ grain_detail(declared.finance.grain) }} as grain_detail,
        {{ measures }}.column_name,
        {{ amount('mart.' ~ measure) }} as figure_amount
    from {{ ref(name) }} as mart
    inner join {{ measures }}
        on
            mart.month_start_date = {{ measures }}.month_start_date
            and {{ measures }}.mart_name = '{{ name }}'
            and {{ measures }}.column_name = '{{ measure }}'
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro %}

{#
    Documents behind `rows` of closed marts that landed after the close. `rows` has
    closing_code, mart_name, row_key, the grain, grain_detail between | and
    last_batch_code. `measures` between | are those that the trace adds up of them.
#}
{% macro late_documents(rows) -%}
    select
        cast(null as string) as closing_code,
        cast(null as string) as mart_name,
        cast(null as string) as row_key,
        cast(null as string) as reason_code,
        cast(null as string) as document_number,
        cast(null as string) as measures
    where 1 = 0
    {%- for name, declared in finance_declarations().items() %}
    {%- for source in declared.trace or [] if source.late_reason %}
    union distinct
    select
        {{ rows }}.closing_code,
        {{ rows }}.mart_name,
        {{ rows }}.row_key,
        '{{ source.late_reason }}' as reason_code,
        documents.document_number,
        '|{{ (source.measures or {}) | join("|") }}|' as measures
    from {{ rows }}
    inner join (
        select
            {%- for column, expression in source['keys'].items() %}
            {{ expression }} as {{ column }},
            {%- endfor %}
            {{ source.document }} as document_number,
            {{ source.late_batch or 'source_batch_id' }} as landed_batch_id
        from {{ ref(source.late_fact or source.fact) }}
        where {{ source.where or '1 = 1' }}
    ) as documents
        on
            {{ rows }}.last_batch_code < documents.landed_batch_id
            {%- for column in source['keys'] %}
            {%- if column in ['month_start_date'] + closed_grain_columns() %}
            and {{ rows }}.{{ column }} = documents.{{ column }}
            {%- else %}
            and contains(
                {{ rows }}.grain_detail,
                '|{{ column }}=' || coalesce(cast(documents.{{ column }} as string), '')
                || '|'
            )
            {%- endif %}
            {%- endfor %}
    where
        {{ rows }}.mart_name = '{{ name }}'
        {%- for column, value in (source.rows or {}).items() %}
        and contains({{ rows }}.grain_detail, '|{{ column }}={{ value }}|')
        {%- endfor %}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{#
    Corrections of costs behind `changes` of closed marts that were made after the close,
    one row per change and correction. `changes` has what tells a figure apart, the grain
    and grain_detail between |; `corrected` has closing_code, month_start_date,
    partner_code, channel_code, product_code and correction_code of the lines whose cost
    was corrected after it. A row of a mart that names no partner, or ALL or NONE, stands
    for all of them.
#}
{% macro late_corrections(changes, corrected) -%}
    select
        cast(null as string) as closing_code,
        cast(null as string) as mart_name,
        cast(null as string) as row_key,
        cast(null as string) as column_name,
        cast(null as string) as document_number
    where 1 = 0
    {%- for name, declared in finance_declarations().items() if declared.finance.costed %}
    {%- set costed = declared.finance.costed %}
    union distinct
    select
        {{ changes }}.closing_code,
        {{ changes }}.mart_name,
        {{ changes }}.row_key,
        {{ changes }}.column_name,
        {{ corrected }}.correction_code as document_number
    from {{ changes }}
    inner join {{ corrected }}
        on
            {{ changes }}.closing_code = {{ corrected }}.closing_code
            and {{ corrected }}.month_start_date <= {{ changes }}.month_start_date
            and {{ corrected }}.month_start_date > {{
                add_months(changes ~ '.month_start_date', -(costed.months or 1))
            }}
            {%- for column in closed_grain_columns() %}
            and (
                coalesce({{ changes }}.{{ column }}, 'ALL') in ('ALL', 'NONE')
                or {{ changes }}.{{ column }} = {{ corrected }}.{{ column }}
            )
            {%- endfor %}
    where
        {{ changes }}.mart_name = '{{ name }}'
        and {{ changes }}.column_name in ('{{ costed.measures | join("', '") }}')
        {%- for column, value in (costed.rows or {}).items() %}
        and contains({{ changes }}.grain_detail, '|{{ column }}={{ value }}|')
        {%- endfor %}
    {%- endfor %}
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

{# The same, each text once. #}
{% macro texts_joined_once(text) -%}
    {{ return(adapter.dispatch('texts_joined_once', 'aval')(text)) }}
{%- endmacro %}

{% macro default__texts_joined_once(text) -%}
    nullif(array_join(sort_array(collect_set({{ text }})), ', '), '')
{%- endmacro %}

{% macro duckdb__texts_joined_once(text) -%}
    string_agg(distinct {{ text }}, ', ' order by {{ text }})
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
