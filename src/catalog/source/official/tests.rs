use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::catalog::{
    Arg, Artifact, InputKind, LaunchOption, Local, Mount, Remote, Run, Transport, shared_data,
};

/// The first launch option of a document with this in it, and its entry.
#[track_caller]
fn option(body: &str) -> (LaunchOption, Entry) {
    let item = format!(r#"{{"name": "com.example/x", "version": "1.0.0", {body}}}"#);
    let parsed = parse("official", [item.as_str()]);
    assert_eq!(parsed.refused, []);
    let entry = parsed.entries.into_iter().next().unwrap();
    let option = entry.launch.first().cloned();
    (
        option.unwrap_or_else(|| panic!("{:?}", entry.warnings)),
        entry,
    )
}

fn local(option: &LaunchOption) -> &Local {
    match &option.run {
        Run::Local(local) => local,
        Run::Remote(_) => panic!("{option:?}"),
    }
}

fn remote(option: &LaunchOption) -> &Remote {
    match &option.run {
        Run::Remote(remote) => remote,
        Run::Local(_) => panic!("{option:?}"),
    }
}

fn inputs(option: &LaunchOption) -> Vec<(&str, bool, bool)> {
    option
        .inputs
        .iter()
        .map(|input| (input.path.as_str(), input.secret, input.required))
        .collect()
}

fn args(option: &LaunchOption) -> Vec<String> {
    let text = |arg: &Arg| match arg {
        Arg::Positional(value) => value.text().to_owned(),
        Arg::Named { name, value } => format!("{name} {value}"),
    };
    local(option).args.iter().map(text).collect()
}

#[test]
fn a_record_is_kept_word_for_word() {
    let item = "{ \"server\":\n {\"name\": \"a.b/c\", \"version\": \"1\", \"x\": \"\\u0007 \u{202e}\"},\r\n\t\"_meta\": {\"y\": [1]} } ";
    let parsed = parse("official", [item]);
    assert_eq!(parsed.entries[0].records[0].text, item);
    let long = format!(
        r#"{{"name": "a.b/c", "version": "1", "x": "{}"}}"#,
        "x".repeat(1 << 20)
    );
    let refused = parse("official", [long.as_str()]).refused;
    assert_eq!(refused[0].field.as_str(), "record");
}

#[test]
fn a_package_has_variables_and_arguments() {
    let (option, _) = option(
        r#""packages": [{"registryType": "npm", "identifier": "@a/b", "version": "2.0.0", "transport": {"type": "stdio"},
        "environmentVariables": [{"name": "API_KEY", "isRequired": true}, {"name": "URL", "value": "https://{region}.example/{x}", "variables": {"region": {"default": "eu"}}},
            {"name": ""}, {"name": "FILE", "format": "filepath", "default": "C:/Users/YourName/x"}],
        "packageArguments": [{"type": "named", "name": "port", "format": "number", "default": "80"}, {"type": "", "value": "serve"},
            {"type": "named", "name": "--yes", "isRequired": true}, {"type": "positional", "valueHint": "dir", "isRepeated": true, "format": "filepath", "isRequired": true}]}]"#,
    );
    let Artifact::Package(package) = &local(&option).artifact else {
        panic!("{option:?}")
    };
    assert_eq!(package.to_string(), "npm:@a/b@2.0.0");
    assert_eq!(
        inputs(&option),
        [
            ("API_KEY", true, true),
            ("region", false, false),
            ("FILE", false, false),
            ("port", false, false),
            ("dir", false, true)
        ]
    );
    let env: Vec<_> = local(&option)
        .env
        .iter()
        .map(|variable| variable.value.text())
        .collect();
    assert_eq!(
        env,
        [
            "{{API_KEY}}",
            "https://{{region}}.example/{x}",
            "{{FILE|volume-target}}"
        ]
    );
    assert_eq!(
        args(&option),
        [
            "--port {{port}}",
            "serve",
            "--yes",
            "{{dir|volume-target|into}}"
        ]
    );
    let file = &option.inputs[2];
    assert_eq!((file.kind, &file.default), (InputKind::Path, &None));
    assert!(file.example.is_some());
    assert_eq!(local(&option).mounts.len(), 2);
}

