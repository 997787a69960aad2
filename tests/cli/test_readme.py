"""The READMEs' command blocks run as they are written, against a server on another port."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.readme import Block, blocks
from tests.process import ServerProcess

PAGES = ("README.md", "README.zh.md")
# What a block may need that a test does not have; packages are looked for instead.
ELSEWHERE = {
    "root": "deploy/chroot_newcomer.py does this in a fresh Debian",
    "clone": "deploy/chroot_newcomer.py does this in a fresh Debian",
    "install": "deploy/chroot_newcomer.py does this in a fresh Debian",
    "network": "needs the network",
    "gpu": "needs a GPU",
    "docker": "deploy/chroot_image.py does the same without Docker",
}


@pytest.mark.parametrize(
    "block", [block for page in PAGES for block in blocks(page)], ids=lambda block: block.name
)
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


def test_the_readmes_have_the_same_blocks() -> None:
    english, chinese = ([(b.language, b.needs) for b in blocks(page)] for page in PAGES)
    assert english == chinese
