#!/bin/sh
# The locally built Postgres image's start, with the contract of the published image (postgres:15),
# so that either can stand in stack.yaml. What it promises:
#
#   POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE   the superuser's password; needed when PGDATA is empty
#   POSTGRES_USER (default postgres)              the superuser; the stack says `rehearse`
#   POSTGRES_DB   (default: the user's name)      made when PGDATA is empty; the stack says `hydra`
#   PGDATA        (default /var/lib/postgresql/data/pgdata)   a data folder that is not empty is taken as it is
#   POSTGRES_INITDB_ARGS                          more arguments for initdb
#   /docker-entrypoint-initdb.d/*.sql, *.sh       run once, in order, in POSTGRES_DB, when PGDATA was empty
#
# Arguments: flags go to postgres (`-c shared_buffers=256MB`), or `postgres <flags>`; any other first
# word is run instead (`pg_dump …`, `psql …`). Started as root it hands over to the user postgres
# (uid 999 as in the published image); as any other user it stays that user, who must own PGDATA.
# It listens on every interface of the container, which is the stack's own network. Passwords are
# scram-sha-256, also on the socket. SIGINT is the fast, clean stop. pg_dump, pg_restore and psql are on PATH.
set -eu

PGDATA=${PGDATA:-/var/lib/postgresql/data/pgdata}
POSTGRES_USER=${POSTGRES_USER:-postgres}
POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}

case ${1:-postgres} in
    -*) set -- postgres "$@" ;;
    postgres) [ $# -gt 0 ] || set -- postgres ;;
    *) exec "$@" ;;
esac

for argument; do
    case $argument in
        --version | -V | --help | -\? | --describe-config) exec "$@" ;; # these need no data
    esac
done

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 0700 "$PGDATA"
    # Only what is not theirs yet: a seeded data folder has thousands of files.
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres:postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    fi
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "entrypoint: PGDATA is empty and neither POSTGRES_PASSWORD nor POSTGRES_PASSWORD_FILE is set" >&2
        exit 1
    fi
    umask 077
    mkdir -p "$PGDATA"
    password=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
    # shellcheck disable=SC2086 # several arguments on purpose
    initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$password" --encoding=UTF8 \
        --locale=C.UTF-8 --auth-local=scram-sha-256 --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
    rm -f "$password"
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"

    export PGPASSWORD="$POSTGRES_PASSWORD" PGUSER="$POSTGRES_USER" PGHOST=/var/run/postgresql
    shift
    # On the socket alone, so that nobody takes this first start for the real one.
    pg_ctl --pgdata="$PGDATA" --wait --silent -o "-c listen_addresses=" start
    if [ "$POSTGRES_DB" != postgres ]; then
        psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=name="$POSTGRES_DB" --dbname=postgres <<'SQL'
CREATE DATABASE :"name";
SQL
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sql) psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname="$POSTGRES_DB" --file="$script" ;;
            *.sh) sh "$script" ;;
        esac
    done
    pg_ctl --pgdata="$PGDATA" --wait --silent --mode=fast stop
    unset PGPASSWORD PGUSER PGHOST
    set -- postgres "$@"
fi

unset POSTGRES_PASSWORD
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql
