#!/usr/bin/env bash
# Tests with the real things: Orthanc, dcmtk, dicom3tools and Chromium from Debian, OHIF from npm.
# What is absent is installed where that can be done (Debian, as root); tests that still lack something say so and skip.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
OHIF=3.13.2

packages=(orthanc orthanc-dicomweb orthanc-gdcm dcmtk dicom3tools chromium)
missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if ((${#missing[@]})) && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

if [[ ! -f .cache/ohif/package/dist/index.html ]] && command -v npm >/dev/null; then
  mkdir -p .cache/ohif
  (cd .cache/ohif && npm pack --silent "@ohif/app@$OHIF" && tar xzf "ohif-app-$OHIF.tgz" && rm "ohif-app-$OHIF.tgz") ||
    echo "OHIF could not be fetched; its test will be skipped"
fi

# Debian's Orthanc listens on all addresses: in a network of its own nobody else can reach it.
if unshare -n true 2>/dev/null; then
  exec unshare -n bash -c 'ip link set lo up && exec "$@"' bash "$PYTHON" -m pytest tests/clinic "$@"
fi
echo "no network namespace (that needs root): the tests' Orthanc can be reached from outside, with a password"
exec "$PYTHON" -m pytest tests/clinic "$@"
