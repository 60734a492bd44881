//! An image of a container engine, and what lies in it. A container that was removed as soon as it ended had this at its start.

mod archive;
mod store;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::engine_api::{Engine, Member};
use crate::facts::{Inode, Kind};
use crate::small_file;
pub(super) use store::{building, kept, stored};

/// The size in bytes up to which an image is read through its engine, which writes all of it to a temporary file for that.
const MOST_READ: u64 = 256 * 1024 * 1024;

/// How long the questions to an engine may take in all, until it begins to write an image. The end of a run waits for it.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether an image was read through its engine. It is done once in a run, because it takes long and may be in vain.
static READ: AtomicBool = AtomicBool::new(false);

/// How much is read of a file of an image.
const MOST_CONTENT: u64 = 1024 * 1024;

/// The attributes by which an overlay file system marks a directory that hides the one below.
const OPAQUE: [&str; 3] = [
    "trusted.overlay.opaque",
    "user.overlay.opaque",
    "user.fuseoverlayfs.opaque",
];

/// An image.
#[derive(Debug)]
pub(super) struct Image {
    pub config: ImageConfig,
    content: Content,
}

/// What lies in an image.
#[derive(Debug)]
enum Content {
    /// Its layers, directories of this machine, the topmost first.
    Layers(Vec<PathBuf>),
    /// Everything in it, by path.
    Listed(Listing),
}

/// What lies in an image, by path.
type Listing = BTreeMap<Vec<u8>, Member>;

/// How an image says that it is run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ImageConfig {
    pub user: String,
    pub working_dir: String,
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
}

/// An engine's description of an image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Inspected {
    config: ImageConfig,
    graph_driver: Option<GraphDriver>,
    size: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct GraphDriver {
    name: String,
    data: Option<BTreeMap<String, String>>,
}

impl Image {
    /// The image of this name, as its engine describes it. `since` is when that was first asked something.
    pub(super) fn of(engine: &Engine, name: &str, since: Instant) -> Option<Image> {
        let about: Inspected = engine.image(name)?;
        let layers = about.graph_driver.and_then(layers_of);
        // The directory of a layer is closed to everybody but root.
        let is_open = |layers: &Vec<PathBuf>| layers.iter().all(|layer| layer.is_dir());
        let content = match layers.filter(is_open) {
            Some(layers) => Content::Layers(layers),
            None if about.size > MOST_READ || READ.swap(true, Ordering::Relaxed) => return None,
            None => Content::Listed(engine.exported(name, since + PATIENCE, archive::listing)?),
        };
        Some(Image {
            config: about.config,
            content,
        })
    }

    /// What lies at this path, of which every directory on the way is one. `Some(None)` if nothing does.
    pub(super) fn member(&self, path: &[u8]) -> Option<Option<Member>> {
        match &self.content {
            Content::Layers(layers) => match in_layers(layers, path)? {
                Some((at, found)) => {
                    let link = fs::read_link(&at).ok();
                    let link = link.map(|link| link.into_os_string().into_vec());
                    Some(Some(Member::of(&found, link)?))
                }
                None => Some(None),
            },
            Content::Listed(listing) => Some(listing.get(path).cloned()),
        }
    }

    /// The content of a small file.
    pub(super) fn content(&self, path: &str) -> Vec<u8> {
        match &self.content {
            Content::Layers(layers) => {
                let found = in_layers(layers, path.as_bytes()).flatten();
                let file = found.filter(|(_, found)| found.is_file());
                file.and_then(|(at, _)| small_file::beginning(&at, MOST_CONTENT).ok())
                    .unwrap_or_default()
            }
            Content::Listed(listing) => {
                let member = listing.get(path.as_bytes());
                member
                    .map(|member| member.content.clone())
                    .unwrap_or_default()
            }
        }
    }
}

/// The layers of an image in the storage of overlay file systems, the topmost first.
fn layers_of(driver: GraphDriver) -> Option<Vec<PathBuf>> {
    if !matches!(driver.name.as_str(), "overlay" | "overlay2") {
        return None;
    }
    let data = driver.data?;
    let lower = data
        .get("LowerDir")
        .into_iter()
        .flat_map(|list| list.split(':'));
    let all = data
        .get("UpperDir")
        .map(String::as_str)
        .into_iter()
        .chain(lower);
    let all: Vec<PathBuf> = all
        .filter(|one| !one.is_empty())
        .map(PathBuf::from)
        .collect();
    (!all.is_empty()).then_some(all)
}

