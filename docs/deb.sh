#!/bin/sh
# Makes a Debian package, with manual page and completions, in target/debian. Needs cargo-deb (`cargo install cargo-deb`).
# PERMWRAP names a release build that is there already.
set -eu
cd "$(dirname "$0")/.."

if [ -n "${PERMWRAP:-}" ]; then
    install -D -m 755 "$PERMWRAP" target/release/permwrap
else
    cargo build --release --locked
fi
permwrap=target/release/permwrap
mkdir -p target/deb
$permwrap man >target/deb/permwrap.1
$permwrap init bash --completion >target/deb/permwrap.bash
# Loaded by name at the first completion: it has to begin with the name, and to answer that first call.
{ echo '#compdef permwrap'; $permwrap init zsh --completion; echo '__permwrap "$@"'; } >target/deb/_permwrap
$permwrap init fish --completion >target/deb/permwrap.fish
cargo deb --no-build --no-strip
