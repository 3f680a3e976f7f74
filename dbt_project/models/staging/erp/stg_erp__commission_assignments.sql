-- Grain: one row per agent, partner or territory and range of dates, as the ERP has it
-- now.
with

newest as (
    {{
        newest_versions(
            'commission_assignments',
            [
                'agent_code',
                'partner_code',
                'territory_code',
                'valid_from_date',
            ]
        )
    }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(agent_code), '') as agent_code,
        nullif(trim(agent_name), '') as agent_name,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(territory_code), '') as territory_code,
        nullif(trim(plan_code), '') as plan_code,
        split_rate,
        valid_from_date,
        valid_to_date,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
