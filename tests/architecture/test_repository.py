"""What may stand in the repository, and that each of these rules can fail."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in pieces, so that this file does not trip over itself.
REGISTRIES = re.compile("|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "registry" + r"\.npmjs"]))
PIN = re.compile(r"^[a-z0-9-]+==[^ ]+( ; .+)? \\$")
LARGEST = 1024 * 1024


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout (an unpacked archive): which files are tracked is not known")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def registry_addresses(text: str) -> list[str]:
    return REGISTRIES.findall(text)


def unpinned(lock: str) -> list[str]:
    """Lines of a lock file that are neither an exact version nor a hash."""
    return [
        line
        for line in lock.splitlines()
        if line and not PIN.match(line) and not line.startswith("    --hash=sha256:")
    ]


def test_no_tracked_file_names_a_package_registry() -> None:
    found = {}
    for path in tracked_files():
        try:
            addresses = registry_addresses(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        if addresses:
            found[path.name] = addresses
    assert found == {}


def test_a_registry_address_is_found() -> None:
    assert registry_addresses("--index-url https://py" + "pi.org/simple") == ["py" + "pi.org"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-uv.lock"])
def test_locks_hold_exact_versions_and_hashes_only(lock: str) -> None:
    assert unpinned((ROOT / lock).read_text(encoding="utf-8")) == []


def test_a_loose_version_in_a_lock_is_found() -> None:
    assert unpinned("dlt>=1.31 \\\n    --hash=sha256:00\n") == ["dlt>=1.31 \\"]


def test_no_tracked_file_is_larger_than_a_mebibyte() -> None:
    large = {str(path.relative_to(ROOT)) for path in tracked_files() if path.stat().st_size > LARGEST}
    assert large == set()


def test_every_package_says_what_belongs_in_it() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in ("connectors", "dashboards", "expectations", "orchestration")
        for path in sorted((ROOT / package).rglob("*.py"))
        if not path.read_text(encoding="utf-8").lstrip().startswith('"""')
    ]
    assert silent == []


def test_set_up_works_in_a_folder_whatever_its_name(tmp_path: Path) -> None:
    checkout = tmp_path / "l'entrepôt à nous"
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-uv.lock"):
        (checkout / name).write_bytes((ROOT / name).read_bytes())
    # Within a make, as in `make test`, another one says where it is.
    command = ["make", "--no-print-directory", "--dry-run", "install"]
    planned = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout
    assert "uv pip install" in planned
    # Recipes name the environment from the checkout on, so that no shell reads the checkout's own path.
    assert checkout.name not in planned
