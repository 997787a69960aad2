"""Modelfiles: reading, typing parameters, writing back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_server.store.modelfile import (
    Command,
    ModelfileError,
    parse,
    render,
    typed_parameters,
)


def values(text: str | bytes) -> list[tuple[str, str, str]]:
    return [(command.name, command.key, command.value) for command in parse(text)]


def test_every_command_is_read() -> None:
    text = """
        FROM llama3
        ADAPTER ./lora.gguf
        DRAFT ./draft.gguf
        TEMPLATE {{ .Prompt }}
        SYSTEM You are Mario.
        LICENSE MIT
        PARAMETER temperature 0.7
        MESSAGE user hello there
        RENDERER r
        PARSER p
        REQUIRES v0.14.0
    """
    assert values(text) == [
        ("from", "", "llama3"),
        ("adapter", "", "./lora.gguf"),
        ("draft", "", "./draft.gguf"),
        ("template", "", "{{ .Prompt }}"),
        ("system", "", "You are Mario."),
        ("license", "", "MIT"),
        ("parameter", "temperature", "0.7"),
        ("message", "user", "hello there"),
        ("renderer", "", "r"),
        ("parser", "", "p"),
        ("requires", "", "v0.14.0"),
    ]


def test_commands_ignore_case_and_parameter_names_keep_it() -> None:
    assert values("from x\npaRAMeter Temperature 1") == [
        ("from", "", "x"),
        ("parameter", "Temperature", "1"),
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('SYSTEM "quoted"', "quoted"),
        ('SYSTEM """quoted"""', "quoted"),
        ('SYSTEM """one\ntwo\n"""', "one\ntwo\n"),
        ('SYSTEM "one\ntwo"', "one\ntwo"),
        ('SYSTEM """say "hi" now"""', 'say "hi" now'),
        ('SYSTEM """ends with """ inside\n"""', 'ends with """ inside\n'),
        ('SYSTEM ""', ""),
        ('SYSTEM """"""', ""),
        ('SYSTEM """  kept  """', "  kept  "),
        ("SYSTEM   trimmed  ", "trimmed"),
        ("SYSTEM it's # not a comment", "it's # not a comment"),
        ('SYSTEM say "hi"', 'say "hi"'),
        ("SYSTEM a\\nb", "a\\nb"),
        ("SYSTEM tab\tkept", "tab\tkept"),
        ("SYSTEM a\u200db\u00a0c\x07d", "abcd"),
    ],
)
def test_values_are_unquoted_verbatim(written: str, read: str) -> None:
    assert values(f"FROM x\n{written}")[1][2] == read


def test_text_behind_a_closing_quote_means_that_it_is_not_closed() -> None:
    with pytest.raises(ModelfileError, match="unexpected EOF"):
        parse('FROM x\nSYSTEM "a" b\n')


def test_comments_and_blank_lines_are_skipped() -> None:
    assert values("# top\n\n  # indented\nFROM x\n#end") == [("from", "", "x")]


def test_extra_blanks_before_a_parameter_name_are_skipped() -> None:
    assert values("FROM x\nPARAMETER   top_k   5")[1] == ("parameter", "top_k", "5")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_honoured(encoding: str) -> None:
    assert values("FROM modèle".encode(encoding)) == [("from", "", "modèle")]


def test_invalid_utf8_becomes_the_replacement_character() -> None:
    assert values(b"FROM x\nSYSTEM \xff")[1][2] == "\ufffd"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_once(newline: str) -> None:
    with pytest.raises(ModelfileError, match=r"^\(line 3\): command must be one of"):
        parse(newline.join(["FROM x", "SYSTEM y", "BADCOMMAND z"]))


ONE_OF = (
    'command must be one of "from", "license", "template", "system", "adapter", "draft", '
    '"renderer", "parser", "parameter", "message", or "requires"'
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BAD x", f"(line 1): {ONE_OF}"),
        ("FR0M x", f"(line 1): {ONE_OF}"),
        ("FROM\n", f"(line 2): {ONE_OF}"),
        (
            "FROM x\nMESSAGE robot hi",
            '(line 2): message role must be one of "system", "user", or "assistant"',
        ),
        (
            "FROM x\nMESSAGE USER hi",
            '(line 2): message role must be one of "system", "user", or "assistant"',
        ),
        ("FROM x\nPARAMETER num_ctx\n", "unexpected EOF: num_ctx"),
        ("FROM x\nPARAMETER num-ctx 1", "unexpected EOF: num"),
        ("FROM x\nPARAMETER num_ctx", "unexpected EOF"),
        ("FROM", "unexpected EOF"),
        ('FROM x\nSYSTEM """open', "unexpected EOF"),
        ("SYSTEM x", "no FROM line"),
        ("", "no FROM line"),
    ],
)
def test_errors_say_where_and_what(text: str, message: str) -> None:
    with pytest.raises(ModelfileError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_parameters_get_their_types() -> None:
    pairs = [
        ("num_ctx", "4096"),
        ("temperature", "0.7"),
        ("top_k", "1"),
        ("top_k", "40"),
        ("use_mmap", "T"),
        ("stop", "<|a|>"),
        ("stop", "b"),
        ("mirostat", "1"),
    ]
    found = typed_parameters(pairs)
    assert found.values == {
        "num_ctx": 4096,
        "temperature": 0.7,
        "top_k": 40,
        "use_mmap": True,
        "stop": ["<|a|>", "b"],
    }
    assert found.warnings == ("warning: parameter mirostat is deprecated",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("num_ctx", "4k", "invalid int value [4k]"),
        ("num_ctx", "1.5", "invalid int value [1.5]"),
        ("num_ctx", "4_096", "invalid int value [4_096]"),
        ("num_ctx", "\u0664096", "invalid int value [\u0664096]"),
        ("num_ctx", "1_0e2", "invalid int value [1_0e2]"),
        ("num_ctx", "9223372036854775808", "invalid int value [9223372036854775808]"),
        pytest.param("num_ctx", "9" * 5000, f"invalid int value [{'9' * 5000}]", id="long"),
        ("num_ctx", "1e19", "invalid int value [1e19]"),
        ("num_ctx", "1e999", "invalid int value [1e999]"),
        ("temperature", "1_0", "invalid float value [1_0]"),
        ("temperature", "1e39", "invalid float value [1e39]"),
        ("temperature", "hot", "invalid float value [hot]"),
        ("temperature", "nan", "invalid float value [nan]"),
        ("use_mmap", "yes", "invalid bool value [yes]"),
        ("numa", "1", "unknown parameter 'numa'"),
        ("model", "x", "unknown parameter 'model'"),
    ],
)
def test_bad_parameters_are_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(ModelfileError) as caught:
        typed_parameters([(name, text)])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("-.5", -0.5), ("+2.", 2.0), ("1e-05", 1e-05), ("3E+2", 300.0)]
)
def test_floats_may_leave_digits_out_and_have_exponents(text: str, value: float) -> None:
    assert typed_parameters([("temperature", text)]).values == {"temperature": value}


