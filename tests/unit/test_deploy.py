"""The Dockerfile and the systemd unit, as far as they can be checked without running them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deploy.dockerfile import Builder, ignored, parse

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORE = (ROOT / ".dockerignore").read_text().split()


def instructions(keyword: str) -> list[str]:
    return [found.text for found in parse(DOCKERFILE) if found.keyword == keyword]


def test_continued_lines_are_joined_and_comments_dropped() -> None:
    text = "# syntax\nRUN a \\\n# why\n    && b\nCMD []\n"
    assert [(i.keyword, i.text.split()) for i in parse(text)] == [
        ("RUN", ["a", "&&", "b"]),
        ("CMD", ["[]"]),
    ]


def test_the_last_pattern_of_dockerignore_decides() -> None:
    patterns = ["*", "!kept", "kept/secret", "**/__pycache__"]
    paths = ["other", "kept", "kept/file", "kept/secret/file", "kept/a/__pycache__/x.pyc"]
    assert [ignored(path, patterns) for path in paths] == [True, False, False, True, True]


def test_every_instruction_is_known_to_the_script_that_runs_them() -> None:
    known = {name.removeprefix("do_").upper() for name in dir(Builder) if name.startswith("do_")}
    assert {found.keyword for found in parse(DOCKERFILE)} <= known


def test_what_is_copied_is_there_and_not_ignored() -> None:
    sources = [
        word
        for text in instructions("COPY")
        if not text.startswith("--from=")
        for word in text.split()[:-1]
    ]
    assert sources
    assert [s for s in sources if not (ROOT / s).exists() or ignored(s, IGNORE)] == []


def test_the_image_asks_for_the_llama_cpp_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [text for text in project["dependencies"] if text.startswith("llama-cpp-python")]
    assert re.findall(r"llama-cpp-python[^\s\"]+", " ".join(instructions("RUN"))) == wanted


def test_the_image_serves_on_all_addresses_as_ollamas_does() -> None:
    assert "OLLAMA_HOST=0.0.0.0" in " ".join(instructions("ENV")).split()
    assert instructions("EXPOSE") == ["11434"]
    assert json.loads(instructions("ENTRYPOINT")[0])[0].endswith("/ollama")
    assert json.loads(instructions("CMD")[0]) == ["serve"]


def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    program = shutil.which("hadolint", path=Path(sys.executable).parent) or shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed: `make lint` brings it")
    result = subprocess.run(
        [program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = (ROOT / "deploy" / "ollama-server.service").read_text()
    # The program has to be there.
    unit = unit.replace("/opt/ollama-server/bin/ollama-server", sys.executable)
    (tmp_path / "ollama-server.service").write_text(unit)
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "ollama-server.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
