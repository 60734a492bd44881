//! The archive of an image, as `docker save` writes it: a tar archive for each layer, and a list of them.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

use super::{Listing, beginning};
use crate::byte_path;
use crate::facts::{Inode, Kind};
use crate::gather::engine_api::Member;
use crate::gather::tar::{self, Entry};

/// The beginning of the name of an entry that removes another one of the layers below, and the name of the one that removes
/// everything in its directory.
const REMOVES: &[u8] = b".wh.";
const REMOVES_ALL: &[u8] = b".wh..wh..opq";

/// The files of which the content is needed.
const READ: [&[u8]; 2] = [b"/etc/passwd", b"/etc/group"];

/// The entries of a layer, in order.
type Layer = Vec<(Entry, Vec<u8>)>;

/// The list of the layers, from the lowest to the topmost.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    layers: Vec<String>,
}

/// Everything that lies in the image; `None` if it cannot be read, as when its layers are compressed.
pub(super) fn listing(archive: &mut dyn Read) -> Option<Listing> {
    let mut archive = archive;
    let mut layers: BTreeMap<Vec<u8>, Layer> = BTreeMap::new();
    let mut same: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut manifest = Vec::new();
    while let Some(entry) = tar::next(&mut archive) {
        let mut content = (&mut *archive).take(entry.size);
        match &entry.link {
            // A layer that is in the archive twice.
            Some(link) => {
                let directory = byte_path::parent(&entry.name).unwrap_or_default();
                let target = without_dots(&byte_path::join(directory, link));
                same.insert(entry.name.clone(), target);
            }
            None if entry.name == b"manifest.json" => manifest = beginning(&mut content),
            None if entry.inode.kind == Kind::Regular => {
                layers.insert(entry.name.clone(), layer(&mut content));
            }
            None => {}
        }
        let left = content.limit();
        tar::skip(&mut archive, left + tar::padded(entry.size) - entry.size)?;
    }
    let manifest: Vec<Manifest> = serde_json::from_slice(&manifest).ok()?;
    let mut listing = Listing::new();
    for name in &manifest.first()?.layers {
        let name = name.as_bytes();
        let layer = layers.get(same.get(name).map_or(name, Vec::as_slice));
        lay(layer.filter(|layer| !layer.is_empty())?, &mut listing);
    }
    // Archives may leave out the root directory, which the engine makes then.
    listing.entry(b"/".to_vec()).or_insert_with(root_directory);
    Some(listing)
}

/// The root directory as engines make it.
fn root_directory() -> Member {
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

/// The entries of a layer; none if this is no archive.
fn layer(content: &mut impl Read) -> Layer {
    let mut layer = Layer::new();
    while let Some(entry) = tar::next(content) {
        let name = path_of(&entry.name);
        let mut own = content.by_ref().take(entry.size);
        let text = match READ.contains(&name.as_slice()) {
            true => beginning(&mut own),
            false => Vec::new(),
        };
        let left = own.limit();
        let size = entry.size;
        layer.push((Entry { name, ..entry }, text));
        if tar::skip(content, left + tar::padded(size) - size).is_none() {
            break;
        }
    }
    layer
}

/// Lays a layer over those before it.
fn lay(layer: &Layer, listing: &mut Listing) {
    for (entry, _) in layer {
        let directory = byte_path::parent(&entry.name).unwrap_or(b"/");
        match byte_path::name(&entry.name) {
            name if name == REMOVES_ALL => remove_below(directory, listing),
            name => {
                if let Some(removed) = name.strip_prefix(REMOVES) {
                    let removed = byte_path::step(directory, removed);
                    remove_below(&removed, listing);
                    listing.remove(&removed);
                }
            }
        }
    }
    for (entry, content) in layer {
        if byte_path::name(&entry.name).starts_with(REMOVES) {
            continue;
        }
        if entry.inode.kind != Kind::Directory {
            remove_below(&entry.name, listing);
        }
        let same = entry.same_as.as_ref();
        let same = same.and_then(|name| listing.get(&path_of(name)).cloned());
        let member = same.unwrap_or_else(|| Member {
            inode: entry.inode,
            link: entry.link.clone(),
            content: content.clone(),
        });
        listing.insert(entry.name.clone(), member);
    }
}

fn remove_below(directory: &[u8], listing: &mut Listing) {
    let first = byte_path::step(directory, b"");
    let below = listing.range(first.clone()..);
    let below = below.take_while(|(path, _)| path.starts_with(&first));
    let below: Vec<Vec<u8>> = below.map(|(path, _)| path.clone()).collect();
    for path in below {
        listing.remove(&path);
    }
}

/// The absolute path of an entry: `./etc/` is `/etc`.
fn path_of(name: &[u8]) -> Vec<u8> {
    [b"/", &without_dots(name)[..]].concat()
}

/// The names of a relative path, without `.`, and without each `..` and the name before it.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gather::tar::tests::{file, header};

    #[test]
    fn layers_are_laid_over_one_another_in_the_order_of_the_list() {
        let lower = [
            header("etc/", b'5', 0o755, (0, 0), 0),
            file("etc/passwd", b'0', 0o644, (0, 0), b"app:x:7:7::/:/bin/sh\n"),
            file("old", b'0', 0o644, (0, 0), b""),
            header("d/", b'5', 0o700, (0, 0), 0),
            file("d/f", b'0', 0o600, (7, 8), b"x"),
        ]
        .concat();
        let upper = [
            file("d", b'0', 0o640, (9, 9), b""),
            file(".wh.old", b'0', 0, (0, 0), b""),
        ]
        .concat();
        let list = br#"[{"Layers": ["a/layer.tar", "c/layer.tar"]}]"#;
        let mut link = header("c/layer.tar", b'2', 0o777, (0, 0), 0);
        link[157..171].copy_from_slice(b"../b/layer.tar");
        let archive = [
            file("b/layer.tar", b'0', 0o644, (0, 0), &upper),
            file("a/layer.tar", b'0', 0o644, (0, 0), &lower),
            link,
            file("manifest.json", b'0', 0o644, (0, 0), list),
            vec![0; 1024],
        ]
        .concat();
        let found = listing(&mut &archive[..]).unwrap();
        let paths: Vec<&[u8]> = found.keys().map(Vec::as_slice).collect();
        assert_eq!(paths, [&b"/"[..], b"/d", b"/etc", b"/etc/passwd"]);
        assert_eq!(found[&b"/d"[..]].inode.uid, 9);
        assert!(found[&b"/etc/passwd"[..]].content.starts_with(b"app"));
    }

    #[test]
    fn layers_that_cannot_be_read_are_no_empty_image() {
        let list = br#"[{"Layers": ["a"]}]"#;
        let archive = [
            file("a", b'0', 0o644, (0, 0), b"\x1f\x8b compressed"),
            file("manifest.json", b'0', 0o644, (0, 0), list),
        ]
        .concat();
        assert!(listing(&mut &archive[..]).is_none());
    }
}
