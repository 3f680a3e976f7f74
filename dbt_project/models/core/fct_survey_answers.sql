-- Grain: one row per answer to the question of recommendation.
-- Additive: answers, by counting rows. Scores are never averaged into an NPS.
with

landed as (
    select * from {{ ref('stg_sources__survey_answers') }}
),

final as (
    select
        answer_number,
        survey_code,
        subject_code,
        partner_code,
        product_code,
        answer_date,
        {{ month_start('answer_date') }} as month_start_date,
        score,
        case
            when score >= 9 then 'promoter'
            when score >= 7 then 'passive'
            else 'detractor'
        end as answer_class_code,
        respondent_key,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from landed
)

select * from final
