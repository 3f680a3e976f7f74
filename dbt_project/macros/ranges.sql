{#
    Half-open ranges of dates, `valid_from_date <= day < valid_to_date`, closed so that
    every day has exactly one: a range lasts until the next one of the same key begins.
#}

{#
    The first range of a key reaches back to 1900-01-01, so that every document finds
    one.
#}
{% macro range_start(key) -%}
    case
        when row_number() over ({{ range_window(key) }}) = 1
            then cast('1900-01-01' as date)
        else valid_from_date
    end
{%- endmacro %}

{% macro range_end(key, start='valid_from_date') -%}
    coalesce(
        lead({{ start }}) over ({{ range_window(key, start) }}),
        cast('9999-12-31' as date)
    )
{%- endmacro %}

{% macro range_window(key, start='valid_from_date') -%}
    partition by {{ key | join(', ') }} order by {{ start }}
{%- endmacro %}

{# Whether `day` lies in the range of `ranges`. #}
{% macro in_range(day, ranges) -%}
    {{ day }} >= {{ ranges }}.valid_from_date and {{ day }} < {{ ranges }}.valid_to_date
{%- endmacro %}
