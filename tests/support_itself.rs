//! The test support does what the tests rely on.
mod support;
use support::World;

#[test]
fn a_user_of_the_world_is_an_ordinary_one() {
    let Some(world) = World::new() else { return };
    let ran = world
        .run(
            "alice",
            "id; pwd; grep -E '^Cap(Eff|Inh|Prm)' /proc/self/status",
        )
        .ok();
    assert_eq!(
        ran.stdout(),
        "uid=3001(alice) gid=3001(alice) groups=3001(alice)\n/home/alice\n\
         CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
    );
}

#[test]
fn a_group_joined_counts_from_the_next_command_on() {
    let Some(world) = World::new() else { return };
    world.root("usermod -aG team alice");
    assert!(world.run("alice", "id -nG").stdout().contains("team"));
}

#[test]
fn acls_and_inode_flags_work_in_the_world() {
    let Some(world) = World::new() else { return };
    world.root("echo 1 > /srv/f; chmod 600 /srv/f; setfacl -m u:alice:r /srv/f; touch /srv/g; chattr +i /srv/g");
    assert_eq!(world.run("alice", "cat /srv/f").stdout(), "1\n");
    assert_ne!(world.run("root", "rm /srv/g").code(), 0);
}

#[test]
fn the_built_permwrap_is_found_by_everybody() {
    let Some(world) = World::new() else { return };
    assert_eq!(
        world.run("alice", "command -v permwrap").stdout(),
        "/mnt/bin/permwrap\n"
    );
    assert_eq!(world.run("alice", "permwrap --version").code(), 0);
}
