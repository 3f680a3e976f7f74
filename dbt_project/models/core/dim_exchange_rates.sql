-- Grain: one row per currency other than the company's and day with a rate.
-- A day without a rate of its own has the last earlier one, if that is not older than a
-- week: an amount times company_per_euro, divided by currency_per_euro, is in the
-- company's currency.
with

quotes as (
    select * from {{ ref('stg_rules__exchange_rates') }}
),

days as (
    select date_day from {{ ref('dim_dates') }}
),

ranges as (
    select
        currency_code,
        rate_date as valid_from_date,
        least(
            {{ range_end(['currency_code'], 'rate_date') }},
            {{ add_days('rate_date', 8) }}
        ) as valid_to_date,
        currency_per_euro
    from quotes
),

daily as (
    select
        ranges.currency_code,
        days.date_day,
        ranges.valid_from_date as quote_date,
        ranges.currency_per_euro
    from days
    inner join ranges on {{ in_range('days.date_day', 'ranges') }}
    union all
    select
        cast('EUR' as string) as currency_code,
        date_day,
        date_day as quote_date,
        1 as currency_per_euro
    from days
),

company_rates as (
    select * from daily where currency_code = {{ company_currency() }}
),

final as (
    select
        daily.currency_code || '|' || cast(daily.date_day as string)
            as exchange_rate_id,
        daily.currency_code,
        daily.date_day,
        least(daily.quote_date, company_rates.quote_date) as quote_date,
        cast(daily.currency_per_euro as decimal(18, 8)) as currency_per_euro,
        cast(company_rates.currency_per_euro as decimal(18, 8)) as company_per_euro
    from daily
    inner join company_rates on daily.date_day = company_rates.date_day
    where daily.currency_code <> {{ company_currency() }}
)

select * from final
