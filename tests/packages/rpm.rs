//! The RPM, by rpm's own words.

use crate::{VERSION, output, package};

fn asked(what: &str) -> String {
    let rpm = package(&format!("mcpod-{VERSION}-1."), ".rpm");
    output(
        "rpm",
        &[
            "--query",
            "--package",
            "--nosignature",
            what,
            rpm.to_str().unwrap(),
        ],
    )
}

#[test]
fn it_holds_what_it_should() {
    let files = asked("--list");
    let files: Vec<&str> = files.lines().collect();
    for file in [
        "/usr/bin/mcpod",
        "/usr/lib/systemd/user/mcpod-guard.service",
        "/usr/lib/systemd/user/mcpod-refresh.timer",
        "/usr/lib/systemd/user-preset/90-mcpod.preset",
        "/usr/share/man/man1/mcpod-add.1.gz",
        "/usr/share/man/man5/mcpod-json.5.gz",
        "/usr/share/bash-completion/completions/mcpod",
        "/usr/share/zsh/site-functions/_mcpod",
        "/usr/share/fish/vendor_completions.d/mcpod.fish",
        "/usr/share/mcpod/json.schema.json",
        "/usr/share/licenses/mcpod/LICENSE",
    ] {
        assert!(files.contains(&file), "{file}: {files:#?}");
    }
}

#[test]
fn it_asks_for_what_it_needs() {
    let requires = asked("--requires");
    for needed in [
        "podman >= 5.4",
        "passt",
        "shadow-utils",
        "systemd",
        "libc.so.6",
        "/bin/sh",
    ] {
        assert!(requires.contains(needed), "{needed}: {requires}");
    }
    assert!(asked("--recommends").contains("nftables"));
}

#[test]
fn its_scripts_are_scripts() {
    let scripts = asked("--scripts");
    for part in [
        "postinstall scriptlet (using /bin/sh)",
        "systemctl --global preset --quiet mcpod-refresh.timer",
        "preuninstall scriptlet (using /bin/sh)",
        "systemctl --global disable --quiet mcpod-refresh.timer",
    ] {
        assert!(scripts.contains(part), "{part}: {scripts}");
    }
    for file in [
        "rpm/post.sh",
        "rpm/preun.sh",
        "deb/postinst",
        "deb/prerm",
        "deb/postrm",
    ] {
        let path = format!("{}/packaging/{file}", env!("CARGO_MANIFEST_DIR"));
        output("sh", &["-n", &path]);
    }
}

#[test]
fn its_digests_are_right() {
    let rpm = package(&format!("mcpod-{VERSION}-1."), ".rpm");
    assert!(
        output(
            "rpm",
            &["--checksig", "--nosignature", rpm.to_str().unwrap()]
        )
        .contains("OK")
    );
}
