//! The causes: one obstacle a file, with its evidence, its words, its candidate changes and its page.
#![forbid(unsafe_code)]

mod case;
mod denial;
mod elsewhere;
mod grant;
mod held;
mod lasting;
mod place;
mod sticky_leftover;

mod acl_denies;
mod acl_mask_denies;
mod apparmor_denies;
mod append_only_file;
mod chown_not_permitted;
mod dir_not_searchable;
mod fs_without_permissions;
mod fuse_other_user;
mod group_not_active;
mod immutable_file;
mod interpreter_denied;
mod landlock_denies;
mod locked_elsewhere;
mod missing_capability;
mod mode_denies;
mod never_permitted;
mod nfs_root_squash;
mod nodev_mount;
mod noexec_mount;
mod not_executable;
mod not_owner;
mod parent_not_writable;
mod privileged_port;
mod protected_fifo;
mod protected_hardlink;
mod protected_regular;
mod protected_symlink;
mod read_only_mount;
mod seccomp_denies;
mod selinux_denies;
mod sticky_directory;
mod sysctl_restricts;
mod unknown;
mod unmapped_owner;

pub use denial::{Certainty, Class, Denial, Obstacle, Rule};
pub use held::held;
pub use place::{Place, home_of, is_top, is_within, node_at, place};

use crate::attempt::Attempt;
use crate::change::Change;
use crate::facts::Facts;
use case::Case;

/// A refusal in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Who may not do what to which object: "alice may not pass through /srv/app".
    pub because: String,
    /// One full sentence in plain words.
    pub summary: String,
    /// What it follows from: how the object is listed, and the rule that applied.
    pub evidence: Vec<String>,
    /// The remark at the refusing rung of the path: "alice is neither deploy nor in group www: --- applies".
    pub mark: String,
}

/// Changes that might put one refusal right; whether they do is for the judge to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it does, as a request: "let alice pass through /srv/app".
    pub title: String,
    /// What it changes, in a few words: "lets alice pass through, not list". Empty where the title says it all.
    pub note: String,
    /// The changes, in the order in which they are to be made.
    pub changes: Vec<Change>,
    /// How well it fits there.
    pub fit: Fit,
}

/// How well a change fits the place, whomever it lets in. The better comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// What the place is meant for: the owner's own bits, a device's group, leftovers given back.
    Meant,
    /// Lets in the subject alone.
    Narrow,
    /// What is to be written down where the surroundings are described.
    Lasting,
    /// Lets in a group.
    Shared,
    /// Lets in everybody.
    Broad,
    /// Leaves the refusal as it is and goes around it.
    Around,
}

impl Candidate {
    fn new(fit: Fit, title: String, changes: impl Into<Vec<Change>>) -> Candidate {
        Candidate {
            title,
            note: String::new(),
            changes: changes.into(),
            fit,
        }
    }

    fn noting(self, note: impl Into<String>) -> Candidate {
        let note = note.into();
        Candidate { note, ..self }
    }

    /// What no command does.
    fn advice(title: impl Into<String>) -> Candidate {
        let title = title.into();
        Candidate::new(Fit::Around, title.clone(), [Change::Advice(title)])
    }
}

/// The words of a refusal.
#[must_use]
pub fn words(denial: &Denial, attempt: &Attempt, facts: &Facts) -> Words {
    denial.code.words(&Case {
        denial,
        attempt,
        facts,
    })
}

/// The changes that might put a refusal right, in no order.
#[must_use]
pub fn candidates(denial: &Denial, attempt: &Attempt, facts: &Facts) -> Vec<Candidate> {
    denial.code.candidates(&Case {
        denial,
        attempt,
        facts,
    })
}

