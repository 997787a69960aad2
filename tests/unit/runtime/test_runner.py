"""What a runner says, and who hears it when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from ollama_server.engine import protocol
from ollama_server.errors import Canceled, RunnerDied
from ollama_server.generation.merge import merge
from ollama_server.runtime.runner import Runner

from .engine import prompt

MANY = 5000
TOO_MANY = 4000  # with the 20 likeliest tokens beside each


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def runner(engine: None) -> AsyncIterator[Runner]:
    started = await Runner.start(protocol.Load("nothing"))
    yield started
    await started.close()


def ask(tokens: int, then: str = "finish", **options: Any) -> protocol.Generate:
    return protocol.Generate(0, prompt(tokens, then), **options)


async def read_all(news: AsyncIterator[list[Any]], read: list[Any]) -> None:
    async for items in news:
        read += items


class Turns:
    """How often the loop had time for somebody else."""

    def __init__(self) -> None:
        self.count = 0
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)

    def stop(self) -> None:
        self._task.cancel()


async def test_an_answer_is_done_when_the_runner_says_so_and_not_when_it_is_read(
    runner: Runner,
) -> None:
    answered = asyncio.Event()
    async with aclosing(runner.generate(ask(MANY), answered.set)) as news:
        await anext(news)
        await answered.wait()
        rest = [item async for items in news for item in items]
    assert isinstance(rest[-2], protocol.Delta)
    assert rest[-2].text == f"{MANY - 1} "
    assert isinstance(rest[-1], protocol.Finished)


async def test_others_have_their_turn_while_a_backlog_is_read(runner: Runner) -> None:
    answered = asyncio.Event()
    async with aclosing(runner.generate(ask(MANY), answered.set)) as news:
        first = await anext(news)
        await answered.wait()
        turns = Turns()
        before = [(turns.count, len(items)) async for items in news]
        turns.stop()
    assert sum(size for _, size in before) == MANY + 1 - len(first)
    assert len({count for count, _ in before}) > len(before) // 2 > 10


async def test_merged_streams_wait_for_their_reader(runner: Runner) -> None:
    taken = 0

    async def numbers() -> Any:
        nonlocal taken
        for number in range(MANY):
            taken += 1
            yield number

    async with aclosing(merge([numbers(), numbers()])) as both:
        await anext(both)
        for _ in range(10):
            await asyncio.sleep(0)
        assert taken < MANY // 2
        assert len([number async for number in both]) == 2 * MANY - 1


async def test_an_answer_that_nobody_reads_is_canceled(runner: Runner) -> None:
    answered = asyncio.Event()
    message = ask(TOO_MANY, "hang", logprobs=True, top_logprobs=20)
    read: list[Any] = []
    async with aclosing(runner.generate(message, answered.set)) as news:
        read += await anext(news)
        await answered.wait()
        with pytest.raises(Canceled, match="does not read"):
            await read_all(news, read)
    assert 1000 < len(read) < TOO_MANY
    # The runner takes other work.
    async with aclosing(runner.generate(ask(1))) as news:
        assert [len(items) async for items in news]


async def test_an_answer_that_is_read_may_be_long(runner: Runner) -> None:
    message = ask(2 * TOO_MANY, logprobs=True, top_logprobs=20)
    async with aclosing(runner.generate(message)) as news:
        sizes = [len(items) async for items in news]
    assert sum(sizes) == 2 * TOO_MANY + 1


async def test_a_runner_that_dies_ends_the_answers_and_says_so(runner: Runner) -> None:
    ended, answered = asyncio.Event(), asyncio.Event()
    runner.when_ended(ended.set)
    with pytest.raises(RunnerDied, match="SIGKILL"):
        await read_all(runner.generate(ask(1, "die"), answered.set), [])
    await ended.wait()
    assert answered.is_set()
    late = asyncio.Event()
    runner.when_ended(late.set)
    assert late.is_set()


async def test_a_load_that_is_canceled_while_its_process_starts_is_no_news(
    engine: None, caplog: pytest.LogCaptureFixture
) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    for turns in range(8):
        load = asyncio.create_task(Runner.start(protocol.Load("nothing")))
        for _ in range(turns):
            await asyncio.sleep(0)
        load.cancel()
        await asyncio.wait((load,))
        assert load.cancelled()
    assert problems == []
    assert caplog.records == []
