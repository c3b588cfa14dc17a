#!/usr/bin/env bash
# Installs PostgreSQL from Debian's packages, if it is missing and this user may. Safe to repeat.
set -euo pipefail
if compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The services need PostgreSQL. Install it with: sudo apt-get install postgresql" >&2
    exit 1
fi
# Debian's package makes and starts a cluster of its own on port 5432; ours is enough.
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/winnow.conf
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql
