//! What is read of the object at the end of a path, and of its surroundings.

use crate::support::{World, become_user, shell};
use crate::{attempt, in_own_mounts, own, read, sleeper, wait_for};
use permwrap::attempt::{Attempt, Errno, Operation};
use permwrap::facts::{Kind, Perms, Program, Tag};
use permwrap::gather;

#[test]
fn attributes_are_as_the_tools_set_them() {
    in_own_mounts(&["setfacl", "chattr"], || {
        shell(
            "cd /mnt; mkdir d; chmod 3775 d; setfacl -m d:u:4001:rwx d; touch f i a; chown 4001:4002 f; chmod 4640 f
             setfacl -m u:4003:rwx,g:4004:x,m:r f; chattr +i i; chattr +a a; mkfifo p; mknod z c 1 5",
        );
        let node = |path: &str| {
            let facts = read(path.as_bytes());
            facts.node(facts.walk.target().unwrap()).clone()
        };
        let f = node("/mnt/f");
        let inode = f.inode.unwrap();
        assert_eq!(
            (inode.mode, inode.uid, inode.gid, inode.links),
            (0o4640, 4001, 4002, 1)
        );
        let acl = f.acl.unwrap().unwrap();
        assert_eq!(acl.get(Tag::User(4003)), Some(Perms::RWX));
        assert_eq!(acl.get(Tag::Group(4004)), Some(Perms::X));
        assert_eq!(acl.mask(), Perms::R);
        let d = node("/mnt/d");
        assert_eq!(d.inode.unwrap().mode, 0o3775);
        assert_eq!(d.acl, Ok(None));
        assert_eq!(
            d.default_acl.unwrap().unwrap().get(Tag::User(4001)),
            Some(Perms::RWX)
        );
        let (i, a) = (node("/mnt/i").flags.unwrap(), node("/mnt/a").flags.unwrap());
        assert!(i.immutable && !i.append && a.append && !a.immutable);
        shell("chattr -i /mnt/i; chattr -a /mnt/a");
        assert_eq!(node("/mnt/p").inode.unwrap().kind, Kind::Fifo);
        let z = node("/mnt/z").inode.unwrap();
        assert_eq!((z.kind, z.rdev.major, z.rdev.minor), (Kind::Char, 1, 5));
    });
}

#[test]
fn an_acl_with_many_entries_is_read() {
    in_own_mounts(&["setfacl"], || {
        shell(
            "touch /mnt/f; for i in $(seq 5000 5200); do echo u:$i:r; done | setfacl -M - /mnt/f",
        );
        let facts = read(b"/mnt/f");
        let acl = facts.node(facts.walk.target().unwrap()).acl.clone();
        assert_eq!(acl.unwrap().unwrap().entries.len(), 201 + 4);
    });
}

#[test]
fn the_programs_that_a_script_leads_to_are_walked() {
    in_own_mounts(&[], || {
        shell(
            "cd /mnt; printf '#!/mnt/two\\n' > one; printf '#! /bin/sh -e\\n' > two; echo plain > three; chmod 755 one two three",
        );
        let exec = |path: &[u8]| gather::facts(&attempt(own(), Operation::Exec, path));
        let facts = exec(b"/mnt/one");
        let paths: Vec<&[u8]> = facts
            .interpreters
            .iter()
            .map(|walk| &walk.path[..])
            .collect();
        assert_eq!(paths[..2], [&b"/mnt/two"[..], b"/bin/sh"]);
        assert_eq!(paths.len(), 3, "the loader of sh is the last");
        let sh = facts.node(facts.interpreters[1].target().unwrap());
        assert!(matches!(&sh.program, Ok(Program::Elf(Some(loader))) if loader == paths[2]));
        assert_eq!(exec(b"/mnt/three").interpreters, []);
        let three = exec(b"/mnt/three");
        assert_eq!(
            three.node(three.walk.target().unwrap()).program,
            Ok(Program::Other)
        );
        // An unreadable file may still be executable, but its interpreter is unknown.
        shell("chmod 711 /mnt/one");
        become_user(4001, 4001, &[]);
        let facts = exec(b"/mnt/one");
        let program = facts.node(facts.walk.target().unwrap()).program.clone();
        assert_eq!(program.unwrap_err().errno, Some(Errno::Acces));
    });
}

