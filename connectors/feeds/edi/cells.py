"""From the segments of a row to its canonical cells, in SQL.

What belongs here: where a number, a unit, a store or an amount stands in the segments of a row, its sign, and
the pairs of an SDQ. What does not: which segments make a row (`blocks`).
"""

from __future__ import annotations

from typing import Final

from connectors.feeds.edi.messages import FIGURES, Grammar
from connectors.feeds.edi.segments import COMPONENT, ELEMENT
from connectors.feeds.profile import X12, Edi
from connectors.feeds.table import quoted

CELLS: Final = (
    "sold_quantity",
    "returned_quantity",
    "on_hand_quantity",
    "in_transit_quantity",
    "net_amount",
    "currency_code",
    "unit_code",
    "store_code",
    "store_name",
    "store_address",
    "store_city",
    "postal_code",
    "period",
    "sale_date",
    "gtin",
    "product_code",
    "partner_product_code",
    "product_label",
    "transaction_id",
)

_PLACE: Final = ("store_name", "store_address", "store_city", "postal_code")
ROW_TEXTS: Final = (
    "part",
    "store_segment",
    "store",
    "period",
    "sale_date",
    "currency",
    "gtin",
    "product_code",
    "partner_product_code",
    "label",
    *FIGURES,
    "amount",
    "price",
    "reference",
    "transaction",
    "pairs",
    "pairs_figure",
)


