"""What ``show`` prints of a model: sections of indented rows."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from ollama_server.cli.humanize import go_number
from ollama_server.cli.tables import column_widths, row_text
from ollama_server.store.ggml import parameter_size

_CELL_WIDTH = 30
_TEXT_WIDTH = 100
_ARRAY_WIDTH = 10
_TEXT_LINES = 2


def describe(model: dict[str, Any], *, verbose: bool = False) -> str:
    """All sections of an answer of /api/show."""
    sections = [section("Model", _model_rows(model))]
    if model.get("capabilities"):
        sections.append(section("Capabilities", [[name] for name in model["capabilities"]]))
    if model.get("projector_info"):
        sections.append(section("Projector", _projector_rows(model["projector_info"])))
    if model.get("parameters"):
        words = [text.split(None, 1) for text in model["parameters"].splitlines()]
        rows = [[*row, ""][:2] for row in words if row]
        sections.append(section("Parameters", rows))
    if verbose and model.get("model_info"):
        info = model["model_info"]
        sections.append(section("Metadata", [[k, value_text(info[k])] for k in sorted(info)]))
    if verbose and model.get("tensors"):
        sections.append(section("Tensors", _tensor_rows(model["tensors"])))
    for title, key in (("System", "system"), ("License", "license")):
        if model.get(key):
            sections.append(section(title, _first_lines(model[key]), width=_TEXT_WIDTH))
    return "".join(sections)


def section(title: str, rows: Iterable[Sequence[str]], width: int = _CELL_WIDTH) -> str:
    """A title, its rows with long cells wrapped, and a blank line."""
    lines = [line for row in rows for line in _wrapped(row, width)]
    widths = column_widths(lines) if lines else []
    body = "".join(f"    {row_text(line, widths)}\n" for line in lines)
    return f"  {title}\n{body}\n"


def _wrapped(row: Sequence[str], width: int) -> list[list[str]]:
    cells = [textwrap.wrap(cell, width, break_long_words=False) or [""] for cell in row]
    height = max(len(cell) for cell in cells)
    return [[cell[i] if i < len(cell) else "" for cell in cells] for i in range(height)]


def _model_rows(model: dict[str, Any]) -> list[list[str]]:
    details, info = model.get("details") or {}, model.get("model_info") or {}
    rows = []
    if model.get("remote_host"):
        rows += [["Remote model", model.get("remote_model", "")]]
        rows += [["Remote URL", model["remote_host"]]]
    arch = info.get("general.architecture")
    if arch:
        rows.append(["architecture", str(arch)])
        rows.append(["parameters", _parameters(details, info)])
        for label, key in (
            ("context length", "context_length"),
            ("embedding length", "embedding_length"),
        ):
            if info.get(f"{arch}.{key}"):
                rows.append([label, str(info[f"{arch}.{key}"])])
    else:
        rows.append(["architecture", str(details.get("family", ""))])
        rows.append(["parameters", str(details.get("parameter_size", ""))])
    rows.append(["quantization", str(details.get("quantization_level", ""))])
    if model.get("requires"):
        rows.append(["requires", str(model["requires"])])
    return rows


def _parameters(details: dict[str, Any], info: dict[str, Any]) -> str:
    return str(details.get("parameter_size") or _count(info))


def _count(info: dict[str, Any]) -> str:
    count = info.get("general.parameter_count")
    return "" if count is None else parameter_size(int(count))


def _projector_rows(info: dict[str, Any]) -> list[list[str]]:
    arch = str(info.get("general.architecture", ""))
    rows = (
        ("architecture", arch),
        ("parameters", _count(info)),
        ("embedding length", info.get(f"{arch}.vision.embedding_length", "")),
        ("dimensions", info.get(f"{arch}.vision.projection_dim", "")),
    )
    return [[label, str(value)] for label, value in rows if value != ""]


def _tensor_rows(tensors: list[dict[str, Any]]) -> list[list[str]]:
    return [[t["name"], t["type"], f"[{' '.join(map(str, t['shape']))}]"] for t in tensors]


def _first_lines(text: str) -> list[list[str]]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = [[line] for line in lines[:_TEXT_LINES]]
    return shown + ([["..."]] if len(lines) > _TEXT_LINES else [])


def value_text(value: Any) -> str:
    """A metadata value; arrays are abbreviated to about ten columns."""
    if isinstance(value, list):
        shown: list[str] = []
        width = 0
        for item in value:
            text = value_text(item)
            if shown and width + len(text) > _ARRAY_WIDTH:
                return f"[{' '.join(shown)} ...+{len(value) - len(shown)} more]"
            shown.append(text)
            width += len(text) + 1
        return f"[{' '.join(shown)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return go_number(value)
    return str(value if value is not None else "")
