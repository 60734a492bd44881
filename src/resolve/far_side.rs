//! Recognises what a program wrote or passed on of the other machine that it talks to: ssh, scp, sftp, rsync.

use memchr::memmem;

use super::Circumstances;
use super::speaker::leading_name;
use crate::attempt::Incident;
use crate::byte_path::is_within;
use crate::programs::{CommandLine, command_lines};

/// The other machine, if the message is about that side.
pub fn far_side(incident: &Incident, circumstances: &Circumstances) -> Option<String> {
    let lines = command_lines(&circumstances.command);
    let says_remote = || {
        let message = &incident.message;
        memmem::find(message, b"remote ").is_some() || memmem::find(message, b"dest ").is_some()
    };
    if lines.is_empty() && incident.pattern == "sftp" && says_remote() {
        return Some("the other machine".to_owned());
    }
    // What git's other side sends is shown with this prefix.
    if lines.is_empty() && incident.message.starts_with(b"remote: ") {
        return Some("the machine of the repository".to_owned());
    }
    lines
        .iter()
        .find_map(|line| machine_behind(line, incident, &lines))
}

fn machine_behind(
    line: &CommandLine,
    incident: &Incident,
    lines: &[CommandLine],
) -> Option<String> {
    let far = line.known?.far_side.as_ref()?;
    let has = |words: &[String]| {
        let mut words = words.iter();
        words.any(|words| memmem::find(&incident.message, words.as_bytes()).is_some())
    };
    if has(&far.near) || far.own.iter().any(|own| incident.pattern.starts_with(own)) {
        return None;
    }
    if far.runs {
        let host = line
            .operands
            .iter()
            .find(|operand| operand.operation.is_none())?;
        let speaks = leading_name(&incident.message);
        let is_here = |other: &CommandLine| Some(other.name()) == speaks;
        return (!lines.iter().any(is_here)).then(|| host_of(&host.word));
    }
    let words: Vec<&[u8]> = line
        .operands
        .iter()
        .map(|operand| &operand.word[..])
        .collect();
    let mut on_hosts = words.iter().enumerate();
    let Some((at, (host, path))) = on_hosts.find_map(|(at, word)| Some((at, on_host(word)?)))
    else {
        // The host alone, as sftp takes it.
        let host = line
            .operands
            .iter()
            .find(|operand| operand.operation.is_none());
        return host
            .filter(|_| has(&far.words))
            .map(|host| host_of(&host.word));
    };
    let is_target = at + 1 == words.len();
    let roles = if is_target { &far.target } else { &far.source };
    let others = if is_target { &far.source } else { &far.target };
    if has(others) {
        return None;
    }
    let named = incident.paths.first();
    let is_on = |path: &[u8]| named.is_some_and(|named| is_within(named, without_slash(path)));
    let is_local = words
        .iter()
        .any(|word| on_host(word).is_none() && is_on(word));
    let is_far = has(&far.words) || has(roles) || is_on(path) && !is_local;
    is_far.then(|| host_of(host))
}

/// The host and the path of an operand that names a file on another machine: `deploy@shop:/srv/x`, `rsync://shop/module/x`.
fn on_host(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let schemes: [&[u8]; 4] = [b"rsync://", b"scp://", b"sftp://", b"ssh://"];
    if let Some(rest) = schemes.iter().find_map(|scheme| word.strip_prefix(*scheme)) {
        let slash = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        return Some(rest.split_at(slash));
    }
    let colon = memchr::memchr(b':', word)?;
    let (host, path) = (&word[..colon], &word[colon + 1..]);
    let path = path.strip_prefix(b":").unwrap_or(path);
    (!host.is_empty() && !host.contains(&b'/')).then_some((host, path))
}

/// The name of the host, without the user and the port.
fn host_of(word: &[u8]) -> String {
    let host = word.rsplit(|byte| *byte == b'@').next().unwrap_or(word);
    let host = host.split(|byte| *byte == b':').next().unwrap_or(host);
    String::from_utf8_lossy(host).into_owned()
}

fn without_slash(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/")
        .filter(|path| !path.is_empty())
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str], message: &str, path: &str, pattern: &str) -> Option<String> {
        let incident = Incident {
            message: message.into(),
            paths: vec![path.into()],
            pattern: pattern.into(),
            ..Incident::default()
        };
        let circumstances = Circumstances {
            command: command
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
            ..Circumstances::default()
        };
        far_side(&incident, &circumstances)
    }

    #[test]
    fn what_ssh_passes_on_was_written_on_the_other_machine() {
        let shop = Some("shop".to_owned());
        let command = ["ssh", "-p", "22", "bob@shop", "cat", "/srv/s"];
        let message = "cat: /srv/s: Permission denied";
        assert_eq!(of(&command, message, "/srv/s", "generic-path"), shop);
        let own = "Load key \"/srv/s\": Permission denied";
        assert_eq!(of(&command, own, "/srv/s", "ssh-key-open"), None);
    }

    #[test]
    fn a_pasted_text_tells_the_side_by_its_words() {
        let other = Some("the other machine".to_owned());
        let remote = "remote open(\"/root/x\"): Permission denied";
        assert_eq!(of(&[], remote, "/root/x", "sftp"), other);
        let local = "scp: open local \"/root/x\": Permission denied";
        assert_eq!(of(&[], local, "/root/x", "sftp"), None);
    }

    #[test]
    fn the_side_is_told_by_words_by_roles_or_by_the_operand() {
        let shop = Some("shop".to_owned());
        let up = ["scp", "f", "shop:/srv/"];
        let remote = "scp: dest open \"/srv/f\": Permission denied";
        assert_eq!(of(&up, remote, "/srv/f", "sftp"), shop);
        let down = ["scp", "bob@shop:/etc/x", "ro/x"];
        let local = "scp: open local \"ro/x\": Permission denied";
        assert_eq!(of(&down, local, "ro/x", "sftp"), None);
        let listed = "remote readdir(\"/srv\"): Permission denied";
        assert_eq!(
            of(&["sftp", "-b", "b", "bob@shop"], listed, "/srv", "sftp"),
            shop
        );
        let old = "scp: /etc/x: Permission denied";
        assert_eq!(of(&down, old, "/etc/x", "generic-path"), shop);
        let receiver =
            "rsync: [receiver] mkstemp \"/srv/.f.Ab8hsc\" failed: Permission denied (13)";
        assert_eq!(
            of(
                &["rsync", "f", "shop:/srv/"],
                receiver,
                "/srv/.f.Ab8hsc",
                "rsync"
            ),
            shop
        );
        assert_eq!(
            of(
                &["rsync", "shop:/srv/f", "."],
                receiver,
                "/srv/.f.Ab8hsc",
                "rsync"
            ),
            None
        );
        assert_eq!(
            of(
                &["rsync", "a", "/srv/"],
                receiver,
                "/srv/.f.Ab8hsc",
                "rsync"
            ),
            None
        );
    }
}