#[test]
fn images_are_mended_and_come_first() {
    for (identifier, version, image) in [
        ("ghcr.io/SamYuan1990/I:v1", "", "ghcr.io/samyuan1990/i:v1"),
        ("signoz/s", "1.2", "docker.io/signoz/s:1.2"),
        ("docker.io/a/b:1", "2", "docker.io/a/b:1"),
    ] {
        let (option, _) = option(&format!(
            r#""packages": [{{"registry_type": "npm", "identifier": "a"}}, {{"registry_type": "oci", "identifier": "{identifier}", "version": "{version}"}}]"#
        ));
        let Artifact::Image(found) = &local(&option).artifact else {
            panic!("{option:?}")
        };
        assert_eq!(found.to_string(), image);
    }
    let hash = "d9".repeat(32);
    let (option, _) = option(&format!(
        r#""packages": [{{"registryType": "oci", "identifier": "docker.io/a/b:sha256:{hash}"}}]"#
    ));
    let Artifact::Image(found) = &local(&option).artifact else {
        panic!("{option:?}")
    };
    assert_eq!(found.to_string(), format!("docker.io/a/b@sha256:{hash}"));
}

#[test]
fn of_docker_run_variables_and_mounts_are_taken_over_and_nothing_else() {
    let (option, entry) = option(
        r#""packages": [{"registryType": "oci", "identifier": "docker.io/a/b:1", "runtimeArguments": [
        {"type": "positional", "value": "run"}, {"type": "named", "name": "--rm"}, {"type": "named", "name": "-e"}, {"type": "positional", "value": "ASKED"},
        {"type": "named", "name": "-e", "value": "KEY={my-key}", "variables": {"token": {}}},
        {"type": "named", "name": "-e", "value": "SET=x"},
        {"type": "named", "name": "-v", "value": "{dir}:/work:ro", "variables": {"dir": {"isRequired": true, "default": "/path/to"}}},
        {"type": "named", "name": "--mount", "value": "type=bind,src={file},dst=/f", "variables": {"file": {"format": "filepath"}}},
        {"type": "named", "name": "--network", "value": "host"}, {"type": "positional", "value": "a/b:1"}]}]"#,
    );
    let env: Vec<_> = local(&option)
        .env
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.text()))
        .collect();
    assert_eq!(
        env,
        [("ASKED", "{{ASKED}}"), ("KEY", "{{my-key}}"), ("SET", "x")]
    );
    assert!(matches!(
        local(&option).mounts[..],
        [
            Mount::Bind {
                read_only: true,
                ..
            },
            Mount::Bind {
                read_only: false,
                ..
            }
        ]
    ));
    let dir = option
        .inputs
        .iter()
        .find(|input| input.path.as_str() == "dir")
        .unwrap();
    assert_eq!((dir.kind, &dir.default), (InputKind::Path, &None));
    let [warning] = entry.warnings.as_slice() else {
        panic!("{:?}", entry.warnings)
    };
    assert!(warning.contains("--network host"), "{warning}");
}

#[test]
fn a_remote_asks_for_what_its_headers_name() {
    let (option, _) = option(
        r#""remotes": [{"type": "streamable-http", "url": "https://{tenant}.example.com/mcp", "variables": {"tenant": {"isRequired": true}},
        "headers": [{"name": "Authorization", "value": "Bearer {smithery_api_key}"}, {"name": "X-API-Key", "value": "YOUR_API_TOKEN_HERE"}, {"name": "X-Lang", "value": "en"}, {"name": "X-Opt"}, {"name": "bad name"}]}]"#,
    );
    let values: Vec<_> = remote(&option)
        .headers
        .iter()
        .map(|header| header.value.text())
        .collect();
    assert_eq!(
        values,
        [
            "Bearer {{smithery_api_key}}",
            "{{X-API-Key}}",
            "en",
            "{{X-Opt}}"
        ]
    );
    assert_eq!(
        inputs(&option),
        [
            ("tenant", false, true),
            ("smithery_api_key", true, true),
            ("X-API-Key", true, true),
            ("X-Opt", false, false)
        ]
    );
    assert_eq!(
        remote(&option).endpoint.url.text(),
        "https://{{tenant}}.example.com/mcp"
    );
}

