#!/usr/bin/env bash
# Puts what checks deploy/ into .cache/tools: kustomize, helm and compose-go (which validates Compose files) with Go, and
# the schemas of Kubernetes with pip. Some minutes on two cores, and nothing if they are there.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/.cache/tools"
kustomize=v5.8.1
helm=v4.3.1
compose=v2.16.2
schemas=1.37.0
wanted="kustomize $kustomize helm $helm compose-go $compose kubernetes-validate $schemas"
if [ "$(cat "$tools/versions" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
mkdir -p "$tools"
export GOBIN="$tools" GOFLAGS=-buildvcs=false CGO_ENABLED=0
cd / # outside of any module
python3 -m pip install --quiet --root-user-action=ignore --upgrade --target "$tools/python" "kubernetes-validate==$schemas"
go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize"
go install "github.com/compose-spec/compose-go/v2/cmd@$compose" && mv "$tools/cmd" "$tools/compose-go"
go install "helm.sh/helm/v4/cmd/helm@$helm"
printf '%s' "$wanted" >"$tools/versions"
