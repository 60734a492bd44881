"""SELinux, enforcing, with Debian's policy and a small domain of our own (bench.te)."""
import os, shutil, time
import lib
from lib import *

SE = "selinux-denies"
USER = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
lib.PREFIX["*"] = ["runcon", USER]
# What a program of a confined domain is started with. bin_t is made an entry point of these domains by bench.te.
HTTPD = ["runcon", "system_u:system_r:httpd_t:s0"]
BENCH = ["runcon", "system_u:system_r:bench_t:s0:c1,c2"]


def chcon(label, *paths):
    must(["chcon", "-t", label, *paths])


def group_start():
    must("restorecon -R /bench /usr/local/bin /home /srv /etc/passwd /etc/group 2>/dev/null; true")
    chcon("bin_t", "/usr/local/bin/permwrap"); sh("chcon -R -t bin_t /bench")
    print("#", sh("id -Z; cat /sys/fs/selinux/enforce").stdout.split(), "alice", sh("id -Z", user="alice").stdout.split(), flush=True)
    print("# httpd", (lambda d: (d.returncode, d.stdout.strip(), d.stderr.strip()[-150:]))(sh(HTTPD + ["cat", "/proc/self/attr/current"])),
          "bench", (lambda d: (d.returncode, d.stdout.strip(), d.stderr.strip()[-150:]))(sh(BENCH + ["cat", "/proc/self/attr/current"])), flush=True)
    directory("/srv/se", 0o755); directory("/var/www/html"); directory("/srv/web")
    write("/var/www/html/good.html"); write("/srv/se/private", mode=0o600, owner="bob")
    must("restorecon -R /var/www /srv")


