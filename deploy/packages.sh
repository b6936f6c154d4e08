#!/usr/bin/env bash
# Debian packages, named with their reason before they are installed, and only what is missing.
#
#   packages.sh venv PYTHON   what `python -m venv` needs
#   packages.sh demo          the translator's language data: a language that cannot be had is named
#   packages.sh test          the same, a voice that test clips are made with, a browser, and the
#                             servers of production that no wheel has
#   packages.sh portability   what makes a Debian in a folder and connects its networks, and what
#                             brings voices' weights
set -euo pipefail

# What packages write is for everybody to read, whatever the user keeps private; sudo keeps this.
umask 022
export LC_ALL=C

# A language, the mode file that the translator looks for, and the package that it comes with; the
# same under the name that an older release has it by.
modes=/usr/share/apertium/modes
languages=(
    "Spanish eng-spa apertium-eng-spa en-es apertium-en-es"
    "Catalan eng-cat apertium-eng-cat"
    "Galician en-gl apertium-en-gl"
    "Esperanto en-eo apertium-eo-en"
)

offer_languages() {
    local known
    [ -n "$(lacking)" ] || return 0
    if require_root; then
        # A new system has no lists of packages yet.
        compgen -G "/var/lib/apt/lists/*Packages*" >/dev/null ||
            "${as_root[@]}" apt-get update >/dev/null 2>&1 || true
        mapfile -t known < <(lacking | while read -r _ package; do listed "$package"; done)
        [ ${#known[@]} -eq 0 ] ||
            obtain "Apertium and its data translate without an account" "${known[@]}" || true
    fi
    lacking | while read -r language package; do
        if [ -z "$reason" ]; then
            echo "Dubbing into $language is not offered: apt knows no package $package here ($(release))."
        else
            echo "Dubbing into $language is not offered, because $reason. To have it, install $package."
        fi
    done
}

# Each language that is not here, and its package.
lacking() {
    for each in "${languages[@]}"; do
        # shellcheck disable=SC2086 # its words
        is_here ${each#* } || echo "${each%% *} $(package_of ${each#* })"
    done
}

is_here() {
    command -v lt-proc >/dev/null || return 1
    while [ $# -gt 0 ]; do
        [ -f "$modes/$1.mode" ] && return
        shift 2
    done
    return 1
}

# The one that apt knows, the first where it knows none.
package_of() {
    local known first=$2
    while [ $# -gt 0 ]; do
        known=$(listed "$2")
        [ -z "$known" ] || break
        shift 2
    done
    echo "${known:-$first}"
}

install() {
    local why=$1 wanted
    shift
    mapfile -t wanted < <(missing "$@")
    [ ${#wanted[@]} -eq 0 ] && return
    require_root && obtain "$why" "${wanted[@]}" || stop "$reason" "${wanted[@]}"
}

# Ubuntu's package is none: it brings a snap, which a container cannot have.
install_browser() {
    command -v chromium google-chrome-stable >/dev/null && return
    [ -n "$(listed chromium)" ] || ! command -v apt-get >/dev/null ||
        stop "apt knows no chromium here ($(release))" google-chrome-stable, or chromium as a snap
    install "chromium looks at the pages" chromium
}

missing() {
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *"ok installed" ]] || echo "$package"
    done
}

# Those that apt could install.
listed() {
    for package in "$@"; do
        [[ $(apt-cache policy "$package" 2>/dev/null) != *"Candidate: "[^\(]* ]] || echo "$package"
    done
}

# How to become root is in `as_root`; where that cannot be, why not is in `reason`.
reason=
as_root=()
require_root() {
    if ! command -v apt-get >/dev/null; then
        reason="this machine has no apt-get"
    elif [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        command -v sudo >/dev/null || reason="this user is not root and there is no sudo"
    fi
    [ -z "$reason" ]
}

obtain() {
    local why=$1
    shift
    echo "Installing Debian packages ($why): $*"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # A source that does not answer is no obstacle where the others have what is wanted.
    "${as_root[@]}" apt-get update >"$log" 2>&1 || true
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1; then
        tail -5 "$log"
        reason="apt-get did not succeed"
    fi
    [ -z "$reason" ]
}

release() {
    (. /etc/os-release 2>/dev/null && echo "$PRETTY_NAME") || uname -s
}

stop() {
    echo "Cannot go on, because $1. Have these installed and run the same command again: ${*:2}" >&2
    exit 1
}

case $1 in
venv)
    "$2" -I -c 'import ensurepip, venv' 2>/dev/null || install "Python's virtual environments" "$(basename "$2")-venv"
    ;;
demo) offer_languages ;;
portability)
    install "debootstrap makes systems in folders, iproute2 their networks" debootstrap iproute2
    # It may have come with a Node.js that is not Debian's.
    command -v npm >/dev/null || install "npm brings the voices that are heard again" npm
    ;;
test)
    offer_languages
    install "flite speaks the test clips" flite
    install_browser
    install "production's broker, pooler and counters run as in docker-compose.yml" \
        redis-server pgbouncer prometheus
    ;;
esac
