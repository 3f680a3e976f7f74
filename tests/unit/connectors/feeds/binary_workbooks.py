"""Workbooks of the binary kinds for tests: an .xls that was kept, and .xlsb written record by record."""

from __future__ import annotations

import base64
import gzip
import io
import struct
import zipfile
from typing import Any

from connectors.feeds.error_records import TEXTS

# Excel 97, compressed. "Lisez-moi" with an error, and a sheet "Ventes é": Ref, Qty, Amount / A, 2.5, 10 /
# B, #DIV/0!, 1 / #N/A, 2, 1 / D, a formula whose result is an empty text, 3 / E, TRUE, 4 / F, 1, #REF!.
XLS = (
    "H4sIAAAAAAACA+1YTUhUURT+7vubUXScMS00GgYhq8kW0SYIHZXUTYm6qIigxpxA1BkZp4UuyrJZBkGroo3gpo3Vph8qqF2LwKhF"
    "EASaq3AVFBSor3POeyPjNAsHSjTeeZzzzjv3fPfcd8+59/28mwvNTz+qX0ABtUDHql0GK8+miMtyF0FQu22zmjv7iW2PthWV+SmR"
    "lonnlW99nEPO9wI0PDRekwS+EJ/DKLpTyURkE6ldxhBXPIZmZVDtabhHHECdjKta5EWRO0Q+EN8XIlvFclNkM/nOq7OYi3VHj7p1"
    "fEZrkLYASYUngvkklsOoxRuu46u3lONroi09GB/emg1howIzoMx1JZKJdHx4HjWUwhn8sCPA99xafRXx7JtrVyD7z/V2XxH7bc0A"
    "JmFfUFyIWYTwS4dssycGxxITh0ZSg1naalOms7+eSiQzibHI12Uck52YmZLfFx8dTaUzhOxLXCLZmxmnddw2krqczFC9tBG3Ex8n"
    "7iDuLGeoLPzguoVfKcuhguQAqkQPyaIIUujl+9/en+zviZ0Xy6Rs9s4jYS/fA2xcYwSBA9KirbVHRT8o8rr0ulv0epE1VMp0buyp"
    "dZXOKfG5Ia2NFOeI0IfYvjx9P+nZpd6n4exi7ADps10LEzWzH2PTaKBJGSA8H1NoUk3q7h2mZ7HcWbmbx2eRdX9sJH4t6I7ddp97"
    "VVhBuaghkeyhCjxMzS828lAtWjUeywS05j0+N2PWpVPo23jW9aKzznfsXOVmx7nS6ErPy0gh2skIz9RLiq8EvaSzLSpoxmlFcJrg"
    "eNVxXp2c+NQVjVs4puXG1Auw7K0LNqo4oi7IcrFYaxGNIhGNNR8Le2AITrYC2K6jD2GFMLXzMAwZRsAdhlmkQ1M69Lm3YEqHCow1"
    "BVvtYq0iWEuwXGzsbwnWcnuyBL3LKXIUK3KPPPLII4888mhrk3Jf1flVg19BTPel1Of+11khXvV+k/y31IcUHRn6LO1Aks5pjJdU"
    "PzthqlxfaoOY3P9CptMUPY0h9Ms4hkquX/qoUPn3s2Fg8O8toVLjr5Yyzn8c/zdVLcaSABYAAA=="
)
EMPTY_TEXT = bytes((3, 0, 0, 0, 0, 0, 0xFF, 0xFF))
NUMBER_ERROR = bytes((2, 0, 0x24, 0, 0, 0, 0xFF, 0xFF))


def clean_xls() -> bytes:
    """The workbook above, its formula as it is."""
    return gzip.decompress(base64.b64decode(XLS))


def xls() -> bytes:
    """The same, its formula computed as Excel stores a result that is an error."""
    content = clean_xls()
    assert content.count(EMPTY_TEXT) == 1
    return content.replace(EMPTY_TEXT, NUMBER_ERROR)


# --- a workbook of [MS-XLSB] by hand: records of type, length and content ---


def record(kind: int, content: bytes = b"") -> bytes:
    written = bytes((kind & 0x7F | 0x80, kind >> 7)) if kind > 0x7F else bytes((kind,))
    length = len(content)
    while length > 0x7F:
        written += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return written + bytes((length,)) + content


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def cell(column: int, value: Any) -> bytes:
    head = struct.pack("<II", column, 0)
    if isinstance(value, bytes):  # the result of a formula: an error, flags, and no tokens
        return record(11, head + value + struct.pack("<HII", 0, 0, 0))
    if isinstance(value, bool):
        return record(4, head + bytes((value,)))
    if isinstance(value, str) and value.startswith("#"):
        code = next(code for code, text in TEXTS.items() if text == value)
        return record(3, head + bytes((code,)))
    return (
        record(6, head + wide(value))
        if isinstance(value, str)
        else record(5, head + struct.pack("<d", value))
    )


def sheet(rows: list[list[Any]]) -> bytes:
    width = max(len(row) for row in rows)
    body = record(129) + record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1)) + record(145)
    for number, row in enumerate(rows):
        body += record(0, struct.pack("<IIHHBI", number, 0, 0, 0, 0, 0))
        body += b"".join(cell(column, value) for column, value in enumerate(row) if value is not None)
    return body + record(146) + record(130)


def xlsb(**sheets: list[list[Any]]) -> bytes:
    kinds = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    bundle = b"".join(
        record(156, struct.pack("<II", 0, number) + wide(f"rId{number}") + wide(name.replace("_", " ")))
        for number, name in enumerate(sheets, start=1)
    )
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="{office}/worksheet" Target="worksheets/sheet{number}.bin"/>'
        for number in range(1, len(sheets) + 1)
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{kinds}/content-types"><Default Extension="bin" ContentType='
            '"application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{kinds}/relationships"><Relationship Id="rId1" '
            f'Type="{office}/officeDocument" Target="xl/workbook.bin"/></Relationships>',
        )
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{kinds}/relationships">{relations}</Relationships>',
        )
        archive.writestr("xl/workbook.bin", record(131) + record(143) + bundle + record(144) + record(132))
        for number, rows in enumerate(sheets.values(), start=1):
            archive.writestr(f"xl/worksheets/sheet{number}.bin", sheet(rows))
    return stream.getvalue()


ROWS = [
    ["Ref", "Qty", "Amount"],
    ["A", 2.5, 10.0],
    ["B", "#DIV/0!", 1.0],
    ["#N/A", 2.0, 1.0],
    ["D", b"\x24", 3.0],
    ["E", True, 4.0],
    ["F", 1.0, "#REF!"],
]
