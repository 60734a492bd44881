//! The tracer's system calls: ptrace(2), seccomp(2).

use std::ffi::{c_int, c_uint};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use rustix::fs::{Mode, OFlags};

use super::table::Abi;

/// How a stopped tracee continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Until the next call that the filter selects, or any other event.
    Continue,
    /// Until the start or end of a system call, or any other event.
    ToCall,
    /// Not at all: it remains in its group-stop, but further events are reported.
    Listen,
}

/// The result of PTRACE_GET_SYSCALL_INFO (`struct ptrace_syscall_info`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct CallInfo {
    /// The kind of stop: one of the constants of this type.
    pub op: u8,
    _reserved: u8,
    _flags: u16,
    /// The ABI of the call (`AUDIT_ARCH_*`).
    pub arch: u32,
    _instruction: u64,
    _stack: u64,
    /// At the start of a call: its number and six arguments. At the end: the result, and whether it is an error.
    words: [u64; 8],
}

impl CallInfo {
    /// A stop at the start of a call.
    pub const ENTRY: u8 = 1;

    /// The data that the filter attached to the stop.
    #[must_use]
    pub fn told(&self) -> u16 {
        // It is the last field of the structure for such stops: 32 bits at the beginning of a word.
        (self.words[7].to_ne_bytes()[0] as u16) | u16::from(self.words[7].to_ne_bytes()[1]) << 8
    }

    /// The number of the call.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.words[0]
    }

    /// The arguments of the call.
    #[must_use]
    pub fn arguments(&self) -> [u64; 6] {
        let [_, a, b, c, d, e, f, _] = self.words;
        [a, b, c, d, e, f]
    }

    /// The result of the call, at its end: a negative error number if it failed.
    #[cfg(not(target_arch = "x86_64"))]
    #[must_use]
    pub fn result(&self) -> i64 {
        self.words[0].cast_signed()
    }
}

/// ptrace(2) without the C library, which interprets the return value of some requests as a word of the tracee.
///
/// # Safety
/// If the request makes the kernel read or write memory at `data`, that must be the address of suitable memory.
unsafe fn request(request: c_uint, pid: i32, address: usize, data: usize) -> io::Result<()> {
    let (request, pid) = (libc::c_ulong::from(request), libc::c_long::from(pid));
    // SAFETY: guaranteed by the caller.
    if unsafe { libc::syscall(libc::SYS_ptrace, request, pid, address, data) } < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// A request that reads and writes no memory of this process.
fn order(what: c_uint, pid: i32, data: usize) -> io::Result<()> {
    // SAFETY: callers make requests for which data is a number.
    unsafe { request(what, pid, 0, data) }
}

/// The options of every tracee.
const OPTIONS: c_int = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACESECCOMP;

/// Attaches to a process; children that it creates from then on are traced as well.
pub fn seize(pid: i32) -> io::Result<()> {
    let options = OPTIONS | libc::PTRACE_O_TRACEEXEC;
    order(libc::PTRACE_SEIZE as c_uint, pid, options as usize)
}

/// Selects whether a stopped tracee, and the children that it creates from then on, stop when they have executed a program.
pub fn stop_at_programs(pid: i32, stops: bool) {
    let options = match stops {
        true => OPTIONS | libc::PTRACE_O_TRACEEXEC,
        false => OPTIONS,
    };
    let _ = order(libc::PTRACE_SETOPTIONS as c_uint, pid, options as usize);
}

/// The error number of ptrace(2) for a nonexistent process: `ESRCH`, unless the call itself is forbidden.
#[must_use]
pub fn errno_of_tracing_nobody() -> i32 {
    let answer = order(libc::PTRACE_SEIZE as c_uint, 0, 0).err();
    answer.and_then(|error| error.raw_os_error()).unwrap_or(0)
}

/// Resumes a stopped tracee and delivers `signal`, if it is not 0. If the tracee was killed in the meantime, waiting will
/// report that.
pub fn resume(pid: i32, how: Resume, signal: c_int) {
    let what = match how {
        Resume::Continue => libc::PTRACE_CONT,
        Resume::ToCall => libc::PTRACE_SYSCALL,
        Resume::Listen => libc::PTRACE_LISTEN,
    };
    let _ = order(what as c_uint, pid, signal as usize);
}

/// Stops a running tracee, so that it can be resumed in another way.
pub fn interrupt(pid: i32) {
    let _ = order(libc::PTRACE_INTERRUPT as c_uint, pid, 0);
}

/// The message of the last event: the id of the new process or, for execve(2), the former id of the calling thread.
#[must_use]
pub fn event_message(pid: i32) -> Option<i32> {
    let mut message: libc::c_ulong = 0;
    let to = (&raw mut message).expose_provenance();
    // SAFETY: the kernel writes an unsigned long to the message.
    unsafe { request(libc::PTRACE_GETEVENTMSG as c_uint, pid, 0, to) }.ok()?;
    i32::try_from(message).ok()
}

/// The call at whose start or end a tracee is stopped.
#[must_use]
pub fn call_info(pid: i32) -> Option<CallInfo> {
    /// PTRACE_GET_SYSCALL_INFO.
    const CALL_INFO: c_uint = 0x420E;
    let mut info = CallInfo::default();
    let to = (&raw mut info).expose_provenance();
    // SAFETY: the kernel writes no more than the size passed to it.
    unsafe { request(CALL_INFO, pid, size_of::<CallInfo>(), to) }.ok()?;
    Some(info)
}

/// The error number of the call at whose end a tracee is stopped; 0 if it succeeded.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn errno_of_ended_call(pid: i32) -> c_int {
    call_info(pid).map_or(0, |info| errno_in(info.result()))
}

