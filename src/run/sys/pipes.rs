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

/// A pipe that keeps the boundaries of writes up to `PIPE_BUF`: reading end (non-blocking), writing end.
pub fn packet_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (source, sink) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::DIRECT)?;
    // These flags belong to the reading end, which nobody else has.
    fcntl_setfl(&source, OFlags::NONBLOCK)?;
    Ok((source, sink))
}

/// Writes to a descriptor without waiting, though its open file may be a blocking one. An error but those of write(2)
/// itself means that this cannot be done here: the file does not offer it, the kernel is too old, a sandbox forbids it.
pub fn write_now(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let part = [io::IoSlice::new(bytes)];
    // At the file's own position, which a pipe has not.
    let here = u64::MAX;
    Ok(rustix::io::pwritev2(
        fd,
        &part,
        here,
        ReadWriteFlags::NOWAIT,
    )?)
}

/// Sends to a socket without waiting and without SIGPIPE.
pub fn send_now(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(rustix::net::send(fd, bytes, flags)?)
}

/// Two ends of a stream between this process and a copy of it; neither waits.
pub fn stream() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

/// How many bytes can be read from a pipe or a terminal now; `None` where the kernel does not tell.
#[must_use]
pub fn readable(fd: impl AsFd) -> Option<usize> {
    ioctl_fionread(fd)
        .ok()
        .and_then(|count| count.try_into().ok())
}

/// Another opening of the pipe or FIFO behind a descriptor, for writing, which does not wait and is not inherited.
pub fn open_without_waiting(fd: impl AsFd) -> io::Result<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    let fd = fd.as_fd().as_raw_fd();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(format!("/proc/self/fd/{fd}"))?;
    Ok(file.into())
}

/// Writes only where poll(2) says there is room: where the kernel knows nothing better, and almost as good.
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

/// Whether somebody may read what is written to a pipe or socket; not, where that cannot be found out.
#[must_use]
pub fn has_reader(fd: impl AsFd) -> bool {
    let mut watched = [watch(fd.as_fd(), 0)];
    poll(&mut watched, 0) == Some(0) && watched[0].revents == 0
}

/// Two ends of a conversation between this process and a copy of it.
pub fn conversation() -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = SocketType::SEQPACKET;
    Ok(socketpair(
        AddressFamily::UNIX,
        kind,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Says two numbers. That nobody listens any more is learnt by receiving.
pub fn send(to: &OwnedFd, words: [i32; 2]) {
    let bytes = [words[0].to_ne_bytes(), words[1].to_ne_bytes()].concat();
    let _ = send_now(to, &bytes);
}

/// Waits for two numbers; `None` when the other end is gone.
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

/// Ends a conversation, though other processes may have copies of this end.
pub fn hang_up(socket: &OwnedFd) {
    let _ = shutdown(socket, Shutdown::Both);
}

/// Whether a descriptor is a pipe, a FIFO or a socket.
#[must_use]
pub fn is_pipe(fd: impl AsFd) -> bool {
    matches!(kind(fd), Some(FileType::Fifo | FileType::Socket))
}

/// Makes a pipe hold this many bytes. A refusal (too many pipes of this user) leaves it as it is.
pub fn lengthen_pipe(pipe: &OwnedFd, bytes: usize) {
    let _ = fcntl_setpipe_size(pipe, bytes);
}

/// Whether a pipe keeps the boundaries of what is written from now on through this open file of its writing end. The other
/// flags, which the command may have changed, stay.
pub fn keep_packets(sink: &OwnedFd, keep: bool) {
    if let Ok(mut flags) = fcntl_getfl(sink) {
        flags.set(OFlags::DIRECT, keep);
        let _ = fcntl_setfl(sink, flags);
    }
}