/// The path here of what the topmost layer has at this path, and what it is. `Some(None)` if nothing lies there; `None` if that
/// cannot be seen.
fn in_layers(layers: &[PathBuf], path: &[u8]) -> Option<Option<(PathBuf, Metadata)>> {
    for layer in layers {
        match in_layer(layer, Path::new(OsStr::from_bytes(path)))? {
            InLayer::Found(at, found) => return Some(Some((at, found))),
            InLayer::Hidden => return Some(None),
            InLayer::Nothing => {}
        }
    }
    Some(None)
}

/// What one layer says about a path.
enum InLayer {
    Found(PathBuf, Metadata),
    /// It hides what the layers below have there.
    Hidden,
    Nothing,
}

fn in_layer(layer: &Path, path: &Path) -> Option<InLayer> {
    let mut at = layer.to_owned();
    let mut hides = false;
    let mut names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let mut next = names.next();
    loop {
        let found = match fs::symlink_metadata(&at) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Some(if hides || is_whited_out(&at) {
                    InLayer::Hidden
                } else {
                    InLayer::Nothing
                });
            }
            Err(_) => return None,
        };
        if found.file_type().is_char_device() && found.rdev() == 0 {
            return Some(InLayer::Hidden);
        }
        let Some(name) = next else {
            return Some(InLayer::Found(at, found));
        };
        if !found.is_dir() {
            return Some(InLayer::Hidden);
        }
        hides |= is_opaque(&at);
        at.push(name);
        next = names.next();
    }
}

/// Whether fuse-overlayfs has marked this name as removed.
fn is_whited_out(at: &Path) -> bool {
    let (Some(directory), Some(name)) = (at.parent(), at.file_name()) else {
        return false;
    };
    let mark = [b".wh.", name.as_bytes()].concat();
    fs::symlink_metadata(directory.join(OsStr::from_bytes(&mark))).is_ok()
}

fn is_opaque(directory: &Path) -> bool {
    let has = |name: &&str| {
        let mut value = [0u8; 1];
        rustix::fs::lgetxattr(directory, *name, &mut value).is_ok() && value == *b"y"
    };
    OPAQUE.iter().any(has) || fs::symlink_metadata(directory.join(".wh..wh..opq")).is_ok()
}

/// A directory as engines make it, where an image does not have one that is needed.
pub(super) fn directory_of_the_engine() -> Member {
    Member {
        inode: Inode {
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            device: Default::default(),
            number: 0,
            links: 1,
            rdev: Default::default(),
        },
        link: None,
        content: Vec::new(),
    }
}

/// Reads all of an entry's content, up to a limit.
fn beginning(content: &mut impl Read) -> Vec<u8> {
    let mut read = Vec::new();
    let _ = content.take(MOST_CONTENT).read_to_end(&mut read);
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(script: &str) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let run = std::process::Command::new("sh")
            .args(["-ec", script])
            .current_dir(folder.path())
            .status();
        assert!(run.is_ok_and(|status| status.success()));
        let layers = ["top", "bottom"].map(|name| folder.path().join(name));
        (folder, layers.to_vec())
    }

    #[test]
    fn the_topmost_layer_decides() {
        let (_folder, layers) = layers(
            "mkdir -p top/a/.wh. bottom/a/b bottom/c; echo old > bottom/a/f; echo new > top/a/f; chmod 640 top/a/f
             touch bottom/a/gone top/a/.wh.gone; ln -s a top/c; touch bottom/c/f",
        );
        let image = Image {
            config: ImageConfig::default(),
            content: Content::Layers(layers),
        };
        let at = |path: &str| image.member(path.as_bytes()).unwrap();
        assert_eq!(at("/a/f").unwrap().inode.mode, 0o640);
        assert_eq!(image.content("/a/f"), b"new\n");
        assert!(at("/a/b").is_some() && at("/").is_some());
        assert_eq!(at("/a/gone"), None);
        assert_eq!(at("/c").unwrap().link.as_deref(), Some(&b"a"[..]));
        // A symlink of an image leads nowhere here.
        assert_eq!(at("/c/f"), None);
    }

    #[test]
    fn an_opaque_directory_hides_the_one_below() {
        let (_folder, layers) = layers("mkdir -p top/d bottom/d/e; touch top/d/.wh..wh..opq");
        assert!(matches!(in_layers(&layers, b"/d/e"), Some(None)));
        assert!(matches!(in_layers(&layers, b"/d"), Some(Some(_))));
    }
}
