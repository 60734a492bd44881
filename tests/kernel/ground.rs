//! The file systems for the trees: a tmpfs and an ext4 in the test's own mount namespace.

use std::ffi::CString;
use std::fs::{self, File as Opened};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use rustix::fs::{AtFlags, CWD, Gid, Uid, XattrFlags, chownat, setxattr};

use crate::elf;
use crate::plan::{Disk, File, Means, Mount, NAMES, Program, Tree, What};

/// A directory for the trees, and what has been set up in it.
pub struct Ground {
    base: PathBuf,
    /// The directory above which nothing belongs to the test.
    floor: PathBuf,
    pub means: Means,
}

type Done = io::Result<()>;

impl Ground {
    /// Prepares the file systems in a directory. Without the right to mount, trees are built in the directory itself.
    pub fn new(base: &Path, floor: &Path, mut means: Means) -> Ground {
        for disk in ["t", "e"] {
            fs::create_dir(base.join(disk)).expect("the directory is ours");
        }
        means.ext4 = means.root && make_ext4(base).is_ok();
        Ground {
            base: base.to_owned(),
            floor: floor.to_owned(),
            means,
        }
    }

    fn disk(&self, disk: Disk) -> PathBuf {
        self.base.join(match disk {
            Disk::Tmpfs => "t",
            Disk::Ext4 => "e",
        })
    }

    /// The path of a tree's top directory.
    pub fn top(&self, tree: &Tree) -> PathBuf {
        self.disk(tree.disk).join("r")
    }

    /// Builds the tree from scratch.
    pub fn build(&self, tree: &Tree) -> Done {
        self.clear(tree)?;
        let top = self.top(tree);
        for file in &tree.files {
            make(file, &top)?;
        }
        // From the bottom up, because a directory may become inaccessible to its own owner.
        for file in tree.files.iter().rev() {
            dress(file, &top)?;
        }
        for file in tree
            .files
            .iter()
            .filter(|file| file.immutable || file.append)
        {
            set_flags(&at(&top, &file.path), file.immutable, file.append)?;
        }
        tree.mounts.iter().try_for_each(|mount| attach(mount, &top))
    }

    fn clear(&self, tree: &Tree) -> Done {
        let disk = self.disk(tree.disk);
        if tree.disk == Disk::Tmpfs && self.means.mounts {
            let _ = umount2(&disk, MntFlags::MNT_DETACH);
            mount(
                Some("t"),
                &disk,
                Some("tmpfs"),
                MsFlags::empty(),
                Some("mode=755"),
            )?;
            return self.tidy(&disk);
        }
        self.detach_below(&disk)?;
        self.tidy(&disk)?;
        match fs::symlink_metadata(disk.join("r")) {
            Ok(_) => remove(&disk.join("r")),
            Err(_) => Ok(()),
        }
    }

    /// Removes what attempts with many `..` created above the tree.
    fn tidy(&self, disk: &Path) -> Done {
        let above: Vec<&Path> = disk
            .ancestors()
            .filter(|above| above.starts_with(&self.floor))
            .collect();
        let (uid, gid) = (self.means.uids[0], self.means.gids[0]);
        for above in above.into_iter().rev() {
            let owner = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            fs::set_permissions(above, fs::Permissions::from_mode(0o755))?;
            chownat(CWD, above, owner.0, owner.1, AtFlags::empty())?;
            for name in NAMES {
                let path = above.join(name);
                if fs::symlink_metadata(&path).is_ok() {
                    remove(&path)?;
                }
            }
        }
        Ok(())
    }

    fn detach_below(&self, disk: &Path) -> Done {
        if !self.means.mounts {
            return Ok(());
        }
        let table = fs::read_to_string("/proc/self/mountinfo")?;
        let below = format!("{}/", disk.display());
        let points = table.lines().filter_map(|line| line.split(' ').nth(4));
        let mut points: Vec<&str> = points.filter(|point| point.starts_with(&below)).collect();
        points.reverse();
        points
            .iter()
            .try_for_each(|point| Ok(umount2(*point, MntFlags::MNT_DETACH)?))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for disk in [Disk::Tmpfs, Disk::Ext4] {
            let disk = self.disk(disk);
            let _ = umount2(&disk, MntFlags::MNT_DETACH);
            let _ = self.tidy(&disk).and_then(|()| remove(&disk));
        }
    }
}

fn make_ext4(base: &Path) -> Done {
    let image = base.join("ext4.img");
    Opened::create(&image)?.set_len(32 << 20)?;
    let run = |command: &mut Command| match command.output() {
        Ok(ran) if ran.status.success() => Ok(()),
        Ok(ran) => Err(io::Error::other(
            String::from_utf8_lossy(&ran.stderr).into_owned(),
        )),
        Err(error) => Err(error),
    };
    run(Command::new("mkfs.ext4")
        .args(["-q", "-F", "-O", "^has_journal"])
        .arg(&image))?;
    run(Command::new("mount")
        .args(["-o", "loop"])
        .arg(&image)
        .arg(base.join("e")))
}

