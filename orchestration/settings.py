"""All that one run of one company needs to know: its paths, settings, feeds and fingerprints.

What belongs here: finding and loading them, and the environment that dbt and Dagster get from them.
What does not: the meaning of the settings (`connectors.company`, `connectors.feeds.profile`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from connectors.company import Company, Paths, load_company
from connectors.contract import CRM_ENTITIES
from connectors.errors import ConfigError, Place
from connectors.feeds.profile import Profile, load_profiles

ROOT: Final = Path(__file__).resolve().parent.parent
DBT_PROJECT: Final = ROOT / "dbt_project"
SAMPLE_COMPANY: Final = ROOT / "examples" / "demo"


@dataclass(frozen=True)
class Settings:
    """One company: where its things lie and what its directory says."""

    paths: Paths
    company: Company
    profiles: Mapping[str, Profile]

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its history: `DAGSTER_HOME` if set, otherwise below the data."""
        named = os.environ.get("DAGSTER_HOME")
        return Path(named) if named else self.paths.state / "dagster"

    @property
    def dbt_state(self) -> Path:
        return self.paths.state / "dbt"

    @property
    def current(self) -> Path:
        """The published DuckDB file that readers open."""
        return self.paths.published / "current.duckdb"

    @property
    def owners(self) -> list[str]:
        """The owner of the company's assets as Dagster wants it: an address, or `team:<name>`."""
        owner = self.company.owner
        if owner is None:
            return []
        if "@" in owner or owner.startswith("team:"):
            return [owner]
        return ["team:" + "".join(c if c.isalnum() else "_" for c in owner)]

    def on_one_day(self) -> Settings:
        """The same with today's day for good: a run over midnight keeps the one on which it began."""
        return replace(self, company=self.company.model_copy(update={"as_of_date": self.company.today()}))

    def dbt_environment(self, scope: str) -> dict[str, str]:
        """The variables by which the dbt project learns its paths; `scope` is `touched` or `all`."""
        return {
            "AVAL_WAREHOUSE": str(self.paths.warehouse),
            "AVAL_LANDING": str(self.paths.landing),
            "AVAL_SCOPE": scope,
            "AVAL_AS_OF": self.company.today().isoformat(),
            "AVAL_CURRENCY": self.company.currency,
            "AVAL_TIME_ZONE": self.company.time_zone,
            "AVAL_MEMORY_LIMIT": os.environ.get("AVAL_MEMORY_LIMIT", default_memory_limit()),
            "AVAL_TEMP": str(self.paths.data / "warehouse" / "spill"),
        }

    def model_code(self) -> str:
        """Fingerprint of everything that decides what the models compute; a change rebuilds all."""
        return fingerprint(
            _files(DBT_PROJECT, ("models", "macros", "seeds", "dbt_project.yml", "profiles.yml")),
            self.company.currency,
        )

    def code(self) -> str:
        """Fingerprint of models, gates, connectors and the company's own settings."""
        return fingerprint(
            [
                *_files(ROOT, ("connectors", "expectations", "orchestration")),
                self.paths.company / "company.yml",
            ],
            self.model_code(),
        )


def load_settings(company: Path | None = None, data: Path | None = None, *, feeds: bool = True) -> Settings:
    """Read the company directory; arguments win over `AVAL_COMPANY` and `AVAL_DATA`, and are exported. Its
    feeds are left out where a draft of one, which is not finished, must not be in the way.

    ConfigError as well where Aval was installed without its checkout, of which the models are a part.
    """
    if not DBT_PROJECT.is_dir():
        raise ConfigError(
            "no_checkout",
            "the models (dbt_project) do not lie beside the packages: it was installed without its checkout",
            "clone the repository and `make install` there (docs/deploy.md)",
            Place(file=DBT_PROJECT),
        )
    if company is not None:
        os.environ["AVAL_COMPANY"] = str(company.resolve())
    if data is not None:
        os.environ["AVAL_DATA"] = str(data.resolve())
    paths = Paths.from_environment()
    if paths.company == SAMPLE_COMPANY:
        # The customers of the sample company do not exist, so their key need not be a secret.
        os.environ.setdefault("AVAL_PSEUDONYM_KEY", "the sample company has no customers to protect")
        os.environ.setdefault("AVAL_BUSINESS_KEY", "nor business customers")
    settings = load_company(paths)
    if set(settings.sources) & set(CRM_ENTITIES):
        from connectors.erp.pull import refuse_two_sources

        refuse_two_sources(settings, paths.company / "company.yml")
    return Settings(paths, settings, load_profiles(paths.company / "feeds", settings) if feeds else {})


def fingerprint(files: Iterable[Path], *more: str) -> str:
    """Hash of the contents of `files` and of `more`."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for text in more:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]


def file_fingerprint(path: Path) -> str | None:
    """Size and time of change of a file, or None if there is none: cheap, and any write changes it."""
    if not path.is_file():
        return None
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def code_version() -> str:
    """The installed version of Aval."""
    try:
        return version("aval-warehouse")
    except PackageNotFoundError:
        return "0+source"


def default_memory_limit() -> str:
    """Half of this machine's memory, at most 5 GiB.

    DuckDB keeps what it has read until it meets the limit; Python and dbt come on top (DECISIONS.md).
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(total // 2, 5 * 1024**3) // 1024**2}MiB"


def _files(base: Path, names: Iterable[str]) -> list[Path]:
    found: list[Path] = []
    for name in names:
        path = base / name
        if path.is_file():
            found.append(path)
        found += [
            item
            for item in path.rglob("*")
            if item.is_file() and "__pycache__" not in item.parts and item.suffix in _CODE
        ]
    return found


_CODE: Final = {".py", ".sql", ".yml", ".csv"}
