//! Arguments: invalid ones, and those of the command.

use std::process::Command;

use crate::support::permwrap;

fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(permwrap())
        .args(arguments)
        .output()
        .expect("permwrap runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_command_gets_its_arguments_untouched() {
    let (code, stdout, _) = run(&[
        "--quiet", "printf", "%s|", "--", "--quiet", "", "a b", "--report",
    ]);
    assert_eq!((code, stdout.as_str()), (0, "--|--quiet||a b|--report|"));
    let (_, stdout, _) = run(&["--", "printf", "%s|", "--", "x"]);
    assert_eq!(stdout, "--|x|");
}

#[test]
fn a_command_that_is_not_found_gives_127_and_one_line() {
    let (code, stdout, stderr) = run(&["no-such-command-of-any-kind"]);
    assert_eq!((code, stdout.as_str()), (127, ""));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("permwrap: no-such-command-of-any-kind: "),
        "{stderr}"
    );
}

#[test]
fn a_command_that_cannot_be_run_gives_126() {
    assert_eq!(run(&["/etc"]).0, 126);
}

#[test]
fn a_wrong_option_gives_125_and_one_line() {
    let (code, _, stderr) = run(&["--no-such-option", "true"]);
    assert_eq!(code, 125, "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn alone_it_says_how_to_begin() {
    let (code, stdout, stderr) = run(&[]);
    assert_eq!((code, stdout.as_str()), (125, ""));
    for words in [
        "permwrap -- python3 app.py",
        "permwrap help",
        "permwrap explain",
    ] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    assert_eq!(run(&["--quiet"]).0, 125);
}

#[test]
fn help_is_a_subcommand_too() {
    assert_eq!(run(&["help"]), run(&["--help"]));
    assert_eq!(run(&["help", "why"]), run(&["why", "--help"]));
    let (code, _, stderr) = run(&["help", "cuases"]);
    assert_eq!((code, stderr.lines().count()), (2, 1), "{stderr}");
    assert!(stderr.contains("did you mean causes?"), "{stderr}");
}

#[test]
fn a_mistyped_subcommand_is_recognized_unless_it_is_marked_as_a_command() {
    let (code, _, stderr) = run(&["cuases"]);
    assert_eq!(code, 127);
    assert!(
        stderr.contains("did you mean `permwrap causes`?"),
        "{stderr}"
    );
    let (code, _, stderr) = run(&["--", "cuases"]);
    assert_eq!((code, stderr.lines().count()), (127, 1), "{stderr}");
    let (_, _, stderr) = run(&["--repot", "r.json", "true"]);
    assert!(stderr.contains("did you mean --report?"), "{stderr}");
    let (code, _, stderr) = run(&["why", "reed", "/etc/passwd"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean read?"), "{stderr}");
    let (_, _, stderr) = run(&["why", "read"]);
    assert!(stderr.contains("missing PATH"), "{stderr}");
    let (_, _, stderr) = run(&["causes", "mode-deny"]);
    assert!(stderr.contains("did you mean mode-denies?"), "{stderr}");
}

#[test]
fn causes_are_found_by_an_error_number_or_a_word_of_their_pages() {
    for word in ["EROFS", "Read-only file system"] {
        let (code, stdout, _) = run(&["causes", word]);
        assert_eq!(code, 0, "{word}: {stdout}");
        assert!(stdout.starts_with("read-only-mount "), "{word}: {stdout}");
        assert!(!stdout.contains("privileged-port"), "{word}: {stdout}");
    }
    let (code, _, stderr) = run(&["causes", "mode-denie"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("did you mean mode-denies?"), "{stderr}");
}

#[test]
fn an_error_text_may_be_given_on_the_command_line() {
    let text = "open: /srv/x: Permission denied";
    for arguments in [
        vec!["explain", "--offline", text],
        ["explain", "--offline"]
            .into_iter()
            .chain(text.split(' '))
            .collect(),
    ] {
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(stdout.contains("/srv/x"), "{arguments:?}: {stdout}");
    }
}

#[test]
fn a_wrong_call_of_a_subcommand_gives_2_and_one_line() {
    for arguments in [
        &["why"][..],
        &["why", "devour", "/"],
        &["explain", "/no/such/file"],
        &["causes", "no-such-cause"],
    ] {
        let (code, _, stderr) = run(arguments);
        assert_eq!(
            (code, stderr.lines().count()),
            (2, 1),
            "{arguments:?}: {stderr}"
        );
    }
}

#[test]
fn two_dashes_make_a_command_of_a_subcommands_name() {
    let (code, _, stderr) = run(&["--", "why"]);
    assert_eq!(code, 127, "{stderr}");
}

#[test]
fn a_report_that_cannot_be_written_is_said_and_the_status_kept() {
    let (code, stdout, stderr) = run(&[
        "--report",
        "/no/such/directory/r.json",
        "--",
        "sh",
        "-c",
        "echo ran; exit 7",
    ]);
    assert_eq!((code, stdout.as_str()), (7, "ran\n"));
    assert!(stderr.contains("/no/such/directory/r.json"), "{stderr}");
}

#[test]
fn a_malformed_pattern_file_is_named_with_its_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(
        directory.path().join("mine.toml"),
        "id = \"mine\"\nthis is no TOML\n",
    )
    .expect("it can be written");
    let path = directory.path().to_str().expect("it is UTF-8");
    let (code, stdout, stderr) = run(&["--patterns", path, "--", "echo", "ran"]);
    assert_eq!((code, stdout.as_str()), (125, ""), "{stderr}");
    assert!(
        stderr.contains("mine.toml") && stderr.contains('2'),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn help_answers_on_stdout_with_status_0() {
    let (code, stdout, stderr) = run(&["--help"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for word in [
        "permwrap why",
        "permwrap explain",
        "Examples:",
        "Exit status",
    ] {
        assert!(stdout.contains(word), "{word}: {stdout}");
    }
}