macro_rules! codes {
    ($($variant:ident $module:ident $code:literal $because:literal,)*) => {
        /// What denies, by the name that scripts rely on. A name says the obstacle, never the remedy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Code { $($variant,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The fixed name: `dir-not-searchable`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// "Denies because ..." in one line.
            #[must_use]
            pub const fn because(self) -> &'static str {
                match self { $(Code::$variant => $because,)* }
            }

            /// The page that explains it, in Markdown.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Code::$variant => include_str!(concat!("cause/", $code, ".md")),)* }
            }

            fn words(self, case: &Case) -> Words {
                match self { $(Code::$variant => $module::words(case),)* }
            }

            fn candidates(self, case: &Case) -> Vec<Candidate> {
                match self { $(Code::$variant => $module::candidates(case),)* }
            }
        }
    };
}

codes! {
    DirNotSearchable dir_not_searchable "dir-not-searchable" "a directory on the way gives no search (x) permission",
    ModeDenies mode_denies "mode-denies" "the permission bits lack the needed r, w or x",
    AclDenies acl_denies "acl-denies" "a POSIX ACL entry lacks the bit",
    AclMaskDenies acl_mask_denies "acl-mask-denies" "the ACL entry grants the bit, the ACL's mask takes it away",
    ParentNotWritable parent_not_writable "parent-not-writable" "creating, deleting or renaming needs write on the parent directory",
    StickyDirectory sticky_directory "sticky-directory" "only the file's or the directory's owner may delete or rename there",
    NotOwner not_owner "not-owner" "only the owner may do this",
    ChownNotPermitted chown_not_permitted "chown-not-permitted" "only a privileged process may give a file away",
    NotExecutable not_executable "not-executable" "a file to be run has no execute bit for the subject",
    InterpreterDenied interpreter_denied "interpreter-denied" "the script's interpreter or the ELF loader is what cannot be run",
    GroupNotActive group_not_active "group-not-active" "the user is in the group that has access, this process is not",
    ReadOnlyMount read_only_mount "read-only-mount" "the mount is read-only",
    NoexecMount noexec_mount "noexec-mount" "the mount forbids running programs",
    NodevMount nodev_mount "nodev-mount" "the mount forbids opening device nodes",
    ImmutableFile immutable_file "immutable-file" "the inode has the immutable flag",
    AppendOnlyFile append_only_file "append-only-file" "the inode has the append-only flag",
    MissingCapability missing_capability "missing-capability" "the operation needs a capability that the process lacks",
    UnmappedOwner unmapped_owner "unmapped-owner" "the owner does not exist in this user namespace",
    ProtectedRegular protected_regular "protected-regular" "the fs.protected_regular hardening",
    ProtectedFifo protected_fifo "protected-fifo" "the fs.protected_fifos hardening",
    ProtectedHardlink protected_hardlink "protected-hardlink" "the fs.protected_hardlinks hardening",
    ProtectedSymlink protected_symlink "protected-symlink" "the fs.protected_symlinks hardening",
    PrivilegedPort privileged_port "privileged-port" "a port below net.ipv4.ip_unprivileged_port_start",
    LandlockDenies landlock_denies "landlock-denies" "a Landlock sandbox of the process",
    SeccompDenies seccomp_denies "seccomp-denies" "a seccomp filter of the process",
    SelinuxDenies selinux_denies "selinux-denies" "the SELinux policy",
    ApparmorDenies apparmor_denies "apparmor-denies" "an AppArmor profile",
    FuseOtherUser fuse_other_user "fuse-other-user" "a FUSE mount of another user without allow_other",
    NfsRootSquash nfs_root_squash "nfs-root-squash" "root on this machine is nobody on the NFS server",
    FsWithoutPermissions fs_without_permissions "fs-without-permissions" "the file system keeps no Unix owners; mount options or the host decide",
    SysctlRestricts sysctl_restricts "sysctl-restricts" "another kernel setting",
    LockedElsewhere locked_elsewhere "locked-elsewhere" "another process holds the file",
    NeverPermitted never_permitted "never-permitted" "no subject may do this here",
    Unknown unknown "unknown" "a denial that none of the others explains",
}

impl Code {
    /// The code of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.name() == name)
    }
}
