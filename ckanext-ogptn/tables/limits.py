"""What reading one file may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Ceilings. Sizes in bytes of unpacked content unless said otherwise.

    :ivar max_bytes: of the file
    :ivar max_unpacked: of what an archive or a workbook unpacks to
    :ivar max_ratio: unpacked size over packed size, once more than 10 MB would be unpacked
    :ivar max_members: files in an archive
    :ivar max_columns: with a label or a value; PostgreSQL's own ceiling is 1,600
    :ivar max_cells: that a sheet spans, empty ones included: workbooks are held in memory, a sheet at a time
    :ivar max_line: characters of one line of text
    :ivar max_header: rows that are looked through for the header
    """

    max_bytes: int = 1_000_000_000
    max_unpacked: int = 2_000_000_000
    max_ratio: float = 200
    max_members: int = 500
    max_columns: int = 1_000
    max_cells: int = 20_000_000
    max_line: int = 1_000_000
    max_header: int = 60
