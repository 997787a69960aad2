"""What a newcomer does with the README, in a Debian that has nothing.

    sudo python3 -m deploy.chroot_newcomer [--work FOLDER] [--cache FOLDER] [--mirror URL] [...]

A clone of what is committed, and every command block of README.md in its order, as it is written:
the one that serves in one terminal, all others in a second one. Blocks that need a registry, a GPU
or Docker are left out (--network runs the first kind too).

Needs root, debootstrap, util-linux, iproute2, port 11434, and the network for Debian's and Python's
packages.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from deploy.chroot import (
    REPOSITORY,
    Bind,
    arguments,
    copy_of_base,
    inside,
    passed_on,
    say,
    workplace,
)
from deploy.readme import Block, blocks

URL = "http://127.0.0.1:11434/"
SECONDS = 3600
FOLDER = "/root/ollama-server"


class Newcomer:
    """A fresh Debian and somebody in it."""

    def __init__(self, root: Path, variables: dict[str, str], binds: list[Bind]) -> None:
        self._root = root
        self._variables = {**variables, "DEBIAN_FRONTEND": "noninteractive", "TERM": "xterm"}
        self._binds = binds

    def words(self, script: str, folder: str = "/root") -> list[str]:
        """The command for a script."""
        words = ["/bin/bash", "-euo", "pipefail", "-c", script]
        return inside(self._root, words, self._variables, self._binds, folder=folder)

    def run(self, script: str, folder: str = "/root") -> None:
        """A script that has to end well."""
        if subprocess.run(self.words(script, folder), check=False).returncode != 0:
            sys.exit("that failed")


def is_served() -> bool:
    """Whether somebody answers on the usual port."""
    try:
        urllib.request.urlopen(URL).close()
    except urllib.error.URLError:
        return False
    return True


def script_of(block: Block) -> str:
    """Shell text that shows a block and runs it."""
    shown = f"printf '%s\\n' {shlex.quote(f'== {block.name}')}\n"
    if block.language == "python":
        return f"{shown}python - <<'END OF BLOCK'\n{block.text}END OF BLOCK\n"
    return f"{shown}{block.text}"


def follow(newcomer: Newcomer, chosen: list[Block]) -> None:
    """Terminal by terminal."""
    first = next(number for number, block in enumerate(chosen) if "make serve" in block.text)
    for block in chosen[:first]:
        newcomer.run(f"apt-get update -q\n{script_of(block)}")
    newcomer.run(f"git clone -q /srv/ollama-server.git {FOLDER}")
    server = subprocess.Popen(newcomer.words(script_of(chosen[first]), FOLDER))
    try:
        deadline = time.monotonic() + SECONDS
        while not is_served():
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("the server did not start")
            time.sleep(1)
        newcomer.run("\n".join(map(script_of, chosen[first + 1 :])), FOLDER)
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """Clone, and do what the README says."""
    parser = arguments(__doc__)
    parser.add_argument("--network", action="store_true", help="also pull a model")
    parser.add_argument("--page", default="README.md", help="or README.zh.md")
    options = parser.parse_args()
    left_out = {"gpu", "docker"} | (set() if options.network else {"network"})
    if is_served():
        sys.exit(f"somebody serves {URL} already")
    with workplace(options) as work:
        clone = work / "repository.git"
        shutil.rmtree(clone, ignore_errors=True)
        subprocess.run(["git", "clone", "-q", "--bare", REPOSITORY, clone], check=True)
        variables, binds = passed_on(options)
        binds.append((str(clone.resolve()), "/srv/ollama-server.git"))
        newcomer = Newcomer(copy_of_base(work, "newcomer"), variables, binds)
        follow(newcomer, [block for block in blocks(options.page) if block.needs not in left_out])
    say("every block ran as it is written")


if __name__ == "__main__":
    main()
