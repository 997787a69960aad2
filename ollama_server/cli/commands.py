"""The slash commands of a conversation."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ollama_server.cli.errors import ApiError
from ollama_server.cli.listing import list_models
from ollama_server.cli.run import THINK_LEVELS, prepare
from ollama_server.cli.show import describe
from ollama_server.errors import ServerError
from ollama_server.store.modelfile import typed_parameters
from ollama_server.store.names import Name
from ollama_server.store.show import parameters_text

if TYPE_CHECKING:
    from ollama_server.cli.repl import Conversation

_MEDIA = re.compile(r"\.(jpe?g|png|webp|wav|mp3)\b", re.IGNORECASE)

HELP = """Available Commands:
  /set            Set session variables
  /show           Show model information
  /load <model>   Load a session or model
  /save <model>   Save your current session
  /clear          Clear session context
  /list           List the installed models
  /bye            Exit
  /?, /help       Help for a command
  /? shortcuts    Help for keyboard shortcuts

Use \"\"\" to begin a multi-line message.

"""
HELP_SET = """Available Commands:
  /set parameter ...     Set a parameter
  /set system <string>   Set system message
  /set history           Enable history
  /set nohistory         Disable history
  /set wordwrap          Enable wordwrap
  /set nowordwrap        Disable wordwrap
  /set format json       Enable JSON mode
  /set noformat          Disable formatting
  /set verbose           Show LLM stats
  /set quiet             Disable LLM stats
  /set think [level]     Enable thinking
  /set nothink           Disable thinking

"""
HELP_PARAMETERS = """Available Parameters:
  /set parameter seed <int>             Random number seed
  /set parameter num_predict <int>      Max number of tokens to predict
  /set parameter top_k <int>            Pick from top k num of tokens
  /set parameter top_p <float>          Pick token based on sum of probabilities
  /set parameter min_p <float>          Pick token based on top token probability * min_p
  /set parameter num_ctx <int>          Set the context size
  /set parameter temperature <float>    Set creativity level
  /set parameter repeat_penalty <float> How strongly to penalize repetitions
  /set parameter repeat_last_n <int>    Set how far back to look for repetitions
  /set parameter num_gpu <int>          The number of layers to send to the GPU
  /set parameter stop <string> <string> ...   Set the stop parameters

"""
HELP_SHOW = """Available Commands:
  /show info         Show details for this model
  /show license      Show model license
  /show modelfile    Show Modelfile for this model
  /show parameters   Show parameters for this model
  /show system       Show system message
  /show template     Show prompt template

"""
HELP_SHORTCUTS = """Available keyboard shortcuts:
  Ctrl + a            Move to the beginning of the line (Home)
  Ctrl + e            Move to the end of the line (End)
   Alt + b            Move back (left) one word
   Alt + f            Move forward (right) one word
  Ctrl + k            Delete the sentence after the cursor
  Ctrl + u            Delete the sentence before the cursor
  Ctrl + w            Delete the word before the cursor
  Ctrl + j            Insert a line break
  Ctrl + g            Edit the message in an editor

  Ctrl + l            Clear the screen
  Ctrl + c            Stop the model from responding
  Ctrl + d            Exit ollama (/bye)

