"""Making a model: out of another one, GGUF files or safetensors, with its texts and settings.

``create`` works in a thread of its own and reports frame by frame. Nothing becomes visible before
the manifest is written at the very end; whatever fails or is cancelled leaves at most unreferenced
blobs, which are removed at once.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ollama_server.errors import BadRequest, ModelNotFound, StoreError, TemplateError
from ollama_server.store import gojson
from ollama_server.store import manifest as m
from ollama_server.store.config import Config
from ollama_server.store.convert import EIGHT_BIT, SOURCE_KEY
from ollama_server.store.create_files import add_adapters, add_draft, add_files, add_projectors
from ollama_server.store.create_request import (
    CreateRequest,
    Plan,
    check_request,
    config_overrides,
)
from ollama_server.store.disk import disk_errors, make_folder
from ollama_server.store.ggml import parameter_size
from ollama_server.store.gguf import GGUF
from ollama_server.store.job import Job, frames
from ollama_server.store.manifest import Layer, Manifest
from ollama_server.store.model import load_model, read_config
from ollama_server.store.names import Name, Reference
from ollama_server.store.parts import DetectedTemplate, Parts, merged_parameters
from ollama_server.store.progress import Progress
from ollama_server.store.quantize import quantize, source_type
from ollama_server.store.store import SCRATCH_PREFIX, Entry, Store

log = logging.getLogger(__name__)

# Renderer and parser of architectures whose templates say too little.
_BUILT_IN = {
    "gemma4": "gemma4",
    "laguna": "laguna",
    "nemotron_h": "nemotron-3-nano",
    "nemotron_h_moe": "nemotron-3-nano",
    "nemotron_h_omni": "nemotron-3-nano",
}
_DEFAULT_STOPS = {"gemma4": ["<turn|>"]}


@dataclass(frozen=True, slots=True)
class Hooks:
    """What creating needs from other rooms.

    ``detect_template`` finds the built-in template for a Jinja text, or None. ``check_template``
    raises TemplateError for a bad Go template. ``pull`` fetches a missing base model.
    """

    detect_template: Callable[[str], DetectedTemplate | None] = lambda _: None
    check_template: Callable[[str], object] = lambda _: None
    pull: Callable[[Name], AsyncIterator[Progress]] | None = None


async def create_model(
    store: Store, request: CreateRequest, *, hooks: Hooks | None = None, prune: bool = True
) -> AsyncIterator[Progress]:
    """Create a model and yield its frames; the last one is ``success``.

    ``prune`` removes what the model of the same name leaves behind. Errors that come before the
    first frame are the request's own fault: BadRequest. Later ones may be any ServerError.
    Closing the iterator cancels the work.
    """
    hooks = hooks or Hooks()
    plan = check_request(request)
    async for frame in _fetch_base(store, plan, hooks):
        yield frame

    def work(job: Job) -> None:
        create(store, plan, hooks, job, prune=prune)

    async for frame in frames(work):
        yield frame


async def _fetch_base(store: Store, plan: Plan, hooks: Hooks) -> AsyncIterator[Progress]:
    if plan.base is None or plan.remote_host:
        return
    try:
        store.resolve(plan.base.name)
    except ModelNotFound:
        if hooks.pull is None:
            raise
        async for frame in hooks.pull(plan.base.name):
            # The pull's own "success" is not the end of this stream.
            if frame.status != "success":
                yield frame


def create(store: Store, plan: Plan, hooks: Hooks, job: Job, *, prune: bool = True) -> Entry:
    """The work itself, in the calling thread."""
    with disk_errors(store.root):
        make_folder(store.root)
    with store.pins() as pins, _scratch(store.root) as scratch:
        parts = Parts(store, pins)
        try:
            return _Creation(store, plan, hooks, job, parts, Path(scratch)).run(prune)
        finally:
            pins.release()
            _drop_leftovers(store, parts)


def _scratch(root: Path) -> tempfile.TemporaryDirectory[str]:
    with disk_errors(root):
        return tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=root)


def _drop_leftovers(store: Store, parts: Parts) -> None:
    """Remove blobs that no model uses: sources of a quantization, failures, the old model's."""
    if parts.dispensable:
        store.remove_unused(parts.dispensable)


