"""A Debian in a folder, and commands in it, in namespaces that end with them."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Mounts belong to the namespace, and end with the process.
ENTER = """
set -e
root=$1 user=$2; shift 2
if [ -n "$OFFLINE" ]; then ip link set lo up; fi
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$root/$2"; else touch "$root/$2"; fi
    mount --bind "$1" "$root/$2"
    shift 2
done
shift
exec chroot --userspec="$user" "$root" /usr/bin/env -i "$@"
"""

# Path outside and inside.
Bind = tuple[str, str]


def inside(
    root: Path,
    words: list[str],
    variables: dict[str, str],
    binds: list[Bind],
    *,
    folder: str = "/",
    user: str = "0:0",
    offline: bool = False,
) -> list[str]:
    """The command that runs ``words`` below ``root``, with these variables and no others."""
    # What runs inside ends with this program, however that ends.
    spaces = ["setpriv", "--pdeathsig", "KILL", "unshare", "--fork", "--kill-child"]
    spaces += ["--mount", "--propagation", "private", "--pid", *(["--net"] if offline else [])]
    environment = {"PATH": PATH, "HOME": "/root", **variables}
    return [
        *("env", f"OFFLINE={'1' if offline else ''}", *spaces),
        *("sh", "-c", ENTER, "enter", str(root), user),
        *(word for bind in binds for word in bind),
        "--",
        *(f"{name}={value}" for name, value in environment.items()),
        *("/bin/sh", "-c", 'cd "$0" && exec "$@"', folder, *words),
    ]


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The flags that say where Debian comes from and where things are kept."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder for the chroots, which stay there")
    parser.add_argument("--cache", type=Path, help="folder of pip's downloads and built wheels")
    parser.add_argument("--suite", default="bookworm", help="Debian's release")
    parser.add_argument("--mirror", default="", help="where debootstrap gets it")
    parser.add_argument("--bind", action="append", default=[], help="PATH[:INSIDE] to show inside")
    return parser


@contextlib.contextmanager
def workplace(options: argparse.Namespace) -> Iterator[Path]:
    """The folder for the chroots with a fresh Debian in it, as ``base``."""
    work = options.work or Path(tempfile.mkdtemp(prefix="ollama-server-", dir="/var/tmp"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        base = work / "base"
        if not base.exists():
            made = work / "base.partial"
            command = ["debootstrap", "--variant=minbase", options.suite, str(made)]
            subprocess.run([*command, *filter(None, [options.mirror])], check=True)
            shutil.copy("/etc/resolv.conf", made / "etc/resolv.conf")
            made.rename(base)
        yield work
    finally:
        if not options.work:
            shutil.rmtree(work)


def copy_of_base(work: Path, name: str) -> Path:
    """Another Debian, as fresh as the first."""
    root = work / name
    if root.exists():
        shutil.rmtree(root)
    subprocess.run(["cp", "-a", str(work / "base"), str(root)], check=True)
    return root


def passed_on(options: argparse.Namespace) -> tuple[dict[str, str], list[Bind]]:
    """Variables for pip and for the network, and what is shown inside."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
    splits = [bind.partition(":") for bind in options.bind]
    binds = [(source, inside or source) for source, _, inside in splits]
    if options.cache:
        options.cache.mkdir(parents=True, exist_ok=True)
        binds.append((str(options.cache.resolve()), "/var/cache/pip"))
        # Any other value than none, "0" included, means that there is no cache.
        variables |= {"PIP_NO_CACHE_DIR": "", "PIP_CACHE_DIR": "/var/cache/pip"}
    return variables, binds


def say(text: str) -> None:
    """A line of progress, at once."""
    print(f"== {text}", flush=True)
