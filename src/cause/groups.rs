//! Groups whose members can do more than their own files tell: a fact that both the offers and what forbids them rely on.

/// What membership in a group implies beyond access to the object that it is joined for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Its members can become root, or can read and change what is reserved for root.
    Root,
    /// As good as root as well; but its only purpose is access to a socket. Users of the socket join it, and are told.
    RootBySocket,
    /// Its members can see, or listen to, what is somebody else's: in words.
    Sees(&'static str),
}

/// What membership in the group implies, if it is one of the groups that distributions know by name.
#[must_use]
pub fn power_of(group: &str) -> Option<Power> {
    let (_, power) = GROUPS.iter().find(|(names, _)| names.contains(&group))?;
    Some(*power)
}

/// Whether the members of the group are equivalent to root.
#[must_use]
pub fn is_powerful(group: &str) -> bool {
    matches!(power_of(group), Some(Power::Root | Power::RootBySocket))
}

impl Power {
    /// What whoever joins the group should know; `None` for groups that are never offered.
    #[must_use]
    pub fn remark(self) -> Option<&'static str> {
        match self {
            Power::Root => None,
            Power::RootBySocket => Some("whoever may use this socket is as good as root"),
            Power::Sees(remark) => Some(remark),
        }
    }
}

const GROUPS: &[(&[&str], Power)] = &[
    (
        &[
            "_ssh", "admin", "backup", "bin", "crontab", "daemon", "disk", "kmem", "lpadmin",
            "mail", "nobody", "nogroup", "operator", "polkitd", "postdrop", "root", "sasl",
            "shadow", "ssh", "ssl-cert", "staff", "sudo", "sys", "tty", "utmp", "wheel",
        ],
        Power::Root,
    ),
    (
        &["docker", "incus", "incus-admin", "libvirt", "lxd", "podman"],
        Power::RootBySocket,
    ),
    (
        &["input"],
        Power::Sees("its members can see every key typed on this machine"),
    ),
    (
        &["adm", "systemd-journal"],
        Power::Sees("its members can read all logs of this machine"),
    ),
    (
        &["audio", "video"],
        Power::Sees("its members can use microphones and cameras at any time"),
    ),
    (
        &["tape"],
        Power::Sees("its members can read everybody's data"),
    ),
    (
        &["wireshark"],
        Power::Sees("its members can see all network traffic of this machine"),
    ),
];
