"""Records as comma-separated values (v2 rule 12.6, RFC 4180): all rows, the names of the members first.

UTF-8 without mark, lines end with CRLF. A spreadsheet must not take a text for a formula: cells that begin like one are
prefixed with an apostrophe. A minus is harmless only where the whole cell is a number.
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

from clarion.api.v2.wire import plain
from clarion.db.records import Record, Records

MEDIA: Final = "text/csv"
CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"
_RISKY: Final = ("=", "+", "@", "\t")
_NUMBER: Final = re.compile(r"-[0-9]+(\.[0-9]+)?")


def table(records: Records[Any], rows: Iterable[Record]) -> bytes:
    """The rows under a header row."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(records.by_wire)
    for row in rows:
        writer.writerow(cell(value) for value in plain(row).values())
    return written.getvalue().encode()


def cell(value: Any) -> str:
    """A value as a cell: nothing for null, and no text that begins like a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text.startswith(_RISKY) or (text.startswith("-") and _NUMBER.fullmatch(text) is None):
        return f"'{text}"
    return text
