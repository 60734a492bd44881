//! A mount namespace of the test's own, with temporary users.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use super::skip::{SEARCH_PATH, needs_root};

/// A mount namespace of the test's own, which ends with the value.
///
/// It contains the users `alice` (uid 3001), `bob` (3002), `deploy` (3003) and `www` (3004), each with a group of the same name
/// and number and a home of mode 0700, and the group `team` (3010), which has no members; a writable `/etc`, a `/dev` of its
/// own, and empty `/home`, `/srv`, `/tmp`, `/var/tmp` and `/mnt` on one tmpfs (which supports ACLs, inode flags and `user.*`
/// attributes). The built permwrap is in the search path.
///
/// Nothing that is done in it is visible outside, except for what no mount can isolate: processes, sysctls and files elsewhere.
pub struct World {
    /// Keeps the namespace alive until it is ended.
    holder: Child,
}

const PREPARE: &str = r#"
set -e
mount --make-rprivate /
mkdir -p /mnt
mount -t tmpfs -o mode=755 world /mnt
mkdir /mnt/etc /mnt/dev /mnt/home /mnt/srv /mnt/tmp /mnt/vartmp /mnt/mnt /mnt/mnt/bin
chmod 1777 /mnt/tmp /mnt/vartmp
# Something may be replaced there in the meantime.
cp -a /etc/. /mnt/etc || cp -a /etc/. /mnt/etc

cd /mnt/dev
for node in null zero full random urandom tty ptmx; do cp -a "/dev/$node" . ; done
mkdir pts shm && chmod 1777 shm
mount --bind /dev/pts pts
ln -s /proc/self/fd fd && ln -s fd/0 stdin && ln -s fd/1 stdout && ln -s fd/2 stderr
cd /

touch /mnt/mnt/bin/permwrap
mount --bind "$PERMWRAP" /mnt/mnt/bin/permwrap
for place in etc dev home srv tmp; do mount --rbind "/mnt/$place" "/$place"; done
mount --bind /mnt/vartmp /var/tmp
mount --rbind /mnt/mnt /mnt

echo 'team:x:3010:' >> /etc/group
uid=3001
for name in alice bob deploy www; do
    echo "$name:x:$uid:$uid:$name:/home/$name:/bin/bash" >> /etc/passwd
    echo "$name:x:$uid:" >> /etc/group
    echo "$name:*:19000:0:99999:7:::" >> /etc/shadow
    install -d -m 700 -o "$uid" -g "$uid" "/home/$name"
    uid=$((uid + 1))
done
echo ready
exec cat
"#;

impl World {
    /// A new world; `None` if the test has to be skipped, because only root can create one.
    pub fn new() -> Option<World> {
        if !needs_root() {
            return None;
        }
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", PREPARE])
            .env("PATH", SEARCH_PATH)
            .env("PERMWRAP", super::permwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare(1) of util-linux runs");
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the world tells when it is ready");
        if line != "ready\n" {
            panic!("the world could not be prepared: {:?}", holder.wait());
        }
        let world = World { holder };
        Some(world)
    }

    /// Calls the function in this process, but inside the world: files, mounts and users are those of the world. It gets a
    /// process id whose `/proc/PID` shows the world's mounts (`/proc/self` shows those of the test).
    pub fn inside<T: Send>(&self, call: impl FnOnce(i32) -> T + Send) -> T {
        use nix::sched::{CloneFlags, setns, unshare};
        let pid = i32::try_from(self.holder.id()).expect("a process id");
        std::thread::scope(|scope| {
            let inside = scope.spawn(move || {
                let namespace =
                    std::fs::File::open(format!("/proc/{pid}/ns/mnt")).expect("the world is there");
                // A thread can enter another mount namespace only if it does not share its root and working directory.
                unshare(CloneFlags::CLONE_FS).expect("the thread parts from the others");
                setns(namespace, CloneFlags::CLONE_NEWNS).expect("root may enter the world");
                call(pid)
            });
            inside
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs a bash script as root, which must succeed. It serves to prepare a scene.
    pub fn root(&self, script: &str) -> Ran {
        let ran = self.run("root", script);
        assert!(ran.output.status.success(), "{ran}");
        ran
    }

    /// Runs a bash script as the user, as after a login, in the user's home and without input.
    pub fn run(&self, user: &str, script: &str) -> Ran {
        let output = self
            .command(user, "bash")
            .args(["-c", script])
            .stdin(Stdio::null())
            .output()
            .expect("nsenter(1) of util-linux runs");
        Ran {
            what: format!("{user}$ {script}"),
            output,
        }
    }

    /// Runs a bash script as the user, with this input.
    pub fn run_with_input(&self, user: &str, script: &str, input: &[u8]) -> Ran {
        let mut child = self
            .command(user, "bash")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter(1) of util-linux runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("its output can be read");
        writer.join().expect("the writer ends");
        Ran {
            what: format!("{user}$ {script}"),
            output,
        }
    }

    /// A command that runs a program as the user, as after a login (groups from the database, a clean environment, the home as
    /// working directory). The caller adds arguments and streams.
    pub fn command(&self, user: &str, program: &str) -> Command {
        // The primary group of each user has the user's name.
        self.command_as(
            &["--reuid", user, "--regid", user, "--init-groups"],
            user,
            program,
        )
    }

    /// The same with credentials as passed to setpriv(1): `&["--reuid=3001", "--regid=3001", "--groups=3010"]`,
    /// `&["--bounding-set=-all"]`. The home is that of `home_of`.
    pub fn command_as(&self, setpriv: &[&str], home_of: &str, program: &str) -> Command {
        let home = match home_of {
            "root" => "/root".to_owned(),
            user => format!("/home/{user}"),
        };
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()))
            .args(["--", "env", "--default-signal", "-i", "-C", &home])
            .arg(format!("HOME={home}"))
            .arg(format!("USER={home_of}"))
            .arg(format!("LOGNAME={home_of}"))
            .arg(format!("PATH=/mnt/bin:{SEARCH_PATH}"))
            // Root's home is that of the machine, where permwrap's records would remain.
            .args((home_of == "root").then_some("XDG_STATE_HOME=/var/tmp/state"))
            .args(["LANG=C.UTF-8", "SHELL=/bin/bash"]);
        command.arg("setpriv").args(setpriv).args(["--", program]);
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The namespace ends with its last process, including the holder.
        super::end_processes_of_namespace_of(&self.holder.id().to_string());
        let _ = self.holder.wait();
    }
}

/// The result of a script. `{ran}` shows everything, for the messages of assertions.
pub struct Ran {
    what: String,
    /// Status, stdout and stderr.
    pub output: Output,
}

impl Ran {
    /// The exit status; panics if the script was ended by a signal.
    pub fn code(&self) -> i32 {
        match self.output.status.code() {
            Some(code) => code,
            None => panic!("ended by a signal\n{self}"),
        }
    }

    /// Its stdout as text.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Its stderr as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Returns itself, for a script that must succeed.
    pub fn ok(self) -> Ran {
        assert!(self.output.status.success(), "{self}");
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n-- {} --\n-- stdout --\n{}\n-- stderr --\n{}",
            self.what,
            self.output.status,
            self.stdout(),
            self.stderr()
        )
    }
}
