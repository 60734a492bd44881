//! Runs a script twice, without and with permwrap, with or without a terminal, and records the observations.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use regex::bytes::Regex;
use tempfile::TempDir;

use crate::pair::Pair;
use crate::support;

/// How long anything may take before it counts as hanging: far more than it needs even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(45);

/// Functions for all scripts: they wait until a process has ended or is in a state, or until a file has content.
pub const FUNCTIONS: &str = r#"until_gone() { while grep -q '^State:.[^ZX]' /proc/$1/status 2>/dev/null; do sleep 0.02; done; }
until_state() { until [ "$(sed 's/.*) //; s/ .*//' /proc/$1/stat)" = $2 ]; do sleep 0.02; done; }
until_there() { until [ -s "$1" ]; do sleep 0.02; done; }
until_says() { until grep -q "$2" "$1" 2>/dev/null; do sleep 0.02; done; }
"#;

/// The end of the script would close the terminal while others still write to it, so it lingers until the harness has seen both
/// screens become idle.
const LINGER: &str = "trap 'code=$?; : >$HOME/../over; until [ -e $HOME/../go-on ]; do /bin/sleep 0.02; done; exit $code' EXIT\n";

/// Runs a bash script without and with permwrap: in a session without a terminal, without input, with pipes as stdout and
/// stderr. Panics if the runs differ in status, output or the files that they leave in the working directory.
pub fn same(script: &str) -> Seen {
    same_in(Place::Pipe, script)
}

/// The same with a terminal as stdin, stdout and stderr. Terminal output is recorded as stdout.
pub fn same_on_terminal(script: &str) -> Seen {
    same_in(Place::Terminal, script)
}

/// The same with each type of stderr in turn (in short runs, with a few). What is to be compared goes to stdout or into files.
pub fn same_everywhere(script: &str) -> Vec<Seen> {
    Place::wanted()
        .iter()
        .map(|&place| same_in(place, script))
        .collect()
}

/// The same with each type of stderr that can be written to and read back.
pub fn same_wherever_stderr_is_seen(script: &str) -> Vec<Seen> {
    Place::wanted()
        .iter()
        .filter(|place| !matches!(place, Place::Null | Place::Closed))
        .map(|&place| same_in(place, script))
        .collect()
}

/// The type of stderr. It determines how the command is watched, so most tests are made with each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Pipe,
    WithStdout,
    File,
    AppendedFile,
    Fifo,
    Null,
    Closed,
    Terminal,
    FileOnTerminal,
}

impl Place {
    const ALL: [Place; 9] = [
        Place::Pipe,
        Place::WithStdout,
        Place::File,
        Place::AppendedFile,
        Place::Fifo,
        Place::Null,
        Place::Closed,
        Place::Terminal,
        Place::FileOnTerminal,
    ];

    /// All types for complete comparisons, otherwise one for each way of watching.
    fn wanted() -> &'static [Place] {
        match support::is_long() {
            true => &Place::ALL,
            false => &[Place::Pipe, Place::File, Place::Terminal],
        }
    }

    fn prelude(self) -> &'static str {
        match self {
            Place::Pipe | Place::Terminal => "",
            Place::WithStdout => "exec 2>&1\n",
            Place::File | Place::FileOnTerminal => "exec 2>stderr\n",
            Place::AppendedFile => "exec 2>>stderr\n",
            Place::Fifo => "mkfifo ../fifo; cat ../fifo >&2 & disown; exec 2>../fifo\n",
            Place::Null => "exec 2>/dev/null\n",
            Place::Closed => "exec 2>&-\n",
        }
    }
}

/// The same with this type of stderr.
pub fn same_in(place: Place, script: &str) -> Seen {
    let script = format!("{}{script}", place.prelude());
    if matches!(place, Place::Terminal | Place::FileOnTerminal) {
        return Pair::start(&format!("{LINGER}{script}")).ends();
    }
    let (bare, wrapped) = thread::scope(|scope| {
        let bare = scope.spawn(|| Scene::new(Side::Bare).run(&script));
        let wrapped = Scene::new(Side::Wrapped).run(&script);
        (bare.join().expect("the bare run ends"), wrapped)
    });
    Seen::compare(&format!("{place:?}: {script}"), bare, wrapped)
}

/// Runs a script only with permwrap, if there is nothing to compare with.
pub fn wrapped(script: &str) -> Seen {
    Scene::new(Side::Wrapped).run(script)
}

/// Without or with permwrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Bare,
    Wrapped,
}

/// A directory for a run, with `run` in the search path. Processes left over from the run are killed with it.
pub struct Scene {
    dir: TempDir,
    side: Side,
}

