#!/usr/bin/env bash
# The demonstration behind `make demo`: train a real model on the embedded cluster, then see a failure explained.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }
if [[ -n ${NO_COLOR:-} || ! -t 1 ]]; then
    say() { printf '\n%s\n' "$*"; }
    show() { printf '$ %s\n' "$*"; "$@"; }
fi

results=$(mktemp -d)
started=no
finish() {
    if [[ $started == yes ]]; then seaway down; fi
    rm -rf "$results"
}
trap finish EXIT

say "1. A Kubernetes cluster, in this process tree, without Docker or root"
if seaway status >/dev/null 2>&1; then echo "(a cluster is up already: using it)"; else show seaway up; started=yes; fi

say "2. Train a classifier on 1,797 handwritten digits"
run=digits-$(date +%H%M%S)
show seaway run --name "$run" --requirements examples/digits/requirements.txt examples/digits/train.py --epochs 20

say "3. Fetch what it made"
show seaway outputs "$run"
show seaway download "$run" -o "$results"
find "$results" -type f -exec ls -l {} +

say "4. A program with a mistake: its error, and what Seaway says of it"
broken=broken-${run#digits-}
show seaway run --name "$broken" --requirements examples/digits/requirements.txt examples/digits/broken.py || echo "(exit code $?)"
show seaway why "$broken"

say "That is all. The runs are remembered: 'source .venv/bin/activate', then 'seaway up' and 'seaway ps -a'."
