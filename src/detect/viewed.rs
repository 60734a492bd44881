//! What a pasted terminal session shows of files. The words of a failure in there are another program's, of another time.

/// Programs that show what a file holds.
const VIEWERS: &[&str] = &[
    "cat",
    "tac",
    "nl",
    "head",
    "tail",
    "grep",
    "egrep",
    "fgrep",
    "zgrep",
    "zcat",
    "bzcat",
    "xzcat",
    "rg",
    "ag",
    "ack",
    "diff",
    "colordiff",
    "sdiff",
    "sed",
    "awk",
    "gawk",
    "less",
    "more",
    "bat",
    "batcat",
    "jq",
    "strings",
    "column",
    "cut",
    "sort",
    "uniq",
];

/// The subcommands of git that show what a repository holds.
const GIT: &[&str] = &["log", "show", "diff", "blame", "grep"];

/// Who speaks for itself between the lines of a viewer: the shell, and what it was started by.
const SHELLS: &[&str] = &[
    "bash", "-bash", "sh", "dash", "zsh", "-zsh", "fish", "ksh", "sudo",
];

/// The text without what viewers show in it, if they show anything: what follows the prompt with such a command, up to the next
/// prompt, apart from the viewer's own messages.
pub fn without_viewed(text: &str) -> Option<String> {
    let mut rest = String::with_capacity(text.len());
    let mut shown: Option<Shown> = None;
    // Without a prompt above it, what tail(1) shows is what the reader asks about.
    let mut is_session = false;
    for line in text.split_inclusive('\n') {
        if let Some(command) = command_of(line) {
            shown = Shown::by(command);
            is_session = true;
        } else if line.trim_start().starts_with("```") {
            shown = None;
        } else if is_session && is_heading_of_tail(line) {
            shown = Some(Shown::by_tail());
        }
        if shown.as_ref().is_none_or(|shown| shown.is_own(line)) {
            rest.push_str(line);
        }
    }
    (rest.len() < text.len()).then_some(rest)
}

/// The command that a line shows behind a prompt: `$ cat x`, `dev@web:~/app$ cat x`, `[root@web app]# cat x`.
fn command_of(line: &str) -> Option<&str> {
    let line = line.trim();
    let bare = |prompt: &str| line.strip_prefix(prompt);
    if let Some(command) = ["$ ", "# ", "% ", "❯ ", "➜ "].into_iter().find_map(bare) {
        return Some(command);
    }
    let at = line.find(['$', '#', '%'])?;
    let (host, command) = (&line[..at], line[at + 1..].strip_prefix(' ')?);
    let is_prompt = host.contains('@') && host.len() < 80 && !host.contains(": ");
    is_prompt.then_some(command)
}

/// What tail(1) prints above each of several files.
fn is_heading_of_tail(line: &str) -> bool {
    let name = line.trim_end().strip_prefix("==> ");
    name.is_some_and(|name| name.ends_with(" <=="))
}

/// What a viewer shows.
struct Shown {
    /// The words of the command: the viewers, and the files that they were to show.
    words: Vec<String>,
}

impl Shown {
    /// What this command shows; `None` if it runs no viewer.
    fn by(command: &str) -> Option<Shown> {
        let is_viewer = |stage: &str| {
            let mut words = stage.split_whitespace().skip_while(|word| {
                ["sudo", "xargs", "command", "time"].contains(word) || word.contains('=')
            });
            let program = words.next().unwrap_or_default();
            let program = program.rsplit('/').next().unwrap_or_default();
            let shows = |word: Option<&str>| word.is_some_and(|word| GIT.contains(&word));
            VIEWERS.contains(&program) || program == "git" && shows(words.next())
        };
        // Of a chain, the last command is the one whose output follows.
        let last = command.rsplit(['&', ';']).next().unwrap_or_default();
        last.split('|').any(is_viewer).then(|| Shown {
            words: last.split_whitespace().map(str::to_owned).collect(),
        })
    }

    fn by_tail() -> Shown {
        let words = vec!["tail".to_owned()];
        Shown { words }
    }

    /// Whether a line is the viewer's own message, or the prompt itself.
    fn is_own(&self, line: &str) -> bool {
        let speaker = line.split(": ").next().unwrap_or_default();
        let is_named = self.words.iter().any(|word| word.ends_with(speaker));
        command_of(line).is_some() || is_named && !speaker.is_empty() || SHELLS.contains(&speaker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_viewer_shows_is_left_out_up_to_the_next_prompt() {
        let text = "$ tail -n 1 app.log\nopen /x: permission denied\n$ cat y\ncat: y: denied\n";
        let rest = "$ tail -n 1 app.log\n$ cat y\ncat: y: denied\n";
        assert_eq!(without_viewed(text).as_deref(), Some(rest));
    }

    #[test]
    fn what_a_program_says_behind_a_prompt_stays() {
        for text in [
            "$ ./run\nopen /x: permission denied\n",
            "dev@web:~$ less x\nx: Permission denied\n",
            "$ journalctl -u app\nopen /x: permission denied\n",
            "$ cat a > /root/b\nbash: /root/b: Permission denied\n",
        ] {
            assert_eq!(without_viewed(text), None, "{text}");
        }
    }

    #[test]
    fn files_below_the_headings_of_tail_are_shown_in_a_session() {
        let text = "==> /var/log/app.log <==\nopen /x: permission denied\n";
        assert_eq!(without_viewed(text), None);
        let session = format!("$ ./follow\n{text}");
        assert_eq!(without_viewed(&session).as_deref(), Some("$ ./follow\n"));
    }
}
