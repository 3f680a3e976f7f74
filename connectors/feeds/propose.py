"""A draft profile from a sample file: what each column seems to mean, how sure that is, and why.

`propose` gives choices, key by key as a profile spells them. What is less sure than `WRITTEN_FROM` is left
to a person: it is written as a comment, never as a setting. What belongs here: the meaning of titles and
cells. What does not: reading the sample (`sniff`), the words (`synonyms`), the YAML text (`draft`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from stdnum import ean, luhn
from stdnum.fr import siret

from connectors.company import Calendar
from connectors.feeds.excel import SHEET_TITLE
from connectors.feeds.known import Known
from connectors.feeds.months import name_pattern, parse_date
from connectors.feeds.normalise.layout import METRICS, in_words
from connectors.feeds.periods import Span, Year, span_from_groups, span_from_text, span_of
from connectors.feeds.profile import EPOCHS, FISCAL, Frequency
from connectors.feeds.sniff import Choice, Sample, is_number, sniff, words
from connectors.feeds.synonyms import (
    COLUMNS,
    CUMULATIVE_WORDS,
    CURRENCY_SIGNS,
    CURRENCY_WORDS,
    GROSS_WORDS,
    MONEY_WORDS,
    MONTHS,
    NET_WORDS,
    ONLY_NET,
    OTHER_TITLES,
    PACK_WORDS,
    PERIOD_TITLES,
    QUANTITY_WORDS,
    RETURN_WORDS,
    STOCK_WORDS,
    SUBTOTALS,
    TAX_WORDS,
    TOTAL_BEHIND,
    TOTAL_PATTERN,
    UNITS,
)
from connectors.feeds.table import UNUSUAL_SPACES

WRITTEN_FROM: Final = 0.5
"""Confidence from which a choice is written as a setting; below it, as a comment to decide on."""
OPEN_MARK: Final = "TODO"
"""What its reader searches a draft for: decisions that are theirs, since the sample does not settle them."""

_NUMERIC: Final = frozenset(METRICS)
_MARKS: Final = ((",", ""), (".", ""), (",", " "), (",", "."), (".", ","), (".", " "), (",", "'"), (".", "'"))
_DATE_FORMATS: Final = (
    "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d", "%d%m%Y", "%d/%m/%y", "%m/%d/%y",
    "%d-%m-%y", "%d.%m.%y", "%Y/%m/%d", "%m-%d-%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d %B %Y", "%A %d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y",
    "%B %d, %Y", "%d. %B %Y", "%d de %B de %Y",
)  # fmt: skip
_REAL_DATE: Final = "%Y-%m-%d"
"""How a sample shows the real dates of a workbook."""
_MIRRORS: Final = {
    "%d/%m/%Y": "%m/%d/%Y",
    "%d-%m-%Y": "%m-%d-%Y",
    "%d/%m/%y": "%m/%d/%y",
}
_YEAR: Final = r"(?P<year>20\d{2})"
_SHORT_YEAR: Final = r"(?P<year>\d{2})"
_LIKELY_YEAR: Final = r"(?P<year>2\d)"
_MONTH: Final = r"(?P<month>0[1-9]|1[0-2])"
_WEEK: Final = r"(?P<week>0[1-9]|[1-4]\d|5[0-3])"
_WEEK_NUMBER: Final = r"(?P<week>0?[1-9]|[1-4]\d|5[0-3])"
_GAP: Final = r"[-_ ./]?"
_WEEK_SIGN: Final = r"(?:semaine|sem|week|woche|semana|settimana|[kK][wW]|[wW][kK]|[sSwW])"
_MONTH_WORD: Final = rf"(?<![^\W\d_])(?P<month>{name_pattern(tuple(n for names in MONTHS for n in names))})"
_NO_DIGIT: Final = r"(?!\d)"
_QUARTER: Final = r"[qQtT](?P<quarter>[1-4])"
_PERIOD: Final = r"[pP](?P<period>0?[1-9]|1[0-3])"
_FISCAL: Final = rf"(?<![A-Za-z])(?:FY|EX){_GAP}"
_UNDATED: Final[tuple[tuple[str, Frequency], ...]] = (
    (rf"(?<![^\W\d_]){_WEEK_SIGN}{_GAP}{_WEEK_NUMBER}{_NO_DIGIT}", "week"),
    (rf"{_MONTH_WORD}(?![^\W\d_])", "month"),
)
"""A week or month without its year."""
_LONE_YEAR: Final = r"(?<![\d/.-])20\d{2}(?![\d/.-]\d|\d)"
_DAY_IN_TEXT: Final = (
    r"(?<!\d)(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2}))(?!\d)"
)
_PERIOD_WORDS: Final[dict[Frequency, frozenset[str]]] = {
    "week": frozenset(("semaine", "week", "woche", "semana", "settimana")),
    "month": frozenset(("mois", "month", "monat", "mes", "mese", "maand", "periode", "period", "zeitraum")),
}
"""Words that say what a day above the header stands for."""
_DASH: Final = "[-–—−]"
_NEGATIVE: Final = r"[-−(]|.*[-−]$"
_LAST_YEAR: Final = r"(?i)(?<!\w)[na] ?- ?1(?!\w)"
"""The year before, as French titles say it: `CA N-1`, `Qté A-1`."""
_HALF: Final = r"(?i)(?<![a-z])h[12][-_ ./]?20\d{2}(?!\d)|20\d{2}[-_ ./]?h[12](?!\d)|semestre|half[- ]?year"

# The surest first. Where several fit, a later one needs no look.
_SPELLINGS: Final[tuple[tuple[str, Frequency, float], ...]] = (
    (rf"{_YEAR}{_GAP}{_WEEK_SIGN}{_GAP}{_WEEK_NUMBER}{_NO_DIGIT}", "week", 0.97),
    (rf"(?<![A-Za-z]){_WEEK_SIGN}{_GAP}{_WEEK_NUMBER}{_GAP}{_YEAR}{_NO_DIGIT}", "week", 0.97),
    (rf"{_FISCAL}(?P<year>(?:20)?\d{{2}}){_GAP}{_QUARTER}{_NO_DIGIT}", "fiscal_quarter", 0.95),
    (rf"(?<![A-Za-z]){_QUARTER}{_GAP}{_FISCAL}(?P<year>(?:20)?\d{{2}}){_NO_DIGIT}", "fiscal_quarter", 0.95),
    (rf"{_FISCAL}(?P<year>(?:20)?\d{{2}}){_GAP}{_PERIOD}{_NO_DIGIT}", "fiscal_period", 0.95),
    (rf"(?<![A-Za-z]){_PERIOD}{_GAP}{_FISCAL}(?P<year>(?:20)?\d{{2}}){_NO_DIGIT}", "fiscal_period", 0.95),
    (rf"(?<!\d){_YEAR}{_GAP}{_QUARTER}{_NO_DIGIT}", "quarter", 0.95),
    (rf"(?<![A-Za-z]){_QUARTER}{_GAP}{_YEAR}{_NO_DIGIT}", "quarter", 0.95),
    (rf"(?<!\d){_YEAR}{_GAP}{_PERIOD}{_NO_DIGIT}", "fiscal_period", 0.9),
    (rf"(?<![A-Za-z]){_PERIOD}{_GAP}{_YEAR}{_NO_DIGIT}", "fiscal_period", 0.9),
    (rf"(?<!\d){_YEAR}[-_ ./]{_MONTH}[-_ ./](?P<day>[0-3]\d){_NO_DIGIT}", "day", 0.9),
    (rf"(?<!\d)(?P<day>[0-3]\d)[-_ ./]{_MONTH}[-_ ./]{_YEAR}{_NO_DIGIT}", "day", 0.85),
    (rf"(?<!\d){_YEAR}{_MONTH}(?P<day>[0-3]\d){_NO_DIGIT}", "day", 0.85),
    (rf"(?<!\d){_YEAR}{_GAP}{_MONTH}{_NO_DIGIT}", "month", 0.85),
    (rf"(?<!\d){_MONTH}{_GAP}{_YEAR}{_NO_DIGIT}", "month", 0.9),
    (rf"{_MONTH_WORD}\.?[-_ /]?{_YEAR}{_NO_DIGIT}", "month", 0.9),
    (rf"{_YEAR}[-_ /]?{_MONTH_WORD}(?![^\W\d_])", "month", 0.9),
    (rf"{_MONTH_WORD}\.?[-_ /]{_SHORT_YEAR}{_NO_DIGIT}", "month", 0.75),
    (rf"(?<![A-Za-z]){_WEEK_SIGN}{_GAP}{_WEEK_NUMBER}[-_ ./]{_LIKELY_YEAR}{_NO_DIGIT}", "week", 0.75),
    (rf"(?<!\d){_LIKELY_YEAR}{_GAP}{_WEEK_SIGN}{_GAP}{_WEEK_NUMBER}{_NO_DIGIT}", "week", 0.75),
    (rf"(?<!\d){_YEAR}[-_ ]{_WEEK}{_NO_DIGIT}", "week", 0.7),
    (rf"(?<!\d){_WEEK}[-_ ]{_YEAR}{_NO_DIGIT}", "week", 0.7),
)


@dataclass(frozen=True)
class Proposal:
    """Choices in the order of a profile, and what a person should know or decide besides."""

    file: str
    choices: tuple[Choice, ...]
    notes: tuple[str, ...] = ()

    @property
    def settled(self) -> dict[str, Any]:
        """Key -> value of the choices that are written."""
        return {choice.key: choice.value for choice in self.choices if choice.confidence >= WRITTEN_FROM}

    @property
    def open(self) -> tuple[Choice, ...]:
        """Choices that a person has to make."""
        return tuple(choice for choice in self.choices if choice.confidence < WRITTEN_FROM)


@dataclass
class _Work:
    """What is known so far about one sample."""

    sample: Sample
    name: str
    received: date
    known: Known
    calendar: Calendar
    columns: dict[str, tuple[int, float, str]] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    first: Span | None = None

    def add(self, key: str, value: Any, confidence: float, reason: str) -> None:
        self.choices.append(Choice(key, value, round(confidence, 2), reason))

    def decide_year(self, source: str, confidence: float, reason: str) -> None:
        """What gives the year of periods without one, wherever these stand."""
        if all(choice.key != "period.year" for choice in self.choices):
            self.add("period.year", source, confidence, reason)

    def cells(self, column: str) -> list[str]:
        """Cells of a canonical column, without those of rows of totals."""
        position = self.columns[column][0]
        return [
            row[position].strip()
            for row in self.sample.rows
            if position < len(row) and row[position].strip() and not _is_total(self, row)
        ]

    @cached_property
    def subtotals(self) -> frozenset[str]:
        """Texts that begin a row and name the sum of the rows of another text in that place, `A Total`."""
        firsts = {_first_cell(row) for row in (*self.sample.rows, *self.sample.last_rows)}
        named = {text: re.search(SUBTOTALS[1], text) for text in firsts}
        return frozenset(text for text, match in named.items() if match and match[1] in firsts)


def propose(
    path: Path,
    *,
    partner: str | None = None,
    folder: str | None = None,
    siblings: Sequence[str] = (),
    known: Known | None = None,
    calendar: Calendar | None = None,
) -> Proposal:
    """Draft a profile of the feed that `path` is a sample of.

    `folder` is the file's folder below the inbox; `siblings` are names of files beside it, which tell a
    week from a month. Fiscal periods are those of `calendar`, calendar months if absent. RejectedFile if the
    file is no table.
    """
    received = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    work = _Work(sniff(path), path.name, received, known or Known(), calendar or Calendar())
    work.add(*_partner(partner, folder))
    named = _file_period(path.name, siblings, work.calendar)
    glob, reason = _glob(path.name, named, siblings)
    work.add("files.glob", f"{folder or partner}/{glob}" if folder or partner else glob, 0.85, reason)
    work.choices += work.sample.choices
    if work.sample.kind == "edi":
        work.notes.append(
            "an EDI message names its own columns and period: what its sender chose otherwise than the "
            "standard, docs/feeds.md says how to state"
        )
        return Proposal(path.name, tuple(work.choices), tuple(work.notes))
    wide = _wide(work) or _undated_wide(work)
    _assign_columns(work, wide)
    _period(work, named, wide)
    _note_calendar(work, path.name)
    for name in COLUMNS:
        if name in work.columns:
            position, confidence, reason = work.columns[name]
            work.add(f"columns.{name}", work.sample.titles[position], confidence, reason)
    _return_rows(work)
    _unnamed(work, wide)
    if not wide and not _NUMERIC & work.columns.keys():
        work.notes.append("no column of quantities was recognised: name one under columns, or it cannot land")
    for entry in wide:
        work.choices.append(entry.choice)
    _skipped_rows(work)
    _numbers(work, wide)
    _date_format(work)
    _signs(work, wide)
    _units(work)
    _expected_from(work, wide)
    return Proposal(path.name, tuple(work.choices), tuple(work.notes))


def _partner(partner: str | None, folder: str | None) -> tuple[str, Any, float, str]:
    if partner:
        return "partner", partner, 1.0, "as given"
    if folder:
        return "partner", folder.partition("/")[0], 0.8, "the folder of the inbox that the file lies in"
    return "partner", "P000", 0.1, "the partner_code of the ERP; nothing in the file says it"


# --- periods ---


@dataclass(frozen=True)
class _Named:
    pattern: str
    frequency: Frequency
    confidence: float
    reason: str
    span: Span | None
    source: str = "file_name"
    date_format: str | None = None
    is_undated: bool = False


def _file_period(name: str, siblings: Sequence[str], calendar: Calendar) -> _Named | None:
    """The period in the file's name; the names beside it tell a week from a month."""
    beside = [other for other in siblings if _shape(other) == _shape(name)]
    fitting: list[_Named] = []
    for pattern, frequency, confidence in _SPELLINGS:
        span = span_from_text(name, pattern, frequency, None, calendar)
        if span is None:
            continue
        fits = sum(span_from_text(other, pattern, frequency, None, calendar) is not None for other in beside)
        if fits < len(beside):
            continue
        reason = f"the name spells the {in_words(frequency)} {span.key}"
        if len(beside) > 1:
            reason += f", as do {len(beside)} names like it beside it"
        match = re.search(pattern, name, re.IGNORECASE)
        if match is not None:
            fitting.append(_Named(_spelled(match), frequency, confidence, reason, span))
    if not fitting:
        return None
    longer = [other for other in fitting if other.frequency != "day" and other.confidence > 0.7]
    if fitting[0].frequency == "day" and longer and _stands_apart(name, fitting[0], longer[0]):
        reason = longer[0].reason + "; the day beside it may be that of the export"
        return replace(longer[0], confidence=0.6, reason=reason)
    chosen = fitting[0]
    if chosen.frequency == "month" and any(other.frequency == "week" for other in fitting[1:]):
        sure = len(beside) >= 12
        chosen = replace(
            chosen,
            confidence=0.85 if sure else 0.6,
            reason=chosen.reason + ("" if sure else "; the figures could be a week too"),
        )
    elif chosen.frequency == "week" and len(beside) > 1 and chosen.confidence < 0.9:
        chosen = replace(chosen, confidence=0.95, reason=chosen.reason + "; some numbers are no month")
    elif (
        chosen.frequency == "week" and chosen.confidence < 0.9 and chosen.span and chosen.span.key[-2:] > "12"
    ):
        chosen = replace(chosen, confidence=0.85, reason=chosen.reason + ", which is no month")
    return chosen


