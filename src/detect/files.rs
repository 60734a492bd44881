//! The pattern files that are built in.

macro_rules! files {
    ($($name:literal)*) => {
        /// Name and text of each.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../patterns/", $name, ".toml"))),)*];
    };
}

files! {
    "generic"
    "git"
    "go"
    "java"
    "node"
    "perl"
    "php"
    "python"
    "ruby"
    "rust"
    "shells"
    "silence"
    "tar"
}
