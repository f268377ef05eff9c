//! What of mcpod's own may be wrong: servers, secrets, settings, the catalog, what is installed.

use super::{fix, fixing, look};
use crate::changes::{afterwards, root_until_the_end, settings};
use crate::idle::Idle;
use crate::machine::{mcpod, root, run_with_input, sh};
use crate::server::{MISBEHAVE, Server};

const QUADLETS: &str = "/home/tester/.config/containers/systemd";

#[test]
fn servers_whose_sockets_do_not_listen_are_started() {
    let _machine = Idle::now();
    let _fixing = fixing();
    let _echo = Server::misbehaving("echo");
    look().ends(0).is_sound("server");

    sh("systemctl --user stop mcpod-echo.socket", &[]).ok();
    look()
        .ends(1)
        .has("server", "problem", "mcpod-echo.socket is not listening");
    let fixed = fix().ends(0);
    assert_eq!(fixed.has("server", "ok", "sound")["fixed"], true);
    mcpod(&["call", "echo", "echo", "text=works"])
        .ok()
        .prints(&["works"]);

    sh("systemctl --user disable mcpod-echo.socket", &[]).ok();
    look().ends(0).has("server", "warning", "not enabled");
    fix().ends(0).is_sound("server");
    sh("systemctl --user is-enabled mcpod-echo.socket", &[]).ok();
}

#[test]
fn a_server_that_was_never_tried_is() {
    let _machine = Idle::now();
    let _fixing = fixing();
    let _echo = Server::add_with(MISBEHAVE, "echo", &["--env", "MODE=echo", "--no-probe"]);
    look().ends(0).has("server", "note", "never tried");
    fix().ends(0).is_sound("server");
}

