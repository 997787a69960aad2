"""The table of the benchmark says what was measured, and whether a goal was met."""

from __future__ import annotations

from bench.report import table


def line(text: str, label: str) -> list[str]:
    """The cells of the line that starts with ``label``."""
    found = next(line for line in text.splitlines() if line.startswith(f"| {label}"))
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


def test_the_ratio_is_the_median_of_neighbouring_repeats() -> None:
    theirs = [{"throughput-4": value} for value in (100.0, 200.0, 50.0)]
    ours = [{"throughput-4": value} for value in (110.0, 240.0, 65.0)]
    assert line(table(ours, theirs), "4 clients") == ["100", "110", "1.20", "≥ 1", "✓"]


def test_a_goal_for_a_time_is_met_from_below() -> None:
    assert line(table([{"stall-gap": 0.15}], [{"stall-gap": 1.0}]), "Longest gap")[2:] == [
        "0.15",
        "≤ 0.2",
        "✓",
    ]
    assert line(table([{"stall-gap": 0.25}], [{"stall-gap": 1.0}]), "Longest gap")[-1] == "✗"


def test_an_absolute_goal_compares_our_number_in_the_printed_unit() -> None:
    assert line(table([{"http-chunk": 70e-6}], []), "CPU of the server")[1:] == [
        "70.0",
        "",
        "≤ 60",
        "✗",
    ]


def test_what_was_not_measured_has_no_line() -> None:
    assert len(table([{"decode": 1.0}], [{"decode": 2.0}]).splitlines()) == 3
