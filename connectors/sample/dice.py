"""Random numbers that are the same on every machine, Python and numpy.

Only raw bits of PCG64 are used (numpy keeps the stream of a bit generator stable, not that of its
distributions), and only arithmetic that IEEE 754 defines to the last bit: no `exp`, no `log`, no sum of
floats. A stream is named, so that a new use of chance elsewhere does not disturb the others, and drawn
row by row in the order of time, so that a longer history begins with the shorter one.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.random import PCG64, SeedSequence
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Dice:
    """One named stream of chance."""

    def __init__(self, seed: int, *name: str | int) -> None:
        words = [seed, *(zlib.crc32(str(part).encode()) for part in name)]
        self._bits = PCG64(SeedSequence(words))

    def uniform(self, *shape: int) -> Floats:
        """Numbers in [0, 1)."""
        raw = self._bits.random_raw(math.prod(shape))
        values: Floats = (np.asarray(raw, dtype=np.uint64) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return values.reshape(shape)

    def integers(self, low: int, high: int, *shape: int) -> Ints:
        """Whole numbers in [low, high)."""
        return low + np.floor(self.uniform(*shape) * (high - low)).astype(np.int64)

    def one(self, low: int, high: int) -> int:
        """One whole number in [low, high)."""
        return int(self.integers(low, high, 1)[0])
