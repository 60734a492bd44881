//! The built-in pattern files. src/build.rs removes their samples, which make up most of the text.

macro_rules! files {
    ($($name:literal)*) => {
        /// The name and text of each file.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("OUT_DIR"), "/", $name, ".toml"))),)*];
    };
}

files! {
    "apache"
    "apt"
    "build-tools"
    "capabilities"
    "disks"
    "docker"
    "dotnet"
    "editors"
    "erlang"
    "file-policies"
    "generic"
    "git"
    "go"
    "haskell"
    "infra"
    "java"
    "javascript-tools"
    "julia"
    "languages-other"
    "lisps"
    "lua"
    "mariadb"
    "network"
    "nginx"
    "node"
    "ocaml"
    "openssl"
    "perl"
    "php"
    "postgres"
    "privileges"
    "processes"
    "prolog"
    "python"
    "r"
    "redis"
    "rsync"
    "ruby"
    "rust"
    "security-modules"
    "server-policies"
    "shells"
    "silence"
    "sqlite"
    "ssh"
    "supervisor"
    "swift"
    "systemd"
    "tar"
    "tcl"
    "terminals"
    "webservers"
}
