//! A text that a container wrote which only its name tells of: what the files beside the reader say of its volumes, and how it can be
//! looked at.

use super::Views;
use crate::attempt::{Errno, Incident, Operation};
use crate::byte_path;
use crate::programs::{self, ComposeService};
use crate::quote;
use crate::resolve::Circumstances;

/// The names of a Compose file, in the order in which Compose looks for them.
const FILES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

/// What can be said of the container with this name, as a sentence that follows another one; empty if nothing can.
pub(super) fn known_of(
    name: &str,
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> String {
    let path = incident.paths.first().filter(|path| path.starts_with(b"/"));
    let Some(path) = path else {
        return String::new();
    };
    match pod(name) {
        Some((pod, container)) => in_a_pod(pod, container, path, incident.errno),
        None => on_a_volume(name, path, incident, circumstances, views).unwrap_or_default(),
    }
}

/// What a Compose file beside the reader mounts at the path.
fn on_a_volume(
    name: &str,
    path: &[u8],
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Option<String> {
    let start = &circumstances.start;
    let mut files = FILES
        .iter()
        .map(|name| byte_path::join(start, name.as_bytes()));
    let (text, file) = files.find_map(|file| Some((views.script(&file)?, file)))?;
    let services = programs::compose_services(std::str::from_utf8(&text).ok()?);
    let service = services.iter().find(|service| is_of(name, service))?;
    let volume = service.volume_over(path)?;
    let is_path = volume.source.starts_with(['.', '/']) && !volume.source.contains('$');
    let rest = byte_path::below(path, volume.point.as_bytes())?;
    let told = format!(
        "; line {} of {} mounts {}{} at {}",
        volume.line,
        quote::display(byte_path::name(&file)),
        quote::display(volume.source.as_bytes()),
        if volume.read_only { " read-only" } else { "" },
        quote::display(volume.point.as_bytes()),
    );
    let is_numeric = |user: &&(String, usize)| {
        let mut parts = user.0.split(':');
        parts.all(|part| part.parse::<u32>().is_ok())
    };
    let source = byte_path::tidy(&byte_path::join(start, volume.source.as_bytes()));
    let here = [source.as_slice(), rest].concat();
    let (who, of_whom) = match service.user.as_ref().filter(is_numeric) {
        Some((user, line)) => (user.clone(), format!(" as line {line} has it")),
        None => (
            "UID:GID".to_owned(),
            " with the ids that it runs as".to_owned(),
        ),
    };
    let told_operation = incident.operations.first().map(Operation::name);
    let operation = told_operation.filter(|name| Operation::names().contains(name));
    let operation = operation.unwrap_or("OPERATION");
    Some(match is_path {
        true => format!(
            "{told}: `permwrap why {operation} {} --as {who}` judges it here,{of_whom}",
            quote::shell(&here)
        ),
        false => told,
    })
}

/// Whether a container of this service has the name, which ends with a number: `web-1`, `shop_web_1`.
fn is_of(name: &str, service: &ComposeService) -> bool {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let base = base.strip_suffix(['-', '_']).unwrap_or(name);
    let before = base.strip_suffix(service.name.as_str());
    before.is_some_and(|before| before.is_empty() || before.ends_with(['-', '_']))
}

/// The pod and the container that a prefix of `kubectl logs --prefix` names: `[pod/shop-1/web]`.
fn pod(name: &str) -> Option<(&str, &str)> {
    let inner = name.strip_prefix("[pod/")?.strip_suffix(']')?;
    inner.split_once('/')
}

/// How a pod shows what refused, and which of its settings decide.
fn in_a_pod(pod: &str, container: &str, path: &[u8], errno: Option<Errno>) -> String {
    let directory = byte_path::parent(path).unwrap_or(b"/");
    let settings = match errno {
        Some(Errno::RoFs) => {
            "a mount with readOnly or the container's readOnlyRootFilesystem refuses this: an emptyDir or a volume at that directory \
             is writable"
        }
        _ => {
            "securityContext's fsGroup gives a volume to the pod's group, runAsUser and runAsGroup choose who it is, and the image's \
             own files are given in the image"
        }
    };
    format!(
        "; `kubectl exec {} -c {} -- sh -c 'id; ls -ldn {}'` shows both; {settings}",
        quote::shell(pod.as_bytes()),
        quote::shell(container.as_bytes()),
        quote::display(directory)
    )
}
