//! The system calls of the wrapper that no crate offers as the wrapper needs them: with all 64 signals (libc's own
//! functions hide 32 and 33), without changing what the command will inherit, without allocating.

use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::libc;

/// A set of signals: bit `n - 1` is signal `n`.
pub type Signals = u64;

/// The set of this one signal.
#[must_use]
pub fn only(signal: c_int) -> Signals {
    1 << (signal - 1)
}

fn change_mask(how: c_int, set: Signals) -> Signals {
    let mut old: Signals = 0;
    // SAFETY: both pointers are to 8-byte sets, the size the kernel is told.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            how,
            &raw const set,
            &raw mut old,
            8,
        )
    };
    old
}

/// Blocks every signal that can be blocked; the mask before comes back.
pub fn block_all() -> Signals {
    change_mask(libc::SIG_SETMASK, !0)
}

/// Sets the signal mask.
pub fn set_mask(mask: Signals) {
    change_mask(libc::SIG_SETMASK, mask);
}

/// A non-blocking descriptor from which all blocked signals are read.
pub fn signal_descriptor() -> io::Result<OwnedFd> {
    let all: Signals = !0;
    // SAFETY: the pointer is to an 8-byte set, the size the kernel is told.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_signalfd4,
            -1,
            &raw const all,
            8,
            libc::SFD_CLOEXEC | libc::SFD_NONBLOCK,
        )
    };
    owned(fd as c_int)
}

/// The next signal that waits at a signal descriptor.
pub fn next_signal(fd: &OwnedFd) -> Option<libc::signalfd_siginfo> {
    // SAFETY: all-zero bytes are a valid signalfd_siginfo, plain integers throughout.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: the buffer is as long as the kernel is told.
    let got = unsafe { libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size) };
    (got == size as isize).then_some(info)
}

/// The disposition of a signal: its handler, or `SIG_DFL` or `SIG_IGN`, and its flags.
#[must_use]
pub fn disposition(signal: c_int) -> (libc::sighandler_t, c_int) {
    // SAFETY: all-zero bytes are a valid sigaction; a null new action only asks.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut now);
        (now.sa_sigaction, now.sa_flags)
    }
}

/// Sets a signal to `SIG_DFL` or `SIG_IGN`.
pub fn set_disposition(signal: c_int, handler: libc::sighandler_t) {
    debug_assert!(handler == libc::SIG_DFL || handler == libc::SIG_IGN);
    // SAFETY: neither value is a function that could be called.
    unsafe { libc::signal(signal, handler) };
}

/// Sends a signal; a negative pid means a process group.
pub fn kill(pid: i32, signal: c_int) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(pid, signal) == 0 }
}

/// A change of state of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// This signal stopped it.
    Stopped(i32),
    /// It was continued.
    Continued,
}

/// The next change of state of a child, if there is one; with `None` for the pid, of any child.
pub fn wait(pid: Option<i32>) -> Option<(i32, Change)> {
    // SAFETY: all-zero bytes are a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let (kind, id) = pid.map_or((libc::P_ALL, 0), |pid| (libc::P_PID, pid as libc::id_t));
    let options = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG | libc::__WALL;
    // SAFETY: info is a siginfo_t to be written to.
    if unsafe { libc::waitid(kind, id, &raw mut info, options) } != 0 {
        return None;
    }
    // SAFETY: waitid filled in the fields of SIGCHLD, or left the zeroes.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    let change = match info.si_code {
        libc::CLD_EXITED => Change::Exited(status),
        libc::CLD_KILLED | libc::CLD_DUMPED => Change::Killed(status),
        libc::CLD_STOPPED | libc::CLD_TRAPPED => Change::Stopped(status),
        libc::CLD_CONTINUED => Change::Continued,
        _ => return None,
    };
    (pid != 0).then_some((pid, change))
}

/// Waits until a child that is about to exit has done so, and reaps it.
pub fn reap(pid: i32) {
    // SAFETY: a null status pointer is allowed.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// A pipe that keeps the boundaries of writes up to `PIPE_BUF`: reading end (non-blocking), writing end.
pub fn packet_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: ends has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_DIRECT) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let (read, write) = (owned(ends[0])?, owned(ends[1])?);
    // SAFETY: the flags belong to the reading end, which nobody else has.
    unsafe { libc::fcntl(ends[0], libc::F_SETFL, libc::O_NONBLOCK) };
    Ok((read, write))
}

fn owned(fd: c_int) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens a file; the path ends with a NUL. Always close-on-exec, never makes a terminal the controlling one.
pub fn open(path: &std::ffi::CStr, flags: c_int) -> io::Result<OwnedFd> {
    // SAFETY: a CStr ends with a NUL.
    owned(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NOCTTY) })
}

