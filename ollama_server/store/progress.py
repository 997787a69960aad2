"""What long work on the store (pull, push, create) tells its client on the way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One frame: ``total`` and ``completed`` are bytes of the blob ``digest``."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0

    def as_dict(self) -> dict[str, str | int]:
        """The frame as JSON, zero values left out."""
        frame: dict[str, str | int] = {"status": self.status}
        if self.digest:
            frame["digest"] = self.digest
        if self.total:
            frame["total"] = self.total
        if self.completed:
            frame["completed"] = self.completed
        return frame
