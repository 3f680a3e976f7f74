{#
    The key of a fact that is replaced by slice, looked at where this run replaced
    something: a key holds its batch, so it cannot come up in another slice. With
    AVAL_SCOPE=all that is everywhere.
#}
{% test unique_in_touched_slices(model, column_name) %}
    select
        {{ column_name }},
        count(*) as row_count
    from {{ model }}
    where
        slice_key in (
            select touched_slices.slice_key
            from {{ ref('stg_ledger__touched_slices') }} as touched_slices
            where touched_slices.entity_code = 'sell_out'
        )
    group by {{ column_name }}
    having count(*) > 1
{% endtest %}
