"""Landlock, Yama, fs.protected_*, other kernel settings, capabilities; at the end what cannot be undone: lockdown, modules_disabled."""
import os, signal, time
from lib import *

LL = "landlock-denies"
SYS = ["--rx", "/usr", "--rx", "/bin", "--rx", "/lib", "--rx", "/lib64", "--rx", "/etc", "--rw", "/dev", "--rw", "/proc", "--rw", "/tmp", "--rw", "/run"]


def ll(*more):
    return ["python3", "/bench/ll.py", *SYS, *more, "--"]


def group_landlock():
    abi = sh("python3 /bench/ll.py --abi").stdout.strip()
    print(f"# landlock abi {abi}", flush=True)
    if not abi.isdigit() or int(abi) < 1:
        return
    directory("/srv/ll", 0o755, "alice"); write("/srv/ll/f", mode=0o644, owner="alice"); directory("/srv/ll/d", owner="alice"); write("/srv/ll/secret", mode=0o600, owner="bob")
    write("/srv/ll/run", "#!/bin/sh\necho hi\n", mode=0o755, owner="alice")
    for outside in (True, False):
        # The whole program in a sandbox, watched from outside (as for a program that shuts itself in); or permwrap inside as well.
        t = "" if outside else ".inside"
        def case(name, argv, codes=LL, allowed=(), whys=None, **kw):
            inside = ll(*allowed)
            scenario(f"landlock.{name}{t}", (inside if outside else []) + argv, codes, wrap=() if outside else inside, whys=None, **kw)
        case("read", ["cat", "/srv/ll/f"], at="/srv/ll/f")
        case("write", ["sh", "-c", "echo x > /srv/ll/f"], allowed=["--ro", "/srv/ll"], at="/srv/ll/f")
        case("create", ["touch", "/srv/ll/new"], allowed=["--ro", "/srv/ll"], at=["/srv/ll", "/srv/ll/new"])
        case("mkdir", ["mkdir", "/srv/ll/new"], allowed=["--rwnodir", "/srv/ll"], at=["/srv/ll", "/srv/ll/new"])
        case("delete", ["rm", "-f", "/srv/ll/f"], allowed=["--ro", "/srv/ll"], at=["/srv/ll", "/srv/ll/f"])
        case("exec", ["sh", "-c", "/srv/ll/run"], allowed=["--ro", "/srv/ll"], at="/srv/ll/run")
        case("list", ["ls", "/srv/ll"], at="/srv/ll")
        # The usual case: a file of root's that everybody may read and only root write.
        case("read-roots", ["cat", "/srv/roots"], at="/srv/roots", before=lambda: write("/srv/roots"))
        case("exec-roots", ["sh", "-c", "/srv/rootrun"], at="/srv/rootrun", allowed=["--ro", "/srv"], before=lambda: write("/srv/rootrun", "#!/bin/sh\necho hi\n", 0o755))
        case("rename", ["python3", "-c", "import os; os.rename('/srv/ll/f','/srv/ll/d/f')"], allowed=["--rwnodir", "/srv/ll/f", "--rw", "/srv/ll/d", "--ro", "/srv/ll"])
        case("dac", ["cat", "/srv/ll/secret"], {"mode-denies"}, allowed=["--rw", "/srv/ll"], at="/srv/ll/secret", fix=True,
             after=lambda: must("setfacl -b /srv/ll/secret; chmod 600 /srv/ll/secret"))
        case("dac-and-sandbox", ["cat", "/srv/ll/secret"], {"mode-denies", LL}, fix=True, after=lambda: must("setfacl -b /srv/ll/secret; chmod 600 /srv/ll/secret"))
        case("root-read", ["cat", "/srv/ll/f"], user="root", at="/srv/ll/f")
        if int(abi) >= 3:
            case("truncate", ["python3", "-c", "import os; os.truncate('/srv/ll/f',0)"], allowed=["--ro", "/srv/ll"], at="/srv/ll/f")
        if int(abi) >= 4:
            case("tcp-bind", ["python3", "-m", "http.server", "8099", "-b", "127.0.0.1"], allowed=["--net", "7"])
            case("tcp-connect", ["python3", "-c", "import socket; socket.socket().connect(('127.0.0.1',8098))"], allowed=["--net", "7"])
            case("tcp-bind-low", ["python3", "-m", "http.server", "80", "-b", "127.0.0.1"], {"privileged-port"}, allowed=["--net", "80"])
    with Daemon(["sleep", "120"], user="alice", wrap=ll()) as d:
        check_why("landlock.pid.read", {LL}, "read", "/srv/ll/f", "--pid", str(d.pid), user="root", expect="denied")
    # A process without a sandbox, with no_new_privs as most services have it.
    nnp = ["setpriv", "--no-new-privs", "--"]
    scenario("landlock.nnp-dac", ["cat", "/srv/ll/secret"], "mode-denies", wrap=nnp, at="/srv/ll/secret")


