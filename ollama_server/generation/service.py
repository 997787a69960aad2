"""Generations: validate, load, render, run, parse. The API families only translate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from ollama_server.chat.parse import (
    OutputParser,
    answer_grammar,
    format_grammar,
    make_parser,
    output_format,
    requested_schema,
)
from ollama_server.chat.prompt import TOKENS_PER_IMAGE
from ollama_server.chat.types import Think, Tool
from ollama_server.engine import protocol
from ollama_server.errors import BadRequest
from ollama_server.generation import options as option_values
from ollama_server.generation.catalog import Catalog, Installed
from ollama_server.generation.events import Chunk, Done, Event, Rendered, Started, Unloaded
from ollama_server.generation.merge import merge
from ollama_server.generation.options import Options
from ollama_server.generation.prompt import Prompt, build
from ollama_server.generation.request import GenerationRequest
from ollama_server.media.prepare import MediaService
from ollama_server.metrics import Metrics
from ollama_server.runtime.pool import Lease, Pool

_MAX_TOP_LOGPROBS = 20
_RAW_CONFLICT = "raw mode does not support template, system, or context"


class GenerationService:
    """Turns a GenerationRequest into its events; see generation/events.py for their order."""

    def __init__(self, catalog: Catalog, pool: Pool, metrics: Metrics, media: MediaService) -> None:
        self._catalog = catalog
        self._pool = pool
        self._metrics = metrics
        self._media = media

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Run a request. Closing the generator stops the work at once.

        Raises ServerErrors, in the order of the checks of Ollama, before the first Chunk; a
        failure of the runner may come after it.
        """
        arrived = time.perf_counter_ns()
        if not 0 <= request.top_logprobs <= _MAX_TOP_LOGPROBS:
            raise BadRequest(f"top_logprobs must be between 0 and {_MAX_TOP_LOGPROBS}")
        idle = is_load_only(request)
        unloads = idle and request.keep_alive == 0
        installed = await self._catalog.find(request.model, remote=unloads)
        if unloads:
            self._pool.unload(installed.model)
            yield Unloaded()
            return
        think = check(request, installed)
        options = self._options(request, installed)
        if not idle and not request.render_only:
            await self._media.prepare(request.all_media)
        async with self._pool.acquire(installed.model, options.load, request.keep_alive) as lease:
            load_ns = time.perf_counter_ns() - arrived
            yield Started(load_ns)
            if idle:
                return
            run = _Run(request, installed, lease, options, think)
            prompt = await run.prepare()
            if request.render_only:
                yield Rendered(prompt.text, len(prompt.media))
                return
            name = installed.model.name.short
            async with (
                aclosing(run.answers()) as events,
                aclosing(self._metrics.watched(name, arrived, events)) as watched,
            ):
                async for event in watched:
                    if type(event) is Done:
                        event.load_ns = load_ns
                        event.total_ns = time.perf_counter_ns() - arrived
                    yield event

    async def count_tokens(self, request: GenerationRequest) -> int:
        """How many tokens the prompt of a request has; the model is loaded for it."""
        installed = await self._catalog.find(request.model)
        think = check(request, installed)
        options = self._options(request, installed)
        async with self._pool.acquire(installed.model, options.load, request.keep_alive) as lease:
            run = _Run(replace(request, truncate=False), installed, lease, options, think)
            prompt = await run.prepare()
            texts = [part.text for part in prompt.parts if isinstance(part, protocol.Text)]
            counted = await lease.runner.tokenize(texts)
            ids = [part.ids for part in prompt.parts if isinstance(part, protocol.Tokens)]
            media = sum(isinstance(part, protocol.Media) for part in prompt.parts)
            text = sum(map(len, [*counted, *ids])) + lease.runner.info.add_bos
            return text + media * TOKENS_PER_IMAGE

    def _options(self, request: GenerationRequest, installed: Installed) -> Options:
        return option_values.resolve(
            installed.model.params,
            request.options,
            context_length=self._catalog.settings.context_length,
            logit_bias=request.logit_bias,
        )


