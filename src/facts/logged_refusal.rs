//! Parses the log lines that AppArmor, SELinux, Landlock and seccomp write about a refusal: audit records, from the audit log
//! or the kernel log.

use crate::attempt::{Capability, Operation, Privilege};

/// What one log line reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRefusal {
    /// The module that refused.
    pub module: Module,
    /// The id of the refused process.
    pub pid: Option<i32>,
    /// The uid of the refused process, if the line gives it.
    pub uid: Option<u32>,
    /// AppArmor's profile, or the subject's SELinux label.
    pub profile: Option<String>,
    /// The operation in the module's terms: AppArmor's `open`, or the SELinux permissions in braces (`read open`).
    pub operation: Option<String>,
    /// The requested permissions in AppArmor's letters.
    pub requested: Option<String>,
    /// The object's path; SELinux often logs only its last component. For a signal or trace, the peer.
    pub name: Option<Vec<u8>>,
    /// AppArmor: the capability whose use was refused, such as `dac_override`.
    pub capability: Option<String>,
    /// The object's inode number.
    pub inode: Option<u64>,
    /// SELinux: the object's label.
    pub target: Option<String>,
    /// SELinux: the object's class.
    pub class: Option<String>,
    /// SELinux: the port, if the object is a socket.
    pub port: Option<u16>,
}

/// The security modules that log their refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Module {
    AppArmor,
    Selinux,
    Landlock,
    Seccomp,
}

impl LoggedRefusal {
    /// Parses a line; `None` if it does not report a refusal.
    #[must_use]
    pub fn parse(line: &str) -> Option<LoggedRefusal> {
        let text = |name: &str| {
            let value = field(line, name)?;
            Some(String::from_utf8_lossy(&decoded(value)).into_owned())
        };
        let number = |name: &str| field(line, name)?.parse().ok();
        let module = module(line)?;
        let selinux = module == Module::Selinux;
        Some(LoggedRefusal {
            module,
            pid: field(line, "pid").and_then(|pid| pid.parse().ok()),
            uid: field(line, "fsuid")
                .or_else(|| field(line, "uid"))
                .and_then(|uid| uid.parse().ok()),
            profile: text(if selinux { "scontext" } else { "profile" }),
            operation: match selinux {
                true => permissions(line),
                false => text("operation"),
            },
            requested: text("denied_mask").or_else(|| text("requested_mask")),
            name: field(line, "path")
                .or_else(|| field(line, "name"))
                .map(decoded),
            capability: text("capname"),
            inode: number("ino"),
            target: text("tcontext"),
            class: text("tclass"),
            port: field(line, "src")
                .or_else(|| field(line, "dest"))
                .and_then(|port| port.parse().ok()),
        })
    }
}

impl LoggedRefusal {
    /// The operation that was refused, if the line identifies it, derived from AppArmor's operations
    /// (`security/apparmor/include/audit.h`) or SELinux's permissions (`security/selinux/include/classmap.h`).
    #[must_use]
    pub fn attempted(&self) -> Option<Operation> {
        if let Some(capability) = self.needed_capability() {
            return by_capability(capability);
        }
        match self.module {
            Module::AppArmor => self.asked_of_apparmor(),
            Module::Selinux => self.asked_of_selinux(),
            Module::Landlock | Module::Seccomp => None,
        }
    }

    /// The capability whose use the module refused.
    #[must_use]
    pub fn needed_capability(&self) -> Option<Capability> {
        let of_class = || match self.class.as_deref() {
            Some("capability" | "capability2") => self.operation.as_deref(),
            _ => None,
        };
        let word = self.capability.as_deref().or_else(of_class)?;
        let is_it = |capability: &&Capability| {
            let name = capability.name().trim_start_matches("CAP_");
            name.eq_ignore_ascii_case(word)
        };
        Capability::ALL.iter().find(is_it).copied()
    }

