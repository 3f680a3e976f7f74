"""What the pages say."""

from __future__ import annotations

from dashboards.words import WORDS
from orchestration.settings import ROOT


def test_every_word_is_there_in_both_languages_and_stands_on_a_page() -> None:
    code = "".join(
        path.read_text("utf-8") for path in (ROOT / "dashboards").glob("*.py") if path.name != "words.py"
    )
    assert {
        word for word, said in WORDS.items() if set(said) != {"fr", "en"} or not all(said.values())
    } == set()
    assert {word for word in WORDS if f'"{word}"' not in code and f"'{word}'" not in code} == set()
