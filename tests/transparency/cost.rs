//! The cost of a wrapper while it runs: no wake-ups, little memory, many instances at the same time.

use crate::pair::Pair;
use crate::scene::{Seen, same_everywhere, wrapped};
use crate::support::long_or;

/// `tree PID` prints the process and its descendants.
const TREE: &str = r#"tree() { echo $1; for child in $(cat /proc/$1/task/*/children 2>/dev/null); do tree $child; done; }
switches() { cat $(for pid in $*; do echo /proc/$pid/task/*/status; done) | awk '/ctxt_switches/ { n += $2 } END { print n }'; }
"#;

/// The memory limit, in kB. Unoptimised builds need more: how much of their large file is mapped depends on how it is cached.
const LITTLE: u32 = if cfg!(debug_assertions) {
    16_000
} else {
    5_000
};

/// Runs the script on pipes, beside a file and on a terminal, only with permwrap.
fn wherever_it_watches(script: &str) -> Vec<Seen> {
    // The runs mostly wait, so they run in parallel.
    std::thread::scope(|scope| {
        let apart = ["", "exec 2>err\n"].map(|to| {
            let script = format!("{to}{script}");
            scope.spawn(move || wrapped(&script))
        });
        let [_, on_a_terminal] = Pair::start(script).ends_apart();
        let apart = apart.map(|seen| seen.join().expect("the run ends"));
        apart.into_iter().chain([on_a_terminal]).collect()
    })
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
    let line = |bytes| format!(r#"head -c {bytes} /dev/zero | tr "\0" x"#);
    // Text that is inspected closely may take more.
    let flood = format!(
        r#"yes "read: permission" | head -{}"#,
        long_or(3_000_000, 400_000)
    );
    let [terminal, pipe, file] = long_or(["10M", "1G", "300M"], ["2M", "100M", "50M"]);
    let [_, on_a_terminal] = Pair::start(&measure(&line(terminal), LITTLE, "")).ends_apart();
    for seen in [
        on_a_terminal,
        wrapped(&measure(&line(pipe), LITTLE, "2> >(cat >/dev/null)")),
        wrapped(&measure(&line(file), LITTLE, "2>big")),
        wrapped(&measure(&flood, 40_000, "2> >(cat >/dev/null)")),
    ] {
        if std::env::var_os("PERMWRAP_UNDER_TEST").is_none() {
            assert_eq!(seen.files["memory"], b"little\n", "{seen}");
        }
    }
}

/// Runs what writes this, and reports whether a process of the wrapper ever had more than `most` kB of memory.
fn measure(written: &str, most: u32, to: &str) -> String {
    format!(
        r#"{TREE} mkfifo ../end
           run sh -c '{{ {written}; }} >&2; echo >../written; read line <../end' {to} &
           until_there ../written
           for pid in $(tree $!); do
               [ "$(basename "$(readlink /proc/$pid/exe)")" = permwrap ] && sed -n 's/VmHWM://p' /proc/$pid/status
           done | awk '{{ if ($1 > {most}) print "much: " $1 " kB"; else print "little" }}' | sort -u >memory
           echo >../end; wait $!; rm -f big"#
    )
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
