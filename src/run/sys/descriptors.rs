//! File descriptors: opening, reading, writing, waiting, closing.

use std::ffi::{CStr, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::libc;
use rustix::event::epoll;
use rustix::fs::{FileType, Mode, OFlags, SeekFrom, Stat, inotify};

/// The maximum number of descriptors closed one by one, if the kernel does not support close_range(2).
const MOST_DESCRIPTORS: u32 = 4096;

/// The descriptor with this number, which may be closed; calls then fail with EBADF.
fn numbered(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: callers pass non-negative numbers, and use the descriptor immediately for a single call.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// The wrapper's own stderr.
#[must_use]
pub fn stderr() -> BorrowedFd<'static> {
    numbered(libc::STDERR_FILENO)
}

/// The wrapper's own stdout.
#[must_use]
pub fn stdout() -> BorrowedFd<'static> {
    numbered(libc::STDOUT_FILENO)
}

/// Opens a file, always close-on-exec and never as the controlling terminal.
pub fn open(path: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// The status of the file behind a descriptor; `None` if the descriptor is closed.
#[must_use]
pub fn stat(fd: impl AsFd) -> Option<Stat> {
    rustix::fs::fstat(fd).ok()
}

/// The type of the file behind a descriptor; `None` if the descriptor is closed.
#[must_use]
pub fn kind(fd: impl AsFd) -> Option<FileType> {
    stat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode))
}

/// Reads from a descriptor.
pub fn read(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(fd, buffer)?)
}

/// Writes to a descriptor.
pub fn write(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(fd, bytes)?)
}

/// Waits for events on descriptors, for at most `timeout` milliseconds (-1 for no limit). Returns the number of descriptors
/// with events, 0 after a timeout, or `None` if the kernel refuses to wait.
pub fn poll(watched: &mut [libc::pollfd], timeout: c_int) -> Option<usize> {
    // SAFETY: the length passed to the kernel is that of the slice.
    let got = unsafe { libc::poll(watched.as_mut_ptr(), watched.len() as libc::nfds_t, timeout) };
    let count = usize::try_from(got).ok();
    if count.is_none() {
        // A caller that loops must not do so at full speed.
        std::thread::sleep(Duration::from_millis(1));
    }
    count
}

/// An entry for [`poll`]; an entry without a descriptor is ignored.
#[must_use]
pub fn watch<'fd>(fd: impl Into<Option<BorrowedFd<'fd>>>, events: i16) -> libc::pollfd {
    libc::pollfd {
        fd: fd.into().map_or(-1, |fd| fd.as_raw_fd()),
        events,
        revents: 0,
    }
}

/// Reads at most `most` bytes from a descriptor and appends them to a buffer.
pub fn append(fd: impl AsFd, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    buffer.reserve(most);
    let begin = buffer.len();
    let room = &mut buffer.spare_capacity_mut()[..most];
    let (read, _) = rustix::io::read(fd, room)?;
    let count = read.len();
    // SAFETY: the kernel has written that many bytes after the end of the buffer.
    unsafe { buffer.set_len(begin + count) };
    Ok(count)
}

/// Closes every descriptor except these.
///
/// # Safety
/// Nothing in this process may use any other descriptor afterwards, or drop the owner of one.
pub unsafe fn keep_only(kept: &[RawFd]) {
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    let mut from = 0;
    for fd in kept {
        // SAFETY: guaranteed by the caller.
        unsafe { close_range(from, fd as u32) };
        from = fd as u32 + 1;
    }
    // SAFETY: guaranteed by the caller.
    unsafe { close_range(from, u32::MAX) };
}

/// Closes these descriptors.
///
/// # Safety
/// Nothing in this process may use these descriptors afterwards, or drop the owner of one.
pub unsafe fn close_all(fds: &[RawFd]) {
    for &fd in fds {
        // SAFETY: guaranteed by the caller.
        unsafe { libc::close(fd) };
    }
}

/// Changes the working directory to `/`, so that this process does not keep a file system from being unmounted.
pub fn leave_directory() {
    let _ = rustix::process::chdir(c"/");
}

/// Closes the descriptors from `from` to `until`, exclusive.
///
/// # Safety
/// As for [`keep_only`].
unsafe fn close_range(from: u32, until: u32) {
    if from >= until {
        return;
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        if libc::syscall(libc::SYS_close_range, from, until - 1, 0) == 0 {
            return;
        }
        // The kernel is older than 5.9, or a sandbox forbids the call.
        let limit = super::limit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap_or(u64::MAX);
        let most = limit.min(MOST_DESCRIPTORS.into()) as u32;
        for fd in from..until.min(most) {
            libc::close(fd as c_int);
        }
    }
}

