//! Descriptors: opening, reading, writing, waiting, closing.

use std::ffi::{CStr, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::libc;
use rustix::event::epoll;
use rustix::fs::{FileType, Mode, OFlags, SeekFrom, Stat, inotify};

/// How many descriptors are closed one by one where the kernel does not close a range at once.
const MOST_DESCRIPTORS: u32 = 4096;

/// The descriptor with this number, which may be closed: then calls answer EBADF, as they do to everybody.
fn numbered(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: callers pass numbers from 0 on, and use the descriptor for one call at once.
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

/// Opens a file. Always close-on-exec, never makes a terminal the controlling one.
pub fn open(path: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// What a descriptor refers to; `None` where it is closed.
#[must_use]
pub fn stat(fd: impl AsFd) -> Option<Stat> {
    rustix::fs::fstat(fd).ok()
}

/// Of what kind the file behind a descriptor is; `None` where it is closed.
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

/// One entry for [`poll`]; one without a descriptor is passed over.
#[must_use]
pub fn watch<'fd>(fd: impl Into<Option<BorrowedFd<'fd>>>, events: i16) -> libc::pollfd {
    libc::pollfd {
        fd: fd.into().map_or(-1, |fd| fd.as_raw_fd()),
        events,
        revents: 0,
    }
}

/// Reads at most `most` bytes from a descriptor to the end of a buffer.
pub fn append(fd: impl AsFd, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    buffer.reserve(most);
    let begin = buffer.len();
    let room = &mut buffer.spare_capacity_mut()[..most];
    let (read, _) = rustix::io::read(fd, room)?;
    let count = read.len();
    // SAFETY: the kernel has written that many bytes behind the buffer's end.
    unsafe { buffer.set_len(begin + count) };
    Ok(count)
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
    let null = open(c"/dev/null", OFlags::RDWR).ok();
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

/// A descriptor that is readable when there is news of the files it was told to watch.
pub fn new_watch() -> io::Result<OwnedFd> {
    Ok(inotify::init(
        inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK,
    )?)
}

/// Has it tell of writes to a file.
pub fn tell_of_writes(watch: &OwnedFd, path: &std::ffi::CStr) -> io::Result<()> {
    inotify::add_watch(watch, path, inotify::WatchFlags::MODIFY)?;
    Ok(())
}

/// A descriptor that is readable once for each time something new can be read from a file: that others may read it first
/// costs no more than that.
pub fn watch_for_news(fd: impl AsFd) -> io::Result<OwnedFd> {
    let news = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&news, fd, epoll::EventData::new_u64(0), flags)?;
    Ok(news)
}

/// Takes note of the news.
pub fn forget_news(news: &OwnedFd) {
    let mut event = [epoll::Event {
        flags: epoll::EventFlags::empty(),
        data: epoll::EventData::new_u64(0),
    }];
    let now = rustix::fs::Timespec::default();
    let _ = epoll::wait(news, &mut event, Some(&now));
}

/// Empties a queue of events nobody needs the details of.
pub fn forget_events(fd: impl AsFd) {
    let fd = fd.as_fd();
    let mut events = [0; 4096];
    while read(fd, &mut events).is_ok_and(|count| count == events.len()) {}
}

/// Where the next write to a regular file goes: its end when it is opened for appending, else its offset.
pub fn write_position(fd: impl AsFd) -> io::Result<u64> {
    let fd = fd.as_fd();
    if rustix::fs::fcntl_getfl(fd)?.contains(OFlags::APPEND) {
        return Ok(rustix::fs::fstat(fd)?.st_size as u64);
    }
    Ok(rustix::fs::tell(fd)?)
}

/// The first position from `from` on that is not in a hole. The descriptor's own offset moves.
#[must_use]
pub fn next_data(fd: impl AsFd, from: u64) -> Option<u64> {
    rustix::fs::seek(fd, SeekFrom::Data(from)).ok()
}

/// Reads at a position.
pub fn read_at(fd: impl AsFd, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    Ok(rustix::io::pread(fd, buffer, position)?)
}

/// Whether a descriptor may be written to. A shell whose own stderr is closed may leave the reading end of a pipe there.
#[must_use]
pub fn is_writable(fd: impl AsFd) -> bool {
    let flags = rustix::fs::fcntl_getfl(fd);
    flags.is_ok_and(|flags| flags & OFlags::ACCMODE != OFlags::RDONLY)
}

/// Whether something, be it the end, can be read without waiting.
#[must_use]
pub fn is_readable(fd: impl AsFd) -> bool {
    let mut watched = [watch(fd.as_fd(), libc::POLLIN)];
    poll(&mut watched, 0).is_some() && watched[0].revents & libc::POLLIN != 0
}

/// Whether a descriptor is a terminal.
#[must_use]
pub fn is_terminal(fd: impl AsFd) -> bool {
    rustix::termios::isatty(fd)
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
pub fn link_of(fd: impl AsFd) -> Option<std::path::PathBuf> {
    let fd = fd.as_fd().as_raw_fd();
    std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}

/// The descriptors that are the same terminal as stderr, itself among them; also by the name /dev/tty.
#[must_use]
pub fn descriptors_like_stderr() -> Vec<RawFd> {
    let device = |fd: RawFd| {
        let stat = stat(numbered(fd))?;
        let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
        is_device.then_some(stat.st_rdev)
    };
    let wanted = [device(libc::STDERR_FILENO), Some(rustix::fs::makedev(5, 0))];
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
