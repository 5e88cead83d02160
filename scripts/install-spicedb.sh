#!/usr/bin/env bash
# Builds the SpiceDB server of the embedded engine's version into .cache/bin, with Go. The tests run the relationship
# contract suite on it, and the benchmarks run against it. `go install …@version` refuses a module that has replace
# directives, as SpiceDB's has, so the module is downloaded and built where it lies.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v1.54.0
target="$PWD/.cache/bin/spicedb"
if [ -x "$target" ] && "$target" version 2>/dev/null | grep -q "${version}"; then exit 0; fi
mkdir -p "$(dirname "$target")"
module=$(cd / && go mod download -json "github.com/authzed/spicedb@${version}" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
cd "$module"
CGO_ENABLED=0 go build -buildvcs=false -ldflags "-X github.com/jzelinskie/cobrautil/v2.Version=${version}" -o "$target" ./cmd/spicedb
"$target" version
