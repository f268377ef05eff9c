use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment(
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    )
}

#[test]
fn the_runtime_directory_needs_no_variable() {
    for (variables, runtime) in [
        (&[][..], "/run/user/1000"),
        (&[("XDG_RUNTIME_DIR", "/run/mine")], "/run/mine"),
        (&[("XDG_RUNTIME_DIR", "")], "/run/user/1000"),
        (&[("XDG_RUNTIME_DIR", "run/mine")], "/run/user/1000"),
    ] {
        let host = Host::new(1000, environment(variables));
        assert_eq!(host.runtime.path(), Path::new(runtime), "{variables:?}");
    }
    let host = Host::new(7, environment(&[]));
    assert_eq!(host.runtime.bus(), Path::new("/run/user/7/bus"));
    let time = host.runtime.socket_path(&"time".parse().unwrap()).unwrap();
    assert_eq!(time, Path::new("/run/user/7/mcpod/time.sock"));
}

#[test]
fn a_socket_path_has_at_most_107_bytes() {
    let name: ServerName = "x".repeat(40).parse().unwrap();
    for (length, fits) in [(55, true), (56, false)] {
        let runtime = format!("/{}", "r".repeat(length - 1));
        let host = Host::new(1000, environment(&[("XDG_RUNTIME_DIR", &runtime)]));
        let path = host.runtime.socket_path(&name);
        assert_eq!(path.is_ok(), fits, "{path:?}");
        // What fits is what a program can connect to.
        let path = path.unwrap_or_else(|_| "/".repeat(108).into());
        let address = std::os::unix::net::SocketAddr::from_pathname(path);
        assert_eq!(address.is_ok(), fits, "{length}");
    }
}

#[test]
fn directories_come_from_here_then_from_systemd_then_from_home() {
    let home = ("HOME", "/home/u");
    let cases: [(&[_], &[_], [&str; 4]); 6] = [
        (
            &[home],
            &[],
            [
                "/home/u/.config",
                "/home/u/.local/share",
                "/home/u/.cache",
                "/home/u/.config",
            ],
        ),
        (
            &[home],
            &[
                ("XDG_CONFIG_HOME", "/c"),
                ("XDG_DATA_HOME", "/d"),
                ("XDG_CACHE_HOME", "/k"),
            ],
            ["/c", "/d", "/k", "/c"],
        ),
        (
            &[
                home,
                ("XDG_CONFIG_HOME", "/own"),
                ("XDG_DATA_HOME", "/e"),
                ("XDG_CACHE_HOME", "/f"),
            ],
            &[("HOME", "/home/u")],
            ["/own", "/e", "/f", "/home/u/.config"],
        ),
        (
            &[
                home,
                ("XDG_CONFIG_HOME", "relative"),
                ("XDG_CACHE_HOME", ""),
            ],
            &[
                ("XDG_CONFIG_HOME", "also/relative"),
                ("XDG_CACHE_HOME", "/k"),
            ],
            [
                "/home/u/.config",
                "/home/u/.local/share",
                "/k",
                "/home/u/.config",
            ],
        ),
        (
            &[],
            &[("HOME", "/home/m")],
            [
                "/home/m/.config",
                "/home/m/.local/share",
                "/home/m/.cache",
                "/home/m/.config",
            ],
        ),
        // An agent in a sandbox with a home of its own: units go where systemd looks for them.
        (
            &[("HOME", "/tmp/agent")],
            &[("HOME", "/home/m")],
            [
                "/tmp/agent/.config",
                "/tmp/agent/.local/share",
                "/tmp/agent/.cache",
                "/home/m/.config",
            ],
        ),
    ];
    for (own, manager, [config, data, cache, units]) in cases {
        let host = Host::new(1000, environment(own));
        let home = own.iter().chain(manager).find(|(name, _)| *name == "HOME");
        let expected = Dirs {
            home: home.unwrap().1.into(),
            config: config.into(),
            data: data.into(),
            cache: cache.into(),
            units: units.into(),
        };
        assert_eq!(
            host.dirs(&environment(manager)).unwrap(),
            expected,
            "{own:?} {manager:?}"
        );
    }
}

#[test]
fn a_home_is_needed() {
    let host = Host::new(1000, environment(&[("HOME", "not/absolute")]));
    let error = host.dirs(&Environment::default()).unwrap_err();
    assert!(matches!(error, HostError::NoHome));
    assert!(error.hint().unwrap().contains("HOME"));
}

#[test]
fn systemd_is_asked_only_for_what_is_missing() {
    let all = [
        ("XDG_CONFIG_HOME", "/c"),
        ("XDG_DATA_HOME", "/d"),
        ("XDG_CACHE_HOME", "/k"),
    ];
    assert!(Host::new(1, environment(&all)).is_complete());
    assert!(!Host::new(1, environment(&all[1..])).is_complete());
    assert!(!Host::new(1, environment(&[])).is_complete());
}

#[test]
fn this_program_is_found() {
    assert!(Path::new(&program().unwrap()).is_absolute());
}

#[test]
fn a_replaced_program_is_found_at_its_old_place() {
    let plain = |path: &str| without_deleted(path.into());
    assert_eq!(
        plain("/usr/bin/mcpod (deleted)"),
        Path::new("/usr/bin/mcpod")
    );
    assert_eq!(plain("/usr/bin/mcpod"), Path::new("/usr/bin/mcpod"));
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd (deleted)");
    File::create(&odd).unwrap();
    assert_eq!(without_deleted(odd.clone()), odd);
}

#[test]
fn a_journal_on_disk_is_readable_by_regular_users() {
    let root = tempfile::tempdir().unwrap();
    assert!(!journal_readable(root.path(), 1000));
    std::fs::create_dir(root.path().join("etc")).unwrap();
    std::fs::write(root.path().join("etc/machine-id"), "0123\n").unwrap();
    assert!(!journal_readable(root.path(), 1000));

    let in_memory = root.path().join("run/log/journal/0123");
    std::fs::create_dir_all(&in_memory).unwrap();
    assert!(!journal_readable(root.path(), 1000));
    File::create(in_memory.join("system.journal")).unwrap();
    assert!(journal_readable(root.path(), 1000));
    std::fs::remove_dir_all(root.path().join("run")).unwrap();

    std::fs::create_dir_all(root.path().join("var/log/journal/0123")).unwrap();
    assert!(journal_readable(root.path(), 1000));
    assert!(!journal_readable(root.path(), 999));
}
