//! The output of the command: every byte, in order, without delay, and nothing else.

use crate::pair::Pair;
use crate::scene::{same, same_everywhere, same_on_terminal, same_wherever_stderr_is_seen};
use crate::support::{World, long_or, needs_root};

#[test]
fn every_byte_value_arrives() {
    for seen in same_wherever_stderr_is_seen(
        r#"perl -e 'binmode STDOUT; print map { chr } 0 .. 255; print "\r\n\n\r", "\xff" x 5000, "\0" x 5000, join "", map { chr int rand 256 } 1 .. 100000, srand 7' >data
           run sh -c 'cat data >&2'"#,
    ) {
        seen.ended("exit 0");
    }
}

#[test]
fn a_flood_of_bytes_arrives() {
    // Two hundred megabytes, or a tenth of that.
    let last = long_or(24_000_000, 3_000_000);
    for redirection in [
        "2>&1 >/dev/null | sha256sum",
        "2>big; sha256sum <big; rm big",
    ] {
        same(&format!("run sh -c 'seq {last} >&2' {redirection}")).shows("  -");
    }
}

#[test]
fn megabytes_arrive_on_a_terminal() {
    let last = long_or(300_000, 60_000);
    same_on_terminal(&format!(
        "run sh -c 'seq {last} >&2; stty -opost; seq {last} >&2; stty opost'"
    ))
    .shows(&format!("{last}\n"));
}

#[test]
fn stdout_is_the_very_same_file() {
    for seen in same_everywhere(
        r#"exec 5>out; exec 1>&5; stat -L -c '%d:%i' /proc/self/fd/5 >before; run stat -L -c '%d:%i' /proc/self/fd/1; run sh -c 'grep flags /proc/self/fdinfo/1'
           cmp before <(head -1 out) && echo same >verdict; rm before; sed -i 1d out
           run perl -e 'print -p STDOUT ? "pipe" : "none", "\n"' | cat >>verdict; run true >/dev/full; run echo x >/dev/full 2>/dev/null; echo $? >>verdict"#,
    ) {
        seen.shows("same\npipe\n1\n");
    }
}

#[test]
fn stdout_and_stderr_keep_their_order_where_they_are_one() {
    let writer = r#"run perl -e 'for (1 .. 20000) { syswrite STDOUT, "out $_\n"; syswrite STDERR, "err $_\n" }'"#;
    for to in [
        "2>&1",
        ">log 2>&1",
        ">>log 2>>log",
        "2>&1 | cat",
        "1>&2",
        "2>&1 | (sleep 0.2; cat)",
    ] {
        same(&format!("{writer} {to}")).shows("out 20000\nerr 20000\n");
    }
    same_on_terminal(&writer.replace("20000", "3000")).shows("out 3000\r\nerr 3000\r\n");
}

#[test]
fn short_writes_of_several_writers_stay_whole() {
    let lines = long_or(3000, 800);
    // Each line consists of one letter and is written at once, so that a torn one is visible.
    let writer = format!(
        r#"perl -e 'for $i (1 .. {lines}) {{ syswrite STDERR, $ARGV[0] x (1 + $i * 37 % 4094) . "\n" }}'"#
    );
    let check = r#"perl -ne '$n++; $torn++ if !/^(.)\1*$/; END { print "$n lines, ", $torn + 0, " torn\n" }'"#;
    for run in [
        format!("{{ run {writer} a & run {writer} b & run {writer} c & wait; }}"),
        format!("run bash -c '{writer} a & {writer} b & {writer} c & wait'")
            .replace(&writer, "perl writer"),
    ] {
        same(&format!(
            r#"cat >writer <<'END'
                   for $i (1 .. {lines}) {{ syswrite STDERR, $ARGV[0] x (1 + $i * 37 % 4094) . "\n" }}
END
               {run} 2>&1 | {check}"#
        ))
        .shows(&format!("{} lines, 0 torn\n", 3 * lines));
    }
}

#[test]
fn a_flood_of_short_lines_stays_whole() {
    same(
        r#"cat >writer <<'END'
               srand 7; for (1 .. 30000) { my $line = $ARGV[0] x (1 + int rand 300); syswrite STDERR, "$line\n" }
END
           { run perl writer a & run perl writer b & perl writer c & run sh -c 'perl writer d & perl writer e; wait' & wait; } 2>&1 |
               perl -ne '$n++; $torn++ if !/^(.)\1*$/; END { print "$n lines, ", $torn + 0, " torn\n" }'"#,
    )
    .shows("150000 lines, 0 torn\n");
}

