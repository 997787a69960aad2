from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ollama_server.cli.humanize import (
    go_duration,
    go_number,
    human_bytes,
    human_duration,
    since,
    until,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (1024, "1.0 KB"),
        (999_999, "999 KB"),
        (1_500_000, "1.5 MB"),
        (4_700_000_000, "4.7 GB"),
        (47_900_000_000, "47 GB"),
        (2_048_000_000_000, "2.0 TB"),
    ],
)
def test_sizes_are_decimal_with_one_place_below_ten(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (150, "2 minutes"),
        (3600, "About an hour"),
        (5400, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_spans_of_time_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (1_234_567_891, "1.234567891s"),
        (12_500_000, "12.5ms"),
        (123_400_000_000, "2m3.4s"),
        (3_600_000_000_000, "1h0m0s"),
        (1_500, "1.5µs"),
        (7, "7ns"),
    ],
)
def test_durations_are_written_as_go_does(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text


def test_a_time_with_nanoseconds_is_understood() -> None:
    moment = (datetime.now(UTC) - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    assert since(moment) == "5 hours ago"


def test_the_zero_time_never_happened() -> None:
    assert since("0001-01-01T00:00:00Z") == "Never"


def test_a_model_past_its_time_is_stopping() -> None:
    assert until((datetime.now(UTC) - timedelta(seconds=5)).isoformat()) == "Stopping..."


def test_a_model_that_stays_is_loaded_forever() -> None:
    assert until("2318-01-01T00:00:00Z") == "Forever"


def test_the_end_of_a_keep_alive_is_told_from_now() -> None:
    moment = datetime.now(UTC) + timedelta(minutes=4, seconds=30)
    assert until(moment.isoformat()) == "4 minutes from now"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (32768, "32768"),
        (128256, "128256"),
        (1_000_000, "1e+06"),
        (8_030_261_248, "8.030261248e+09"),
        (-2.5, "-2.5"),
        (0.0001, "0.0001"),
        (1e-06, "1e-06"),
    ],
)
def test_numbers_of_metadata_are_written_as_go_does(number: float, text: str) -> None:
    assert go_number(number) == text
