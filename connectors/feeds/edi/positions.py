"""Segments as arrays: where those of a tag stand, and which one stands before another.

What belongs here: searching in runs of segments. What does not: what segments mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.feeds.edi.segments import ELEMENT

Positions = npt.NDArray[np.int64]
"""Places of segments within a run."""


def tags_of(texts: pa.StringArray) -> tuple[Positions, list[str]]:
    """The tag of each segment as a number, and the names of the numbers."""
    encoded = pc.utf8_slice_codeunits(texts, 0, 4).dictionary_encode()
    names = [value.split(ELEMENT)[0].strip().upper()[:3] for value in encoded.dictionary.to_pylist()]
    known = sorted(set(names))
    table = np.array([known.index(name) for name in names], np.int64)
    return table[encoded.indices.to_numpy(zero_copy_only=False)], known


def where(tags: Positions, names: list[str], wanted: Iterable[str]) -> Positions:
    wanted = set(wanted)
    codes = [code for code, name in enumerate(names) if name in wanted]
    if not codes:
        return np.empty(0, np.int64)
    mask = tags == codes[0]
    for code in codes[1:]:
        mask |= tags == code
    return np.flatnonzero(mask)


def last_before(positions: Positions, points: Positions) -> Positions:
    """Index into `positions` of the last one at or before each point; -1 if there is none."""
    return np.searchsorted(positions, points, "right") - 1


def joined(parts: Sequence[pa.StringArray], separator: str) -> pa.StringArray:
    """The texts of several columns in one, row by row."""
    # Arrow gives an array of no length where all of a single column is null.
    return pc.binary_join_element_wise(*(pc.fill_null(part, "") for part in parts), separator)
