//! The tracer's log, in memory shared by the tracer and the wrapper.
//!
//! The tracer cannot wait for a reader, and the reader cannot query the tracer while that waits for its tracees. So the tracer
//! only appends, and the reader looks whenever it needs to. Entries are never moved or freed; the number of occurrences is
//! updated in place.

use std::io;
use std::num::NonZero;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::fs::Timespec;
use rustix::io::Errno;
use rustix::thread::futex;

use super::sys::Installed;

/// The size of the log, in bytes. Pages take no memory until they are written to.
const ROOM: usize = 16 << 20;

/// How long to wait for the tracer to record an end that is already known.
const A_MOMENT: Duration = Duration::from_secs(1);

const SETTLED: u32 = 1;
const UNUSED: u32 = 2;
const OVER: u32 = 3;

/// The header of the log.
#[repr(C)]
struct Head {
    /// The number of bytes in use after the header.
    used: AtomicU64,
    /// The total number of occurrences of all entries.
    clock: AtomicU64,
    /// The number of entries that did not fit.
    dropped: AtomicU64,
    /// [`SETTLED`] once the command has ended and everything about it has been recorded, [`OVER`] if no process that it left
    /// behind is traced any more, [`UNUSED`] if nothing ever was. A futex.
    settled: AtomicU32,
    /// How the filter was installed, as a number.
    installed: AtomicU32,
}

/// The header of an entry.
#[repr(C)]
struct Mark {
    /// The length of the entry, in bytes.
    length: u64,
    count: AtomicU32,
    pid: AtomicU32,
    when: AtomicU64,
    passed: AtomicBool,
}

/// The log. It is never unmapped, and is shared with every process forked from this one.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    memory: NonNull<u8>,
}

// SAFETY: the memory is never unmapped. It is modified through atomics, or before `used` covers it.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

/// The offset of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    /// The place as a number that can be stored in an entry.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The place with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Place {
        Place(number)
    }
}

/// The occurrences of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// The number of occurrences.
    pub count: u32,
    /// When it last occurred: a number that increases with every occurrence of any entry.
    pub when: u64,
    /// The process in which it last occurred.
    pub pid: i32,
    /// Whether the operation has since succeeded in another way.
    pub passed: bool,
}

impl Log {
    /// An empty log.
    ///
    /// # Errors
    /// Fails if no memory can be mapped.
    pub fn new() -> io::Result<Log> {
        let room = NonZero::new(ROOM).unwrap_or(NonZero::<usize>::MIN);
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new anonymous mapping touches no existing memory.
        let memory = unsafe {
            mmap_anonymous(
                None,
                room,
                access,
                MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE,
            )
        };
        Ok(Log {
            memory: memory?.cast(),
        })
    }

    /// The same; if that fails, the command runs without a tracer, and a line on stderr says so.
    #[must_use]
    pub fn or_without() -> Option<Log> {
        let log = Log::new();
        if let Err(error) = &log {
            super::tell_why_not(&error.to_string());
        }
        log.ok()
    }

    fn head(&self) -> &Head {
        // SAFETY: the mapping is aligned, large enough and never unmapped, and zeros are a valid Head.
        unsafe { self.memory.cast().as_ref() }
    }

    fn mark(&self, place: Place) -> &Mark {
        // SAFETY: a Place comes from append, which keeps it aligned and within the mapping.
        unsafe { self.at(place.0).cast().as_ref() }
    }

    fn at(&self, offset: u64) -> NonNull<u8> {
        // SAFETY: callers stay below ROOM.
        unsafe { self.memory.add(size_of::<Head>() + offset as usize) }
    }

