//! With --stdout, standard output is held to the same requirements as standard error.

use crate::scene::{
    same, same_everywhere, same_on_terminal, same_wherever_stderr_is_seen, takes_options,
};

#[test]
fn every_byte_arrives_wherever_it_leads() {
    if !takes_options() {
        return;
    }
    for to in [
        "| sha256sum",
        "| (sleep 0.2; sha256sum)",
        ">big; sha256sum <big; rm big",
        "> >(sha256sum >sum); until_there sum",
    ] {
        same(&format!(
            "run --stdout sh -c 'seq 3000000; echo last >&2; exit 3' {to}; echo ${{PIPESTATUS[0]}}"
        ));
    }
    same_on_terminal("run --stdout seq 100000 | sha256sum; run --stdout sh -c 'seq 3; echo err >&2; seq 3' >out; cat out")
        .shows("err\r\n");
}

#[test]
fn both_keep_their_order_where_they_are_one() {
    if !takes_options() {
        return;
    }
    let writer = r#"run --stdout perl -e 'for (1 .. 5000) { syswrite STDOUT, "out $_\n"; syswrite STDERR, "err $_\n" }'"#;
    for to in ["2>&1 | cat", ">log 2>&1", ">>log 2>>log"] {
        same(&format!("{writer} {to}")).shows("out 5000\nerr 5000\n");
    }
    same_on_terminal(&writer.replace("5000", "1000")).shows("out 1000\r\nerr 1000\r\n");
}

#[test]
fn each_write_arrives_while_the_command_waits() {
    if !takes_options() {
        return;
    }
    same(
        r#"mkfifo ../seen
           reader='open S, ">", "../seen"; S->autoflush(1); $got = 0; while (sysread STDIN, $x, 1) { print S "$x\n"; $got++ } open D, ">", "../$ARGV[0]"; print D $got'
           run --stdout perl -e 'open S, "<", "../seen"; for (1 .. 50) { syswrite STDOUT, "o"; $all .= <S>; syswrite STDERR, "e"; $all .= <S> } open A, ">", "order"; print A $all' \
               > >(perl -MIO::Handle -e "$reader" out) 2> >(perl -MIO::Handle -e "$reader" err)
           until_there ../out; until_there ../err; tr -d '\n' <order; cat ../out ../err"#,
    )
    .shows("oeoeoeoe")
    .shows("5050");
}

#[test]
fn a_reader_that_goes_away_ends_the_command_alike() {
    if !takes_options() {
        return;
    }
    for seen in same_everywhere(
        r#"{ run --stdout yes; echo "$?" >one; } | head -1 >line
           { env --ignore-signal=PIPE run --stdout perl -e '1 while syswrite STDOUT, "x\n"; $errno = $!; open S, ">", "errno"; print S $errno'; echo "$?" >two; } | head -1 >>line
           until_there one; until_there two"#,
    ) {
        seen.shows("141\n").shows("Broken pipe").shows("y\nx\n");
    }
}

#[test]
fn a_reader_that_stalls_holds_up_the_command_but_not_its_signals_or_its_stderr() {
    if !takes_options() {
        return;
    }
    same(
        r#"mkfifo ../pipe; exec 5<>../pipe
           run --stdout perl -e 'syswrite STDERR, "begins\n"; open P, ">", "../pid"; print P $$; close P; syswrite STDOUT, "x" x 65536 while 1' >&5 &
           until_there ../pid; until grep -q pipe_w /proc/$(cat ../pid)/wchan; do sleep 0.02; done
           kill $!; wait $!; echo "ended $?""#,
    )
    .shows("begins\n")
    .shows("ended 143\n");
}

#[test]
fn what_outlives_the_command_goes_on_writing() {
    if !takes_options() {
        return;
    }
    for seen in same_wherever_stderr_is_seen(
        r#"run --stdout sh -c '(sleep 0.3; echo late; echo later >&2) & echo early; exit 4' | cat >all; echo ${PIPESTATUS[0]} >status
           text=$(run --stdout sh -c 'echo text; echo other >&2'); echo "$text" >>status; until_says all late"#,
    ) {
        seen.shows("early\nlate\n").shows("4\ntext\n");
    }
}

#[test]
fn a_stream_that_leads_nowhere_or_into_a_file_is_what_it_was() {
    if !takes_options() {
        return;
    }
    for seen in same_everywhere(
        r#"show='use Fcntl ":seek"; open S, ">", $ARGV[0]; print S join " ", -p STDOUT ? "pipe" : "none", -c STDOUT ? "device" : "none", sysseek(STDOUT, 0, SEEK_CUR) // "$!"; print S syswrite(STDOUT, "text\n") // "$!"'
           for to in /dev/null /dev/full; do run --stdout perl -e "$show" seen${to##*/} >$to; done
           run --stdout perl -e "$show" closed >&-
           echo before >file; run --stdout perl -e "$show" appended >>file; run --stdout perl -e "$show" opened 1<>file
           { run --stdout sh -c 'kill -TERM $$'; echo $?; run --stdout no-such-program; echo $?; } >ends 2>/dev/null"#,
    ) {
        seen.shows("143\n127\n").shows("No space left on device");
    }
}
