"""AppArmor: profiles that really refuse, by every kind of rule; what is not AppArmor's doing must not be laid to it."""
import os, re, shutil, time
from lib import *

AA = "apparmor-denies"
BASE = """  #include <abstractions/base>
  #include <abstractions/python>
  /etc/passwd r,
  /etc/group r,
  /etc/nsswitch.conf r,
  /usr/bin/** mr,
  /usr/lib/** mr,
  /opt/aa/** mr,
  /dev/tty rw,
  /dev/null rw,
"""


def load(name, rules, flags="", tool="cat", attach=None):
    """A profile for a copy of a program, /opt/aa/NAME, loaded in the kernel; the local file is where an administrator adds rules."""
    path = f"/opt/aa/{name}"
    os.makedirs("/opt/aa", exist_ok=True); os.makedirs("/etc/apparmor.d/local", exist_ok=True)
    if not os.path.exists(path):
        shutil.copy(shutil.which(tool), path)
    open(f"/etc/apparmor.d/local/{name}", "w").close()
    with open(f"/etc/apparmor.d/{name}", "w") as f:
        f.write(f"#include <tunables/global>\nprofile {name} {attach or path} {flags} {{\n{BASE}{rules}\n  #include <local/{name}>\n}}\n")
    must(["apparmor_parser", "-r", "-K", f"/etc/apparmor.d/{name}"])
    return path


def follow(name):
    """Does what the advice says: adds the quoted rule to the profile and loads it."""
    def apply(incident):
        fixes = incident.get("fixes") or []
        rules = [r for f in fixes[:1] for r in re.findall(r"`([^`]+,)`", f["title"] + " ".join(f["commands"]))]
        if not rules:
            raise Trouble("it names no rule")
        with open(f"/etc/apparmor.d/local/{name}", "a") as f:
            f.writelines(rule + "\n" for rule in rules)
        done = sh(["apparmor_parser", "-r", "-K", f"/etc/apparmor.d/{name}"])
        if done.returncode:
            open(f"/etc/apparmor.d/local/{name}", "w").close()
            raise Trouble(f"{rules} is not accepted: {(done.stderr + done.stdout).strip()[-200:]}")
    return apply


