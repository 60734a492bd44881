//! Snap: interfaces that let an application out of its confinement (snap-connect(1), snapcraft.io/docs/supported-interfaces).

use crate::byte_path::is_within;
use crate::change::Deployment;
use crate::quote;

/// Interfaces, each with the beginnings of the paths that it opens.
const INTERFACES: &[(&str, &[&[u8]])] = &[
    ("removable-media", &[b"/media", b"/mnt", b"/run/media"]),
    ("camera", &[b"/dev/video"]),
    ("joystick", &[b"/dev/input/js"]),
    ("raw-usb", &[b"/dev/bus/usb"]),
    (
        "serial-port",
        &[b"/dev/ttyACM", b"/dev/ttyS", b"/dev/ttyUSB"],
    ),
    ("kvm", &[b"/dev/kvm"]),
    ("docker", &[b"/run/docker.sock", b"/var/run/docker.sock"]),
    ("log-observe", &[b"/var/log"]),
];

pub(super) fn words(setting: &Deployment, application: &str) -> Option<String> {
    match setting {
        Deployment::WritablePlace(path) | Deployment::Device(path) => {
            Some(opens(path, None, application))
        }
        _ => None,
    }
}

/// How the application is let at a path, given the home directory of its user.
pub(in crate::cause) fn opens(path: &[u8], home: Option<&[u8]>, application: &str) -> String {
    let application = match application {
        "" => "APPLICATION".to_owned(),
        name => quote::shell(name.as_bytes()),
    };
    let begins = |begin: &&[u8]| path.starts_with(begin);
    let known = INTERFACES
        .iter()
        .find(|(_, begins_with)| begins_with.iter().any(begins));
    let in_home = home.and_then(|home| is_within(path, home).then(|| &path[home.len()..]));
    // The interface for the home leaves out what is hidden.
    let interface = match (known, in_home) {
        (Some((interface, _)), _) => Some(*interface),
        (None, Some(rest)) if rest.starts_with(b"/.ssh") => Some("ssh-keys"),
        (None, Some(rest)) if !rest.starts_with(b"/.") => Some("home"),
        _ => None,
    };
    match interface {
        Some(interface) => format!(
            "give the snap access: sudo snap connect {application}:{interface} (snap connections {application} shows whether it asks for that)"
        ),
        None => format!(
            "no interface of snaps opens {}: keep it in ~/snap/{application}/common",
            quote::display(path)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::opens;

    #[test]
    fn an_interface_opens_what_it_is_named_after() {
        let of = |path: &str| opens(path.as_bytes(), Some(b"/home/a"), "code");
        assert!(of("/media/usb/f").contains("sudo snap connect code:removable-media"));
        assert!(of("/home/a/f").contains("code:home "));
        assert!(of("/home/a/.ssh/id").contains("code:ssh-keys"));
        assert!(of("/home/a/.config/f").contains("~/snap/code/common"));
        assert!(of("/dev/ttyUSB0").contains("code:serial-port"));
        assert!(of("/srv/f").contains("no interface"));
    }
}
