"""From load options to the Load message: what is automatic, what must match, what fits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from ollama_server.engine import protocol
from ollama_server.errors import LoadError, ModelNotFound, OutOfMemory
from ollama_server.runtime import memory
from ollama_server.settings import Settings
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.prepare import Files, prepare
from ollama_server.store.model import Model

_MIN_CONTEXT = 4
_MIN_VISION_CONTEXT = 2048
_CPU_BATCH = 512
# Larger batches compute no faster; room is made for a whole one, whatever is asked for.
_MOST_BATCH = 8192
# The share of the memory at hand that may go to a model which Linux cannot drop parts of.
_PLENTY = 0.75
# llama.cpp's own limit of sequences in a context.
_MOST_PARALLEL = 256
# What llama.cpp says of a file that it understands and cannot load.
_INCOMPATIBLE = ("unknown model architecture", "failed to load model", "unable to load model")
# Tokens that a draft model guesses at a time where nobody says how many, and the most.
_DRAFTED = 4
_MOST_DRAFTED = 16


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a request wants of the loaded model; None and -1 leave the choice to the server."""

    num_ctx: int | None = None
    num_batch: int | None = None
    num_gpu: int = -1
    main_gpu: int | None = None
    use_mmap: bool | None = None
    num_thread: int = 0
    draft_num_predict: int | None = None

    def clamped(self, model: Model) -> LoadOptions:
        """With num_ctx between its floor and the trained context, and what the model can draft."""
        drafts = _DRAFTED if self.draft_num_predict is None else self.draft_num_predict
        drafts = min(max(0, drafts), _MOST_DRAFTED) if model.draft is not None else 0
        return replace(self._fitting(model), draft_num_predict=drafts)

    def _fitting(self, model: Model) -> LoadOptions:
        if self.num_ctx is None:
            return self
        floor = _MIN_VISION_CONTEXT if model.sees else _MIN_CONTEXT
        num_ctx = max(self.num_ctx, floor)
        if model.context_length:
            num_ctx = min(num_ctx, model.context_length)
        return replace(self, num_ctx=num_ctx)


def needs_reload(old: LoadOptions, info: protocol.ModelInfo, new: LoadOptions, auto: int) -> bool:
    """Whether a model loaded with ``old``, which gave ``info``, cannot serve ``new``.

    Both are clamped; ``auto`` is the num_ctx that a load without num_ctx would choose.
    """
    if (old.num_ctx, new.num_ctx) != (None, None) and info.num_ctx != (new.num_ctx or auto):
        return True
    if new.num_batch not in (old.num_batch, info.num_batch):
        return True
    if new.num_gpu not in (-1, old.num_gpu):
        return True
    if new.use_mmap != old.use_mmap:
        return True
    if old.draft_num_predict != new.draft_num_predict:
        return True
    return (old.main_gpu, old.num_thread) != (new.main_gpu, new.num_thread)


