//! Why a change must never be suggested, and what to do instead.

/// Why a change must never be suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Never {
    /// What everybody can write, anybody can replace.
    WritableByAll,
    /// A home directory is opened to particular users, never to everybody.
    OpenHome,
    /// `/root` and its content belong to root.
    RootsHome,
    /// No recursive change of a directory that does not belong to the subject.
    ForeignTree,
    /// The owner of a directory in which everybody may create files may delete any of them, so its owner remains.
    Shared,
    /// Keys, password hashes, raw disks, and rights to become root.
    Secret,
    /// A disk or another block device, which holds everybody's files.
    Disk,
    /// A set-user-ID program, or one that the subject is not meant to run.
    Program,
    /// System directories are managed by the package manager.
    System,
    /// A group whose members are equivalent to root.
    PowerfulGroup,
    /// A file with further hard links, which would be affected as well.
    OtherNames,
    /// A setting or module that protects the system.
    Protection,
    /// A shell or an interpreter, which can execute anything.
    AnyCommand,
    /// A mount whose options protect the system.
    SystemMount,
    /// The path leads through a symlink that belongs to neither root nor the subject.
    ForeignLink,
    /// It is on a read-only mount, where neither mode nor owner can be changed.
    ReadOnly,
    /// Its owner or group has no mapping in the user namespace, so that nobody in there can change it.
    Unmapped,
    /// Whoever can write to the top directory of a project can replace everything that is run there.
    Project,
    /// Others could replace the object before root changes it.
    Swapped,
    /// Others could replace a file that the command names, or the recipe that it follows, before root runs it.
    Swappable,
    /// Something that root or a service has deliberately closed to others, in a system directory.
    Closed,
    /// A directory of root's in which others keep something that whoever can write there could delete or replace.
    Peopled,
    /// Something that its owner keeps private, wherever it is, or another person's object that would be removed.
    Private,
    /// Data that root keeps to itself: swap, snapshots, backups, keys.
    KeptByRoot,
    /// Something in the subject's own place that is another person's. It may be the subject's all the same, or have been moved there.
    Mislaid,
    /// A device or a socket, which is opened to a group rather than by an ACL entry that the next start would remove.
    Special,
    /// It is bind-mounted in the subject's own location, and belongs to another user elsewhere.
    MountedThere,
    /// It determines who may become root.
    Authority,
    /// A setting of the kernel that names a program which the kernel runs as root.
    RunByKernel,
    /// It cannot be taken back, or gives somebody the rights of root: the reason, as a clause.
    Grave(&'static str),
    /// Others execute it, or what is in it, so that whoever can write to it can act as them.
    RunByOthers,
    /// Root has marked its own object as immutable or append-only, which nobody else can do.
    Marked,
    /// The subject is permitted less than everybody else, so somebody meant to keep it out.
    ShutOut,
}

impl Never {
    /// What to do instead, if no fix is offered. `owner` is the name of the path's owner, if it is known.
    pub fn advice(self, path: &str, owner: Option<&str>) -> Option<String> {
        Some(match self {
            Never::Secret => format!(
                "{path} is a secret of the system and stays closed: run what needs it as the user it is meant for"
            ),
            Never::Disk => format!(
                "{path} is a whole disk: whoever can read or write it has every file on it, so it stays closed"
            ),
            Never::Program => {
                format!("{path} is kept for those who may run it: ask the administrator")
            }
            Never::RootsHome | Never::OpenHome => {
                format!(
                    "{path} stays closed, unless its owner shares it: put what others need somewhere else, such as /srv or /opt"
                )
            }
            Never::System => format!(
                "{path} is the system's: use a directory of your own, or leave it to the administrator"
            ),
            Never::Closed => format!(
                "{path} is closed on purpose: run what needs it as the user it is meant for"
            ),
            Never::KeptByRoot => format!(
                "root keeps {path} to itself; only if this user is meant to have it, root lets them in"
            ),
            Never::Mislaid => format!(
                "{path} belongs to {}, among this user's own files: only if that is a mistake, root gives it back (chown) after a look at it",
                owner.unwrap_or("somebody else")
            ),
            Never::Peopled => format!(
                "others keep something in {path}, which whoever can write there could delete: let root make a directory for this user in it"
            ),
            Never::Special => format!(
                "{path} is for root and its service: ask the administrator for a group that may use it"
            ),
            Never::MountedThere => format!(
                "{path} is only mounted there, and belongs elsewhere: change it where it comes from"
            ),
            Never::RunByKernel => format!("{path} names what the kernel runs as root: leave it to the administrator"),
            Never::RunByOthers => format!(
                "whoever can write to {path} decides what others run: use a directory of your own, or ask its owner"
            ),
            Never::Marked => format!(
                "root has locked {path} on purpose (chattr), which nobody else can do: ask the administrator"
            ),
            Never::ShutOut => format!(
                "{path} permits everybody else more than this user, which must be intended: only whoever set it can lift it"
            ),
            Never::Grave(because) => {
                format!("run it as root only if you are sure: {because}")
            }
            Never::Authority => format!(
                "{path} decides who may become root: change it with its own tool (visudo, vipw, usermod)"
            ),
            Never::ReadOnly => format!(
                "{path} lies on a read-only mount, where no mode or owner can be changed: change it where the data comes from"
            ),
            Never::Unmapped => format!(
                "{path} belongs to a user of the host who does not exist in here: it can only be changed from outside"
            ),
            Never::Project => format!(
                "put what is written there in its own directory below {path}, and open that: whoever can write to {path} itself can \
                 replace the program"
            ),
            Never::ForeignLink => format!(
                "the way to {path} leads through another user's symlink, which can be redirected at any time: name the object itself"
            ),
            Never::Private
            | Never::ForeignTree
            | Never::OtherNames
            | Never::Shared
            | Never::WritableByAll => match owner {
                Some("root") => format!("ask the administrator: {path} belongs to root"),
                Some(owner) => format!("ask {owner}, who owns {path}"),
                None => format!("ask the owner of {path}"),
            },
            Never::Swappable => "others could replace what root would read then: copy it to a directory of your own, and run it as root from there"
                .to_owned(),
            Never::Swapped
            | Never::PowerfulGroup
            | Never::AnyCommand
            | Never::Protection
            | Never::SystemMount => {
                return None;
            }
        })
    }
}
