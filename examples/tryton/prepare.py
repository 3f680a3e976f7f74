"""Unpack the Tryton database of the tests to where `company.yml` expects it.

What belongs here: the copy. What does not: any change to it; it is what Tryton wrote.
"""

from __future__ import annotations

import lzma
import os
from pathlib import Path

PACKED = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "tryton" / "demo.sqlite.xz"


def unpack(data: Path) -> Path:
    """Write `tryton.sqlite` and an empty inbox below `data`."""
    (data / "inbox").mkdir(parents=True, exist_ok=True)
    database = data / "tryton.sqlite"
    database.write_bytes(lzma.decompress(PACKED.read_bytes()))
    return database


if __name__ == "__main__":
    print(unpack(Path(os.environ.get("AVAL_DATA", "var/tryton"))))
