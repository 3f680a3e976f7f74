"""The quantities of blocks: which figure each is, totals beside their parts, and pairs of stores (SDQ).

What belongs here: choosing and adding quantities so that none counts twice. What does not: cutting blocks
(`blocks`), and where a value stands in its segment (`cells`).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.feeds.edi.controls import Kind, number_of, shown
from connectors.feeds.edi.messages import FIGURES
from connectors.feeds.edi.positions import Positions, last_before
from connectors.feeds.edi.segments import COMPONENT, ELEMENT
from connectors.feeds.table import quoted

if TYPE_CHECKING:
    from connectors.feeds.edi.blocks import Blocks

_FAULTS: Final = (None, "ambiguous_quantity", "unknown_qualifier", "unknown_transfer", "total_differs")
_AMBIGUOUS, _UNKNOWN, _TRANSFER, _DIFFERS = 1, 2, 3, 4
_NUMBERS: Final = {
    **{name: i for i, name in enumerate(FIGURES)},
    "other": -1,
    "unknown": -2,
    "fault": -3,
    "unread": -4,
}


class Figures:
    """The figures of the blocks of one run.

    `columns` gives by figure the segment of each block as text; `faults` the reason, or None, of each block.
    """

    def __init__(self, blocks: Blocks) -> None:
        count = len(blocks.block_group)
        self._blocks = blocks
        self._reader = blocks.reader
        self._grammar = blocks.grammar
        self._quantities = blocks.quantities
        self._meaning = np.full(len(self._quantities), -1, np.int64)
        self._pairs = blocks.within(blocks.run.at(self._grammar.pairs))
        self._pairs_quantity = np.full(len(self._pairs), -1, np.int64)
        self._fault = np.zeros(count, np.int8)
        self._other, self._unknown, self._spread = (np.zeros(count, np.bool_) for _ in range(3))
        self.columns: dict[str, pa.StringArray] = {name: pa.nulls(count, pa.string()) for name in FIGURES}
        self.has_any = np.zeros(count, np.bool_)
        if len(self._quantities):
            self._read()
        self._fault[self._unknown & ~self.has_any & (self._fault == 0)] = _UNKNOWN

    @property
    def faults(self) -> pa.StringArray:
        """Why a block is faulty, by its code."""
        return pa.array(_FAULTS, pa.string()).take(pa.array(self._fault.astype(np.int64)))

    @property
    def are_sound(self) -> npt.NDArray[np.bool_]:
        sound: npt.NDArray[np.bool_] = self._fault == 0
        return sound

    @property
    def are_others(self) -> npt.NDArray[np.bool_]:
        """Blocks that hold quantities, and none of ours."""
        return self._other & ~self.has_any

    @property
    def are_spread(self) -> npt.NDArray[np.bool_]:
        """Blocks all of whose quantities are spread over stores by SDQ: they have no row of their own."""
        return self._spread & ~self.has_any

    def _read(self) -> None:
        blocks, positions = self._blocks, self._quantities
        count = len(blocks.block_group)
        codes, names = blocks.qualifiers(positions)
        meanings = self._meaning = self._meanings(codes, names)
        block = blocks.block_of(positions)
        self._add_up(meanings)
        is_spread = self._find_spread()
        self._unknown[block[meanings == _NUMBERS["unknown"]]] = True
        self._other[block[_is_none_of_ours(meanings)]] = True
        self._note_unread(codes, names)
        self._fault[block[meanings == _NUMBERS["fault"]]] = _TRANSFER
        self._spread[block[is_spread]] = True
        for index, name in enumerate(FIGURES):
            mine = (meanings == index) & ~is_spread
            if not mine.any():
                continue
            own = np.full(count, -1, np.int64)
            own[block[mine]] = positions[mine]
            texts = blocks.take(own)
            counts = np.bincount(block[mine], minlength=count)
            if (counts > 1).any():
                texts = self._merge(texts, positions[mine], block[mine], codes[mine], counts > 1, name)
            self.columns[name] = texts
            self.has_any |= own >= 0

    def _add_up(self, meanings: Positions) -> None:
        """Add the quantities to the totals of their messages: each distinct number is read once."""
        if not self._reader.controls.are_asked("hash_totals"):
            return
        blocks = self._blocks
        texts = self._values(self._quantities).dictionary_encode()
        numbers = [number_of(text) or Decimal(0) for text in texts.dictionary.to_pylist()]
        digits = [int("".join(filter(str.isdecimal, text)) or 0) for text in texts.dictionary.to_pylist()]
        message = blocks.messages_of(self._quantities)
        is_returned = (meanings == FIGURES.index("returned_quantity")).astype(np.int64)
        code = texts.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        keys, counts = np.unique((message * len(numbers) + code) * 2 + is_returned, return_counts=True)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            index, value = divmod(key // 2, len(numbers))
            if index < 0:
                continue
            total = self._reader.messages[index]
            total.quantity_total += count * numbers[value]
            total.returned_total += count * numbers[value] if key % 2 else 0
            total.digit_total += count * digits[value]

    def _note_unread(self, codes: Positions, names: list[str]) -> None:
        """Tell the reader of quantities that only the standard knows, in messages that bring rows."""
        unread = np.flatnonzero(self._meaning == _NUMBERS["unread"])
        if len(unread) == 0:
            return
        # The last stands for lines outside of all messages.
        brings = np.array([*(m.brings_rows for m in self._reader.messages), False])
        unread = unread[brings[self._blocks.messages_of(self._quantities[unread])]]
        kinds, firsts, counts = np.unique(codes[unread], return_index=True, return_counts=True)
        segments = self._blocks.run.numbers[self._quantities[unread[firsts]]]
        for kind, segment, count in zip(kinds.tolist(), segments.tolist(), counts.tolist(), strict=True):
            self._reader.note_unread(names[kind], segment, count)

    def _values(self, positions: Positions) -> pa.StringArray:
        """The texts of the numbers that quantity segments hold; '' where they hold none."""
        mark = COMPONENT if self._grammar.composite else ELEMENT
        stop = f"[^{ELEMENT}{COMPONENT}]*"
        pattern = f"^[^{ELEMENT}]*{ELEMENT}{stop}{mark}(?P<value>{stop})"
        found = pc.extract_regex(self._blocks.texts.take(pa.array(positions)), pattern).field("value")
        return pc.fill_null(found, "")

    def leave_out_totals(self) -> npt.NDArray[np.bool_]:
        """Blocks without store beside blocks of the same line with stores: totals of those.

        They are held against the sum of the others.
        """
        blocks = self._blocks
        count = len(blocks.block_group)
        if self._reader.settings.total_beside_stores == "keep" or len(blocks.stores) == 0:
            return np.zeros(count, np.bool_)
        has_store = blocks.store_of_block >= 0
        group_has = np.zeros(len(blocks.starts), np.bool_)
        group_has[blocks.block_group[has_store]] = True
        is_total: npt.NDArray[np.bool_] = ~has_store & group_has[blocks.block_group]
        if is_total.any() and self._reader.controls.are_asked("store_totals"):
            self._check_stores(is_total)
        return is_total

    def _check_stores(self, is_total: npt.NDArray[np.bool_]) -> None:
        blocks = self._blocks
        of_total = np.zeros(len(blocks.starts), np.bool_)
        of_total[blocks.block_group[is_total]] = True
        concerned = np.flatnonzero(of_total[blocks.block_group])
        groups = blocks.block_group[concerned]
        for name in FIGURES:
            texts = self.columns[name].take(pa.array(concerned))
            if texts.null_count == len(texts):
                continue
            numbers = [_number_in(text, self._grammar.composite) for text in texts.to_pylist()]
            stated: dict[int, Decimal] = {}
            found: dict[int, Decimal | None] = {}
            for group, total, number, text in zip(
                groups.tolist(),
                is_total[concerned].tolist(),
                numbers,
                texts.is_valid().to_pylist(),
                strict=True,
            ):
                if total and number is not None:
                    stated[group] = stated.get(group, Decimal(0)) + number
                elif text and not total:
                    # A quantity that is no number makes its sum unknown; its row is faulty anyway.
                    before = found.get(group, Decimal(0))
                    found[group] = None if before is None or number is None else before + number
            for group, total in stated.items():
                parts = found.get(group)
                if parts is None:
                    continue
                segment = int(blocks.run.numbers[blocks.starts[group]])
                if not self._holds("store_totals", segment, name, total, parts):
                    self._fault[blocks.block_group == group] = _DIFFERS

    def _holds(self, kind: Kind, segment: int, figure: str, stated: Decimal, found: Decimal) -> bool:
        what = f"the total of {figure}"
        tag = next(iter(self._grammar.quantity))
        return self._reader.controls.holds(kind, segment, tag, what, shown(stated), (shown(found),))

    def _meanings(self, codes: Positions, names: list[str]) -> Positions:
        meaning = self._reader.family.quantity_meaning
        if self._grammar.groups == self._grammar.lines:
            table = np.array([_NUMBERS[meaning(name, None)] for name in names], np.int64)
            return table[codes]
        blocks = self._blocks
        group_codes, group_names = blocks.qualifiers(blocks.starts)
        table = np.array(
            [[_NUMBERS[meaning(name, kind)] for kind in group_names] for name in names], np.int64
        )
        return table[codes, group_codes[blocks.group_of(self._quantities)]]

    def _find_spread(self) -> npt.NDArray[np.bool_]:
        """Quantities that an SDQ after them spreads over stores."""
        group_of, quantities = self._blocks.group_of, self._quantities
        before = last_before(quantities, self._pairs)
        same = group_of(quantities[np.maximum(before, 0)]) == group_of(self._pairs)
        self._pairs_quantity = np.where((before >= 0) & same, before, -1)
        spread = np.zeros(len(quantities), np.bool_)
        spread[self._pairs_quantity[self._pairs_quantity >= 0]] = True
        return spread

    def _merge(
        self,
        texts: pa.StringArray,
        positions: Positions,
        block: Positions,
        codes: Positions,
        repeated: npt.NDArray[np.bool_],
        figure: str,
    ) -> pa.StringArray:
        """Quantities of one figure that stand several times in a block: added, or the total taken."""
        several = repeated[block]
        order = np.argsort(block[several], kind="stable")
        chosen, chosen_block = positions[several][order], block[several][order]
        chosen_codes = codes[several][order]
        values = self._blocks.texts.take(pa.array(chosen)).to_pylist()
        bounds = np.flatnonzero(np.diff(chosen_block, prepend=-1))
        replaced: dict[int, str] = {}
        for low, high in zip(bounds.tolist(), [*bounds.tolist()[1:], len(values)], strict=True):
            at = int(chosen_block[low])
            segment = int(self._blocks.run.numbers[chosen[low]])
            merged = self._merge_one(values[low:high], chosen_codes[low:high].tolist(), figure, segment)
            if isinstance(merged, int):
                self._fault[at] = merged
            else:
                replaced[at] = merged
        if not replaced:
            return texts
        listed = texts.to_pylist()
        for at, text in replaced.items():
            listed[at] = text
        return pa.array(listed, pa.string())

    def _merge_one(self, segments: list[str], codes: list[int], figure: str, segment: int) -> str | int:
        """One segment in place of several of one figure, or the number of the fault."""
        composite = self._grammar.composite
        parts = [
            segment.split(ELEMENT)[1].split(COMPONENT) if composite else segment.split(ELEMENT)[1:]
            for segment in segments
        ]
        numbers: dict[int, list[Decimal]] = {}
        for code, part in zip(codes, parts, strict=True):
            try:
                value = Decimal(part[1].strip().replace(",", ".")) if len(part) > 1 else Decimal("NaN")
            except InvalidOperation:
                return segments[0]
            if not value.is_finite():
                return _AMBIGUOUS
            numbers.setdefault(code, []).append(value)
        if len({part[2] if len(part) > 2 else "" for part in parts}) > 1:
            return _AMBIGUOUS
        total = Decimal(0)
        for values in numbers.values():
            merged = self._merge_same(values, figure, segment)
            if isinstance(merged, int):
                return merged
            total += merged
        head = segments[0].split(ELEMENT)[0]
        rest = [parts[0][0], format(total, "f"), *parts[0][2:]]
        return head + ELEMENT + (COMPONENT if composite else ELEMENT).join(rest)

    def _merge_same(self, values: list[Decimal], figure: str, segment: int) -> Decimal | int:
        """One quantity in place of several under one qualifier, or the number of the fault."""
        rule = self._reader.settings.repeated_quantity
        parts = sum(values[1:], Decimal(0))
        # One part equal to its total is two equal sales as well: only of a stock can it be said.
        shortest = 2 if figure == "on_hand_quantity" else 3
        if len(values) == 1:
            return values[0]
        if rule == "sum":
            return values[0] + parts
        if rule == "first":
            if len(values) < shortest or self._holds("part_totals", segment, figure, values[0], parts):
                return values[0]
            return _DIFFERS
        if len(values) >= shortest and values[0] == parts:
            return values[0]
        return _AMBIGUOUS

    def insert_pairs(self, rows: pa.Table, unnamed: pa.StringArray) -> None:
        """Add a row for each pair of store and quantity; `rows` are the blocks', faults of products too."""
        blocks, run, texts = self._blocks, self._blocks.run, self._blocks.texts
        valid = self._pairs_quantity >= 0
        pairs, stray = self._pairs[valid], self._pairs[~valid]
        for number, text in zip(
            run.numbers[stray].tolist(), texts.take(pa.array(stray)).to_pylist(), strict=True
        ):
            self._reader.add_out_of_place(number, text)
        if len(pairs) == 0:
            return
        quantity = self._pairs_quantity[valid]
        meaning = self._meaning[quantity]
        differs = np.isin(quantity, self._check_pairs(quantity, pairs, meaning))
        block = blocks.block_of(self._quantities[quantity])
        figure = pa.array([*FIGURES, None], pa.string()).take(
            pa.array(np.where(meaning >= 0, meaning, len(FIGURES)))
        )
        segments = texts.take(pa.array(pairs))
        mine = rows.take(pa.array(block))
        empty = pa.nulls(len(block), pa.string())
        fault = np.where(meaning == _NUMBERS["unknown"], _UNKNOWN, np.where(differs, _DIFFERS, 0))
        is_skipped = pa.array(_is_none_of_ours(meaning))
        faults = pa.array(_FAULTS, pa.string()).take(pa.array(fault))
        faults = pc.if_else(is_skipped, faults, pc.coalesce(faults, unnamed.take(pa.array(block))))
        columns = {
            **{name: mine.column(name) for name in mine.column_names},
            **dict.fromkeys((*FIGURES, "store_segment", "amount"), empty),
            "price": self._price_of_pairs(mine),
            "number": pa.array(run.numbers[pairs]),
            "fault": faults,
            "fault_text": pc.if_else(pc.is_valid(faults), segments, pa.scalar(None, pa.string())),
            "is_skipped": is_skipped,
            "pairs": segments,
            "pairs_figure": figure,
        }
        self._reader.insert(pa.table(columns))

    def _price_of_pairs(self, rows: pa.Table) -> pa.Array:
        """The price of a unit holds in each store; an amount or a price of the line says nothing of one."""
        if self._reader.settings.price_basis != "unit":
            return pa.nulls(len(rows), pa.string())
        has_amount = pc.not_equal(pc.fill_null(rows.column("amount"), ""), "")
        return pc.if_else(has_amount, pa.scalar(None, pa.string()), rows.column("price"))

    def _check_pairs(self, quantity: Positions, pairs: Positions, meaning: Positions) -> Positions:
        """Hold quantities against the sum of the pairs they are spread over; those to quarantine."""
        if not self._reader.controls.are_asked("store_totals"):
            return quantity[:0]
        blocks = self._blocks
        stated = self._values(self._quantities[quantity])
        is_ours = pa.array(meaning >= 0)
        rows = pa.table(
            {
                "quantity": pa.array(quantity),
                "stated": pc.if_else(is_ours, stated, pa.scalar("")),
                "pairs": blocks.texts.take(pa.array(pairs)),
            }
        )
        connection = self._reader.connection
        connection.register("spread", rows)
        found = connection.execute(_PAIR_SUMS).fetchall()
        connection.unregister("spread")
        differing = []
        for index, total, parts in found:
            figure = FIGURES[self._meaning[index]]
            segment = int(blocks.run.numbers[self._quantities[index]])
            if not self._holds("store_totals", segment, figure, total, parts):
                differing.append(index)
        return np.array(differing, np.int64)


