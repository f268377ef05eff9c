# How the machine's tree is made. Sourced by `machine`, which lends it its functions.
# shellcheck shell=bash
# shellcheck disable=SC2154 # home and recipe are its variables

# Prints the mirror that this host's apt uses for Debian, whatever apt's configuration looks like.
debian_mirror() {
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

# Prints the first value of a key in those of some INI files that exist.
first_setting() {
    local key=$1
    shift
    sed -n "s/^$key *= *//p" "$@" 2>/dev/null | head -n 1 || true
}

# Runs a command in a tree that is not booted, with the host's network; its mounts and processes end with it.
in_tree() {
    local tree=$1
    shift
    unshare --mount --pid --fork --kill-child --root="$tree" --mount-proc \
        env "${proxy[@]}" DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

make_tree() {
    local box=$1 tree=$1/tree mirror name
    # How this host reaches the package registries, handed on by value; empty where it needs nothing special.
    local proxy=() registries=()
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [[ -z ${!name:-} ]] || proxy+=("$name=${!name}")
    done
    name=${npm_config_registry:-$(first_setting registry ~/.npmrc /etc/npmrc)}
    [[ -z $name ]] || registries+=("npm_config_registry=$name")
    name=${PIP_INDEX_URL:-$(first_setting index-url ~/.config/pip/pip.conf ~/.pip/pip.conf /etc/pip.conf)}
    [[ -z $name ]] || registries+=("PIP_INDEX_URL=$name")

    host_tools debootstrap systemd-nspawn ip
    # Without lists apt does not know where its Debian comes from.
    [[ -n $(debian_mirror) ]] || quietly "$home/host.log" apt-get update
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || die "apt knows no Debian mirror." "Add one to /etc/apt/sources.list and run: apt-get update"

    step "debootstrap from $mirror"
    quietly "$box/make.log" env "${proxy[@]}" debootstrap --variant=minbase trixie "$tree" "$mirror"
    prepare_base "$tree"

    step "packages of the machine"
    # One large file is removed in no time; thousands of small ones take many seconds on some disks.
    tar -C "$tree" -cf "$box/base.tar" .
    local packages=(systemd systemd-sysv dbus dbus-user-session libpam-systemd podman crun passt uidmap netavark aardvark-dns
        fuse-overlayfs catatonit iproute2 iptables nftables openssh-client openssh-server procps ca-certificates git docker-registry python3 jq socat curl)
    quietly "$box/make.log" in_tree "$tree" apt-get update
    quietly "$box/make.log" in_tree "$tree" apt-get install -y --no-install-recommends "${packages[@]}"
    configure "$tree"

    step "booting it"
    boot_box "$box"

    step "images, built in it and pushed to its own registry"
    mkdir -- "$tree/root/images"
    cp -- "$recipe/images" "$recipe/misbehave.py" "$tree/root/images/"
    inside "$box" env "${proxy[@]}" "${registries[@]}" STEP_OFFSET="$SECONDS" /root/images/images <"$box/base.tar" ||
        die "the images could not be made."

    step "powering it off"
    stop_box "$box"
    rm -rf -- "$box"/base.tar "$box"/*.log "$tree"/root/images "$tree"/var/lib/containers "$tree"/var/log/journal/* \
        "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*
}

# What the machine and the base images have in common: how apt reaches its mirror, and that it is quick and leaves nothing.
prepare_base() {
    local tree=$1
    # apt's own settings for its proxy and for the mirror's certificates are this host's.
    apt-config dump | grep -E '^Acquire::(http|https|Check-)[^ ]* "[^"]+"' >"$tree/etc/apt/apt.conf.d/50host" || true
    cat >"$tree/etc/apt/apt.conf.d/60small" <<'END'
Acquire::Languages "none";
Acquire::Retries "5";
APT::Install-Recommends "false";
END
    echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/quick"
    cat >"$tree/etc/dpkg/dpkg.cfg.d/small" <<'END'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
END
    rm -rf -- "$tree"/usr/share/{doc,man,locale,info}/* "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*.bin "$tree"/var/cache/apt/archives/*.deb
}

# Writes the machine's own configuration into its tree.
configure() {
    local tree=$1 unit

    echo machine >"$tree/etc/hostname"
    printf '127.0.0.1 localhost machine\n::1 localhost\n' >"$tree/etc/hosts"
    # Its first boot gives it an id.
    : >"$tree/etc/machine-id"
    in_tree "$tree" useradd --create-home --uid 1000 --shell /bin/bash tester
    mkdir -p -- "$tree/var/lib/systemd/linger"
    : >"$tree/var/lib/systemd/linger/tester"
    # With this folder the journal is kept, and split by user, so that users can read theirs; as on an installed Debian.
    mkdir -p -- "$tree/var/log/journal" "$tree/etc/systemd/journald.conf.d"
    printf '[Journal]\nSystemMaxUse=200M\n' >"$tree/etc/systemd/journald.conf.d/machine.conf"

    # The machine's /dev is its own, and containers without privileges need these two.
    cat >"$tree/etc/tmpfiles.d/machine.conf" <<'END'
d /dev/net 0755 root root
c /dev/net/tun 0666 root root - 10:200
c /dev/fuse 0666 root root - 10:229
END

    # Not for a container: they would change the host's kernel settings, mount the host's debug file systems, or change what
    # tests measure at a time of their own.
    for unit in systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
        sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount dev-hugepages.mount console-getty.service \
        ssh.service ssh.socket apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer podman-auto-update.timer; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    ln -sf /usr/lib/systemd/system/multi-user.target "$tree/etc/systemd/system/default.target"

    # Where the host's cgroup controllers do not reach the machine, a limit makes the container fail; Podman sets this one.
    mkdir -p -- "$tree/etc/containers/containers.conf.d" "$tree/etc/containers/registries.conf.d"
    printf '[containers]\npids_limit = 0\n' >"$tree/etc/containers/containers.conf.d/machine.conf"
    cat >"$tree/etc/containers/registries.conf.d/machine.conf" <<'END'
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:5000"
insecure = true

[[registry]]
prefix = "docker.io/cut"
location = "127.0.0.1:5001/mcp"
insecure = true
END

    # Debian's configuration asks for a password.
    cat >"$tree/etc/docker/registry/config.yml" <<'END'
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: /var/lib/docker-registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:5000"}
END
    # It is up when it answers, so that whoever starts it need not wait.
    mkdir -p -- "$tree/etc/systemd/system/docker-registry.service.d"
    cat >"$tree/etc/systemd/system/docker-registry.service.d/ready.conf" <<'END'
[Service]
ExecStartPost=/usr/bin/bash -c 'until exec 3<>/dev/tcp/127.0.0.1/5000; do sleep 0.02; done 2>/dev/null'
TimeoutStartSec=20
END

    install -D -m 0755 -- "$recipe/cut-proxy.py" "$tree/usr/local/lib/cut-proxy.py"
    printf 'bytes = 65536\nthen = drop\nrate = 0\n' >"$tree/etc/cut-proxy"
    cat >"$tree/etc/systemd/system/cut-proxy.service" <<'END'
[Unit]
Description=A registry on 127.0.0.1:5001 that breaks off in the middle of a layer
[Service]
Type=notify
DynamicUser=yes
ExecStart=/usr/bin/python3 /usr/local/lib/cut-proxy.py
[Install]
WantedBy=multi-user.target
END
    in_tree "$tree" systemctl enable --quiet cut-proxy.service docker-registry.service
}
