"""The Dockerfile without Docker: its steps in Debian chroots, and a look at the result.

    sudo python3 -m deploy.chroot_image [--work FOLDER] [--cache FOLDER] [--mirror URL] [...]

The base images are Debian as debootstrap makes it; every instruction is carried out as it stands.
Then the final stage is started as its ENTRYPOINT and CMD say, in namespaces of its own without a
network, and asked. PIP_* and *_proxy variables are passed on to RUN. With --cache pip keeps there
what it downloads and compiles.

Needs root, debootstrap, util-linux, iproute2, and the network for Debian's and Python's packages.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.chroot import PATH, REPOSITORY, arguments, passed_on, say, workplace
from deploy.dockerfile import Builder, Stage

COMPILERS = ("cc", "gcc", "g++", "c++", "clang", "ld", "as", "make", "cmake", "ninja", "nvcc")
SECONDS = 120
# What clients on other machines do: another Host than a local name, and a stream.
ASK = """
import json, urllib.request
body = {"model": "tiny", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
request = urllib.request.Request(
    "http://127.0.0.1:11434/api/chat", json.dumps(body).encode(), {"Host": "llm.example.com"}
)
print(urllib.request.urlopen(request).read().decode())
"""


class Container:
    """The final stage, running."""

    def __init__(self, image: Stage, volume: Path, *, user: str, home: str) -> None:
        self._image = image
        self._user = user
        self._home = home
        where = f"{home}/.ollama"
        words = image.process(
            [*image.entrypoint, *image.command],
            {"HOME": home},
            [(str(volume), where)],
            user=user,
            offline=True,
        )
        self._process = subprocess.Popen(words)

    def execute(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command inside, as `docker exec` does it."""
        spaces = ["nsenter", "--target", str(self._inner()), "--mount", "--pid", "--net"]
        variables = {"PATH": PATH, "HOME": self._home, **self._image.variables}
        environment = [f"{name}={value}" for name, value in variables.items()]
        result = subprocess.run(
            [
                *(*spaces, "chroot", f"--userspec={self._user}", str(self._image.root)),
                *("/usr/bin/env", "-i", *environment, *words),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if check and result.returncode != 0:
            sys.exit(f"{' '.join(words)} failed: {result.stdout}{result.stderr}")
        return result

    def wait_until_healthy(self) -> None:
        """As Docker does: the HEALTHCHECK, again and again."""
        deadline = time.monotonic() + SECONDS
        while self.execute(*self._image.health, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the server does not become healthy")
            time.sleep(0.5)

    def stop(self) -> int:
        """As `docker stop` does; the exit status."""
        os.kill(self._inner(), signal.SIGTERM)
        return self._process.wait(SECONDS)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def _inner(self) -> int:
        """The first process inside: unshare's child."""
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        deadline = time.monotonic() + SECONDS
        while not (children := path.read_text().split()):
            if time.monotonic() > deadline:
                sys.exit("the container does not start")
            time.sleep(0.05)
        return int(children[0])


@contextlib.contextmanager
def container(image: Stage, volume: Path, *, user: str, home: str) -> Iterator[Container]:
    """A container that is healthy; it is stopped at the end and has to stop in order."""
    volume.mkdir(parents=True, exist_ok=True)
    owner, group = user.split(":")
    os.chown(volume, int(owner), int(group))
    running = Container(image, volume, user=user, home=home)
    try:
        running.wait_until_healthy()
        yield running
        if (status := running.stop()) != 0:
            sys.exit(f"the server ended with {status} when it was stopped")
    finally:
        running.kill()


def check(image: Stage, work: Path) -> None:
    """Everything that the Dockerfile promises; ends the program where it is not so."""
    look(image)
    say("as root, with a volume")
    with container(image, work / "volume", user="0:0", home="/root") as running:
        listens_everywhere(running)
        answers(running)
        commands(running)
    say("again, with the same volume")
    with container(image, work / "volume", user="0:0", home="/root") as running:
        if "kept:latest" not in running.execute("ollama", "list").stdout:
            sys.exit("the volume did not keep a model")
    say("as a user without rights")
    with container(image, work / "plain", user="1000:1000", home="/home/ollama") as running:
        if running.execute("id", "-u").stdout.strip() != "1000":
            sys.exit("it does not run as that user")
        answers(running)


def look(image: Stage) -> None:
    """What lies in the final stage."""
    folders = [image.root / folder for folder in ("usr/bin", "usr/local/bin", "bin", "sbin")]
    found = [name for name in COMPILERS for folder in folders if (folder / name).exists()]
    if found:
        sys.exit(f"there are compilers in the final stage: {found}")
    link = image.root / "usr/local/bin/ollama"
    if not link.is_symlink() or os.readlink(link) != "ollama-server":
        sys.exit("`ollama` is no link to `ollama-server`")
    size = subprocess.run(
        ["du", "-sm", str(image.root)], capture_output=True, text=True, check=True
    )
    say(f"no compilers; the final stage has {size.stdout.split()[0]} MB")


def listens_everywhere(running: Container) -> None:
    """Port 11434 (2CAA) of 0.0.0.0 or of all IPv6 addresses too."""
    tables = running.execute("cat", "/proc/net/tcp", "/proc/net/tcp6", check=False).stdout
    if not re.search(r": 0+:2CAA ", tables):
        sys.exit(f"nobody listens on all addresses:\n{tables}")
    say("listens on 0.0.0.0:11434")


def answers(running: Container) -> None:
    """The embedded model, streamed."""
    output = running.execute("/opt/ollama-server/bin/python", "-c", ASK).stdout
    frames = [json.loads(line) for line in output.splitlines() if line]
    if len(frames) < 2 or not frames[-1]["done"]:
        sys.exit(f"no streamed answer: {output}")
    text = "".join(frame["message"]["content"] for frame in frames)
    say(f"answers in {len(frames)} frames: {text[:60]!r}")


def commands(running: Container) -> None:
    """The command line under its usual name, and the libraries that were chosen."""
    for words in (
        ("ollama", "list"),
        ("ollama", "run", "tiny", "--think=false", "Hello"),
        ("ollama", "cp", "tiny", "kept"),
        ("ollama", "ps"),
        ("ollama-server", "doctor"),
    ):
        output = running.execute(*words).stdout
        sys.stdout.write(output)
    chosen = re.search(r"\(libraries: (.*)\)", output)
    if chosen is None or "cpu-" not in chosen[1]:
        sys.exit("no library for this processor was chosen")
    say(f"chosen for this processor: {chosen[1]}")


def main() -> None:
    """Build, then look at what was built."""
    parser = arguments(__doc__)
    parser.add_argument("--build-arg", action="append", default=[], help="NAME=VALUE")
    options = parser.parse_args()
    build_args = dict(word.split("=", 1) for word in options.build_arg)
    with workplace(options) as work:
        builder = Builder(work, build_args, *passed_on(options))
        image = builder.build((REPOSITORY / "Dockerfile").read_text())
        check(image, work)
    say("the image does what it should")


if __name__ == "__main__":
    main()
