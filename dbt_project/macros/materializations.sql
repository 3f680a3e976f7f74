{#
    Tables and views of DuckDB in one statement each. The adapter's own ways build beside what stands, rename
    twice and drop: six statements and as many calls of macros for each model, which is most of what a run on
    little data costs. DuckDB replaces a table within a transaction, so that a model which fails leaves the
    former one.
#}

{% materialization table, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(sql) -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks) }}
    {%- if existing_relation is not none and not existing_relation.is_table -%}
        {#- Dropped without a transaction, it would be lost with a model that fails. -#}
        {%- do adapter.ensure_transaction() -%}
        {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        create or replace table {{ target_relation }} as (
            {%- if config.get('contract').enforced %}
            {{ get_select_subquery(sql) }}
            {%- else %}
            {{ sql }}
            {%- endif %}
        );
        {{ comment_statements(target_relation, model) }}
    {%- endcall -%}
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
    Whether a model gives the columns that its contract names, in these types. dbt's own macro asks the database
    for both sides and calls two macros for each column; it is left to say what is wrong.
#}
{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {%- set given = {} -%}
    {%- for column in get_column_schema_from_query(sql) -%}
        {%- do given.update({column.name: column.dtype}) -%}
    {%- endfor -%}
    {%- set wanted = {} -%}
    {%- for column in model.columns.values() -%}
        {%- set type = column.data_type | upper -%}
        {%- do wanted.update({column.name: 'VARCHAR' if type == 'TEXT' else type}) -%}
    {%- endfor -%}
    {%- if given != wanted -%}
        {%- do assert_columns_equivalent(sql) -%}
    {%- endif -%}
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
