"""File systems without Unix owners, network file systems, media that cannot be written, full disks."""
import os, time
from lib import *

FS = "fs-without-permissions"
SERVER = "server-denies"


def image(kind, size="40M", options="", mkfs=None, point="/mnt/a"):
    """A loop device with this file system, mounted with these options."""
    path = f"/var/tmp/{kind}.img"
    if not os.path.exists(path):
        must(f"truncate -s {size} {path}"); must((mkfs or f"mkfs.{kind}") + f" {path}")
    must(f"modprobe -a {kind} nls_cp437 nls_ascii nls_utf8 nls_iso8859-1 2>/dev/null; true")
    device = must(f"losetup -f --show {path}").strip()
    os.makedirs(point, exist_ok=True)
    must(f"mount -t {'ntfs-3g' if kind == 'ntfs' else kind} -o {options or 'rw'} {device} {point}")
    return device


def unmount(point="/mnt/a"):
    sh(f"umount {point} || umount -l {point}")
    for line in sh("losetup -a").stdout.splitlines():
        sh(["losetup", "-d", line.split(":")[0]])


def fat_like(kind, options_closed, mkfs=None):
    n = kind
    start = lambda options: (lambda: image(kind, options=options, mkfs=mkfs))
    def fill():
        image(kind, options="rw,umask=000", mkfs=mkfs); write("/mnt/a/f"); write("/mnt/a/run", "#!/bin/sh\necho hi\n"); os.makedirs("/mnt/a/d", exist_ok=True); unmount()
    fill()
    base = {FS, "mode-denies", "parent-not-writable"}
    scenario(f"{n}.write", ["sh", "-c", "echo x > /mnt/a/f"], base, before=start("uid=0,umask=022"), after=unmount, fix=True,
             stranger=("bob", ["sh", "-c", "echo x > /mnt/a/f"]), whys=[("write", "/mnt/a/f")])
    scenario(f"{n}.create", ["touch", "/mnt/a/new"], base, before=start("uid=0,umask=022"), after=unmount, fix=True,
             stranger=("bob", ["touch", "/mnt/a/new2"]))
    scenario(f"{n}.read", ["cat", "/mnt/a/f"], {FS, "dir-not-searchable", "mode-denies"}, before=start("uid=0,umask=077"), after=unmount, fix=True,
             stranger=("bob", ["cat", "/mnt/a/f"]))
    scenario(f"{n}.chown", ["chown", "bob", "/mnt/a/f"], FS, user="root", before=start("uid=1000,umask=022"), after=unmount, whys=[("chown", "/mnt/a/f", "--owner", "bob")], fix="elsewhere")
    scenario(f"{n}.chmod-stranger", ["chmod", "600", "/mnt/a/f"], {FS, "not-owner"}, before=start("uid=0,umask=022"), after=unmount, fix=True)
    scenario(f"{n}.symlink", ["ln", "-s", "f", "/mnt/a/l"], FS, user="root", before=start("uid=1000,umask=022"), after=unmount, fix="elsewhere")
    scenario(f"{n}.link", ["ln", "/mnt/a/f", "/mnt/a/l2"], FS, before=start("uid=1000,umask=022"), after=unmount, fix="elsewhere")
    scenario(f"{n}.exec", ["/mnt/a/run"], {FS, "not-executable"}, before=start("uid=1000,fmask=133,dmask=022"), after=unmount, fix=True)
    scenario(f"{n}.exec-noexec", ["/mnt/a/run"], "noexec-mount", before=start("uid=1000,umask=022,noexec"), after=unmount, fix=True)
    scenario(f"{n}.mounted-ro", ["sh", "-c", "echo x > /mnt/a/f"], "read-only-mount", before=start("uid=1000,umask=022,ro"), after=unmount, fix=True)
    scenario(f"{n}.group", ["sh", "-c", "echo x > /mnt/a/f"], base, user="bob", before=start("uid=1000,gid=1000,fmask=113,dmask=002"), after=unmount, fix=True,
             stranger=("deploy", ["sh", "-c", "echo x > /mnt/a/f"]))


