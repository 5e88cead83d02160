#!/usr/bin/env bash
# Installs nginx, Caddy and HAProxy from Debian's packages where they are missing, which the tests of test/gateways/ run, and
# promtool, which tests the alerts.
# None of the services that the packages bring is started.
set -euo pipefail
missing=()
for gateway in nginx caddy haproxy; do
  command -v "$gateway" >/dev/null || [ -x "/usr/sbin/$gateway" ] || missing+=("$gateway")
done
command -v promtool >/dev/null || missing+=(prometheus)
if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ]; then
  echo "install-gateways: as root: apt-get install ${missing[*]}" >&2
  exit 1
fi
# Debian asks this file whether a service may be started: 101 is no. One that is there already stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
