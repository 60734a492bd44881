"""systemd as the first process: real services with real sandboxes. `why --as svc:UNIT` against what the service itself was answered,
permwrap within units, and the first fix made in the unit."""
import errno, functools, json, os, re, time
from lib import *

UNITS = "/etc/systemd/system"
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS}


def unit(name, settings, command):
    with open(f"{UNITS}/{name}.service", "w") as f:
        f.write(f"[Service]\nExecStart={command}\n" + "\n".join(settings) + "\n")
    sh(["rm", "-rf", f"{UNITS}/{name}.service.d"])
    must(["systemctl", "daemon-reload"])
    sh(["systemctl", "reset-failed", name])


@functools.cache
def scene():
    directory("/srv/s", 0o755); directory("/srv/s/open", 0o777); write("/srv/s/open/f", mode=0o666); write("/srv/s/bobs", mode=0o600, owner="bob")
    write("/srv/s/alices", mode=0o644, owner="alice"); directory("/srv/s/closed", 0o700, "bob"); write("/srv/s/closed/f", mode=0o666)
    directory("/srv/s/ro", 0o777); write("/srv/s/ro/f", mode=0o666); directory("/srv/s/none", 0o777); write("/srv/s/none/f", mode=0o666)
    write("/srv/s/team", mode=0o640); must("chgrp team /srv/s/team"); write("/srv/s/tool", "#!/bin/sh\necho hi\n", 0o755)
    write("/home/alice/f", owner="alice"); os.chmod("/home/alice", 0o755); write("/tmp/shared", mode=0o666)


ASKED = [("read", "/srv/s/open/f"), ("write", "/srv/s/open/f"), ("append", "/srv/s/open/f"), ("create", "/srv/s/open/new"), ("mkdir", "/srv/s/open/newd"), ("read", "/srv/s/bobs"), ("write", "/srv/s/alices"),
         ("chmod", "/srv/s/alices"), ("chown", "/srv/s/alices"), ("read", "/srv/s/closed/f"), ("read", "/srv/s/ro/f"), ("write", "/srv/s/ro/f"), ("create", "/srv/s/ro/new"), ("read", "/srv/s/none/f"),
         ("list", "/srv/s/none"), ("read", "/srv/s/team"), ("exec", "/srv/s/tool"), ("read", "/home/alice/f"), ("write", "/home/alice/f"), ("list", "/home"), ("read", "/tmp/shared"), ("create", "/tmp/new"),
         ("create", "/var/lib/app/new"), ("create", "/run/new"), ("create", "/etc/new"), ("write", "/etc/hostname"), ("create", "/usr/local/new"), ("read", "/etc/shadow"), ("read", "/dev/kmsg"), ("write", "/dev/null"),
         ("write", "/proc/sys/kernel/hostname"), ("bind", "127.0.0.1:80"), ("bind", "127.0.0.1:8080")]

SANDBOXES = {
    "user": ["User=alice"],
    "group": ["User=alice", "SupplementaryGroups=team"],
    "root": [],
    "no-capabilities": ["CapabilityBoundingSet="],
    "some-capabilities": ["CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_CHOWN"],
    "not-that-capability": ["CapabilityBoundingSet=~CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH"],
    "not-these-capabilities": ["CapabilityBoundingSet=~CAP_DAC_OVERRIDE", "CapabilityBoundingSet=~CAP_DAC_READ_SEARCH CAP_FOWNER"],
    "ambient": ["User=alice", "AmbientCapabilities=CAP_NET_BIND_SERVICE"],
    "dynamic": ["DynamicUser=yes", "StateDirectory=app"],
    "strict": ["User=alice", "ProtectSystem=strict", "StateDirectory=app"],
    "strict.root": ["ProtectSystem=strict", "ReadWritePaths=/srv/s/open"],
    "full": ["ProtectSystem=full"],
    "paths": ["User=alice", "ReadOnlyPaths=/srv/s/ro -/srv/s/not-there", "InaccessiblePaths=/srv/s/none"],
    "paths.root": ["ReadOnlyPaths=/srv/s", "ReadWritePaths=/srv/s/open", "InaccessiblePaths=/srv/s/none"],
    "home": ["User=alice", "ProtectHome=yes"],
    "home.root": ["ProtectHome=yes"],
    "home.read-only": ["User=alice", "ProtectHome=read-only"],
    "home.tmpfs": ["User=alice", "ProtectHome=tmpfs"],
    "tmp": ["User=alice", "PrivateTmp=yes"],
    "privileges": ["User=alice", "NoNewPrivileges=yes"],
    "calls": ["User=alice", "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM"],
    "calls.less": ["SystemCallFilter=@system-service", "SystemCallFilter=~@chown fchmodat chmod fchmod", "SystemCallErrorNumber=EPERM"],
    "families": ["User=alice", "RestrictAddressFamilies=AF_UNIX", "AmbientCapabilities=CAP_NET_BIND_SERVICE"],
    "users": ["PrivateUsers=yes"],
    "users.alice": ["User=alice", "PrivateUsers=yes"],
    "devices": ["PrivateDevices=yes"],
    "kernel": ["ProtectKernelTunables=yes", "ProtectKernelLogs=yes", "ProtectControlGroups=yes"],
    "no-exec": ["User=alice", "NoExecPaths=/", "ExecPaths=/usr /lib /lib64 /bin"],
    "temporary": ["User=alice", "TemporaryFileSystem=/srv"],
    "bound": ["User=alice", "BindReadOnlyPaths=/srv/s/open:/srv/s/ro"],
    "bits": ["RestrictSUIDSGID=yes"],
}


