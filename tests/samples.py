"""Real and reference input that stands beside the checkout, in `../shared/samples`.

A clone has none: tests that need a sample skip there. What may be copied lies in `tests/fixtures`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "samples"
FIXTURES = Path(__file__).resolve().parent / "fixtures"


def sample(name: str) -> Path:
    """A sample by its path below the samples folder; skips the test where there is none."""
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"the sample {name} is not part of a clone (its licence or size keeps it out)")
    return path
