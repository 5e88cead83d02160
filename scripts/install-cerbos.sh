#!/usr/bin/env bash
# Puts the Cerbos PDP of the version that is asked for into .cache/cerbos, from npm, and prints where it is. Only the
# benchmarks compare with it, so it is no dependency of the package.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
target="$PWD/.cache/cerbos/node_modules/@cerbos/cerbos-linux-x64"
if ! grep -qs "\"version\": \"${version}\"" "$target/package.json"; then
  npm install --prefix .cache/cerbos --no-save --no-audit --no-fund --ignore-scripts "@cerbos/cerbos-linux-x64@${version}" >&2
fi
echo "$target/cerbos-linux-x64"
