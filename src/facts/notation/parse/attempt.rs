//! Lines of the subject and its attempt.

use super::{Parsed, Reader, lines, number, word};
use crate::attempt::{Attempt, NodeType, Object, OpenHow, Operation, Subject};
use crate::facts::{Program, Walk};

/// Bounds the chain of interpreters: one more than the kernel accepts (`exec_binprm`).
const MOST_INTERPRETERS: usize = 6;

impl Reader {
    /// `subject USER GROUP [KEY=VALUE]...`
    pub(super) fn subject(&mut self, words: &[&str]) -> Parsed<()> {
        let uid = self.uid(word(words, 0, "a user")?)?;
        let gid = self.gid(word(words, 1, "a group")?)?;
        let mut subject = Subject::login(uid, gid, Vec::new());
        for word in &words[2..] {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let malformed = || format!("`{word}` does not fit a subject");
            match key {
                "groups" => {
                    subject.groups = self.gids(value)?;
                    if !words.iter().any(|word| word.starts_with("database=")) {
                        subject.database_groups = Ok(subject.groups.clone());
                    }
                }
                "database" => {
                    subject.database_groups = match lines::unknown(value) {
                        Some(errno) => Err(super::unknown("groups of the user", b"", errno)),
                        None => Ok(self.gids(value)?),
                    }
                }
                "caps" => {
                    subject.capabilities = lines::capabilities(value).ok_or_else(malformed)?
                }
                "bounding" => {
                    subject.bounding = lines::capabilities(value).ok_or_else(malformed)?
                }
                "real" => subject.real_uid = self.uid(value)?,
                "pid" => subject.pid = Some(number(value)?),
                "uid_map" => subject.uid_map = lines::id_map(value).ok_or_else(malformed)?,
                "gid_map" => subject.gid_map = lines::id_map(value).ok_or_else(malformed)?,
                "userns" => subject.initial_user_ns = false,
                "no_new_privs" => subject.no_new_privs = true,
                "seccomp" => subject.seccomp = true,
                "label" => {
                    let bytes = lines::unescape(value).ok_or_else(malformed)?;
                    let label = String::from_utf8(bytes).map_err(|_| malformed())?;
                    subject.label = Ok(Some(label).filter(|label| label != "none"));
                }
                _ => return Err(malformed()),
            }
        }
        self.subject = Some(subject);
        Ok(())
    }

    /// `attempt OPERATION PATH [KEY=VALUE]...`; also resolves the paths.
    pub(super) fn attempt(&mut self, words: &[&str]) -> Parsed<Attempt> {
        let mut operation = operation(word(words, 0, "an operation")?)?;
        let object = object(word(words, 1, "a path")?)?;
        let mut to = None;
        for word in &words[2..] {
            match word.strip_prefix("to=") {
                Some(path) => to = Some(lines::unescape(path).ok_or("`to=` is no path")?),
                None => self.parameter(&mut operation, word)?,
            }
        }
        let follow = !operation.takes_the_link_itself();
        if let Object::Path(path) = &object {
            self.facts.walk = self.walk(path, follow)?;
        }
        if let Some(path) = &to {
            self.facts.to = Some(self.walk(path, false)?);
        }
        if operation == Operation::Exec {
            self.interpreters()?;
        }
        Ok(Attempt {
            subject: self
                .subject
                .clone()
                .ok_or("no `subject` line says who tries")?,
            operation,
            object,
            to,
            directory: None,
            errno: self.answer,
        })
    }

    fn walk(&self, path: &[u8], follow: bool) -> Parsed<Walk> {
        let walk = self.tree.walk(&self.facts.nodes, path, follow);
        walk.map_err(|name| {
            format!(
                "the way leads to {}, which no line describes",
                lines::escape(&name)
            )
        })
    }

    /// Resolves the path of the interpreter of the program at the end of the walk, of that interpreter's interpreter, and so
    /// on.
    fn interpreters(&mut self) -> Parsed<()> {
        let mut program = self.facts.walk.target();
        while let Some(node) = program {
            let (Ok(Program::Script {
                interpreter: path, ..
            })
            | Ok(Program::Elf(Some(path)))) = &self.facts.node(node).program
            else {
                break;
            };
            let walk = self.walk(path, true)?;
            program = walk.target();
            self.facts.interpreters.push(walk);
            if self.facts.interpreters.len() == MOST_INTERPRETERS {
                break;
            }
        }
        Ok(())
    }

    /// A parameter of the operation.
    fn parameter(&self, operation: &mut Operation, word: &str) -> Parsed<()> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let unfit = || format!("`{word}` does not fit the operation");
        match (operation, key) {
            (Operation::Chmod(mode), "mode") => {
                *mode = Some(u32::from_str_radix(value, 8).map_err(|_| unfit())?);
            }
            (Operation::Chown { uid, gid }, "owner") => {
                let (user, group) = value.split_once(':').unwrap_or((value, ""));
                let given = |word: &str| !word.is_empty();
                *uid = Some(user)
                    .filter(|user| given(user))
                    .map(|user| self.uid(user))
                    .transpose()?;
                *gid = Some(group)
                    .filter(|group| given(group))
                    .map(|group| self.gid(group))
                    .transpose()?;
            }
            (Operation::Utime { now }, "now") => *now = true,
            (Operation::Setxattr(name), "name") => value.clone_into(name),
            (Operation::Mknod(kind), "type") => {
                *kind = match value {
                    "fifo" => NodeType::Fifo,
                    "char" => NodeType::Char,
                    "block" => NodeType::Block,
                    _ => return Err(unfit()),
                }
            }
            _ => return Err(unfit()),
        }
        Ok(())
    }
}

fn operation(word: &str) -> Parsed<Operation> {
    let unknown = || format!("no operation `{word}`");
    let Some(list) = word.strip_prefix("open:") else {
        return Operation::from_name(word).ok_or_else(unknown);
    };
    let mut how = OpenHow::default();
    for flag in list.split(',') {
        match flag {
            "read" => how.read = true,
            "write" => how.write = true,
            "append" => how.append = true,
            "truncate" => how.truncate = true,
            "create" => how.create = true,
            "exclusive" => how.exclusive = true,
            "noatime" => how.noatime = true,
            _ => return Err(unknown()),
        }
    }
    Ok(Operation::Open(how))
}

fn object(word: &str) -> Parsed<Object> {
    if word == "-" {
        return Ok(Object::Process);
    }
    if let Some(pid) = word.strip_prefix("pid:") {
        return Ok(Object::Another(number(pid)?));
    }
    if let Some((address, port)) = word.rsplit_once(':').filter(|_| !word.starts_with('/')) {
        return Ok(Object::Port {
            address: address.to_owned(),
            port: number(port)?,
        });
    }
    super::path(&[word], 0).map(Object::Path)
}
