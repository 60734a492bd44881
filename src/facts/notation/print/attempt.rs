//! Lines of the subject and its attempt.

use std::fmt::Write as _;

use super::lines;
use crate::attempt::{Attempt, NodeType, Object, Operation, Subject};
use crate::facts::Names;

/// `subject USER GROUP ...`, with everything in which the subject differs from a new login.
pub(super) fn subject(subject: &Subject, names: &Names) -> String {
    let login = Subject::login(subject.uid, subject.gid, subject.groups.clone());
    let list = |gids: &[u32]| match gids {
        [] => "none".to_owned(),
        _ => gids
            .iter()
            .map(|gid| names.group_word(*gid))
            .collect::<Vec<_>>()
            .join(","),
    };
    let mut words = vec![format!(
        "subject  {} {}",
        names.user_word(subject.uid),
        names.group_word(subject.gid)
    )];
    let mut tell = |differs: bool, word: String| {
        if differs {
            words.push(word);
        }
    };
    tell(
        !subject.groups.is_empty(),
        format!("groups={}", list(&subject.groups)),
    );
    let database = match &subject.database_groups {
        Ok(gids) => list(gids),
        Err(gap) => lines::unknown_word(gap.errno),
    };
    tell(
        subject.database_groups != login.database_groups,
        format!("database={database}"),
    );
    let caps = lines::capabilities_word;
    tell(
        subject.capabilities != login.capabilities,
        format!("caps={}", caps(subject.capabilities)),
    );
    tell(
        subject.bounding != login.bounding,
        format!("bounding={}", caps(subject.bounding)),
    );
    tell(
        subject.real_uid != subject.uid,
        format!("real={}", names.user_word(subject.real_uid)),
    );
    tell(
        subject.pid.is_some(),
        format!("pid={}", subject.pid.unwrap_or_default()),
    );
    tell(
        subject.uid_map != login.uid_map,
        format!("uid_map={}", lines::id_map_word(&subject.uid_map)),
    );
    tell(
        subject.gid_map != login.gid_map,
        format!("gid_map={}", lines::id_map_word(&subject.gid_map)),
    );
    tell(!subject.initial_user_ns, "userns".to_owned());
    tell(subject.no_new_privs, "no_new_privs".to_owned());
    tell(subject.seccomp, "seccomp".to_owned());
    if let Ok(label) = &subject.label {
        let label = label.as_deref().unwrap_or("none");
        tell(true, format!("label={}", lines::escape(label.as_bytes())));
    }
    words.join(" ")
}

/// `attempt OPERATION PATH ...`
pub(super) fn tried(attempt: &Attempt, names: &Names) -> String {
    let object = match &attempt.object {
        Object::Path(path) => lines::escape(path),
        Object::Port { address, port } => format!("{address}:{port}"),
        Object::Process => "-".to_owned(),
        Object::Another(pid) => format!("pid:{pid}"),
    };
    let mut line = format!("attempt  {} {object}", operation(&attempt.operation));
    if let Some(to) = &attempt.to {
        let _ = write!(line, " to={}", lines::escape(to));
    }
    match &attempt.operation {
        Operation::Chmod(Some(mode)) => {
            let _ = write!(line, " mode={mode:o}");
        }
        Operation::Chown { uid, gid } if uid.is_some() || gid.is_some() => {
            let user = uid.map_or(String::new(), |uid| names.user_word(uid));
            let group = gid.map_or(String::new(), |gid| format!(":{}", names.group_word(gid)));
            let _ = write!(line, " owner={user}{group}");
        }
        Operation::Utime { now: true } => line.push_str(" now"),
        Operation::Setxattr(name) => {
            let _ = write!(line, " name={name}");
        }
        Operation::Mknod(NodeType::Char) => line.push_str(" type=char"),
        Operation::Mknod(NodeType::Block) => line.push_str(" type=block"),
        _ => {}
    }
    line
}

/// The operation's name if that is unambiguous, else `open:` with the access mode and flags.
fn operation(operation: &Operation) -> String {
    let Operation::Open(how) = operation else {
        return operation.name().to_owned();
    };
    if Operation::from_name(operation.name()).as_ref() == Some(operation) {
        return operation.name().to_owned();
    }
    let named = [
        (how.read, "read"),
        (how.write, "write"),
        (how.append, "append"),
        (how.truncate, "truncate"),
        (how.create, "create"),
        (how.exclusive, "exclusive"),
        (how.noatime, "noatime"),
    ];
    let names: Vec<&str> = named
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| *name)
        .collect();
    format!("open:{}", names.join(","))
}
