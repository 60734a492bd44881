//! Commands that ask on a terminal.

use std::io::{Read, Write};
use std::process::Stdio;

use super::World;

/// Shown behind the command's last output. Only when it has arrived may the session end: the kernel drops what has not yet
/// been handed to a terminal's reader by then (tty_ldisc_hangup).
const OVER: &str = "[over] ";

/// Runs a command of the user on a terminal. `at_question` is called at each question, before it is answered with yes. Returns
/// what the terminal showed, and the exit status.
pub fn answered(
    world: &World,
    user: &str,
    command: &str,
    at_question: impl FnMut(),
) -> (String, i32) {
    in_terminal(world, user, command, "", at_question)
}

/// The same for a user who is also asked for a password.
pub fn typed(world: &World, user: &str, command: &str, password: &str) -> (String, i32) {
    in_terminal(world, user, command, password, || {})
}

fn in_terminal(
    world: &World,
    user: &str,
    command: &str,
    password: &str,
    mut at_question: impl FnMut(),
) -> (String, i32) {
    let command = format!("{command}; status=$?; printf '{OVER}'; read -r enter; exit $status");
    let mut child = world
        .command(user, "script")
        .args(["-qefc", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) of util-linux runs");
    let mut keyboard = child.stdin.take().expect("it is piped");
    let mut screen = child.stdout.take().expect("it is piped");
    let (mut shown, mut asked, mut prompted, mut over) = (Vec::new(), 0, 0, None);
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = screen.read(&mut piece) {
        shown.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&shown);
        let questions = text.matches("[y/N] ").count();
        while asked < questions {
            asked += 1;
            at_question();
            keyboard.write_all(b"y\n").expect("it can be typed");
        }
        while prompted < text.matches("assword").count() {
            prompted += 1;
            let line = format!("{password}\n");
            keyboard
                .write_all(line.as_bytes())
                .expect("it can be typed");
        }
        if over.is_none() && text.contains(OVER) {
            over = text.find(OVER);
            keyboard.write_all(b"\n").expect("it can be typed");
        }
    }
    let ended = child.wait().expect("script ends");
    let text = String::from_utf8_lossy(&shown);
    let text = &text[..over.unwrap_or(text.len())];
    (text.to_owned(), ended.code().unwrap_or(-1))
}
