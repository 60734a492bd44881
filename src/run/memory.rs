//! A memory reserve for the relay, set aside before the command is started, so that the relay survives when no more memory can
//! be had.
//!
//! A Rust program aborts if an allocation fails, and the command would then be killed by SIGPIPE. The relay needs little
//! memory, and its need is bounded: the reserve is enough for the rest of its life.

#[cfg(not(target_env = "musl"))]
use std::alloc::System;
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

#[cfg(target_env = "musl")]
use dlmalloc::GlobalDlmalloc as System;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::sys;

/// The size of the reserve, in bytes. The text queued for a diagnosis accounts for most of what the relay can hold.
const RESERVE: usize = 8 * 1024 * 1024;

/// The minimum stack limit, in bytes; the relay needs a quarter of it.
const STACK: u64 = 256 * 1024;

/// The unused mapping that makes up the reserve; null once it has been released.
static RESERVED: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Whether the stack may grow as far as the relay needs.
#[must_use]
pub fn is_stack_enough() -> bool {
    let most = sys::limit(nix::sys::resource::Resource::RLIMIT_STACK);
    most.is_some_and(|most| most >= STACK)
}

/// Calls a function that needs more than a small stack, on a stack of its own if this process's is small.
pub fn on_enough_stack<T: Send>(call: impl Fn() -> T + Sync) -> T {
    if is_stack_enough() {
        return call();
    }
    std::thread::scope(|scope| {
        let larger = std::thread::Builder::new().stack_size(4 * STACK as usize);
        let called = larger.spawn_scoped(scope, &call);
        let answer = called.ok().and_then(|called| called.join().ok());
        answer.unwrap_or_else(&call)
    })
}

/// Sets the reserve aside. It takes address space, which counts against limits, but no memory. False if it cannot be had.
#[must_use]
pub fn put_aside() -> bool {
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

/// Releases the reserve; false if there was none.
pub fn give_up() -> bool {
    let base = RESERVED.swap(ptr::null_mut(), SeqCst);
    // SAFETY: the address of the mapping is known to nobody else, and the mapping was never used.
    !base.is_null() && unsafe { munmap(base, RESERVE) }.is_ok()
}

/// The allocator of the system, or where that is slow another one, backed by the reserve.
#[derive(Debug)]
pub struct Allocator;

// SAFETY: every call is forwarded to that allocator with unchanged arguments; a failed allocation is retried once.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: guaranteed by the caller.
        twice(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: guaranteed by the caller.
        twice(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: guaranteed by the caller; a failed reallocation leaves the block unchanged.
        twice(|| unsafe { System.realloc(block, layout, size) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: guaranteed by the caller.
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