def group_yama():
    def scope(value):
        return lambda: sysctl("kernel.yama.ptrace_scope", value)
    old = sysctl_get("kernel.yama.ptrace_scope")
    S, C = "sysctl-restricts", "missing-capability"
    with Daemon(["sleep", "300"], user="alice") as own, Daemon(["sleep", "300"], user="bob") as bobs:
        a, b = str(own.pid), str(bobs.pid)
        trace = lambda pid: ["timeout", "2", "strace", "-o", "/dev/null", "-p", pid]
        scenario("yama.scope0.bobs", trace(b), C, before=scope(0))
        scenario("yama.scope2.own", trace(a), S, before=scope(2))
        scenario("yama.scope1.own.fixed", ["sh", "-c", f"timeout 2 strace -o /dev/null -p {a}; test $? = 124"], S, before=scope(1), fix=True)
        scenario("yama.pid1-fd", ["ls", "/proc/1/fd"], {"mode-denies", C, "dir-not-searchable"}, before=scope(1), at="/proc/1/fd")
        # ptrace_may_access refuses behind bits that allow: maps is 0444, exe a link for everybody.
        scenario("yama.proc-maps", ["cat", f"/proc/{b}/maps"], {C, "never-permitted", "not-owner"}, before=scope(1), at=f"/proc/{b}/maps", whys=[("read", f"/proc/{b}/maps")])
        scenario("yama.proc-exe", ["python3", "-c", f"import os; os.readlink('/proc/{b}/exe')"], {C, "never-permitted", "not-owner"}, before=scope(1), at=f"/proc/{b}/exe")
        scenario("yama.proc-cwd", ["ls", f"/proc/{b}/cwd/"], {C, "never-permitted", "not-owner"}, before=scope(1))
    sysctl("kernel.yama.ptrace_scope", old)
    must("mkdir -p /mnt/b; mount -t proc -o hidepid=1 proc /mnt/b")
    scenario("proc.hidepid", ["ls", "/mnt/b/1"], {C, "never-permitted", "sysctl-restricts", "not-owner"}, whys=[("list", "/mnt/b/1")], at=["/mnt/b/1", "/mnt/b"])
    must("umount /mnt/b")


def group_protected():
    old = {n: sysctl_get("fs.protected_" + n) for n in ("regular", "fifos", "symlinks", "hardlinks")}
    for n, v in (("regular", 2), ("fifos", 1), ("symlinks", 1), ("hardlinks", 1)):
        sysctl("fs.protected_" + n, v)
    directory("/var/tmp/st", 0o1777); write("/var/tmp/st/bobs", mode=0o666, owner="bob"); must("mkfifo -m 666 /var/tmp/st/fifo; chown bob /var/tmp/st/fifo")
    write("/srv/target", mode=0o644); must(["ln", "-sfn", "/srv/target", "/var/tmp/st/link"], user="bob"); write("/srv/alone", mode=0o644)
    directory("/home/alice/x", owner="alice")
    scenario("protected.regular.root", ["sh", "-c", "echo x > /var/tmp/st/bobs"], "protected-regular", user="root", at=["/var/tmp/st/bobs", "/var/tmp/st"])
    scenario("protected.fifo", ["python3", "-c", "import os; os.open('/var/tmp/st/fifo', os.O_RDWR|os.O_CREAT)"], "protected-fifo", at=["/var/tmp/st/fifo", "/var/tmp/st"])
    scenario("protected.symlink.root", ["cat", "/var/tmp/st/link"], "protected-symlink", user="root", at=["/var/tmp/st/link", "/var/tmp/st"])
    scenario("protected.hardlink", ["ln", "/srv/alone", "/home/alice/x/l"], "protected-hardlink", at="/srv/alone")
    for n, v in old.items():
        sysctl("fs.protected_" + n, v)


