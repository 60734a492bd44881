//! `permwrap why`: one access explained, nothing run.

use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::{Outcome, print, print_json, style};
use crate::attempt::{Attempt, NodeType, Object, Operation, Subject};
use crate::cli::Why;
use crate::gather;
use crate::investigate::examine;
use crate::render::{incident_report, text};
use crate::report::{self, Conclusion, WhyReport};

pub fn run(arguments: &Why) -> Outcome {
    let attempt = attempt(arguments)?;
    let finding = examine(attempt);
    if arguments.json {
        print_json(&WhyReport {
            schema: report::SCHEMA,
            incident: incident_report(&finding),
        })?;
    } else {
        print(&text::answer(&finding, style(arguments.color)))?;
    }
    Ok(match finding.conclusion {
        Conclusion::Allowed => 0,
        Conclusion::Refused(..) => 1,
        Conclusion::Unclear(_) => 2,
    })
}

fn attempt(arguments: &Why) -> Result<Attempt, String> {
    let operation = operation(arguments)?;
    let subject = subject(arguments)?;
    let start = directory(arguments, &subject)?;
    let absolute = |path: &std::ffi::OsStr| absolute(&start, path.as_bytes());
    let path = arguments.path.as_bytes();
    if path.is_empty() {
        return Err("PATH is empty".to_owned());
    }
    let object = match crate::resolve::port(path) {
        Some(port) if operation == Operation::Bind && !path.contains(&b'/') => port,
        _ => Object::Path(absolute(&arguments.path)),
    };
    let to = arguments.to.as_deref().map(absolute);
    if to.is_none() && matches!(operation, Operation::Rename | Operation::Link) {
        return Err(format!(
            "{} needs --to PATH, the new name",
            arguments.operation
        ));
    }
    Ok(Attempt {
        subject,
        operation,
        object,
        to,
        directory: (!path.starts_with(b"/")).then_some(start),
        errno: None,
    })
}

fn operation(arguments: &Why) -> Result<Operation, String> {
    let operation = Operation::from_name(&arguments.operation).ok_or("no such operation")?;
    Ok(match operation {
        Operation::Chmod(_) => Operation::Chmod(arguments.mode.as_deref().map(mode).transpose()?),
        Operation::Chown { .. } => match &arguments.owner {
            Some(owner) => {
                let (uid, gid) = gather::owner(owner)?;
                Operation::Chown { uid, gid }
            }
            None => operation,
        },
        Operation::Utime { .. } => Operation::Utime { now: arguments.now },
        Operation::Setxattr(default) => {
            Operation::Setxattr(arguments.name.clone().unwrap_or(default))
        }
        Operation::Mknod(_) => Operation::Mknod(match arguments.node_type.as_deref() {
            Some("char") => NodeType::Char,
            Some("block") => NodeType::Block,
            _ => NodeType::Fifo,
        }),
        other => other,
    })
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| format!("--mode takes an octal mode up to 7777, not {text:?}"))
}

fn subject(arguments: &Why) -> Result<Subject, String> {
    match (&arguments.user, arguments.pid) {
        (Some(user), _) => gather::subject_as(user),
        (None, Some(pid)) => gather::subject(pid).map_err(|unknown| match unknown.errno {
            Some(errno) => format!("process {pid}: {} ({errno})", errno.words()),
            None => format!("process {pid} cannot be looked at"),
        }),
        (None, None) => {
            gather::own_subject().map_err(|unknown| format!("cannot read {}", unknown.what))
        }
    }
}

/// Where relative paths begin: the working directory of the process asked about, else of permwrap.
fn directory(arguments: &Why, subject: &Subject) -> Result<Vec<u8>, String> {
    if arguments.pid.is_some()
        && let Some(pid) = subject.pid
    {
        let directory = gather::working_directory(pid);
        return directory
            .ok_or_else(|| format!("the working directory of process {pid} cannot be read"));
    }
    let directory =
        std::env::current_dir().map_err(|error| format!("no working directory: {error}"))?;
    Ok(directory.into_os_string().into_vec())
}

fn absolute(start: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        path.to_vec()
    } else {
        [start, b"/", path].concat()
    }
}
