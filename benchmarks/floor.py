"""The floor: a plain DuckDB script that a good engineer would write once, for exactly this input.

It reads the same CSV reports and the same ERP as Aval and writes the same facts and marts into one DuckDB
file, knowing in advance the two layouts of `benchmarks.history`. It has no ledger, no quarantine, no
increments, no gates, no history of versions and no publication: what it leaves out is what Aval's time
above it pays for. What belongs here: SQL that is as fast as we can make it. What does not: anything shared
with Aval's models, so that equal figures prove something.
"""

from __future__ import annotations

import argparse
import sqlite3
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

ERP_TABLES: Final = {
    "partners": "partner_code varchar, partner_name varchar, channel_code varchar, postal_code varchar",
    "partner_terms": "partner_code varchar, valid_from_date date, valid_to_date date, price_list_code "
    "varchar, "
    "discount_rate decimal(9, 6), payment_term_days integer, transit_days integer",
    "products": "product_code varchar, product_name varchar, family_code varchar, family_name varchar, "
    "gtin varchar, "
    "base_unit_code varchar, launch_date date, is_active boolean",
    "product_units": "product_code varchar, unit_code varchar, base_quantity decimal(18, 3)",
    "product_costs": "product_code varchar, valid_from_date date, valid_to_date date, unit_cost_amount "
    "decimal(18, 4)",
    "order_lines": "order_number varchar, order_line_number varchar, partner_code varchar, order_date date, "
    "requested_delivery_date date, product_code varchar, ordered_quantity decimal(18, 3), unit_code varchar, "
    "net_amount decimal(18, 4), currency_code varchar, status_code varchar",
    "shipment_lines": "shipment_number varchar, shipment_line_number varchar, shipment_type varchar, "
    "order_number varchar, order_line_number varchar, partner_code varchar, shipment_date date, "
    "delivery_date date, "
    "product_code varchar, shipped_quantity decimal(18, 3), unit_code varchar",
    "invoice_lines": "invoice_number varchar, invoice_line_number varchar, invoice_type varchar, "
    "credit_reason_code varchar, partner_code varchar, invoice_date date, product_code varchar, "
    "invoiced_quantity decimal(18, 3), unit_code varchar, gross_amount decimal(18, 4), "
    "standard_discount_amount decimal(18, 4), exceptional_discount_amount decimal(18, 4), net_amount "
    "decimal(18, 4), "
    "currency_code varchar",
}

READ_REPORTS: Final = """
create temp table english as
select * from read_csv(
    '{inbox}/*/sales_*.csv', filename = 'path', header = true, delim = ',', auto_detect = false,
    columns = {{
        sale_date: 'DATE', store_code: 'VARCHAR', postal_code: 'VARCHAR', gtin: 'VARCHAR',
        sold: 'DECIMAL(18,3)', returned: 'DECIMAL(18,3)', amount: 'DECIMAL(18,4)', ticket: 'VARCHAR'
    }}
);
create temp table french as
select * from read_csv(
    '{inbox}/*/ventes_*.csv', filename = 'path', header = true, delim = ';', auto_detect = false,
    dateformat = '%d/%m/%Y', decimal_separator = ',',
    columns = {{
        sale_date: 'DATE', store_code: 'VARCHAR', code: 'VARCHAR', quantity: 'DECIMAL(18,3)',
        amount: 'DECIMAL(18,4)', ticket: 'VARCHAR'
    }}
);
create temp table crosswalk as
select * from read_csv(
    '{feeds}/*_crosswalk.csv', header = true, delim = ';', auto_detect = false,
    columns = {{partner_product_code: 'VARCHAR', product_code: 'VARCHAR', unit_code: 'VARCHAR'}}
);
create temp table files as
select
    path, min(position) as first_position, parse_filename(path) as file_name,
    parse_filename(parse_path(path)[-2]) as partner_code,
    regexp_extract(path, '(\\d{{4}})[-_][WS](\\d{{2}})\\.csv', 1) || '-W'
        || regexp_extract(path, '(\\d{{4}})[-_][WS](\\d{{2}})\\.csv', 2) as week_label
from (select path, rowid as position from english union all select path, rowid from french)
group by path;
create temp table stock_reports as
select
    parse_filename(parse_path(path)[-2]) as partner_code, gtin, on_hand,
    last_day(cast(regexp_extract(path, '(\\d{{4}}-\\d{{2}})\\.csv', 1) || '-01' as date)) as stock_date
from read_csv(
    '{inbox}/*/stock_*.csv', filename = 'path', header = true, delim = ',', auto_detect = false,
    columns = {{gtin: 'VARCHAR', on_hand: 'DECIMAL(18,3)'}}
);
"""

