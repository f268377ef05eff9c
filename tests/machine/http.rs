//! The HTTP face on a real host: clients that others wrote, the units, its end.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::idle::Idle;
use crate::machine::{SOON, command, mcpod, run, run_with_input, sh, wait_until, write_file};
use crate::server::Server;

/// How long the face may take to end with its instances.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// A face that serves.
struct Face {
    process: Child,
    token: String,
}

impl Face {
    /// Starts to serve at the usual place, or where these options say.
    fn start(options: &[&str], ready: &str) -> Self {
        let process = command(&[&["mcpod", "serve", "--http"], options].concat())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let face = Self {
            process,
            token: mcpod(&["token"]).ok().stdout.trim().to_owned(),
        };
        wait_until("it serves", SOON, || {
            let ran = sh(ready, &[&face.token]);
            if ran.code == Some(0) {
                Ok(())
            } else {
                Err(ran)
            }
        });
        face
    }

    /// Tells it to end, and sees to it that it does.
    #[track_caller]
    fn stop(mut self) {
        let started = Instant::now();
        let pid = i32::try_from(self.process.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
        assert!(started.elapsed() < LEAVES_WITHIN, "{:?}", started.elapsed());
    }
}

/// A test that fails leaves no face behind.
impl Drop for Face {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.process.kill().ok();
            self.process.wait().ok();
        }
    }
}

const HEALTHY: &str = "curl -fsS -H \"Authorization: Bearer $1\" http://127.0.0.1:8931/healthz";

/// Runs the SDK's client that lies in an image.
#[track_caller]
fn client(program: &str, image: &str, script: &str, arguments: &[&str]) -> Value {
    let volume = format!("{script}:{script}:ro");
    // As the instances of servers are run.
    let run_it = [
        "podman",
        "--transient-store",
        "run",
        "--rm",
        "--network=host",
        "--volume",
        &volume,
    ];
    let words = [&run_it[..], &["--entrypoint", program, image], arguments].concat();
    let ran = run(&words).ok();
    serde_json::from_str(ran.stdout.trim()).unwrap()
}

#[test]
fn sdks_of_others_call_servers_of_both_eras() {
    let _machine = Idle::now();
    let servers = [
        Server::add("docker://docker.io/mcp/everything", "everything"),
        Server::add("docker://docker.io/mcp/time", "time"),
    ];
    let face = Face::start(&[], HEALTHY);
    write_file("/tmp/client.py", include_bytes!("http_client.py"));
    write_file("/tmp/client.mjs", include_bytes!("http_client.mjs"));
    let url = "http://127.0.0.1:8931/mcp";
    let python = |mode| {
        let arguments = ["/tmp/client.py", url, &face.token, mode];
        client("python", "docker.io/mcp/time", "/tmp/client.py", &arguments)
    };
    let arguments = ["/tmp/client.mjs", url, &face.token];
    let typescript = client(
        "node",
        "docker.io/mcp/everything",
        "/tmp/client.mjs",
        &arguments,
    );
    let modern = python("auto");
    assert_eq!(modern["version"], "2026-07-28");
    let legacy = python("legacy");
    assert_eq!(legacy["version"], "2025-11-25");
    assert_eq!(typescript["session"].as_str().unwrap().len(), 32);
    for said in [&modern, &legacy, &typescript] {
        let tools = said["tools"].as_array().unwrap();
        for tool in [
            "everything__echo",
            "registry-find",
            "time__get_current_time",
        ] {
            assert!(tools.contains(&json!(tool)), "{said}");
        }
        let answer = |tool: &str| said["said"][tool].to_string();
        assert!(answer("everything__echo").contains("Echo: hello"), "{said}");
        assert!(
            answer("everything__trigger-elicitation-request").contains("elicited"),
            "{said}"
        );
        assert!(
            answer("time__get_current_time").contains("Europe/Berlin"),
            "{said}"
        );
        let steps: Vec<f64> = said["progress"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .collect();
        assert_eq!(steps, [1.0, 2.0], "{said}");
    }
    face.stop();
    for server in &servers {
        assert_eq!(server.instances(), Vec::<String>::new());
    }
    run(&["rm", "/tmp/client.py", "/tmp/client.mjs"]).ok();
}

#[test]
fn curl_speaks_to_one_server_over_tls_and_over_a_unix_socket() {
    let _machine = Idle::now();
    let _time = Server::add("docker://docker.io/mcp/time", "time");
    let unsafe_ = mcpod(&["serve", "--http", "0.0.0.0:8931"]).code(1);
    unsafe_.complains(&["can be reached from other hosts", "--tls-cert"]);
    let certificate = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout /tmp/key.pem -out /tmp/cert.pem 2>&1";
    sh(certificate, &[]).ok();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get_current_time", "arguments": {"timezone": "Asia/Tokyo"}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}}});
    let post = "curl -fsS -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
        -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/call' -H 'Mcp-Name: get_current_time' \
        --data-binary @-";
    let healthy = "curl -fsS --cacert /tmp/cert.pem -H \"Authorization: Bearer $1\" https://localhost:8931/healthz";
    let face = Face::start(
        &[
            "0.0.0.0:8931",
            "--tls-cert",
            "/tmp/cert.pem",
            "--tls-key",
            "/tmp/key.pem",
        ],
        healthy,
    );
    let tls = format!(
        "{post} --cacert /tmp/cert.pem -H 'Authorization: Bearer {}' https://localhost:8931/mcp/time",
        face.token
    );
    let answer = run_with_input(&["sh", "-c", &tls], call.to_string().as_bytes()).ok();
    assert!(answer.stdout.contains("Asia/Tokyo"), "{answer:?}");
    let other = "curl -s -o /dev/null -w '%{http_code}' --cacert /tmp/cert.pem -H 'Host: evil.example.com' https://localhost:8931/healthz";
    assert_eq!(sh(other, &[]).ok().stdout, "403");
    face.stop();

    let healthy = "curl -fsS --unix-socket /run/user/1000/m.sock http://localhost/healthz";
    let face = Face::start(&["unix:/run/user/1000/m.sock"], healthy);
    assert_eq!(
        sh("stat -c %a /run/user/1000/m.sock", &[])
            .ok()
            .stdout
            .trim(),
        "600"
    );
    let unix = format!("{post} --unix-socket /run/user/1000/m.sock http://localhost/mcp/time");
    let answer = run_with_input(&["sh", "-c", &unix], call.to_string().as_bytes()).ok();
    assert!(answer.stdout.contains("Asia/Tokyo"), "{answer:?}");
    face.stop();
    sh(
        "test ! -e /run/user/1000/m.sock && rm /tmp/key.pem /tmp/cert.pem",
        &[],
    )
    .ok();
}

/// An agent of 2026-07-28 with this token that adds a server with the open network.
const ADDS: &str = r#"
    curl -sS http://127.0.0.1:8931/mcp -H "Authorization: Bearer $1" -H 'Content-Type: application/json' \
        -H 'Accept: application/json, text/event-stream' -H 'MCP-Protocol-Version: 2026-07-28' \
        -H 'Mcp-Method: tools/call' -H 'Mcp-Name: registry-add' --data-binary '{"jsonrpc": "2.0", "id": 1,
            "method": "tools/call", "params": {"name": "registry-add",
                "arguments": {"id": "builtin:fetch", "name": "fetched"},
                "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": {"name": "curl", "version": "1"},
                    "io.modelcontextprotocol/clientCapabilities": {}}}}'