def is_load_only(request: GenerationRequest) -> bool:
    """Whether there is nothing to generate: such a request loads the model, or unloads it."""
    if request.messages is not None:
        return not request.messages
    return not request.prompt and request.prompt_tokens is None


def check(request: GenerationRequest, installed: Installed) -> Think:
    """Refuse what the model cannot do; returns the thinking that is in force."""
    able = installed.capabilities
    is_chat = request.messages is not None
    if not is_chat and "image" in able:
        raise BadRequest("image generation models are not currently supported")
    if request.raw and (request.template or request.system or request.context):
        raise BadRequest(_RAW_CONFLICT)
    think = request.think
    if "thinking" not in able:
        if think and not request.lenient_think:
            raise BadRequest(f'"{request.model}" does not support thinking')
        think = None if think is not False else False
    elif think is None:
        think = True
    if "completion" not in able:
        raise BadRequest(f'"{request.model}" does not support {"chat" if is_chat else "generate"}')
    if not is_chat and request.suffix and "insert" not in able:
        raise BadRequest(f"{installed.model.name.full} does not support insert")
    if any(not tool.name for tool in request.tools):
        raise BadRequest("a tool has no name: every tool needs one, by which the model calls it")
    if request.tools and request.tool_choice.mode != "none" and "tools" not in able:
        raise BadRequest(f"{installed.model.name.full} does not support tools")
    if not request.render_only:
        kinds = {medium.kind for medium in request.all_media}
        if "image" in kinds and "vision" not in able:
            raise BadRequest(f'"{request.model}" does not support images')
        if "audio" in kinds and "audio" not in able:
            raise BadRequest(f'"{request.model}" does not support audio')
    return think


