"""The commands and their flags; each is a few calls to the modules beside this one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ollama_server.cli import account, checks, transfers
from ollama_server.cli.client import Client
from ollama_server.cli.completion import installed
from ollama_server.cli.errors import ApiError, CliError
from ollama_server.cli.listing import list_loaded, list_models
from ollama_server.cli.run import (
    RunOptions,
    check_keep_alive,
    one_shot,
    parse_format,
    parse_think,
    prepare,
    read_prompt,
)
from ollama_server.cli.show import describe
from ollama_server.settings import Settings, get_settings
from ollama_server.version import API_VERSION

app = typer.Typer(
    help="Large language model runner",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# The number of words is checked below, for errors in the words that Ollama's users know.
Nothing = Annotated[
    list[str] | None,
    typer.Argument(metavar="", show_default=False),
]
Model = Annotated[
    list[str] | None,
    typer.Argument(metavar="MODEL", show_default=False, autocompletion=installed),
]
Models = Annotated[
    list[str] | None,
    typer.Argument(metavar="MODEL [MODEL...]", show_default=False, autocompletion=installed),
]
Prompt = Annotated[
    list[str] | None,
    typer.Argument(metavar="MODEL [PROMPT]", show_default=False, autocompletion=installed),
]
Prefix = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PREFIX]", show_default=False, autocompletion=installed),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE DESTINATION", show_default=False, autocompletion=installed),
]
Topic = Annotated[
    list[str] | None,
    typer.Argument(metavar="[COMMAND]", show_default=False),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Use an insecure registry")]


def exactly(count: int, words: list[str] | None) -> list[str]:
    """The arguments, or the error of a wrong number of them."""
    words = words or []
    if len(words) != count:
        raise CliError(f"accepts {count} arg(s), received {len(words)}")
    return words


def at_least(count: int, words: list[str] | None) -> list[str]:
    """The same for a minimum."""
    words = words or []
    if len(words) < count:
        raise CliError(f"requires at least {count} arg(s), only received {len(words)}")
    return words


def at_most_one(words: list[str] | None) -> str:
    """The one optional argument."""
    words = words or []
    if len(words) > 1:
        raise CliError(f"accepts at most 1 arg(s), received {len(words)}")
    return words[0] if words else ""


def connected() -> Client:
    """A client whose server answers."""
    client = Client()
    client.check()
    return client


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    server = None
    try:
        server = Client().version()
    except ApiError as error:
        sys.stdout.write(f"Warning: the server does not tell its version: {error}\n")
    else:
        found = f"ollama version is {server}"
        absent = "Warning: could not connect to a running Ollama instance"
        sys.stdout.write(f"{found if server else absent}\n")
    if server != API_VERSION:
        sys.stdout.write(f"Warning: client version is {API_VERSION}\n")
    raise typer.Exit


def environment(*names: str) -> str:
    """The end of a command's help: the variables it reads; all of them without ``names``."""
    lines = ["\b", "Environment Variables:"]
    for name, field in sorted(Settings.model_fields.items()):
        if not names or name in names:
            lines.append(f"  OLLAMA_{name.upper():<20} {field.description}")
    return "\n".join(lines)


