"""Partners as a matter of matching: files of the inbox that no profile takes, and whose they may be.

What belongs here: gathering them by folder. What does not: what a file says of its sender
(`connectors.feeds.senders`) and the score of names (`connectors.matching.places`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from connectors.feeds.intake.inbox import unclaimed
from connectors.feeds.senders import Evidence, Partner, load_partners, look, owners
from connectors.matching import places
from connectors.matching.decisions import PARTNERS, Kind
from connectors.matching.places import Likeness, Place
from orchestration.matching import Open, proposals_of
from orchestration.settings import Settings

_LOOKED_INTO: Final = 3
_SHOWN: Final = 3


class PartnerMatter:
    """Whose the files of a folder of the inbox are; a file beside all folders stands for itself."""

    kind: Kind = PARTNERS
    threshold: float = places.DEFAULT_THRESHOLD

    def unmatched(self, settings: Settings) -> list[Open]:
        found = []
        for folder, files in _by_folder(settings).items():
            days = [datetime.fromtimestamp(path.stat().st_mtime, UTC).date() for path in files]
            names = ", ".join(path.name for path in files[:_SHOWN])
            more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
            found.append(Open("", "", folder, names + more, None, None, None, min(days), max(days)))
        return found

    def in_use(self, settings: Settings) -> set[tuple[str, str, str, str]]:
        """None: a folder leaves the list once a profile takes its files."""
        return set()

    def proposals(self, settings: Settings, rejected: set[tuple[str, str, str]]) -> pa.Table:
        partners = load_partners(settings.paths.landing)
        found: list[Likeness] = []
        for folder, files in _by_folder(settings).items():
            evidence = [look(path) for path in files[-_LOOKED_INTO:]]
            known = _by_identifier(folder, evidence, partners, rejected)
            found += known or _by_name(folder, files, evidence, partners, rejected)
        return proposals_of(found)

    def targets(self, settings: Settings) -> Mapping[str, tuple[str, ...]]:
        return {partner.code: () for partner in load_partners(settings.paths.landing)}

    def valued(self, settings: Settings, codes: Sequence[Open]) -> list[Open]:
        return list(codes)


def _by_folder(settings: Settings) -> dict[str, list[Path]]:
    """Files that no profile takes, the newest last, by the first folder of the inbox, or their name."""
    inbox = settings.company.inbox.path
    found: dict[str, list[Path]] = {}
    for name in unclaimed(inbox, settings.profiles):
        found.setdefault(name.partition("/")[0], []).append(inbox / name)
    return found


def _by_identifier(
    folder: str,
    evidence: Sequence[Evidence],
    partners: Sequence[Partner],
    rejected: set[tuple[str, str, str]],
) -> list[Likeness]:
    """Partners of whom the files bear an identifier, the oftener the better."""
    of_partner = owners(partners)
    names = {partner.code: partner for partner in partners}
    seen: dict[str, list[str]] = {}
    for item in evidence:
        for identifier in sorted(item.identifiers & of_partner.keys()):
            seen.setdefault(of_partner[identifier], []).append(identifier)
    ranked = sorted(seen.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    wanted = [entry for entry in ranked if ("", folder, entry[0]) not in rejected][: places.KEPT]
    # Several partners in one file: no single one is its sender for sure.
    score = 1.0 if len(wanted) == 1 else 0.8
    return [
        Likeness(
            "",
            folder,
            rank,
            _place(names[code]),
            score,
            f"its files bear {', '.join(dict.fromkeys(identifiers))}",
        )
        for rank, (code, identifiers) in enumerate(wanted, start=1)
    ]


def _by_name(
    folder: str,
    files: Sequence[Path],
    evidence: Sequence[Evidence],
    partners: Sequence[Partner],
    rejected: set[tuple[str, str, str]],
) -> list[Likeness]:
    """The best of what folder, file names and texts in the files are like."""
    texts = [folder, *(path.stem for path in files[-_LOOKED_INTO:])]
    texts += [name for item in evidence for name in item.names]
    spoken = [re.sub(r"[_\W\d]+", " ", text).strip() for text in dict.fromkeys(texts)]
    ours = [_place(partner) for partner in partners]
    attempts = [places.score([Place(folder, text)], ours, rejected) for text in spoken if text]
    return max((attempt for attempt in attempts if attempt), key=lambda attempt: attempt[0].score, default=[])


def _place(partner: Partner) -> Place:
    return Place(partner.code, partner.name, None, None, partner.postal_code, partner.city)