DIMENSIONS: Final = """
create temp macro week_start(day) as cast(date_trunc('week', day) as date);
create temp macro month_start(day) as cast(date_trunc('month', day) as date);
create temp macro thousandths(x) as cast(x * 1000 as bigint);
create temp macro ratio(x, y) as cast(
    sign(x) * ((20000 * abs(thousandths(x)) + thousandths(y)) // (2 * thousandths(y))) * 0.0001
    as decimal(18, 4)
);
create temp macro percent(x, y) as case when y > 0 then ratio(100 * x, y) end;
create table dim_partners as
select
    t.partner_code || '|' || cast(starts as varchar) as partner_version_id, t.partner_code, p.partner_name,
    p.channel_code, p.postal_code, left(p.postal_code, 2) as territory_code, t.price_list_code,
        t.discount_rate,
    t.payment_term_days, t.transit_days, starts as valid_from_date, t.valid_to_date,
    t.valid_to_date = date '9999-12-31' as is_current
from (
    select
        *,
        case when row_number() over (partition by partner_code order by valid_from_date) = 1
            then date '1900-01-01' else valid_from_date end as starts
    from partner_terms
) as t
join partners as p using (partner_code);
create table dim_products as
select *, true as is_matched from products
union all by name
select 'UNMATCHED' as product_code, 'Unmatched' as product_name, 'UNMATCHED' as family_code, true as
    is_active,
    false as is_matched;
"""

FCT_SELL_OUT: Final = """
create table fct_sell_out as
with weeks as (
    select
        path, first_position, file_name, partner_code, week_label,
        cast(strptime(week_label || '-1', '%G-W%V-%u') as date) as monday
    from files
),
lines as (
    select
        w.*, e.rowid as position, e.sale_date, e.store_code, e.postal_code, null as
            partner_product_code, e.gtin,
        coalesce(p.product_code, 'UNMATCHED') as product_code, 'PCE' as unit_code,
        case when p.product_code is not null then 1 end as base_quantity,
        e.sold, e.returned, e.amount, e.ticket, w.partner_code || '_sales' as feed_code
    from english as e
    join weeks as w using (path)
    left join products as p using (gtin)
    union all
    select
        w.*, f.rowid, f.sale_date, f.store_code, null, f.code, null,
        coalesce(x.product_code, 'UNMATCHED'), coalesce(x.unit_code, 'PCE'),
        case when x.product_code is not null then cast(u.base_quantity as integer) end,
        greatest(f.quantity, 0), greatest(-f.quantity, 0), f.amount, f.ticket, w.partner_code || '_ventes'
    from french as f
    join weeks as w using (path)
    left join crosswalk as x on x.partner_product_code = f.code
    left join product_units as u on u.product_code = x.product_code and u.unit_code = x.unit_code
)
select
    l.partner_code || '|' || l.file_name || '|' || cast(position - first_position + 2 as varchar)
        as sell_out_line_id,
    l.partner_code || '|' || feed_code || '|' || week_label as slice_key,
    l.partner_code, d.partner_version_id, d.channel_code, feed_code,
    monday as period_start_date, monday + 6 as period_end_date, sale_date,
    monday as week_start_date, month_start(sale_date) as month_start_date,
    store_code, l.postal_code, left(l.postal_code, 2) as territory_code, product_code,
    case when product_code = 'UNMATCHED' then 'product_unmatched' else 'resolved' end as resolution_code,
    partner_product_code, gtin as reported_gtin, unit_code,
    sold as sold_quantity_in_unit, returned as returned_quantity_in_unit,
    cast(sold * base_quantity as decimal(18, 3)) as sold_quantity,
    cast(returned * base_quantity as decimal(18, 3)) as returned_quantity,
    cast((sold - returned) * base_quantity as decimal(18, 3)) as net_quantity,
    amount as net_amount, 'EUR' as currency_code, ticket as transaction_id, cast(null as varchar) as
        customer_key,
    file_name as source_batch_id, file_name as source_file, position - first_position + 2 as source_row
from lines as l
join dim_partners as d
    on d.partner_code = l.partner_code and l.sale_date >= d.valid_from_date and l.sale_date < d.valid_to_date;
"""

