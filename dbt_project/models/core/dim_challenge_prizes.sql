-- Grain: one row per challenge and rank that has a prize.
with

prizes as (
    select * from {{ ref('stg_rules__challenge_prizes') }}
),

final as (
    select
        campaign_code || '|' || cast(prize_rank as string) as challenge_prize_id,
        campaign_code,
        prize_rank,
        prize_name_fr,
        prize_name_en,
        prize_amount,
        {{ company_currency() }} as currency_code
    from prizes
)

select * from final