def group_vfat():
    fat_like("vfat", "uid=0,umask=022")
    def dos_read_only():
        image("vfat", options="uid=1000,umask=022"); must("chmod a-w /mnt/a/f", user="alice")
    scenario("vfat.dos-read-only", ["sh", "-c", "echo x > /mnt/a/f"], {"mode-denies", FS}, before=dos_read_only, after=unmount, fix=True)


def group_exfat():
    fat_like("exfat", "uid=0,umask=022")


def group_ntfs():
    must("modprobe fuse")
    mk = "mkfs.ntfs -q -F -f"
    def start(options):
        return lambda: image("ntfs", options=options, mkfs=mk)
    image("ntfs", options="rw,umask=000", mkfs=mk); write("/mnt/a/f"); unmount()
    scenario("ntfs3g.read", ["cat", "/mnt/a/f"], {FS, "dir-not-searchable", "mode-denies"}, before=start("uid=0,umask=077"), after=unmount, fix=True)
    scenario("ntfs3g.chmod-stranger", ["chmod", "600", "/mnt/a/f"], {FS, "not-owner"}, before=start("uid=0,umask=022"), after=unmount)
    scenario("ntfs3g.exec", ["/mnt/a/f"], {FS, "not-executable"}, before=start("uid=1000,fmask=133,dmask=022"), after=unmount, fix=True)
    scenario("ntfs3g.permissions", ["sh", "-c", "echo x > /mnt/a/f"], {"mode-denies"},
             before=lambda: (image("ntfs", options="permissions", mkfs=mk), must("chown root:root /mnt/a/f; chmod 644 /mnt/a/f")), after=unmount, fix=True)
    if sh("modprobe ntfs3").returncode == 0:
        def ntfs3(options):
            def go():
                device = must("losetup -f --show /var/tmp/ntfs.img").strip(); must(f"mount -t ntfs3 -o force,{options} {device} /mnt/a")
            return go
        scenario("ntfs3.write", ["sh", "-c", "echo x > /mnt/a/f"], {FS, "mode-denies", "parent-not-writable"}, before=ntfs3("uid=0,umask=022"), after=unmount, fix=True)


def group_media():
    write("/var/tmp/cd/f", mode=0o644, owner="alice")
    must("genisoimage -quiet -R -o /var/tmp/x.iso /var/tmp/cd; mksquashfs /var/tmp/cd /var/tmp/x.sqfs -quiet -no-progress; modprobe -a isofs squashfs overlay")

    for kind, file in [("iso9660", "/var/tmp/x.iso"), ("squashfs", "/var/tmp/x.sqfs")]:
        scenario(f"media.{kind}", ["sh", "-c", "echo x > /mnt/a/f"], "read-only-mount", before=lambda k=kind, f=file: must(f"mount -t {k} -o loop,ro {f} /mnt/a"), after=unmount,
                 at=["/mnt/a", "/mnt/a/f"], whys=[("write", "/mnt/a/f")], fix="elsewhere")
    def locked():
        must("truncate -s 20M /var/tmp/e.img; mkfs.ext4 -q -F /var/tmp/e.img; mount -o loop /var/tmp/e.img /mnt/a; echo x > /mnt/a/f; chown alice /mnt/a /mnt/a/f; umount /mnt/a")
        device = must("losetup -r -f --show /var/tmp/e.img").strip(); must(f"mount -o ro {device} /mnt/a")
    scenario("media.write-protected-device", ["sh", "-c", "echo x > /mnt/a/f"], "read-only-mount", before=locked, after=unmount, at=["/mnt/a", "/mnt/a/f"], fix="elsewhere")
    def aborted():
        device = must("losetup -f --show /var/tmp/e.img").strip(); must(f"mount -o errors=remount-ro {device} /mnt/a")
        open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w").write("1"); time.sleep(0.5)
    scenario("media.error-remount-ro", ["sh", "-c", "echo x > /mnt/a/f"], "read-only-mount", before=aborted, after=unmount, at=["/mnt/a", "/mnt/a/f"], whys=[("write", "/mnt/a/f")], fix="elsewhere")
    def overlay():
        directory("/var/tmp/lo1"); write("/var/tmp/lo1/f", owner="alice"); directory("/var/tmp/lo2")
        must("mount -t overlay -o lowerdir=/var/tmp/lo1:/var/tmp/lo2 overlay /mnt/a")
    scenario("media.overlay-without-upper", ["sh", "-c", "echo x > /mnt/a/f"], "read-only-mount", before=overlay, after=unmount, at=["/mnt/a", "/mnt/a/f"], fix="elsewhere")
    def bind():
        directory("/var/tmp/b1"); write("/var/tmp/b1/f", owner="alice"); must("mount --bind /var/tmp/b1 /mnt/a; mount -o remount,bind,ro /mnt/a")
    scenario("media.bind-ro", ["sh", "-c", "echo x > /mnt/a/f"], "read-only-mount", before=bind, after=unmount, at=["/mnt/a", "/mnt/a/f"], fix=True)


