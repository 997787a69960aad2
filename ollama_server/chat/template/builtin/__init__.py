"""The Go templates that a model's Jinja chat template may turn out to be, when it is imported.

Ollama keeps the texts of some known chat templates and takes the Go template of the nearest one.
Here the behaviour decides: a chat template is a known one when it renders the same conversations
the same way, blanks aside, and can do nothing that the Go template cannot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ollama_server.chat.template.go.prompt import GoPrompt
from ollama_server.chat.template.jinja.environment import JinjaTemplate
from ollama_server.chat.template.jinja.prompt import jinja_capabilities
from ollama_server.chat.template.limits import Limits
from ollama_server.chat.types import Message
from ollama_server.errors import TemplateError

_LIMITS = Limits(steps=300_000, text=1_000_000, items=50_000, output=1_000_000, seconds=1.0)
_BOS = "<s>"
_EOS = ("</s>", "<|endoftext|>")

_PLAIN = (
    (("user", "Uqone"),),
    (("user", "Uqone"), ("assistant", "Aqtwo"), ("user", "Uqthree")),
)
_WITH_SYSTEM = tuple((("system", "Sqzero"), *conversation) for conversation in _PLAIN)


@dataclass(frozen=True, slots=True)
class BuiltinTemplate:
    """A Go template under a name, and the texts at which its models stop.

    ``refuses_system`` says that chat templates of this kind take no system messages.
    """

    name: str
    text: str
    stop: tuple[str, ...]
    refuses_system: bool = False


@cache
def builtin_templates() -> tuple[BuiltinTemplate, ...]:
    """All of them, by name."""
    folder = resources.files(__package__)
    index = json.loads(folder.joinpath("index.json").read_text(encoding="utf-8"))
    return tuple(
        BuiltinTemplate(
            name=name,
            text=folder.joinpath(f"{name}.gotmpl").read_text(encoding="utf-8"),
            stop=tuple(entry["stop"]),
            refuses_system=entry.get("refuses_system", False),
        )
        for name, entry in sorted(index.items())
    )


def detect_builtin(jinja_text: str) -> BuiltinTemplate | None:
    """The built-in template that behaves as this chat template does, None when none does."""
    if jinja_capabilities(jinja_text):
        return None
    try:
        template = JinjaTemplate(jinja_text, _LIMITS)
    except TemplateError:
        return None
    for eos in _EOS:
        plain = [_render(template, conversation, eos) for conversation in _PLAIN]
        system = [_render(template, conversation, eos) for conversation in _WITH_SYSTEM]
        found = [candidate for candidate in builtin_templates() if _same(candidate, plain, system)]
        if found:
            refuses = not all(system)
            return min(found, key=lambda candidate: candidate.refuses_system != refuses)
    return None


def _render(template: JinjaTemplate, conversation: tuple[tuple[str, str], ...], eos: str) -> str:
    """The rendering without blanks, empty when the template refuses the conversation."""
    messages = [{"role": role, "content": content} for role, content in conversation]
    variables = {"bos_token": _BOS, "eos_token": eos, "add_generation_prompt": True}
    try:
        return _squeezed(template.render({"messages": messages, **variables}))
    except TemplateError:
        return ""


def _squeezed(text: str) -> str:
    return "".join(text.split()).removeprefix(_BOS)


@cache
def _expected(candidate: BuiltinTemplate) -> tuple[list[str], list[str]]:
    prompt = GoPrompt(candidate.text)
    plain, system = (
        [_squeezed(prompt.render([Message(*turn) for turn in turns])) for turns in conversations]
        for conversations in (_PLAIN, _WITH_SYSTEM)
    )
    return plain, system


def _same(candidate: BuiltinTemplate, plain: list[str], system: list[str]) -> bool:
    """A system message may also be refused or left out, which loses nothing in the Go template."""
    expected_plain, expected_system = _expected(candidate)
    return plain == expected_plain and all(
        seen in ("", without, expected)
        for seen, without, expected in zip(system, plain, expected_system, strict=True)
    )
