#!/bin/sh
# Prints the secrets that compose.yaml wants, random ones each time: compose/make-secrets.sh > .env
set -eu
for name in APP_DATABASE_PASSWORD ROLE_PASSWORD SPICEDB_DATABASE_PASSWORD SPICEDB_TOKEN REDIS_PASSWORD \
  REDIS_SIGNING_SECRET CURSOR_SECRET; do
  printf '%s=%s\n' "$name" "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
done
