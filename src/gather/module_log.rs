//! What security modules log about their refusals: the audit log and the kernel log (`/dev/kmsg`), if they are readable.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::attempt::{Attempt, Label, Subject};
use crate::facts::{Facts, LoggedRefusal, Node, Settings};

/// The maximum age of a line that is attributed to the failure just seen.
const RECENT: Duration = Duration::from_secs(15);

/// How much is read from the end of a log file, in bytes.
const TAIL: u64 = 256 * 1024;

/// The maximum number of kernel log records read.
const RECORDS: usize = 20_000;

/// Log files that the audit daemon or a syslog daemon writes.
const FILES: [&str; 3] = [
    "/var/log/audit/audit.log",
    "/var/log/kern.log",
    "/var/log/syslog",
];

/// The lines that report a refusal of this attempt, the newest first. No log is read if no sandbox or module is in force.
pub(super) fn read(attempt: &Attempt, facts: &Facts) -> Vec<String> {
    let told = attempt.errno.is_some_and(crate::attempt::Errno::is_denial);
    if !told || !may_be_confined(&attempt.subject, &facts.settings) {
        return Vec::new();
    }
    let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) else {
        return Vec::new();
    };
    let about = About::of(attempt, facts);
    lines(|line| about.tells(line, now))
}

/// The lines that report a recent refusal of this process, whatever it tried, the newest first.
pub(super) fn of_process(subject: &Subject, settings: &Settings) -> Vec<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let (Ok(now), true, true) = (
        now,
        subject.pid.is_some(),
        may_be_confined(subject, settings),
    ) else {
        return Vec::new();
    };
    let about = About {
        pid: subject.pid,
        paths: Vec::new(),
        inodes: Vec::new(),
    };
    lines(|line| about.tells(line, now))
}

