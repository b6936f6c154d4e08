#!/usr/bin/env bash
# Runs a command with what docker-compose.yml sets, where a platform runs the Procfile's lines.
#
#   hosted.sh python -m celery ...     # as the lines do
#   hosted.sh --line web               # the line of that name; without one, Railway's service's
set -euo pipefail

if [ "$1" = --line ]; then
    name=${2:-${RAILWAY_SERVICE_NAME:?hosted.sh --line wants the name of a line of the Procfile}}
    line=$(sed -n "s/^$name: //p" Procfile)
    if [ -z "$line" ]; then
        names=$(sed -n 's/^\([a-z]*\): .*/\1/p' Procfile | paste -sd ' ')
        echo "The Procfile has no line '$name'. Give the service one of these names: $names." >&2
        exit 1
    fi
    exec bash -c "$line"
fi

# The platform's router forwards requests from its own network; from elsewhere nobody gets here.
private=10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fc00::/7
export DUB_AUTH=${DUB_AUTH:-keys} \
    DUB_LOG_FORMAT=${DUB_LOG_FORMAT:-json} \
    DUB_STORE=${DUB_STORE:-r2} \
    DUB_TRUSTED_PROXIES=${DUB_TRUSTED_PROXIES:-$private} \
    DUB_ENVIRONMENT=${DUB_ENVIRONMENT:-${RAILWAY_ENVIRONMENT_NAME:-}} \
    DUB_PUBLIC_URL=${DUB_PUBLIC_URL:-${RAILWAY_PUBLIC_DOMAIN:+https://$RAILWAY_PUBLIC_DOMAIN}} \
    GIT_COMMIT=${GIT_COMMIT:-${RAILWAY_GIT_COMMIT_SHA:-}} \
    DAGSTER_HOME=${DAGSTER_HOME:-$PWD}
exec "$@"
