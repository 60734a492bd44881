//! What is said about the tracing itself.

use super::Traced;
use crate::run::trace::Remark;

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
        lines.extend(names(|remark| match remark { Remark::Privileges(name) => Some(name), _ => None }).map(|names| {
            format!("--trace: without effect while traced: set-user-ID, set-group-ID or file capabilities of {names}; run without --trace to learn why they fail")
        }));
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
}
