//! The test starts itself again in a mount namespace of its own, whose root directory is an empty tmpfs. Random paths with any
//! number of `..` then lead to nothing that belongs to somebody else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use crate::{settings, support};

/// What is possible in this environment.
pub struct Stage {
    /// Whether this process is root in the initial user namespace.
    pub root: bool,
    /// Whether it has a mount namespace of its own.
    pub mounts: bool,
    /// An empty directory.
    pub directory: PathBuf,
    /// The directory at or above it, below which everything belongs to the test.
    pub floor: PathBuf,
    /// The lock for the settings of the machine.
    pub lock: Option<fs::File>,
}

const INSIDE: &str = "PERMWRAP_KERNEL_STAGE";
/// The file that proves that the test was really run inside the namespace.
const RAN: &str = "ran";
const DIRECTORY: &str = "PERMWRAP_KERNEL_DIRECTORY";

/// Runs this test again inside a namespace. There it returns what is possible; outside it returns `None`, and the test is
/// finished.
///
/// Root has all possibilities. An ordinary user has those of a user namespace, or else only files of its own.
pub fn enter(test: &str) -> Option<Stage> {
    if let Ok(stage) = std::env::var(INSIDE) {
        let directory = std::env::var_os(DIRECTORY).expect("it comes with the stage");
        return Some(Stage::set_up(&stage, Path::new(&directory)));
    }
    let root = support::is_root();
    if !root {
        support::skip("of the kernel's decisions only those that an ordinary user can set up");
    }
    let attempts: &[(&str, &[&str])] = match root {
        true => &[("root", &["unshare", "--mount", "--propagation", "private"])],
        false => &[
            (
                "namespace",
                &["unshare", "--map-current-user", "--keep-caps", "--mount"],
            ),
            ("plain", &["env"]),
        ],
    };
    for (stage, wrapper) in attempts {
        if *stage == "namespace" && !works(wrapper) {
            continue;
        }
        let directory = tempfile::Builder::new()
            .prefix("pwk")
            .tempdir()
            .expect("a directory");
        let status = Command::new(wrapper[0])
            .args(&wrapper[1..])
            .arg(std::env::current_exe().expect("this test"))
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(INSIDE, stage)
            .env(DIRECTORY, directory.path())
            .status()
            .expect("unshare(1) of util-linux runs");
        assert!(status.success(), "the test failed inside, see above");
        let ran = directory.path().join(RAN).exists();
        assert!(ran, "there is no test {test}");
        return None;
    }
    unreachable!("env(1) always works")
}

impl Stage {
    fn set_up(stage: &str, temporary: &Path) -> Stage {
        let mounts = stage != "plain";
        let lock = settings::lock();
        fs::write(temporary.join(RAN), "").expect("the directory is ours");
        let (directory, floor) = match mounts {
            true => (
                new_root(temporary).expect("the namespace is ours"),
                Path::new("/"),
            ),
            false => (below(temporary), temporary),
        };
        Stage {
            root: stage == "root",
            mounts,
            directory,
            floor: floor.to_owned(),
            lock,
        }
    }
}

/// Makes an empty tmpfs the root directory, with the system's /proc, /sys, /etc, /dev and programs.
fn new_root(at: &Path) -> nix::Result<PathBuf> {
    let none = None::<&str>;
    mount(
        Some("root"),
        at,
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=755"),
    )?;
    for name in [
        "proc", "sys", "etc", "dev", "usr", "bin", "sbin", "lib", "lib64", "old",
    ] {
        let (from, to) = (Path::new("/").join(name), at.join(name));
        if name == "old" {
            fs::create_dir(&to).expect("the tmpfs is ours");
        } else if let Ok(target) = fs::read_link(&from) {
            std::os::unix::fs::symlink(target, &to).expect("the tmpfs is ours");
        } else if from.is_dir() {
            fs::create_dir(&to).expect("the tmpfs is ours");
            mount(
                Some(&from),
                &to,
                none,
                MsFlags::MS_BIND | MsFlags::MS_REC,
                none,
            )?;
        }
    }
    chdir(at)?;
    pivot_root(".", "old")?;
    chdir("/")?;
    umount2("/old", MntFlags::MNT_DETACH)?;
    fs::remove_dir("/old").expect("it is empty");
    for name in ["/x", "/tmp"] {
        fs::create_dir(name).expect("the tmpfs is ours");
    }
    fs::set_permissions("/tmp", fs::Permissions::from_mode(0o1777)).expect("it is ours");
    Ok(PathBuf::from("/x"))
}

/// A directory so deep that no `..` of a plan leads out of the temporary one.
fn below(temporary: &Path) -> PathBuf {
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(temporary, open).expect("it is ours");
    let deep = temporary.join("0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5");
    fs::create_dir_all(&deep).expect("it is ours");
    deep
}

fn works(wrapper: &[&str]) -> bool {
    let mut command = Command::new(wrapper[0]);
    command
        .args(&wrapper[1..])
        .arg("true")
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
