-- Grain: one row per person, or group of people, in one course.
-- Additive: people_count.
with

landed as (
    select * from {{ ref('stg_sources__trainings') }}
),

final as (
    select
        training_number,
        partner_code,
        course_code,
        participant_key,
        cast(coalesce(headcount, 1) as bigint) as people_count,
        training_date,
        {{ month_start('training_date') }} as month_start_date,
        result_code,
        case
            when coalesce(result_code <> 'failed', true) then certification_code
        end as certification_code,
        case
            when
                certification_code is not null
                and coalesce(result_code <> 'failed', true)
                then coalesce(certified_from_date, training_date)
        end as certified_from_date,
        case
            when
                certification_code is not null
                and coalesce(result_code <> 'failed', true)
                then coalesce(certified_to_date, cast('9999-12-31' as date))
        end as certified_to_date,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from landed
)

select * from final
