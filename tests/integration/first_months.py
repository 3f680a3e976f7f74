"""The first months of the sample company at a site of their own: a company directory and its data.

What belongs here: making a site, letting time pass at it, and starting Aval there. What does not: fixtures
(`conftest.py`), and what is promised of a run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from connectors.sample import generate, ledger_export
from connectors.sample.changes import damage, next_week, send_correction, send_twice
from connectors.sample.generator import SEED, Sample
from tests.installation import ROOT, run_aval

AS_OF = date(2024, 10, 20)
NEXT_WEEK = date(2024, 10, 27)
BOOKS_UNTIL = date(2024, 9, 30)
# The programmes of the sample company begin in 2025.
REBATE = """
  RFA-D04:
    name_fr: Remise sur tous les achats
    name_en: Rebate on all purchases
    versions:
      - valid_from: 2024-07-01
        period_months: 3
        form: stepped
        measure: amount
        partners: {codes: [D04]}
        tiers: [{from: 0, rate: 0.01}]
"""


@dataclass(frozen=True)
class Site:
    """A company directory and its data, as a user has them."""

    company: Path
    data: Path

    @property
    def inbox(self) -> Path:
        return self.data / "source" / "inbox"

    @property
    def sample(self) -> Sample:
        source = self.data / "source"
        return Sample(source, SEED, AS_OF, f"sqlite:///{source / 'erp.sqlite'}", 0)

    @property
    def current(self) -> Path:
        return (self.data / "published" / "current.duckdb").resolve()

    @property
    def versions(self) -> list[Path]:
        """What has been published, the oldest first."""
        return sorted(path for path in (self.data / "published").glob("*.duckdb") if not path.is_symlink())

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AVAL_COMPANY": str(self.company),
            "AVAL_PSEUDONYM_KEY": "a key for tests",
            "AVAL_BUSINESS_KEY": "a key for business customers",
            "TEST_DAY": (self.data / "day").read_text(),
        }

    def aval(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_aval(*arguments, data=self.data, **self.environment)

    def run(self, *arguments: str, expect: int = 0) -> str:
        result = self.aval("run", *arguments)
        output = result.stdout + result.stderr
        assert result.returncode == expect, output
        return output

    def published_hash(self) -> str:
        return hashlib.sha256(self.current.read_bytes()).hexdigest()

    def set_day(self, day: date) -> None:
        """Not in the company's settings: a change of these has the gates look at everything."""
        (self.data / "day").write_text(day.isoformat())

    def copy(self, folder: Path) -> Site:
        """The same in another place, where it may change."""
        shutil.copytree(self.company.parent, folder, symlinks=True)
        return at(folder)


def at(folder: Path) -> Site:
    """The site that lies in `folder`."""
    return Site(folder / "company", folder / "data")


def make_site(folder: Path) -> Site:
    """Found the company and let its first months pass; nothing has run yet."""
    site = at(folder)
    shutil.copytree(ROOT / "examples" / "demo", site.company)
    settings = site.company / "company.yml"
    lines = [
        "as_of_date: ${TEST_DAY}" if line.startswith("as_of_date:") else line
        for line in settings.read_text(encoding="utf-8").splitlines()
    ]
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (site.company / "rules" / "rebates.yml").open("a", encoding="utf-8") as rules:
        rules.write(REBATE)
    with pytest.MonkeyPatch.context() as patch:
        # The sample company exports its ledger at the end of a year, which has not come yet.
        patch.setattr(ledger_export, "YEAR_ENDS", (BOOKS_UNTIL,))
        generate(site.data / "source", as_of=AS_OF)
    site.set_day(AS_OF)
    return site


def let_a_week_pass(site: Site) -> None:
    """New documents and new reports, of which D09's is lost and D14's comes damaged; D01 sends two of earlier
    weeks again: one as it was, one with ten pieces more.
    """
    weekly = sorted(site.inbox.glob("D01/*.csv"))
    known = set(site.inbox.rglob("*.*"))
    next_week(site.sample)
    site.set_day(NEXT_WEEK)
    new = sorted(set(site.inbox.rglob("*.*")) - known)
    next(path for path in new if path.parent.name == "D09").unlink()
    damage(next(path for path in new if path.parent.name == "D14"))
    send_twice(site.sample, weekly[3])
    send_correction(site.sample, weekly[5].name, extra=10)
