//! An AppArmor profile refuses.

use super::case::Case;
use super::deployment::snap;
use super::{Candidate, Words};
use crate::attempt::{ANY_NAME, Capability, Errno, Label, Object, Operation};
use crate::change::Place;
use crate::facts::{ProfileAnswer, ProfilePerms, ProfileRequest, profile_requests};
use crate::judge;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let own = profile(case);
    let profile = own.as_ref().map_or_else(
        || "its profile".to_owned(),
        |name| format!("the profile {name}"),
    );
    let rule = match () {
        () if is_denied_outright(case) => format!(
            "a deny rule of {profile} forbids it, and no other rule overrides that: to allow it, remove that rule from {} and load it \
             (apparmor_parser -r)",
            own.as_deref().map_or_else(
                || "its file".to_owned(),
                |name| format!("/etc/apparmor.d/{}", file_of(name))
            )
        ),
        () if is_kept_by_no_new_privs(case) => format!(
            "{profile} lets it be run under another profile, but with no_new_privs a process cannot change to one that allows more"
        ),
        () if runs_into_no_profile(case) => {
            format!("{profile} lets it be run under another profile, which is not loaded")
        }
        () => format!("{profile} does not allow it"),
    };
    case.module_words("an AppArmor profile", &rule)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    if is_denied_outright(case) {
        return Vec::new();
    }
    if let Some(opened) = for_a_snap(case) {
        return vec![opened];
    }
    let name = profile(case);
    if is_kept_by_no_new_privs(case) {
        return vec![Candidate::advice(format!(
            "start it without no_new_privs (setpriv --no-new-privs, NoNewPrivileges= of a unit), or let the rule for {} end in ix, \
             so that it stays under the same profile",
            case.asked()
        ))];
    }
    if runs_into_no_profile(case) {
        return vec![Candidate::advice(format!(
            "load the profile that {} is to run under (aa-status lists those that are), or let the rule for it end in ix",
            case.asked()
        ))];
    }
    let rules = rules(case);
    if rules.is_empty() {
        return vec![Candidate::advice(
            "see what was refused: journalctl -k | grep 'apparmor=\"DENIED\"' shows operation and name",
        )];
    }
    let quoted: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
    let (to, load) = match name {
        Some(name) => {
            let file = file_of(&name);
            let to = match name.split_once("//") {
                // The local file is included by the outer profile.
                Some((_, inner)) => format!("the profile {inner} within /etc/apparmor.d/{file}"),
                None if is_of_another_process(case) => format!(
                    "the profile {name} (/etc/apparmor.d/local/{file}), or to the one that {name} starts this program under (aa-status)"
                ),
                None => format!("the profile {name} (/etc/apparmor.d/local/{file})"),
            };
            (to, format!("apparmor_parser -r /etc/apparmor.d/{file}"))
        }
        None => ("its profile".to_owned(), "apparmor_parser -r".to_owned()),
    };
    vec![Candidate::advice(format!(
        "add {} to {to}, then load it: {load}",
        quoted.join(" and ")
    ))]
}

/// What lets a snap at the object: its profile is generated from the interfaces that it is connected to, and a rule added to that
/// is lost with the next start of snapd.
fn for_a_snap(case: &Case) -> Option<Candidate> {
    let container = case.facts.surroundings.container.as_ref();
    let snap = container.filter(|container| container.kind == "snap")?;
    let home = case.facts.surroundings.home.as_deref();
    let words = snap::opens(case.asked_bytes()?, home, &snap.application);
    Some(Candidate::advice(words).at(Place::Deployment))
}

/// The profile's name, from the log line or else from the label of the process.
fn profile(case: &Case) -> Option<String> {
    let own = || match case.subject().label()? {
        Label::AppArmor { profile, .. } => Some(profile.to_owned()),
        Label::Selinux { .. } => None,
    };
    let name = case.logged().and_then(|line| line.profile).or_else(own)?;
    Some(quote::display(name.as_bytes()))
}

/// Whether the process was gone before its profile was read, which is then that of the process that started it.
fn is_of_another_process(case: &Case) -> bool {
    let is_run = !case.facts.surroundings.command.is_empty();
    let by_log = case.logged().is_some_and(|line| line.profile.is_some());
    is_run && case.subject().pid.is_none() && !by_log
}

/// The file that conventionally holds a profile: its path with dots in place of slashes.
fn file_of(profile: &str) -> String {
    let parent = profile.split("//").next().unwrap_or(profile);
    parent.trim_start_matches('/').replace('/', ".")
}

fn answers<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (ProfileRequest, &'a ProfileAnswer)> {
    let requests = profile_requests(&case.attempt.operation, case.facts);
    requests.into_iter().filter_map(|request| {
        let answers = &case.facts.policy.profiles;
        let answer = answers.iter().find(|answer| answer.name == request.name)?;
        Some((request, answer))
    })
}

fn is_denied_outright(case: &Case) -> bool {
    answers(case).any(|(request, answer)| {
        let lacking = request.wanted.minus(answer.granted);
        !lacking.and(answer.denied).is_empty()
    })
}

/// Whether the rule's transition to another profile is what no_new_privs forbids (apparmor_bprm_creds_for_exec): the answer is
/// EPERM then, and EACCES if the profile is not loaded.
fn is_kept_by_no_new_privs(case: &Case) -> bool {
    let refused = case.facts.answered == Some(Errno::Perm);
    refused && case.subject().no_new_privs && runs_into_no_profile(case)
}

