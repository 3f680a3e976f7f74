-- Grain: one row per person, or group of a partner's people, in one course, as the
-- source has it now.
with

newest as (
    {{
        newest_versions(
            'trainings',
            ['training_number'],
            system='sources'
        )
    }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(training_number), '') as training_number,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(course_code), '') as course_code,
        nullif(trim(participant_key), '') as participant_key,
        headcount,
        training_date,
        nullif(trim(result_code), '') as result_code,
        nullif(trim(certification_code), '') as certification_code,
        certified_from_date,
        certified_to_date,
        updated_at,
        'sources|' || {{ month_label('training_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
