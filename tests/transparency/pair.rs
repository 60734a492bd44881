//! Two terminals, one for the run without permwrap and one for the run with it, which get the same keys and are compared.
//!
//! Nothing here waits for a fixed time, but until both screens show something and are equal, however long either may take.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::scene::{DEADLINE, FUNCTIONS, Scene, Seen, Side, Watchdog};

/// How long a terminal must be silent to count as idle.
const REST: Duration = Duration::from_millis(100);

const ROWS: NonZero<u16> = NonZero::new(24).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();

/// The same script on two terminals.
pub struct Pair {
    script: String,
    terminals: [Terminal; 2],
    screens: Screens,
    hide_numbers: bool,
}

/// What both terminals show, and a notification about changes.
type Screens = Arc<(Mutex<[Screen; 2]>, Condvar)>;

/// The output on one terminal.
struct Screen {
    /// The directory of the scene, whose name differs between the screens.
    dir: String,
    parser: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

struct Terminal {
    scene: Scene,
    child: Child,
    /// The user's end, for keyboard and screen, and the signal for the reader to release it.
    user: Option<(File, PipeWriter)>,
    watchdog: Watchdog,
}

impl Pair {
    /// Starts bash with this script as session leader on each terminal (24 rows, 80 columns).
    pub fn start(script: &str) -> Pair {
        Pair::prepared("true", script)
    }

    /// The same, after another script has prepared the working directory without a terminal.
    pub fn prepared(preparation: &str, script: &str) -> Pair {
        Pair::start_by(script, |scene| {
            let prepared = scene
                .command(&[])
                .args(["bash", "-c", preparation])
                .status();
            assert!(prepared.expect("bash runs").success(), "{preparation}");
            let mut command = scene.command(&["--ctty"]);
            command.args(["bash", "-c", &format!("{FUNCTIONS}{script}")]);
            command
        })
    }

    /// The same with any program, which must be setsid(1) with `--ctty`.
    pub fn start_by(script: &str, mut command: impl FnMut(&Scene) -> Command) -> Pair {
        let scenes = [Side::Bare, Side::Wrapped].map(Scene::new);
        let screens = scenes.each_ref().map(|scene| Screen {
            dir: scene.dir(),
            parser: vt100::Parser::new(ROWS, COLUMNS, 0),
            bytes: Vec::new(),
            ended: false,
        });
        let screens: Screens = Arc::new((Mutex::new(screens), Condvar::new()));
        let mut index = 0;
        let terminals = scenes.map(|scene| {
            let command = command(&scene);
            index += 1;
            Terminal::start(scene, command, index - 1, &screens)
        });
        Pair {
            script: script.to_owned(),
            terminals,
            screens,
            hide_numbers: false,
        }
    }

    /// From now on, [`Pair::until`] ignores differences in numbers of three or more digits: process ids, times.
    pub fn hiding_numbers(mut self) -> Pair {
        self.hide_numbers = true;
        self
    }

    /// Types these keys on both; a line feed is the Enter key.
    pub fn types(&mut self, keys: &str) -> &mut Pair {
        let keys = keys.replace('\n', "\r");
        for terminal in &self.terminals {
            terminal
                .user()
                .write_all(keys.as_bytes())
                .expect("the terminal takes keys");
        }
        self
    }

    /// Changes the size of both terminals.
    pub fn resizes(&mut self, rows: u16, columns: u16) -> &mut Pair {
        let [rows, columns] = [rows, columns].map(|n| NonZero::new(n).expect("a size"));
        for screen in self.screens().iter_mut() {
            screen.parser.screen_mut().set_size(rows, columns);
        }
        for terminal in &self.terminals {
            terminal.set_size(rows, columns);
        }
        self
    }

    /// Waits until both screens show the text and are equal.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> &mut Pair {
        let hide_numbers = self.hide_numbers;
        self.until_both(
            &format!("{text:?} on two equal screens"),
            |[bare, wrapped]| {
                let shown = bare.text();
                shown.contains(text)
                    && if hide_numbers {
                        without_numbers(&shown) == without_numbers(&wrapped.text())
                    } else {
                        bare.picture() == wrapped.picture()
                    }
            },
        )
    }

    /// Waits until neither screen shows the text, and both are equal.
    #[track_caller]
    pub fn until_no_more(&mut self, text: &str) -> &mut Pair {
        self.until_both(
            &format!("two equal screens without {text:?}"),
            |[bare, wrapped]| !bare.text().contains(text) && bare.picture() == wrapped.picture(),
        )
    }

