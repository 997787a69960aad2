"""What a model can do, from its config, its files and its templates."""

from __future__ import annotations

from collections.abc import Iterable

from ollama_server.chat.parse.families import PARSERS
from ollama_server.chat.template.choose import TemplateFacts, choose_template, is_harmony, uses_go
from ollama_server.chat.template.go.prompt import DEFAULT, GoPrompt
from ollama_server.chat.template.jinja.prompt import jinja_capabilities
from ollama_server.errors import TemplateError


def model_capabilities(
    facts: TemplateFacts,
    *,
    declared: Iterable[str] = (),
    embedding: bool = False,
    vision: bool = False,
    audio: bool = False,
    infill: bool = False,
) -> list[str]:
    """Capabilities in the order in which Ollama lists them, each once.

    ``declared`` are those of the model's config. ``embedding`` says that the model pools,
    ``vision`` and ``audio`` that it or its projector sees and hears, ``infill`` that its vocabulary
    has tokens for filling in the middle. Templates that do not parse add nothing.
    """
    found = list(declared)
    if facts.jinja is not None and _is_native(facts):
        found += _ordered(jinja_capabilities(facts.jinja))
    found.append("embedding" if embedding else "completion")
    found += ["vision"] * vision + ["audio"] * (audio and facts.family != "nemotron_h_omni")
    if facts.jinja is None or not _is_native(facts):
        found += _ordered(_of_go(facts.go))
    found += _ordered(_of_parser(facts))
    found += ["insert"] * infill
    if facts.family in ("gptoss", "gpt-oss"):
        found.append("thinking")
    return list(dict.fromkeys(found))


def _is_native(facts: TemplateFacts) -> bool:
    """Whether the GGUF's own chat template builds the prompts."""
    if facts.renderer or facts.parser or is_harmony(facts):
        return False
    try:
        return not uses_go(facts)
    except TemplateError:
        return False


def _of_go(go: str | None) -> frozenset[str]:
    try:
        return GoPrompt(DEFAULT if go is None else go).capabilities
    except TemplateError:
        return frozenset()


def _of_parser(facts: TemplateFacts) -> frozenset[str]:
    """What the named output parser can take apart; unknown names can nothing."""
    name = facts.parser
    if not name and (facts.renderer or is_harmony(facts)):
        try:
            name = choose_template(facts).parser
        except TemplateError:
            return frozenset()
    parser = PARSERS.get(name)
    if parser is None:
        return frozenset()
    return frozenset(["tools"] * parser.tools + ["thinking"] * parser.thinking)


def _ordered(capabilities: frozenset[str]) -> list[str]:
    return [name for name in ("tools", "insert", "thinking") if name in capabilities]
