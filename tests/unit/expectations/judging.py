"""What a gate says of a world made by hand.

What belongs here: running a gate on a `World` and naming what it found. What does not: making worlds
(`conftest`, `warehouse`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import pytest

from expectations import validate as validating
from expectations.terms import Gate
from expectations.validate import ExpectationOutcome, Verdict, validate
from tests.unit.expectations.conftest import World
from tests.unit.expectations.warehouse import AS_OF, build, change

Faults: TypeAlias = Mapping[str, tuple[tuple[str, ...], set[str]]]
"""By group: the statements that break something, and all that must fail by them."""


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


def judge_table(gate: Gate, table: str, world: World, **changes: object) -> dict[str, ExpectationOutcome]:
    """What of one table's promises was not kept: a fifth of what the whole gate costs."""
    suites = validating._suites
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            validating, "_suites", lambda *asked: [each for each in suites(*asked) if each.table == table]
        )
        verdict = judge(gate, world, **changes)
    assert verdict.results, f"{table} has no promise"
    return failed(verdict)


def together(faults: Faults) -> list[tuple[str, ...]]:
    """Groups of faults that one judgement tells apart, since each judgement takes seconds.

    No two of them name the same table, be it one that they break or one of which a promise must fail: none
    can bring about what another one should, nor undo it.
    """
    rounds: list[tuple[list[str], set[str]]] = []
    for group, (statements, expected) in faults.items():
        tables = set(re.findall(r"\b(?:core|intermediate|marts)\.(\w+)", " ".join(statements)))
        tables |= {promise.partition(".")[0] for promise in expected}
        for groups, taken in rounds:
            if not taken & tables:
                groups.append(group)
                taken |= tables
                break
        else:
            rounds.append(([group], tables))
    return [tuple(groups) for groups, _ in rounds]


def each_fault_closes(
    judge: Callable[[World], Verdict], world: World, faults: Faults, groups: Sequence[str]
) -> None:
    """Break what `groups` break: each fails all that it says and closes the gate, and nothing else fails."""
    change(build(world), *(statement for group in groups for statement in faults[group][0]))
    found = failed(judge(world))
    for group in groups:
        expected = faults[group][1]
        assert expected - found.keys() == set(), group
        assert "critical" in {found[promise].severity for promise in expected}, group
    assert found.keys() == {promise for group in groups for promise in faults[group][1]}
