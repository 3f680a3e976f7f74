-- Grain: one row per challenge x rank with a prize.
with

newest as (
    {{ newest_state('challenge_prizes') }}
),

final as (
    select
        nullif(trim(campaign_code), '') as campaign_code,
        prize_rank,
        nullif(trim(prize_name_fr), '') as prize_name_fr,
        nullif(trim(prize_name_en), '') as prize_name_en,
        prize_amount
    from newest
)

select * from final
