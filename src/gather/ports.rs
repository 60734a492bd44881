//! The SELinux labels of ports. The kernel does not tell them; seinfo(1) reads them from its policy, if it is installed.

use super::policy_tool;
use crate::attempt::{Attempt, Object};

/// The label of the port that the attempt is about.
pub(super) fn label(attempt: &Attempt) -> Option<String> {
    let Object::Port { port, .. } = attempt.object else {
        return None;
    };
    let text = policy_tool::ask(attempt, "seinfo", &[&format!("--portcon={port}")], "")?;
    narrowest(&text)
}

/// The label of the narrowest range of TCP ports in lines like `portcon tcp 1-511 system_u:object_r:reserved_port_t:s0`, all of which
/// contain the port.
fn narrowest(text: &str) -> Option<String> {
    let ranges = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (kind, protocol, range) = (words.next()?, words.next()?, words.next()?);
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let width = last.parse::<u16>().ok()?.checked_sub(first.parse().ok()?)?;
        let label = words.next()?;
        (kind == "portcon" && protocol == "tcp").then(|| (width, label.to_owned()))
    });
    ranges.min().map(|(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::narrowest;

    /// What seinfo 4.4 prints of Debian's policy for port 111.
    const PRINTED: &str = "
Portcon: 5
   portcon sctp 1-511 system_u:object_r:reserved_port_t:s0
   portcon tcp 1-511 system_u:object_r:reserved_port_t:s0
   portcon tcp 111 system_u:object_r:portmap_port_t:s0
   portcon udp 1-511 system_u:object_r:reserved_port_t:s0
   portcon udp 111 system_u:object_r:udp_port_t:s0
";

    #[test]
    fn the_narrowest_range_decides() {
        let portmap = Some("system_u:object_r:portmap_port_t:s0".to_owned());
        assert_eq!(narrowest(PRINTED), portmap);
        assert_eq!(narrowest("\nPortcon: 0\n"), None);
    }
}
