//! A catalog that tries to write units: each of its texts is refused, with the field named, or is a value and nothing more.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::changes::{afterwards, settings};
use crate::idle::Idle;
use crate::machine::{Ran, mcpod, sh, write_file};
use crate::orphans::open;
use crate::sandbox::inspected;
use crate::server::Server;

/// Texts that would be a key, a section, an option, a word, a specifier or a command, if anybody read them as such.
const TEXTS: [&str; 9] = [
    "x\n[Service]\nExecStartPre=/bin/touch /tmp/mcpod-was-here\n",
    "x\rNetwork=host",
    "--privileged",
    "-v /:/host",
    "x\" --privileged \"y",
    "x' ; touch /tmp/mcpod-was-here ; `id` | $(id) \\",
    "%h %n %i %t %%",
    "a:b,U=true,z",
    "\u{1b}[2J\u{85}\u{202e}",
];

/// Places of a catalog that a text can stand in, and what an error that refuses it there says.
const PLACES: [(&str, &str, &[&str]); 14] = [
    (
        "variable",
        "[[server.launch]]\nimage = 'mcp/everything'\nenv = { A = @ }",
        &["Environment="],
    ),
    (
        "variable-name",
        "[[server.launch]]\nimage = 'mcp/everything'\nenv = { @ = 'x' }",
        &["Environment=", "launch"],
    ),
    (
        "argument",
        "[[server.launch]]\nimage = 'mcp/everything'\nargs = [@]",
        &["Exec="],
    ),
    (
        "option",
        "[[server.launch]]\nimage = 'mcp/everything'\nargs = [{ name = @, value = 'x' }]",
        &["Exec=", "launch"],
    ),
    (
        "option-value",
        "[[server.launch]]\nimage = 'mcp/everything'\nargs = [{ name = '--a', value = @ }]",
        &["Exec="],
    ),
    (
        "user",
        "[[server.launch]]\nimage = 'mcp/everything'\nuser = @",
        &["User="],
    ),
    (
        "image",
        "[[server.launch]]\nimage = @",
        &["image reference"],
    ),
    ("package", "[[server.launch]]\npackage = @", &["package"]),
    (
        "mount",
        "[[server.launch]]\nimage = 'mcp/everything'\nmounts = [@]",
        &["mount", "Volume", "launch"],
    ),
    (
        "network",
        "[[server.launch]]\nimage = 'mcp/everything'\nnetwork = [@]",
        &["host"],
    ),
    (
        "default",
        "[[server.input]]\npath = 'a'\ndefault = @\n[[server.launch]]\nimage = 'mcp/everything'\nenv = { A = '{{a}}' }",
        &["Environment=", "input"],
    ),
    (
        "input",
        "[[server.input]]\npath = @\n[[server.launch]]\nimage = 'mcp/everything'",
        &["input", "path"],
    ),
    (
        "title",
        "title = @\n[[server.launch]]\nimage = 'mcp/everything'",
        &["title"],
    ),
    (
        "description",
        "description = @\n[[server.launch]]\nimage = 'mcp/everything'",
        &["description"],
    ),
];

/// A text as TOML writes it; what JSON escapes, TOML does as well.
fn quoted(text: &str) -> String {
    serde_json::to_string(text)
        .unwrap()
        .replace('\u{85}', "\\u0085")
        .replace('\u{202e}', "\\u202e")
}

/// Makes a catalog of ours alone, until the end of the test.
#[track_caller]
fn catalog(toml: &str) -> impl Drop + use<> {
    write_file("/home/tester/evil.toml", toml.as_bytes());
    let gone = afterwards(|| sh("rm -rf ~/evil.toml ~/.cache/mcpod ~/.config/mcpod", &[]));
    // Removed with the catalog, by what removes that.
    std::mem::forget(settings(
        "sources.docker.enabled = false
sources.official.enabled = false
sources.awesome.enabled = false
[[sources.extra]]
name = 'evil'
kind = 'toml'
url = '/home/tester/evil.toml'
",
    ));
    mcpod(&["refresh", "evil"]);
    gone
}

/// The files that would be written for an entry: by name, without the line that is their hash, sections and keys alone.
fn shapes(dry: &Ran) -> BTreeMap<String, Vec<String>> {
    let files = dry.json();
    let files = files.as_array().unwrap().iter();
    files
        .map(|file| {
            let lines = file["text"].as_str().unwrap().lines();
            let keys = lines.map(|line| match line.split_once('=') {
                Some((key, _)) if !line.starts_with('[') => key.to_owned(),
                _ => line.to_owned(),
            });
            (file["path"].as_str().unwrap().to_owned(), keys.collect())
        })
        .collect()
}

