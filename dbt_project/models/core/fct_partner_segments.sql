-- Grain: one row per scheme of segments, partner and range of dates in the same
-- segment by the same version of the scheme.
-- Additive over the ranges of a partner: unknown_month_count.
--
-- A partner moves when its figure has lain past a bound by `hysteresis_value` for
-- `hysteresis_months` in a row. Each month so allows a span of segments, from the best
-- to the worst that a partner may keep, and the segment is the former one brought into
-- that span. Brought in one after the other, the result is
-- max over j of (best of j, and min over the months after j of their worst),
-- which needs no recursion. Months without a figure move nobody.
with

figures as (
    select * from {{ ref('int_partner_segments_measured') }}
),

schemes as (
    select * from {{ ref('stg_rules__segment_schemes') }}
),

segments as (
    select * from {{ ref('stg_rules__segments') }}
),

members as (
    select * from {{ ref('stg_rules__segment_members') }}
),

bounds as (
    select * from segments where bound_value is not null
),

newcomers as (
    select * from segments where newer_than_months is not null
),

others as (
    select
        segments.scheme_code,
        segments.valid_from_date,
        min(segments.segment_code) as segment_code
    from segments
    left join members
        on
            segments.scheme_code = members.scheme_code
            and segments.valid_from_date = members.valid_from_date
            and segments.segment_code = members.segment_code
    where members.segment_code is null and segments.newer_than_months is null
    group by segments.scheme_code, segments.valid_from_date
),

-- A partner is new if it had bought nothing for as long before; where history begins
-- later, nobody knows.
placed as (
    select
        figures.*,
        named.segment_code as named_segment_code,
        case
            when
                {{ month_number('figures.effective_date') }}
                - {{ month_number('figures.first_month_date') }}
                < newcomers.newer_than_months
                and {{ month_number('figures.first_month_date') }}
                - {{ month_number('figures.history_month_date') }}
                >= newcomers.newer_than_months
                then newcomers.segment_code
        end as new_segment_code,
        newcomers.newer_than_months,
        case
            when figures.method_code = 'attribute'
                then coalesce(
                    listed.segment_code, others.segment_code, figures.attribute_value
                )
        end as attribute_segment_code
    from figures
    left join members as named
        on
            figures.scheme_code = named.scheme_code
            and figures.rule_version_date = named.valid_from_date
            and figures.partner_code = named.member_code
            and named.member_kind_code = 'partner'
    left join members as listed
        on
            figures.scheme_code = listed.scheme_code
            and figures.rule_version_date = listed.valid_from_date
            and figures.attribute_value = listed.member_code
            and listed.member_kind_code = 'value'
    left join others
        on
            figures.scheme_code = others.scheme_code
            and figures.rule_version_date = others.valid_from_date
    left join newcomers
        on
            figures.scheme_code = newcomers.scheme_code
            and figures.rule_version_date = newcomers.valid_from_date
),

-- Segments are numbered from the best.
judged as (
    select
        placed.scheme_code,
        placed.rule_version_date,
        placed.partner_code,
        placed.month_start_date,
        placed.hysteresis_months,
        1 + sum(
            case
                when {{ is_past('placed.figure_value', 'bounds.bound_value', '0') }}
                    then 1
                else 0
            end
        ) as measured_number,
        1 + sum(
            case
                when
                    {{ is_past(
                        'placed.figure_value',
                        'bounds.bound_value',
                        'placed.hysteresis_value'
                    ) }}
                    then 1
                else 0
            end
        ) as best_number,
        1 + sum(
            case
                when
                    {{ is_past(
                        'placed.figure_value',
                        'bounds.bound_value',
                        '-placed.hysteresis_value'
                    ) }}
                    then 1
                else 0
            end
        ) as worst_number
    from placed
    left join bounds
        on
            placed.scheme_code = bounds.scheme_code
            and placed.rule_version_date = bounds.valid_from_date
    where
        placed.figure_value is not null
        and placed.named_segment_code is null
        and placed.new_segment_code is null
    group by
        placed.scheme_code,
        placed.rule_version_date,
        placed.partner_code,
        placed.month_start_date,
        placed.hysteresis_months
),

numbered as (
    select
        judged.*,
        row_number() over (
            partition by scheme_code, rule_version_date, partner_code
            order by month_start_date
        ) as position_number
    from judged
),

