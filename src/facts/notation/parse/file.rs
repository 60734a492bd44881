//! Lines of files, of missing names, and of ACL entries.

use super::{Parsed, Reader, lines, number, path, unknown, word};
use crate::facts::{
    Acl, DeviceNumber, Entry, Fact, Flags, Inode, Kind, Node, NodeId, Perms, Program, Tag,
    TraceMode, Traced, UnknownFact,
};

impl Reader {
    /// `MODE OWNER GROUP PATH [-> TARGET] [KEY=VALUE]...`
    pub(super) fn file(&mut self, mode: &str, words: &[&str]) -> Parsed<()> {
        let path = path(words, 2)?;
        let mut details = &words[3..];
        let mut link = None;
        if let ["->", target, after @ ..] = details {
            let malformed = || format!("`{target}` is no target");
            link = Some(lines::unescape(target).ok_or_else(malformed)?);
            details = after;
        }
        let unknown = |what| unknown(what, &path, None);
        let mut node = Node {
            inode: Err(unknown("mode and owner")),
            acl: Ok(None),
            default_acl: Ok(None),
            flags: Ok(Flags::default()),
            mount: self.mount_at(&path),
            link,
            program: Err(unknown("the first bytes")),
            has_capabilities: false,
            label: Ok(None),
            empty: Err(unknown("entries of the directory")),
            traced: None,
            path: path.clone(),
        };
        if !mode.starts_with('?') {
            node.inode = Ok(self.inode(mode, words, &node)?);
        }
        for word in details {
            self.detail(&mut node, word)?;
        }
        self.describe(path, Ok(Some(NodeId(self.facts.nodes.len()))))?;
        self.facts.nodes.push(node);
        Ok(())
    }

    /// `missing PATH`
    pub(super) fn missing(&mut self, words: &[&str]) -> Parsed<()> {
        self.describe(path(words, 0)?, Ok(None))
    }

    /// `unseen PATH [?EACCES]`
    pub(super) fn unseen(&mut self, words: &[&str]) -> Parsed<()> {
        let path = path(words, 0)?;
        let errno = match words.get(1) {
            Some(word) => lines::unknown(word).ok_or_else(|| format!("`{word}` is no `?ERRNO`"))?,
            None => None,
        };
        let unknown = unknown("name", &path, errno);
        self.describe(path, Err(unknown))
    }

    /// `jump PATH PATH`
    pub(super) fn jump(&mut self, words: &[&str]) -> Parsed<()> {
        let node = |at| {
            let path = path(words, at)?;
            match self.tree.names.get(&path) {
                Some(Ok(Some(id))) => Ok(*id),
                _ => Err(format!("{} is not described above", lines::escape(&path))),
            }
        };
        let (from, to) = (node(0)?, node(1)?);
        self.tree.jumps.insert(from, to);
        Ok(())
    }

    /// `user:alice:rwx`, `group::r-x` or `default:mask::rwx`: an ACL entry of the preceding file.
    pub(super) fn acl_entry(&mut self, text: &str) -> Parsed<()> {
        let (is_default, entry) = match text.strip_prefix("default:") {
            Some(entry) => (true, entry),
            None => (false, text),
        };
        let entry = self.entry(entry)?;
        let node = self
            .facts
            .nodes
            .last_mut()
            .ok_or("an ACL entry of no file")?;
        let inode = *node
            .inode
            .as_ref()
            .map_err(|_| "an ACL entry of a file without a mode")?;
        if entry.tag == Tag::Mask && !is_default && entry.perms != inode.group_bits() {
            return Err(
                "the mask and the group bits of the mode are the same thing, and differ".to_owned(),
            );
        }
        let list = if is_default {
            &mut node.default_acl
        } else {
            &mut node.acl
        };
        let mut acl = match list {
            Ok(Some(acl)) => acl.clone(),
            _ => base_entries(&inode),
        };
        acl.set(entry.tag, entry.perms);
        *list = Ok(Some(acl));
        Ok(())
    }

    fn entry(&self, text: &str) -> Parsed<Entry> {
        let malformed = || format!("`{text}` is neither a line known here nor an ACL entry");
        let [tag, name, perms] = text.split(':').collect::<Vec<_>>()[..] else {
            return Err(malformed());
        };
        let tag = match (tag, name) {
            ("user", "") => Tag::Owner,
            ("user", name) => Tag::User(self.uid(name)?),
            ("group", "") => Tag::OwningGroup,
            ("group", name) => Tag::Group(self.gid(name)?),
            ("mask", "") => Tag::Mask,
            ("other", "") => Tag::Other,
            _ => return Err(malformed()),
        };
        let perms = lines::perms(perms).ok_or_else(malformed)?;
        Ok(Entry { tag, perms })
    }

    /// An inode with this mode, owner and group. The remaining numbers are made up, with a unique inode number; words after the
    /// path may override them.
    fn inode(&self, mode: &str, words: &[&str], node: &Node) -> Parsed<Inode> {
        let malformed = || format!("`{mode}` is no mode as `ls -l` shows it");
        let (kind, mode) = lines::listing(mode.trim_end_matches('+')).ok_or_else(malformed)?;
        Ok(Inode {
            kind,
            mode,
            uid: self.uid(word(words, 0, "an owner")?)?,
            gid: self.gid(word(words, 1, "a group")?)?,
            device: DeviceNumber {
                major: 0,
                minor: node.mount.0 as u32,
            },
            number: self.facts.nodes.len() as u64 + 1,
            links: if kind == Kind::Directory { 2 } else { 1 },
            rdev: DeviceNumber::default(),
        })
    }