@dataclass(slots=True)
class _Creation:
    store: Store
    plan: Plan
    hooks: Hooks
    job: Job
    parts: Parts
    scratch: Path
    inherited: Config = field(default_factory=Config)
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def request(self) -> CreateRequest:
        return self.plan.request

    def run(self, prune: bool) -> Entry:
        if self.plan.remote_host:
            pass  # a stub has no weights: texts and config are all of it
        elif self.plan.base is not None:
            self._inherit(self.plan.base)
            add_projectors(self.parts, self.request.files or {}, self.job)
        else:
            self._read_files()
        if self.request.adapters:
            add_adapters(self.parts, self.request.adapters, self.job)
        if self.request.draft_files:
            add_draft(self.parts, self.request.draft_files, self.job)
        self._quantize(m.MEDIA_MODEL, self.request.quantize)
        self._quantize(m.MEDIA_DRAFT, self.request.draft_quantize)
        config = self._config()
        self._add_texts()
        self._add_parameters(config)
        return self._install(config, prune)

    def _inherit(self, base: Reference) -> None:
        """Take over every layer of an installed model."""
        entry = self.store.resolve(base.name)
        self.inherited = read_config(self.store, entry)
        if base.source == "local" and self.inherited.is_remote:
            raise ModelNotFound(f"model '{base.name.short}' not found")
        self.params = dict(load_model(self.store, entry).params)
        for layer in entry.manifest.layers:
            self.parts.keep(replace(layer, from_=entry.name.short))

    def _read_files(self) -> None:
        add_files(self.parts, self.request.files or {}, self.request.quantize, self.job)
        for part in self.parts.of_type(m.MEDIA_MODEL):
            jinja = part.header.chat_template if part.header else None
            detected = self.hooks.detect_template(jinja) if jinja else None
            if detected is None:
                continue
            stored = self.store.blobs.put(detected.text.encode())
            status = f"using autodetected template {detected.name}"
            self.parts.add(m.MEDIA_TEMPLATE, stored, status=status)
            if detected.stop:
                self.params["stop"] = list(detected.stop)
            return

    def _quantize(self, media_type: str, wanted: str) -> None:
        parts = self.parts.of_type(media_type)
        if not parts:
            return
        part = parts[-1]
        if not wanted and part.header and part.header.get(SOURCE_KEY) == EIGHT_BIT:
            # Without a wish, 8-bit floats stay about as small as they were.
            wanted = "Q8_0"
        if not wanted:
            return
        header = part.header or self.parts.header(part.layer.digest)
        if media_type == m.MEDIA_DRAFT:
            _check_draft_source(header)
        target = self.scratch / "quantized.gguf"
        if quantize(header, target, wanted, self.job):
            self.parts.replace(part, self.store.blobs.adopt(target))

    def _add_texts(self) -> None:
        request = self.request
        if request.template:
            try:
                self.hooks.check_template(request.template)
            except TemplateError as error:
                raise BadRequest(f"template error: {error}") from error
            self.parts.remove(m.MEDIA_TEMPLATE, m.MEDIA_PROMPT)
            self._put(m.MEDIA_TEMPLATE, request.template.encode())
        if request.system:
            self.parts.remove(m.MEDIA_SYSTEM)
            self._put(m.MEDIA_SYSTEM, request.system.encode())
        for text in request.license:
            self._put(m.MEDIA_LICENSE, text.encode())

    def _add_parameters(self, config: Config) -> None:
        defaults = {}
        if config.renderer in _DEFAULT_STOPS and config.renderer != self.inherited.renderer:
            defaults["stop"] = _DEFAULT_STOPS[config.renderer]
        merged = merged_parameters(defaults, self.params, self.request.parameters)
        if merged:
            self.parts.remove(m.MEDIA_PARAMS)
            self._put(m.MEDIA_PARAMS, gojson.dumps(merged))
        if self.request.messages:
            self.parts.remove(m.MEDIA_MESSAGES)
            self._put(m.MEDIA_MESSAGES, messages_blob(self.request.messages))

    def _put(self, media_type: str, data: bytes) -> None:
        self.parts.add(media_type, self.store.blobs.put(data))

    def _config(self) -> Config:
        headers = [part.header for part in self.parts.with_headers() if part.header is not None]
        draft = self.inherited.draft
        drafts = self.parts.of_type(m.MEDIA_DRAFT)
        if drafts and drafts[-1].header:
            draft = {"model_format": "gguf", "architecture": drafts[-1].header.architecture}
        base = self.inherited
        config = Config(
            model_format=base.model_format,
            renderer=self.request.renderer or base.renderer,
            parser=self.request.parser or base.parser,
            requires=self.request.requires or base.requires,
            capabilities=base.capabilities,
            draft=draft,
        )
        if base.is_remote or not headers:
            # Nothing to read facts from: what the base says stays true.
            config = replace(base, **{k: v for k, v in _stated(config).items() if v})
        if self.plan.remote_host and self.plan.base is not None:
            config = replace(
                config, remote_host=self.plan.remote_host, remote_model=self.plan.base.base
            )
        overrides = config_overrides(self.request.info, base)
        config = replace(config, **overrides)
        return _with_facts(config, headers)

    def _install(self, config: Config, prune: bool) -> Entry:
        stored = self.store.blobs.put(config.dump())
        self.parts.pins.hold(stored.digest)
        if stored.created:
            self.parts.dispensable.add(stored.digest)
        manifest = Manifest(
            config=Layer(m.MEDIA_CONFIG, stored.digest, stored.size),
            layers=tuple(part.layer for part in self.parts.items),
        )
        for part in self.parts.items:
            self.job.report(part.status)
        self.job.report("writing manifest")
        with self.store.locked():
            replaced = self.store.digests_of(self.plan.target)
            entry = self.store.write_manifest(self.plan.target, manifest)
        if prune:
            self.parts.dispensable |= replaced
        self.job.report("success")
        return entry


