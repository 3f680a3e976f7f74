{#
    What the ratio of sell-out to sell-in says about the channel: used for the month and
    for the rolling months, so that both are read by the same rule. It compares the
    ratio as it is published, with four decimals, and judges nothing that too few
    reports cover: half a month's sales against a whole month's invoices would be an
    alarm without a cause, and so would be sales of which a part has no base quantity,
    because nobody knows what its unit holds. Reads the columns is_launch and the limits.
#}
{% macro balance_status(rate, sell_out, sell_in, coverage_rate, unknown_unit_count) -%}
    case
        when {{ sell_out }} is null then 'not_reported'
        when {{ coverage_rate }} < coverage_min_rate then 'not_reported'
        when {{ unknown_unit_count }} > 0 then 'not_reported'
        when {{ sell_in }} is null then 'not_reported'
        when {{ sell_in }} <= 0 then 'no_sell_in'
        when is_launch then 'launch'
        when {{ rate }} < overstock_rate then 'overstock_risk'
        when {{ rate }} < balanced_low_rate then 'normal_build'
        when {{ rate }} <= balanced_high_rate then 'balanced'
        else 'shortage_risk'
    end
{%- endmacro %}

{# A denominator that means something: NULL unless it is above zero. #}
{% macro positive(expression) -%}
    case when {{ expression }} > 0 then {{ expression }} end
{%- endmacro %}

{#
    The length of a window, which SQL wants as a constant: read from dim_thresholds
    while the mart is compiled. It is the company's, not a channel's.
#}
{% macro company_threshold(threshold_code, default) -%}
    {%- set thresholds = ref('dim_thresholds') -%}
    {#- In a unit test the reference is a fixture, which is in no schema. -#}
    {%- if execute and thresholds.schema and load_relation(thresholds) is not none -%}
        {%- set query -%}
            select cast(threshold_value as integer)
            from {{ thresholds }}
            where threshold_code = '{{ threshold_code }}' and channel_code = '*'
        {%- endset -%}
        {%- set values = run_query(query).columns[0].values() -%}
        {%- if values | length == 1 -%}{{ return(values[0] | int) }}{%- endif -%}
    {%- endif -%}
    {{ return(default) }}
{%- endmacro %}

{# One threshold out of dim_thresholds, grouped by channel. #}
{% macro threshold(threshold_code) -%}
    max(case when threshold_code = '{{ threshold_code }}' then threshold_value end)
{%- endmacro %}
