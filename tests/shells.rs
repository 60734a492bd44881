//! The output of `permwrap init`, in the shells themselves.
//!
//! Debian packages: bash, bash-completion, zsh, fish, git.
mod support;

use std::process::{Command, Stdio};

use permwrap::cli::Shell;
use support::needs_programs;

/// The output of a shell that evaluates the script of `permwrap init` for these commands, and then `rest`.
fn shell(program: &str, shell: Shell, commands: &[&str], rest: &str) -> String {
    let commands: Vec<String> = commands.iter().map(ToString::to_string).collect();
    let script = permwrap::init::script(shell, &commands).expect("these are names");
    let home = tempfile::tempdir().expect("a directory can be made");
    let bin = support::permwrap();
    let bin = bin.parent().expect("it lies in a directory").display();
    let mut command = Command::new(program);
    match shell {
        Shell::Bash => command.args(["--norc", "--noprofile", "-i"]),
        Shell::Zsh => command.args(["-f", "-i"]),
        Shell::Fish => command.args(["--no-config", "-i"]),
    };
    let output = command
        .args(["-c", &format!("{script}\n{rest}")])
        .env("HOME", home.path())
        .env("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin"))
        .env("TERM", "xterm")
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .output()
        .expect("the shell runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr)
            .lines()
            // An interactive bash complains if it has no terminal.
            .filter(|line| {
                !line.contains("job control") && !line.contains("terminal process group")
            })
            .map(|line| format!("stderr: {line}\n"))
            .collect::<String>()
}

#[test]
fn nothing_is_printed_at_the_start_of_a_shell() {
    for (program, kind) in [
        ("bash", Shell::Bash),
        ("zsh", Shell::Zsh),
        ("fish", Shell::Fish),
    ] {
        if needs_programs(&[program]) {
            assert_eq!(shell(program, kind, &["git", "make"], ""), "", "{program}");
        }
    }
}

#[test]
fn an_alias_belongs_to_the_name_whatever_is_installed() {
    if !needs_programs(&["bash", "git"]) {
        return;
    }
    let text = shell(
        "bash",
        Shell::Bash,
        &["git", "nonesuch"],
        "alias git; alias nonesuch",
    );
    assert!(text.starts_with("alias git='permwrap -- git'\n"), "{text}");
    assert!(
        text.contains("alias nonesuch='permwrap -- nonesuch'\n"),
        "{text}"
    );
}

#[test]
fn a_function_of_the_users_own_stays() {
    if !needs_programs(&["bash", "git"]) {
        return;
    }
    let script = permwrap::init::script(Shell::Bash, &["git".to_owned()]).expect("a name");
    let rest = format!("git() {{ echo mine; }}\neval {}\ngit", quoted(&script));
    assert_eq!(shell("bash", Shell::Bash, &[], &rest), "mine\n");
}