def _stands_apart(name: str, one: _Named, other: _Named) -> bool:
    """Whether two periods are spelled by different figures of a name."""
    first, second = (re.search(each.pattern, name, re.IGNORECASE) for each in (one, other))
    if first is None or second is None:
        return False
    return first.end() <= second.start() or second.end() <= first.start()


def _undated_name(name: str) -> _Named | None:
    """A week or month that the file's name spells without its year."""
    for pattern, frequency in _UNDATED:
        if match := re.search(rf"{pattern}(?!{_GAP}\d)", name, re.IGNORECASE):
            reason = f"the name spells the {in_words(frequency)} {match[0]!r}, without its year"
            return _Named(_spelled(match), frequency, 0.7, reason, None, is_undated=True)
    return None


def _above(work: _Work) -> _Named | None:
    """The period that the text above the header spells."""
    found = [named for text in work.sample.above if (named := _in_text(work, text)) is not None]
    sure = [named for named in found if named.confidence >= WRITTEN_FROM] or found
    if len({(named.frequency, named.span) for named in sure}) > 1:
        return replace(sure[0], confidence=0.4, reason=f"{sure[0].reason}; other rows there spell others")
    return sure[0] if sure else None


def _in_text(work: _Work, text: str) -> _Named | None:
    """The period that one row above the header spells."""

    def named(match: re.Match[str], frequency: Frequency, sure: float, span: Span | None, how: str) -> _Named:
        pattern = _label(text, match) + _spelled(match)
        reason = f"{text!r} above the header {how}"
        return _Named(pattern, frequency, sure, reason, span, "above", is_undated=span is None)

    days = list(re.finditer(_DAY_IN_TEXT, text))
    if len(days) > 1:
        return _range(text, days[0], days[1])
    # A month and a year within a day are no month of their own.
    beside = re.sub(_DAY_IN_TEXT, lambda day: "-" * len(day[0]), text)
    for pattern, frequency, confidence in _SPELLINGS:
        match = re.search(pattern, beside, re.IGNORECASE)
        span = span_from_text(beside, pattern, frequency, None, work.calendar) if match else None
        if match is None or span is None or frequency == "day":
            continue
        return named(match, frequency, confidence, span, f"spells the {in_words(frequency)} {span.key}")
    if days:
        return _period_of_a_day(text, days[0])
    for pattern, frequency in _UNDATED:
        if match := re.search(pattern, text, re.IGNORECASE):
            return named(match, frequency, 0.7, None, f"spells a {in_words(frequency)} without its year")
    return None