def group_full():
    def small():
        must("mount -t tmpfs -o size=64k,mode=1777 x /mnt/a")
    scenario("full.tmpfs", ["dd", "if=/dev/zero", "of=/mnt/a/f", "bs=4k", "count=100", "status=none"], "x", none=True, before=small, after=unmount)
    def quota():
        must("truncate -s 20M /var/tmp/q.img; mkfs.ext4 -q -F -O quota /var/tmp/q.img; modprobe -a quota_v2 quota_tree; mount -o loop,usrquota /var/tmp/q.img /mnt/a; chmod 1777 /mnt/a; setquota -u alice 0 20 0 0 /mnt/a")
        must("quotaon /mnt/a 2>/dev/null; true")
    scenario("full.fsize", ["sh", "-c", "ulimit -f 1; dd if=/dev/zero of=/tmp/big bs=4k count=10 status=none"], "x", none=True)
    scenario("full.nofile", ["python3", "-c", "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE,(3,3))\nopen('/etc/passwd')"], "x", none=True)


def group_9p():
    def go(tag, more=""):
        def start():
            must(f"mount -t 9p -o trans=virtio,version=9p2000.L{more} {tag} /mnt/a")
        return start
    def none():
        go("none")(); sh("chown root:root /mnt/a /mnt/a/file; chmod 755 /mnt/a; chmod 644 /mnt/a/file")
    both = {"mode-denies", "parent-not-writable", FS}
    scenario("9p.none.write", ["sh", "-c", "echo x > /mnt/a/file"], both, before=none, after=unmount, fix=True, whys=[("write", "/mnt/a/file")])
    scenario("9p.none.create", ["touch", "/mnt/a/new"], both, before=none, after=unmount, fix=True)
    scenario("9p.exported-read-only", ["sh", "-c", "echo x > /mnt/a/file"], {"read-only-mount", SERVER}, user="root", before=go("ro"), after=unmount, whys=[("write", "/mnt/a/file")])
    scenario("9p.exported-read-only.mkdir", ["mkdir", "/mnt/a/d"], {"read-only-mount", SERVER}, user="root", before=go("ro"), after=unmount, whys=[("mkdir", "/mnt/a/d")])
    def mapped():
        go("mapped")(); write("/mnt/a/m", owner="root"); os.chmod("/mnt/a", 0o755)


