#!/usr/bin/env bash
# Makes .venv and installs Winnow with the exact versions of constraints.txt. Safe to repeat.
# Extra packages: EXTRAS=test,static infra/setup.sh
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
extras=${EXTRAS:-test}

need() { # command, Debian package
    command -v "$1" >/dev/null || {
        echo "Winnow needs $1, which is not on this machine. Install it with: sudo apt-get install $2" >&2
        exit 1
    }
}
need "$python" "python3 python3-venv"
need git git
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Winnow needs Python 3.11 or newer; $python is $("$python" -V 2>&1)." >&2
    echo "Install one with: sudo apt-get install python3.11 python3.11-venv, then: make PYTHON=python3.11 demo" >&2
    exit 1
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    echo "Python's venv is missing. Install it with: sudo apt-get install python3-venv" >&2
    exit 1
}

stamp=.venv/installed.sha256
want=$(cat pyproject.toml constraints.txt "$0" <(echo "$extras") | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then exit 0; fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing Winnow into .venv (once; a minute or two) ..."
# uv installs in seconds what takes pip minutes; it does not read pip's settings, so they are passed
# on: a folder of wheels often holds the CPU build of torch. UV_TORCH_BACKEND=cpu asks for it on an
# ordinary machine.
if .venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt uv; then
    links=${PIP_FIND_LINKS:-$(.venv/bin/pip config get global.find-links 2>/dev/null || true)}
    index=${PIP_INDEX_URL:-$(.venv/bin/pip config get global.index-url 2>/dev/null || true)}
    [ -n "$links" ] && export UV_FIND_LINKS=${UV_FIND_LINKS:-$links}
    [ -n "$index" ] && export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
    .venv/bin/uv pip install --quiet --python .venv/bin/python -c constraints.txt -e ".[$extras]"
else
    .venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]"
fi
echo "$want" >"$stamp"
