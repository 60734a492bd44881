//! Minimal programs, which exit immediately with status 0.

/// exit(0) in machine code.
#[cfg(target_arch = "x86_64")]
const CODE: &[u8] = &[0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
/// `mov x0, #0; mov x8, #93; svc #0`
#[cfg(target_arch = "aarch64")]
const CODE: &[u8] = &[0, 0, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4];
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

const HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const LOAD: u32 = 1;
const INTERP: u32 = 3;

/// An ELF program, with this loader if one is given. It can itself serve as a loader (elf(5)).
pub fn program(loader: Option<&str>) -> Vec<u8> {
    let headers = 1 + u64::from(loader.is_some());
    let start = HEADER + headers * PROGRAM_HEADER;
    let name: Vec<u8> = loader.map_or(Vec::new(), |loader| [loader.as_bytes(), b"\0"].concat());
    let code = start + name.len() as u64;
    let size = code + CODE.len() as u64;
    let base = 0x40_0000;

    let mut file = Vec::new();
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    // ET_DYN, so that program and loader do not overlap.
    file.extend(3u16.to_le_bytes());
    file.extend(MACHINE.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend((base + code).to_le_bytes());
    file.extend(HEADER.to_le_bytes());
    file.extend(0u64.to_le_bytes());
    file.extend(0u32.to_le_bytes());
    for half in [
        HEADER as u16,
        PROGRAM_HEADER as u16,
        headers as u16,
        0,
        0,
        0,
    ] {
        file.extend(half.to_le_bytes());
    }
    if loader.is_some() {
        segment(&mut file, INTERP, 4, start, base + start, name.len() as u64);
    }
    segment(&mut file, LOAD, 5, 0, base, size);
    file.extend(name);
    file.extend(CODE);
    file
}

fn segment(file: &mut Vec<u8>, kind: u32, flags: u32, offset: u64, address: u64, size: u64) {
    file.extend(kind.to_le_bytes());
    file.extend(flags.to_le_bytes());
    for word in [offset, address, address, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
}