ERP_FACTS: Final = """
create table fct_shipments as
select
    s.shipment_number || '|' || s.shipment_line_number as shipment_line_id, s.*, d.channel_code,
    coalesce(s.delivery_date, s.shipment_date + d.transit_days) as arrival_date,
    cast(s.shipped_quantity * u.base_quantity as decimal(18, 3)) as base_quantity,
    cast(case s.shipment_type when 'return' then -1 else 1 end * s.shipped_quantity * u.base_quantity
        as decimal(18, 3)) as signed_quantity
from shipment_lines as s
join product_units as u using (product_code, unit_code)
join dim_partners as d
    on d.partner_code = s.partner_code and s.shipment_date >= d.valid_from_date
    and s.shipment_date < d.valid_to_date;
create table fct_orders as
with shipped as (
    select order_number, order_line_number, sum(base_quantity) as shipped_quantity,
        min(shipment_date) as first_shipment_date, max(arrival_date) as last_delivery_date
    from fct_shipments where shipment_type = 'delivery'
    group by order_number, order_line_number
)
select
    o.order_number || '|' || o.order_line_number as order_line_id, o.order_number, o.order_line_number,
    o.partner_code, d.channel_code, o.product_code, o.order_date, o.requested_delivery_date, o.status_code,
    o.unit_code, cast(o.ordered_quantity * u.base_quantity as decimal(18, 3)) as ordered_quantity,
    o.ordered_quantity as ordered_quantity_in_unit, o.net_amount, o.currency_code,
    coalesce(s.shipped_quantity, 0) as shipped_quantity, s.first_shipment_date, s.last_delivery_date,
    coalesce(s.shipped_quantity, 0) >= o.ordered_quantity * u.base_quantity as is_complete,
    coalesce(s.shipped_quantity, 0) >= o.ordered_quantity * u.base_quantity
        and s.last_delivery_date <= o.requested_delivery_date as is_on_time
from order_lines as o
join product_units as u using (product_code, unit_code)
join dim_partners as d
    on d.partner_code = o.partner_code and o.order_date >= d.valid_from_date and o.order_date <
        d.valid_to_date
left join shipped as s using (order_number, order_line_number);
create table fct_sell_in as
select
    i.invoice_number || '|' || i.invoice_line_number as invoice_line_id, i.invoice_number,
        i.invoice_line_number,
    i.invoice_type, i.credit_reason_code, i.partner_code, d.partner_version_id, d.channel_code,
        i.product_code,
    i.invoice_date, i.unit_code, i.invoiced_quantity as invoiced_quantity_in_unit,
    cast(i.invoiced_quantity * u.base_quantity as decimal(18, 3)) as invoiced_quantity,
    cast(case when i.invoice_type = 'invoice' then i.invoiced_quantity * u.base_quantity else 0 end
        as decimal(18, 3)) as sold_quantity,
    cast(case when i.invoice_type = 'credit_note' then -i.invoiced_quantity * u.base_quantity else 0 end
        as decimal(18, 3)) as credited_quantity,
    i.gross_amount, i.standard_discount_amount, i.exceptional_discount_amount, i.net_amount, i.currency_code,
    c.unit_cost_amount,
    cast(i.invoiced_quantity * u.base_quantity * c.unit_cost_amount as decimal(18, 4)) as cost_amount
from invoice_lines as i
join product_units as u using (product_code, unit_code)
join dim_partners as d
    on d.partner_code = i.partner_code and i.invoice_date >= d.valid_from_date and i.invoice_date <
        d.valid_to_date
left join product_costs as c
    on c.product_code = i.product_code and i.invoice_date >= c.valid_from_date and i.invoice_date <
        c.valid_to_date;
"""