def _label(text: str, match: re.Match[str]) -> str:
    """What stands before a period, where it is the same in each report."""
    before = text[: match.start()]
    return "" if re.search(r"\d", before) or len(before) > 40 else _escaped(before)


def _range(text: str, first: re.Match[str], last: re.Match[str]) -> _Named | None:
    """The period between two days; whole periods are surer than parts of one."""
    fitting: list[tuple[float, Frequency, Span, str]] = []
    for date_format in _formats([first[0], last[0]]):
        start, end = (parse_date(day[0], date_format) for day in (first, last))
        lengths: tuple[Frequency, ...] = ("day", "week", "month", "quarter")
        for frequency in lengths if start <= end else ():
            span = span_of(start, frequency)
            if span == span_of(end, frequency):
                sure = 0.95 if (span.start, span.end) == (start, end) else 0.6
                fitting.append((sure, frequency, span, date_format))
                break
    if not fitting:
        return None
    confidence, frequency, span, date_format = max(fitting, key=lambda each: each[0])
    if sum(sure == confidence for sure, *_ in fitting) > 1:
        confidence = 0.4
    figures = [re.sub(r"\d+", lambda run: rf"\d{{{len(run[0])}}}", _escaped(day[0])) for day in (first, last)]
    between = _escaped(text[first.end() : last.start()])
    pattern = f"{_label(text, first)}(?P<date>{figures[0]}){between}(?P<until>{figures[1]})"
    reason = f"{text!r} above the header are the days of the {in_words(frequency)} {span.key}"
    return _Named(pattern, frequency, confidence, reason, span, "above", date_format)


def _period_of_a_day(text: str, day: re.Match[str]) -> _Named | None:
    """The period that one day stands for, as words beside it say; without them it is the day of export."""
    said = set(words(text).split())
    formats = _formats([day[0]])
    frequency: Frequency | None = next((name for name, known in _PERIOD_WORDS.items() if known & said), None)
    if frequency is None or not formats:
        return None
    span = span_of(parse_date(day[0], formats[0]), frequency)
    figures = re.sub(r"\d+", lambda run: rf"\d{{{len(run[0])}}}", _escaped(day[0]))
    pattern = f"{_label(text, day)}(?P<date>{figures})"
    confidence = 0.7 if len(formats) == 1 else 0.4
    reason = f"{text!r} above the header says the {in_words(frequency)} by one of its days"
    return _Named(pattern, frequency, confidence, reason, span, "above", formats[0])


def _spelled(match: re.Match[str]) -> str:
    """The pattern of a match as a person would write it: what is no figure of the period stands as it is."""
    written, end = "", match.start()
    for start, stop, name in sorted((*match.span(name), name) for name in match.groupdict()):
        figures = rf"\d{{{stop - start}}}" if match[name].isdigit() else r"[^\W\d_]{3,10}"
        if name == "period" or (name == "week" and _WEEK_NUMBER in match.re.pattern):
            figures = r"\d{1,2}"
        written += f"{_escaped(match.string[end:start])}(?P<{name}>{figures})"
        end = stop
    return written + _escaped(match.string[end : match.end()])


