{#
    Spreading an amount over those that carry it, without losing a cent: each gets its
    share by weight rounded down to the cent, and the cents that are left go one each to
    the largest remainders, of equal ones to the first in `tie` (a column, unique within
    `whole`). Whatever the order of the rows, the result is the same.

    `carriers` has one row per carrier: `whole` names what is spread, `cents` its amount
    in whole cents (the same in all rows of a whole), `weight` a number; single ones may
    be negative, their sum is above 0. It is added up here unless the carriers have it as
    whole_weight (`is_weighed`). Gives the columns of `carriers` with share_cents beside
    them.

    The quotients are doubles: a division of 128-bit integers takes a hundred times as
    long. A hair is taken off each, so that none falls on the upper side of a whole cent;
    one that falls short leaves a remainder that gets that very cent back, so the sum is
    exact whatever they are. Remainders are whole numbers, by multiplication: as doubles,
    equal ones would be told apart by their last bit.
#}
{% macro spread(carriers, whole, cents, weight, tie, is_weighed=false) -%}
    select
        floored.*,
        sign({{ cents }}) * (
            floored_cents + case when remainder_rank <= left_over_cents then 1 else 0 end
        ) as share_cents
    from (
        select
            quotas.*,
            cast(floor(quota) as bigint) as floored_cents,
            abs({{ cents }})
            - sum(cast(floor(quota) as bigint)) over (partition by {{ whole }})
                as left_over_cents,
            row_number() over (
                partition by {{ whole }}
                order by
                    cast(abs({{ cents }}) as decimal(19, 0))
                    * cast({{ weight }} as decimal(18, 4))
                    - cast(floor(quota) as decimal(19, 0)) * whole_weight desc,
                    {{ tie }}
            ) as remainder_rank
        from (
            select
                weighed.*,
                abs(cast({{ cents }} as double))
                * cast({{ weight }} as double)
                / cast(whole_weight as double)
                - 0.0000001 as quota
            {% if is_weighed -%}
            from {{ carriers }} as weighed
            {%- else -%}
            from (
                select
                    carriers.*,
                    cast(
                        sum({{ weight }}) over (partition by {{ whole }})
                        as decimal(19, 4)
                    ) as whole_weight
                from {{ carriers }} as carriers
            ) as weighed
            {%- endif %}
        ) as quotas
    ) as floored
{%- endmacro %}

{# An amount rounded to the cent, half away from zero. #}
{% macro to_the_cent(expression) -%}
    cast(cast({{ expression }} as decimal(18, 2)) as decimal(18, 4))
{%- endmacro %}

{# An amount that is exact to the cent as whole cents, and back. #}
{% macro as_cents(expression) -%}
    cast(cast({{ expression }} as decimal(18, 2)) * 100 as bigint)
{%- endmacro %}

{% macro from_cents(expression) -%}
    {{ amount('cast(' ~ expression ~ ' as decimal(16, 0)) * cast(0.01 as decimal(2, 2))') }}
{%- endmacro %}

{# Costs of a scope beside each line that carries them: those equal in `columns`. #}
{% macro carried_by(scope, lines, columns) -%}
    select
        costs.cost_number,
        costs.cost_cents,
        costs.allocation_key_code,
        carrying.invoice_line_id,
        carrying.invoice_number,
        carrying.order_number,
        carrying.partner_code,
        carrying.channel_code,
        carrying.product_code,
        carrying.net_amount,
        carrying.sold_quantity
    from costs
    inner join {{ lines }} as carrying
        on
            {% for column in columns -%}
                {% if not loop.first %}and {% endif %}costs.{{ column }} = carrying.{{ column }}
            {% endfor %}
    where
        costs.scope_code = '{{ scope }}'
        and costs.cost_cents is not null
        and coalesce(costs.product_code, carrying.product_code) = carrying.product_code
{%- endmacro %}

{# The sum of steps of the margin over lines; NULL where none of them is connected. #}
{% macro sum_of_steps(steps) -%}
    case
        when
            coalesce(
                {%- for step in steps %}
                sum({{ step }}_amount){{ ',' if not loop.last }}
                {%- endfor %}
            ) is not null
            then {% for step in steps -%}
                coalesce(sum({{ step }}_amount), 0){{ ' + ' if not loop.last }}
            {%- endfor %}
    end
{%- endmacro %}