def manifest():
    """Everything that is asked, as a project's permwrap.toml, which is judged at once."""
    ports = [path.rsplit(":", 1)[1] for operation, path in ASKED if operation == "bind"]
    paths = "".join(f'[[path]]\npath = "{path}"\nneeds = ["{operation}"]\n' for operation, path in ASKED if operation != "bind")
    write("/srv/s/permwrap.toml", f'user = "svc:probe"\nports = [{", ".join(ports)}]\n{paths}')


def compare(name, answers, when):
    """Each answer of the kernel against that of `check`, and two against that of `why` as well."""
    label = f"{name}.{when}"
    done = sh(["permwrap", "check", "--json"], cwd="/srv/s", timeout=120)
    detail_file(name, f"{when} [{done.returncode}] {done.stderr}\n{done.stdout}")
    try:
        items = {(item["what"], item["path"]): item for item in json.loads(done.stdout)["items"]}
    except ValueError:
        # A user that is made at the start is none before.
        emit("ok" if when == "stopped" and "start it" in done.stderr else "WRONG", label, f"no answer: {done.stderr.strip()[-200:]}")
        return
    for operation, path, answer in answers:
        item = items.get((operation, path.rsplit(":", 1)[1] if operation == "bind" else path))
        truth = errno.errorcode.get(answer, str(answer)) if answer else "allowed"
        at = f"{label}.{operation}.{path.strip('/').replace('/', '-')}"
        # What is closed to the service may not be there for it.
        item = item or items.get(("exists", path))
        if item is None:
            emit("missing" if answer == errno.ENOENT else "WRONG", at, f"{truth}: not judged")
        elif item["holds"] is None:
            emit("ok" if "start it" in str(item.get("because")) or answer and answer not in REFUSALS else "missing", at, f"{truth}: {item.get('because')}")
        else:
            emit("ok" if item["holds"] == (answer is None) else "WRONG", at, f"{truth}: holds {item['holds']} {item.get('because') or ''}")
    for operation, path in (("write", "/srv/s/ro/f"), ("create", "/etc/new")):
        answer = next(answer for one, other, answer in answers if (one, other) == (operation, path))
        incident = why(operation, path, "--as", "svc:probe", name=name)
        verdict = incident and incident["verdict"]
        good = verdict == ("denied" if answer else "allowed")
        emit("ok" if good else "missing" if verdict == "unknown" else "WRONG", f"{label}.why.{operation}", f"{answer}: {told(incident)}")


def group_why():
    scene()
    manifest()
    with open("/srv/s/asked", "w") as f:
        f.writelines(json.dumps(each) + "\n" for each in ASKED)
    for name, settings in SANDBOXES.items():
        label = f"systemd.{name}"
        if ONLY and not re.search(ONLY, label):
            continue
        try:
            probed = f"/run/probed-{name}"
            unit("probe", [*settings, f"StandardOutput=truncate:{probed}"], "/usr/bin/python3 /bench/probe.py /srv/s/asked")
            must(["systemctl", "start", "probe"])
            for _ in range(200):
                lines = open(probed).read().splitlines() if os.path.exists(probed) else []
                if lines and lines[-1] == "end":
                    break
                time.sleep(0.2)
            else:
                raise Trouble(f"the probe did not end: {sh('systemctl status probe').stdout[-300:]} {lines}")
            answers = [json.loads(line) for line in lines[:-1]]
            compare(label, answers, "running")
            sh(["systemctl", "stop", "probe"]); sh(["systemctl", "reset-failed", "probe"])
            compare(label, answers, "stopped")
        except Trouble as trouble:
            emit("missing", label, f"[harness] {trouble}")
        finally:
            sh(["systemctl", "stop", "probe"])


