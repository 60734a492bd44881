//! Every signal arrives once, wherever it comes from; stopping and continuing affect the job as a whole.

use crate::pair::Pair;
use crate::scene::{same_everywhere, same_on_terminal, wrapped};

/// `count.py SIGNAL...` reports when it is ready and when it gets one of these signals. It ends with its input, or by SIGTERM
/// if that is not one of them. It reads in a separate thread, because a signal that arrives just before a blocking call would
/// only be reported after that call. Its first word does not end a line: a key pressed as soon as the word is visible could
/// otherwise be echoed before or after the line feed.
const COUNT: &str = r#"cat >../count.py <<'END'
import os, select, signal, sys, threading
counts = {}
def tell(text): os.write(1, (text + "\n").encode())
def caught(number, frame):
    counts[number] = counts.get(number, 0) + 1
    name = signal.Signals(number).name
    tell(f"{name} {counts[number]}" + (" {1} {0}".format(*os.get_terminal_size(0)) if name == "SIGWINCH" else ""))
for name in sys.argv[1:]: signal.signal(getattr(signal, name), caught)
wake, waker = os.pipe()
os.set_blocking(waker, False)
signal.set_wakeup_fd(waker)
keys, typed = os.pipe()
def read():
    while True:
        try: some = os.read(0, 4096)
        except OSError: some = b""
        if not some: return os.close(typed)
        os.write(typed, some)
os.write(1, b"ready")
threading.Thread(target=read, daemon=True).start()
some = b"x"
while some:
    for ready in select.select([wake, keys], [], [])[0]:
        some = os.read(ready, 4096)
        if ready == keys:
            for line in some.decode().splitlines(): tell("read " + line)
tell("in all " + " ".join(f"{signal.Signals(n).name}={counts[n]}" for n in sorted(counts)))
END
"#;

fn counting(script: &str) -> Pair {
    Pair::prepared(COUNT, script)
}

#[test]
fn the_keys_that_send_signals_send_one() {
    for redirection in [
        "",
        "2>err",
        "2>/dev/null",
        "2>&1 | env --ignore-signal cat",
        "| env --ignore-signal cat",
    ] {
        let mut pair = counting(&format!(
            "trap : INT QUIT; run python3 ../count.py SIGINT SIGQUIT {redirection}"
        ));
        pair.until("ready").types("\x03").until("SIGINT 1");
        pair.types("\x1c")
            .until("SIGQUIT 1")
            .types("\x03")
            .until("SIGINT 2");
        pair.types("word\n").until("read word").types("\x04");
        pair.ends_alike().shows("in all SIGINT=2 SIGQUIT=1");
    }
}

#[test]
fn an_interrupted_command_dies_of_it_and_the_shell_knows() {
    for (key, signal) in [("\x03", 2), ("\x1c", 3)] {
        let mut pair = Pair::start(&format!(
            "ulimit -c 0; trap : INT QUIT; run sh -c 'echo ready; exec sleep 1000'; echo status $? {signal}"
        ));
        pair.until("ready").types(key);
        pair.ends()
            .shows(&format!("status {} {signal}", 128 + signal));
    }
}

#[test]
fn an_interrupted_script_ends_where_bare_it_would() {
    // bash ends only if its child was killed by SIGINT, and continues if the child caught the signal and exited.
    let mut pair = Pair::start("run sh -c 'echo ready; exec sleep 1000'; echo never");
    pair.until("ready").types("\x03");
    pair.ends().ended("signal 2");
    let mut pair = Pair::start(
        "run perl -e '$SIG{INT} = sub { exit 3 }; print STDERR \"ready\"; select undef, undef, undef, 0.02 while 1'; echo on $?",
    );
    pair.until("ready").types("\x03");
    pair.ends().shows("on 3");
}

#[test]
fn every_signal_sent_to_the_wrapper_arrives_once() {
    for seen in same_everywhere(
        r#"cat >../catch.py <<'END'
import os, signal, time
def caught(number, frame): os.write(1, f"{number}\n".encode())
for number in signal.valid_signals() - {9, 19, 32, 33}: signal.signal(number, caught)
open("../pid", "w").write(str(os.getpid()))
os.write(1, b"ready\n")
while True: time.sleep(0.01)
END
           : >got; run python3 ../catch.py >>got & pid=$!
           until_there got
           lines=1
           for signal in $(seq 1 64); do
               case $signal in 9|19|32|33) continue;; esac
               kill -$signal $pid; lines=$((lines + 1))
               until [ $(wc -l <got) -ge $lines ]; do sleep 0.005; done
           done
           kill -9 $(cat ../pid); wait $pid; echo "ended $?" >>got"#,
    ) {
        let expected: String = (1..=64)
            .filter(|signal| ![9, 19, 32, 33].contains(signal))
            .map(|signal| format!("{signal}\n"))
            .collect();
        seen.shows(&format!("ready\n{expected}"));
    }
}

