{#
    Reductions on the invoice, attributed in the order contract, promotion, exception.
#}

{#
    What of a reduction an allowed amount covers, with the sign of the line: `direction` is
    1 or -1. A cent more than allowed is rounding of the ERP.
#}
{% macro reduction_taken(given, allowed) -%}
    {{ amount(
        'direction * case '
        ~ 'when ' ~ given ~ ' is null then null '
        ~ 'when direction * ' ~ given ~ ' <= 0 then 0 '
        ~ 'when direction * ' ~ given
        ~ ' <= greatest(direction * coalesce(' ~ allowed ~ ', 0), 0) + 0.01 '
        ~ 'then direction * ' ~ given ~ ' '
        ~ 'else greatest(direction * coalesce(' ~ allowed ~ ', 0), 0) end'
    ) }}
{%- endmacro %}