impl Scene {
    pub fn new(side: Side) -> Scene {
        let dir = tempfile::Builder::new()
            .prefix("transparency-")
            .rand_bytes(12)
            .tempdir()
            .expect("a directory can be made");
        for name in ["bin", "home", "work"] {
            fs::create_dir(dir.path().join(name)).expect("a directory can be made");
        }
        std::os::unix::fs::symlink(run_program(side), dir.path().join("bin/run"))
            .expect("a symlink can be made");
        Scene { dir, side }
    }

    /// A command for the scene that leads a session of its own. With `--ctty` among the options, its stdin becomes the
    /// controlling terminal. No signal is ignored, even if the caller of the tests ignores some.
    pub fn command(&self, setsid_options: &[&str]) -> Command {
        let path = self.dir.path();
        let mut command = Command::new("/usr/bin/env");
        command
            .args(["--default-signal", "/usr/bin/setsid"])
            .args(setsid_options)
            .env_clear()
            .env(
                "PATH",
                format!("{}/bin:/usr/bin:/bin:/usr/sbin:/sbin", path.display()),
            )
            .env("HOME", path.join("home"))
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/bash")
            .env("HISTFILE", "/dev/null")
            .current_dir(path.join("work"));
        command
    }

    fn run(self, script: &str) -> Seen {
        let mut child = self
            .command(&[])
            .args(["bash", "-c", &format!("{FUNCTIONS}{script}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("setsid(1) of util-linux runs");
        let watchdog = self.watchdog();
        let mut stdout = child.stdout.take().expect("it is piped");
        let mut stderr = child.stderr.take().expect("it is piped");
        let (stdout, stderr) = thread::scope(|scope| {
            let stderr = scope.spawn(move || read_all(&mut stderr));
            let stdout = read_all(&mut stdout);
            (stdout, stderr.join().expect("the reader ends"))
        });
        let status = child.wait().expect("the child can be waited for");
        let mut seen = self.seen(status, stdout, stderr);
        if watchdog.has_barked() {
            seen.status = format!("hung {:?}", self.side);
        }
        seen
    }

    /// Kills the processes of the scene when the time is up, so that nothing waits for ever.
    pub fn watchdog(&self) -> Watchdog {
        let (dropped, receiver) = channel();
        let barked = Arc::new(AtomicBool::new(false));
        let (dir, bark) = (self.dir.path().to_owned(), Arc::clone(&barked));
        thread::spawn(move || {
            if receiver.recv_timeout(DEADLINE * 2) == Err(RecvTimeoutError::Timeout) {
                bark.store(true, Ordering::Relaxed);
                kill_all_of(&dir);
            }
        });
        Watchdog {
            barked,
            _dropped: dropped,
        }
    }

    /// The observations, without names that differ each time.
    pub fn seen(&self, status: ExitStatus, stdout: Vec<u8>, stderr: Vec<u8>) -> Seen {
        let work = self.dir.path().join("work");
        let files = fs::read_dir(&work)
            .expect("the working directory is still there")
            .map(|entry| entry.expect("the working directory can be read"))
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let content = fs::read(entry.path()).unwrap_or_default();
                (name, self.cleaned(&content))
            })
            .collect();
        Seen {
            status: match status.signal() {
                Some(signal) => format!("signal {signal}"),
                None => format!("exit {}", status.code().unwrap_or_default()),
            },
            stdout: self.cleaned(&stdout),
            stderr: self.cleaned(&stderr),
            files,
        }
    }

    /// The directory, as it may appear in output.
    pub fn dir(&self) -> String {
        self.dir.path().display().to_string()
    }

    /// Whether a non-empty file with this name exists in the working directory.
    pub fn has_file(&self, name: &str) -> bool {
        let file = self.dir.path().join("work").join(name);
        file.metadata().is_ok_and(|file| file.len() > 0)
    }

    /// Whether the script lingers at its end.
    pub fn lingers(&self) -> bool {
        self.dir.path().join("over").exists()
    }

    /// Lets a lingering script end.
    pub fn go_on(&self) {
        // If the directory no longer exists, no script lingers.
        let _ = fs::write(self.dir.path().join("go-on"), "");
    }

    /// Text without the directory of the scene and the process ids in bash's messages about killed processes.
    fn cleaned(&self, text: &[u8]) -> Vec<u8> {
        static OBITUARY: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(?-u)((?:bash|environment): line \d+:) +\d+ ").expect("it is right")
        });
        let dir = regex::escape(&self.dir());
        let dir = Regex::new(&dir).expect("it is escaped");
        let text = dir.replace_all(text, b"DIR");
        OBITUARY.replace_all(&text, b"$1 PID ").into_owned()
    }
}

/// Guards a scene until it is dropped.
pub struct Watchdog {
    barked: Arc<AtomicBool>,
    _dropped: Sender<()>,
}

impl Watchdog {
    /// Whether the time was up.
    pub fn has_barked(&self) -> bool {
        self.barked.load(Ordering::Relaxed)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        kill_all_of(self.dir.path());
    }
}

