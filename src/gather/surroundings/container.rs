//! Recognizes a container, and its kind, from inside.

use std::path::Path;

use crate::gather::View;
use crate::small_file;

/// The signs of a container that are visible from inside.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Whether it lives in the initial namespaces. Files left by an engine then come from an image that the root file system
    /// was made from.
    machine: bool,
    /// Whether files exist that container engines leave at fixed paths.
    dockerenv: bool,
    containerenv: bool,
    kubernetes: bool,
    /// `/.flatpak-info`: what a flatpak is told about itself; `None` outside of one.
    flatpak: Option<String>,
    /// `/run/systemd/container`: the kind, as written by container managers that follow systemd's interface.
    systemd: String,
    /// `/proc/PID/cgroup`.
    cgroup: String,
}

impl Signs {
    pub(super) fn read(view: &View, root: &Path, cgroup: String) -> Signs {
        let exists = |name: &str| root.join(name).symlink_metadata().is_ok();
        let text = |name: &str| small_file::read(&root.join(name)).unwrap_or_default();
        Signs {
            machine: view.is_on_the_machine(),
            dockerenv: exists(".dockerenv"),
            containerenv: exists("run/.containerenv"),
            flatpak: exists(".flatpak-info").then(|| text(".flatpak-info")),
            // The kubelet writes a pod's /etc/hosts, even if it has no service account there.
            kubernetes: exists("var/run/secrets/kubernetes.io")
                || exists("run/secrets/kubernetes.io")
                || text("etc/hosts").starts_with("# Kubernetes-managed hosts file"),
            systemd: text("run/systemd/container").trim().to_owned(),
            cgroup,
        }
    }
}

/// The kind of the container of a process with this AppArmor or SELinux label; of nested ones, the outermost tool, which is the
/// one that users operate.
pub(super) fn kind<'s>(signs: &'s Signs, label: &str) -> Option<&'s str> {
    let cgroup = |word: &str| signs.cgroup.contains(word);
    match () {
        () if signs.kubernetes || cgroup("kubepods") => Some("kubernetes"),
        () if signs.flatpak.is_some() => Some("flatpak"),
        () if label.starts_with("snap.") || cgroup("/snap.") => Some("snap"),
        () if (signs.containerenv && !signs.machine) || cgroup("libpod") => Some("podman"),
        () if signs.dockerenv && !signs.machine => Some("docker"),
        () if cgroup("/docker/") || cgroup("/docker-") => Some("docker"),
        () if signs.systemd == "wsl" => None,
        () if !signs.systemd.is_empty() => Some(&signs.systemd),
        () if cgroup("/lxc/") || cgroup("/lxc.payload") => Some("lxc"),
        () if cgroup("/machine.slice/systemd-nspawn") => Some("systemd-nspawn"),
        () if cgroup("/cri-containerd-") || cgroup("/crio-") => Some(""),
        () => None,
    }
}

/// The name of the snap (from the label `snap.NAME.PROGRAM`, or from control groups named alike) or of the flatpak.
pub(super) fn application(signs: &Signs, label: &str, kind: &str) -> String {
    let of_snap = |text: &str| {
        let (_, rest) = text.split_once("snap.")?;
        Some(rest.split('.').next()?.to_owned())
    };
    let name = match kind {
        "snap" => of_snap(label).or_else(|| of_snap(&signs.cgroup)),
        "flatpak" => {
            let mut lines = signs.flatpak.iter().flat_map(|text| text.lines());
            lines.find_map(|line| line.strip_prefix("name=").map(str::to_owned))
        }
        _ => None,
    };
    name.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_known_by_its_label_or_by_what_it_is_told() {
        let label = "snap.code.code (enforce)";
        assert_eq!(kind(&Signs::default(), label), Some("snap"));
        assert_eq!(application(&Signs::default(), label, "snap"), "code");
        let flatpak = Signs {
            flatpak: Some("[Application]\nname=org.gimp.GIMP\nruntime=x\n".to_owned()),
            ..Signs::default()
        };
        assert_eq!(kind(&flatpak, ""), Some("flatpak"));
        assert_eq!(application(&flatpak, "", "flatpak"), "org.gimp.GIMP");
    }

    #[test]
    fn containers_are_known_by_what_their_engines_leave() {
        let none = Signs::default;
        let cases = [
            (
                Signs {
                    dockerenv: true,
                    ..none()
                },
                Some("docker"),
            ),
            (
                Signs {
                    dockerenv: true,
                    machine: true,
                    ..none()
                },
                None,
            ),
            (
                Signs {
                    containerenv: true,
                    ..none()
                },
                Some("podman"),
            ),
            (
                Signs {
                    containerenv: true,
                    kubernetes: true,
                    ..none()
                },
                Some("kubernetes"),
            ),
            (
                Signs {
                    cgroup: "0::/kubepods.slice/x".to_owned(),
                    ..none()
                },
                Some("kubernetes"),
            ),
            (
                Signs {
                    cgroup: "0::/system.slice/docker-0123.scope".to_owned(),
                    ..none()
                },
                Some("docker"),
            ),
            (
                Signs {
                    cgroup: "0::/system.slice/docker.service".to_owned(),
                    ..none()
                },
                None,
            ),
            (
                Signs {
                    systemd: "lxc".to_owned(),
                    ..none()
                },
                Some("lxc"),
            ),
            (
                Signs {
                    systemd: "wsl".to_owned(),
                    ..none()
                },
                None,
            ),
            (
                Signs {
                    flatpak: Some(String::new()),
                    ..none()
                },
                Some("flatpak"),
            ),
            (none(), None),
        ];
        for (signs, expected) in cases {
            assert_eq!(kind(&signs, ""), expected, "{signs:?}");
        }
    }
}
