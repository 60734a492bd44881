//! The booleans of the SELinux policy that would allow an access. audit2why(1) tries them on the policy, if it is installed.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// Where audit2why is looked for. The fixed list keeps a search path from deciding what is executed.
const PLACES: [&str; 2] = ["/usr/bin/audit2why", "/bin/audit2why"];

/// The most that is read of its output, in bytes.
const MOST: u64 = 64 * 1024;

/// The booleans of which each one, turned on, makes the policy grant these permissions.
pub(super) fn that_grant(source: &str, target: &str, class: &str, wanted: &[&str]) -> Vec<String> {
    let line = format!(
        "type=AVC msg=audit(1.000:1): avc:  denied  {{ {} }} for  pid=1 comm=\"x\" scontext={source} tcontext={target} \
         tclass={class} permissive=0\n",
        wanted.join(" ")
    );
    explained(&line).map_or_else(Vec::new, |text| turned_on(&text))
}

/// What audit2why says about a line of the audit log.
fn explained(line: &str) -> Option<String> {
    let mut places = PLACES.iter();
    let program = places.find(|place| std::path::Path::new(place).exists())?;
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let wrote = child.stdin.take()?.write_all(line.as_bytes());
    let mut text = String::new();
    let read = child.stdout.take()?.take(MOST).read_to_string(&mut text);
    let ended = child.wait().is_ok_and(|status| status.success());
    (wrote.is_ok() && read.is_ok() && ended).then_some(text)
}

/// The booleans in lines like `# setsebool -P httpd_can_network_connect 1`.
fn turned_on(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let command = line.trim().strip_prefix("# setsebool -P ")?;
        command.strip_suffix(" 1").map(str::to_owned)
    });
    let is_name = |name: &String| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    names.filter(is_name).collect()
}

#[cfg(test)]
mod tests {
    use super::turned_on;

    /// What audit2why 3.4 prints, with Debian's policy.
    const PRINTED: &str = "type=AVC msg=audit(1.000:1): avc:  denied  { name_connect } for  pid=1 comm=\"x\" \
        scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:postgresql_port_t:s0 tclass=tcp_socket permissive=0\n\n\
        \tWas caused by:\n\tOne of the following booleans was set incorrectly.\n\
        \tDescription:\n\tDetermine whether scripts and modules can connect to the network using TCP.\n\n\
        \tAllow access by executing:\n\t# setsebool -P httpd_can_network_connect 1\n\
        \tDescription:\n\tDetermine whether scripts and modules can connect to databases over the network.\n\n\
        \tAllow access by executing:\n\t# setsebool -P httpd_can_network_connect_db 1\n";

    #[test]
    fn every_boolean_that_would_do_is_taken_and_nothing_else() {
        let both = ["httpd_can_network_connect", "httpd_can_network_connect_db"];
        assert_eq!(turned_on(PRINTED), both);
        assert!(turned_on("\t# setsebool -P x;y 1\n\t# setsebool -P off 0\n\t\tMissing type enforcement (TE) allow rule.\n").is_empty());
    }
}