/// The matching lines of every log, the newest of each log first.
fn lines(is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = FILES
        .iter()
        .filter_map(|path| tail(path).ok())
        .chain(kernel_log())
        .flat_map(|text| {
            let lines = text.lines().rev().filter(|line| is_wanted(line));
            lines.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    found.dedup();
    found
}

/// Whether a module that logs its refusals is in force for the subject.
fn may_be_confined(subject: &Subject, settings: &Settings) -> bool {
    let modules = settings.security_modules.as_deref().unwrap_or_default();
    let landlock = modules.iter().any(|module| module == "landlock");
    let labelled = match subject.label() {
        Some(Label::AppArmor { enforces, .. }) => enforces,
        Some(Label::Selinux { .. }) => settings.selinux_enforcing != Ok(false),
        None => false,
    };
    subject.seccomp || labelled || (landlock && subject.no_new_privs)
}

/// What a line must be about: the process, and one of these objects if the line names one.
#[derive(Debug)]
struct About {
    pid: Option<i32>,
    paths: Vec<Vec<u8>>,
    inodes: Vec<u64>,
}

impl About {
    fn of(attempt: &Attempt, facts: &Facts) -> About {
        let walks = facts.walks();
        let nodes = walks.flat_map(|walk| [walk.target(), walk.named(), walk.parent()]);
        let nodes: Vec<&Node> = nodes.flatten().map(|id| facts.node(id)).collect();
        let names = facts.walks().filter_map(|walk| {
            let step = walk.written_step()?;
            let dir = &facts.node(step.dir).path;
            Some([dir.as_slice(), b"/", &step.name].concat())
        });
        About {
            pid: attempt.subject.pid,
            paths: nodes
                .iter()
                .map(|node| node.path.clone())
                .chain(names)
                .collect(),
            inodes: nodes
                .iter()
                .filter_map(|node| Some(node.inode.as_ref().ok()?.number))
                .collect(),
        }
    }

    /// Whether the line is a recent refusal of the same process and the same object. A refusal of another process proves
    /// nothing, since its profile, domain or sandbox may differ.
    fn tells(&self, line: &str, now: Duration) -> bool {
        let Some(when) = time(line) else { return false };
        let recent = when + RECENT >= now && when <= now + Duration::from_secs(1);
        recent && LoggedRefusal::parse(line).is_some_and(|refusal| self.is_about(&refusal))
    }

    fn is_about(&self, refusal: &LoggedRefusal) -> bool {
        refusal.pid.is_some() && refusal.pid == self.pid && self.is_of_an_object(refusal)
    }

    fn is_of_an_object(&self, refusal: &LoggedRefusal) -> bool {
        let path = refusal.name.as_ref().filter(|name| name.starts_with(b"/"));
        let told = refusal.inode.is_some() || path.is_some();
        let same_path = path.is_some_and(|path| {
            let path = path.strip_suffix(b"/").unwrap_or(path);
            self.paths.iter().any(|known| known == path)
        });
        let same_inode = refusal
            .inode
            .is_some_and(|inode| self.inodes.contains(&inode));
        !told || self.paths.is_empty() || same_path || same_inode
    }
}

/// The timestamp of an audit record, since the epoch: `audit(1700000000.123:45)`.
fn time(line: &str) -> Option<Duration> {
    let (_, rest) = line.split_once("audit(")?;
    let (seconds, rest) = rest.split_once('.')?;
    let (millis, _) = rest.split_once(':')?;
    Some(Duration::from_secs(seconds.parse().ok()?) + Duration::from_millis(millis.parse().ok()?))
}

/// The end of a log file.
fn tail(path: &str) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The kernel log, one record per line. Each read returns one record; EAGAIN marks the end.
fn kernel_log() -> Option<String> {
    let mut log = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open("/dev/kmsg")
        .ok()?;
    let mut text = String::new();
    let mut record = [0u8; 8192];
    for _ in 0..RECORDS {
        match log.read(&mut record) {
            Ok(0) => break,
            Ok(length) => {
                let record = String::from_utf8_lossy(&record[..length]);
                // The lines after the first hold device properties.
                let message = record.lines().next().unwrap_or_default();
                text.push_str(message.split_once(';').map_or("", |(_, message)| message));
                text.push('\n');
            }
            // EPIPE: records were overwritten in the meantime. The next read continues with the oldest one left.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(_) => break,
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPARMOR: &str = "audit: type=1400 audit(1700000000.123:45): apparmor=\"DENIED\" operation=\"open\" class=\"file\" \
        profile=\"/usr/sbin/app\" name=\"/srv/data file\" pid=4242 comm=\"app\" requested_mask=\"r\" denied_mask=\"r\" fsuid=33 ouid=0";
    const SELINUX: &str = "type=AVC msg=audit(1700000000.500:46): avc:  denied  { read } for  pid=99 comm=\"httpd\" \
        name=\"index.html\" dev=\"dm-0\" ino=1234 scontext=a:b:c:s0 tcontext=d:e:f:s0 tclass=file permissive=0";

    fn about(pid: Option<i32>, path: &str, inode: Option<u64>) -> About {
        let paths = [path.as_bytes().to_vec()];
        About {
            pid,
            paths: paths.into_iter().filter(|path| !path.is_empty()).collect(),
            inodes: inode.into_iter().collect(),
        }
    }

    const NOW: Duration = Duration::from_secs(1_700_000_003);

    #[test]
    fn a_line_counts_that_is_of_the_same_process_and_object() {
        assert!(about(Some(4242), "/srv/data file", None).tells(APPARMOR, NOW));
        assert!(about(Some(4242), "", None).tells(APPARMOR, NOW));
        assert!(!about(Some(4242), "/srv/other", None).tells(APPARMOR, NOW));
        assert!(!about(Some(1), "/srv/data file", None).tells(APPARMOR, NOW));
        assert!(!about(None, "/srv/data file", None).tells(APPARMOR, NOW));
        assert!(about(Some(99), "/var/www/index.html", Some(1234)).tells(SELINUX, NOW));
        assert!(!about(Some(99), "/var/www/index.html", Some(1235)).tells(SELINUX, NOW));
    }

    #[test]
    fn old_lines_and_lines_that_refuse_nothing_do_not_count() {
        let process = about(Some(4242), "", None);
        assert!(!process.tells(APPARMOR, NOW + RECENT));
        assert!(!process.tells(&APPARMOR.replace("DENIED", "ALLOWED"), NOW));
        let process = about(Some(99), "", None);
        assert!(process.tells(SELINUX, NOW));
        assert!(!process.tells(&SELINUX.replace("permissive=0", "permissive=1"), NOW));
        assert!(!process.tells("pid=99 something else", NOW));
    }
}