FCT_INVENTORY: Final = """
create table fct_inventory as
with flows as (
    select partner_code, product_code, week_start(arrival_date) as week_start_date,
        signed_quantity as received, 0 as returned_to_us, 0 as sold, 0 as consumer_returned, null as reported,
        null as stock_date
    from fct_shipments where shipment_type = 'delivery'
    union all
    select partner_code, product_code, week_start(shipment_date), 0, -signed_quantity, 0, 0, null, null
    from fct_shipments where shipment_type = 'return'
    union all
    select partner_code, product_code, week_start_date, 0, 0, sold_quantity, returned_quantity, null, null
    from fct_sell_out where product_code <> 'UNMATCHED'
    union all
    select s.partner_code, p.product_code, week_start(s.stock_date), 0, 0, 0, 0, s.on_hand, s.stock_date
    from stock_reports as s join products as p using (gtin)
),
weekly as (
    select
        partner_code, product_code, week_start_date,
        sum(received) as received_quantity, sum(returned_to_us) as returned_to_us_quantity,
        sum(sold) as sold_quantity, sum(consumer_returned) as consumer_returned_quantity,
        sum(reported) as reported_quantity, max(stock_date) as stock_date
    from flows
    where week_start_date <= $as_of
    group by all
),
pairs as (
    select partner_code, product_code, min(week_start_date) as first_week,
        min(week_start_date) filter (where reported_quantity is not null) as anchor_week
    from weekly
    group by all
),
grid as (
    select
        p.partner_code, p.product_code, cast(unnest(generate_series(p.first_week, $as_of, interval 7
            days)) as date)
            as week_start_date,
        p.anchor_week
    from pairs as p
),
filled as (
    select
        g.*, r.partner_code is not null as is_sell_out_reported,
        coalesce(w.received_quantity, 0) as received_quantity,
        coalesce(w.returned_to_us_quantity, 0) as returned_to_us_quantity,
        case when r.partner_code is not null then coalesce(w.sold_quantity, 0) end as sold_quantity,
        case when r.partner_code is not null then coalesce(w.consumer_returned_quantity, 0) end
            as consumer_returned_quantity,
        w.reported_quantity, w.stock_date
    from grid as g
    left join weekly as w using (partner_code, product_code, week_start_date)
    left join (select distinct partner_code, week_start_date from fct_sell_out) as r
        using (partner_code, week_start_date)
),
chained as (
    select
        *,
        case when week_start_date >= anchor_week then sum(
            case
                when week_start_date = anchor_week then reported_quantity
                when week_start_date > anchor_week
                    then received_quantity - returned_to_us_quantity - sold_quantity +
                        consumer_returned_quantity
                else 0
            end
        ) over (partition by partner_code, product_code order by week_start_date rows unbounded preceding) end
            as calculated_quantity
    from filled
)
select
    c.partner_code || '|' || c.product_code || '|' || cast(week_start_date as varchar) as inventory_id,
    c.partner_code, p.channel_code, c.product_code, week_start_date, week_start_date + 6 as week_end_date,
    is_sell_out_reported, reported_quantity is not null as is_inventory_reported,
    cast(lag(calculated_quantity) over (partition by c.partner_code, c.product_code order by week_start_date)
        as decimal(18, 3)) as opening_quantity,
    cast(received_quantity as decimal(18, 3)) as received_quantity,
    cast(returned_to_us_quantity as decimal(18, 3)) as returned_to_us_quantity,
    cast(sold_quantity as decimal(18, 3)) as sold_quantity,
    cast(consumer_returned_quantity as decimal(18, 3)) as consumer_returned_quantity,
    cast(calculated_quantity as decimal(18, 3)) as calculated_quantity,
    cast(reported_quantity as decimal(18, 3)) as reported_quantity,
    case when week_start_date > anchor_week
        then cast(reported_quantity - calculated_quantity as decimal(18, 3)) end as gap_quantity,
    case when week_start_date > anchor_week
        then ratio(100 * (reported_quantity - calculated_quantity), greatest(calculated_quantity, 1))
    end as gap_rate,
    coalesce(calculated_quantity < 0, false) as is_negative_calculated, anchor_week + 6 as anchor_date,
    c.stock_date
from chained as c
join partners as p using (partner_code);
"""

