//! The system calls of the tracer: ptrace(2), waitpid(2) with all 64 signals (nix knows 31), seccomp(2).

use std::ffi::{c_int, c_uint};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use rustix::fs::{Mode, OFlags};

use super::table::Abi;

/// How a stopped tracee goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// To the next call that the filter picks, or any other event.
    Continue,
    /// To the start or the end of a system call, or any other event.
    ToCall,
    /// Not at all: it stays in its group-stop, but its events are told.
    Listen,
}

/// What PTRACE_GET_SYSCALL_INFO tells (`struct ptrace_syscall_info`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct CallInfo {
    /// Where it stopped: one of the constants of this type.
    pub op: u8,
    _reserved: u8,
    _flags: u16,
    /// The architecture whose table of calls counts (`AUDIT_ARCH_*`).
    pub arch: u32,
    _instruction: u64,
    _stack: u64,
    /// At the start: the number and the six arguments. At the end: the result, and whether it is an error.
    words: [u64; 8],
}

impl CallInfo {
    /// Stopped at the start of a call.
    pub const ENTRY: u8 = 1;

    /// What the filter tells with the stop it caused.
    #[must_use]
    pub fn told(&self) -> u16 {
        // The last field of the part for such stops, 32 bits that begin a word.
        (self.words[7].to_ne_bytes()[0] as u16) | u16::from(self.words[7].to_ne_bytes()[1]) << 8
    }

    /// The number of the call that starts.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.words[0]
    }

    /// Its arguments.
    #[must_use]
    pub fn arguments(&self) -> [u64; 6] {
        let [_, a, b, c, d, e, f, _] = self.words;
        [a, b, c, d, e, f]
    }

    /// What the call that ends gives back: a negative errno where it failed.
    #[cfg(not(target_arch = "x86_64"))]
    #[must_use]
    pub fn result(&self) -> i64 {
        self.words[0].cast_signed()
    }
}

/// ptrace(2), without the C library, which takes its return value for a word of the tracee's in some requests.
///
/// # Safety
/// Where the request makes the kernel write or read behind `data`, that must be the address of memory for it.
unsafe fn request(request: c_uint, pid: i32, address: usize, data: usize) -> io::Result<()> {
    let (request, pid) = (libc::c_ulong::from(request), libc::c_long::from(pid));
    // SAFETY: the caller's promise.
    if unsafe { libc::syscall(libc::SYS_ptrace, request, pid, address, data) } < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// A request that has nothing written or read.
fn order(what: c_uint, pid: i32, data: usize) -> io::Result<()> {
    // SAFETY: callers make requests for which data is a number.
    unsafe { request(what, pid, 0, data) }
}

/// Traces a process, and from then on what it starts.
pub fn seize(pid: i32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACESECCOMP;
    order(libc::PTRACE_SEIZE as c_uint, pid, options as usize)
}

/// What ptrace(2) answers to a request for no process: `ESRCH`, unless something forbids the call itself.
#[must_use]
pub fn errno_of_tracing_nobody() -> i32 {
    let answer = order(libc::PTRACE_SEIZE as c_uint, 0, 0).err();
    answer.and_then(|error| error.raw_os_error()).unwrap_or(0)
}

/// Lets a stopped tracee go on, with a signal or 0. That it was killed meanwhile is learnt by waiting.
pub fn resume(pid: i32, how: Resume, signal: c_int) {
    let what = match how {
        Resume::Continue => libc::PTRACE_CONT,
        Resume::ToCall => libc::PTRACE_SYSCALL,
        Resume::Listen => libc::PTRACE_LISTEN,
    };
    let _ = order(what as c_uint, pid, signal as usize);
}

/// Stops a running tracee, so that it can be told to go on otherwise.
pub fn interrupt(pid: i32) {
    let _ = order(libc::PTRACE_INTERRUPT as c_uint, pid, 0);
}

/// The number that came with the last event: the new process's, or at an execve(2) the caller's before.
#[must_use]
pub fn event_message(pid: i32) -> Option<i32> {
    let mut message: libc::c_ulong = 0;
    let to = (&raw mut message).expose_provenance();
    // SAFETY: the message is the unsigned long that is written to.
    unsafe { request(libc::PTRACE_GETEVENTMSG as c_uint, pid, 0, to) }.ok()?;
    i32::try_from(message).ok()
}

/// The call at whose start or end a tracee stopped.
#[must_use]
pub fn call_info(pid: i32) -> Option<CallInfo> {
    /// PTRACE_GET_SYSCALL_INFO.
    const CALL_INFO: c_uint = 0x420E;
    let mut info = CallInfo::default();
    let to = (&raw mut info).expose_provenance();
    // SAFETY: the kernel writes no more than the size it is told.
    unsafe { request(CALL_INFO, pid, size_of::<CallInfo>(), to) }.ok()?;
    Some(info)
}

/// The errno that the call gives back at whose end a tracee stopped; 0 where it succeeded.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn errno_of_ended_call(pid: i32) -> c_int {
    call_info(pid).map_or(0, |info| errno_in(info.result()))
}

