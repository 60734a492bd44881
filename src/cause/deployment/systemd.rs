//! A systemd service: settings of its unit (systemd.exec(5)).

use crate::change::Deployment;
use crate::facts::Unit;
use crate::quote;

/// Directories in which systemd creates one for the service's user at each start, with the setting.
const KEPT: &[(&[u8], &str)] = &[
    (b"/var/lib/", "StateDirectory"),
    (b"/var/log/", "LogsDirectory"),
    (b"/var/cache/", "CacheDirectory"),
    (b"/run/", "RuntimeDirectory"),
];

/// Whether systemd-run(1) chose the name, for a unit that is gone when its command ends.
fn is_of_one_run(unit: &str) -> bool {
    let chosen = unit
        .strip_prefix("run-")
        .and_then(|rest| rest.strip_suffix(".service"));
    let of_digits = |rest: &str| {
        rest.bytes()
            .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'i'))
    };
    chosen.is_some_and(|chosen| chosen.starts_with(['u', 'r', 'p']) && of_digits(&chosen[1..]))
}

pub(super) fn words(setting: &Deployment, unit: &Unit) -> Option<String> {
    let edit = match is_of_one_run(&unit.name) {
        true => "systemd-run -p".to_owned(),
        false => format!(
            "systemctl edit {}, [Service]",
            quote::shell(unit.name.as_bytes())
        ),
    };
    Some(match setting {
        Deployment::OwnDirectory(path) => {
            let (option, name) = KEPT.iter().find_map(|(top, option)| {
                let name = path.strip_prefix(*top)?;
                Some((option, name.split(|&byte| byte == b'/').next()?))
            })?;
            format!("for good: {edit} {option}={}", quote::shell(name))
        }
        Deployment::GroupAdd(gid) => format!("for good: {edit} SupplementaryGroups={gid}"),
        Deployment::AddCapability(capability) => format!(
            "{edit} AmbientCapabilities={} (and CapabilityBoundingSet=, where it is set)",
            capability.name()
        ),
        Deployment::WritablePlace(path) => format!(
            "let it write there: {edit} ReadWritePaths={} (or StateDirectory= for data of its own)",
            quote::shell(path)
        ),
        Deployment::Device(path) => format!("{edit} DeviceAllow={}", quote::shell(path)),
        Deployment::ListenOn(port) => {
            let unit = quote::shell(unit.name.as_bytes());
            format!(
                "a socket unit for {unit} that listens on {port} (systemd.socket(5)), or {edit} \
                 AmbientCapabilities=CAP_NET_BIND_SERVICE"
            )
        }
        Deployment::AllowCall => format!(
            "allow the system call: {edit} SystemCallFilter= (with the name that --trace shows)"
        ),
        Deployment::NewPrivileges => format!("{edit} NoNewPrivileges=no"),
        Deployment::HomeDirectory
        | Deployment::HostName
        | Deployment::RunAs { .. }
        | Deployment::Label(_)
        | Deployment::OwnerInImage(_)
        | Deployment::DirectoryInImage(_)
        | Deployment::ProgramInImage(_)
        | Deployment::OwnerOfVolume { .. }
        | Deployment::WritableMount(_)
        | Deployment::RunnableMount(_)
        | Deployment::Sysctl { .. }
        | Deployment::MappedOwner(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::is_of_one_run;

    #[test]
    fn a_unit_of_one_run_is_known_by_the_name_that_was_chosen_for_it() {
        assert!(
            is_of_one_run("run-u3.service")
                && is_of_one_run("run-r0f9a.service")
                && is_of_one_run("run-p12-i34.service")
        );
        assert!(
            !is_of_one_run("run-postgres.service")
                && !is_of_one_run("runner.service")
                && !is_of_one_run("run-x.mount")
        );
    }
}