def hints(name, since):
    """The hints that a unit's journal holds since a moment: (the line of the journal, the hint)."""
    must("journalctl --sync")
    done = sh(["journalctl", "--all", "--output", "json", "--unit", f"{name}.service", "--since", f"@{since}"])
    found = []
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        if '"source":"permwrap"' in str(entry.get("MESSAGE")):
            found.append((entry, json.loads(entry["MESSAGE"])))
    detail_file(f"systemd.{name}", done.stdout[-6000:])
    return found


def start(name):
    """Whether the service ends well."""
    sh(["systemctl", "reset-failed", name])
    return sh(["systemctl", "start", name]).returncode == 0


def follow(name, hint):
    """Makes the first fix: its commands, or the settings that it names in a drop-in."""
    fix = (hint["fixes"] or [{"title": "no fix", "commands": []}])[0]
    for command in fix["commands"]:
        must(command)
    settings = re.findall(r"\b([A-Z][A-Za-z]+=[^\s,;)]+)", fix["title"])
    if not fix["commands"]:
        if not settings:
            raise Trouble(f"it names no setting: {fix['title']}")
        directory(f"{UNITS}/{name}.service.d")
        with open(f"{UNITS}/{name}.service.d/override.conf", "w") as f:
            f.write(f"[Service]\n{settings[0]}\n")
        must(["systemctl", "daemon-reload"])
    return settings[0] if settings and not fix["commands"] else " && ".join(fix["commands"])


def within(name, settings, command, codes, at=None, fix=True):
    """permwrap in ExecStart=: the hint in the journal, and its first fix made in the unit."""
    label = f"systemd.within.{name}"
    if ONLY and not re.search(ONLY, label):
        return
    try:
        since = int(time.time())
        quoted = command.replace('"', '\\"')
        unit(name, ["Type=oneshot", *settings], f'/bin/sh -c "{quoted}"')
        if start(name):
            raise Trouble("the service is not refused")
        since = time.time()
        unit(name, ["Type=oneshot", *settings], f'/usr/local/bin/permwrap --hints json -- /bin/sh -c "{quoted}"')
        if start(name):
            raise Trouble("the service is not refused with permwrap")
        found = hints(name, int(since))
        if not found:
            emit("missing", label, "no hint in the journal: " + sh(["journalctl", "-u", name, "-n", "5", "-o", "cat"]).stdout[-300:])
            return
        entry, hint = found[0]
        text = f"{hint['verdict']} {hint.get('cause')} at {hint.get('refused_by')} (priority {entry.get('PRIORITY')}); fix {hint.get('fix')} {hint.get('note') or ''}"
        codes = {codes} if isinstance(codes, str) else set(codes)
        if hint["verdict"] == "unknown":
            emit("missing", label, text)
            return
        good = hint.get("cause") in codes and (at is None or hint.get("refused_by") in ([at] if isinstance(at, str) else at))
        emit("ok" if good else "WRONG", label, text)
        if isinstance(fix, str):
            emit("ok" if fix in str(hint.get("fix")) else "missing", label + ".fix", f"names {fix}: {hint.get('fix')}")
        if fix is not True:
            return
        try:
            how = follow(name, hint)
        except Trouble as trouble:
            emit("missing", label + ".fix", str(trouble))
            return
        emit(*(("ok", label + ".fix", f"works: {how}") if start(name) else ("WRONG", label + ".fix", f"{how}: still {sh(['journalctl', '-u', name, '-n', '4', '-o', 'cat']).stdout[-300:]}")))
    except Trouble as trouble:
        emit("missing", label, f"[harness] {trouble}")
    finally:
        sh(["rm", "-rf", f"{UNITS}/{name}.service.d"])


