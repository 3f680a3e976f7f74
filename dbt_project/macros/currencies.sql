{#
    Amounts in the company's currency. `rates` is dim_exchange_rates, joined on the
    currency and the day of the document; it has no row for the company's own currency.
#}

{# The currency of every amount that is not named `document_`. #}
{% macro company_currency() -%}
    cast('{{ env_var("AVAL_CURRENCY", "EUR") if execute else "EUR" }}' as string)
{%- endmacro %}

{# NULL where the day has no rate: an amount is never taken at 1. #}
{% macro in_company_currency(document_amount, lines) -%}
    case
        when {{ lines }}.currency_code = {{ company_currency() }}
            then {{ amount(document_amount) }}
        else {{
            divide(
                [document_amount, 'rates.company_per_euro'],
                'rates.currency_per_euro'
            )
        }}
    end
{%- endmacro %}

{# Why an amount of the document has no amount in the company's currency. #}
{% macro amount_reason(document_amount, lines) -%}
    case
        when
            {{ document_amount }} is not null
            and {{ lines }}.currency_code is distinct from {{ company_currency() }}
            and rates.currency_per_euro is null
            then 'rate_missing'
    end
{%- endmacro %}

{#
    A dated price in the company's currency, at the rate of the line. A price in a currency
    that is neither the company's nor the line's is not known: there is no rate for it.
#}
{% macro price_in_company_currency(prices, lines) -%}
    case
        when {{ prices }}.currency_code = {{ company_currency() }}
            then {{ amount(prices ~ '.unit_price_amount') }}
        when {{ prices }}.currency_code = {{ lines }}.currency_code
            then {{
                divide(
                    wide(prices ~ '.unit_price_amount') ~ ' * ' ~ lines
                    ~ '.company_per_euro',
                    lines ~ '.currency_per_euro'
                )
            }}
    end
{%- endmacro %}
