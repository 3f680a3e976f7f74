"""The sample company in memory, built once for all tests of it; tests read and never change it."""

from __future__ import annotations

import pytest

from connectors.sample.generator import AS_OF, SEED, Simulation, build
from connectors.sample.reports import Report, build_reports


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return build(SEED, AS_OF)


@pytest.fixture(scope="session")
def reports(simulation: Simulation) -> list[Report]:
    return list(build_reports(simulation.world))
