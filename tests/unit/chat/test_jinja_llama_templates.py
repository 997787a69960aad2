"""Every chat template of the llama.cpp source renders the sample conversations.

The renderings are fixed by hashes (tests/golden/make_template_goldens.py writes them), and equal
to what transformers makes of the same variables wherever transformers renders at all.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from template_cases import CASES, GOLDEN, HOW_TO_GET, Case, llama_templates
from template_rendering import hashes, prompt_of, render

from ollama_server.chat.template.jinja.prompt import JinjaPrompt
from ollama_server.chat.types import Message

TEMPLATES = llama_templates()
SINGLE_CALL = "This model only supports single tool-calls at once!"
ALTERNATING = "Conversation roles must alternate user/assistant/user/assistant/..."

pytestmark = pytest.mark.skipif(not TEMPLATES, reason=HOW_TO_GET)
each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)


@each_template
def test_renders_as_before(path: Path) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    if path.stem not in golden:
        pytest.skip("a template that came with another llama.cpp; run make_template_goldens.py")
    assert hashes(path.read_text(encoding="utf-8")) == golden[path.stem]


@each_template
def test_renders_every_conversation_its_model_can_have(path: Path) -> None:
    prompt = prompt_of(path.read_text(encoding="utf-8"))
    for case in CASES:
        text = render(prompt, case)
        if text.startswith("refused"):
            assert text in (f"refused: {SINGLE_CALL}", f"refused: {ALTERNATING}"), case.name


@each_template
def test_shows_what_was_said(path: Path) -> None:
    prompt = JinjaPrompt(path.read_text(encoding="utf-8"))
    text = prompt.render([Message("system", "Sqword"), Message("user", "Uqword")])
    assert "Sqword" in text
    assert "Uqword" in text


@pytest.mark.reference
@each_template
def test_matches_transformers(path: Path) -> None:
    utilities = pytest.importorskip("transformers.utils.chat_template_utils")
    prompt = prompt_of(path.read_text(encoding="utf-8"))
    compared = 0
    for case in CASES:
        reference = _reference(utilities, prompt, case)
        if reference is not None:
            assert prompt.render_variables(_variables(prompt, case)) == reference, case.name
            compared += 1
    if compared == 0:
        pytest.skip("transformers refuses every conversation")


def _variables(prompt: JinjaPrompt, case: Case) -> dict[str, object]:
    return prompt.variables(case.messages, case.tools, case.think)


def _reference(utilities: object, prompt: JinjaPrompt, case: Case) -> str | None:
    """What transformers renders; None where it refuses (lists that grow, generators as JSON)."""
    variables = _variables(prompt, case)
    messages, tools = variables.pop("messages"), variables.pop("tools", None)
    try:
        rendered, _ = utilities.render_jinja_template(  # type: ignore[attr-defined]
            [messages], tools=tools, chat_template=prompt.text, **variables
        )
    except Exception:  # whichever way the reference fails, there is nothing to compare with
        return None
    return str(rendered[0])