    /// Waits until both screens show the text, regardless of what else they show: clocks, loads.
    #[track_caller]
    pub fn until_somewhere(&mut self, text: &str) -> &mut Pair {
        self.until_both(&format!("{text:?} on both screens"), |screens| {
            screens.iter().all(|screen| screen.text().contains(text))
        })
    }

    /// Waits until both have ended, and compares everything: status, all terminal output, files.
    #[track_caller]
    pub fn ends(self) -> Seen {
        self.ends_with(|screen| screen.bytes.clone())
    }

    /// The same, but of the terminal output only the last screen counts: for programs that update the screen periodically.
    #[track_caller]
    pub fn ends_alike(self) -> Seen {
        let hide_numbers = self.hide_numbers;
        self.ends_with(|screen| {
            let text = screen.text();
            let text = if hide_numbers {
                without_numbers(&text)
            } else {
                text
            };
            text.into_bytes()
        })
    }

    /// The same, but terminal output does not count at all.
    #[track_caller]
    pub fn ends_somehow(self) -> Seen {
        self.ends_with(|_| Vec::new())
    }

    /// Closes the terminals as when a window is closed, waits until both runs have written the file, and compares the files.
    #[track_caller]
    pub fn hangs_up_until(mut self, file: &str) -> Seen {
        for terminal in &mut self.terminals {
            terminal.user = None;
        }
        let deadline = Instant::now() + DEADLINE;
        while !self
            .terminals
            .iter()
            .all(|terminal| terminal.scene.has_file(file))
        {
            assert!(
                Instant::now() < deadline,
                "{}\nwaited in vain for {file}",
                self.script
            );
            thread::sleep(Duration::from_millis(20));
        }
        self.ends_somehow()
    }

    /// Waits until both have ended without comparing, and returns the observations of both runs.
    #[track_caller]
    pub fn ends_apart(self) -> [Seen; 2] {
        self.both_seen(|_| Vec::new())
    }

    #[track_caller]
    fn ends_with(self, shown: impl Fn(&Screen) -> Vec<u8>) -> Seen {
        let script = self.script.clone();
        let [bare, wrapped] = self.both_seen(shown);
        Seen::compare(&script, bare, wrapped)
    }

    /// Releases scripts that linger at their end, once both terminals have received the same amount of output and remain
    /// silent, or when that is no longer to be expected.
    fn let_go_on(&self) {
        let deadline = Instant::now() + DEADLINE / 3;
        let mut rest = (Instant::now(), [0; 2]);
        while Instant::now() < deadline {
            let screens = self.screens();
            let lengths = screens.each_ref().map(|screen| screen.bytes.len());
            let ended = screens.iter().all(|screen| screen.ended);
            drop(screens);
            let lingering = self
                .terminals
                .iter()
                .all(|terminal| terminal.scene.lingers());
            if !lingering || lengths[0] != lengths[1] || lengths != rest.1 {
                rest = (Instant::now(), lengths);
            }
            if ended || rest.0.elapsed() > REST {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        for terminal in &self.terminals {
            terminal.scene.go_on();
        }
    }

    #[track_caller]
    fn both_seen(mut self, shown: impl Fn(&Screen) -> Vec<u8>) -> [Seen; 2] {
        self.let_go_on();
        self.until_both("the end of both", |screens| {
            screens.iter().all(|screen| screen.ended)
        });
        let [bare_shown, wrapped_shown] = self.screens().each_ref().map(shown);
        let [bare, wrapped] = &mut self.terminals;
        [bare.seen(bare_shown), wrapped.seen(wrapped_shown)]
    }

    #[track_caller]
    fn until_both(&mut self, what: &str, good: impl Fn(&[Screen; 2]) -> bool) -> &mut Pair {
        let deadline = Instant::now() + DEADLINE;
        let (_, changed) = &*self.screens;
        let mut screens = self.screens();
        while !good(&screens) {
            let left = deadline.saturating_duration_since(Instant::now());
            let all_over = screens.iter().all(|screen| screen.ended);
            if left.is_zero() || all_over {
                let [bare, wrapped] = screens.each_ref().map(Screen::text);
                drop(screens);
                panic!(
                    "{}\nwaited in vain for {what}\n==== bare ====\n{bare}\n==== wrapped ====\n{wrapped}\n",
                    self.script
                );
            }
            (screens, _) = changed
                .wait_timeout(screens, left)
                .expect("no reader panicked");
        }
        drop(screens);
        self
    }

    fn screens(&self) -> MutexGuard<'_, [Screen; 2]> {
        self.screens.0.lock().expect("no reader panicked")
    }
}

impl Terminal {
    fn start(scene: Scene, mut command: Command, index: usize, screens: &Screens) -> Terminal {
        let (user, keyboard) = open_terminal();
        let screen = keyboard
            .try_clone()
            .expect("a descriptor can be duplicated");
        let errors = keyboard
            .try_clone()
            .expect("a descriptor can be duplicated");
        let child = command
            .stdin(Stdio::from(keyboard))
            .stdout(Stdio::from(screen))
            .stderr(Stdio::from(errors))
            .spawn()
            .expect("setsid(1) of util-linux runs");
        // It also holds the descriptors of the command's side.
        drop(command);
        let (let_go, told_to_let_go) = pipe()
            .map(|(reader, writer)| (writer, reader))
            .expect("a pipe can be made");
        let reader = user.try_clone().expect("a descriptor can be duplicated");
        let screens = Arc::clone(screens);
        thread::spawn(move || show(reader, &told_to_let_go, &screens, index));
        Terminal {
            watchdog: scene.watchdog(),
            scene,
            child,
            user: Some((user, let_go)),
        }
    }

