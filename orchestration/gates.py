"""The three gates as Dagster sees them: which assets each one guards, and its verdict as checks.

What belongs here: calling `expectations.validate` with this company's paths, and putting its outcomes to
the assets they speak of. What does not: the promises themselves (expectations/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

import dagster as dg

from connectors.contract import ENTITIES
from connectors.ledger import Ledger
from orchestration.plan import read_outcomes, read_plan, save_outcomes, save_validated
from orchestration.publish import GateOutcome
from orchestration.settings import Settings, file_fingerprint

if TYPE_CHECKING:
    from expectations.terms import Gate, Scope
    from expectations.validate import ExpectationOutcome, Verdict

GATES: Final[tuple[Gate, ...]] = ("landing", "core", "marts")
SLICES: Final = dg.AssetKey(["landing", "ledger", "slices"])


def landing_keys() -> list[dg.AssetKey]:
    """Every landed entity, and the ledger's slices without which nothing goes on."""
    return [SLICES, *(dg.AssetKey(["landing", entity.system, entity.name]) for entity in ENTITIES.values())]


_CLOSED: Final[dict[Gate, str]] = {
    "landing": "nothing is built",
    "core": "no mart is built",
    "marts": "nothing is published",
}


def check_name(gate: Gate) -> str:
    return f"gate_{gate}"


def check_spec(gate: Gate, key: dg.AssetKey, *, blocking: bool = True) -> dg.AssetCheckSpec:
    """The check of a gate on one of the assets that it guards."""
    return dg.AssetCheckSpec(
        check_name(gate),
        asset=key,
        blocking=blocking,
        description=f"What the gate {gate} promises of this table; while it is closed {_CLOSED[gate]}. "
        "Promise by promise: findings.",
    )


def run_gate(
    settings: Settings, gate: Gate, scope: Scope, run_id: str, *, is_rebuilt: bool = False
) -> Verdict:
    """Judge what stands before the gate. Great Expectations is imported here, not before."""
    from expectations.validate import validate

    return validate(
        gate,
        warehouse=settings.paths.warehouse,
        landing=settings.paths.landing,
        quality=settings.paths.quality,
        run_id=run_id,
        as_of=settings.company.today(),
        scope=scope,
        is_rebuilt=is_rebuilt,
        currency=settings.company.currency,
        published=settings.current.resolve() if settings.current.exists() else None,
        memory_limit=settings.dbt_environment(scope)["AVAL_MEMORY_LIMIT"],
    )


def outcome(verdict: Verdict, scope: Scope) -> GateOutcome:
    """The verdict as the publication keeps it."""
    return GateOutcome(
        gate=verdict.gate,
        passed=verdict.passed,
        scope=scope,
        checks=len(verdict.results),
        failed=len(verdict.failures),
        warnings=len(verdict.warnings),
        warned=[f"{item.table}: {item.message} -> {item.remedy}" for item in verdict.warnings],
    )


def asset_of(table: str, known: Iterable[dg.AssetKey], otherwise: dg.AssetKey) -> dg.AssetKey:
    """The asset that a table of the gate's hub stands for; `otherwise` if it stands for several or none."""
    schema, _, name = table.partition(".")
    name = re.sub(r"^versions_of_|_in_scope$", "", name)
    for key in known:
        if key.path[-1] == name and (key.path[0] == schema or key.path[:-1] == ["landing", schema]):
            return key
    return otherwise


def check_results(
    verdict: Verdict, scope: Scope, keys: Sequence[dg.AssetKey], otherwise: dg.AssetKey
) -> Iterator[dg.AssetCheckResult]:
    """One result per guarded asset, with the figures that the gate saw there."""
    found: dict[dg.AssetKey, list[ExpectationOutcome]] = {key: [] for key in keys}
    for item in verdict.results:
        found[asset_of(item.table, keys, otherwise)].append(item)
    for key, items in found.items():
        is_whole = key == SLICES
        closed = [item for item in items if not item.success and item.severity == "critical"]
        warned = [item for item in items if not item.success and item.severity == "warning"]
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=check_name(verdict.gate),
            passed=verdict.passed if is_whole else not closed,
            severity=dg.AssetCheckSeverity.ERROR,
            description=verdict.explain() if is_whole else "; ".join(item.message for item in closed) or None,
            metadata={
                "scope": scope,
                "expectations": len(items),
                "failed": len(closed),
                "warnings": len(warned),
                "rows checked": max((item.checked_rows for item in items), default=0),
                "findings": dg.MetadataValue.md(_findings(items)),
            },
        )


def pass_through(
    settings: Settings,
    gate: Gate,
    run_id: str,
    keys: Sequence[dg.AssetKey],
    otherwise: dg.AssetKey,
    asked: AbstractSet[dg.AssetKey],
    say: Callable[[str], None],
) -> Iterator[dg.AssetCheckResult]:
    """The checks of one gate in a run; dg.Failure at the end if it is closed, in words for a person.

    A gate judges whole; where a part of its assets is launched alone, Dagster asks for the checks of these.
    The last gate of a run leaves a record of the file that all have passed.
    """
    with Ledger(settings.paths.ledger) as ledger:
        decided = read_plan(ledger)
    if decided is not None and decided.run_id != run_id:
        decided = None
    scope: Scope = decided.gate_scope if decided is not None else "all"
    verdict = run_gate(settings, gate, scope, run_id, is_rebuilt=decided is not None and decided.full_refresh)
    for result in check_results(verdict, scope, keys, otherwise):
        if result.asset_key in asked:
            yield result
    say(verdict.explain())
    with Ledger(settings.paths.ledger) as ledger:
        outcomes = [item for item in read_outcomes(ledger, run_id) if item.gate != gate]
        outcomes.append(outcome(verdict, scope))
        save_outcomes(ledger, run_id, outcomes)
        if verdict.passed and {item.gate for item in outcomes if item.passed} >= {"core", "marts"}:
            passed = file_fingerprint(settings.paths.warehouse)
            if gate == "marts" and passed is not None:
                save_validated(ledger, passed, outcomes)
    if not verdict.passed:
        raise dg.Failure(
            description=verdict.explain(),
            metadata={"code": "gate_closed", "gate": gate, "failed": len(verdict.failures)},
            allow_retries=False,
        )


def _findings(items: Sequence[ExpectationOutcome]) -> str:
    if not items:
        return "The gate makes no promise of its own about this table."
    lines = ["| expectation | column | severity | found | result |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {item.name} | {item.column or ''} | {item.severity} | {item.observed} | {_result(item)} |"
        for item in sorted(items, key=lambda item: item.success)
    ]
    return "\n".join(lines)


def _result(item: ExpectationOutcome) -> str:
    return "ok" if item.success else f"{item.message} {item.remedy}".replace("|", "\\|")
