-- Grain: one row per channel.
-- A channel that the company has of its own bears its code as its name.
with

known as (
    select * from {{ ref('seed_channels') }}
),

partners as (
    select * from {{ ref('stg_erp__partners') }}
),

terms as (
    select * from {{ ref('stg_erp__partner_terms') }}
),

programme_costs as (
    select * from {{ ref('stg_erp__programme_costs') }}
),

-- Terms and costs may name a channel that has no partner, or has none any more.
used as (
    select channel_code from partners
    union all
    select channel_code from terms
    union all
    select channel_code from programme_costs
),

own as (
    select used.channel_code
    from used
    left join known on used.channel_code = known.channel_code
    where known.channel_code is null and used.channel_code is not null
    group by used.channel_code
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
