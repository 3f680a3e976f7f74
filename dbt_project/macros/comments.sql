{# Descriptions as comments of the database, in one statement for each model. dbt's own macro asks twice which
   columns there are and calls another for each of them: a fifth of what it takes to start and end a model.
   Comments are kept where contracts are enforced, so the columns are those described. #}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {% set statements = [] %}
    {% if for_relation and config.persist_relation_docs() and model.description %}
        {% do statements.append("comment on " ~ relation.type ~ " " ~ relation ~ " is '" ~ model.description | replace("'", "''") ~ "'") %}
    {% endif %}
    {% if for_columns and config.persist_column_docs() %}
        {% for column in model.columns.values() %}
            {% do statements.append("comment on column " ~ relation ~ "." ~ column.name ~ " is '" ~ column.description | replace("'", "''") ~ "'") %}
        {% endfor %}
    {% endif %}
    {% if statements %}
        {% do run_query(statements | join(";\n")) %}
    {% endif %}
{% endmacro %}
