"""Which template builds a model's prompts: renderer, Go template or Jinja."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ollama_server.chat.template.base import PromptTemplate
from ollama_server.chat.template.go.prompt import DEFAULT, GoPrompt
from ollama_server.chat.template.jinja.prompt import JinjaPrompt, jinja_capabilities
from ollama_server.chat.template.renderers import named_renderer, resolve
from ollama_server.errors import TemplateError

_HARMONY_FAMILIES = frozenset(("gptoss", "gpt-oss"))
_JINJA_RESULTS = (
    "tool_response",
    "tool_results",
    "ipython",
    *(f"role{a}] == {b}tool{b}" for a in "'\"" for b in "'\""),
    *(f"message.role == {quote}tool{quote}" for quote in "'\""),
)


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What a model says about its prompts.

    ``renderer`` and ``parser`` are names from its config, ``go`` its TEMPLATE layer, ``jinja`` and
    ``jinja_tool_use`` the chat templates of its GGUF (None where absent). ``override`` is a Go
    template that came with the request. ``prefer_go`` is the setting OLLAMA_GO_TEMPLATE, None when
    unset. ``bos`` and ``eos`` are the tokens' texts, ``adds_bos`` and ``adds_eos`` whether the
    tokenizer writes them by itself. ``parameters`` is the number of weights.
    """

    renderer: str = ""
    parser: str = ""
    family: str = ""
    name: str = ""
    parameters: int = 0
    go: str | None = None
    jinja: str | None = None
    jinja_tool_use: str | None = None
    override: str | None = None
    prefer_go: bool | None = None
    bos: str = ""
    eos: str = ""
    adds_bos: bool = False
    adds_eos: bool = False


@lru_cache(maxsize=64)
def choose_template(facts: TemplateFacts, *, completion: bool = False) -> PromptTemplate:
    """The template that wins, compiled once for the same facts.

    ``completion`` asks for a template of prompts instead of chats: a model without any template
    then gets its prompt as it is, where a chat gets ChatML. Raises TemplateError for a template
    that does not parse and for renderers that do not exist.
    """
    if facts.override is not None:
        return _go(facts, facts.override)
    if facts.renderer:
        return _renderer(facts)
    if facts.parser:
        return _go(facts, facts.go if facts.go is not None else DEFAULT, facts.parser)
    if is_harmony(facts):
        return _go(facts, facts.go or DEFAULT, "harmony")
    if uses_go(facts):
        return _go(facts, facts.go or DEFAULT)
    if facts.jinja is None and completion:
        return _go(facts, DEFAULT)
    return JinjaPrompt(
        facts.jinja,
        tool_use=facts.jinja_tool_use,
        bos=facts.bos,
        eos=facts.eos,
        adds_bos=facts.adds_bos,
        adds_eos=facts.adds_eos,
    )


def _go(facts: TemplateFacts, text: str, parser: str = "") -> GoPrompt:
    return GoPrompt(text, bos=facts.bos, adds_bos=facts.adds_bos, parser=parser)


def _renderer(facts: TemplateFacts) -> PromptTemplate:
    """The model's own chat template where it has one, else the one shipped under that name."""
    name = resolve(facts.renderer, facts.name, facts.parameters)
    renderer = named_renderer(name)
    if renderer is None:
        raise TemplateError(f'unknown renderer "{facts.renderer}"')
    own = facts.jinja is not None
    return JinjaPrompt(
        facts.jinja if own else renderer.text,
        tool_use=facts.jinja_tool_use if own else None,
        bos=facts.bos if own else renderer.bos,
        eos=facts.eos,
        adds_bos=facts.adds_bos,
        adds_eos=facts.adds_eos,
        kind="renderer",
        parser=facts.parser or renderer.parser,
        defaults=renderer.variables,
        prefill=renderer.prefill,
        thinks=renderer.thinks,
    )


def is_harmony(facts: TemplateFacts) -> bool:
    """Whether a Go template speaks harmony although nothing names a parser."""
    go = facts.go or ""
    return facts.family in _HARMONY_FAMILIES and "<|start|>" in go and "<|end|>" in go


def uses_go(facts: TemplateFacts) -> bool:
    """Whether the Go template wins over the Jinja one."""
    if facts.go is None:
        return False
    if facts.prefer_go is not None:
        return facts.prefer_go
    return facts.jinja is None or not _prefers_jinja(facts.go, facts.jinja)


def _prefers_jinja(go: str, jinja: str) -> bool:
    """Jinja wins when it can do more, or the same with tool results that Go cannot show."""
    template = GoPrompt(go)
    of_go = template.capabilities & {"tools", "thinking"}
    of_jinja = jinja_capabilities(jinja)
    go_returns = {"tools", "toolcalls"} <= template.identifiers and any(
        mark in go for mark in ('eq .Role "tool"', "tool_response", "TOOL_RESULTS")
    )
    jinja_returns = (
        ("tools" in jinja or "tool_call" in jinja)
        and ("tool_calls" in jinja or "assistant_tool_call" in jinja)
        and any(mark in jinja for mark in _JINJA_RESULTS)
    )
    if len(of_jinja) > len(of_go):
        return not go_returns or jinja_returns
    return of_jinja == of_go and "tools" in of_go and jinja_returns and not go_returns