    /// A word after the path: `?ERRNO` or `KEY=VALUE`.
    fn detail(&self, node: &mut Node, word: &str) -> Parsed<()> {
        if let Some(errno) = lines::unknown(word) {
            node.inode = Err(unknown("mode and owner", &node.path, errno));
            return Ok(());
        }
        if word == "capabilities" {
            node.has_capabilities = true;
            return Ok(());
        }
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("`{word}` is no KEY=VALUE"))?;
        let malformed = || format!("`{value}` does not fit `{key}=`");
        let lacking = |what| lines::unknown(value).map(|errno| unknown(what, &node.path, errno));
        match key {
            "acl" => node.acl = Err(lacking("ACL").ok_or_else(malformed)?),
            "default" => node.default_acl = Err(lacking("default ACL").ok_or_else(malformed)?),
            "flags" => {
                node.flags =
                    or_unread(lacking("inode flags"), || flags(value)).ok_or_else(malformed)?
            }
            "program" => {
                node.program = or_unread(lacking("the first bytes"), || program(value))
                    .ok_or_else(malformed)?
            }
            "empty" => {
                node.empty = or_unread(lacking("entries of the directory"), || yes_or_no(value))
                    .ok_or_else(malformed)?
            }
            "label" => {
                node.label =
                    or_unread(lacking("security label"), || label(value)).ok_or_else(malformed)?
            }
            "traced" => node.traced = Some(Box::new(traced(value).ok_or_else(malformed)?)),
            "mount" => node.mount = self.mount_by_id(number(value)?)?,
            _ => {
                let inode = node.inode.as_mut().map_err(|_| malformed())?;
                match key {
                    "links" => inode.links = number(value)?,
                    "rdev" => inode.rdev = lines::device(value).ok_or_else(malformed)?,
                    "inode" => {
                        let (device, number_) = value.split_once('/').ok_or_else(malformed)?;
                        inode.device = lines::device(device).ok_or_else(malformed)?;
                        inode.number = number(number_)?;
                    }
                    _ => return Err(format!("`{key}=` is not known")),
                }
            }
        }
        Ok(())
    }

    /// Records what a path leads to; each path may be described only once.
    fn describe(&mut self, path: Vec<u8>, found: Fact<Option<NodeId>>) -> Parsed<()> {
        let word = lines::escape(&path);
        match self.tree.names.insert(path, found) {
            None => Ok(()),
            Some(_) => Err(format!("{word} is described twice")),
        }
    }

    /// Adds `/` as `drwxr-xr-x root root` if no line describes it.
    pub(super) fn complete_root(&mut self) {
        if !self.tree.names.contains_key(&b"/"[..]) {
            self.file("drwxr-xr-x", &["0", "0", "/"])
                .expect("the line is well-formed and the only one of its path");
        }
    }
}

fn or_unread<T>(
    unknown: Option<UnknownFact>,
    known: impl FnOnce() -> Option<T>,
) -> Option<Fact<T>> {
    match unknown {
        Some(unknown) => Some(Err(unknown)),
        None => known().map(Ok),
    }
}

/// The ACL that is equivalent to the permission bits.
fn base_entries(inode: &Inode) -> Acl {
    let entry = |tag, perms: Perms| Entry { tag, perms };
    Acl {
        entries: vec![
            entry(Tag::Owner, inode.owner_bits()),
            entry(Tag::OwningGroup, inode.group_bits()),
            entry(Tag::Mask, inode.group_bits()),
            entry(Tag::Other, inode.other_bits()),
        ],
    }
}

fn flags(list: &str) -> Option<Flags> {
    list.split(',')
        .try_fold(Flags::default(), |mut flags, name| {
            match name {
                "none" => {}
                "immutable" => flags.immutable = true,
                "append" => flags.append = true,
                "swap" => flags.swap = true,
                "verity" => flags.verity = true,
                _ => return None,
            }
            Some(flags)
        })
}

fn program(word: &str) -> Option<Program> {
    Some(match word.split_once(':') {
        Some(("script", line)) => {
            let (path, argument) = line.split_once(':').unwrap_or((line, ""));
            Program::Script {
                interpreter: lines::unescape(path)?,
                argument: lines::unescape(argument)?,
            }
        }
        Some(("elf", path)) => Program::Elf(Some(lines::unescape(path)?)),
        None if word == "elf" => Program::Elf(None),
        None if word == "other" => Program::Other,
        _ => return None,
    })
}

/// `MODE:PID:UIDS:GIDS:CAPABILITIES:DUMPABLE:SAME-NAMESPACE:COMMAND`
fn traced(word: &str) -> Option<Traced> {
    let [mode, pid, uids, gids, permitted, dumpable, same, command] =
        word.splitn(8, ':').collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let three = |list: &str| {
        let ids: Option<Vec<u32>> = list.split('/').map(|id| id.parse().ok()).collect();
        <[u32; 3]>::try_from(ids?).ok()
    };
    let known = |word: &str| {
        let gap = lines::unknown(word).map(|errno| unknown("state of the process", b"", errno));
        or_unread(gap, || yes_or_no(word))
    };
    Some(Traced {
        pid: pid.parse().ok()?,
        command: String::from_utf8(lines::unescape(command)?).ok()?,
        mode: match mode {
            "read" => TraceMode::Read,
            "attach" => TraceMode::Attach,
            "enter" => TraceMode::Enter,
            _ => return None,
        },
        uids: three(uids)?,
        gids: three(gids)?,
        permitted: lines::capabilities(permitted)?,
        dumpable: known(dumpable)?,
        same_user_ns: known(same)?,
    })
}

fn label(word: &str) -> Option<Option<String>> {
    let bytes = lines::unescape(word)?;
    String::from_utf8(bytes).ok().map(Some)
}

/// `yes` or `no`.
pub(super) fn yes_or_no(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
