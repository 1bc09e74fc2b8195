#!/usr/bin/env bash
# Makes the lock files again, with the newest releases that an `.in` file allows:
#
#     tests/support/locks/refresh.sh                   all of them
#     tests/support/locks/refresh.sh mlflow-3.10.1     one, or some
#
# A lock names every package that is installed, for each Python from 3.10 on and each system: where they differ, a marker
# says for which a line counts. `# without: NAME` in an `.in` file leaves out a package that another one asks for.
set -euo pipefail
cd "$(dirname "$0")"
root=../../..
uv=$(<"$root/assets/locks/uv.txt")
oldest=3.10

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$uv"

for input in "$root"/assets/locks/*.in ./*.in; do
    name=$(basename "$input" .in)
    if (($# > 0)) && [[ " $* " != *" $name "* ]]; then continue; fi
    echo "$name" >&2
    sed -n 's/^# without: \(.*\)/\1 ; sys_platform == "none"/p' "$input" >"$work/without"
    "$work/venv/bin/uv" pip compile --quiet --upgrade --universal --python-version "$oldest" \
        --no-annotate --no-header --overrides "$work/without" "$input" -o "$work/pins"
    {
        echo "# Made from $name.in by tests/support/locks/refresh.sh with $uv, for Python $oldest and newer."
        grep -v "sys_platform == 'none'" "$work/pins"
    } >"${input%.in}.txt"
done
