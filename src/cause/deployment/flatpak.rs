//! Flatpak: permissions that let an application out of its sandbox (flatpak-override(1)).

use crate::change::Deployment;
use crate::quote;

pub(super) fn words(setting: &Deployment) -> Option<String> {
    match setting {
        Deployment::WritablePlace(path) => Some(format!(
            "let the application in there: flatpak override --user --filesystem={} APPLICATION",
            quote::shell(path)
        )),
        Deployment::Device(_) => Some(
            "let the application use devices: flatpak override --user --device=all APPLICATION"
                .to_owned(),
        ),
        _ => None,
    }
}
