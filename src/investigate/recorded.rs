//! Uses what a security module logged about the very process that failed, if the log is readable, to supply what the program's
//! message omits.

use super::Decision;
use super::judged::Views;
use crate::attempt::{Attempt, Errno, Incident, Object, Operation, Sign, Signs, Subject};
use crate::byte_path;
use crate::denial::{Certainty, Denial, Obstacle, Rule};
use crate::facts::LoggedRefusal;
use crate::judge::{self, Verdict};
use crate::resolve::{CandidateProcess, Circumstances, Presence, Reading};

/// The incident, completed with the operation and the object from the log if its text lacks them.
pub(super) fn completed(
    incident: Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Incident {
    let names_an_object =
        !incident.paths.is_empty() || incident.address.is_some() || incident.process.is_some();
    let lacks = incident.operations.is_empty() || !names_an_object;
    if !lacks || !incident.errno.is_some_and(Errno::is_denial) {
        return incident;
    }
    let mut refusals: Vec<LoggedRefusal> = Vec::new();
    for (_, _, refusal) in logged(circumstances, views) {
        if fits(&refusal, &incident) && !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
    }
    match (names_an_object, &refusals[..]) {
        // The newest record belongs to the most recent message.
        (true, [newest, ..]) => with_operation(incident, newest),
        // If the text names no object, the record can be attributed only if the process was refused a single object.
        (false, [only]) => with_object(incident, only),
        _ => incident,
    }
}

/// A refusal that concerns neither a file nor a numbered object, such as the use of a capability.
pub(super) fn of_no_object(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Option<Decision> {
    let operation = incident.operations.first()?;
    let mut logged = logged(circumstances, views).into_iter();
    let (subject, line, refusal) =
        logged.find(|(_, _, refusal)| refusal.name.is_none() && fits(refusal, incident))?;
    let attempt = Attempt {
        subject,
        operation: operation.clone(),
        object: Object::Process,
        to: None,
        directory: None,
        errno: incident.errno,
    };
    let signs = Signs {
        operation: incident.operation_sign,
        object: Some(Sign::Record),
        subject: true,
        place: true,
        elsewhere: false,
    };
    let mut judged = views.judge(Reading { attempt, signs });
    judged.verdict = Verdict::Denied(Denial {
        errno: incident.errno?,
        code: judge::code_of(refusal.module),
        at: Obstacle::Process,
        rule: Rule::Module {
            evidence: Some(line),
        },
        certainty: Certainty::Proven,
    });
    Some(Decision::of(judged))
}

/// The recent refusals of the processes that may have failed, the newest first, each with the subject and the log line.
fn logged(
    circumstances: &Circumstances,
    views: &mut Views,
) -> Vec<(Subject, String, LoggedRefusal)> {
    let is_meant = |process: &&CandidateProcess| {
        let subject = &process.subject;
        let was_seen = matches!(
            process.presence,
            Presence::Speaking | Presence::Present | Presence::Gone
        );
        was_seen && (subject.label().is_some() || subject.seccomp || subject.no_new_privs)
    };
    let mut found = Vec::new();
    for process in circumstances.processes.iter().filter(is_meant) {
        let subject = &process.subject;
        for line in views.of(subject).logged_refusals(subject) {
            if let Some(refusal) = LoggedRefusal::parse(&line) {
                found.push((subject.clone(), line, refusal));
            }
        }
    }
    found
}

/// Whether a refusal can be the one that the text reports.
fn fits(refusal: &LoggedRefusal, incident: &Incident) -> bool {
    let attempted = refusal.attempted();
    let told = &incident.operations;
    let same_operation = told.is_empty()
        || told.iter().any(|told| {
            attempted
                .as_ref()
                .is_some_and(|attempted| attempted.name() == told.name())
        });
    let same_object =
        incident.paths.is_empty() || incident.paths.iter().any(|path| is_named(refusal, path));
    same_operation && same_object
}

/// Whether the line names the same object as the program did. SELinux often logs only its last component.
fn is_named(refusal: &LoggedRefusal, printed: &[u8]) -> bool {
    let trimmed = |path: &[u8]| path.strip_suffix(b"/").unwrap_or(path).to_vec();
    let Some(name) = refusal.name.as_deref().map(trimmed) else {
        return false;
    };
    let printed = trimmed(printed.strip_prefix(b"./").unwrap_or(printed));
    match (name.starts_with(b"/"), printed.starts_with(b"/")) {
        (true, true) => name == printed,
        (true, false) => name.ends_with(&[b"/", printed.as_slice()].concat()),
        (false, _) => byte_path::name(&printed) == name,
    }
}

fn with_operation(incident: Incident, refusal: &LoggedRefusal) -> Incident {
    match refusal.attempted() {
        Some(operation) => Incident {
            operations: vec![operation],
            operation_sign: Some(Sign::Record),
            ..incident
        },
        None => incident,
    }
}

fn with_object(incident: Incident, refusal: &LoggedRefusal) -> Incident {
    let incident = match incident.operations.is_empty() {
        true => with_operation(incident, refusal),
        false => incident,
    };
    let path = refusal.name.iter().filter(|name| name.starts_with(b"/"));
    let port = refusal
        .port
        .filter(|_| incident.operations == [Operation::Bind]);
    Incident {
        paths: path.cloned().collect(),
        address: port.map(|port| format!("0.0.0.0:{port}").into_bytes()),
        ..incident
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> LoggedRefusal {
        let line = format!("audit(1.2:3): apparmor=\"DENIED\" profile=\"app\" pid=7 {line}");
        LoggedRefusal::parse(&line).expect("it is a refusal")
    }

    fn incident(path: &str) -> Incident {
        let path = Some(path.as_bytes().to_vec()).filter(|path| !path.is_empty());
        Incident {
            paths: path.into_iter().collect(),
            ..Incident::default()
        }
    }

    #[test]
    fn a_line_is_about_what_the_program_named() {
        let mkdir = refusal("operation=\"mkdir\" name=\"/srv/aa/new/\" denied_mask=\"c\"");
        for printed in ["/srv/aa/new", "./new", "aa/new", "new"] {
            assert!(fits(&mkdir, &incident(printed)), "{printed}");
        }
        for printed in ["/srv/new", "w", "/srv/aa"] {
            assert!(!fits(&mkdir, &incident(printed)), "{printed}");
        }
        let bare = "avc:  denied  { read } for  pid=7 name=\"page\" ino=5 tclass=file permissive=0";
        let bare = LoggedRefusal::parse(bare).expect("it is a refusal");
        assert!(fits(&bare, &incident("/home/alice/page")));
    }

    #[test]
    fn a_line_about_another_operation_than_the_text_tells_does_not_count() {
        let told = Incident {
            operations: vec![Operation::Delete],
            ..incident("/srv/f")
        };
        let line = "name=\"/srv/f\" denied_mask=\"d\"";
        assert!(fits(
            &refusal(&format!("operation=\"unlink\" {line}")),
            &told
        ));
        assert!(!fits(
            &refusal(&format!("operation=\"open\" {line}")),
            &told
        ));
    }

    #[test]
    fn what_the_text_leaves_out_is_taken_from_the_line() {
        let exec = refusal("operation=\"exec\" name=\"/usr/bin/id\" denied_mask=\"x\"");
        let completed = with_object(incident(""), &exec);
        assert_eq!(completed.operations, [Operation::Exec]);
        assert_eq!(completed.operation_sign, Some(Sign::Record));
        assert_eq!(completed.paths, [b"/usr/bin/id"]);
        let named = with_operation(
            incident("f"),
            &refusal("operation=\"open\" name=\"/f\" denied_mask=\"w\""),
        );
        assert_eq!(
            (named.operations, named.paths),
            (vec![Operation::WRITE], vec![b"f".to_vec()])
        );
    }
}