#[test]
fn no_text_of_a_catalog_adds_a_line_to_a_unit() {
    let _machine = Idle::now();
    let mut toml = String::new();
    let mut tried = Vec::new();
    for (place, launch, words) in PLACES {
        for (number, text) in (0..).zip(["plain"].iter().chain(&TEXTS)) {
            let name = format!("{place}-{number}");
            let launch = launch.replace('@', &quoted(text));
            toml.push_str(&format!("[[server]]\nname = '{name}'\n{launch}\n"));
            tried.push((name, number == 0, words));
        }
    }
    let _catalog = catalog(&toml);
    let sources = mcpod(&["sources", "--json"]).ok().json();
    let mut sources = sources.as_array().unwrap().iter();
    let evil = sources.find(|source| source["name"] == "evil").unwrap();
    let refused: Vec<String> = evil["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();

    let mut plain = BTreeMap::new();
    let mut accepted = 0;
    for (name, is_plain, words) in tried {
        let dry = mcpod(&[
            "add",
            &format!("evil:{name}"),
            "--name=evil",
            "--dry-run",
            "--json",
        ]);
        if dry.code == Some(0) {
            let shapes = shapes(&dry);
            if is_plain {
                plain = shapes;
            } else {
                assert_eq!(shapes, plain, "{name}: {dry:#?}");
                accepted += 1;
            }
            continue;
        }
        if is_plain {
            plain = BTreeMap::new();
        }
        // Its source refused it, or `add` did.
        let why = match dry.code {
            Some(3) => refused
                .iter()
                .find(|refused| refused.contains(&format!("({name})")))
                .cloned(),
            _ => dry.json()["error"]["message"].as_str().map(str::to_owned),
        };
        let why = why.unwrap_or_default();
        assert!(
            is_plain || words.iter().any(|word| why.contains(word)),
            "{name}: {why:?} {dry:#?}"
        );
    }
    // Not all of them are refused: what is harmless where it stands passes.
    assert!(accepted > 20, "{accepted}");
}

#[test]
fn what_a_catalog_says_arrives_in_the_container_and_nothing_else_does() {
    let _machine = Idle::now();
    // Those that a unit can hold at all.
    let held: Vec<&str> = TEXTS
        .into_iter()
        .filter(|text| !text.chars().any(|c| c.is_control() && c != '\n') && !text.contains('$'))
        .collect();
    let texts: Vec<String> = held.iter().map(|text| quoted(text)).collect();
    let variables: Vec<String> = (0..)
        .zip(&texts)
        .map(|(number, text)| format!("EVIL_{number} = {text}"))
        .collect();
    let _catalog = catalog(&format!(
        "[[server]]\nname = 'plain'\n[[server.launch]]\nimage = 'mcp/everything'\nargs = ['stdio']\n\
         [[server]]\nname = 'all'\ntitle = {first}\ndescription = {first}\n[[server.launch]]\nimage = 'mcp/everything'\n\
         args = ['stdio', {}]\nenv = {{ {} }}\n",
        texts.join(", "),
        variables.join(", "),
        first = texts[0],
    ));

    let look = |reference: &str| {
        let server = Server::add(reference, "evil");
        let mut client = open(&server);
        client.say("ping");
        client.line();
        let container = inspected();
        let unit = server.instances().remove(0);
        // But for what it starts, which is Podman with the words that are looked at below.
        let shown = sh(
            r#"systemctl --user show "$1" --property=ExecCondition,ExecStartPre,ExecStartPost,ExecReload,ExecStop,ExecStopPost \
            --property=Type,Environment,EnvironmentFiles,Slice,Wants,Requires,KillMode,MemoryMax,TasksMax,User,StandardInput,LoadCredential"#,
            &[&unit],
        );
        let instance = unit.trim_end_matches(".service");
        let properties: Vec<String> = shown
            .ok()
            .stdout
            .lines()
            .map(|line| line.split(" ; ignore_errors").next().unwrap_or_default())
            .map(|line| line.replace(instance, "INSTANCE"))
            .collect();
        client.finish().ok();
        (container, properties)
    };
    let (plain, plain_properties) = look("evil:plain");
    let (all, properties) = look("evil:all");

    // Podman was started with the same words, and with these besides.
    let words = |container: &Value| -> Vec<String> {
        let words = &container["Config"]["CreateCommand"];
        let words: Vec<String> = serde_json::from_value(words.clone()).unwrap();
        // An instance's own name and files.
        words
            .into_iter()
            .filter(|word| !word.contains("mcpod-evil"))
            .collect()
    };
    let mut more = words(&all);
    for word in words(&plain) {
        let at = more.iter().position(|other| *other == word);
        more.remove(at.unwrap_or_else(|| panic!("{word} is not there: {more:?}")));
    }
    let mut expected: Vec<String> = held.iter().map(|text| (*text).to_owned()).collect();
    for (number, text) in (0..).zip(&held) {
        expected.extend(["--env".to_owned(), format!("EVIL_{number}={text}")]);
    }
    more.sort();
    expected.sort();
    assert_eq!(more, expected);

    let arguments: Vec<String> = serde_json::from_value(all["Args"].clone()).unwrap();
    assert!(arguments.ends_with(&held.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()));
    for key in [
        "CapAdd",
        "CapDrop",
        "Privileged",
        "NetworkMode",
        "Binds",
        "SecurityOpt",
        "UsernsMode",
        "ReadonlyRootfs",
    ] {
        assert_eq!(all["HostConfig"][key], plain["HostConfig"][key], "{key}");
    }
    assert_eq!(all["Mounts"], plain["Mounts"]);
    assert_eq!(properties, plain_properties);
    assert_eq!(sh("ls /tmp/mcpod-was-here 2>/dev/null", &[]).stdout, "");
}
