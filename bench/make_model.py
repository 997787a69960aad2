"""Write the benchmark's model: the qwen3 shape with random weights, and a real vocabulary.

Speed does not depend on what the weights say, so random ones do. About 100 million parameters in
Q8_0, most of them in the 152 k rows of the embedding, which is also the output matrix. Two things
make the output of a random model measurable:

- Only rows of tokens like ``Ġword`` are random; the others are zero. The model therefore speaks
  words that tokenize to themselves again, as a trained model's text does in the next turn of a
  conversation, and it never ends early: the end-of-text token's logit is 0, far from the top.
- Nothing depends on the clock or the machine: the same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import gguf
import numpy as np

LAYERS = 8
WIDTH = 512
HEADS = 8
KV_HEADS = 4
HEAD_WIDTH = 64
FEED_FORWARD = 1536
CONTEXT = 32768
SEED = 20260101

WORD = re.compile(r"Ġ[a-z]{2,}")
TOKENIZER_KEYS = (
    "tokenizer.ggml.model",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.merges",
)
# The vocabulary file ends text with <|endoftext|>; its chat template ends turns with <|im_end|>.
END_OF_TEXT = "<|endoftext|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def words(vocabulary: Path) -> list[str]:
    """The words, without their leading space, that are one token each in ``vocabulary``."""
    return [token[1:] for token in _tokens(gguf.GGUFReader(vocabulary)) if WORD.fullmatch(token)]


def write_model(vocabulary: Path, path: Path) -> None:
    """Write the model to ``path``, whole or not at all, with the tokenizer of ``vocabulary``."""
    reader = gguf.GGUFReader(vocabulary)
    tokens = _tokens(reader)
    temporary = path.with_suffix(".partial")
    writer = gguf.GGUFWriter(temporary, "qwen3")
    _add_metadata(writer, reader, tokens)
    spoken = np.array([bool(WORD.fullmatch(token)) for token in tokens])
    _add_tensors(writer, spoken)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    temporary.replace(path)


def _tokens(reader: gguf.GGUFReader) -> list[str]:
    field = reader.get_field("tokenizer.ggml.tokens")
    if field is None:
        raise SystemExit("the vocabulary file has no tokens")
    return [str(token) for token in field.contents()]


def _add_metadata(writer: gguf.GGUFWriter, reader: gguf.GGUFReader, tokens: list[str]) -> None:
    writer.add_name("bench")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_WIDTH)
    writer.add_value_length(HEAD_WIDTH)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    values = {key: reader.get_field(key) for key in TOKENIZER_KEYS}
    missing = [key for key, field in values.items() if field is None]
    if missing:
        raise SystemExit(f"the vocabulary file lacks {', '.join(missing)}")
    writer.add_tokenizer_model(values["tokenizer.ggml.model"].contents())
    writer.add_tokenizer_pre(values["tokenizer.ggml.pre"].contents())
    writer.add_token_list(tokens)
    writer.add_token_types(values["tokenizer.ggml.token_type"].contents())
    writer.add_token_merges(values["tokenizer.ggml.merges"].contents())
    writer.add_eos_token_id(tokens.index(END_OF_TEXT))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _add_tensors(writer: gguf.GGUFWriter, spoken: np.ndarray) -> None:
    random = np.random.Generator(np.random.PCG64(SEED))

    def matrix(name: str, rows: int, columns: int, keep: np.ndarray | None = None) -> None:
        weights = random.standard_normal((rows, columns), dtype=np.float32) / np.sqrt(columns)
        if keep is not None:
            weights[~keep] = 0
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quantize(weights, kind), raw_dtype=kind)

    def norm(name: str, width: int) -> None:
        writer.add_tensor(name, np.ones(width, dtype=np.float32))

    matrix("token_embd.weight", len(spoken), WIDTH, spoken)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        norm(f"{block}.attn_norm.weight", WIDTH)
        matrix(f"{block}.attn_q.weight", HEADS * HEAD_WIDTH, WIDTH)
        matrix(f"{block}.attn_k.weight", KV_HEADS * HEAD_WIDTH, WIDTH)
        matrix(f"{block}.attn_v.weight", KV_HEADS * HEAD_WIDTH, WIDTH)
        norm(f"{block}.attn_q_norm.weight", HEAD_WIDTH)
        norm(f"{block}.attn_k_norm.weight", HEAD_WIDTH)
        matrix(f"{block}.attn_output.weight", WIDTH, HEADS * HEAD_WIDTH)
        norm(f"{block}.ffn_norm.weight", WIDTH)
        matrix(f"{block}.ffn_gate.weight", FEED_FORWARD, WIDTH)
        matrix(f"{block}.ffn_up.weight", FEED_FORWARD, WIDTH)
        matrix(f"{block}.ffn_down.weight", WIDTH, FEED_FORWARD)
    norm("output_norm.weight", WIDTH)


def main() -> None:
    """Write the model that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vocabulary", type=Path, help="GGUF whose tokenizer to take")
    parser.add_argument("path", type=Path, help="where to write the model")
    arguments = parser.parse_args()
    write_model(arguments.vocabulary, arguments.path)


if __name__ == "__main__":
    main()
