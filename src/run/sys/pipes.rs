//! Pipes and sockets.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{ReadWriteFlags, ioctl_fionread};
use rustix::net::{
    AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, shutdown, socketpair,
};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use super::descriptors::{kind, poll, read, watch, write};

/// A packet-mode pipe, which preserves the boundaries of writes up to `PIPE_BUF`: the reading end (non-blocking) and the
/// writing end. That one blocks, even if what it stands for does not: each packet takes a page, so that short writes would fill
/// it long before, and be lost.
pub fn packet_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (source, sink) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::DIRECT)?;
    // The flags belong to the open file description of the reading end, which is not shared.
    fcntl_setfl(&source, OFlags::NONBLOCK)?;
    Ok((source, sink))
}

/// Writes without blocking, even if the open file description is in blocking mode. An error other than those of write(2) means
/// that this is not possible here: the file does not support it, the kernel is too old, or a sandbox forbids it.
pub fn write_now(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let part = [io::IoSlice::new(bytes)];
    // The current file position (-1), since a pipe is not seekable.
    let here = u64::MAX;
    Ok(rustix::io::pwritev2(
        fd,
        &part,
        here,
        ReadWriteFlags::NOWAIT,
    )?)
}

/// Sends to a socket without blocking and without raising SIGPIPE.
pub fn send_now(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(rustix::net::send(fd, bytes, flags)?)
}

/// A connected pair of stream sockets for this process and a copy of it, both non-blocking.
pub fn stream() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

/// The number of bytes that can be read from a pipe or terminal now; `None` if the kernel does not report it.
#[must_use]
pub fn readable(fd: impl AsFd) -> Option<usize> {
    ioctl_fionread(fd)
        .ok()
        .and_then(|count| count.try_into().ok())
}

/// A new open file description of the pipe or FIFO behind a descriptor, for writing, non-blocking and close-on-exec.
pub fn open_without_waiting(fd: impl AsFd) -> io::Result<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    let fd = fd.as_fd().as_raw_fd();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(format!("/proc/self/fd/{fd}"))?;
    Ok(file.into())
}

/// Writes only if poll(2) reports room. This is the fallback if nothing better is available; another writer could still use up
/// the room in between.
pub fn write_ready(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let fd = fd.as_fd();
    if ready(fd) {
        write(fd, bytes)
    } else {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

fn ready(fd: impl AsFd) -> bool {
    let mut watched = [watch(fd.as_fd(), libc::POLLOUT)];
    poll(&mut watched, 0);
    watched[0].revents != 0
}

/// Whether a pipe or socket has a reader; false if that cannot be determined.
#[must_use]
pub fn has_reader(fd: impl AsFd) -> bool {
    let mut watched = [watch(fd.as_fd(), 0)];
    poll(&mut watched, 0) == Some(0) && watched[0].revents == 0
}

/// A connected pair of packet sockets for this process and a copy of it.
pub fn conversation() -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = SocketType::SEQPACKET;
    Ok(socketpair(
        AddressFamily::UNIX,
        kind,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends two numbers. A closed connection is only noticed when receiving.
pub fn send(to: &OwnedFd, words: [i32; 2]) {
    let [[a, b, c, d], [e, f, g, h]] = words.map(i32::to_ne_bytes);
    let _ = send_now(to, &[a, b, c, d, e, f, g, h]);
}

/// Waits for two numbers; `None` if the other end is closed.
pub fn receive(from: &OwnedFd) -> Option<[i32; 2]> {
    let mut bytes = [0; 8];
    loop {
        match read(from, &mut bytes) {
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

/// Shuts a connection down, even if other processes have copies of this end.
pub fn hang_up(socket: &OwnedFd) {
    let _ = shutdown(socket, Shutdown::Both);
}

/// Whether a descriptor refers to a pipe, a FIFO or a socket.
#[must_use]
pub fn is_pipe(fd: impl AsFd) -> bool {
    matches!(kind(fd), Some(FileType::Fifo | FileType::Socket))
}

/// Sets the capacity of a pipe, in bytes. If that is refused (this user has too many pipes), it remains unchanged.
pub fn lengthen_pipe(pipe: &OwnedFd, bytes: usize) {
    let _ = fcntl_setpipe_size(pipe, bytes);
}

/// Switches packet mode for writes through this open file description of a pipe. Other flags, which the command may have
/// changed, are preserved.
pub fn keep_packets(sink: &OwnedFd, keep: bool) {
    if let Ok(mut flags) = fcntl_getfl(sink) {
        flags.set(OFlags::DIRECT, keep);
        let _ = fcntl_setfl(sink, flags);
    }
}
