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

pub(super) fn words(setting: &Deployment, unit: &Unit) -> Option<String> {
    let edit = format!(
        "systemctl edit {}, [Service]",
        quote::shell(unit.name.as_bytes())
    );
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
        | Deployment::RunAs { .. }
        | Deployment::Label(_)
        | Deployment::OwnerInImage(_)
        | Deployment::OwnerOfVolume { .. }
        | Deployment::WritableMount(_)
        | Deployment::Sysctl { .. }
        | Deployment::MappedOwner(_) => return None,
    })
}
