"""Reports by EDI: envelopes whose counts are right, figures where the standards want them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from connectors.sample.edi import X12, Edifact, Interchange, write
from connectors.sample.layouts import Cents
from connectors.sample.reports import Report

JANUARY = Interchange(
    sender="3799900001282",
    recipient="3799900000018",
    number=202601,
    document="T04-202601",
    first=date(2026, 1, 1),
    last=date(2026, 1, 31),
    prepared=datetime(2026, 2, 3, 9, 5, tzinfo=UTC),
)


def by_edi(reports: list[Report], layout: type[Edifact | X12]) -> Iterator[tuple[Report, list[str]]]:
    """Each report of a layout and its segments."""
    for report in reports:
        if isinstance(report.feed.layout, layout):
            if layout is X12:
                yield report, report.content.decode("ascii").replace("~\n", "~").split("~")[:-1]
            else:
                text = report.content.decode("iso8859-1").replace("'\r\n", "'").removeprefix("UNA:+.? '")
                yield report, re.split(r"(?<!\?)'", text)[:-1]


def test_two_lines_by_edifact() -> None:
    segments = ["LIN+{line}++{}:EN", "IMD+F++:::{}", "MOA+203:{}", "QTY+153:{}:PCE"]
    columns = [
        ["3799991000010", "3799991000027"],
        ["Silencieux d'échappement", "1+1?"],
        Cents([1250, -5]),
        [2, 0],
    ]

    assert write(Edifact(), JANUARY, segments, columns).decode("iso8859-1").split("\r\n") == [
        "UNA:+.? '",
        "UNB+UNOC:3+3799900001282:14+3799900000018:14+260203:0905+202601'",
        "UNH+1+SLSRPT:D:96A:UN:EAN004'",
        "BGM+73E::9+T04-202601+9'",
        "DTM+137:20260203:102'",
        "DTM+90:20260101:102'",
        "DTM+91:20260131:102'",
        "NAD+SU+3799900000018::9'",
        "NAD+BY+3799900001282::9'",
        "CUX+2:EUR:10'",
        "LOC+162+3799900001282::9'",
        "DTM+356:2026010120260131:718'",
        "LIN+1++3799991000010:EN'",
        "IMD+F++:::Silencieux d?'échappement'",
        "MOA+203:12.50'",
        "QTY+153:2:PCE'",
        "LIN+2++3799991000027:EN'",
        "IMD+F++:::1?+1??'",
        "MOA+203:-0.05'",
        "QTY+153:0:PCE'",
        "UNT+19+1'",
        "UNZ+1+202601'",
        "",
    ]


def test_two_lines_by_x12() -> None:
    segments = ["LIN*{line}*EN*{}", "CTP*RS*RES*{}", "ZA*QS*{}*EA"]
    columns = [["3799991000010", "3799991000027"], Cents([715, 5]), [2, 0]]

    assert write(X12(), JANUARY, segments, columns).decode("ascii").split("\n") == [
        "ISA*00*          *00*          *ZZ*3799900001282  *ZZ*3799900000018  "
        "*260203*0905*U*00401*000202601*0*P*>~",
        "GS*PD*3799900001282*3799900000018*20260203*0905*202601*X*004010~",
        "ST*852*0001~",
        "XQ*H*20260101*20260131~",
        "N9*TN*T04-202601~",
        "N1*VN**UL*3799900000018~",
        "N1*RL**UL*3799900001282~",
        "LIN*1*EN*3799991000010~",
        "CTP*RS*RES*7.15~",
        "ZA*QS*2*EA~",
        "LIN*2*EN*3799991000027~",
        "CTP*RS*RES*0.05~",
        "ZA*QS*0*EA~",
        "CTT*2~",
        "SE*13*0001~",
        "GE*1*202601~",
        "IEA*1*000202601~",
        "",
    ]


@pytest.mark.parametrize("layout", [Edifact, X12])
def test_every_trailer_counts_what_its_report_holds(
    reports: list[Report], layout: type[Edifact | X12]
) -> None:
    found = 0
    for report, segments in by_edi(reports, layout):
        mark, opens, closes = ("*", "ST", "SE") if layout is X12 else ("+", "UNH", "UNT")
        tags = [segment.partition(mark)[0] for segment in segments]
        first, last = tags.index(opens), tags.index(closes)
        assert segments[last].split(mark)[1] == str(last - first + 1)
        assert segments[last].split(mark)[2] == segments[first].split(mark)[2 if layout is X12 else 1]
        assert tags.count("LIN") == len(report.lines) == report.rows
        if layout is X12:
            assert f"CTT*{len(report.lines)}" in segments
            assert segments[0].split("*")[13] == segments[-1].split("*")[2]
            assert len(f"{segments[0]}~") == 106
        else:
            assert segments[0].split("+")[5] == segments[-1].split("+")[2]
        found += 1
    assert found == 23
