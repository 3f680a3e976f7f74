{#
    Campaigns: challenges among partners, and promotions held against a baseline.
#}

{#
    The two-sided 95 % quantile of Student's t with the degrees of freedom given, 1 to 25;
    NULL for others. A baseline has 4 to 26 weeks (connectors.campaigns).
#}
{% macro t_quantile(freedom) -%}
    {%- set quantiles = [
        '12.706', '4.303', '3.182', '2.776', '2.571', '2.447', '2.365', '2.306', '2.262',
        '2.228', '2.201', '2.179', '2.160', '2.145', '2.131', '2.120', '2.110', '2.101',
        '2.093', '2.086', '2.080', '2.074', '2.069', '2.064', '2.060'
    ] -%}
    case {{ freedom }}
        {%- for quantile in quantiles %}
        when {{ loop.index }} then {{ quantile }}
        {%- endfor %}
    end
{%- endmacro %}

{#
    What a promotion's estimate is made of, summed over the weeks of one partner or of all
    together (`columns` name them): `week_quantity`, and `rest_quantity`, which the
    baseline leaves unexplained. Sums are of decimals, the deviation's too: the order of
    the rows decides nothing.
#}
{% macro sums_of_weeks(weeks, columns) -%}
    {%- set by_column = columns | join(', ') -%}
    {%- set baseline_rest = 'case when not is_promoted then rest_quantity end' -%}
    {%- set square = 'cast(power(rest_quantity - rest_mean, 2) as decimal(38, 12))' -%}
    select
        {{ by_column }},
        count(case when is_promoted then week_quantity end) as reported_week_count,
        sum(case when is_promoted then week_quantity end) as sold_quantity,
        count(case when is_promoted then rest_quantity end) as compared_week_count,
        sum(case when is_promoted then rest_quantity end) as rest_sum,
        count({{ baseline_rest }}) as baseline_week_count,
        sum({{ baseline_rest }}) as baseline_rest_sum,
        sqrt({{
            quotient(
                'sum(case when not is_promoted then ' ~ square ~ ' end)',
                'count(' ~ baseline_rest ~ ') - 1'
            )
        }}) as rest_deviation
    from (
        select
            *,
            avg({{ baseline_rest }}) over (partition by {{ by_column }}) as rest_mean
        from {{ weeks }}
    ) as weeks_with_mean
    group by {{ by_column }}
{%- endmacro %}

{# A quotient of doubles, not rounded: for estimates, never for what is published. #}
{% macro quotient(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}
