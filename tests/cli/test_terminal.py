"""Every command on a terminal of its own, beside what the official package is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import ollama
import pytest
import typer

from ollama_server.cli.app import app
from tests.cli.conftest import Command, Session
from tests.process import TINY, ServerProcess
from tests.unit.transfer.programs import DockerRegistry, docker_registry, needs_registry
from tests.weights import with_pooling

Screen = Callable[..., str]


@pytest.fixture
def sdk(server: ServerProcess) -> ollama.Client:
    """The official package, on the same server."""
    return ollama.Client(host=server.url)


@pytest.fixture
def screen(session: Session) -> Screen:
    """All that a command shows, which has to end well; terminals end lines in CR LF."""

    def run(*words: str) -> str:
        terminal = session(*words)
        status = terminal.status()
        assert status == 0, terminal.rest
        return terminal.rest.replace("\r\n", "\n")

    return run


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A registry on a loopback port."""
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def statuses(frames: Iterator[ollama.ProgressResponse]) -> list[str]:
    """The official package's view of a stream: each status once."""
    return list(dict.fromkeys(str(frame.status) for frame in frames))


def in_order(screen: str, wanted: list[str]) -> bool:
    """Whether the texts appear, one after the other."""
    pattern = ".*?".join(re.escape(text) for text in wanted)
    return re.search(pattern, screen, re.S) is not None


# Ollama's package has nothing of the kind; test_commands.py and test_account.py have them.
WITHOUT_COUNTERPART = {"signin", "login", "signout", "logout", "bench", "fsck", "doctor"}
SECOND_NAMES = {"start", "ls"}


def test_every_command_is_on_a_terminal_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    shown = set(re.findall(r"(?:screen|session)\(\"([a-z]+)\"", text))
    assert shown | WITHOUT_COUNTERPART | SECOND_NAMES == set(typer.main.get_group(app).commands)