def find_files(
    model: Model, cache: Cache, settings: Settings, in_use: Collection[Path] = ()
) -> Files:
    """What a runner loads for a model, translated first where llama.cpp needs that.

    The weights ``in_use`` keep their translations. Takes long for what is translated. Raises
    LoadError, and ModelNotFound when there are no weights.
    """
    if model.is_tensor_model:
        raise LoadError(
            f"{model.name.short} is stored as safetensors, which cannot be served: "
            "create a GGUF model from its files"
        )
    if model.model_path is None or not model.model_path.is_file():
        raise ModelNotFound(f"model '{model.name.short}' not found: its weights are missing")
    return prepare(model, cache, translate=settings.llama_cpp_compat, in_use=in_use)


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to load a model. ``gpu`` says whether layers will be offloaded.

    ``use_mmap`` is None where llama.cpp decides.
    """

    model: Model
    options: LoadOptions
    num_ctx: int
    parallel: int
    num_batch: int
    gpu: bool
    use_mmap: bool | None
    settings: Settings

    @property
    def needed_bytes(self) -> int:
        """An estimate of everything the runner will allocate."""
        return memory.needed_bytes(
            self.model,
            num_ctx=self.num_ctx,
            parallel=self.parallel,
            num_batch=self.num_batch,
            kv_type=self.settings.kv_cache_type,
        )

    def message(self, files: Files) -> protocol.Load:
        """The runner's first message, to load ``files``."""
        model, options = self.model, self.options
        return protocol.Load(
            model=str(files.model),
            projectors=[str(path) for path in files.projectors],
            adapters=[protocol.Adapter(str(path)) for path in files.adapters],
            num_ctx=self.num_ctx,
            parallel=self.parallel,
            num_batch=self.num_batch,
            num_gpu=options.num_gpu,
            layers=memory.offloadable_layers(model),
            main_gpu=options.main_gpu,
            use_mmap=self.use_mmap,
            num_thread=options.num_thread,
            kv_cache_type=self.settings.kv_cache_type or "f16",
            flash_attention=self.settings.flash_attention,
            embedding=model.is_embedding,
            end_tokens=list(files.end_tokens),
            overrides=dict(files.overrides),
            draft=str(files.draft or ""),
            draft_overrides=dict(files.draft_overrides),
            draft_tokens=options.draft_num_predict or 0,
        )

    def smaller(self) -> Plan | None:
        """The next plan to try when memory ran out; None when all that was chosen is explicit."""
        if not self.settings.num_parallel and self.parallel > 1:
            return replace(self, parallel=self.parallel // 2)
        if self.options.num_ctx is None and self.num_ctx > 4096:
            return replace(self, num_ctx=32768 if self.num_ctx > 32768 else 4096)
        return None


def make_plan(
    model: Model,
    options: LoadOptions,
    settings: Settings,
    *,
    auto: int,
    gpu: bool,
    free: int,
    huge_pages: bool,
) -> Plan:
    """The first plan to try; ``free`` is the memory at hand, ``options`` are clamped.

    As in Ollama, weights for the CPU are read into memory and not mapped, which takes a second a
    GB: in ``huge_pages`` they are quicker to read for every token. Where memory is short they stay
    mapped, so that Linux may drop what is not in use.
    """
    num_ctx = options.num_ctx or auto
    parallel = min(settings.num_parallel, _MOST_PARALLEL) or memory.choose_parallel(
        model, num_ctx=num_ctx, kv_type=settings.kv_cache_type, free=free
    )
    asked = options.num_batch and min(options.num_batch, _MOST_BATCH, num_ctx * parallel)
    plan = Plan(
        model=model,
        options=options,
        num_ctx=num_ctx,
        parallel=parallel,
        num_batch=asked or _automatic_batch(num_ctx * parallel, gpu),
        gpu=gpu and options.num_gpu != 0,
        use_mmap=options.use_mmap,
        settings=settings,
    )
    is_plenty = plan.needed_bytes <= _PLENTY * free
    if plan.use_mmap is None and not plan.gpu and huge_pages and is_plenty:
        return replace(plan, use_mmap=False)
    return plan


def _automatic_batch(total_context: int, gpu: bool) -> int:
    if not gpu or total_context <= 4096:
        return _CPU_BATCH
    return 1024 if total_context <= 32768 else 2048


def out_of_memory(plan: Plan, free: int) -> OutOfMemory:
    """The error for a plan that does not fit, with what to do about it."""
    hint = "use a smaller model or quantization"
    if plan.options.num_ctx is not None:
        hint = f"lower num_ctx (now {plan.num_ctx}) or {hint}"
    return OutOfMemory(
        f"model requires more system memory ({memory.readable(plan.needed_bytes)}) than is "
        f"available ({memory.readable(free)}): {hint}"
    )


def advised(error: LoadError, model: Model) -> LoadError:
    """The error, with advice where the file is not what this llama.cpp can load."""
    if not any(words in error.message for words in _INCOMPATIBLE):
        return error
    return LoadError(
        f"{error.message}: this model may be incompatible with your version of ollama-server. If "
        "you previously pulled this model, try updating it by running "
        f"`ollama pull {model.name.short}`"
    )