/// What a descriptor refers to; `None` where it is closed.
#[must_use]
pub fn stat(fd: RawFd) -> Option<libc::stat> {
    // SAFETY: all-zero bytes are a valid stat, and fstat writes no more than one.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &raw mut stat) == 0).then_some(stat)
    }
}

/// Reads from a descriptor.
pub fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is as long as the kernel is told.
    size(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// Writes to a descriptor.
pub fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the buffer is as long as the kernel is told.
    size(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// Writes to a descriptor without waiting, though its open file may be a blocking one; `Unsupported` where the kernel
/// cannot do that for this file.
pub fn write_now(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: the one part is as long as the kernel is told, and is only read from.
    size(unsafe { libc::pwritev2(fd, &raw const part, 1, -1, libc::RWF_NOWAIT) })
}

/// Sends to a socket without waiting and without SIGPIPE.
pub fn send_now(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the buffer is as long as the kernel is told.
    size(unsafe {
        libc::send(
            fd,
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    })
}

fn size(got: isize) -> io::Result<usize> {
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// Waits for events on descriptors; a timeout in milliseconds, or -1. False when the time is over.
pub fn poll(watched: &mut [libc::pollfd], timeout: c_int) -> bool {
    // SAFETY: the slice is as long as the kernel is told.
    unsafe { libc::poll(watched.as_mut_ptr(), watched.len() as libc::nfds_t, timeout) != 0 }
}

/// One entry for [`poll`]; a negative descriptor is passed over.
#[must_use]
pub fn watch(fd: RawFd, events: i16) -> libc::pollfd {
    libc::pollfd {
        fd,
        events,
        revents: 0,
    }
}

/// A stack for a child of `clone(2)` that shares this process's memory. It is never unmapped: the process is short, and
/// unmapping costs more than it gives back.
#[derive(Debug)]
pub struct Stack {
    base: *mut c_void,
    length: usize,
}

impl Stack {
    /// Maps a stack; its pages cost nothing until they are touched.
    pub fn new(length: usize) -> io::Result<Stack> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping touches no existing memory.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Stack { base, length })
    }

    /// Starts `entry(argument)` on this stack, with this process's memory.
    ///
    /// # Safety
    /// Until the child has executed or ended, `argument` must stay valid, the stack must not be used for another child,
    /// and the child must do nothing but system calls that leave this process's memory as it is.
    pub unsafe fn start(
        &self,
        entry: extern "C" fn(*mut c_void) -> c_int,
        argument: *mut c_void,
        flags: c_int,
    ) -> io::Result<i32> {
        // SAFETY: the top of the mapping is its end, as clone wants it; the rest is the caller's promise.
        let pid = unsafe {
            libc::clone(
                entry,
                self.base.byte_add(self.length),
                libc::CLONE_VM | flags,
                argument,
            )
        };
        if pid < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(pid)
        }
    }
}

/// Replaces this process by a program found as execvp(3) does, scripts without `#!` included. Only a failure returns.
///
/// # Safety
/// `argv` must be an array of C strings that ends with a null pointer.
pub unsafe fn execute(argv: *const *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { libc::execvp(*argv, argv) };
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::ENOENT)
}

