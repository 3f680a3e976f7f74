-- Grain: one row per channel.
-- A channel that the company has of its own bears its code as its name.
with

known as (
    select * from {{ ref('seed_channels') }}
),

partners as (
    select * from {{ ref('stg_erp__partners') }}
),

own as (
    select partners.channel_code
    from partners
    left join known on partners.channel_code = known.channel_code
    where known.channel_code is null
    group by partners.channel_code
),

final as (
    select
        channel_code,
        channel_name_fr,
        channel_name_en
    from known
    union all
    select
        channel_code,
        channel_code as channel_name_fr,
        channel_code as channel_name_en
    from own
)

select * from final
