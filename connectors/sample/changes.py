"""Changes to a sample company on disk, for tests and demonstrations: what happens between one run and the
next.

Each function does one thing that happens in life, and returns what a reader may want to check. The answer
key is kept up only by `next_week`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.sample import erp
from connectors.sample.generator import Progress, Sample, build, deliver, write_books
from connectors.sample.reports import build_reports


def next_week(sample: Sample, progress: Progress | None = None) -> Sample:
    """Let a week pass: new documents and changes in the ERP, new reports in the inbox, a new answer key.

    Rows that were changed or deleted by other functions stay so, unless the week itself touches them.
    """
    as_of = sample.as_of + timedelta(days=7)
    simulation = build(sample.seed, as_of, progress)
    end_of_day = datetime.combine(sample.as_of, time.max)
    contents = erp.rows_by_table(
        simulation.products, simulation.listings, simulation.documents, simulation.programmes, as_of
    )
    engine = sa.create_engine(sample.erp_url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            for table in erp.METADATA.sorted_tables:
                if "maj" in table.c:
                    _replace(
                        connection, table, [row for row in contents[table.name] if row["maj"] > end_of_day]
                    )
    finally:
        engine.dispose()
    reports = list(build_reports(simulation.world))
    for report in reports:
        if report.delivered.date() > sample.as_of:
            deliver(sample.inbox, report)
    write_books(sample.target, simulation, reports)
    return Sample(sample.target, sample.seed, as_of, sample.erp_url, len(reports))


def _replace(connection: sa.Connection, table: sa.Table, rows: list[Mapping[str, Any]]) -> None:
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    gone = table.delete().where(*(table.c[name] == sa.bindparam(f"key_{name}") for name in keys))
    connection.execute(gone, [{f"key_{name}": row[name] for name in keys} for row in rows])
    connection.execute(table.insert(), rows)


def drop_invoices(sample: Sample, day: date) -> list[str]:
    """Lose all invoices and credit notes of a day, like an ERP restored from yesterday's backup."""
    engine = sa.create_engine(sample.erp_url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            chosen = sa.select(erp.FACTURES.c.no_piece).where(erp.FACTURES.c.date_piece == day)
            numbers = sorted(connection.scalars(chosen))
            for table in (erp.LIGNES_FAC, erp.FACTURES):
                connection.execute(table.delete().where(table.c.no_piece.in_(numbers)))
    finally:
        engine.dispose()
    return numbers


def delete_open_order(sample: Sample) -> str:
    """Delete the newest order of which nothing has been shipped; returns its number."""
    orders, lines, shipped = erp.COMMANDES, erp.LIGNES_CDE, erp.LIGNES_EXP
    engine = sa.create_engine(sample.erp_url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            untouched = (
                sa.select(orders.c.no_cde)
                .where(
                    orders.c.no_cde.not_in(sa.select(shipped.c.no_cde).where(shipped.c.no_cde.is_not(None)))
                )
                .where(
                    orders.c.no_cde.in_(sa.select(lines.c.no_cde).where(lines.c.etat == erp.STATES["open"]))
                )
                .order_by(orders.c.date_cde.desc(), orders.c.no_cde.desc())
                .limit(1)
            )
            found = connection.scalars(untouched).first()
            if found is None:
                raise LookupError("every order has been shipped at least in part")
            number = str(found)
            for table in (lines, orders):
                connection.execute(table.delete().where(table.c.no_cde == number))
    finally:
        engine.dispose()
    return number


def credit_late(sample: Sample, invoice_number: str, amount: Decimal, dated: date, at: datetime) -> str:
    """Grant a price credit of `amount` on the first line of an invoice, by a credit note that bears an
    earlier date than `at` (UTC), when it is entered; returns its number.
    """
    heads, lines = erp.FACTURES, erp.LIGNES_FAC
    engine = sa.create_engine(sample.erp_url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            invoice = connection.execute(heads.select().where(heads.c.no_piece == invoice_number)).one()
            line = connection.execute(
                lines.select().where(lines.c.no_piece == invoice_number).order_by(lines.c.no_ligne)
            ).first()
            if line is None:
                raise LookupError(f"{invoice_number} has no line")
            series = f"AV-{dated.year}-"
            newest = connection.scalar(
                sa.select(sa.func.max(heads.c.no_piece)).where(heads.c.no_piece.startswith(series))
            )
            number = f"{series}{int(str(newest).removeprefix(series)) + 1:06d}"
            tax = (amount * Decimal("0.2")).quantize(Decimal("0.01"))
            connection.execute(
                heads.insert(),
                {
                    **invoice._mapping,
                    "no_piece": number,
                    "type_piece": "A",
                    "motif": "PRX",
                    "date_piece": dated,
                    "date_echeance": dated,
                    "no_origine": invoice_number,
                    "total_ht": -amount,
                    "total_tva": -tax,
                    "total_ttc": -amount - tax,
                    "maj": at.replace(tzinfo=None),
                },
            )
            connection.execute(
                lines.insert(),
                {
                    **line._mapping,
                    "no_piece": number,
                    "no_ligne": 10,
                    "qte": 0,
                    "montant_brut": 0,
                    "remise_contrat": 0,
                    "remise_except": amount,
                    "montant_net": -amount,
                    "maj": at.replace(tzinfo=None),
                },
            )
    finally:
        engine.dispose()
    return number


def change_row(
    sample: Sample, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any], at: datetime
) -> None:
    """Change one row of the ERP; `at` (UTC) becomes its `maj`. LookupError if there is no such row."""
    engine = sa.create_engine(sample.erp_url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            condition = [table.c[name] == value for name, value in key.items()]
            changed = connection.execute(table.update().where(*condition).values(**values, maj=at))
            if changed.rowcount != 1:
                raise LookupError(f"{table.name} has {changed.rowcount} rows with {dict(key)}")
    finally:
        engine.dispose()


def send_correction(sample: Sample, name: str, extra: int = 10) -> Path:
    """Send a weekly report of D01 (`ventes_2026-S20.csv`) once more, with `extra` pieces more sold of its
    first article.
    """
    original = sample.inbox / "D01" / name
    lines = original.read_bytes().decode("cp1252").split("\r\n")
    cells = lines[1].split(";")
    cells[2] = str(int(cells[2]) + extra)
    lines[1] = ";".join(cells)
    corrected = original.with_name(f"{original.stem}_rectificatif{original.suffix}")
    corrected.write_bytes("\r\n".join(lines).encode("cp1252"))
    arrive(corrected, sample.as_of)
    return corrected


def send_twice(sample: Sample, path: Path) -> Path:
    """Send the same bytes again under another name."""
    again = path.with_name(f"{path.stem} (copie){path.suffix}")
    shutil.copyfile(path, again)
    arrive(again, sample.as_of)
    return again


def damage(path: Path) -> None:
    """Cut a file as a broken transfer does: a workbook loses its end, a text its header."""
    stat = path.stat()
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] if path.suffix == ".xlsx" else content[half:])
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))


def arrive(path: Path, day: date, hour: int = 20) -> None:
    """Let a file have arrived on a day, at an hour (UTC)."""
    moment = int(datetime.combine(day, time(hour), UTC).timestamp())
    os.utime(path, (moment, moment))
