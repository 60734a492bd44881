//! The systemd service that a process belongs to, by its control group.

use crate::facts::Unit;

/// Services that start sessions and jobs of users. To have been started by one of them says nothing about the command.
const SESSIONS: [&str; 12] = [
    "anacron",
    "atd",
    "containerd",
    "cron",
    "crond",
    "dbus",
    "docker",
    "getty@",
    "serial-getty@",
    "ssh",
    "sshd",
    "user@",
];

/// The service that the process belongs to, by its control group (systemd.slice(5)): `/system.slice/app.service` or, in a
/// user's own manager, `/user.slice/user-1000.slice/user@1000.service/app.slice/app.service`.
pub(super) fn unit(cgroup: &str) -> Option<Unit> {
    let path = cgroup.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        matches!(controllers, "" | "name=systemd").then_some(path)
    })?;
    let mut user = false;
    let mut unit = None;
    for part in path.split('/') {
        user |= part.starts_with("user@") && part.ends_with(".service");
        // A scope holds processes that were not started by systemd: a session, a terminal.
        let ends = [".service", ".scope"].iter().any(|end| part.ends_with(end));
        if ends {
            unit = part.strip_suffix(".service").map(|name| (part, name));
        }
    }
    let (name, stem) = unit?;
    let is_session = SESSIONS.iter().any(|session| match session.ends_with('@') {
        true => stem.starts_with(session),
        false => stem == *session,
    });
    // Desktops name the unit of a program that they start after the program, which may be a terminal.
    let is_program = user && stem.starts_with("app-");
    (!is_session && !is_program).then(|| Unit {
        name: name.to_owned(),
        user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, user: bool) -> Option<Unit> {
        Some(Unit {
            name: name.to_owned(),
            user,
        })
    }

    #[test]
    fn a_service_is_known_by_its_control_group() {
        assert_eq!(
            unit("0::/system.slice/app.service\n"),
            service("app.service", false)
        );
        assert_eq!(
            unit(
                "12:pids:/x.service\n1:name=systemd:/system.slice/system-web.slice/web@1.service\n"
            ),
            service("web@1.service", false)
        );
        assert_eq!(
            unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service\n"),
            service("sync.service", true)
        );
        // A service with delegation creates control groups below its own.
        assert_eq!(
            unit("0::/system.slice/app.service/worker"),
            service("app.service", false)
        );
    }

    #[test]
    fn a_login_is_no_service() {
        for cgroup in [
            "0::/user.slice/user-1000.slice/session-3.scope\n",
            "0::/user.slice/user-1000.slice/user@1000.service/init.scope",
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope",
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.service",
            "0::/system.slice/ssh.service",
            "0::/system.slice/system-getty.slice/getty@tty1.service",
            "0::/system.slice/cron.service",
            "0::/",
            "",
        ] {
            assert_eq!(unit(cgroup), None, "{cgroup}");
        }
    }
}
