{#
    Segments of partners (rules/segments.yml).
#}

{#
    Whether a figure lies past a bound by `margin` or more, seen from the best segment:
    shares of the larger partners grow towards the worse, other figures fall.
#}
{% macro is_past(figure, bound, margin) -%}
    case
        when method_code = 'cumulated_share' then {{ figure }} >= {{ bound }} + {{ margin }}
        else {{ figure }} < {{ bound }} - {{ margin }}
    end
{%- endmacro %}

{# A measure in words. #}
{% macro measure_in_words(language) -%}
    {%- set words = {
        'cumulated_revenue': (
            'part du chiffre d’affaires des partenaires plus grands',
            'share of revenue of the larger partners',
        ),
        'cumulated_margin': (
            'part de la marge des partenaires plus grands',
            'share of margin of the larger partners',
        ),
        'revenue': ('chiffre d’affaires', 'revenue'),
        'margin': ('marge nette nette', 'pocket margin'),
        'margin_rate': ('taux de marge nette nette', 'pocket margin rate'),
        'sell_through_rate': ('taux d’écoulement', 'sell-through'),
        'business_customer_rate': (
            'part des ventes à des professionnels', 'share of sales to businesses'
        ),
        'territory': ('département ou pays', 'territory'),
        'region': ('région', 'region'),
        'country': ('pays', 'country'),
        'channel': ('canal', 'channel'),
        'erp_segment': ('segment de l’ERP', 'segment of the ERP'),
    } -%}
    case
        case
            when method_code = 'cumulated_share' then 'cumulated_' || measure_code
            else measure_code
        end
        {% for code, said in words.items() -%}
        when '{{ code }}' then '{{ said[0] if language == 'fr' else said[1] }}'
        {% endfor -%}
    end
{%- endmacro %}

{# A figure of a scheme in words: 12.3 % or an amount in whole units. #}
{% macro figure_in_words(figure, language) -%}
    {{ in_unit_of_scheme(figure, language, "' %'") }}
{%- endmacro %}

{# How far a figure lies from another: 12.3 points or an amount in whole units. #}
{% macro distance_in_words(distance, language) -%}
    {%- set points -%}
        {# French counts less than two in the singular. #}
        case
            when '{{ language }}' = 'fr' and cast(100 * {{ distance }} as decimal(18, 1)) < 2
                then ' point'
            else ' points'
        end
    {%- endset -%}
    {{ in_unit_of_scheme(distance, language, points) }}
{%- endmacro %}

{% macro in_unit_of_scheme(figure, language, share_unit) -%}
    {%- set percent -%}
        cast(cast(100 * {{ figure }} as decimal(18, 1)) as string)
    {%- endset -%}
    case
        when method_code = 'value' and measure_code in ('revenue', 'margin')
            then
                case when {{ figure }} < 0 then '-' else '' end
                || {{ digits_in_words(figure, ' ' if language == 'fr' else ',') }}
                || ' ' || {{ company_currency() }}
        else
            {{ "replace(" ~ percent ~ ", '.', ',')" if language == 'fr' else percent }}
            || {{ share_unit }}
    end
{%- endmacro %}
