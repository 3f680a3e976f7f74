{#
    When payments settle what is owed.
#}

{#
    What payments up to the as-of day take off each document that they name, and the day from
    which it stays settled: a payment that bounces opens it again, and a cent that is missing
    is rounding. A cash discount taken, with its tax, is as good as money.
    `owed` has invoice_number, owed_amount in currency_code, and company_owed_amount, the
    same in the company's currency. Amounts come in the document's currency: a payment in
    another one counts at the document's rate; without a rate it may have settled all of it,
    and the amounts are NULL.
#}
{% macro settled_by_payments(owed) -%}
    select
        invoice_number,
        case when count(paid_amount) = count(*) then sum(paid_amount) end as paid_amount,
        case when count(settled_amount) = count(*) then sum(settled_amount) end
            as settled_amount,
        min(case when most_open_since_amount <= 0.01 then payment_date end)
            as settled_date,
        max(payment_date) as last_payment_date
    from (
        select
            *,
            max(open_amount) over (
                partition by invoice_number
                order by payment_date, payment_number
                rows between current row and unbounded following
            ) as most_open_since_amount
        from (
            select
                *,
                case when owed_amount < 0 then -1 else 1 end
                * (
                    owed_amount
                    - sum(settled_amount) over (
                        partition by invoice_number
                        order by payment_date, payment_number
                        rows between unbounded preceding and current row
                    )
                ) as open_amount
            from (
                select
                    owed.invoice_number,
                    owed.owed_amount,
                    payments.payment_number,
                    payments.payment_date
                    {%- for column in ['paid_amount', 'settled_amount'] %},
                    case
                        when payments.document_currency_code = owed.currency_code
                            then payments.document_{{ column }}
                        else {{
                            to_the_cent(
                                divide(
                                    ['payments.' ~ column, 'owed.owed_amount'],
                                    'owed.company_owed_amount'
                                )
                            )
                        }}
                    end as {{ column }}
                    {%- endfor %}
                from {{ owed }} as owed
                inner join {{ ref('fct_payments') }} as payments
                    on owed.invoice_number = payments.invoice_number
                where payments.payment_date <= {{ as_of_date() }}
            ) as taken_off
        ) as opened
    ) as standing
    group by invoice_number
{%- endmacro %}

{# The invoices of `lines`, a relation with all of their lines, one row each. #}
{% macro invoices_of(lines) -%}
    select
        invoice_number,
        min(partner_code) as partner_code,
        min(invoice_date) as invoice_date,
        min(due_date) as due_date,
        min(document_currency_code) as currency_code,
        {{ amount('sum(document_net_amount)') }} as document_net_amount,
        {{ amount('sum(net_amount)') }} as net_amount
    from {{ lines }}
    where invoice_type = 'invoice' and invoice_date <= {{ as_of_date() }}
    group by invoice_number
{%- endmacro %}

{#
    The same for `invoices` as `invoices_of` gives them. Owed is the total with tax where the
    ERP delivers it, so that a partial payment settles nothing; else the net amount, the best
    that is known.
#}
{% macro invoices_settled(invoices) -%}
    {%- set owed -%}
        (
            select
                invoices.invoice_number,
                invoices.currency_code,
                coalesce(receivables.document_total_amount, invoices.document_net_amount)
                    as owed_amount,
                coalesce(receivables.total_amount, invoices.net_amount)
                    as company_owed_amount
            from {{ invoices }} as invoices
            left join {{ ref('fct_receivables') }} as receivables
                on invoices.invoice_number = receivables.invoice_number
        )
    {%- endset %}
    {{ settled_by_payments(owed) }}
{%- endmacro %}

{#
    Invoices whose account can be held against that of the ledger (CTEs `payments` and
    `lines`): the ERP knows both of its sides, or the ledger books none but our documents.
#}
{% macro comparable_receivables() -%}
    select * from {{ ref('fct_receivables') }}
    where
        invoice_date <= {{ as_of_date() }}
        and (
            exists (select 1 from payments)
            or not exists (
                select 1
                from lines
                left join {{ ref('fct_receivables') }} as documents
                    on lines.piece_reference = documents.invoice_number
                where
                    lines.account_class_code = 'receivable'
                    and documents.invoice_number is null
            )
        )
{%- endmacro %}