#[test]
fn real_time_signals_are_counted() {
    for seen in same_everywhere(
        r#"cat >../catch.py <<'END'
import os, signal, time
numbers = [signal.SIGRTMIN, signal.SIGRTMIN + 1]
signal.pthread_sigmask(signal.SIG_BLOCK, numbers + [signal.SIGTERM])
open("ready", "w")
signal.sigwait([signal.SIGTERM])
got = []
while (info := signal.sigtimedwait(numbers, 0.3)): got.append(info.si_signo)
print(got.count(numbers[0]), got.count(numbers[1]))
END
           run python3 ../catch.py >got & pid=$!
           until [ -e ready ]; do sleep 0.01; done
           for i in $(seq 25); do kill -RTMIN $pid; kill -RTMIN+1 $pid; done; kill -TERM $pid; wait"#,
    ) {
        seen.shows("25 25\n");
    }
}

#[test]
fn a_signal_in_the_first_moments_is_not_lost() {
    // The signal is blocked when the command starts, so that without permwrap it remains pending until the command takes it,
    // whenever it arrives.
    for seen in same_everywhere(
        r#"cat >../early.pl <<'END'
use POSIX; use Time::HiRes "usleep";
my $usr1 = POSIX::SigSet->new(SIGUSR1);
sigprocmask(SIG_BLOCK, $usr1);
my $take = '$SIG{USR1} = sub { $n++ }; use POSIX; sigprocmask(SIG_UNBLOCK, POSIX::SigSet->new(SIGUSR1)); $i = 0;
            select undef, undef, undef, 0.005 until $n || $i++ > 2000; exit $n';
for my $delay (map { $_ * 100 } 0 .. 29) {
    my $pid = fork // die;
    if (!$pid) { exec "run", "perl", "-e", $take }
    usleep $delay;
    kill "USR1", $pid;
    waitpid $pid, 0;
    print $? >> 8, ":", $? & 127, " ";
}
END
           perl ../early.pl >got"#,
    ) {
        seen.shows(&"1:0 ".repeat(30));
    }
}

#[test]
fn a_deadly_signal_in_the_first_moments_ends_both() {
    for seen in same_everywhere(
        r#"cat >../early.pl <<'END'
use Time::HiRes "usleep";
for my $delay (map { $_ * 50 } 0 .. 59) {
    my $pid = fork // die;
    if (!$pid) { exec "run", "sleep", "1000" }
    usleep $delay;
    kill "TERM", $pid;
    waitpid $pid, 0;
    print $? & 127, " ";
}
END
           perl ../early.pl >got; pgrep -f "^sleep 1000" -s 0 >left; echo $? >>left"#,
    ) {
        seen.shows(&"15 ".repeat(60)).shows("1\n");
    }
}

/// Starts its arguments in a process group of their own, as a shell with job control does.
const IN_A_GROUP: &str = "in_a_group='perl -e setpgrp;exec(@ARGV) --'\n";

#[test]
fn a_signal_to_the_group_arrives_once() {
    for to_the_group in [
        // The script's own process group, as with `kill 0` and a `timeout` that sends a signal.
        "trap : USR1; send() { kill -USR1 0; }; run",
        // A process group for the job, as with `kill %1`.
        "send() { kill -USR1 -- -$!; }; $in_a_group run",
    ] {
        for seen in same_everywhere(&format!(
            r#"{COUNT}{IN_A_GROUP}mkfifo ../keys
               {to_the_group} python3 ../count.py SIGUSR1 <../keys >got & exec 3>../keys
               until_says got ready; send; until_says got USR1; echo >&3; exec 3>&-; wait $!"#
        )) {
            seen.shows("in all SIGUSR1=1\n");
        }
    }
}

#[test]
fn a_command_that_signals_its_group_reaches_the_pipeline() {
    for seen in same_everywhere(
        r#"trap 'echo script got it >>got' USR1
           run perl -e '$SIG{USR1} = sub { $n++ }; kill "USR1", 0; select undef, undef, undef, 0.05 for 1 .. 4; print "command got $n\n"' >>got
           wait; sort got >sorted; rm got"#,
    ) {
        seen.shows("command got 1\nscript got it\n");
    }
}

