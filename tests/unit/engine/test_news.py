"""When the engine tells the server what clients are to hear."""

from __future__ import annotations

from ollama_server.engine import protocol as p
from ollama_server.engine.news import AT_ONCE, PAUSE, News

STEP = PAUSE / 3.2  # a fourth would come too late


class Wire:
    """What was sent, at a time that the test decides."""

    def __init__(self) -> None:
        self.frames: list[p.FromRunner] = []
        self.now = 100.0
        self.news = News(self.frames.append, lambda: self.now)

    def steps(self, count: int, *, seconds: float = STEP) -> list[int]:
        """Let ``count`` steps bring a piece each; returns how many pieces the frames have."""
        before = len(self.frames)
        for _ in range(count):
            self.now += seconds
            self.news.computed(seconds)
            self.news.say(p.Delta(1, "x", 1), first=False)
            self.news.before_step(seconds)
        return [len(f.deltas) for f in self.frames[before:] if isinstance(f, p.Step)]


def test_the_first_words_of_an_answer_are_sent_at_once() -> None:
    wire = Wire()
    wire.news.send()
    wire.steps(1)
    wire.news.say(p.Delta(2, "Hello", 1), first=True)
    wire.news.before_step(STEP)
    assert wire.frames == [p.Step([p.Delta(1, "x", 1), p.Delta(2, "Hello", 1)])]


def test_quick_steps_share_a_frame_that_leaves_while_the_next_token_is_sampled() -> None:
    wire = Wire()
    wire.news.send()
    assert wire.steps(9) == [2, 3, 3]
    wire.now += STEP
    wire.news.before_step(STEP)
    assert len(wire.frames) == 3
    wire.now += 2 * STEP
    wire.news.computed(STEP)
    assert len(wire.frames) == 4


def test_slow_steps_have_a_frame_each() -> None:
    wire = Wire()
    wire.news.send()
    assert wire.steps(4, seconds=PAUSE * 2) == [1, 1, 1, 1]


def test_an_end_takes_along_what_was_waiting() -> None:
    wire = Wire()
    wire.news.send()
    wire.steps(1)
    end = p.Finished(1, "stop", 1, 0, 1, 1, 1)
    wire.news.end(end)
    wire.news.before_step(STEP)
    assert wire.frames == [p.Step([p.Delta(1, "x", 1)]), end]


def test_many_pieces_of_an_overdue_step_do_not_wait_for_its_last() -> None:
    wire = Wire()
    wire.news.send()
    wire.now += PAUSE * 2
    for request in range(AT_ONCE):
        assert wire.frames == []
        wire.news.say(p.Delta(request, "x", 1), first=False)
    assert len(wire.frames) == 1


def test_nothing_is_sent_when_there_is_no_news() -> None:
    wire = Wire()
    wire.now += 1000
    wire.news.before_step(STEP)
    wire.news.send()
    assert wire.frames == []
