#!/usr/bin/env bash
# Fetches and builds what the Python and Go clients and their generators need, at the versions that are pinned: a virtual
# environment in .cache/clients/python, and Go's own caches. Does nothing that was done before.
# Usage: scripts/prepare-clients.sh [python|go]…   Default: both.
set -euo pipefail
cd "$(dirname "$0")/.."

prepare_python() {
  local venv=.cache/clients/python
  local stamp="$venv/requirements.lock"
  if cmp -s clients/python/requirements.lock "$stamp"; then return; fi
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r clients/python/requirements.lock
  cp clients/python/requirements.lock "$stamp"
}

prepare_go() {
  export CGO_ENABLED=0
  (cd clients/go && go build ./... && go test -run '^$' ./... >/dev/null)
  sed -n 's/.*\[go, run, \(.*\)\]/\1/p' buf.gen.clients.yaml | while read -r plugin; do go run "$plugin" --version; done
}

for client in "${@:-python go}"; do
  for name in $client; do "prepare_$name"; done
done
