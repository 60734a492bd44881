//! What is printed is parsed back, and errors give the line number.

use super::{Scene, parse, print};
use crate::attempt::{Capability, Errno, Object, OpenHow, Operation};
use crate::facts::{Kind, Perms, Tag};

/// The example of the module's documentation.
fn example() -> &'static str {
    let documentation = include_str!("../notation.rs");
    let from = documentation
        .find("# alice is in www")
        .expect("the example begins");
    let to = documentation
        .find("//! ```\n//!\n//! # Lines")
        .expect("the example ends");
    let text: Vec<&str> = documentation[from..to].lines().collect();
    let text: Vec<&str> = text
        .iter()
        .map(|line| line.trim_start_matches("//!"))
        .collect();
    text.join("\n").leak()
}

/// Parses, prints and parses again: nothing may change.
fn round_trip(text: &str) -> Scene {
    let scene = parse(text).unwrap_or_else(|trouble| panic!("{trouble}\n{text}"));
    let printed = print(&scene.attempt, &scene.facts);
    let again = parse(&printed).unwrap_or_else(|trouble| panic!("{trouble}\n{printed}"));
    assert_eq!(printed, print(&again.attempt, &again.facts));
    assert_eq!(scene.attempt, again.attempt, "{printed}");
    scene
}

#[test]
fn a_way_back_out_of_a_real_directory_is_left_out_of_the_path() {
    let plain = |path: &str| {
        let text = format!(
            "subject alice alice\nattempt read {path}\nanswer EACCES\n\n\
             drwxr-xr-x root root /srv\ndrwxr-xr-x root root /srv/a\n\
             lrwxrwxrwx root root /srv/link -> /srv/a/b\ndrwxr-xr-x root root /srv/a/b\n\
             drwx------ root root /srv/closed\n\nuser 1000 alice\ngroup 1000 alice\n"
        );
        let scene = parse(&text).unwrap_or_else(|trouble| panic!("{trouble}\n{text}"));
        let plain = scene.facts.without_detours(path.as_bytes());
        String::from_utf8(plain).expect("as it was")
    };
    assert_eq!(plain("/srv/a/b/../../closed"), "/srv/closed");
    assert_eq!(plain("/srv/a/../../srv/./closed/"), "/srv/closed/");
    assert_eq!(plain("/srv/a/.."), "/srv");
    // A symlink leads elsewhere.
    assert_eq!(plain("/srv/link/../b"), "/srv/link/../b");
}

#[test]
fn the_documented_example_is_read_and_written() {
    let Scene { attempt, facts } = round_trip(example());
    assert_eq!(attempt.operation, Operation::WRITE);
    assert_eq!(attempt.errno, Some(Errno::Acces));
    assert_eq!(attempt.subject.database_groups, Ok(vec![29, 33]));
    let path = |id| facts.node(id).path.as_slice();
    let steps: Vec<(&[u8], &[u8], u8, bool)> = facts
        .walk
        .steps
        .iter()
        .map(|step| (path(step.dir), step.name.as_slice(), step.depth, step.last))
        .collect();
    assert_eq!(
        steps,
        [
            (&b"/"[..], &b"srv"[..], 0, false),
            (b"/srv", b"app", 0, false),
            (b"/srv/app", b"current", 0, false),
            (b"/srv/app", b"releases", 1, false),
            (b"/srv/app/releases", b"7", 1, true),
            (b"/srv/app/releases/7", b"users.db", 0, true),
        ]
    );
    let file = facts.walk.target().expect("the file is there");
    assert_eq!(path(file), b"/srv/app/releases/7/users.db");
    assert!(
        facts
            .node(file)
            .flags
            .as_ref()
            .is_ok_and(|flags| flags.append)
    );
    assert!(facts.mount_of(file).flags.read_only);
    assert!(
        !facts
            .mount_of(facts.walk.start.expect("a root"))
            .flags
            .read_only
    );
}

#[test]
fn acl_entries_join_the_bits_of_the_mode() {
    let facts = round_trip(example()).facts;
    let app = facts
        .nodes
        .iter()
        .find(|node| node.path == b"/srv/app")
        .expect("described");
    let acl = app.acl.clone().expect("read").expect("an ACL");
    assert_eq!(acl.get(Tag::Owner), Some(Perms::RWX));
    assert_eq!(acl.get(Tag::User(1001)), Some(Perms::RWX));
    assert_eq!(acl.get(Tag::OwningGroup), Some(Perms::R.or(Perms::X)));
    assert_eq!(acl.mask(), Perms::RWX);
    assert_eq!(acl.get(Tag::Other), Some(Perms::X));
    let default = app.default_acl.clone().expect("read").expect("an ACL");
    assert_eq!(default.get(Tag::User(1001)), Some(Perms::RWX));
}

/// Every kind of line and word, as [`print`] writes them.
const EVERYTHING: &str = r"subject  alice 100 groups=audio,33 database=?EIO caps=dac_override,fowner bounding=0x100000003 real=root pid=7 uid_map=0+1,1000+1 gid_map=none userns no_new_privs seccomp label=unconfined
attempt  open:read,write,exclusive /proc/9/fd/3
answer   EPERM

drwxr-xr-x   root  root   /
drwxrwxr-t+  alice audio  /d  default=?EACCES empty=no
             user:alice:r-x
             group::rwx
             group:audio:---
drwxr-xr-x   root  root   /d/e  acl=? flags=?EOPNOTSUPP label=system_u:object_r:etc_t:s0
             default:user::rwx
             default:user:alice:rwx
             default:group::r-x
             default:mask::rwx
             default:other::---
