//! The tracer's log: memory that the tracer and the wrapper share.
//!
//! The tracer cannot wait for a reader, nor the reader ask the tracer, which waits for its tracees: so the one appends, the
//! other looks when it needs to. Nothing is ever moved or freed; how often an entry was met is counted in place.

use std::io;
use std::num::NonZero;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

/// How much there is room for, in bytes. Pages cost nothing until they are written to.
const ROOM: usize = 16 << 20;

/// How long the tracer may need to write of an end that is known already.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What stands before the entries.
#[repr(C)]
struct Head {
    /// How many bytes behind the head are in use.
    used: AtomicU64,
    /// How often anything was met.
    clock: AtomicU64,
    /// How many entries there was no room for.
    dropped: AtomicU64,
    /// Whether the command has ended and all that is known of it is here.
    settled: AtomicBool,
}

/// What stands before an entry's bytes.
#[repr(C)]
struct Mark {
    /// How many bytes follow.
    length: u64,
    count: AtomicU32,
    pid: AtomicU32,
    when: AtomicU64,
    passed: AtomicBool,
}

/// The log. It lives as long as the process, and is the same in every process forked from this one.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    memory: NonNull<u8>,
}

// SAFETY: what is behind the pointer is never unmapped, and is changed through atomics, or before `used` tells of it.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    /// As a number, to be written into an entry.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// From a number in an entry.
    #[must_use]
    pub fn from_number(number: u64) -> Place {
        Place(number)
    }
}

/// How often an entry was met, when last (counted over all entries), and by which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// How often.
    pub count: u32,
    /// When last: a number that grows with everything that is met.
    pub when: u64,
    /// Who met it last.
    pub pid: i32,
    /// Whether it worked in another way since.
    pub passed: bool,
}

impl Log {
    /// An empty log.
    ///
    /// # Errors
    /// Where no memory is to be had.
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

    fn head(&self) -> &Head {
        // SAFETY: the mapping is aligned, large enough, never unmapped, and zeroes are a valid Head.
        unsafe { self.memory.cast().as_ref() }
    }

    fn mark(&self, place: Place) -> &Mark {
        // SAFETY: a Place comes from append, which keeps it aligned and inside of the mapping.
        unsafe { self.at(place.0).cast().as_ref() }
    }

    fn at(&self, offset: u64) -> NonNull<u8> {
        // SAFETY: callers stay below ROOM.
        unsafe { self.memory.add(size_of::<Head>() + offset as usize) }
    }

    /// Adds an entry, met once by this process. `None` where there is no more room. Only the tracer may call this.
    pub fn append(&self, bytes: &[u8], pid: i32) -> Option<Place> {
        let head = self.head();
        let offset = head.used.load(SeqCst);
        let length = (size_of::<Mark>() + bytes.len()).next_multiple_of(8);
        if size_of::<Head>() + offset as usize + length > ROOM {
            head.dropped.fetch_add(1, SeqCst);
            return None;
        }
        let start = self.at(offset);
        // SAFETY: there is room for it, nobody reads behind `used`, and offsets are multiples of 8.
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

    /// An entry was met again by this process.
    pub fn meet(&self, place: Place, pid: i32) {
        let mark = self.mark(place);
        mark.count.fetch_add(1, SeqCst);
        mark.pid.store(pid.cast_unsigned(), SeqCst);
        mark.passed.store(false, SeqCst);
        mark.when
            .store(self.head().clock.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    /// What was refused worked afterwards in another way.
    pub fn pass(&self, place: Place) {
        self.mark(place).passed.store(true, SeqCst);
    }

    /// How often an entry was met until now.
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

    /// The entries from a place on, each with its place; the place moves behind them.
    pub fn read(&self, from: &mut Place) -> Vec<(Place, &[u8])> {
        let used = self.head().used.load(SeqCst);
        let mut entries = Vec::new();
        while from.0 < used {
            let place = *from;
            let length = self.mark(place).length as usize;
            // SAFETY: append has written them before it told of them, and nobody changes them.
            let bytes = unsafe {
                std::slice::from_raw_parts(self.at(place.0).add(size_of::<Mark>()).as_ptr(), length)
            };
            entries.push((place, bytes));
            from.0 += (size_of::<Mark>() + length).next_multiple_of(8) as u64;
        }
        entries
    }

    /// Whether there is anything in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head().used.load(SeqCst) == 0
    }

    /// How many entries there was no room for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.head().dropped.load(SeqCst)
    }

    /// All that is known of the command's end is here.
    pub fn settle(&self) {
        self.head().settled.store(true, SeqCst);
    }

    /// Waits a moment for that: the tracer is about to write it. False where it does not, being killed.
    #[must_use]
    pub fn settles(&self) -> bool {
        let start = Instant::now();
        while !self.is_settled() && start.elapsed() < A_MOMENT {
            std::thread::sleep(Duration::from_micros(20));
        }
        self.is_settled()
    }

    /// Whether it is.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.head().settled.load(SeqCst)
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
