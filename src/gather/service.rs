//! A systemd service as a subject: its credentials, and what its sandbox withholds from it (systemd.exec(5)).
//!
//! A running service is represented by its main process. A service that does not run is read from its unit file
//! and drop-ins; paths are then judged by what these say, since there are no mounts to inspect.

mod call_filter;
mod further;
mod main_process;
mod settings;

use crate::attempt::{Capability, Object, Operation, Subject};
use crate::byte_path;
use crate::quote;
use further::Further;
use settings::Settings;

/// A systemd service.
#[derive(Debug, Clone)]
pub struct Service {
    /// The unit's name: `nginx.service`.
    pub unit: String,
    /// Its main process, if it is running.
    pub pid: Option<i32>,
    /// Its credentials.
    pub subject: Subject,
    /// Its working directory.
    pub directory: Vec<u8>,
    /// What its unit file withholds; empty if it is running, because then its actual mounts are inspected.
    places: Vec<Place>,
    /// Other settings of its unit file that may forbid something; if the service is running, those that its process does not
    /// show.
    further: Vec<Further>,
}

/// A path that a setting changes for the service.
#[derive(Debug, Clone)]
struct Place {
    path: String,
    state: PlaceState,
    /// The setting, as written in the unit file.
    setting: String,
}

/// What is mounted for a service when it is started.
#[derive(Debug, Clone)]
pub struct Cover {
    /// Where.
    pub point: Vec<u8>,
    /// The setting and the unit that it belongs to, in words.
    pub setting: Vec<u8>,
    /// Whether it is an object without any rights, rather than the same one read-only.
    pub is_closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceState {
    Writable,
    ReadOnly,
    Inaccessible,
    /// The service has a directory of its own in its place.
    Private,
}

/// The service with this name, with or without `.service`.
///
/// # Errors
/// A message of one line, if there is no such unit or its user cannot be determined.
pub fn service(name: &str) -> Result<Service, String> {
    let unit = match name.contains('.') {
        true => name.to_owned(),
        false => format!("{name}.service"),
    };
    if unit.contains('/') {
        return Err(format!("{name:?} is no name of a unit"));
    }
    let settings = Settings::of(&unit)?;
    let directory = settings.last("WorkingDirectory").unwrap_or("/");
    let directory = directory.trim_start_matches('-').as_bytes().to_vec();
    if let Some(pid) = main_process::of(&unit, &settings)
        && let Ok(subject) = super::subject(pid)
    {
        return Ok(Service {
            directory: super::working_directory(pid).unwrap_or(directory),
            pid: Some(pid),
            unit,
            subject,
            places: Vec::new(),
            further: further::hidden(&settings),
        });
    }
    Ok(Service {
        subject: settings.subject(&unit)?,
        places: settings.places(),
        further: further::all(&settings),
        pid: None,
        unit,
        directory,
    })
}

impl Service {
    /// A sentence about a setting of the unit file whose effect is not determined in detail, and which may forbid the
    /// operation.
    #[must_use]
    pub fn may_forbid(&self, object: &Object, operation: &Operation) -> Option<String> {
        let mut all = self.further.iter();
        let further = all.find(|further| further.may_forbid(object, operation))?;
        let (setting, unit) = (further.setting, &self.unit);
        Some(match self.pid {
            Some(_) => format!(
                "{setting}= of {unit} may decide otherwise, which the running service does not show"
            ),
            None => format!(
                "{setting}= of {unit} may decide otherwise, and {unit} does not run: start it, and ask again"
            ),
        })
    }

    /// Whether the service has a directory or tree of its own at this path, so that what exists here reveals nothing about it.
    #[must_use]
    pub fn has_its_own(&self, path: &[u8]) -> bool {
        let is_private = |place: &Place| place.state == PlaceState::Private;
        self.met(path).is_some_and(is_private) || self.further.iter().any(Further::is_another_tree)
    }

    /// What the unit file puts over the path, if this refuses the operation.
    #[must_use]
    pub fn cover(&self, path: &[u8], operation: &Operation) -> Option<Cover> {
        let place = self.met(path)?;
        let is_closed = place.state == PlaceState::Inaccessible;
        let is_refused = match place.state {
            PlaceState::Inaccessible => !self.sees_closed(place, path, operation),
            PlaceState::ReadOnly => writes(operation),
            PlaceState::Writable | PlaceState::Private => false,
        };
        is_refused.then(|| Cover {
            point: place.path.clone().into_bytes(),
            setting: format!("{} of {}", place.setting, self.unit).into_bytes(),
            is_closed,
        })
    }

    /// The innermost place that contains the path, whose mount is the one that applies.
    fn met(&self, path: &[u8]) -> Option<&Place> {
        let inside = |place: &&Place| byte_path::is_within(path, place.path.as_bytes());
        let met = self.places.iter().filter(inside);
        met.max_by_key(|place| place.path.len())
    }

    /// Whether the operation only looks at what is mounted over an inaccessible place: it has no permissions, and no content.
    fn sees_closed(&self, place: &Place, path: &[u8], operation: &Operation) -> bool {
        let overrides = [Capability::DacReadSearch, Capability::DacOverride]
            .into_iter()
            .any(|capability| self.subject.has(capability));
        let looks = match operation {
            Operation::Stat { .. } => true,
            Operation::List | Operation::Traverse => overrides,
            operation => overrides && *operation == Operation::READ,
        };
        path == place.path.as_bytes() && looks
    }

