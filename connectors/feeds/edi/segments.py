"""Tokeniser of EDI, for both families: bytes to numbered segments, in bounded memory.

EDIFACT (UNA, UNB) and X12 (ISA) differ in their separators only, and a file may change them from one
interchange to the next. Whatever they are in the file, segments leave here with `ELEMENT` between elements
and `COMPONENT` between components, release characters resolved, without line ends and indentation, as text.
A segment's number counts every segment of the file from 1, UNA included: in a file with one segment a line it
is the line. What belongs here: separators, character sets, segments. What does not: what segments mean
(`edifact`, `x12`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import Place, RejectedFile

Family = Literal["edifact", "x12"]

SEGMENT: Final = "\x1c"
ELEMENT: Final = "\x1d"
COMPONENT: Final = "\x1f"
REPETITION: Final = "\x1e"
_CHUNK: Final = 1 << 22
_LONGEST_SEGMENT: Final = 1 << 20
_HEAD: Final = 4096
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARACTER_SETS: Final = {
    "UNOC": "iso8859-1",
    "UNOD": "iso8859-2",
    "UNOE": "iso8859-5",
    "UNOF": "iso8859-7",
    "UNOG": "iso8859-3",
    "UNOH": "iso8859-4",
    "UNOI": "iso8859-6",
    "UNOJ": "iso8859-8",
    "UNOK": "iso8859-9",
    "UNOL": "iso8859-15",
    "UNOW": "utf-8",
    "UNOX": "utf-8",
    "UNOY": "utf-8",
}
_ENVELOPES: Final = {"edifact": (b"UNA", b"UNB", b"UNH"), "x12": (b"ISA", b"GS", b"ST")}


@dataclass(frozen=True)
class Separators:
    """The separators of one interchange, one byte each; all but the first two may be absent.

    `decimal_marks` are the marks that a number may bear. `encoding` is None where the interchange declares a
    subset of ASCII or nothing at all.
    """

    segment: bytes
    element: bytes
    component: bytes
    release: bytes
    decimal_marks: str
    encoding: str | None
    repetition: bytes = b""

    def show(self, segment: str) -> str:
        """A segment as it stood in the file, but for release characters."""
        return segment.replace(ELEMENT, self.element.decode("latin-1")).replace(
            COMPONENT, self.component.decode("latin-1")
        )


@dataclass(frozen=True)
class Segments:
    """A run of segments of one interchange: their numbers and texts."""

    numbers: npt.NDArray[np.int64]
    texts: pa.StringArray
    separators: Separators
    is_terminated: bool


def read_segments(path: Path, family: Family, encoding: str | None, file: str) -> Iterator[Segments]:
    """Segments of a file, run by run; RejectedFile if it is not of that family.

    `encoding` overrides what the interchange declares. `is_terminated` is False for the run that ends the
    file without a segment terminator.
    """
    reader = _Reader(family, encoding, file)
    for chunk in _raw_chunks(path, file):
        yield from reader.feed(chunk)
    yield from reader.finish()


def _raw_chunks(path: Path, file: str) -> Iterator[bytes]:
    """The file's bytes without byte order mark; UTF-16 as UTF-8."""
    with path.open("rb") as handle:
        head = handle.read(4)
        mark, encoding = next(
            (item for item in _BYTE_ORDER_MARKS if head.startswith(item[0])), (b"", "utf-8")
        )
        handle.seek(len(mark))
        if encoding == "utf-8":
            while chunk := handle.read(_CHUNK):
                yield chunk
            return
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while chunk := handle.read(_CHUNK):
                yield decoder.decode(chunk).encode()
            yield decoder.decode(b"", True).encode()
        except UnicodeDecodeError as error:
            raise RejectedFile(
                "undecodable_bytes",
                f"the file begins as {encoding} and does not go on so ({error.reason})",
                "ask the partner to send it again",
                Place(file=file),
            ) from error


