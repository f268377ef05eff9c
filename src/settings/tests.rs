use super::*;

#[test]
fn later_files_win_key_by_key_and_etc_hides_usr() {
    let dir = tempfile::tempdir().unwrap();
    let (vendor, admin) = (dir.path().join("usr"), dir.path().join("etc"));
    std::fs::create_dir_all(&vendor).unwrap();
    std::fs::create_dir_all(&admin).unwrap();
    std::fs::write(
        vendor.join("10-a.toml"),
        "[sandbox]\ntasks = 1\nmemory = \"1G\"",
    )
    .unwrap();
    std::fs::write(admin.join("10-a.toml"), "[sandbox]\ntasks = 2").unwrap();
    std::fs::write(
        vendor.join("20-b.toml"),
        "[sessions]\nmax = 3\ncall_timeout = \"5min\"",
    )
    .unwrap();
    std::fs::write(vendor.join("note.txt"), "not toml").unwrap();
    let user = dir.path().join("config.toml");
    std::fs::write(
        &user,
        "[sessions]\nmax = 4\n[sandbox]\ncpus = 0.5\nlifetime = \"8h\"\nselinux = \"shared\"",
    )
    .unwrap();

    let settings = Settings::load_from(&[&vendor, &admin], &user).unwrap();

    assert_eq!(settings.sandbox.tasks, 2);
    assert_eq!(settings.sandbox.memory, Settings::default().sandbox.memory);
    assert_eq!(settings.sandbox.cpus.map(Cpus::percent), Some(50));
    assert_eq!(settings.sandbox.lifetime, "8h".parse().ok());
    assert_eq!(settings.sandbox.selinux.option(), Some("z"));
    assert_eq!(settings.sessions.max, 4);
    assert_eq!(settings.sessions.call_timeout, Duration::from_mins(5));
}

#[test]
fn sessions_can_be_kept_and_agents_be_trusted_more_or_less() {
    let dir = tempfile::tempdir().unwrap();
    let user = dir.path().join("config.toml");
    let text = "[sessions]\nidle = 0\n[policy]\nagent_add = \"ask\"\nallow_host_commands = true";
    std::fs::write(&user, text).unwrap();
    let settings = Settings::load_from(&[], &user).unwrap();
    assert_eq!(settings.sessions.idle, None);
    assert_eq!(settings.policy.agent_add, AgentAdd::Ask);
    assert!(settings.policy.allow_host_commands);
    std::fs::write(&user, "[sessions]\nidle = \"90s\"").unwrap();
    let settings = Settings::load_from(&[], &user).unwrap();
    assert_eq!(settings.sessions.idle, Some(Duration::from_secs(90)));
}

#[test]
fn a_metadata_document_can_say_who_mcpod_is() {
    let dir = tempfile::tempdir().unwrap();
    let user = dir.path().join("config.toml");
    let url = "https://example.com/mcpod.json";
    std::fs::write(&user, format!("[login]\nclient_metadata_url = \"{url}\"")).unwrap();
    let login = Settings::load_from(&[], &user).unwrap().login;
    assert_eq!(login.client_metadata_url.as_deref(), Some(url));
}

#[test]
fn signatures_are_demanded_of_whole_parts_of_registries() {
    let dir = tempfile::tempdir().unwrap();
    let user = dir.path().join("config.toml");
    let text = "[trust]\nrequire_signature = [\"ghcr.io\", \"docker.io/mcp\"]";
    std::fs::write(&user, text).unwrap();
    let trust = Settings::load_from(&[], &user).unwrap().trust;
    for (image, prefix) in [
        ("mcp/time", Some("docker.io/mcp")),
        ("docker.io/mcp/time:1", Some("docker.io/mcp")),
        ("ghcr.io/a/b", Some("ghcr.io")),
        ("docker.io/mcp-evil/time", None),
        ("ghcr.io:5000/a/b", None),
        ("time", None),
    ] {
        assert_eq!(trust.prefix_of(&image.parse().unwrap()), prefix, "{image}");
    }
}

#[test]
fn nothing_there_gives_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::load_from(&[&dir.path().join("no")], &dir.path().join("none.toml"));
    assert_eq!(settings.unwrap(), Settings::default());
}

#[test]
fn what_is_unknown_or_unusable_is_an_error_that_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let user = dir.path().join("config.toml");
    for text in [
        "[sandbox]\nmemroy = \"1G\"",
        "[nonsense]",
        "[sandbox]\nmemory = \"much\"",
        "[sandbox]\ncpus = 0",
        "[sandbox]\ntasks = 0",
        "[sandbox]\nlifetime = \"for ever\"",
        "[sandbox]\nselinux = \"off\"",
        "[build]\nca_bundle = \"certificates.crt\"",
        "[build]\nproxy = \"http://me:secret@proxy:3128\"",
        "[build]\nnode = \"--privileged\"",
        "[sessions]\nopen_timeout = \"-3s\"",
        "[sessions]\nopen_timeout = 3",
        "[sessions]\nidle = 3",
        "[policy]\nagent_add = \"anything\"",
        "[trust]\nrequire_signature = [\"mcp\"]",
        "[login]\nclient_metadata_url = \"http://example.com/mcpod.json\"",
        "[login]\nclient_metadata_url = \"https://example.com/\"",
        "[login]\nclient_metadata_url = \"https://example.com\"",
        "[login]\nclient_metadata_url = \"https://me@example.com/mcpod.json\"",
        "[trust]\nrequire_signature = [\"docker.io/\"]",
        "[trust]\nrequire_signature = \"docker.io\"",
        "[http]\naddress = \"nowhere\"",
        "= no toml",
    ] {
        std::fs::write(&user, text).unwrap();
        let error = Settings::load_from(&[], &user).unwrap_err();
        assert!(error.to_string().contains("config.toml"), "{text}: {error}");
    }
}
