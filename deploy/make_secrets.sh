#!/bin/sh
# Draw the passwords and the token of the services in compose.yaml; what is there already stays as it is.
#
# The folder is its owner's only. The files in it can be read by whoever is let in: each service sees its own, and each runs as
# another user.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
draw() {
    [ -s "secrets/$1" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "secrets/$1"
}
draw web_token
draw postgres_password
draw grafana_password
if [ ! -s secrets/engine.env ]; then
    {
        echo "# Settings that are secret; every other one may stand here too. Keys of a broker: ALGO_BROKER__API_KEY=…"
        echo "ALGO_WEB__TOKEN=$(cat secrets/web_token)"
        echo "ALGO_APP__DATABASE_URL=postgresql://algo:$(cat secrets/postgres_password)@postgres:5432/algo"
    } > secrets/engine.env
fi
chmod 0700 secrets
chmod 0444 secrets/*
echo "deploy/secrets holds the token of the page (web_token) and the passwords"