#[test]
fn killing_the_job_ends_all_of_it() {
    for seen in same_everywhere(&format!(
        r#"{IN_A_GROUP}$in_a_group bash -c 'run sh -c "sleep 1000 & echo \$! >../sleeper; sleep 1000" | cat' & until_there ../sleeper
           kill -- -$!; wait $!; echo "ended $?" >got; until_gone $(cat ../sleeper); echo gone >>got"#
    )) {
        seen.shows("ended 143\ngone\n");
    }
}

#[test]
fn stopping_and_continuing_by_the_wrappers_pid_works() {
    if crate::scene::is_traced() {
        return;
    }
    for seen in same_everywhere(&format!(
        r#"{IN_A_GROUP}$in_a_group run perl -e 'open P, ">", "../pid"; print P $$; close P; select undef, undef, undef, 0.02 while !-e "go"; print "went on\n"' >got &
           until_there ../pid; command=$(cat ../pid)
           kill -TSTP $!; until_state $command T; until_state $! T; echo both stopped >seen
           touch go; kill -CONT $!; wait $!; echo "ended $?" >>seen"#
    )) {
        seen.shows("both stopped\nended 0\n").shows("went on\n");
    }
}

#[test]
fn a_new_size_is_told_once_and_is_there_to_be_read() {
    for redirection in ["", "2>err", "2>/dev/null", "| env --ignore-signal cat"] {
        let mut pair = counting(&format!(
            "trap : INT; run python3 ../count.py SIGWINCH SIGINT {redirection}"
        ));
        pair.until("ready")
            .resizes(30, 100)
            .until("SIGWINCH 1 30 100");
        pair.resizes(50, 132).until("SIGWINCH 2 50 132");
        pair.resizes(24, 80).until("SIGWINCH 3 24 80");
        pair.types("\x03").until("SIGINT 1").types("\x04");
        pair.ends_alike().shows("in all SIGINT=1 SIGWINCH=3");
    }
}

#[test]
fn the_closing_of_the_terminal_is_told_once() {
    // The kernel signals the session leader, or the foreground process group when the leader has ended because of it.
    for (start, redirection) in [("exec", ""), ("", ""), ("exec", "2>err"), ("", "2>err")] {
        let mut pair = Pair::prepared(
            r#"cat >../hangup.py <<'END'
import os, signal, time
count = 0
def caught(number, frame):
    global count
    count += 1
signal.signal(signal.SIGHUP, caught)
os.write(1, b"ready\n")
while not count: time.sleep(0.01)
end = time.monotonic() + 0.5
while time.monotonic() < end: time.sleep(0.1)
try: then = os.write(1, b"x")
except OSError as e: then = e.strerror
with open("new", "w") as f: print("hangups", count, "then", then, file=f)
os.rename("new", "counted")
END"#,
            &format!("{start} run python3 ../hangup.py {redirection}; true"),
        );
        pair.until("ready");
        pair.hangs_up_until("counted")
            .shows("hangups 1 then Input/output error");
    }
}

#[test]
fn the_closing_of_the_terminal_ends_everything() {
    for redirection in ["", "2>err", "| cat", "2>&1 | cat"] {
        let mut pair = Pair::start(&format!(
            "(trap '' HUP; echo >../watching; exec </dev/null >/dev/null 2>&1; until_there ../pid; until_gone $(cat ../pid); echo >over) &
             until_there ../watching; run sh -c 'echo $$ >../pid; echo ready; sleep 1000; touch survived' {redirection}; true"
        ));
        pair.until("ready");
        pair.hangs_up_until("over");
    }
}

/// Interactive shells, each with a numbered prompt.
const SHELLS: [&str; 3] = [
    r#"export -f until_state; PS1='\#$ ' exec bash --norc --noprofile -i"#,
    r#"PS1="%h$ " exec zsh -f -i -o no_prompt_sp"#,
    r#"exec fish --no-config -i -C 'set n 0; function fish_prompt; set -g n (math $n + 1); echo "$n\$ "; end; function fish_title; end; function fish_greeting; end'"#,
];

#[test]
fn the_stop_key_stops_the_job_and_the_shell_goes_on() {
    for start in SHELLS {
        let mut pair = counting(start).hiding_numbers();
        pair.until("1$ ")
            .types("run python3 ../count.py SIGCONT\n")
            .until("ready");
        pair.types("\x1a").until("2$ ").types("jobs\n").until("3$ ");
        pair.types("echo shell; stty -a | grep -c -w icanon\n")
            .until("4$ ");
        pair.types("fg\n")
            .until("SIGCONT 1")
            .types("line\n")
            .until("read line");
        pair.types("\x1a")
            .until("5$ ")
            .types("fg\n")
            .until("SIGCONT 2")
            .types("more\n")
            .until("read more");
        pair.types("\x04")
            .until("in all SIGCONT=2")
            .until("6$ ")
            .types("exit 0\n");
        pair.ends_somehow().ended("exit 0");
    }
}

