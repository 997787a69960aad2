"""A Go template as a `PromptTemplate`: fill-in-the-middle, messages, or the older one-turn form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ollama_server.chat.template.base import PromptTemplate, harmony_level
from ollama_server.chat.template.go import analysis
from ollama_server.chat.template.go.data import message_struct, tool_structs
from ollama_server.chat.template.go.evaluator import parse
from ollama_server.chat.template.media import mark_media, marker
from ollama_server.chat.types import Message, Think, Tool

DEFAULT = "{{ .Prompt }}"


class GoPrompt(PromptTemplate):
    """Raises TemplateError when the text does not parse.

    With ``adds_bos`` the tokenizer writes the beginning-of-sequence token itself, and one leading
    ``bos`` (or a literal ``<bos>``) is cut from prompts. ``add_generation_prompt`` has no effect:
    Go templates open the answer by themselves.
    """

    kind = "go"

    def __init__(
        self, text: str, *, bos: str = "", adds_bos: bool = False, parser: str = ""
    ) -> None:
        self.text = text
        self.bos = bos
        self.adds_bos = adds_bos
        self.parser = parser
        self._template = parse(text)
        self.identifiers = analysis.identifiers(self._template)
        if not self.identifiers & {"messages", "response"}:
            self._template = parse(text + "{{ .Response }}")
        self.thinking_markers = analysis.thinking_markers(self._template)
        found = {name for name in ("tools",) if name in self.identifiers}
        if "suffix" in self.identifiers:
            found.add("insert")
        if self.thinking_markers:
            found.add("thinking")
        self.capabilities = frozenset(found)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        think: Think = None,
        *,
        add_generation_prompt: bool = True,
        extra: Mapping[str, Any] | None = None,
    ) -> str:
        if self.parser == "harmony":
            think = harmony_level(think)
        variables = {**(extra or {}), **_think_variables(think)}
        collated, images = _collate(messages)
        if "messages" not in self.identifiers:
            return self._without_bos(self._render_turns(collated, variables))
        systems = [message.content for message in collated if message.role == "system"]
        prompt = self._template.execute(
            {
                **variables,
                "System": "\n\n".join(systems),
                "Messages": [message_struct(m, i) for m, i in zip(collated, images, strict=True)],
                "Tools": tool_structs(tools),
                "Response": "",
            }
        )
        return self._without_bos(prompt)

    def render_completion(
        self,
        system: str,
        prompt: str,
        response: str = "",
        suffix: str = "",
        think: Think = None,
    ) -> str:
        if prompt and suffix:
            data = {"Prompt": prompt, "Suffix": suffix, "Response": "", **_think_variables(think)}
            return self._without_bos(self._template.execute(data))
        messages = [Message("system", system)] if system else []
        messages.append(Message("user", prompt))
        if response:
            messages.append(Message("assistant", response))
        return self.render(messages, (), think)

    def _render_turns(self, messages: Sequence[Message], variables: Mapping[str, Any]) -> str:
        """One execution for each finished exchange; the last one stops at ``.Response``."""
        turn = {"System": "", "Prompt": "", "Response": ""}
        prompt = ""
        for message in messages:
            starts = (message.role == "system" and (turn["Prompt"] or turn["Response"])) or (
                message.role == "user" and turn["Response"]
            )
            if starts:
                prompt += self._template.execute({**variables, **turn})
                turn = dict.fromkeys(turn, "")
            name = {"system": "System", "user": "Prompt", "assistant": "Response"}.get(message.role)
            if name:
                turn[name] = message.content
        root = analysis.cut_at_response(self._template.root)
        return prompt + self._template.with_root(root).execute({**variables, **turn})

    def _without_bos(self, prompt: str) -> str:
        if not self.adds_bos:
            return prompt
        if self.bos and prompt.startswith(self.bos):
            return prompt.removeprefix(self.bos)
        return prompt.removeprefix("<bos>")


def _think_variables(think: Think) -> dict[str, Any]:
    level = think if isinstance(think, str) else ("medium" if think else "")
    return {"Think": bool(think), "ThinkLevel": level, "IsThinkSet": think is not None}


def _collate(messages: Sequence[Message]) -> tuple[list[Message], list[list[str]]]:
    """Neighbours of one role become one message, contents apart by a blank line; tools stay apart.

    Beside them the markers of each message's media.
    """
    collated: list[Message] = []
    images: list[list[str]] = []
    number = 0
    for message, marked in zip(messages, mark_media(messages), strict=True):
        markers = [marker(number + i) for i in range(len(message.media))]
        number += len(markers)
        last = collated[-1] if collated else None
        if last is None or last.role != message.role or message.role == "tool":
            collated.append(replace(marked))
            images.append(markers)
            continue
        collated[-1] = replace(
            last,
            content=f"{last.content}\n\n{marked.content}",
            thinking=last.thinking or marked.thinking,
            tool_calls=[*last.tool_calls, *marked.tool_calls],
        )
        images[-1].extend(markers)
    return collated, images