def group_nfs():
    for module in ("nfsd", "nfsv4", "nfs"):
        must(["modprobe", module])
    for name in ("squash", "nosquash", "all", "ro", "anon"):
        directory(f"/srv/nfs/{name}")
        directory(f"/srv/nfs/{name}/alices", 0o755, "alice"); write(f"/srv/nfs/{name}/alices/f", mode=0o644, owner="alice")
        write(f"/srv/nfs/{name}/alices/private", mode=0o600, owner="alice")
        write(f"/srv/nfs/{name}/rootfile", mode=0o644); write(f"/srv/nfs/{name}/bobs", mode=0o640, owner="bob")
        write(f"/srv/nfs/{name}/run", "#!/bin/sh\necho hi\n", mode=0o644, owner="alice")
    options = {"squash": "rw,root_squash", "nosquash": "rw,no_root_squash", "all": "rw,all_squash", "ro": "ro,no_root_squash", "anon": "rw,all_squash,anonuid=1001,anongid=1001"}
    write("/etc/exports", "".join(f"/srv/nfs/{name} 127.0.0.1({words},fsid={n},no_subtree_check,insecure)\n" for n, (name, words) in enumerate(options.items(), 1)))
    must("mkdir -p /run/rpc_pipefs /var/lib/nfs/v4recovery /run/sendsigs.omit.d; mount -t nfsd nfsd /proc/fs/nfsd; mount -t rpc_pipefs x /run/rpc_pipefs; true")
    sh("nfsdcld 2>/dev/null; rpcbind -w 2>/dev/null; rpc.statd 2>/dev/null")
    sh("sed -i s/manage-gids=y/manage-gids=n/ /etc/nfs.conf")      # else the server caches who is in which group
    must("exportfs -ra")
    must("rpc.nfsd -G 10 -L 10 4 || rpc.nfsd 4", timeout=60)
    must("rpc.mountd")
    sh("echo 0 > /proc/fs/nfsd/nfsv4gracetime; echo Y > /proc/fs/nfsd/v4_end_grace")

    def mount(name, more=""):
        return lambda: must(f"mount -t nfs4 -o vers=4.2,soft,timeo=50{more} 127.0.0.1:/srv/nfs/{name} /mnt/a", timeout=100)
    S = "nfs-root-squash"
    scenario("nfs.squash.root-write", ["sh", "-c", "echo x > /mnt/a/alices/f"], S, user="root", before=mount("squash"), after=unmount, whys=[("write", "/mnt/a/alices/f")], fix=True)
    scenario("nfs.squash.root-read", ["cat", "/mnt/a/alices/private"], S, user="root", before=mount("squash"), after=unmount, whys=[("read", "/mnt/a/alices/private")], fix=True)
    scenario("nfs.squash.root-in-roots", ["touch", "/mnt/a/new"], S, user="root", before=mount("squash"), after=unmount, whys=[("create", "/mnt/a/new")], fix="elsewhere")
    scenario("nfs.squash.root-chown", ["chown", "bob", "/mnt/a/alices/f"], S, user="root", before=mount("squash"), after=unmount, whys=[("chown", "/mnt/a/alices/f", "--owner", "bob")], fix="elsewhere")
    scenario("nfs.squash.root-chmod", ["chmod", "600", "/mnt/a/alices/f"], S, user="root", before=mount("squash"), after=unmount, whys=[("chmod", "/mnt/a/alices/f")], fix="elsewhere")
    scenario("nfs.squash.root-delete", ["rm", "-f", "/mnt/a/alices/f"], S, user="root", before=mount("squash"), after=unmount, whys=[("delete", "/mnt/a/alices/f")], fix="elsewhere")
    scenario("nfs.squash.alice-read", ["cat", "/mnt/a/bobs"], {"mode-denies"}, before=mount("squash"), after=unmount, fix=True)
    scenario("nfs.nosquash.alice-write", ["sh", "-c", "echo x > /mnt/a/rootfile"], {"mode-denies"}, before=mount("nosquash"), after=unmount, fix=True,
             stranger=("bob", ["sh", "-c", "echo x > /mnt/a/rootfile"]))
    scenario("nfs.nosquash.alice-create", ["touch", "/mnt/a/new"], {"parent-not-writable"}, before=mount("nosquash"), after=unmount, fix=True,
             stranger=("bob", ["touch", "/mnt/a/new2"]))
    scenario("nfs.nosquash.exec", ["/mnt/a/run"], {"not-executable"}, before=mount("nosquash"), after=unmount, fix=True)
    server = {S, SERVER}
    scenario("nfs.all-squash.alice-own", ["sh", "-c", "echo x > /mnt/a/alices/f"], server, before=mount("all"), after=unmount, whys=[("write", "/mnt/a/alices/f")])
    scenario("nfs.all-squash.alice-read", ["cat", "/mnt/a/alices/private"], server, before=mount("all"), after=unmount, whys=[("read", "/mnt/a/alices/private")])
    scenario("nfs.all-squash.nnp", ["sh", "-c", "echo x > /mnt/a/alices/f"], server, wrap=["setpriv", "--no-new-privs", "--"], before=mount("all"), after=unmount)
    scenario("nfs.ro-export.write", ["sh", "-c", "echo x > /mnt/a/alices/f"], {"read-only-mount"} | server, before=mount("ro"), after=unmount, whys=[("write", "/mnt/a/alices/f")])
    scenario("nfs.ro-mount.write", ["sh", "-c", "echo x > /mnt/a/alices/f"], {"read-only-mount"}, before=mount("squash", ",ro"), after=unmount, fix=True)
    scenario("nfs.noexec", ["/mnt/a/run"], {"noexec-mount"}, before=lambda: (os.chmod("/srv/nfs/squash/run", 0o755), mount("squash", ",noexec")()), after=unmount)
    scenario("nfs.immutable-on-server", ["sh", "-c", "echo x > /mnt/a/alices/f"], server, before=lambda: (must("chattr +i /srv/nfs/nosquash/alices/f"), mount("nosquash")()),
             after=lambda: (unmount(), must("chattr -i /srv/nfs/nosquash/alices/f")), whys=[("write", "/mnt/a/alices/f")])


