//! Pipes, sockets and event counters.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::libc;

use super::descriptors::{owned, poll, read, size, stat, watch, write};

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

/// Writes to a descriptor without waiting, though its open file may be a blocking one; `Unsupported` where the kernel
/// cannot do that for this file.
pub fn write_now(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: the one part is as long as the kernel is told, and is only read from.
    let done = size(unsafe { libc::pwritev2(fd, &raw const part, 1, -1, libc::RWF_NOWAIT) });
    done.map_err(|error| match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::ENOSYS) => io::ErrorKind::Unsupported.into(),
        _ => error,
    })
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

/// How many bytes can be read from a pipe now.
#[must_use]
pub fn readable(fd: RawFd) -> usize {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    usize::try_from(count).unwrap_or(0)
}

/// Another opening of the pipe or FIFO behind a descriptor, for writing, which does not wait and is not inherited.
pub fn open_without_waiting(fd: RawFd) -> io::Result<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(format!("/proc/self/fd/{fd}"))?;
    Ok(file.into())
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

/// Whether nobody will read what is written to a pipe or socket.
#[must_use]
pub fn reader_is_gone(fd: RawFd) -> bool {
    let mut watched = [watch(fd, 0)];
    poll(&mut watched, 0);
    watched[0].revents != 0
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