#[test]
fn a_local_address_is_trusted_only_where_it_is_local() {
    let package = |url: &str| {
        format!(
            r#""packages": [{{"registryType": "pypi", "identifier": "a", "transport": {{"type": "streamable-http", "url": "{url}"}}, "packageArguments": [{{"type": "named", "name": "--port", "default": "8000"}}]}}]"#
        )
    };
    for (url, expected) in [
        (
            "http://127.0.0.1:{port}/mcp",
            "http://127.0.0.1:{{port}}/mcp",
        ),
        ("http://localhost:3000/mcp", "http://localhost:3000/mcp"),
        ("https://example.com/mcp", "{{url}}"),
    ] {
        let (option, _) = option(&package(url));
        let Transport::Http(endpoint) = &local(&option).transport else {
            panic!("{option:?}")
        };
        assert_eq!(endpoint.url.text(), expected);
    }
}

#[test]
fn the_newest_version_that_was_not_deleted_is_the_entry() {
    let item = |version: &str, day: u32, status: &str| {
        format!(
            r#"{{"server": {{"name": "a.b/c", "version": "{version}", "description": "{version}"}}, "_meta": {{"io.modelcontextprotocol.registry/official": {{"status": "{status}", "statusMessage": "why", "publishedAt": "2025-01-{day:02}T00:00:00Z", "isLatest": false}}}}}}"#
        )
    };
    for (items, newest) in [
        (
            vec![item("1.10.0", 1, "active"), item("1.9.0", 2, "active")],
            Some("1.10.0"),
        ),
        (
            vec![item("1.0.0", 1, "active"), item("auto", 2, "active")],
            Some("auto"),
        ),
        (
            vec![item("1.0.0", 1, "active"), item("2.0.0", 2, "deleted")],
            Some("1.0.0"),
        ),
        (vec![item("1.0.0", 1, "deleted")], None),
        (
            vec![item("1.0.0", 1, "active"), item("2.0.0", 2, "deprecated")],
            Some("2.0.0"),
        ),
    ] {
        let parsed = parse("official", items.iter().map(String::as_str));
        let version = parsed
            .entries
            .first()
            .and_then(|entry| entry.version.as_deref());
        assert_eq!(version, newest);
        if newest == Some("2.0.0") {
            assert_eq!(parsed.entries[0].status, Status::Deprecated("why".into()));
        }
    }
}