/// The path of a file in the tree.
pub fn at(top: &Path, path: &str) -> PathBuf {
    match path {
        "" => top.to_owned(),
        _ => top.join(path),
    }
}

/// The text with `{top}` replaced.
pub fn resolved(text: &str, top: &Path) -> String {
    text.replace("{top}", &top.display().to_string())
}

fn make(file: &File, top: &Path) -> Done {
    let path = at(top, &file.path);
    let special = |kind, device| mknod(&path, kind, Mode::S_IRWXU, device).map_err(io::Error::from);
    match &file.what {
        What::Directory => fs::create_dir(&path),
        What::Link(target) => symlink(resolved(target, top), &path),
        What::HardLink(other) => fs::hard_link(at(top, other), &path),
        What::Fifo => special(SFlag::S_IFIFO, 0),
        What::Socket => special(SFlag::S_IFSOCK, 0),
        What::Char => special(SFlag::S_IFCHR, makedev(1, 3)),
        What::Program(program) => fs::write(&path, contents(program, top)),
    }
}

fn contents(program: &Program, top: &Path) -> Vec<u8> {
    match program {
        // As long as an ELF header, so that it is recognized not to be a loader.
        Program::Empty => vec![b'\n'; 64],
        Program::Script(interpreter) => {
            format!("#!{}\n{:64}", resolved(interpreter, top), "").into_bytes()
        }
        Program::Elf(loader) => elf::program(
            loader
                .as_ref()
                .map(|loader| resolved(loader, top))
                .as_deref(),
        ),
    }
}

/// Sets owner, mode and ACLs. The mode comes last, because a new owner clears the set-user-ID bit.
fn dress(file: &File, top: &Path) -> Done {
    let path = at(top, &file.path);
    let (uid, gid) = (Uid::from_raw(file.uid), Gid::from_raw(file.gid));
    if matches!(file.what, What::HardLink(_)) {
        return Ok(());
    }
    chownat(CWD, &path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if matches!(file.what, What::Link(_)) {
        return Ok(());
    }
    for (name, acl) in [
        ("system.posix_acl_access", &file.acl),
        ("system.posix_acl_default", &file.default_acl),
    ] {
        if let Some(acl) = acl {
            setxattr(&path, name, &acl.to_xattr(), XattrFlags::empty())?;
        }
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))
}

/// Sets inode flags, as chattr(1) does.
pub fn set_flags(path: &Path, immutable: bool, append: bool) -> Done {
    let file = Opened::open(path)?;
    let mut flags = rustix::fs::ioctl_getflags(&file)?;
    flags.set(rustix::fs::IFlags::IMMUTABLE, immutable);
    flags.set(rustix::fs::IFlags::APPEND, append);
    rustix::fs::ioctl_setflags(&file, flags)?;
    Ok(())
}

fn attach(plan: &Mount, top: &Path) -> Done {
    let on = at(top, &plan.on);
    let hidden = |path: &str| !at(top, path).is_dir();
    if hidden(&plan.on) || plan.of.as_deref().is_some_and(hidden) {
        // It was created for an earlier mount.
        return Ok(());
    }
    match &plan.of {
        Some(of) => mount(
            Some(&at(top, of)),
            &on,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )?,
        None => mount(
            Some("inner"),
            &on,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("mode=777"),
        )?,
    }
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
    flags.set(MsFlags::MS_RDONLY, plan.read_only);
    flags.set(MsFlags::MS_NOEXEC, plan.noexec);
    flags.set(MsFlags::MS_NODEV, plan.nodev);
    let mut flags = flags.bits();
    if plan.nosymfollow {
        // MS_NOSYMFOLLOW
        flags |= 256;
    }
    let flags = MsFlags::from_bits_retain(flags);
    mount(None::<&str>, &on, None::<&str>, flags, None::<&str>)?;
    if plan.super_read_only {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &on, None::<&str>, flags, None::<&str>)?;
    }
    Ok(())
}

/// Removes a tree, regardless of modes and flags in it.
fn remove(path: &Path) -> Done {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_dir() {
        let _ = set_flags(path, false, false);
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(path)? {
            remove(&entry?.path())?;
        }
        return fs::remove_dir(path);
    }
    fs::remove_file(path).or_else(|_| {
        set_flags(path, false, false)?;
        fs::remove_file(path)
    })
}

/// A path for system calls.
pub fn c_path(path: &str) -> CString {
    CString::new(Path::new(path).as_os_str().as_bytes()).expect("no path here holds a zero byte")
}