/// The errno that the call gives back at whose end a tracee stopped; 0 where it succeeded. One register is had with less
/// ado than all that PTRACE_GET_SYSCALL_INFO tells.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn errno_of_ended_call(pid: i32) -> c_int {
    let mut rax = 0_u64;
    let to = (&raw mut rax).expose_provenance();
    let from = std::mem::offset_of!(Registers, rax);
    // SAFETY: the kernel writes one word.
    let read = unsafe { request(libc::PTRACE_PEEKUSER as c_uint, pid, from, to) };
    // A 32-bit program's register has no upper half.
    let narrow = rax <= u64::from(u32::MAX);
    let result = if narrow {
        i64::from(rax as i32)
    } else {
        rax.cast_signed()
    };
    read.map_or(0, |()| errno_in(result))
}

/// Results from -4095 to -1 are errors (IS_ERR_VALUE).
fn errno_in(result: i64) -> c_int {
    if (-4095..0).contains(&result) {
        -(result as c_int)
    } else {
        0
    }
}

/// The number and the arguments of the call at whose end a tracee stopped. Where the result takes the place of an argument,
/// what was known at its start is needed.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn ended_call(_pid: i32, _abi: Abi, start: Option<CallInfo>) -> Option<(u64, [u64; 6])> {
    start.map(|start| (start.number(), start.arguments()))
}

/// The number and the arguments of the call at whose end a tracee stopped: they are still where they were.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn ended_call(pid: i32, abi: Abi, _start: Option<CallInfo>) -> Option<(u64, [u64; 6])> {
    let registers = Registers::of(pid)?;
    let [r10, r9, r8] = registers.r10_to_r8;
    let [rcx, rdx, rsi, rdi] = registers.rcx_to_rdi;
    let Registers { rbx, rbp, .. } = registers;
    let arguments = match abi {
        Abi::I386 => [rbx, rcx, rdx, rsi, rdi, rbp].map(|register| register & 0xFFFF_FFFF),
        _ => [rdi, rsi, rdx, r10, r8, r9],
    };
    Some((registers.orig_rax, arguments))
}

/// Changes the first argument of the call at whose start a tracee stopped.
#[cfg(target_arch = "x86_64")]
pub fn set_first_argument(pid: i32, abi: Abi, argument: u64) {
    /// PTRACE_SETREGS.
    const SET: c_uint = 13;
    let Some(mut registers) = Registers::of(pid) else {
        return;
    };
    if abi == Abi::I386 {
        registers.rbx = argument;
    } else {
        registers.rcx_to_rdi[3] = argument;
    }
    // SAFETY: the kernel reads one set of registers.
    let _ = unsafe { request(SET, pid, 0, (&raw mut registers).expose_provenance()) };
}

/// Changes the first argument of the call at whose start a tracee stopped: in a set of general registers it is the first.
#[cfg(not(target_arch = "x86_64"))]
pub fn set_first_argument(pid: i32, _abi: Abi, argument: u64) {
    /// PTRACE_SETREGSET and PTRACE_GETREGSET of the NT_PRSTATUS set.
    const SET: c_uint = 0x4205;
    const GET: c_uint = 0x4204;
    const GENERAL: usize = 1;
    let mut registers = [0_u64; 34];
    let mut part = libc::iovec {
        iov_base: registers.as_mut_ptr().cast(),
        iov_len: size_of_val(&registers),
    };
    let to = (&raw mut part).expose_provenance();
    // SAFETY: the kernel writes no more than the part's length, and makes it as long as the set is.
    if unsafe { request(GET, pid, GENERAL, to) }.is_err() {
        return;
    }
    // SAFETY: the registers are there, and nothing else uses them meanwhile.
    unsafe { part.iov_base.cast::<u64>().write(argument) };
    // SAFETY: the kernel reads what it wrote.
    let _ = unsafe { request(SET, pid, GENERAL, (&raw mut part).expose_provenance()) };
}

