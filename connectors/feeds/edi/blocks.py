"""The detail of a run, cut into blocks: one per store and date that a group names. A block is a row.

A segment that names a store or a date stands before the quantities it qualifies for one sender and after them
for another: the last such segment of the group tells, since one of both ends it. One that stands before all
quantities of its group, and does not come again, holds for all of them. What belongs here: blocks,
and what goes with their figures: product, period, amount, reference. What does not: the figures themselves
(`figures`), and where a value stands in its segment (`cells`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.feeds.edi.figures import Figures
from connectors.feeds.edi.messages import Dates, Grammar
from connectors.feeds.edi.positions import Positions, joined, last_before
from connectors.feeds.edi.segments import COMPONENT, ELEMENT

if TYPE_CHECKING:
    from connectors.feeds.edi.reader import Reader
    from connectors.feeds.edi.runs import Run


class Blocks:
    """The groups of a run (`starts`), cut into blocks; `block_group` is the group of each block."""

    reader: Reader
    grammar: Grammar
    texts: pa.StringArray
    starts: Positions
    quantities: Positions
    stores: Positions
    block_group: Positions
    store_of_block: Positions
    snapshots: list[tuple[Any, ...]]
    group_snapshot: Positions

    def __init__(
        self,
        run: Run,
        inside: npt.NDArray[np.bool_],
        starts: Positions,
        stores: Positions,
        quantities: Positions,
        snapshots: list[tuple[Any, ...]],
        group_snapshot: Positions,
    ) -> None:
        self.run = run
        self.reader = run.reader
        self.grammar = run.grammar
        self.texts = run.texts
        self.starts = starts
        self.snapshots = snapshots
        self.group_snapshot = group_snapshot
        self.inside = inside
        self.stores = stores[inside[stores]]
        self.quantities = self._counted(quantities[inside[quantities]])
        self.dates = self._inner_dates()
        self.products = np.empty(0, np.int64)
        if self.grammar.groups != self.grammar.lines:
            self.products = self.within(run.at(self.grammar.lines))
        self._cut()

    def within(self, positions: Positions) -> Positions:
        return positions[self.inside[positions]]

    def group_of(self, positions: Positions) -> Positions:
        return last_before(self.starts, positions)

    def messages_of(self, positions: Positions) -> Positions:
        """The number of the message of each position; -1 outside of all."""
        messages = pa.array([row[0] for row in self.snapshots], pa.int64()).fill_null(-1).to_numpy()
        numbers: Positions = messages[self.group_snapshot[self.group_of(positions)]]
        return numbers

    def _counted(self, quantities: Positions) -> Positions:
        """The quantities without those of items that a quantity segment beside them repeats."""
        item = self.grammar.item
        if item is None:
            return quantities
        items = self.run.matching(quantities, f"^[^{ELEMENT}]*{ELEMENT}{item}{ELEMENT}")
        if len(items) == 0:
            return quantities
        is_item = np.isin(quantities, items)
        groups = self.group_of(quantities)
        ends = np.flatnonzero(np.diff(groups, append=-1))
        has_next = np.ones(len(quantities), np.bool_)
        has_next[ends] = False
        is_followed = has_next & ~np.append(is_item[1:], True)
        # Where the first of a group is a segment, segments stand before their items.
        opening = np.concatenate([[0], ends[:-1] + 1])
        starts_plain = np.repeat(~is_item[opening], np.diff(np.append(opening, len(quantities))))
        is_preceded = starts_plain & ~np.insert(is_item[:-1], 0, True)
        kept: Positions = quantities[~(is_item & (is_followed | is_preceded))]
        return kept

    def _inner_dates(self) -> Positions:
        dates = self.within(self.run.at({self.grammar.date}))
        names = "|".join(sorted(re.escape(name) for name in self.reader.date_names)) or "$^"
        return self.run.matching(dates, f"^[^{ELEMENT}]*{ELEMENT}({names})({ELEMENT}|{COMPONENT}|$)")

    def _cut(self) -> None:
        """Number the blocks: `mark_block` of each mark, `block_group` of each block."""
        stores, dates, products = self._cutting()
        kinds = ((self.quantities, 0), (stores, 1), (dates, 2), (products, 3))
        marks = np.concatenate([positions for positions, _ in kinds])
        classes = np.concatenate([np.full(len(positions), code, np.int8) for positions, code in kinds])
        order = np.argsort(marks, kind="stable")
        marks, classes = marks[order], classes[order]
        groups = self.group_of(marks)
        count = len(marks)
        opening = np.ones(count, np.bool_)
        opening[1:] = groups[1:] != groups[:-1]
        self.is_leading = np.zeros(len(self.starts), np.bool_)
        if len(stores) or len(dates) or len(products):
            firsts = np.flatnonzero(opening)
            group_index = np.cumsum(opening) - 1
            lasts = np.append(firsts[1:], count) - 1
            first_class, last_class = classes[firsts][group_index], classes[lasts][group_index]
            is_quantity = classes == 0
            after_quantity = np.zeros(count, np.bool_)
            after_quantity[1:] = is_quantity[:-1]
            after_quantity &= ~opening
            leading = (last_class == 0) & ~is_quantity & after_quantity
            trailing = (last_class != 0) & (first_class == 0) & is_quantity & ~after_quantity & ~opening
            around = (last_class != 0) & (first_class != 0) & (classes == first_class) & ~opening
            starts_block = opening | leading | trailing | around
            self.is_leading[groups[lasts[group_index]]] = last_class == 0
        else:
            starts_block = opening
        self.marks = marks
        self.mark_block = np.cumsum(starts_block) - 1
        with_marks = groups[starts_block]
        without = np.setdiff1d(np.arange(len(self.starts)), groups)
        self.block_group = np.concatenate([with_marks, without])
        self.blocks_of_group = np.bincount(self.block_group, minlength=len(self.starts))

    def _cutting(self) -> tuple[Positions, Positions, Positions]:
        """Stores, dates and products that begin or end blocks: not those that hold for their whole group."""
        if not (len(self.stores) or len(self.dates) or len(self.products)):
            return self.stores, self.dates, self.products
        first_quantity = self._first_of(self.quantities)
        last_store = self._last_of(self.stores)

        def leads(positions: Positions) -> npt.NDArray[np.bool_]:
            # Without any quantity there is nothing to lead.
            return (self._last_of(positions) < first_quantity) & (first_quantity < len(self.texts))

        store_leads = leads(self.stores)
        # A date below a store is that store's own.
        date_leads = leads(self.dates) & (
            store_leads | (self._last_of(self.dates) < self._first_of(self.stores)) | (last_store < 0)
        )
        return (
            self.stores[~store_leads[self.group_of(self.stores)]],
            self.dates[~date_leads[self.group_of(self.dates)]],
            self.products[~leads(self.products)[self.group_of(self.products)]],
        )

    def _last_of(self, positions: Positions) -> Positions:
        """The last of `positions` in each group, -1 where there is none."""
        last = np.full(len(self.starts), -1, np.int64)
        last[self.group_of(positions)] = positions
        return last

    def _first_of(self, positions: Positions) -> Positions:
        """The first of `positions` in each group; behind all segments where there is none."""
        first = np.full(len(self.starts), len(self.texts), np.int64)
        first[self.group_of(positions[::-1])] = positions[::-1]
        return first

    def block_of(self, positions: Positions) -> Positions:
        """The block of each position; -1 where it stands before the first mark of its group."""
        if len(self.marks) == 0:
            return np.full(len(positions), -1, np.int64)
        last = last_before(self.marks, positions)
        block = np.where(last >= 0, self.mark_block[np.maximum(last, 0)], -1)
        same = (block >= 0) & (self.block_group[np.maximum(block, 0)] == self.group_of(positions))
        return np.where(same, block, -1)

    def pick(self, positions: Positions, *, since: Positions | None = None) -> Positions:
        """For each block the last of `positions` in it, otherwise the group's own; -1 where there is none.

        With `since` a block that has none takes over that of the block before it, unless one of `since`
        stands in between: what names a store holds until another does.
        """
        own = np.full(len(self.block_group), -1, np.int64)
        if len(positions) == 0:
            return own
        of_group = np.full(len(self.starts), -1, np.int64)
        block = self.block_of(positions)
        own[block[block >= 0]] = positions[block >= 0]
        loose = block < 0
        of_group[self.group_of(positions[loose])] = positions[loose]
        if since is not None:
            own = self._carried(own, since)
        return np.where(own >= 0, own, of_group[self.block_group])

    def _carried(self, own: Positions, since: Positions) -> Positions:
        count = len(own)
        if count == 0:
            return own
        stops = self.is_leading[self.block_group] == 0
        ends = self.block_of(since)
        stops[ends[ends >= 0]] = True
        stops[1:] |= self.block_group[1:] != self.block_group[:-1]
        stops[0] = True
        source = np.maximum.accumulate(np.where(stops | (own >= 0), np.arange(count), -1))
        return own[source]

    def take(self, positions: Positions) -> pa.StringArray:
        if not (positions >= 0).any():
            return pa.nulls(len(positions), pa.string())
        return self.texts.take(pa.array(positions, mask=positions < 0))

    def qualifiers(self, positions: Positions, element: int = 1) -> tuple[Positions, list[str]]:
        """The qualifier of each segment as a number, and the names of the numbers."""
        texts = self.texts.take(pa.array(positions))
        skip = f"(?:[^{ELEMENT}]*{ELEMENT}){{{element}}}"
        found = pc.extract_regex(texts, f"^{skip}(?P<name>[^{ELEMENT}{COMPONENT}]*)").field("name")
        encoded = pc.fill_null(found, "").dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, [name.strip().upper() for name in encoded.dictionary.to_pylist()]

    def emit(self) -> None:
        """Add the rows of the blocks to those of the file."""
        reader = self.reader
        count = len(self.block_group)
        self.store_of_block = self.pick(self.stores, since=self.stores[:0])
        figures = Figures(self)
        totals = figures.leave_out_totals()
        skipped = (totals | figures.are_others) & figures.are_sound
        first = self._first_quantity()
        anchor = np.where(first >= 0, first, self.starts[self.block_group])
        columns = self._head_columns(self.group_snapshot[self.block_group])
        self._add_dates(columns)
        products, are_unread = self._product_columns()
        amount, price = self._money()
        shown = joined([self.take(self.starts[self.block_group]), self.take(first)], " ")
        unnamed = pc.if_else(are_unread, pa.scalar("unnamed_product"), pa.scalar(None, pa.string()))
        faults = pc.if_else(pa.array(skipped), figures.faults, pc.coalesce(figures.faults, unnamed))
        rows = pa.table(
            {
                "number": pa.array(self.run.numbers[anchor]),
                "message": columns["message"],
                "fault": faults,
                "fault_text": pc.if_else(pc.is_valid(faults), shown, pa.scalar(None, pa.string())),
                "is_skipped": pa.array(skipped),
                "part": pa.nulls(count, pa.string()),
                "store_segment": self.take(self.store_of_block),
                **{name: columns[name] for name in ("store", "period", "sale_date", "currency")},
                **products,
                **figures.columns,
                "amount": amount,
                "price": price,
                "reference": self._reference(),
                "transaction": columns["transaction"],
                "pairs": pa.nulls(count, pa.string()),
                "pairs_figure": pa.nulls(count, pa.string()),
            }
        )
        reader.insert(rows.filter(pa.array(~figures.are_spread)))
        figures.insert_pairs(rows, unnamed)

    def _first_quantity(self) -> Positions:
        first = np.full(len(self.block_group), -1, np.int64)
        if len(self.quantities):
            mapped = self.quantities[::-1]
            first[self.block_of(mapped)] = mapped
        return first

    def _head_columns(self, snapshot: Positions) -> dict[str, pa.Array]:
        names = ("message", "store", "period", "sale_date", "currency", "transaction")
        types = (pa.int32(), *(pa.string() for _ in names[1:]))
        index = pa.array(snapshot)
        return {
            name: pa.array([row[i] for row in self.snapshots], type_).take(index)
            for i, (name, type_) in enumerate(zip(names, types, strict=True))
        }

    def _add_dates(self, columns: dict[str, pa.Array]) -> None:
        """Let the dates within the lines override those of the head."""
        if len(self.dates) == 0:
            return
        codes, names = self.qualifiers(self.dates)
        picked: dict[str, Positions] = {}
        for code, name in enumerate(names):
            if (codes == code).any():
                picked[name] = self.pick(self.dates[codes == code], since=self.stores)
        texts = {name: self.take(positions) for name, positions in picked.items()}
        settings = self.reader.settings
        for column, entries, text_of in (
            ("period", self.reader.family.period_dates, self.reader.period_of),
            ("sale_date", settings.sale_date, self.reader.day_text),
        ):
            found = self._date_column(texts, entries, text_of)
            if found is not None:
                columns[column] = pc.coalesce(found, columns[column])

    def _date_column(
        self,
        texts: Mapping[str, pa.StringArray],
        entries: Sequence[str],
        text_of: Callable[[Sequence[Mapping[str, Dates]], Sequence[str]], str | None],
    ) -> pa.StringArray | None:
        used = [name for name in dict.fromkeys(n for e in entries for n in e.split("+")) if name in texts]
        if not used:
            return None
        dates = joined([texts[name] for name in used], "\x1c").dictionary_encode()
        found: list[str | None] = []
        for key in dates.dictionary.to_pylist():
            scope = dict(self.reader.resolve_date(text) for text in key.split("\x1c") if text)
            found.append(text_of((scope,), entries))
        return pa.array(found, pa.string()).take(dates.indices)

    def _product_columns(self) -> tuple[dict[str, pa.Array], pa.BooleanArray]:
        """Products of the blocks, and whether they stand under unread qualifiers only: each distinct way of
        naming one is read once.
        """
        blocks = len(self.block_group)
        line = (
            self.pick(self.products, since=self.products[:0])
            if len(self.products)
            else self.starts[self.block_group]
        )
        if self.grammar.groups != self.grammar.lines and len(self.products) == 0:
            line = np.full(blocks, -1, np.int64)
        # Line numbers go: what is left of a line is the same wherever the product is sold.
        numbered = f"^(?i:LIN){ELEMENT}[^{ELEMENT}]*"
        parts = [pc.replace_substring_regex(self.take(line), numbered, f"LIN{ELEMENT}")]
        for tag in self.grammar.product:
            positions = self.within(self.run.at({tag}))
            parts += [self.take(picked) for picked in self._occurrences(positions)]
        key = joined(parts, "\x1c").dictionary_encode()
        found = [self.reader.resolve_product(text or "") for text in key.dictionary.to_pylist()]
        index = key.indices
        names = ("gtin", "product_code", "partner_product_code", "label")
        columns = {
            name: pa.array([getattr(product, name) for product in found], pa.string()).take(index)
            for name in names
        }
        return columns, pa.array([product.is_unread for product in found], pa.bool_()).take(index)

    def _occurrences(self, positions: Positions) -> Iterator[Positions]:
        """The first, second and third of `positions` of each block or its group."""
        for _ in range(3):
            if len(positions) == 0:
                return
            groups = self.group_of(positions)
            block = self.block_of(positions)
            key = np.stack([groups, block])
            first = np.ones(len(positions), np.bool_)
            first[1:] = (key[:, 1:] != key[:, :-1]).any(axis=0)
            yield self.pick(positions[first])
            positions = positions[~first]

    def _money(self) -> tuple[pa.StringArray, pa.StringArray]:
        settings, grammar = self.reader.settings, self.grammar
        amounts = self.within(self.run.at({grammar.amount}))
        amounts = self._with_qualifier(amounts, settings.amounts, 1)
        amount = self.pick(amounts)
        if len(amounts):
            # A line's amount is none of its several rows.
            own = np.isin(amount, amounts[self.block_of(amounts) >= 0])
            amount = np.where(own | (self.blocks_of_group[self.block_group] == 1), amount, -1)
        prices = np.empty(0, np.int64)
        if settings.price_basis is not None:
            prices = self.within(self.run.matching(self.run.at(grammar.price), self._price_pattern()))
            if settings.price_qualifiers:
                prices = self._with_qualifier(prices, settings.price_qualifiers, grammar.price_component)
        return self.take(amount), self.take(self.pick(prices[::-1]))

    def _price_pattern(self) -> str:
        """A price segment that holds a value: some senders write one without for a discount that was not."""
        tags = [
            f"{tag}(?:{ELEMENT}[^{ELEMENT}]*){{{position - 1}}}{ELEMENT}"
            for tag, position in self.grammar.price.items()
        ]
        qualifier = f"[^{ELEMENT}{COMPONENT}]*{COMPONENT}" if self.grammar.composite else ""
        return rf"^(?i:{'|'.join(tags)}){qualifier}\s*[^{ELEMENT}{COMPONENT}\s]"

    def _with_qualifier(self, positions: Positions, wanted: Sequence[str], element: int) -> Positions:
        if len(positions) == 0 or not wanted:
            return positions[:0]
        codes, names = self.qualifiers(positions, element)
        keep = np.array([name in wanted for name in names], np.bool_)
        return positions[keep[codes]]

    def _reference(self) -> pa.StringArray:
        positions = self.within(self.run.at({self.grammar.reference}))
        wanted = self.reader.settings.transaction
        return self.take(self.pick(self._with_qualifier(positions, wanted, 1)))
