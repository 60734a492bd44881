#!/bin/sh
# Builds permwrap and lets a command fail for real, for root as for anybody else: a file in a directory that is closed.
# Everything happens in a directory of its own below /tmp, which is removed at the end.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${PERMWRAP:-}" ]; then
    cargo build
    PERMWRAP=${CARGO_TARGET_DIR:-target}/debug/permwrap
fi

place=$(mktemp -d /tmp/permwrap-demo.XXXXXX)
trap 'chmod -R u+rwx "$place"; rm -rf "$place"' EXIT
mkdir "$place/shop" "$place/shop/data"
echo '7 apples' >"$place/shop/data/orders.txt"
chmod 755 "$place" "$place/shop"

# The mode bits do not refuse root anything. So root tries it as somebody else, uid 65534 ("nobody"), on what belongs to a
# service: what root closes in /tmp is closed on purpose.
if [ "$(id -u)" = 0 ]; then
    set -- setpriv --reuid=65534 --regid=65534 --clear-groups cat "$place/shop/data/orders.txt"
    chown 1 "$place/shop/data"
    chmod 750 "$place/shop/data"
else
    set -- cat "$place/shop/data/orders.txt"
    chmod 600 "$place/shop/data"
fi

echo "\$ permwrap -- $*"
status=0
"$PERMWRAP" --report "$place/report.json" -- "$@" || status=$?
echo "(exit status $status, as without permwrap)"

# The commands of the report's first fix, run as they stand.
fix=$(sed -n '/"commands": \[/,/\]/{s/^ *"\([^"]*\)",\{0,1\}$/\1/p;/\]/q;}' "$place/report.json")
[ -n "$fix" ] || { echo "no fix was found" >&2; exit 1; }
echo
echo "$fix" | sed 's/^/$ /'
sh -ec "$fix"
echo "\$ permwrap -- $*"
"$PERMWRAP" -- "$@"
