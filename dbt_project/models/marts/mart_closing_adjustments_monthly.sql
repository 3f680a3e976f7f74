-- Grain: one row per closed month, row of a finance mart, measure and change that was
-- seen after the close.
-- Additive within one measure: adjustment_amount. All changes of a figure give what it
-- is now less what it was when the month was closed.
{{ read_for_closing() }}

with

closings as (
    select * from {{ ref('fct_closings') }} where is_closed
),

late_sources as (
    select * from {{ ref('fct_late_sources') }}
),

-- What changes after the close counts in the month after the newest closed one.
open_month as (
    select cast(max(month_start_date) + interval '1' month as date) as booked_month_date
    from closings
),

figures as (
    select figures.*
    from {{ ref('fct_closed_figures') }} as figures
    inner join closings on figures.closing_code = closings.closing_code
),

-- The sums of the measures say which measures were closed, also where a mart was empty.
measures as (
    select
        closing_code,
        month_start_date,
        mart_name,
        column_name
    from figures
    where row_key = '*'
),

known as (
    select
        figures.*,
        first_value(figures.figure_amount) over (
            partition by
                figures.closing_code,
                figures.mart_name,
                figures.row_key,
                figures.column_name
            order by figures.sequence_number nulls last
        ) as first_amount,
        first_value(figures.sequence_number) over (
            partition by
                figures.closing_code,
                figures.mart_name,
                figures.row_key,
                figures.column_name
            order by figures.sequence_number nulls last
        ) as first_number,
        lag(figures.figure_amount) over (
            partition by
                figures.closing_code,
                figures.mart_name,
                figures.row_key,
                figures.column_name
            order by figures.sequence_number nulls last
        ) as former_amount,
        row_number() over (
            partition by
                figures.closing_code,
                figures.mart_name,
                figures.row_key,
                figures.column_name
            order by figures.sequence_number desc nulls last
        ) as position_number
    from figures
    inner join measures
        on
            figures.closing_code = measures.closing_code
            and figures.mart_name = measures.mart_name
            and figures.column_name = measures.column_name
    where figures.row_key <> '*'
),

as_is as (
    {{ finance_figures('measures') }}
),

latest as (
    select * from known where position_number = 1
),

compared as (
    select
        coalesce(as_is.closing_code, latest.closing_code) as closing_code,
        coalesce(as_is.month_start_date, latest.month_start_date) as month_start_date,
        coalesce(as_is.mart_name, latest.mart_name) as mart_name,
        coalesce(as_is.row_key, latest.row_key) as row_key,
        coalesce(as_is.partner_code, latest.partner_code) as partner_code,
        coalesce(as_is.channel_code, latest.channel_code) as channel_code,
        coalesce(as_is.product_code, latest.product_code) as product_code,
        coalesce(as_is.grain_detail, latest.grain_detail) as grain_detail,
        coalesce(as_is.column_name, latest.column_name) as column_name,
        coalesce(latest.sequence_number, 0) + 1 as sequence_number,
        case when latest.first_number = 0 then latest.first_amount end as first_amount,
        latest.figure_amount as former_amount,
        as_is.figure_amount
    from as_is
    full outer join latest
        on
            as_is.closing_code = latest.closing_code
            and as_is.mart_name = latest.mart_name
            and as_is.row_key = latest.row_key
            and as_is.column_name = latest.column_name
    where coalesce(as_is.figure_amount, 0) <> coalesce(latest.figure_amount, 0)
),

changed_rows as (
    select
        compared.closing_code,
        compared.month_start_date,
        compared.mart_name,
        compared.row_key,
        compared.partner_code,
        compared.channel_code,
        compared.product_code,
        '|' || coalesce(compared.grain_detail, '') || '|' as grain_detail,
        closings.last_batch_code
    from compared
    inner join closings on compared.closing_code = closings.closing_code
    group by
        compared.closing_code,
        compared.month_start_date,
        compared.mart_name,
        compared.row_key,
        compared.partner_code,
        compared.channel_code,
        compared.product_code,
        '|' || coalesce(compared.grain_detail, '') || '|',
        closings.last_batch_code
),

late_documents as (
    {{ late_documents('changed_rows') }}
),

-- Lines whose cost was corrected after the close; a correction that stood in the rules
-- before it is no change.
corrected as (
    select
        closings.closing_code,
        {{ month_start('lines.invoice_date') }} as month_start_date,
        lines.partner_code,
        lines.channel_code,
        lines.product_code,
        lines.cost_correction_code as correction_code
    from closings
    inner join {{ ref('fct_sell_in') }} as lines
        on closings.last_batch_code < lines.cost_correction_batch_id
    group by all
),

detailed as (
    select
        closing_code,
        month_start_date,
        mart_name,
        row_key,
        partner_code,
        channel_code,
        product_code,
        '|' || coalesce(grain_detail, '') || '|' as grain_detail,
        column_name
    from compared
),

late_corrections as (
    {{ late_corrections('detailed', 'corrected') }}
),

-- A late document may be behind every figure of its row, and stands before others for
-- those that are sums of its kind: an entry for the ledger's side, an invoice for ours.
-- A correction is behind those that cost decides.
named as (
    select
        compared.closing_code,
        compared.mart_name,
        compared.row_key,
        compared.column_name,
        late_documents.reason_code,
        late_documents.document_number,
        min(
            case
                when
                    contains(
                        late_documents.measures, '|' || compared.column_name || '|'
                    )
                    then 1
                else 2
            end
        ) as rank_number
    from compared
    inner join late_documents
        on
            compared.closing_code = late_documents.closing_code
            and compared.mart_name = late_documents.mart_name
            and compared.row_key = late_documents.row_key
    group by
        compared.closing_code,
        compared.mart_name,
        compared.row_key,
        compared.column_name,
        late_documents.reason_code,
        late_documents.document_number
    union all
    select
        closing_code,
        mart_name,
        row_key,
        column_name,
        'corrected_cost' as reason_code,
        document_number,
        0 as rank_number
    from late_corrections
),

