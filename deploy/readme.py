"""The READMEs' command blocks, in the order in which a newcomer meets them.

A block that needs more than the repository and a running server says so in a comment before it:
`<!-- needs: root -->` and the like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"(?:<!-- needs: (\w+) -->\n)?```(sh|python)\n(.*?)```", re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, what it needs."""

    name: str
    language: str
    needs: str
    text: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page of the repository."""
    found = []
    for needs, language, text in _BLOCK.findall((REPOSITORY / page).read_text()):
        first = text.strip().splitlines()[0][:40]
        found.append(Block(f"{page}: {first}", language, needs, text))
    return found
