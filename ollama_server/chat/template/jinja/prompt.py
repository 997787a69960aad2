"""A chat template in Jinja as a `PromptTemplate`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any, Literal

from ollama_server.chat.template.base import (
    Kind,
    PromptTemplate,
    ThinkingMarkers,
    harmony_level,
)
from ollama_server.chat.template.jinja.environment import JinjaTemplate
from ollama_server.chat.template.jinja.messages import message_dicts, tool_dicts
from ollama_server.chat.template.jinja.traits import EFFORTS, SWITCHES, Traits, traits_of
from ollama_server.chat.template.media import mark_media
from ollama_server.chat.types import Message, Think, Tool
from ollama_server.errors import BadRequest, TemplateError

# Reasoning markers that chat templates are known to use, in the order they are looked for.
KNOWN_MARKERS = (
    ThinkingMarkers("<think>", "</think>"),
    ThinkingMarkers("[THINK]", "[/THINK]"),
    ThinkingMarkers("<seed:think>", "</seed:think>"),
    ThinkingMarkers("<|START_THINKING|>", "<|END_THINKING|>"),
    ThinkingMarkers("<|channel>thought", "<channel|>"),
    ThinkingMarkers("<mm:think>", "</mm:think>"),
    ThinkingMarkers("<|inner_prefix|>", "<|inner_suffix|>"),
)
_NEAREST_EFFORT = {
    "low": ("low", "medium"),
    "medium": ("medium", "high", "low"),
    "high": ("high", "xhigh", "max"),
    "max": ("max", "xhigh", "high"),
}
# Marks where a prefilled answer ends; a noncharacter, which no text contains.
_END = "\ufdd0"
CHATML = resources.files(__package__).joinpath("chatml.jinja").read_text(encoding="utf-8")


def find_markers(text: str) -> ThinkingMarkers | None:
    """The first known pair of reasoning markers that stands in a template's text."""
    for markers in KNOWN_MARKERS:
        if markers.open in text and markers.close in text:
            return markers
    return None


