//! Hints for logs and workflows, and the configuration file, tested from outside.
mod support;

use serde_json::Value;
use support::{Ran, World};

/// Runs a command that is refused, with these options.
fn refused(world: &World, options: &str) -> Ran {
    world.root("install -d -m 700 -o deploy /srv/app && touch /srv/app/a");
    world.run("alice", &format!("permwrap {options} -- cat /srv/app/a"))
}

/// What follows cat's own message.
fn hint(ran: &Ran) -> String {
    let stderr = ran.stderr();
    let own = "cat: /srv/app/a: Permission denied\n";
    assert_eq!(ran.code(), 1, "{ran}");
    stderr
        .strip_prefix(own)
        .unwrap_or_else(|| panic!("{ran}"))
        .to_owned()
}

#[test]
fn a_hint_for_a_log_is_one_line_of_json() {
    let Some(world) = World::new() else { return };
    let hint = hint(&refused(&world, "--hints json"));
    assert_eq!(hint.matches('\n').count(), 1, "{hint}");
    let line: Value = serde_json::from_str(&hint).expect("it is JSON");
    for (field, expected) in [
        ("schema", Value::from(1)),
        ("level", "error".into()),
        ("command", vec!["cat", "/srv/app/a"].into()),
        ("user", "alice".into()),
        ("operation", "read".into()),
        ("path", "/srv/app/a".into()),
        ("errno", "EACCES".into()),
        ("verdict", "denied".into()),
        ("cause", "dir-not-searchable".into()),
        ("refused_by", "/srv/app".into()),
        ("count", Value::from(1)),
    ] {
        assert_eq!(line[field], expected, "{field}: {hint}");
    }
    let time = line["time"].as_str().expect("a time");
    let ran = world.run(
        "alice",
        &format!("echo $(($(date +%s) - $(date -d {time} +%s)))"),
    );
    let age: u32 = ran
        .stdout()
        .trim()
        .parse()
        .expect("a number of seconds, not negative");
    assert!(age < 60, "{time}");
    assert!(
        line["fix"]
            .as_str()
            .is_some_and(|fix| fix.contains("/srv/app")),
        "{hint}"
    );
}

#[test]
fn a_hint_for_a_workflow_is_an_annotation() {
    let Some(world) = World::new() else { return };
    let hint = hint(&refused(&world, "--hints github"));
    assert!(
        hint.starts_with("::error title=permwrap%3A cannot read /srv/app/a::"),
        "{hint}"
    );
    assert!(hint.contains("(dir-not-searchable)%0Afix: "), "{hint}");
    assert_eq!(hint.matches('\n').count(), 1, "{hint}");
    world.root("install -d -m 700 -o deploy /srv/app && touch /srv/app/a");
    let ran = world.run(
        "alice",
        "GITHUB_WORKSPACE=/srv permwrap --hints github -- cat /srv/app/a",
    );
    assert!(ran.stderr().contains(",file=app/a::"), "{ran}");
}

#[test]
fn the_configuration_file_sets_the_form_and_the_command_line_wins() {
    let Some(world) = World::new() else { return };
    let write = |text: &str| {
        world
            .run(
                "alice",
                &format!(
                    "mkdir -p ~/.config/permwrap && echo '{text}' >~/.config/permwrap/config.toml"
                ),
            )
            .ok();
    };
    write("hints = \"json\"");
    assert!(hint(&refused(&world, "")).starts_with('{'));
    assert!(hint(&refused(&world, "--hints text")).contains("permwrap: cannot read"));
    write("hints = \"off\"");
    assert_eq!(hint(&refused(&world, "")), "");
    write("[ignore]\ncauses = [\"dir-not-searchable\"]");
    assert_eq!(hint(&refused(&world, "")), "");
    write("[ignore]\npaths = [\"/srv/app\"]");
    assert_eq!(hint(&refused(&world, "")), "");
    write("[ignore]\npaths = [\"/srv/other\"]");
    assert!(hint(&refused(&world, "")).contains("permwrap: cannot read"));
}

