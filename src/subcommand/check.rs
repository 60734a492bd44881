//! `permwrap check`, and the check before a run (`--check`).

use std::path::{Path, PathBuf};

use super::{Trouble, print, print_json, style, who};
use crate::appearance;
use crate::attempt::{Operation, Subject};
use crate::check::draft::{self, Source};
use crate::check::{Checklist, check, manifest};
use crate::cli::{Check, Color, Who};
use crate::facts::Elevator;
use crate::gather;
use crate::mend::invoker::invoker;
use crate::{complaint, small_file};

/// The description of the manifest's format.
const FORMAT: &str = include_str!("../check/format.md");

pub(super) fn run(arguments: &Check) -> Result<u8, Trouble> {
    if arguments.help_format {
        print(FORMAT)?;
        return Ok(0);
    }
    if arguments.init {
        return init(&arguments.manifest);
    }
    let checklist = judge(&arguments.manifest, &arguments.who)?;
    if arguments.json {
        print_json(&checklist.report())?;
    } else {
        print(&checklist.text(style(arguments.color)))?;
    }
    Ok(match checklist.holds() {
        Some(true) => 0,
        Some(false) => 1,
        None => 2,
    })
}

/// Checks the `permwrap.toml` in the working directory before a run. What could not be judged does not prevent the start.
///
/// # Errors
/// The text to show instead of starting the command: the manifest is missing or wrong, or some requirement does not hold.
pub fn before_a_run(color: Color) -> Result<(), String> {
    let manifest = Path::new("permwrap.toml");
    let checklist = judge(manifest, &Who::default()).map_err(|trouble| trouble.text())?;
    match checklist.holds() {
        Some(false) => Err(format!(
            "{}{}",
            complaint::line(&format!(
                "not started, since {} does not hold for {}",
                manifest.display(),
                checklist.user
            )),
            checklist.failures(appearance::style(&std::io::stderr(), color))
        )),
        _ => Ok(()),
    }
}

fn judge(path: &Path, who: &Who) -> Result<Checklist, Trouble> {
    let shown = path.display();
    let (text, owner) = small_file::read_with_owner(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{shown} is not there (permwrap check --init drafts one)").into()
        }
        _ => Trouble::with(path, &Operation::READ, &error),
    })?;
    let manifest =
        manifest::parse(&text, &directory_of(path)?).map_err(|mistake| match mistake.line {
            0 => format!("{shown}: {}", mistake.what),
            line => format!("{shown}:{line}: {}", mistake.what),
        })?;
    let in_manifest = |what| format!("{shown}: {what}");
    let subject = match (who::named(who)?, &manifest.user) {
        (Some(subject), _) => subject,
        (None, Some(user)) => who::subject(user).map_err(in_manifest)?,
        (None, None) => who::ourselves()?,
    };
    let service = match (&who.user, &manifest.user) {
        (None, Some(user)) => who::service(&Who {
            user: Some(user.clone()),
            pid: None,
        }),
        _ => who::service(who),
    }
    .map_err(in_manifest)?;
    let items = check(&manifest, &subject, who::subject, service.as_ref()).map_err(in_manifest)?;
    Ok(Checklist {
        manifest: shown.to_string(),
        user: name_of(&subject),
        items,
        is_root: subject.uid == 0,
        elevator: Elevator::of(is_installed),
        stranger: is_strange(owner)
            .then(|| account(owner).unwrap_or_else(|| format!("uid {owner}"))),
    }
    .guarded())
}

/// Whether permwrap runs as root and the owner of the manifest is neither root nor the user who called sudo.
fn is_strange(owner: u32) -> bool {
    nix::unistd::geteuid().is_root() && owner != 0 && invoker() != Some(owner)
}

/// The absolute path of the manifest's directory, which its relative paths refer to.
fn directory_of(path: &Path) -> Result<PathBuf, String> {
    let absolute =
        std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(absolute.parent().unwrap_or(Path::new("/")).to_path_buf())
}

fn name_of(subject: &Subject) -> String {
    let uid = subject.uid;
    match account(uid) {
        Some(name) => format!("{name} (uid {uid})"),
        None => format!("uid {uid}"),
    }
}

/// The name of the user, if there is such a user.
fn account(uid: u32) -> Option<String> {
    let user = nix::unistd::User::from_uid(uid.into()).ok()?;
    user.map(|user| user.name)
}

/// Whether a program is found in PATH.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Writes a first manifest. An existing one is not overwritten.
fn init(path: &Path) -> Result<u8, Trouble> {
    let shown = path.display();
    let directory = directory_of(path)?;
    let mut sources = Vec::new();
    find(&directory, "", DEEPEST, &mut sources);
    let draft = draft::draft(&sources);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                format!("{shown} is there already, and stays as it is").into()
            }
            _ => Trouble::with(path, &Operation::CREATE, &error),
        })?;
    std::io::Write::write_all(
        &mut file,
        draft
            .to_toml(|user| gather::subject_as(user).is_ok())
            .as_bytes(),
    )
    .map_err(|error| Trouble::with(path, &Operation::CREATE, &error))?;
    let found = if draft.is_empty() {
        "nothing was found that tells a path or a user; the file shows how to ask".to_owned()
    } else if draft.names_nothing_here() {
        format!(
            "drafted from {}, in which nothing tells what the service reads and writes here: add that",
            plural(sources.len(), "file")
        )
    } else {
        format!("drafted from {}", plural(sources.len(), "file"))
    };
    print(&format!("permwrap: wrote {shown}: {found}\n"))?;
    Ok(0)
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The maximum depth at which files are looked for below the project directory.
const DEEPEST: u8 = 4;

/// Collects the files that may be informative, sorted by name. Unreadable ones are skipped.
fn find(directory: &Path, below: &str, depth: u8, sources: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
            continue;
        };
        let path = format!("{below}{name}");
        if kind.is_dir() && depth > 0 && !name.starts_with('.') && !FOREIGN.contains(&name) {
            find(&entry.path(), &format!("{path}/"), depth - 1, sources);
        } else if kind.is_file()
            && draft::is_source(&path)
            && let Ok(text) = small_file::read(&entry.path())
        {
            sources.push(Source { path, text });
        }
    }
}

/// Directories with third-party code.
const FOREIGN: &[&str] = &[
    "node_modules",
    "target",
    "venv",
    "env",
    "vendor",
    "site-packages",
    "build",
    "dist",
];
