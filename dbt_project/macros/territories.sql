{#
    The territory of an address: in France the departement of the postal code (Corsica
    and the overseas territories have their own rules), elsewhere the country. Without a
    postal code NULL: a territory is not guessed.
#}
{% macro territory_code(country_code, postal_code) -%}
    case
        when {{ country_code }} is null then null
        when {{ country_code }} <> 'FR' then {{ country_code }}
        when length({{ postal_code }}) <> 5 then null
        when {{ postal_code }} like '97%' then substr({{ postal_code }}, 1, 3)
        when {{ postal_code }} like '98%' then substr({{ postal_code }}, 1, 3)
        when {{ postal_code }} like '200%' then '2A'
        when {{ postal_code }} like '201%' then '2A'
        when {{ postal_code }} like '20%' then '2B'
        else substr({{ postal_code }}, 1, 2)
    end
{%- endmacro %}

{# The postal code of an address as a territory unit: 42000, BE-4000. #}
{% macro postal_unit(country_code, postal_code) -%}
    case
        when {{ country_code }} = 'FR' then {{ postal_code }}
        else {{ country_code }} || '-' || {{ postal_code }}
    end
{%- endmacro %}

{#
    Each territory with itself and all that it lies in, as rows of `territory_code` and
    `unit_code`: a postal code in a departement, in a region, in a country.
#}
{% macro territories_with_what_they_lie_in(territories) -%}
    select
        inner_most.territory_code,
        inner_most.territory_code as unit_code
    from {{ territories }} as inner_most
    union all
    select
        inner_most.territory_code,
        inner_most.parent_territory_code as unit_code
    from {{ territories }} as inner_most
    where inner_most.parent_territory_code is not null
    union all
    select
        inner_most.territory_code,
        parents.parent_territory_code as unit_code
    from {{ territories }} as inner_most
    inner join {{ territories }} as parents
        on inner_most.parent_territory_code = parents.territory_code
    where parents.parent_territory_code is not null
    union all
    select
        inner_most.territory_code,
        grandparents.parent_territory_code as unit_code
    from {{ territories }} as inner_most
    inner join {{ territories }} as parents
        on inner_most.parent_territory_code = parents.territory_code
    inner join {{ territories }} as grandparents
        on parents.parent_territory_code = grandparents.territory_code
    where grandparents.parent_territory_code is not null
{%- endmacro %}

{# Whether two product families have products in common; `*` and NULL are all. #}
{% macro families_meet(one, other) -%}
    (
        coalesce({{ one }}, '*') = '*'
        or coalesce({{ other }}, '*') = '*'
        or {{ one }} = {{ other }}
    )
{%- endmacro %}

{# A number of rules/territories.yml, of `rules`, one row. #}
{% macro territory_limit(code) -%}
    max(case when rules.rule_code = '{{ code }}' then rules.rule_value end)
        as {{ code }}
{%- endmacro %}

{# `days` after an instant. #}
{% macro add_days_to_instant(instant, days) -%}
    {{ return(adapter.dispatch('add_days_to_instant', 'aval')(instant, days)) }}
{%- endmacro %}

{% macro default__add_days_to_instant(instant, days) -%}
    timestampadd(day, cast({{ days }} as int), {{ instant }})
{%- endmacro %}

{% macro duckdb__add_days_to_instant(instant, days) -%}
    ({{ instant }} + to_days(cast({{ days }} as integer)))
{%- endmacro %}

{# The lines of a text as rows. #}
{% macro lines_as_rows(text) -%}
    {{ return(adapter.dispatch('lines_as_rows', 'aval')(text)) }}
{%- endmacro %}

{% macro default__lines_as_rows(text) -%}
    explode(split({{ text }}, '\n'))
{%- endmacro %}

{% macro duckdb__lines_as_rows(text) -%}
    unnest(string_split({{ text }}, chr(10)))
{%- endmacro %}