"#;

#[test]
fn systemd_listens_and_the_service_leaves_when_nobody_is_there() {
    let _machine = Idle::now();
    let _time = Server::add("docker://docker.io/mcp/time", "time");
    sh("mkdir -p ~/.config/mcpod && printf '[http]\\nidle = \"2s\"\\n' >~/.config/mcpod/config.toml", &[]).ok();
    mcpod(&["serve", "--http", "--enable-socket"]).ok();
    let state = |unit: &str| {
        run(&["systemctl", "--user", "is-active", unit])
            .stdout
            .trim()
            .to_owned()
    };
    assert_eq!(
        (state("mcpod.socket"), state("mcpod.service")),
        ("active".to_owned(), "inactive".to_owned())
    );
    let token = mcpod(&["token"]).ok().stdout;
    let mode = sh("stat -c %a ~/.local/share/mcpod/token", &[]).ok();
    assert_eq!(mode.stdout.trim(), "600");
    for _ in 0..2 {
        sh(HEALTHY, &[token.trim()]).ok();
        assert_eq!(state("mcpod.service"), "active");
        wait_until("it leaves", SOON, || match state("mcpod.service") {
            state if state == "inactive" => Ok(()),
            state => Err(state),
        });
        assert_eq!(state("mcpod.socket"), "active");
    }
    let renewed = mcpod(&["token", "--renew"]).ok().stdout;
    assert_ne!(renewed, token);
    assert_eq!(sh(HEALTHY, &[token.trim()]).code, Some(22));
    sh(HEALTHY, &[renewed.trim()]).ok();
    // Its sandbox lets the rules of a network be tried, as before each server that has one.
    let added = sh(ADDS, &[renewed.trim()]).ok().stdout;
    assert!(added.contains("is active as fetched"), "{added}");
    mcpod(&["remove", "fetched"]).ok();
    mcpod(&["serve", "--http", "--disable-socket"]).ok();
    assert_eq!(
        (state("mcpod.socket"), state("mcpod.service")),
        ("inactive".to_owned(), "inactive".to_owned())
    );
    sh(
        "rm ~/.config/mcpod/config.toml && test ! -e ~/.config/systemd/user/mcpod.socket",
        &[],
    )
    .ok();
}