HOST = environment("host")


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-v",
            help="Show version information",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Large language model runner"""


@app.command(epilog=environment())
def serve(words: Nothing = None) -> None:
    """Start ollama"""
    from ollama_server.serve import run as run_server

    exactly(0, words)
    run_server(get_settings())


app.command("start", hidden=True, epilog=environment())(serve)


@app.command(epilog=HOST)
def create(
    words: Model = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help='Name of the Modelfile (default "Modelfile")'),
    ] = None,
    quantize: Annotated[
        str, typer.Option("--quantize", "-q", help="Quantize model to this level (e.g. q4_K_M)")
    ] = "",
    draft_quantize: Annotated[
        str, typer.Option("--draft-quantize", help="Quantize the draft model to this level")
    ] = "",
    experimental: Annotated[bool, typer.Option("--experimental", hidden=True)] = False,
) -> None:
    """Create a model"""
    del experimental
    (model,) = exactly(1, words)
    transfers.create(connected(), model, file, quantize=quantize, draft_quantize=draft_quantize)


@app.command(epilog=HOST)
def show(
    words: Model = None,
    *,
    license_: Annotated[bool, typer.Option("--license", help="Show license of a model")] = False,
    modelfile: Annotated[
        bool, typer.Option("--modelfile", help="Show Modelfile of a model")
    ] = False,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Show parameters of a model")
    ] = False,
    system: Annotated[
        bool, typer.Option("--system", help="Show system message of a model")
    ] = False,
    template: Annotated[bool, typer.Option("--template", help="Show template of a model")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show detailed model information")
    ] = False,
) -> None:
    """Show information for a model"""
    (model,) = exactly(1, words)
    wanted = {
        "license": license_,
        "modelfile": modelfile,
        "parameters": parameters,
        "system": system,
        "template": template,
    }
    chosen = [name for name, value in wanted.items() if value]
    if len(chosen) > 1:
        raise CliError(
            "only one of '--license', '--modelfile', '--parameters', '--system', "
            "or '--template' can be specified"
        )
    shown = connected().post("/api/show", {"model": model, "verbose": verbose})
    if not chosen:
        sys.stdout.write(describe(shown, verbose=verbose))
        return
    end = "" if chosen[0] in ("system", "template") else "\n"
    sys.stdout.write(f"{shown.get(chosen[0]) or ''}{end}")


@app.command(epilog=environment("editor", "host", "nohistory"))
def run(
    words: Prompt = None,
    *,
    keepalive: Annotated[
        str, typer.Option("--keepalive", help="Duration to keep a model loaded (e.g. 5m)")
    ] = "",
    verbose: Annotated[bool, typer.Option("--verbose", help="Show timings for response")] = False,
    insecure: Insecure = False,
    nowordwrap: Annotated[
        bool, typer.Option("--nowordwrap", help="Don't wrap words to the next line automatically")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="Response format (e.g. json)")] = "",
    think: Annotated[
        str | None,
        typer.Option("--think", help="Thinking: true, false, high, medium, low or max"),
    ] = None,
    hidethinking: Annotated[
        bool, typer.Option("--hidethinking", help="Hide thinking output (if provided)")
    ] = False,
    truncate: Annotated[
        bool | None, typer.Option("--truncate/--no-truncate", help="Cut inputs that are too long")
    ] = None,
    dimensions: Annotated[
        int, typer.Option("--dimensions", help="Size of the embedding to print")
    ] = 0,
) -> None:
    """Run a model"""
    model, *rest = at_least(1, words)
    options = RunOptions(
        model=model,
        keep_alive=check_keep_alive(keepalive),
        verbose=verbose,
        insecure=insecure,
        plain=nowordwrap,
        format=parse_format(format_),
        think=parse_think(think),
        think_chosen=think is not None,
        hide_thinking=hidethinking,
        truncate=truncate,
        dimensions=dimensions,
    )
    client = connected()
    shown = prepare(client, options)
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not rest
    if interactive and "embedding" not in options.capabilities:
        from ollama_server.cli.repl import converse

        converse(client, options, shown)
    else:
        one_shot(client, options, read_prompt(rest))


@app.command(epilog=HOST)
def stop(words: Model = None) -> None:
    """Stop a running model"""
    (model,) = exactly(1, words)
    client = connected()
    try:
        client.post("/api/show", {"model": model})
    except ApiError as error:
        if error.status == 404:
            raise CliError(f'couldn\'t find model "{model}" to stop') from error
        raise
    client.post("/api/generate", {"model": model, "keep_alive": "0s", "stream": False})


@app.command(epilog=HOST)
def pull(words: Model = None, *, insecure: Insecure = False) -> None:
    """Pull a model from a registry"""
    (model,) = exactly(1, words)
    transfers.pull(connected(), model, insecure=insecure)


@app.command(epilog=HOST)
def push(words: Model = None, *, insecure: Insecure = False) -> None:
    """Push a model to a registry"""
    (model,) = exactly(1, words)
    transfers.push(connected(), model, insecure=insecure)


@app.command(epilog=HOST)
def signin(words: Nothing = None) -> None:
    """Sign in to ollama.com"""
    exactly(0, words)
    account.sign_in(connected())


app.command("login", hidden=True, epilog=HOST)(signin)


@app.command(epilog=HOST)
def signout(words: Nothing = None) -> None:
    """Sign out from ollama.com"""
    exactly(0, words)
    account.sign_out(connected())


app.command("logout", hidden=True, epilog=HOST)(signout)


@app.command("list", epilog=HOST)
def list_(words: Prefix = None) -> None:
    """List models"""
    list_models(connected(), at_most_one(words))


app.command("ls", hidden=True, epilog=HOST)(list_)


@app.command(epilog=HOST)
def ps(words: Prefix = None) -> None:
    """List running models"""
    list_loaded(connected(), at_most_one(words))


@app.command(epilog=HOST)
def cp(words: Names = None) -> None:
    """Copy a model"""
    source, destination = exactly(2, words)
    connected().post("/api/copy", {"source": source, "destination": destination})
    sys.stdout.write(f"copied '{source}' to '{destination}'\n")


@app.command(epilog=HOST)
def rm(words: Models = None) -> None:
    """Remove a model"""
    client = connected() if at_least(1, words) else Client()
    for model in words or []:
        try:
            client.post("/api/generate", {"model": model, "keep_alive": 0, "stream": False})
        except ApiError as error:
            # 403: a model that runs elsewhere, if anywhere.
            if error.status not in (403, 404):
                sys.stderr.write(f"Warning: unable to stop model '{model}'\n")
        client.delete("/api/delete", {"model": model})
        sys.stdout.write(f"deleted '{model}'\n")


@app.command(epilog=HOST)
def bench(
    words: Model = None,
    *,
    streams: Annotated[
        str, typer.Option("--streams", help="Numbers of answers at once, separated by commas")
    ] = "1,4",
    tokens: Annotated[int, typer.Option("--tokens", help="Tokens of each answer", min=1)] = 64,
) -> None:
    """Measure a model's tokens per second on this machine"""
    (model,) = exactly(1, words)
    counts = checks.parse_streams(streams)
    checks.bench(connected(), model, streams=counts, tokens=tokens)


@app.command(epilog=environment("host", "models"))
def fsck(
    words: Nothing = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Compare sizes only, do not read the blobs")
    ] = False,
) -> None:
    """Check the model store"""
    exactly(0, words)
    raise typer.Exit(checks.fsck(get_settings(), quick=quick))


@app.command(epilog=environment("host", "models"))
def doctor(words: Nothing = None) -> None:
    """Tell what this build and this machine can do"""
    exactly(0, words)
    raise typer.Exit(checks.doctor(get_settings()))


@app.command("help", epilog=HOST)
def help_(context: typer.Context, words: Topic = None) -> None:
    """Help about any command"""
    parent = context.parent
    assert parent is not None
    name = at_most_one(words)
    if not name:
        sys.stdout.write(f"{parent.get_help()}\n")
        return
    command = typer.main.get_group(app).get_command(parent, name)
    if command is None:
        raise CliError(f'unknown command "{name}" for "ollama"')
    sys.stdout.write(f"{command.get_help(typer.Context(command, parent, name))}\n")
