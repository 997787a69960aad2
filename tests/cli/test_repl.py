"""A conversation on a terminal."""

from __future__ import annotations

import time
from pathlib import Path

import ollama
import pytest

from tests.cli.conftest import Command, Session
from tests.process import ServerProcess


def test_a_conversation_is_answered_set_up_saved_and_left(
    session: Session, command: Command, tmp_path: Path
) -> None:
    terminal = session("run", "tiny", "--think=false")
    terminal.prompt()
    assert len(terminal.say("Hello").split("Hello", 1)[1].strip()) > 10
    assert "Set parameter 'seed' to '7'" in terminal.say("/set parameter seed 7")
    unknown = terminal.say("/set parameter nonsense 7")
    assert "Couldn't set parameter: \"unknown parameter 'nonsense'\"" in unknown
    assert "Set system message." in terminal.say("/set system Be brief.")
    shown = terminal.say("/show parameters")
    assert "Model defined parameters:" in shown
    assert "User defined parameters:" in shown
    assert "Be brief." in terminal.say("/show system")
    assert "No license was specified" not in terminal.say("/show modelfile")
    assert "architecture" in terminal.say("/show info")
    assert "Created new model 'saved'" in terminal.say("/save saved")
    assert "saved:latest" in terminal.say("/list")
    assert "Couldn't find model 'nowhere'" in terminal.say("/load nowhere")
    assert "Loading model 'saved'" in terminal.say("/load saved")
    assert "Cleared session context" in terminal.say("/clear")
    assert "Unknown command '/nothing'" in terminal.say("/nothing")
    terminal.send("/bye")
    assert terminal.status() == 0
    history = (tmp_path / ".ollama" / "history").read_text().splitlines()
    assert history[0] == "Hello"
    modelfile = command("show", "saved", "--modelfile").out
    assert "SYSTEM Be brief." in modelfile
    assert "PARAMETER seed 7" in modelfile
    assert "MESSAGE user Hello" in modelfile
    command("rm", "saved")


def test_what_is_typed_after_a_slash_is_answered(session: Session) -> None:
    terminal = session("run", "tiny", "--think=false")
    terminal.prompt()
    for typed, text in (
        ("/?", "/set            Set session variables"),
        ("/help shortcuts", "Ctrl + w            Delete the word before the cursor"),
        ("/? set", "/set format json       Enable JSON mode"),
        ("/? show", "/show modelfile    Show Modelfile for this model"),
        ("/set parameter", "/set parameter seed <int>             Random number seed"),
        ("/set parameter stop a b", "Set parameter 'stop' to 'a, b'"),
        ("/set parameter num_ctx 4_096", 'Couldn\'t set parameter: "invalid int value [4_096]"'),
        ("/set parameter mirostat 1", "warning: parameter mirostat is deprecated\r\n>>> "),
        ("/set format yaml", "Invalid or missing format. For 'json' mode use '/set format json'"),
        ("/set format json", "Set format to 'json' mode."),
        ("/set noformat", "Disabled format."),
        ("/set verbose", "Set 'verbose' mode."),
        ("/set quiet", "Set 'quiet' mode."),
        ("/set nowordwrap", "Set 'nowordwrap' mode."),
        ("/set wordwrap", "Set 'wordwrap' mode."),
        ("/set think", "Set 'think' mode."),
        ("/set think high", "Set 'think' mode to 'high'."),
        ("/set nothink", "Set 'nothink' mode."),
        ("/show license", "No license was specified for this model."),
        ("/show system", "No system message was specified for this model."),
        ("/load", "Usage:\r\n  /load <modelname>"),
        ("/save", "Usage:\r\n  /save <modelname>"),
        ("/save a/b/c/d/e", "error: The model name 'a/b/c/d/e' is invalid"),
    ):
        assert text in terminal.say(typed), typed
    terminal.send("/byeX")
    assert terminal.status() == 0


def test_parameters_of_the_session_are_shown_as_the_models_are(session: Session) -> None:
    terminal = session("run", "tiny")
    terminal.prompt()
    for given in ("stop a b", "use_mmap 1", "temperature 0.50"):
        terminal.say(f"/set parameter {given}")
    shown = terminal.say("/show parameters").partition("User defined parameters:\r\n")[2]
    assert [line.split() for line in shown.splitlines()[:4]] == [
        ["stop", '"a"'],
        ["stop", '"b"'],
        ["temperature", "0.5"],
        ["use_mmap", "true"],
    ]
    terminal.send("/bye")
    assert terminal.status() == 0