MARTS: Final = """
create temp table monthly_sales as
select
    month_start_date, partner_code, product_code, sum(sold_quantity) as sold_quantity,
    sum(returned_quantity) as returned_quantity, sum(net_quantity) as net_quantity,
    sum(net_amount) as net_amount, count(*) as line_count,
    count(*) filter (where resolution_code <> 'resolved') as unresolved_line_count
from fct_sell_out
group by all;
create temp table months as
select cast(unnest(generate_series(
    (select min(month_start_date) from monthly_sales), $as_of, interval 1 month
)) as date) as month_start_date;
create temp table coverage as
select
    partner_code, month_start(period_start_date + 3) as month_start_date,
    count(distinct slice_key) as period_count
from fct_sell_out
group by all;
create table mart_sell_in_monthly as
with rows as (
    select
        month_start(order_date) as month_start_date, partner_code, channel_code, product_code,
        case when status_code <> 'cancelled' then ordered_quantity else 0 end as ordered_quantity,
        case when status_code = 'cancelled' then ordered_quantity else 0 end as cancelled_quantity,
        0 as shipped_quantity, 0 as sold_quantity, 0 as credited_quantity, 0 as net_quantity,
        0 as gross_amount, 0 as standard_discount_amount, 0 as exceptional_discount_amount, 0 as net_amount,
        null as invoice_number
    from fct_orders
    union all
    select
        month_start(shipment_date), partner_code, channel_code, product_code, 0, 0,
        case when shipment_type = 'delivery' then base_quantity else 0 end, 0, 0, 0, 0, 0, 0, 0, null
    from fct_shipments
    union all
    select
        month_start(invoice_date), partner_code, channel_code, product_code, 0, 0, 0, sold_quantity,
        credited_quantity, invoiced_quantity, gross_amount, standard_discount_amount,
        exceptional_discount_amount, net_amount, invoice_number
    from fct_sell_in
)
select
    cast(month_start_date as varchar) || '|' || partner_code || '|' || product_code as sell_in_monthly_id,
    month_start_date, partner_code, channel_code, product_code,
    cast(sum(ordered_quantity) as decimal(18, 3)) as ordered_quantity,
    cast(sum(cancelled_quantity) as decimal(18, 3)) as cancelled_quantity,
    cast(sum(shipped_quantity) as decimal(18, 3)) as shipped_quantity,
    cast(sum(sold_quantity) as decimal(18, 3)) as sold_quantity,
    cast(sum(credited_quantity) as decimal(18, 3)) as credited_quantity,
    cast(sum(net_quantity) as decimal(18, 3)) as net_quantity,
    cast(sum(gross_amount) as decimal(18, 4)) as gross_amount,
    cast(sum(standard_discount_amount) as decimal(18, 4)) as standard_discount_amount,
    cast(sum(exceptional_discount_amount) as decimal(18, 4)) as exceptional_discount_amount,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount,
    count(distinct invoice_number) as invoice_count, 'EUR' as currency_code
from rows
group by month_start_date, partner_code, channel_code, product_code;
create table mart_sell_out_monthly as
with appearances as (
    select partner_code, product_code, min(month_start_date) as first_month
    from (
        select partner_code, product_code, month_start_date from monthly_sales
        union all
        select partner_code, product_code, month_start(invoice_date) from fct_sell_in
        union all
        select partner_code, product_code, month_start(week_end_date) from fct_inventory
    )
    group by all
)
select
    cast(m.month_start_date as varchar) || '|' || a.partner_code || '|' || a.product_code as
        sell_out_monthly_id,
    m.month_start_date, a.partner_code, p.channel_code, a.product_code, c.period_count > 0 as is_reported,
    cast(case when s.partner_code is null then 0 else s.sold_quantity end as decimal(18, 3)) as sold_quantity,
    cast(case when s.partner_code is null then 0 else s.returned_quantity end as decimal(18, 3))
        as returned_quantity,
    cast(case when s.partner_code is null then 0 else s.net_quantity end as decimal(18, 3)) as net_quantity,
    cast(coalesce(s.net_amount, 0) as decimal(18, 4)) as net_amount,
    coalesce(s.line_count, 0) as line_count, coalesce(s.unresolved_line_count, 0) as unresolved_line_count,
    c.period_count as expected_period_count, c.period_count as reported_period_count,
    7 * c.period_count as expected_day_count, 7 * c.period_count as reported_day_count,
    cast(100 as decimal(18, 4)) as coverage_rate, 'EUR' as currency_code
from appearances as a
join months as m on m.month_start_date >= a.first_month
join partners as p using (partner_code)
left join monthly_sales as s
    on s.month_start_date = m.month_start_date and s.partner_code = a.partner_code
    and s.product_code = a.product_code
left join coverage as c on c.month_start_date = m.month_start_date and c.partner_code = a.partner_code;
create table mart_channel_inventory_weekly as
with stocked as (
    select
        *, coalesce(reported_quantity, calculated_quantity) as on_hand_quantity,
        sum(sold_quantity - consumer_returned_quantity) over last_four as recent_sell_out_quantity,
        7 * count(*) filter (where is_sell_out_reported) over last_four as recent_reported_day_count
    from fct_inventory
    window last_four as (
        partition by partner_code, product_code order by week_start_date rows 3 preceding
    )
),
measured as (
    select
        *,
        case when recent_sell_out_quantity > 0
            then ratio(on_hand_quantity * recent_reported_day_count, recent_sell_out_quantity) end as days,
        case when recent_sell_out_quantity > 0
            then ratio(on_hand_quantity * recent_reported_day_count, 7 * recent_sell_out_quantity)
        end as weeks
    from stocked
)
select
    inventory_id as channel_inventory_weekly_id, week_start_date, week_end_date, partner_code, channel_code,
    product_code, is_sell_out_reported, is_inventory_reported, opening_quantity, received_quantity,
    returned_to_us_quantity, sold_quantity, consumer_returned_quantity, calculated_quantity,
        reported_quantity,
    gap_quantity, gap_rate, is_negative_calculated, on_hand_quantity,
    case when reported_quantity is not null then 'reported' when calculated_quantity is not null then
        'calculated'
        end as on_hand_source_code,
    coalesce(stock_date, week_end_date) as stock_date, recent_sell_out_quantity, recent_reported_day_count,
    case when recent_reported_day_count > 0
        then ratio(recent_sell_out_quantity, recent_reported_day_count) end
        as mean_daily_sell_out_quantity,
    days as days_of_inventory,
    weeks as weeks_of_supply,
    case
        when on_hand_quantity is null or recent_sell_out_quantity is null then 'not_reported'
        when recent_sell_out_quantity <= 0 then 'no_movement'
        when on_hand_quantity <= 0 or weeks < 1 then 'shortage'
        when weeks < 2 then 'low'
        when weeks > 12 then 'overstock'
        else 'normal'
    end as stock_status_code,
    case
        when on_hand_quantity is null then 'stock_not_reported'
        when recent_sell_out_quantity is null then 'sell_out_not_reported'
        when recent_sell_out_quantity <= 0 then 'no_sales_in_28_days'
        when on_hand_quantity < 0 then 'negative_stock'
    end as reason_code
from measured;
create table mart_channel_balance_monthly as
with stock_months as (
    select
        partner_code, product_code,
        month_start(least(stock_date, week_start_date + 3)) as month_start_date,
        sum(received_quantity) as received_quantity, sum(returned_to_us_quantity) as returned_to_us_quantity,
        arg_max_null(on_hand_quantity, week_start_date) as closing_stock_quantity
    from mart_channel_inventory_weekly
    group by all
),
appearances as (
    select partner_code, product_code, min(month_start_date) as first_month
    from (
        select partner_code, product_code, month_start_date from mart_sell_in_monthly
        union all
        select partner_code, product_code, month_start_date from mart_sell_out_monthly
        where product_code <> 'UNMATCHED'
        union all
        select partner_code, product_code, month_start_date from stock_months
    )
    group by all
),
joined as (
    select
        m.month_start_date, a.partner_code, p.channel_code, a.product_code,
        coalesce(i.net_quantity, 0) as sell_in_quantity,
        -- A product whose stock was counted before its first sale: reported, and sold nothing.
        cast(coalesce(o.net_quantity, case when c.period_count > 0 then 0 end) as decimal(18, 3))
            as sell_out_quantity,
        case when c.period_count > 0 then cast(100 as decimal(18, 4)) end as coverage_rate,
        coalesce(s.received_quantity, 0) as received_quantity,
        coalesce(s.returned_to_us_quantity, 0) as returned_to_us_quantity,
        s.closing_stock_quantity,
        lag(s.closing_stock_quantity) over (
            partition by a.partner_code, a.product_code order by m.month_start_date
        ) as opening_stock_quantity,
        least(last_day(m.month_start_date), $as_of) - r.launch_date < 90 as is_launch
    from appearances as a
    join months as m on m.month_start_date >= a.first_month
    join partners as p using (partner_code)
    join products as r using (product_code)
    left join mart_sell_in_monthly as i
        on i.month_start_date = m.month_start_date and i.partner_code = a.partner_code
        and i.product_code = a.product_code
    left join mart_sell_out_monthly as o
        on o.month_start_date = m.month_start_date and o.partner_code = a.partner_code
        and o.product_code = a.product_code
    left join stock_months as s
        on s.month_start_date = m.month_start_date and s.partner_code = a.partner_code
        and s.product_code = a.product_code
    left join coverage as c on c.month_start_date = m.month_start_date and c.partner_code = a.partner_code
),
rolled as (
    select
        *, cast((opening_stock_quantity + closing_stock_quantity) / 2 as decimal(18, 4)) as average_stock,
        sum(sell_out_quantity) over last_three as rolling_sell_out_quantity,
        sum(sell_in_quantity) over last_three as rolling_sell_in_quantity,
        count(sell_out_quantity) over last_three as rolling_month_count
    from joined
    window last_three as (
        partition by partner_code, product_code order by month_start_date rows 2 preceding
    )
),
averaged as (
    select
        *, sum(average_stock) over last_three as rolling_stock,
        sum(case when average_stock is not null then sell_out_quantity end) over last_three as
            rolling_stocked_sales,
        count(average_stock) over last_three as rolling_stock_months
    from rolled
    window last_three as (
        partition by partner_code, product_code order by month_start_date rows 2 preceding
    )
),
rated as (
    select
        *,
        percent(sell_out_quantity, sell_in_quantity) as ratio,
        percent(rolling_sell_out_quantity, rolling_sell_in_quantity) as rolling_ratio
    from averaged
)
select
    cast(month_start_date as varchar) || '|' || partner_code || '|' || product_code as
        channel_balance_monthly_id,
    month_start_date, partner_code, channel_code, product_code,
    cast(sell_in_quantity as decimal(18, 3)) as sell_in_quantity, sell_out_quantity,
    ratio as sell_out_sell_in_rate,
    cast(rolling_sell_in_quantity as decimal(18, 3)) as rolling_sell_in_quantity,
    cast(rolling_sell_out_quantity as decimal(18, 3)) as rolling_sell_out_quantity, rolling_month_count,
    rolling_ratio as rolling_sell_out_sell_in_rate,
    cast(opening_stock_quantity as decimal(18, 3)) as opening_stock_quantity,
    cast(received_quantity as decimal(18, 3)) as received_quantity,
    cast(returned_to_us_quantity as decimal(18, 3)) as returned_to_us_quantity,
    cast(closing_stock_quantity as decimal(18, 3)) as closing_stock_quantity,
    cast(average_stock as decimal(18, 3)) as average_stock_quantity,
    percent(sell_out_quantity, received_quantity) as sell_through_a_rate,
    percent(sell_out_quantity, opening_stock_quantity + received_quantity) as sell_through_b_rate,
    percent(sell_out_quantity, sell_out_quantity + closing_stock_quantity) as sell_through_c_rate,
    percent(sell_out_quantity, average_stock) as stock_rotation_rate,
    percent(rolling_stocked_sales * rolling_stock_months, rolling_stock) as rolling_stock_rotation_rate,
    coverage_rate, is_launch,
    case
        when sell_out_quantity is null then 'not_reported' when sell_in_quantity <= 0 then 'no_sell_in'
        when is_launch then 'launch' when ratio < 80 then 'overstock_risk' when ratio < 100 then
            'normal_build'
        when ratio = 100 then 'balanced' else 'shortage_risk'
    end as balance_status_code,
    case
        when rolling_sell_out_quantity is null then 'not_reported'
        when rolling_sell_in_quantity <= 0 then 'no_sell_in'
        when is_launch then 'launch' when rolling_ratio < 80 then 'overstock_risk'
        when rolling_ratio < 100 then 'normal_build' when rolling_ratio = 100 then 'balanced'
        else 'shortage_risk'
    end as rolling_balance_status_code,
    case when sell_out_quantity is null then 'sell_out_not_reported' when sell_in_quantity = 0 then
        'no_sell_in'
        when sell_in_quantity < 0 then 'negative_sell_in' end as reason_code,
    case
        when sell_out_quantity is null then 'sell_out_not_reported'
        when opening_stock_quantity is null then 'opening_stock_unknown'
        when closing_stock_quantity is null then 'closing_stock_unknown'
        when received_quantity <= 0 then 'no_receipts' when average_stock <= 0 then 'no_stock'
    end as stock_reason_code
from rated;
"""