/// Redirects stdin, stdout and stderr to `/dev/null`; if that cannot be opened, closes them.
pub fn silence_standard_streams() {
    let null = open(c"/dev/null", OFlags::RDWR).ok();
    for fd in 0..=2 {
        if !null.as_ref().is_some_and(|null| duplicate(null, fd)) {
            // SAFETY: no object owns these three descriptors, and output to them is meant to be discarded.
            unsafe { libc::close(fd) };
        }
    }
    // /dev/null may itself have been opened under one of the three numbers, and stays there.
    if let Some(null) = null.filter(|null| null.as_raw_fd() <= 2) {
        let _ = null.into_raw_fd();
    }
}

/// Duplicates a descriptor to a number above those of the standard streams.
pub fn beyond_standard_streams(fd: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// An inotify descriptor, which is readable when a watched file has changed.
pub fn new_watch() -> io::Result<OwnedFd> {
    Ok(inotify::init(
        inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK,
    )?)
}

/// Watches a file for writes.
pub fn tell_of_writes(watch: &OwnedFd, path: &std::ffi::CStr) -> io::Result<()> {
    inotify::add_watch(watch, path, inotify::WatchFlags::MODIFY)?;
    Ok(())
}

/// A descriptor that becomes readable whenever new input arrives on `fd` (edge-triggered). Others may read the input first.
pub fn watch_for_news(fd: impl AsFd) -> io::Result<OwnedFd> {
    let news = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&news, fd, epoll::EventData::new_u64(0), flags)?;
    Ok(news)
}

/// Consumes the pending event of such a descriptor.
pub fn forget_news(news: &OwnedFd) {
    let mut event = [epoll::Event {
        flags: epoll::EventFlags::empty(),
        data: epoll::EventData::new_u64(0),
    }];
    let now = rustix::fs::Timespec::default();
    let _ = epoll::wait(news, &mut event, Some(&now));
}

/// Discards the pending events of a queue.
pub fn forget_events(fd: impl AsFd) {
    let fd = fd.as_fd();
    let mut events = [0; 4096];
    while read(fd, &mut events).is_ok_and(|count| count == events.len()) {}
}

/// The position of the next write to a regular file: its end in append mode, otherwise its offset.
pub fn write_position(fd: impl AsFd) -> io::Result<u64> {
    let fd = fd.as_fd();
    if rustix::fs::fcntl_getfl(fd)?.contains(OFlags::APPEND) {
        return Ok(rustix::fs::fstat(fd)?.st_size as u64);
    }
    Ok(rustix::fs::tell(fd)?)
}

/// The first position from `from` on that is not in a hole. This moves the file offset.
#[must_use]
pub fn next_data(fd: impl AsFd, from: u64) -> Option<u64> {
    rustix::fs::seek(fd, SeekFrom::Data(from)).ok()
}

/// Reads at a position (pread(2)).
pub fn read_at(fd: impl AsFd, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    Ok(rustix::io::pread(fd, buffer, position)?)
}

/// Whether a descriptor is open for writing. If a shell's own stderr is closed, it may have passed the reading end of a pipe
/// there.
#[must_use]
pub fn is_writable(fd: impl AsFd) -> bool {
    let flags = rustix::fs::fcntl_getfl(fd);
    flags.is_ok_and(|flags| flags & OFlags::ACCMODE != OFlags::RDONLY)
}

/// Whether a read would not block, at end of file as well.
#[must_use]
pub fn is_readable(fd: impl AsFd) -> bool {
    let mut watched = [watch(fd.as_fd(), libc::POLLIN)];
    poll(&mut watched, 0).is_some() && watched[0].revents & libc::POLLIN != 0
}

/// Whether a descriptor refers to a terminal.
#[must_use]
pub fn is_terminal(fd: impl AsFd) -> bool {
    rustix::termios::isatty(fd)
}

/// Makes `to` refer to the same open file description as `from` and survive execve(2); false if that fails.
pub fn duplicate(from: &OwnedFd, to: RawFd) -> bool {
    if from.as_raw_fd() == to {
        // `from` still owns the descriptor, so only its close-on-exec flag is cleared.
        return rustix::io::fcntl_setfd(from, rustix::io::FdFlags::empty()).is_ok();
    }
    // SAFETY: no memory is involved.
    unsafe { libc::dup3(from.as_raw_fd(), to, 0) == to }
}

/// What /proc shows for a descriptor of this process.
#[must_use]
pub fn link_of(fd: impl AsFd) -> Option<std::path::PathBuf> {
    let fd = fd.as_fd().as_raw_fd();
    std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}

/// The descriptors that refer to the same terminal as this one, including itself and those opened as /dev/tty.
#[must_use]
pub fn descriptors_like(terminal: BorrowedFd<'_>) -> Vec<RawFd> {
    let device = |fd: BorrowedFd<'_>| {
        let stat = stat(fd)?;
        let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
        is_device.then_some(stat.st_rdev)
    };
    let wanted = [device(terminal), Some(rustix::fs::makedev(5, 0))];
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
    found.retain(|&fd| wanted.contains(&device(numbered(fd))));
    found
}