#[test]
fn a_prompt_after_a_flood_of_lines_appears_while_the_command_waits() {
    same(
        r#"mkfifo ../answer; cat >ask <<'END'
               syswrite STDERR, "line $_\n" for 1 .. 100000; syswrite STDERR, "name? ";
               open A, "../answer"; print "hello ", scalar <A>;
END
           run perl ask 2>&1 >got | perl -e '$| = 1; while (sysread STDIN, $x, 65536) { $all .= $x;
               if ($all =~ /name\? $/) { print length $all, " bytes and a prompt\n"; open A, ">", "../answer"; print A "you\n"; close A } }'"#,
    )
    .shows("1088901 bytes and a prompt\n")
    .shows("hello you");
}

#[test]
fn a_reader_that_goes_away_ends_the_command_alike() {
    for seen in same_everywhere(
        r#"{ run yes 2>&1; echo "$?" >one; } | head -1 >line
           { run sh -c 'yes >&2' 2>&1 >/dev/null; echo "$?" >two; } | head -1 >>line
           { env --ignore-signal=PIPE run perl -e '1 while syswrite STDERR, "x\n"; $errno = $!; open S, ">", "errno"; print S $errno' 2>&1 >/dev/null; echo "$?" >three; } | head -1 >>line
           for i in $(seq 1500); do [ -s one -a -s two -a -s three -a -s errno ] && break; sleep 0.02; done"#,
    ) {
        seen.shows("141\n").shows("Broken pipe").shows("y\ny\nx\n");
    }
}

#[test]
fn a_reader_that_left_before_the_first_byte_ends_the_command_alike() {
    same(
        r#"mkfifo ../gone
           { run perl -e 'open G, "../gone"; <G>; for (1 .. 1500) { syswrite STDERR, "x\n"; select undef, undef, undef, 0.01 }' 2>&1; echo $? >status; } | { exec <&-; echo >../gone; }
           until_there status
           { sleep 0.1; run perl -e 'syswrite STDERR, "x\n"; exit 3' 2>&1; echo $? >status2; } | true; until_there status2"#,
    )
    .shows("141\n");
}

#[test]
fn a_reader_that_stalls_holds_up_the_command_but_not_its_signals() {
    same(
        r#"mkfifo ../pipe; exec 5<>../pipe
           run perl -e 'open P, ">", "../pid"; print P $$; close P; syswrite STDERR, "x" x 65536 and ++$n and open N, ">", "../written" and print N $n and close N while 1' 2>&5 &
           until_there ../pid; until grep -q pipe_w /proc/$(cat ../pid)/wchan; do sleep 0.02; done
           [ $(cat ../written) -lt 100 ] && echo held up; kill $!; wait $!; echo "ended $?""#,
    )
    .shows("held up\nended 143\n");
}

#[test]
fn the_flags_of_the_outer_descriptor_stay_as_they_are() {
    for seen in same_everywhere(
        r#"export script=$$; flags() { grep flags /proc/$script/fdinfo/$1; }
           { for fd in 0 1; do flags $fd; done; run bash -c 'for fd in 0 1; do grep flags /proc/$script/fdinfo/$fd; done; echo x >&2'; for fd in 0 1; do flags $fd; done; } >flags
           [ -e /proc/$$/fd/2 ] && { flags 2; run bash -c 'grep flags /proc/$script/fdinfo/2; seq 100 >&2'; flags 2; } >flags2; true"#,
    ) {
        seen.shows("flags:");
    }
}

#[test]
fn an_outer_descriptor_that_does_not_wait_loses_nothing() {
    same(
        r#"{ perl -e 'use Fcntl; fcntl STDERR, F_SETFL, O_WRONLY | O_NONBLOCK; exec @ARGV' run bash -c 'for i in {1..300}; do echo "line $i" >&2; done' 2>&1 >/dev/null; } | cat"#,
    )
    .shows("line 300\n");
}

#[test]
fn a_file_as_stderr_is_the_file_itself() {
    same(
        r#"{ echo before >&2; run perl -e '
                 use Fcntl ":seek"; $| = 1;
                 print "at ", sysseek(STDERR, 0, SEEK_CUR), " of ", -s STDERR, "\n"; syswrite STDERR, "first line\n"; syswrite STDERR, "second line\n";
                 print "at ", sysseek(STDERR, 0, SEEK_CUR), "\n"; sysseek STDERR, 8, SEEK_SET; syswrite STDERR, "FIRST";
                 sysseek STDERR, 0, SEEK_END; truncate STDERR, 20 or print "cannot truncate\n"; sysseek STDERR, 0, SEEK_END; syswrite STDERR, "last\n"; print "of ", -s STDERR, "\n"';
             echo after >&2; } 2>err
           run perl -e 'flock STDERR, 2 or print "cannot lock\n"; sysseek STDERR, 0, 0; print scalar <STDERR>' 2<>err
           { run sh -c 'echo appended >&2'; echo also >&2; } 2>>err
           run dd if=/dev/zero of=/dev/stderr bs=10 count=3 conv=notrunc oflag=append,sync status=none 2>>err; echo $?"#,
    )
    .shows("at 7 of 7\n")
    .shows("last\nafter\nappended\nalso\n");
}