class JinjaPrompt(PromptTemplate):
    """``tool_use`` is a variant of the template for conversations with tools.

    ``bos`` and ``eos`` are the tokens' texts; with ``adds_bos`` and ``adds_eos`` the tokenizer puts
    them there itself and they are cut from the prompt's ends. ``defaults`` are variables that every
    rendering gets. ``prefill`` says what becomes of a trailing assistant message, ``thinks`` what
    an unset ``think`` means for a model that can. Raises TemplateError when a text does not parse.
    """

    def __init__(
        self,
        text: str | None,
        *,
        tool_use: str | None = None,
        bos: str = "",
        eos: str = "",
        adds_bos: bool = False,
        adds_eos: bool = False,
        kind: Kind = "jinja",
        parser: str = "",
        defaults: Mapping[str, Any] | None = None,
        prefill: Literal["continue", "close", "end"] = "continue",
        thinks: bool = True,
    ) -> None:
        self.kind = kind
        self.text = CHATML if text is None else text
        self.bos, self.eos = bos, eos
        self.adds_bos, self.adds_eos = adds_bos, adds_eos
        self.parser = parser
        self.defaults = dict(defaults or {})
        self.prefill = prefill
        self.thinks = thinks
        self._template = JinjaTemplate(self.text)
        self._tool_use = JinjaTemplate(tool_use) if tool_use else None
        self.traits = traits_of(self.text, json.dumps(self.defaults))
        self.thinking_markers = find_markers(self.text)
        self.capabilities = jinja_capabilities(self.text)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        think: Think = None,
        *,
        add_generation_prompt: bool = True,
        extra: Mapping[str, Any] | None = None,
    ) -> str:
        template = self._tool_use if tools and self._tool_use else self._template
        if self.kind == "renderer":
            messages = mark_media(messages, blank=True)
        prefill: Message | None = None
        if add_generation_prompt and messages and messages[-1].role == "assistant":
            prefill = self._prefill(messages)
            # Templates look at the first message, whether there is one or not.
            if prefill and (self._only_turns_show_it or len(messages) == 1):
                return self._open_turn(template, messages, tools, think, extra)
            if prefill:
                messages = messages[:-1]
            elif self.prefill == "end":
                add_generation_prompt = False
        prompt = template.render(
            self.variables(
                messages, tools, think, add_generation_prompt=add_generation_prompt, extra=extra
            )
        )
        prompt = self._without_added_tokens(prompt)
        return prompt + self._continued(prompt, prefill) if prefill else prompt

    def variables(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        think: Think = None,
        *,
        add_generation_prompt: bool = True,
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """What the template sees; ``tools`` is absent when there are none."""
        traits = traits_of(self._tool_use.text) if tools and self._tool_use else self.traits
        now = datetime.datetime.now()
        able = self.thinks and "thinking" in self.capabilities
        enabled = bool(think) if think is not None else able
        variables: dict[str, Any] = {
            "messages": message_dicts(messages, traits),
            "add_generation_prompt": add_generation_prompt,
            "bos_token": self.bos,
            "eos_token": self.eos,
            "enable_thinking": enabled,
            "date_string": now.strftime("%d %b %Y"),
            "datetime": now.strftime("%b %d %Y"),
        }
        if traits.switch and traits.switch not in variables:
            variables[traits.switch] = enabled
        if isinstance(think, str):
            level = harmony_level(think) if "<|channel|>" in self.text else think
            variables.update(dict.fromkeys(EFFORTS, _accepted_effort(str(level), traits)))
        if tools:
            variables["tools"] = tool_dicts(tools)
            if traits.functions:
                variables["functions"] = json.dumps(
                    variables["tools"], ensure_ascii=False, indent=4
                )
        if self.kind == "renderer":
            variables["think"] = think
        variables.update(self.defaults)
        variables.update(extra or {})
        _add_aliases(variables)
        return variables

    def render_variables(self, variables: Mapping[str, Any]) -> str:
        """The rendering of variables as `variables` gives them, nothing cut and nothing added."""
        template = self._tool_use if "tools" in variables and self._tool_use else self._template
        return template.render(variables)

    def render_completion(
        self,
        system: str,
        prompt: str,
        response: str = "",
        suffix: str = "",
        think: Think = None,
    ) -> str:
        if suffix:
            raise TemplateError("chat templates cannot fill in the middle")
        messages = [Message("system", system)] if system else []
        messages.append(Message("user", prompt))
        if response:
            messages.append(Message("assistant", response))
        return self.render(messages, (), think)

    @property
    def _only_turns_show_it(self) -> bool:
        """Whether only a rendered turn tells how the prompt of a continued answer ends: renderers
        have rules for it, and reasoning in unknown markers cannot be closed behind the prompt.
        """
        unknown = "thinking" in self.capabilities and self.thinking_markers is None
        return self.kind == "renderer" or (unknown and self.traits.switch != "")

    def _prefill(self, messages: Sequence[Message]) -> Message | None:
        """The trailing answer when it is to be continued, None when it is history."""
        last = messages[-1]
        repeated = len(messages) > 1 and messages[-2].role == "assistant"
        if self.kind == "renderer":
            closed = self.prefill != "continue" or last.tool_calls or repeated
            return None if closed else last
        if repeated:
            raise BadRequest("Cannot have 2 or more assistant messages at the end of the list.")
        if last.tool_calls:
            raise BadRequest("Cannot continue an assistant message that contains tool calls.")
        return last

    def _open_turn(
        self,
        template: JinjaTemplate,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        think: Think,
        extra: Mapping[str, Any] | None,
    ) -> str:
        """The prompt up to the end of what the last message says, its turn left open."""
        last = messages[-1]
        if last.content or not self.traits.reasoning:
            last = replace(last, content=last.content + _END)
        else:
            last = replace(last, thinking=last.thinking + _END)
        variables = self.variables(
            [*messages[:-1], last], tools, think, add_generation_prompt=False, extra=extra
        )
        text, found, _ = template.render(variables).rpartition(_END)
        if not found:
            raise TemplateError("the template does not show the answer that is to be continued")
        return self._without_added_tokens(text)

    def _without_added_tokens(self, prompt: str) -> str:
        if self.adds_bos and self.bos:
            prompt = prompt.removeprefix(self.bos)
        if self.adds_eos and self.eos:
            prompt = prompt.removesuffix(self.eos)
        return prompt

    def _continued(self, prompt: str, prefill: Message) -> str:
        """What a prefilled answer adds; reasoning that the prompt has opened is closed first."""
        markers = self.thinking_markers
        if markers and prompt.rstrip().endswith(markers.open):
            if not prefill.content:
                return prefill.thinking
            thinking = prefill.thinking.strip("\n")
            return f"{thinking}\n{markers.close}\n\n{prefill.content}"
        return prefill.content or prefill.thinking


def _accepted_effort(level: str, traits: Traits) -> str:
    """The level itself, or its nearest among those a template insists on."""
    for name in _NEAREST_EFFORT[level]:
        if name in traits.efforts:
            return name
    return level


def _add_aliases(variables: dict[str, Any]) -> None:
    """The names under which templates know whether earlier reasoning stays in the prompt."""
    preserve = variables.get("preserve_reasoning")
    if isinstance(preserve, bool):
        variables.setdefault("preserve_thinking", preserve)
        for name in ("clear_thinking", "truncate_history_thinking", "drop_thinking"):
            variables.setdefault(name, not preserve)


def jinja_capabilities(text: str) -> frozenset[str]:
    """What a chat template says about its model: "tools", "thinking".

    Its text says so, or how it is rendered: a template that listens to a switch or a level of
    thinking may put its markers together from parts.
    """
    found = set()
    if "tools" in text or "tool_call" in text:
        found.add("tools")
    splits = "content.split('</think>')" in text or 'content.split("</think>")' in text
    hides = "reasoning_content" in text or "<SPECIAL_12>" in text
    if find_markers(text) or (splits and not hides) or _listens(text):
        found.add("thinking")
    return frozenset(found)


def _listens(text: str) -> bool:
    """Whether a rendering depends on thinking being on, or on its level."""
    if not any(name in text for name in (*SWITCHES, *EFFORTS)):
        return False
    try:
        traits = traits_of(text)
    except TemplateError:
        return False
    return bool(traits.switch or traits.efforts)
