//! The attributes of the command: arguments, environment, descriptors, signals, limits, session.

use crate::scene::{same, same_everywhere, same_on_terminal};
use crate::support::needs_root;

/// The inherited lines of /proc/self/status, except counters and identifiers.
const STATUS: &str = "run grep -E '^(Umask|TracerPid|Uid|Gid|Groups|Threads|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|Cap|NoNewPrivs|Seccomp|Specul|Cpus|Mems)' /proc/self/status >status";

#[test]
fn arguments_arrive_byte_for_byte() {
    for seen in same_everywhere(
        r#"run printf '<%s>\n' '' ' ' -- --help -q '*' '$x' $'\xff\xfe\x01' $'two\nlines' --report x >seen
           run bash -c 'cat /proc/$$/cmdline; :' '' a '' >cmdline"#,
    ) {
        seen.shows("<--report>\n<x>")
            .shows("bash\0-c\0cat /proc/$$/cmdline; :\0\0a\0\0");
    }
}

#[test]
fn arguments_of_more_than_a_megabyte_arrive() {
    same(
        r#"long=$(printf %0120000d 7)
           run sh -c 'cat /proc/$$/cmdline | wc -c; :' sh "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long""#,
    )
    .shows("12000");
}

#[test]
fn more_arguments_than_the_kernel_takes_fail_alike() {
    same(
        r#"long=$(printf %0120000d 7)
           run true $(for i in $(seq 30); do echo $long; done) 2>/dev/null; echo "status $?""#,
    )
    .shows("status 126");
}

#[test]
fn the_environment_arrives_byte_for_byte() {
    for seen in same_everywhere(
        r#"env -i PATH="$PATH" TERM=vt52 EMPTY= ODD=$'\xff\xfe' LINES2=$'a\nb' 'with space=1' run cat /proc/self/environ >environ"#,
    ) {
        seen.shows("\0EMPTY=\0").shows("\0with space=1\0");
    }
}

#[test]
fn an_environment_no_shell_would_make_arrives() {
    // A duplicate name, one without `=`, and an empty one: only execve(2) itself can create such an environment.
    for seen in same_everywhere(
        r#"python3 - "$(command -v run)" <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None)
def words(*texts): return (ctypes.c_char_p * (len(texts) + 1))(*texts, None)
libc.execve(os.fsencode(sys.argv[1]), words(b"run", b"/bin/cat", b"/proc/self/environ"), words(b"A=1", b"A=2", b"noequal", b"=x", b"", b"B=\xff"))
END"#,
    ) {
        seen.shows("A=1\0A=2\0noequal\0=x\0\0B=");
    }
}

#[test]
fn an_empty_environment_stays_empty() {
    for seen in same_everywhere(
        r#"run=$(command -v run); env -i "$run" /usr/bin/env >seen; echo $? >status"#,
    ) {
        seen.shows("0\n");
        assert!(seen.files["seen"].is_empty(), "{seen}");
    }
}

#[test]
fn descriptors_from_three_on_are_the_same() {
    for seen in same_everywhere(
        r#"exec 3<>three 5<. 7>/dev/null 100>hundred
           run bash -c 'for fd in /proc/$$/fd/*; do [ ${fd##*/} -gt 2 -a -e $fd ] && ls -l $fd; done' | sed "s:.* /proc/[0-9]*/fd/::" >descriptors
           run bash -c 'echo to 100 >&100; echo to three >&3'"#,
    ) {
        seen.shows("100 -> DIR/work/hundred").shows("to three\n");
    }
}

#[test]
fn no_further_descriptor_is_open() {
    for seen in same_everywhere(
        r#"run ls /proc/self/fd >open; run perl -e 'open F, "/dev/null"; print fileno F' >first"#,
    ) {
        seen.shows("3");
    }
}

#[test]
fn a_terminal_that_never_blocks_never_blocks_inside() {
    let flags = "fcntl(STDERR, F_GETFL, 0)";
    same_on_terminal(&format!(
        r#"perl -MFcntl -e 'fcntl(STDERR, F_SETFL, {flags} | O_NONBLOCK)'
           run perl -MFcntl -e 'print(({flags} & O_NONBLOCK) ? "never" : "may")' >seen
           perl -MFcntl -e 'fcntl(STDERR, F_SETFL, {flags} & ~O_NONBLOCK)'"#
    ))
    .shows("never");
}

#[test]
fn the_signal_for_the_parents_end_is_inherited() {
    let get = nix::libc::SYS_prctl;
    for seen in same_everywhere(&format!(
        r#"for signal in USR1 KILL; do
             setpriv --pdeathsig $signal run perl -e '$n = pack "i", 0; syscall({get}, 2, $n); print unpack("i", $n), "\n"' >>seen
           done
           bash -c 'setpriv --pdeathsig KILL run sh -c "echo \$\$ >pid; exec sleep 60" & until [ -s pid ]; do sleep 0.02; done'
           while kill -0 $(cat pid) 2>/dev/null; do sleep 0.02; done; rm pid"#
    )) {
        seen.shows("10\n9\n");
    }
}

