"""Which models stand as the last run left them, because nothing that they read has changed since.

A model is built if a source that it reads, at first hand or through others, has landed anew, if its SQL
looks at something of the run (`RUN`), or if it looks at the day (`DAY`) and the day has changed. A view holds
no rows: it is made anew only if its text may change, and what reads it follows its sources all the same.

What belongs here: that reading of dbt's manifest. What does not: whether the last run can be built upon at
all (`orchestration.plan`), and starting dbt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

DAY: Final = "day"
"""Among what has not changed: the day that figures are as of."""

Look = Literal["inputs", "day", "run"]

# What Jinja can ask for beside its inputs. A macro or model that asks is built in every run, unless it is
# one of LOOKS.
_ASKS: Final = re.compile(
    r"\b(?:(?:env_var|var|run_query|load_relation|is_incremental|statement)\("
    r"|(?:flags|target|graph|modules|model)\.\w|(?:run_started_at|invocation_id|invocation_args_dict)\b"
    r"|adapter\.(?!dispatch\b|quote\b)\w)|\{\{\s*this\b"
)
LOOKS: Final[Mapping[str, Look]] = {
    "as_of_date": "day",
    # The plan builds everything anew if these change: currency and place are of the whole warehouse.
    "company_currency": "inputs",
    "landing_path": "inputs",
    # It reads dim_thresholds, by ref().
    "company_threshold": "inputs",
}
"""Macros that ask for something, and what it changes with."""

LEDGER: Final = "landing/ledger/"
"""Sources of the intake ledger, which come anew in every run. A model that reads a landed entity beside them
reads of them only what they say of that entity, and the state of the entity holds that."""


def to_build(manifest: Manifest, unchanged: Collection[str]) -> set[str]:
    """Names of the models and seeds to build.

    `unchanged` holds what is as it was: landed entities as `landing/<system>/<entity>`, and `DAY`. A source
    that it does not name counts as changed.
    """
    reader = _Reader(manifest, unchanged)
    return {
        node.name
        for unique_id, node in manifest.nodes.items()
        if node.resource_type in ("model", "seed") and reader.is_to_build(unique_id, node)
    }


class _Reader:
    """One reading of the manifest."""

    def __init__(self, manifest: Manifest, unchanged: Collection[str]) -> None:
        self._manifest = manifest
        self._unchanged = unchanged
        self._macro_looks = cache(self._look_of_macro)
        self._is_changed = cache(self._may_hold_other_rows)
        self._is_of_ledger = cache(self._reads_ledger_only)

    def is_to_build(self, unique_id: str, node: Any) -> bool:
        if node.config.materialized == "view":
            return self._looks_changed(node)
        return self._is_changed(unique_id)

    def _may_hold_other_rows(self, unique_id: str) -> bool:
        source = self._manifest.sources.get(unique_id)
        if source is not None:
            return source_name(source.source_name, source.name) not in self._unchanged
        node = self._manifest.nodes[unique_id]
        return self._looks_changed(node) or any(self._is_changed(parent) for parent in self._inputs(node))

    def _inputs(self, node: Any) -> list[str]:
        """What the node reads; the ledger not where it only says which rows of another source count."""
        parents: list[str] = [] if node.resource_type == "seed" else list(node.depends_on.nodes)
        if any(parent in self._manifest.sources and not self._is_of_ledger(parent) for parent in parents):
            return [parent for parent in parents if not self._is_of_ledger(parent)]
        return parents

    def _reads_ledger_only(self, unique_id: str) -> bool:
        source = self._manifest.sources.get(unique_id)
        if source is not None:
            return source_name(source.source_name, source.name).startswith(LEDGER)
        inputs = self._inputs(self._manifest.nodes[unique_id])
        return bool(inputs) and all(map(self._is_of_ledger, inputs))

    def _looks_changed(self, node: Any) -> bool:
        """Whether the text of the node may be another than in the last run."""
        if node.resource_type != "model":
            return False
        if node.config.materialized == "incremental" or node.config.pre_hook or node.config.post_hook:
            return True
        looks = {self._macro_looks(macro) for macro in node.depends_on.macros}
        if _ASKS.search(node.raw_code):
            looks.add("run")
        return "run" in looks or ("day" in looks and DAY not in self._unchanged)

    def _look_of_macro(self, unique_id: str) -> Look:
        macro = self._manifest.macros[unique_id]
        if macro.name in LOOKS:
            return LOOKS[macro.name]
        return _strongest(
            ["run" if _ASKS.search(macro.macro_sql) else "inputs"],
            (self._macro_looks(other) for other in macro.depends_on.macros),
        )


def _strongest(*looks: Iterable[Look]) -> Look:
    order: tuple[Look, ...] = ("run", "day", "inputs")
    found = {look for some in looks for look in some}
    return next(look for look in order if look in found)


def source_name(system: str, entity: str) -> str:
    """The asset of a dbt source as text: `landing/<system>/<entity>`."""
    return f"landing/{system.removeprefix('landing_')}/{entity}"
