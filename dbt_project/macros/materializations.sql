{#
    Tables and views of DuckDB in one statement each. The adapter's own ways build beside what stands, rename
    twice and drop: six statements and as many calls of macros for each model, which is most of what a run on
    little data costs. DuckDB replaces a table within a transaction, so that a model which fails leaves the
    former one. A contract is held against the table that came of it: asking a query for its columns plans it, and
    on little data planning is what a model costs.
#}

{% materialization table, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks) }}
    {%- if existing_relation is not none and not existing_relation.is_table -%}
        {#- Dropped without a transaction, it would be lost with a model that fails. -#}
        {%- do adapter.ensure_transaction() -%}
        {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        create or replace table {{ target_relation }} as (
            {{ sql }}
        )
    {%- endcall -%}
    {%- if config.get('contract').enforced -%}
        {%- do hold_against_contract('select * from ' ~ target_relation, sql) -%}
    {%- endif -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{% materialization view, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(sql) -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks) }}
    {%- if existing_relation is not none and not existing_relation.is_view -%}
        {%- do adapter.ensure_transaction() -%}
        {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        create or replace view {{ target_relation }} as (
            {{ sql }}
        );
        {{ comment_statements(target_relation, model) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{#
    What an incremental model adds is held against the table that stands (`on_schema_change: fail`) and not
    once more against its contract.
#}
{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {%- if not is_incremental() -%}
        {%- do hold_against_contract(sql, sql) -%}
    {%- endif -%}
{%- endmacro %}

{#
    Raises unless a query gives the columns that the model's contract names, in these types and this order. dbt's
    own macro asks the database for both sides and calls two macros for each column; it is left to say what is
    wrong with the model's SQL.
#}
{% macro hold_against_contract(query, sql) -%}
    {%- if columns_given_by(query) != columns_of_contract() -%}
        {%- do assert_columns_equivalent(sql) -%}
        {%- do exceptions.raise_compiler_error(
            'The columns of ' ~ model.name ~ ' come in another order than its enforced contract names them: '
            ~ model.columns.keys() | join(', ')
        ) -%}
    {%- endif -%}
{%- endmacro %}

{# Name and type of each column of a query, in its order. #}
{% macro columns_given_by(sql) -%}
    {%- set columns = [] -%}
    {%- for column in get_column_schema_from_query(sql) -%}
        {%- do columns.append((column.name, column.dtype)) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{# Name and type of each column that the model's contract names, in its order. #}
{% macro columns_of_contract() -%}
    {%- set columns = [] -%}
    {%- for column in model.columns.values() -%}
        {%- set type = column.data_type | upper -%}
        {%- do columns.append((column.name, 'VARCHAR' if type == 'TEXT' else type)) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#
    A table that a published view reads, without the name of the database: the published
    file has another one, and so has the copy that somebody keeps.
#}
{% macro of_this_file(relation) -%}
    {{ return(adapter.dispatch('of_this_file', 'aval')(relation)) }}
{%- endmacro %}

{% macro default__of_this_file(relation) -%}
    {{ return(relation) }}
{%- endmacro %}

{% macro duckdb__of_this_file(relation) -%}
    {{ return(relation.include(database=false)) }}
{%- endmacro %}

{# The adapter's own way writes the path of a seed into its SQL as it is: a folder with an apostrophe ends it. #}
{% macro duckdb__load_csv_rows(model, agate_table) -%}
    {%- set path = adapter.get_seed_file_path(model) | replace("'", "''") -%}
    {%- set sql -%}
        copy {{ this.render() }} from '{{ path }}' (format csv, header true)
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return(sql) }}
{%- endmacro %}
