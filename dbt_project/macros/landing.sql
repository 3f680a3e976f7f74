{#
    The way from landing into staging: the only macros that know that landing is Parquet
    files. `source()` is always called, so that the lineage shows the landing asset.
#}

{# All landed rows of an entity, every batch and version. #}
{% macro landing(system, entity) -%}
    {%- set relation = source('landing_' ~ system, entity) -%}
    {{ return(adapter.dispatch('landing', 'aval')(relation, system, entity)) }}
{%- endmacro %}

{% macro default__landing(relation, system, entity) -%}
    {{ return(relation) }}
{%- endmacro %}

{% macro duckdb__landing(relation, system, entity) -%}
    {%- if not execute -%}{{ return(relation) }}{%- endif -%}
    {%- if system == 'ledger' -%}
        {{ return(parquet_files(['ledger/' ~ entity ~ '.parquet'])) }}
    {%- endif -%}
    {{ return(parquet_files([system ~ '/' ~ entity ~ '/**/*.parquet'])) }}
{%- endmacro %}

{#
    The rows of a report entity in those files only that hold slices of this run, in the
    order of the reported periods. Naming the files in that order is what keeps the
    facts in period order: the insert keeps the order of its input, and no sort is
    needed (measurement: see fct_sell_out).
#}
{% macro landing_touched(entity) -%}
    {%- set relation = source('landing_feeds', entity) -%}
    {%- set touched = ref('stg_ledger__touched_slices') -%}
    {%- set documents = ref('stg_ledger__documents') -%}
    {{ return(
        adapter.dispatch('landing_touched', 'aval')(relation, touched, documents, entity)
    ) }}
{%- endmacro %}

{% macro default__landing_touched(relation, touched, documents, entity) -%}
    {{ return(relation) }}
{%- endmacro %}

{% macro duckdb__landing_touched(relation, touched, documents, entity) -%}
    {%- if not execute -%}{{ return(relation) }}{%- endif -%}
    {%- set files = ['feeds/' ~ entity ~ '/_schema.parquet'] -%}
    {%- if load_relation(touched) is not none -%}
        {%- set query -%}
            select documents.file_name
            from {{ documents }} as documents
            inner join {{ touched }} as touched on documents.slice_id = touched.slice_id
            where documents.entity_code = '{{ entity }}' and documents.file_name is not null
            group by documents.file_name
            order by min(documents.period_start_date), documents.file_name
        {%- endset -%}
        {%- do files.extend(run_query(query).columns[0].values()) -%}
    {%- endif -%}
    {{ return(parquet_files(files)) }}
{%- endmacro %}

{#
    Older files may lack a column that the contract got later: columns are matched by
    name.
#}
{% macro parquet_files(paths) -%}
    {%- set landing_folder = env_var('AVAL_LANDING', 'landing') -%}
    {%- set quoted = [] -%}
    {%- for path in paths -%}
        {%- set escaped = (landing_folder ~ '/' ~ path).replace("'", "''") -%}
        {%- do quoted.append("'" ~ escaped ~ "'") -%}
    {%- endfor -%}
    {{ return('read_parquet([' ~ quoted | join(', ') ~ '], union_by_name = true)') }}
{%- endmacro %}

{#
    Of all landed versions of an ERP row the newest. Only batches that the ledger knows
    count: an extract that died half-way left none.
#}
{% macro newest_versions(entity, key) -%}
    select landed.*
    from {{ landing('erp', entity) }} as landed
    where
        landed._batch_id in (
            select batches.batch_id
            from {{ ref('stg_ledger__batches') }} as batches
            where batches.system_code = 'erp'
        )
    qualify
        row_number() over (
            partition by landed.{{ key | join(', landed.') }}
            order by landed._batch_id desc, landed._source_row desc
        ) = 1
{%- endmacro %}

{# The rows of the newest state of a rule entity, which is always landed whole. #}
{% macro newest_state(entity) -%}
    select landed.*
    from {{ landing('rules', entity) }} as landed
    where
        landed._batch_id in (
            select slices.batch_id
            from {{ ref('stg_ledger__slices') }} as slices
            where
                slices.system_code = 'rules'
                and slices.entity_code = '{{ entity }}'
                and slices.is_live
        )
{%- endmacro %}
