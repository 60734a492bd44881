//! The storage of containers/storage, in which Podman and Buildah keep images without a server to ask.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Content, Image, ImageConfig};
use crate::small_file;

/// The most that is read of one of its files, in bytes.
const MOST: u64 = 16 * 1024 * 1024;

/// The maximum number of layers of an image.
const MOST_LAYERS: usize = 512;

#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    layer: String,
}

#[derive(Debug, Deserialize)]
struct Layer {
    id: String,
    #[serde(default)]
    parent: Option<String>,
}

/// The configuration of an image (OCI image-spec), which also names its layers.
#[derive(Debug, Deserialize)]
struct Configured {
    #[serde(default)]
    config: ImageConfig,
    #[allow(dead_code)]
    rootfs: serde::de::IgnoredAny,
}

/// What Buildah keeps of a container in which it builds an image.
#[derive(Debug, Deserialize)]
struct Building {
    ociv1: Ociv1,
}

#[derive(Debug, Deserialize)]
struct Ociv1 {
    #[serde(default)]
    config: ImageConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    storage: Storage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Storage {
    graphroot: Option<PathBuf>,
    rootless_storage_path: Option<PathBuf>,
}

/// The image of this name in the storage of this user. `root` is the directory of the storage, if the client was told one.
pub(in crate::gather) fn stored(name: &str, root: Option<&Path>) -> Option<Image> {
    let root = root.map(Path::to_owned).or_else(usual)?;
    let images: Vec<Listed> = parsed(&root.join("overlay-images/images.json"))?;
    let image = images.iter().find(|image| is_named(image, name))?;
    let about = fs::read_dir(root.join("overlay-images").join(&image.id)).ok()?;
    let about = about
        .flatten()
        .find_map(|file| parsed::<Configured>(&file.path()))?;
    Some(Image {
        config: about.config,
        content: Content::Layers(chain(&root, &image.layer)?),
    })
}

/// The container of the step that a build is at, which is the newest that Buildah keeps, with what the step has changed so far.
/// `since` is when the build started, in seconds since the epoch.
pub(in crate::gather) fn building(root: Option<&Path>, since: u64) -> Option<Image> {
    let root = root.map(Path::to_owned).or_else(usual)?;
    let containers = root.join("overlay-containers");
    let known: Vec<Listed> = parsed(&containers.join("containers.json"))?;
    let is_new = |file: &Path| {
        let written = fs::metadata(file).ok()?.modified().ok()?;
        let written = written.duration_since(UNIX_EPOCH).ok()?;
        (written.as_secs() >= since).then_some(written)
    };
    let builds = known.iter().filter_map(|container| {
        let file = containers.join(&container.id).join("userdata/buildah.json");
        Some((is_new(&file)?, container, file))
    });
    let (_, container, file) = builds.max_by_key(|(written, ..)| *written)?;
    let about: Building = parsed(&file)?;
    Some(Image {
        config: about.ociv1.config,
        content: Content::Layers(chain(&root, &container.layer)?),
    })
}

/// A container that Podman keeps, running or not, by its name or the beginning of its id: what lies in it, its id, and the file
/// that describes it.
pub(in crate::gather) fn kept(name: &str, root: Option<&Path>) -> Option<(Image, String, PathBuf)> {
    const SHORTEST_ID: usize = 12;
    let root = root.map(Path::to_owned).or_else(usual)?;
    let containers = root.join("overlay-containers");
    let known: Vec<Listed> = parsed(&containers.join("containers.json"))?;
    let is_it = |one: &&Listed| {
        let is_id = name.len() >= SHORTEST_ID && one.id.starts_with(name);
        is_id || one.names.iter().flatten().any(|known| known == name)
    };
    let container = known.iter().find(is_it)?;
    let image = Image {
        config: ImageConfig::default(),
        content: Content::Layers(chain(&root, &container.layer)?),
    };
    let file = containers.join(&container.id).join("userdata/config.json");
    Some((image, container.id.clone(), file))
}

/// A layer and those below it, the topmost first. `None` if they cannot be looked at.
fn chain(root: &Path, top: &str) -> Option<Vec<PathBuf>> {
    let layers: Vec<Layer> = parsed(&root.join("overlay-layers/layers.json"))?;
    let layers: BTreeMap<&str, &Layer> = layers.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut chain = Vec::new();
    let mut next = Some(top);
    while let Some(layer) = next.filter(|id| !id.is_empty() && chain.len() < MOST_LAYERS) {
        chain.push(root.join("overlay").join(layer).join("diff"));
        next = layers.get(layer)?.parent.as_deref();
    }
    let is_open = !chain.is_empty() && chain.iter().all(|layer| layer.is_dir());
    is_open.then_some(chain)
}

/// Whether the image has this name, which may lack the registry and the tag, or is the beginning of its id.
fn is_named(image: &Listed, name: &str) -> bool {
    const SHORTEST_ID: usize = 3;
    let has_tag = name
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains([':', '@']));
    let name = match has_tag {
        true => name.to_owned(),
        false => format!("{name}:latest"),
    };
    let is_it = |known: &String| {
        let rest = known.strip_suffix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let id = name.strip_suffix(":latest").unwrap_or(&name);
    image.names.iter().flatten().any(is_it) || id.len() >= SHORTEST_ID && image.id.starts_with(id)
}

/// Where the storage of this user is (containers-storage.conf(5)).
fn usual() -> Option<PathBuf> {
    let is_root = nix::unistd::geteuid().is_root();
    let home = env::var_os("HOME").map(PathBuf::from);
    let in_home = |variable: &str, usual: &str| {
        let told = env::var_os(variable).map(PathBuf::from);
        told.or_else(|| Some(home.clone()?.join(usual)))
    };
    let file = env::var_os("CONTAINERS_STORAGE_CONF").map(PathBuf::from);
    let files = match is_root {
        true => vec![
            "/etc/containers/storage.conf".into(),
            "/usr/share/containers/storage.conf".into(),
        ],
        false => in_home("XDG_CONFIG_HOME", ".config")
            .map(|config| config.join("containers/storage.conf"))
            .into_iter()
            .collect(),
    };
    let mut files = file.map_or(files, |file| vec![file]).into_iter();
    let told: Option<Storage> = files.find_map(|file| {
        let text = small_file::beginning(&file, MOST).ok()?;
        let file: File = toml::from_str(std::str::from_utf8(&text).ok()?).ok()?;
        Some(file.storage)
    });
    let told = told.unwrap_or_default();
    let told = match is_root {
        true => told.graphroot,
        false => told.graphroot.or(told.rootless_storage_path),
    };
    told.or_else(|| match is_root {
        true => Some("/var/lib/containers/storage".into()),
        false => Some(in_home("XDG_DATA_HOME", ".local/share")?.join("containers/storage")),
    })
}

fn parsed<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&small_file::beginning(file, MOST).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_its_name_and_read_from_its_layers() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write(
            "overlay-images/images.json",
            r#"[{"id": "abc1", "names": ["docker.io/library/shop:latest"], "layer": "two"}]"#,
        );
        write("overlay-images/abc1/manifest", r#"{"layers": []}"#);
        let config = r#"{"config": {"User": "7", "WorkingDir": "/app"}, "rootfs": {}}"#;
        write("overlay-images/abc1/=config", config);
        write(
            "overlay-layers/layers.json",
            r#"[{"id": "one"}, {"id": "two", "parent": "one"}]"#,
        );
        write("overlay/one/diff/etc/passwd", "app:x:7:7::/:/bin/sh\n");
        write("overlay/two/diff/app/f", "");
        for name in ["shop", "shop:latest", "docker.io/library/shop", "abc1"] {
            let image = stored(name, Some(folder.path())).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(
                (
                    image.config.user.as_str(),
                    image.config.working_dir.as_str()
                ),
                ("7", "/app")
            );
            assert!(image.content("/etc/passwd").starts_with(b"app"));
            assert!(matches!(image.member(b"/app/f"), Some(Some(_))));
        }
        for name in ["op", "shop:2", "library"] {
            assert!(stored(name, Some(folder.path())).is_none(), "{name}");
        }
    }
}
