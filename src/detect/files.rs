//! The built-in pattern files, as src/build.rs has converted them.

macro_rules! files {
    ($($name:literal)*) => {
        /// The name of each file, and its content in JSON.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("OUT_DIR"), "/", $name, ".json"))),)*];
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
