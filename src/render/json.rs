//! Findings as JSON.

use crate::attempt::{ANY_NAME, Attempt, Errno, Incident, Object, Place, Subject};
use crate::cause;
use crate::denial::Code;
use crate::denial::{Denial, Obstacle};
use crate::facts::Facts;
use crate::remedy::Fix;
use crate::report::{
    CauseReport, Conclusion, Finding, FixReport, IncidentReport, SubjectReport, Unclear, lossy,
};

/// A document as indented JSON, with a trailing newline.
///
/// # Errors
/// Fails if it cannot be represented as JSON.
pub fn json_text(document: &impl serde::Serialize) -> serde_json::Result<String> {
    Ok(without_controls(&serde_json::to_string_pretty(document)?) + "\n")
}

/// Escapes DEL and the C1 controls, which JSON permits unescaped and terminals may interpret. They occur only in strings.
pub(super) fn without_controls(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => text.push_str(&format!("\\u{:04x}", c as u32)),
            c => text.push(c),
        }
    }
    text
}

/// A finding as an incident of the report.
#[must_use]
pub fn incident_report(finding: &Finding) -> IncidentReport {
    let attempt = finding.attempt.as_ref();
    let incident = finding.incident.as_ref();
    let (path, path_lossy) = path_of(finding).map_or((None, false), |path| {
        let (text, odd) = lossy(&path);
        (Some(text), odd)
    });
    let (causes, fixes, note) = match &finding.conclusion {
        Conclusion::Allowed => (Vec::new(), Vec::new(), None),
        Conclusion::Unclear(unclear) => {
            let ways = match unclear {
                Unclear::Operation(ways) => ways.as_slice(),
                Unclear::Note(_) => &[],
            };
            // The operation that requires less comes first, as in the hint.
            let refused = ways.iter().rev().filter_map(|way| way.refused.as_ref());
            let fixes = refused.filter_map(|(_, fixes)| fixes.first());
            (
                Vec::new(),
                fixes.map(fix_report).collect(),
                Some(super::unclear(unclear)),
            )
        }
        Conclusion::Refused(denial, remedy) => {
            let denials = if remedy.denials.is_empty() {
                std::slice::from_ref(denial)
            } else {
                &remedy.denials
            };
            let causes = attempt.map_or_else(Vec::new, |attempt| {
                denials
                    .iter()
                    .map(|denial| cause_report(denial, attempt, &finding.facts))
                    .collect()
            });
            (causes, remedy.fixes.iter().map(fix_report).collect(), None)
        }
    };
    IncidentReport {
        errno: errno_of(finding).map(Errno::symbol),
        message: incident.map(|incident| String::from_utf8_lossy(&incident.message).into_owned()),
        pattern: incident.map(|incident| incident.pattern.clone()),
        operation: operation_of(finding),
        path,
        path_lossy,
        count: finding.count,
        exact: finding.is_exact(),
        subject: attempt.map(|attempt| subject_report(&attempt.subject, &finding.facts)),
        verdict: finding.conclusion.verdict(),
        fingerprint: fingerprint(finding),
        causes,
        fixes,
        place: place_of(finding),
        note,
    }
}

/// Identifies a refusal: equal if the same user is refused the same operation by the same obstacle. It is derived from names
/// instead of numbers, which differ between machines. FNV-1a, as 16 hexadecimal digits.
fn fingerprint(finding: &Finding) -> Option<String> {
    let (Conclusion::Refused(denial, _), Some(attempt)) = (&finding.conclusion, &finding.attempt)
    else {
        return None;
    };
    let user = finding.facts.names.users.get(&attempt.subject.uid);
    let user = user.map_or_else(|| attempt.subject.uid.to_string(), Clone::clone);
    let parts: [&[u8]; 5] = [
        denial.code.name().as_bytes(),
        attempt.operation.name().as_bytes(),
        &path_of(finding).unwrap_or_default(),
        &obstacle_path(denial, attempt, &finding.facts).unwrap_or_default(),
        user.as_bytes(),
    ];
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Some(format!("{hash:016x}"))
}

/// The place of the finding, if it is not permwrap's own.
fn place_of(finding: &Finding) -> Option<String> {
    let abroad = finding.facts.surroundings.abroad.as_ref()?;
    abroad.place.as_ref().map(Place::words)
}

