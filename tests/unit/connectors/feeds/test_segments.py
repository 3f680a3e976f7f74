"""The tokeniser, held against two libraries on files that they can read."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from pydifact.segmentcollection import RawSegmentCollection
from x12 import tokenize_x12

from connectors.errors import RejectedFile
from connectors.feeds.edi.segments import COMPONENT, ELEMENT, Family, read_segments
from tests.samples import FIXTURES, sample

Nested = list[list[list[str]]]


def ours(path: Path, family: Family) -> Nested:
    return [
        [element.split(COMPONENT) for element in text.split(ELEMENT)]
        for run in read_segments(path, family, None, path.name)
        for text in run.texts.to_pylist()
    ]


def of_pydifact(text: str) -> Nested:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segments = list(RawSegmentCollection.from_str(text).segments)
    return [
        [[segment.tag], *([e] if isinstance(e, str) else list(e) for e in segment.elements)]
        for segment in segments
        if segment.tag != "UNA"
    ]


@pytest.mark.parametrize(
    "name",
    ["ediblime_de_shop_20260707_D96A_EAN004_oneline.edi", "rsedi_valid_slsrpt_d96a_full.edi"],
)
def test_segments_of_edifact_are_those_of_pydifact(name: str, tmp_path: Path) -> None:
    # pydifact keeps line ends as part of the next tag.
    text = (FIXTURES / "edifact" / name).read_text("latin-1").replace("\n", "")
    assert ours(FIXTURES / "edifact" / name, "edifact") == of_pydifact(text)


def test_released_characters_are_those_of_pydifact(tmp_path: Path) -> None:
    text = (
        "UNA:+.? 'UNB+UNOC:3+P+U+260105:0600+1'UNH+1+SLSRPT:D:96A:UN'IMD+F++:::a??b?+c?:d?'e'UNT+3+1'UNZ+1+1'"
    )
    path = tmp_path / "a.edi"
    path.write_text(text)
    assert ours(path, "edifact") == of_pydifact(text)


@pytest.mark.parametrize("name", ["867_synthetic_5010.edi", "synthetic_doc_4010.edi"])
def test_segments_of_x12_are_those_of_ansi_x12(name: str) -> None:
    path = sample(f"x12/{name}")
    theirs = [
        [segment.tag, *(element.decode() for element in segment.elements)]
        for segment in tokenize_x12(path.read_bytes()).segments
    ]
    assert [[">".join(element) for element in segment] for segment in ours(path, "x12")] == theirs


def test_segment_numbers_run_on_over_chunks_and_count_the_service_string(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "UNA:+.? 'UNB+UNOC:3+P+U+260105:0600+1'" + "".join(f"LIN+{i}??'" for i in range(5000)) + "UNZ+1+1'"
    path = tmp_path / "a.edi"
    path.write_text(text)
    whole = ours(path, "edifact")
    monkeypatch.setattr("connectors.feeds.edi.segments._CHUNK", 4099)
    assert ours(path, "edifact") == whole
    numbers = [n for run in read_segments(path, "edifact", None, "a") for n in run.numbers.tolist()]
    assert numbers == list(range(2, 5004))


def test_a_segment_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.feeds.edi.segments._CHUNK", 1000)
    monkeypatch.setattr("connectors.feeds.edi.segments._LONGEST_SEGMENT", 10_000)
    path = tmp_path / "a.edi"
    path.write_text("UNB+UNOC:3+P+U+260105:0600+1'" + "A" * 100_000)
    with pytest.raises(RejectedFile, match="no segment ends"):
        list(read_segments(path, "edifact", None, "a"))