def test_serve_makes_a_key_and_leaves_on_ctrl_c(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:0")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "models"))
    terminal = session("serve")
    key = tmp_path / ".ollama" / "id_ed25519"
    shown = terminal.wait_for(f"Couldn't find '{key}'. Generating new private key.")
    shown += terminal.wait_for("Your new public key is: \r\n\r\nssh-ed25519 ")
    shown += terminal.wait_for("startup complete")
    (port,) = re.findall(r"listening on 127.0.0.1 port (\d+)", shown)
    server = ollama.Client(host=f"http://127.0.0.1:{port}")
    assert [model.model for model in server.list().models] == ["tiny:latest"]
    terminal.type("\x03")
    assert terminal.status() == 0


def test_create_shows_the_steps_of_the_official_package(
    screen: Screen, sdk: ollama.Client, tmp_path: Path
) -> None:
    (tmp_path / "Modelfile").write_text("FROM tiny\nSYSTEM Hi.\n")
    for _ in range(2):  # the second time no layer is new any more
        steps = statuses(sdk.create("steps", from_="tiny", system="Hi.", stream=True))
    shown = screen("create", "steps", "-f", str(tmp_path / "Modelfile"))
    assert in_order(shown, ["gathering model components", *steps])
    sdk.delete("steps")


def test_create_counts_what_it_sends(screen: Screen, sdk: ollama.Client, tmp_path: Path) -> None:
    weights = tmp_path / "pooled.gguf"
    with_pooling(TINY, weights, gguf.PoolingType.LAST, name="sent")
    (tmp_path / "Modelfile").write_text("FROM pooled.gguf\n")
    shown = screen("create", "sent", "-f", str(tmp_path / "Modelfile"))
    assert re.search(r"copying file sha256:[0-9a-f]{12} +100%", shown)
    assert "success" in shown
    sdk.delete("sent")


def test_show_is_the_same_on_a_terminal_and_in_a_pipe(
    screen: Screen, command: Command, sdk: ollama.Client
) -> None:
    shown = screen("show", "tiny")
    assert shown == command("show", "tiny").out
    assert in_order(shown, ["Capabilities", *(sdk.show("tiny").capabilities or [])])
    assert screen("show", "tiny", "--modelfile") == f"{sdk.show('tiny').modelfile}\n"


def test_run_shows_the_answer_of_the_official_package(screen: Screen, sdk: ollama.Client) -> None:
    answer = sdk.generate("tiny", "Hello", think=False).response
    assert screen("run", "tiny", "--think=false", "Hello").split()[-3:] == answer.split()[-3:]


def test_stop_says_nothing_and_unloads(screen: Screen, sdk: ollama.Client) -> None:
    sdk.create("stopped", from_="tiny", parameters={"num_ctx": 512})
    sdk.generate("stopped", "Hello", options={"num_predict": 1})
    assert "stopped:latest" in [model.model for model in sdk.ps().models]
    assert screen("stop", "stopped") == ""
    assert "stopped:latest" not in [model.model for model in sdk.ps().models]
    sdk.delete("stopped")


@needs_registry
@pytest.mark.registry
def test_push_and_pull_show_the_steps_of_the_official_package(
    screen: Screen, sdk: ollama.Client, registry: DockerRegistry
) -> None:
    first, second = (f"{registry.host}/mine/tiny:{tag}" for tag in ("cli", "package"))
    sdk.copy("tiny", first)
    sdk.copy("tiny", second)
    pushed = screen("push", first, "--insecure")
    check_progress(pushed, statuses(sdk.push(second, insecure=True, stream=True)))
    assert pushed.endswith(f"\nYou can find your model at:\n\n\t{first}\n")
    sdk.delete(first)
    sdk.delete(second)
    steps = statuses(sdk.pull(second, insecure=True, stream=True))
    check_progress(screen("pull", first, "--insecure"), steps)
    digests = {model.digest for model in sdk.list().models if str(model.model) in (first, second)}
    assert len(digests) == 1
    sdk.delete(first)
    sdk.delete(second)


@needs_registry
@pytest.mark.registry
def test_run_pulls_what_is_missing(
    screen: Screen, sdk: ollama.Client, registry: DockerRegistry
) -> None:
    name = f"{registry.host}/mine/tiny:run"
    sdk.copy("tiny", name)
    sdk.push(name, insecure=True)
    sdk.delete(name)
    shown = screen("run", name, "--insecure", "--think=false", "Hello")
    answer = sdk.generate("tiny", "Hello", think=False).response
    assert in_order(shown, ["pulling manifest", "100%", "success", *answer.split()[-2:]])
    sdk.delete(name)


def check_progress(shown: str, steps: list[str]) -> None:
    """Each step is on the screen; layers have a colon, a bar that is full, and their size."""
    for step in steps:
        if re.fullmatch(r"(pulling|pushing) [0-9a-f]{12}", step):
            assert re.search(rf"{step}: +100% \S* +\d+(\.\d)? [KM]?B", shown), (step, shown)
        else:
            assert step in shown


def test_list_has_the_columns_and_rows_of_the_official_package(
    screen: Screen, sdk: ollama.Client
) -> None:
    header, *rows = screen("list").splitlines()
    assert header.split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    starts = [header.index(word) for word in header.split()]
    for row, model in zip(rows, sdk.list().models, strict=True):
        cells = [row[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
        assert all(cell.endswith("    ") for cell in cells)
        assert cells[0].strip() == model.model
        assert cells[1].strip() == str(model.digest)[:12]


def test_ps_has_the_columns_and_rows_of_the_official_package(
    screen: Screen, sdk: ollama.Client
) -> None:
    sdk.generate("tiny", "Hello", options={"num_predict": 1}, keep_alive="2h")
    header, *rows = screen("ps").splitlines()
    assert header.split() == ["NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"]
    loaded = {str(model.model): model for model in sdk.ps().models}
    shown = {row.split()[0]: re.split(r" {4,}", row.rstrip()) for row in rows}
    # Another may have left the memory between the two looks.
    assert set(loaded) <= set(shown)
    # Models of equal weights share a runner, which goes by the name that it was loaded for.
    name = max(loaded, key=lambda name: str(loaded[name].expires_at))
    context = str(loaded[name].context_length)
    assert shown[name][3:] == ["100% CPU", context, "2 hours from now"]


def test_cp_and_rm_say_what_they_did(screen: Screen, sdk: ollama.Client) -> None:
    assert screen("cp", "tiny", "second") == "copied 'tiny' to 'second'\n"
    models = {str(model.model): model.digest for model in sdk.list().models}
    assert models["second:latest"] == models["tiny:latest"]
    assert screen("rm", "second") == "deleted 'second'\n"
    assert "second:latest" not in [model.model for model in sdk.list().models]


def test_help_is_the_same_on_a_terminal_and_in_a_pipe(screen: Screen, command: Command) -> None:
    assert screen("help").split() == command("help").out.split()
    assert screen("help", "pull").split() == command("pull", "--help").out.split()
