"""What the command line says when it fails: ``Error: <text>`` on stderr, exit status 1."""

from __future__ import annotations


class CliError(Exception):
    """A failure that is told in one line."""


def os_error_text(error: OSError) -> str:
    """``<file>: <reason>`` for an error of the operating system, without its number."""
    reason = (error.strerror or str(error)).lower()
    return reason if error.filename is None else f"{error.filename}: {reason}"


class ApiError(CliError):
    """The server refused; ``status`` is 0 for an error inside a stream."""

    def __init__(self, message: str, status: int = 0, *, signin_url: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.signin_url = signin_url
        """Where Ollama's server sends people who are not signed in."""


class SignInNeeded(Exception):
    """An account is needed: a hint on stdout and exit status 0, as in Ollama."""

    def __init__(self, text: str, url: str) -> None:
        super().__init__(text)
        self.url = url