#[test]
fn an_alias_of_the_users_own_stays() {
    for (program, kind) in [("bash", Shell::Bash), ("zsh", Shell::Zsh)] {
        if !needs_programs(&[program, "git"]) {
            continue;
        }
        let script = permwrap::init::script(kind, &["git".to_owned()]).expect("a name");
        let rest = format!("alias git='echo mine'\neval {}\nalias git", quoted(&script));
        let text = shell(program, kind, &[], &rest);
        assert!(text.contains("git='echo mine'"), "{program}: {text}");
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The completions that bash offers after this command line.
fn bash_offers(words: &[&str], before: &str) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let line = format!(
        "{before}\nCOMP_WORDS=(permwrap {}); COMP_CWORD={}\n\
         COMP_LINE=\"${{COMP_WORDS[*]}}\"; COMP_POINT=${{#COMP_LINE}}\n\
         __permwrap permwrap \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len()
    );
    shell("bash", Shell::Bash, &[], &line)
        .lines()
        .map(|word| word.trim_end().to_owned())
        .collect()
}

#[test]
fn bash_completes_permwrap_itself() {
    if !needs_programs(&["bash"]) {
        return;
    }
    assert!(bash_offers(&["--rep"], "").contains(&"--report".to_owned()));
    assert!(bash_offers(&["cau"], "").contains(&"causes".to_owned()));
    assert!(bash_offers(&["why", "wri"], "").contains(&"write".to_owned()));
    assert!(bash_offers(&["causes", "acl"], "").contains(&"acl-denies".to_owned()));
    assert!(bash_offers(&["help", "expl"], "").contains(&"explain".to_owned()));
}

#[test]
fn bash_hands_over_to_the_completion_of_the_wrapped_command() {
    if !needs_programs(&["bash"]) || !std::path::Path::new(BASH_COMPLETION).exists() {
        return support::skip("needs bash-completion");
    }
    // A replacement for git's own completion, which is not installed everywhere.
    let own = format!(
        ". {BASH_COMPLETION}; _stand_in() {{ COMPREPLY=(\"$1:${{COMP_WORDS[COMP_CWORD]}}\"); }}; complete -F _stand_in git"
    );
    assert_eq!(bash_offers(&["--", "git", "che"], &own), ["git:che"]);
    assert_eq!(
        bash_offers(&["--report", "f", "git", "che"], &own),
        ["git:che"]
    );
    assert_eq!(bash_offers(&["git", "--exec", ""], &own), ["git:"]);
}

const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

#[test]
fn fish_completes_permwrap_and_hands_over() {
    if !needs_programs(&["fish", "git"]) {
        return;
    }
    let offers = |line: &str| {
        let ask = format!(
            "complete --command git --no-files --arguments checkout\ncomplete --do-complete {}",
            quoted(line)
        );
        shell("fish", Shell::Fish, &["git"], &ask)
    };
    assert!(
        offers("permwrap --rep").contains("--report"),
        "{}",
        offers("permwrap --rep")
    );
    assert!(
        offers("permwrap cau").contains("causes"),
        "{}",
        offers("permwrap cau")
    );
    assert!(
        offers("permwrap causes acl-d").contains("acl-denies"),
        "{}",
        offers("permwrap causes acl-d")
    );
    assert!(offers("permwrap why wri").contains("write"));
    assert!(
        offers("permwrap -- git chec").contains("checkout"),
        "{}",
        offers("permwrap -- git chec")
    );
    assert!(offers("permwrap --report f git chec").contains("checkout"));
    assert!(
        offers("git chec").contains("checkout"),
        "the function keeps git's completion"
    );
    assert!(!offers("permwrap why chec").contains("checkout"));
}

#[test]
fn fish_hands_on_every_word_as_it_is() {
    if !needs_programs(&["fish"]) {
        return;
    }
    // fish evaluates the words once more, so that `jobs` shows them.
    let call = r#"env printf '%s|' 'a  b' '$x' "it's" '*' '' 'a;b'"#;
    let text = shell("fish", Shell::Fish, &["env"], call);
    assert_eq!(text, "a  b|$x|it's|*||a;b|");
}

#[test]
fn zsh_completes_permwrap_and_hands_over() {
    if !needs_programs(&["zsh", "git"]) {
        return;
    }
    // Completion can only be requested in zsh's line editor, so it runs on a terminal of its own (zpty).
    let offers = |line: &str, expected: &str| {
        let script = permwrap::init::script(Shell::Zsh, &["git".to_owned()]).expect("a name");
        let directory = tempfile::tempdir().expect("a directory can be made");
        let file = directory.path().join("init.zsh");
        std::fs::write(&file, script).expect("it can be written");
        let ask = format!(
            r#"zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -u -D; source {}; compdef "compadd check""out" git; print REA""DY'
text=; for try in {{1..1200}}; do zpty -r -t z part && text+=$part || sleep 0.05; [[ $text == *READY* ]] && break; done
zpty -n -w z {}$'\t'
text=; for try in {{1..1200}}; do zpty -r -t z part && text+=$part || sleep 0.05; [[ $text == *{expected}* ]] && break; done
zpty -d z
print -r -- $text"#,
            file.display(),
            quoted(line)
        );
        shell("zsh", Shell::Zsh, &[], &ask)
    };
    for (line, expected) in [
        ("permwrap --rep", "--report"),
        ("permwrap causes acl-d", "acl-denies"),
        ("permwrap -- git chec", "checkout"),
        ("permwrap --report f git chec", "checkout"),
        ("git chec", "checkout"),
    ] {
        let text = offers(line, expected);
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn zsh_registers_the_completion_also_before_compinit() {
    if !needs_programs(&["zsh"]) {
        return;
    }
    let text = shell(
        "zsh",
        Shell::Zsh,
        &[],
        "autoload -Uz compinit; compinit -u -D; for hook in $precmd_functions; do $hook; done; print $_comps[permwrap] $precmd_functions",
    );
    assert_eq!(text, "__permwrap\n");
}
