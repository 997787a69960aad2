"""A conversation on a terminal."""

from __future__ import annotations

from pathlib import Path

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
    terminal = session("run", "tiny", "--think=false", "Hello")
    assert terminal.status() == 0
    assert len(terminal.rest.strip()) > 10
