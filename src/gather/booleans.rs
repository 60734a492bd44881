//! The booleans of the SELinux policy that would allow an access. audit2why(1) tries them on the policy, if it is installed.

use super::policy_tool;
use crate::attempt::Attempt;

/// The booleans of which each one, turned on, makes the policy grant these permissions to the subject of the attempt.
pub(super) fn that_grant(
    attempt: &Attempt,
    target: &str,
    class: &str,
    wanted: &[&str],
) -> Vec<String> {
    let Ok(Some(source)) = &attempt.subject.label else {
        return Vec::new();
    };
    let line = format!(
        "type=AVC msg=audit(1.000:1): avc:  denied  {{ {} }} for  pid=1 comm=\"x\" scontext={source} tcontext={target} \
         tclass={class} permissive=0\n",
        wanted.join(" ")
    );
    let text = policy_tool::ask(attempt, "audit2why", &[], &line);
    text.map_or_else(Vec::new, |text| turned_on(&text))
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