/// A copy of this process; true in the copy.
///
/// # Safety
/// The copy has one thread. It must not take locks that another thread may have held.
pub unsafe fn fork() -> io::Result<Option<i32>> {
    // SAFETY: the caller's promise.
    match unsafe { libc::fork() } {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(pid)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends this process at once: no destructors, no buffers.
pub fn exit(code: i32) -> ! {
    // SAFETY: nothing of this process is used afterwards.
    unsafe { libc::_exit(code) }
}

/// A descriptor that one thread makes readable to wake another.
pub fn event_descriptor() -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
}

/// Makes it readable.
pub fn raise_event(fd: &OwnedFd) {
    let _ = write(fd.as_raw_fd(), &1_u64.to_ne_bytes());
}

/// Makes it unreadable again.
pub fn clear_event(fd: &OwnedFd) {
    let _ = read(fd.as_raw_fd(), &mut [0; 8]);
}

/// Reads at most `most` bytes from a descriptor to the end of a buffer.
pub fn append(fd: RawFd, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    buffer.reserve(most);
    let room = buffer.spare_capacity_mut();
    // SAFETY: the room is at least as long as the kernel is told.
    let got = size(unsafe { libc::read(fd, room.as_mut_ptr().cast(), most) })?;
    // SAFETY: the kernel has written that many bytes behind the buffer's end.
    unsafe { buffer.set_len(buffer.len() + got) };
    Ok(got)
}

/// How many bytes can be read from a pipe now.
#[must_use]
pub fn readable(fd: RawFd) -> usize {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    usize::try_from(count).unwrap_or(0)
}

/// Writes only where poll(2) says there is room: where the kernel knows nothing better, and almost as good.
pub fn write_ready(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    if ready(fd) {
        write(fd, bytes)
    } else {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

fn ready(fd: RawFd) -> bool {
    let mut watched = [watch(fd, libc::POLLOUT)];
    poll(&mut watched, 0);
    watched[0].revents != 0
}

/// Closes every descriptor but these.
pub fn keep_only(kept: &[RawFd]) {
    let mut from = 0;
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    for fd in kept {
        close_range(from, fd as u32);
        from = fd as u32 + 1;
    }
    close_range(from, u32::MAX);
}

/// Holds no descriptor and no directory any more: whoever shares them may be a moment later to end.
pub fn let_go() {
    close_range(0, u32::MAX);
    leave_directory();
}

/// Holds no directory any more.
pub fn leave_directory() {
    // SAFETY: the path ends with a NUL.
    unsafe { libc::chdir(c"/".as_ptr()) };
}

/// Closes the descriptors from `from` up to, and without, `until`.
fn close_range(from: u32, until: u32) {
    if from < until {
        // SAFETY: keep_only's caller names all the descriptors it goes on using.
        unsafe { libc::syscall(libc::SYS_close_range, from, until - 1, 0) };
    }
}

/// A descriptor that is readable after the file was written to; the path ends with a NUL.
pub fn watch_for_writes(path: &std::ffi::CStr) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let fd = owned(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) })?;
    // SAFETY: a CStr ends with a NUL.
    let added = unsafe { libc::inotify_add_watch(fd.as_raw_fd(), path.as_ptr(), libc::IN_MODIFY) };
    if added < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(fd)
    }
}

/// Empties a queue of events nobody needs the details of.
pub fn forget_events(fd: RawFd) {
    let mut events = [0; 4096];
    while read(fd, &mut events).is_ok_and(|count| count == events.len()) {}
}

/// Where the next write to a regular file goes: its end when it is opened for appending, else its offset.
pub fn write_position(fd: RawFd) -> io::Result<u64> {
    // SAFETY: no memory is involved.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags & libc::O_APPEND != 0 {
        return stat(fd)
            .map(|stat| stat.st_size as u64)
            .ok_or_else(io::Error::last_os_error);
    }
    // SAFETY: no memory is involved; asking for the offset moves nothing.
    let at = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
    u64::try_from(at).map_err(|_| io::Error::last_os_error())
}

/// The first position from `from` on that is not in a hole.
#[must_use]
pub fn next_data(fd: RawFd, from: u64) -> Option<u64> {
    // SAFETY: no memory is involved; the descriptor's offset is not used.
    let at = unsafe { libc::lseek(fd, from as libc::off_t, libc::SEEK_DATA) };
    u64::try_from(at).ok()
}

/// Reads at a position.
pub fn read_at(fd: RawFd, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    // SAFETY: the buffer is as long as the kernel is told.
    size(unsafe {
        libc::pread(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            position as libc::off_t,
        )
    })
}

/// Whether nobody will read what is written to a pipe or socket.
#[must_use]
pub fn reader_is_gone(fd: RawFd) -> bool {
    let mut watched = [watch(fd, 0)];
    poll(&mut watched, 0);
    watched[0].revents != 0
}

/// Whether a descriptor may be written to. A shell whose own stderr is closed may leave the reading end of a pipe there.
#[must_use]
pub fn is_writable(fd: RawFd) -> bool {
    // SAFETY: no memory is involved.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_ACCMODE != libc::O_RDONLY
}

/// Whether something, be it the end, can be read without waiting.
#[must_use]
pub fn is_readable(fd: RawFd) -> bool {
    let mut watched = [watch(fd, libc::POLLIN)];
    poll(&mut watched, 0);
    watched[0].revents & libc::POLLIN != 0
}

/// Whether a descriptor is a terminal.
#[must_use]
pub fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::isatty(fd) == 1 }
}

/// Makes `to` refer to the same open file as `from`, and stay open across execve(2).
pub fn duplicate(from: &OwnedFd, to: RawFd) {
    // SAFETY: no memory is involved.
    unsafe { libc::dup3(from.as_raw_fd(), to, 0) };
}

/// What /proc shows for a descriptor of this process.
#[must_use]
pub fn link_of(fd: RawFd) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}

