"""Render the sample conversations through a chat template, on a fixed day."""

from __future__ import annotations

import hashlib
from typing import Any

from template_cases import CASES, Case

from ollama_server.chat.template.jinja.prompt import JinjaPrompt
from ollama_server.errors import TemplateError

BOS, EOS = "<|bos|>", "<|eos|>"
# Templates print the date; these stand for the clock.
FIXED = {"date_string": "01 Aug 2026", "datetime": "Aug 01 2026"}


def fixed_clock(pattern: str) -> str:
    """``strftime_now`` of a day that does not pass."""
    return f"[{pattern}]"


def prompt_of(text: str) -> JinjaPrompt:
    """The template, with recognisable special tokens."""
    return JinjaPrompt(text, bos=BOS, eos=EOS)


def variables_of(prompt: JinjaPrompt, case: Case) -> dict[str, Any]:
    """What the template sees in a case: all messages as history, and a generation prompt."""
    extra = {**FIXED, "strftime_now": fixed_clock}
    return prompt.variables(case.messages, case.tools, case.think, extra=extra)


def render(prompt: JinjaPrompt, case: Case) -> str:
    """The rendering, or the template's own refusal."""
    try:
        return prompt.render_variables(variables_of(prompt, case))
    except TemplateError as error:
        return f"refused: {error}"


def hashes(text: str) -> dict[str, str]:
    """The hash of each case's rendering, by the case's name."""
    prompt = prompt_of(text)
    return {
        case.name: hashlib.sha256(render(prompt, case).encode()).hexdigest()[:16] for case in CASES
    }