def group_files():
    directory("/srv/aa", 0o777); write("/srv/aa/data", mode=0o666); write("/srv/aa/da ta", mode=0o644); write("/srv/aa/private", mode=0o600, owner="bob")
    directory("/srv/aa/dir", 0o777); write("/srv/aa/dir/in", mode=0o666); write("/srv/aa/own", mode=0o644, owner="bob"); write("/srv/aa/mine", mode=0o644, owner="alice")
    cat = load("aacat", "")
    for user in ("alice", "root"):
        # alice may not read the kernel's log (dmesg_restrict): there is only the label of the process to go by.
        scenario(f"apparmor.read.{user}", [cat, "/srv/aa/data"], AA, user=user, at="/srv/aa/data", advice="aacat", apply=follow("aacat"), after=lambda: load("aacat", ""))
    # The same with a program that keeps its usual name, in the profile of a service.
    load("aasvc", "  /usr/bin/** ix,\n", tool="true")
    for user in ("alice", "root"):
        scenario(f"apparmor.cat.{user}", ["aa-exec", "-p", "aasvc", "--", "cat", "/srv/aa/mine"], AA, user=user, at="/srv/aa/mine")
    scenario("apparmor.read.space", [cat, "/srv/aa/da ta"], AA, at="/srv/aa/da ta", apply=follow("aacat"), after=lambda: load("aacat", ""))
    scenario("apparmor.read.dac", [cat, "/srv/aa/private"], "mode-denies", at="/srv/aa/private")
    load("aacat", "  /srv/aa/** r,\n")
    load("aacat", "  deny /srv/aa/data r,\n")
    for user in ("alice", "root"):
        scenario(f"apparmor.explicit-deny.{user}", [cat, "/srv/aa/data"], AA, user=user, at="/srv/aa/data", apply=follow("aacat"), after=lambda: load("aacat", "  deny /srv/aa/data r,\n"))
    load("aacat", "  owner /srv/aa/** r,\n")
    scenario("apparmor.owner-rule", [cat, "/srv/aa/data"], AA, at="/srv/aa/data", apply=follow("aacat"), after=lambda: load("aacat", ""))
    load("aacat", "")
    py = lambda code: [load("aapy", "  /srv/aa/** r,\n  /srv/aa/ r,\n", tool="python3.11"), "-c", code]
    def case(name, code, at=None, **kw):
        argv = py(code)
        scenario(f"apparmor.{name}", argv, AA, at=at, apply=follow("aapy"), user=kw.pop("user", "root"), **kw)
    case("write", "open('/srv/aa/data','w')", at="/srv/aa/data")
    case("write.alice", "open('/srv/aa/data','w')", at="/srv/aa/data", user="alice")
    case("append", "open('/srv/aa/data','a')", at="/srv/aa/data")
    case("create", "open('/srv/aa/new','w')", at=["/srv/aa", "/srv/aa/new"])
    sh("rm -f /srv/aa/new")      # the fix before let root make it
    case("create.alice", "open('/srv/aa/new','w')", at=["/srv/aa", "/srv/aa/new"], user="alice")
    case("mkdir", "import os; os.mkdir('/srv/aa/newdir')", at=["/srv/aa", "/srv/aa/newdir", "/srv/aa/newdir/"])
    case("delete", "import os; os.unlink('/srv/aa/dir/in')", at=["/srv/aa/dir", "/srv/aa/dir/in"])
    write("/srv/aa/dir/in", mode=0o666)
    case("rename", "import os; os.rename('/srv/aa/mine','/srv/aa/mine2')", at=["/srv/aa", "/srv/aa/mine", "/srv/aa/mine2"])
    write("/srv/aa/mine", mode=0o644, owner="alice"); sh("rm -f /srv/aa/mine2")
    case("symlink", "import os; os.symlink('x','/srv/aa/sl')", at=["/srv/aa", "/srv/aa/sl"])
    case("link", "import os; os.link('/srv/aa/mine','/srv/aa/hl')", at=["/srv/aa", "/srv/aa/mine", "/srv/aa/hl"])
    case("chmod", "import os; os.chmod('/srv/aa/mine',0o600)", at="/srv/aa/mine", user="alice")
    case("chown", "import os; os.chown('/srv/aa/mine',0,0)", at="/srv/aa/mine")
    case("truncate", "import os; os.truncate('/srv/aa/data',0)", at="/srv/aa/data")
    case("exec", "import os; os.execv('/usr/bin/id',['id'])", at="/usr/bin/id")
    case("exec.alice", "import subprocess; subprocess.run(['/usr/bin/id'])", at="/usr/bin/id", user="alice")
    case("lock", "import fcntl; fcntl.flock(open('/srv/aa/data'),2)")
    argv = [load("aapy2", "  /srv/aa/data r,\n", tool="python3.11"), "-c", "import os; os.listdir('/srv/aa/dir')"]
    scenario("apparmor.list", argv, AA, user="root", at=["/srv/aa/dir", "/srv/aa/dir/"], apply=follow("aapy2"))
    argv = [load("aash", "  /srv/aa/** r,\n", tool="dash"), "-c", "/usr/bin/id"]
    scenario("apparmor.shell-exec", argv, AA, at="/usr/bin/id", apply=follow("aash"))
    argv = [load("aash", "  /srv/aa/** r,\n", tool="dash"), "-c", "echo x > /srv/aa/data"]
    scenario("apparmor.redirect", argv, AA, user="alice", at="/srv/aa/data", apply=follow("aash"),
             after=lambda: load("aash", "  /srv/aa/** r,\n", tool="dash"))
    scenario("apparmor.redirect.root", argv, AA, user="root", at="/srv/aa/data", apply=follow("aash"))


