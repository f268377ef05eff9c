# How the virtual machine's disk, and the programs that run it, are made. Sourced by `run`, which lends it its functions, after
# the recipe of the test machine, whose functions it uses.
# shellcheck shell=bash
# shellcheck disable=SC2154 # here is a variable of `run`

# Makes in a folder: disk.img, and tools, the tree of the programs that run the machine, with its kernel.
make_image() {
    local home=$1 name mirror
    # How this host reaches the package mirror, where it needs something special.
    local proxy=()
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [[ -z ${!name:-} ]] || proxy+=("$name=${!name}")
    done
    # Without lists apt does not know where its Debian comes from.
    [[ -n $(debian_mirror) ]] || quietly "$home/make.log" apt-get update
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || die "apt knows no Debian mirror" "add one to /etc/apt/sources.list and run: apt-get update"

    step "debootstrap from $mirror"
    quietly "$home/make.log" env "${proxy[@]}" debootstrap --variant=minbase trixie "$home/tools" "$mirror"
    prepare_base "$home/tools"
    quietly "$home/make.log" in_tree "$home/tools" apt-get update
    # The device nodes are left out: those that programs need here are this host's.
    mkdir -- "$home/guest"
    tar -C "$home/tools" -c . | tar -C "$home/guest" -x

    # Debian 12's QEMU makes the kernel panic that it emulates a processor for. systemd uses a TPM only if the firmware knows it,
    # which that of a plain BIOS does not tell: hence OVMF.
    step "programs that run the machine"
    quietly "$home/make.log" in_tree "$home/tools" apt-get install -y qemu-system-x86 swtpm ovmf skopeo docker-registry iproute2

    step "packages of the machine"
    local packages=(systemd systemd-sysv udev dbus dbus-user-session libpam-systemd podman crun passt uidmap netavark aardvark-dns
        fuse-overlayfs catatonit iproute2 nftables procps ca-certificates docker-registry python3 apparmor tpm2-tools
        linux-image-cloud-amd64)
    # The kernel has all it needs to mount its disk (NVMe, ext4); unpacking an initrd would take many seconds.
    mkdir -p -- "$home/guest/etc/initramfs-tools"
    echo 'update_initramfs=no' >"$home/guest/etc/initramfs-tools/update-initramfs.conf"
    quietly "$home/make.log" in_tree "$home/guest" apt-get install -y -o Dpkg::Options::=--force-confold "${packages[@]}"
    configure_guest "$home/guest"
    cp -- "$home"/guest/boot/vmlinuz-* "$home/tools/vmlinuz"

    step "the image of the hungry server"
    hungry_image "$home/tools" "$home/guest" "$home/make.log"

    step "packing the disk"
    rm -rf -- "$home"/{guest,tools}/var/{lib/apt/lists,cache/apt}/* "$home"/guest/boot/*
    # Sparse, so that only what is used takes room.
    truncate --size=6G "$home/disk.img"
    quietly "$home/make.log" mkfs.ext4 -q -d "$home/guest" -E lazy_itable_init=1,nodiscard "$home/disk.img"
    rm -rf -- "$home/guest"
}

# Writes the machine's own configuration into its tree: that of an ordinary host, but for what costs time.
configure_guest() {
    local tree=$1 unit
    echo machine >"$tree/etc/hostname"
    printf '127.0.0.1 localhost machine\n::1 localhost\n' >"$tree/etc/hosts"
    # The kernel mounts its disk itself, and nothing is to wait until udev has seen it.
    : >"$tree/etc/fstab"
    # Caches of what is in /usr need not be made anew at the first boot.
    touch -- "$tree/etc/.updated" "$tree/var/.updated"
    # Its first boot gives it an id.
    : >"$tree/etc/machine-id"
    in_tree "$tree" useradd --create-home --uid 1000 --shell /bin/bash tester
    in_tree "$tree" useradd --create-home --uid 1001 --shell /bin/bash other
    mkdir -p -- "$tree/var/lib/systemd/linger" "$tree/var/log/journal"
    : >"$tree/var/lib/systemd/linger/tester"

    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer podman-auto-update.timer e2scrub_reap.service \
        e2scrub_all.timer fstrim.timer man-db.timer getty@tty1.service serial-getty@ttyS0.service console-getty.service; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    ln -sf /usr/lib/systemd/system/multi-user.target "$tree/etc/systemd/system/default.target"

    # Compiling the policies of a hundred programs takes half a minute at the first boot. Those of what Podman starts stay.
    find "$tree/etc/apparmor.d" -maxdepth 1 -type f -not -name crun -not -name usr.bin.passt -not -name usr.bin.pasta -delete

    mkdir -p -- "$tree/etc/containers/registries.conf.d"
    cat >"$tree/etc/containers/registries.conf.d/machine.conf" <<'EOF'
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:5000"
insecure = true
EOF
    # Debian's configuration asks for a password.
    cat >"$tree/etc/docker/registry/config.yml" <<'EOF'
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: /var/lib/docker-registry}}
http: {addr: "127.0.0.1:5000"}
EOF
    # Started when it is needed, by the checks. It is up when it answers, which an emulated processor takes its time for.
    in_tree "$tree" systemctl disable --quiet docker-registry.service
    mkdir -p -- "$tree/etc/systemd/system/docker-registry.service.d"
    cat >"$tree/etc/systemd/system/docker-registry.service.d/ready.conf" <<'EOF'
[Service]
ExecStartPost=/usr/bin/bash -c 'until exec 3<>/dev/tcp/127.0.0.1/5000; do sleep 0.1; done 2>/dev/null'
TimeoutStartSec=10min
EOF

    # Podman's service leaves five seconds after it was last used, and takes mounts with it that containers are being started on: what
    # is a matter of milliseconds on other hosts would happen here all the time.
    mkdir -p -- "$tree/etc/systemd/user/podman.service.d"
    cat >"$tree/etc/systemd/user/podman.service.d/stay.conf" <<'EOF'
[Service]
ExecStart=
ExecStart=/usr/bin/podman $LOGGING system service --time=0
EOF

    # The console is the kernel's and systemd's: what the checks print goes through a port of its own.
    cat >"$tree/etc/systemd/system/checks.service" <<'EOF'
[Unit]
Description=Checks, as they are asked for from outside
After=multi-user.target user@1000.service dev-virtio\x2dports-answer.device
Wants=user@1000.service dev-virtio\x2dports-answer.device
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /opt/checks/checks.py
StandardOutput=file:/dev/virtio-ports/answer
StandardError=inherit
TimeoutStartSec=infinity
[Install]
WantedBy=default.target
EOF
    in_tree "$tree" systemctl enable --quiet checks.service
    mkdir -- "$tree/opt/checks"
}

# Makes a container image of hungry.py, with Python as the machine's tree has it and nothing else, and puts it into the machine's
# registry. Nothing runs in a container for that, so that it needs no machine.
hungry_image() {
    local tools=$1 tree=$2 log=$3 sum
    # Python and the modules that the server imports, compiled: an emulated processor takes its time for each file.
    cp -- "$here/hungry.py" "$tree/hungry.py"
    # shellcheck disable=SC2016 # expanded in the tree
    quietly "$log" in_tree "$tree" bash -euc '
        python3 -m compileall -q -x "/(test|idlelib)/" /usr/lib/python3.13
        mapfile -t modules < <(cd / && python3 -ES -c "
import sys, hungry
for module in sys.modules.values():
    for file in (getattr(module, name, None) for name in (\"__file__\", \"__cached__\")):
        if file and file.endswith((\".py\", \".pyc\")) and module is not hungry:
            print(file)" </dev/null | sort -u)
        mapfile -t libraries < <(ldd /usr/bin/python3.13 | grep -o "/[^ ]*" | sort -u)
        # Python looks for this folder, and complains.
        mkdir -p /image/usr/lib/python3.13/lib-dynload
        cp --parents --dereference /usr/bin/python3.13 /hungry.py "${modules[@]}" "${libraries[@]}" /image
        tar -c --file=/layer.tar -C /image .
        rm -r /image /hungry.py /__pycache__'
    mkdir -- "$tools/hungry"
    mv -- "$tree/layer.tar" "$tools/hungry/"
    sum=$(sha256sum <"$tools/hungry/layer.tar")
    cat >"$tools/hungry/config.json" <<EOF
{"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/usr/bin/python3.13", "-ES", "/hungry.py"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:${sum%% *}"]}}
EOF
    echo '[{"Config": "config.json", "RepoTags": [], "Layers": ["layer.tar"]}]' >"$tools/hungry/manifest.json"
    tar -cf "$tools/hungry/archive.tar" -C "$tools/hungry" manifest.json config.json layer.tar
    sed 's|/var/lib/docker-registry|/hungry/registry|' "$tree/etc/docker/registry/config.yml" >"$tools/hungry/config.yml"
    # A network of its own: something else may use the registry's port on this host.
    quietly "$log" unshare --net -- unshare --mount --pid --fork --kill-child --root="$tools" --mount-proc \
        env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash -euc '
            ip link set lo up
            docker-registry serve /hungry/config.yml &
            until exec 3<>/dev/tcp/127.0.0.1/5000; do sleep 0.1; done 2>/dev/null
            skopeo copy --insecure-policy --dest-tls-verify=false docker-archive:/hungry/archive.tar \
                docker://127.0.0.1:5000/mcpod-test/hungry'
    rm -rf -- "$tree/var/lib/docker-registry"
    mv -- "$tools/hungry/registry" "$tree/var/lib/docker-registry"
    in_tree "$tree" chown -R docker-registry: /var/lib/docker-registry
    rm -rf -- "$tools/hungry"
}
