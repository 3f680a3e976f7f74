"""How alike a partner's description and our products are: a score from 0 to 1, and its reasons.

    score = words x sizes x pack, and less where a second product is as near

- `words`: shared words by their rarity (a word's first letters count, so that abbreviations meet), and the
  spelling of all words together;
- `sizes`: the numbers in both descriptions. A contradiction costs most of the score: DN15 is not DN20;
- `pack`: "boîte de 10", "x6", "100 pcs" must be a packing that the product has, and then gives the unit.

Only products that share one of a description's rarest words, or a word together with a number, are compared:
what is scored grows with the descriptions, not with the product of both lists. What belongs here: the score.
What does not: where descriptions come from, and what a person makes of the proposals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from rapidfuzz import fuzz, process

DEFAULT_THRESHOLD: Final = 0.75
"""Below it nothing is proposed: measured on the sample company, see docs/matching.md."""
KEPT: Final = 3
"""Proposals per reported code: the best, and others a person may choose instead."""

_COMPARED: Final = 40
_BLOCK_SIZE: Final = 1000
_PREFIX: Final = 3
_TIE: Final = 0.03
_TIE_FACTOR: Final = 0.85
_STOP_WORDS: Final = (
    "de",
    "du",
    "des",
    "la",
    "le",
    "les",
    "en",
    "et",
    "pour",
    "of",
    "the",
    "for",
    "with",
    "and",
    "mm",
    "cm",
)
_PACK_WORDS: Final = (
    "lot de|lots de|boite de|boites de|bte de|bte|bt|carton de|ctn|sachet de|sac de|paquet de|pqt de|pqt|"
    "colis de|par|pack of|pack de|pack|box of|set of|case of|bag of"
)
_AFTER: Final = r"(?:$|[^\d.,/x])"
_PACKS: Final = (
    rf"\b(?:{_PACK_WORDS}) ?(\d{{1,5}}){_AFTER}",
    r"(?:^|[^\d.,/])(\d{1,5}) ?(?:pcs|pces|pc|pieces|piece|unites|units)\b",
    # 'x 10' after a word is a pack; after a number it is a second dimension.
    rf"(?:^|[a-z)] )x ?(\d{{1,5}}){_AFTER}",
)

ITEMS: Final = pa.schema(
    [
        ("partner_code", pa.string()),
        ("reported_code", pa.string()),
        ("reported_label", pa.string()),
        ("unit_price", pa.float64()),
    ]
)
"""What has to be matched; `unit_price` is the partner's mean price of one of its units, or NULL."""
PRODUCTS: Final = pa.schema(
    [("product_code", pa.string()), ("product_name", pa.string()), ("list_price", pa.float64())]
)
UNITS: Final = pa.schema(
    [("product_code", pa.string()), ("unit_code", pa.string()), ("base_quantity", pa.float64())]
)
REJECTED: Final = pa.schema(
    [("partner_code", pa.string()), ("reported_code", pa.string()), ("product_code", pa.string())]
)
PROPOSALS: Final = pa.schema(
    [
        ("partner_code", pa.string()),
        ("reported_code", pa.string()),
        ("reported_label", pa.string()),
        ("rank", pa.int64()),
        ("product_code", pa.string()),
        ("product_name", pa.string()),
        ("unit_code", pa.string()),
        ("score", pa.float64()),
        ("reasons", pa.string()),
    ]
)


@dataclass(frozen=True)
class Weights:
    """What each finding leaves of the score; docs/matching.md gives the same table."""

    rarity: float = 0.6
    sizes_missing_on_one_side: float = 0.85
    sizes_more_in_product: float = 0.92
    sizes_more_in_label: float = 0.7
    sizes_contradict: float = 0.3
    pack_unknown: float = 0.5
    pack_in_product_only: float = 0.85


WEIGHTS: Final = Weights()


def score(items: pa.Table, products: pa.Table, units: pa.Table, rejected: pa.Table) -> pa.Table:
    """The best products for each item: one row per item and rank, with score, unit and reasons.

    Tables follow ITEMS, PRODUCTS, UNITS and REJECTED, the result PROPOSALS. What a person has rejected is
    not proposed again.
    """
    with duckdb.connect(config={"threads": 2}) as connection:
        for name, table in (
            ("items", items),
            ("products", products),
            ("units", units),
            ("rejected", rejected),
        ):
            connection.register(f"{name}_given", table)
        _describe(
            connection,
            "item",
            "select row_number() over () as id, *, reported_label as text from items_given",
        )
        _describe(
            connection,
            "product",
            "select row_number() over () as id, *, product_name as text from products_given",
        )
        _block(connection)
        _compare(connection)
        return _ranked(connection)