def _escaped(text: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def _shape(name: str) -> str:
    """A name with its figures blotted out, to find the files of the same feed."""
    return re.sub(r"\d", "0", name.casefold())


_SENT_AGAIN: Final = (
    r"(?:[ _.-]*(?:\(\d+\)|\(?(?:copie|copy|rectif\w*|corrig\w*|correct\w*|revis\w*|bis|v\d+)\)?))*"
)
"""What stands after the period where a report was copied, or corrected and sent again."""


def _glob(name: str, named: _Named | None, siblings: Sequence[str]) -> tuple[str, str]:
    """A pattern for the files of the feed: the period's figures replaced by `*`."""
    if named is None:
        stem, dot, suffix = name.rpartition(".")
        lasting = re.sub(r"(?i)(\b[tqs]\d\W?)?\d*$", "", stem)
        return f"{lasting}*{dot}{suffix}", "the name without its last figures"
    match = re.search(named.pattern, name, re.IGNORECASE)
    if match is None:
        stem, dot, suffix = name.rpartition(".")
        return f"*{dot}{suffix}", "any name with this ending"
    before = re.sub(r"(?i)[sw]$", "", name[: match.start()])
    after = name[match.end() :]
    glob = f"{before}*{after}"
    others = [
        other
        for other in siblings
        if other.casefold().startswith(before.casefold())
        and other.casefold().endswith(after.casefold())
        and not re.fullmatch(
            rf"[sSwW]?{named.pattern}{_SENT_AGAIN}",
            other[len(before) : len(other) - len(after)],
            re.IGNORECASE,
        )
    ]
    if not others:
        return glob, "the name with its period replaced by *"
    figures = re.sub(r"\d", "[0-9]", name[len(before) : match.end()])
    return f"{before}{figures}{after}", f"the shape of the name: {others[0]!r} beside it is another report"


@dataclass(frozen=True)
class _Wide:
    """Titles that name a period each, with the metric that the rest of the title says."""

    metric: str
    frequency: Frequency
    positions: tuple[int, ...]
    spans: tuple[Span, ...]
    choice: Choice


def _wide(work: _Work) -> list[_Wide]:
    titles = work.sample.titles
    for pattern, frequency, _ in _SPELLINGS:
        groups: dict[tuple[str, str], list[tuple[int, Span]]] = {}
        spelled = ""
        for position, title in enumerate(titles):
            match = re.search(pattern, title, re.IGNORECASE)
            span = span_from_text(title, pattern, frequency, None, work.calendar) if match else None
            if match is None or span is None:
                continue
            spelled = spelled or _spelled(match)
            rest = (title[: match.start()], title[match.end() :])
            groups.setdefault(rest, []).append((position, span))
        if sum(len(found) for found in groups.values()) < 2:
            continue
        if frequency == "day":
            days = [span.start for _, span in next(iter(groups.values()))]
            frequency, spelled, date_format = _spaced(days, spelled)
            if date_format is not None:
                reason = "the titles are days, and whole weeks lie between them"
                work.add("period.date_format", date_format, 0.9, reason)
            groups = {
                rest: [(position, span_of(span.start, frequency)) for position, span in found]
                for rest, found in groups.items()
            }
        return [_wide_entry(work, rest, spelled, frequency, found) for rest, found in groups.items()]
    return []


_DAY_FIGURES: Final = {
    r"(?P<year>\d{4})": "%Y", r"(?P<month>\d{2})": "%m", r"(?P<day>\d{2})": "%d",
}  # fmt: skip


def _spaced(days: Sequence[date], spelled: str) -> tuple[Frequency, str, str | None]:
    """What titles that name a day each stand for, by what lies between them, the pattern of it and, for
    weeks, the format of their days.
    """
    distinct = sorted(set(days))
    if len(distinct) > 1 and (
        all(day.day == 1 for day in distinct) or all((day + timedelta(1)).day == 1 for day in distinct)
    ):
        return "month", spelled.replace("(?P<day>", "(?:"), None
    if len(distinct) > 1 and all((day - distinct[0]).days % 7 == 0 for day in distinct):
        figures, date_format = spelled, spelled.replace("\\", "")
        for group, code in _DAY_FIGURES.items():
            figures = figures.replace(group, group.partition(">")[2].removesuffix(")"))
            date_format = date_format.replace(group.replace("\\", ""), code)
        return "week", f"(?P<date>{figures})", date_format
    return "day", spelled, None


def _undated_wide(work: _Work) -> list[_Wide]:
    """Titles that differ by a week or month without a year."""
    titles = work.sample.titles
    for pattern, frequency in _UNDATED:
        groups: dict[tuple[str, str], list[tuple[int, re.Match[str]]]] = {}
        for position, title in enumerate(titles):
            if match := re.search(pattern, title, re.IGNORECASE):
                rest = (title[: match.start()], title[match.end() :])
                groups.setdefault(rest, []).append((position, match))
        alike = {rest: found for rest, found in groups.items() if len(found) > 1}
        if not alike:
            continue
        first = next(iter(alike.values()))
        year_of = _choose_year(work, [match.groupdict() for _, match in first], frequency)
        entries = []
        for rest, found in alike.items():
            dated = [(place, year_of.span(m.groupdict(), frequency, work.calendar)) for place, m in found]
            entries.append(_wide_entry(work, rest, _spelled(found[0][1]), frequency, dated))
        return entries
    return []


def _choose_year(work: _Work, named: Sequence[Mapping[str, str]], frequency: Frequency) -> Year:
    """What gives the year of periods that are named without one, as a choice: a year that the file states
    once and that leaves titles in their order, otherwise the day on which it came.
    """
    for source, texts in (("file_name", [work.name]), ("above", work.sample.above)):
        years = {int(year) for text in texts for year in re.findall(_LONE_YEAR, text)}
        if source == "file_name" and re.search(r"20\d{2}[-_.]?[01]\d[-_.]?[0-3]\d", work.name):
            continue
        if len(years) == 1:
            stated = Year(work.received, years.pop())
            spans = [stated.span(groups, frequency, work.calendar) for groups in named]
            starts = [span.start for span in spans if span is not None]
            if starts in (sorted(starts), sorted(starts, reverse=True)):
                where = "the file's name" if source == "file_name" else "the text above the header"
                reason = f"{where} states {stated.stated}, and periods are named without their year"
                work.decide_year(source, 0.7, reason)
                return stated
    reason = (
        f"periods are named without their year: each would be the last that had begun when the file came "
        f"({work.received}); better ask the partner to write the year"
    )
    work.decide_year("received", 0.4, reason)
    return Year(work.received)


def _wide_entry(
    work: _Work,
    rest: tuple[str, str],
    spelled: str,
    frequency: Frequency,
    found: Sequence[tuple[int, Span | None]],
) -> _Wide:
    before, after = rest
    said = words(f"{before} {after}")
    metric, confidence, why = "sold_quantity", 0.7, "nothing else stands in the titles, so units sold"
    if said:
        scored = {name: _name_score(name, said)[0] for name in _NUMERIC - {"returned_amount"}}
        best = max(scored, key=lambda name: scored[name])
        if scored[best] >= WRITTEN_FROM:
            metric, confidence, why = best, scored[best], f"the titles say {said!r}"
        else:
            confidence, why = 0.3, f"{said!r} says nothing that is known"
    numbers = [cell for position, _ in found for cell in work.sample.column(position)]
    share = sum(is_number(cell) for cell in numbers) / len(numbers) if numbers else 1.0
    text = f"^{_escaped(before)}{spelled}{_escaped(after)}$"
    choice = Choice(
        "wide",
        {"metric": metric, "pattern": text},
        round(confidence * share, 2),
        f"{len(found)} titles name a {in_words(frequency)} each; {why}",
    )
    spans = tuple(span for _, span in found if span is not None)
    return _Wide(metric, frequency, tuple(p for p, _ in found), spans, choice)


def _period(work: _Work, named: _Named | None, wide: Sequence[_Wide]) -> None:
    if wide:
        work.add("period.frequency", wide[0].frequency, 0.95, "each wide column names one")
        work.add("period.source", "header", 0.95, "the period stands in the titles")
        return
    column = _period_column(work)
    dates = _dates_of(work)
    if column is not None and (named is None or named.span is None or not _holds(named.span, column[2])):
        position, choice, _ = column
        work.add("period.frequency", choice.value[0], choice.confidence, choice.reason)
        work.add("period.source", "column", choice.confidence, "each row names its period")
        work.add("period.header", work.sample.titles[position], choice.confidence, "the title of that column")
        work.add(choice.key, choice.value[1], choice.confidence, "how the cells are written")
        return
    if _sheets_of_periods(work):
        return
    for whole in filter(None, (named, _above(work), None if dates else _undated_name(work.name))):
        if _names_the_report(work, whole, dates):
            return
    if dates:
        frequency, reason = _frequency(dates)
        position = work.columns["sale_date"][0]
        work.add("period.frequency", frequency, 0.6, reason)
        work.add("period.source", "column", 0.7, "nothing but the rows' dates says the period")
        work.add("period.header", work.sample.titles[position], 0.7, "the column of dates")
        work.add(
            "period.date_format",
            _written(work, position, _format_of(work)[0]),
            _format_of(work)[1],
            "how those dates are written",
        )
        return
    # An unreadable profile is better than a period that was guessed.
    work.add("period.frequency", "week", 0.1, "nothing in the name, the titles or the rows says the period")
    work.add("period.source", "file_name", 0.1, "agree with the partner on a period in the file's name")
    work.add(
        "period.pattern",
        r"(?P<year>\d{4})-W(?P<week>\d{2})",
        0.1,
        "groups year and week, year and month, or year, month and day",
    )


def _names_the_report(work: _Work, named: _Named, dates: Sequence[date]) -> bool:
    """Take a period that holds for the whole report, unless its rows bear other dates."""
    span = named.span
    inside = [day for day in dates if span is not None and span.start <= day <= span.end]
    confidence, reason = named.confidence, named.reason
    if dates and len(inside) < 0.8 * len(dates):
        if span is not None:
            work.notes.append(f"{reason}, but the rows hold other dates: it may be the day of export")
        return False
    if dates:
        confidence, reason = max(confidence, 0.95), reason + "; the dates in the rows lie within it"
    where = "in the file's name" if named.source == "file_name" else "above the header"
    work.add("period.frequency", named.frequency, confidence, reason)
    work.add("period.source", named.source, confidence, f"the period stands {where}")
    work.add("period.pattern", named.pattern, confidence, "where it is spelled")
    if named.date_format is not None:
        work.add("period.date_format", named.date_format, confidence, "how its days are written")
    if named.is_undated:
        texts = [work.name] if named.source == "file_name" else work.sample.above
        match = next(filter(None, (re.search(named.pattern, text, re.IGNORECASE) for text in texts)))
        year_of = _choose_year(work, [match.groupdict()], named.frequency)
        work.first = year_of.span(match.groupdict(), named.frequency, work.calendar)
    else:
        work.first = span
    return True


def _written(work: _Work, position: int, found: str) -> str:
    """The format in which the reader gives the dates of a column: that of the profile for real ones."""
    return "%d/%m/%Y" if work.sample.kind == "excel" and work.sample.typed[position] else found


def _holds(span: Span, spans: Iterable[Span]) -> bool:
    return (
        all(span.start <= other.start and other.end <= span.end for other in spans) and len(set(spans)) == 1
    )


def _note_calendar(work: _Work, name: str) -> None:
    """Whose calendar a fiscal period is of, and what no profile can say."""
    frequency = {choice.key: choice.value for choice in work.choices}["period.frequency"]
    if frequency in FISCAL:
        pattern, month = work.calendar.pattern, work.calendar.year_start_month
        work.notes.append(
            f"{OPEN_MARK}: the company's fiscal calendar ({pattern}, from month {month}) says which days a "
            f"{in_words(frequency)} has; if the partner's differs, state it as period.calendar"
        )
    cells = [cell for row in work.sample.rows for cell in row]
    if found := next((text for text in (name, *work.sample.titles, *cells) if re.search(_HALF, text)), None):
        work.notes.append(
            f"{OPEN_MARK}: {found!r} seems to name a half-year, and profiles know no longer period than a "
            "quarter: ask the partner for quarters or months"
        )


def _period_column(work: _Work) -> tuple[int, Choice, list[Span]] | None:
    """A column that names the period of each row, by a date only where its title says a week or a month."""
    for position, title in enumerate(work.sample.titles):
        cells = _usual_cells(work, position)
        if not cells:
            continue
        is_named = words(title) in PERIOD_TITLES
        if is_named and (formats := _formats(_as_text(work, position, cells))):
            firsts = [known for known in formats if all(day.day == 1 for day in _days(cells, known))]
            known = (firsts or formats)[0]
            length: Frequency = "week" if {"semaine", "week"} & set(words(title).split()) else "month"
            days = [span_of(day, length) for day in _days(cells, known)]
            reason = f"the title {title!r} says a {length}, and its cells are dates such as {cells[0]!r}"
            value = (length, _written(work, position, known))
            return position, Choice("period.date_format", value, 0.9, reason), days
        for pattern, frequency, confidence in _SPELLINGS:
            if frequency == "day":
                continue
            spans = [span_from_text(cell, f"^{pattern}$", frequency, None, work.calendar) for cell in cells]
            found = [span for span in spans if span is not None]
            if len(found) < 0.95 * len(cells) or not (is_named or confidence >= 0.95):
                continue
            said = words(title)
            if frequency == "month" and ("semaine" in said or "week" in said):
                continue
            sure = 0.95 if is_named else 0.7
            first = next(filter(None, (re.search(pattern, cell, re.IGNORECASE) for cell in cells)))
            text = f"^{_spelled(first)}$"
            reason = f"{len(found)} of {len(cells)} cells of {title!r} name a {in_words(frequency)}, such as "
            reason += repr(cells[0])
            return position, Choice("period.pattern", (frequency, text), sure, reason), found
        for pattern, frequency in _UNDATED if is_named else ():
            matches = [match for cell in cells if (match := re.fullmatch(pattern, cell, re.IGNORECASE))]
            if len(matches) >= 0.95 * len(cells):
                year_of = _choose_year(work, [], frequency)
                spans = [year_of.span(match.groupdict(), frequency, work.calendar) for match in matches]
                reason = (
                    f"cells of {title!r} name a {in_words(frequency)} without its year, such as {cells[0]!r}"
                )
                choice = Choice("period.pattern", (frequency, f"^{_spelled(matches[0])}$"), 0.9, reason)
                return position, choice, [span for span in spans if span is not None]
    return None


def _sheets_of_periods(work: _Work) -> bool:
    """Take the sheets of a workbook for a period each, where all that have the same titles are named so."""
    names = work.sample.sheets
    for pattern, frequency in (*((pattern, length) for pattern, length, _ in _SPELLINGS), *_UNDATED):
        matches = [match for name in names if (match := re.fullmatch(pattern, name, re.IGNORECASE))]
        if len(matches) < len(names) or not names:
            continue
        groups = [match.groupdict() for match in matches]
        year_of = None if "year" in groups[0] else _choose_year(work, groups, frequency)
        spans = [span_from_groups(each, frequency, None, work.calendar, year_of) for each in groups]
        known = [span for span in spans if span is not None]
        if not known:
            continue
        text = f"^{_spelled(matches[0])}$"
        reason = f"the sheets {', '.join(map(repr, names[:3]))} are a {in_words(frequency)} each"
        work.choices = [choice for choice in work.choices if choice.key != "container.sheets"]
        work.add("container.sheets", text, 0.7, reason)
        work.add("period.frequency", frequency, 0.7, reason)
        work.add("period.source", "column", 0.7, "each sheet names its period")
        work.add("period.header", SHEET_TITLE, 0.7, "what the name of the sheet stands in")
        work.add("period.pattern", text, 0.7, "how the sheets are named")
        work.first = min(known)
        return True
    return False


def _usual_cells(work: _Work, position: int) -> list[str]:
    return [
        row[position].strip()
        for row in work.sample.rows
        if position < len(row) and row[position].strip() and not _is_total(work, row)
    ]


def _frequency(dates: Sequence[date]) -> tuple[Frequency, str]:
    distinct = sorted(set(dates))
    if len(distinct) == 1:
        return "day", "all rows bear one date; a week or a month is as possible"
    weekdays = {day.weekday() for day in distinct}
    if len(distinct) > 2 and len(weekdays) == 1:
        return "week", "all dates fall on one weekday"
    first, last = distinct[0], distinct[-1]
    if span_of(first, "week") == span_of(last, "week"):
        return "week", f"the dates run from {first} to {last}, within a week"
    if (last - first).days < 7:
        return "day", (
            f"the dates run from {first} to {last}, over the end of an ISO week; by week or month, a file "
            "would replace what another one says of its other days"
        )
    return "month", f"the dates run from {first} to {last}"


# --- columns ---

_CODES: Final = ("product_code", "partner_product_code")
_CODE_TITLES: Final = frozenset(COLUMNS["partner_product_code"])


def _name_score(column: str, said: str) -> tuple[float, str]:
    """How surely the words of a title name a canonical column."""
    phrases = COLUMNS[column]
    if said in phrases:
        return 0.95, f"the title {said!r} is a usual name"
    if column == "net_amount" and said in ONLY_NET:
        return 0.6, f"the title says only {said!r}: an amount, if it is no quantity less returns"
    tokens = said.split()
    others = {
        "net_amount": STOCK_WORDS,
        "returned_amount": GROSS_WORDS,
        "on_hand_quantity": MONEY_WORDS,
        "in_transit_quantity": MONEY_WORDS,
    }
    if (OTHER_TITLES | others.get(column, frozenset())) & set(tokens):
        return 0.0, ""
    held = [phrase for phrase in phrases if set(phrase.split()) <= set(tokens)]
    if not held:
        return 0.0, ""
    # Beside a quantity in pieces, which needs no unit.
    packed = 0.1 if column in _NUMERIC and PACK_WORDS & set(tokens) else 0.0
    longest = max(held, key=lambda phrase: (len(phrase.split()), len(phrase)))
    share = len(longest.split()) / len(tokens)
    return 0.5 + 0.4 * share - packed, f"the title holds {longest!r}"


def _assign_columns(work: _Work, wide: Sequence[_Wide]) -> None:
    """Give each canonical column the title that fits it best, the surest pair first."""
    taken = {position for entry in wide for position in entry.positions}
    taken |= _former_years(work, taken)
    pairs: list[tuple[float, int, str, str]] = []
    for position, title in enumerate(work.sample.titles):
        if position in taken or not title:
            continue
        cells = _usual_cells(work, position)
        for column in COLUMNS:
            score, reason = _score(work, column, title, cells, position)
            if score > 0 and not (wide and column in _NUMERIC):
                pairs.append((score, -position, column, reason))
    for score, negative, column, reason in sorted(pairs, reverse=True):
        position = -negative
        if column in work.columns or position in {place for place, _, _ in work.columns.values()}:
            continue
        work.columns[column] = (position, round(score, 2), reason)
    _leave_open_rivals(work, pairs)
    _deduct_with_care(work)
    _own_or_theirs(work)


def _deduct_with_care(work: _Work) -> None:
    """What returns were worth is deducted from sales before returns only; few titles say which they are."""
    if "returned_amount" not in work.columns:
        return
    position, confidence, reason = work.columns.pop("returned_amount")
    if "net_amount" not in work.columns:
        return
    said = set(words(work.sample.titles[work.columns["net_amount"][0]]).split())
    if said & (NET_WORDS | set(ONLY_NET)):
        confidence, why = 0.4, "the sales say that they are net, perhaps of returns already"
    else:
        confidence, why = min(confidence, 0.6), "leave it out if the sales beside it are net of returns"
    work.columns["returned_amount"] = (position, confidence, f"{reason}; {why}")


def _leave_open_rivals(work: _Work, pairs: Sequence[tuple[float, int, str, str]]) -> None:
    """Figures that several columns name as well are no choice of ours: all but one would be lost unsaid."""
    titles = work.sample.titles
    used = {position for position, _, _ in work.columns.values()}
    for column in [name for name in COLUMNS if name in _NUMERIC & work.columns.keys()]:
        position, confidence, _ = work.columns[column]
        rivals = [
            -negative
            for score, negative, name, _ in pairs
            if name == column
            and round(score, 2) == confidence
            and -negative not in used
            and not re.match(TOTAL_PATTERN, titles[-negative])
        ]
        if not rivals:
            continue
        named = [titles[place] for place in sorted((position, *rivals))]
        shown = ", ".join(map(repr, named[:4])) + (", …" if named[4:] else "")
        work.columns[column] = (position, 0.4, f"{shown} say the same: which one is it, or are they parts?")
        groups = [title.rpartition(" / ") for title in named if not re.match(TOTAL_PATTERN, title)]
        lower = {end for _, _, end in groups}
        advice = f"{column} is one of {shown}: name it under columns, or read all of them by wide"
        if len(lower) == 1 and all(group for group, _, _ in groups):
            stores = "|".join(_escaped(group) for group, _, _ in groups)
            pattern = f"^(?P<store_code>{stores}) / {_escaped(lower.pop())}$"
            advice += f"; if they are stores: wide: [{{metric: {column}, pattern: '{pattern}'}}]"
        work.notes.append(f"{OPEN_MARK}: {advice}")


def _former_years(work: _Work, taken: AbstractSet[int]) -> set[int]:
    """Columns that stand beside one of a later year under the same words, `Qté 2025` beside `Qté 2026`, or
    say that they are of the year before.
    """
    found: dict[str, dict[int, int]] = {}
    for position, title in enumerate(work.sample.titles):
        if position not in taken and (match := re.search(r"(?<!\d)20\d\d(?!\d)", title)):
            found.setdefault(words(title.replace(match[0], "")), {})[int(match[0])] = position
    several = [years for years in found.values() if len(years) > 1]
    if several:
        newest = ", ".join(repr(work.sample.titles[years[max(years)]]) for years in several)
        work.notes.append(
            f"{OPEN_MARK}: of several years the newest is taken ({newest}): where titles change with it, "
            "name the new ones each year, and the former ones under other_titles"
        )
    former = {position for years in several for year, position in years.items() if year < max(years)}
    return former | {
        position for position, title in enumerate(work.sample.titles) if re.search(_LAST_YEAR, title)
    }


def _score(work: _Work, column: str, title: str, cells: Sequence[str], position: int) -> tuple[float, str]:
    parts = [words(title)]
    if " / " in title:
        group, _, lower = title.rpartition(" / ")
        if _is_of_another(column, words(group)):
            return 0.0, ""
        parts.append(words(lower))
    if column == "product_label" and _are_words(cells) and (named := _CODE_TITLES.intersection(parts)):
        return 0.85, f"the title {min(named)!r} names a code or a label; its cells are words"
    if column == "net_amount":
        plain = " ".join(word for word in parts[0].split() if word not in CURRENCY_WORDS)
        parts += [plain] if plain and plain != parts[0] else []
    score, reason = max((_name_score(column, part) for part in parts), key=lambda found: found[0])
    if column == "net_amount" and TAX_WORDS & set(words(title).split()):
        # Beside an amount without tax, which needs no rate.
        score = max(0.0, score - 0.04)
    upper, _, lower = title.rpartition(" / ")
    if upper and score > 0 and words(lower) not in COLUMNS[column]:
        score = min(score, 0.85)
    proven, proof = _content(work, column, cells, position)
    if proven == 0.0 and cells:
        return 0.0, ""
    if column == "customer" and score > 0:
        score = min(score, 0.75)
    if column in ("sold_quantity", "returned_quantity") and score > 0 and _counts_money(title, cells):
        return 0.4, f"{reason}, but its cells have cents, as amounts do"
    if column == "net_amount" and score == 0 and _is_sales(parts) and _counts_money(title, cells):
        return 0.6, f"the title {parts[-1]!r} says sales, and its cells have cents"
    if proof and proven > score:
        return proven, f"{proof}; the title {title!r} is not known" if score == 0 else f"{reason}; {proof}"
    if proof and score > 0:
        return min(0.99, score + 0.03), f"{reason}; {proof}"
    return score, reason


def _is_sales(parts: Sequence[str]) -> bool:
    return any(part in COLUMNS["sold_quantity"] for part in parts)


def _counts_money(title: str, cells: Sequence[str]) -> bool:
    """Whether figures under a title that does not say what it counts have two decimals, as money has."""
    in_cents = sum(bool(re.search(r"\d[.,]\d{2}\D*$", cell)) for cell in cells)
    return not QUANTITY_WORDS & set(words(title).split()) and 2 * in_cents > len(cells)


def _is_of_another(column: str, group: str) -> bool:
    """Whether the group that a figure stands in says that it is another: `Retours / Qté`, `Budget / CA`."""
    if column not in _NUMERIC:
        return False
    # Sales are also the heading of all that belongs to them: `Ventes / Retours`, `Ventes / CA`.
    others = _NUMERIC - {column, "net_amount", "sold_quantity"}
    if column == "returned_amount":
        others -= {"returned_quantity"}
    return bool(OTHER_TITLES & set(group.split())) or any(group in COLUMNS[name] for name in others)


def _content(work: _Work, column: str, cells: Sequence[str], position: int) -> tuple[float, str]:
    """What the cells prove: 0.0 if the column cannot be this, 1.0 with no proof if nothing speaks against."""
    if not cells:
        return 0.5, ""
    count = len(cells)
    numeric = sum(is_number(cell) for cell in cells) / count
    distinct = len(set(cells))
    verdict: tuple[float, str] = (0.5, "")
    if column in _NUMERIC:
        bare = [_bare(cell) for cell in cells]
        if sum(is_number(cell) or bool(re.fullmatch(_DASH, cell)) for cell in bare) < 0.5 * count:
            verdict = (0.0, "")
    elif column == "gtin":
        gtins = [cell for cell in cells if is_gtin(cell)]
        usual = sum(cell.zfill(14) in work.known.gtins for cell in cells)
        if usual > count / 2:
            verdict = (0.98, f"{usual} of {count} cells are GTINs of our products")
        elif len(gtins) >= 0.95 * count and distinct > 1 and not _is_place(cells):
            verdict = (0.9, f"{len(gtins)} of {count} cells have the check digit of a GTIN")
        elif len(gtins) < count / 2:
            verdict = (0.0, "")
    elif column in _CODES:
        usual = sum(cell in work.known.product_codes for cell in cells)
        if usual > count / 2:
            verdict = (0.97, f"{usual} of {count} cells are codes of our products")
        elif _are_words(cells) or (numeric > 0.9 and any(re.search(r"\d[.,]\d{2}$", cell) for cell in cells)):
            verdict = (0.0, "")
    elif column == "sale_date":
        said = words(work.sample.titles[position])
        is_another = said in PERIOD_TITLES or bool(OTHER_TITLES & set(said.split()))
        if is_another or not _formats(_as_text(work, position, cells)):
            verdict = (0.0, "")
        else:
            verdict = (0.9 if distinct > 1 else 0.8, f"its cells are dates such as {cells[0]!r}")
    elif column == "postal_code":
        if sum(bool(re.fullmatch(r"\d{4,5}|2[AB]\d{3}", cell)) for cell in cells) < 0.8 * count:
            verdict = (0.0, "")
    elif column == "store_gln":
        if not all(re.fullmatch(r"\d{13}", cell) and is_gtin(cell) for cell in cells):
            verdict = (0.0, "")
    elif column == "store_siret":
        if not all(re.fullmatch(r"\d{14}", cell) and siret.is_valid(cell) for cell in cells):
            verdict = (0.0, "")
    elif column in ("store_name", "store_address", "store_city"):
        if numeric > 0.5:
            verdict = (0.0, "")
    elif column == "store_code":
        if count > 1 and _is_place(cells):
            kind = "SIRET" if len(cells[0]) == 14 else "GLN"
            verdict = (0.7, f"its cells have the check digit of a {kind}, few of them distinct")
        elif any(re.search(r"\d[.,]\d{2}$", cell) for cell in cells):
            verdict = (0.0, "")
    elif column in ("product_label", "unit_code", "currency_code", "customer"):
        if numeric > 0.5 and column != "customer":
            verdict = (0.0, "")
        elif column == "currency_code" and all(re.fullmatch(r"[A-Z]{3}|€", cell) for cell in cells):
            verdict = (0.5, "its cells are codes of three letters")
        elif column == "customer" and any(re.fullmatch(r"\S+@\S+\.\w+", cell) for cell in cells):
            verdict = (0.8, "its cells are e-mail addresses")
    return verdict


def _are_words(cells: Sequence[str]) -> bool:
    """Whether most cells are several words, as no code is."""
    return 2 * sum(len(re.findall(r"[^\W\d_]{3,}", cell)) > 1 and " " in cell for cell in cells) > len(cells)


def is_gtin(cell: str) -> bool:
    """Whether a cell is a GTIN of 8, 12, 13 or 14 digits with a right check digit."""
    return bool(re.fullmatch(r"\d{8}|\d{12,14}", cell)) and ean.is_valid(cell)


def _is_place(cells: Sequence[str]) -> bool:
    """Whether cells are SIRET numbers, or the GLNs of few places."""
    if all(re.fullmatch(r"\d{14}", cell) for cell in cells):
        return all(luhn.is_valid(cell) for cell in cells) and not all(is_gtin(cell) for cell in cells)
    is_gln = all(re.fullmatch(r"\d{13}", cell) and is_gtin(cell) for cell in cells)
    # GLNs of French companies begin with 30 and count in hundreds; many rows bear the same.
    return is_gln and len(set(cells)) * 10 <= len(cells) and len({cell[:7] for cell in cells}) == 1


def _own_or_theirs(work: _Work) -> None:
    """Whether a column of product codes holds our codes or the partner's."""
    known = work.known
    if "partner_product_code" not in work.columns:
        return
    position, confidence, reason = work.columns["partner_product_code"]
    title = work.sample.titles[position]
    said = set(words(title).split())
    cells = _usual_cells(work, position)
    usual = sum(cell in known.product_codes for cell in cells)
    ours = bool(said & {words(name) for name in known.names})
    if "product_code" in work.columns:
        return
    if cells and usual > len(cells) / 2:
        proof = f"{usual} of {len(cells)} cells are codes of our products"
        work.columns["product_code"] = (position, 0.97, proof)
    elif ours:
        work.columns["product_code"] = (position, 0.9, f"the title {title!r} names our company")
    elif known.product_codes:
        proof = f"{reason}; {usual} of {len(cells)} cells are codes of ours, so these are the partner's"
        bare = {code.lstrip("0") for code in known.product_codes}
        if (lost := sum(cell in bare for cell in cells)) > len(cells) / 2:
            proof = f"{reason}; {lost} of {len(cells)} cells are codes of ours without their leading zeros"
            work.notes.append(
                f"{OPEN_MARK}: the codes under {title!r} are ours without their leading zeros, which Excel "
                "drops: ask the partner for cells of text, or name them in a crosswalk (docs/rules.md)"
            )
        else:
            work.notes.append(
                "the partner's product codes need a crosswalk (docs/rules.md) before they match ours"
            )
        work.columns["partner_product_code"] = (position, confidence, proof)
        return
    elif said & {"notre", "nos", "our", "interne", "internal"}:
        return
    else:
        work.columns["partner_product_code"] = (
            position,
            min(confidence, 0.6),
            f"{reason}; whether the codes are ours (product_code) cannot be told before products have landed",
        )
        return
    del work.columns["partner_product_code"]


def _unnamed(work: _Work, wide: Sequence[_Wide]) -> None:
    """Columns that nothing was found for: a person may know."""
    taken = {position for position, _, _ in work.columns.values()}
    taken |= {position for entry in wide for position in entry.positions}
    left = [title for position, title in enumerate(work.sample.titles) if title and position not in taken]
    beside = [c.value for c in work.choices if c.key == "period.header"]
    beside += [c.value["header"] for c in work.choices if c.key == "return_rows"]
    left = [title for title in left if title not in beside]
    if left:
        shown = ", ".join(repr(title) for title in left[:12]) + (", …" if len(left) > 12 else "")
        work.notes.append(f"columns that stay unread: {shown}")
    if any(CUMULATIVE_WORDS & set(words(title).split()) for title in left):
        work.notes.append(
            "figures that add up since a beginning are no figures of a period, and would count again in each "
            "report: ask the partner for the period alone"
        )
    _note_counted_days(work, left)
    for name in ("store_code", "store_name", "product_code", "partner_product_code"):
        if name in work.columns and _repeats_above(work, work.columns[name][0]):
            title = work.sample.titles[work.columns[name][0]]
            pattern = "^(?P<section>.+)$"
            work.notes.append(
                f"{OPEN_MARK}: cells of {title!r} are blank below others, as a pivot table leaves labels "
                f"that repeat: section: {{header: {title}, pattern: '{pattern}'}} and {name}: '@section' "
                "fill them down"
            )
    if "customer" in work.columns:
        work.notes.append(
            "a column names customers: it lands as a keyed hash; AVAL_PSEUDONYM_KEY must be set to read it"
        )
    total = [title for title in left if re.search(TOTAL_PATTERN, title)]
    if total:
        work.notes.append(f"columns of totals are left out: {', '.join(repr(title) for title in total)}")


def _note_counted_days(work: _Work, left: Sequence[str]) -> None:
    """Dates that lost their format are numbers, of one count of days or of the other: a person may know."""
    for position, title in enumerate(work.sample.titles):
        cells = _usual_cells(work, position)
        if title not in left or words(title) not in (*COLUMNS["sale_date"], *PERIOD_TITLES) or not cells:
            continue
        if not all(re.fullmatch(r"[3-6]\d{4}", cell) for cell in cells):
            continue
        since = [(name, epoch + timedelta(int(cells[0]))) for name, epoch in EPOCHS.items()]
        said = " or ".join(f"{day} ({name})" for name, day in since)
        work.notes.append(
            f"{OPEN_MARK}: the cells of {title!r} may be days as Excel counts them, {cells[0]} is {said}: "
            "name the right one as date_format, and the column as sale_date or as period.header"
        )


def _repeats_above(work: _Work, position: int) -> bool:
    """Whether labels stand in the first row and not in all of them."""
    rows = [row for row in work.sample.rows if not _is_total(work, row) and sum(map(bool, row)) > 1]
    filled = [bool(row[position].strip()) for row in rows if position < len(row)]
    return bool(filled) and filled[0] and not all(filled)


# --- values ---


def _is_total(work: _Work, row: Sequence[str]) -> bool:
    first = _first_cell(row)
    return bool(re.match(TOTAL_PATTERN, first)) or first in work.subtotals


def _first_cell(row: Sequence[str]) -> str:
    return next((cell.strip() for cell in row if cell.strip()), "")


def _skipped_rows(work: _Work) -> None:
    rows = {tuple(row) for row in (*work.sample.rows, *work.sample.last_rows) if _is_total(work, row)}
    before = {row for row in rows if re.match(TOTAL_PATTERN, _first_cell(row))}
    for pattern, summing in ((TOTAL_PATTERN, before), (TOTAL_BEHIND, rows - before)):
        firsts = {next(place for place, cell in enumerate(row) if cell.strip()) for row in summing}
        for position in sorted({0} & firsts or firsts):
            title = work.sample.titles[position]
            work.add(
                "skip_rows",
                {"header": title, "pattern": pattern},
                0.9,
                f"{len(summing)} row(s) add up others under {title!r}",
            )


def _numbers(work: _Work, wide: Sequence[_Wide]) -> None:
    """The decimal and thousands marks under which every cell of a quantity or an amount is a number."""
    sample = work.sample
    positions = [work.columns[name][0] for name in _NUMERIC if name in work.columns]
    positions += [position for entry in wide for position in entry.positions]
    if sample.kind == "excel":
        # Numbers that are none of text are read under any mark.
        positions = [position for position in positions if not sample.typed[position]]
    written = [cell for p in positions for cell in _as_text(work, p, _usual_cells(work, p))]
    _affixes(work, written)
    cells = [cell for cell in map(_bare, written) if is_number(cell)]
    total_cells = [
        _bare(cell)
        for p in positions
        for cell in _as_text(work, p, [row[p].strip() for row in sample.last_rows if p < len(row)])
        if cell
    ]
    marked = [cell for cell in cells + total_cells if re.search(r"[\s.,'’\u00a0\u202f]", cell)]
    if not cells:
        return
    if not marked:
        work.add("decimal_mark", ",", 0.6, "no number of the sample has a mark: the French one is assumed")
        return
    shares = [(sum(_fits(cell, *marks) for cell in marked) / len(marked), marks) for marks in _MARKS]
    best, (decimal, thousands) = max(shares, key=lambda item: item[0])
    values = {_value(cell, decimal, thousands) for cell in marked}
    rivals = [
        marks for share, marks in shares if share == best and {_value(c, *marks) for c in marked} != values
    ]
    confidence = 0.97 if best == 1.0 else round(0.9 * best, 2)
    example = next((cell for cell in marked if _fits(cell, decimal, thousands)), marked[0])
    reason = f"{best:.0%} of the numbers read so, such as {example!r}"
    if rivals:
        confidence = 0.45
        reason = f"{example!r} also reads with {rivals[0][0]!r} as decimal mark: look at a known figure"
    work.add("decimal_mark", decimal, confidence, reason)
    if thousands:
        work.add("thousands_mark", thousands, confidence, reason)


def _bare(cell: str) -> str:
    """A cell without the currency or unit that stands before or behind its figures, as `number_affixes`
    leaves it.
    """
    signs = "|".join(map(re.escape, CURRENCY_SIGNS))
    cell = re.sub(rf"(?i)^([-+(−]?\s*)(?:{signs})\s*", r"\1", cell)
    cell = re.sub(rf"(?i)\s*(?:{signs})(\s*[-)−]?)$", r"\1", cell)
    return cell.removesuffix(_unit_behind(cell)).rstrip()


def _unit_behind(cell: str) -> str:
    """The unit that stands behind a figure: `pcs` of `12 pcs`."""
    found = re.search(r"[\d)][\s-]*([^\W\d_]+\.?)$", cell)
    return found[1] if found and words(found[1]) in UNITS else ""


def _affixes(work: _Work, cells: Sequence[str]) -> None:
    """The currencies and units that stand beside figures, and what they say."""
    figures = [cell for cell in cells if is_number(_bare(cell))]
    signs = {sign for cell in figures for sign in CURRENCY_SIGNS if sign in cell.upper()}
    units = {unit: UNITS[words(unit)] for unit in map(_unit_behind, figures) if unit}
    codes = sorted(set(units.values()))
    if len(codes) > 1:
        work.notes.append(
            f"{OPEN_MARK}: quantities stand in several units ({', '.join(map(repr, sorted(units)))}), which "
            "no profile tells apart within a cell: ask the partner for one unit, or a column that names it"
        )
        units = {}
    currencies = {CURRENCY_SIGNS[sign] for sign in signs}
    if len(currencies) > 1 and "currency_code" not in work.columns:
        work.notes.append(
            f"{OPEN_MARK}: amounts stand in several currencies ({', '.join(sorted(currencies))}), which no "
            "profile tells apart within a cell: ask the partner for one currency, or a column that names it"
        )
        signs = set()
    if signs or units:
        work.add("number_affixes", sorted(signs | units.keys()), 0.95, "these stand beside the numbers")
    if units and codes != ["PCE"] and "unit_code" not in work.columns:
        work.add("unit", codes[0], 0.6, f"{min(units)!r} stands beside the quantities")
    if signs and "currency_code" not in work.columns:
        reason = f"{min(signs)!r} stands beside the amounts"
        reason += "; there are other dollars than those of the USA" if "$" in signs else ""
        work.add("currency", min(currencies), 0.7, reason)


def _pattern(decimal: str, thousands: str) -> str:
    groups = ""
    if thousands:
        mark = {" ": f"[ {UNUSUAL_SPACES}]", "'": "['’]"}.get(thousands, re.escape(thousands))
        groups = rf"|\d{{1,3}}(?:{mark}\d{{3}})+"
    return rf"\(?[-+−]? ?(?:\d+{groups})(?:{re.escape(decimal)}\d+)?\)? ?-?"


def _fits(cell: str, decimal: str, thousands: str) -> bool:
    return bool(re.fullmatch(_pattern(decimal, thousands), cell))


def _value(cell: str, decimal: str, thousands: str) -> str | None:
    if not _fits(cell, decimal, thousands):
        return None
    kept = re.sub(rf"[^0-9{re.escape(decimal)}]", "", cell).replace(decimal, ".")
    whole, _, rest = kept.partition(".")
    return f"{int(whole or 0)}.{rest.rstrip('0')}"


def _formats(cells: Sequence[str]) -> list[str]:
    """Date formats that every cell (but a stray one in fifty) is written in."""
    distinct = list(dict.fromkeys(cells))[:400]
    return [
        known
        for known in _DATE_FORMATS
        if sum(_parses(cell, known) for cell in distinct) >= 0.98 * len(distinct)
    ]


def _as_text(work: _Work, position: int, cells: Sequence[str]) -> Sequence[str]:
    """The cells that say how dates and numbers are written: a workbook may hold real ones and text in one
    column, and real ones are read under any format and mark.
    """
    written = work.sample.written[position] if work.sample.written else frozenset()
    return [cell for cell in cells if cell in written] or cells


def _parses(cell: str, date_format: str) -> bool:
    try:
        day = parse_date(cell, date_format)
    except ValueError:
        return False
    return 1990 <= day.year <= 2100


def _format_of(work: _Work) -> tuple[str, float, str]:
    """The format of the sale dates, how sure, and why; a period in the name settles day and month."""
    cells = _as_text(work, work.columns["sale_date"][0], work.cells("sale_date"))
    found = _formats(cells)
    if not found:
        return "%d/%m/%Y", 0.2, "its cells fit no known format"
    first = found[0]
    mirror = _MIRRORS.get(first)
    if mirror is None or mirror not in found:
        return first, 0.97, f"all cells read so, such as {cells[0]!r}, and in no other order"
    spreads = {}
    for candidate in (first, mirror):
        days = _days(set(cells), candidate)
        spreads[candidate] = max(days) - min(days)
    tight = min(spreads, key=lambda candidate: spreads[candidate])
    loose = max(spreads, key=lambda candidate: spreads[candidate])
    if len(set(cells)) > 2 and spreads[tight] * 3 + timedelta(days=5) < spreads[loose]:
        return (
            tight,
            0.8,
            f"day and month could be swapped; so the dates span {spreads[tight].days} days, "
            f"otherwise {spreads[loose].days}",
        )
    return first, 0.45, "every date also reads as month before day: ask the partner"


def _dates_of(work: _Work) -> list[date]:
    if "sale_date" not in work.columns:
        return []
    return _days(work.cells("sale_date"), _format_of(work)[0])


def _days(cells: Iterable[str], date_format: str) -> list[date]:
    """The days that cells name, real dates of a workbook among them."""
    formats = (date_format, _REAL_DATE)
    found = ((cell, next((known for known in formats if _parses(cell, known)), None)) for cell in cells)
    return [parse_date(cell, known) for cell, known in found if known is not None]


def _date_format(work: _Work) -> None:
    if "sale_date" not in work.columns:
        return
    position = work.columns["sale_date"][0]
    if work.sample.kind == "excel" and work.sample.typed[position]:
        return
    date_format, confidence, reason = _format_of(work)
    work.add("date_format", date_format, confidence, reason)


def _return_rows(work: _Work) -> None:
    """A column of kinds of document, some of which say that the row came back while its quantity does not."""
    if "sold_quantity" not in work.columns or "returned_quantity" in work.columns:
        return
    sold, titles = work.columns["sold_quantity"][0], work.sample.titles
    used = {position for position, _, _ in work.columns.values()}
    for position in sorted(set(range(len(titles))) - used):
        rows = [
            (row[position].strip(), _bare(row[sold].strip()))
            for row in work.sample.rows
            if max(position, sold) < len(row) and words(row[position]) in RETURN_WORDS
        ]
        figures = [figure for _, figure in rows if is_number(figure)]
        if figures and not any(re.match(_NEGATIVE, figure) for figure in figures):
            kinds = sorted({kind for kind, _ in rows})
            pattern = f"^({'|'.join(map(_escaped, kinds))})$"
            reason = f"rows that say {kinds[0]!r} bear no minus: what they call sold came back"
            work.add("return_rows", {"header": titles[position], "pattern": pattern}, 0.8, reason)


def _signs(work: _Work, wide: Sequence[_Wide]) -> None:
    titles = work.sample.titles
    settings = {"sold_quantity": "negative_sold_is_return", "returned_quantity": "returns_are_negative"}
    for column, setting in settings.items():
        positions = [work.columns[column][0]] if column in work.columns else []
        positions += [p for entry in wide if entry.metric == column for p in entry.positions]
        cells = [_bare(cell) for position in positions for cell in _usual_cells(work, position)]
        negative = sum(is_number(cell) and bool(re.match(_NEGATIVE, cell)) for cell in cells)
        said = {token for position in positions for token in words(titles[position]).split()}
        if column == "sold_quantity" and said & NET_WORDS:
            work.add("sold_is_net", True, 0.9, "the title says that returns are deducted")
        elif negative:
            reason = f"{negative} of {len(cells)} cells of {titles[positions[0]]!r} are negative"
            if column == "sold_quantity":
                reason += "; sold_is_net instead, if the partner has deducted returns from the others"
            work.add(setting, True, 0.6, reason)
    figures = [work.columns[name][0] for name in _NUMERIC if name in work.columns]
    figures += [position for entry in wide for position in entry.positions]
    dashes = sum(bool(re.fullmatch(_DASH, _bare(c))) for place in figures for c in _usual_cells(work, place))
    if dashes:
        reason = f"{dashes} cells of figures hold a dash alone, as zero is often shown"
        work.add("empty_is_zero", True, 0.6, f"{reason}; leave it out if it means that nothing is known")
    if any(cell.startswith("(") for position in figures for cell in _usual_cells(work, position)):
        work.add("parentheses_are_negative", True, 0.9, "numbers stand in parentheses")
    if "net_amount" in work.columns:
        said = set(words(titles[work.columns["net_amount"][0]]).split())
        currencies = {CURRENCY_WORDS[word] for word in said & CURRENCY_WORDS.keys()}
        is_said = any(choice.key == "currency" for choice in work.choices)
        if len(currencies) == 1 and "currency_code" not in work.columns and not is_said:
            work.add("currency", currencies.pop(), 0.9, "the title of the amounts names it")
        if said & TAX_WORDS:
            work.add(
                "tax_rate",
                0.2,
                0.7,
                "the title says tax included; 20 % is the French standard rate: confirm it",
            )


def _units(work: _Work) -> None:
    if "unit_code" not in work.columns:
        for name in ("sold_quantity", "on_hand_quantity"):
            title = work.sample.titles[work.columns[name][0]] if name in work.columns else ""
            if PACK_WORDS & set(words(title).split()):
                reason = (
                    f"{title!r} counts packs, and a quantity is in pieces unless the profile names your unit"
                )
                work.add("unit", "BOX", 0.3, reason)
                return
        return
    found = Counter(work.cells("unit_code"))
    if not found or len(found) > 20:
        return
    known = {name: UNITS[words(name)] for name in found if words(name) in UNITS}
    strange = [name for name in found if name not in known]
    mapping: Mapping[str, str] = known | {
        name: re.sub(r"[^A-Za-z0-9]", "", name).upper() or "PCE" for name in strange
    }
    reason = "the partner's names: ours"
    if strange:
        reason += f"; not known, kept as they are: {', '.join(repr(name) for name in strange)}"
    work.add("units", dict(mapping), 0.6 if strange else 0.9, reason)


def _expected_from(work: _Work, wide: Sequence[_Wide]) -> None:
    settled = {choice.key: choice for choice in work.choices}
    starts = [span.start for entry in wide for span in entry.spans]
    source = settled["period.source"].value if "period.source" in settled else None
    if work.first is not None:
        starts = [work.first.start]
    elif source == "column" and (found := _period_column(work)):
        starts = [span.start for span in found[2]]
    elif source == "column":
        frequency = settled["period.frequency"].value
        starts = [span_of(day, frequency).start for day in _dates_of(work)]
    if starts:
        work.add(
            "expected_from",
            min(starts),
            0.7,
            "the first day of this sample; set it to the first report that you expect",
        )
    else:
        work.add("expected_from", date(2026, 1, 5), 0.1, "the first day from which reports are expected")
