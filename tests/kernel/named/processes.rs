//! Sockets, ports, and what /proc shows.

use permwrap::attempt::Operation;

use super::{A_MOMENT, ALICE, BOB, Background, Scene, WWW, agreed, root, user};
use crate::compare;
use crate::plan::Who;

#[test]
fn a_socket_is_connected_to_by_who_may_write_it() {
    let script = "mkdir d; chmod 755 d
        python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind(\"d/s\")'
        chown 0:3201 d/s; chmod 660 d/s; touch d/file; chmod 666 d/file";
    let Some(scene) = Scene::new(
        "processes::a_socket_is_connected_to_by_who_may_write_it",
        script,
    ) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Connect, "/x/d/s"),
        "EACCES mode-denies"
    );
    let member = Who {
        groups: vec![WWW],
        ..user(ALICE)
    };
    assert_eq!(
        scene.tries(&member, Operation::Connect, "/x/d/s"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Connect, "/x/d/file"),
        "ECONNREFUSED"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Bind, "/x/d/new"),
        "EACCES parent-not-writable"
    );
    assert_eq!(
        scene.tries(&root(), Operation::Bind, "/x/d/s"),
        "EADDRINUSE"
    );
    assert_eq!(scene.tries(&root(), Operation::READ, "/x/d/s"), "ENXIO");
}

#[test]
fn low_ports_need_the_capability_where_the_network_belongs() {
    let Some(scene) = Scene::new(
        "processes::low_ports_need_the_capability_where_the_network_belongs",
        "",
    ) else {
        return;
    };
    let port = |who: &Who, port: u16| agreed(compare::bind_port(who, port));
    assert_eq!(port(&user(ALICE), 80), "EACCES privileged-port");
    assert_eq!(port(&user(ALICE), 1024), "allowed");
    let bind_service = Who {
        capabilities: 1 << 10,
        ..user(ALICE)
    };
    assert_eq!(port(&bind_service, 80), "allowed");
    assert_eq!(
        port(
            &Who {
                capabilities: 0,
                ..root()
            },
            80
        ),
        "EACCES privileged-port"
    );
    // Root in a user namespace of its own, but in a network namespace that this does not own.
    let namespace = Who {
        namespace: Some((vec![ALICE], vec![ALICE])),
        ..bind_service
    };
    assert_eq!(port(&namespace, 80), "EACCES privileged-port");
    drop(scene);
}

#[test]
fn proc_shows_a_process_to_who_may_trace_it() {
    let Some(scene) = Scene::new(
        "processes::proc_shows_a_process_to_who_may_trace_it",
        "cp /bin/sleep sleep",
    ) else {
        return;
    };
    let stranger = Background::start(
        "setpriv",
        &[
            "--reuid=3102",
            "--regid=3102",
            "--clear-groups",
            "/x/sleep",
            "100",
        ],
    );
    std::thread::sleep(A_MOMENT);
    let file = |name: &str| format!("/proc/{}/{name}", stranger.0.id());
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, &file("environ")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, &file("maps")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, &file("status")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, &file("environ")),
        "EACCES mode-denies"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, &file("maps")),
        "EACCES not-owner"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::List, &file("cwd")),
        "EACCES not-owner"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::List, &file("cwd")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&root(), Operation::List, &file("cwd")),
        "allowed"
    );
}

#[test]
fn proc_sys_knows_root_and_nobody_else() {
    let Some(scene) = Scene::new("processes::proc_sys_knows_root_and_nobody_else", "") else {
        return;
    };
    let setting = "/proc/sys/kernel/domainname";
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, setting),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, setting),
        "EACCES mode-denies"
    );
    assert_eq!(scene.tries(&root(), Operation::WRITE, setting), "allowed");
    let bare = Who {
        capabilities: 0,
        ..root()
    };
    assert_eq!(scene.tries(&bare, Operation::WRITE, setting), "allowed");
    let capable = Who {
        capabilities: (1 << 41) - 1,
        ..user(ALICE)
    };
    assert_eq!(
        scene.tries(&capable, Operation::WRITE, setting),
        "EACCES mode-denies"
    );
}
