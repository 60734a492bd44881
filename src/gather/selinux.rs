//! What SELinux's policy grants, read from selinuxfs (security_compute_av(3)), and the alternatives it has where it refuses.

use super::policy::exchange;
use super::{booleans, file_contexts};
use crate::attempt::{Attempt, Label, Object, Operation, Subject};
use crate::facts::{
    AccessVector, Facts, Labels, PORT_CLASS, Policy, UnknownFact, VectorRequest, port_permission,
};

/// Types that policies define for the data of a domain `NAME_t`, the least permissive first.
const DATA_TYPES: [&str; 6] = [
    "{}_sys_content_t",
    "{}_content_t",
    "{}_data_t",
    "{}_sys_rw_content_t",
    "{}_rw_content_t",
    "public_content_t",
];

/// Types for locations with a special purpose.
const TYPES_BY_PLACE: [(&[u8], &str); 3] = [
    (b"/run/", "{}_var_run_t"),
    (b"/var/lib/", "{}_var_lib_t"),
    (b"/var/log/", "{}_log_t"),
];

/// Types of ports.
const PORT_TYPES: [&str; 2] = ["{}_port_t", "unreserved_port_t"];

/// The answers for all objects and classes, each queried once.
pub(super) fn vectors(
    subject: &Subject,
    requests: &[VectorRequest],
    facts: &Facts,
) -> Vec<AccessVector> {
    let Ok(Some(source)) = &subject.label else {
        return Vec::new();
    };
    let mut vectors: Vec<AccessVector> = Vec::new();
    for request in requests {
        let Ok(Some(target)) = &facts.node(request.node).label else {
            continue;
        };
        let Some(answer) = ask(source, target, request.class) else {
            continue;
        };
        let refused = answer.refused(request.class, &request.wanted);
        let known = vectors
            .iter_mut()
            .find(|vector| vector.target == *target && vector.class == request.class);
        match known {
            Some(vector) => vector.refused.extend(refused),
            None => vectors.push(AccessVector {
                source: source.clone(),
                target: target.clone(),
                class: request.class,
                refused,
                permissive: answer.permissive,
            }),
        }
    }
    vectors
}

/// The answer for the port of an attempt, which has this label.
pub(super) fn of_port(attempt: &Attempt, label: &str) -> Option<AccessVector> {
    let source = attempt.subject.label.as_ref().ok()?.as_deref()?;
    let answer = ask(source, label, PORT_CLASS)?;
    Some(AccessVector {
        source: source.to_owned(),
        target: label.to_owned(),
        class: PORT_CLASS,
        refused: answer.refused(PORT_CLASS, &[port_permission(&attempt.operation)?]),
        permissive: answer.permissive,
    })
}

/// What the policy would grant instead, for the first object that it refuses.
pub(super) fn labels(
    attempt: &Attempt,
    requests: &[VectorRequest],
    policy: &Policy,
    facts: &Facts,
) -> Option<Labels> {
    let Label::Selinux { domain } = attempt.subject.label()? else {
        return None;
    };
    let source = attempt.subject.label.as_ref().ok()?.as_deref()?;
    match attempt.object {
        Object::Port { .. } => port_labels(attempt, domain, source, policy),
        _ => object_labels(
            attempt,
            domain,
            source,
            refused(requests, policy, facts)?,
            facts,
        ),
    }
}

/// Labels of ports that the domain may use.
fn port_labels(attempt: &Attempt, domain: &str, source: &str, policy: &Policy) -> Option<Labels> {
    let wanted = port_permission(&attempt.operation)?;
    let connects = attempt.operation == Operation::Connect;
    let granted = |kind: &String| {
        let target = format!("system_u:object_r:{kind}:s0");
        ask(source, &target, PORT_CLASS)
            .is_some_and(|answer| answer.refused(PORT_CLASS, &[wanted]).is_empty())
    };
    let purposes: &[&str] = match connects {
        true => &["can_network_connect"],
        false => &["bind_all_ports", "bind_all_unreserved_ports"],
    };
    let types = names(domain, &PORT_TYPES);
    let mut labels = Labels {
        node: None,
        expected: Err(UnknownFact::not_gathered("label of the port")),
        granted: types.into_iter().filter(granted).collect(),
        level: None,
        is_own_type: false,
        booleans: named_booleans(domain, purposes),
    };
    if let (Some(target), true) = (&policy.port, connects || labels.granted.is_empty()) {
        labels.find_boolean(|| booleans::that_grant(attempt, target, PORT_CLASS, &[wanted]));
    }
    Some(labels)
}

/// The first request that the policy refuses.
fn refused<'r>(
    requests: &'r [VectorRequest],
    policy: &Policy,
    facts: &Facts,
) -> Option<&'r VectorRequest> {
    requests.iter().find(|request| {
        let label = facts.node(request.node).label.as_ref();
        policy.vectors.iter().any(|vector| {
            label.is_ok_and(|label| label.as_ref() == Some(&vector.target))
                && vector.class == request.class
                && request
                    .wanted
                    .iter()
                    .any(|perm| vector.refused.contains(perm))
        })
    })
}

