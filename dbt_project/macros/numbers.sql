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
    A factor of a product. DuckDB multiplies two decimals of 18 digits in 64 bits, where
    100 million by a rate of ten decimals is too much and fails; one of 28 digits makes it
    128 bits. A test holds every product of two amounts, quantities or rates to it.
#}
{% macro wide(expression) -%}
    cast({{ expression }} as decimal(28, 4))
{%- endmacro %}

{#
    A product of two decimals as `type`, `left` of at most four decimals. DuckDB takes a
    microsecond to bring one of 128 bits to fewer decimals: for facts of many lines, of
    which nearly all are small enough for 64.
#}
{% macro product(left, right, type='decimal(18, 4)') -%}
    {{ return(adapter.dispatch('product', 'aval')(left, right, type)) }}
{%- endmacro %}

{% macro default__product(left, right, type) -%}
    cast({{ left }} * {{ right }} as {{ type }})
{%- endmacro %}

{% macro duckdb__product(left, right, type) -%}
    case
        when abs(cast({{ left }} as double) * cast({{ right }} as double)) < 100000
            then cast({{ left }} * {{ right }} as {{ type }})
        else cast({{ wide(left) }} * {{ right }} as {{ type }})
    end
{%- endmacro %}

{#
    numerator / denominator with four decimals; NULL when the denominator is zero or
    NULL. A list of factors as numerator is their product, the first one of at most four
    decimals.
#}
{% macro divide(numerator, denominator) -%}
    {{ return(adapter.dispatch('divide', 'aval')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__divide(numerator, denominator) -%}
    cast(
        cast({{ product_of(numerator) }} as decimal(28, 8))
        / nullif(cast({{ denominator }} as decimal(28, 8)), 0) as decimal(18, 4)
    )
{%- endmacro %}

{#
    DuckDB divides decimals as doubles, and a double falls on either side of a half:
    57 / 800 = 0.07125 became 0.0712. Where the fifth decimal is that near to a half the
    whole numbers decide; everywhere else the double does, since dividing 128-bit
    integers takes a hundred times as long (measured on 1 M rows: 6.7 s against 0.07 s).
    A product beyond 22 digits does not fit there and has none to lose. Factors become
    doubles one by one: a product of 128 bits takes three microseconds to become one.
#}
{% macro duckdb__divide(numerator, denominator) -%}
    {%- set exact_numerator = product_of(numerator) -%}
    {%- set factors = [numerator] if numerator is string else numerator -%}
    {%- set double_numerator -%}
        {%- for factor in factors -%}
            cast({{ factor }} as double){{ ' * ' if not loop.last }}
        {%- endfor -%}
    {%- endset -%}
    {%- set ratio -%}
        ({{ double_numerator }}
        / nullif(cast({{ denominator }} as double), 0))
    {%- endset -%}
    case
        when
            abs(abs({{ ratio }} * 10000 - trunc({{ ratio }} * 10000)) - 0.5)
            <= 0.000001 + abs({{ ratio }}) * 0.0000000001
            and abs({{ double_numerator }}) < 1e22
            then {{ exact_quotient(exact_numerator, denominator) }}
        else cast(round({{ ratio }}, 4) as decimal(18, 4))
    end
{%- endmacro %}

{# The product of a list of factors, in 128 bits; an expression as it is. #}
{% macro product_of(factors) -%}
    {%- if factors is string -%}
        {{ return(factors) }}
    {%- endif -%}
    {{ return(wide(factors[0]) ~ ' * (' ~ factors[1:] | join(') * (') ~ ')') }}
{%- endmacro %}

{# Half away from zero, in integers. The denominator is not zero. #}
{% macro exact_quotient(numerator, denominator) -%}
    {%- set above = whole_number(numerator) -%}
    {%- set below = whole_number(denominator) -%}
    cast(
        cast(
            sign({{ above }}) * sign({{ below }})
            * (
                (20000 * abs({{ above }}) + abs({{ below }}))
                // (2 * abs({{ below }}))
            ) as decimal(22, 0)
        ) * cast(0.0001 as decimal(4, 4)) as decimal(18, 4)
    )
{%- endmacro %}

{% macro whole_number(expression) -%}
    cast(cast({{ expression }} as decimal(30, 8)) * 100000000 as hugeint)
{%- endmacro %}

{# The same in percent. #}
{% macro percent(numerator, denominator) -%}
    {{ divide('cast(100 as decimal(20, 0)) * (' ~ numerator ~ ')', denominator) }}
{%- endmacro %}

{# The same for a quantity, with its three decimals. #}
{% macro divide_quantity(numerator, denominator) -%}
    {{ return(adapter.dispatch('divide_quantity', 'aval')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__divide_quantity(numerator, denominator) -%}
    cast(
        cast({{ numerator }} as decimal(28, 8))
        / nullif(cast({{ denominator }} as decimal(28, 8)), 0) as decimal(18, 3)
    )
{%- endmacro %}

{% macro duckdb__divide_quantity(numerator, denominator) -%}
    cast(
        round(
            cast({{ numerator }} as double)
            / nullif(cast({{ denominator }} as double), 0),
            3
        ) as decimal(18, 3)
    )
{%- endmacro %}

{# The digits of a whole number in groups of three: `12 345` with a separator ` `. #}
{% macro digits_in_words(number, separator) -%}
    {%- set digits -%}
        cast(cast(round(abs({{ number }}), 0) as decimal(18, 0)) as string)
    {%- endset -%}
    case
        {%- for groups in range(1, 6) %}
        {{ 'when length(' ~ digits ~ ') <= ' ~ 3 * groups ~ ' then' if groups < 5 else 'else' }}
            {{ 'substr(' ~ digits ~ ', 1, length(' ~ digits ~ ') - ' ~ 3 * (groups - 1) ~ ')' }}
            {%- for rest in range(groups - 1, 0, -1) %}
            || '{{ separator }}'
            || {{ 'substr(' ~ digits ~ ', length(' ~ digits ~ ') - ' ~ (3 * rest - 1) ~ ', 3)' }}
            {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}
