"""Which encoding bytes are most likely written in, to name it where a profile states another.

A profile states the encoding and nothing is decoded by guess: what stands here makes refusals helpful, and
finds what decodes without an error and is wrong all the same (UTF-8 read as cp1252). What belongs here:
judging bytes. What does not: decoding a report (`delimited`).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from connectors.errors import Place, RejectedFile

_LEGACY: Final = ("cp1252", "iso8859-15", "cp850", "mac-roman")
_LATIN: Final = frozenset(("cp1252", "iso8859-1", "iso8859-15"))
_LETTERS: Final = frozenset("éèêëàâäçôöîïûüùÿœæÉÈÊËÀÂÄÇÔÖÎÏÛÜÙŒÆñÑßáíóúÁÍÓÚ€°²³Øø«»’–…\u00a0")
_UTF8: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# What é, °, ’ and € are in UTF-8; as Latin letters they would be pairs that no word holds: Ã©, Â°, â€™, â‚¬.
_TYPICAL: Final = re.compile(
    rb"\xc3[\x80-\xbf]|\xc2[\xa0-\xbf]|\xe2\x80[\x90-\xbf]|\xe2\x82\xac|\xc5[\x92\x93]"
)
_ASCII: Final = bytes(range(128))
_CAPITAL_WITHIN: Final = re.compile("[a-z][À-ÖØ-Þ]")
_CUT: Final = re.compile(rb"[\x80-\xff]{1,3}\Z")


class Likely(NamedTuple):
    """An encoding, how sure that is (0 to 1), and why."""

    encoding: str
    confidence: float
    reason: str


def likely(data: bytes) -> Likely:
    """The encoding that these bytes are most likely written in."""
    if data.startswith(b"\xef\xbb\xbf"):
        return Likely("utf-8-sig", 1.0, "the file begins with the byte order mark of UTF-8")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Likely("utf-16", 1.0, "the file begins with the byte order mark of UTF-16")
    even, odd = data[0:4096:2], data[1:4096:2]
    if even.count(0) > len(even) // 4 and not odd.count(0):
        return Likely("utf-16-be", 0.95, "every other byte is NUL, as in UTF-16 without its mark")
    if odd.count(0) > len(odd) // 4 and not even.count(0):
        return Likely("utf-16-le", 0.95, "every other byte is NUL, as in UTF-16 without its mark")
    if data.isascii():
        return Likely("utf-8", 0.75, "the sample is plain ASCII: a file with accents may say otherwise")
    try:
        # The sample may end within a character.
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return _legacy(data)
    return Likely("utf-8", 0.99, "its accented characters are valid UTF-8")


def _legacy(data: bytes) -> Likely:
    foreign = data.translate(None, _ASCII)
    scores = {}
    for encoding in _LEGACY:
        letters = foreign.decode(encoding, errors="replace")
        fitting = sum(letters.count(letter) for letter in _LETTERS)
        # What is é on a Mac is Ä in DOS: both are letters, but no word has a capital behind a small one.
        strange = len(_CAPITAL_WITHIN.findall(data.decode(encoding, errors="replace")))
        scores[encoding] = max(0, fitting - strange) / len(letters)
    # The euro sign is what tells the two Latin encodings apart; without it they read alike.
    if scores["iso8859-15"] == scores["cp1252"] or b"\xa4" not in foreign:
        scores["iso8859-15"] -= 0.01
    best = max(scores, key=lambda name: scores[name])
    return Likely(
        best,
        round(0.55 + 0.4 * scores[best], 2),
        f"not UTF-8; {scores[best]:.0%} of the other characters are French letters and signs in {best}",
    )


def undecodable(chunk: bytes, at: int, encoding: str, byte: int, line: int, file: str) -> RejectedFile:
    """The refusal of a file whose byte number `byte`, which stands at `chunk[at]`, is not in the encoding."""
    bad = f"byte {byte} (0x{chunk[at]:02x}) is not {encoding}"
    if codecs.lookup(encoding).name.startswith("utf-8") and _TYPICAL.search(chunk):
        return _mixed(line, file, f"{bad}, though other characters are")
    found = likely(chunk)
    return RejectedFile(
        "undecodable_bytes",
        f"{bad}; the file looks like {found.encoding}",
        f"state the file's true encoding in the profile, most likely encoding: {found.encoding}",
        Place(file=file, line=line),
    )


def refuse_mixed(data: bytes, file: str) -> None:
    """RejectedFile if bytes that are no UTF-8 as a whole hold characters of UTF-8 all the same."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError as error:
        if _TYPICAL.search(data):
            line = data.count(b"\n", 0, error.start) + 1
            bad = f"byte {error.start + 1} (0x{data[error.start]:02x}) is not utf-8"
            raise _mixed(line, file, f"{bad}, though other characters are") from error


def _mixed(line: int, file: str, problem: str) -> RejectedFile:
    return RejectedFile(
        "mixed_encodings",
        f"{problem}: the file mixes UTF-8 and another encoding",
        "ask the partner for a file in one encoding: parts of it were joined as they were",
        Place(file=file, line=line),
    )


@dataclass
class Watch:
    """Sees UTF-8 pass by in a file that is announced as Latin: it would decode, into nonsense."""

    encoding: str
    file: str
    _carried: bytes = b""
    _done: int = 0
    _lines: int = 0
    _others: int = 0
    _first: tuple[int, int] | None = None

    def see(self, chunk: bytes) -> None:
        """Look at the next bytes of the file."""
        data = self._carried + chunk
        cut = _CUT.search(data)
        self._carried = cut.group() if cut else b""
        data = data[: len(data) - len(self._carried)]
        self._look(data)

    def _look(self, data: bytes) -> None:
        if not data.isascii():
            typical = _TYPICAL.search(data)
            if typical and self._first is None:
                self._first = (
                    self._done + typical.start() + 1,
                    self._lines + data.count(b"\n", 0, typical.start()) + 1,
                )
            # Counting takes six times as long as searching, and only a file that is half UTF-8 needs it.
            self._others += len(_UTF8.sub(b"", data).translate(None, _ASCII)) if typical else 1
        self._done += len(data)
        self._lines += data.count(b"\n")

    def conclude(self) -> None:
        """RejectedFile if what passed was UTF-8, wholly or in part."""
        self._look(self._carried)
        if codecs.lookup(self.encoding).name not in _LATIN or self._first is None:
            return
        byte, line = self._first
        if self._others:
            raise _mixed(
                line, self.file, f"byte {byte} begins a character of UTF-8 in a file of {self.encoding}"
            )
        raise RejectedFile(
            "other_encoding",
            f"the file is UTF-8, and the profile states {self.encoding}",
            "state encoding: utf-8 in the profile, or ask the partner for the agreed encoding",
            Place(file=self.file, line=line),
        )
