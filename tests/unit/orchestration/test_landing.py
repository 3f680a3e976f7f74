"""Landing as a step of a run: which faults are worth another try."""

from __future__ import annotations

import pytest

from connectors.errors import SourceError
from orchestration.defs.landing.assets import MAY_PASS


@pytest.mark.parametrize(
    ("code", "may_pass"),
    [("erp_unreachable", True), ("erp_empty", True), ("query_refused", False), ("query_null", False),
     ("double_key", False)],
)  # fmt: skip
def test_a_wrong_mapping_query_is_not_tried_again_a_minute_later(code: str, may_pass: bool) -> None:
    assert (SourceError(code, "", "").code in MAY_PASS) is may_pass
