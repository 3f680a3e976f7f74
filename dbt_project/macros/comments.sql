{#
    Descriptions as comments of the database, in one statement for each model. dbt's own macro asks twice which
    columns there are and calls another for each of them. Comments are kept where contracts are enforced, so
    the columns are those described. The comment of a table ends with what opens its SQL, up to the first empty
    line of comment: its grain, and what of it adds up over what.
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
        {%- set text = (
            (model.description | trim) ~ "\n" ~ opening_lines(model.raw_code)
        ) | trim | replace("'", "''") -%}
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

{% macro opening_lines(sql) -%}
    {%- set opening = namespace(lines=[], is_open=true) -%}
    {%- for line in (sql or '').splitlines() -%}
        {%- set opening.is_open = opening.is_open and line.startswith('-- ') -%}
        {%- if opening.is_open -%}
            {%- do opening.lines.append(line[3:]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(opening.lines | join(' ')) }}
{%- endmacro %}
