{#
    Half-open ranges without holes or overlaps, from 1900-01-01 to 9999-12-31, per key.
#}
{% test closed_ranges(model, key) %}
    with ranges as (
        select
            {{ key }},
            valid_from_date,
            valid_to_date,
            lag(valid_to_date) over (
                partition by {{ key }} order by valid_from_date
            ) as former_valid_to_date,
            lead(valid_from_date) over (
                partition by {{ key }} order by valid_from_date
            ) as next_valid_from_date
        from {{ model }}
    )

    select *
    from ranges
    where
        valid_from_date >= valid_to_date
        or coalesce(former_valid_to_date, cast('1900-01-01' as date)) <> valid_from_date
        or coalesce(next_valid_from_date, cast('9999-12-31' as date)) <> valid_to_date
{% endtest %}
