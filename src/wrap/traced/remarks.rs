//! What is said about the tracing itself.

use super::Traced;
use crate::gather;
use crate::run::trace::{FilePrivileges, Remark};

impl Traced {
    /// Remarks about the tracing itself, one per line.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let names = |of: fn(&Remark) -> Option<&[u8]>| {
            let names: Vec<String> = self
                .calls
                .remarks
                .iter()
                .filter_map(of)
                .map(crate::quote::display)
                .collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let mut lines: Vec<String> = Vec::new();
        if !self.calls.is_settled() {
            lines.push("--trace: the tracer was killed: what it traced goes on, but the kernel answers calls that it watched with ENOSYS".to_owned());
        }
        for remark in &self.calls.remarks {
            if let Remark::NotTraced(errno) = remark {
                let why = std::io::Error::from_raw_os_error(*errno);
                lines.push(format!(
                    "--trace was not possible: {why}; the command ran without it"
                ));
            }
        }
        lines.extend(self.lost_privileges());
        lines.extend(names(|remark| match remark { Remark::Tracer(name) => Some(name), _ => None }).map(|names| {
            format!("--trace: {names} could not trace: every process here is traced by permwrap already, and can have one tracer")
        }));
        lines.extend(
            names(|remark| match remark {
                Remark::Ring(name) => Some(name),
                _ => None,
            })
            .map(|names| format!("--trace: {names} used io_uring, whose operations are not seen")),
        );
        let dropped = self.calls.dropped();
        if dropped > 0 {
            lines.push(format!(
                "--trace: there was no room for {dropped} more refused calls"
            ));
        }
        lines
    }

    /// The privileges that programs did not get from their files because they were traced.
    fn lost_privileges(&self) -> Option<String> {
        let remarks = self.calls.remarks.iter();
        let lost: Vec<String> = remarks
            .filter_map(|remark| match remark {
                Remark::Privileges(program, given) => Some(lost(program, *given)),
                _ => None,
            })
            .flatten()
            .collect();
        (!lost.is_empty()).then(|| {
            format!(
                "--trace: without effect while traced: {}; run without --trace to learn why they fail",
                lost.join(", ")
            )
        })
    }
}

/// What this program did not get from its file.
fn lost(program: &[u8], given: FilePrivileges) -> impl Iterator<Item = String> {
    let program = crate::quote::display(program);
    let user = given.user.map(gather::user_name);
    let group = given.group.map(gather::group_name);
    [
        user.map(|user| format!("set-user-ID {user}")),
        group.map(|group| format!("set-group-ID {group}")),
        given
            .capabilities
            .then(|| "the file capabilities".to_owned()),
    ]
    .into_iter()
    .flatten()
    .map(move |what| format!("{what} of {program}"))
}
