-- Grain: one row per partner and range of dates, as known on each day.
-- Ranges are closed: no holes, no overlaps, the first reaches back to 1900-01-01.
with

ranges as (
    {{
        ranges_as_known(
            'partner_terms',
            ['partner_code'],
            [
                'price_list_code',
                'discount_rate',
                'payment_term_days',
                'transit_days',
                'segment_code',
                'channel_code',
            ]
        )
    }}
),

final as (
    select
        nullif(trim(partner_code), '') as partner_code,
        valid_from_date,
        valid_to_date,
        nullif(trim(price_list_code), '') as price_list_code,
        discount_rate,
        payment_term_days,
        transit_days,
        nullif(trim(segment_code), '') as segment_code,
        nullif(trim(channel_code), '') as channel_code,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from ranges
)

select * from final
