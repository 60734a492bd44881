//! The tracer: waits for events of its tracees, and resumes each at once.
//!
//! A process runs at full speed until the filter stops it at the start of a watched call. It then continues to the end of the
//! call, where the result is examined, and only for a refused call is anything else read. If a filter of the command itself may
//! be in force, which could answer a call before this filter sees it, the process is stopped at every call instead.

use std::collections::HashMap;
use std::ffi::c_int;

use nix::libc;
use rustix::thread::{CapabilitySet, capabilities};

use super::entry::{Entry, Refused, Remark};
use super::filter::{EXECUTES, MAKES_PROCESS, MATTERS};
use super::foresight::Foresight;
use super::log::{Log, Place};
use super::look::{self, Looks, credentials, last_component, program, thread_group};
use super::object::Caller;
use super::record::Record;
use super::refusals::{Deed, Refusals};
use super::sys::{self, CallInfo, Installed, Resume};
use super::table::Does;
use super::tracee::{EndedCall, Tracees, keep_traced};
use super::wait::Wait;
use crate::attempt::Privilege;
use crate::run::scene::Process;

/// PTRACE_EVENT_STOP: a group-stop, the first stop of a new process, or the effect of PTRACE_INTERRUPT.
const EVENT_STOP: c_int = 128;

/// The state of all tracees.
pub struct Tracer {
    record: Record,
    /// The command's process id.
    command: i32,
    /// How the filter was installed on the command.
    filter: Installed,
    /// Whether set-user-ID programs keep their privileges, because the tracer has CAP_SYS_PTRACE.
    privileged: bool,
    tracees: Tracees,
    processes: HashMap<i32, Refusals>,
    looks: Looks,
    foresight: Foresight,
    /// The tracer's own security label, which the command's processes start with.
    label: Option<Vec<u8>>,
}

impl Tracer {
    /// A tracer that does not trace anything yet.
    #[must_use]
    pub fn new(log: Log) -> Tracer {
        let own = capabilities(None).map(|own| own.effective);
        Tracer {
            record: Record::of(log),
            command: 0,
            filter: Installed::Not,
            privileged: own.is_ok_and(|own| own.contains(CapabilitySet::SYS_PTRACE)),
            tracees: Tracees::default(),
            processes: HashMap::new(),
            looks: Looks::default(),
            foresight: Foresight::new(),
            label: look::label("self"),
        }
    }

    /// Traces the command with this process id, which is about to install the filter, until no tracee is left. `others` says
    /// whether other filters may be in force.
    pub fn run(&mut self, command: i32, others: bool) {
        self.command = command;
        let first = self.tracees.add(command);
        (first.every_call, first.stops_at_programs) = (others, true);
        // In the meantime the command installs the filter.
        self.foresight.examine(self.label.as_deref());
        let mut wait = Wait::new();
        let mut next = wait.next();
        // By the first event the filter has been installed, if that was possible.
        self.filter = self.record.log.installed();
        if self.filter == Installed::Not {
            self.tracees.get(self.command).every_call = true;
        }
        while let Some((pid, status)) = next {
            if libc::WIFSTOPPED(status) {
                self.stopped(pid, libc::WSTOPSIG(status), status >> 16);
            } else {
                self.ended(pid, status);
            }
            next = wait.next();
        }
    }

    /// Whether it holds worlds open for the diagnosis.
    #[must_use]
    pub fn holds_worlds(&self) -> bool {
        self.looks.hold_worlds()
    }

