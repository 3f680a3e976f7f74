{#
    Models that are rolled forward are replaced from one day on: the roll-forward of
    stock by week, the marts by month. What lies before cannot have changed, since a week
    looks at itself and at weeks before it only. int_weeks_touched finds the day.
#}

{#
    What the rolled models read beside the reports of touched slices, in rows that can be
    compared with those of the last run: a row that came, went or changed touches
    everything from its from_date on. A model below fct_inventory that gets another input
    gets a row here.
#}
{% macro rolled_inputs() -%}
    select
        'week' as input_kind,
        partner_code,
        '' as item_code,
        week_start_date as from_date,
        week_state_code || '|' || cast(reported_day_count as string) as input_value
    from {{ ref('int_sell_out_weeks_covered') }}
    union all
    select
        'period' as input_kind,
        partner_code,
        report_kind_code || '|' || feed_code as item_code,
        {{ week_start('period_start_date') }} as from_date,
        cast(period_start_date as string) || '|' || cast(period_end_date as string)
        || '|' || cast(is_expected as string) || '|' || cast(is_reported as string)
        || '|' || cast(is_of_record as string)
        || '|' || coalesce(cast(is_late as string), '')
        || '|' || coalesce(cast(landed_row_count as string), '') as input_value
    from {{ ref('fct_reporting_periods') }}
    union all
    {# Under way from the one week on, there from the other. #}
    select
        'arrival' as input_kind,
        partner_code,
        product_code || '|' || shipment_type
        || '|' || cast({{ week_start('arrival_date') }} as string) as item_code,
        {{ week_start('least(shipment_date, arrival_date)') }} as from_date,
        cast({{ quantity('sum(shipped_quantity)') }} as string) as input_value
    from {{ ref('fct_shipments') }}
    group by
        partner_code,
        product_code || '|' || shipment_type
        || '|' || cast({{ week_start('arrival_date') }} as string),
        {{ week_start('least(shipment_date, arrival_date)') }}
    union all
    select
        'adjustment' as input_kind,
        partner_code,
        product_code as item_code,
        {{ week_start('adjustment_date') }} as from_date,
        cast({{ quantity('sum(adjusted_quantity)') }} as string) as input_value
    from {{ ref('stg_rules__stock_adjustments') }}
    group by partner_code, product_code, {{ week_start('adjustment_date') }}
    union all
    select
        'document' as input_kind,
        documents.partner_code,
        documents.product_code as item_code,
        documents.month_start_date as from_date,
        cast({{ quantity('sum(documents.invoiced_quantity)') }} as string)
            as input_value
    from (
        select
            partner_code,
            product_code,
            {{ month_start('invoice_date') }} as month_start_date,
            invoiced_quantity
        from {{ ref('fct_sell_in') }}
        union all
        select
            partner_code,
            product_code,
            {{ month_start('shipment_date') }} as month_start_date,
            0 as invoiced_quantity
        from {{ ref('fct_shipments') }}
        union all
        select
            partner_code,
            product_code,
            {{ month_start('order_date') }} as month_start_date,
            0 as invoiced_quantity
        from {{ ref('fct_orders') }}
    ) as documents
    group by
        documents.partner_code, documents.product_code, documents.month_start_date
    union all
    select
        'channel' as input_kind,
        partner_code,
        '' as item_code,
        valid_from_date as from_date,
        channel_code as input_value
    from {{ ref('dim_partners') }}
    {# Not dated: a change touches everything. #}
    union all
    select
        'partner' as input_kind,
        partner_code,
        '' as item_code,
        cast('1900-01-01' as date) as from_date,
        channel_code
        || '|' || coalesce(cast(siso_gap_tolerance_rate as string), '') as input_value
    from {{ ref('dim_partners') }}
    where is_current
    union all
    select
        'product' as input_kind,
        '' as partner_code,
        product_code as item_code,
        cast('1900-01-01' as date) as from_date,
        coalesce(cast(launch_date as string), '') as input_value
    from {{ ref('dim_products') }}
    {# A partner that begins to report gets rows from its first purchase or stock on. #}
    union all
    select
        'reporting' as input_kind,
        partner_code,
        '' as item_code,
        cast('1900-01-01' as date) as from_date,
        '' as input_value
    from {{ ref('fct_reporting_periods') }}
    where report_kind_code = 'sell_out' and is_of_record
    group by partner_code
    union all
    select
        'feed' as input_kind,
        partner_code,
        feed_code as item_code,
        cast('1900-01-01' as date) as from_date,
        cast(reports_sell_out as string)
        || '|' || cast(is_sell_out_of_record as string)
        || '|' || cast(reports_inventory as string)
        || '|' || cast(is_inventory_of_record as string)
        || '|' || cast(expected_from_date as string)
        || '|' || cast(expected_to_date as string) as input_value
    from {{ ref('dim_feeds') }}
    {# Before the first day nothing has a row, however old an adjustment is. #}
    union all
    select
        'calendar' as input_kind,
        '' as partner_code,
        '' as item_code,
        cast('1900-01-01' as date) as from_date,
        cast(min(date_day) as string) as input_value
    from {{ ref('dim_dates') }}
    union all
    select
        'threshold' as input_kind,
        '' as partner_code,
        threshold_code || '|' || channel_code as item_code,
        cast('1900-01-01' as date) as from_date,
        cast(threshold_value as string) as input_value
    from {{ ref('dim_thresholds') }}
{%- endmacro %}

{#
    Whether this run builds the rolled models from their beginning: it does where the
    warehouse is not the one that all gates have passed, because a run that died between
    core and marts has left marts behind.
#}
{% macro rolls_from_the_beginning() -%}
    {{ return(
        rebuilds_everything() or env_var('AVAL_ROLLED', 'touched') == 'all'
    ) }}
{%- endmacro %}

{#
    The first day of what this run replaces: `first_week_date` or `first_month_date` of
    int_weeks_touched, read while the model is compiled, so that the engine skips what
    lies before. `steps_back` looks further back, in weeks or months.
#}
{% macro touched_from(column, steps_back=0) -%}
    {%- set unit = 'week' if column == 'first_week_date' else 'month' -%}
    {%- set query -%}
        select greatest(
            cast('1900-01-01' as date),
            cast({{ column }} - interval '{{ steps_back }}' {{ unit }} as date)
        )
        from {{ built('intermediate', 'int_weeks_touched') }}
    {%- endset -%}
    cast('{{ run_query(query).columns[0].values()[0] }}' as date)
{%- endmacro %}

{# Pre-hook of a rolled model: what the run replaces, also where nothing comes back. #}
{% macro clear_touched(day, column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ day }} >= {{ touched_from(column) }}
    {%- endif -%}
{%- endmacro %}

{#
    A row per partner and month, from the partner's first order, shipment or invoice to
    the as-of month, whose end is the as-of day: what marts of optional sources hold,
    whether anything is known of the month or not.
#}
{% macro partner_months() -%}
    select
        partners.partner_code,
        partners.channel_code,
        months.month_start_date,
        months.month_end_date
    from (
        select
            partner_code,
            min(month_start_date) as first_month_date
        from {{ ref('mart_sell_in_monthly') }}
        group by partner_code
    ) as beginnings
    inner join (
        select
            month_start_date,
            max(date_day) as month_end_date
        from {{ ref('dim_dates') }}
        where date_day <= {{ as_of_date() }}
        group by month_start_date
    ) as months
        on beginnings.first_month_date <= months.month_start_date
    inner join {{ ref('dim_partners') }} as partners
        on
            beginnings.partner_code = partners.partner_code
            and {{ in_range('months.month_end_date', 'partners') }}
{%- endmacro %}