/// `struct user_regs_struct`.
#[cfg(target_arch = "x86_64")]
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Registers {
    r15_to_r12: [u64; 4],
    rbp: u64,
    rbx: u64,
    r11: u64,
    r10_to_r8: [u64; 3],
    rax: u64,
    rcx_to_rdi: [u64; 4],
    orig_rax: u64,
    rip: u64,
    cs: u64,
    eflags_to_gs: [u64; 9],
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    fn of(pid: i32) -> Option<Registers> {
        /// PTRACE_GETREGS.
        const GET: c_uint = 12;
        let mut registers = Registers::default();
        // SAFETY: the kernel writes one set of registers.
        unsafe { request(GET, pid, 0, (&raw mut registers).expose_provenance()) }.ok()?;
        Some(registers)
    }
}

/// How often a tracee is looked at before it is waited for: it will stop again within microseconds, and going to sleep and
/// being woken up takes longer. Others on the same processor come first.
const GLANCES: u32 = 40;

/// The next change of state of a tracee, as waitpid(2) tells it; `None` when there is none any more.
#[must_use]
pub fn wait() -> Option<(i32, c_int)> {
    for _ in 0..GLANCES {
        match wait_once(libc::WNOHANG) {
            Ok(Some(change)) => return Some(change),
            Ok(None) => rustix::thread::sched_yield(),
            Err(_) => break,
        }
    }
    loop {
        match wait_once(0) {
            Ok(change) => return change,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

fn wait_once(how: c_int) -> io::Result<Option<(i32, c_int)>> {
    let mut status = 0;
    // SAFETY: the status is an int to be written to.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | how) };
    match pid {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some((pid, status))),
    }
}

/// Opens a directory, which is not waited for: only to name what is in it.
#[must_use]
pub fn open_directory(path: &str) -> Option<OwnedFd> {
    let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, how, Mode::empty()).ok()
}

/// Whether this process may use an opened file so (faccessat2(2)); not, where the kernel does not tell.
#[must_use]
pub fn may_use(file: &OwnedFd, mode: c_int, flags: c_int) -> bool {
    let flags = flags | libc::AT_EMPTY_PATH;
    // SAFETY: the path is a C string.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_faccessat2,
            file.as_raw_fd(),
            c"".as_ptr(),
            mode,
            flags,
        )
    };
    answer == 0
}

/// Lets another process trace this one where the Yama module asks for leave; without that module it does nothing.
pub fn allow_tracer(pid: i32) {
    // SAFETY: no memory is involved.
    unsafe {
        libc::prctl(
            libc::PR_SET_PTRACER,
            libc::c_ulong::from(pid.cast_unsigned()),
        )
    };
}

/// How a filter was put on a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It was not.
    Not,
    /// It was.
    Plainly,
    /// It was, and set-user-ID programs have no effect from now on (no_new_privs).
    WithoutPrivileges,
}

/// Puts a filter on this thread's calls; without the privilege to do that, by giving up privileges of programs to come
/// first. Makes system calls and nothing else.
#[must_use]
pub fn install_filter(filter: &[libc::sock_filter]) -> Installed {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    let install = || {
        // SAFETY: the program is as long as the kernel is told, and is only read.
        unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                // The filter decides nothing that a wrong guess of the processor's could give away.
                libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                &raw const program,
            ) == 0
        }
    };
    if install() {
        return Installed::Plainly;
    }
    // SAFETY: no memory is involved.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    match install() {
        true => Installed::WithoutPrivileges,
        false => Installed::Not,
    }
}

/// Gives this process a name of its own in lists of processes, at most 15 bytes.
pub fn set_name(name: &std::ffi::CStr) {
    // SAFETY: a CStr ends with a NUL.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}
