"""Entry point: errors become one line on stderr and exit status 1."""

from __future__ import annotations

import os
import re
import sys

import typer

from ollama_server.cli.app import app
from ollama_server.cli.client import program_name
from ollama_server.cli.completion import step_behind_colon
from ollama_server.cli.errors import CliError, SignInNeeded, os_error_text
from ollama_server.errors import ServerError

_INTERRUPTED = 130
_SWITCHES = frozenset(
    f"--{name}"
    for name in (
        *("verbose", "insecure", "nowordwrap", "hidethinking", "truncate", "quick"),
        *("license", "modelfile", "parameters", "system", "template", "experimental"),
    )
)
# typer carries click inside and shows only some of its errors: UsageError, and what that is.
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit status."""
    words = flag_values(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    open_streams()
    step_behind_colon(os.environ)
    command = typer.main.get_command(app)
    try:
        result = command.main(words, prog_name=program_name(), standalone_mode=False)
    except CliError as error:
        return fail(str(error))
    except ServerError as error:
        return fail(error.message)
    except SignInNeeded as error:
        sys.stdout.write(f"{error}\n\nTo sign in, open:\n    {error.url}\n")
        return 0
    except _ClickError as error:
        return fail(usage_text(error, words))
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        return 0
    except OSError as error:
        return fail(os_error_text(error))
    return result if isinstance(result, int) else 0


def open_streams() -> None:
    """Where stdin, stdout or stderr is closed, be as if it were /dev/null.

    Python has None for it then, and the next file that is opened would get its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def flag_values(words: list[str]) -> list[str]:
    """Flags as Ollama's users may write them.

    A bare --think means true; without this it would take the next word for its value. Switches
    accept =true and =false.
    """
    end = words.index("--") if "--" in words else len(words)
    found = []
    for word in words[:end]:
        flag, equals, value = word.partition("=")
        if word == "--think":
            found.append("--think=true")
        elif not equals or flag not in _SWITCHES or value not in ("true", "false"):
            found.append(word)
        elif value == "true":
            found.append(flag)
        elif flag == "--truncate":
            found.append("--no-truncate")
    return found + words[end:]


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
    if found := re.match(r"Option '(-.*?)' requires an argument", message):
        flag = found[1]
        if flag.startswith("--"):
            return f"flag needs an argument: {flag}"
        return f"flag needs an argument: '{flag[1]}' in {flag}"
    if found := re.match(r"No such command '(.*?)'", message):
        return f'unknown command "{found[1]}" for "ollama"'
    if flags := getattr(getattr(error, "param", None), "opts", None):
        return f'invalid argument for "{flags[0]}" flag: {message}'
    return message