#[test]
fn a_stopped_job_goes_on_in_the_background() {
    for start in SHELLS {
        let mut pair = Pair::prepared(
            r#"cat >job <<'END'
                   $SIG{CONT} = sub { open F, ">>", "continued"; print F "once\n"; close F };
                   syswrite STDOUT, "ready\n"; select undef, undef, undef, 0.02 while !-e "go";
                   open F, ">", "over"; print F "over\n";
END
               echo 'until [ -s "$1" ]; do sleep 0.02; done' >until"#,
            start,
        )
        .hiding_numbers();
        pair.until("1$ ").types("run perl job\n").until("ready");
        pair.types("\x1a")
            .until("2$ ")
            .types("bg; sh until continued\n")
            .until("3$ ");
        pair.types("touch go; wait; echo is over\n")
            .until("\nis over");
        pair.types("exit 0\n");
        pair.ends_somehow().shows("once\n").shows("over\n");
    }
}

#[test]
fn the_stop_key_works_with_stderr_elsewhere() {
    for redirection in [
        "2>err",
        "2>/dev/null",
        "| cat",
        "2>&1 | cat",
        "</dev/tty 2>&1 | tee out",
    ] {
        let mut pair = counting(SHELLS[0]).hiding_numbers();
        pair.until("1$ ");
        pair.types(&format!("run python3 ../count.py SIGCONT {redirection}\n"))
            .until("ready");
        pair.types("\x1a")
            .until("2$ ")
            .types("jobs\n")
            .until("3$ ")
            .types("fg\n");
        pair.until("SIGCONT 1").types("line\n").until("read line");
        pair.types("\x04").until("in all SIGCONT=1").until("4$ ");
        pair.types("exit 0\n");
        pair.ends_somehow().ended("exit 0");
    }
}

#[test]
fn a_stopped_command_may_be_continued_or_killed_alone() {
    if crate::scene::is_traced() {
        return;
    }
    let counts = r#"$n = 0; $SIG{CONT} = sub { $n++ }; open P, ">", "../pid"; print P $$; close P; kill "STOP", $$; select undef, undef, undef, 0.3; print "continued $n\n"; exit 5"#;
    for (signal, end) in [("CONT", "continued 1\nended 5\n"), ("KILL", "ended 137\n")] {
        let script = format!(
            r#"{IN_A_GROUP}$in_a_group run perl -e '{counts}' >got & until_there ../pid; command=$(cat ../pid)
               until_state $command T; until_state $! T; kill -{signal} $command
               wait $!; echo "ended $?" >>got"#
        );
        for seen in same_everywhere(&script) {
            seen.shows(end);
        }
        same_on_terminal(&script).shows(end);
    }
}

#[test]
fn a_command_that_stops_itself_stops_the_job() {
    for signal in ["STOP", "TSTP", "TTIN"] {
        for redirection in ["", "2>err"] {
            let mut pair = Pair::start(SHELLS[0]).hiding_numbers();
            pair.until("1$ ");
            pair.types(&format!(
                "run perl -e 'kill \"{signal}\", $$; print \"went on\\n\"' {redirection}\n"
            ));
            pair.until("Stopped").until("2$ ").types("fg\n");
            pair.until("went on\n").until("3$ ").types("exit 0\n");
            pair.ends_somehow().ended("exit 0");
        }
    }
}

#[test]
fn reading_in_the_background_stops_the_job() {
    for redirection in ["", "2>err"] {
        let mut pair = counting(SHELLS[0]).hiding_numbers();
        pair.until("1$ ").types(&format!(
            "run python3 ../count.py SIGCONT {redirection} & until_state $! T\n"
        ));
        pair.until("ready").until("Stopped").until("2$ ");
        pair.types("fg\n")
            .until("SIGCONT 1")
            .types("line\n")
            .until("read line");
        pair.types("\x04")
            .until("in all SIGCONT=1")
            .until("3$ ")
            .types("exit 0\n");
        pair.ends_somehow().ended("exit 0");
    }
}

