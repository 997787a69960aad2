"""Messages between the server and a runner process.

Each frame on the pipe is a little-endian uint32 length and that many bytes of msgpack. ``ToRunner``
and ``FromRunner`` are the two unions; ``encode``/``decode_*`` turn values into frames' bodies.
Durations are nanoseconds; token ids are llama.cpp's int32 ids of the loaded vocabulary.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

HEADER = struct.Struct("<I")


class Message(msgspec.Struct, tag_field="t", omit_defaults=True):
    """Base of all messages; the tag is the class name."""


# --- parts of messages ----------------------------------------------------------------------------


class Text(Message, tag="text"):
    """Prompt text; ``special`` parses control tokens such as ``<|im_start|>`` out of it."""

    text: str
    special: bool = True


class Tokens(Message, tag="tokens"):
    """Prompt tokens, used as they are."""

    ids: list[int]


class Media(Message, tag="media"):
    """An image or a sound in the prompt: the encoded file's bytes."""

    data: bytes
    kind: Literal["image", "audio"] = "image"


PromptPart = Text | Tokens | Media


class Sampling(msgspec.Struct, omit_defaults=True):
    """Sampler settings, already resolved: nothing here means "the engine's default"."""

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.9
    min_p: float = 0.0
    typical_p: float = 1.0
    repeat_last_n: int = 64
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int = -1
    logit_bias: dict[int, float] = {}


class Grammar(msgspec.Struct, omit_defaults=True):
    """What the output must match, for llguidance.

    ``kind`` names the language of ``source``: "json_schema" (JSON text of a schema), "json_object"
    (any JSON object, no source), "regex", "lark". With ``after`` the grammar sleeps until the
    generated text contains that marker (the end of thinking), and it starts right behind it. With
    ``unless_thinking`` it starts at the first generated token when the output does not open with
    that marker. ``trigger`` makes it lazy: it sleeps until this text appears, which the grammar
    itself must begin with; with ``after``, too, only behind that.

    An end of the answer before ``after`` becomes that marker, for the answer is still to come. It
    ends a lazy one, and one with a text in it of ``left_by``: thinking that was left without it.
    """

    kind: Literal["json_schema", "json_object", "regex", "lark"]
    source: str = ""
    after: str = ""
    unless_thinking: str = ""
    trigger: str = ""
    left_by: tuple[str, ...] = ()


class Adapter(msgspec.Struct, omit_defaults=True):
    """A LoRA file and the scale it is applied with."""

    path: str
    scale: float = 1.0


class TokenLogprob(msgspec.Struct, omit_defaults=True):
    """One candidate: its text as bytes (a token may be part of a character), natural logarithm."""

    id: int
    token: bytes
    logprob: float


class Logprob(msgspec.Struct, omit_defaults=True):
    """The chosen token and, where asked for, the likeliest ones at its position."""

    id: int
    token: bytes
    logprob: float
    top: list[TokenLogprob] = []


class Delta(msgspec.Struct, omit_defaults=True):
    """What one step added to one generation: whole characters only, never part of a stop string."""

    id: int
    text: str = ""
    tokens: int = 0
    logprobs: list[Logprob] = []


class ModelInfo(msgspec.Struct, omit_defaults=True):
    """Facts about a loaded model that the server needs."""

    num_ctx: int
    parallel: int
    num_ctx_train: int
    n_vocab: int
    n_embd: int
    pooling: Literal["none", "mean", "cls", "last", "rank", ""]
    bos: int
    eos: int
    bos_piece: str
    eos_piece: str
    add_bos: bool
    add_eos: bool
    fim_prefix: int
    fim_suffix: int
    fim_middle: int
    can_shift: bool
    size: int
    size_vram: int
    num_gpu: int
    num_batch: int
    vision: bool = False
    audio: bool = False
    system_info: str = ""
    normalize_embeddings: bool = True


# --- server to runner -----------------------------------------------------------------------------


class Load(Message, tag="load"):
    """Load a model; the first message, exactly once.

    ``num_gpu`` layers are offloaded, negative for all of them; ``layers`` is how many there are
    with the output layer, 0 for unknown, and decides what is tried when they do not fit.
    ``end_tokens`` end a generation as those do that llama.cpp finds: it reads no lists of them.
    ``overrides`` are keys that the model is to have whatever its file says. The model ``draft``
    guesses up to ``draft_tokens`` tokens ahead.
    """

    model: str
    projectors: list[str] = []
    adapters: list[Adapter] = []
    num_ctx: int = 4096
    parallel: int = 1
    num_batch: int = 512
    num_gpu: int = -1
    layers: int = 0
    main_gpu: int | None = None
    use_mmap: bool | None = None
    num_thread: int = 0
    kv_cache_type: str = "f16"
    flash_attention: bool | None = None
    kv_unified: bool = False
    embedding: bool = False
    end_tokens: list[int] = []
    overrides: dict[str, bool | int | float | str] = {}
    draft: str = ""
    draft_overrides: dict[str, bool | int | float | str] = {}
    draft_tokens: int = 0


