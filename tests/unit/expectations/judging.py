"""What a gate says of a world made by hand.

What belongs here: running a gate on a `World` and naming what it found. What does not: making worlds
(`conftest`, `warehouse`).
"""

from __future__ import annotations

from expectations.terms import Gate
from expectations.validate import ExpectationOutcome, Verdict, validate
from tests.unit.expectations.conftest import World
from tests.unit.expectations.warehouse import AS_OF


def judge(gate: Gate, world: World, **changes: object) -> Verdict:
    """The verdict of the gate as of `AS_OF`, without pages; `changes` are other arguments of `validate`."""
    return validate(
        gate,
        **{
            "warehouse": world.warehouse,
            "landing": world.landing,
            "quality": world.quality,
            "run_id": "run-1",
            "as_of": AS_OF,
            "pages": False,
            **changes,
        },  # type: ignore[arg-type]
    )


def failed(verdict: Verdict) -> dict[str, ExpectationOutcome]:
    """What was not kept, by `<table without its schema>.<name>`."""
    return {f"{r.table.partition('.')[2]}.{r.name}": r for r in verdict.results if not r.success}
