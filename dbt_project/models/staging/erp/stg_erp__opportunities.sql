-- Grain: one row per opportunity, as the ERP has it now, with what it was when it first
-- landed and since when its stages are known.
with

newest as (
    {{ newest_versions('opportunities', ['opportunity_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

versions as (
    select
        landed.*,
        coalesce(
            cast(landed.updated_at as date), {{ local_date('landed._landed_at') }}
        ) as known_date
    from {{ landing('erp', 'opportunities') }} as landed
    where
        not landed._is_deleted
        and landed._batch_id in (
            select batches.batch_id
            from {{ ref('stg_ledger__batches') }} as batches
            where batches.system_code = 'erp'
        )
),

first_versions as (
    select * from versions
    qualify
        row_number() over (
            partition by opportunity_number order by _batch_id, _source_row
        ) = 1
),

stages as (
    select
        opportunity_number,
        nullif(trim(stage_code), '') as stage_code,
        min(known_date) as since_date
    from versions
    group by opportunity_number, nullif(trim(stage_code), '')
),

quotations as (
    select * from stages where stage_code = 'quoted'
),

final as (
    select
        nullif(trim(existing.opportunity_number), '') as opportunity_number,
        nullif(trim(existing.partner_code), '') as partner_code,
        nullif(trim(existing.product_code), '') as product_code,
        nullif(trim(existing.stage_code), '') as stage_code,
        existing.announced_quantity,
        existing.announced_amount,
        nullif(trim(existing.currency_code), '') as currency_code,
        existing.created_date,
        existing.expected_date,
        existing.closed_date,
        nullif(trim(existing.order_number), '') as order_number,
        first_versions.announced_quantity as first_announced_quantity,
        first_versions.expected_date as first_expected_date,
        stages.since_date as stage_since_date,
        quotations.since_date as quoted_date,
        existing.updated_at,
        'erp|' || {{ month_label('existing.created_date') }} as slice_key,
        existing._batch_id as source_batch_id,
        existing._source_file as source_file,
        existing._source_row as source_row
    from existing
    inner join first_versions
        on existing.opportunity_number = first_versions.opportunity_number
    inner join stages
        on
            existing.opportunity_number = stages.opportunity_number
            and nullif(trim(existing.stage_code), '')
            is not distinct from stages.stage_code
    left join quotations on existing.opportunity_number = quotations.opportunity_number
)

select * from final
