#!/usr/bin/env bash
# Installs into .venv with uv, at the versions of constraints.txt.
#
#   install.sh -e .
#
# Bytecode is made now, for every process would make it anew where PYTHONDONTWRITEBYTECODE is set.
#
# uv reads nothing of pip's configuration, so where pip is told that packages come from is told to
# uv here, unless uv was told something else.
set -euo pipefail

while IFS='=' read -r name value; do
    # A list has a line for each, which pip shows as \n.
    value=${value#\'} value=${value%\'} value=${value//\\n/ }
    case ${name##*.} in
    index-url) export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-$value}} ;;
    trusted-host) export UV_INSECURE_HOST=${UV_INSECURE_HOST:-$value} ;;
    cert) export SSL_CERT_FILE=${SSL_CERT_FILE:-$value} ;;
    esac
done < <(.venv/bin/python -m pip config list 2>/dev/null)

.venv/bin/uv pip install --quiet --python .venv/bin/python -c constraints.txt "$@"
# A package may hold a file that is for another Python. What is left out is a quarter of all, and no
# process of ours imports it: packages' own tests, and what torch has for compiling models.
LEFT_OUT='/(tests?|sympy|networkx|torchgen|_inductor|_dynamo)/'
.venv/bin/python -m compileall -qq -j 0 -x "$LEFT_OUT" .venv/lib || true
