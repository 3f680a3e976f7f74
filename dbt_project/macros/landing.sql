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
    {{ return(files_by_columns(files)) }}
{%- endmacro %}

{#
    Files that may lack a column that the contract got later, each kind read as it is; the
    first file is the contract's, whose kind is the newest and comes last. To match the
    columns of all by name, the engine would open all at once, in each model that reads
    them, and hold some 70 kB of each beside the memory that it is allowed: too much where
    reports are tens of thousands.
#}
{% macro files_by_columns(files) -%}
    {%- set query -%}
        select
            file_name,
            string_agg(name, ',' order by name) as columns
        from parquet_schema({{ parquet_list(files) }})
        where type is not null
        group by file_name
    {%- endset -%}
    {%- set columns_of = {} -%}
    {%- for file_name, columns in run_query(query).rows -%}
        {%- do columns_of.update({file_name: columns}) -%}
    {%- endfor -%}
    {%- set kinds = {} -%}
    {%- for file in files -%}
        {%- set columns = columns_of[landing_path(file)] -%}
        {%- do kinds.setdefault(columns, []).append(file) -%}
    {%- endfor -%}
    {%- set parts = [] -%}
    {%- for alike in kinds.values() | reverse -%}
        {%- do parts.append('select * from read_parquet(' ~ parquet_list(alike) ~ ')') -%}
    {%- endfor -%}
    {{ return('(' ~ parts | join(' union all by name ') ~ ')') }}
{%- endmacro %}

{#
    Older files may lack a column that the contract got later: columns are matched by
    name.
#}
{% macro parquet_files(paths) -%}
    {{ return('read_parquet(' ~ parquet_list(paths) ~ ', union_by_name = true)') }}
{%- endmacro %}

{% macro parquet_list(paths) -%}
    {%- set quoted = [] -%}
    {%- for path in paths -%}
        {%- do quoted.append("'" ~ landing_path(path).replace("'", "''") ~ "'") -%}
    {%- endfor -%}
    {{ return('[' ~ quoted | join(', ') ~ ']') }}
{%- endmacro %}

{% macro landing_path(path) -%}
    {{ return(env_var('AVAL_LANDING', 'landing') ~ '/' ~ path) }}
{%- endmacro %}

{#
    Of all landed versions of a row of the ERP, or of another system, the newest. Only
    batches that the ledger knows count: an extract that died half-way left none.
#}
{% macro newest_versions(entity, key, system='erp') -%}
    select landed.*
    from {{ landing(system, entity) }} as landed
    where
        landed._batch_id in (
            select batches.batch_id
            from {{ ref('stg_ledger__batches') }} as batches
            where batches.system_code = '{{ system }}'
        )
    qualify
        row_number() over (
            partition by landed.{{ key | join(', landed.') }}
            order by landed._batch_id desc, landed._source_row desc
        ) = 1
{%- endmacro %}

{#
    Dated master data (costs, prices, terms) as they stood on each day. A row that the ERP
    changes, adds or deletes later holds from the day of the change on, also where its own
    range begins before it: a figure of the past never moves because master data changed
    today. What the first extract brought holds from its beginning. The day of a change is
    `updated_at`, without it the day of landing.

    Gives the columns `key`, `values` and provenance, and half-open ranges of dates. They
    are closed, so that every document finds one: the first reaches back to 1900-01-01, each
    lasts until the next one begins. With `bounded` a range begins and ends as it says, for
    what need not be there: a contract price, a surcharge.
#}
{% macro ranges_as_known(entity, key, values, bounded=false) -%}
    {%- set by_key = key | join(', ') -%}
    {%- set dates = ['valid_from_date', 'known_from_date'] -%}
    {%- if bounded -%}{%- do dates.append('valid_to_date') -%}{%- endif -%}
    with

    landed_versions as (
        select
            landed.*,
            case
                when landed._batch_id = min(landed._batch_id) over ()
                    then cast('1900-01-01' as date)
                when landed._is_deleted or landed.updated_at is null
                    then cast(landed._landed_at as date)
                else cast(landed.updated_at as date)
            end as landed_known_date
        from {{ landing('erp', entity) }} as landed
        where
            landed._batch_id in (
                select batches.batch_id
                from {{ ref('stg_ledger__batches') }} as batches
                where batches.system_code = 'erp'
            )
    ),

    -- The same `updated_at` again is no change in the ERP: the row was read anew, with a
    -- column more.
    versions as (
        select
            *,
            case
                when updated_at is null or _is_deleted then landed_known_date
                else min(landed_known_date) over (
                    partition by {{ by_key }}, valid_from_date, updated_at, _is_deleted
                )
            end as known_from_date
        from landed_versions
    ),

    moments as (
        {%- for day in dates %}
        select
            {{ by_key }},
            {{ day }} as moment_date
        from versions
        {% if not loop.last %}union distinct{% endif %}
        {%- endfor %}
    ),

    periods as (
        select
            {{ by_key }},
            moment_date,
            {{ range_end(key, 'moment_date') }} as next_moment_date
        from moments
    ),

    known as (
        select
            periods.moment_date,
            periods.next_moment_date,
            versions.*
        from periods
        inner join versions
            on
                {% for column in key -%}
                periods.{{ column }} = versions.{{ column }} and
                {% endfor -%}
                versions.known_from_date <= periods.moment_date
                and versions.valid_from_date <= periods.moment_date
        qualify
            row_number() over (
                partition by
                    versions.{{ key | join(', versions.') }},
                    periods.moment_date,
                    versions.valid_from_date
                order by versions._batch_id desc, versions._source_row desc
            ) = 1
    ),

    standing as (
        select *
        from known
        where not _is_deleted{% if bounded %} and valid_to_date > moment_date{% endif %}
        qualify
            row_number() over (
                partition by {{ by_key }}, moment_date order by valid_from_date desc
            ) = 1
    ),

    {% if not bounded -%}
    changes as (
        select
            standing.*,
            moment_date = valid_from_date
            or lag(moment_date) over ({{ range_window(key, 'moment_date') }}) is null
            {%- for column in values %}
            or {{ column }} is distinct from lag({{ column }}) over (
                {{ range_window(key, 'moment_date') }}
            )
            {%- endfor %} as is_change
        from standing
    ),
    {%- endif %}

    dated as (
        select
            {{ by_key }},
            moment_date as valid_from_date,
            {% if bounded %}next_moment_date as valid_to_date,{% endif %}
            {{ values | join(', ') }},
            updated_at,
            _batch_id,
            _source_file,
            _source_row
        from {% if bounded %}standing{% else %}changes where is_change{% endif %}
    )

    select
        {{ by_key }},
        {% if bounded -%}
        valid_from_date,
        valid_to_date,
        {%- else -%}
        {{ range_start(key) }} as valid_from_date,
        {{ range_end(key) }} as valid_to_date,
        {%- endif %}
        {{ values | join(', ') }},
        updated_at,
        _batch_id,
        _source_file,
        _source_row
    from dated
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

{#
    Of several rows the first, by `source` (a batch or a file) and row: where two columns
    say where a row stands, both are of one and the same row.
#}
{% macro of_first_row(column, source) -%}
    min_by({{ column }}, {{ source }} || lpad(cast(source_row as string), 18, '0'))
{%- endmacro %}
