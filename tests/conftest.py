"""What tests of several kinds share: the sample company, built once for all workers of a session, and the
order in which the workers run them.

What does not belong here: fixtures of one subject, and starting Aval (`tests.installation`).
"""

from __future__ import annotations

import shutil
from itertools import groupby
from pathlib import Path

import pytest

from tests.installation import bring_parsed, only_once, shared_folder, start_aval

INTEGRATION = Path(__file__).parent / "integration"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each of several workers begin with its share of the long tests, and end with short ones.

    Workers get equal parts of the list, and one that is through takes from the end of another's: what is left
    in the end is short, so that none waits for another's last long test. The first begins with what needs the
    sample company, and builds it while the others do something else.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers == 1:
        return
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    rest: list[pytest.Item] = []
    others = 0
    for path, module in groupby(items, key=lambda item: item.path):
        tests = list(module)
        if INTEGRATION not in path.parents:
            rest += tests
        elif any("built_demo" in getattr(test, "fixturenames", ()) for test in tests):
            shares[0] += tests
        else:
            shares[1 + others % (workers - 1)] += tests
            others += 1
    ordered: list[pytest.Item] = []
    for number, share in enumerate(shares):
        size = (len(items) - len(ordered)) // (workers - number)
        queue = share + rest
        ordered += queue[:size]
        rest = queue[size:]
    items[:] = ordered


@pytest.fixture(scope="session")
def built_demo(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Path:
    """The data directory of the sample company after one `aval demo`. Read only: copy it to change it."""
    data = shared_folder(tmp_path_factory) / "built_demo"
    with only_once(data) as is_first:
        if is_first:
            bring_parsed(manifest_data, data)
            result = start_aval("demo", data=data)
            assert result.returncode == 0, result.stdout + result.stderr
            (data / "summary.txt").write_text(result.stdout)
    return data


@pytest.fixture
def demo_copy(built_demo: Path, tmp_path: Path) -> Path:
    """A copy of `built_demo` that a test may change."""
    return Path(shutil.copytree(built_demo, tmp_path / "data", symlinks=True))


@pytest.fixture(scope="session")
def manifest_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that holds nothing but the prepared manifest of the dbt project."""
    from orchestration.dbt import prepare_manifest
    from orchestration.settings import SAMPLE_COMPANY, load_settings

    data = shared_folder(tmp_path_factory) / "manifest_data"
    with only_once(data) as is_first:
        if is_first:
            prepare_manifest(load_settings(SAMPLE_COMPANY, data))
    return data