#[test]
fn a_running_job_that_comes_to_the_foreground_gets_what_is_typed() {
    // The shell sends no signal in this case. The command waits for input without reading it, like an event loop.
    let mut pair = Pair::prepared(
        r#"cat >../loop.py <<'END'
import os, select, signal, time
signal.signal(signal.SIGCONT, lambda *_: print("continued", flush=True))
open("ready", "w").write("x")
poll = select.epoll(); poll.register(0, select.EPOLLIN | select.EPOLLET)
poll.poll(0)
while True:
    poll.poll()
    while os.getpgrp() != os.tcgetpgrp(0): time.sleep(0.01)
    line = os.read(0, 99)
    if not line: break
    os.write(1, b"got " + line)
END
           echo 'until [ -s "$1" ]; do sleep 0.02; done' >until"#,
        SHELLS[0],
    )
    .hiding_numbers();
    pair.until("1$ ")
        .types("run python3 ../loop.py & sh until ready\n")
        .until("2$ ");
    pair.types("true typed in the background\n").until("3$ ");
    pair.types("fg\n").until("\nrun python3");
    pair.types("a line\n").until("a line\ngot a line");
    pair.types("another\n").until("another\ngot another");
    pair.types("\x04").until("4$ ").types("exit 0\n");
    pair.ends_somehow().ended("exit 0");
}

#[test]
fn writing_in_the_background_stops_the_job_where_that_is_asked_for() {
    let mut pair = Pair::start(SHELLS[0]).hiding_numbers();
    pair.until("1$ ").types("stty tostop\n").until("2$ ");
    pair.types("run sh -c 'echo said; echo done' & until_state $! T\n");
    pair.until("Stopped")
        .until("3$ ")
        .types("fg\n")
        .until("said\ndone\n")
        .until("4$ ");
    pair.types("stty -tostop\n").until("5$ ");
    pair.types("run sh -c 'until [ -e go ]; do sleep 0.02; done; echo freely' &\n")
        .until("6$ ");
    pair.types("touch go; wait\n")
        .until("freely")
        .until("7$ ")
        .types("exit 0\n");
    pair.ends_somehow().ended("exit 0");
}

#[test]
fn a_job_in_the_background_may_change_no_modes() {
    let mut pair = Pair::start(SHELLS[0]).hiding_numbers();
    pair.until("1$ ")
        .types("run stty -echo & until_state $! T\n");
    pair.until("Stopped")
        .until("2$ ")
        .types("stty -a | grep -o '.echo '\n")
        .until("3$ ");
    pair.types("fg\n").until("4$ ");
    pair.types("stty -a | grep -o '.echo '\n")
        .until("-echo\n")
        .until("5$ ")
        .types("exit 0\n");
    pair.ends_somehow().ended("exit 0");
}

#[test]
fn a_killed_wrapper_leaves_no_raw_terminal_and_no_stuck_command() {
    let mut pair = Pair::prepared(
        "true",
        r#"set -m; before=$(stty -a)
           run perl -e '$SIG{HUP} = "DEFAULT"; $SIG{PIPE} = "DEFAULT"; $| = 1; open P, ">", "../pid"; print P "$$\n"; close P; print "ready\n";
                        for (1 .. 2000) { print STDERR "x" x 70, "\n" or last; select undef, undef, undef, 0.001 }' & job=$!
           { until_there ../pid; kill -9 $job; } & fg %1 >/dev/null
           echo "ended $?"
           until ! [ -e /proc/$(cat ../pid) ] || grep -q zombie /proc/$(cat ../pid)/status; do sleep 0.01; done
           [ "$(stty -a)" = "$before" ]; echo "as before $?" >modes"#,
    );
    pair.until_somewhere("ended 137");
    pair.ends_somehow().shows("as before 0");
}

#[test]
fn a_killed_wrapper_leaves_no_command_that_waits_for_ever() {
    // Without permwrap, the command itself would be killed.
    for redirection in ["2>err", "2> >(cat >&2)", "2>&1"] {
        wrapped(&format!(
            r#"run perl -e '$SIG{{PIPE}} = "IGNORE"; print STDERR "x" x 1000, "\n" for 1 .. 100; open P, ">", "../pid"; print P $$; close P;
                           select undef, undef, undef, 0.02 while !-e "../killed"; print STDERR "y" x 1000, "\n" for 1 .. 3000; open D, ">", "over"; print D "over"' {redirection} &
               until_there ../pid; kill -9 $!; touch ../killed; until_gone $(cat ../pid); cat over"#
        ));
    }
}

#[test]
fn a_script_that_waits_for_its_jobs_sees_the_same() {
    same_on_terminal(
        r#"run sh -c 'exit 4' & four=$!; run sh -c 'kill $$' & killed=$!; wait $four; echo $?; wait $killed; echo $?"#,
    )
    .shows("4\r\n143\r\n");
}
