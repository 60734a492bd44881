//! Error numbers and their symbols.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! errnos {
    ($($variant:ident $symbol:literal $number:literal $words:literal,)*) => {
        /// An error number that a judgement of access can end in.
        ///
        /// Numbers and messages are those of Linux and of the GNU C library in the C locale (errno(3), strerror(3)).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum Errno { $($variant,)* }

        impl Errno {
            /// Every error number known here.
            pub const ALL: &'static [Errno] = &[$(Errno::$variant,)*];

            /// The symbol: `EACCES`.
            #[must_use]
            pub const fn symbol(self) -> &'static str {
                match self { $(Errno::$variant => $symbol,)* }
            }

            /// The number on Linux: 13 for `EACCES`.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self { $(Errno::$variant => $number,)* }
            }

            /// The message of strerror(3) in the C locale.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Errno::$variant => $words,)* }
            }
        }
    };
}

errnos! {
    Perm "EPERM" 1 "Operation not permitted",
    NoEnt "ENOENT" 2 "No such file or directory",
    Srch "ESRCH" 3 "No such process",
    Io "EIO" 5 "Input/output error",
    NxIo "ENXIO" 6 "No such device or address",
    NoExec "ENOEXEC" 8 "Exec format error",
    Acces "EACCES" 13 "Permission denied",
    Busy "EBUSY" 16 "Device or resource busy",
    Exist "EEXIST" 17 "File exists",
    XDev "EXDEV" 18 "Invalid cross-device link",
    NoDev "ENODEV" 19 "No such device",
    NotDir "ENOTDIR" 20 "Not a directory",
    IsDir "EISDIR" 21 "Is a directory",
    Inval "EINVAL" 22 "Invalid argument",
    TxtBsy "ETXTBSY" 26 "Text file busy",
    RoFs "EROFS" 30 "Read-only file system",
    MLink "EMLINK" 31 "Too many links",
    NameTooLong "ENAMETOOLONG" 36 "File name too long",
    NoSys "ENOSYS" 38 "Function not implemented",
    NotEmpty "ENOTEMPTY" 39 "Directory not empty",
    Loop "ELOOP" 40 "Too many levels of symbolic links",
    NoData "ENODATA" 61 "No data available",
    LibBad "ELIBBAD" 80 "Accessing a corrupted shared library",
    Overflow "EOVERFLOW" 75 "Value too large for defined data type",
    OpNotSupp "EOPNOTSUPP" 95 "Operation not supported",
    AddrInUse "EADDRINUSE" 98 "Address already in use",
    AddrNotAvail "EADDRNOTAVAIL" 99 "Cannot assign requested address",
    NotConn "ENOTCONN" 107 "Transport endpoint is not connected",
    TimedOut "ETIMEDOUT" 110 "Connection timed out",
    ConnRefused "ECONNREFUSED" 111 "Connection refused",
    Stale "ESTALE" 116 "Stale file handle",
}

impl Errno {
    /// Finds an error number by its symbol (`EACCES`), ignoring case.
    #[must_use]
    pub fn from_symbol(symbol: &str) -> Option<Errno> {
        Errno::ALL
            .iter()
            .copied()
            .find(|errno| errno.symbol().eq_ignore_ascii_case(symbol))
    }

    /// Finds an error number by its value on Linux.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Errno> {
        Errno::ALL
            .iter()
            .copied()
            .find(|errno| errno.number() == number)
    }

    /// The three that report a refusal.
    pub const DENIALS: [Errno; 3] = [Errno::Acces, Errno::Perm, Errno::RoFs];

    /// Whether it is one of those that report a refusal: `EACCES`, `EPERM`, `EROFS`.
    #[must_use]
    pub const fn is_denial(self) -> bool {
        matches!(self, Errno::Acces | Errno::Perm | Errno::RoFs)
    }

    /// Whether a text contains the message or the symbol of a refusal, or the end of the message (`Access denied`).
    #[must_use]
    pub fn words_of_a_denial_in(text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let ends = ["denied", "permitted", "read-only"];
        let symbols = Errno::DENIALS.map(|errno| errno.symbol().to_ascii_lowercase());
        ends.iter().any(|end| text.contains(end))
            || symbols.iter().any(|symbol| text.contains(symbol.as_str()))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
