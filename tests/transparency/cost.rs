//! What a wrapper costs while it is there: no wake-ups, little memory, and many of them at once.

use crate::pair::Pair;
use crate::scene::{Seen, same_everywhere, wrapped};

/// `tree PID`: the process and its descendants.
const TREE: &str = r#"tree() { echo $1; for child in $(cat /proc/$1/task/*/children 2>/dev/null); do tree $child; done; }
switches() { cat $(for pid in $*; do echo /proc/$pid/task/*/status; done) | awk '/ctxt_switches/ { n += $2 } END { print n }'; }
"#;

/// The same on pipes, beside a file and on a terminal, wrapped only.
fn wherever_it_watches(script: &str) -> Vec<Seen> {
    let on_a_terminal = Pair::start(script).ends_somehow();
    ["", "exec 2>err\n"]
        .iter()
        .map(|to| wrapped(&format!("{to}{script}")))
        .chain([on_a_terminal])
        .collect()
}

#[test]
fn nothing_wakes_up_while_the_command_sleeps() {
    for seen in wherever_it_watches(&format!(
        r#"{TREE} run sh -c 'echo x >&2; echo $$ >../pid; exec sleep 1000' & until_there ../pid; until_state $(cat ../pid) S
           # It may be busy for a moment with what was just written.
           last=-1; for i in $(seq 50); do now=$(switches $(tree $!)); [ $now = $last ] && break; last=$now; sleep 0.3; done
           before=$(switches $(tree $!)); sleep 2; after=$(switches $(tree $!)); echo "woken $((after - before)) times" >seen
           kill $!; wait $! 2>/dev/null; true"#
    )) {
        seen.shows("woken 0 times");
    }
}

#[test]
fn memory_does_not_grow_with_what_is_written() {
    for seen in wherever_it_watches(&format!(
        r#"{TREE} run sh -c 'head -c 1100M /dev/zero >&2; seq 2000000 | sed "s/$/ no such permission/" >&2; touch ../written; read line <../end' 2>&1 >/dev/null | cat >/dev/null &
           mkfifo ../end; until [ -e ../written ]; do sleep 0.05; done
           for pid in $(tree $$); do [ "$(readlink /proc/$pid/exe)" = "$(cd /proc/$$/cwd; readlink -f "$wrapper")" ] && grep VmHWM /proc/$pid/status; done | awk '{{ print ($2 < 16000) ? "little" : $2 " kB" }}' | sort -u >memory
           echo >../end; wait"#
    )) {
        let _ = seen;
    }
}

#[test]
fn fifty_at_once_work() {
    for seen in same_everywhere(
        r#"for i in $(seq 50); do run sh -c "sleep 0.1; echo out $i; echo err >&2; exit $i" >>all & pids="$pids $!"; done
           for pid in $pids; do wait $pid; echo $?; done >codes; sort -o all all"#,
    ) {
        seen.shows("50\n").shows("out 50\n");
    }
}
