"""The prompt of a request: assembled, rendered, and cut at message borders until it fits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ollama_server.chat import prompt as prompts
from ollama_server.chat.parse import output_format, with_harmony_names
from ollama_server.chat.parse.format import OutputFormat
from ollama_server.chat.prompt import PromptTemplate
from ollama_server.chat.template.shield import Piece, shield_tokens, split_shielded, unshielded
from ollama_server.chat.types import Media, Message, Think, Tool, ToolCall
from ollama_server.engine import protocol
from ollama_server.errors import BadRequest
from ollama_server.generation.catalog import Installed
from ollama_server.generation.request import GenerationRequest
from ollama_server.runtime.runner import Runner
from ollama_server.store.model import Model

_MARKER = re.compile(r"\[img-(\d+)\]")


@dataclass(slots=True)
class Prompt:
    """``text`` is what the output parser and a debug reply see; ``parts`` go to the engine.

    ``dropped`` counts the tokens of messages that were left out; the engine may drop more.
    ``template`` is the one that rendered it, None for text that was taken as it is. ``last`` is
    the conversation's last message.
    """

    text: str
    parts: list[protocol.PromptPart]
    media: list[Media] = field(default_factory=list)
    dropped: int = 0
    template: PromptTemplate | None = None
    last: Message | None = None

    @property
    def has_media(self) -> bool:
        """Whether images or sound are part of the prompt."""
        return any(isinstance(part, protocol.Media) for part in self.parts)


async def build(
    request: GenerationRequest,
    installed: Installed,
    runner: Runner,
    *,
    tools: Sequence[Tool],
    think: Think,
) -> Prompt:
    """The prompt of a request for a loaded model. Raises BadRequest and TemplateError."""
    if request.prompt_tokens is not None:
        text = await runner.detokenize(request.prompt_tokens)
        return Prompt(text, [protocol.Tokens(request.prompt_tokens)])
    if request.raw:
        return _with_media(request.prompt, request.media)
    # Found once for each model, by compiling and rendering, which may take a while.
    template, output = await asyncio.to_thread(_examined_template, request, installed)
    if request.messages is None and request.suffix:
        return await _fill_in(request, installed, runner, template, think)
    messages = assemble(request, installed.model)
    if output.messages and output.messages.kind == "harmony":
        tools, messages = with_harmony_names(tools, messages)
    if request.messages is not None:
        messages = shield_tokens(messages, _turn_tokens(installed, template))
    takes_media = not {"vision", "audio"}.isdisjoint(installed.capabilities)
    renderer = _Renderer(template, tools, think, runner, takes_media)
    dropped = 0
    if request.truncate and len(messages) > 1:
        limit = runner.info.num_ctx
        kept = await prompts.truncate_messages(messages, renderer.count, limit)
        if len(kept) < len(messages):
            dropped = await renderer.exact(messages) - await renderer.exact(kept)
        messages = kept
    prompt = _with_media(await renderer.text(messages), prompts.all_media(messages))
    if not prompt.has_media and not request.context and (tokens := renderer.tokens(messages)):
        prompt.parts = [protocol.Tokens(tokens)]  # counting them was as much work as using them
    prompt.template, prompt.last, prompt.dropped = template, messages[-1], max(0, dropped)
    if request.context:
        prompt.text = await runner.detokenize(request.context) + prompt.text
        bos = [runner.info.bos] if runner.info.add_bos and runner.info.bos >= 0 else []
        prompt.parts.insert(0, protocol.Tokens(bos + request.context))
    return prompt


def _examined_template(
    request: GenerationRequest, installed: Installed
) -> tuple[PromptTemplate, OutputFormat]:
    """The template of a request, and how its model writes answers."""
    template = installed.template_for(request.template, completion=request.messages is None)
    return template, output_format(template, installed.model.config.parser)


def assemble(request: GenerationRequest, model: Model) -> list[Message]:
    """The conversation: the model's system text and own messages before the request's."""
    stored = [_stored_message(message) for message in model.messages]
    if request.messages is not None:
        messages = prompts.assemble_messages(request.messages, system=model.system, history=stored)
    else:
        messages = prompts.assemble_completion(
            request.prompt,
            request.media,
            system=request.system or model.system,
            history=stored if request.context is None else [],
        )
    if prompts.strips_reasoning(model.config.model_family, model.name.model):
        messages = prompts.forget_reasoning(messages)
    return messages


def _turn_tokens(installed: Installed, template: PromptTemplate) -> tuple[str, ...]:
    """Control tokens that the template itself writes, so that users must not.

    Others stay in force: some models are asked with them (``<|grounding|>``).
    """
    facts = installed.full_facts
    written = _written_tokens(installed.control_tokens, template.text)
    return (*written, facts.bos, facts.eos)


@lru_cache(maxsize=64)
def _written_tokens(tokens: tuple[str, ...], text: str) -> tuple[str, ...]:
    return tuple(token for token in tokens if token in text)


def _stored_message(message: Mapping[str, Any]) -> Message:
    """A message of a model; what is not as it should be in a downloaded layer is left out."""

    def text(key: str) -> str:
        return str(message.get(key) or "")

    return Message(
        text("role").lower(),
        text("content"),
        thinking=text("thinking"),
        tool_calls=_stored_calls(message.get("tool_calls")),
        tool_name=text("tool_name"),
        tool_call_id=text("tool_call_id"),
    )


def _stored_calls(calls: Any) -> list[ToolCall]:
    found = []
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            continue
        arguments, index = function.get("arguments"), function.get("index")
        found.append(
            ToolCall(
                str(function.get("name") or ""),
                dict(arguments) if isinstance(arguments, Mapping) else {},
                str(call.get("id") or ""),
                index if isinstance(index, int) else 0,
            )
        )
    return found


class _Renderer:
    """Renders parts of a conversation and counts their tokens; remembers both."""

    def __init__(
        self,
        template: PromptTemplate,
        tools: Sequence[Tool],
        think: Think,
        runner: Runner,
        counts_images: bool,
    ) -> None:
        self._template = template
        self._tools = tools
        self._think = think
        self._runner = runner
        self._counts_images = counts_images
        self._texts: dict[tuple[int, ...], str] = {}
        self._tokens: dict[str, list[int]] = {}

    async def text(self, messages: list[Message]) -> str:
        """The prompt; templates come from downloaded files and may be slow, hence the thread."""
        key = tuple(map(id, messages))
        if key not in self._texts:
            text = await asyncio.to_thread(
                self._template.render, messages, self._tools, self._think
            )
            self._texts[key] = without_bos(text, self._template, self._runner.info)
        return self._texts[key]

    async def count(self, messages: list[Message]) -> int:
        """Tokens, or an upper bound that fits into the context: no text has more than its bytes."""
        bound = len((await self.text(messages)).encode("utf-8", "replace")) + self._images(messages)
        return bound if bound <= self._runner.info.num_ctx else await self.exact(messages)

    async def exact(self, messages: list[Message]) -> int:
        """Tokens of the prompt, images included."""
        text = await self.text(messages)
        if text not in self._tokens:
            plain = unshielded(text)
            (self._tokens[text],) = await self._runner.tokenize([plain], add_special=True)
        return len(self._tokens[text]) + self._images(messages)

    def tokens(self, messages: list[Message]) -> list[int]:
        """Token ids of a prompt that was rendered.

        Empty where nobody needed to count them, and where control tokens in it are plain text.
        """
        text = self._texts[tuple(map(id, messages))]
        return self._tokens.get(text, []) if unshielded(text) == text else []

    def _images(self, messages: list[Message]) -> int:
        if not self._counts_images:
            return 0
        return prompts.TOKENS_PER_IMAGE * len(prompts.all_media(messages))


def without_bos(text: str, template: PromptTemplate, info: protocol.ModelInfo) -> str:
    """The prompt without a BOS of its own, where the tokenizer adds one."""
    if not info.add_bos:
        return text
    for bos in (info.bos_piece, template.bos):
        if bos and text.startswith(bos):
            return text[len(bos) :]
    return text


def _with_media(text: str, media: list[Media]) -> Prompt:
    """Text and media in the order of their ``[img-N]`` markers."""
    parts: list[protocol.PromptPart] = []
    start = 0
    for match in _MARKER.finditer(text):
        number = int(match[1])
        if number >= len(media):
            continue
        if match.start() > start:
            parts += _text_parts(text[start : match.start()])
        parts.append(protocol.Media(media[number].data, media[number].kind))
        start = match.end()
    if start < len(text) or not parts:
        parts += _text_parts(text[start:])
    return Prompt(unshielded(text), parts, media)


def _text_parts(text: str) -> list[protocol.PromptPart]:
    """A text; what users wrote in the spelling of control tokens stays text."""
    pieces = split_shielded(text) or [Piece(text, special=True)]
    return [protocol.Text(piece.text, special=piece.special) for piece in pieces]


async def _fill_in(
    request: GenerationRequest,
    installed: Installed,
    runner: Runner,
    template: PromptTemplate,
    think: Think,
) -> Prompt:
    """The prompt for the text between ``prompt`` and ``suffix``: by template, else by tokens."""
    if "insert" in template.capabilities:
        text = await asyncio.to_thread(
            template.render_completion, "", request.prompt, "", request.suffix, think
        )
        return _with_media(without_bos(text, template, runner.info), request.media)
    info = runner.info
    if min(info.fim_prefix, info.fim_suffix, info.fim_middle) < 0:
        raise BadRequest(f"{installed.model.name.full} does not support insert")
    bos = [info.bos] if info.add_bos and info.bos >= 0 else []
    parts: list[protocol.PromptPart] = [
        protocol.Tokens([*bos, info.fim_prefix]),
        protocol.Text(request.prompt, special=False),
        protocol.Tokens([info.fim_suffix]),
        protocol.Text(request.suffix, special=False),
        protocol.Tokens([info.fim_middle]),
    ]
    marks = await asyncio.gather(
        *(runner.detokenize([t]) for t in (info.fim_prefix, info.fim_suffix, info.fim_middle))
    )
    text = f"{marks[0]}{request.prompt}{marks[1]}{request.suffix}{marks[2]}"
    return Prompt(text, parts)