-- A new partner, and everybody at the beginning of a version, is where its figure is.
forced as (
    select
        current_month.scheme_code,
        current_month.rule_version_date,
        current_month.partner_code,
        current_month.month_start_date,
        current_month.position_number,
        case
            when current_month.position_number = 1 then current_month.measured_number
            when current_month.position_number >= current_month.hysteresis_months
                then min(former.best_number)
            else 1
        end as best_number,
        case
            when current_month.position_number = 1 then current_month.measured_number
            when current_month.position_number >= current_month.hysteresis_months
                then max(former.worst_number)
            else 999999
        end as worst_number
    from numbered as current_month
    inner join numbered as former
        on
            current_month.scheme_code = former.scheme_code
            and current_month.rule_version_date = former.rule_version_date
            and current_month.partner_code = former.partner_code
            and current_month.position_number >= former.position_number
            and current_month.position_number
            < former.position_number + current_month.hysteresis_months
    group by
        current_month.scheme_code,
        current_month.rule_version_date,
        current_month.partner_code,
        current_month.month_start_date,
        current_month.position_number,
        current_month.hysteresis_months,
        current_month.measured_number
),

-- What allows the same as the month before changes nothing.
turns as (
    select forced.*
    from forced
    qualify
        lag(best_number) over (
            partition by scheme_code, rule_version_date, partner_code
            order by month_start_date
        ) is distinct from best_number
        or lag(worst_number) over (
            partition by scheme_code, rule_version_date, partner_code
            order by month_start_date
        ) is distinct from worst_number
),

brought as (
    select
        turn.scheme_code,
        turn.partner_code,
        turn.month_start_date,
        former.best_number,
        min(former.worst_number) over (
            partition by turn.scheme_code, turn.partner_code, turn.month_start_date
            order by former.month_start_date desc
            rows between unbounded preceding and 1 preceding
        ) as worst_after_number
    from turns as turn
    inner join turns as former
        on
            turn.scheme_code = former.scheme_code
            and turn.rule_version_date = former.rule_version_date
            and turn.partner_code = former.partner_code
            and turn.month_start_date >= former.month_start_date
),

states as (
    select
        scheme_code,
        partner_code,
        month_start_date,
        max(
            least(best_number, coalesce(worst_after_number, best_number))
        ) as segment_number
    from brought
    group by scheme_code, partner_code, month_start_date
),

counted as (
    select
        placed.*,
        states.segment_number,
        count(states.segment_number) over (
            partition by
                placed.scheme_code, placed.rule_version_date, placed.partner_code
            order by placed.month_start_date
        ) as turn_count
    from placed
    left join states
        on
            placed.scheme_code = states.scheme_code
            and placed.partner_code = states.partner_code
            and placed.month_start_date = states.month_start_date
),

kept as (
    select
        counted.*,
        max(segment_number) over (
            partition by scheme_code, rule_version_date, partner_code, turn_count
        ) as kept_number
    from counted
),

assigned as (
    select
        kept.*,
        case
            when kept.named_segment_code is not null then 'named'
            when kept.new_segment_code is not null then 'new'
            when kept.method_code = 'attribute' and kept.attribute_value is not null
                then 'attribute'
            when kept.kept_number is not null then 'measured'
            else 'unknown'
        end as basis_code,
        coalesce(
            kept.named_segment_code,
            kept.new_segment_code,
            case
                when kept.attribute_value is not null then kept.attribute_segment_code
            end,
            own.segment_code,
            'not_reported'
        ) as segment_code
    from kept
    left join segments as own
        on
            kept.scheme_code = own.scheme_code
            and kept.rule_version_date = own.valid_from_date
            and kept.kept_number = own.segment_number
),

compared as (
    select
        assigned.*,
        lag(segment_code) over (
            partition by scheme_code, partner_code order by month_start_date
        ) as month_before_segment_code,
        lag(rule_version_date) over (
            partition by scheme_code, partner_code order by month_start_date
        ) as month_before_version_date,
        lag(basis_code) over (
            partition by scheme_code, partner_code order by month_start_date
        ) as month_before_basis_code
    from assigned
),