def group_cifs():
    must("modprobe cifs")
    for name in ("rw", "ro"):
        directory(f"/srv/smb/{name}", 0o777); write(f"/srv/smb/{name}/f", mode=0o666); write(f"/srv/smb/{name}/closed", mode=0o644)
    write("/etc/samba/smb.conf", "[global]\nserver role = standalone server\nmap to guest = Bad User\nguest account = nobody\nlog level = 0\ninterfaces = lo\nbind interfaces only = yes\ndisable netbios = yes\n"
          "load printers = no\nserver min protocol = SMB2\nprivate dir = /run/samba\n[rw]\npath=/srv/smb/rw\nguest ok = yes\nread only = no\n[ro]\npath=/srv/smb/ro\nguest ok = yes\nread only = yes\n")
    must("mkdir -p /run/samba /var/log/samba /var/cache/samba; smbd -D", timeout=60)
    for _ in range(40):
        if ":445" in sh("ss -ltn").stdout: break
        time.sleep(0.5)
    def mount(share, more):
        return lambda: must(f"mount -t cifs -o guest,vers=3.0,soft,{more} //127.0.0.1/{share} /mnt/a", timeout=60)
    both = {FS, "mode-denies", "parent-not-writable"}
    scenario("cifs.write", ["sh", "-c", "echo x > /mnt/a/f"], both, before=mount("rw", "uid=0,file_mode=0644,dir_mode=0755"), after=unmount, fix=True,
             stranger=("bob", ["sh", "-c", "echo x > /mnt/a/f"]), whys=[("write", "/mnt/a/f")], advice="uid=|file_mode|mount")
    scenario("cifs.create", ["touch", "/mnt/a/new"], both, before=mount("rw", "uid=0,file_mode=0644,dir_mode=0755"), after=unmount, fix=True, advice="uid=|file_mode|mount")
    scenario("cifs.share-read-only", ["sh", "-c", "echo x > /mnt/a/f"], {SERVER, "read-only-mount"}, before=mount("ro", "uid=1000,file_mode=0755,dir_mode=0755"), after=unmount, whys=[("write", "/mnt/a/f")])
    scenario("cifs.chmod-stranger", ["chmod", "600", "/mnt/a/f"], {FS, "not-owner"}, before=mount("rw", "uid=0,file_mode=0644,dir_mode=0755"), after=unmount)
    scenario("cifs.root-server-refuses", ["sh", "-c", "echo x > /mnt/a/closed"], SERVER, user="root", before=mount("rw", "uid=0,file_mode=0755,dir_mode=0755"), after=unmount)


