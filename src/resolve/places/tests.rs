use super::*;
use crate::attempt::Subject;
use crate::resolve::Presence;
use crate::resolve::Script;

fn circumstances(start: &str, command: &[&str]) -> Circumstances {
    let arguments: Vec<Vec<u8>> = command
        .iter()
        .map(|word| word.as_bytes().to_vec())
        .collect();
    Circumstances {
        processes: vec![CandidateProcess {
            subject: Subject::login(1000, 1000, vec![1000]),
            directory: None,
            arguments: arguments.clone(),
            name: None,
            presence: Presence::Speaking,
            place: None,
        }],
        start: start.as_bytes().to_vec(),
        command: arguments,
        search_path: vec![b"/usr/bin".to_vec()],
        home: Some(b"/home/alice".to_vec()),
        host: None,
        terminal: false,
        scripts: Vec::new(),
    }
}

fn paths(path: &str, operation: &Operation, circumstances: &Circumstances) -> Vec<String> {
    let incident = Incident::default();
    let speakers = Speakers::of(&incident, circumstances);
    let found = aims(
        path.as_bytes(),
        operation,
        &incident,
        &speakers,
        circumstances,
    );
    found
        .into_iter()
        .map(|aim| String::from_utf8(aim.path).unwrap())
        .collect()
}

#[test]
fn where_a_command_line_says_to_work_counts_for_whoever_was_about_to_end() {
    let mut place = circumstances(
        "/home/alice",
        &["sh", "-c", "cd /; tar -xf t.tar -C /srv/out"],
    );
    place.processes[0].directory = Some(b"/".to_vec());
    place.processes[0].arguments.clear();
    assert_eq!(
        paths("x", &Operation::CREATE, &place)[..2],
        ["/srv/out/x", "/x"]
    );
}

#[test]
fn a_relative_path_is_in_the_directory_that_the_program_was_told_or_in_its_own() {
    let mut place = circumstances("/srv/app", &["tar", "-C", "out", "-xf", "a.tar"]);
    assert_eq!(
        paths("./x/y", &Operation::READ, &place)[..2],
        ["/srv/app/out/x/y", "/srv/app/x/y"]
    );
    place.processes[0].directory = Some(b"/srv/app/out".to_vec());
    assert_eq!(
        paths("./x/y", &Operation::READ, &place),
        ["/srv/app/out/x/y"]
    );
}

#[test]
fn the_directory_told_in_code_for_a_shell_counts_as_well() {
    let place = circumstances(
        "/",
        &["bash", "-c", "cd /; tar -xf a.tar -C '/srv/out'; true"],
    );
    assert_eq!(paths("x", &Operation::CREATE, &place)[0], "/srv/out/x");
}

#[test]
fn an_option_that_means_something_else_is_no_directory() {
    let mut place = circumstances("/srv", &["cut", "-d", "/", "-f1", "etc/shadow"]);
    place.processes[0].directory = Some(b"/srv".to_vec());
    assert_eq!(
        paths("etc/shadow", &Operation::READ, &place),
        ["/srv/etc/shadow"]
    );
}

#[test]
fn a_program_that_goes_along_its_operands_names_them_as_they_were_given() {
    let mut place = circumstances("/srv", &["mkdir", "-p", "nd/a/b"]);
    place.processes[0].directory = Some(b"/srv/nd".to_vec());
    assert_eq!(paths("nd", &Operation::Mkdir, &place), ["/srv/nd"]);
    place.command = vec![b"make".to_vec()];
    assert_eq!(paths("nd/a", &Operation::Mkdir, &place), ["/srv/nd/a"]);
    place.processes[0].directory = Some(b"/srv".to_vec());
    assert_eq!(paths("nd", &Operation::Mkdir, &place), ["/srv/nd"]);
}

#[test]
fn a_name_that_a_program_looks_for_is_found_upwards() {
    let read = |command: &[&str], path: &str| {
        let mut place = circumstances("/home/alice/p/src", command);
        place.processes[0].arguments.clear();
        paths(path, &Operation::READ, &place)
    };
    assert_eq!(
        read(&["git", "commit"], ".git/index")[..3],
        [
            "/home/alice/p/src/.git/index",
            "/home/alice/p/.git/index",
            "/home/alice/.git/index"
        ]
    );
    assert_eq!(
        read(&["git", "-C", "../q", "commit"], ".git/index")[..1],
        ["/home/alice/p/src/../q/.git/index"]
    );
    assert_eq!(
        read(&["git", "commit"], "src/x")[..1],
        ["/home/alice/p/src/src/x"]
    );
}