    fn asked_of_apparmor(&self) -> Option<Operation> {
        let mask = self.requested.as_deref().unwrap_or_default();
        let asks = |letter: char| mask.contains(letter);
        let is_directory = self.name.as_ref().is_some_and(|name| name.ends_with(b"/"));
        let operation = match self.operation.as_deref()? {
            "open" if asks('c') => "create",
            "open" if asks('w') => "write",
            "open" if asks('a') => "append",
            "open" if asks('r') && is_directory => "list",
            "open" if asks('r') => "read",
            "mknod" => "create",
            "unlink" => "delete",
            "rename_src" | "rename_dest" => "rename",
            "umount" => "mount",
            same @ ("exec" | "mkdir" | "rmdir" | "link" | "symlink" | "chmod" | "chown"
            | "truncate" | "mount" | "ptrace" | "signal" | "bind" | "connect") => same,
            _ => return None,
        };
        Operation::from_name(operation)
    }

    fn asked_of_selinux(&self) -> Option<Operation> {
        let words = self.operation.as_deref()?;
        let asks = |word: &str| words.split_whitespace().any(|asked| asked == word);
        let operation = match self.class.as_deref()? {
            "dir" if asks("search") => "traverse",
            "dir" if asks("create") => "mkdir",
            "dir" if asks("rmdir") => "rmdir",
            "dir" if asks("read") || asks("open") => "list",
            "lnk_file" if asks("create") => "symlink",
            "file" | "chr_file" | "blk_file" | "fifo_file" | "sock_file" => match () {
                () if asks("execute") => "exec",
                () if asks("create") => "create",
                () if asks("unlink") => "delete",
                () if asks("rename") => "rename",
                () if asks("link") => "link",
                () if asks("write") => "write",
                () if asks("append") => "append",
                () if asks("read") => "read",
                () => return None,
            },
            "process" if asks("ptrace") => "ptrace",
            "process" if words.split_whitespace().any(is_a_signal) => "signal",
            "filesystem" if asks("mount") => "mount",
            _ if asks("name_bind") || asks("node_bind") => "bind",
            _ if asks("name_connect") || asks("connectto") => "connect",
            _ => return None,
        };
        Operation::from_name(operation)
    }
}

fn is_a_signal(permission: &str) -> bool {
    ["sigchld", "sigkill", "sigstop", "signal", "signull"].contains(&permission)
}

/// The operation that requires a capability, if there is only one such operation.
fn by_capability(capability: Capability) -> Option<Operation> {
    match capability {
        Capability::NetBindService => return Some(Operation::Bind),
        Capability::Kill => return Some(Operation::Signal),
        Capability::SysPtrace => return Some(Operation::Ptrace),
        _ => {}
    }
    let mut given = Privilege::ALL
        .iter()
        .filter(|privilege| privilege.capability() == capability);
    let first = given.next().filter(|_| given.next().is_none())?;
    Some(Operation::Privileged(*first))
}

fn module(line: &str) -> Option<Module> {
    let has = |words: &str| line.contains(words);
    if has("apparmor=\"DENIED\"") {
        Some(Module::AppArmor)
    } else if has("avc:") && has("denied ") && !has("permissive=1") {
        Some(Module::Selinux)
    } else if has("domain=") && has("blockers=") {
        Some(Module::Landlock)
    // SECCOMP_RET_ERRNO. The other actions that are logged let the call pass or kill the process.
    } else if (has("type=1326") || has("type=SECCOMP")) && has("code=0x5") {
        Some(Module::Seccomp)
    } else {
        None
    }
}

/// The permissions in the braces of an AVC record: `{ read open }`.
fn permissions(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('{')?;
    let (words, _) = rest.split_once('}')?;
    Some(words.trim().to_owned())
}

/// The value of ` name=value`, with its quotes if it has any.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = format!(" {name}=");
    let (_, rest) = line.split_once(&start)?;
    match rest.strip_prefix('"') {
        Some(quoted) => rest.get(..quoted.find('"')? + 2),
        None => rest.split_whitespace().next(),
    }
}

