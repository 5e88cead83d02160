#!/usr/bin/env bash
# Installs Debian's Chromium, for the tests of the console. Does nothing where there is one already.
set -euo pipefail
if command -v chromium >/dev/null; then exit 0; fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
chromium --version
