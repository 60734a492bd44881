//! Labels that security modules attach to processes (`/proc/PID/attr/current`): to which module they belong, and whether they
//! confine.

/// A parsed process label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label<'a> {
    /// AppArmor's: `/usr/sbin/app (enforce)`.
    AppArmor {
        /// The profile, or several stacked ones joined by `//&`.
        profile: &'a str,
        /// Whether the profile refuses what it does not allow. Profiles in `complain` mode and `unconfined` ones do not.
        enforces: bool,
    },
    /// SELinux's: `system_u:system_r:httpd_t:s0`.
    Selinux {
        /// The type, which for a process is its domain: `httpd_t`.
        domain: &'a str,
    },
}

impl<'a> Label<'a> {
    /// Parses a label. `None` for a process that no module confines, and for labels of another format (Smack).
    #[must_use]
    pub fn parse(label: &'a str) -> Option<Label<'a>> {
        if let Some((profile, mode)) = label.strip_suffix(')').and_then(|l| l.rsplit_once(" (")) {
            let enforces = matches!(mode, "enforce" | "kill" | "mixed" | "user" | "prompt");
            return Some(Label::AppArmor { profile, enforces });
        }
        let mut fields = label.split(':');
        let (_user, _role, domain) = (fields.next()?, fields.next()?, fields.next()?);
        let is_context = !label.starts_with('/') && !label.contains("//");
        is_context.then_some(Label::Selinux { domain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mode_that_refuses_confines() {
        let enforces = |label| match Label::parse(label) {
            Some(Label::AppArmor { enforces, .. }) => Some(enforces),
            _ => None,
        };
        assert_eq!(enforces("/usr/sbin/app (enforce)"), Some(true));
        assert_eq!(enforces("docker-default (kill)"), Some(true));
        assert_eq!(enforces("a//&:ns:b (mixed)"), Some(true));
        assert_eq!(enforces("/usr/sbin/app (complain)"), Some(false));
        assert_eq!(enforces("chrome (unconfined)"), Some(false));
        assert_eq!(enforces("unconfined"), None);
        assert_eq!(enforces(""), None);
    }

    #[test]
    fn a_profile_may_have_a_space_and_parentheses_in_its_name() {
        assert_eq!(
            Label::parse("my (old) app (enforce)"),
            Some(Label::AppArmor {
                profile: "my (old) app",
                enforces: true
            })
        );
    }

    #[test]
    fn the_type_of_a_context_is_its_domain() {
        let domain = |label| match Label::parse(label) {
            Some(Label::Selinux { domain }) => Some(domain),
            _ => None,
        };
        assert_eq!(
            domain("system_u:system_r:container_t:s0:c1,c2"),
            Some("container_t")
        );
        assert_eq!(domain("unconfined_u:unconfined_r:user_t"), Some("user_t"));
        assert_eq!(domain("_"), None);
        assert_eq!(domain("kernel"), None);
    }
}
