{# An arithmetic identity that every row must satisfy; NULL is a violation. #}
{% test expression_holds(model, expression) %}
    select *
    from {{ model }}
    where not coalesce({{ expression }}, false)
{% endtest %}
