//! `permwrap why`: explains a single access without running anything.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{Outcome, print, print_json, remember, style, who};
use crate::attempt::{Attempt, NodeType, Object, OpenHow, Operation};
use crate::cli::Why;
use crate::gather;
use crate::investigate::{examine, program_named};
use crate::quote;
use crate::render::{self, incident_report, text};
use crate::report::{self, Conclusion, Finding, WhyReport};

pub fn run(arguments: &Why) -> Outcome {
    let attempt = attempt(arguments)?;
    let service = who::service(&arguments.who)?;
    let finding = who::in_service(answer(attempt), service.as_ref());
    if arguments.json {
        print_json(&WhyReport {
            schema: report::SCHEMA,
            incident: incident_report(&finding),
        })?;
    } else {
        print(&text::answer(&finding, style(arguments.color)))?;
        if service.is_none() {
            let operation = arguments.operation.as_bytes();
            remember(&[b"why", operation, arguments.path.as_bytes()], [&finding]);
        }
    }
    Ok(match finding.conclusion {
        Conclusion::Allowed => 0,
        Conclusion::Refused(..) => 1,
        Conclusion::Unclear(_) => 2,
    })
}

/// Judges the access. Writing a file that does not exist means creating it, as a shell's `>` and log files do.
fn answer(attempt: Attempt) -> Finding {
    let creating = match &attempt.operation {
        Operation::Open(how) if how.write && !how.create => OpenHow {
            create: true,
            ..*how
        },
        _ => return examine(attempt),
    };
    let finding = examine(attempt.clone());
    let is_absent =
        matches!(finding.conclusion, Conclusion::Unclear(_)) && render::is_missing(&finding.facts);
    match is_absent {
        true => examine(Attempt {
            operation: Operation::Open(creating),
            ..attempt
        }),
        false => finding,
    }
}

fn attempt(arguments: &Why) -> Result<Attempt, String> {
    let operation = operation(arguments)?;
    let subject = match who::named(&arguments.who)? {
        Some(subject) => subject,
        None => who::ourselves()?,
    };
    let path = arguments.path.as_bytes();
    if path.is_empty() {
        return Err("PATH is empty".to_owned());
    }
    let address = match operation {
        Operation::Bind => address(path)?,
        _ => None,
    };
    let is_program = operation == Operation::Exec && !path.contains(&b'/');
    let to = arguments.to.as_deref().map(OsStr::as_bytes);
    let is_relative = |path: &[u8]| !path.starts_with(b"/");
    let starts_here = address.is_none() && !is_program && is_relative(path);
    // The working directory of another user's process cannot be read by everybody.
    let start = match starts_here || to.is_some_and(is_relative) {
        true => who::directory(&arguments.who)?,
        false => Vec::new(),
    };
    let absolute = |path: &[u8]| absolute(&start, path);
    let object = match address {
        Some(address) => address,
        _ if is_program => {
            let here = String::from_utf8_lossy(path);
            Object::Path(
                program_named(path, &subject)
                    .map_err(|none| format!("{none} (for a file of this directory: ./{here})"))?,
            )
        }
        _ => Object::Path(absolute(path)),
    };
    let to = to.map(absolute);
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
        directory: starts_here.then_some(start),
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

/// The address to listen on; `None` for the path of a socket.
fn address(text: &[u8]) -> Result<Option<Object>, String> {
    let shown = quote::display(text);
    if text.starts_with(b"@") {
        return Err(format!(
            "{shown} is an abstract socket: it has no file, and no permissions"
        ));
    }
    if text.contains(&b'/') {
        return Ok(None);
    }
    if shown.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err(format!("an address needs its port: [{shown}]:8080"));
    }
    let is_meant = text.contains(&b':') || text.iter().all(u8::is_ascii_digit);
    match crate::resolve::port(text) {
        None if is_meant => Err(format!(
            "{shown} is not ADDRESS:PORT: a port is a number up to 65535"
        )),
        port => Ok(port),
    }
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| format!("--mode takes an octal mode up to 7777, not {text:?}"))
}

fn absolute(start: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        path.to_vec()
    } else {
        [start, b"/", path].concat()
    }
}