/// Decodes a value of an audit record: quoted, plain, or, if it contains special bytes, in hexadecimal.
fn decoded(value: &str) -> Vec<u8> {
    if let Some(quoted) = value.strip_prefix('"') {
        return quoted.trim_end_matches('"').as_bytes().to_vec();
    }
    let bytes = value.as_bytes().chunks(2).map(|digits| {
        let digits = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.len() == 2)?;
        u8::from_str_radix(digits, 16).ok()
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.unwrap_or_else(|| value.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_apparmor_is_read() {
        let line = "audit: type=1400 audit(1700000000.123:45): apparmor=\"DENIED\" operation=\"open\" class=\"file\" \
            profile=\"/usr/sbin/app\" name=\"/srv/data file\" pid=4242 comm=\"app\" requested_mask=\"wc\" denied_mask=\"wc\" fsuid=33 ouid=0";
        let read = LoggedRefusal::parse(line).unwrap();
        assert_eq!((read.module, read.pid), (Module::AppArmor, Some(4242)));
        assert_eq!(read.profile.as_deref(), Some("/usr/sbin/app"));
        assert_eq!(read.operation.as_deref(), Some("open"));
        assert_eq!(read.requested.as_deref(), Some("wc"));
        assert_eq!(read.name.as_deref(), Some(&b"/srv/data file"[..]));
        assert_eq!(
            LoggedRefusal::parse(&line.replace("DENIED", "ALLOWED")),
            None
        );
    }

    #[test]
    fn an_avc_is_read() {
        let line = "type=AVC msg=audit(1700000000.500:46): avc:  denied  { name_bind } for  pid=99 comm=\"httpd\" \
            src=7777 scontext=a:b:httpd_t:s0 tcontext=d:e:unreserved_port_t:s0 tclass=tcp_socket permissive=0";
        let read = LoggedRefusal::parse(line).unwrap();
        assert_eq!(read.module, Module::Selinux);
        assert_eq!(read.profile.as_deref(), Some("a:b:httpd_t:s0"));
        assert_eq!(read.target.as_deref(), Some("d:e:unreserved_port_t:s0"));
        assert_eq!(read.operation.as_deref(), Some("name_bind"));
        assert_eq!(read.class.as_deref(), Some("tcp_socket"));
        assert_eq!(read.port, Some(7777));
        let permissive = line.replace("permissive=0", "permissive=1");
        assert_eq!(LoggedRefusal::parse(&permissive), None);
    }

    #[test]
    fn what_was_tried_is_told_by_the_masks_and_permissions() {
        let apparmor = |operation: &str, mask: &str, name: &str| {
            let line = format!(
                "apparmor=\"DENIED\" operation=\"{operation}\" name=\"{name}\" pid=7 denied_mask=\"{mask}\""
            );
            LoggedRefusal::parse(&line)?
                .attempted()
                .map(|operation| operation.name())
        };
        assert_eq!(apparmor("open", "r", "/srv/f"), Some("read"));
        assert_eq!(apparmor("open", "wc", "/srv/f"), Some("create"));
        assert_eq!(apparmor("open", "r", "/srv/d/"), Some("list"));
        assert_eq!(apparmor("mkdir", "c", "/srv/d/"), Some("mkdir"));
        assert_eq!(apparmor("file_lock", "k", "/srv/f"), None);
        let capable = "apparmor=\"DENIED\" operation=\"capable\" pid=7 capability=10  capname=\"net_bind_service\"";
        assert_eq!(
            LoggedRefusal::parse(capable).unwrap().attempted(),
            Some(Operation::Bind)
        );
        let selinux = |class: &str, permissions: &str| {
            let line = format!(
                "avc:  denied  {{ {permissions} }} for  pid=7 name=\"x\" tclass={class} permissive=0"
            );
            LoggedRefusal::parse(&line)?
                .attempted()
                .map(|operation| operation.name())
        };
        assert_eq!(selinux("file", "read open"), Some("read"));
        assert_eq!(selinux("dir", "search"), Some("traverse"));
        assert_eq!(selinux("tcp_socket", "name_bind"), Some("bind"));
        assert_eq!(selinux("dir", "write"), None);
    }

    #[test]
    fn an_odd_path_is_written_in_digits() {
        assert_eq!(decoded("2F746D702F610A62"), b"/tmp/a\nb");
        assert_eq!(decoded("\"/tmp/x\""), b"/tmp/x");
        assert_eq!(decoded("docker-default"), b"docker-default");
    }

    #[test]
    fn only_what_seccomp_refuses_is_a_refusal() {
        let line = "audit: type=1326 audit(1.1:1): uid=1 pid=7 comm=\"x\" sig=0 syscall=165 compat=0 ip=0x0 code=0x5000d";
        assert!(LoggedRefusal::parse(line).is_some());
        assert_eq!(
            LoggedRefusal::parse(&line.replace("0x5000d", "0x7ffc0000")),
            None
        );
    }
}