/// Labels for the object with which the domain may do what was refused.
fn object_labels(
    attempt: &Attempt,
    domain: &str,
    source: &str,
    request: &VectorRequest,
    facts: &Facts,
) -> Option<Labels> {
    let node = facts.node(request.node);
    let kind = node.inode.as_ref().ok()?.kind;
    let expected = file_contexts::expected(&node.path, kind);
    let own = expected.as_ref().ok().and_then(Option::as_deref);
    let own = own
        .and_then(|label| label.split(':').nth(2))
        .map(str::to_owned);
    let grants = |target: &str| {
        ask(source, target, request.class)
            .is_some_and(|answer| answer.refused(request.class, &request.wanted).is_empty())
    };
    let granted = |kind: &String| grants(&format!("system_u:object_r:{kind}:s0"));
    let has = node.label.as_ref().ok()?.as_deref()?;
    let mut fields = has.splitn(4, ':');
    let (user, role, has_type) = (fields.next()?, fields.next()?, fields.next()?);
    let level = level(source).filter(|level| grants(&format!("{user}:{role}:{has_type}:{level}")));
    let placed = TYPES_BY_PLACE
        .iter()
        .find(|(place, _)| node.path.starts_with(place));
    let types = match &placed {
        Some((_, kind)) => names(domain, &[kind]),
        None => names(domain, &DATA_TYPES),
    };
    let candidates = own.into_iter().chain(types);
    let mount = facts.mount_of(request.node);
    let mut labels = Labels {
        node: Some(request.node),
        expected,
        granted: candidates.filter(granted).collect(),
        level: level.map(str::to_owned),
        is_own_type: stems(domain).iter().any(|stem| {
            has_type
                .strip_prefix(stem)
                .is_some_and(|rest| rest.starts_with('_'))
        }),
        booleans: match mount.fs_type.as_str() {
            "nfs" | "nfs4" => named_booleans(domain, &["use_nfs"]),
            "cifs" | "smb3" => named_booleans(domain, &["use_cifs"]),
            _ if node.path.starts_with(b"/home/") => {
                named_booleans(domain, &["enable_homedirs", "read_user_content"])
            }
            _ => Vec::new(),
        },
    };
    if (labels.granted.is_empty() || labels.is_own_type) && labels.level.is_none() {
        labels.find_boolean(|| booleans::that_grant(attempt, has, request.class, &request.wanted));
    }
    Some(labels)
}

impl Labels {
    /// Asks for the booleans that would allow it, unless one is known by its name.
    fn find_boolean(&mut self, ask: impl FnOnce() -> Vec<String>) {
        if self.booleans.is_empty() {
            self.booleans = ask();
        }
    }
}

/// The level of a label, if it is a single level and not a range (mcs(8)): `s0:c1,c2` of `u:r:container_t:s0:c1,c2`.
fn level(label: &str) -> Option<&str> {
    let level = label.splitn(4, ':').nth(3)?;
    (!level.contains('-')).then_some(level)
}

/// Names of types that policies derive from a domain's name: `httpd_t` has `httpd_log_t` and `http_port_t`.
fn names(domain: &str, patterns: &[&str]) -> Vec<String> {
    stems(domain)
        .iter()
        .flat_map(|stem| {
            patterns
                .iter()
                .map(move |pattern| pattern.replace("{}", stem))
        })
        .collect()
}

fn stems(domain: &str) -> Vec<&str> {
    let stem = domain.strip_suffix("_t").unwrap_or(domain);
    [Some(stem), stem.strip_suffix('d')]
        .into_iter()
        .flatten()
        .collect()
}

/// The booleans that are off, and are called what policies call them for a domain and a purpose.
fn named_booleans(domain: &str, purposes: &[&str]) -> Vec<String> {
    let stems = stems(domain);
    let all = stems.iter().flat_map(|stem| {
        purposes
            .iter()
            .map(move |purpose| format!("{stem}_{purpose}"))
    });
    let off = |name: &String| {
        std::fs::read_to_string(format!("/sys/fs/selinux/booleans/{name}"))
            .is_ok_and(|value| value.starts_with('0'))
    };
    all.filter(off).collect()
}

struct Answer {
    allowed: u32,
    permissive: bool,
}

impl Answer {
    fn refused(&self, class: &str, wanted: &[&'static str]) -> Vec<&'static str> {
        let granted = |perm: &str| bit(class, perm).is_none_or(|bit| self.allowed & bit != 0);
        wanted
            .iter()
            .copied()
            .filter(|perm| !granted(perm))
            .collect()
    }
}

/// The permissions that the policy grants, as bits of the class, and whether the domain is permissive (sel_write_access of
/// security/selinux/selinuxfs.c: `allowed decided auditallow auditdeny seqno flags`).
fn ask(source: &str, target: &str, class: &str) -> Option<Answer> {
    let index = number(&format!("/sys/fs/selinux/class/{class}/index"))?;
    let question = format!("{source} {target} {index}");
    let answer = exchange("/sys/fs/selinux/access", question.as_bytes())?;
    let mut words = answer.split_whitespace();
    let hexadecimal = |word: &str| u32::from_str_radix(word, 16).ok();
    Some(Answer {
        allowed: hexadecimal(words.next()?)?,
        permissive: words.nth(4).and_then(hexadecimal).unwrap_or(0) & 1 != 0,
    })
}

/// The bit of a permission in its class; `None` if the policy does not define it.
fn bit(class: &str, permission: &str) -> Option<u32> {
    let number = number(&format!("/sys/fs/selinux/class/{class}/perms/{permission}"))?;
    1u32.checked_shl(number.checked_sub(1)?)
}

fn number(path: &str) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_may_hold_categories_and_a_range_is_none() {
        assert_eq!(level("u:r:container_t:s0:c1,c2"), Some("s0:c1,c2"));
        assert_eq!(level("u:r:unconfined_t:s0-s0:c0.c1023"), None);
        assert_eq!(level("u:r:x_t"), None);
    }

    #[test]
    fn a_daemon_s_types_go_by_its_name_with_and_without_the_d() {
        assert_eq!(
            names("httpd_t", &["{}_port_t"]),
            ["httpd_port_t", "http_port_t"]
        );
        assert_eq!(names("bench_t", &["{}_data_t"]), ["bench_data_t"]);
    }
}
