"""What a chat template understands, found by rendering small conversations with known words.

A word that comes back was read; a rendering that raises, or that shows a value in Python's
spelling, says that the template wants the value in another form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ollama_server.chat.template.jinja.environment import JinjaTemplate
from ollama_server.chat.template.limits import Limits, Patience
from ollama_server.errors import TemplateError

_LIMITS = Limits(steps=300_000, text=1_000_000, items=50_000, output=1_000_000, seconds=1.0)

USER, SYSTEM, ANSWER = "Uqzwordx", "Sqzwordx", "Aqzwordx"
REASONING, RESULT = "Rqzwordx", "Tqzwordx"
FUNCTION, SECOND = "fqzfunction", "gqzfunction"
ARGUMENT, VALUE = "pqzargument", "vqzvalue"
CALL_IDS = ("call_qz000001", "callqz001")

_OMIT = object()

# The variables under which templates look whether to think.
SWITCHES = ("enable_thinking", "thinking")
# The variables under which templates look for the level of effort.
EFFORTS = ("reasoning_effort", "reasoning_strength", "thinking_effort")

# What stands in the templates of models that were trained on trimmed contents (StepFun).
_TRIMMED = ("functions in JSONSchema format",)


@dataclass(frozen=True, slots=True)
class Traits:
    """Forms of input a template takes; the defaults are those of a plain ChatML template.

    ``reasoning`` is the message field that carries reasoning in history, "parts" when it is a part
    of a content list, empty when history cannot carry it. ``empty_content`` is what a message with
    tool calls and no text has as content; "omit" leaves the key out. ``switch`` is the variable
    that turns thinking on and off, empty when nothing does. ``efforts`` are the levels of effort it
    accepts, none when it reads no level. ``functions`` says that tools are read from a variable of
    that name, as JSON text; ``trims`` that contents are expected without blanks around them.
    """

    string_content: bool = True
    typed_content: bool = False
    system_role: bool = True
    developer_role: bool = False
    tools: bool = False
    tool_calls: bool = False
    object_arguments: bool = True
    parallel_calls: bool = False
    empty_content: str | None = ""
    short_ids: bool = False
    shows_ids: bool = False
    results: bool = True
    folded_results: bool = False
    content_beside_reasoned_calls: bool = True
    reasoning: str = ""
    switch: str = ""
    efforts: tuple[str, ...] = ()
    functions: bool = False
    trims: bool = False


@lru_cache(maxsize=128)
def traits_of(text: str, variables: str = "{}") -> Traits:
    """The traits of a template, cached by its text and the JSON of the variables it always gets.

    Raises TemplateError when it does not parse.
    """
    return _Probe(JinjaTemplate(text, _LIMITS), json.loads(variables)).traits()


class _Probe:
    def __init__(self, template: JinjaTemplate, variables: dict[str, Any]) -> None:
        self.template = template
        self.variables = variables
        self.parts_only = False
        self.patience = Patience()

    def render(self, messages: list[dict[str, Any]], **variables: Any) -> str:
        """The rendering, empty when the template refuses the conversation."""
        if self.parts_only:
            messages = [_as_parts(message) for message in messages]
        defaults: dict[str, Any] = {"bos_token": "", "eos_token": "", "add_generation_prompt": True}
        try:
            with self.patience:
                return self.template.render(
                    {**defaults, **self.variables, "messages": messages, **variables}
                )
        except TemplateError:
            return ""

    def traits(self) -> Traits:
        string = USER in self.render([_user()])
        parts = self.render([_user([{"type": "text", "text": USER}])])
        typed = USER in parts and "'text'" not in parts and '"text"' not in parts
        self.parts_only = typed and not string
        calls = self._calls()
        shown = FUNCTION in self.render([_user()], tools=_tools())
        reasoning = self._reasoning(calls)
        return Traits(
            string_content=not self.parts_only,
            typed_content=typed,
            system_role=SYSTEM in self.render([_message("system", SYSTEM), _user()])
            or not self.render([_user()]),
            developer_role="developer" in self.template.text
            and SYSTEM in self.render([_message("developer", SYSTEM), _user()]),
            tools=shown,
            functions=not shown
            and FUNCTION in self.render([_user()], functions=json.dumps(_tools())),
            trims=any(text in self.template.text for text in _TRIMMED),
            reasoning=reasoning,
            content_beside_reasoned_calls=self._beside(calls, reasoning),
            switch=self._switch(),
            efforts=self._efforts(),
            **calls,
        )

    def _calls(self) -> dict[str, Any]:
        """How messages with tool calls, and the results that follow them, must look."""
        readable: dict[str, Any] | None = None
        for content, call_id, as_object in _call_forms():
            render = self._call_renderer(content, call_id, as_object)
            text = render(1)
            if FUNCTION not in text or VALUE not in text:
                continue
            form = {
                "tool_calls": True,
                "object_arguments": as_object,
                "empty_content": "omit" if content is _OMIT else content,
                "short_ids": call_id == CALL_IDS[1],
                "shows_ids": call_id in text,
                "parallel_calls": SECOND in render(2),
                **self._results(render, text),
            }
            if f"'{ARGUMENT}'" not in text and f'\\"{ARGUMENT}' not in text:
                return form
            readable = readable or form
        return readable or {"tool_calls": False, "parallel_calls": False}

    def _call_renderer(self, content: Any, call_id: str, as_object: bool) -> Callable[..., str]:
        def render(count: int, *, fold: bool = False) -> str:
            assistant = _calling(content, call_id, as_object, count)
            result = {**_message("tool", RESULT), "tool_call_id": call_id, "name": FUNCTION}
            if fold:
                assistant["tool_responses"] = [{"name": FUNCTION, "response": RESULT}]
                return self.render([_user(), assistant], tools=_tools())
            text = self.render([_user(), assistant, result], tools=_tools())
            return text or self.render(
                [_user(), assistant], tools=_tools(), add_generation_prompt=False
            )

        return render

    @staticmethod
    def _results(render: Callable[..., str], text: str) -> dict[str, bool]:
        if RESULT in text:
            return {"results": True}
        return {"results": False, "folded_results": RESULT in render(1, fold=True)}

    def _reasoning(self, calls: dict[str, Any]) -> str:
        """The field that carries reasoning of earlier answers, empty when none does."""
        conversations: list[tuple[dict[str, Any], dict[str, Any]]] = [
            (_message("assistant", ANSWER), {"add_generation_prompt": False})
        ]
        if calls["tool_calls"]:
            conversations.append((_calling_as(calls), {"tools": _tools()}))
        for field in ("reasoning_content", "thinking", "reasoning", "parts"):
            for message, variables in conversations:
                text = self.render(
                    [_user(), _reasoned(message, field)], enable_thinking=True, **variables
                )
                printed = any(sign in text for sign in ("'thinking'", '"thinking"'))
                if REASONING in text and not printed:
                    return field
        return ""

    def _beside(self, calls: dict[str, Any], field: str) -> bool:
        """Whether reasoning and content may stand in one message with a call."""
        if not calls["tool_calls"] or field in ("", "parts"):
            return True
        reasoned = _reasoned(_calling_as(calls), field)
        alone = self.render([_user(), reasoned], tools=_tools())
        both = self.render([_user(), {**reasoned, "content": ANSWER}], tools=_tools())
        return both != "" or alone == ""

    def _efforts(self) -> tuple[str, ...]:
        on = dict.fromkeys(SWITCHES, True)
        shown = {
            level: self.render([_user()], **on, **dict.fromkeys(EFFORTS, level))
            for level in ("low", "medium", "high", "max", "xhigh")
        }
        if len(set(shown.values())) == 1:
            return ()
        return tuple(level for level, text in shown.items() if text)

    def _switch(self) -> str:
        for name in SWITCHES:
            on = self.render([_user()], **{name: True})
            if on and on != self.render([_user()], **{name: False}):
                return name
        return ""


def _call_forms() -> Iterator[tuple[Any, str, bool]]:
    for call_id in CALL_IDS:
        for content in ("", None, _OMIT):
            for as_object in (True, False):
                yield content, call_id, as_object


def _message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def _user(content: Any = USER) -> dict[str, Any]:
    return _message("user", content)


def _as_parts(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, str):
        return message
    return {**message, "content": [{"type": "text", "text": content}]}


def _reasoned(message: dict[str, Any], field: str) -> dict[str, Any]:
    if field != "parts":
        return {**message, field: REASONING}
    blocks = [{"type": "thinking", "thinking": REASONING}]
    if message.get("content"):
        blocks.append({"type": "text", "text": message["content"]})
    return {**message, "content": blocks}


def _calling(content: Any, call_id: str, as_object: bool, count: int) -> dict[str, Any]:
    arguments: Any = {ARGUMENT: VALUE} if as_object else f'{{"{ARGUMENT}": "{VALUE}"}}'
    calls = [
        {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for name in (FUNCTION, SECOND)[:count]
    ]
    message = {"role": "assistant", "tool_calls": calls}
    return message if content is _OMIT else {**message, "content": content}


def _calling_as(form: dict[str, Any]) -> dict[str, Any]:
    """An assistant message with one call, in a form found to be readable."""
    content = _OMIT if form["empty_content"] == "omit" else form["empty_content"]
    return _calling(content, CALL_IDS[form["short_ids"]], form["object_arguments"], 1)


def _tools() -> list[dict[str, Any]]:
    properties = {ARGUMENT: {"type": "string", "description": "a word"}}
    parameters = {"type": "object", "properties": properties, "required": [ARGUMENT]}
    return [
        {
            "type": "function",
            "function": {"name": name, "description": "a function", "parameters": parameters},
        }
        for name in (FUNCTION, SECOND)
    ]