#[test]
fn closed_standard_descriptors_stay_closed() {
    for closed in [
        "0<&-",
        "1>&-",
        "2>&-",
        "0<&- 1>&-",
        "0<&- 2>&-",
        "1>&- 2>&-",
        "0<&- 1>&- 2>&-",
    ] {
        let script = format!(
            r#"run perl -e 'opendir D, "/proc/$$/fd"; @open = sort grep {{ /\d/ && -e "/proc/$$/fd/$_" }} readdir D;
                           closedir D; open S, ">", "seen"; print S "open: @open\n"; close S' {closed}; echo $? >status"#
        );
        same(&script).shows("open: ").shows("0\n");
        same_on_terminal(&script).shows("open: ").shows("0\n");
    }
}

#[test]
fn with_stdout_closed_nothing_else_becomes_stdout() {
    // The first descriptor that the wrapper opens would be 1.
    for closed in ["1>&-", "0<&- 1>&-"] {
        let script = format!(
            r#"run sh -c 'echo error >&2; echo output' {closed} 2>errors; echo $?; exec 2>&-; run sh -c 'exit 4' {closed}; echo $?"#
        );
        same(&script).shows("error").shows("4\n");
        same_on_terminal(&script).shows("error").shows("4\r\n");
    }
}

#[test]
fn blocked_and_ignored_signals_are_inherited() {
    if crate::scene::is_traced() {
        return;
    }
    for signals in [
        "--ignore-signal=PIPE,INT,HUP,QUIT,CHLD,TSTP,TTIN,TTOU,WINCH",
        "--block-signal=TERM,USR1,CHLD,WINCH,PIPE",
        "--ignore-signal --block-signal",
        "--ignore-signal=PIPE",
        "--default-signal",
    ] {
        for seen in same_everywhere(&format!("env {signals} {STATUS}")) {
            seen.shows("SigBlk:").shows("CapBnd:");
        }
    }
}

#[test]
fn even_the_signals_of_the_c_library_may_be_ignored() {
    if crate::scene::is_traced() {
        return;
    }
    for seen in same_everywhere(&format!(
        r#"cat >ignore.c <<'END'
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{{
    struct {{ void *handler; unsigned long flags; void *restorer; unsigned long mask; }} action = {{ (void *)1 }};
    for (int signal = 32; signal <= 33; signal++)
        syscall(SYS_rt_sigaction, signal, &action, 0, 8);
    return execvp(argv[1], argv + 1);
}}
END
        cc ignore.c -o ../ignore && ../ignore {STATUS}"#
    )) {
        seen.shows("SigIgn:\t0000000180000000");
    }
}

#[test]
fn an_ignored_sigchld_does_not_lose_the_exit_status() {
    for seen in same_everywhere(
        r#"env --ignore-signal=CHLD run perl -e 'exit 7'; echo $? >status
           env --block-signal run perl -e 'kill "KILL", $$'; echo $? >>status"#,
    ) {
        seen.shows("7\n137\n");
    }
}

#[test]
fn process_attributes_are_inherited() {
    if crate::scene::is_traced() {
        return;
    }
    for seen in same_everywhere(&format!(
        r#"umask 027
           nice -n 7 setarch -R setpriv --no-new-privs {STATUS}
           taskset -c 0 run grep Cpus_allowed_list /proc/self/status >cpus
           ulimit -S -n 77 -c 0 -s 4096 -t 5000
           nice -n 7 setarch -R run sh -c 'nice; cat /proc/self/personality /proc/self/limits' >attributes
           chrt --idle 0 run chrt -p 0 | sed 's/pid [0-9]*//' >scheduler
           ionice -c 3 run ionice >>scheduler
           choom -n 300 -- run cat /proc/self/oom_score_adj /proc/self/coredump_filter /proc/self/cgroup >proc
           run sh -c 'readlink /proc/self/ns/* /proc/self/root /proc/self/cwd' >namespaces"#
    )) {
        seen.shows("NoNewPrivs:\t1")
            .shows("00040000")
            .shows("SCHED_IDLE")
            .shows("300\n")
            .shows("Umask:\t0027");
    }
}

#[test]
fn credentials_are_inherited() {
    if crate::scene::is_traced() {
        return;
    }
    if !needs_root() {
        return;
    }
    for seen in same_everywhere(&format!(
        "chmod 755 ..; chmod 777 .; umask 0; exec 3>status; chmod 666 status
         setpriv --reuid=3001 --regid=3002 --groups=3003,3004 --inh-caps=+net_raw --ambient-caps=+net_raw --bounding-set=-sys_admin {STATUS}"
    )) {
        seen.shows("Uid:\t3001").shows("Groups:\t3003 3004").shows("CapAmb:\t0000000000002000");
    }
}