    /// A sentence about the setting of the unit file that refuses an operation allowed by the permissions; `None` if none does.
    #[must_use]
    pub fn refuses(&self, path: &[u8], operation: &Operation) -> Option<String> {
        let place = self.met(path)?;
        let setting = &place.setting;
        let what = match (place.state, writes(operation)) {
            (PlaceState::Inaccessible, _) if self.sees_closed(place, path, operation) => {
                return None;
            }
            (PlaceState::Inaccessible, _) => format!("closes {} to it", place.path),
            (PlaceState::Private, _) => {
                return Some(format!(
                    "{setting} of {} gives it a {} of its own, which cannot be seen from here",
                    self.unit, place.path
                ));
            }
            (PlaceState::ReadOnly, true) => format!("makes {} read-only for it", place.path),
            (PlaceState::ReadOnly, false) | (PlaceState::Writable, _) => return None,
        };
        let directory = byte_path::parent(path).unwrap_or(b"/");
        let opens = match place.state {
            PlaceState::ReadOnly => format!(
                "; ReadWritePaths={} opens it (sudo systemctl edit {})",
                quote::display(directory),
                self.unit
            ),
            _ => String::new(),
        };
        Some(format!(
            "the permissions allow it, but {setting} of {} {what}{opens}",
            self.unit
        ))
    }
}

/// Whether the operation modifies something on the file system.
fn writes(operation: &Operation) -> bool {
    match operation {
        Operation::Open(how) => how.write || how.append || how.create || how.truncate,
        Operation::Exec | Operation::List | Operation::Traverse | Operation::Stat { .. } => false,
        Operation::Connect => false,
        _ => true,
    }
}

/// Whether a unit's settings restrict the devices of its service.
pub(super) fn restricts_devices(unit: &str) -> bool {
    let settings = Settings::of(unit);
    settings.is_ok_and(|settings| {
        further::all(&settings)
            .iter()
            .any(Further::is_about_devices)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(text: &str) -> Service {
        let mut settings = Settings {
            values: std::collections::BTreeMap::new(),
        };
        settings.read(text);
        Service {
            unit: "app.service".to_owned(),
            pid: None,
            subject: Subject::login(33, 33, Vec::new()),
            directory: b"/".to_vec(),
            places: settings.places(),
            further: further::all(&settings),
        }
    }

    #[test]
    fn a_setting_that_is_not_followed_leaves_nothing_certain() {
        let service = service(
            "[Service]\nNoExecPaths=/\nPrivateDevices=yes\nSocketBindDeny=any\nPrivateUsers=no\nDevicePolicy=auto\n",
        );
        let path = |path: &str| Object::Path(path.as_bytes().to_vec());
        let port = Object::Port {
            address: String::new(),
            port: 80,
        };
        assert!(
            service
                .may_forbid(&path("/bin/ls"), &Operation::Exec)
                .is_some()
        );
        assert!(
            service
                .may_forbid(&path("/bin/ls"), &Operation::READ)
                .is_none()
        );
        assert!(
            service
                .may_forbid(&path("/dev/mem"), &Operation::READ)
                .is_some()
        );
        assert!(service.may_forbid(&port, &Operation::Bind).is_some());
        assert!(!service.has_its_own(b"/srv"));
    }

    #[test]
    fn the_deepest_place_decides() {
        let service = service(
            "[Service]\nProtectSystem=strict\nReadWritePaths=/srv/app/data -/srv/none\nProtectHome=yes\nStateDirectory=app\nPrivateTmp=yes\n",
        );
        let refuses =
            |path: &str, operation| service.refuses(path.as_bytes(), &operation).is_some();
        assert!(refuses("/srv/app/f", Operation::WRITE));
        assert!(!refuses("/srv/app/f", Operation::READ));
        assert!(!refuses("/srv/app/data/f", Operation::WRITE));
        assert!(!refuses("/var/lib/app/f", Operation::CREATE));
        assert!(refuses("/home/alice/f", Operation::READ));
        assert!(refuses("/tmp/f", Operation::READ));
    }

    #[test]
    fn homes_stay_writable_under_a_strict_system_until_they_are_protected() {
        let writes = |text: &str| {
            let service = service(&format!("[Service]\nProtectSystem=strict\n{text}"));
            service
                .refuses(b"/home/alice/f", &Operation::WRITE)
                .is_none()
        };
        assert!(writes("") && !writes("ProtectHome=read-only\n"));
    }

    #[test]
    fn an_empty_assignment_takes_back_what_was_before() {
        let service = service(
            "[Service]\nInaccessiblePaths=/srv/a\nInaccessiblePaths=\nInaccessiblePaths=/srv/b\n[Install]\nInaccessiblePaths=/srv/c\n",
        );
        let refuses = |path: &str| service.refuses(path.as_bytes(), &Operation::READ).is_some();
        assert!(!refuses("/srv/a/f") && refuses("/srv/b/f") && !refuses("/srv/c/f"));
    }

    #[test]
    fn root_may_look_at_what_covers_an_inaccessible_place_but_finds_nothing_in_it() {
        let closed = service("[Service]\nInaccessiblePaths=/srv/b\n");
        let by_root = Service {
            subject: Subject {
                capabilities: crate::attempt::CapabilitySet::FULL,
                ..Subject::login(0, 0, Vec::new())
            },
            ..service("[Service]\nInaccessiblePaths=/srv/b\n")
        };
        assert!(closed.refuses(b"/srv/b", &Operation::List).is_some());
        assert!(by_root.refuses(b"/srv/b", &Operation::List).is_none());
        assert!(by_root.refuses(b"/srv/b", &Operation::CREATE).is_some());
        assert!(by_root.refuses(b"/srv/b/f", &Operation::READ).is_some());
    }
}
