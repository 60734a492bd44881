//! The archive of an image, as `docker save` writes it: a tar archive for each layer, and a list of them.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use tar::Archive;

use super::{Listing, beginning, directory_of_the_engine};
use crate::byte_path;
use crate::facts::Kind;
use crate::gather::engine_api::Member;
use crate::gather::tar::{Entry, file_of};

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
    let mut layers: BTreeMap<Vec<u8>, Layer> = BTreeMap::new();
    let mut same: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut manifest = Vec::new();
    for entry in Archive::new(archive).entries().ok()? {
        let mut entry = entry.ok()?;
        let Some(file) = file_of(&entry) else {
            continue;
        };
        match file.link {
            // A layer that is in the archive twice.
            Some(link) => {
                let directory = byte_path::parent(&file.name).unwrap_or_default();
                let target = without_dots(&byte_path::join(directory, &link));
                same.insert(file.name, target);
            }
            None if file.name == b"manifest.json" => manifest = beginning(&mut entry),
            None if file.inode.kind == Kind::Regular => {
                layers.insert(file.name, layer(&mut entry));
            }
            None => {}
        }
    }
    let manifest: Vec<Manifest> = serde_json::from_slice(&manifest).ok()?;
    let mut listing = Listing::new();
    for name in &manifest.first()?.layers {
        let name = name.as_bytes();
        let layer = layers.get(same.get(name).map_or(name, Vec::as_slice));
        lay(layer.filter(|layer| !layer.is_empty())?, &mut listing);
    }
    // Archives may leave out the root directory, which the engine makes then.
    listing
        .entry(b"/".to_vec())
        .or_insert_with(directory_of_the_engine);
    Some(listing)
}

/// The entries of a layer; none if this is no archive.
fn layer(content: &mut impl Read) -> Layer {
    let mut archive = Archive::new(content);
    let entries = archive.entries().into_iter().flatten();
    entries.map_while(Result::ok).filter_map(read).collect()
}

/// An entry of a layer, with its content if that is needed.
fn read<R: Read>(mut entry: tar::Entry<'_, R>) -> Option<(Entry, Vec<u8>)> {
    let file = file_of(&entry)?;
    let name = path_of(&file.name);
    let text = match READ.contains(&name.as_slice()) {
        true => beginning(&mut entry),
        false => Vec::new(),
    };
    Some((Entry { name, ..file }, text))
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
    use tar::EntryType::{Directory, Regular, Symlink};

    use crate::gather::tar::tests::Made;

    #[test]
    fn layers_are_laid_over_one_another_in_the_order_of_the_list() {
        let lower = Made::new()
            .with("etc/", Directory, 0o755, (0, 0), b"")
            .with(
                "etc/passwd",
                Regular,
                0o644,
                (0, 0),
                b"app:x:7:7::/:/bin/sh\n",
            )
            .with("old", Regular, 0o644, (0, 0), b"")
            .with("d/", Directory, 0o700, (0, 0), b"")
            .with("d/f", Regular, 0o600, (7, 8), b"x")
            .bytes();
        let upper = Made::new()
            .with("d", Regular, 0o640, (9, 9), b"")
            .with(".wh.old", Regular, 0, (0, 0), b"")
            .bytes();
        let list = br#"[{"Layers": ["a/layer.tar", "c/layer.tar"]}]"#;
        let archive = Made::new()
            .with("b/layer.tar", Regular, 0o644, (0, 0), &upper)
            .with("a/layer.tar", Regular, 0o644, (0, 0), &lower)
            .with("c/layer.tar", Symlink, 0o777, (0, 0), b"../b/layer.tar")
            .with("manifest.json", Regular, 0o644, (0, 0), list)
            .bytes();
        let found = listing(&mut &archive[..]).unwrap();
        let paths: Vec<&[u8]> = found.keys().map(Vec::as_slice).collect();
        assert_eq!(paths, [&b"/"[..], b"/d", b"/etc", b"/etc/passwd"]);
        assert_eq!(found[&b"/d"[..]].inode.uid, 9);
        assert!(found[&b"/etc/passwd"[..]].content.starts_with(b"app"));
    }

    #[test]
    fn layers_that_cannot_be_read_are_no_empty_image() {
        let list = br#"[{"Layers": ["a"]}]"#;
        let archive = Made::new()
            .with("a", Regular, 0o644, (0, 0), b"\x1f\x8b compressed")
            .with("manifest.json", Regular, 0o644, (0, 0), list)
            .bytes();
        assert!(listing(&mut &archive[..]).is_none());
    }
}
