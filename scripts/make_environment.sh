#!/bin/sh
# Make the virtual environment from the lock file: with uv where it is there, else with venv and pip.
set -eu
venv=$1

add_kernel() {  # for JupyterLab: kernels that start warm; what is installed editable brings none
    "$venv/bin/jupyter" kernelspec install --sys-prefix --log-level=ERROR \
        journeylib/kernelspecs/kernels/journey
}

if command -v uv >/dev/null 2>&1; then
    echo "Making $venv with uv (once; a minute or two)"
    uv venv --quiet --allow-existing --python '>=3.11' "$venv"
    uv pip install --quiet --python "$venv/bin/python" -r requirements.lock
    uv pip install --quiet --python "$venv/bin/python" --no-deps -e .
    add_kernel
    exit 0
fi
for python in python3 python3.13 python3.12 python3.11; do
    if command -v "$python" >/dev/null 2>&1 &&
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "Making $venv with $($python --version) (once; a few minutes)"
        "$python" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.lock
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e .
        add_kernel
        exit 0
    fi
done
echo "Python 3.11 or newer is needed and was not found. Install it, then run make again." >&2
exit 1
