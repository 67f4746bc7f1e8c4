#!/usr/bin/env bash
# A PostgreSQL server of a test's own: a throw-away cluster in a folder, reached by a socket in it (anybody is let in as
# postgres) and, with a port other than 0, on 127.0.0.1 by password.
set -euo pipefail

usage="usage: postgresql.sh init <folder> [port [password]]   makes the cluster and its databases 'postgres' and 'porthole'
       postgresql.sh run <folder>            serves in the foreground
       postgresql.sh start|stop <folder>     serves in the background; stop removes the folder"
[ $# -ge 2 ] || {
    echo "$usage" >&2
    exit 2
}
command=$1 folder=$2 port=${3:-0} password=${4:-}

programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
[ -x "$programs/initdb" ] || {
    echo "postgresql.sh: there is no PostgreSQL; scripts/setup --tests installs it" >&2
    exit 1
}
# The server refuses to run as root.
as_server=()
if [ "$(id -u)" = 0 ]; then
    as_server=(setpriv --reuid=postgres --regid=postgres --clear-groups --inh-caps=-all --reset-env)
fi
data=$folder/cluster

init() {
    mkdir -p "$folder"
    [ "$(id -u)" != 0 ] || chown postgres "$folder"
    cd "$folder"
    local secret=$folder/password
    printf '%s\n' "${password:-none}" >"$secret"
    chmod 644 "$secret"
    "${as_server[@]}" "$programs/initdb" -D "$data" -U postgres --auth-local=trust --auth-host=scram-sha-256 --pwfile="$secret" \
        -E UTF8 --no-locale --no-sync --no-instructions >"$folder/initdb.log"
    rm -f "$secret"
    # Nothing of it has to survive the machine's end; what is committed survives the server's.
    cat >>"$data/postgresql.conf" <<CONF
listen_addresses = '$([ "$port" = 0 ] || echo 127.0.0.1)'
port = $([ "$port" = 0 ] && echo 5432 || echo "$port")
unix_socket_directories = '$folder'
fsync = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 100
logging_collector = off
log_min_messages = warning
CONF
    printf 'create database porthole\n' | "${as_server[@]}" "$programs/postgres" --single -D "$data" postgres >/dev/null
}

stop() {
    if [ -e "$data/postmaster.pid" ]; then
        (cd "$folder" && "${as_server[@]}" "$programs/pg_ctl" -D "$data" -m immediate -w -s stop) || true
    fi
    rm -rf "$folder"
}

case $command in
init) init ;;
run) cd "$folder" && exec "${as_server[@]}" "$programs/postgres" -D "$data" ;;
start)
    stop
    init
    cd "$folder" && "${as_server[@]}" "$programs/pg_ctl" -D "$data" -l "$folder/log" -w -s start
    ;;
stop) stop ;;
*)
    echo "$usage" >&2
    exit 2
    ;;
esac
