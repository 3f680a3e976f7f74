{#
    When an invoice was paid: the first day on which payments, with the cash discounts taken
    in them, reach what the partner owes. That is the total with tax where the ERP delivers
    it, so that a partial payment settles nothing; else the net amount, the best that is
    known. A cent that is missing is rounding. Discounts are before tax, and so are brought
    to the invoice's tax.
#}
{% macro invoices_settled() -%}
    select
        invoice_number,
        min(case when settled_so_far_amount >= owed_amount - 0.01 then payment_date end)
            as settled_date,
        max(payment_date) as last_payment_date
    from (
        select
            owed.invoice_number,
            owed.owed_amount,
            payments.payment_date,
            sum(
                payments.paid_amount
                + coalesce(
                    {{ to_the_cent(
                        divide(
                            wide('payments.cash_discount_amount')
                            ~ ' * owed.total_amount',
                            'owed.total_amount - owed.tax_amount'
                        )
                    ) }},
                    0
                )
            ) over (
                partition by owed.invoice_number
                order by payments.payment_date, payments.payment_number
                rows between unbounded preceding and current row
            ) as settled_so_far_amount
        from (
            select
                documents.invoice_number,
                coalesce(receivables.document_total_amount, documents.net_amount)
                    as owed_amount,
                receivables.document_total_amount as total_amount,
                receivables.document_tax_amount as tax_amount
            from (
                select
                    invoice_number,
                    sum(document_net_amount) as net_amount
                from {{ ref('fct_sell_in') }}
                where invoice_type = 'invoice'
                group by invoice_number
            ) as documents
            left join {{ ref('fct_receivables') }} as receivables
                on documents.invoice_number = receivables.invoice_number
        ) as owed
        inner join {{ ref('stg_erp__payments') }} as payments
            on owed.invoice_number = payments.invoice_number
    ) as settling
    group by invoice_number
{%- endmacro %}
