-- Grain: one row per account of the general ledger.
with

lines as (
    select * from {{ ref('stg_accounting__gl_entries') }}
),

prefixes as (
    select * from {{ ref('stg_rules__gl_accounts') }}
),

accounts as (
    select account_code
    from lines
    group by account_code
),

final as (
    select
        accounts.account_code,
        prefixes.account_class_code
    from accounts
    left join prefixes
        on
            substring(accounts.account_code, 1, length(prefixes.account_prefix))
            = prefixes.account_prefix
    qualify
        row_number() over (
            partition by accounts.account_code
            order by length(prefixes.account_prefix) desc nulls last
        ) = 1
)

select * from final