C_CODE = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def fail(name):
    print(f"{name}: {os.strerror(ctypes.get_errno())}", file=sys.stderr); sys.exit(1)
"""


def group_settings():
    S, C = "sysctl-restricts", "missing-capability"
    keep = {n: sysctl_get(n) for n in ("kernel.dmesg_restrict", "kernel.perf_event_paranoid", "kernel.unprivileged_userns_clone", "kernel.unprivileged_bpf_disabled", "kernel.kptr_restrict")}
    print("# defaults", keep, flush=True)
    back = lambda: [sysctl(n, v) for n, v in keep.items() if sysctl_get(n) != v and n != "kernel.unprivileged_bpf_disabled"]
    scenario("settings.dmesg", ["dmesg"], S, fix=True, after=back)
    sysctl("kernel.dmesg_restrict", 0)
    sysctl("kernel.dmesg_restrict", 1)
    perf = "perf_event_attr = (ctypes.c_char*128)()\nimport struct\nstruct.pack_into('IIQ', perf_event_attr, 0, 1, 128, 0)\nif libc.syscall(298, perf_event_attr, 0, -1, -1, 0) < 0: fail('perf_event_open')\n"
    scenario("settings.perf-paranoid3", ["python3", "-c", C_CODE + perf], S, after=back, fix=True)
    scenario("settings.perf-paranoid2", ["python3", "-c", C_CODE + perf], S, before=lambda: sysctl("kernel.perf_event_paranoid", 2), after=back, fix=True)
    scenario("settings.userns-allowed-netns", ["unshare", "-n", "true"], C)
    bpf = "a = (ctypes.c_char*128)()\nimport struct\nstruct.pack_into('IIII', a, 0, 2, 4, 4, 1)\nif libc.syscall(321, 0, a, 72) < 0: fail('bpf')\n"
    scenario("settings.bpf", ["python3", "-c", C_CODE + bpf], S)
    scenario("settings.kptr", ["sh", "-c", "cat /proc/kcore > /dev/null"], {"mode-denies", C}, at="/proc/kcore")
    scenario("settings.sysctl-write", ["sysctl", "-w", "kernel.dmesg_restrict=0"], {"mode-denies", C}, at="/proc/sys/kernel/dmesg_restrict")
    scenario("settings.port", ["python3", "-m", "http.server", "80", "-b", "127.0.0.1"], {"privileged-port"})
    scenario("settings.nice", ["nice", "-n", "-5", "true"], C) if sh("nice -n -5 true", user="alice").returncode else None
    scenario("settings.renice", ["renice", "-n", "-5", "-p", "1"], C)
    scenario("settings.date", ["date", "-s", "12:00"], C)
    scenario("settings.ip", ["ip", "link", "set", "lo", "down"], C)
    scenario("settings.raw-socket", ["python3", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"], C)
    scenario("settings.chown", ["chown", "bob", "/home/alice/.bashrc"], "chown-not-permitted")
    scenario("settings.modprobe", ["modprobe", "dummy"], C)
    scenario("settings.swapon", ["swapon", "/dev/vda"], {C, "mode-denies"})
    scenario("settings.device", ["dd", "if=/dev/vda", "of=/dev/null", "count=1", "status=none"], "mode-denies", at="/dev/vda")
    scenario("settings.device.cgroup", ["cat", "/dev/mem"], {C, "mode-denies"}, at="/dev/mem")


def group_neighbours():
    """Further capabilities, settings and sandboxes."""
    S, C = "sysctl-restricts", "missing-capability"
    write("/srv/plain"); write("/srv/bobs-own", mode=0o600, owner="bob")
    without = lambda *names: ["setpriv", "--bounding-set", ",".join("-" + name for name in names), "--"]
    scenario("caps.root-without-chown", [*without("chown"), "chown", "bob", "/srv/plain"], {"chown-not-permitted", C}, user="root", at="/srv/plain")
    scenario("caps.root-without-dac", [*without("dac_override", "dac_read_search"), "cat", "/srv/bobs-own"], {"mode-denies", C}, user="root", at="/srv/bobs-own")
    scenario("caps.root-without-fowner", [*without("fowner"), "chmod", "600", "/srv/bobs-own"], {"not-owner", C}, user="root", at="/srv/bobs-own",
             before=lambda: os.chmod("/srv/bobs-own", 0o644))
    scenario("caps.root-without-port", [*without("net_bind_service"), "python3", "-m", "http.server", "81", "-b", "127.0.0.1"], {"privileged-port"}, user="root")
    scenario("settings.core-pattern", ["sh", "-c", "echo core > /proc/sys/kernel/core_pattern"], {"mode-denies", C}, at="/proc/sys/kernel/core_pattern")
    scenario("settings.sysrq", ["sh", "-c", "echo h > /proc/sysrq-trigger"], {"mode-denies", C}, at="/proc/sysrq-trigger")
    if os.path.exists("/proc/sys/kernel/unprivileged_userns_clone"):
        keep = sysctl_get("kernel.unprivileged_userns_clone")
        scenario("settings.userns-clone", ["unshare", "-U", "true"], S, before=lambda: sysctl("kernel.unprivileged_userns_clone", 0), after=lambda: sysctl("kernel.unprivileged_userns_clone", keep), fix=True)
    if sh("python3 /bench/ll.py --abi").stdout.strip().isdigit():
        directory("/srv/ll", 0o755, "alice"); write("/srv/ll/f", owner="alice"); directory("/srv/ll/d", owner="alice")
        inside = ll("--ro", "/srv/ll")
        scenario("landlock.symlink", [*inside, "ln", "-s", "f", "/srv/ll/l"], LL, at=["/srv/ll", "/srv/ll/l"])
        scenario("landlock.rmdir", [*inside, "rmdir", "/srv/ll/d"], LL, at=["/srv/ll", "/srv/ll/d"])
        scenario("landlock.fifo", [*inside, "mkfifo", "/srv/ll/p"], LL, at=["/srv/ll", "/srv/ll/p"])


def group_zz_for_good():
    """Not to be undone until the machine is off."""
    S = "sysctl-restricts"
    module = sh("find /lib/modules/$(uname -r) -name 'dummy.ko*'").stdout.split()
    other = sh("find /lib/modules/$(uname -r) -name 'crc-itu-t.ko*' -o -name 'crc7.ko*'").stdout.split()
    must("depmod -a; true")
    if other and other[0].endswith(".ko"):
        data = open(other[0], "rb").read()
        cut = data.rfind(b"~Module signature appended~\n")
        if cut > 0:
            import struct
            length = struct.unpack(">I", data[cut - 4:cut])[0]
            open("/tmp/unsigned.ko", "wb").write(data[:cut - 12 - length])
    lock = "/sys/kernel/security/lockdown"
    if os.path.exists(lock):
        open(lock, "w").write("integrity")
        truth = {"lockdown-denies"}
        if os.path.exists("/tmp/unsigned.ko"):
            scenario("lockdown.unsigned-module", ["insmod", "/tmp/unsigned.ko"], truth, user="root")
        scenario("lockdown.dev-mem", ["dd", "if=/dev/mem", "of=/dev/null", "count=1", "status=none"], truth, user="root", whys=[("read", "/dev/mem")], op={"read"})
        scenario("lockdown.dev-port", ["dd", "if=/dev/port", "of=/dev/null", "count=1", "status=none"], truth, user="root", whys=[("read", "/dev/port")], op={"read"})
        open(lock, "w").write("confidentiality")
        scenario("lockdown.kcore", ["dd", "if=/proc/kcore", "of=/dev/null", "count=1", "status=none"], truth, user="root", whys=[("read", "/proc/kcore")])
    sysctl("kernel.modules_disabled", 1)
    scenario("modules_disabled", ["modprobe", "dummy"], S, user="root")
    scenario("modules_disabled.insmod", ["insmod", module[0] if module else "/tmp/none.ko"], S, user="root")