/// The observations of one run.
#[derive(PartialEq, Eq)]
pub struct Seen {
    pub status: String,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The regular files left in the working directory.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Seen {
    /// Panics with the differences if the observations are not equal.
    pub fn compare(what: &str, mut bare: Seen, mut wrapped: Seen) -> Seen {
        if bare != wrapped {
            if bare.stdout == wrapped.stdout {
                bare.stdout = Vec::new();
                wrapped.stdout = Vec::new();
            }
            if bare.stderr == wrapped.stderr {
                bare.stderr = Vec::new();
                wrapped.stderr = Vec::new();
            }
            bare.files.retain(|name, text| {
                let other = wrapped.files.get(name);
                let differs = other != Some(text);
                if !differs {
                    wrapped.files.remove(name);
                }
                differs
            });
            panic!("{what}\n==== bare ====\n{bare}\n==== wrapped ====\n{wrapped}");
        }
        bare
    }

    /// Panics unless stdout or a file contains this text, because a comparison of two failures would prove nothing.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Seen {
        let everything = [&self.stdout, &self.stderr]
            .into_iter()
            .chain(self.files.values());
        let found = everything
            .into_iter()
            .any(|shown| memchr::memmem::find(shown, text.as_bytes()).is_some());
        assert!(found, "nothing shows {text:?}\n{self}");
        self
    }

    /// Panics unless the run ended in this way: `exit 3`, `signal 15`.
    #[track_caller]
    pub fn ended(&self, status: &str) -> &Seen {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        let streams = [("stdout", &self.stdout), ("stderr", &self.stderr)];
        let files = self.files.iter().map(|(name, text)| (name.as_str(), text));
        for (name, text) in streams.into_iter().chain(files) {
            if !text.is_empty() {
                writeln!(f, "-- {name}, {} bytes --", text.len())?;
                let some = &text[..text.len().min(4000)];
                writeln!(f, "{}", String::from_utf8_lossy(some))?;
            }
        }
        Ok(())
    }
}

/// The program `run` for this side, compiled on first use.
fn run_program(side: Side) -> &'static Path {
    static PROGRAMS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    let [bare, wrapped] = PROGRAMS.get_or_init(|| {
        [
            compile_run("run-bare", &[]),
            compile_run("run-wrapped", &wrapper()),
        ]
    });
    match side {
        Side::Bare => bare,
        Side::Wrapped => wrapped,
    }
}

/// The words before the command.
pub fn wrapper() -> Vec<String> {
    match std::env::var("PERMWRAP_UNDER_TEST") {
        Ok(words) => words.split_whitespace().map(str::to_owned).collect(),
        Err(_) => vec![support::permwrap().display().to_string(), "--".to_owned()],
    }
}

/// Whether a tracer is under test. In that case it reports that this is skipped, because no tracer can hide it.
pub fn is_traced() -> bool {
    let traced = std::env::var("PERMWRAP_UNDER_TEST").is_ok_and(|words| words.contains("--trace"));
    if traced {
        support::skip("a tracer cannot hide this");
    }
    traced
}

/// Whether permwrap itself is under test, rather than another wrapper, which lacks its options. If not, reports the test as
/// skipped.
pub fn takes_options() -> bool {
    let is_other =
        std::env::var("PERMWRAP_UNDER_TEST").is_ok_and(|words| !words.contains("permwrap"));
    if is_other {
        support::skip("only permwrap takes its options");
    }
    !is_other
}

fn compile_run(name: &str, wrapper: &[String]) -> PathBuf {
    let words: String = wrapper.iter().map(|word| format!("{word:?},")).collect();
    compile(name, include_str!("run.c"), &format!("-DWRAPPER={words}"))
}

/// A C program, compiled for this test run.
pub fn compile(name: &str, source: &str, option: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let unique = format!("{name}-{}", std::process::id());
    let (text, new, program) = (
        dir.join(format!("{unique}.c")),
        dir.join(&unique),
        dir.join(name),
    );
    fs::write(&text, source).expect("the target directory can be written");
    let status = Command::new("cc")
        .args(["-O1", "-Wall", option, "-o"])
        .args([&new, &text])
        .status()
        .expect("cc runs");
    assert!(status.success(), "{name} does not compile");
    fs::remove_file(&text).expect("it was written just now");
    // Another test run may be using the old one.
    fs::rename(&new, &program).expect("the target directory can be written");
    program
}

fn read_all(from: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    from.read_to_end(&mut all).expect("a pipe can be read");
    all
}

/// Kills the processes that have this directory in their environment or as working directory.
fn kill_all_of(dir: &Path) {
    let processes = fs::read_dir("/proc").expect("/proc is mounted");
    for process in processes.filter_map(Result::ok) {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let here = fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir));
        if here || memchr::memmem::find(&environment, dir.as_os_str().as_bytes()).is_some() {
            // It may have ended in the meantime.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
