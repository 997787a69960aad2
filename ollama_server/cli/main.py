"""Entry point: errors become one line on stderr and exit status 1."""

from __future__ import annotations

import re
import sys

import typer

from ollama_server.cli.app import app
from ollama_server.cli.errors import CliError

_INTERRUPTED = 130
# typer carries click inside and shows only some of its errors: UsageError, and what that is.
_UsageError = typer.BadParameter.__mro__[1]
_ClickError = _UsageError.__mro__[1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit status."""
    words = join_think(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(app)
    try:
        result = command.main(words, prog_name="ollama-server", standalone_mode=False)
    except CliError as error:
        return fail(str(error))
    except _ClickError as error:
        return fail(usage_text(error, words))
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0


def join_think(words: list[str]) -> list[str]:
    """A bare --think means true; without this it would take the next word for its value."""
    end = words.index("--") if "--" in words else len(words)
    return [
        "--think=true" if word == "--think" and i < end else word for i, word in enumerate(words)
    ]


def fail(text: str) -> int:
    """Print an error; returns the exit status for it."""
    sys.stderr.write(f"Error: {text}\n")
    return 1


def usage_text(error: BaseException, words: list[str]) -> str:
    """Usage errors in the words that Ollama's users know."""
    name = getattr(error, "option_name", None)
    if name and type(error).__name__ == "NoSuchOption":
        if name.startswith("--"):
            return f"unknown flag: {name}"
        whole = next((word for word in words if word.startswith("-") and name[1] in word), name)
        return f"unknown shorthand flag: '{name[1]}' in {whole}"
    message = str(getattr(error, "message", error))
    if found := re.match(r"No such command '(.*?)'", message):
        return f'unknown command "{found[1]}" for "ollama"'
    return message
