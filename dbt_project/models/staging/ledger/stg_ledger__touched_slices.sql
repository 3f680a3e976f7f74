-- Grain: one row per slice of a partner's report that this run replaces.
-- A slice is touched if the ledger says so (it was landed, superseded or asked for), or
-- if master data changed that its rows were resolved with: a new GTIN, crosswalk row,
-- unit, partner term or exchange rate.
-- It stands in staging although it compares: it decides which files the report models
-- read.
-- depends_on: {{ ref('stg_erp__products') }}, {{ ref('stg_erp__product_units') }}
-- depends_on: {{ ref('stg_erp__partners') }}, {{ ref('stg_erp__partner_terms') }}
-- depends_on: {{ ref('stg_rules__product_translations') }}
-- depends_on: {{ ref('stg_rules__units') }}, {{ ref('stg_rules__exchange_rates') }}
{{ config(materialized='table') }}

with

slices as (
    select * from {{ ref('stg_ledger__slices') }} where system_code = 'feeds'
),

{% if not rebuilds_everything() -%}
identifiers_now as (
    {{ product_identifiers() }}
),

identifiers_used as (
    select * from {{ built('intermediate', 'int_product_identifiers_used') }}
),

changed_identifiers as (
    (
        select * from identifiers_now
        except
        select * from identifiers_used
    )
    union all
    (
        select * from identifiers_used
        except
        select * from identifiers_now
    )
),

versions_now as (
    {{ partner_versions() }}
),

versions_used as (
    select * from {{ built('intermediate', 'int_partner_versions_used') }}
),

-- A version that only ends earlier or later than before touches the days in between.
changed_versions as (
    select
        coalesce(versions_now.partner_code, versions_used.partner_code) as partner_code,
        case
            when versions_used.partner_code is null then versions_now.valid_from_date
            when versions_now.partner_code is null then versions_used.valid_from_date
            else least(versions_now.valid_to_date, versions_used.valid_to_date)
        end as from_date,
        case
            when versions_used.partner_code is null then versions_now.valid_to_date
            when versions_now.partner_code is null then versions_used.valid_to_date
            else greatest(versions_now.valid_to_date, versions_used.valid_to_date)
        end as to_date
    from versions_now
    full outer join versions_used
        on
            versions_now.partner_code = versions_used.partner_code
            and versions_now.valid_from_date = versions_used.valid_from_date
            and versions_now.attributes = versions_used.attributes
    where versions_now.valid_to_date is distinct from versions_used.valid_to_date
),

rates_now as (
    select * from {{ ref('stg_rules__exchange_rates') }}
),

rates_used as (
    select * from {{ built('intermediate', 'int_exchange_rates_used') }}
),

changed_rates as (
    (
        select * from rates_now
        except
        select * from rates_used
    )
    union all
    (
        select * from rates_used
        except
        select * from rates_now
    )
),

-- A rate holds for the days after it too (dim_exchange_rates); that of the company's
-- currency, for every other one.
changed_rate_weeks as (
    select
        currency_code,
        {{ week_start('rate_date') }} as week_start_date
    from changed_rates
    union distinct
    select
        currency_code,
        {{ week_start(add_days('rate_date', 7)) }} as week_start_date
    from changed_rates
),

built_rows as (
    select
        'sell_out' as entity_code,
        slice_key,
        partner_code,
        week_start_date,
        document_currency_code,
        product_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code
    from {{ built('core', 'fct_sell_out_weekly') }}
    union all
    select
        'inventory' as entity_code,
        slice_key,
        partner_code,
        {{ week_start('stock_date') }} as week_start_date,
        cast(null as string) as document_currency_code,
        product_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code
    from {{ built('intermediate', 'int_inventory_reported') }}
),

affected_rows as (
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_identifiers as changed
        on built_rows.reported_product_code = changed.identifier
    where changed.identifier_kind = 'product'
    union all
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_identifiers as changed
        on built_rows.product_code = changed.product_code
    where changed.identifier_kind = 'product'
    union all
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_identifiers as changed
        on
            built_rows.product_code = changed.product_code
            and built_rows.unit_code = changed.unit_code
    where changed.identifier_kind = 'unit'
    union all
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_identifiers as changed
        on {{ gtin_14('built_rows.reported_gtin') }} = changed.identifier
    where changed.identifier_kind = 'gtin'
    union all
    -- A code that is gone follows its GTIN.
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_identifiers as changed
        on built_rows.reported_product_code = changed.product_code
    where changed.identifier_kind = 'gtin'
    union all
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_identifiers as changed
        on
            built_rows.partner_code = changed.partner_code
            and {{ reported_code('built_rows') }} = changed.identifier
    where changed.identifier_kind = 'translation'
    union all
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_identifiers as changed
        on
            built_rows.unit_code = changed.unit_code
            and built_rows.week_start_date
            >= {{ week_start('changed.valid_from_date') }}
            and built_rows.week_start_date < changed.valid_to_date
    where
        changed.identifier_kind = 'unit_rule'
        and changed.partner_code in (built_rows.partner_code, '*')
        and changed.product_code in (built_rows.product_code, '*')
    union all
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_rate_weeks as changed
        on built_rows.week_start_date = changed.week_start_date
    where
        built_rows.document_currency_code <> {{ company_currency() }}
        and changed.currency_code in (
            built_rows.document_currency_code, {{ company_currency() }}
        )
    union all
    select
        built_rows.entity_code,
        built_rows.slice_key
    from built_rows
    inner join changed_versions as changed
        on
            built_rows.partner_code = changed.partner_code
            and built_rows.week_start_date < changed.to_date
            and {{ add_days('built_rows.week_start_date', 7) }} > changed.from_date
),

affected_slices as (
    select
        entity_code,
        slice_key
    from affected_rows
    group by entity_code, slice_key
),
{%- endif %}

final as (
    select
        slices.slice_id,
        slices.slice_number,
        slices.entity_code,
        slices.slice_key,
        slices.batch_id,
        slices.file_name,
        slices.period_start_date,
        slices.period_end_date,
        slices.landed_row_count,
    {%- if rebuilds_everything() %}
    'rebuild' as reason_code
from slices
    {%- else %}
    case when slices.is_pending then 'landed' else 'master_data' end as reason_code
from slices
left join affected_slices
    on
        slices.entity_code = affected_slices.entity_code
        and slices.slice_key = affected_slices.slice_key
where slices.is_pending or affected_slices.slice_key is not null
    {%- endif %}
)

select * from final
