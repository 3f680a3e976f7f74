-- Grain: one row per beginning of account codes.
with

newest as (
    {{ newest_state('gl_accounts') }}
),

final as (
    select
        account_prefix,
        account_class_code
    from newest
)

select * from final