class _Run:
    """One request on a loaded model."""

    def __init__(
        self,
        request: GenerationRequest,
        installed: Installed,
        lease: Lease,
        options: Options,
        think: Think,
    ) -> None:
        self._request = request
        self._installed = installed
        self._lease = lease
        self._runner = lease.runner
        self._options = options
        self._think = think
        self._tools: list[Tool] = [] if request.tool_choice.mode == "none" else request.tools
        self._prompt: Prompt
        self._constraint: protocol.Grammar | None = None
        self._unanswered = request.n

    async def prepare(self) -> Prompt:
        """Render the prompt and build the grammar; both are kept for ``answers``."""
        self._prompt = await build(
            self._request, self._installed, self._runner, tools=self._tools, think=self._think
        )
        self._constraint = await self._grammar()
        return self._prompt

    async def answers(self) -> AsyncGenerator[Chunk | Done, None]:
        """The events of all answers, as they come."""
        if self._request.n == 1:
            async with aclosing(self._answer(0)) as events:
                async for event in events:
                    yield event
            return
        async with aclosing(merge([self._answer(i) for i in range(self._request.n)])) as events:
            async for event in events:
                yield event

    def _answered(self) -> None:
        """The runner is done with an answer: with the last one, others may have it."""
        self._unanswered -= 1
        if not self._unanswered:
            self._lease.release()

    async def _answer(self, index: int) -> AsyncGenerator[Chunk | Done, None]:
        parser = self._parser()
        message = self._message(index)
        async with aclosing(self._runner.generate(message, self._answered)) as news:
            async for items in news:
                events: list[Chunk | Done] = []
                try:
                    for item in items:
                        events += self._events(index, item, parser)
                finally:
                    # What was said before a text that cannot be parsed is heard all the same.
                    for event, following in zip_longest(events, events[1:]):
                        if type(event) is Chunk:
                            event.more = following is not None
                        yield event

    def _events(
        self, index: int, item: protocol.Delta | protocol.Finished, parser: OutputParser | None
    ) -> Iterator[Chunk | Done]:
        if isinstance(item, protocol.Finished):
            rest = parser.finish(truncated=self._is_cut(item)) if parser else None
            if rest:
                yield Chunk(index, rest.content, rest.thinking, rest.tool_calls)
            yield self._done(index, item)
        elif parser is None:
            yield Chunk(index, item.text, logprobs=item.logprobs)
        else:
            delta = parser.feed(item.text)
            if delta or item.logprobs:
                yield Chunk(index, delta.content, delta.thinking, delta.tool_calls, item.logprobs)

    def _is_cut(self, end: protocol.Finished) -> bool:
        """Whether the answer ended in its middle: at a limit, or at a text that the client named.

        A model's own stop texts end its turns.
        """
        named = option_values.stops(self._request.options.get("stop") or [])
        return end.reason == "length" or end.stop in named

    def _parser(self) -> OutputParser | None:
        """None where the text is the answer as it is: raw prompts, and completions of tokens."""
        template = self._prompt.template
        if template is None:
            return None
        return make_parser(
            template,
            parser_name=self._installed.model.config.parser,
            tools=self._tools,
            think=self._think,
            prompt=self._prompt.text,
            last=self._prompt.last,
        )

    def _stops(self) -> tuple[str, ...]:
        """What ends the model's answers besides its tokens that do so."""
        template = self._prompt.template
        if template is None:
            return ()
        return output_format(template, self._installed.model.config.parser).stops

    def _message(self, index: int) -> protocol.Generate:
        request, options = self._request, self._options
        sampling = options.sampling
        if index and sampling.seed >= 0:
            # Answers to one prompt differ, and still repeat with the same seed.
            sampling = protocol.Sampling(**{**_fields(sampling), "seed": sampling.seed + index})
        return protocol.Generate(
            id=0,
            prompt=self._prompt.parts,
            sampling=sampling,
            max_tokens=option_values.token_limit(options.num_predict, self._runner.info.num_ctx),
            stop=[*options.stop, *self._stops()],
            num_keep=options.num_keep,
            shift=self._shifts(),
            truncate=request.truncate,
            logprobs=request.logprobs,
            top_logprobs=request.top_logprobs if request.logprobs else 0,
            grammar=self._constraint,
            return_context=request.return_context,
        )

    def _shifts(self) -> bool:
        if self._request.shift is not None:
            return self._request.shift
        return self._installed.model.architecture != "deepseek2"

    async def _grammar(self) -> protocol.Grammar | None:
        """What the answer must match: the request's format, tool calls, or nothing."""
        request, prompt = self._request, self._prompt
        if request.format in (None, "") and not self._tools:
            return None
        if prompt.template is None:
            schema = requested_schema(request.format)
            return format_grammar(schema) if schema is not None else None
        # Schemas are compiled to see whether they can be, which may take a while.
        return await asyncio.to_thread(
            answer_grammar,
            prompt.template,
            format=request.format,
            tools=self._tools,
            mode=request.tool_choice.mode,
            name=request.tool_choice.name,
            parallel=request.parallel_tool_calls,
            parser_name=self._installed.model.config.parser,
            think=self._think,
            prompt=prompt.text,
            last=prompt.last,
        )

    def _done(self, index: int, end: protocol.Finished) -> Done:
        info = self._runner.info
        context = end.context
        if info.add_bos and context[:1] == [info.bos]:
            context = context[1:]
        return Done(
            index=index,
            reason=end.reason,
            prompt_tokens=end.prompt_tokens,
            cached_tokens=end.cached_tokens,
            prompt_ns=end.prompt_ns,
            eval_tokens=end.eval_tokens,
            eval_ns=end.eval_ns,
            total_ns=0,
            load_ns=0,
            dropped_tokens=end.dropped_tokens + self._prompt.dropped,
            context=context,
            stop=end.stop,
        )


def _fields(value: protocol.Sampling) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
