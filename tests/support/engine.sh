# A container engine for a world, as /mnt/bin/engine: its state is below /srv. It is given the present limits, because it may not be
# permitted to raise any.
printf '[containers]\ndefault_ulimits = ["nofile=1024:%s","nproc=4096:4096"]\n' "$(ulimit -Hn)" >/srv/containers.conf
printf '[storage]\ndriver = "vfs"\ngraphroot = "/srv/store"\nrunroot = "/srv/run"\n' >/srv/storage.conf
cat >/mnt/bin/engine <<'X'
#!/bin/sh
export CONTAINERS_CONF=/srv/containers.conf CONTAINERS_STORAGE_CONF=/srv/storage.conf
exec podman --log-level=error --runtime runc --cgroup-manager=cgroupfs --tmpdir /srv/libpod "$@"
X
chmod 755 /mnt/bin/engine
