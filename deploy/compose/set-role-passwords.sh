#!/bin/sh
# The roles of read-only-role.sql come without a password.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$ROLE_PASSWORD" <<'SQL'
ALTER ROLE taskgate PASSWORD :'password';
ALTER ROLE taskgate_reconcile PASSWORD :'password';
SQL