    fn user(&self) -> &File {
        let (user, _) = self.user.as_ref().expect("the terminal is open");
        user
    }

    fn set_size(&self, rows: NonZero<u16>, columns: NonZero<u16>) {
        tcsetwinsize(self.user(), size(rows, columns)).expect("a terminal has a size");
    }

    fn seen(&mut self, shown: Vec<u8>) -> Seen {
        let status = self.child.wait().expect("the child can be waited for");
        let seen = self.scene.seen(status, shown, Vec::new());
        assert!(!self.watchdog.has_barked(), "it hung\n{seen}");
        seen
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Screen {
    fn text(&self) -> String {
        self.parser.screen().contents().replace(&self.dir, "DIR")
    }

    /// The terminal's answers to queries about the cursor position or its capabilities.
    fn answer(&self, asked: &[u8]) -> String {
        let mut answer = String::new();
        if memchr::memmem::find(asked, b"\x1b[6n").is_some() {
            let (row, column) = self.parser.screen().cursor_position();
            answer.push_str(&format!("\x1b[{};{}R", row + 1, column + 1));
        }
        if memchr::memmem::find(asked, b"\x1b[c").is_some() {
            answer.push_str("\x1b[?1;2c");
        }
        answer
    }

    /// Text, colors and cursor.
    fn picture(&self) -> String {
        self.parser
            .screen()
            .contents_formatted()
            .replace(&self.dir, "DIR")
    }
}

/// The user's end and the command's end of a new terminal. Neither may be inherited by accident: a child of another test that
/// holds one of them would keep the terminal open.
fn open_terminal() -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let user = openpt(flags).expect("a pseudo-terminal can be made");
    grantpt(&user).expect("it is ours");
    unlockpt(&user).expect("it is ours");
    let command = ioctl_tiocgptpeer(&user, flags).expect("it has another end");
    tcsetwinsize(&user, size(ROWS, COLUMNS)).expect("a terminal has a size");
    (File::from(user), command)
}

fn size(rows: NonZero<u16>, columns: NonZero<u16>) -> Winsize {
    Winsize {
        ws_row: rows.get(),
        ws_col: columns.get(),
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Processes the terminal's output until its last user has closed it, or until told to stop.
fn show(
    mut user: File,
    told_to_let_go: &PipeReader,
    (screens, changed): &(Mutex<[Screen; 2]>, Condvar),
    index: usize,
) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let mut ready = [
            PollFd::new(user.as_fd(), PollFlags::POLLIN),
            PollFd::new(told_to_let_go.as_fd(), PollFlags::POLLIN),
        ];
        let woken = poll(&mut ready, PollTimeout::NONE);
        let told = ready[1].any() == Some(true);
        // Reading fails with EIO once the command's side is closed.
        let got = match woken {
            Err(Errno::EINTR) => continue,
            Ok(_) if !told => user.read(&mut buffer).unwrap_or(0),
            _ => 0,
        };
        let mut screens = screens.lock().expect("nobody panicked");
        let screen = &mut screens[index];
        screen.ended = got == 0;
        screen.bytes.extend_from_slice(&buffer[..got]);
        screen.parser.process(&buffer[..got]);
        let answer = screen.answer(&buffer[..got]);
        drop(screens);
        changed.notify_all();
        if got == 0 {
            return;
        }
        // It may have been closed in the meantime.
        let _ = user.write_all(answer.as_bytes());
    }
}

/// A text with `#` for each number of three or more digits, and a single space for several, because columns move with the
/// numbers.
fn without_numbers(text: &str) -> String {
    let mut hidden = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        if digits.len() >= 3 {
            hidden.push('#');
            hidden.push_str(&word[digits.len()..]);
        } else if !(word == " " && hidden.ends_with(' ')) {
            hidden.push_str(word);
        }
    }
    hidden
}
