{#
    Decimals. Sums and products widen a decimal; every figure is brought back to the one
    type of its kind, so that contracts hold on every engine.
#}

{% macro quantity(expression) -%}
    cast({{ expression }} as decimal(18, 3))
{%- endmacro %}

{% macro amount(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{#
    numerator / denominator with four decimals; NULL when the denominator is zero or
    NULL.
#}
{% macro divide(numerator, denominator) -%}
    {{ return(adapter.dispatch('divide', 'aval')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__divide(numerator, denominator) -%}
    cast(
        cast({{ numerator }} as decimal(28, 8))
        / nullif(cast({{ denominator }} as decimal(28, 8)), 0) as decimal(18, 4)
    )
{%- endmacro %}

{#
    DuckDB divides decimals as doubles: rounding before the cast keeps 15 significant
    digits right.
#}
{% macro duckdb__divide(numerator, denominator) -%}
    cast(
        round(
            cast({{ numerator }} as double)
            / nullif(cast({{ denominator }} as double), 0),
            4
        ) as decimal(18, 4)
    )
{%- endmacro %}

{# The same in percent. #}
{% macro percent(numerator, denominator) -%}
    {{ divide('100 * (' ~ numerator ~ ')', denominator) }}
{%- endmacro %}

{# The currency of every amount: a gate holds that no document has another one. #}
{% macro company_currency() -%}
    cast('{{ env_var("AVAL_CURRENCY", "EUR") if execute else "EUR" }}' as string)
{%- endmacro %}