/// Whether the program may be executed, but not in the transition mode of the rule.
fn runs_into_no_profile(case: &Case) -> bool {
    let may_run =
        || answers(case).any(|(_, answer)| !answer.granted.and(ProfilePerms::EXEC).is_empty());
    case.attempt.operation == Operation::Exec && may_run()
}

/// The rules that would allow it (apparmor.d(5)).
fn rules(case: &Case) -> Vec<String> {
    let attempt = case.attempt;
    let mut rules: Vec<String> = profile_requests(&attempt.operation, case.facts)
        .iter()
        .filter(|request| {
            let known = answers(case).find(|(asked, _)| asked.name == request.name);
            known.is_none_or(|(_, answer)| !request.wanted.minus(answer.granted).is_empty())
        })
        .map(|request| rule(case, request))
        .collect();
    let logged = case.logged();
    if rules.is_empty()
        && let Some(line) = &logged
        && let (Some(name), Some(mask)) = (&line.name, &line.requested)
        && name.starts_with(b"/")
    {
        rules.push(format!("{} {},", pattern(name), letters(mask)));
    }
    if let Some(capability) = logged.as_ref().and_then(|line| line.capability.clone()) {
        // Whatever else the profile is known to lack would be refused next.
        let mut rules = lacking(case);
        rules.push(format!("capability {capability},"));
        return rules;
    }
    match (&attempt.operation, &attempt.object) {
        (Operation::Signal, _) => rules.push("signal send,".to_owned()),
        (Operation::Ptrace, _) => rules.push("ptrace trace,".to_owned()),
        (Operation::Mount, _) => rules.push("mount,".to_owned()),
        (_, Object::Port { address, .. }) => {
            let family = if address.contains(':') {
                "inet6"
            } else {
                "inet"
            };
            rules.push(format!("network {family} stream,"));
        }
        _ => {}
    }
    let needed = judge::needed_capability(
        &attempt.subject,
        &attempt.operation,
        &attempt.object,
        case.facts,
    );
    rules.extend(needed.map(|capability| format!("capability {},", word(capability))));
    rules
}

/// The rules for the permissions that the kernel, asked about the profile, did not grant.
fn lacking(case: &Case) -> Vec<String> {
    answers(case)
        .filter(|(request, answer)| !request.wanted.minus(answer.granted).is_empty())
        .map(|(request, _)| rule(case, &request))
        .collect()
}

fn rule(case: &Case, request: &ProfileRequest) -> String {
    let name = match request.name.strip_suffix(ANY_NAME) {
        Some(directory) => format!("{}*", pattern(directory)),
        None => pattern(&request.name),
    };
    if case.attempt.operation == Operation::Exec {
        // `i` runs it under the same profile; `m` and `r` let it be mapped, and read by an interpreter.
        return format!("{name} mrix,");
    }
    if case.attempt.operation == Operation::Link
        && let Some(old) = case.facts.walk.named()
    {
        let old = pattern(&case.facts.node(old).path);
        return format!("link {name} -> {old},");
    }
    // Shells and C's fopen(3) append with O_CREAT, for which `a` does not suffice.
    let wanted = match request.wanted {
        ProfilePerms::APPEND => ProfilePerms::WRITE,
        wanted => wanted,
    };
    format!("{name} {},", wanted.letters())
}

/// A name in the notation of a rule: in quotes if it contains spaces, with a backslash before special characters.
fn pattern(name: &[u8]) -> String {
    let mut plain = String::new();
    let mut quoted = false;
    for character in quote::display(name).chars() {
        if "*?[]{}^\\\"@".contains(character) {
            plain.push('\\');
        }
        quoted |= character.is_whitespace() || ",#\"".contains(character);
        plain.push(character);
    }
    match quoted {
        true => format!("\"{plain}\""),
        false => plain,
    }
}

/// Converts the letters of the log, which has separate ones for creating and deleting, into those of a rule.
fn letters(mask: &str) -> String {
    let has = |letters: &str| mask.contains(|letter| letters.contains(letter));
    [
        ("rm", "r"),
        ("wcd", "w"),
        ("a", "a"),
        ("k", "k"),
        ("l", "l"),
    ]
    .into_iter()
    .filter(|(from, to)| has(from) && !(*to == "a" && has("wcd")))
    .map(|(_, to)| to)
    .collect()
}

/// The capability in the notation of a rule: `dac_override`.
fn word(capability: Capability) -> String {
    capability.name().trim_start_matches("CAP_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_match_more_is_escaped_and_spaces_are_quoted() {
        assert_eq!(pattern(b"/srv/data"), "/srv/data");
        assert_eq!(pattern(b"/srv/da ta"), "\"/srv/da ta\"");
        assert_eq!(pattern(b"/srv/a[1]*"), "/srv/a\\[1\\]\\*");
    }

    #[test]
    fn a_profile_s_file_has_dots_for_slashes_and_holds_its_children() {
        assert_eq!(file_of("/usr/sbin/mysqld"), "usr.sbin.mysqld");
        assert_eq!(file_of("nginx"), "nginx");
        assert_eq!(file_of("/usr/bin/man//groff"), "usr.bin.man");
    }

    #[test]
    fn the_log_has_letters_of_its_own_for_creating_and_deleting() {
        assert_eq!(letters("wc"), "w");
        assert_eq!(letters("d"), "w");
        assert_eq!(letters("ac"), "w");
        assert_eq!(letters("a"), "a");
        assert_eq!(letters("rk"), "rk");
    }
}
