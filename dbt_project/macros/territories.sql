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