    fn stopped(&mut self, pid: i32, signal: c_int, event: c_int) {
        match event {
            0 if signal == libc::SIGTRAP | 0x80 => self.at_call(pid),
            0 => return self.go_on(pid, signal),
            libc::PTRACE_EVENT_SECCOMP => self.at_watched_call(pid),
            EVENT_STOP if is_stop(signal) => return sys::resume(pid, Resume::Listen, 0),
            EVENT_STOP if self.tracees.hold(pid) => return,
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                self.made_another(pid, event == libc::PTRACE_EVENT_CLONE);
            }
            libc::PTRACE_EVENT_EXEC => self.became_another(pid),
            _ => {}
        }
        self.go_on(pid, 0);
        self.foresight.tidy_up();
    }

    fn go_on(&mut self, pid: i32, signal: c_int) {
        let tracee = self.tracees.get(pid);
        let how = if tracee.inside || tracee.every_call {
            Resume::ToCall
        } else {
            Resume::Continue
        };
        sys::resume(pid, how, signal);
    }

    /// A tracee was stopped by the filter, at the start of a call.
    fn at_watched_call(&mut self, pid: i32) {
        let Some(info) = sys::call_info(pid) else {
            // The kernel does not report calls (before 5.3), or the tracee was killed.
            let tracee = self.tracees.get(pid);
            (tracee.inside, tracee.matters) = (true, true);
            return;
        };
        let is_foreseen = match info.told() {
            0 => self.is_foreseen(pid, &info),
            EXECUTES => self.is_foreseen_program(pid, &info),
            _ => false,
        };
        if is_foreseen {
            return;
        }
        let tracee = self.tracees.get(pid);
        if cfg!(not(target_arch = "x86_64")) {
            tracee.start = Some(info);
        }
        tracee.inside = true;
        tracee.seen_by_filter = true;
        tracee.matters = info.told() == MATTERS;
        if info.told() == MAKES_PROCESS {
            let makes_namespaces = keep_traced(pid, &info);
            (tracee.inside, tracee.makes_namespaces) = (makes_namespaces, makes_namespaces);
        }
    }

    /// Whether the call at whose start a thread is stopped certainly succeeds, and its success does not matter.
    fn is_foreseen(&mut self, pid: i32, call: &CallInfo) -> bool {
        let tracee = self.tracees.get(pid);
        let tells_nothing = tracee.differs || tracee.every_call;
        let answers = self.refusals(pid).is_some_and(|it| it.are_recent());
        if tells_nothing || answers || !self.foresight.is_sure(pid, call) {
            return false;
        }
        if let Some(refusals) = self.refusals(pid) {
            refusals.count();
        }
        true
    }

    /// Whether the program that a thread is about to execute, if there is one, was executed before. Then it need not stop
    /// afterwards, because it becomes no other than those before it.
    fn is_foreseen_program(&mut self, pid: i32, call: &CallInfo) -> bool {
        let tracee = self.tracees.get(pid);
        // A thread other than the first takes over the process id, and previous refusals may have been a search for a program.
        let is_simple = !tracee.is_beside && !self.processes.contains_key(&pid);
        let is_foreseen = is_simple && self.is_foreseen(pid, call);
        let new_program = self.foresight.take_new_program();
        let tracee = self.tracees.get(pid);
        tracee.executes = new_program;
        if tracee.stops_at_programs == is_foreseen {
            tracee.stops_at_programs = !is_foreseen;
            sys::stop_at_programs(pid, !is_foreseen);
        }
        if is_foreseen {
            self.looks.forget(pid);
        }
        is_foreseen
    }

    /// A tracee was stopped at the start or the end of a call.
    fn at_call(&mut self, pid: i32) {
        if self.tracees.get(pid).every_call
            && let Some(info) = sys::call_info(pid)
            && info.op == CallInfo::ENTRY
        {
            let filtered = self.filter != Installed::Not;
            let tracee = self.tracees.get(pid);
            tracee.start = Some(info);
            tracee.matters = !filtered;
            tracee.inside = true;
            tracee.seen_by_filter = false;
            return;
        }
        let tracee = self.tracees.get(pid);
        tracee.inside = false;
        let matters = std::mem::take(&mut tracee.matters);
        let start = tracee.start.take();
        let recent = self.refusals(pid).is_some_and(|refusals| {
            refusals.count();
            refusals.are_recent()
        });
        let errno = sys::errno_of_ended_call(pid);
        if [libc::EACCES, libc::EPERM, libc::EROFS].contains(&errno) {
            if let Some(found) = EndedCall::of(pid, start) {
                self.refused(pid, found, errno);
            }
        } else if errno == 0
            && (matters || recent)
            && let Some(found) = EndedCall::of(pid, start)
        {
            self.succeeded(pid, found);
        }
    }

    fn refused(&mut self, pid: i32, call: EndedCall, errno: c_int) {
        let Some((place, process)) = self.look_at(pid) else {
            return;
        };
        let EndedCall { abi, at, row, .. } = call;
        let mut refused = Refused {
            row: at,
            abi,
            errno,
            how: [0; 6],
            extra: Vec::new(),
            path: None,
            directory: None,
            to: None,
            address: Vec::new(),
            target: None,
            by_filter: self.is_answered_by_filter(pid),
            by_tracer: self.tracees.get(pid).deprived,
            program: program(&process),
            process: 0,
        };
        let caller = Caller {
            pid,
            process: &process,
            abi,
            arguments: call.arguments,
        };
        caller.describe(row, &mut refused);
        if row.name == "ptrace" && self.traces(&refused) {
            refused.by_tracer = true;
            self.record.remark(&Remark::Tracer(program(&process)));
        }
        let who = credentials(&process);
        let Some(place) = self.record.refused(&refused, who, place, pid) else {
            return;
        };
        let number = thread_group(&process);
        self.tracees.get(pid).process = Some(number);
        let refusals = self.processes.entry(number);
        let refusals = refusals.or_insert_with(|| Refusals::new(process.parent));
        let name = last_component(&refused.path.unwrap_or_default());
        refusals.add(place, Deed::of(row, call.arguments), name);
    }

    /// Whether a refused ptrace(2) concerned a process that is traced here: the caller itself (PTRACE_TRACEME) or its target.
    fn traces(&self, refused: &Refused) -> bool {
        refused.how[0] == 0
            || refused
                .target
                .is_some_and(|target| self.tracees.known(target).is_some())
    }

    /// Whether another filter answered the call that has ended: the tracer's own filter would have stopped the tracee at its
    /// start.
    fn is_answered_by_filter(&self, pid: i32) -> bool {
        let tracee = self.tracees.known(pid);
        self.filter != Installed::Not
            && tracee.is_some_and(|tracee| tracee.every_call && !tracee.seen_by_filter)
    }

    /// The refusals of the process that a thread belongs to, if it has had any.
    fn refusals(&mut self, pid: i32) -> Option<&mut Refusals> {
        let process = self.tracees.known(pid)?.process?;
        self.processes.get_mut(&process)
    }

    /// Handles a successful call: what it means for earlier refusals, and what it changes.
    fn succeeded(&mut self, pid: i32, call: EndedCall) {
        match call.row.does {
            _ if call.row.changes => self.changed(pid, call.row.does),
            Does::Filter => self.watch_every_call(pid),
            Does::Confine => {
                let tracee = self.tracees.get(pid);
                (tracee.confined, tracee.differs) = (true, true);
            }
            Does::Ring => {
                if let Some((_, process)) = self.look_at(pid) {
                    self.record.remark(&Remark::Ring(program(&process)));
                }
            }
            _ => {}
        }
        let log = self.record.log;
        if let Some(refusals) = self.refusals(pid).filter(|refusals| refusals.are_recent()) {
            let name = call.name(pid);
            refusals.answer(Deed::of(call.row, call.arguments), &name, &log);
        }
    }

    /// The tracee has changed its credentials, namespaces or directories.
    fn changed(&mut self, pid: i32, does: Does) {
        self.looks.forget_all();
        match does {
            Does::Traverse => self.foresight.forget_directories(),
            Does::Needs(Privilege::UserIds | Privilege::GroupIds) | Does::Other => {
                self.tracees.get(pid).differs = true;
            }
            // Other threads of its process may be affected.
            _ => self.tracees.each().for_each(|it| it.differs = true),
        }
    }

    /// The tracee has installed a filter of its own, possibly for all threads of its process.
    fn watch_every_call(&mut self, pid: i32) {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
        let numbers = threads.into_iter().flatten().flatten();
        for thread in numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            let tracee = self.tracees.get(thread);
            if !tracee.every_call {
                tracee.every_call = true;
                if thread != pid {
                    sys::interrupt(thread);
                }
            }
        }
    }

    /// A tracee has created a process or thread.
    fn made_another(&mut self, pid: i32, is_beside: bool) {
        if let Some(new) = sys::event_message(pid)
            && self.tracees.inherit(pid, new, is_beside)
        {
            self.go_on(new, 0);
        }
    }

    /// A tracee has executed another program. If a thread other than the first did so, it has taken over the process id.
    fn became_another(&mut self, pid: i32) {
        self.looks.forget_all();
        if let Some(before) = sys::event_message(pid).filter(|before| *before != pid) {
            self.tracees.rename(before, pid);
        }
        if let Some(refusals) = self.processes.get_mut(&pid) {
            refusals.answer_by_program(&self.record.log);
        }
        let running = look::running(pid);
        let given = running
            .map(|running| running.privileges)
            .unwrap_or_default();
        let deprived = !self.privileged && given.are_any();
        // If the tracer has no label, no security module labels processes.
        let has_other_label = || look::label(&pid.to_string()) != self.label;
        let differs = given.are_any() || self.label.is_some() && has_other_label();
        let tracee = self.tracees.get(pid);
        // The execve(2) has succeeded; its exit is of no interest.
        tracee.inside = false;
        tracee.matters = false;
        tracee.start = None;
        tracee.deprived = deprived;
        tracee.differs |= differs;
        tracee.stops_at_programs = false;
        sys::stop_at_programs(pid, false);
        let executed = tracee.executes.take();
        if let Some(running) = running
            && !tracee.differs
            && executed == Some(running.program)
        {
            self.foresight.learn(running.program);
        }
        if deprived && let Some((_, process)) = self.look_at(pid) {
            self.record
                .remark(&Remark::Privileges(program(&process), given));
        }
    }

    fn ended(&mut self, pid: i32, status: c_int) {
        // This thread may have been the creator of those that are held.
        for new in self.tracees.take_held() {
            self.go_on(new, 0);
        }
        self.tracees.end(pid);
        self.looks.forget(pid);
        self.foresight.forget(pid);
        let code = if libc::WIFEXITED(status) {
            libc::WEXITSTATUS(status)
        } else {
            128 + libc::WTERMSIG(status)
        };
        if let Some(refusals) = self.processes.remove(&pid)
            && code != 0
        {
            let failed = Entry::Failed(refusals.failed(pid, code));
            self.record.log.append(&failed.to_bytes(), pid);
        }
        if pid == self.command {
            self.record.log.settle(self.tracees.are_gone());
        }
    }

    /// The process as it is now, and the place of its entry in the log.
    fn look_at(&mut self, pid: i32) -> Option<(Place, Process)> {
        let filter = self.filter;
        let confined = self.tracees.get(pid).confined;
        self.looks.look_at(pid, self.record.log, filter, confined)
    }
}

/// Whether this signal stops a process.
fn is_stop(signal: c_int) -> bool {
    matches!(
        signal,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU
    )
}
