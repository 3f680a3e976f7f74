"""Whatever bytes come as EDI: a report lands or is refused in words, and no row and no second is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.errors import RejectedFile
from connectors.feeds import edifact, x12
from connectors.feeds.edi.functions import NothingKnown
from connectors.feeds.edi.segments import read_segments
from connectors.feeds.normalise.canonical import lines
from connectors.feeds.normalise.judging import Counts
from connectors.feeds.normalise.judging import judge as judge_rows
from connectors.feeds.normalise.layout import bind
from connectors.feeds.profile import Profile

SALES = b"""UNA:+.? '
UNB+UNOC:3+P:14+U:14+260105:0600+77'
UNH+1+SLSRPT:D:96A:UN'
BGM+73E+R1+9'
DTM+356:2026010520260111:718'
NAD+SU+4000000000006::9'
CUX+2:EUR:10'
LOC+162+S?+1::9'
LIN+1++4006381333931:EN'
PIA+1+OUR:SA::91'
PRI+AAA:2.5'
QTY+153:5:PCE'
QTY+61:1:PCE'
LIN+2++4006381333948:EN'
LOC+162+S2::9'
QTY+153:2'
LOC+162+S3::9'
QTY+153:3'
UNT+16+1'
UNH+2+SLSRPT:D:96A:UN'
BGM+73E+R2+5'
RFF+ACW:R1'
DTM+356:20260108:102'
LIN+1++4006381333931:EN'
QTY+153:7'
CNT+2:1'
UNT+8+2'
UNZ+2+77'
"""
ACTIVITY = b"""ISA*00**00**ZZ*P*ZZ*U*260110*0600*U*00401*000000007*0*P*>~
GS*PD*P*U*20260110*0600*1*X*004010~
ST*852*0001~
XQ*H*20260104*20260110~
N1*ST*SHOP*92*S1~
LIN**UP*400638133393*VN*OUR1~
ZA*QS*5*EA~
SDQ*EA*92*S1*4*S2*1~
ZA*QA*30*EA~
LIN**UP*400638133409~
ZA*QU*1*EA~
CTT*2~
SE*10*0001~
GE*1*1~
IEA*1*000000007~
"""
TRANSFER = b"""ISA*00**00**ZZ*P*ZZ*U*260110*0600*U*00401*000000007*0*P*>~
GS*PT*P*U*20260110*0600*1*X*004010~
ST*867*0001~
BPT*00*D1*20260110~
PTD*SS~
N1*ST*SHOP*92*S1~
QTY*32*5*EA~
LIN**UK*04006381333931~
UIT*EA*2.5~
PTD*BN~
LIN**UK*04006381333948~
QTY*32*3*EA~
SE*10*0001~
GE*1*1~
IEA*1*000000007~
"""


def a_profile(**container: object) -> Profile:
    return Profile.model_validate(
        {
            "partner": "D07",
            "files": {"glob": "D07/*"},
            "container": container,
            "period": {"frequency": "week"},
            "expected_from": date(2026, 1, 1),
        }
    )


CASES = {
    "slsrpt": (SALES, a_profile(kind="edifact", price_basis="unit")),
    "852": (ACTIVITY, a_profile(kind="x12")),
    "867": (TRANSFER, a_profile(kind="x12", messages=["867"], price_basis="unit")),
}


def judge(connection: duckdb.DuckDBPyConnection, path: Path, profile: Profile) -> Counts | None:
    """Read and judge a file; None if it is refused. Landed rows are those accepted, no less and no more."""
    load = edifact.load if profile.container.kind == "edifact" else x12.load
    try:
        report = load(connection, path, profile, NothingKnown(), "a.edi")
    except RejectedFile:
        return None
    layout = bind(profile, report.table, "a.edi")
    (judgement,) = judge_rows(connection, layout, None)
    landed = lines(layout, "sell_out", "f")
    counts = judgement.counts
    keys = connection.execute(
        f"select count(*), count(distinct (_source_row, _source_column)) from ({landed.query})"
    ).fetchone()
    assert keys is not None
    assert keys[0] == keys[1] <= counts.accepted
    faults = connection.execute("select count(distinct source_row) from faults").fetchone()
    assert faults is not None
    assert faults[0] <= counts.quarantined
    assert counts.read == counts.accepted + counts.quarantined + counts.skipped
    return counts


def mutate(content: bytes, dice: random.Random) -> bytes:
    """A few of the ways in which a file gets damaged."""
    work = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at, length = dice.randrange(len(work) + 1), dice.randint(1, 12)
        kind = dice.randrange(6)
        if kind == 0:
            del work[at : at + length]
        elif kind == 1:
            work[at:at] = bytes(dice.randrange(256) for _ in range(length))
        elif kind == 2:
            work[at : at + 1] = dice.choice([b"'", b"~", b"+", b"*", b":", b"?", b"\n", b"\r", b"\x1c", b"0"])
        elif kind == 3:
            lines = bytes(work).split(b"\n")
            dice.shuffle(lines)
            work = bytearray(b"\n".join(lines))
        elif kind == 4:
            lines = bytes(work).split(b"\n")
            lines.insert(dice.randrange(len(lines) + 1), dice.choice(lines))
            work = bytearray(b"\n".join(lines))
        else:
            del work[at:]
        if not work:
            work = bytearray(b"U")
    return bytes(work)


@pytest.mark.parametrize("case", CASES)
def test_damaged_files_land_or_are_refused(case: str, tmp_path: Path) -> None:
    content, profile = CASES[case]
    dice = random.Random(7)
    path = tmp_path / "a.edi"
    landed = 0
    with duckdb.connect(config={"threads": 1}) as connection:
        path.write_bytes(content)
        whole = judge(connection, path, profile)
        assert whole is not None
        assert whole.accepted > 0
        for _ in range(30):
            path.write_bytes(mutate(content, dice))
            landed += judge(connection, path, profile) is not None
    assert landed > 10


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"UNA", b"UNA:+.? '", b"UNB+UNOC:3+", b"ISA*", b"ST*852*1~"]),
)
@example(b"", b"ISA")
@example(b"", b"UNA")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_segments_or_refused(tmp_path: Path, content: bytes, head: bytes) -> None:
    path = tmp_path / "a.edi"
    path.write_bytes(head + content)
    for family in ("edifact", "x12"):
        try:
            runs = list(read_segments(path, family, None, "a.edi"))  # type: ignore[arg-type]
        except RejectedFile:
            continue
        numbers = [number for run in runs for number in run.numbers.tolist()]
        assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    "build",
    [
        lambda: b"UNB+UNOC:3+P+U+260105:0600+1'" + b"A" * 12_000_000,
        lambda: b"UNB+UNOC:3+P+U+260105:0600+1'" + b"?" * 6_000_000 + b"'",
        lambda: b"UNA:+.? '" * 200_000,
        lambda: b"UNB+UNOC:3+P+U+260105:0600+1'UNZ+0+1'" * 2_000,
        lambda: SALES.replace(b"QTY+153:7'", b"QTY+153:7'" * 100_000),
        lambda: SALES.replace(b"LIN+1++4006381333931:EN'", b"LIN+1++4006381333931:EN'" * 100_000),
    ],
    ids=["endless segment", "releases", "service strings", "empty interchanges", "quantities", "lines"],
)
def test_hostile_files_end_soon(build: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.edi"
    path.write_bytes(build())
    begin = time.process_time()
    with duckdb.connect(config={"threads": 1}) as connection:
        judge(connection, path, CASES["slsrpt"][1])
    assert time.process_time() - begin < 30