"""


def handle(conversation: Conversation, text: str) -> bool:
    """Run a slash command; False where the text is a message after all (a path)."""
    command, _, rest = text.partition(" ")
    for name, action in COMMANDS.items():
        if command.startswith(name):
            action(conversation, rest.strip())
            return True
    if _MEDIA.search(text):
        return False
    sys.stdout.write(f"Unknown command '{command}'. Type /? for help\n")
    return True


def _help(_: Conversation, topic: str) -> None:
    sys.stderr.write(
        {"set": HELP_SET, "/set": HELP_SET, "show": HELP_SHOW, "/show": HELP_SHOW}.get(
            topic, HELP_SHORTCUTS if topic in ("shortcut", "shortcuts") else HELP
        )
    )


def _list(conversation: Conversation, prefix: str) -> None:
    list_models(conversation.client, prefix)


def _clear(conversation: Conversation, _: str) -> None:
    conversation.clear()
    sys.stdout.write("Cleared session context\n")


def _load(conversation: Conversation, name: str) -> None:
    if not name or " " in name:
        sys.stdout.write("Usage:\n  /load <modelname>\n")
        return
    sys.stdout.write(f"Loading model '{name}'\n")
    options = conversation.options
    before, options.model = options.model, name
    try:
        conversation.client.post("/api/show", {"model": name})
        conversation.shown = prepare(conversation.client, options)
        conversation.load()
    except ApiError as error:
        options.model = before
        if error.status != 404:
            raise
        sys.stdout.write(f"Couldn't find model '{name}'\n")
        return
    conversation.messages.clear()


def _save(conversation: Conversation, name: str) -> None:
    if not name or " " in name:
        sys.stdout.write("Usage:\n  /save <modelname>\n")
        return
    if not Name.parse(name).is_valid:
        sys.stdout.write(f"error: The model name '{name}' is invalid\n")
        return
    parent = (conversation.shown.get("details") or {}).get("parent_model", "")
    usable = bool(parent) and Name.parse(parent).is_valid and "/" not in parent[:1]
    body: dict[str, Any] = {
        "model": name,
        "from": parent if usable and _exists(conversation, parent) else conversation.options.model,
        "parameters": conversation.options.parameters,
        "messages": [*(conversation.shown.get("messages") or []), *conversation.messages],
    }
    if conversation.options.system:
        body["system"] = conversation.options.system
    for _ in conversation.client.stream("/api/create", body):
        pass
    sys.stdout.write(f"Created new model '{name}'\n")


def _exists(conversation: Conversation, name: str) -> bool:
    try:
        conversation.client.post("/api/show", {"model": name})
    except ApiError:
        return False
    return True


def _show(conversation: Conversation, what: str) -> None:
    shown, options = conversation.shown, conversation.options
    if what == "info":
        sys.stderr.write(describe(shown))
    elif what == "license":
        text = shown.get("license") or "No license was specified for this model."
        sys.stdout.write(f"{text}\n")
    elif what == "modelfile":
        sys.stdout.write(f"{shown.get('modelfile', '')}\n")
    elif what == "system":
        text = options.system or shown.get("system") or ""
        sys.stdout.write(f"{text or 'No system message was specified for this model.'}\n")
    elif what == "template":
        text = shown.get("template") or "No prompt template was specified for this model."
        sys.stdout.write(f"{text}\n")
    elif what == "parameters":
        _show_parameters(shown.get("parameters") or "", options.parameters)
    else:
        sys.stderr.write(HELP_SHOW)


def _show_parameters(stored: str, session: dict[str, Any]) -> None:
    stored = stored or "No additional parameters were specified for this model."
    sys.stdout.write("Model defined parameters:\n" + _indented(stored))
    if session:
        sys.stdout.write("\nUser defined parameters:\n" + _indented(parameters_text(session)))


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def _set(conversation: Conversation, rest: str) -> None:
    what, _, value = rest.partition(" ")
    action = SETTERS.get(what)
    if action is None:
        sys.stderr.write(HELP_SET)
        if what:
            sys.stdout.write(f"Unknown command '/set {what}'. Type /? for help\n")
        return
    action(conversation, value.strip())


def _set_parameter(conversation: Conversation, rest: str) -> None:
    words = rest.split()
    if len(words) < 2:
        sys.stderr.write(HELP_PARAMETERS)
        return
    name, values = words[0], words[1:]
    counted = values if name == "stop" else values[:1]
    try:
        found = typed_parameters((name, value) for value in counted)
    except ServerError as error:
        sys.stdout.write(f'Couldn\'t set parameter: "{error.message}"\n')
        return
    conversation.options.parameters |= found.values
    for warning in found.warnings:
        sys.stdout.write(f"{warning}\n")
    if found.values:
        sys.stdout.write(f"Set parameter '{name}' to '{', '.join(values)}'\n")


def _set_system(conversation: Conversation, text: str) -> None:
    conversation.set_system(text)
    sys.stdout.write("Set system message.\n")


def _set_format(conversation: Conversation, value: str) -> None:
    if value != "json":
        sys.stdout.write("Invalid or missing format. For 'json' mode use '/set format json'\n")
        return
    conversation.options.format = json.dumps("json")
    sys.stdout.write("Set format to 'json' mode.\n")


def _set_noformat(conversation: Conversation, _: str) -> None:
    conversation.options.format = ""
    sys.stdout.write("Disabled format.\n")


def _set_think(conversation: Conversation, level: str) -> None:
    if level and level not in THINK_LEVELS:
        sys.stderr.write(f'invalid think level: "{level}"\n')
        return
    _warn_without_thinking(conversation)
    conversation.options.think = level or True
    conversation.options.think_chosen = True
    sys.stdout.write(f"Set 'think' mode to '{level}'.\n" if level else "Set 'think' mode.\n")


def _set_nothink(conversation: Conversation, _: str) -> None:
    _warn_without_thinking(conversation)
    conversation.options.think = False
    conversation.options.think_chosen = True
    sys.stdout.write("Set 'nothink' mode.\n")


def _warn_without_thinking(conversation: Conversation) -> None:
    options = conversation.options
    if "thinking" not in options.capabilities:
        sys.stderr.write(f'warning: model "{options.model}" does not support thinking output\n')


def _mode(name: str, attribute: str, value: bool) -> Callable[[Conversation, str], None]:
    def change(conversation: Conversation, _: str) -> None:
        setattr(conversation.options, attribute, value)
        sys.stdout.write(f"Set '{name}' mode.\n")

    return change


def _history(value: bool) -> Callable[[Conversation, str], None]:
    def change(conversation: Conversation, _: str) -> None:
        conversation.keeps_history = value

    return change


SETTERS: dict[str, Callable[[Conversation, str], None]] = {
    "parameter": _set_parameter,
    "system": _set_system,
    "format": _set_format,
    "noformat": _set_noformat,
    "think": _set_think,
    "nothink": _set_nothink,
    "verbose": _mode("verbose", "verbose", True),
    "quiet": _mode("quiet", "verbose", False),
    "wordwrap": _mode("wordwrap", "plain", False),
    "nowordwrap": _mode("nowordwrap", "plain", True),
    "history": _history(True),
    "nohistory": _history(False),
}
COMMANDS: dict[str, Callable[[Conversation, str], None]] = {
    "/set": _set,
    "/show": _show,
    "/load": _load,
    "/save": _save,
    "/clear": _clear,
    "/list": _list,
    "/help": _help,
    "/?": _help,
}
