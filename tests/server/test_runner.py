"""What a runner says, and who hears it when."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from ollama_server.engine import protocol
from ollama_server.errors import Canceled, RunnerDied
from ollama_server.generation.merge import merge
from ollama_server.runtime.runner import Runner
from tests.process import TINY

MANY = 3000
TOO_MANY = 3500  # with the 20 likeliest tokens beside each
ENDS = "<|endoftext|><|im_end|><|fim_pad|><|repo_name|><|file_sep|>"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    started = await Runner.start(protocol.Load(str(TINY), num_ctx=512))
    yield started
    await started.close()


async def ask(runner: Runner, tokens: int, **options: Any) -> protocol.Generate:
    """A generation of so many tokens."""
    (ends,) = await runner.tokenize([ENDS])
    sampling = protocol.Sampling(temperature=0, logit_bias=dict.fromkeys(ends, -math.inf))
    return protocol.Generate(0, [protocol.Text("one two")], sampling, max_tokens=tokens, **options)


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
    async with aclosing(runner.generate(await ask(runner, MANY), answered.set)) as news:
        await anext(news)
        await answered.wait()
        rest = [item async for items in news for item in items]
    assert isinstance(rest[-1], protocol.Finished)
    assert rest[-1].eval_tokens == MANY


async def test_others_have_their_turn_while_a_backlog_is_read(runner: Runner) -> None:
    answered = asyncio.Event()
    async with aclosing(runner.generate(await ask(runner, MANY), answered.set)) as news:
        await anext(news)
        await answered.wait()
        turns = Turns()
        counts = [turns.count async for _ in news]
        turns.stop()
    assert len(set(counts)) > len(counts) // 2 > 5


async def test_merged_streams_wait_for_their_reader() -> None:
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
    message = await ask(runner, 10 * TOO_MANY, logprobs=True, top_logprobs=20)
    read: list[Any] = []
    async with aclosing(runner.generate(message, answered.set)) as news:
        read += await anext(news)
        await answered.wait()
        with pytest.raises(Canceled, match="does not read"):
            await read_all(news, read)
    assert 1000 < len(read) < TOO_MANY
    # The runner takes other work.
    other = await ask(runner, 1)
    async with aclosing(runner.generate(other)) as news:
        assert [len(items) async for items in news]
    assert (await runner.stats()).running == 0


async def test_an_answer_that_is_read_may_be_long(runner: Runner) -> None:
    message = await ask(runner, TOO_MANY, logprobs=True, top_logprobs=20)
    read: list[Any] = []
    async with aclosing(runner.generate(message)) as news:
        await read_all(news, read)
    assert read[-1].eval_tokens == TOO_MANY
    assert sum(len(delta.logprobs) for delta in read[:-1]) == TOO_MANY


async def test_a_runner_that_dies_ends_the_answers_and_says_so(runner: Runner) -> None:
    ended, answered = asyncio.Event(), asyncio.Event()
    runner.when_ended(ended.set)
    async with aclosing(runner.generate(await ask(runner, 9000), answered.set)) as news:
        await anext(news)
        os.kill(runner.pid, signal.SIGKILL)
        with pytest.raises(RunnerDied, match="SIGKILL"):
            await read_all(news, [])
    await ended.wait()
    assert answered.is_set()
    late = asyncio.Event()
    runner.when_ended(late.set)
    assert late.is_set()


async def test_a_load_that_is_canceled_while_its_process_starts_is_no_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    for turns in range(8):
        load = asyncio.create_task(Runner.start(protocol.Load(str(TINY))))
        for _ in range(turns):
            await asyncio.sleep(0)
        load.cancel()
        await asyncio.wait((load,))
        assert load.cancelled()
    assert problems == []
    assert caplog.records == []