def group_others():
    load('aasvc', '  /usr/bin/** ix,\n', tool='true')
    directory('/srv/aa', 0o777)
    py = lambda rules, code, flags="": [load("aapy3", rules, tool="python3.11", flags=flags), "-c", code]
    write("/srv/aa/private", mode=0o600, owner="bob")
    all_files = "  / r,\n  /** rwlkm,\n  network,\n  signal,\n  ptrace,\n"
    write("/srv/aa/mine", mode=0o644, owner="alice")
    scenario("apparmor.capability.dac", py(all_files, "open('/srv/aa/private')"), AA, user="root", at="/srv/aa/private", apply=follow("aapy3"))
    scenario("apparmor.capability.bind", py(all_files, "import socket; socket.socket().bind(('127.0.0.1',81))"), AA, user="root")
    scenario("apparmor.capability.bind-server", [load("aapy3", all_files, tool="python3.11"), "-m", "http.server", "81", "-b", "127.0.0.1"], AA, user="root")
    # (Unix sockets are not mediated by the kernels of Debian 12.)
    with Daemon(["sleep", "60"], user="alice") as d:
        scenario("apparmor.signal", py("  /srv/** r,\n", f"import os; os.kill({d.pid},15)"), AA, user="alice")
        scenario("apparmor.signal.in-root", py("  /srv/** r,\n", f"import os; os.kill({d.pid},15)"), AA, user="alice", cwd="/")
        scenario("apparmor.kill", ["aa-exec", "-p", "aasvc", "--", "/bin/kill", "-TERM", str(d.pid)], AA, user="alice")
        scenario("apparmor.ptrace", [load("aastrace", "  /srv/** r,\n  /proc/** r,\n  capability,\n", tool="strace"), "-o", "/dev/null", "-p", str(d.pid)], AA, user="root")
    scenario("apparmor.mount", py("  capability,\n  /** r,\n", "import ctypes,os\nl=ctypes.CDLL(None,use_errno=True)\nif l.mount(b'x',b'/mnt/b',b'tmpfs',0,None): raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), '/mnt/b')"), AA, user="root")
    scenario("apparmor.proc-sysrq", py("  /** r,\n  capability,\n  deny /proc/sysrq-trigger w,\n", "open('/proc/sysrq-trigger','w')"), AA, user="root", at="/proc/sysrq-trigger")
    # A transition that no_new_privs forbids; a profile named in the rule that is not loaded.
    load("aacat", "  /srv/aa/** r,\n")
    write("/srv/aa/data", mode=0o666)
    scenario("apparmor.nnp-transition", ["/opt/aa/aash2", "-c", "/opt/aa/aacat /srv/aa/data"], AA, user="alice", op={"exec"}, wrap=["setpriv", "--no-new-privs", "--"],
             before=lambda: load("aash2", "  /opt/aa/aacat px,\n", tool="dash"))
    scenario("apparmor.px-no-profile", ["/opt/aa/aash3", "-c", "/usr/bin/id"], AA, user="alice", at="/usr/bin/id", before=lambda: load("aash3", "  /usr/bin/id px,\n", tool="dash"))
    # A label with a space; a child profile.
    scenario("apparmor.aa-exec", ["aa-exec", "-p", "aacat", "--", "cat", "/etc/apparmor/parser.conf"], AA, user="root", at="/etc/apparmor/parser.conf", before=lambda: load("aacat", ""))
    scenario("apparmor.permwrap-inside", ["cat", "/etc/apparmor/parser.conf"], AA, user="root", at="/etc/apparmor/parser.conf", wrap=["aa-exec", "-p", "aafull", "--"],
             before=lambda: load("aafull", "  / r,\n  /** rwlkmix,\n  deny /etc/apparmor/** r,\n  capability,\n  network,\n  signal,\n  ptrace,\n  unix,\n"))


