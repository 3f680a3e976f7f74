{#
    Descriptions as comments of the database, in one statement for each model. dbt's own macro asks twice which
    columns there are and calls another for each of them. Comments are kept where contracts are enforced, so
    the columns are those described.
#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set statements = comment_statements(relation, model) -%}
    {%- if statements -%}
        {%- do run_query(statements) -%}
    {%- endif -%}
{%- endmacro %}

{% macro comment_statements(relation, model) -%}
    {%- set statements = [] -%}
    {%- if config.persist_relation_docs() and model.description -%}
        {%- set text = model.description | replace("'", "''") -%}
        {%- do statements.append(
            "comment on " ~ relation.type ~ " " ~ relation ~ " is '" ~ text ~ "'"
        ) -%}
    {%- endif -%}
    {%- if config.persist_column_docs() -%}
        {%- for column in model.columns.values() -%}
            {%- set text = column.description | replace("'", "''") -%}
            {%- do statements.append(
                "comment on column " ~ relation ~ "." ~ column.name ~ " is '" ~ text ~ "'"
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(statements | join(";\n")) }}
{%- endmacro %}