def messages_blob(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """The messages layer: role in lower case and content first, then whatever else there is."""
    found = []
    for message in messages:
        value = gojson.Struct(
            role=str(message.get("role", "")).lower(), content=message.get("content") or ""
        )
        value.update({k: v for k, v in message.items() if k not in value and v})
        found.append(value)
    return gojson.dumps(found)


def _with_facts(config: Config, headers: Sequence[GGUF]) -> Config:
    """Fill in what the weights' headers say and nobody has overridden."""
    for header in headers:
        config = replace(
            config,
            model_format=config.model_format or "gguf",
            model_family=config.model_family or header.architecture,
            model_type=config.model_type or parameter_size(header.parameter_count),
            file_type=config.file_type or header.file_type_name,
            model_families=(*config.model_families, header.architecture),
        )
    families = dict.fromkeys(config.model_families)
    if headers and config.model_family not in families:
        families = dict.fromkeys((config.model_family, *families))
    built_in = _BUILT_IN.get(headers[0].architecture) if headers else None
    if built_in:
        config = replace(
            config, renderer=config.renderer or built_in, parser=config.parser or built_in
        )
    return replace(config, model_families=tuple(families))


def _stated(config: Config) -> dict[str, Any]:
    return {
        "model_format": config.model_format,
        "renderer": config.renderer,
        "parser": config.parser,
        "requires": config.requires,
    }


def _check_draft_source(header: GGUF) -> None:
    try:
        source_type(header)
    except StoreError as error:
        raise BadRequest(
            f"draft quantization requires an unquantized draft model, got {header.file_type_name}"
        ) from error
