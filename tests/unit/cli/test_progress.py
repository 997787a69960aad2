from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.progress import TextColumn

from ollama_server.cli.progress import (
    AmountColumn,
    ProgressView,
    RemainingColumn,
    SpeedColumn,
    Steps,
)

DIGEST = "sha256:" + "451578bb708a" + "0" * 52


class Clock:
    """The time, in seconds, that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(steps: Steps) -> str:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as captured:
        for line in steps.get_renderables():
            console.print(line)
    return captured.get()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def steps(clock: Clock) -> Steps:
    """What ProgressView shows, with a clock that stands still."""
    return Steps(
        TextColumn("{task.description}"),
        AmountColumn(),
        SpeedColumn(),
        RemainingColumn(),
        console=Console(file=io.StringIO(), width=100),
        get_time=clock,
        auto_refresh=False,
    )


def test_a_bar_has_amount_speed_and_remaining_time(steps: Steps, clock: Clock) -> None:
    bar = steps.add_task("pulling 451578bb708a:", total=4_000_000_000, layer=True)
    for second in range(1, 4):
        clock.now = second
        steps.update(bar, completed=second * 100_000_000)
    # 3.7 GB are left.
    assert shown(steps).split(maxsplit=2)[2].rstrip() == "300 MB/4 GB 100 MB/s 37s"


def test_a_full_bar_has_its_size_alone(steps: Steps, clock: Clock) -> None:
    bar = steps.add_task("pulling 451578bb708a:", total=5_025_536, layer=True)
    clock.now = 1
    steps.update(bar, completed=5_025_536)
    assert shown(steps).rstrip() == "pulling 451578bb708a: 5.0 MB"


def test_a_step_turns_until_it_is_done(steps: Steps, clock: Clock) -> None:
    step = steps.add_task("writing manifest", total=None)
    first = shown(steps)
    clock.now = 0.15
    assert first.split()[:2] == ["writing", "manifest"]
    assert shown(steps) != first
    steps.update(step, total=1, completed=1)
    assert shown(steps) == "writing manifest\n"


def test_steps_and_bars_keep_their_order(steps: Steps) -> None:
    steps.add_task("pulling manifest", total=1, completed=1)
    steps.add_task("pulling 451578bb708a:", total=10, completed=10, layer=True)
    steps.add_task("success", total=1, completed=1)
    assert [line.split()[0] for line in shown(steps).splitlines()] == [
        "pulling",
        "pulling",
        "success",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_bar_fits_on_one_line(width: int) -> None:
    file = io.StringIO()
    screen = Console(file=file, width=width, force_terminal=True)
    with ProgressView(screen) as view:
        for completed in (500_000_000, 940_000_000):
            view.amount("a", "pulling 451578bb708a:", completed, 4_700_000_000)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|━|╸|╺", "", file.getvalue())
    *_, last = (line.split() for line in plain.splitlines() if line.strip())
    assert last[:6] == ["pulling", "451578bb708a:", "20%", "940", "MB/4.7", "GB"]
    assert last[7].endswith("B/s")


def test_without_a_terminal_each_step_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    layer = {"status": "pulling 451578bb708a", "digest": DIGEST, "total": 5_025_536}
    frames = [
        {"status": "pulling manifest"},
        {"status": "pulling manifest"},
        {**layer, "completed": 0},
        {**layer, "completed": 1000},
        {**layer, "completed": 5_025_536},
        {"status": "success"},
    ]
    with ProgressView() as view:
        view.follow(frames)
    assert capsys.readouterr().err.splitlines() == [
        "pulling manifest",
        "pulling 451578bb708a: 100% 5.0 MB",
        "success",
    ]