def write(company: Path, data: Path, database: Path, as_of: date) -> None:
    """Read the inbox and the ERP below `data` and write facts and marts to `database`."""
    database.unlink(missing_ok=True)
    database.parent.mkdir(parents=True, exist_ok=True)
    # The bound that DuckDB sets itself (80 % of the machine) leaves no room for what it allocates beside it:
    # at 100 M lines the process was killed.
    connection = duckdb.connect(database, config={"threads": 2, "memory_limit": "12GiB"})
    try:
        _read_erp(connection, data / "erp.sqlite")
        connection.execute(READ_REPORTS.format(inbox=data / "inbox", feeds=company / "feeds"))
        # The row ids of the reports have told the order; from here on it does not matter.
        connection.execute("set preserve_insertion_order = false")
        for statements in (DIMENSIONS, FCT_SELL_OUT, ERP_FACTS, FCT_INVENTORY, MARTS):
            for statement in filter(None, (part.strip() for part in statements.split(";\n"))):
                connection.execute(statement, {"as_of": as_of} if "$as_of" in statement else None)
    finally:
        connection.close()


def _read_erp(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    erp = sqlite3.connect(path)
    try:
        for table, columns in ERP_TABLES.items():
            names = [
                column.split(" ")[0]
                for column in columns.replace("(9, 6)", "")
                .replace(", 3)", ")")
                .replace(", 4)", ")")
                .split(", ")
            ]
            rows = erp.execute(f"select {', '.join(names)} from {table}").fetchall()
            arrow = pa.table(
                {
                    name: pa.array([None if row[i] is None else str(row[i]) for row in rows], pa.string())
                    for i, name in enumerate(names)
                }
            )
            connection.execute(f"create temp table {table} ({columns})")
            connection.register("incoming", arrow)
            connection.execute(f"insert into {table} select * from incoming")
            connection.unregister("incoming")
    finally:
        erp.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("company", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("as_of", type=date.fromisoformat)
    arguments = parser.parse_args()
    write(arguments.company, arguments.data, arguments.database, arguments.as_of)


if __name__ == "__main__":
    main()