def group_neighbours():
    """The same file systems, asked for names rather than contents."""
    base = {FS, "mode-denies", "parent-not-writable"}
    def roots():
        image("vfat", options="uid=0,umask=022"); write("/mnt/a/f"); write("/mnt/a/g")
    another = ("bob", ["touch", "/mnt/a/new2"])
    scenario("vfat.delete", ["rm", "-f", "/mnt/a/f"], base, before=roots, after=unmount, fix=True, stranger=another)
    scenario("vfat.rename", ["mv", "/mnt/a/f", "/mnt/a/h"], base, before=roots, after=unmount, fix=True, stranger=another)
    scenario("vfat.mkdir", ["mkdir", "/mnt/a/newdir"], base, before=roots, after=unmount, fix=True, stranger=another)
    scenario("vfat.touch-date", ["touch", "-d", "yesterday", "/mnt/a/g"], {FS, "not-owner"}, before=roots, after=unmount)
    scenario("tmpfs.mounted-ro", ["touch", "/mnt/a/x"], "read-only-mount", before=lambda: must("mount -t tmpfs -o ro,mode=1777 x /mnt/a"), after=unmount, fix=True, at=["/mnt/a", "/mnt/a/x"])
    scenario("tmpfs.noexec", ["/mnt/a/run"], "noexec-mount", before=lambda: (must("mount -t tmpfs -o noexec x /mnt/a"), write("/mnt/a/run", "#!/bin/sh\necho hi\n", 0o755)), after=unmount, fix=True)


def group_nfs_names():
    """After group_nfs, whose server still runs."""
    def mount(name):
        return lambda: must(f"mount -t nfs4 -o vers=4.2,soft,timeo=50 127.0.0.1:/srv/nfs/{name} /mnt/a", timeout=100)
    S, server = "nfs-root-squash", {"nfs-root-squash", SERVER}
    scenario("nfs.squash.root-mkdir", ["mkdir", "/mnt/a/alices/d"], S, user="root", before=mount("squash"), after=unmount, whys=[("mkdir", "/mnt/a/alices/d")])
    scenario("nfs.squash.root-rename", ["mv", "/mnt/a/alices/f", "/mnt/a/alices/g"], S, user="root", before=mount("squash"), after=unmount, fix="elsewhere")
    scenario("nfs.all-squash.mkdir", ["mkdir", "/mnt/a/alices/d"], server, before=mount("all"), after=unmount, whys=[("mkdir", "/mnt/a/alices/d")])
    scenario("nfs.nosquash.alice-rename", ["mv", "/mnt/a/rootfile", "/mnt/a/r2"], {"parent-not-writable"}, before=mount("nosquash"), after=unmount, fix=True)
    scenario("nfs.append-only-on-server", ["sh", "-c", "echo x > /mnt/a/alices/f"], server, before=lambda: (must("chattr +a /srv/nfs/nosquash/alices/f"), mount("nosquash")()),
             after=lambda: (unmount(), must("chattr -a /srv/nfs/nosquash/alices/f")))