def group_httpd():
    def moved():
        write("/root/index.html"); must("restorecon /root/index.html; mv /root/index.html /var/www/html/index.html; chmod 644 /var/www/html/index.html")
    for user in ("root", "www-data"):
        scenario(f"selinux.moved-file.{user}", [*HTTPD, "cat", "/var/www/html/index.html"], SE, user=user, before=moved, at="/var/www/html/index.html", fix=True) if user == "root" else \
        scenario(f"selinux.moved-file.{user}", ["runcon", "system_u:system_r:httpd_t:s0", "setpriv", "--reuid", "www-data", "--regid", "www-data", "--clear-groups", "cat", "/var/www/html/index.html"], SE,
                 user="root", before=moved, at="/var/www/html/index.html", fix=True)
    scenario("selinux.httpd-home", [*HTTPD, "cat", "/home/alice/page"], SE, user="root", at=["/home/alice", "/home/alice/page"],
             before=lambda: (write("/home/alice/page", owner="alice"), os.chmod("/home/alice", 0o755), must("restorecon -R /home/alice")))
    def elsewhere():
        write("/srv/web/index.html"); must("restorecon -R /srv/web"); chcon("user_home_t", "/srv/web/index.html"); must("restorecon -F /srv/web/index.html")
    scenario("selinux.write-content", [*HTTPD, "sh", "-c", "echo x > /var/www/html/good.html"], SE, user="root", at="/var/www/html/good.html", fix=True)
    scenario("selinux.create-content", [*HTTPD, "touch", "/var/www/html/new"], SE, user="root", at=["/var/www/html", "/var/www/html/new"])
    scenario("selinux.delete", [*HTTPD, "rm", "-f", "/var/www/html/good.html"], SE, user="root", at=["/var/www/html", "/var/www/html/good.html"])
    scenario("selinux.list", [*HTTPD, "ls", "/home/alice"], SE, user="root", at="/home/alice")
    scenario("selinux.port-bind", [*HTTPD, "python3", "-m", "http.server", "7777", "-b", "127.0.0.1"], SE, user="root")
    scenario("selinux.low-port-bind", [*HTTPD, "python3", "-m", "http.server", "111", "-b", "127.0.0.1"], SE, user="root")
    scenario("selinux.boolean-connect", [*HTTPD, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5432"], SE, user="root", advice="audit2why|httpd_can_network_connect")
    scenario("selinux.shadow", [*HTTPD, "cat", "/etc/shadow"], SE, user="root", at="/etc/shadow")
    scenario("selinux.dac", [*HTTPD, "setpriv", "--reuid", "www-data", "--regid", "www-data", "--clear-groups", "cat", "/var/www/html/dac"], "mode-denies", user="root", at="/var/www/html/dac",
             before=lambda: (write("/var/www/html/dac", mode=0o600), must("restorecon /var/www/html/dac")))


def group_domain():
    write("/srv/se/cat12"); write("/srv/se/cat34")
    must("chcon -t bench_data_t -l s0:c1,c2 /srv/se/cat12; chcon -t bench_data_t -l s0:c3,c4 /srv/se/cat34")
    scenario("selinux.categories", [*BENCH, "cat", "/srv/se/cat34"], SE, user="root", at="/srv/se/cat34")
    write("/srv/se/log"); chcon("bench_log_t", "/srv/se/log")
    scenario("selinux.append-only-type", [*BENCH, "sh", "-c", "echo x > /srv/se/log"], SE, user="root", at="/srv/se/log")
    scenario("selinux.read-not-allowed", [*BENCH, "cat", "/srv/se/log"], SE, user="root", at="/srv/se/log")
    # No name tells the boolean: audit2why tries those of the policy. A run on a slow machine does not wait for it, `why` does.
    if shutil.which("audit2why") and os.path.exists("/sys/fs/selinux/booleans/bench_may_read_log"):
        with Daemon(["sleep", "60"], wrap=BENCH) as d:
            text = told(why("read", "/srv/se/log", "--pid", str(d.pid), name="selinux.boolean-by-audit2why"))
        emit("ok" if "setsebool -P bench_may_read_log on" in text else "missing", "selinux.boolean-by-audit2why", text)
    scenario("selinux.unlabelled-disk", [*BENCH, "cat", "/mnt/a/f"], SE, user="root", at=["/mnt/a/f", "/mnt/a"], before=lambda: must(
        "modprobe loop; truncate -s 20M /var/tmp/u.img; mkfs.ext4 -q -F /var/tmp/u.img; mount -o loop /var/tmp/u.img /mnt/a; echo x > /mnt/a/f; setfattr -x security.selinux /mnt/a/f; chcon -t default_t /mnt/a /mnt/a/f"),
             after=lambda: sh("umount /mnt/a"))
    scenario("selinux.vfat", [*BENCH, "cat", "/mnt/a/f"], SE, user="root", at=["/mnt/a/f", "/mnt/a"], fix=True, before=lambda: must(
        "modprobe -a vfat nls_cp437 nls_ascii nls_utf8; truncate -s 20M /var/tmp/v.img; mkfs.vfat /var/tmp/v.img >/dev/null; mount -o loop /var/tmp/v.img /mnt/a; echo x > /mnt/a/f"), after=lambda: sh("umount /mnt/a"))


def group_not_selinux():
    LLX = ["python3", "/bench/ll.py", "--rx", "/usr", "--rx", "/bin", "--rx", "/lib", "--rx", "/lib64", "--rx", "/etc", "--rx", "/bench", "--rw", "/dev", "--rw", "/proc", "--rw", "/tmp", "--"]
    write("/srv/se/public"); must("restorecon /srv/se/public")
    scenario("selinux.user.landlock", [*LLX, "cat", "/srv/se/public"], "landlock-denies", user="alice", at="/srv/se/public")
    scenario("selinux.root.landlock", [*LLX, "cat", "/srv/se/public"], "landlock-denies", user="root", at="/srv/se/public")
    scenario("selinux.user.port", ["python3", "-m", "http.server", "80", "-b", "127.0.0.1"], "privileged-port")
    scenario("selinux.user.kill", ["sh", "-c", "/bin/kill -TERM 1"], "missing-capability")
    confined = ["setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--", "runcon", "user_u:user_r:user_t:s0"]
    write("/srv/se/shadowlike"); chcon("shadow_t", "/srv/se/shadowlike")
    chcon("shadow_t", "/srv/se/shadowlike")
    scenario("selinux.confined-user.permwrap-inside", ["cat", "/srv/se/shadowlike"], SE, user="root", at="/srv/se/shadowlike", wrap=confined)


def group_pid():
    with Daemon(["sleep", "200"], wrap=HTTPD) as d:
        pid = ["--pid", str(d.pid)]
        write("/srv/se/pidfile"); chcon("user_home_t", "/srv/se/pidfile")
        check_why("selinux.pid.bind", SE, "bind", "127.0.0.1:7777", *pid, user="root")
        check_why("selinux.pid.bind-another-s", SE, "bind", "127.0.0.1:111", *pid, user="root")
    line = ('type=AVC msg=audit(1700000000.500:46): avc:  denied  { read } for  pid=99 comm="httpd" name="index.html" dev="vda" ino=1234 '
            'scontext=system_u:system_r:httpd_t:s0 tcontext=unconfined_u:object_r:user_home_t:s0 tclass=file permissive=0')
    done = sh(["permwrap", "explain", "--json"], user="root", stdin=line + "\n")
    try:
        incident = (json.loads(done.stdout)["incidents"] or [None])[0]
    except ValueError:
        incident = None
    code = incident and incident["causes"] and incident["causes"][0]["code"]
    emit("ok" if code == SE else "missing" if not incident or incident["verdict"] == "unknown" else "WRONG", "selinux.explain-log-line", told(incident))


def group_permissive():
    """Last: the mode stays."""
    must("setenforce 0")
    write("/srv/se/public2"); chcon("user_home_t", "/srv/se/public2")
    LLX = ["python3", "/bench/ll.py", "--rx", "/usr", "--rx", "/bin", "--rx", "/lib", "--rx", "/lib64", "--rx", "/etc", "--rx", "/bench", "--rw", "/dev", "--rw", "/proc", "--rw", "/tmp", "--"]
    scenario("selinux.permissive.dac", ["cat", "/srv/se/private"], "mode-denies", at="/srv/se/private")
    scenario("selinux.permissive.httpd-landlock", [*HTTPD, *LLX, "cat", "/srv/se/public2"], "landlock-denies", user="root", at="/srv/se/public2")
    with Daemon(["sleep", "60"], wrap=HTTPD) as d:
        check_why("selinux.permissive.pid", "x", "read", "/srv/se/public2", "--pid", str(d.pid), user="root", expect="allowed")
