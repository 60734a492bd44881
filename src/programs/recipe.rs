//! The steps of a Dockerfile, with what applies to each.

use super::command_lines;

/// A step of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of its line, from 1.
    pub line: usize,
    /// The user that it runs as, with the line that says so; `None` for that of the base image.
    pub user: Option<(String, usize)>,
    /// The directory that it runs in, with the line that says so; `None` for that of the base image.
    pub directory: Option<(String, usize)>,
}

/// The step with this instruction (`RUN npm ci`), if there is exactly one.
#[must_use]
pub fn step(recipe: &str, instruction: &str) -> Option<Step> {
    let wanted = collapsed(instruction);
    let mut found = Vec::new();
    let (mut user, mut directory) = (None, None);
    for (line, instruction) in instructions(recipe) {
        let (word, rest) = instruction.split_once(' ').unwrap_or((&instruction, ""));
        match word.to_ascii_uppercase().as_str() {
            "FROM" => (user, directory) = (None, None),
            "USER" => user = Some((rest.to_owned(), line)),
            "WORKDIR" => {
                let above: Option<(String, usize)> = directory.take();
                let above = above.map(|(above, _)| above + "/").unwrap_or_default();
                let path = if rest.starts_with('/') {
                    rest.to_owned()
                } else {
                    above + rest
                };
                directory = Some((path, line));
            }
            "RUN" if instruction == wanted => found.push(Step {
                line,
                user: user.clone(),
                directory: directory.clone(),
            }),
            _ => {}
        }
    }
    match found.len() {
        1 => found.pop(),
        _ => None,
    }
}

/// The shell code of the only step that calls this program.
#[must_use]
pub fn code_that_calls(recipe: &str, program: &[u8]) -> Option<Vec<u8>> {
    let instructions = instructions(recipe).into_iter();
    let mut calling = instructions.filter_map(|(_, text)| {
        let code = text.strip_prefix("RUN ")?.as_bytes().to_vec();
        let shell = [b"sh".to_vec(), b"-c".to_vec(), code.clone()];
        let lines = command_lines(&shell);
        let calls = lines.iter().skip(1).any(|line| line.name() == program);
        calls.then_some(code)
    });
    calling.next().filter(|_| calling.next().is_none())
}

/// Each instruction on one line, with the number of the line that it begins on.
fn instructions(recipe: &str) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in recipe.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let part = line.strip_suffix('\\');
        let text = part.unwrap_or(line);
        match all.last_mut().filter(|_| goes_on) {
            Some((_, before)) => *before = format!("{before} {text}"),
            None => all.push((number + 1, text.to_owned())),
        }
        goes_on = part.is_some();
    }
    let collapse = |(line, text): (usize, String)| (line, collapsed(&text));
    all.into_iter().map(collapse).collect()
}

fn collapsed(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = "FROM node AS build\nUSER node\nRUN true\nFROM debian\n# app\nWORKDIR /srv\nWORKDIR app\n\
        USER 1000\nRUN npm ci && \\\n    npm run build\nRUN x\nRUN x\n";

    #[test]
    fn a_step_has_the_user_and_the_directory_that_the_lines_above_it_say() {
        let found = step(RECIPE, "RUN npm ci &&     npm run build").unwrap();
        assert_eq!(found.line, 9);
        assert_eq!(found.user, Some(("1000".to_owned(), 8)));
        assert_eq!(found.directory, Some(("/srv/app".to_owned(), 7)));
        assert_eq!(
            step(RECIPE, "RUN true").unwrap().user,
            Some(("node".to_owned(), 2))
        );
    }

    #[test]
    fn a_program_tells_the_step_that_calls_it() {
        let code = code_that_calls(RECIPE, b"npm").unwrap();
        assert_eq!(code, b"npm ci && npm run build");
        assert_eq!(code_that_calls(RECIPE, b"x"), None);
        assert_eq!(code_that_calls(RECIPE, b"touch"), None);
    }

    #[test]
    fn of_two_equal_steps_it_is_not_known_which_is_meant() {
        assert_eq!(step(RECIPE, "RUN x"), None);
        assert_eq!(step(RECIPE, "RUN y"), None);
    }
}
