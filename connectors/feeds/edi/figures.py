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

from connectors.feeds.edi.messages import FIGURES
from connectors.feeds.edi.positions import Positions, last_before
from connectors.feeds.edi.segments import COMPONENT, ELEMENT

if TYPE_CHECKING:
    from connectors.feeds.edi.blocks import Blocks

_FAULTS: Final = (None, "ambiguous_quantity", "unknown_qualifier", "unknown_transfer")
_AMBIGUOUS, _UNKNOWN, _TRANSFER = 1, 2, 3
_NUMBERS: Final = {**{name: i for i, name in enumerate(FIGURES)}, "other": -1, "unknown": -2, "fault": -3}


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
        is_spread = self._find_spread()
        self._unknown[block[meanings == _NUMBERS["unknown"]]] = True
        self._other[block[meanings == _NUMBERS["other"]]] = True
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
            merged = self._merge_one(values[low:high], chosen_codes[low:high].tolist(), figure)
            if merged is None:
                self._fault[at] = _AMBIGUOUS
            else:
                replaced[at] = merged
        if not replaced:
            return texts
        listed = texts.to_pylist()
        for at, text in replaced.items():
            listed[at] = text
        return pa.array(listed, pa.string())

    def _merge_one(self, segments: list[str], codes: list[int], figure: str) -> str | None:
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
                return segments[0] if len(part) > 1 else None
            if not value.is_finite():
                return None
            numbers.setdefault(code, []).append(value)
        if len({part[2] if len(part) > 2 else "" for part in parts}) > 1:
            return None
        total = Decimal(0)
        for values in numbers.values():
            merged = self._merge_same(values, figure)
            if merged is None:
                return None
            total += merged
        head = segments[0].split(ELEMENT)[0]
        rest = [parts[0][0], format(total, "f"), *parts[0][2:]]
        return head + ELEMENT + (COMPONENT if composite else ELEMENT).join(rest)

    def _merge_same(self, values: list[Decimal], figure: str) -> Decimal | None:
        rule = self._reader.settings.repeated_quantity
        if len(values) == 1 or rule == "first":
            return values[0]
        if rule == "sum":
            return sum(values, Decimal(0))
        # One part equal to its total is two equal sales as well: only of a stock can it be said.
        shortest = 2 if figure == "on_hand_quantity" else 3
        if len(values) >= shortest and values[0] == sum(values[1:], Decimal(0)):
            return values[0]
        return None

    def insert_pairs(self, rows: pa.Table) -> None:
        """Add a row for each pair of store and quantity; `rows` are the blocks'."""
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
        block = blocks.block_of(self._quantities[quantity])
        figure = pa.array([*FIGURES, None], pa.string()).take(
            pa.array(np.where(meaning >= 0, meaning, len(FIGURES)))
        )
        shown = texts.take(pa.array(pairs))
        mine = rows.take(pa.array(block))
        empty = pa.nulls(len(block), pa.string())
        is_unknown = pa.array(meaning == _NUMBERS["unknown"])
        faults = pc.if_else(is_unknown, pa.scalar(_FAULTS[_UNKNOWN]), pa.scalar(None, pa.string()))
        columns = {
            **{name: mine.column(name) for name in mine.column_names},
            **dict.fromkeys((*FIGURES, "store_segment", "amount", "price"), empty),
            "number": pa.array(run.numbers[pairs]),
            "fault": faults,
            "fault_text": pc.if_else(is_unknown, shown, pa.scalar(None, pa.string())),
            "is_skipped": pa.array(meaning == _NUMBERS["other"]),
            "pairs": shown,
            "pairs_figure": figure,
        }
        self._reader.insert(pa.table(columns))