counted_ranges as (
    select
        compared.*,
        sum(
            case
                when
                    month_before_segment_code is distinct from segment_code
                    or month_before_version_date is distinct from rule_version_date
                    or month_before_basis_code is distinct from basis_code
                    then 1
                else 0
            end
        ) over (
            partition by scheme_code, partner_code
            order by month_start_date
            rows between unbounded preceding and current row
        ) as range_number
    from compared
),

newest as (
    select
        scheme_code,
        partner_code,
        range_number,
        max(case when figure_value is not null then month_start_date end)
            as latest_month_date,
        sum(case when reason_code is not null then 1 else 0 end) as unknown_month_count
    from counted_ranges
    group by scheme_code, partner_code, range_number
),

begun as (
    select counted_ranges.*
    from counted_ranges
    qualify
        row_number() over (
            partition by scheme_code, partner_code, range_number
            order by month_start_date
        ) = 1
),

ranged as (
    select
        begun.*,
        lag(begun.segment_code) over (
            partition by begun.scheme_code, begun.partner_code
            order by begun.effective_date
        ) as former_segment_code,
        lag(begun.rule_version_date) over (
            partition by begun.scheme_code, begun.partner_code
            order by begun.effective_date
        ) as former_version_date,
        lag(begun.basis_code) over (
            partition by begun.scheme_code, begun.partner_code
            order by begun.effective_date
        ) as former_basis_code,
        lag(begun.kept_number) over (
            partition by begun.scheme_code, begun.partner_code
            order by begun.effective_date
        ) as former_number,
        {{ range_end(
            ['begun.scheme_code', 'begun.partner_code'], 'begun.effective_date'
        ) }} as valid_to_date
    from begun
),

-- The bound that was passed: coming from a better segment that one's, else its own.
decided as (
    select
        ranged.*,
        newest.latest_month_date,
        newest.unknown_month_count,
        latest.figure_value as latest_value,
        case
            when ranged.basis_code <> 'measured' then null
            when
                ranged.former_version_date = ranged.rule_version_date
                and ranged.former_basis_code = 'measured'
                and ranged.former_number < ranged.kept_number
                then above.bound_value
            else coalesce(own.bound_value, above.bound_value)
        end as bound_value,
        case
            when ranged.basis_code in ('named', 'new', 'unknown') then ranged.basis_code
            when ranged.former_segment_code is null then 'first'
            when ranged.former_version_date <> ranged.rule_version_date
                then 'rules_changed'
            when ranged.former_basis_code <> ranged.basis_code then 'first'
            when ranged.basis_code = 'attribute' then 'attribute_changed'
            when ranged.former_number < ranged.kept_number then 'down'
            else 'up'
        end as move_code,
        schemes.scheme_name_fr,
        schemes.scheme_name_en
    from ranged
    inner join schemes
        on
            ranged.scheme_code = schemes.scheme_code
            and ranged.rule_version_date = schemes.valid_from_date
    inner join newest
        on
            ranged.scheme_code = newest.scheme_code
            and ranged.partner_code = newest.partner_code
            and ranged.range_number = newest.range_number
    left join figures as latest
        on
            newest.scheme_code = latest.scheme_code
            and newest.partner_code = latest.partner_code
            and newest.latest_month_date = latest.month_start_date
    left join segments as own
        on
            ranged.scheme_code = own.scheme_code
            and ranged.rule_version_date = own.valid_from_date
            and ranged.kept_number = own.segment_number
    left join segments as above
        on
            ranged.scheme_code = above.scheme_code
            and ranged.rule_version_date = above.valid_from_date
            and ranged.kept_number = above.segment_number + 1
),

named as (
    select
        decided.*,
        current_segments.segment_number as named_number,
        coalesce(
            current_segments.segment_name_fr,
            case
                when decided.basis_code = 'unknown' then 'Non communiqué'
                else decided.segment_code
            end
        ) as segment_name_fr,
        coalesce(
            current_segments.segment_name_en,
            case
                when decided.basis_code = 'unknown' then 'Not reported'
                else decided.segment_code
            end
        ) as segment_name_en,
        coalesce(
            former_segments.segment_name_fr || ' → ',
            case
                when decided.former_basis_code = 'unknown' then 'Non communiqué → '
                when decided.former_segment_code is not null
                    then decided.former_segment_code || ' → '
            end,
            ''
        ) as former_name_fr,
        coalesce(
            former_segments.segment_name_en || ' → ',
            case
                when decided.former_basis_code = 'unknown' then 'Not reported → '
                when decided.former_segment_code is not null
                    then decided.former_segment_code || ' → '
            end,
            ''
        ) as former_name_en
    from decided
    left join segments as current_segments
        on
            decided.scheme_code = current_segments.scheme_code
            and decided.rule_version_date = current_segments.valid_from_date
            and decided.segment_code = current_segments.segment_code
    left join segments as former_segments
        on
            decided.scheme_code = former_segments.scheme_code
            and decided.former_version_date = former_segments.valid_from_date
            and decided.former_segment_code = former_segments.segment_code
),

