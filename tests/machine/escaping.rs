//! What is written into unit files comes out of Podman and systemd themselves as it went in.
//!
//! The unit tests of `quadlet` read with models of the two readers; here the readers are the real ones.

use std::time::Duration;

use mcpod::quadlet;
use mcpod::quadlet::keys::{
    container, install, mcpod as record, quadlet as common, service, socket, unit,
};
use mcpod::quadlet::name::UnitName;
use mcpod::quadlet::unit_file::UnitFile;
use mcpod::quadlet::value::{
    Assignment, MemoryMount, PodmanOption, Specifier, Stream, Text, VolumeMount, VolumeSource,
};
use serde_json::Value;

use crate::machine::{Ran, run, wait_until, write_file};

#[path = "../fixtures/hostile.rs"]
mod hostile;

use hostile::Given;

/// An image with a shell in it.
const IMAGE: &str = "docker.io/library/python:3.12-slim";

/// The unit that Quadlet makes, with an instance.
const CONTAINER: &str = "hostile@x.service";

/// A text with most of what a reader could stumble over, for keys that get a single one.
const MIXED: &str = "a 'b\"c\\d%i$HOME${HOME}é";

/// Prints its arguments, each with a NUL behind it, and stays.
const PRINT_AND_STAY: [&str; 4] = [
    "/bin/sh",
    "-c",
    r#"printf '%s\0' "$@"; exec sleep 600"#,
    "print",
];