#[test]
fn a_bad_item_is_refused_alone() {
    for (item, record, field) in [
        ("{}", "item 1", "JSON"),
        (r#"{"version": "1"}"#, "item 1", "JSON"),
        (r#"{"name": "a b/c", "version": "1"}"#, "a b/c 1", "name"),
        (
            r#"{"name": "a/b", "version": "1", "packages": 3}"#,
            "a/b 1",
            "JSON",
        ),
    ] {
        let good = r#"{"name": "good/one", "version": "1"}"#;
        let parsed = parse("official", [item, good]);
        assert_eq!(parsed.entries.len(), 1);
        let [refused] = parsed.refused.as_slice() else {
            panic!("{parsed:?}")
        };
        assert_eq!(
            (refused.record.as_str(), refused.field.as_str()),
            (record, field),
            "{refused}"
        );
    }
}

#[test]
fn pages_are_read_leniently() {
    let real =
        br#"{"servers": [{"name": "a/b"}], "metadata": {"next_cursor": "a/b:1", "count": 1}}"#;
    let first = page(real).unwrap();
    assert_eq!(
        (first.items.len(), first.next.as_deref()),
        (1, Some("a/b:1"))
    );
    let last = page(br#"{"servers": [], "metadata": {"nextCursor": ""}}"#).unwrap();
    assert_eq!(last.next, None);
    let dump = page("\u{feff}\n[{}, {}]".as_bytes()).unwrap();
    assert_eq!(dump.items.len(), 2);
    for bytes in [&b""[..], b"<html>", b"{}", br#"{"error": "no"}"#] {
        assert!(page(bytes).is_err());
    }
}

fn items(folder: &Path) -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .flat_map(|path| page(&fs::read(path).unwrap()).unwrap().items)
        .collect()
}

fn kinds(parsed: &Parsed) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for entry in &parsed.entries {
        *kinds
            .entry(entry.launch.first().map_or("none", LaunchOption::kind))
            .or_insert(0) += 1;
    }
    kinds
}

/// Counts over a dump of 2025-12-18.
#[test]
#[ignore = "reads ../shared/data"]
fn the_real_registry_of_shared_data_is_read_whole() {
    let unpacked = shared_data::unpacked();
    let folder = unpacked.path().join("official-registry");
    let all = items(&folder.join("all"));
    let latest = items(&folder.join("latest"));
    assert_eq!((all.len(), latest.len()), (2794, 1108));
    let parsed = parse("official", all.iter().map(String::as_str));
    assert_eq!(parsed.refused, []);
    assert_eq!(parsed.entries.len(), 1108);
    let said = parse("official", latest.iter().map(String::as_str));
    let version = |parsed: &Parsed| -> Vec<_> {
        parsed
            .entries
            .iter()
            .map(|entry| (entry.id.clone(), entry.version.clone()))
            .collect()
    };
    let (ours, theirs) = (version(&parsed), version(&said));
    let same = ours.iter().zip(&theirs).filter(|(a, b)| a == b).count();
    assert_eq!((theirs.len(), same), (1108, 1105));
    let counts = [
        ("image", 86),
        ("mcpb", 17),
        ("none", 41),
        ("npm", 342),
        ("nuget", 10),
        ("pypi", 153),
        ("remote", 459),
    ];
    assert_eq!(kinds(&said), BTreeMap::from(counts));
}

#[test]
#[ignore = "reads ../shared/data"]
fn the_older_forms_of_shared_data_are_read() {
    let unpacked = shared_data::unpacked();
    let folder = unpacked.path().join("official-registry/legacy");
    for (file, entries, refused, without) in [
        ("seed_2025_05_16.json", 464, 1, 315),
        ("v0-2025-09-15-flat.json", 209, 1, 2),
    ] {
        let dump = page(&fs::read(folder.join(file)).unwrap()).unwrap();
        let parsed = parse("official", dump.items.iter().map(String::as_str));
        let none = kinds(&parsed).get("none").copied().unwrap_or_default();
        assert_eq!(
            (parsed.entries.len(), parsed.refused.len(), none),
            (entries, refused, without),
            "{file}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), field in "(packages|remotes|repository|title)", value in "[\\[\\]{}a-z\": ,{}0-9]{0,30}") {
        parse("official", [text.as_str()]);
        let quoted = serde_json::to_string(&text).unwrap();
        let item = format!(r#"{{"name": "a/b", "version": {quoted}, "{field}": {value}}}"#);
        parse("official", [item.as_str()]);
        let item = format!(r#"{{"name": "a/b", "version": "1", "packages": [{{"registryType": "oci", "identifier": {quoted}, "runtimeArguments": [{{"name": "-v", "value": {quoted}}}]}}], "remotes": [{{"type": "sse", "url": {quoted}}}]}}"#);
        let parsed = parse("official", [item.as_str()]);
        prop_assert_eq!(parsed.entries.len() + parsed.refused.len(), 1);
    }

    #[test]
    fn every_reference_has_its_input(value in "[{}a-c]{0,12}", header in "[{}a-c ]{0,12}") {
        let (value, header) = (serde_json::to_string(&value).unwrap(), serde_json::to_string(&header).unwrap());
        let item = format!(r#"{{"name": "a/b", "version": "1", "packages": [{{"registryType": "npm", "identifier": "a", "environmentVariables": [{{"name": "A", "value": {value}, "variables": {{"a": {{}}}}}}]}}], "remotes": [{{"type": "sse", "url": "https://a.b", "headers": [{{"name": "A", "value": {header}}}]}}]}}"#);
        for option in parse("official", [item.as_str()]).entries.iter().flat_map(|entry| &entry.launch) {
            for path in option.templates().into_iter().flat_map(crate::catalog::Template::inputs) {
                prop_assert!(option.inputs.iter().any(|input| input.path == *path), "{path} {option:?}");
            }
        }
    }
}