/// Waits for a change of state of a child.
pub fn wait_for(pid: i32) -> Change {
    loop {
        // SAFETY: all-zero bytes are a valid siginfo_t, which waitid writes to and WNOWAIT leaves the child as it is.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(
                libc::P_PID,
                pid as libc::id_t,
                &raw mut info,
                libc::WEXITED | libc::WNOWAIT,
            );
        }
        if let Some((_, change)) = wait(Some(pid)) {
            return change;
        }
    }
}

/// Two ends of a conversation between this process and a copy of it.
pub fn conversation() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: ends has room for the two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((owned(ends[0])?, owned(ends[1])?))
}

/// Says two numbers. That nobody listens any more is learnt by receiving.
pub fn send(to: &OwnedFd, words: [i32; 2]) {
    let bytes = [words[0].to_ne_bytes(), words[1].to_ne_bytes()].concat();
    let _ = send_now(to.as_raw_fd(), &bytes);
}

/// Waits for two numbers; `None` when the other end is gone.
pub fn receive(from: &OwnedFd) -> Option<[i32; 2]> {
    let mut bytes = [0; 8];
    loop {
        match read(from.as_raw_fd(), &mut bytes) {
            Ok(8) => break,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    let [a, b, c, d, e, f, g, h] = bytes;
    Some([
        i32::from_ne_bytes([a, b, c, d]),
        i32::from_ne_bytes([e, f, g, h]),
    ])
}

/// Takes a signal that waits out of the queue; whether there was one.
pub fn take_signal(signal: c_int) -> bool {
    let set = only(signal);
    let now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set has the 8 bytes the kernel is told; a null siginfo is allowed.
    let got = unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const set,
            ptr::null_mut::<c_void>(),
            &raw const now,
            8,
        )
    };
    got > 0
}

/// Ends a conversation, though other processes may have copies of this end.
pub fn hang_up(socket: &OwnedFd) {
    // SAFETY: no memory is involved.
    unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) };
}

/// Whether a descriptor is a pipe, a FIFO or a socket.
#[must_use]
pub fn is_pipe(fd: RawFd) -> bool {
    stat(fd)
        .is_some_and(|stat| matches!(stat.st_mode & libc::S_IFMT, libc::S_IFIFO | libc::S_IFSOCK))
}

/// The descriptors that are the same terminal as this one, itself among them; also by the name /dev/tty.
#[must_use]
pub fn descriptors_like(terminal: RawFd) -> Vec<RawFd> {
    let device = |fd: RawFd| {
        stat(fd)
            .filter(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFCHR)
            .map(|stat| stat.st_rdev)
    };
    let wanted = [device(terminal), Some(libc::makedev(5, 0))];
    let open = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<RawFd> = open
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    found.extend([0, 1, 2]);
    found.sort_unstable();
    found.dedup();
    found.retain(|&fd| wanted.contains(&device(fd)));
    found
}

/// Makes a pipe hold this many bytes. A refusal (too many pipes of this user) leaves it as it is.
pub fn lengthen_pipe(pipe: &OwnedFd, bytes: c_int) {
    // SAFETY: no memory is involved.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
}

/// Whether a pipe keeps the boundaries of what is written from now on through this open file of its writing end.
pub fn keep_packets(sink: &OwnedFd, keep: bool) {
    // SAFETY: no memory is involved; the other flags, which the command may have changed, stay.
    unsafe {
        let flags = libc::fcntl(sink.as_raw_fd(), libc::F_GETFL);
        let flags = if keep {
            flags | libc::O_DIRECT
        } else {
            flags & !libc::O_DIRECT
        };
        libc::fcntl(sink.as_raw_fd(), libc::F_SETFL, flags);
    }
}

/// Makes this process end when its parent does, also when that has ended already.
pub fn end_with_parent(parent: i32) {
    // SAFETY: no memory is involved.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            exit(0);
        }
    }
}

/// Makes this process one of a process group.
pub fn join_group(group: i32) {
    // SAFETY: no memory is involved.
    unsafe { libc::setpgid(0, group) };
}

/// Waits for any signal, all of which must be blocked: which it was, its code, and who sent it.
#[must_use]
pub fn wait_for_signal() -> (c_int, c_int, u32) {
    let all: Signals = !0;
    loop {
        // SAFETY: all-zero bytes are a valid siginfo_t; the set has the 8 bytes the kernel is told.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let none = ptr::null::<libc::timespec>();
            let signal = libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const all,
                &raw mut info,
                none,
                8,
            );
            if signal > 0 {
                return (signal as c_int, info.si_code, info.si_pid() as u32);
            }
        }
    }
}