#[test]
fn a_seccomp_filter_is_inherited_and_not_minded() {
    if crate::scene::is_traced() {
        return;
    }
    // This is how systemd and container engines start everything. The filter allows everything.
    for seen in same_everywhere(
        r#"python3 - run grep -E 'Seccomp|NoNew' /proc/self/status <<'END' >seen
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
allow = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000))
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(allow))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
END"#,
    ) {
        seen.shows("Seccomp_filters:\t1");
    }
}

#[test]
fn a_signal_that_is_blocked_and_pending_stays_pending() {
    for seen in same_everywhere(
        r#"perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGTERM)); kill USR1 => $$; kill TERM => $$;
               exec "run", "grep", "Pnd", "/proc/self/status"' >pending"#,
    ) {
        seen.shows("ShdPnd:\t0000000000004200");
    }
}

#[test]
fn a_pending_alarm_ends_the_command() {
    for seen in same_everywhere(
        r#"perl -e 'alarm 1; exec "run", "sh", "-c", "while :; do sleep 1; done"'; echo $? >status"#,
    ) {
        seen.shows("142\n");
    }
}

#[test]
fn the_process_group_and_the_session_stay_where_there_is_no_terminal() {
    for seen in same_everywhere(
        r#"[ -t 2 ] || run perl -e 'open S, "/proc/$$/stat"; @s = split " ", <S>; print "$s[4] $s[5]\n"' | sed "s/\b$$\b/script/g" >group"#,
    ) {
        if let Some(group) = seen.files.get("group").filter(|group| !group.is_empty()) {
            assert_eq!(group, b"script script\n", "{seen}");
        }
    }
    same(
        r#"set -m; run perl -e 'open S, "/proc/$$/stat"; @s = split " ", <S>; print $s[4] == $ARGV[0] ? "ours" : "own", "\n"' $$ &
           wait"#,
    )
    .shows("own\n");
}

#[test]
fn a_deleted_working_directory_stays() {
    for seen in same_everywhere(
        r#"mkdir gone; cd gone; rmdir ../gone; run readlink /proc/self/cwd >../cwd; run ls >../list; echo $? >../status"#,
    ) {
        seen.shows("gone (deleted)").shows("0\n");
    }
}

#[test]
fn a_working_directory_that_may_not_be_searched_stays() {
    if !needs_root() {
        return;
    }
    for seen in same_everywhere(
        r#"chmod 755 ..; mkdir closed; chmod 700 closed; exec 3>seen; cd closed
           setpriv --reuid=3001 --clear-groups run readlink /proc/self/cwd >&3; echo $? >&3"#,
    ) {
        seen.shows("work/closed\n0\n");
    }
}

#[test]
fn a_script_without_interpreter_line_runs() {
    for seen in same_everywhere(
        r#"printf 'echo "script $1"; exit 5\n' >script; chmod +x script; run ./script one >seen; echo $? >>seen
           PATH=$PWD:$PATH; run script two >>seen; echo $? >>seen
           : >empty; chmod +x empty; run ./empty; echo $? >>seen"#,
    ) {
        seen.shows("script one\n5\nscript two\n5\n0\n");
    }
}

#[test]
fn what_cannot_be_run_ends_with_126_or_127() {
    for seen in same_everywhere(
        r#"exec 3>seen; exec 2>/dev/null
           try() { run "$@"; echo "$1: $?" >&3; }
           echo hi >plain; mkdir directory; printf '#!/no/such/interpreter\n' >lost; chmod +x lost
           printf '\177ELF broken' >broken; chmod +x broken
           try no-such-command; try ./no-such-file; try ./plain; try ./directory; try ./lost; try ./broken; try plain/sub; try ''
           PATH=$PWD:$PATH try plain"#,
    ) {
        seen.shows("no-such-command: 127\n./no-such-file: 127\n./plain: 126\n./directory: 126\n./lost: 127\n");
    }
}

#[test]
fn the_search_path_is_followed_as_execvp_does() {
    for seen in same_everywhere(
        r#"exec 3>seen
           mkdir one two; echo 'echo one' >one/tool; echo 'echo two' >two/tool; chmod +x two/tool
           ln -s "$(command -v run)" with; PATH=$PWD/one:$PWD/two:/usr/bin:/bin ./with tool >&3
           cd two; PATH=:/nowhere:/usr/bin:/bin ../with tool >&3; PATH=/nowhere ../with tool >&3 2>/dev/null; echo $? >&3
           unset PATH; ../with true; echo $? >&3"#,
    ) {
        seen.shows("two\ntwo\n127\n");
    }
}

#[test]
fn an_option_less_command_line_needs_no_separator() {
    if std::env::var_os("PERMWRAP_UNDER_TEST").is_some() {
        return;
    }
    let permwrap = crate::support::permwrap();
    let shown = std::process::Command::new(permwrap)
        .args(["printf", "%s|", "--report", "x", "--"])
        .output()
        .expect("permwrap runs");
    assert_eq!(shown.stdout, b"--report|x|--|");
}
