"""Which files of a hub repository a tag means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ollama_server.errors import TransferError
from ollama_server.store.names import DEFAULT_TAG

# What is taken when no quantization is asked for: the usual balance, then its neighbours, larger
# ones before smaller ones, and what no quantizer has touched at the end.
_PREFERENCE = """
Q4_K_M Q4_K_XL Q4_K_L Q4_K_S Q4_K Q4_1 Q4_0 IQ4_NL IQ4_XS MXFP4 MXFP4_MOE NVFP4 Q5_K_M
Q5_K_XL Q5_K_L Q5_K_S Q5_K Q5_1 Q5_0 Q6_K Q6_K_XL Q6_K_L Q8_0 Q8_K_XL Q3_K_L Q3_K_XL
Q3_K_M Q3_K_S Q3_K IQ3_M IQ3_S IQ3_XS IQ3_XXS Q2_K_XL Q2_K_L Q2_K Q2_K_S IQ2_M IQ2_S
IQ2_XS IQ2_XXS TQ2_0 TQ1_0 IQ1_M IQ1_S F16 BF16 F32
"""
_ORDER = tuple(_PREFERENCE.split())
_PROJECTOR_PREFERENCE = ("F16", "BF16", "Q8_0", "F32")
# What a repository that has only safetensors can be converted to.
CONVERSIONS = ("Q4_K_M", "Q4_K_S", "Q8_0", "F16", "BF16", "F32")

_QUANT = re.compile(
    r"(?<![A-Za-z0-9])((?:I?Q\d|TQ\d|MXFP\d|NVFP\d)(?:_[A-Za-z0-9]+)*|B?F16|F32|FP16|FP32)"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_SPELLINGS = {"FP16": "F16", "FP32": "F32"}


@dataclass(frozen=True, slots=True)
class RepoFile:
    """A file of a repository; ``sha256`` is empty for small files that git itself keeps."""

    path: str
    size: int
    sha256: str = ""

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class Choice:
    """The files a pull fetches. ``quantize`` is set when they are safetensors to be converted."""

    weights: tuple[RepoFile, ...]
    projector: RepoFile | None = None
    companions: tuple[RepoFile, ...] = ()
    quantize: str = ""

    @property
    def files(self) -> tuple[RepoFile, ...]:
        """Everything that becomes part of the model."""
        projectors = (self.projector,) if self.projector else ()
        return (*self.weights, *projectors, *self.companions)

    @property
    def is_derived(self) -> bool:
        """Whether the weights are made here out of several files, instead of stored as they are."""
        return len(self.weights) > 1 or bool(self.quantize)


def quantization(path: str) -> str:
    """The quantization that a file's name states, in capitals, or "". The last one counts."""
    stem = re.sub(r"\.gguf$", "", path, flags=re.IGNORECASE)
    found = _QUANT.findall(_unsharded(stem + ".gguf").removesuffix(".gguf"))
    return _SPELLINGS.get(found[-1].upper(), found[-1].upper()) if found else ""


def choose(files: Iterable[RepoFile], tag: str) -> Choice:
    """The files that ``tag`` means, ignoring case. Raises TransferError, naming what there is."""
    files = list(files)
    ggufs = [file for file in files if file.path.lower().endswith(".gguf")]
    models = _models(ggufs)
    if not models:
        return _conversion(files, tag)
    wanted = tag.lower()
    model = _by_name(models, wanted)
    if model is None and wanted == DEFAULT_TAG:
        model = min(models, key=lambda name: (_rank(name), name))
    if model is None:
        raise TransferError(
            "400: The specified tag is not a valid quantization scheme. "
            f'Please use another tag or "latest". Available: {_available(models)}'
        )
    weights = models[model]
    _check_complete(model, weights)
    return Choice(weights=weights, projector=_projector(ggufs, model))


def _models(ggufs: Sequence[RepoFile]) -> dict[str, tuple[RepoFile, ...]]:
    """The models of a repository by file name, a split one under its name without the numbers."""
    found: dict[str, list[RepoFile]] = {}
    for file in sorted(ggufs, key=lambda file: file.path):
        lowered = file.name.lower()
        if "mmproj" not in lowered and not lowered.startswith(("imatrix", "ggml-vocab")):
            found.setdefault(_unsharded(file.path), []).append(file)
    return {name: tuple(parts) for name, parts in found.items()}


def _by_name(models: Iterable[str], wanted: str) -> str | None:
    """A whole file name first, then a quantization, then an unsloth-style ``UD-`` one."""
    names = sorted(models)
    bare = wanted.removesuffix(".gguf")
    for name in names:
        stem = name.lower().removesuffix(".gguf")
        if bare in (stem, PurePosixPath(stem).name):
            return name
    matching = [name for name in names if quantization(name).lower() == bare.removeprefix("ud-")]
    if not matching:
        return None
    dynamic = bare.startswith("ud-")
    return min(matching, key=lambda name: (("ud-" in name.lower()) != dynamic, len(name), name))


def _rank(name: str) -> int:
    quant = quantization(name)
    return _ORDER.index(quant) if quant in _ORDER else len(_ORDER)


def _available(models: Iterable[str]) -> str:
    tags = {quantization(name) or PurePosixPath(name).name for name in models}
    return ", ".join(sorted(tags))


def _check_complete(model: str, weights: Sequence[RepoFile]) -> None:
    match = _SHARD.fullmatch(weights[0].path)
    if match and len(weights) != int(match[3]):
        raise TransferError(
            f"400: the repository has {len(weights)} of the {int(match[3])} files of {model}"
        )


def _projector(ggufs: Sequence[RepoFile], model: str) -> RepoFile | None:
    projectors = [file for file in ggufs if "mmproj" in file.name.lower()]
    folder = PurePosixPath(model).parent

    def rank(file: RepoFile) -> tuple[bool, int, str]:
        quant = quantization(file.path)
        place = _PROJECTOR_PREFERENCE.index(quant) if quant in _PROJECTOR_PREFERENCE else 9
        return PurePosixPath(file.path).parent != folder, place, file.path

    return min(projectors, key=rank) if projectors else None


def _conversion(files: Sequence[RepoFile], tag: str) -> Choice:
    """The safetensors weights and settings, where the tag asks for a type to convert to."""
    weights = _safetensors(files)
    refusal = "400: Repository is not GGUF or is not compatible with llama.cpp"
    if not weights:
        raise TransferError(refusal)
    quantize = tag.upper()
    if quantize not in CONVERSIONS:
        raise TransferError(
            f"{refusal}. It has safetensors weights, which are converted when the tag says to "
            f"what: {', '.join(CONVERSIONS)}"
        )
    companions = tuple(file for file in files if _is_companion(file))
    return Choice(weights=weights, companions=companions, quantize=quantize)


def _safetensors(files: Sequence[RepoFile]) -> tuple[RepoFile, ...]:
    found = [file for file in files if "/" not in file.path and file.path.endswith(".safetensors")]
    # "consolidated" files hold the same weights once more, under their authors' own names.
    for prefix in ("model", "consolidated"):
        preferred = tuple(file for file in found if file.path.startswith(prefix))
        if preferred:
            return preferred
    return ()


def _is_companion(file: RepoFile) -> bool:
    """Settings and vocabularies that converting reads; weights in folders are none of them."""
    names = ("merges.txt", "vocab.txt", "tokenizer.model", "chat_template.jinja")
    path = PurePosixPath(file.path)
    if path.name.endswith(".index.json"):
        return False
    return path.name in names or path.suffix == ".json"


def _unsharded(path: str) -> str:
    match = _SHARD.fullmatch(path)
    return f"{match[1]}.gguf" if match else path
