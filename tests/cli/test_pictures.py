"""A picture on the command line: the model that sees, made from its Modelfile."""

from __future__ import annotations

import random
from pathlib import Path

from models.sight.drawings import Group, Scene, draw

from .conftest import Command, Session

MODELFILE = Path(__file__).parents[2] / "models" / "sight" / "Modelfile"
SCENE = Scene("white", (Group("circle", "red", 3),))


def test_a_picture_beside_a_question(command: Command, tmp_path: Path) -> None:
    assert command("create", "seen", "-f", str(MODELFILE)).status == 0
    drawing = tmp_path / "drawing.png"
    draw(random.Random(77_000_005), SCENE).image.save(drawing)
    result = command("run", "seen", f"What do you see? {drawing}")
    assert result.status == 0, result.err
    assert result.out.strip() == "Three red circles on a white background."
    assert "vision" in command("show", "seen").out
    assert command("rm", "seen").status == 0


def test_a_picture_in_a_conversation(session: Session, command: Command, tmp_path: Path) -> None:
    assert command("create", "looker", "-f", str(MODELFILE)).status == 0
    drawing = tmp_path / "my drawing.png"
    draw(random.Random(77_000_005), SCENE).image.save(drawing)
    terminal = session("run", "looker")
    terminal.prompt()
    dragged = str(drawing).replace(" ", "\\ ")  # as terminals write a file that is dropped on them
    shown = terminal.say(f"{dragged} What do you see?")
    assert f"Added image '{drawing}'" in shown.replace("\r\n", "")
    assert "Three red circles on a white background." in shown
    terminal.send("/bye")
    assert terminal.status() == 0
    assert command("rm", "looker").status == 0