class Generate(Message, tag="generate"):
    """Start a generation; answered by Steps with this id, then one Finished or Failed."""

    id: int
    prompt: list[PromptPart]
    sampling: Sampling = msgspec.field(default_factory=Sampling)
    add_special: bool = True
    max_tokens: int = -1
    stop: list[str] = []
    num_keep: int = 4
    shift: bool = True
    truncate: bool = True
    logprobs: bool = False
    top_logprobs: int = 0
    grammar: Grammar | None = None
    return_context: bool = False


class Cancel(Message, tag="cancel"):
    """Stop a generation or an embedding; nothing more is sent for this id."""

    id: int


class Embed(Message, tag="embed"):
    """Embed many inputs in one batch; answered by one Embedded or Failed.

    Inputs longer than the limit are cut when ``truncate`` is set and refused otherwise.
    """

    id: int
    inputs: list[str]
    truncate: bool = True
    token_inputs: list[list[int]] = []


class Rerank(Message, tag="rerank"):
    """Score documents against a query, with a reranker; answered by Embedded of width 1."""

    id: int
    query: str
    documents: list[str]


class Tokenize(Message, tag="tokenize"):
    """Answered by Tokenized, at once, whatever the engine is doing."""

    id: int
    texts: list[str]
    add_special: bool = False
    special: bool = True


class Detokenize(Message, tag="detokenize"):
    """Answered by Detokenized, at once, whatever the engine is doing."""

    id: int
    tokens: list[int]


class GetStats(Message, tag="get_stats"):
    """Answered by Stats."""

    id: int


class Shutdown(Message, tag="shutdown"):
    """End the process after the current step."""


ToRunner = Load | Generate | Cancel | Embed | Rerank | Tokenize | Detokenize | GetStats | Shutdown


# --- runner to server -----------------------------------------------------------------------------


class Progress(Message, tag="progress"):
    """Loading, between 0 and 1."""

    fraction: float


class Ready(Message, tag="ready"):
    """The model is loaded."""

    info: ModelInfo


class LoadFailed(Message, tag="load_failed"):
    """The model is not loaded; the process ends after this."""

    error: str
    kind: Literal["memory", "model", "other"] = "other"


class Step(Message, tag="step"):
    """All the news of one engine step, one frame for all sequences."""

    deltas: list[Delta]


class Finished(Message, tag="finished"):
    """A generation's end. ``prompt_tokens`` counts cached ones too; ``context`` only where asked.

    Durations: ``prompt_ns`` from the first prefill step to the first token, ``eval_ns`` from there.
    """

    id: int
    reason: Literal["stop", "length"]
    prompt_tokens: int
    cached_tokens: int
    prompt_ns: int
    eval_tokens: int
    eval_ns: int
    dropped_tokens: int = 0
    context: list[int] = []
    stop: str = ""


class Failed(Message, tag="failed"):
    """A request's end with an error; ``status`` is the HTTP status it deserves."""

    id: int
    error: str
    status: int = 500


class Embedded(Message, tag="embedded"):
    """Vectors as float32 bytes, ``len(counts)`` rows of ``width``; ``counts`` are prompt tokens."""

    id: int
    width: int
    vectors: bytes
    counts: list[int]


class Tokenized(Message, tag="tokenized"):
    """Answer to Tokenize, one list per text."""

    id: int
    tokens: list[list[int]]


class Detokenized(Message, tag="detokenized"):
    """Answer to Detokenize."""

    id: int
    text: str


class Stats(Message, tag="stats"):
    """What the engine holds right now, and what it has done since it started."""

    id: int
    running: int
    waiting: int
    retained: int
    cells_used: int
    cells_total: int
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    steps: int
    guessed_tokens: int = 0
    accepted_tokens: int = 0


FromRunner = (
    Progress
    | Ready
    | LoadFailed
    | Step
    | Finished
    | Failed
    | Embedded
    | Tokenized
    | Detokenized
    | Stats
)

_encoder = msgspec.msgpack.Encoder()
_to_runner: msgspec.msgpack.Decoder[ToRunner] = msgspec.msgpack.Decoder(ToRunner)
_from_runner: msgspec.msgpack.Decoder[FromRunner] = msgspec.msgpack.Decoder(FromRunner)


def frame(message: ToRunner | FromRunner) -> bytes:
    """The bytes of one frame: length, then the message."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


def decode_to_runner(body: bytes) -> ToRunner:
    """A message for the runner from a frame's body."""
    return _to_runner.decode(body)


def decode_from_runner(body: bytes) -> FromRunner:
    """A message from the runner from a frame's body."""
    return _from_runner.decode(body)
