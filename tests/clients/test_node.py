"""JavaScript libraries against a real server: each script in node/ is one library's test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "node"
FOLDER = Path(__file__).parents[2] / ".build" / "node"

pytestmark = pytest.mark.node


@pytest.fixture(scope="session")
def packages() -> Path:
    """A folder with the scripts and the packages they import; npm installs them once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = (SCRIPTS / "package.json").read_bytes()
    stamp = FOLDER / "installed.json"
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, FOLDER)
    if not stamp.exists() or stamp.read_bytes() != wanted:
        (FOLDER / "package.json").write_bytes(wanted)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install the packages: {done.stderr.strip()[-300:]}")
        stamp.write_bytes(wanted)
    return FOLDER


@pytest.mark.parametrize("library", ["ollama", "openai", "anthropic", "vercel"])
def test_library(library: str, packages: Path, url: str, model: str, embedder: str) -> None:
    command = ["node", f"{library}.mjs", url, model, embedder]
    done = subprocess.run(
        command, cwd=packages, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
