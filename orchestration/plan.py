"""What a run has to do: nothing, the touched slices, or everything; and what is known from former runs.

The ledger keeps small facts for this: `plan` and `gates` (of the newest run), `validated` (the warehouse
file that all gates have passed), `published` (what readers have, and from which file, code and day) and
`sent` (what PostgreSQL has).
What belongs here: that decision and those facts. What does not: carrying it out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field, fields
from datetime import date, timedelta
from typing import Any, Final, Literal

from connectors.contract import ENTITIES
from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration.publish import GateOutcome, newest_version
from orchestration.settings import Settings, file_fingerprint
from orchestration.standing import DAY, source_name

Scope = Literal["touched", "all"]

REBUILD: Final = "rebuild"
"""Why slices are pending that `--rebuild` asked for."""
NOT_SENT: Final = "PostgreSQL does not hold the newest publication"
"""Why there is something to do where all that is missing is the sending."""


@dataclass(frozen=True)
class Options:
    """What the user asked of a run; the same by command line and by run configuration in Dagster."""

    rebuild: str = ""
    audit: bool = False
    full_refresh: bool = False
    accept_deleted_documents: bool = False


@dataclass(frozen=True)
class LeftAside:
    """A file of the inbox that the newest run left alone: being written, refused, or without a profile."""

    file_name: str
    feed_code: str
    state: str
    reason: str


@dataclass(frozen=True)
class Published:
    """What readers have, and from what it was made: `sources` as `Ledger.state_of` by name."""

    version: str
    warehouse: str
    code: str
    models: str
    as_of: str
    landing: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """What PostgreSQL has: the version, how many rows it took to bring it there, and into how many tables."""

    version: str
    rows: int
    tables: int


@dataclass(frozen=True)
class Plan:
    """What one run does after landing.

    `scope` is what the models read, `gate_scope` what the gates look at; `pending_sequence` is the newest
    pending entry that the run's publication will hold, `sources` the state of the landed entities that it
    will be made from. `unchanged` names those that are as they were when the warehouse was built (and the
    day, if it is the same); None where nothing of the warehouse can be built upon.
    """

    run_id: str
    reasons: tuple[str, ...]
    scope: Scope
    gate_scope: Scope
    full_refresh: bool
    audit: bool
    pending_sequence: int
    as_of: str
    landing: str
    sources: Mapping[str, str]
    unchanged: tuple[str, ...] | None

    @property
    def is_needed(self) -> bool:
        return bool(self.reasons)

    @property
    def only_sends(self) -> bool:
        """Whether what is published says all that there is, and PostgreSQL alone lacks it."""
        return self.reasons == (NOT_SENT,)


@dataclass(frozen=True)
class Situation:
    """What `decide` looks at."""

    pending_sequence: int
    pending_reasons: AbstractSet[str]
    warehouse: str | None
    code: str
    models: str
    as_of: str
    is_published: bool
    is_sent: bool
    published: Published | None
    validated: str | None
    landing: str
    sources: Mapping[str, str]


def decide(run_id: str, options: Options, now: Situation) -> Plan:
    """Decide what has to be done, and say why in words that a person understands."""
    reasons: list[str] = []
    published = now.published
    full_refresh = options.full_refresh
    if now.pending_reasons - {REBUILD}:
        reasons.append("new or changed data")
    if REBUILD in now.pending_reasons:
        span = f" of {options.rebuild}" if options.rebuild else ""
        reasons.append(f"a rebuild{span} was asked for")
    if options.full_refresh:
        reasons.append("a full refresh was asked for")
    if now.warehouse is None:
        full_refresh = True
        reasons.append("there is no warehouse yet")
    elif published is None or published.models != now.models:
        full_refresh = True
        reasons.append("the models have changed" if published else "nothing has been published yet")
    elif published.code != now.code:
        reasons.append("the code or the company's settings have changed")
    if options.audit:
        reasons.append("an audit was asked for")
    if published is not None and published.as_of != now.as_of:
        reasons.append(f"the day has changed to {now.as_of}")
    if published is not None and now.warehouse not in (None, published.warehouse):
        reasons.append("the warehouse is not the one that was published")
    if published is not None and not now.is_published:
        reasons.append("the published file is gone")
    elif published is not None and not now.is_sent:
        reasons.append(NOT_SENT)
    # A warehouse that the gates did not leave behind (a killed run, a closed gate, a change by hand) is
    # looked at as a whole: the touched slices alone would not show the damage.
    trusted = now.warehouse is not None and now.warehouse in {
        now.validated,
        published.warehouse if published else None,
    }
    same_code = published is not None and published.code == now.code
    # An audit looks at what stands: built anew, what was wrong in it would be gone before anybody saw it.
    looks_at_all = full_refresh or options.audit or not trusted or not same_code
    gate_scope: Scope = "all" if looks_at_all else "touched"
    return Plan(
        run_id=run_id,
        reasons=tuple(reasons),
        scope="all" if full_refresh else "touched",
        gate_scope=gate_scope,
        full_refresh=full_refresh,
        audit=options.audit,
        pending_sequence=now.pending_sequence,
        as_of=now.as_of,
        landing=now.landing,
        sources=now.sources,
        unchanged=_unchanged(now) if gate_scope == "touched" else None,
    )


def _unchanged(now: Situation) -> tuple[str, ...] | None:
    """What the published warehouse was made from and is as it was; None if another stands in its place."""
    former = now.published
    # Views name the files of landing by their full path.
    if former is None or former.warehouse != now.warehouse or former.landing != now.landing:
        return None
    same = tuple(name for name, state in now.sources.items() if former.sources.get(name) == state)
    return (*same, DAY) if former.as_of == now.as_of else same


def situation(settings: Settings, ledger: Ledger) -> Situation:
    """Read what `decide` needs."""
    validated = read_validated(ledger)
    sent = read_sent(ledger)
    holds_newest = sent is not None and sent.version == newest_version(settings.paths.published)
    return Situation(
        pending_sequence=ledger.pending_sequence(),
        pending_reasons=ledger.pending_reasons(),
        warehouse=file_fingerprint(settings.paths.warehouse),
        code=settings.code(),
        models=settings.model_code(),
        as_of=settings.company.today().isoformat(),
        is_published=settings.current.is_file(),
        is_sent=settings.company.publish.postgresql is None or holds_newest,
        published=read_published(ledger),
        validated=validated.warehouse if validated else None,
        landing=str(settings.paths.landing),
        sources={
            source_name(entity.system, entity.name): ledger.state_of(entity.system, entity.name)
            for entity in ENTITIES.values()
        },
    )


def _of_fields(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What was remembered of a record, without what a later version of Aval has added to it."""
    known = {each.name for each in fields(kind)}
    return {name: value for name, value in values.items() if name in known}