/// The error number of the call at whose end a tracee is stopped; 0 if it succeeded. Reading a single register is cheaper than
/// PTRACE_GET_SYSCALL_INFO.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn errno_of_ended_call(pid: i32) -> c_int {
    let mut rax = 0_u64;
    let to = (&raw mut rax).expose_provenance();
    let from = std::mem::offset_of!(Registers, rax);
    // SAFETY: the kernel writes one word.
    let read = unsafe { request(libc::PTRACE_PEEKUSER as c_uint, pid, from, to) };
    // In a 32-bit program the upper half of the register is zero.
    let narrow = rax <= u64::from(u32::MAX);
    let result = if narrow {
        i64::from(rax as i32)
    } else {
        rax.cast_signed()
    };
    read.map_or(0, |()| errno_in(result))
}

/// The error number in a result: values from -4095 to -1 are errors (IS_ERR_VALUE).
fn errno_in(result: i64) -> c_int {
    if (-4095..0).contains(&result) {
        -(result as c_int)
    } else {
        0
    }
}

/// The number and arguments of the call at whose end a tracee is stopped. On this architecture the result overwrites an
/// argument, so they are taken from the start of the call.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn ended_call(_pid: i32, _abi: Abi, start: Option<CallInfo>) -> Option<(u64, [u64; 6])> {
    start.map(|start| (start.number(), start.arguments()))
}

/// The number and arguments of the call at whose end a tracee is stopped, which are still in its registers.
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

/// Changes the first argument of the call at whose start a tracee is stopped.
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

/// Changes the first argument of the call at whose start a tracee is stopped: the first of the general registers.
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
    // SAFETY: the kernel writes at most the length given in the iovec, and sets it to the length of the register set.
    if unsafe { request(GET, pid, GENERAL, to) }.is_err() {
        return;
    }
    // SAFETY: the iovec refers to the registers, which nothing else uses in the meantime.
    unsafe { part.iov_base.cast::<u64>().write(argument) };
    // SAFETY: the kernel reads the registers that it has written.
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

/// Opens a directory with O_PATH, which does not wait for the file system.
#[must_use]
pub fn open_directory(path: &str) -> Option<OwnedFd> {
    let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, how, Mode::empty()).ok()
}

/// Whether this process may access an open file in this way (faccessat2(2)); false if the kernel does not say.
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

/// Permits another process to trace this one, if the Yama module requires that; otherwise it has no effect.
pub fn allow_tracer(pid: i32) {
    // SAFETY: no memory is involved.
    unsafe {
        libc::prctl(
            libc::PR_SET_PTRACER,
            libc::c_ulong::from(pid.cast_unsigned()),
        )
    };
}

/// The result of installing a filter on a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It could not be installed.
    Not,
    /// It was installed.
    Plainly,
    /// It was installed after setting no_new_privs, so that set-user-ID has no effect from now on.
    WithoutPrivileges,
}

impl Installed {
    /// The variant with this discriminant.
    #[must_use]
    pub fn from_number(number: u32) -> Installed {
        let all = [Installed::Plainly, Installed::WithoutPrivileges];
        let found = all.into_iter().find(|one| *one as u32 == number);
        found.unwrap_or(Installed::Not)
    }
}

/// Installs a filter on this thread. If it lacks the privilege, it sets no_new_privs first. Makes only system calls.
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
                // The filter decides nothing that speculative execution could leak.
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

/// Sets the name of this process as shown in process lists, at most 15 bytes.
pub fn set_name(name: &std::ffi::CStr) {
    // SAFETY: a CStr is terminated by a NUL.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}