numbered_documents as (
    select
        named.*,
        row_number() over (
            partition by
                closing_code, mart_name, row_key, column_name, reason_code, rank_number
            order by document_number nulls last
        ) as position_number
    from named
),

-- Of many documents the first five: all of them stand in the facts.
document_texts as (
    select
        closing_code,
        mart_name,
        row_key,
        column_name,
        reason_code,
        rank_number,
        cast(max(position_number) as bigint) as document_count,
        {{ texts_joined('case when position_number <= 5 then document_number end') }}
            as documents
    from numbered_documents
    group by
        closing_code, mart_name, row_key, column_name, reason_code, rank_number
),

late_reasons as (
    select
        closing_code,
        mart_name,
        row_key,
        column_name,
        reason_code,
        document_count,
        documents,
        row_number() over (
            partition by closing_code, mart_name, row_key, column_name
            order by rank_number nulls last, reason_code nulls last
        ) as position_number
    from document_texts
),

source_texts as (
    select
        changed_rows.closing_code,
        changed_rows.mart_name,
        changed_rows.row_key,
        {{ texts_joined(
            "late_sources.system_code || ' ' || late_sources.source_name"
        ) }} as sources
    from changed_rows
    inner join late_sources
        on
            changed_rows.closing_code = late_sources.closing_code
            and coalesce(late_sources.partner_code, changed_rows.partner_code, '')
            = coalesce(changed_rows.partner_code, '')
    group by
        changed_rows.closing_code, changed_rows.mart_name, changed_rows.row_key
),

new_changes as (
    select
        compared.closing_code,
        compared.month_start_date,
        compared.mart_name,
        compared.row_key,
        compared.partner_code,
        compared.channel_code,
        compared.product_code,
        compared.grain_detail,
        compared.column_name,
        compared.sequence_number,
        compared.first_amount,
        compared.former_amount,
        compared.figure_amount,
        {{ as_of_date() }} as seen_date,
        open_month.booked_month_date,
        case
            when late_reasons.reason_code is not null then late_reasons.reason_code
            when source_texts.sources is not null then 'source_changed'
            else 'recalculated'
        end as reason_code,
        late_reasons.documents || case
            when late_reasons.document_count > 5
                then ' + ' || cast(late_reasons.document_count - 5 as string)
            else ''
        end as documents,
        case when late_reasons.reason_code is null then source_texts.sources end
            as sources
    from compared
    cross join open_month
    left join late_reasons
        on
            compared.closing_code = late_reasons.closing_code
            and compared.mart_name = late_reasons.mart_name
            and compared.row_key = late_reasons.row_key
            and compared.column_name = late_reasons.column_name
            and late_reasons.position_number = 1
    left join source_texts
        on
            compared.closing_code = source_texts.closing_code
            and compared.mart_name = source_texts.mart_name
            and compared.row_key = source_texts.row_key
),

changes as (
    select
        closing_code,
        month_start_date,
        mart_name,
        row_key,
        partner_code,
        channel_code,
        product_code,
        grain_detail,
        column_name,
        sequence_number,
        case when first_number = 0 then first_amount end as first_amount,
        former_amount,
        figure_amount,
        seen_date,
        booked_month_date,
        reason_code,
        documents,
        sources
    from known
    where sequence_number > 0
    union all
    select * from new_changes
),

final as (
    select
        changes.closing_code || '|' || changes.mart_name || '|' || changes.row_key
        || '|' || changes.column_name || '|' || cast(changes.sequence_number as string)
            as closing_adjustment_id,
        changes.closing_code,
        changes.month_start_date as closed_month_date,
        changes.booked_month_date,
        changes.mart_name,
        changes.row_key,
        changes.partner_code,
        changes.channel_code,
        changes.product_code,
        changes.grain_detail,
        changes.column_name as measure_code,
        cast(changes.sequence_number as int) as change_number,
        {{ amount('changes.first_amount') }} as as_closed_amount,
        {{ amount('changes.former_amount') }} as former_amount,
        {{ amount('changes.figure_amount') }} as as_is_amount,
        {{ amount(
            'coalesce(changes.figure_amount, 0) - coalesce(changes.former_amount, 0)'
        ) }} as adjustment_amount,
        changes.seen_date as first_seen_date,
        changes.reason_code,
        case changes.reason_code
            when 'late_document' then 'Pièce arrivée ou modifiée après la clôture'
            when 'late_entry' then 'Écriture comptable arrivée après la clôture'
            when 'late_report'
                then 'Rapport du partenaire reçu ou remplacé après la clôture'
            when 'corrected_cost' then 'Coût corrigé après la clôture'
            when 'source_changed'
                then
                    'Coût, prix, règle, donnée de base ou mois précédent modifiés '
                    || 'après la clôture'
            else 'Recalculé : modèles modifiés ou pièce supprimée'
        end as reason_name_fr,
        case changes.reason_code
            when 'late_document' then 'Document that came or changed after the close'
            when 'late_entry' then 'Entry of the ledger that came after the close'
            when 'late_report'
                then 'Report of the partner that came or was replaced after the close'
            when 'corrected_cost' then 'Cost that was corrected after the close'
            when 'source_changed'
                then
                    'Cost, price, rule, master data or a former month '
                    || 'changed after the close'
            else 'Recalculated: models changed or a document was removed'
        end as reason_name_en,
        changes.documents,
        changes.sources,
        {{ company_currency() }} as currency_code
    from changes
)

select * from final
