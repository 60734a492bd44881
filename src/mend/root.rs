//! What only root may do: permwrap calls itself through sudo(8) or doas(1), and hands over what is asked for as data.
//!
//! Root's side trusts nothing of it: it judges again what was met, and takes back only what its own records have.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::deed::Deed;
use super::runs::Failure;

/// The most that is handed over, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// What root is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To put these right.
    Fix {
        /// The failures, each with the name that its record is to have.
        failures: Vec<(String, Failure)>,
        /// Not to ask.
        yes: bool,
        /// To change nothing.
        dry_run: bool,
    },
    /// To take back what it changed under this name.
    Undo {
        /// The record's name.
        id: String,
        /// Also what was changed by others since.
        force: bool,
    },
}

/// One fix that root made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The record's name.
    pub id: String,
    /// What was done.
    pub title: String,
    /// The changes, a hundred at most.
    pub deeds: Vec<Deed>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// What was changed.
    pub made: Vec<Done>,
    /// A group that a new login has now.
    pub group: Option<String>,
    /// Whether all of it is as was asked for.
    pub complete: bool,
}

/// The program through which root is called, where there is one.
#[must_use]
pub fn caller() -> Option<PathBuf> {
    let places = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];
    ["sudo", "doas"]
        .iter()
        .flat_map(|name| places.iter().map(move |place| Path::new(place).join(name)))
        .find(|program| program.exists())
}

/// Why there is no answer of root's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// Root's side never began: nothing was changed.
    NotBegun(String),
    /// It began, and what it did is not known.
    Lost,
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Silence::NotBegun(reason) => f.write_str(reason),
            Silence::Lost => {
                f.write_str("root's side ended early: `permwrap undo` takes back what it changed")
            }
        }
    }
}

/// The first line of root's side, so that a sudo that refused is told from a permwrap that was ended.
const BEGUN: &str = "begun\n";

/// Has root do it. `subcommand` is permwrap's own, on root's side. Root asks its questions on the terminal.
///
/// # Errors
/// Where there is nobody to call root with, or root did not answer.
pub fn ask(subcommand: &str, request: &Request, terminal: bool) -> Result<Answer, Silence> {
    let stdout = call(subcommand, request, terminal).map_err(Silence::NotBegun)?;
    let Some(answer) = stdout.strip_prefix(BEGUN.as_bytes()) else {
        return Err(Silence::NotBegun("root did not do it".to_owned()));
    };
    serde_json::from_slice(answer).map_err(|_| Silence::Lost)
}

/// What root's side wrote.
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
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", caller.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Where sudo ends without reading it, that is said below.
        let _ = stdin.write_all(&text);
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(LONGEST).read_to_end(&mut answer);
        read.map_err(|error| error.to_string())?;
    }
    let _ = child.wait();
    Ok(answer)
}

/// What was handed over to this process.
///
/// # Errors
/// In one line: this process is not root, or it is no request.
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
