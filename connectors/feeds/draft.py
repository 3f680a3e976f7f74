"""A proposed profile as YAML text: settings with their confidence and reason, open decisions as comments.

What belongs here: how a draft looks. What does not: what is proposed (`connectors.feeds.propose`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from connectors.feeds.propose import OPEN_MARK, WRITTEN_FROM, Proposal
from connectors.feeds.sniff import Choice

_SECTIONS: Final = ("files", "container", "period", "columns")
_PLAIN: Final = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ0-9 _./-]*[A-Za-zÀ-ÿ0-9.]|[A-Za-z]")
_RESERVED: Final = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


def render(proposal: Proposal) -> str:
    """The draft profile; what is not sure enough is a comment that begins with `OPEN_MARK`."""
    lines = [
        f"# Drafted from {proposal.file}. Each line says how sure it is (0 to 1) and why: read them, then",
        f"# try aval feeds check. Lines that begin with '# {OPEN_MARK}' were too unsure to be written.",
    ]
    lines += [f"# {line}" for note in proposal.notes for line in _folded(note)]
    lines.append("")
    for key, choices in _grouped(proposal.choices):
        lines += _block(key, choices)
    return "\n".join(lines) + "\n"


def open_decisions(draft: str) -> tuple[str, ...]:
    """Settings that a draft, as somebody keeps it, still leaves open."""
    marked = re.findall(rf"^\s*# {OPEN_MARK} (\w+):", draft, re.MULTILINE)
    return tuple(dict.fromkeys(marked))


def _grouped(choices: Iterable[Choice]) -> list[tuple[str, list[Choice]]]:
    """Choices by their top-level key, in the order in which it first stands."""
    groups: dict[str, list[Choice]] = {}
    for choice in choices:
        groups.setdefault(choice.key.partition(".")[0], []).append(choice)
    return list(groups.items())


def _block(key: str, choices: Sequence[Choice]) -> list[str]:
    settled = any(choice.confidence >= WRITTEN_FROM for choice in choices)
    if key in _SECTIONS:
        head = f"{key}:" if settled else f"# {OPEN_MARK} {key}:"
        return [head, *(_line(choice, "  ", choice.key.partition(".")[2]) for choice in choices), ""]
    if key in ("wide", "skip_rows", "return_rows"):
        lines = [f"{key}:" if settled else f"# {OPEN_MARK} {key}:"]
        for choice in choices:
            items = ", ".join(f"{name}: {scalar(value)}" for name, value in choice.value.items())
            lines.append(_marked(choice, "  ", f"- {{{items}}}"))
        return [*lines, ""]
    if key == "units":
        (choice,) = choices
        pairs = [f"  {scalar(name)}: {scalar(code)}" for name, code in choice.value.items()]
        return [_marked(choice, "", "units:"), *pairs]
    return [_line(choice, "", key) for choice in choices]


def _line(choice: Choice, indent: str, key: str) -> str:
    return _marked(choice, indent, f"{key}: {scalar(choice.value)}")


def _marked(choice: Choice, indent: str, text: str) -> str:
    reason = choice.reason.replace("\n", " ")
    if choice.confidence < WRITTEN_FROM:
        return f"{indent}# {OPEN_MARK} {text}   # {choice.confidence:.2f}: {reason}"
    return f"{indent}{text}   # {choice.confidence:.2f}: {reason}"


def scalar(value: Any) -> str:
    """A value as YAML writes it on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | date):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {scalar(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _RESERVED:
        return text
    if re.search(r"[\x00-\x1f\x7f-\x9f\u00a0\u2028\u2029\ufeff]", text):
        return json.dumps(text)
    return "'" + text.replace("'", "''") + "'"


def _folded(note: str, width: int = 105) -> list[str]:
    lines, line = [], ""
    for word in note.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]
