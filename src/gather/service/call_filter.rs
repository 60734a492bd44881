//! `SystemCallFilter=`: lists of system calls and of groups of them (systemd.exec(5)).

use crate::attempt::Operation;

/// Groups that contain others, as far as [`calls`] names those.
const WHOLE: &[(&str, &[&str])] = &[
    (
        "@known",
        &[
            "@chown",
            "@file-system",
            "@network-io",
            "@process",
            "@mount",
            "@debug",
        ],
    ),
    ("@privileged", &["@chown"]),
    (
        "@system-service",
        &["@chown", "@file-system", "@network-io", "@process"],
    ),
];

/// The group of the system calls that perform an operation, and the common part of their names. `None` if an operation cannot be
/// assigned to system calls.
fn calls(operation: &Operation) -> Option<(&'static str, &'static str)> {
    Some(match operation {
        Operation::Open(_) | Operation::List => ("@file-system", "open"),
        Operation::Traverse => ("@file-system", "chdir"),
        Operation::Stat { .. } => ("@file-system", "stat"),
        Operation::Mkdir => ("@file-system", "mkdir"),
        Operation::Mknod(_) => ("@file-system", "mknod"),
        Operation::Symlink => ("@file-system", "symlink"),
        Operation::Delete => ("@file-system", "unlink"),
        Operation::Rmdir => ("@file-system", "rmdir"),
        Operation::Rename => ("@file-system", "rename"),
        Operation::Link => ("@file-system", "link"),
        Operation::Chmod(_) => ("@file-system", "chmod"),
        Operation::Utime { .. } => ("@file-system", "utime"),
        Operation::Setxattr(_) => ("@file-system", "setxattr"),
        Operation::Chown { .. } => ("@chown", "chown"),
        Operation::Bind => ("@network-io", "bind"),
        Operation::Connect => ("@network-io", "connect"),
        Operation::Exec => ("@process", "execve"),
        Operation::Signal => ("@process", "kill"),
        Operation::Mount => ("@mount", "mount"),
        Operation::Ptrace => ("@debug", "ptrace"),
        _ => return None,
    })
}

/// Whether a filter may refuse the system calls of an operation. `values` are the assignments in order: a list of what is
/// allowed, or of what is refused after a `~`. The first one says which of the two the filter is; later ones add or take away.
pub(super) fn may_forbid(values: &[String], operation: &Operation) -> bool {
    let Some((group, name)) = calls(operation) else {
        return true;
    };
    let is_inverted = |value: &String| value.starts_with('~');
    let mut allowed = values.first().is_none_or(is_inverted);
    for value in values {
        let refuses = is_inverted(value);
        for word in value.trim_start_matches('~').split_whitespace() {
            // `NAME:ERRNO` says how it is refused.
            let word = word.split(':').next().unwrap_or(word);
            let holds = |(whole, parts): &(&str, &[&str])| *whole == word && parts.contains(&group);
            if word == group || WHOLE.iter().any(holds) {
                allowed = !refuses;
            } else if refuses && !word.starts_with('@') && word.contains(name) {
                allowed = false;
            }
        }
    }
    !allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbids(values: &[&str], operation: &Operation) -> bool {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        may_forbid(&values, operation)
    }

    const CHOWN: Operation = Operation::Chown {
        uid: None,
        gid: None,
    };

    #[test]
    fn what_a_list_names_is_allowed_and_the_rest_is_open() {
        assert!(!forbids(&["@system-service"], &Operation::READ));
        assert!(!forbids(&["@system-service"], &CHOWN));
        assert!(forbids(&["@system-service"], &Operation::Mount));
        assert!(forbids(&["@basic-io"], &Operation::READ));
        assert!(forbids(
            &["@system-service", "~@privileged @resources"],
            &CHOWN
        ));
        assert!(!forbids(
            &["@system-service", "~@privileged"],
            &Operation::READ
        ));
    }

    #[test]
    fn what_an_inverted_list_names_may_be_refused() {
        assert!(!forbids(&["~@mount"], &Operation::Chmod(None)));
        assert!(forbids(
            &["~fchmod fchmodat:EPERM chmod"],
            &Operation::Chmod(None)
        ));
        assert!(forbids(&["~@chown"], &CHOWN));
        assert!(!forbids(&["~@chown", "@chown"], &CHOWN));
    }
}
