#!/usr/bin/env bash
# What a newcomer does, in a Debian that has nothing: install, serve, one streamed answer.
#
#   sudo deploy/chroot-test.sh [folder]
#
# WHEELS=folder   take wheels from there (llama-cpp-python's, say), so that nothing is compiled
# SUITE=bookworm  Debian release; MIRROR: where from; KEEP=1 leaves the chroot behind
#
# Needs root, debootstrap, and the network for Debian's and Python's packages.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
root=${1:-$(mktemp -d /var/tmp/ollama-server-chroot.XXXXXX)}
suite=${SUITE:-bookworm}
port=18435

cleanup() {
  status=$?
  # The server and its runners are a process group of their own (set -m below).
  [ -z "${server:-}" ] || kill -- "-$server" 2>/dev/null || true
  [ -z "${server:-}" ] || wait "$server" 2>/dev/null || true
  for place in dev/shm dev proc; do
    mountpoint -q "$root/$place" && umount "$root/$place"
  done
  [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root"
  [ "$status" = 0 ] && echo "chroot test: passed" || echo "chroot test: FAILED ($status)"
}
trap cleanup EXIT

if [ ! -e "$root/etc/debian_version" ]; then
  debootstrap --variant=minbase \
    --include=ca-certificates,curl,git,make,python3,python3-dev,python3-venv,build-essential \
    "$suite" "$root" ${MIRROR:+"$MIRROR"}
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"

inside() {
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    OLLAMA_HOST=127.0.0.1:$port ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} \
    ${WHEELS:+PIP_FIND_LINKS=/wheels} "$@"
}

if [ -n "${WHEELS:-}" ]; then
  mkdir -p "$root/wheels"
  cp "$WHEELS"/*.whl "$root/wheels/"
fi

# `git clone`: what is committed, and nothing else.
rm -rf "$root/root/ollama-server"
git -C "$repository" archive --prefix=root/ollama-server/ HEAD | tar -x -C "$root"

# `make serve`, in the background, until it answers.
set -m
inside make -C /root/ollama-server serve >"$root/root/serve.log" 2>&1 &
server=$!
set +m
for _ in $(seq 1200); do
  curl -fs "http://127.0.0.1:$port/" >/dev/null && break
  kill -0 "$server" 2>/dev/null || { tail -n 30 "$root/root/serve.log"; exit 1; }
  sleep 1
done

# The README's question: at least two objects, the last one done.
inside curl -fsS "http://127.0.0.1:$port/api/chat" \
  -d '{"model": "tiny", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}' \
  | tee "$root/root/answer"
[ "$(wc -l <"$root/root/answer")" -gt 1 ]
tail -n 1 "$root/root/answer" | grep -q '"done":true'

# The commands, under both names.
inside ln -sf /root/ollama-server/.venv/bin/ollama-server /usr/local/bin/ollama-server
inside ln -sf ollama-server /usr/local/bin/ollama
inside ollama list
inside ollama run tiny --think=false "Hello"
inside ollama-server doctor

