//! The causes: each obstacle has a file with its evidence, wording, candidate changes and page.
#![forbid(unsafe_code)]

mod case;
mod deleted_tree;
mod deployment;
mod elsewhere;
mod give_back;
mod grant;
mod groups;
mod needed_next;
mod purpose;
mod standard_device;
mod sticky_leftover;

mod acl_denies;
mod acl_mask_denies;
mod apparmor_denies;
mod append_only_file;
mod chown_not_permitted;
mod device_cgroup_denies;
mod dir_not_searchable;
mod fs_without_permissions;
mod fuse_other_user;
mod group_not_active;
mod immutable_file;
mod interpreter_denied;
mod kernel_setting;
mod landlock_denies;
mod lockdown_denies;
mod locked_elsewhere;
mod missing_capability;
mod mode_denies;
mod never_permitted;
mod nfs_root_squash;
mod no_new_privileges;
mod nodev_mount;
mod noexec_mount;
mod not_executable;
mod not_owner;
mod parent_not_writable;
mod privileged_port;
mod program_policy;
mod protected_fifo;
mod protected_hardlink;
mod protected_regular;
mod protected_symlink;
mod read_only_mount;
mod seccomp_denies;
mod selinux_denies;
mod server_denies;
mod sticky_directory;
mod sysctl_restricts;
mod unknown;
mod unmapped_owner;

pub use crate::byte_path::is_within;
pub use crate::denial::{Certainty, Class, Code, Denial, Obstacle, Rule};
pub use crate::judge::held;
pub use groups::{Power, is_powerful, power_of};
pub use purpose::{
    PEOPLE, Purpose, home_of, is_a_services_group, is_named_after_a_member, is_private_group,
    is_top, node_at, purpose, service_directory,
};
pub use read_only_mount::is_refused_once_writable;
pub use standard_device::is_standard;

use crate::attempt::Attempt;
use crate::change::{Change, Place};
use crate::denial::with_codes;
use crate::facts::Facts;
use case::Case;

/// The wording of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Who may not do what to which object: "alice may not pass through /srv/app".
    pub because: String,
    /// A complete sentence in plain words.
    pub summary: String,
    /// The evidence: the listing of the object, and the rule that applied.
    pub evidence: Vec<String>,
    /// The remark beside the refusing component of the path: "alice is neither deploy nor in group www: --- applies".
    pub mark: String,
}

/// Changes that may resolve a refusal. Whether they do is decided by judging again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it does, in the imperative: "let alice pass through /srv/app".
    pub title: String,
    /// What it changes, in a few words: "lets alice pass through, not list". Empty if the title is sufficient.
    pub note: String,
    /// The changes, in the order in which they are to be made.
    pub changes: Vec<Change>,
    /// How well it suits the place.
    pub fit: Fit,
    /// Where it is to be made.
    pub place: Place,
}

/// How well a change suits the place, regardless of who gains access; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// Uses the place as intended: the owner's own bits, a device's group, leftovers given back.
    Meant,
    /// Lets in the subject alone.
    Narrow,
    /// A setting where the environment is configured.
    Lasting,
    /// Lets in a group.
    Shared,
    /// Lets in everybody.
    Broad,
    /// Leaves the refusal in place and works around it.
    Around,
}

impl Candidate {
    fn new(fit: Fit, title: String, changes: impl Into<Vec<Change>>) -> Candidate {
        Candidate {
            title,
            note: String::new(),
            changes: changes.into(),
            fit,
            place: Place::Here,
        }
    }

    fn noting(self, note: impl Into<String>) -> Candidate {
        let note = note.into();
        Candidate { note, ..self }
    }

    fn at(self, place: Place) -> Candidate {
        Candidate { place, ..self }
    }

    /// A candidate that consists of words only.
    fn advice(title: impl Into<String>) -> Candidate {
        let title = title.into();
        Candidate::new(Fit::Around, title.clone(), [Change::Advice(title)])
    }
}

/// The wording of a refusal.
#[must_use]
pub fn words(denial: &Denial, attempt: &Attempt, facts: &Facts) -> Words {
    denial.code.words(&Case {
        denial,
        attempt,
        facts,
    })
}

/// What to do if nothing else is known to help.
pub const LEAVE_IT: &str =
    "leave this to the administrator, or to a system program that is made for it";

/// The changes that may resolve a refusal, in no particular order.
#[must_use]
pub fn candidates(denial: &Denial, attempt: &Attempt, facts: &Facts) -> Vec<Candidate> {
    let case = Case {
        denial,
        attempt,
        facts,
    };
    denial.code.candidates(&case)
}

/// The change that restores the privileges that no_new_privs takes from the refused command, if that is a set-user-ID program.
#[must_use]
pub fn without_effect(denial: &Denial, attempt: &Attempt, facts: &Facts) -> Option<Candidate> {
    no_new_privileges::in_vain(&Case {
        denial,
        attempt,
        facts,
    })
}

macro_rules! dispatch {
    ($($variant:ident $module:ident $code:literal $because:literal,)*) => {
        impl Code {
            /// The page that explains the cause, in Markdown.
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

with_codes!(dispatch);
