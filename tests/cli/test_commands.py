"""Commands that are not conversations, against a real server."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import ollama
import pytest
import typer

from ollama_server.cli.app import app
from tests.cli.conftest import Command, Session
from tests.cli.elsewhere import Answer, answering
from tests.process import TINY, ServerProcess


@pytest.fixture
def sdk(server: ServerProcess) -> ollama.Client:
    """The official package, on the same server."""
    return ollama.Client(host=server.url)


def test_list_tells_what_the_official_client_sees(command: Command, sdk: ollama.Client) -> None:
    lines = command("list").out.splitlines()
    assert re.fullmatch(r"NAME +ID +SIZE +MODIFIED *", lines[0])
    rows = {line.split()[0]: line.split() for line in lines[1:]}
    models = {str(model.model): str(model.digest) for model in sdk.list().models}
    assert {name: row[1] for name, row in rows.items()} == {
        name: digest[:12] for name, digest in models.items()
    }
    assert re.search(r" ago {4,}$", lines[1])


def test_list_takes_a_prefix_in_any_case(command: Command) -> None:
    assert "tiny:latest" in command("list", "TIN").out
    assert len(command("ls", "zzz").out.splitlines()) == 1


def test_ps_tells_what_the_official_client_sees(
    command: Command, server: ServerProcess, sdk: ollama.Client
) -> None:
    server.generate("Hello", keep_alive=-1)
    header, *rows = command("ps").out.splitlines()
    assert re.fullmatch(r"NAME +ID +SIZE +PROCESSOR +CONTEXT +UNTIL *", header)
    row = next(row for row in rows if row.startswith("tiny:latest"))
    model = next(model for model in sdk.ps().models if model.model == "tiny:latest")
    cells = re.split(r" {4,}", row.rstrip())
    assert cells[1] == str(model.digest)[:12]
    assert cells[3:] == ["100% CPU", str(model.context_length), "Forever"]


def test_show_has_the_sections_of_the_official_answer(command: Command, sdk: ollama.Client) -> None:
    shown = sdk.show("tiny")
    text = command("show", "tiny").out
    assert "  Model\n    architecture        qwen3" in text
    section = text.split("  Capabilities\n")[1].split("\n\n")[0]
    assert section.split() == list(shown.capabilities or [])


def test_show_prints_one_part(command: Command, sdk: ollama.Client) -> None:
    shown = sdk.show("tiny")
    assert command("show", "tiny", "--modelfile").out == f"{shown.modelfile}\n"
    assert command("show", "tiny", "--template").out == shown.template
    assert command("show", "tiny", "--parameters").out == f"{shown.parameters}\n"


def test_show_of_two_parts_is_refused(command: Command) -> None:
    result = command("show", "tiny", "--system", "--template")
    assert result.status == 1
    assert result.err.startswith("Error: only one of '--license', '--modelfile'")


def test_run_prints_the_answer_and_two_newlines(command: Command, server: ServerProcess) -> None:
    answer = server.generate("Hello", think=False, options={"num_predict": -1})["response"]
    result = command("run", "tiny", "--think=false", "Hello")
    assert (result.status, result.out) == (0, f"{answer}\n\n")


def test_piped_text_comes_before_the_words(command: Command, server: ServerProcess) -> None:
    joined = server.generate("What is 2 + 2?", think=False, options={"num_predict": -1})
    result = command("run", "tiny", "--think=false", "2", "+", "2?", stdin=b"What is\n")
    assert result.out == f"{joined['response']}\n\n"


def test_closed_streams_are_empty_ones(environment: None) -> None:
    line = f'"{sys.executable}" -m ollama_server run tiny --think=false Hello'
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        result = subprocess.run(
            ["sh", "-c", f"{line} {closed}"], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, (closed, result.stderr)
        assert bool(result.stdout) == (closed in ("<&-", "2>&-"))


def test_thinking_is_shown_and_can_be_hidden(command: Command) -> None:
    shown = command("run", "tiny", "--think", "What is 21 + 34?").out
    assert shown.startswith("Thinking...\n")
    thought, answer = shown.split("\n...done thinking.\n\n")
    assert thought != "Thinking..."
    assert command("run", "tiny", "--think", "--hidethinking", "What is 21 + 34?").out == answer


def test_verbose_adds_statistics_on_stderr(command: Command) -> None:
    result = command("run", "tiny", "Hello", "--verbose")
    labels = re.findall(r"^([a-z ]+): +\S", result.err, re.M)
    assert labels == [
        "total duration",
        "load duration",
        "prompt eval count",
        "prompt eval duration",
        "prompt eval rate",
        "eval count",
        "eval duration",
        "eval rate",
    ]


def test_format_json_gives_json(command: Command) -> None:
    result = command("run", "tiny", "--think=false", "--format", "json", "A person, in JSON.")
    assert isinstance(json.loads(result.out), dict)


def test_a_schema_binds_the_answer(command: Command) -> None:
    schema = '{"type": "object", "properties": {"n": {"enum": [1, 2, 3]}}, "required": ["n"]}'
    result = command("run", "tiny", "--think=false", "--format", schema, "A number.")
    assert json.loads(result.out)["n"] in (1, 2, 3)


def test_a_model_is_created_shown_copied_and_removed(command: Command, tmp_path: Path) -> None:
    modelfile = tmp_path / "Modelfile"
    modelfile.write_text(f"FROM {TINY}\nSYSTEM Answer like a pirate.\nPARAMETER num_ctx 1024\n")
    created = command("create", "pirate", "-f", str(modelfile))
    assert created.status == 0, created.err
    assert "gathering model components" in created.err
    assert "success" in created.err
    assert command("show", "pirate", "--system").out == "Answer like a pirate."
    assert command("cp", "pirate", "corsair").out == "copied 'pirate' to 'corsair'\n"
    removed = command("rm", "pirate", "corsair")
    assert removed.out == "deleted 'pirate'\ndeleted 'corsair'\n"


def test_a_modelfile_that_is_not_there_is_told(command: Command) -> None:
    result = command("create", "m", "-f", "/nowhere/Modelfile")
    assert result.status == 1
    assert result.err.endswith("Error: specified Modelfile wasn't found\n")


def test_a_modelfile_may_be_a_pipe(command: Command) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"FROM tiny\nSYSTEM From a pipe.\n")
    os.close(writing)
    created = command("create", "piped", "-f", f"/dev/fd/{reading}")
    os.close(reading)
    assert created.status == 0, created.err
    assert command("show", "piped", "--system").out == "From a pipe."
    command("rm", "piped")


def test_a_folder_is_no_modelfile(command: Command, tmp_path: Path) -> None:
    result = command("create", "m", "-f", str(tmp_path))
    assert result.status == 1
    assert result.err.endswith(f"Error: {tmp_path}: is a directory\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("FROM tiny\nPARAMETER nonsense 1\n", "unknown parameter 'nonsense'"),
        pytest.param(
            "FROM /proc/self/mem\n",
            "/proc/self/mem: input/output error",
            marks=pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux has it"),
        ),
    ],
)
def test_what_is_wrong_with_a_modelfile_is_one_line(
    command: Command, tmp_path: Path, text: str, error: str
) -> None:
    path = tmp_path / "Modelfile"
    path.write_text(text)
    result = command("create", "m", "-f", str(path))
    assert result.status == 1
    assert result.err.endswith(f"Error: {error}\n")


def test_stop_unloads(command: Command, server: ServerProcess) -> None:
    server.create("stopme", **{"from": "tiny"}, parameters={"num_ctx": 512})
    server.generate("Hello", model="stopme")
    assert "stopme:latest" in [model["name"] for model in server.loaded()]
    result = command("stop", "stopme")
    assert (result.status, result.out) == (0, "")
    assert all(model["name"] != "stopme:latest" for model in server.loaded())


def test_stop_of_an_unknown_model_is_told(command: Command) -> None:
    assert command("stop", "nope").err == 'Error: couldn\'t find model "nope" to stop\n'


def test_rm_stops_at_the_first_unknown_model(command: Command) -> None:
    result = command("rm", "nope", "tiny")
    assert (result.status, result.out) == (1, "")
    assert result.err == "Error: model 'nope' not found\n"


def test_rm_of_a_model_that_runs_elsewhere_warns_of_nothing(
    command: Command, server: ServerProcess
) -> None:
    server.create("stub", **{"from": "gpt-oss:20b"}, remote_host="https://ollama.com:443")
    result = command("rm", "stub")
    assert (result.status, result.out, result.err) == (0, "deleted 'stub'\n", "")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["show"], "accepts 1 arg(s), received 0"),
        (["cp", "a"], "accepts 2 arg(s), received 1"),
        (["rm"], "requires at least 1 arg(s), only received 0"),
        (["frobnicate"], 'unknown command "frobnicate" for "ollama"'),
        (["list", "--frob"], "unknown flag: --frob"),
        (["list", "-x"], "unknown shorthand flag: 'x' in -x"),
        (["bench", "m", "--tokens", "0"], 'invalid argument for "--tokens" flag: '),
        (["run", "m", "--dimensions", "x"], 'invalid argument for "--dimensions" flag: '),
        (["bench", "m", "--streams", "x"], 'invalid argument "x" for "--streams" flag: '),
        (["create", "m", "--file"], "flag needs an argument: --file"),
        (["run", "tiny", "--think=x", "hi"], 'invalid value for --think: "x" (must be true, '),
        (["run", "tiny", "--keepalive", "10", "hi"], 'time: missing unit in duration "10"'),
    ],
)
def test_wrong_arguments_are_one_line_and_status_1(
    command: Command, words: list[str], text: str
) -> None:
    result = command(*words)
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith(f"Error: {text}")
    assert result.err.count("\n") == 1


def test_without_a_server_the_error_says_how_to_start_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{port}")
    result = command("list")
    assert result.status == 1
    assert result.err.startswith("Error: could not connect to ollama server, run ")
    version = command("--version")
    assert version.status == 0
    assert version.out.startswith("Warning: could not connect to a running Ollama instance\n")


def test_version_is_the_servers(command: Command, server: ServerProcess) -> None:
    expected = server.client.get("/api/version").json()["version"]
    assert command("--version").out == f"ollama version is {expected}\n"


def test_help_ends_with_the_environment(command: Command) -> None:
    result = command("help", "run")
    assert "--hidethinking" in result.out
    tail = result.out[result.out.index("Environment Variables:") :]
    assert re.findall(r"OLLAMA_\w+", tail) == ["OLLAMA_EDITOR", "OLLAMA_HOST", "OLLAMA_NOHISTORY"]


def test_every_help_ends_with_the_environment(command: Command) -> None:
    for name in typer.main.get_group(app).commands:
        for words in ((name, "--help"), ("help", name)):
            assert re.search(r"\n +Environment Variables:\n +OLLAMA_", command(*words).out), words


def test_commands_are_listed_in_their_usual_order(command: Command) -> None:
    listed = re.findall(r"^  (\w+) {2,}\w", command("--help").out.split("Commands:")[1], re.M)
    usual = ["serve", "create", "show", "run", "stop", "pull", "push"]
    usual += ["signin", "signout", "list", "ps", "cp", "rm"]
    assert listed[: len(usual)] == usual
    assert {"bench", "fsck", "doctor", "help"} <= set(listed)


def test_without_a_command_the_help_is_shown(command: Command) -> None:
    assert command().out.split() == command("--help").out.split()


def test_fsck_finds_a_damaged_blob(
    command: Command, server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "models"
    subprocess.run(["cp", "-r", server.home / "models", store], check=True)
    monkeypatch.setenv("OLLAMA_MODELS", str(store))
    assert command("fsck").status == 0
    largest = max((store / "blobs").glob("sha256-*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1] + b"\0")
    result = command("fsck")
    assert result.status == 1
    assert largest.name.removeprefix("sha256-")[:12] in result.out


def test_doctor_tells_of_the_build_the_machine_and_the_port(
    command: Command, server: ServerProcess, tmp_path: Path
) -> None:
    result = command("doctor")
    assert result.status == 0, result.out
    for subject in ("llama.cpp", "CPU", "GPU", "memory", "store", "port"):
        assert re.search(rf"^ok    {subject}: \S", result.out, re.M), result.out
    assert f":{server.port} is served" in result.out
    assert re.search(r"\(libraries: .*\bcpu", result.out) or sys.platform != "linux"


def test_doctor_tells_a_port_that_somebody_else_has(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Answer(200, b"not ours", "text/plain")
    with answering(answer) as url:
        address = url.removeprefix("http://")
        monkeypatch.setenv("OLLAMA_HOST", address)
        result = command("doctor")
    assert result.status == 1
    expected = f"FAIL  port: listen tcp {address}: bind: address already in use\n"
    assert result.out.endswith(expected)


def test_bench_measures_prompts_and_answers(command: Command) -> None:
    result = command("bench", "tiny", "--streams", "1,2", "--tokens", "8")
    assert result.status == 0, result.err
    header, *rows = [line.split() for line in result.out.splitlines()]
    assert header == ["WHAT", "AT", "ONCE", "TOKENS/S"]
    assert [row[:2] for row in rows] == [["prompt", "1"], ["answers", "1"], ["answers", "2"]]
    assert all(float(row[2]) > 0 for row in rows)


def test_bench_measures_a_prompt_that_the_model_has_not_seen(
    command: Command, server: ServerProcess
) -> None:
    cached = []
    for _ in range(2):
        command("bench", "tiny", "--streams", "1", "--tokens", "1")
        cached.append(server.metric("ollama_prompt_tokens_cached_total"))
    assert cached[1] - cached[0] < 100


def test_completion_knows_commands_and_models(environment: None) -> None:
    def complete(words: str, index: int) -> list[str]:
        result = subprocess.run(
            [sys.executable, "-c", "from ollama_server.cli.main import main; main()"],
            env={
                **os.environ,
                "_OLLAMA_SERVER_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(index),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return result.stdout.split()

    assert "pull" in complete("ollama-server pu", 1)
    assert "tiny:latest" in complete("ollama-server show ti", 2)
    # bash takes a colon for a word of its own, and replaces what stands behind it.
    assert "latest" in complete("ollama-server show tiny :", 3)
    assert complete("ollama-server show tiny : lat", 4) == ["latest"]


def test_an_interrupted_command_ends_with_130() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "ollama_server", "list"],
            env={**os.environ, "OLLAMA_HOST": address},
        )
        connection, _ = silent.accept()
        with connection:  # it waits for an answer that never comes
            connection.recv(65536)
            process.send_signal(signal.SIGINT)
            # One that comes just before a call that waits is seen only behind it: people try again.
            while (status := ended(process)) is None:
                process.send_signal(signal.SIGINT)
            assert status == 130


def ended(process: subprocess.Popen[bytes]) -> int | None:
    """The exit status of a process, None where it still runs a while later."""
    try:
        return process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        return None


def test_create_shows_its_steps_on_a_terminal(
    session: Session, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "Modelfile").write_text("FROM tiny\nSYSTEM Hi.\n")
    terminal = session("create", "steps", "-f", str(tmp_path / "Modelfile"))
    assert terminal.status() == 0
    assert "gathering model components" in terminal.rest
    assert "success" in terminal.rest
    command("rm", "steps")
