//! Memory for the relay: put aside before the command is started, so that it can go on when there is no more to be had.
//!
//! A Rust program that is refused memory aborts, and the command would die of the lost pipe. The relay needs little, and
//! its need is bounded: what is put aside is enough for the rest of its life.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::sys;

/// How much is put aside, in bytes. What is on its way to a diagnosis is the most that the relay ever holds.
const RESERVE: usize = 8 * 1024 * 1024;

/// The least room for the stack, in bytes; the relay needs a quarter of it.
const STACK: u64 = 256 * 1024;

/// The mapping that nobody uses; null once it was given up.
static RESERVED: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Puts the reserve aside: address space and what the limits count, no memory. False where it cannot be had, or where the
/// stack may not grow as far as the relay needs.
#[must_use]
pub fn put_aside() -> bool {
    if sys::limit(nix::sys::resource::Resource::RLIMIT_STACK).is_none_or(|most| most < STACK) {
        return false;
    }
    let usable = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new anonymous mapping touches no existing memory.
    let mapped = unsafe {
        mmap_anonymous(
            ptr::null_mut(),
            RESERVE,
            usable,
            MapFlags::PRIVATE | MapFlags::NORESERVE,
        )
    };
    mapped.map(|base| RESERVED.store(base, SeqCst)).is_ok()
}

/// Gives the reserve up; whether there was one.
pub fn give_up() -> bool {
    let base = RESERVED.swap(ptr::null_mut(), SeqCst);
    // SAFETY: nobody else has the address of the mapping, and nobody ever used it.
    !base.is_null() && unsafe { munmap(base, RESERVE) }.is_ok()
}

/// The system's allocator, with the reserve behind it.
#[derive(Debug)]
pub struct Allocator;

// SAFETY: every call is the system allocator's, with the arguments that were given; a refusal is tried once more.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the one asked for.
        twice(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the one asked for.
        twice(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the one asked for; a refusal leaves the block as it was.
        twice(|| unsafe { System.realloc(block, layout, size) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { System.dealloc(block, layout) }
    }
}

fn twice(allocate: impl Fn() -> *mut u8) -> *mut u8 {
    let block = allocate();
    if block.is_null() && give_up() {
        return allocate();
    }
    block
}