said as (
    select
        {% for language, bound, passed, in_a_row in [
            ('fr', ' ; seuil ', ', dépassé d’au moins ', ' mois de suite'),
            ('en', '; bound ', ', passed by at least ', ' months in a row')
        ] -%}
        case
            when bound_value is null then ''
            else
                '{{ bound }}' || {{ figure_in_words('bound_value', language) }}
                || case
                    when move_code not in ('up', 'down') then ''
                    else
                        case
                            when hysteresis_value = 0 then ''
                            else
                                '{{ passed }}'
                                || {{ distance_in_words('hysteresis_value', language) }}
                        end
                        || case
                            when hysteresis_months = 1 then ''
                            else
                                ', ' || cast(hysteresis_months as string)
                                || '{{ in_a_row }}'
                        end
                end
        end as bound_{{ language }},
        {% endfor -%}
        named.*
    from named
),

final as (
    select
        scheme_code || '|' || partner_code || '|' || cast(effective_date as string)
            as partner_segment_id,
        scheme_code,
        scheme_name_fr,
        scheme_name_en,
        partner_code,
        effective_date as valid_from_date,
        valid_to_date,
        valid_to_date > {{ as_of_date() }} as is_current,
        segment_code,
        segment_name_fr,
        segment_name_en,
        cast(named_number as integer) as segment_number,
        former_segment_code,
        move_code,
        rule_version_date,
        measure_code,
        method_code,
        month_start_date as decided_month_date,
        case when basis_code = 'measured' then figure_value end as figure_value,
        cast(bound_value as decimal(18, 6)) as bound_value,
        case when basis_code = 'attribute' then attribute_value end as attribute_value,
        latest_month_date,
        latest_value,
        cast(unknown_month_count as integer) as unknown_month_count,
        reason_code,
        former_name_fr || segment_name_fr || ' : '
        || case
            when move_code = 'named' then 'désigné dans les règles'
            when move_code = 'new'
                then
                    'première facture en '
                    || {{ month_in_words('first_month_date', 'fr') }}
                    || ', nouveau pendant ' || cast(newer_than_months as string)
                    || ' mois'
            when move_code = 'unknown' then 'aucun chiffre'
            when basis_code = 'attribute'
                then {{ measure_in_words('fr') }} || ' ' || attribute_value
            else
                {{ measure_in_words('fr') }} || ' sur '
                || cast(window_months as string) || ' mois '
                || coalesce({{ figure_in_words('figure_value', 'fr') }}, 'inconnu')
                || bound_fr
        end
        || case
            when move_code = 'rules_changed'
                then
                    ' (règles du '
                    || {{ day_in_words('rule_version_date', 'fr') }} || ')'
            else ''
        end as reason_fr,
        former_name_en || segment_name_en || ': '
        || case
            when move_code = 'named' then 'named in the rules'
            when move_code = 'new'
                then
                    'first invoice in ' || {{ month_label('first_month_date') }}
                    || ', new for ' || cast(newer_than_months as string) || ' months'
            when move_code = 'unknown' then 'no figure'
            when basis_code = 'attribute'
                then {{ measure_in_words('en') }} || ' ' || attribute_value
            else
                {{ measure_in_words('en') }} || ' over '
                || cast(window_months as string) || ' months '
                || coalesce({{ figure_in_words('figure_value', 'en') }}, 'unknown')
                || bound_en
        end
        || case
            when move_code = 'rules_changed'
                then ' (rules of ' || cast(rule_version_date as string) || ')'
            else ''
        end as reason_en
    from said
)

select * from final
