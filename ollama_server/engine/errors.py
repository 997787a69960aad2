"""What the engine answers to requests that cannot be served."""

from __future__ import annotations


class RequestError(ValueError):
    """The request cannot be served; ``status`` is the HTTP status it deserves."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
