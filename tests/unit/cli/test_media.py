from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ollama_server.cli.errors import CliError
from ollama_server.cli.media import extract

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def test_an_image_is_taken_out_of_the_prompt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    text, images = extract(f"What is in {path} ?")
    assert text == "What is in  ?"
    assert [base64.b64decode(image) for image in images] == [PNG]
    assert capsys.readouterr().err == f"Added image '{path}'\n"


def test_a_path_is_told_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my cat.png").write_bytes(PNG)
    extract("What is in ./my\\ cat.png")
    assert capsys.readouterr().err == "Added image './my cat.png'\n"


def test_paths_may_be_quoted_or_have_escaped_blanks(tmp_path: Path) -> None:
    path = tmp_path / "my cat.JPG"
    path.write_bytes(b"\xff\xd8\xff" + bytes(8))
    escaped = str(path).replace(" ", "\\ ")
    assert extract(f"look {escaped}")[0] == "look"
    assert extract(f"look '{path}'")[0] == "look"


def test_a_sound_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE")
    assert len(extract(str(path))[1]) == 1
    assert "Added audio" in capsys.readouterr().err


def test_a_missing_file_stays_in_the_text() -> None:
    assert extract("see /nowhere/cat.png") == ("see /nowhere/cat.png", [])


def test_words_too_long_for_a_path_stay_in_the_text() -> None:
    text = f"and/or {'many words ' * 40}image.png"
    assert extract(text) == (text, [])


def test_a_name_without_a_folder_is_only_text() -> None:
    assert extract("see cat.png") == ("see cat.png", [])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"not an image", "text/plain; charset=utf-8"),
        (b"GIF89a\0\0", "image/gif"),
        (b"\0\1\2", "application/octet-stream"),
    ],
)
def test_a_file_of_another_type_is_refused(tmp_path: Path, data: bytes, kind: str) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(data)
    with pytest.raises(CliError) as caught:
        extract(str(path))
    assert str(caught.value) == f"invalid file type: {kind}"
