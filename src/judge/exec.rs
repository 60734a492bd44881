//! execve(2) (fs/exec.c, fs/binfmt_script.c, fs/binfmt_elf.c).

use super::access::Purpose;
use super::{
    Code, Decision, Errno, Kernel, Kind, NodeId, Object, Operation, Perms, Stop, Walk, fail,
};
use crate::facts::{Hold, Program, UnknownFact};

/// How many `#!` interpreters may be chained (exec_binprm).
const MAX_SCRIPTS: usize = 5;

impl<'a> Kernel<'a> {
    /// `do_execveat_common`: opens the file, then whatever interpreter or loader its first bytes name.
    pub(super) fn execve(self, walk: &'a Walk) -> Decision {
        let mut program = self.open_exec(walk)?;
        let mut scripts = 0;
        let mut interpreters = self.facts.interpreters.iter();
        loop {
            let is_script = match self.node(program).program.clone()? {
                Program::Script { .. } => true,
                Program::Elf(Some(_)) => false,
                Program::Elf(None) => return Ok(()),
                Program::Other => return fail(Errno::NoExec, program),
            };
            let walk = interpreters.next();
            let walk = walk.ok_or_else(|| UnknownFact::not_gathered("way to the interpreter"))?;
            let interpreter = self.open_exec(walk).map_err(of_interpreter)?;
            if !is_script {
                return self.load(interpreter);
            }
            scripts += 1;
            if scripts > MAX_SCRIPTS {
                return fail(Errno::Loop, program);
            }
            program = interpreter;
        }
    }

    /// `bprm_execve`: the security modules are asked (`security_bprm_creds_for_exec`) before the first bytes are looked at, so what
    /// they refuse is refused whether or not these can be seen from here.
    pub(super) fn profile_lets_it_start(self, operation: &Operation, object: &Object) -> Decision {
        if *operation != Operation::Exec || self.open_exec(&self.facts.walk).is_err() {
            return Ok(());
        }
        match self.security_hooks(operation, object) {
            Err(Stop::Denied(denial)) => Err(Stop::Denied(denial)),
            _ => Ok(()),
        }
    }

    /// The check that `load_elf_binary` makes of the loader: it must be an ELF file.
    fn load(self, loader: NodeId) -> Decision {
        match self.node(loader).program {
            Ok(Program::Script { .. } | Program::Other) => fail(Errno::LibBad, loader),
            Ok(Program::Elf(_)) | Err(_) => Ok(()),
        }
    }

    /// `do_open_execat`.
    fn open_exec(self, walk: &'a Walk) -> Decision<NodeId> {
        let node = self.lookup(walk, true, false)?;
        if self.node(node).inode.is_err() {
            self.file_system_admits(node)?;
        }
        // may_open with MAY_EXEC.
        match self.kind(node)? {
            Kind::Char | Kind::Block => {
                self.may_open_dev(node)?;
                return self.never(Errno::Acces, node);
            }
            Kind::Directory | Kind::Fifo | Kind::Socket => return self.never(Errno::Acces, node),
            Kind::Symlink => return fail(Errno::Loop, node),
            Kind::Regular => self.path_noexec(node)?,
        }
        self.inode_permission(node, Perms::X, Purpose::Run)?;
        self.not_held(node, Hold::Writes)?;
        Ok(node)
    }
}

/// A refusal of the interpreter is a refusal of the program.
fn of_interpreter(stop: Stop) -> Stop {
    match stop {
        Stop::Denied(mut denial) => {
            denial.code = Code::InterpreterDenied;
            Stop::Denied(denial)
        }
        other => other,
    }
}