/// Prints its arguments and then its environment, each with a NUL behind it.
const PRINT: [&str; 4] = ["/bin/sh", "-c", r#"printf '%s\0' "$@"; env -0"#, "print"];

/// How long a container may take to print.
const PRINTED_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn a_container_gets_every_hostile_text_as_it_is() {
    runs_as_given(&Given::new(short_texts().iter().map(String::as_str)));
}

#[test]
fn a_container_gets_the_longest_texts_as_they_are() {
    let long = "long \\\"%$ ".repeat(1000);
    runs_as_given(&Given::new([&*long]));
    let longest = "x".repeat(128 * 1024 - 1);
    runs_as_given(&Given {
        arguments: vec![longest],
        ..Given::default()
    });
}

#[test]
fn systemd_gets_every_hostile_text_as_it_is() {
    let mut files = Files::new();
    let output = files.home("hostile.out");
    let texts = short_texts();

    let mut program = PRINT.map(str::to_owned).to_vec();
    let mut variables = Vec::new();
    let mut printing = UnitFile::new();
    printing.push(service::TYPE, "oneshot").unwrap();
    push_output(&mut printing, &output);
    for (number, text) in texts.iter().enumerate() {
        let pair = Assignment::new(format!("H{number}"), text);
        if printing.push(service::ENVIRONMENT, &pair).is_ok() {
            variables.push(format!("{}={text}", pair.name));
        }
        let words = ["/bin/true".to_owned(), text.clone()];
        if UnitFile::new().push(service::EXEC_START, &words).is_ok() {
            program.push(text.clone());
        }
    }
    assert!(variables.len() > 40 && program.len() > 40);
    printing.push(service::EXEC_START, &program).unwrap();
    files.write(".config/systemd/user/hostile.service", &printing);

    run(&["systemctl", "--user", "daemon-reload"]).ok();
    verify("hostile.service");
    run(&["systemctl", "--user", "start", "hostile.service"]).ok();
    let printed = run(&["cat", &output]).ok().stdout;
    let printed: Vec<&str> = printed.split_terminator('\0').collect();
    let arguments = &program[PRINT.len()..];
    assert_eq!(&printed[..arguments.len()], arguments);
    for variable in &variables {
        assert!(
            printed.contains(&variable.as_str()),
            "{variable:?}: {printed:#?}"
        );
    }
    nothing_was_injected();
}

#[test]
fn descriptions_sockets_and_records_can_be_any_text() {
    let mut files = Files::new();
    let mut described = Vec::new();
    let mut paths = Vec::new();
    let mut sockets = UnitFile::new();
    for (number, text) in short_texts().into_iter().enumerate() {
        let mut target = UnitFile::new();
        if target
            .push(unit::DESCRIPTION, &text.as_str().into())
            .is_ok()
        {
            let name = format!("hostile-{number}.target");
            files.write(&format!(".config/systemd/user/{name}"), &target);
            described.push((name, text.clone()));
        }
        // systemd makes the folders of a path; it makes none for an empty name or an upper one.
        let path = Text::from(Specifier::RuntimeDirectory)
            .and("/hostile/")
            .and(text.as_str());
        let is_file = !text.is_empty() && !text.contains("..");
        if is_file && sockets.push(socket::LISTEN_STREAM, &path).is_ok() {
            paths.push(format!("hostile/{}", text.trim_start_matches('/')));
        }
        sockets.push(record::INPUT, &text).unwrap();
    }
    assert!(described.len() > 30 && paths.len() > 30);
    sockets.push(socket::ACCEPT, &true).unwrap();
    sockets.push(socket::REMOVE_ON_STOP, &true).unwrap();
    let wanted_by = UnitName::from_systemd("sockets.target");
    sockets.push(install::WANTED_BY, &wanted_by).unwrap();
    files.write(".config/systemd/user/hostile.socket", &sockets);
    let mut instance = UnitFile::new();
    let program = PRINT.map(str::to_owned);
    instance.push(service::EXEC_START, &program).unwrap();
    files.write(".config/systemd/user/hostile@.service", &instance);

    run(&["systemctl", "--user", "daemon-reload"]).ok();
    verify("hostile.socket");
    for (name, text) in described {
        assert_eq!(property(&name, "Unit", "Description"), text.as_str());
    }
    files.stop.push("hostile.socket");
    run(&["systemctl", "--user", "start", "hostile.socket"]).ok();
    let find = "cd $XDG_RUNTIME_DIR && find hostile -type s -print0";
    let found = run(&["sh", "-c", find]).ok().stdout;
    let mut found: Vec<&str> = found.split_terminator('\0').collect();
    found.sort_unstable();
    paths.sort_unstable();
    assert_eq!(found, paths);
    nothing_was_injected();
}

/// The hostile texts of which many go into one file.
fn short_texts() -> Vec<String> {
    let texts = hostile::texts().into_iter().map(|(_, text)| text);
    texts.filter(|text| text.len() < 100).collect()
}

/// Runs a container, and looks at what Quadlet, systemd, Podman and the program inside have made of its texts.
#[track_caller]
fn runs_as_given(given: &Given) {
    let mut files = Files::new();
    let output = files.home("hostile.out");
    let shared = files.home(MIXED);
    run(&["mkdir", "--parents", &shared]).ok();
    let file = container_file(given, &output, &shared);
    files.write(".config/containers/systemd/hostile@.container", &file);

    run(&["systemctl", "--user", "daemon-reload"]).ok();
    verify(CONTAINER);
    let description = property(CONTAINER, "Unit", "Description");
    assert_eq!(description, format!("{MIXED}x").as_str());
    let commands = property(CONTAINER, "Service", "ExecStart");
    assert_eq!(commands.as_array().unwrap().len(), 1, "{commands}");
    for other in ["ExecStartPre", "ExecStartPost", "ExecCondition"] {
        let commands = property(CONTAINER, "Service", other);
        assert_eq!(commands, Value::Array(Vec::new()));
    }

    files.stop.push(CONTAINER);
    run(&["systemctl", "--user", "start", CONTAINER]).ok();
    let inspected = run(&["podman", "container", "inspect", "hostile"]).ok();
    is_as_given(&inspected.json()[0], given, &shared);
    let mut printed = given.arguments.join("\0");
    printed.push('\0');
    wait_until("the arguments are printed", PRINTED_WITHIN, || {
        let seen = run(&["cat", &output]).stdout;
        if seen == printed { Ok(()) } else { Err(seen) }
    });
    nothing_was_injected();
}

/// A container with everything that can be text.
fn container_file(given: &Given, output: &str, shared: &str) -> UnitFile {
    let mut file = UnitFile::new();
    let description = Text::from(MIXED).and(Specifier::Instance);
    file.push(unit::DESCRIPTION, &description).unwrap();
    file.push(container::IMAGE, IMAGE).unwrap();
    file.push(container::CONTAINER_NAME, "hostile").unwrap();
    let program = PRINT_AND_STAY.map(str::to_owned);
    file.push(container::ENTRYPOINT, &program).unwrap();
    let folder = format!("/data/{MIXED}");
    file.push(container::WORKING_DIR, &folder).unwrap();
    let memory = MemoryMount {
        target: folder,
        options: vec!["size=1m".to_owned()],
    };
    file.push(container::TMPFS, &memory).unwrap();
    let volume = VolumeMount {
        source: VolumeSource::Host(shared.to_owned()),
        target: format!("/shared/{MIXED}"),
        options: vec!["ro".to_owned()],
    };
    file.push(container::VOLUME_OPTION, &volume).unwrap();
    file.push(container::LOG_DRIVER, "passthrough").unwrap();
    file.push(container::NETWORK, "none").unwrap();
    file.push(container::PULL, "missing").unwrap();
    file.push(container::RUN_INIT, &true).unwrap();
    file.push(container::STOP_TIMEOUT, &Duration::from_secs(2))
        .unwrap();
    let hostname = PodmanOption::with("hostname", MIXED);
    file.push(container::PODMAN_ARGS, &hostname).unwrap();
    let health = ["true".to_owned(), MIXED.to_owned()];
    file.push(container::HEALTH_CMD, &health).unwrap();
    given.push_to(&mut file);
    file.push(common::DEFAULT_DEPENDENCIES, &false).unwrap();
    push_output(&mut file, output);
    file
}

/// Sends standard output to a file, behind what is there.
fn push_output(file: &mut UnitFile, path: &str) {
    let output = format!("append:{path}");
    file.push(service::STANDARD_OUTPUT, &output).unwrap();
    file.push(service::STANDARD_ERROR, &Stream::Journal)
        .unwrap();
}

/// Looks at what Podman has made of a container's texts.
#[track_caller]
fn is_as_given(container: &Value, given: &Given, shared: &str) {
    let config = &container["Config"];
    let expected = Value::from(PRINT_AND_STAY.as_slice());
    assert_eq!(config["Entrypoint"], expected);
    assert_eq!(config["Cmd"], Value::from(given.arguments.as_slice()));
    assert_eq!(config["Hostname"], MIXED);
    assert_eq!(config["WorkingDir"], format!("/data/{MIXED}"));
    let health = Value::from(["CMD", "true", MIXED].as_slice());
    assert_eq!(config["Healthcheck"]["Test"], health);
    let environment = config["Env"].as_array().unwrap();
    for Assignment { name, value } in &given.variables {
        let variable = Value::from(format!("{name}={value}"));
        assert!(
            environment.contains(&variable),
            "{variable}: {environment:#?}"
        );
    }
    for Assignment { name, value } in &given.labels {
        assert_eq!(config["Labels"][name], value.as_str());
        assert_eq!(config["Annotations"][name], value.as_str());
    }
    let mounts = container["Mounts"].as_array().unwrap();
    let [mount] = mounts.as_slice() else {
        panic!("{mounts:#?}")
    };
    assert_eq!(mount["Source"], shared);
    assert_eq!(mount["Destination"], format!("/shared/{MIXED}"));
    assert_eq!(mount["RW"], false);
    assert_eq!(container["HostConfig"]["Privileged"], false);
}

/// Fails the test if one of the commands hidden in the texts was run.
#[track_caller]
fn nothing_was_injected() {
    run(&["ls", "/tmp/injected"]).code(2);
}

/// Lets systemd check a unit, generators included; it must have nothing to say.
#[track_caller]
fn verify(unit: &str) {
    let analyze = ["systemd-analyze", "--user", "--generators=yes", "verify"];
    let verified = run(&[&analyze[..], &[unit]].concat()).ok();
    assert_eq!(verified.stderr, "");
}

/// A property of a unit, as systemd tells it over D-Bus.
#[track_caller]
fn property(unit: &str, interface: &str, name: &str) -> Value {
    let busctl = |words: &[&str]| -> Ran {
        run(&[&["busctl", "--user", "--json=short"], words].concat()).ok()
    };
    let service = "org.freedesktop.systemd1";
    let manager = [
        "call",
        service,
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
    ];
    let loaded = busctl(&[&manager[..], &["LoadUnit", "s", unit]].concat()).json();
    let path = loaded["data"][0].as_str().unwrap();
    let interface = format!("{service}.{interface}");
    let answer = busctl(&["get-property", service, path, &interface, name]).json();
    answer["data"].clone()
}

/// Files of the machine's user, for the length of a test.
struct Files {
    home: String,
    written: Vec<String>,
    /// Units to stop before the files go.
    stop: Vec<&'static str>,
}

impl Files {
    fn new() -> Self {
        let make = "mkdir -p ~/.config/containers/systemd ~/.config/systemd/user; echo ~";
        Self {
            home: run(&["sh", "-c", make]).ok().stdout.trim_end().to_owned(),
            written: Vec::new(),
            stop: Vec::new(),
        }
    }

    /// The path of a file that the test will leave in the user's home.
    fn home(&mut self, name: &str) -> String {
        let path = format!("{}/{name}", self.home);
        self.written.push(path.clone());
        path
    }

    fn write(&mut self, name: &str, file: &UnitFile) {
        let path = self.home(name);
        write_file(&path, file.to_string().as_bytes());
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for unit in &self.stop {
            run(&["systemctl", "--user", "stop", unit]);
        }
        let mut remove = vec!["rm", "--recursive", "--force", "--"];
        remove.extend(self.written.iter().map(String::as_str));
        run(&remove);
        run(&["systemctl", "--user", "daemon-reload"]);
        run(&["systemctl", "--user", "reset-failed"]);
    }
}
