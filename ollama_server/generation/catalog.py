"""From the name in a request to everything that is known about the model."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property

from ollama_server.chat.capabilities import model_capabilities
from ollama_server.chat.prompt import PromptTemplate, TemplateFacts, choose_template
from ollama_server.errors import BadRequest, Forbidden, ModelNotFound
from ollama_server.settings import Settings
from ollama_server.store.model import Model, load_model
from ollama_server.store.names import parse_reference
from ollama_server.store.store import Store

CLOUD_DISABLED = "ollama cloud is disabled: remote model is unavailable"
_CACHED = 64
# The type of control tokens in a GGUF vocabulary.
_CONTROL = 3
_FILL_IN_KEYS = tuple(f"tokenizer.ggml.fim_{part}_token_id" for part in ("pre", "suf", "mid"))
# The texts by which llama.cpp knows the tokens of fill-in-the-middle.
_FILL_IN_TOKENS = (
    ("<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>"),
    ("<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>"),
    ("<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>"),
)


@dataclass(frozen=True)
class Installed:
    """A model with the template that is in force for it."""

    model: Model
    settings: Settings

    @cached_property
    def facts(self) -> TemplateFacts:
        """What the choice of a template depends on, without a look at the vocabulary."""
        model, config = self.model, self.model.config
        tool_use = model.metadata.get("tokenizer.chat_template.tool_use")
        return TemplateFacts(
            renderer=config.renderer,
            parser=config.parser,
            family=config.model_family,
            name=model.name.model,
            parameters=model.gguf.parameter_count if model.gguf else 0,
            go=model.template,
            jinja=model.jinja,
            jinja_tool_use=tool_use if isinstance(tool_use, str) else None,
            prefer_go=self.settings.go_template,
            adds_eos=model.metadata.get("tokenizer.ggml.add_eos_token") is True,
        )

    @cached_property
    def full_facts(self) -> TemplateFacts:
        """The same with the texts of the tokens that templates write."""
        bos, eos = _token_text(self.model, "bos"), _token_text(self.model, "eos")
        return replace(self.facts, bos=bos, eos=eos)

    @cached_property
    def template(self) -> PromptTemplate:
        """What renders chats. Raises TemplateError for a template that is broken."""
        return choose_template(self.full_facts)

    def template_for(self, override: str | None, *, completion: bool) -> PromptTemplate:
        """What renders a request: its own Go template, else the model's. Raises TemplateError."""
        facts = self.full_facts
        if override:
            facts = replace(facts, override=override)
        return choose_template(facts, completion=completion)

    @cached_property
    def control_tokens(self) -> tuple[str, ...]:
        """The texts of the vocabulary's control tokens, such as ``<|im_end|>``."""
        tokens = self.model.metadata.get("tokenizer.ggml.tokens")
        types = self.model.metadata.get("tokenizer.ggml.token_type")
        if tokens is None or types is None:
            return ()
        pairs = zip(tokens, types, strict=False)
        return tuple(str(token) for token, kind in pairs if kind == _CONTROL)

    @cached_property
    def capabilities(self) -> tuple[str, ...]:
        """What the model can do, in Ollama's order."""
        return self._capabilities(_fills_in(self.model))

    @cached_property
    def listed_capabilities(self) -> tuple[str, ...]:
        """The same for lists of many models: what only the vocabulary tells is left out."""
        return self._capabilities(all(key in self.model.metadata for key in _FILL_IN_KEYS))

    def _capabilities(self, infill: bool) -> tuple[str, ...]:
        model = self.model
        known = model.gguf_capabilities
        if model.gguf is None:
            return known
        return tuple(
            model_capabilities(
                self.facts,
                declared=model.config.capabilities,
                embedding=model.is_embedding,
                vision="vision" in known,
                audio="audio" in known,
                infill=infill and not model.is_embedding,
            )
        )


def _fills_in(model: Model) -> bool:
    """Whether the vocabulary has a prefix, a suffix and a middle token, under any known name."""
    tokens = set(model.metadata.get("tokenizer.ggml.tokens") or ())
    return all(not tokens.isdisjoint(names) for names in _FILL_IN_TOKENS)


def _token_text(model: Model, kind: str) -> str:
    number = model.metadata.get(f"tokenizer.ggml.{kind}_token_id")
    tokens = model.metadata.get("tokenizer.ggml.tokens")
    if not isinstance(number, int) or tokens is None or not 0 <= number < len(tokens):
        return ""
    return str(tokens[number])


class Catalog:
    """Looks models up; remembers what it found while the manifest stays the same."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._known: OrderedDict[tuple[str, str], Installed] = OrderedDict()

    async def find(self, text: str, *, remote: bool = False) -> Installed:
        """The local model that ``text`` names; with ``remote`` also one that runs elsewhere.

        Raises BadRequest for a bad name, Forbidden for a cloud model, ModelNotFound, StoreError.
        """
        text = text.strip()
        if not text:
            raise ModelNotFound("model '' not found")
        reference = parse_reference(text)
        if not reference.name.is_valid:
            raise BadRequest("invalid model name")
        if reference.source == "cloud":
            raise Forbidden(CLOUD_DISABLED)
        try:
            entry = self.store.resolve(reference.name)
        except ModelNotFound:
            raise ModelNotFound(f"model '{text}' not found") from None
        model = load_model(self.store, entry)
        if model.config.is_remote:
            if reference.source == "local":
                raise ModelNotFound(f"model '{text}' not found")
            if not remote:
                raise Forbidden(CLOUD_DISABLED)
        installed = self.known(model)
        if "capabilities" not in installed.__dict__:
            # The first look reads the vocabulary and compiles the template.
            await asyncio.to_thread(getattr, installed, "capabilities")
        return installed

    def known(self, model: Model) -> Installed:
        """The model with its template, parsed once."""
        key = (model.name.full, model.digest)
        installed = self._known.get(key)
        if installed is None or installed.model is not model:
            installed = self._known[key] = Installed(model, self.settings)
            while len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return installed
