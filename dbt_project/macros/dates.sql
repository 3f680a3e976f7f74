{#
    Calendar arithmetic. Weeks are ISO weeks (Monday to Sunday); a week belongs to the
    month and the year of its Thursday. What the engines write differently is
    dispatched.
#}

{# The day that figures are as of. #}
{% macro as_of_date() -%}
    {%- set day = env_var('AVAL_AS_OF', '1970-01-01') if execute else '1970-01-01' -%}
    cast('{{ day }}' as date)
{%- endmacro %}

{% macro month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro week_start(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{# `2026-02` #}
{% macro month_label(day) -%}
    cast(extract(year from {{ day }}) as string)
    || '-' || lpad(cast(extract(month from {{ day }}) as string), 2, '0')
{%- endmacro %}

{# As a month stands in a sentence: `02/2026` in French, `2026-02` in English. #}
{% macro month_in_words(day, language) -%}
    {%- if language == 'fr' -%}
    lpad(cast(extract(month from {{ day }}) as string), 2, '0')
    || '/' || cast(extract(year from {{ day }}) as string)
    {%- else -%}
    {{ month_label(day) }}
    {%- endif -%}
{%- endmacro %}

{# As a day stands in a sentence: `28/02/2026` in French, `2026-02-28` in English. #}
{% macro day_in_words(day, language) -%}
    {%- if language == 'fr' -%}
    lpad(cast(extract(day from {{ day }}) as string), 2, '0')
    || '/' || {{ month_in_words(day, language) }}
    {%- else -%}
    cast({{ day }} as string)
    {%- endif -%}
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days', 'aval')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as int))
{%- endmacro %}

{% macro duckdb__add_days(day, days) -%}
    ({{ day }} + cast({{ days }} as integer))
{%- endmacro %}

{# Whole days from `first` to `last`. #}
{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between', 'aval')(first, last)) }}
{%- endmacro %}

{% macro default__days_between(first, last) -%}
    datediff({{ last }}, {{ first }})
{%- endmacro %}

{% macro duckdb__days_between(first, last) -%}
    date_diff('day', {{ first }}, {{ last }})
{%- endmacro %}

{# All days from `first` to `last`, both included, as rows of the column `date_day`. #}
{% macro days_as_rows(first, last) -%}
    {{ return(adapter.dispatch('days_as_rows', 'aval')(first, last)) }}
{%- endmacro %}

{% macro default__days_as_rows(first, last) -%}
    explode(sequence({{ first }}, {{ last }}, interval '1' day)) as date_day
{%- endmacro %}

{% macro duckdb__days_as_rows(first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval '1' day)) as date)
        as date_day
{%- endmacro %}

{# Months since the year 0: what whole months are counted with. #}
{% macro month_number(day) -%}
    cast(12 * extract(year from {{ day }}) + extract(month from {{ day }}) as integer)
{%- endmacro %}

{# The first day of a month, `months` later. #}
{% macro add_months(month_start_date, months) -%}
    {{ return(adapter.dispatch('add_months', 'aval')(month_start_date, months)) }}
{%- endmacro %}

{% macro default__add_months(month_start_date, months) -%}
    add_months({{ month_start_date }}, cast({{ months }} as int))
{%- endmacro %}

{% macro duckdb__add_months(month_start_date, months) -%}
    cast({{ month_start_date }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{# The month's last day, of the month that goes on the as-of day. #}
{% macro last_day(month_start_date) -%}
    least({{ add_days(add_months(month_start_date, 1), -1) }}, {{ as_of_date() }})
{%- endmacro %}

{# Whether the as-of day is the month's last one or a later one. #}
{% macro is_month_over(month_start_date) -%}
    {{ add_days(add_months(month_start_date, 1), -1) }} <= {{ as_of_date() }}
{%- endmacro %}

{#
    The first days of all months from `first` to `last`, both first days themselves, as
    rows of the column `month_start_date`.
#}
{% macro months_as_rows(first, last) -%}
    {{ return(adapter.dispatch('months_as_rows', 'aval')(first, last)) }}
{%- endmacro %}

{% macro default__months_as_rows(first, last) -%}
    explode(sequence({{ first }}, {{ last }}, interval '1' month)) as month_start_date
{%- endmacro %}

{% macro duckdb__months_as_rows(first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval '1' month)) as date)
        as month_start_date
{%- endmacro %}

{#
    The month that a report's period counts in: the one that holds most of it, so that of
    a week's Thursday; of a quarter its last month. connectors.feeds.periods does the same
    for lines without a day of their own.
#}
{% macro month_of_period(first, last) -%}
    {%- set days = days_between(first, last) -%}
    {{ month_start(
        'case when ' ~ days ~ ' < 45 then '
        ~ add_days(first, 'floor(' ~ days ~ ' / 2)')
        ~ ' else ' ~ add_days(last, -14) ~ ' end'
    ) }}
{%- endmacro %}

{# The day that an instant (UTC) falls on by the company's clock. #}
{% macro local_date(instant) -%}
    {%- set zone = env_var('AVAL_TIME_ZONE', 'UTC') if execute else 'UTC' -%}
    {{ return(adapter.dispatch('local_date', 'aval')(instant, zone)) }}
{%- endmacro %}

{% macro default__local_date(instant, zone) -%}
    cast(from_utc_timestamp({{ instant }}, '{{ zone }}') as date)
{%- endmacro %}

{% macro duckdb__local_date(instant, zone) -%}
    cast(timezone('{{ zone }}', timezone('UTC', {{ instant }})) as date)
{%- endmacro %}