class _Reader:
    def __init__(self, family: Family, encoding: str | None, file: str) -> None:
        self._family = family
        self._encoding = encoding
        self._file = file
        self._pending = b""
        self._separators: Separators | None = None
        self._number = 0

    def feed(self, chunk: bytes) -> Iterator[Segments]:
        self._pending += chunk
        yield from self._work(is_last=False)

    def finish(self) -> Iterator[Segments]:
        yield from self._work(is_last=True)
        if self._separators is None:
            raise RejectedFile(
                "empty_file", "the file is empty", "ask the partner to send it again", Place(file=self._file)
            )

    def _work(self, *, is_last: bool) -> Iterator[Segments]:
        while self._pending:
            if self._separators is None or self._starts_envelope():
                stripped = self._pending.lstrip()
                if not stripped or (len(stripped) < _HEAD and not is_last):
                    self._pending = stripped
                    return
                self._pending = stripped
                found = _find_separators(stripped, self._family, self._file)
                if stripped[:3].upper() == b"UNA":
                    self._pending = stripped[9:]
                    self._number += 1
                self._separators = found
            end = self._end_of_interchange()
            if end is None:
                break
            yield from self._emit(self._pending[:end], is_terminated=True)
            self._pending = self._pending[end:].lstrip()
            if not self._pending:
                return
            if len(self._pending) < _HEAD and not is_last:
                return
        if self._separators is None or not self._pending:
            return
        if is_last:
            rest, self._pending = self._pending, b""
            whole = self._last_terminator(rest)
            yield from self._emit(rest[:whole], is_terminated=True)
            yield from self._emit(rest[whole:], is_terminated=self._separators.segment in b"\r\n")
            return
        whole = self._last_terminator(self._pending)
        done, self._pending = self._pending[:whole], self._pending[whole:]
        if len(self._pending) > _LONGEST_SEGMENT + _CHUNK:
            raise RejectedFile(
                "endless_segment",
                f"no segment ends with {self._separators.segment!r} within {_LONGEST_SEGMENT} characters",
                "ask the partner to send the file again; its separators do not fit its content",
                Place(file=self._file, row=self._number + 1),
            )
        yield from self._emit(done, is_terminated=True)

    def _known_separators(self) -> Separators:
        if self._separators is None:
            raise RuntimeError("segments are asked for before their separators are known")
        return self._separators

    def _starts_envelope(self) -> bool:
        """Whether a new interchange begins here, which brings its own separators."""
        start = self._pending.lstrip()[:3].upper()
        return start in (b"UNA", b"UNB", b"ISA")

    def _end_of_interchange(self) -> int | None:
        """Where the next interchange begins within what is pending; None if it does not."""
        separators = self._known_separators()
        terminator, element = re.escape(separators.segment), re.escape(separators.element)
        following = b"UNA|UNB" if self._family == "edifact" else b"ISA"
        trailer = b"UNZ" if self._family == "edifact" else b"IEA"
        pattern = (
            b"(?i)"
            + trailer
            + element
            + b"[^%b]{0,80}%b\\s*(?=%b)"
            % (
                terminator,
                terminator,
                following,
            )
        )
        match = re.compile(pattern).search(self._pending)
        return match.end() if match else None

    def _last_terminator(self, text: bytes) -> int:
        """The position behind the last terminator that is not released."""
        separators = self._known_separators()
        end = text.rfind(separators.segment)
        while end > 0 and separators.release:
            releases = len(text[:end]) - len(text[:end].rstrip(separators.release))
            if releases % 2 == 0:
                break
            end = text.rfind(separators.segment, 0, end)
        return end + 1

    def _emit(self, text: bytes, *, is_terminated: bool) -> Iterator[Segments]:
        separators = self._known_separators()
        plain = _translate(text, separators)
        if separators.repetition and REPETITION.encode() in plain:
            plain = _spread_repetitions(plain, separators.repetition)
        texts = _split(self._decode(plain, separators))
        if len(texts) == 0:
            return
        numbers = np.arange(self._number + 1, self._number + 1 + len(texts), dtype=np.int64)
        self._number += len(texts)
        yield Segments(numbers, texts, separators, is_terminated)

    def _decode(self, plain: bytes, separators: Separators) -> str:
        encoding = self._encoding or separators.encoding
        try:
            if encoding is None:
                return _decode_undeclared(plain)
            return plain.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            number = self._number + 1
            if isinstance(error, UnicodeDecodeError):
                number += plain[: error.start].count(SEGMENT.encode())
            raise RejectedFile(
                "undecodable_bytes",
                f"the text is not {encoding}, as the interchange or the profile says ({error})",
                "state the file's true encoding as 'encoding' in the profile's container",
                Place(file=self._file, row=number),
            ) from error


def _decode_undeclared(plain: bytes) -> str:
    """ASCII by declaration: what is more than that is UTF-8 if it can be, otherwise Windows-1252."""
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("cp1252", errors="replace")


def _translate(text: bytes, separators: Separators) -> bytes:
    """Common separators in place of the file's, released characters in place of their pairs."""
    held: dict[bytes, bytes] = {}
    if separators.release and separators.release in text:
        # Released characters stand aside as control characters while the separators are translated.
        aside = (b"\x01", b"\x02", b"\x03", b"\x04", b"\x05")
        marks = (
            separators.segment,
            separators.element,
            separators.component,
            separators.release,
            separators.repetition,
        )
        held = {mark: spare for mark, spare in zip(marks, aside, strict=True) if mark}
        text = text.translate(None, delete=b"".join(aside))
        text = re.sub(
            re.escape(separators.release) + b"([\\s\\S])",
            lambda match: held.get(match[1], match[1]),
            text,
        )
    table = bytearray(range(256))
    for control in (0x00, 0x1C, 0x1D, 0x1E, 0x1F):
        table[control] = 0x20
    line_ends = bytes(mark for mark in b"\r\n" if mark != separators.segment[0])
    for mark, common in (
        (separators.segment, SEGMENT),
        (separators.element, ELEMENT),
        (separators.component, COMPONENT),
        (separators.repetition, REPETITION),
    ):
        if mark:
            table[mark[0]] = ord(common)
    for mark, spare in held.items():
        table[spare[0]] = mark[0]
    return text.translate(bytes(table), delete=line_ends)


