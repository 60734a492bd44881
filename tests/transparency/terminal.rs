//! Real programs on a real terminal: what they find out about it, what they draw, which keys they get.

use crate::pair::Pair;
use crate::scene::{FUNCTIONS, Seen, same_on_terminal};
use crate::support::{needs_programs, needs_python_modules};

/// Everything that a program can ask about a terminal, through each descriptor and /dev/tty.
const ASK: &str = r#"cat >../ask.py <<'END'
import fcntl, os, struct, sys, termios
out = open("asked", "a")
def say(*words): print(*words, file=out)
say(*sys.argv[1:])
tty = os.open("/dev/tty", os.O_RDWR)
names = set()
for name, fd in ("0", 0), ("1", 1), ("2", 2), ("tty", tty):
    if not os.isatty(fd): say(name, "is no terminal"); continue
    if fd != tty: names.add(os.ttyname(fd))
    say(name, os.ttyname(fd).startswith("/dev/"), "foreground", os.tcgetpgrp(fd) == os.getpgrp(), "size", os.get_terminal_size(fd),
        "session", termios.tcgetsid(fd) == os.getsid(0) if hasattr(termios, "tcgetsid") else "", "modes", termios.tcgetattr(fd),
        "waiting", struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0")), "flags", fcntl.fcntl(fd, fcntl.F_GETFL))
say("names", len(names), "mode", oct(os.stat(max(names)).st_mode) if names else "", "owner", os.stat(max(names)).st_uid if names else "")
END
"#;

#[test]
fn the_terminal_looks_the_same_through_every_descriptor() {
    let asks: String = [
        "",
        "</dev/null",
        ">out",
        "2>err",
        "2>/dev/null",
        "2>&-",
        "</dev/null >out",
        "<&- >&-",
        "| cat",
        "2>&1 | cat",
        "</dev/null 2>err",
        "3>/dev/tty",
    ]
    .iter()
    .map(|to| {
        format!("run python3 ../ask.py '{to}' {to}; [ -e out ] && rm out; [ -e err ] && rm err\n")
    })
    .collect();
    same_on_terminal(&format!(
        "{ASK}{asks} stty rows 40 cols 132 -echo -icanon susp ^P; {asks} stty sane"
    ))
    .shows("columns=132");
}

#[test]
fn modes_that_the_command_sets_stay_set() {
    for to in ["", "2>err", "2>/dev/null"] {
        same_on_terminal(&format!(
            "stty -a >before; run stty -echo -ixon intr ^P rows 33 cols 99 {to}; stty -a >set; run stty sane {to}; stty -a >sane; run reset -Q {to}; stty -a >reset
             run stty raw {to}; stty -a >raw; stty sane"
        ))
        .shows("intr = ^P")
        .shows("rows 33; columns 99")
        .shows("-icanon");
    }
}

#[test]
fn raw_mode_left_by_a_crash_is_put_right() {
    // Without permwrap the shell restores the modes, if there is one.
    let seen = Pair::start(r#"PS1='\#$ ' exec bash --norc --noprofile -i"#);
    let mut pair = seen;
    pair.until("1$ ").types("before=$(stty -a)\n").until("2$ ");
    pair.types("run sh -c 'stty raw -echo; kill -9 $$'\n")
        .until("Killed")
        .until("3$ ");
    pair.types("[ \"$before\" = \"$(stty -a)\" ] && echo put right\n")
        .until("\nput right")
        .until("4$ ");
    pair.types("exit 0\n");
    pair.ends_somehow().ended("exit 0");
}

#[test]
fn keys_can_be_read_from_each_descriptor() {
    for from in ["STDIN", "STDOUT", "STDERR", "TTY"] {
        let mut pair = Pair::start(&format!(
            r#"run perl -e 'open TTY, "+<", "/dev/tty"; open IN, "+<&", {from} or die; syswrite TTY, "ready "; sysread IN, $_, 99; syswrite TTY, "got $_"'"#
        ));
        pair.until("ready ").types("some keys\n");
        pair.ends().shows("got some keys");
    }
}

#[test]
fn keys_typed_ahead_are_kept() {
    let mut pair = Pair::start(
        r#"printf 'ready '; until [ -e go ]; do sleep 0.02; read -t 0 && [ $((n += 1)) = 5 ] && : >go; done
           run sh -c 'read line; echo "first $line"'; run sh -c 'read line; echo "second $line"'; read line; echo "third $line""#,
    );
    pair.until("ready ").types("one\ntwo\nthree\n");
    pair.ends_alike()
        .shows("first one")
        .shows("second two")
        .shows("third three");
}

#[test]
fn keys_typed_while_the_command_runs_are_for_the_next() {
    // The kernel permits only root to insert input, or everybody if dev.tty.legacy_tiocsti is 1.
    if !crate::support::needs_root() {
        return;
    }
    let mut pair = Pair::start(
        r#"run perl -e 'use IO::Select; syswrite STDOUT, "ready "; $all = 0; do { $set = IO::Select->new(\*STDIN); $set->can_read(); $n = pack "i", 0; ioctl STDIN, 0x541B, $n; $all = unpack "i", $n; select undef, undef, undef, 0.02 } until $all >= 14'
           read line; echo "first $line"; run sh -c 'read line; echo "second $line"'"#,
    );
    pair.until("ready ").types("for me\nfor it\n");
    pair.ends_alike()
        .shows("first for me")
        .shows("second for it");
}

#[test]
fn long_pastes_arrive_whole() {
    let mut pair = Pair::start("run sh -c 'stty -echo; echo ready; md5sum >sum'");
    pair.until("ready");
    for i in 0..100 {
        pair.types(&format!(
            "line {i} of a long paste, with some text to make it longer and longer\n"
        ));
    }
    pair.types("\x04");
    pair.ends().shows("  -");
}

/// A numbered prompt, so that each one can be distinguished from the last.
const BASH: &str = r#"PS1='\#> ' exec run bash --norc --noprofile -i"#;

#[test]
fn shells_have_job_control_inside() {
    for (programs, shell) in [
        (["bash"], BASH),
        (["zsh"], r#"PS1="%h> " exec run zsh -f -i -o no_prompt_sp"#),
        (
            ["tcsh"],
            r#"echo "set prompt='%h> '" >../home/.tcshrc; exec run tcsh -i"#,
        ),
        (
            ["fish"],
            r#"exec run fish --no-config -i -C 'set n 0; function fish_prompt; set -g n (math $n + 1); echo "$n> "; end; function fish_title; end; function fish_greeting; end'"#,
        ),
    ] {
        if !needs_programs(&programs) {
            continue;
        }
        let mut pair = Pair::start(shell).hiding_numbers();
        pair.until("1> ").types("true\n").until("2> ");
        pair.types("perl -e '$SIG{CONT} = sub { syswrite STDOUT, \"again\\n\" }; syswrite STDOUT, \"ready\\n\"; select undef, undef, undef, 0.02 while 1'\n")
            .until("\nready");
        pair.types("\x1a").until("3> ").types("jobs\n").until("4> ");
        pair.types("fg\n")
            .until("\nagain")
            .types("\x03")
            .until("5> ");
        pair.types("tty | cut -c1-5; stty size\n")
            .until("24 80")
            .until("6> ");
        pair.resizes(30, 100)
            .types("stty size\n")
            .until("30 100")
            .until("7> ");
        pair.types("echo on; cat\n")
            .until("\non")
            .types("some text\n")
            .until("some text\nsome text")
            .types("\x04")
            .until("8> ");
        pair.types("exit 7\n");
        pair.ends_somehow().ended("exit 7");
    }
}

#[test]
fn interpreters_edit_their_lines() {
    let mut pair = Pair::start("exec run /usr/bin/python3 -q -i");
    pair.until(">>> ")
        .types("1 + 41x\x7f\n")
        .until("42\n")
        .types("\x1b[A\n")
        .until("42\n>>> 1 + 41\n42");
    pair.types("import os; os.get_terminal_size()\n")
        .until("columns=80, lines=24");
    // The interrupt is to meet the same frame on both sides: it comes once the loop runs.
    pair.types(
        "import time; [i == 5 and print('in'+'side') or time.sleep(0.02) for i in range(50000)]\n",
    )
    .until("\ninside")
    .types("\x03")
    .until("KeyboardInterrupt\n>>> ");
    pair.types("\x04");
    pair.ends_alike();

    let mut pair = Pair::prepared(
        "printf 'x = 1\\nx += 1\\nprint(x)\\n' >program.py",
        "exec run /usr/bin/python3 -m pdb program.py",
    );
    pair.until("(Pdb) ")
        .types("next\n")
        .until("x += 1\n(Pdb) ")
        .types("print(x)\n")
        .until("\n1\n(Pdb) ");
    pair.types("quit\n");
    pair.ends_alike();

    if needs_programs(&["node"]) {
        let mut pair = Pair::start("NODE_REPL_HISTORY= exec run node");
        pair.until("\n> ")
            .types("6 * 7\n")
            .until("\n42\n> ")
            .types("process.stdout.columns\n")
            .until("\n80\n> ");
        pair.types(".exit\n");
        pair.ends_alike().ended("exit 0");
    }
}

#[test]
fn pagers_read_their_keys_from_the_terminal() {
    let lines = "seq 100 | sed 's/^/line /' >lines";
    for (command, first) in [
        ("less lines", "lines"),
        ("less <lines", "line 23"),
        ("more lines", "--More--"),
        ("cat lines | run less", "line 23"),
        ("less lines 2>err", "lines"),
        ("more lines 2>&1", "--More--"),
    ] {
        let command = if command.contains("run") {
            command.to_owned()
        } else {
            format!("run {command}")
        };
        let mut pair = Pair::prepared(lines, &format!("{command}; echo status $?"));
        pair.until("line 22")
            .until(first)
            .types(" ")
            .until("line 45");
        if command.contains("less") {
            pair.types("/line 77\n")
                .until("line 77")
                .types("G")
                .until("line 100")
                .types("1G")
                .until("line 1\n");
            // If the program learns of a new size just before it waits for a key, it draws only after that key: ^L.
            pair.resizes(12, 60)
                .types("\x0c")
                .until("line 11")
                .resizes(24, 80)
                .types("\x0c")
                .until("line 23");
        }
        pair.types("q");
        pair.ends_alike().shows("status 0");
    }
}

#[test]
fn gits_pager_shows_colors() {
    if !needs_programs(&["git"]) {
        return;
    }
    let mut pair = Pair::prepared(
        "git init -q . && git config user.name n && git config user.email e && for i in $(seq 30); do GIT_COMMITTER_DATE=2020-01-01T00:00:00Z git commit -q --allow-empty --date 2020-01-01T00:00:00Z -m \"commit number $i\"; done",
        "LESS=R run git log; echo status $?",
    );
    pair.until("commit number 27")
        .types(" ")
        .until("commit number 24")
        .types("q");
    pair.ends_alike().shows("status 0");
}

#[test]
fn editors_edit() {
    let mut pair = Pair::start("run vim -u NONE -i NONE -n text; echo status $?");
    pair.until("\"text\"")
        .types("ihello\nworld\x1b")
        .until("world\n~")
        .types("gg0ix\x1b")
        .until("xhello");
    pair.resizes(12, 40).until("xhello\nworld").types(":wq\n");
    pair.ends_alike().shows("status 0").shows("xhello\nworld\n");

    let mut pair = Pair::start("echo piped text | run vim -u NONE -i NONE -n -; echo status $?");
    pair.until("piped text")
        .types("Amore\x1b")
        .until("piped textmore")
        .types(":wq out\n");
    pair.ends_alike()
        .shows("status 0")
        .shows("piped textmore\n");

    if needs_programs(&["nano"]) {
        let mut pair = Pair::start("run nano -I note; echo status $?");
        pair.until("note")
            .until("^X")
            .types("some words")
            .until("some words")
            .types("\x18")
            .until("Save");
        pair.types("y").until("note").types("\n");
        pair.ends_alike().shows("status 0").shows("some words\n");
    }
}

#[test]
fn full_screen_programs_draw() {
    if needs_programs(&["htop"]) {
        let mut pair = Pair::start("run htop; echo status $?");
        pair.until_somewhere("F10")
            .types("h")
            .until_somewhere("htop dev team")
            .types("x")
            .until_somewhere("F1");
        pair.types("q");
        pair.ends_somehow().ended("exit 0");
    }
    if needs_programs(&["dialog", "whiptail"]) {
        let mut pair = Pair::start(
            "run dialog --menu choose 12 40 3 1 one 2 two 3 three 2>choice; echo status $?",
        );
        pair.until("three").types("2\n");
        pair.ends_alike().shows("status 0").shows("2");

        let mut pair = Pair::start(
            "x=$(run dialog --output-fd 3 --yesno sure 8 30 3>&1 >/dev/tty); echo status $?",
        );
        pair.until("sure").types("\t\n");
        pair.ends_alike().shows("status 1");

        let mut pair = Pair::start("run whiptail --inputbox name 8 40 2>choice; echo status $?");
        pair.until("name").until("Ok").types("somebody\n");
        pair.ends_alike().shows("status 0").shows("somebody");
    }
}

#[test]
fn fzf_chooses_also_in_a_substitution() {
    if !needs_programs(&["fzf"]) {
        return;
    }
    for (command, choice) in [
        ("seq 100 | run fzf >choice; echo status $?", "42\n"),
        ("x=$(seq 100 | run fzf); echo \"chose $x\"", "chose 42"),
        (
            "x=$(seq 100 | run fzf --height 10); echo \"chose $x\"",
            "chose 42",
        ),
    ] {
        let mut pair = Pair::start(command);
        pair.until("100/100").types("42").until("1/100").types("\n");
        pair.ends_alike().shows(choice);
    }
}

#[test]
fn progress_bars_end_alike() {
    let bars = [
        (
            ["pv"],
            &[][..],
            "seq 200000 >data; run pv -f -s 1288895 data >/dev/null",
            "100%",
        ),
        (
            ["python3"],
            &["tqdm"],
            "run /usr/bin/python3 -c 'import tqdm, time\nfor i in tqdm.tqdm(range(30), ncols=60, desc=\"work\"): time.sleep(0.01)'",
            "30/30",
        ),
        (
            ["npm"],
            &[],
            "echo '{\"name\": \"x\", \"version\": \"1.0.0\"}' >package.json; run npm --offline --no-audit --no-fund --no-update-notifier install; rm -rf package-lock.json node_modules",
            "up to date",
        ),
        (
            ["python3"],
            &["pip._internal.cli.progress_bars"],
            "run /usr/bin/python3 -c 'import time\nfrom pip._internal.cli.progress_bars import get_download_progress_renderer as bar\nfor chunk in bar(bar_type=\"on\", size=3000000)([b\"x\" * 300000] * 10): time.sleep(0.02)'",
            "MB",
        ),
    ];
    for (programs, modules, script, end) in bars {
        if !needs_programs(&programs) || !modules.is_empty() && !needs_python_modules(modules) {
            continue;
        }
        shows_at_the_end(&format!("{script}; echo status $?"), end);
    }
}

/// A program that updates the screen periodically shows different pictures, but the same at the end, except for times.
fn shows_at_the_end(script: &str, text: &str) -> Seen {
    let mut pair = Pair::start(script);
    pair.until_somewhere("status 0").until_somewhere(text);
    pair.ends_somehow()
}

#[test]
fn cargo_draws_its_progress() {
    let script = "mkdir -p ../crate/src; printf '[package]\\nname = \"x\"\\nversion = \"0.1.0\"\\nedition = \"2021\"\\n' >../crate/Cargo.toml; echo 'fn main() {}' >../crate/src/main.rs
        cd ../crate; export CARGO_HOME=$PWD CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=70; run $CARGO build --offline; echo status $?";
    let cargo = env!("CARGO");
    let home = std::env::var("HOME").unwrap_or_default();
    let rustup = std::env::var("RUSTUP_HOME").unwrap_or_else(|_| format!("{home}/.rustup"));
    shows_at_the_end(
        &format!(
            "export CARGO={cargo} RUSTUP_HOME={rustup} PATH=$(dirname {cargo}):$PATH\n{script}"
        ),
        "Finished",
    );
}

#[test]
fn tmux_runs_inside() {
    if !needs_programs(&["tmux"]) {
        return;
    }
    let mut pair = Pair::prepared(
        r#"printf '%s\n' 'set -g status off' 'set -g assume-paste-time 0' 'set -g default-command "exec bash --rcfile ../rc"' >../tmux.conf; mkdir ../socket; echo "PS1='\#> '" >../rc"#,
        r#"export TMUX_TMPDIR=$PWD/../socket; run tmux -f ../tmux.conf new; echo status $?"#,
    );
    pair.until("1> ")
        .types("echo in$((40 + 2)) tmux\n")
        .until("in42 tmux")
        .until("2> ");
    pair.types("\x02%")
        .until("│1> ")
        .types("stty size\n")
        .until("24 39")
        .types("exit\n");
    pair.until_no_more("│").types("exit\n");
    pair.ends_somehow().ended("exit 0");
}

#[test]
fn a_terminal_within_the_terminal_works() {
    if crate::scene::is_traced() {
        return;
    }
    for inner in [
        "script -q -c 'stty size; tty | cut -c1-5; sh ready' /dev/null",
        "python3 -c 'import pty; pty.spawn([\"sh\", \"ready\"])'",
        "run sh ready",
        "bash -c 'run sh ready | cat'",
        "bash -c 'sh ready | run cat'",
    ] {
        let mut pair = Pair::prepared(
            "echo 'echo ready; exec cat' >ready",
            &format!("run {inner}"),
        );
        pair.until("ready")
            .types("a line\n")
            .until("a line\na line")
            .types("\x04");
        pair.ends_somehow().ended("exit 0");
    }
}

#[test]
fn sudo_asks_on_the_terminal() {
    if crate::scene::is_traced() {
        return;
    }
    use crate::scene::{Side, wrapper};
    use crate::support::World;
    if !needs_programs(&["sudo"]) {
        return;
    }
    let worlds = [Side::Bare, Side::Wrapped].map(|side| {
        let world = World::new()?;
        world.root("printf 'alice ALL=(ALL) ALL\\nbob ALL=(ALL) NOPASSWD: ALL\\nDefaults lecture=never, !fqdn\\n' >/etc/sudoers.d/test; chmod 440 /etc/sudoers.d/test; echo alice:secret | chpasswd");
        let words = match side {
            Side::Bare => String::new(),
            Side::Wrapped => wrapper().join(" ").replace(&crate::support::permwrap().display().to_string(), "/mnt/bin/permwrap"),
        };
        world.root(&format!("printf '#!/bin/sh\\nexec {words} \"$@\"\\n' >/mnt/bin/run; chmod 755 /mnt/bin/run"));
        Some(world)
    });
    let [Some(bare), Some(wrapped)] = worlds else {
        return;
    };
    for (user, command, keys) in [
        ("alice", "run sudo id -un", true),
        (
            "alice",
            "run sudo -k sh -c \"id -un; tty | cut -c1-5; read x; echo got \\$x\"",
            true,
        ),
        ("bob", "run sudo id -un", false),
        ("alice", "run sudo -n id -un", false),
        ("alice", "run sudo -k id -un 2>err", true),
    ] {
        let script = format!("{FUNCTIONS}cd /tmp; {command}; echo status $?; read -r enter");
        let mut side = 0;
        let mut pair = Pair::start_by(&script, |_| {
            side += 1;
            let world = if side == 1 { &bare } else { &wrapped };
            let mut command = world.command(user, "setsid");
            command.args(["--ctty", "bash", "-c", &script]);
            command
        });
        if keys {
            pair.until("password for alice: ")
                .types("wrong\n")
                .until("try again.\n[sudo] password for alice: ")
                .types("secret\n")
                .until("root");
        }
        if command.contains("read") {
            pair.until("/dev/").types("word\n");
        }
        // A session's end drops what is on its way to the screen.
        pair.until("status ").types("\n");
        pair.ends_alike();
    }
}