def cell_sql(grammar: Grammar, settings: Edi, marks: str) -> str:
    """SQL: canonical cells of rows whose segments are texts yet."""
    e, c = quoted(ELEMENT), quoted(COMPONENT)

    def element(text: str, position: int) -> str:
        return f"split_part({text}, {e}, {position + 1})"

    def component(text: str, position: int) -> str:
        return f"split_part({element(text, 1)}, {c}, {position})"

    def words(text: str, position: int) -> str:
        return f"replace({element(text, position)}, {c}, ' ')"

    def number(text: str) -> str:
        plain = f"nullif(trim({text}), '')"
        if marks == ".":
            return plain
        if marks == ",":
            return (
                f"case when contains({text}, '.') then {plain} || ' (the decimal mark is a comma)' "
                f"else replace({plain}, ',', '.') end"
            )
        return f"replace({plain}, ',', '.')"

    if grammar.composite:
        # LOC+162+code:::name, or NAD+SN+code++name+street+city+region+postal code.
        is_party = f"starts_with(upper(store_segment), {quoted('NAD' + ELEMENT)})"
        code = f"split_part({element('store_segment', 2)}, {c}, 1)"
        name = f"case when {is_party} then {words('store_segment', 4)} else "
        name += f"split_part({element('store_segment', 2)}, {c}, 4) end"
        place = {
            "store_address": f"case when {is_party} then {words('store_segment', 5)} end",
            "store_city": f"case when {is_party} then {element('store_segment', 6)} end",
            "postal_code": f"case when {is_party} then {element('store_segment', 8)} end",
        }
        values = {name: component(name, 2) for name in FIGURES}
        units = [component(name, 3) for name in FIGURES]
        amount, price, basis = component("amount", 2), component("price", 2), component("price", 5)
        amount_currency = component("amount", 3)
        reference = component("reference", 2)
    else:
        code, name = element("store_segment", 4), element("store_segment", 2)
        # N1*ST*name*qualifier*code, with N3 and N4 behind it.
        places_at = {"store_address": 7, "store_city": 8, "postal_code": 10}
        place = {name: element("store_segment", position) for name, position in places_at.items()}
        values = {name: element(name, 2) for name in FIGURES}
        units = [f"split_part({element(name, 3)}, {c}, 1)" for name in FIGURES]
        amount, basis, amount_currency = element("amount", 2), "''", "''"
        if grammar.price_basis:
            codes = " ".join(
                f"when {quoted(code)} then {quoted(str(units))}"
                for code, units in grammar.price_basis.items()
            )
            is_unit = f"starts_with(price, {quoted('UIT' + ELEMENT)})"
            code_at = f"case when {is_unit} then {element('price', 3)} else {element('price', 9)} end"
            basis = f"case upper(trim({code_at})) {codes} end"
            if isinstance(settings, X12) and settings.ctp_quantity == "basis":
                of_many = f"nullif(nullif(trim({element('price', 4)}), ''), '0')"
                basis = f"case when {is_unit} then {basis} else coalesce({of_many}, {basis}) end"
        arms = " ".join(
            f"when starts_with(price, {quoted(tag + ELEMENT)}) then {element('price', position)}"
            for tag, position in grammar.price.items()
        )
        price = f"case {arms} end"
        reference = element("reference", 2)
    unit = "coalesce(" + ", ".join(f"nullif(trim({text}), '')" for text in units) + ")"
    places = {"store_code": f"coalesce(nullif(trim({code}), ''), {name})", "store_name": name, **place}
    store = ", ".join(f"nullif(trim({text}), '') as {column}" for column, text in places.items())
    figures = ", ".join(f"{number(text)} as {name}" for name, text in values.items())
    net = "try_cast(coalesce(sold_quantity, '0') as decimal(18, 4)) - "
    net += "try_cast(coalesce(returned_quantity, '0') as decimal(18, 4))"

    def signed(text: str) -> str:
        if settings.amount_sign == "as_sent":
            return text
        is_turned = f"{net} < 0 and try_cast({text} as decimal(18, 4)) > 0"
        return f"case when {is_turned} then '-' || {text} else {text} end"

    by_unit = (
        f"coalesce(cast(cast(case when coalesce(price_basis, '1') = '1' then "
        f"cast(price_value as decimal(18, 6)) * ({net}) else "
        f"round(try_cast(price_value as double) * ({net}) / nullif(try_cast(price_basis as double), 0), 4) "
        "end as decimal(18, 4)) as varchar), price_value)"
    ).replace("cast(price_value as decimal(18, 6))", "try_cast(price_value as decimal(18, 6))")
    by_price = by_unit if settings.price_basis == "unit" else signed("price_value")
    return f"""
        insert into edi_rows
        with read as (
            select * replace (
                {figures}
            ), {number(amount)} as amount_value, {number(price)} as price_value,
            {number(basis)} as price_basis, nullif(trim({amount_currency}), '') as amount_currency,
            {unit} as unit_code, {store}, nullif(trim({reference}), '') as own_transaction
            from (
                select * replace (coalesce(nullif(store_segment, ''), store) as store_segment) from incoming
            )
        ),
        paired as (
            select * exclude (pairs), pairs,
                   unnest(case when pairs is null then [0] else range(
                       4, case when {_PAIRS_LENGTH} = 24 then 24 else {_PAIRS_LENGTH} + 1 end, 2
                   ) end) as pair
            from read
        ),
        spread as (
            select * replace (
                case when pair > 0 then nullif(trim(split_part(pairs, {e}, cast(pair as integer))), '')
                     else store_code end as store_code,
                {", ".join(f"case when pair = 0 then {name} end as {name}" for name in _PLACE)},
                case when pair > 0 then nullif(trim(split_part(pairs, {e}, 2)), '') else unit_code end
                as unit_code,
                case when pair > 0 then 'SDQ' || lpad(cast(pair - 1 as varchar), 2, '0') else '' end as part,
                {", ".join(_pair_figure(name) for name in FIGURES)}
            )
            from paired
        )
        select number, part, message, fault, fault_text, is_skipped, sold_quantity, returned_quantity,
               on_hand_quantity, in_transit_quantity,
               case when sold_quantity is null and returned_quantity is null then null
                    when amount_value is not null then {signed("amount_value")}
                    when price_value is not null then {by_price} end,
               coalesce(amount_currency, currency), unit_code, store_code, {", ".join(_PLACE)}, period,
               sale_date, gtin, product_code, partner_product_code, label,
               coalesce(own_transaction, transaction)
        from spread
        where pair = 0 or store_code is not null or sold_quantity is not null
           or returned_quantity is not null or on_hand_quantity is not null
           or in_transit_quantity is not null
    """


_PAIRS_LENGTH: Final = f"len(string_split(pairs, {quoted(ELEMENT)}))"


def _pair_figure(name: str) -> str:
    value = f"nullif(trim(split_part(pairs, {quoted(ELEMENT)}, cast(pair + 1 as integer))), '')"
    return (
        f"case when pair > 0 and pairs_figure = {quoted(name)} then {value} "
        f"when pair > 0 then null else {name} end as {name}"
    )