def group_within():
    scene()
    directory("/var/lib/shop", 0o755); directory("/srv/shop", 0o755, "alice")
    strict = ["User=alice", "ProtectSystem=strict"]
    within("strict", strict, "echo x > /srv/shop/new", "read-only-mount", ["/", "/srv/shop", "/srv/shop/new"])
    within("strict-root", ["ProtectSystem=strict"], "touch /var/lib/shop/new", "read-only-mount")
    within("read-only-paths", ["User=alice", "ReadOnlyPaths=/srv/shop"], "echo x > /srv/shop/new", "read-only-mount", ["/srv/shop", "/srv/shop/new"])
    within("inaccessible", ["User=alice", "InaccessiblePaths=/srv/shop"], "cat /srv/shop/new", "dir-not-searchable", "/srv/shop", fix="InaccessiblePaths=")
    within("state", ["User=alice"], "touch /var/lib/shop/new2", "parent-not-writable", "/var/lib/shop")
    within("dynamic", ["DynamicUser=yes"], "touch /var/lib/shop/new3", {"read-only-mount", "parent-not-writable"})
    within("user-file", ["User=alice"], "cat /srv/s/bobs", "mode-denies", "/srv/s/bobs", fix=False)
    within("group", ["User=alice"], "cat /srv/s/team", "mode-denies", "/srv/s/team", fix=False)
    within("port", ["User=alice"], "exec python3 -m http.server 80 -b 127.0.0.1", "privileged-port", fix=False)
    within("capability", ["CapabilityBoundingSet=CAP_NET_BIND_SERVICE"], "cat /srv/s/bobs", {"mode-denies", "missing-capability"}, "/srv/s/bobs", fix=False)
    within("home", ["User=alice", "ProtectHome=yes"], "cat /home/alice/f", "dir-not-searchable", "/home", fix="ProtectHome=")
    within("full", ["ProtectSystem=full"], "touch /etc/shop.conf", "read-only-mount")
    within("calls", ["SystemCallFilter=~@chown", "SystemCallErrorNumber=EPERM"], "chown alice /srv/s/open/f", "seccomp-denies", fix=False)
    within("private-users", ["PrivateUsers=yes"], "cat /srv/s/bobs", {"unmapped-owner", "mode-denies"}, "/srv/s/bobs", fix=False)
    within("no-exec", ["User=alice", "NoExecPaths=/srv"], "/srv/s/tool", "noexec-mount", fix=False)
    within("tmp", ["User=alice", "PrivateTmp=yes", "ReadOnlyPaths=/tmp"], "touch /tmp/x", "read-only-mount", fix=False)


def group_transient():
    """systemd-run: the system's manager, and a user's own."""
    scene()
    must("systemctl start dbus.socket systemd-logind")
    def run(name, options, command, codes, at=None, user=None, whole=()):
        label = f"systemd.run.{name}"
        if ONLY and not re.search(ONLY, label):
            return
        argv = ["systemd-run", *whole, "--quiet", "--wait", "--pipe", *[f"--property={option}" for option in options]]
        env = {"XDG_RUNTIME_DIR": f"/run/user/{_uid(user)}"} if user else {}
        bare = sh([*argv, "sh", "-c", command], user=user, env=env)
        if bare.returncode == 0 or not REFUSED.search(bare.stderr):
            emit("missing", label, f"[harness] not refused: [{bare.returncode}] {bare.stderr[-200:]}")
            return
        done = sh([*argv, "permwrap", "--hints", "json", "--", "sh", "-c", command], user=user, env=env)
        detail_file(label, done.stderr)
        lines = [json.loads(line) for line in done.stderr.splitlines() if '"source":"permwrap"' in line]
        if not lines:
            emit("missing", label, f"no hint: [{done.returncode}] {done.stderr[-200:]}")
            return
        hint = lines[0]
        codes = {codes} if isinstance(codes, str) else codes
        word = "missing" if hint["verdict"] == "unknown" else "ok" if hint.get("cause") in codes and (at is None or hint.get("refused_by") == at) else "WRONG"
        emit(word, label, f"{hint['verdict']} {hint.get('cause')} at {hint.get('refused_by')}; fix {hint.get('fix')} {hint.get('note') or ''}")
        # From outside nothing of the service can be seen: it must not be judged by what is here.
        incidents, _, _ = permwrap([*argv, "sh", "-c", command], user=user, name=label, env=env)
        incident = pick(incidents)
        wrong = incident and (incident["verdict"] == "allowed" or any(cause["code"] not in codes for cause in incident["causes"]) or "dmesg" in told(incident))
        emit("WRONG" if wrong else "ok", label + ".outside", told(incident))
    run("strict", ["ProtectSystem=strict"], "touch /srv/s/new", "read-only-mount")
    run("user", ["User=alice"], "cat /srv/s/bobs", "mode-denies", "/srv/s/bobs")
    run("dynamic", ["DynamicUser=yes"], "touch /srv/s/new", {"read-only-mount", "parent-not-writable"})
    run("capabilities", ["CapabilityBoundingSet="], "cat /srv/s/bobs", {"mode-denies", "missing-capability"}, "/srv/s/bobs")
    run("calls", ["SystemCallFilter=~@chown", "SystemCallErrorNumber=EPERM"], "chown alice /srv/s/open/f", "seccomp-denies")
    must("systemctl start user@1000.service")
    run("own-manager", ["NoNewPrivileges=yes"], "cat /srv/s/bobs", "mode-denies", "/srv/s/bobs", user="alice", whole=["--user"])
    run("own-manager.strict", ["ProtectSystem=strict", "PrivateUsers=yes"], "echo x > /srv/s/alices", "read-only-mount", user="alice", whole=["--user"])


from lib import _uid
