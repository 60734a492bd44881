//! The processes by which container engines watch over what runs in a container: its parents, which outlive the engine's client.

/// How much of a container's id is shown.
const SHORT: usize = 12;

/// Whether a process of this name (`comm`) is one: podman's and CRI-O's conmon, containerd's shim (of docker, nerdctl, Kubernetes).
#[must_use]
pub fn is_container_monitor(name: &[u8]) -> bool {
    // The kernel cuts names to 15 bytes.
    name == b"conmon" || name.starts_with(b"containerd-shim")
}

/// The name of the container that a monitor with this command line (`/proc/PID/cmdline`) watches over, or its short id; empty
/// where neither is told.
#[must_use]
pub fn monitored_container(cmdline: &[u8]) -> String {
    let words: Vec<&[u8]> = cmdline.split(|&byte| byte == 0).collect();
    let after = |option: &[u8]| {
        let at = words.iter().position(|word| *word == option)?;
        words
            .get(at + 1)
            .map(|word| String::from_utf8_lossy(word).into_owned())
    };
    let short = |id: String| id.chars().take(SHORT).collect();
    let id = || after(b"-c").or_else(|| after(b"-id")).map(short);
    after(b"-n").or_else(id).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monitors_tell_the_container() {
        let conmon = b"/usr/bin/conmon\0-c\08d9271871292d27917b\0-n\0shop-web\0";
        assert_eq!(monitored_container(conmon), "shop-web");
        let shim = b"containerd-shim-runc-v2\0-namespace\0moby\0-id\08d9271871292d27917b\0";
        assert_eq!(monitored_container(shim), "8d9271871292");
        assert!(is_container_monitor(b"containerd-shim") && !is_container_monitor(b"containerd"));
    }
}