def _describe(connection: duckdb.DuckDBPyConnection, side: str, rows: str) -> None:
    """`<side>`: the rows with pack, numbers and words; `<side>_tokens`: words by their first letters."""
    letters = "translate(lower(strip_accents(coalesce(text, ''))), 'ø\"°', '   ')"
    plain = rf"regexp_replace({letters}, '(\d),(\d)', '\1.\2', 'g')"
    packs = ", ".join(f"nullif(regexp_extract(plain, '{pattern}', 1), '')" for pattern in _PACKS)
    bare = "plain"
    for pattern in _PACKS:
        bare = f"regexp_replace({bare}, '{pattern}', ' ', 'g')"
    stop = ", ".join(f"'{word}'" for word in _STOP_WORDS)
    connection.execute(
        f"create temp table {side} as "
        f"with plain as (select *, {plain} as plain from ({rows})), "
        f"packed as (select *, try_cast(coalesce({packs}) as double) as pack, {bare} as bare from plain) "
        "select * exclude (plain, bare), "
        r"list_sort(list_distinct(regexp_extract_all(bare, '\d+(?:[./]\d+)*'))) as numbers, "
        f"list_filter(regexp_extract_all(bare, '[a-z]+'), lambda word: word not in ({stop})) as words "
        "from packed"
    )
    connection.execute(
        f"create temp table {side}_tokens as select distinct id, left(word, {_PREFIX}) as token "
        f"from (select id, unnest(words) as word from {side})"
    )
    # A word with a number is far rarer than either.
    connection.execute(
        f"create temp table {side}_keys as select id, token from {side}_tokens union all "
        f"select tokens.id, tokens.token || ' ' || number from {side}_tokens as tokens "
        f"join (select id, unnest(numbers) as number from {side}) as numbers using (id)"
    )


def _block(connection: duckdb.DuckDBPyConnection) -> None:
    """`pairs`: for each item the products that share its rarest keys, the most promising of them."""
    connection.execute(
        "create temp table frequencies as select token, count(*) as products, "
        "ln(1 + (select count(*) from product) / count(*)) as weight from product_keys group by token"
    )
    connection.execute(
        "create temp table chosen as select id, token, weight from ("
        " select *, sum(products) over (partition by id order by products, token) as total,"
        " row_number() over (partition by id order by products, token) as place"
        " from item_keys join frequencies using (token))"
        f" where place = 1 or total <= {_BLOCK_SIZE}"
    )
    connection.execute(
        "create temp table pairs as select item_id, product_id from ("
        " select chosen.id as item_id, product_keys.id as product_id, sum(weight) as promise"
        " from chosen join product_keys using (token) group by all)"
        " qualify row_number() over (partition by item_id order by promise desc, product_id)"
        f" <= {_COMPARED}"
    )
    connection.execute(
        "delete from pairs where (item_id, product_id) in ("
        " select item.id, product.id from rejected_given as rejected"
        " join item using (partner_code, reported_code)"
        " join product on product.product_code = rejected.product_code)"
    )


def _compare(connection: duckdb.DuckDBPyConnection) -> None:
    """`compared`: the parts of each pair's score."""
    connection.execute(
        # A word that none of our products has says that the item may be something else.
        "create temp table weights as"
        " select token, coalesce(weight, (select max(weight) from frequencies)) as weight"
        " from (select distinct token from item_tokens union select distinct token from product_tokens)"
        " left join frequencies using (token)"
    )
    for side in ("item", "product"):
        connection.execute(
            f"create temp table {side}_sums as select id, sum(weight) as weight"
            f" from {side}_tokens join weights using (token) group by id"
        )
    spelled = connection.execute(
        "select item_id, product_id, array_to_string(item.words, ' ') as theirs,"
        " array_to_string(product.words, ' ') as ours from pairs"
        " join item on item.id = item_id join product on product.id = product_id order by item_id, product_id"
    ).to_arrow_table()
    spelling = process.cpdist(
        spelled["theirs"].to_pylist(),
        spelled["ours"].to_pylist(),
        scorer=fuzz.token_sort_ratio,
        dtype=np.float32,
    )
    connection.register(
        "spelling",
        pa.table(
            {
                "item_id": spelled["item_id"],
                "product_id": spelled["product_id"],
                "spelling": pa.array(spelling.astype(np.float64) / 100),
            }
        ),
    )
    w = WEIGHTS
    connection.execute(
        f"""
        create temp table compared as
        with shared as (
            select item_id, product_id, sum(weight) as weight
            from pairs
            join item_tokens on item_tokens.id = item_id
            join product_tokens on product_tokens.id = product_id and product_tokens.token = item_tokens.token
            join weights on weights.token = item_tokens.token
            group by item_id, product_id
        ),
        measured as (
            select
                item_id, product_id, item.numbers as their_numbers, product.numbers as our_numbers,
                item.pack as their_pack, product.pack as our_pack,
                coalesce(shared.weight, 0) as shared_weight,
                coalesce(shared.weight, 0) / nullif(item_sums.weight, 0) as of_item,
                2 * coalesce(shared.weight, 0) / nullif(item_sums.weight + product_sums.weight, 0) as of_both,
                spelling,
                list_intersect(item.numbers, product.numbers) as same_numbers,
                (
                    select min(unit_code) from units_given as units
                    where units.product_code = product.product_code and units.base_quantity = item.pack
                ) as pack_unit
            from pairs
            join item on item.id = item_id
            join product on product.id = product_id
            join spelling using (item_id, product_id)
            left join shared using (item_id, product_id)
            left join item_sums on item_sums.id = item_id
            left join product_sums on product_sums.id = product_id
        )
        select
            *,
            {w.rarity} * (coalesce(of_item, 0) + coalesce(of_both, 0)) / 2
                + {1 - w.rarity} * spelling as words,
            case
                when len(their_numbers) = len(our_numbers) and len(same_numbers) = len(our_numbers) then 1
                when len(their_numbers) = 0 or len(our_numbers) = 0 then {w.sizes_missing_on_one_side}
                when len(same_numbers) = len(their_numbers) then {w.sizes_more_in_product}
                when len(same_numbers) = len(our_numbers) then {w.sizes_more_in_label}
                else {w.sizes_contradict}
            end as sizes,
            case
                when their_pack is null and our_pack is null then 1
                when their_pack is not distinct from our_pack then 1
                when pack_unit is not null then 1
                when their_pack is null then {w.pack_in_product_only}
                when their_pack = 1 then 1
                else {w.pack_unknown}
            end as pack
        from measured
        """
    )


