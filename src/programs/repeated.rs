//! The command that root would run once in place of a refused one.

use super::shell::is_assignment;
use super::{CommandLine, Whereabouts, command_lines};

/// A command for root to run once.
#[derive(Debug, Clone)]
pub struct Repeated {
    /// Its words, as execve(2) takes them.
    pub words: Vec<Vec<u8>>,
    /// The one that does the work, behind programs that only start another (`timeout 5`, `env -C /srv`).
    pub line: CommandLine,
}

/// The command line itself; or, of a shell's code, the one command that is for root and names the refused object.
#[must_use]
pub fn repeated(words: &[Vec<u8>], refused: Option<&[u8]>) -> Option<Repeated> {
    let lines = command_lines(words);
    let at = lines.iter().position(|line| !line.only_starts())?;
    let (line, code) = (&lines[at], &lines[at + 1..]);
    if !line.is_code_for_a_shell() {
        return Some(Repeated {
            words: words.to_vec(),
            line: line.clone(),
        });
    }
    let line = for_root(code, refused)?;
    let is_filled_in = |word: &Vec<u8>| word.iter().any(|byte| b"$`*?[{~".contains(byte));
    let start: Vec<Vec<u8>> = match &line.place {
        Whereabouts::Start => Vec::new(),
        Whereabouts::At(directory) if !directory.starts_with(b"~") => {
            vec![b"env".to_vec(), b"-C".to_vec(), directory.clone()]
        }
        _ => return None,
    };
    let words = [start.as_slice(), &line.words].concat();
    (!words.iter().any(is_filled_in)).then(|| Repeated {
        words,
        line: line.clone(),
    })
}

/// The only one of these commands that is for root and names the refused object, or that administers the system.
fn for_root<'l>(code: &'l [CommandLine], refused: Option<&[u8]>) -> Option<&'l CommandLine> {
    let is_elevated = |line: &CommandLine| line.wraps() && !line.only_starts();
    if code.iter().any(is_elevated) {
        return None;
    }
    let names = |line: &&CommandLine| {
        let mut operands = line.operands.iter();
        // A redirection is none of its words.
        let is_given = |word: &[u8]| line.words.iter().any(|given| given.ends_with(word));
        let mut leads =
            |path| operands.any(|operand| is_given(&operand.word) && operand.leads_to(path));
        // What replaces a file makes another one first.
        line.known.is_some_and(|known| {
            known.places && (known.replaces || refused.is_some_and(&mut leads))
        })
    };
    // What it names, it is refused for another reason than that it administers the system.
    let administers = |line: &&CommandLine| {
        let is_named = refused.is_some_and(|path| line.names(path));
        !is_named
            && line
                .known
                .is_some_and(|known| known.administers_with(&line.words[1..]))
    };
    let only = |is_one: &dyn Fn(&&CommandLine) -> bool| {
        let mut found = code.iter().filter(is_one);
        found.next().filter(|_| found.next().is_none())
    };
    only(&names).or_else(|| only(&administers))
}

/// The words of the command that does the work, behind programs that only start another.
#[must_use]
pub fn at_work(words: &[Vec<u8>]) -> &[Vec<u8>] {
    let lines = command_lines(words);
    let work = lines.iter().find(|line| !line.only_starts());
    let length = work.map_or(words.len(), |line| line.words.len());
    match lines.first().is_some_and(CommandLine::only_starts) {
        true => &words[words.len().saturating_sub(length)..],
        false => words,
    }
}

/// Whether the programs before the one that does the work set variables for it, which may decide what it runs.
#[must_use]
pub fn sets_variables(words: &[Vec<u8>]) -> bool {
    let before = words.len() - at_work(words).len();
    words[..before].iter().any(|word| is_assignment(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    fn of_code(code: &str, refused: &str) -> Option<String> {
        let words = [b"bash".to_vec(), b"-c".to_vec(), code.as_bytes().to_vec()];
        let found = repeated(&words, Some(refused.as_bytes()))?;
        Some(String::from_utf8_lossy(&found.words.join(&b' ')).into_owned())
    }

    #[test]
    fn what_only_starts_a_command_is_kept() {
        let command = words("timeout 5 env -C /etc touch x");
        let found = repeated(&command, None).expect("there is a command");
        assert_eq!(found.words, command);
        assert_eq!(found.line.name(), b"touch");
        assert_eq!(at_work(&command), words("touch x"));
        assert!(!sets_variables(&command));
        assert!(sets_variables(&words("env LD_PRELOAD=/tmp/x.so touch x")));
    }

    #[test]
    fn of_code_only_the_refused_command_is_repeated() {
        let code = "echo a; cd /etc && cp /srv/a b; ls";
        assert_eq!(
            of_code(code, "/etc/b").as_deref(),
            Some("env -C /etc cp /srv/a b")
        );
        assert_eq!(
            of_code("mkdir /opt/a; touch /opt/b/c", "/opt/b/c").as_deref(),
            Some("touch /opt/b/c")
        );
        for code in [
            "cp $a /etc/b",
            "cp a /etc/b; mv a /etc/b",
            "sudo -u bob cp a /etc/b",
            "cd \"$d\"; touch b",
            "echo a > /etc/b",
        ] {
            assert_eq!(of_code(code, "/etc/b"), None, "{code}");
        }
        let other = "touch /srv/x; systemctl restart app";
        assert_eq!(
            of_code(other, "/run/x").as_deref(),
            Some("systemctl restart app")
        );
    }
}