def group_not_apparmor():
    LLX = ["python3", "/bench/ll.py", "--rx", "/usr", "--rx", "/bin", "--rx", "/lib", "--rx", "/lib64", "--rx", "/opt", "--rx", "/etc", "--rx", "/bench", "--rw", "/dev", "--rw", "/proc", "--rw", "/tmp", "--"]
    write("/srv/aa/data", mode=0o666)
    write("/srv/aa/private", mode=0o600, owner="bob")
    cat = load("aacat", "", flags="flags=(complain)")
    for user in ("alice", "root"):
        scenario(f"apparmor.complain.landlock.{user}", [*LLX, cat, "/srv/aa/data"], "landlock-denies", user=user, at="/srv/aa/data")
    load("aacat", "  /srv/aa/** r,\n")
    for user in ("alice", "root"):
        scenario(f"apparmor.enforce-allows.landlock.{user}", [*LLX, cat, "/srv/aa/data"], "landlock-denies", user=user, at="/srv/aa/data")
    load("aacat", "", flags="flags=(unconfined)") if sh("true").returncode == 0 else None
    load("aacat", "")
    # Unconfined: an old refusal of the same file by a confined program is in the log.
    sh([cat, "/srv/aa/data"])
    # Seccomp: EPERM from a filter in a confined process is the filter's.
    load("aapy", "  /srv/aa/** rw,\n", tool="python3.11")


def group_pid():
    write("/srv/aa/data", mode=0o666); write("/srv/aa/private", mode=0o600, owner="bob")
    sleep = load("aasleep", "  /srv/aa/dir/** r,\n", tool="sleep")
    with Daemon([sleep, "120"], user="alice") as d:
        pid = ["--pid", str(d.pid)]
        for user in ("root", "alice"):
            check_why(f"apparmor.pid.read.{user}", AA, "read", "/srv/aa/data", *pid, user=user)
            check_why(f"apparmor.pid.write.{user}", AA, "write", "/srv/aa/data", *pid, user=user)
        check_why("apparmor.pid.dac", "mode-denies", "read", "/srv/aa/private", *pid, user="root")
    load("aasleep", "", flags="flags=(complain)", tool="sleep")
    with Daemon([sleep, "120"], user="alice") as d:
        check_why("apparmor.pid.complain", "x", "read", "/srv/aa/data", "--pid", str(d.pid), user="root", expect="allowed")
    # Pasted lines of the log.
    line = ('audit: type=1400 audit(1700000000.123:45): apparmor="DENIED" operation="open" class="file" profile="/usr/sbin/app" name="/srv/aa/data" '
            'pid=4242 comm="app" requested_mask="r" denied_mask="r" fsuid=1000 ouid=0')
    done = sh(["permwrap", "explain", "--json"], user="root", stdin=line + "\n")
    try:
        incident = (json.loads(done.stdout)["incidents"] or [None])[0]
    except ValueError:
        incident = None
    code = incident and incident["causes"] and incident["causes"][0]["code"]
    emit("ok" if code == AA else "missing" if not incident or incident["verdict"] == "unknown" else "WRONG", "apparmor.explain-log-line", told(incident))