#[test]
fn a_server_whose_units_were_changed() {
    let _machine = Idle::now();
    let _fixing = fixing();
    let _echo = Server::misbehaving("echo");
    let drop_in = |text: &str| {
        let folder = format!("{QUADLETS}/mcpod-echo@.container.d");
        sh(
            r#"mkdir -p "$1" && printf %s "$2" >"$1/mine.conf" && systemctl --user daemon-reload"#,
            &[&folder, text],
        )
        .ok();
        afterwards(move || sh(r#"rm -r "$1"; systemctl --user daemon-reload"#, &[&folder]))
    };
    {
        let _trap = drop_in("[Quadlet]\nDefaultDependencies=true\n");
        look()
            .ends(0)
            .has("network-online", "warning", "network-online.target");
    }
    {
        let _unknown = drop_in("[Container]\nNoSuchKey=1\n");
        look()
            .ends(1)
            .has("server", "problem", "Quadlet made no service");
    }
    look().ends(0).is_sound("server");

    // A file that changed, and systemd does not know.
    sh(
        "echo '# mine' >>~/.config/systemd/user/mcpod-echo.socket",
        &[],
    )
    .ok();
    let found = look().ends(0);
    found.has("server", "warning", "changed since systemd read it");
    found.has("server", "note", "edited by hand");
    let fixed = fix().ends(0);
    let still = fixed.of("server");
    assert!(
        still
            .iter()
            .all(|finding| !finding["what"].as_str().unwrap().contains("since systemd")),
        "{still:#?}"
    );
    sh(
        "sed -i '$ d' ~/.config/systemd/user/mcpod-echo.socket; systemctl --user daemon-reload",
        &[],
    )
    .ok();
    look().ends(0).is_sound("server");

    // A record that says nothing any more.
    sh("cp ~/.config/systemd/user/mcpod-echo.socket /tmp/kept; sed -i '/^Limits=/d' ~/.config/systemd/user/mcpod-echo.socket", &[]).ok();
    look().ends(1).has("server", "problem", "mcpod-echo.socket");
    sh(
        "mv /tmp/kept ~/.config/systemd/user/mcpod-echo.socket; systemctl --user daemon-reload",
        &[],
    )
    .ok();
}

#[test]
fn secrets_that_nobody_can_read() {
    let _machine = Idle::now();
    let _fixing = fixing();
    let _forgotten = crate::secrets::forget_secrets();
    run_with_input(&["mcpod", "secret", "set", "vault_A"], b"x").ok();
    look().ends(0).has("secrets", "ok", "encrypted (1)");

    sh("ln -sf /nowhere ~/.local/share/mcpod/mcpod", &[]).ok();
    look().ends(1).has("secrets", "problem", "is gone");
    fix().ends(0).is_sound("secrets");

    sh(
        "for file in ~/.local/share/mcpod/secrets/*; do echo broken >$file; done",
        &[],
    )
    .ok();
    look().ends(1).has(
        "secrets",
        "problem",
        "1 of the stored values cannot be decrypted",
    );
    mcpod(&["secret", "remove", "vault_A"]).ok();

    let socket = "systemd-creds.socket";
    let _without = root_until_the_end(
        &["systemctl", "stop", socket],
        &["systemctl", "start", socket],
    );
    run_with_input(&["mcpod", "secret", "set", "vault_A"], b"x").ok();
    look()
        .ends(0)
        .has("secrets", "warning", "in clear: vault_A");
}

#[test]
fn settings_that_cannot_be_used() {
    let _machine = Idle::now();
    {
        let _settings = settings("[sandbox]\nmemroy = \"1G\"\n");
        look().ends(1).has("settings", "problem", "memroy");
    }
    look().ends(0).is_sound("settings");
}

#[test]
fn a_catalog_that_is_missing_old_or_broken() {
    let _machine = Idle::now();
    let _cache = afterwards(|| {
        sh(
            "rm -rf ~/.cache/mcpod ~/servers.toml ~/.local/share/bash-completion; rm -f ~/.config/systemd/user/mcpod*; systemctl --user daemon-reload",
            &[],
        )
    });
    let off = "[sources.docker]\nenabled = false\n[sources.official]\nenabled = false\n[sources.awesome]\nenabled = false\n";
    let _settings = settings(&format!(
        "{off}[[sources.extra]]\nname = \"ours\"\nkind = \"toml\"\nurl = \"~/servers.toml\"\n"
    ));
    sh(
        "rm -rf ~/.cache/mcpod; printf '[[server]]\\nname = \"x\"\\n' >~/servers.toml",
        &[],
    )
    .ok();
    look()
        .ends(0)
        .has("catalog", "warning", "never fetched: ours");
    let fixed = fix().ends(0);
    assert_eq!(fixed.has("catalog", "ok", "up to date")["fixed"], true);

    let aged = r#"
        state=$(find ~/.cache/mcpod -path '*/ours/state.json')
        jq '.fetched_at = "2020-01-01T00:00:00Z"' "$state" >"$state.aged" && mv "$state.aged" "$state""#;
    sh(aged, &[]).ok();
    look()
        .ends(0)
        .has("catalog", "warning", "older than a week: ours");
    fix().ends(0).is_sound("catalog");

    sh("rm ~/servers.toml", &[]).ok();
    mcpod(&["refresh", "--force"]).code(1);
    look()
        .ends(0)
        .has("catalog", "warning", "ours could not be fetched");
}

#[test]
fn units_and_completions_are_installed_for_the_user() {
    let _machine = Idle::now();
    let completions = "~/.local/share/bash-completion/completions/mcpod";
    let _fixing = fixing();
    let found = look().ends(0);
    found.has("units", "note", "mcpod-refresh.timer");
    found.has("completions", "note", "bash");
    let fixed = fix().ends(0);
    assert_eq!(fixed.has("units", "ok", "installed")["fixed"], true);
    assert_eq!(fixed.has("completions", "ok", "bash")["fixed"], true);
    // Each unit runs the program where it lies, and systemd understands all of them.
    sh(
        "grep -q /usr/local/bin/mcpod ~/.config/systemd/user/mcpod-guard.service",
        &[],
    )
    .ok();
    let verified = sh(
        "systemd-analyze --user verify ~/.config/systemd/user/mcpod*",
        &[],
    );
    assert!(!verified.stderr.contains("mcpod"), "{verified:#?}");
    let complete = format!(
        ". {completions}; COMP_WORDS=(mcpod doc); COMP_CWORD=1; _mcpod mcpod doc mcpod; echo $COMPREPLY"
    );
    crate::machine::run(&["bash", "-c", &complete])
        .ok()
        .prints(&["doctor"]);

    // What another version left is renewed.
    sh(&format!("echo old >{completions}; sed -i s/local/other/ ~/.config/systemd/user/mcpod-guard.service"), &[]).ok();
    let found = look().ends(0);
    found.has("units", "warning", "mcpod-guard.service");
    found.has("completions", "note", "another version: bash");
    let fixed = fix().ends(0);
    fixed.is_sound("units");
    fixed.is_sound("completions");

    // A package's units would be hidden by them.
    let packaged = "/usr/lib/systemd/user/mcpod-guard.service";
    let _package = afterwards(move || root(&["rm", packaged]));
    root(&[
        "sh",
        "-c",
        r#"sed s,/usr/local/,/usr/, ~tester/.config/systemd/user/mcpod-guard.service >"$1""#,
        "sh",
        packaged,
    ])
    .ok();
    look().ends(0).has(
        "units",
        "warning",
        "hide the package's: mcpod-guard.service",
    );
    fix().ends(0).is_sound("units");
    sh("test ! -e ~/.config/systemd/user/mcpod-guard.service", &[]).ok();
    // One that was changed as well is the user's to look at.
    sh("sed s/MemoryMax=.*/MemoryMax=1G/ /usr/lib/systemd/user/mcpod-guard.service >~/.config/systemd/user/mcpod-guard.service", &[]).ok();
    fix().ends(0).has(
        "units",
        "warning",
        "files of yours hide the package's: mcpod-guard.service",
    );
}

#[test]
fn agents_that_do_not_reach_mcpod() {
    let _machine = Idle::now();
    let _fixing = fixing();
    look().has("agents", "note", "none of the agents");
    let _agent = afterwards(|| sh("rm -rf ~/.codex", &[]));
    let configured = |text: &str| {
        sh(
            r#"mkdir -p ~/.codex && printf %s "$1" >~/.codex/config.toml"#,
            &[text],
        )
        .ok();
        look()
    };
    configured("").has("agents", "note", "not connected: Codex");
    configured("[mcp_servers").has("agents", "warning", "Codex cannot be read");
    configured("[mcp_servers.mcpod]\ncommand = \"other\"\n").has(
        "agents",
        "note",
        "another server",
    );
    configured("[mcp_servers.mcpod]\ncommand = \"/gone/mcpod\"\nargs = [\"serve\"]\n").has(
        "agents",
        "warning",
        "not there any more",
    );
    let fixed = fix();
    assert_eq!(fixed.has("agents", "ok", "connected: Codex")["fixed"], true);
    sh(
        r#"test -x "$(sed -n 's/^command = "\(.*\)"$/\1/p' ~/.codex/config.toml)""#,
        &[],
    )
    .ok();
}
