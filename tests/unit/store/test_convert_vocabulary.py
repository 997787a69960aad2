"""Converted vocabularies split text as the tokenizers they come from."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from ollama_server.errors import StoreError
from ollama_server.store.convert.pretokenizers import pre_tokenizer_name
from ollama_server.store.convert.sentencepiece import parse_piece_model
from ollama_server.store.gguf import read_gguf
from tests.unit.store.checkpoints import (
    byte_level_tokenizer,
    convert,
    file_set,
    goldens,
    tokenize,
    write_checkpoint,
)
from tests.unit.store.conftest import SMALL_LLAMA, llama_shapes

CORPUS = [
    "The quick brown fox jumps over the lazy dog, again and again.",
    "Rayleigh scattering makes the sky blue: 1871, 42 and 3.14159!",
    "Straße, café, naïve; 東京タワー and Кириллица.",
    "def main(argv):\n    return sum(int(x) for x in argv)\n",
    "it's they're we've I'll   multiple   spaces\ttabs",
] * 4
TEXTS = [*CORPUS[:5], "", " leading", "trailing ", "unseen ☃ snowman 🎉", "<s>not special</s>"]


def checkpoint(
    folder: Path, tokenizer: dict[str, Any], size: int, **others: Any
) -> dict[str, Path]:
    shapes = llama_shapes(width=32, layers=1, vocabulary=size)
    config = SMALL_LLAMA | {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    config |= {"vocab_size": size, "bos_token_id": None, "eos_token_id": None}
    weights = goldens.checkpoint_weights(shapes)
    return write_checkpoint(folder, config, weights, tokenizer, **others)


def trained(kind: str) -> Any:
    """A small tokenizer trained on the corpus: byte-level BPE, SentencePiece-like BPE, WordPiece
    or unigram."""
    tokenizers = pytest.importorskip("tokenizers")
    models, pre, dec = tokenizers.models, tokenizers.pre_tokenizers, tokenizers.decoders
    norm, train = tokenizers.normalizers, tokenizers.trainers
    if kind == "byte-level":
        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = dec.ByteLevel()
        trainer = train.BpeTrainer(
            vocab_size=500,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre.ByteLevel.alphabet(),
        )
    elif kind == "qwen":
        tokenizer = tokenizers.Tokenizer(models.BPE())
        split = (
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+"
        )
        tokenizer.pre_tokenizer = pre.Sequence(
            [
                pre.Split(tokenizers.Regex(split), "isolated"),
                pre.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = dec.ByteLevel()
        trainer = train.BpeTrainer(
            vocab_size=500,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre.ByteLevel.alphabet(),
        )
    elif kind == "sentencepiece":
        tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
        tokenizer.normalizer = norm.Sequence([norm.Prepend("▁"), norm.Replace(" ", "▁")])
        tokenizer.decoder = dec.Sequence([dec.Replace("▁", " "), dec.ByteFallback(), dec.Fuse()])
        specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
        trainer = train.BpeTrainer(vocab_size=700, special_tokens=specials)
    elif kind == "wordpiece":
        tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = norm.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre.BertPreTokenizer()
        tokenizer.decoder = dec.WordPiece()
        specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        trainer = train.WordPieceTrainer(vocab_size=300, special_tokens=specials)
    else:
        tokenizer = tokenizers.Tokenizer(models.Unigram())
        metaspace = pre.Metaspace(replacement="▁", prepend_scheme="always")
        merging = pre.Sequence([pre.WhitespaceSplit(), metaspace])
        tokenizer.pre_tokenizer = merging if kind == "unigram of words" else metaspace
        tokenizer.decoder = dec.Metaspace(replacement="▁", prepend_scheme="always")
        trainer = train.UnigramTrainer(
            vocab_size=300,
            special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
            unk_token="<unk>",
        )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def as_json(tokenizer: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    # Trainers mark byte tokens as special; real models have them among the ordinary ones.
    document["added_tokens"] = [
        token for token in document["added_tokens"] if not token["content"].startswith("<0x")
    ]
    return document


@pytest.mark.parametrize("kind", ["byte-level", "qwen", "sentencepiece"])
@pytest.mark.parametrize("text", TEXTS)
def test_llama_cpp_splits_text_as_the_original_does(
    kind: str, text: str, converted: dict[str, tuple[Any, Path]]
) -> None:
    tokenizer, path = converted[kind]
    expected = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenize(path, text, special=False) == expected


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    found = {}
    for kind in ("byte-level", "qwen", "sentencepiece"):
        folder = tmp_path_factory.mktemp(kind)
        tokenizer = trained(kind)
        document = as_json(tokenizer)
        # Compare with what the file says, not with the training object.
        reread = pytest.importorskip("tokenizers").Tokenizer.from_str(json.dumps(document))
        files = checkpoint(folder / "source", document, tokenizer.get_vocab_size())
        found[kind] = (reread, convert(files, folder / "model.gguf"))
    return found


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    cases = json.loads(goldens.GOLDENS.read_text())
    found = {}
    for kind, case in (
        ("wordpiece", "bert"),
        ("unigram", "xlm-roberta"),
        ("unigram of words", "xlm-roberta"),
    ):
        folder = tmp_path_factory.mktemp(kind)
        tokenizer = trained(kind)
        size = tokenizer.get_vocab_size()
        config = cases[case]["config"] | {"vocab_size": size}
        shapes = cases[case]["shapes"] | {
            "embeddings.word_embeddings.weight": [size, config["hidden_size"]]
        }
        special = (
            {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
            if kind == "wordpiece"
            else {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "unk": "<unk>"}
        )
        settings = {f"{name}_token": text for name, text in special.items()}
        files = write_checkpoint(
            folder / "source",
            config,
            goldens.checkpoint_weights(shapes),
            json.loads(tokenizer.to_str()),
            tokenizer_config=settings,
        )
        found[kind] = (tokenizer, convert(files, folder / "model.gguf"))
    return found


@pytest.mark.parametrize("kind", ["wordpiece", "unigram", "unigram of words"])
@pytest.mark.parametrize("text", TEXTS[:5])
def test_encoders_split_text_as_the_original_does(
    kind: str, text: str, encoders: dict[str, tuple[Any, Path]]
) -> None:
    tokenizer, path = encoders[kind]
    if kind == "unigram of words":
        # Real models of this kind turn other blanks into spaces by their character map.
        text = text.translate({ord("\n"): " ", ord("\t"): " "})
    expected = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenize(path, text, special=False) == expected


def test_an_encoder_frames_a_text_with_cls_and_sep(encoders: dict[str, tuple[Any, Path]]) -> None:
    tokenizer, path = encoders["wordpiece"]
    first, *_, last = tokenize(path, "the fox")
    assert (first, last) == (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]"))


def keys_of(tmp_path: Path, tokenizer: dict[str, Any] | None = None, **others: Any) -> Any:
    document = tokenizer or byte_level_tokenizer()
    files = checkpoint(tmp_path / "source", document, 260, **others)
    return read_gguf(convert(files, tmp_path / "model.gguf"), tokenizer=True).metadata


def test_special_tokens_come_from_the_tokenizers_settings(tmp_path: Path) -> None:
    settings = {
        "bos_token": {"content": "<s>"},
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "add_bos_token": True,
        "add_eos_token": False,
    }
    found = keys_of(tmp_path, tokenizer_config=settings)
    assert found["tokenizer.ggml.bos_token_id"] == 256
    assert found["tokenizer.ggml.eos_token_id"] == 257
    assert found["tokenizer.ggml.padding_token_id"] == 258
    assert found["tokenizer.ggml.add_bos_token"] is True
    assert found["tokenizer.ggml.add_eos_token"] is False


def test_added_special_tokens_are_control_tokens(tmp_path: Path) -> None:
    found = keys_of(tmp_path)
    assert list(found["tokenizer.ggml.token_type"][-5:]) == [1, 3, 3, 3, 3]


def test_a_post_processor_says_whether_bos_is_added(tmp_path: Path) -> None:
    tokenizer = byte_level_tokenizer() | {
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
        }
    }
    settings = {"bos_token": "<s>", "eos_token": "</s>"}
    found = keys_of(tmp_path, tokenizer, tokenizer_config=settings)
    assert found["tokenizer.ggml.add_bos_token"] is True
    assert found["tokenizer.ggml.add_eos_token"] is False


def test_several_end_tokens_are_all_kept(tmp_path: Path) -> None:
    generation = {"eos_token_id": [257, 259]}
    found = keys_of(tmp_path, generation_config=generation, tokenizer_config={"eos_token": "</s>"})
    assert list(found["tokenizer.ggml.eos_token_ids"]) == [257, 259]
    assert found["tokenizer.ggml.eot_token_id"] == 259


@pytest.mark.parametrize(
    "stated",
    [
        "{{ text }}",
        [{"name": "tool", "template": "x"}, {"name": "default", "template": "{{ text }}"}],
    ],
)
def test_the_chat_template_is_carried_over(stated: Any, tmp_path: Path) -> None:
    found = keys_of(tmp_path, tokenizer_config={"chat_template": stated})
    assert found["tokenizer.chat_template"] == "{{ text }}"


def test_a_template_in_its_own_file_is_carried_over(tmp_path: Path) -> None:
    files = checkpoint(tmp_path / "source", byte_level_tokenizer(), 260)
    jinja = tmp_path / "source/chat_template.jinja"
    jinja.write_text("{{ own }}")
    path = convert(files | {jinja.name: jinja}, tmp_path / "model.gguf")
    assert read_gguf(path).chat_template == "{{ own }}"


def test_missing_tokens_are_filled_up_to_the_embedding(tmp_path: Path) -> None:
    files = checkpoint(tmp_path / "source", byte_level_tokenizer(), 264)
    found = read_gguf(convert(files, tmp_path / "model.gguf"), tokenizer=True)
    assert list(found.metadata["tokenizer.ggml.tokens"][260:]) == [
        "[PAD260]",
        "[PAD261]",
        "[PAD262]",
        "[PAD263]",
    ]
    assert list(found.metadata["tokenizer.ggml.token_type"][260:]) == [5] * 4


def test_a_model_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    files = checkpoint(tmp_path / "source", byte_level_tokenizer(), 260)
    del files["tokenizer.json"]
    with pytest.raises(StoreError, match="unknown tokenizer format"):
        convert(files, tmp_path / "model.gguf")


# --- tokenizer.model ------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def piece_model(pieces: list[tuple[str, float, int]], *, add_prefix: bool = True) -> bytes:
    """A ``tokenizer.model`` of these (text, score, type)."""
    found = b""
    for text, score, kind in pieces:
        body = field(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
        found += field(1, body + varint(3 << 3) + varint(kind))
    trainer = varint(3 << 3) + varint(2)
    normalizer = varint(3 << 3) + varint(add_prefix)
    return found + field(2, trainer) + field(3, normalizer)


PIECES = [
    ("<unk>", 0.0, 2),
    ("<s>", 0.0, 3),
    ("</s>", 0.0, 3),
    *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)),
    ("▁a", -1.0, 1),
    ("bc", -2.0, 1),
    ("▁", -3.0, 1),
    ("a", -4.0, 1),
    ("b", -5.0, 1),
    ("c", -6.0, 1),
]


def test_a_piece_model_is_read() -> None:
    model = parse_piece_model(piece_model(PIECES, add_prefix=False))
    assert model.pieces == PIECES
    assert (model.model_type, model.add_dummy_prefix) == (2, False)


@pytest.mark.parametrize("data", [b"", b"\xff" * 20, b"\x0a\x7f"])
def test_what_is_no_piece_model_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError, match="unknown tokenizer format"):
        parse_piece_model(data)


def test_a_piece_model_is_preferred_and_splits_by_its_scores(tmp_path: Path) -> None:
    files = checkpoint(tmp_path / "source", byte_level_tokenizer(), len(PIECES) + 1)
    del files["tokenizer.json"]
    for name, data in (
        ("tokenizer.model", piece_model(PIECES)),
        ("added_tokens.json", json.dumps({"<extra>": len(PIECES)}).encode()),
    ):
        path = tmp_path / "source" / name
        path.write_bytes(data)
        files[name] = path
    path = convert(files, tmp_path / "model.gguf")
    assert tokenize(path, "abc é", special=False) == [259, 260, 261, 198, 172]
    header = read_gguf(path, tokenizer=True)
    assert header.metadata["tokenizer.ggml.model"] == "llama"
    assert header.metadata["tokenizer.ggml.tokens"][-1] == "<extra>"
    assert header.metadata["tokenizer.ggml.token_type"][-1] == 4


# --- names of pre-tokenizers ----------------------------------------------------------------------

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = {"type": "ByteLevel", "use_regex": False}


def split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated"}


@pytest.mark.parametrize(
    ("steps", "model", "name"),
    [
        ([{"type": "ByteLevel", "use_regex": True}], {}, "gpt-2"),
        ([{"type": "ByteLevel"}], {}, "gpt-2"),
        ([{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel"}], {}, "refact"),
        ([split(LLAMA3), BYTES], {"ignore_merges": True}, "llama-bpe"),
        ([split(LLAMA3), BYTES], {}, "smaug-bpe"),
        ([split(LLAMA3.replace("{1,3}", "")), BYTES], {}, "qwen2"),
        ([split("something else"), BYTES], {}, "default"),
    ],
)
def test_pre_tokenizers_are_known_by_their_expressions(
    steps: list[dict[str, Any]], model: dict[str, Any], name: str
) -> None:
    tokenizer = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}, "model": model}
    assert pre_tokenizer_name(tokenizer) == name


def test_the_vocabulary_is_read_from_plain_words_too(tmp_path: Path) -> None:
    cases = json.loads(goldens.GOLDENS.read_text())["bert"]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "fox", "##es"]
    config = cases["config"] | {"vocab_size": len(words)}
    shapes = cases["shapes"] | {"embeddings.word_embeddings.weight": [len(words), 64]}
    folder = tmp_path / "source"
    write_checkpoint(folder, config, goldens.checkpoint_weights(shapes))
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    settings = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    path = convert(file_set(folder), tmp_path / "model.gguf")
    assert tokenize(path, "The foxes") == [2, 5, 6, 7, 3]
