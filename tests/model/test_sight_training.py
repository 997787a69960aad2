"""The training code of the model that sees, with a network that is not trained."""

from __future__ import annotations

import ctypes
import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

import llama_cpp  # noqa: E402
import llama_cpp.mtmd_cpp as mtmd  # noqa: E402

from models.sight import batches, dialogues, published, train  # noqa: E402
from models.sight.config import DECODER, ENCODER, TOKENIZER_PATH  # noqa: E402
from models.sight.drawings import SHAPES, Group, Scene, draw, make_scene  # noqa: E402
from models.sight.export import export  # noqa: E402
from models.sight.network import IMAGE_ID, Sight  # noqa: E402
from models.sight.preprocess import fit  # noqa: E402
from models.tiny.tokenizer import load  # noqa: E402

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def network() -> Sight:
    """Random weights, also where training starts from zeros."""
    torch.manual_seed(1)
    network = Sight()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return network


@contextmanager
def loaded(model: Path, projector: Path) -> Iterator[object]:
    """mtmd's context of two files."""
    parameters = llama_cpp.llama_model_default_params()
    text = llama_cpp.llama_model_load_from_file(str(model).encode(), parameters)
    options = mtmd.mtmd_context_params_default()
    options.use_gpu = options.warmup = options.print_timings = False
    options.n_threads = 1
    context = mtmd.mtmd_init_from_file(str(projector).encode(), text, options)
    try:
        yield context
    finally:
        mtmd.mtmd_free(context)
        llama_cpp.llama_model_free(text)


def embeddings(context: object, data: bytes) -> np.ndarray:
    """What llama.cpp makes of an image file: (tokens, width)."""
    buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
    bitmap = mtmd.mtmd_helper_bitmap_init_from_buf(context, buffer, len(data), False)
    part = mtmd.mtmd_input_part()
    part.bitmap = bitmap
    parts = (ctypes.POINTER(mtmd.mtmd_input_part) * 1)(ctypes.pointer(part))
    chunks = mtmd.mtmd_input_chunks_init()
    assert mtmd.mtmd_tokenize_from_parts(context, chunks, parts, 1, False) == 0
    assert mtmd.mtmd_input_chunks_size(chunks) == 1
    chunk = mtmd.mtmd_input_chunks_get(chunks, 0)
    assert mtmd.mtmd_encode_chunk(context, chunk) == 0
    shape = (int(mtmd.mtmd_input_chunk_get_n_tokens(chunk)), DECODER.width)
    found = np.ctypeslib.as_array(mtmd.mtmd_get_output_embd(context), shape=shape).copy()
    mtmd.mtmd_input_chunks_free(chunks)
    mtmd.mtmd_bitmap_free(bitmap)
    return found


def test_llama_cpp_sees_what_the_network_sees(network: Sight, tmp_path: Path) -> None:
    model, projector = tmp_path / "model.gguf", tmp_path / "projector.gguf"
    export(network.state_dict(), model, projector)
    with loaded(model, projector) as context:
        for seed in range(4):
            rng = random.Random(seed)
            image = draw(rng, make_scene(rng), smallest=48, largest=500).image
            file = io.BytesIO()
            image.save(file, "PNG")
            with torch.no_grad():
                pixels = torch.from_numpy(fit(image))[None]
                wanted = network.projector(network.encoder(pixels, torch.float32))[0].numpy()
            found = embeddings(context, file.getvalue())
            np.testing.assert_allclose(found, wanted, atol=0.01)


def test_published_files_give_back_the_network(network: Sight, tmp_path: Path) -> None:
    model, projector = tmp_path / "model.gguf", tmp_path / "projector.gguf"
    export(network.state_dict(), model, projector)
    again = Sight()
    published.restore(again, model, projector)
    for name, parameter in again.named_parameters():
        if name.startswith("teacher."):
            continue
        wanted = network.get_parameter(name)
        # Q8_0 keeps a number to a 254th of the largest of its block.
        limit = max(wanted.abs().max().item() / 200, 1e-3)
        torch.testing.assert_close(parameter, wanted, atol=limit, rtol=0.01, msg=name)


def test_training_goes_on_from_the_published_files(tmp_path: Path) -> None:
    out = tmp_path / "out.pt"
    options = ["--out", str(out), "--published", "--meets", "64", "--looks", "0", "--talks", "0"]
    train.run(train.parser().parse_args(options))
    state, wanted = torch.load(out), Sight()
    published.restore(wanted)
    for name, parameter in wanted.named_parameters():
        if not name.startswith("teacher."):
            assert torch.equal(state[name], parameter), name


def test_the_teacher_asks_where_the_shapes_are() -> None:
    pictures = batches.pictures(random.Random(3), 8)
    for row, scene in enumerate(pictures.scenes):
        found = pictures.shape[row] != batches.NOTHING
        assert int(found.sum()) == scene.total
        kinds = {SHAPES[int(kind)] for kind in pictures.shape[row][found]}
        assert kinds == {group.shape for group in scene.groups}


def test_mirrored_drawings_have_mirrored_targets() -> None:
    pictures = batches.pictures(random.Random(3), 8)
    left, right = pictures.pixels.chunk(2)
    assert torch.equal(left.flip(2), right)
    left, right = pictures.shape.view(8, ENCODER.side, ENCODER.side).chunk(2)
    assert torch.equal(left.flip(2), right)


def test_every_image_of_a_conversation_has_its_tokens() -> None:
    rng = random.Random(1)
    scenes = [make_scene(rng) for _ in range(8)]
    images = []
    for _ in range(20):
        talks = dialogues.dialogues(scenes, rng, without=2)
        assert int((talks.batch.ids == IMAGE_ID).sum()) == len(talks.order) * ENCODER.tokens
        images.append(len(talks.order))
    # In some batches a second drawing follows the first.
    assert min(images) == len(scenes) < max(images)


def test_only_answers_are_trained() -> None:
    scene = Scene("white", (Group("circle", "red", 2),))
    talks = dialogues.dialogues([scene], random.Random(4), without=0)
    text = load(TOKENIZER_PATH).decode(talks.batch.targets.tolist(), skip_special_tokens=False)
    assert text.endswith("<|im_end|>")
    assert "?" not in text
    assert "<|im_start|>" not in text


def test_training_leaves_a_checkpoint_of_the_whole_network(tmp_path: Path) -> None:
    options = ["--out", str(tmp_path / "out.pt"), "--looks", "64", "--talks", "64"]
    train.run(train.parser().parse_args(options))
    state = torch.load(tmp_path / "out.pt")
    assert set(state) == set(Sight().state_dict())