def save_plan(ledger: Ledger, plan: Plan) -> None:
    ledger.remember("plan", json.dumps(asdict(plan)))


def read_plan(ledger: Ledger) -> Plan | None:
    """The newest run's plan."""
    text = ledger.recall("plan")
    if text is None:
        return None
    values = json.loads(text)
    unchanged = values.get("unchanged")
    return Plan(
        **{
            # A plan that was made before these were kept.
            "as_of": "",
            "landing": "",
            "sources": {},
            **_of_fields(Plan, values),
            "reasons": tuple(values["reasons"]),
            "unchanged": None if unchanged is None else tuple(unchanged),
        }
    )


def save_validated(ledger: Ledger, warehouse: str, outcomes: Sequence[GateOutcome]) -> None:
    """Remember that the gates have passed exactly this file, and by which plan it was built."""
    decided = read_plan(ledger)
    record = {
        "warehouse": warehouse,
        "outcomes": [asdict(item) for item in outcomes],
        "plan": decided.run_id if decided else None,
    }
    ledger.remember("validated", json.dumps(record))


@dataclass(frozen=True)
class Validated:
    """A warehouse file that all gates have passed; `plan` is the run whose plan built it."""

    warehouse: str
    outcomes: list[GateOutcome]
    plan: str | None


def read_validated(ledger: Ledger) -> Validated | None:
    text = ledger.recall("validated")
    if text is None:
        return None
    values = json.loads(text)
    outcomes = [GateOutcome(**_of_fields(GateOutcome, item)) for item in values["outcomes"]]
    return Validated(values["warehouse"], outcomes, values.get("plan"))


def save_outcomes(ledger: Ledger, run_id: str, outcomes: Sequence[GateOutcome]) -> None:
    """Remember what the gates of one run have said so far."""
    ledger.remember("gates", json.dumps({"run_id": run_id, "outcomes": [asdict(item) for item in outcomes]}))


def read_outcomes(ledger: Ledger, run_id: str | None = None) -> list[GateOutcome]:
    """What the gates said in that run, or in the newest one; empty if that run has come to none."""
    text = ledger.recall("gates")
    values = json.loads(text) if text else {"run_id": None, "outcomes": []}
    if run_id is not None and values["run_id"] != run_id:
        return []
    return [GateOutcome(**_of_fields(GateOutcome, item)) for item in values["outcomes"]]


def save_left_aside(ledger: Ledger, files: Sequence[LeftAside]) -> None:
    ledger.remember("left_aside", json.dumps([asdict(item) for item in files]))


def read_left_aside(ledger: Ledger) -> list[LeftAside]:
    """Files that the newest run found and did not take in."""
    text = ledger.recall("left_aside")
    return [LeftAside(**_of_fields(LeftAside, item)) for item in json.loads(text)] if text else []


def save_published(ledger: Ledger, published: Published) -> None:
    ledger.remember("published", json.dumps(asdict(published)))


def read_published(ledger: Ledger) -> Published | None:
    text = ledger.recall("published")
    return Published(**_of_fields(Published, json.loads(text))) if text else None


def save_sent(ledger: Ledger, sent: Sent | None) -> None:
    """Remember what PostgreSQL has; None where it has another state than any publication."""
    ledger.remember("sent", json.dumps(sent and asdict(sent)))


def read_sent(ledger: Ledger) -> Sent | None:
    values = json.loads(ledger.recall("sent") or "null")
    return Sent(**_of_fields(Sent, values)) if values else None


_SPAN: Final = re.compile(r"(\d{4})-(\d{2})(?:\.\.(\d{4})-(\d{2}))?")


def span_of_months(text: str) -> tuple[date, date]:
    """`2026-01..2026-03` (or one month) as its first and last day."""
    match = _SPAN.fullmatch(text.strip())
    wrong = AvalError(
        "invalid_span",
        f"{text!r} is no span of months",
        "write it as 2026-01..2026-03, or one month as 2026-01",
    )
    if match is None:
        raise wrong
    year, month, last_year, last_month = match.groups()
    try:
        first = date(int(year), int(month), 1)
        last = date(int(last_year or year), int(last_month or month), 1)
    except ValueError as error:
        raise wrong from error
    if last < first:
        raise wrong
    return first, (last + timedelta(days=32)).replace(day=1) - timedelta(days=1)
