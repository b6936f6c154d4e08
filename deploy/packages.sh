#!/usr/bin/env bash
# Debian packages, named with their reason before they are installed, and only what is missing.
#
#   packages.sh venv PYTHON   what `python -m venv` needs
#   packages.sh demo          the translator's language data
#   packages.sh test          the same, a voice that test clips are made with, a browser, and the
#                             workers' broker
set -euo pipefail

missing() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || echo "$package"
    done
}

install() {
    local why=$1 sudo=()
    shift
    mapfile -t wanted < <(missing "$@")
    [ ${#wanted[@]} -eq 0 ] && return
    echo "Installing Debian packages ($why): ${wanted[*]}"
    command -v apt-get >/dev/null || stop "this machine has no apt-get" "${wanted[@]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop "this user is not root and there is no sudo" "${wanted[@]}"
        sudo=(sudo)
    fi
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${wanted[@]}"; } >"$log" 2>&1; then
        tail -5 "$log"
        stop "apt-get did not succeed" "${wanted[@]}"
    fi
}

stop() {
    echo "Cannot go on, because $1. Have these installed and run the same command again: ${*:2}" >&2
    exit 1
}

apertium=(apertium apertium-eng-spa apertium-eng-cat apertium-en-gl apertium-eo-en)

case $1 in
venv)
    "$2" -c 'import ensurepip, venv' 2>/dev/null || install "Python's virtual environments" "$(basename "$2")-venv"
    ;;
demo) install "Apertium and its data translate without an account" "${apertium[@]}" ;;
test)
    install "Apertium and its data translate without an account" "${apertium[@]}"
    install "flite speaks the test clips, chromium looks at the pages" flite chromium
    install "the broker of production's workers" redis-server
    ;;
esac