def group_inside():
    """permwrap in the profile as well (a service started as `permwrap -- app`): it sees its own label. What the advice is worth."""
    inside = ["aa-exec", "-p", "aainside", "--"]
    rules = ("  / r,\n  /{usr,bin,sbin,lib,lib64}/** rmix,\n  /{proc,sys,etc,home,run}/** rw,\n  /{proc,sys,etc,home,run}/ r,\n  /tmp/** rwk,\n  /dev/** rw,\n  /srv/ r,\n  /var/log/** r,\n"
             "  capability,\n  network,\n  signal,\n  ptrace,\n  unix,\n")
    def fresh():
        load("aainside", rules, tool="true")
        directory("/srv/in", 0o777); directory("/srv/in/d", 0o777); write("/srv/in/f", mode=0o666); write("/srv/in/mine", mode=0o644, owner="alice"); write("/srv/in/roots")
        write("/srv/in/tool", "#!/bin/sh\necho hi\n", 0o755); sh("rm -rf /srv/in/new*")
    for user in ("alice", "root"):
        for name, argv, at in (("read", ["cat", "/srv/in/f"], "/srv/in/f"), ("read-roots", ["cat", "/srv/in/roots"], "/srv/in/roots"), ("write", ["sh", "-c", "echo x > /srv/in/f"], "/srv/in/f"),
                               ("append", ["sh", "-c", "echo x >> /srv/in/f"], "/srv/in/f"), ("create", ["touch", "/srv/in/new"], ["/srv/in", "/srv/in/new"]),
                               ("mkdir", ["mkdir", "/srv/in/newd"], ["/srv/in", "/srv/in/newd", "/srv/in/newd/"]), ("delete", ["rm", "-f", "/srv/in/f"], ["/srv/in", "/srv/in/f"]),
                               ("list", ["ls", "/srv/in/d"], ["/srv/in/d", "/srv/in/d/"]), ("exec", ["sh", "-c", "/srv/in/tool"], "/srv/in/tool"), ("symlink", ["ln", "-s", "x", "/srv/in/news"], ["/srv/in", "/srv/in/news"]),
                               ("rename", ["mv", "/srv/in/f", "/srv/in/newf"], None), ("chmod", ["chmod", "600", "/srv/in/mine"], "/srv/in/mine")):
            scenario(f"apparmor.inside.{name}.{user}", argv, AA, user=user, at=at, wrap=inside, before=fresh, apply=follow("aainside"))


def group_neighbours():
    """Names that are made in other ways than by open, and a profile within a profile."""
    directory("/srv/aa", 0o777); write("/srv/aa/data", mode=0o666); directory("/srv/aa/empty", 0o777)
    py = lambda code: [load("aapy", "  /srv/aa/** r,\n  /srv/aa/ r,\n", tool="python3.11"), "-c", code]
    new = ["/srv/aa", "/srv/aa/new"]
    for name, code, at in [
        ("socket", "import socket; socket.socket(socket.AF_UNIX).bind('/srv/aa/new')", new),
        ("fifo", "import os; os.mkfifo('/srv/aa/new')", new),
        ("rmdir", "import os; os.rmdir('/srv/aa/empty')", ["/srv/aa", "/srv/aa/empty", "/srv/aa/empty/"]),
        ("append.alice", "open('/srv/aa/data','a')", "/srv/aa/data"),
    ]:
        user = "alice" if name.endswith(".alice") else "root"
        scenario(f"apparmor.made.{name}", py(code), AA, user=user, at=at, apply=follow("aapy"), after=lambda: sh("rm -f /srv/aa/new; mkdir -p -m 777 /srv/aa/empty"))
    shell = load("aaouter", "  /opt/aa/aainner cx -> inner,\n  profile inner {\n    #include <abstractions/base>\n    /opt/aa/aainner mr,\n  }\n", tool="dash")
    must("cp /usr/bin/cat /opt/aa/aainner; chmod 755 /opt/aa/aainner")
    def inside(incident):
        """Does what the advice says for a profile within another one: the rule goes into it, not beside it."""
        title = (incident.get("fixes") or [{"title": ""}])[0]["title"]
        rules = re.findall(r"`([^`]+,)`", title)
        if not rules or not ("profile inner within" in title or "starts this program under" in title):
            raise Trouble("the rule goes into the outer profile alone")
        load("aaouter", "  /opt/aa/aainner cx -> inner,\n  profile inner {\n    #include <abstractions/base>\n    /opt/aa/aainner mr,\n    " + " ".join(rules) + "\n  }\n", tool="dash")
    scenario("apparmor.inner-profile", [shell, "-c", "/opt/aa/aainner /srv/aa/data"], AA, user="root", at="/srv/aa/data", apply=inside)
