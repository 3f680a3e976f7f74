"""Lines a second of each container: 500,000 lines of sell-out as delimited text, Excel, EDIFACT and X12.

Run `python -m benchmarks.containers`; it writes its own section of docs/benchmarks.md. Processor time of the
intake alone, without ERP and warehouse. With `--large 5` it reads one delimited file of 5 GB instead, plain,
zipped and in ways that take the careful road, and says what each costs in memory. What belongs here: readers
compared with one another. What does not: whole runs (`measure`).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from connectors.company import Company, Paths
from connectors.feeds.intake.run import take_in
from connectors.feeds.profile import Profile
from connectors.ledger import Ledger

LINES: Final = 500_000
STORES: Final = 500
_REPORT: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_START: Final = "<!-- containers: begin -->"
_END: Final = "<!-- containers: end -->"


def _sales() -> Iterator[tuple[int, str, str, int, str]]:
    """Store, whether it is new, GTIN, quantity and amount of each line."""
    per_store = LINES // STORES
    for store in range(STORES):
        for i in range(per_store):
            gtin = f"{3_000_000_000_000 + (i * 7919 + store) % 4000 * 10}"
            quantity = 1 + (i * 31 + store) % 9
            yield store, "new" if i == 0 else "", gtin, quantity, f"{quantity * 2.5:.2f}"


def write_delimited(path: Path) -> None:
    with path.open("w") as handle:
        handle.write("Store;Gtin;Qty;Amount\n")
        for store, _, gtin, quantity, amount in _sales():
            handle.write(f"S{store:04d};{gtin};{quantity};{amount.replace('.', ',')}\n")


def write_excel(path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["Store", "Gtin", "Qty", "Amount"])
        for row, (store, _, gtin, quantity, amount) in enumerate(_sales(), start=1):
            sheet.write_row(row, 0, [f"S{store:04d}", gtin, quantity, float(amount)])


def write_edifact(path: Path) -> None:
    segments = 3
    with path.open("w") as handle:
        handle.write("UNA:+.? '\nUNB+UNOC:3+P:14+U:14+260112:0600+1'\nUNH+1+SLSRPT:D:96A:UN'\n")
        handle.write("BGM+73E+R1+9'\nDTM+356:20260108:102'\n")
        for number, (store, is_new, gtin, quantity, amount) in enumerate(_sales(), start=1):
            if is_new:
                handle.write(f"LOC+162+S{store:04d}::9'\n")
                segments += 1
            handle.write(f"LIN+{number}++{gtin}:EN'\nMOA+203:{amount}'\nQTY+153:{quantity}:PCE'\n")
            segments += 3
        handle.write(f"UNT+{segments + 1}+1'\nUNZ+1+1'\n")


def write_x12(path: Path) -> None:
    segments = 2
    with path.open("w") as handle:
        handle.write("ISA*00**00**ZZ*P*ZZ*U*260112*0600*U*00401*000000001*0*P*>~\n")
        handle.write("GS*PD*P*U*20260112*0600*1*X*004010~\nST*852*0001~\nXQ*H*20260105*20260111~\n")
        for store, is_new, gtin, quantity, _ in _sales():
            if is_new:
                handle.write(f"N1*ST**92*S{store:04d}~\n")
                segments += 1
            handle.write(f"LIN**EN*{gtin}~\nZA*QS*{quantity}*EA~\n")
            segments += 2
        handle.write(f"SE*{segments + 1}*0001~\nGE*1*1~\nIEA*1*000000001~\n")


_TABLE: Final[dict[str, Any]] = {
    "period": {
        "frequency": "week",
        "source": "file_name",
        "pattern": r"(?P<year>\d{4})-W(?P<week>\d{2})",
    },
    "columns": {"store_code": "Store", "gtin": "Gtin", "sold_quantity": "Qty", "net_amount": "Amount"},
}
_BASE: Final[dict[str, Any]] = {"partner": "D01", "expected_from": "2026-01-01"}
CONTAINERS: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "delimited": (write_delimited, {"container": {"kind": "delimited"}, **_TABLE}),
    "Excel": (write_excel, {"container": {"kind": "excel"}, **_TABLE}),
    "EDIFACT SLSRPT": (write_edifact, {"container": {"kind": "edifact"}, "period": {"frequency": "week"}}),
    "X12 852": (
        write_x12,
        {
            "container": {"kind": "x12", "quantities": {"sold_quantity": ["QS"]}},
            "period": {"frequency": "week"},
        },
    ),
}


def measure(name: str, folder: Path) -> float:
    """Processor seconds that one container's intake takes."""
    write, settings = CONTAINERS[name]
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    write(inbox / f"report_2026-W02.{'xlsx' if name == 'Excel' else 'txt'}")
    for path in inbox.iterdir():
        os.utime(path, (0, 0))
    company = Company.model_validate(
        {
            "company": {"code": "bench", "name": "Bench"},
            "erp": {"kind": "tryton", "url": "sqlite:///erp.db"},
            "inbox": {"path": str(inbox)},
        }
    )
    paths = Paths(folder / "company", folder / "data")
    profile = Profile.model_validate({**_BASE, "files": {"glob": "*"}, **settings})
    before = resource.getrusage(resource.RUSAGE_SELF)
    with Ledger(paths.ledger) as ledger:
        summary = take_in(paths, company, {"sales": profile}, ledger, now=datetime.now(UTC))
    after = resource.getrusage(resource.RUSAGE_SELF)
    (outcome,) = summary.files
    if outcome.state != "landed" or outcome.rows_accepted != LINES:
        raise RuntimeError(f"{name}: {outcome.state}, {outcome.rows_accepted} lines, {outcome.reason}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


# Ways in which one large file may come: each takes another road through the reader.
LARGE: Final[dict[str, dict[str, Any]]] = {
    "UTF-8": {},
    "cp1252": {"encoding": "cp1252"},
    "zipped": {"compression": "zip"},
    "delimiter of two characters": {"delimiter": "||"},
    "a blank line in it": {},
}


def write_large(path: Path, way: str, lines: int) -> None:
    """Some 85 bytes a line: store, GTIN, label, quantity, amount, day."""
    encoding, delimiter = ("cp1252", ";") if way == "cp1252" else ("utf-8", LARGE[way].get("delimiter", ";"))
    text = path.with_suffix(".csv")
    step = 200_000
    with text.open("wb") as handle:
        handle.write(delimiter.join(("Store", "Gtin", "Label", "Qty", "Amount", "Day")).encode() + b"\n")
        block = "".join(
            delimiter.join(
                (
                    f"S{i % STORES:04d}",
                    f"{3_000_000_000_000 + i * 7919 % 4000 * 10}",
                    f"Vérin pneumatique double effet {i % 4000:04d} Ø{i % 80}",
                    f"{1 + i % 9}",
                    f"{(1 + i % 9) * 2.5:.2f}".replace(".", ","),
                    f"{1 + i % 31:02d}/01/2026",
                )
            )
            + "\n"
            for i in range(step)
        ).encode(encoding)
        for _ in range(lines // step):
            handle.write(block)
        if way == "a blank line in it":
            handle.write(b"\n")
    if way == "zipped":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.write(text, "report.csv")
        text.unlink()
    else:
        text.rename(path)


def measure_large(way: str, folder: Path, gigabytes: float) -> tuple[int, int, float, float, float]:
    """Lines, bytes, seconds, processor seconds and peak memory (GiB) of taking in one large file.

    In a process of its own, whose peak no other measurement has raised.
    """
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    path = inbox / ("report_2026-01.zip" if way == "zipped" else "report_2026-01.csv")
    lines = int(gigabytes * 1e9 / 88) // 200_000 * 200_000
    write_large(path, way, lines)
    size = path.stat().st_size
    os.utime(path, (0, 0))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.containers", "--take", way, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - began
    accepted, processor, peak = done.stdout.split()
    if int(accepted) != lines:
        raise RuntimeError(f"{way}: {accepted} lines landed of {lines}")
    return lines, size, seconds, float(processor), float(peak)


def take_large(way: str, folder: Path) -> None:
    """Take in what lies in the inbox; prints lines, processor seconds and peak memory."""
    profile = Profile.model_validate(
        {
            **_BASE,
            "files": {"glob": "*"},
            "container": {"kind": "delimited", **LARGE[way]},
            "period": {
                **_TABLE["period"],
                "frequency": "month",
                "pattern": r"(?P<year>\d{4})-(?P<month>\d{2})",
            },
            "columns": {**_TABLE["columns"], "product_label": "Label", "sale_date": "Day"},
        }
    )
    company = Company.model_validate(
        {
            "company": {"code": "bench", "name": "Bench"},
            "erp": {"kind": "tryton", "url": "sqlite:///erp.db"},
            "inbox": {"path": str(folder / "inbox")},
            "archive": {"enabled": False},
        }
    )
    paths = Paths(folder / "company", folder / "data")
    with Ledger(paths.ledger) as ledger:
        summary = take_in(paths, company, {"sales": profile}, ledger, now=datetime.now(UTC))
    used = resource.getrusage(resource.RUSAGE_SELF)
    (outcome,) = summary.files
    if outcome.state != "landed":
        raise RuntimeError(f"{way}: {outcome.state}, {outcome.reason}")
    print(outcome.rows_accepted, used.ru_utime + used.ru_stime, used.ru_maxrss / (1 << 20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=float, metavar="GB", help="read one large file of this size instead")
    parser.add_argument("--take", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.take:
        take_large(arguments.take[0], Path(arguments.take[1]))
    elif arguments.large:
        compare_large(arguments.large)
    else:
        compare()


def compare_large(gigabytes: float) -> None:
    """Print a table of the ways of one large file."""
    print("| file | lines | GB | s | processor s | peak memory, GiB |\n|---|---|---|---|---|---|")
    for way in LARGE:
        with tempfile.TemporaryDirectory() as folder:
            lines, size, seconds, processor, peak = measure_large(way, Path(folder), gigabytes)
        shown = f"| {way} | {lines:,} | {size / 1e9:.2f} | {seconds:.0f} | {processor:.0f} | {peak:.2f} |"
        print(shown, flush=True)


def compare() -> None:
    """Measure the containers and write their section."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = {name: measure(name, Path(folder) / str(i)) for i, name in enumerate(CONTAINERS)}
    least = seconds["delimited"]
    rows = [
        f"| {name} | {taken:.2f} | {LINES / taken:,.0f} | {taken / least:.1f} |"
        for name, taken in seconds.items()
    ]
    section = "\n".join(
        [
            _START,
            "## Containers",
            "",
            f"{LINES:,} lines of sell-out in one file, from the inbox to landed Parquet, in processor time.",
            "`python -m benchmarks.containers` measures it again.",
            "",
            "| container | processor s | lines / processor s | against delimited |",
            "|---|---|---|---|",
            *rows,
            _END,
        ]
    )
    text = _REPORT.read_text(encoding="utf-8")
    if _START in text:
        head, _, rest = text.partition(_START)
        text = head + section + rest.partition(_END)[2]
    else:
        text = text.rstrip("\n") + "\n\n" + section + "\n"
    _REPORT.write_text(text, encoding="utf-8")
    print(section)


if __name__ == "__main__":
    main()
