{#
    Reductions on the invoice, attributed in the order contract, promotion, exception.
#}

{#
    What of a reduction an allowed amount covers, with the sign of the line: `direction` is
    1 or -1. What exceeds it by no more than `rounding` is rounding.
#}
{% macro reduction_taken(given, allowed, rounding) -%}
    {{ amount(
        'direction * case '
        ~ 'when ' ~ given ~ ' is null then null '
        ~ 'when direction * ' ~ given ~ ' <= 0 then 0 '
        ~ 'when direction * ' ~ given
        ~ ' <= greatest(direction * coalesce(' ~ allowed ~ ', 0), 0) + ' ~ rounding ~ ' '
        ~ 'then direction * ' ~ given ~ ' '
        ~ 'else greatest(direction * coalesce(' ~ allowed ~ ', 0), 0) end'
    ) }}
{%- endmacro %}

{#
    What rounding alone makes of a reduction: a cent of the ERP; on a line in another
    currency a cent of that currency, and one of ours by converting it. `rates` has the
    line's rate.
#}
{% macro reduction_rounding(document_currency_code, rates) -%}
    case
        when {{ document_currency_code }} = {{ company_currency() }} then 0.01
        else 0.01 + coalesce(
            {{
                divide(
                    ['0.01', rates ~ '.company_per_euro'], rates ~ '.currency_per_euro'
                )
            }},
            0
        )
    end
{%- endmacro %}