def _spread_repetitions(plain: bytes, mark: bytes) -> bytes:
    """Elements in place of repetitions where products are listed (PIA), text where quantities are counted, so
    that none is lost silently; elsewhere the first one counts.
    """
    element, segment, repetition = ELEMENT.encode(), SEGMENT.encode(), REPETITION.encode()

    def spread(match: re.Match[bytes]) -> bytes:
        return match[0].replace(repetition, element if match[1].upper() == b"PIA" else mark)

    spelled = re.sub(rb"(?i)(?:(?<=" + segment + rb")|^)\s*(PIA|QTY)[^" + segment + b"]*", spread, plain)
    return re.sub(repetition + b"[^" + element + segment + b"]*", b"", spelled)


def _split(text: str) -> pa.StringArray:
    texts = pc.split_pattern(pa.scalar(text, pa.large_string()), SEGMENT).values
    texts = pc.ascii_ltrim_whitespace(texts).cast(pa.string())
    return texts.filter(pc.greater(pc.binary_length(texts), 0))


# --- separators ---


def _find_separators(text: bytes, family: Family, file: str) -> Separators:
    head = text[:_HEAD]
    start = head[:3].upper()
    if family == "x12" and start == b"ISA":
        return _from_isa(head, file)
    if family == "x12" and start[:2] in (b"GS", b"ST"):
        return _without_isa(head, file)
    if family == "edifact" and start in _ENVELOPES["edifact"]:
        return _from_una(head)
    begins = head[:20].decode("latin-1")
    other = "x12" if family == "edifact" else "edifact"
    is_other = start.startswith(_ENVELOPES[other])
    raise RejectedFile(
        "wrong_container",
        f"the file is not {family}: it begins with {begins!r}",
        f"state kind: {other} in the profile" if is_other else "ask the partner for the agreed format",
        Place(file=file, row=1, value=begins),
    )


def _from_una(head: bytes) -> Separators:
    component, element, decimal, release, segment = b":", b"+", b"", b"?", b"'"
    has_una = head[:3].upper() == b"UNA"
    if has_una and len(head) >= 9:
        component, element, decimal, release = (head[i : i + 1] for i in range(3, 7))
        segment = head[8:9]
    release = b"" if release == b" " else release
    header = re.search(b"(?i)UNB" + re.escape(element) + b"([A-Z0-9]{4})[^A-Z0-9]([0-9])", head)
    charset = header[1].decode().upper() if header else ""
    version = int(header[2]) if header else 3
    if segment not in b"\r\n" and not re.search(
        re.escape(segment) + b"\\s*(?:UN[HGBZ]|BGM)" + re.escape(element), head, re.IGNORECASE
    ):
        # Some senders end segments by the line end alone, whatever UNA says.
        line_end = re.search(b"(?i)(\r\n|\n|\r)[ \t]*(?:UNH|UNG|BGM)" + re.escape(element), head)
        segment = line_end[1][-1:] if line_end else segment
    # Only syntax 4 repeats elements; in older files an asterisk is text, and its place in UNA a blank.
    repetition = (head[7:8] if has_una else b"*") if version >= 4 else b""
    repetition = b"" if repetition in (b" ", element, component, segment, release) else repetition
    strict = has_una and version <= 3 and decimal in (b".", b",")
    return Separators(
        segment,
        element,
        component,
        release,
        decimal.decode() if strict else ".,",
        _CHARACTER_SETS.get(charset),
        repetition,
    )


def _from_isa(head: bytes, file: str) -> Separators:
    element = head[3:4]
    parts = head.split(element, 16) if element else [head]
    if len(parts) < 17 or not parts[16].strip():
        raise RejectedFile(
            "broken_envelope",
            f"the ISA segment has {len(parts) - 1} elements, 16 are due",
            "ask the partner to send the file again",
            Place(file=file, row=1, value=head[:40].decode("latin-1")),
        )
    tail = parts[16]
    component, rest = tail[:1], tail[1:]
    following = re.match(rb"\s*(?:GS|ST|IEA)", rest)
    ends_others = re.search(re.escape(component) + rb"\s*ST" + re.escape(element), rest)
    if following and (not following[0][:1].isspace() or ends_others):
        # The component separator may be left out: what stands there is the terminator.
        component, segment = b"", tail[:1]
    else:
        segment = b"\n" if rest.startswith(b"\r\n") else rest[:1] or b"\n"
    return Separators(segment, element, component, b"", ".", None)


def _without_isa(head: bytes, file: str) -> Separators:
    element = re.match(rb"(?:GS|ST)([^A-Za-z0-9\s])", head)
    mark = re.escape(element[1]) if element else b""
    end = re.search(rb"(\r\n|[^A-Za-z0-9 .,/\-])\s*(?:ST|XQ|BPT)" + mark, head[3:]) if element else None
    if element is None or end is None:
        raise RejectedFile(
            "broken_envelope",
            "the file has no ISA segment, and its separators cannot be told from its first segments",
            "ask the partner for the whole interchange, ISA to IEA",
            Place(file=file, row=1, value=head[:40].decode("latin-1")),
        )
    return Separators(end[1][-1:], element[1], b">", b"", ".", None)
