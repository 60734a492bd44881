"""TOMOYO, enforcing, for copies of programs: no cause of the list is its own, so nothing else may be named, and nothing called allowed."""
import os, re, shutil
from lib import *

TOMOYO = "/sys/kernel/security/tomoyo/"


def policy(file, text):
    with open(TOMOYO + file, "w") as f:
        f.write(text)


def group_open():
    """Only opening files is enforced. A domain may open what its programs need, and nothing of /srv."""
    if "tomoyo" not in open("/sys/kernel/security/lsm").read():
        raise Trouble("the kernel was not started with it")
    directory("/srv/ty", 0o777); write("/srv/ty/data", mode=0o666); write("/srv/ty/bobs", mode=0o600, owner="bob"); os.makedirs("/opt/ty", exist_ok=True)
    programs = {"tycat": "cat", "tysh": "dash"}
    policy("profile", "3-CONFIG::file::open={ mode=enforcing grant_log=no reject_log=yes }\n")
    for copy, program in programs.items():
        shutil.copy(shutil.which(program), f"/opt/ty/{copy}")
        policy("exception_policy", f"initialize_domain /opt/ty/{copy} from any\n")
        rules = "".join(f"file read /{top}/\\*\nfile read /{top}/\\{{\\*\\}}/\\*\n" for top in ("etc", "usr", "opt", "dev"))
        policy("domain_policy", f"<kernel> /opt/ty/{copy}\nuse_profile 3\nuse_group 0\n{rules}file read proc:/\\{{\\*\\}}/\\*\nfile write/append /dev/\\*\n")
    print("#", open(TOMOYO + "stat").read().split("\n")[:2], flush=True)

    def unexplained(name, argv, user):
        """It refuses, and permwrap does not say that it is allowed, or something else that refuses."""
        if ONLY and not re.search(ONLY, name):
            return
        bare = sh(argv, user=user)
        if bare.returncode == 0 or not REFUSED.search(bare.stderr):
            emit("missing", name, f"[harness] not refused: [{bare.returncode}] {bare.stderr[-200:]}")
            return
        incidents, rc, _ = permwrap(argv, user=user, name=name)
        incident = pick(incidents)
        unknown = incident and (incident["verdict"] == "unknown" or [cause["code"] for cause in incident["causes"]] == ["unknown"])
        says = incident and re.search("tomoyo", json.dumps(incident), re.I)
        emit("ok" if unknown and says else "missing" if unknown or not incident else "WRONG", name, f"{bare.stderr.strip()[-80:]} | {told(incident)}")
    for user in ("alice", "root"):
        unexplained(f"tomoyo.read.{user}", ["/opt/ty/tycat", "/srv/ty/data"], user)
        unexplained(f"tomoyo.write.{user}", ["/opt/ty/tysh", "-c", "echo x > /srv/ty/data"], user)
        incident = why("write", "/srv/ty/data", user=user, name=f"tomoyo.why.{user}")
        emit("ok" if incident and incident["verdict"] == "unknown" else "WRONG", f"tomoyo.why.{user}", told(incident))
    scenario("tomoyo.dac", ["/opt/ty/tycat", "/srv/ty/bobs"], "mode-denies", at="/srv/ty/bobs")