/// The error number from the text; otherwise, for a refusal, the one that the kernel returns.
fn errno_of(finding: &Finding) -> Option<Errno> {
    match (&finding.incident, &finding.conclusion) {
        (
            Some(Incident {
                errno: Some(errno), ..
            }),
            _,
        ) => Some(*errno),
        (_, Conclusion::Refused(denial, _)) if denial.code != Code::ProgramPolicy => {
            Some(denial.errno)
        }
        _ => None,
    }
}

/// The operation, if something identifies it: that of the text takes precedence over that of the system call.
fn operation_of(finding: &Finding) -> Option<&'static str> {
    let told = finding
        .incident
        .as_ref()
        .map(|incident| &incident.operations[..]);
    match (told, &finding.attempt) {
        (Some([only]), _) => only.reported_name(),
        (Some(_), Some(attempt)) if finding.signs.operation.is_some() => {
            attempt.operation.reported_name()
        }
        (None, Some(attempt)) => attempt.operation.reported_name(),
        _ => None,
    }
}

/// The path in the message, made absolute. With few exceptions it is the path that was judged; if nothing could be judged, it
/// is the one in the text.
pub(super) fn path_of(finding: &Finding) -> Option<Vec<u8>> {
    let incident = finding.incident.as_ref();
    let Some(attempt) = &finding.attempt else {
        return incident.and_then(|incident| incident.object().map(<[u8]>::to_vec));
    };
    let Object::Path(path) = &attempt.object else {
        return None;
    };
    if let Some(directory) = path.strip_suffix(ANY_NAME) {
        return Some(directory.strip_suffix(b"/").unwrap_or(directory).to_vec());
    }
    // "bad interpreter" is about the interpreter, whereas the execution of the script was judged.
    match (
        &finding.conclusion,
        incident.map(|incident| incident.paths.len()),
    ) {
        (Conclusion::Refused(denial, _), Some(2)) if denial.code == Code::InterpreterDenied => {
            obstacle_path(denial, attempt, &finding.facts)
        }
        _ => Some(path.clone()),
    }
}

fn subject_report(subject: &Subject, facts: &Facts) -> SubjectReport {
    SubjectReport {
        pid: subject.pid,
        uid: subject.uid,
        gid: subject.gid,
        groups: subject.groups.clone(),
        user: facts.names.users.get(&subject.uid).cloned(),
    }
}

fn cause_report(denial: &Denial, attempt: &Attempt, facts: &Facts) -> CauseReport {
    let words = cause::words(denial, attempt, facts);
    let path = obstacle_path(denial, attempt, facts);
    let (path, path_lossy) = path.map_or((None, false), |path| {
        let (text, odd) = lossy(&path);
        (Some(text), odd)
    });
    CauseReport {
        code: denial.code.name(),
        path,
        path_lossy,
        summary: words.summary,
        evidence: words.evidence,
    }
}

/// The refusing object, as a path if it has one.
#[must_use]
pub fn obstacle_path(denial: &Denial, attempt: &Attempt, facts: &Facts) -> Option<Vec<u8>> {
    match &denial.at {
        Obstacle::Node(node) => Some(facts.node(*node).path.clone()),
        Obstacle::Mount(mount, _) => Some(facts.mounts[mount.0].point.clone()),
        Obstacle::Port(_) | Obstacle::Setting(_) => None,
        Obstacle::Process => match &attempt.object {
            Object::Path(path) => Some(path.clone()),
            _ => None,
        },
    }
}

/// A fix, as part of the report.
#[must_use]
pub fn fix_report(fix: &Fix) -> FixReport {
    let mut path_lossy = false;
    let mut word = |word: &Vec<u8>| {
        let (text, odd) = lossy(word);
        path_lossy |= odd;
        text
    };
    let argv = fix
        .argv
        .iter()
        .map(|argv| argv.iter().map(&mut word).collect())
        .collect();
    FixReport {
        title: fix.sentence(),
        commands: fix.commands(),
        needs_root: fix.needs_root,
        argv,
        path_lossy,
        effect: fix.effect.name(),
        place: fix.place.name(),
        verified: fix.verified,
        complete: fix.complete,
        relogin: fix.relogin,
    }
}
