//! Flatpak: permissions that let an application out of its sandbox (flatpak-override(1)).

use super::point;
use crate::cause::case::Case;
use crate::change::Deployment;
use crate::quote;

pub(super) fn words(case: &Case, setting: &Deployment, application: &str) -> Option<String> {
    let application = match application {
        "" => "APPLICATION".to_owned(),
        name => quote::shell(name.as_bytes()),
    };
    let opens = |path: String| {
        format!(
            "let the application in there: flatpak override --user --filesystem={path} {application}"
        )
    };
    match setting {
        Deployment::WritablePlace(path) => Some(opens(quote::shell(path))),
        Deployment::WritableMount(mount) => Some(opens(point(case, *mount))),
        Deployment::Device(_) => Some(format!(
            "let the application use devices: flatpak override --user --device=all {application}"
        )),
        _ => None,
    }
}
