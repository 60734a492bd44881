//! The services of a Compose file, as far as they say what lies where and who it belongs to.
//!
//! This is not a YAML parser: it reads one line at a time, which suits the usual notation of these entries.

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComposeService {
    /// Its name.
    pub name: String,
    /// The user that it runs as, with the number of the line that says so.
    pub user: Option<(String, usize)>,
    /// What is mounted in it.
    pub volumes: Vec<ComposeVolume>,
}

/// Something that is mounted in a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComposeVolume {
    /// What is mounted: a path, or the name of a volume.
    pub source: String,
    /// Where.
    pub point: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// The number of its line, from 1.
    pub line: usize,
}

/// The services of a Compose file.
#[must_use]
pub fn compose_services(text: &str) -> Vec<ComposeService> {
    let mut services: Vec<ComposeService> = Vec::new();
    // The indentations of a service's name and of the list that is being read.
    let (mut named_at, mut list_at) = (None, None);
    let mut is_inside = false;
    for (number, line) in text.lines().enumerate() {
        let item = line.trim();
        if item.is_empty() || item.starts_with('#') {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if indent == 0 {
            is_inside = item == "services:";
            named_at = None;
            continue;
        }
        if !is_inside {
            continue;
        }
        if indent <= *named_at.get_or_insert(indent) {
            list_at = None;
            services.extend(item.strip_suffix(':').map(|name| ComposeService {
                name: bare(name).to_owned(),
                ..ComposeService::default()
            }));
            continue;
        }
        let Some(service) = services.last_mut() else {
            continue;
        };
        let listed = item.strip_prefix("- ");
        // A list may be indented like its key.
        if list_at.is_some_and(|at| indent < at || indent == at && listed.is_none()) {
            list_at = None;
        }
        match (item.split_once(':'), list_at) {
            (Some(("volumes", "")), _) => list_at = Some(indent),
            (Some(("user", user)), None) => {
                service.user = Some((bare(user).to_owned(), number + 1))
            }
            (_, Some(_)) => service.read_volume(listed, item, number + 1),
            _ => {}
        }
    }
    services
}

impl ComposeService {
    /// What is mounted over a path in the service.
    #[must_use]
    pub fn volume_over(&self, path: &[u8]) -> Option<&ComposeVolume> {
        let holds = |volume: &&ComposeVolume| {
            !volume.point.is_empty() && crate::byte_path::is_within(path, volume.point.as_bytes())
        };
        self.volumes
            .iter()
            .filter(holds)
            .max_by_key(|volume| volume.point.len())
    }

    /// Reads a line of the list of volumes, in the short or the long form.
    fn read_volume(&mut self, listed: Option<&str>, item: &str, line: usize) {
        let text = listed.unwrap_or(item).trim();
        let key = text.split_once(": ").map(|(key, value)| (key, bare(value)));
        if listed.is_some() {
            self.volumes.push(ComposeVolume {
                line,
                ..ComposeVolume::default()
            });
        }
        let Some(volume) = self.volumes.last_mut() else {
            return;
        };
        match key {
            Some(("source", source)) => source.clone_into(&mut volume.source),
            Some(("target", point)) => point.clone_into(&mut volume.point),
            Some(("read_only", value)) => volume.read_only = value == "true",
            Some(_) => {}
            None => {
                let mut parts = bare(text).split(':');
                volume.source = parts.next().unwrap_or_default().to_owned();
                volume.point = parts.next().unwrap_or_default().to_owned();
                let mut options = parts.next().unwrap_or_default().split(',');
                volume.read_only = options.any(|option| option == "ro");
            }
        }
    }
}

/// A value without quotes and without a trailing comment.
fn bare(value: &str) -> &str {
    let value = value.split(" #").next().unwrap_or(value).trim();
    value.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
services:
  db:
    image: postgres
    volumes: [\"pg:/var/lib\"]
  web:
    user: \"1000:1000\"   # the image's
    volumes:
      - ./data:/data
      - \"./conf:/etc/shop:ro\"
      - type: bind
        source: ../up
        target: /data/up
        read_only: true
    environment:
    - A=b:c
volumes:
  pg:
";

    #[test]
    fn a_service_says_who_it_is_and_what_it_sees() {
        let services = compose_services(FILE);
        let names: Vec<&str> = services.iter().map(|service| &service.name[..]).collect();
        assert_eq!(names, ["db", "web"]);
        let web = &services[1];
        assert_eq!(web.user, Some(("1000:1000".to_owned(), 7)));
        let over = |path: &str| {
            let volume = web.volume_over(path.as_bytes())?;
            Some((volume.source.as_str(), volume.read_only, volume.line))
        };
        assert_eq!(over("/data/f"), Some(("./data", false, 9)));
        assert_eq!(over("/etc/shop/x"), Some(("./conf", true, 10)));
        assert_eq!(over("/data/up/x"), Some(("../up", true, 11)));
        assert_eq!(over("/srv/x"), None);
        assert_eq!(web.volumes.len(), 3);
    }
}
