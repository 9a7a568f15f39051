#!/bin/sh
# Makes the secrets that compose.yaml names, in the folder secrets beside this file, once. The files are for everyone to read, since each
# container reads them as a user of its own, but the folder lets nobody else in.
set -eu
cd "$(dirname "$0")"
if [ -e secrets ]; then
  echo "$PWD/secrets is there already: nothing was changed." >&2
  exit 1
fi

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

umask 077
mkdir secrets
umask 022
token=$(random) password=$(random) key=$(random)
printf '%s\n' "$token" >secrets/token
printf '%s' "$password" >secrets/postgres-password
printf 'postgres:5432:calotype:calotype:%s\n' "$password" >secrets/pgpass
printf '[default]\naws_access_key_id = calotype\naws_secret_access_key = %s\n' "$key" >secrets/s3
