#!/usr/bin/env bash
# Tests with the real things: Orthanc, dcmtk, dicom3tools and Chromium from Debian, OHIF and the viewer's tools from npm.
# What is absent is installed where that can be done (Debian: as root). What cannot be had is said here, and again in the
# last line: tests that lack something skip, and never fail for it.
set -uo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
OHIF=3.13.2

fetch() { # seconds, what it is, command: fetched, or said to be lacking
  local seconds=$1 what=$2 answer
  shift 2
  answer=$(timeout --kill-after=10 "$seconds" "$@" 2>&1) && return
  printf '\n*** NOT TO BE HAD: %s (status %s of "%s")\n' "$what" $? "$*"
  tail -n 3 <<<"$answer" | sed 's/^/    /'
  return 1
} >&2

from_debian() {
  local package missing=() options=(-q -y --no-install-recommends -o DPkg::Lock::Timeout=60)
  for package in orthanc orthanc-dicomweb dcmtk dicom3tools chromium; do
    dpkg -s "$package" &>/dev/null || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ! command -v apt-get >/dev/null || [[ $(id -u) != 0 ]]; then
    printf '\n*** NOT INSTALLED: %s (that needs Debian and root)\n' "${missing[*]}" >&2
    return
  fi
  fetch 120 "Debian's list of packages" apt-get update -q
  for package in "${missing[@]}"; do # one by one: one that is not there keeps none of the others away
    fetch 180 "$package of Debian" env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$package"
  done
}

viewer_tools() (
  [[ -d node_modules/axe-core && -d node_modules/vite ]] || fetch 180 "the viewer's tools of npm" npm install
)

ohif() ( # unpacked beside its place, then put there: what is there is whole
  [[ -f package/dist/index.html ]] && return
  rm -rf fetched && mkdir fetched && cd fetched
  fetch 180 "OHIF of npm" npm pack --silent "@ohif/app@$OHIF" &&
    tar xzf "ohif-app-$OHIF.tgz" && mv package .. && cd .. && rm -rf fetched
)

fetch 600 "Python packages of the extra clinic" \
  "${PYTHON%/*}/uv" pip install --python "$PYTHON" --quiet --editable '.[clinic,dev]'
from_debian
mkdir -p .cache/ohif
(cd viewer && viewer_tools)
(cd .cache/ohif && ohif)

# Debian's Orthanc listens on all addresses: in a network of its own nobody else can reach it, and every port is free.
alone=()
for options in --net "--net --map-root-user"; do
  # shellcheck disable=SC2086  # two words
  unshare $options ip link set lo up 2>/dev/null && alone=(unshare $options bash -c 'ip link set lo up && exec "$@"' bash) && break
done
((${#alone[@]})) ||
  printf '\n%s\n' "*** NO NETWORK NAMESPACE (that needs unshare and ip, and to be allowed): others can reach the tests' Orthanc; it asks for a password" >&2

# Each test has a limit of its own; this one is for what that cannot end.
exec timeout --foreground --signal=INT --kill-after=60 1800 "${alone[@]}" "$PYTHON" -m pytest tests/clinic "$@"
