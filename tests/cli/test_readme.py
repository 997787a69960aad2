"""The READMEs' command blocks run as they are written, against a server on another port."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.process import ServerProcess

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?:<!-- needs: (\w+) -->\n)?```(sh|python)\n(.*?)```", re.S)
# What a block may need that a test does not have; packages are looked for instead.
ELSEWHERE = {
    "clone": "deploy/chroot-test.sh does this in a fresh Debian",
    "network": "needs the network",
    "gpu": "needs a GPU",
    "docker": "needs Docker",
}


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, what it needs."""

    name: str
    language: str
    needs: str
    text: str


def blocks() -> list[Block]:
    found = []
    for path in ("README.md", "README.zh.md"):
        for match in BLOCK.finditer((ROOT / path).read_text()):
            needs, language, text = match.groups()
            first = text.strip().splitlines()[0][:40]
            found.append(Block(f"{path}: {first}", language, needs or "", text))
    return found


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.name)
def test_a_block_runs_as_written(block: Block, server: ServerProcess, tmp_path: Path) -> None:
    if block.needs in ELSEWHERE:
        pytest.skip(ELSEWHERE[block.needs])
    if block.needs and importlib.util.find_spec(block.needs) is None:
        pytest.skip(f"needs the package {block.needs}")
    text = block.text.replace("127.0.0.1:11434", f"127.0.0.1:{server.port}")
    folder = Path(sys.executable).parent
    program = [sys.executable, "-c", text]
    if block.language == "sh":
        program = ["bash", "-euo", "pipefail", "-c", text]
    result = subprocess.run(
        program,
        cwd=tmp_path,
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PATH": f"{folder}:{os.environ['PATH']}",
            "OLLAMA_HOST": f"127.0.0.1:{server.port}",
            "OLLAMA_MODELS": str(server.home / "models"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


def test_the_chinese_readme_shows_no_other_commands_than_the_english_one() -> None:
    def commands(path: str) -> set[str]:
        chosen = (b for b in blocks() if b.name.startswith(f"{path}:") and b.language == "sh")
        lines = (line.strip() for block in chosen for line in block.text.splitlines())
        return {line.split()[0] for line in lines if line and not line.startswith(("#", '"', "}"))}

    assert commands("README.zh.md") <= commands("README.md")
