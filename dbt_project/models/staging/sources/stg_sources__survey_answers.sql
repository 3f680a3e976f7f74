-- Grain: one row per answer to the question of recommendation, as the source has it
-- now.
with

newest as (
    {{
        newest_versions(
            'survey_answers',
            ['answer_number'],
            system='sources'
        )
    }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(answer_number), '') as answer_number,
        nullif(trim(survey_code), '') as survey_code,
        nullif(trim(subject_code), '') as subject_code,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(product_code), '') as product_code,
        answer_date,
        score,
        nullif(trim(respondent_key), '') as respondent_key,
        updated_at,
        'sources|' || {{ month_label('answer_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
