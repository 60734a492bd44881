//! Descriptors: opening, reading, writing, waiting, closing.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::libc;

/// How many descriptors are closed one by one where the kernel does not close a range at once.
const MOST_DESCRIPTORS: u32 = 4096;

pub(super) fn owned(fd: c_int) -> io::Result<OwnedFd> {
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

pub(super) fn size(got: isize) -> io::Result<usize> {
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// Waits for events on descriptors; a timeout in milliseconds, or -1. How many have some, 0 when the time is over; `None`
/// where the kernel refuses to wait.
pub fn poll(watched: &mut [libc::pollfd], timeout: c_int) -> Option<usize> {
    // SAFETY: the slice is as long as the kernel is told.
    let got = unsafe { libc::poll(watched.as_mut_ptr(), watched.len() as libc::nfds_t, timeout) };
    let count = usize::try_from(got).ok();
    if count.is_none() {
        // Whoever asks again and again shall not do so at full speed.
        std::thread::sleep(Duration::from_millis(1));
    }
    count
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

/// Closes every descriptor but these.
///
/// # Safety
/// Nothing in this process may use any other descriptor from now on, or drop an owner of one.
pub unsafe fn keep_only(kept: &[RawFd]) {
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    let mut from = 0;
    for fd in kept {
        // SAFETY: the caller's promise.
        unsafe { close_range(from, fd as u32) };
        from = fd as u32 + 1;
    }
    // SAFETY: the caller's promise.
    unsafe { close_range(from, u32::MAX) };
}

/// Closes these descriptors.
///
/// # Safety
/// As for [`keep_only`].
pub unsafe fn close_all(fds: &[RawFd]) {
    for &fd in fds {
        // SAFETY: the caller's promise.
        unsafe { libc::close(fd) };
    }
}

/// Holds no directory any more.
pub fn leave_directory() {
    let _ = rustix::process::chdir(c"/");
}

/// Closes the descriptors from `from` up to, and without, `until`.
///
/// # Safety
/// As for [`keep_only`].
unsafe fn close_range(from: u32, until: u32) {
    if from >= until {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if libc::syscall(libc::SYS_close_range, from, until - 1, 0) == 0 {
            return;
        }
        // An old kernel (before 5.9), or a sandbox.
        let limit = super::limit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap_or(u64::MAX);
        let most = limit.min(MOST_DESCRIPTORS.into()) as u32;
        for fd in from..until.min(most) {
            libc::close(fd as c_int);
        }
    }
}

/// Puts `/dev/null` in the place of stdin, stdout and stderr; where there is none, nothing.
pub fn silence_standard_streams() {
    let null = open(c"/dev/null", libc::O_RDWR).ok();
    for fd in 0..=2 {
        if !null.as_ref().is_some_and(|null| duplicate(null, fd)) {
            // SAFETY: no object owns these three, and whoever writes there is meant to be unheard.
            unsafe { libc::close(fd) };
        }
    }
    // It may have been given one of the three numbers itself, and stays there.
    if let Some(null) = null.filter(|null| null.as_raw_fd() <= 2) {
        let _ = null.into_raw_fd();
    }
}

/// The same open file under a number that no standard stream has.
pub fn beyond_standard_streams(fd: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
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

/// A descriptor that is readable once for each time something new can be read from a file: that others may read it first
/// costs no more than that.
pub fn watch_for_news(fd: &OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let news = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    let mut event = libc::epoll_event {
        events: (libc::EPOLLIN | libc::EPOLLET) as u32,
        u64: 0,
    };
    // SAFETY: the event is only read.
    let added = unsafe {
        libc::epoll_ctl(
            news.as_raw_fd(),
            libc::EPOLL_CTL_ADD,
            fd.as_raw_fd(),
            &raw mut event,
        )
    };
    if added < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(news)
    }
}

/// Takes note of the news.
pub fn forget_news(news: &OwnedFd) {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: there is room for the one event asked for.
    unsafe { libc::epoll_wait(news.as_raw_fd(), &raw mut event, 1, 0) };
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
    poll(&mut watched, 0).is_some() && watched[0].revents & libc::POLLIN != 0
}

/// Whether a descriptor is a terminal.
#[must_use]
pub fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::isatty(fd) == 1 }
}

/// Makes `to` refer to the same open file as `from`, and stay open across execve(2); whether that was allowed.
pub fn duplicate(from: &OwnedFd, to: RawFd) -> bool {
    if from.as_raw_fd() == to {
        // What `from` owns ends with it; only its flag is to go.
        return rustix::io::fcntl_setfd(from, rustix::io::FdFlags::empty()).is_ok();
    }
    // SAFETY: no memory is involved.
    unsafe { libc::dup3(from.as_raw_fd(), to, 0) == to }
}

/// What /proc shows for a descriptor of this process.
#[must_use]
pub fn link_of(fd: RawFd) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()
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
