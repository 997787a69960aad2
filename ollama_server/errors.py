"""Every error the server raises on purpose.

    ServerError                      500
    ├── BadRequest                   400  the client's data
    ├── Unauthorized                 401  a missing or wrong API key
    ├── Forbidden                    403  cloud features, refused origins
    ├── NotFound                     404  no such model or blob
    │   └── ModelNotFound            404
    ├── Canceled                     499  the client went away
    ├── Unsupported                  501  a model that cannot do what is asked
    ├── Busy                         503  the queue is full
    ├── StoreError                   500  disk, permissions, corrupt data
    ├── TransferError                500  a registry or hub refused or broke off
    ├── TemplateError                500  a prompt template that fails
    └── RunnerError                  500
        ├── LoadError                500  the model does not load
        │   └── OutOfMemory          500
        └── RunnerDied               500  the process ended while it worked

The message is what the client reads in ``{"error": "..."}``: it says what happened and what to do.
"""

from __future__ import annotations


class ServerError(Exception):
    """Base of all errors that reach a client; ``status`` counts before the first frame."""

    status: int = 500

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return self.message


class BadRequest(ServerError):
    """The request is malformed or asks for something impossible."""

    status = 400


class Unauthorized(ServerError):
    """The request carries no valid API key."""

    status = 401


class Forbidden(ServerError):
    """The request is understood and refused."""

    status = 403


class NotFound(ServerError):
    """The thing named in the request does not exist."""

    status = 404


class ModelNotFound(NotFound):
    """No installed model has this name."""


class Canceled(ServerError):
    """The client disconnected before an answer existed, or does not read the one it gets."""

    status = 499


class Unsupported(ServerError):
    """The model lacks the ability that the route needs."""

    status = 501


class Busy(ServerError):
    """More requests wait than OLLAMA_MAX_QUEUE allows."""

    status = 503

    def __init__(self) -> None:
        # Two spaces: clients match this text as Ollama sends it.
        super().__init__("server busy, please try again.  maximum pending requests exceeded")


class StoreError(ServerError):
    """The model store could not be read or written."""


class TransferError(ServerError):
    """A pull or push failed."""


class TemplateError(ServerError):
    """A prompt template does not parse, or fails while it renders."""


class RunnerError(ServerError):
    """The runner process reported a failure."""


class LoadError(RunnerError):
    """llama.cpp refused the model."""


class OutOfMemory(LoadError):
    """The model does not fit into the memory at hand."""


class RunnerDied(RunnerError):
    """The runner process ended while requests waited for it."""

    def __init__(self, detail: str = "") -> None:
        text = (
            "model runner has unexpectedly stopped, this may be due to resource limitations "
            "or an internal error, check ollama server logs for details"
        )
        super().__init__(f"{text}: {detail}" if detail else text)