    /// Appends an entry, with one occurrence in this process. `None` if there is no room left. Only the tracer may call this.
    pub fn append(&self, bytes: &[u8], pid: i32) -> Option<Place> {
        let head = self.head();
        let offset = head.used.load(SeqCst);
        let length = (size_of::<Mark>() + bytes.len()).next_multiple_of(8);
        if size_of::<Head>() + offset as usize + length > ROOM {
            head.dropped.fetch_add(1, SeqCst);
            return None;
        }
        let start = self.at(offset);
        // SAFETY: there is room for it, nobody reads beyond `used`, and offsets are multiples of 8.
        unsafe {
            start.cast().write(Mark {
                length: bytes.len() as u64,
                count: AtomicU32::new(0),
                pid: AtomicU32::new(0),
                when: AtomicU64::new(0),
                passed: AtomicBool::new(false),
            });
            start
                .add(size_of::<Mark>())
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        self.meet(Place(offset), pid);
        head.used.store(offset + length as u64, SeqCst);
        Some(Place(offset))
    }

    /// Counts another occurrence of an entry, in this process.
    pub fn meet(&self, place: Place, pid: i32) {
        let mark = self.mark(place);
        mark.count.fetch_add(1, SeqCst);
        mark.pid.store(pid.cast_unsigned(), SeqCst);
        mark.passed.store(false, SeqCst);
        mark.when
            .store(self.head().clock.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    /// Marks that the refused operation later succeeded in another way.
    pub fn pass(&self, place: Place) {
        self.mark(place).passed.store(true, SeqCst);
    }

    /// The occurrences of an entry so far.
    #[must_use]
    pub fn met(&self, place: Place) -> Met {
        let mark = self.mark(place);
        Met {
            count: mark.count.load(SeqCst),
            when: mark.when.load(SeqCst),
            pid: mark.pid.load(SeqCst).cast_signed(),
            passed: mark.passed.load(SeqCst),
        }
    }

    /// The entries from a place on, each with its place; `from` is advanced past them.
    pub fn read(&self, from: &mut Place) -> Vec<(Place, &[u8])> {
        let used = self.head().used.load(SeqCst);
        let mut entries = Vec::new();
        while from.0 < used {
            let place = *from;
            let length = self.mark(place).length as usize;
            // SAFETY: append has written the bytes before `used` covered them, and nobody modifies them.
            let bytes = unsafe {
                std::slice::from_raw_parts(self.at(place.0).add(size_of::<Mark>()).as_ptr(), length)
            };
            entries.push((place, bytes));
            from.0 += (size_of::<Mark>() + length).next_multiple_of(8) as u64;
        }
        entries
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head().used.load(SeqCst) == 0
    }

    /// How many entries did not fit.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.head().dropped.load(SeqCst)
    }

    /// Marks that everything about the command's end has been recorded, and whether nothing is traced any more.
    pub fn settle(&self, is_over: bool) {
        let settled = &self.head().settled;
        settled.store(if is_over { OVER } else { SETTLED }, SeqCst);
        let _ = futex::wake(settled, futex::Flags::empty(), u32::MAX);
    }

    /// Records that nothing will ever be written, because tracing is not possible.
    pub fn leave_unused(&self) {
        self.head().settled.store(UNUSED, SeqCst);
    }

    /// Whether the tracer is about to end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.head().settled.load(SeqCst) == OVER
    }

    /// Whether a tracer writes, or has written, into the log.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.head().settled.load(SeqCst) != UNUSED
    }

    /// Records how the filter was installed. The command's process does this before execve(2).
    pub fn tell_installed(&self, installed: Installed) {
        self.head().installed.store(installed as u32, SeqCst);
    }

    /// How the filter was installed; `Not` until that is recorded.
    #[must_use]
    pub fn installed(&self) -> Installed {
        Installed::from_number(self.head().installed.load(SeqCst))
    }

    /// Waits briefly for that, because the tracer is about to record it. False if it does not, because it was killed.
    #[must_use]
    pub fn settles(&self) -> bool {
        let deadline = Instant::now() + A_MOMENT;
        while !self.is_settled() {
            let left = deadline.saturating_duration_since(Instant::now());
            let limit = Timespec::try_from(left).unwrap_or_default();
            let waited = futex::wait(&self.head().settled, futex::Flags::empty(), 0, Some(&limit));
            if left.is_zero() || !matches!(waited, Ok(()) | Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        self.is_settled()
    }

    /// Whether everything about the command's end has been recorded.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.head().settled.load(SeqCst) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_order_and_once() {
        let log = Log::new().unwrap();
        let mut from = Place(0);
        assert!(log.is_empty() && log.read(&mut from).is_empty());
        let first = log.append(b"one", 7).unwrap();
        log.append(b"", 8).unwrap();
        let read: Vec<&[u8]> = log
            .read(&mut from)
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect();
        assert_eq!(read, [&b"one"[..], b""]);
        log.append(b"three and more", 9).unwrap();
        let read: Vec<&[u8]> = log
            .read(&mut from)
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect();
        assert_eq!(read, [b"three and more"]);
        log.meet(first, 10);
        assert_eq!(
            log.met(first),
            Met {
                count: 2,
                when: 4,
                pid: 10,
                passed: false
            }
        );
    }

    #[test]
    fn a_full_log_counts_what_it_drops() {
        let log = Log::new().unwrap();
        let entry = vec![1; 1 << 20];
        let kept = (0..20).filter(|_| log.append(&entry, 1).is_some()).count();
        assert_eq!((kept, log.dropped()), (15, 5));
    }
}
