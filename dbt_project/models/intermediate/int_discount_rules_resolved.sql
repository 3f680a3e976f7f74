-- Grain: one row per kind of rule, partner, segment, product family, range of dates and
-- quantity from which a rate holds: the one rule that counts there.
-- The closest rule counts: partner before segment before all, then family before all.
with

rules as (
    select * from {{ ref('stg_rules__discount_rules') }}
),

partners as (
    select
        partner_code,
        coalesce(segment_code, '') as segment_code
    from {{ ref('dim_partners') }}
    group by partner_code, coalesce(segment_code, '')
),

families as (
    select coalesce(family_code, '') as family_code
    from {{ ref('stg_erp__products') }}
    group by coalesce(family_code, '')
),

versions as (
    select
        rule_code,
        rule_kind_code,
        valid_from_date,
        valid_to_date,
        partner_code,
        segment_code,
        family_code
    from rules
    group by
        rule_code,
        rule_kind_code,
        valid_from_date,
        valid_to_date,
        partner_code,
        segment_code,
        family_code
),

fitting as (
    select
        versions.rule_kind_code,
        partners.partner_code,
        partners.segment_code,
        families.family_code,
        versions.rule_code,
        versions.valid_from_date,
        versions.valid_to_date,
        case
            when versions.partner_code <> '*' then 4
            when versions.segment_code <> '*' then 2
            else 0
        end + case when versions.family_code <> '*' then 1 else 0 end as closeness
    from versions
    inner join partners
        on
            versions.partner_code in ('*', partners.partner_code)
            and versions.segment_code in ('*', partners.segment_code)
    inner join families on versions.family_code in ('*', families.family_code)
),

moments as (
    select
        rule_kind_code,
        partner_code,
        segment_code,
        family_code,
        valid_from_date as moment_date
    from fitting
    union distinct
    select
        rule_kind_code,
        partner_code,
        segment_code,
        family_code,
        valid_to_date as moment_date
    from fitting
),

ranges as (
    select
        rule_kind_code,
        partner_code,
        segment_code,
        family_code,
        moment_date as valid_from_date,
        {{ range_end(
            ['rule_kind_code', 'partner_code', 'segment_code', 'family_code'],
            'moment_date'
        ) }} as valid_to_date
    from moments
),

standing as (
    select
        ranges.rule_kind_code,
        ranges.partner_code,
        ranges.segment_code,
        ranges.family_code,
        ranges.valid_from_date,
        ranges.valid_to_date,
        fitting.rule_code,
        fitting.valid_from_date as rule_version_date
    from ranges
    inner join fitting
        on
            ranges.rule_kind_code = fitting.rule_kind_code
            and ranges.partner_code = fitting.partner_code
            and ranges.segment_code = fitting.segment_code
            and ranges.family_code = fitting.family_code
            and {{ in_range('ranges.valid_from_date', 'fitting') }}
    qualify
        row_number() over (
            partition by
                ranges.rule_kind_code,
                ranges.partner_code,
                ranges.segment_code,
                ranges.family_code,
                ranges.valid_from_date
            order by fitting.closeness desc, fitting.rule_code asc
        ) = 1
),

final as (
    select
        standing.rule_kind_code,
        standing.partner_code,
        standing.segment_code,
        standing.family_code,
        standing.valid_from_date,
        standing.valid_to_date,
        rules.from_quantity,
        rules.to_quantity,
        standing.rule_code,
        standing.rule_version_date,
        rules.discount_rate
    from standing
    inner join rules
        on
            standing.rule_code = rules.rule_code
            and standing.rule_version_date = rules.valid_from_date
)

select * from final
