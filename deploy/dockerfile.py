"""A Dockerfile carried out without Docker: its instructions, in chroots of Debian."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy.chroot import REPOSITORY, Bind, copy_of_base, inside, say


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile; ``text`` is all behind the keyword."""

    keyword: str
    text: str


def parse(text: str) -> Iterator[Instruction]:
    """The instructions in their order; comments go, continued lines are joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    for line in joined.splitlines():
        if line.strip():
            keyword, _, rest = line.strip().partition(" ")
            yield Instruction(keyword.upper(), rest.strip())


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore leaves a path out: the last pattern that matches it or a parent."""
    parts = path.split("/")
    candidates = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    result = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!").strip("/")
        names = parts if wanted.startswith("**/") else candidates
        if any(fnmatch.fnmatchcase(name, wanted.removeprefix("**/")) for name in names):
            result = not pattern.startswith("!")
    return result


@dataclass
class Stage:
    """A file system and what the instructions so far have set for it."""

    name: str
    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Of ENV."""
    arguments: dict[str, str] = field(default_factory=dict)
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def process(
        self,
        words: list[str],
        variables: dict[str, str],
        binds: list[Bind],
        *,
        user: str = "0:0",
        offline: bool = False,
    ) -> list[str]:
        """The command that runs ``words`` in it."""
        together = {**self.variables, **variables}
        return inside(
            self.root, words, together, binds, folder=self.folder, user=user, offline=offline
        )


class Builder:
    """Carries out a Dockerfile."""

    def __init__(
        self, work: Path, build_args: dict[str, str], variables: dict[str, str], binds: list[Bind]
    ) -> None:
        self._work = work
        self._globals = dict(build_args)
        self._passed = variables
        self._binds = binds
        self._stages: list[Stage] = []
        ignore = (REPOSITORY / ".dockerignore").read_text().splitlines()
        self._ignore = [line.strip() for line in ignore if line.strip()]

    @property
    def stage(self) -> Stage:
        """The stage that is being built; at the end, the final one."""
        return self._stages[-1]

    def build(self, text: str) -> Stage:
        """Carry out all instructions; the final stage."""
        for number, instruction in enumerate(parse(text), start=1):
            say(f"step {number}: {instruction.keyword} {instruction.text[:90]}")
            method = getattr(self, f"do_{instruction.keyword.lower()}", None)
            if method is None:
                sys.exit(f"{instruction.keyword} is not known here")
            method(instruction.text)
        return self.stage

    def do_arg(self, text: str) -> None:
        """A build argument; --build-arg goes before its default."""
        name, _, value = text.partition("=")
        value = self._globals.get(name, _unquoted(value))
        if self._stages:
            self.stage.arguments[name] = value
        else:
            self._globals[name] = value

    def do_from(self, text: str) -> None:
        """A new stage: a Debian of its own, whatever the image is called."""
        words = text.split()
        name = words[2] if len(words) == 3 else f"stage{len(self._stages)}"
        self._stages.append(Stage(name, copy_of_base(self._work, name)))

    def do_shell(self, text: str) -> None:
        """What RUN's text is given to."""
        self.stage.shell = json.loads(text)

    def do_workdir(self, text: str) -> None:
        """The folder of what follows."""
        self.stage.folder = text
        (self.stage.root / text.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def do_env(self, text: str) -> None:
        """Variables for what follows and for the container."""
        self.stage.variables |= dict(word.split("=", 1) for word in shlex.split(text))

    def do_run(self, text: str) -> None:
        """A command, as root."""
        variables = {**self.stage.arguments, **self._passed}
        words = self.stage.process([*self.stage.shell, text], variables, self._binds)
        subprocess.run(words, check=True)

    def do_copy(self, text: str) -> None:
        """Files of the repository less what .dockerignore names, or of an earlier stage."""
        words = text.split()
        source_root = REPOSITORY
        patterns = self._ignore
        if words[0].startswith("--from="):
            wanted = words.pop(0).removeprefix("--from=")
            source_root = next(stage.root for stage in self._stages if stage.name == wanted)
            patterns = []
        *sources, target = words
        inside = self.stage.root / self.stage.folder.lstrip("/") / target.rstrip("/")
        if target.startswith("/"):
            inside = self.stage.root / target.strip("/")
        for source in sources:
            origin = source_root / source.lstrip("/")
            into = inside / origin.name if target.endswith("/") else inside
            copy(origin, into, self._leave_out(source_root, patterns))

    def do_entrypoint(self, text: str) -> None:
        """What a container starts."""
        self.stage.entrypoint = json.loads(text)

    def do_cmd(self, text: str) -> None:
        """Its arguments."""
        self.stage.command = json.loads(text)

    def do_healthcheck(self, text: str) -> None:
        """How Docker asks whether it is well."""
        self.stage.health = json.loads(text[text.index("CMD ") + 4 :])

    def do_expose(self, text: str) -> None:
        """Only says which port it is."""

    def _leave_out(self, root: Path, patterns: list[str]) -> Callable[[str, list[str]], set[str]]:
        def leave_out(folder: str, names: list[str]) -> set[str]:
            paths = {name: (Path(folder) / name).relative_to(root) for name in names}
            return {name for name, path in paths.items() if ignored(path.as_posix(), patterns)}

        return leave_out


def copy(source: Path, target: Path, leave_out: Callable[[str, list[str]], set[str]]) -> None:
    """A file or what is in a folder, links as links."""
    if not source.exists() or leave_out(str(source.parent), [source.name]):
        sys.exit(f"COPY: {source} is not in the build context")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=leave_out, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _unquoted(text: str) -> str:
    return shlex.split(text)[0] if text else ""