def test_integers_written_with_an_exponent_are_read() -> None:
    assert typed_parameters([("num_ctx", "1.048576e+06")]).values == {"num_ctx": 1048576}


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (Command("from", "/a path/b"), "FROM /a path/b"),
        (Command("parameter", "<|eot_id|>", "stop"), "PARAMETER stop <|eot_id|>"),
        (Command("parameter", " ", "stop"), 'PARAMETER stop " "'),
        (Command("system", "a\nb"), 'SYSTEM "a\nb"'),
        (Command("system", 'a\n"b"'), 'SYSTEM """a\n"b""""'),
        (Command("system", 'say "hi" now'), 'SYSTEM say "hi" now'),
        (Command("message", "hello", "user"), "MESSAGE user hello"),
    ],
)
def test_values_are_quoted_only_where_they_must_be(command: Command, line: str) -> None:
    assert render([command]) == line + "\n"


printable = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(' \t\n"'))


@given(printable)
def test_what_is_written_is_read_back(text: str) -> None:
    if '"""' in text:
        return  # has no spelling: there are no escapes
    [_, command] = parse(render([Command("from", "x"), Command("system", text)]))
    assert command == Command("system", text)


@given(st.text())
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(ModelfileError):
        assert any(command.name == "from" for command in parse(text))
