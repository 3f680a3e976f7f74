"""One run of segments: which belong to a group of the detail, and which to a head.

What belongs here: the borders of groups, the stores that govern the lines after them, and what the heads say
at each group. What does not: what a group says (`blocks`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.feeds.edi.blocks import Blocks
from connectors.feeds.edi.positions import Positions, last_before, where

if TYPE_CHECKING:
    from connectors.feeds.edi.reader import Reader


class Run:
    """One run of segments that ends at the end of a group or outside of all."""

    def __init__(
        self, reader: Reader, numbers: Positions, texts: pa.StringArray, tags: Positions, names: list[str]
    ) -> None:
        self.reader = reader
        self.grammar = reader.family.grammar
        self.numbers = numbers
        self.texts = texts
        self.tags = tags
        self.names = names

    def at(self, wanted: Iterable[str]) -> Positions:
        return where(self.tags, self.names, wanted)

    def matching(self, positions: Positions, pattern: str) -> Positions:
        if len(positions) == 0:
            return positions
        found = pc.match_substring_regex(self.texts.take(pa.array(positions)), pattern)
        matching: Positions = positions[found.to_numpy(zero_copy_only=False)]
        return matching

    def work(self) -> None:
        grammar = self.grammar
        starts = self.at(grammar.groups)
        enders = self.at({*grammar.ends, grammar.opens, grammar.closes})
        stores = self.matching(self.at(self.reader.store_tags), self.reader.store_pattern)
        quantities = self.at(grammar.quantity)
        heads = self._head_stores(starts, enders, stores, quantities)
        enders = np.union1d(enders, heads)
        inside = self._inside(starts, enders)
        snapshots, group_snapshot = self._read_heads(inside, starts)
        if len(starts) == 0:
            return
        Blocks(self, inside, starts, stores, quantities, snapshots, group_snapshot).emit()

    def _inside(self, starts: Positions, enders: Positions) -> npt.NDArray[np.bool_]:
        """Whether each segment belongs to a group."""
        count = len(self.tags)
        changes = np.zeros(count, np.int8)
        changes[enders] = 2
        changes[starts] = 1
        last = np.maximum.accumulate(np.where(changes > 0, np.arange(count), -1))
        inside: npt.NDArray[np.bool_] = (last >= 0) & (changes[np.maximum(last, 0)] == 1)
        return inside

    def _head_stores(
        self, starts: Positions, enders: Positions, stores: Positions, quantities: Positions
    ) -> Positions:
        """Store segments that govern the lines after them, not the line they stand in."""
        if len(stores) == 0:
            return stores
        opens = self.at({self.grammar.opens})
        message_of = last_before(opens, stores)
        first_line = np.full(len(opens) + 1, len(self.tags), np.int64)
        lines_message = last_before(opens, starts)
        seen, first = np.unique(lines_message, return_index=True)
        first_line[seen] = starts[first]
        tags = self.tags[stores]
        is_first = np.zeros(len(stores), np.bool_)
        carried_first = self.reader.store_first
        for code in np.unique(tags):
            of_tag = tags == code
            name = self.names[code]
            before = of_tag & (stores < first_line[message_of])
            if name not in carried_first:
                before &= (message_of >= 0) | (self.reader.head.message is None) | (not self._mid_message)
            leading = set(np.unique(message_of[before]).tolist())
            if name in carried_first:
                leading.add(-1)
            is_first |= of_tag & np.isin(message_of, np.array(sorted(leading), np.int64))
            last_message = len(opens) - 1
            if last_message in leading:
                carried_first |= {name}
            elif last_message >= 0:
                carried_first -= {name}
        self.reader.store_first = carried_first
        marks = np.sort(np.concatenate([starts, enders, quantities]))
        following = np.searchsorted(marks, stores, "right")
        has_next = following < len(marks)
        next_mark = marks[np.minimum(following, len(marks) - 1)] if len(marks) else stores
        before_quantity = has_next & np.isin(next_mark, quantities)
        return stores[is_first & ~before_quantity]

    @property
    def _mid_message(self) -> bool:
        """Whether lines of the message that is open at the start of the run have been read."""
        message = self.reader.head.message
        return message is not None and message.lines > 0

    def _read_heads(
        self, inside: npt.NDArray[np.bool_], starts: Positions
    ) -> tuple[list[tuple[Any, ...]], Positions]:
        """Read the segments outside of groups in order; gives what holds at each group."""
        reader = self.reader
        positions = np.flatnonzero(~inside)
        texts = self.texts.take(pa.array(positions)).to_pylist()
        numbers = self.numbers[positions].tolist()
        before = np.searchsorted(positions, starts)
        turns, group_snapshot, sizes = np.unique(before, return_inverse=True, return_counts=True)
        lines = self.at(self.grammar.lines)
        bounds = np.searchsorted(positions, lines)
        line_counts = np.bincount(bounds, minlength=len(positions) + 1)[turns].tolist()
        snapshots: list[tuple[Any, ...]] = []
        done = 0
        for turn, line_count, group_count in zip(turns.tolist(), line_counts, sizes.tolist(), strict=True):
            for i in range(done, turn):
                reader.read_head_segment(numbers[i], texts[i])
            done = turn
            snapshots.append(self._snapshot(line_count, group_count))
        for i in range(done, len(texts)):
            reader.read_head_segment(numbers[i], texts[i])
        return snapshots, group_snapshot.astype(np.int64)

    def _snapshot(self, line_count: int, group_count: int) -> tuple[Any, ...]:
        reader = self.reader
        head, settings = reader.head, reader.settings
        if head.message is not None:
            head.message.lines += line_count
            head.message.groups += group_count
        scopes = (head.store_dates, head.dates)
        return (
            head.message.number if head.message else None,
            head.store,
            reader.period_of(scopes, reader.family.period_dates),
            reader.day_text(scopes, settings.sale_date),
            head.currency,
            head.transaction,
        )
