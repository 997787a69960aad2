"""``signin`` and ``signout``: which account of ollama.com the server acts for.

This project's server has no accounts; Ollama's own has. A registry knows a machine by its key, so
what is left of signing in is to show that key to the registry.
"""

from __future__ import annotations

import base64
import socket
import sys
from urllib.parse import quote

from ollama_server.cli.client import Client
from ollama_server.cli.errors import ApiError, SignInNeeded
from ollama_server.transfer.keys import load_or_create

_UNAVAILABLE = 503


def sign_in(client: Client) -> None:
    """Say who is signed in, or where that is done."""
    try:
        name = user(client)
    except ApiError as error:
        if error.status != _UNAVAILABLE:
            raise
        sys.stdout.write(
            "This server has no accounts, and needs none to run and pull models.\n"
            f"To push to ollama.com, connect this machine's key to your account there:\n"
            f"    {connect_url()}\n"
        )
        return
    if not name:
        raise SignInNeeded("You need to be signed in to Ollama to run Cloud models.", connect_url())
    sys.stdout.write(f"You are already signed in as user '{name}'\n")


def sign_out(client: Client) -> None:
    """Forget the account; nothing happens where there is none."""
    try:
        client.post("/api/signout", {})
    except ApiError as error:
        if error.status != 401:
            raise
        sys.stdout.write("You are not signed in to ollama.com\n")
        return
    sys.stdout.write("You have signed out of ollama.com\n")


def check_before_push(client: Client) -> None:
    """Raise SignInNeeded where the server knows that nobody is signed in."""
    try:
        user(client)
    except ApiError as error:
        # A server without accounts leaves it to the registry.
        if error.status != _UNAVAILABLE:
            raise
    except SignInNeeded as error:
        text = "You need to be signed in to push models to ollama.com."
        raise SignInNeeded(text, error.url) from error


def user(client: Client) -> str:
    """The account's name, empty for a key that no account has; raises SignInNeeded."""
    try:
        found = client.post("/api/me", {})
    except ApiError as error:
        if error.status != 401:
            raise
        text = "You need to be signed in to Ollama to run Cloud models."
        raise SignInNeeded(text, error.signin_url or connect_url()) from error
    return str(found.get("name") or "")


def connect_url() -> str:
    """The page of ollama.com that connects this machine's key to an account."""
    pair, _ = load_or_create()
    key = base64.urlsafe_b64encode(pair.public_line.encode()).decode().rstrip("=")
    return f"https://ollama.com/connect?name={quote(socket.gethostname())}&key={key}"