#[test]
fn a_file_that_may_not_be_read_gets_the_bytes() {
    if !needs_root() {
        return;
    }
    same(
        r#"chmod 755 ..; : >err; chmod 622 err; exec 2>>err; setpriv --reuid=3001 --clear-groups run bash -c 'for i in {1..1000}; do echo "line $i" >&2; done; exit 5'; echo $?; chmod 644 err"#,
    )
    .shows("line 1000\n")
    .shows("5\n");
}

#[test]
fn a_full_disk_is_the_commands_to_see() {
    for redirection in ["", "2>/dev/full", ">/dev/full 2>&1"] {
        same(&format!(
            r#"run perl -e 'open S, ">", "seen"; print S syswrite(STDERR, "text\n") // $!, "\n"' {redirection}"#
        ));
    }
    same("run sh -c 'echo text >&2' 2>/dev/full; echo $?").shows("1\n");
    if !needs_root() {
        return;
    }
    same(
        r#"mkdir small; unshare --mount bash -c 'mount -t tmpfs -o size=64k none small; exec 2>small/err
           run perl -e "while (1) { \$done = syswrite STDERR, q(x) x 1000; if (!\$done) { print qq(\$!\n); exit 4 } \$all += \$done; print qq(\$all\n) }"; echo "ended $?"; stat -c %s small/err'"#,
    )
    .shows("No space left on device\nended 4\n65536\n");
}

#[test]
fn a_socket_as_stderr_carries_it_all() {
    same(
        r#"python3 - <<'END'
import socket, subprocess
for kind in socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM:
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    child = subprocess.Popen(["run", "sh", "-c", "for i in $(seq 300); do echo line $i >&2; done; exit 6"], stderr=theirs)
    theirs.close()
    got = b""
    while got.count(b"\n") < 300 and (some := ours.recv(65536)): got += some
    print(kind, got.decode().split("\n")[-2], child.wait())
    ours.close()
END"#,
    )
    .shows("line 300 6\n");
}

#[test]
fn a_prompt_without_newline_appears_while_the_command_waits() {
    let mut pair = Pair::start("run bash -c 'read -p \"name? \" name; echo \"hello $name\" >&2'");
    pair.until("name? ").types("you\n");
    pair.ends().shows("hello you");
    same(
        r#"mkfifo ../answer; run bash -c 'printf "name? " >&2; read name <../answer; echo "hello $name"' 2>&1 >got | { IFS= read -r -N 6 prompt; echo "$prompt|"; echo you >../answer; cat; }"#,
    )
    .shows("name? |\n")
    .shows("hello you");
}

#[test]
fn bytes_are_not_held_back() {
    // The smallest delay counts: the machine may be busy, but a wrapper that waits does so every time.
    for to in ["2>&1 >/dev/null | perl ../arrive", "2> >(perl ../arrive)"] {
        same(&format!(
            r#"cat >../send <<'END'
use Time::HiRes qw(clock_gettime usleep); open T, ">", "../sent"; T->autoflush(1);
for (1 .. 40) {{ usleep 20000; print T clock_gettime(1), "\n"; syswrite STDERR, "x" }}
END
               cat >../arrive <<'END'
use Time::HiRes qw(clock_gettime); my @got;
while (sysread STDIN, $x, 1) {{ push @got, clock_gettime(1) }}
open T, "../sent"; my @sent = <T>; my @delays = sort {{ $a <=> $b }} map {{ $got[$_] - $sent[$_] }} 0 .. $#sent;
printf "%d bytes, the quickest %s\n", scalar @got, $delays[5] < 0.005 ? "at once" : "after $delays[5] s"; open D, ">", "../done"; print D "x";
END
               run perl ../send {to}; until_there ../done"#
        ))
        .shows("40 bytes, the quickest at once\n");
    }
}

#[test]
fn a_hint_stands_after_the_last_byte_at_the_start_of_a_line() {
    if std::env::var_os("PERMWRAP_UNDER_TEST").is_some() {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/secret");
    let alone = world
        .run("alice", "cat /srv/secret; printf 'no newline' >&2")
        .stderr();
    assert_eq!(alone, "cat: /srv/secret: Permission denied\nno newline");
    for to in ["", "2>err", "2>&1 | cat >&2"] {
        let script = format!(
            "permwrap -- bash -c \"cat /srv/secret; printf 'no newline' >&2\" {to}; cat err >&2 2>/dev/null"
        );
        let shown = world.run("alice", &script).stderr();
        let hint = shown
            .strip_prefix(&alone)
            .unwrap_or_else(|| panic!("{to}: {shown}"));
        assert!(
            hint.starts_with('\n') && hint.contains("\npermwrap: "),
            "{to}: {shown}"
        );
        assert!(hint.ends_with('\n'), "{to}: {shown}");
    }
}
