"""The embedded model travels with everything that installs the program."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ollama_server.store import embedded

ROOT = Path(__file__).parents[2]
PACKAGED = embedded.__file__.removesuffix("store/embedded.py") + "data/tiny"


def carried() -> dict[str, str]:
    """Returns where each file of `models` goes in the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    return {source: target for source, target in found.items() if source.startswith("models/tiny/")}


def test_the_wheel_carries_the_weights_and_the_modelfile() -> None:
    folder = Path(PACKAGED).relative_to(ROOT)
    assert carried() == {
        f"models/tiny/{name}": str(folder / name) for name in ("tiny.gguf", "Modelfile")
    }
    assert all((ROOT / source).is_file() for source in carried())


def test_the_image_is_built_with_all_that_the_wheel_carries() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    assert set(carried()) <= copied


def test_the_image_build_may_see_what_the_wheel_carries() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{source}" for source in carried()} <= set(rules)