-rwsr-xr-x   root  root   /d/e/f  program=script:/bin/sh links=3 inode=8:1/77
crw-rw----   root  audio  /d/e/snd  rdev=116:2
??????????   ?     ?      /d/hidden  ?EACCES
dr-xr-xr-x   root  root   /proc
dr-xr-xr-x   root  root   /proc/9
dr-x------   root  root   /proc/9/fd
l-wx------   root  root   /proc/9/fd/3 -> /d/e/f\x20(deleted)  traced=read:9:0/0/0:0/0/0:full:?:yes:my\x20daemon
jump     /proc/9/fd/3 /d/e/f

mount    / ext4 rw id=22 source=/dev/sda1 super=ro,errors=remount-ro
mount    /d fuse.sshfs ro,noexec,nosuid,nodev,nosymfollow,idmapped id=23 root=/sub source=host: super=rw,allow_other,user_id=1000,fsname=a\x2cb
setting  fs.protected_symlinks 1
setting  fs.protected_hardlinks 0
setting  fs.protected_regular 2
setting  fs.protected_fifos ?EACCES
setting  net.ipv4.ip_unprivileged_port_start 1024
setting  owns-network-namespace no
setting  lsm capability,landlock
setting  selinux enforcing
setting  lockdown integrity
setting  kernel.dmesg_restrict 1
log      avc: denied { read }
user     1000 alice
group    29 audio alice,bob
held     runs 12 python3 app.py
held     writes 13 cp
home     /home/alice
project  /home/alice/app
prefix   /home/alice/app/.venv
peopled  /srv/data
container docker remapped read-only-root
unit     app.service user
leftovers /home/alice/app/out root 312 own=7 mounts groups whole
elsewhere
wsl
hearsay
planted
swappable
named    /srv/to alters
named    /srv/from reads -rwsr-xr-x 0
lists
fills
beside   -journal
installs PREFIX
tools    sudo,setfacl
command  python3 my\x20app.py
";

#[test]
fn every_kind_of_line_survives() {
    let scene = round_trip(EVERYTHING);
    assert_eq!(scene.to_string(), EVERYTHING);
    let Operation::Open(how) = scene.attempt.operation else {
        panic!("{:?}", scene.attempt.operation)
    };
    assert!(how.read && how.write && how.exclusive && how != OpenHow::WRITE);
    assert!(scene.attempt.subject.has(Capability::Fowner));
    let object = scene.facts.walk.target().expect("the jump is followed");
    assert_eq!(scene.facts.node(object).path, b"/d/e/f");
}

#[test]
fn special_modes_are_those_of_ls() {
    for (listing, mode) in [
        ("-rwsr-sr-t", 0o7755),
        ("-rwSr-Sr-T", 0o7644),
        ("drwxrwxrwt", 0o1777),
        ("c---------", 0),
    ] {
        let (kind, bits) = super::lines::listing(listing).expect(listing);
        assert_eq!(bits, mode, "{listing}");
        assert_eq!(kind == Kind::Directory, listing.starts_with('d'));
    }
    for wrong in [
        "drwxr-xr-",
        "xrwxr-xr-x",
        "-rwtr-xr-x",
        "-rwxr-xr-s",
        "-wrxr-xr-x",
    ] {
        assert_eq!(super::lines::listing(wrong), None, "{wrong}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, says) in [
        (
            "subject 1 1\nattempt read /x",
            "line 2: the way leads to /x, which no line describes",
        ),
        (
            "subject alice 1\nattempt read /",
            "line 1: no `user` line tells the number of `alice`",
        ),
        ("attempt read /", "line 1: no `subject` line says who tries"),
        ("subject 1 1", "no `attempt` line says what is tried"),
        ("drwx 0 0 /a", "line 1: `drwx` begins no line known here"),
        ("user:1:rwx", "line 1: an ACL entry of no file"),
        ("missing /a\nmissing /a", "line 2: /a is described twice"),
        ("missing a", "line 1: `a` is no absolute path"),
        (
            "missing /a\\y",
            "line 1: `/a\\y` is no path: a backslash begins `\\xNN`",
        ),
        (
            "-rw------- 0 0 /a flags=green",
            "line 1: `green` does not fit `flags=`",
        ),
        (
            "-rw-r----- 0 0 /a\nmask::rwx",
            "line 2: the mask and the group bits of the mode are the same thing, and differ",
        ),
        (
            "mount / ext4 errors=remount-ro",
            "line 1: `errors=remount-ro` is no option of a mount (for the superblock's, write `super=errors=remount-ro`)",
        ),
    ] {
        let trouble = parse(text).expect_err(text);
        assert_eq!(trouble.to_string(), says);
    }
}

#[test]
fn bytes_of_a_path_keep_to_their_word() {
    let scene = round_trip(
        "subject 1 1\nattempt read /a\\x20b\\x0a\\xff\n-rw------- 1 1 /a\\x20b\\x0a\\xff",
    );
    assert_eq!(scene.attempt.object, Object::Path(b"/a b\n\xff".to_vec()));
    assert!(scene.facts.walk.target().is_some());
}

#[test]
fn a_way_ends_where_a_link_goes_round() {
    let scene = round_trip("subject 1 1\nattempt read /a\nlrwxrwxrwx 0 0 /a -> a");
    assert_eq!(scene.facts.walk.steps.len(), 41);
}