def _is_none_of_ours(meanings: Positions) -> npt.NDArray[np.bool_]:
    return np.isin(meanings, (_NUMBERS["other"], _NUMBERS["unread"]))


_PAIR_SUMS: Final = f"""
    with cut as (select quantity, stated, string_split(pairs, {quoted(ELEMENT)}) as cells from spread),
    read as (
        select quantity, try_cast(nullif(trim(stated), '') as decimal(18, 4)) as stated,
               list_transform(
                   range(5, least(len(cells), 23) + 1, 2), lambda i: try_cast(cells[i] as decimal(18, 4))
               ) as numbers
        from cut
    )
    select quantity, any_value(stated) as total, sum(list_sum(numbers)) as found
    from read group by quantity
    having any_value(stated) is not null and bool_and(list_count(numbers) = len(numbers))
       and sum(list_sum(numbers)) is not null
    order by quantity
"""
"""The quantities that are numbers, and the sums of their pairs where all of these are."""


def _number_in(text: str | None, composite: bool) -> Decimal | None:
    """The number that a quantity segment holds."""
    if text is None:
        return None
    parts = text.split(ELEMENT)[1].split(COMPONENT) if composite else text.split(ELEMENT)[1:]
    return number_of(parts[1]) if len(parts) > 1 else None