#[test]
fn where_code_worked_counts_beside_where_its_process_was_seen_later() {
    let mut place = circumstances(
        "/home/alice",
        &["python3", "-c", "os.chdir('/srv/data'); os.mkdir('a')"],
    );
    assert_eq!(paths("a", &Operation::Mkdir, &place), ["/srv/data/a"]);
    // It has not moved: another process that runs the same has.
    place.processes[0].directory = Some(b"/home/alice".to_vec());
    assert_eq!(paths("a", &Operation::Mkdir, &place), ["/srv/data/a"]);
    // Where it was seen contradicts the code: it may not have got there.
    place.processes[0].directory = Some(b"/srv".to_vec());
    assert_eq!(
        paths("a", &Operation::Mkdir, &place),
        ["/srv/data/a", "/srv/a"]
    );
    // A function may be called after the change of directory that follows it.
    let place = circumstances(
        "/home/alice",
        &[
            "python3",
            "-c",
            "def f(): os.mkdir('a')\nos.chdir('/srv'); f()",
        ],
    );
    assert_eq!(
        paths("a", &Operation::Mkdir, &place),
        ["/home/alice/a", "/srv/a"]
    );
}

#[test]
fn a_subshell_that_ended_too_soon_is_not_taken_for_its_parent() {
    let code = "for i in $(seq 2); do (cd /srv/c/$i; echo > x); done";
    let mut place = circumstances("/home/alice", &["bash", "-c", code]);
    place.processes[0].arguments.clear();
    place.processes[0].directory = Some(b"/home/alice".to_vec());
    assert_eq!(paths("x", &Operation::CREATE, &place), [""; 0]);
}

#[test]
fn a_shell_that_goes_home_works_there() {
    let in_shell = |code| {
        let place = circumstances("/srv", &["bash", "-c", code]);
        paths("x", &Operation::Delete, &place)
    };
    assert_eq!(in_shell("cd ~/p && rm x"), ["/home/alice/p/x"]);
    assert_eq!(in_shell("cd ~ && rm x"), ["/home/alice/x"]);
    assert_eq!(in_shell("cd ~bob && rm x"), [""; 0]);
    assert_eq!(in_shell("HOME=/srv/h; cd ~ && rm x"), [""; 0]);
}

fn script(path: &str, code: &str) -> Script {
    Script {
        path: path.into(),
        code: code.into(),
        is_for_a_shell: true,
        arguments: None,
    }
}

#[test]
fn what_a_script_runs_in_one_place_worked_there_if_nothing_moves_it() {
    let in_script = |code: &str| {
        let place = Circumstances {
            scripts: vec![script("/srv/run.sh", code)],
            ..circumstances("/srv", &["bash", "run.sh"])
        };
        paths("a.o", &Operation::CREATE, &place)
    };
    assert_eq!(in_script("cd app && gcc -c a.c"), ["/srv/app/a.o"]);
    assert_eq!(
        in_script("cd app && perl -e 'open F, \">a\".\".o\"'"),
        ["/srv/app/a.o"]
    );
    for code in [
        "cd app && ./build",
        "cd app && perl -e 'chdir $d'",
        "cd app; make",
    ] {
        assert_eq!(in_script(code), [""; 0], "{code}");
    }
}

#[test]
fn a_recipe_goes_on_from_the_directory_of_its_file() {
    let place = Circumstances {
        scripts: vec![script("/srv/app/Makefile", "all:\n\tcd sub && touch x\n")],
        ..circumstances("/srv", &["make", "-C", "app"])
    };
    assert_eq!(paths("x", &Operation::CREATE, &place), ["/srv/app/sub/x"]);
}

#[test]
fn a_server_whose_settings_may_move_it_is_anywhere() {
    let direct = circumstances("/srv", &["redis-server", "/etc/r.conf"]);
    assert_eq!(paths("x", &Operation::CREATE, &direct), [""; 0]);
    let by_script = Circumstances {
        scripts: vec![script("/srv/run.sh", "redis-server /etc/r.conf")],
        ..circumstances("/srv", &["sh", "run.sh"])
    };
    assert_eq!(paths("x", &Operation::CREATE, &by_script), [""; 0]);
    let without = circumstances("/srv", &["redis-server", "--port", "7000"]);
    assert_eq!(paths("x", &Operation::CREATE, &without)[0], "/srv/x");
}

#[test]
fn a_program_without_a_slash_is_looked_for_in_path() {
    let place = circumstances("/srv", &["tool"]);
    assert_eq!(
        paths("tool", &Operation::Exec, &place)[..2],
        ["/usr/bin/tool", "/srv/tool"]
    );
}

#[test]
fn dots_go_and_double_dots_stay() {
    let place = circumstances("/", &[]);
    assert_eq!(
        paths("/a//./b/../c/", &Operation::READ, &place),
        ["/a/b/../c/"]
    );
    assert_eq!(
        paths("~/.ssh/id", &Operation::READ, &place),
        ["/home/alice/.ssh/id"]
    );
}
