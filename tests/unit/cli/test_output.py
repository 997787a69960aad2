from __future__ import annotations

from pathlib import Path

import pytest

from ollama_server.cli.history import MOST_ENTRIES, LineHistory
from ollama_server.cli.output import AnswerWriter, print_statistics


def test_thinking_is_set_apart_from_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    writer = AnswerWriter()
    writer.think("Hm")
    writer.think("m.")
    writer.say("Yes.")
    writer.finish()
    expected = "Thinking...\nHmm.\n...done thinking.\n\nYes.\n\n"
    assert capsys.readouterr().out == expected


def test_hidden_thinking_is_kept_but_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    writer = AnswerWriter(hide_thinking=True)
    writer.think("Hmm.")
    writer.say("Yes.")
    assert capsys.readouterr().out == "Yes."
    assert writer.thought == "Hmm."


def test_a_call_of_a_tool_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    AnswerWriter().call([{"function": {"name": "f", "arguments": {"a": 1}}}])
    expected = "  Model called a non-existent function 'f()' with arguments: {\"a\": 1}\n"
    assert capsys.readouterr().out == expected


def test_statistics_leave_out_zeros(capsys: pytest.CaptureFixture[str]) -> None:
    print_statistics({"total_duration": 2_000_000_000, "eval_count": 4, "eval_duration": 10**9})
    assert capsys.readouterr().err == (
        "total duration:       2s\n"
        "eval count:           4 token(s)\n"
        "eval duration:        1s\n"
        "eval rate:            4.00 tokens/s\n"
    )


def test_history_keeps_its_newest_lines_in_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history"
    history = LineHistory(path, lambda: True)
    for number in range(MOST_ENTRIES + 5):
        history.store_string(f"line {number}")
    lines = path.read_text().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (100, "line 5", "line 104")
    assert path.stat().st_mode & 0o777 == 0o600
    assert next(iter(history.load_history_strings())) == "line 104"


def test_history_that_is_switched_off_writes_nothing(tmp_path: Path) -> None:
    LineHistory(tmp_path / "history", lambda: False).store_string("secret")
    assert not (tmp_path / "history").exists()
