"""Modules that a library imports and nobody uses are not loaded."""

from __future__ import annotations

import sys

import pytest

from expectations.deferred import imported_later


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a small module of the standard library that is not loaded."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    return "colorsys"


def test_a_module_is_loaded_at_its_first_use(unloaded: str) -> None:
    with imported_later(unloaded):
        import colorsys
    assert unloaded not in sys.modules
    assert colorsys.rgb_to_hsv(1.0, 1.0, 1.0) == (0.0, 0.0, 1.0)
    assert unloaded in sys.modules


def test_who_imports_it_afterwards_gets_the_module_itself(unloaded: str) -> None:
    with imported_later(unloaded):
        import colorsys as stand_in
    import colorsys

    assert colorsys is not stand_in
    assert stand_in.rgb_to_hsv is colorsys.rgb_to_hsv


def test_a_module_that_is_loaded_stays_as_it_is(unloaded: str) -> None:
    import colorsys as before

    with imported_later(unloaded):
        import colorsys as within
    assert within is before
    assert sys.modules[unloaded] is before


def test_a_name_that_the_module_has_not_is_an_error(unloaded: str) -> None:
    with imported_later(unloaded):
        import colorsys
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = colorsys.no_such_thing  # type: ignore[attr-defined]
