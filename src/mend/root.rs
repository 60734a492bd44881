//! Changes that only root can make: permwrap runs itself through sudo(8) or doas(1), and passes the request as data.
//!
//! The process that runs as root does not trust the request: it judges the failures again, and reverts only what its own
//! records contain.

use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::deed::Deed;
use super::runs::Failure;

/// The maximum length of a request or answer, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A request to root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Fix these failures.
    Fix {
        /// The failures, each with the name for its record.
        failures: Vec<(String, Failure)>,
        /// The name of the fix that they are part of.
        fix: String,
        /// Do not ask for confirmation.
        yes: bool,
        /// Only show what would be changed.
        dry_run: bool,
    },
    /// Revert the changes recorded under these names, in this order.
    Undo {
        /// The names of the records.
        ids: Vec<String>,
        /// Revert even what others have changed since.
        force: bool,
    },
}

/// A fix made by root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The name of its record.
    pub id: String,
    /// What it does.
    pub title: String,
    /// The changes, at most a hundred.
    pub deeds: Vec<Deed>,
}

/// Root's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// The fixes that were made.
    pub made: Vec<Done>,
    /// A group that the user is a member of from the next login.
    pub group: Option<String>,
    /// Whether everything was done as requested.
    pub complete: bool,
    /// Whether anything was reverted.
    #[serde(default)]
    pub reverted: bool,
}

/// The program for running something as root, if one is installed.
#[must_use]
pub fn caller() -> Option<PathBuf> {
    let places = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];
    ["sudo", "doas"]
        .iter()
        .flat_map(|name| places.iter().map(move |place| Path::new(place).join(name)))
        .find(|program| program.exists())
}

/// Why there is no answer from root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// The process of root was never started, so nothing was changed.
    NotBegun(String),
    /// It was started, but its result is not known.
    Lost,
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Silence::NotBegun(reason) => f.write_str(reason),
            Silence::Lost => f.write_str(
                "the root process ended early: `permwrap undo` takes back what it changed",
            ),
        }
    }
}

/// The first line that the process of root writes. Without it, sudo refused; with it, permwrap was terminated later.
const BEGUN: &str = "begun\n";

/// Runs `subcommand` of permwrap as root, with this request. Root asks for confirmation on the terminal.
///
/// # Errors
/// Fails if there is no means to become root, or root did not answer.
pub fn ask(subcommand: &str, request: &Request, terminal: bool) -> Result<Answer, Silence> {
    let stdout = call(subcommand, request, terminal).map_err(Silence::NotBegun)?;
    let Some(answer) = stdout.strip_prefix(BEGUN.as_bytes()) else {
        return Err(Silence::NotBegun("root did not do it".to_owned()));
    };
    serde_json::from_slice(answer).map_err(|_| Silence::Lost)
}

/// Returns what the process of root wrote.
fn call(subcommand: &str, request: &Request, terminal: bool) -> Result<Vec<u8>, String> {
    let caller = caller().ok_or("this needs root, and neither sudo nor doas is installed")?;
    let own = std::env::current_exe().map_err(|error| format!("cannot call myself: {error}"))?;
    let text = serde_json::to_vec(request).map_err(|error| error.to_string())?;
    let mut command = Command::new(&caller);
    if !terminal {
        command.arg("-n");
    }
    let mut child = command
        .arg("--")
        .arg(own)
        .args([subcommand, "--handed"])
        .stdin(handed_over(&text).map_err(|error| error.to_string())?)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", caller.display()))?;
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(LONGEST).read_to_end(&mut answer);
        read.map_err(|error| error.to_string())?;
    }
    let _ = child.wait();
    Ok(answer)
}

/// A file in memory with this content. Writing to a pipe would end this process by SIGPIPE if sudo refuses and ends first.
fn handed_over(text: &[u8]) -> std::io::Result<std::fs::File> {
    let file = rustix::fs::memfd_create("request", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(file);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}

/// The request passed to this process.
///
/// # Errors
/// A message of one line, if this process is not root or the request is malformed.
pub fn handed() -> Result<Request, String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root is handed anything".to_owned());
    }
    let mut text = Vec::new();
    std::io::stdin()
        .take(LONGEST)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    let request =
        serde_json::from_slice(&text).map_err(|error| format!("not a request: {error}"))?;
    let begun = std::io::stdout().write_all(BEGUN.as_bytes());
    begun.map_err(|error| error.to_string())?;
    Ok(request)
}
