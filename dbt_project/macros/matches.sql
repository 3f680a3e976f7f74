{#
    What people decided on what partners write (matches/<kind>.csv): the acceptances
    that no later rejection of the same pair takes back. `target` is the column of ours.
#}
{% macro accepted_matches(entity, target, further=[]) -%}
with

newest as (
    {{ newest_state(entity) }}
),

final as (
    select
        accepted.partner_code,
        accepted.reported_code,
        accepted.{{ target }},
        {%- for column in further %}
        accepted.{{ column }},
        {%- endfor %}
        accepted.valid_from_date,
        accepted.valid_to_date,
        accepted.decided_by,
        accepted.decided_at,
        accepted.match_score,
        accepted.reason,
        accepted._source_row as decision_number
    from newest as accepted
    where
        accepted.decision_code = 'accepted'
        and not exists (
            select 1
            from newest as rejected
            where
                rejected.decision_code = 'rejected'
                and rejected.partner_code = accepted.partner_code
                and rejected.reported_code = accepted.reported_code
                and rejected.{{ target }} = accepted.{{ target }}
                and rejected._source_row > accepted._source_row
        )
)

select * from final
{%- endmacro %}

{#
    What a line calls its store, for people to decide on: the partner's code, else the
    GLN, the SIRET or the name. NULL where it names none.
#}
{% macro reported_store(lines) -%}
    coalesce(
        {{ lines }}.store_code,
        {{ lines }}.store_gln,
        {{ lines }}.store_siret,
        {{ lines }}.store_name
    )
{%- endmacro %}

{# What the lines of one store say of it, as columns of a group. #}
{% macro store_description() -%}
    max(store_name) as store_name,
    max(store_gln) as store_gln,
    max(store_siret) as store_siret,
    max(store_address) as store_address,
    max(store_city) as store_city
{%- endmacro %}
