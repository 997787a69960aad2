"""Plain tables: left-aligned columns, four blanks between them, no rules."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

GAP = "    "


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table's lines, each ending in a newline."""
    widths = column_widths([header, *rows])
    head = row_text(header, widths)[: -len(GAP)] + " "
    return "".join(f"{text}\n" for text in (head, *(row_text(row, widths) for row in rows)))


def column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """The width of the widest cell of every column."""
    return [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]


def row_text(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One row, every cell padded to its column."""
    padded = zip(cells, widths, strict=True)
    return "".join(cell + " " * (width - cell_len(cell)) + GAP for cell, width in padded)
