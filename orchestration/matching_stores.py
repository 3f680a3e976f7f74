"""Stores as a matter of matching: those that partners report and none of our list is known for.

What belongs here: reading the warehouse for that. What does not: the score (`connectors.matching.places`),
and exact identifiers (`core.dim_stores`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from connectors.matching import places
from connectors.matching.decisions import STORES, Kind
from connectors.matching.places import Place
from orchestration.matching import Open, proposals_of, warehouse
from orchestration.settings import Settings

_UNMATCHED: Final = "core.dim_stores where not is_matched and last_seen_date >= valid_from_date"


class StoreMatter:
    """Which of our stores a partner's store is."""

    kind: Kind = STORES
    threshold: float = places.DEFAULT_THRESHOLD

    def unmatched(self, settings: Settings) -> list[Open]:
        """Stores with days on which none of ours is known for them; at stake is all that they have sold."""
        with warehouse(settings) as connection:
            rows = connection.execute(
                f"""
                select
                    stores.partner_code,
                    coalesce(partners.partner_name, stores.partner_code),
                    stores.reported_store,
                    nullif(concat_ws(', ', stores.store_name, stores.store_address, stores.postal_code,
                        stores.store_city), ''),
                    sold.net_quantity,
                    sold.net_amount,
                    sold.net_amount,
                    stores.first_seen_date,
                    stores.last_seen_date
                from (
                    select distinct store_key, partner_code, reported_store, store_name, store_address,
                        postal_code, store_city, first_seen_date, last_seen_date
                    from {_UNMATCHED}
                ) as stores
                left join (
                    select store_key, sum(net_quantity) as net_quantity, sum(net_amount) as net_amount
                    from core.fct_store_reports group by store_key
                ) as sold on sold.store_key = stores.store_key
                left join (select * from core.dim_partners where is_current) as partners
                    on partners.partner_code = stores.partner_code
                """
            ).fetchall()
        return [Open(*row) for row in rows]

    def in_use(self, settings: Settings) -> set[tuple[str, str, str, str]]:
        with warehouse(settings) as connection:
            rows = connection.execute(
                "select partner_code, reported_code, store_code, strftime(decided_at, '%Y-%m-%d %H:%M:%S') "
                "from staging.stg_rules__store_matches"
            ).fetchall()
        return set(rows)

    def proposals(self, settings: Settings, rejected: set[tuple[str, str, str]]) -> pa.Table:
        with warehouse(settings) as connection:
            reported = connection.execute(
                "select distinct reported_store, coalesce(store_name, store_code, ''), partner_code, "
                f"store_address, postal_code, store_city from {_UNMATCHED} order by all"
            ).fetchall()
            ours = connection.execute(
                "select store_code, store_name, partner_code, address, postal_code, city "
                "from staging.stg_rules__stores order by store_line_number"
            ).fetchall()
        found = places.score([Place(*row) for row in reported], [Place(*row) for row in ours], rejected)
        return proposals_of(found)

    def targets(self, settings: Settings) -> Mapping[str, tuple[str, ...]]:
        with warehouse(settings) as connection:
            rows = connection.execute("select store_code from staging.stg_rules__stores").fetchall()
        return {code: () for (code,) in rows}

    def valued(self, settings: Settings, codes: Sequence[Open]) -> list[Open]:
        return list(codes)