def _ranked(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """The best of each item with unit and reasons, in the order of the items."""
    is_tied = f"placed.rank = 1 and next_raw > raw - {_TIE}"
    their_pack, our_pack = (
        f"cast(cast(placed.{side}_pack as bigint) as varchar)" for side in ("their", "our")
    )
    return (
        connection.execute(
            f"""
        with scored as (
            select *, words * sizes * pack as raw from compared
        ),
        placed as (
            select
                *,
                row_number() over best as rank,
                lead(raw) over best as next_raw,
                lead(product_id) over best as next_product_id
            from scored
            window best as (partition by item_id order by raw desc, product_id)
            qualify rank <= {KEPT}
        ),
        -- One unit of the partner's costs about as much as the unit of ours that it is.
        priced as (
            select
                placed.item_id, placed.product_id, units.unit_code, units.base_quantity,
                abs(ln(item.unit_price / (product.list_price * units.base_quantity))) as distance
            from placed
            join item on item.id = placed.item_id
            join product on product.id = placed.product_id
            join units_given as units on units.product_code = product.product_code
            where item.unit_price > 0 and product.list_price > 0 and units.base_quantity > 0
            qualify row_number() over (
                partition by placed.item_id, placed.product_id order by distance, units.base_quantity
            ) = 1
        ),
        bases as (
            select product_code, min(unit_code) as unit_code
            from units_given where base_quantity = 1 group by product_code
        )
        select
            item.partner_code, item.reported_code, item.reported_label,
            placed.rank, product.product_code, product.product_name,
            coalesce(
                case when placed.our_pack is distinct from placed.their_pack then placed.pack_unit end,
                case when placed.their_pack is null then priced.unit_code end,
                bases.unit_code
            ) as unit_code,
            round(
                placed.raw * case when {is_tied} then {_TIE_FACTOR} else 1 end, 4
            ) as score,
            concat_ws('; ',
                'words ' || cast(cast(round(100 * placed.words) as integer) as varchar) || ' %',
                case
                    when len(same_numbers) > 0 and placed.sizes = 1
                        then 'same sizes ' || array_to_string(same_numbers, ', ')
                    when placed.sizes = 1 then null
                    when placed.sizes = {WEIGHTS.sizes_contradict} then
                        'sizes contradict: ' || array_to_string(their_numbers, ', ') || ' against '
                        || array_to_string(our_numbers, ', ')
                    else 'sizes differ: '
                        || coalesce(nullif(array_to_string(their_numbers, ', '), ''), 'none') || ' against '
                        || coalesce(nullif(array_to_string(our_numbers, ', '), ''), 'none')
                end,
                case
                    when placed.their_pack is not null and placed.pack = 1 then
                        'pack of ' || {their_pack}
                    when placed.their_pack is not null then
                        'no packing of ' || {their_pack}
                    when placed.pack < 1 then 'ours is a pack of ' || {our_pack}
                end,
                case when placed.their_pack is null and priced.unit_code is not null then
                    'price ' || printf('%.2f', item.unit_price) || ' against list price '
                    || printf('%.2f', product.list_price * priced.base_quantity) || ' a ' || priced.unit_code
                end,
                case when {is_tied} then 'as near: ' || next_product.product_code end
            ) as reasons
        from placed
        join item on item.id = placed.item_id
        join product on product.id = placed.product_id
        left join product as next_product on next_product.id = placed.next_product_id
        left join priced on priced.item_id = placed.item_id and priced.product_id = placed.product_id
        left join bases on bases.product_code = product.product_code
        order by placed.item_id, placed.rank
        """
        )
        .to_arrow_table()
        .cast(PROPOSALS)
    )