def test_a_message_can_be_written_in_an_editor(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "/set verbose" > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("OLLAMA_EDITOR", str(editor))
    monkeypatch.setenv("OLLAMA_NOHISTORY", "1")
    terminal = session("run", "tiny")
    terminal.prompt()
    terminal.type("\x07")
    terminal.wait_for("/set verbose")
    terminal.send("")
    terminal.wait_for("Set 'verbose' mode.")
    terminal.prompt()
    terminal.type("\x04")
    assert terminal.status() == 0
    assert not (tmp_path / ".ollama" / "history").exists()


def test_a_history_that_cannot_be_written_ends_no_conversation(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    terminal = session("run", "tiny")
    terminal.prompt()
    shown = terminal.say("/set verbose")
    assert "Set 'verbose' mode." in shown
    assert "exception" not in shown
    terminal.send("/bye")
    assert terminal.status() == 0


def test_keys_join_lines_and_leave(session: Session) -> None:
    terminal = session("run", "tiny", "--think=false", "--verbose")
    terminal.prompt()
    terminal.send('"""My name is Ann.')
    terminal.wait_for("Press Enter to send")
    terminal.send('What is my name?"""')
    assert "eval rate:" in terminal.prompt()
    terminal.type("one\ntwo\r")
    terminal.wait_for("eval rate:")
    terminal.prompt()
    terminal.type("\x03")
    terminal.wait_for("Use Ctrl + d or /bye to exit.")
    terminal.prompt()
    terminal.type("\x04")
    assert terminal.status() == 0


def test_the_keys_of_the_line_editor(session: Session) -> None:
    terminal = session("run", "tiny")
    terminal.prompt()
    up, left_word = "\x1b[A", "\x1bb"
    for keys, text in (
        ("set parameter seed 1\x01/", "Set parameter 'seed' to '1'"),
        ("/set parameter seed 1\x172", "Set parameter 'seed' to '2'"),
        ("/set parameter seed 34\x02\x0b", "Set parameter 'seed' to '3'"),
        (f"/set parameter seed 4{left_word}5", "Set parameter 'seed' to '54'"),
        (f"{left_word}\x05junk\x15/set quiet", "Set 'quiet' mode."),
        (up + up, "Set parameter 'seed' to '54'"),
        ("\x10\x10\x0e\x057", "Set parameter 'seed' to '547'"),
        ("/set system a\tb", "Set system message."),
        ("/show system", "a        b"),
        # Several lines that are pasted are one message.
        ("\x1b[200~/set system one\ntwo\x1b[201~", "Set system message."),
        ("/show system", "one\r\ntwo"),
    ):
        terminal.type(keys)
        assert text in terminal.say(""), keys
    terminal.type("\x04")
    assert terminal.status() == 0


def test_a_session_can_keep_its_lines_to_itself(session: Session, tmp_path: Path) -> None:
    terminal = session("run", "tiny")
    terminal.prompt()
    for line in ("/set quiet", "/set nohistory", "/set verbose", "/set history", "/clear"):
        terminal.say(line)
    terminal.send("/bye")
    assert terminal.status() == 0
    history = (tmp_path / ".ollama" / "history").read_text().splitlines()
    assert history == ["/set quiet", "/set nohistory", "/clear", "/bye"]


def test_turns_are_answered_as_the_official_package_is(
    session: Session, server: ServerProcess
) -> None:
    sdk = ollama.Client(host=server.url)
    terminal = session("run", "tiny", "--think=false")
    terminal.prompt()
    messages: list[dict[str, str]] = []
    for text in ("My name is Ann.", "What is my name?"):
        messages.append({"role": "user", "content": text})
        answer = sdk.chat("tiny", messages, think=False).message.content or ""
        messages.append({"role": "assistant", "content": answer})
        assert " ".join(answer.split()) in " ".join(terminal.say(text).split())
    assert "Ann" in messages[-1]["content"]


def test_ctrl_c_stops_the_answer_and_not_the_program(session: Session) -> None:
    # The array has to be so long that the answer does not end before it is stopped.
    schema = '{"type": "array", "items": {"type": "integer"}, "minItems": 3000}'
    terminal = session("run", "tiny", "--think=false", "--format", schema)
    terminal.prompt()
    terminal.send("Numbers, please")
    terminal.wait_for("[")
    terminal.type("\x03")
    terminal.prompt()
    terminal.send("/bye")
    assert terminal.status() == 0


def test_the_messages_of_a_model_are_shown_first(session: Session, server: ServerProcess) -> None:
    messages = [
        {"role": "user", "content": "Ping?"},
        {"role": "assistant", "content": "Pong!"},
    ]
    server.create("pingpong", **{"from": "tiny"}, messages=messages)
    shown = session("run", "pingpong").prompt()
    assert ">>> Ping?" in shown
    assert "Pong!" in shown


def test_an_answer_on_a_terminal_is_rendered(session: Session) -> None:
    words = ["run", "tiny", "--think=false", "--format", '{"enum": ["**bold** and <br>"]}', "Go."]
    for flags, text in (([], '"bold and <br>"'), (["--nowordwrap"], '"**bold** and <br>"')):
        terminal = session(*words, *flags)
        assert terminal.status() == 0
        assert terminal.rest.rstrip().endswith(text)


def test_ctrl_c_ends_one_answer_quietly(session: Session) -> None:
    schema = '{"type": "array", "items": {"type": "integer"}, "minItems": 3000}'
    terminal = session("run", "tiny", "--think=false", "--format", schema, "Numbers, please")
    terminal.wait_for("[")
    terminal.type("\x03")
    assert terminal.status() == 0
    assert "Error" not in terminal.rest


def test_a_model_stays_as_long_as_it_is_told(session: Session, server: ServerProcess) -> None:
    sdk = ollama.Client(host=server.url)
    sdk.create("kept", from_="tiny", parameters={"num_ctx": 768})
    terminal = session("run", "kept", "--keepalive", "26h", "--think=false")
    terminal.prompt()
    until = [m.expires_at for m in sdk.ps().models if m.model == "kept:latest"]
    (left,) = [moment.timestamp() - time.time() for moment in until if moment]
    assert 25 * 3600 < left < 27 * 3600
    terminal.send("/bye")
    assert terminal.status() == 0
    sdk.generate("kept", "", keep_alive=0)
    sdk.delete("kept")