#[test]
fn a_mistake_in_the_configuration_is_said_and_the_hint_still_comes() {
    let Some(world) = World::new() else { return };
    world.run("alice", "mkdir -p ~/.config/permwrap && printf '\\ncolor = 3\\n' >~/.config/permwrap/config.toml").ok();
    let text = hint(&refused(&world, ""));
    assert!(text.contains("permwrap: cannot read /srv/app/a"), "{text}");
    assert!(
        text.contains("permwrap: /home/alice/.config/permwrap/config.toml:2: "),
        "{text}"
    );
    assert_eq!(
        world.run("alice", "permwrap -- true").stderr(),
        "",
        "not read where there is nothing to say"
    );
    assert_eq!(world.run("alice", "permwrap config").code(), 2);
}

#[test]
fn config_tells_what_is_in_force_and_from_where() {
    let Some(world) = World::new() else { return };
    let text = world.run("alice", "permwrap config").ok().stdout();
    assert!(
        text.starts_with("file           /home/alice/.config/permwrap/config.toml (not there"),
        "{text}"
    );
    world
        .run(
            "alice",
            "mkdir -p xdg/permwrap && echo 'color = \"never\"' >xdg/permwrap/config.toml",
        )
        .ok();
    let text = world
        .run("alice", "XDG_CONFIG_HOME=~/xdg permwrap config")
        .ok()
        .stdout();
    assert!(
        text.starts_with("file           /home/alice/xdg/permwrap/config.toml\n"),
        "{text}"
    );
    let color = text
        .lines()
        .find(|line| line.starts_with("color"))
        .expect("a line");
    assert_eq!(
        color.split_whitespace().collect::<Vec<_>>(),
        ["color", "never", "line", "1"]
    );
}

#[test]
fn root_is_reached_by_the_program_that_is_installed() {
    let Some(world) = World::new() else { return };
    world.root(
        "for name in sudo doas; do for place in /usr/bin /usr/local/bin; do
        ! [ -e $place/$name ] || mount --bind /dev/null $place/$name; done; done",
    );
    let fix = |ran: &Ran| {
        let hint = hint(ran);
        let line = hint.lines().find(|line| line.starts_with("  fix"));
        line.unwrap_or_else(|| panic!("{ran}")).to_owned()
    };
    let entry = "setfacl -m u:alice:--x /srv/app";
    // Without one of them, it is not said to "log in again, as root".
    let ran = refused(&world, "");
    assert!(
        fix(&ran).contains(&format!(" {entry}   in a root shell; ")),
        "{ran}"
    );
    assert!(
        !ran.stderr().contains("sudo") && !ran.stderr().contains("doas"),
        "{ran}"
    );
    let tee = "permwrap -- bash -c 'echo x > /etc/motd2'";
    let ran = world.run("alice", tee);
    assert!(!ran.stderr().contains("tee"), "{ran}");
    world.root("printf '#!/bin/sh\\n' >/mnt/bin/doas; chmod 755 /mnt/bin/doas");
    let ran = refused(&world, "");
    assert!(fix(&ran).contains(&format!(" doas {entry} ")), "{ran}");
    let ran = world.run("alice", tee);
    let said = ran.stderr();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("| doas tee /etc/motd2"), "{ran}");
    let ran = refused(&world, "--hints line");
    assert!(
        ran.stderr().contains(&format!("fix: doas {entry}")),
        "{ran}"
    );
    world.root("cp /mnt/bin/doas /mnt/bin/sudo");
    let ran = refused(&world, "");
    assert!(fix(&ran).contains(&format!(" sudo {entry} ")), "{ran}");
}

#[test]
fn no_name_is_made_that_was_drawn_at_random() {
    let Some(world) = World::new() else { return };
    for command in [
        "mktemp -d -p /srv",
        "mktemp -d /srv/run-XXXXXX",
        "mkdir /srv/tmp.r4TBQzWq2K",
    ] {
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        assert!(ran.stderr().contains("permwrap: cannot make"), "{ran}");
        assert!(!ran.stderr().contains("install -d"), "{ran}");
    }
    let ran = world.run("alice", "permwrap -- mkdir /srv/shop");
    assert!(
        ran.stderr()
            .contains("sudo install -d -m 755 -o alice -g alice /srv/shop"),
        "{ran}"
    );
}