#[test]
fn whether_a_directory_is_empty_is_looked_at_for_its_removal() {
    in_own_mounts(&[], || {
        shell("mkdir -p /mnt/empty /mnt/full/x");
        let empty = |path: &[u8]| {
            let facts = gather::facts(&attempt(own(), Operation::Rmdir, path));
            facts.node(facts.walk.named().unwrap()).empty.clone()
        };
        assert_eq!(empty(b"/mnt/empty"), Ok(true));
        assert_eq!(empty(b"/mnt/full"), Ok(false));
        let facts = gather::facts(&Attempt {
            to: Some(b"/mnt/full".to_vec()),
            ..attempt(own(), Operation::Rename, b"/mnt/empty")
        });
        let to = facts.to.as_ref().unwrap().named().unwrap();
        assert_eq!(facts.node(to).empty, Ok(false));
    });
}

#[test]
fn home_project_and_leftovers_are_found() {
    let Some(world) = World::new() else { return };
    world.root(
        "cd /home/alice && mkdir -p p/.git p/src p/node_modules/q && touch p/src/x p/node_modules/q/package.json
         chown -R alice:alice p && touch p/src/{a,b} && mkdir -p p/node_modules/r && touch p/node_modules/r/f
         install -d -o alice w && mkdir -p w/node_modules && touch w/node_modules/{f,g}
         mkdir venv && touch venv/pyvenv.cfg && mkdir -p .npm/_cacache && touch .npm/_cacache/f && chown alice venv .npm",
    );
    let (mut child, subject) = sleeper(&world);
    let look = |path: &str| {
        let attempt = attempt(subject.clone(), Operation::WRITE, path.as_bytes());
        let facts = gather::facts(&attempt);
        let leftovers = gather::View::of(&attempt.subject).leftovers(&attempt, &facts);
        let leftovers =
            leftovers.map(|left| (String::from_utf8(left.top).unwrap(), left.owner, left.count));
        (facts.surroundings, leftovers)
    };
    let (around, leftovers) = look("/home/alice/p/node_modules/r/f");
    assert_eq!(around.home.as_deref(), Some(&b"/home/alice"[..]));
    assert_eq!(around.project.as_deref(), Some(&b"/home/alice/p"[..]));
    assert_eq!(leftovers, Some(("/home/alice/p".to_owned(), 0, 4)));
    let (_, leftovers) = look("/home/alice/.npm/_cacache/f");
    assert_eq!(
        leftovers,
        Some(("/home/alice/.npm/_cacache".to_owned(), 0, 2))
    );
    // Most of it is root's, and what is in there is a package manager's.
    let (_, leftovers) = look("/home/alice/w/node_modules/f");
    let whole = ("/home/alice/w/node_modules".to_owned(), 0, 3);
    assert_eq!(leftovers, Some(whole));
    let (around, leftovers) = look("/home/alice/venv/pyvenv.cfg");
    assert_eq!(around.prefix.as_deref(), Some(&b"/home/alice/venv"[..]));
    assert_eq!(leftovers, Some(("/home/alice/venv".to_owned(), 0, 1)));
    let (around, leftovers) = look("/etc/passwd");
    assert_eq!((around.project, leftovers), (None, None));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_running_program_is_held() {
    in_own_mounts(&[], || {
        shell("cp \"$(readlink -f \"$(command -v sleep)\")\" /mnt/sleep");
        let mut child = std::process::Command::new("/mnt/sleep")
            .arg("60")
            .spawn()
            .unwrap();
        wait_for("sleep", i32::try_from(child.id()).unwrap());
        let facts = gather::facts(&attempt(own(), Operation::WRITE, b"/mnt/sleep"));
        let holders: Vec<u32> = facts
            .holders
            .iter()
            .map(|holder| holder.pid.cast_unsigned())
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(holders, [child.id()]);
        let open = std::fs::File::options()
            .append(true)
            .open("/mnt/sleep")
            .unwrap();
        let busy = Attempt {
            errno: Some(Errno::TxtBsy),
            ..attempt(own(), Operation::Exec, b"/mnt/sleep")
        };
        let facts = gather::facts(&busy);
        assert_eq!(facts.holders[0].pid.cast_unsigned(), std::process::id());
        drop(open);
        assert_eq!(gather::facts(&busy).holders, []);
    });
}
