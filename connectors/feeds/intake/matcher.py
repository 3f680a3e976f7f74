"""Which feed a file belongs to, by the globs of the profiles.

What belongs here: names against globs. What does not: finding files (`inbox`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from connectors.errors import ConfigError, Place
from connectors.feeds.profile import Profile


def _glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression: `*` and `?` stay within a folder, `**/` stands for any folders."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]*\])", unicodedata.normalize("NFC", glob))
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(
        known.get(part)
        or ("[^" + part[2:] if part.startswith("[!") else part if part.startswith("[") else re.escape(part))
        for part in parts
    )
    # Partners' systems change the case of names; nobody tells two reports apart by it.
    return re.compile(pattern, re.IGNORECASE)


class FeedMatcher:
    """Finds the feed of a file by the profiles' globs."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._patterns = {code: _glob_pattern(profile.files.glob) for code, profile in profiles.items()}

    def _matching(self, name: str) -> list[str]:
        normal = unicodedata.normalize("NFC", name)
        return [code for code, pattern in self._patterns.items() if pattern.fullmatch(normal)]

    def takes(self, name: str) -> bool:
        """Whether any profile matches a file below the inbox."""
        return bool(self._matching(name))

    def find(self, name: str) -> str | None:
        """The feed of a file below the inbox; None if no profile matches, ConfigError if several do."""
        codes = self._matching(name)
        if len(codes) > 1:
            raise ConfigError(
                "ambiguous_feed",
                f"the file matches several profiles: {', '.join(codes)}",
                "make 'files.glob' of these profiles exclude one another",
                Place(file=name),
            )
        return codes[0] if codes else None


def find_feed(path: Path, inbox: Path, profiles: Mapping[str, Profile]) -> str:
    """The feed of any file: by its place below the inbox, otherwise by its name alone; ConfigError if that
    fails.
    """
    matcher = FeedMatcher(profiles)
    resolved, root = path.resolve(), inbox.resolve()
    if resolved.is_relative_to(root):
        code = matcher.find(resolved.relative_to(root).as_posix())
        codes = [code] if code is not None else []
    else:
        tails = {code: profile.files.glob.rpartition("/")[2] for code, profile in profiles.items()}
        codes = [code for code, tail in tails.items() if _glob_pattern(tail).fullmatch(path.name)]
    if len(codes) != 1:
        known = f"{'these' if codes else 'known'} feeds: {', '.join(codes or sorted(profiles)) or 'none'}"
        raise ConfigError(
            "unmatched_file",
            f"the name of the file matches {'several profiles' if codes else 'files.glob of no profile'}",
            f"name the feed by --feed, or correct 'files.glob'; {known}",
            Place(file=path),
        )
    return codes[0]
