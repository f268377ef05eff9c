use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::catalog::{
    Arg, Artifact, Entry, InputKind, LaunchOption, Mount, Network, Run, shared_data,
};

fn parsed(yaml: &str) -> Parsed {
    parse(
        "docker",
        &[Folder {
            name: "x".to_owned(),
            server: yaml.as_bytes().to_vec(),
            ..Folder::default()
        }],
    )
}

#[track_caller]
fn option(rest: &str) -> (LaunchOption, Entry) {
    let parsed = parsed(&format!("name: x\ntype: server\nimage: mcp/x\n{rest}"));
    assert_eq!(parsed.refused, []);
    let entry = parsed.entries.into_iter().next().unwrap();
    (entry.launch[0].clone(), entry)
}

fn local(option: &LaunchOption) -> &crate::catalog::Local {
    match &option.run {
        Run::Local(local) => local,
        Run::Remote(_) => panic!("{option:?}"),
    }
}

fn warned(entry: &Entry, text: &str) -> bool {
    entry.warnings.iter().any(|line| line.contains(text))
}

#[test]
fn a_record_is_kept_word_for_word() {
    let text = "# \u{202e}first\nname: x\ntype: server\nimage: a\nmeta:\n  pulls: 70\n  githubStars: 5\n\n\n";
    let folder = Folder {
        name: "x".to_owned(),
        server: text.into(),
        ..Folder::default()
    };
    let parsed = parse("docker", &[folder]);
    let [entry] = parsed.entries.as_slice() else {
        panic!("{parsed:?}")
    };
    assert_eq!(entry.records[0].text, text);
    let popularity = entry.popularity;
    assert_eq!(
        (popularity.downloads, popularity.stars),
        (Some(70), Some(5))
    );
}

#[test]
fn parameters_and_secrets_become_inputs() {
    let (option, entry) = option(
        "config:
  secrets:
    - {name: x.api_key, env: X_API_KEY, example: <key>}
    - {name: github.other, env: OTHER, required: false}
  env:
    - {name: X_URL, example: 9999, value: '{{x.site.url}}'}
    - {name: X_TOKEN, value: '{{x.token}}'}
    - {name: X_LEVEL, value: 012}
    - {name: x.asked, env: X_ASKED}
  parameters:
    type: object
    properties:
      site: {type: object, properties: {url: {type: string, default: 'https://a.example', pattern: '^https?://.*'}}, required: [url]}
      unused: {type: string}
    required: [site]
",
    );
    let inputs: Vec<_> = option
        .inputs
        .iter()
        .map(|input| (input.path.as_str(), input.secret, input.required))
        .collect();
    assert_eq!(
        inputs,
        [
            ("site.url", false, true),
            ("api_key", true, true),
            ("github.other", true, false),
            ("token", true, false),
            ("x_asked", false, true)
        ]
    );
    let env: Vec<_> = local(&option)
        .env
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.text()))
        .collect();
    assert_eq!(
        env,
        [
            ("X_API_KEY", "{{api_key}}"),
            ("OTHER", "{{github.other}}"),
            ("X_URL", "{{site.url}}"),
            ("X_TOKEN", "{{token}}"),
            ("X_LEVEL", "012"),
            ("X_ASKED", "{{x_asked}}"),
        ]
    );
    assert_eq!(option.inputs[0].example.as_deref(), Some("9999"));
    let pattern = option.inputs[0].pattern.clone();
    assert_eq!(pattern.map(String::from).as_deref(), Some("^https?://.*"));
    assert_eq!(entry.warnings, []);
}

#[test]
fn a_schema_in_the_wrong_place_counts() {
    let (option, _) = option(
        "config:\n  env: [{name: A, value: '{{x.a}}'}, {name: B, value: '{{x.b}}'}]\n  parameters:\n  type: object\n  properties: {a: {type: integer, default: 3}}\n  required: [a]\n",
    );
    let [a, b] = option.inputs.as_slice() else {
        panic!("{option:?}")
    };
    assert_eq!((a.kind, a.required), (InputKind::Integer, true));
    assert_eq!((b.kind, b.required), (InputKind::Text, false));
}

#[test]
fn what_runs_is_read() {
    let (option, entry) = option(
        "source: {project: 'https://github.com/o/r', commit: abc, directory: sub, dockerfile: sub/D}
run:
  command: ['--dirs', '{{x.dirs|volume-target|into}}', '--flag={{x.flag}}']
  volumes: ['{{x.dirs|volume|into}}', 'x-data:/data', '{{x.home}}:/home/x:ro']
  env: {HEADERS: '{\"a\": \"Bearer $KEY\"}'}
  user: '{{x.user}}'
  allowHosts: ['*:8081', 'a.example:443']
  ports: ['1:1']
config:
  secrets: [{name: x.key, env: KEY}]
  volumes: ['/a:/b']
  parameters: {type: object, properties: {dirs: {type: array, items: {type: string}, default: [/Users/me]}, home: {type: string, default: /Users/me}}}
",
    );
    let run = local(&option);
    assert_eq!(run.args.len(), 3);
    assert!(matches!(&run.args[2], Arg::Positional(word) if word.text() == "--flag={{flag}}"));
    assert!(matches!(
        run.mounts[..],
        [
            Mount::Each(_),
            Mount::Volume { .. },
            Mount::Bind {
                read_only: true,
                ..
            }
        ]
    ));
    assert!(option.is_secret(&run.env[1].value));
    assert!(matches!(&run.network, Network::Allow(hosts) if hosts.len() == 2));
    for path in ["dirs", "home"] {
        let input = option
            .inputs
            .iter()
            .find(|input| input.path.as_str() == path);
        let input = input.unwrap();
        assert_eq!((input.kind, &input.default), (InputKind::Path, &None));
        assert_eq!(input.example.as_deref(), Some("/Users/me"));
    }
    let kinds: Vec<_> = entry.launch.iter().map(LaunchOption::kind).collect();
    assert_eq!(kinds, ["image", "git"]);
    assert!(warned(&entry, "run.ports") && warned(&entry, "config.volumes"));
    assert_eq!(entry.publisher.as_deref(), Some("o"));
}

#[test]
fn a_secret_is_no_argument() {
    let (option, entry) = option(
        "run: {command: ['--auth-token', $T, --v, '--key=$T']}\nconfig: {secrets: [{name: x.t, env: T}]}\n",
    );
    let args = &local(&option).args;
    assert!(
        matches!(&args[..], [Arg::Positional(word)] if word.text() == "--v"),
        "{args:?}"
    );
    assert!(warned(&entry, "no argument"));
}

#[test]
fn a_remote_has_its_headers() {
    let parsed = parsed(
        "name: x\ntype: remote\nremote:\n  transport_type: sse\n  url: https://a.example/sse\n  headers: {Authorization: 'Bearer ${KEY}', X-B: '${B}'}\nconfig: {secrets: [{name: x.key, env: KEY}]}\noauth: [{provider: a, secret: x.o, env: O}]\n",
    );
    let entry = &parsed.entries[0];
    let Run::Remote(remote) = &entry.launch[0].run else {
        panic!("{entry:?}")
    };
    assert!(remote.login && entry.requires_key() && entry.official);
    let values: Vec<_> = remote
        .headers
        .iter()
        .map(|header| header.value.text())
        .collect();
    assert_eq!(values, ["Bearer {{key}}", "{{b}}"]);
    assert!(entry.launch[0].inputs.iter().all(|input| input.secret));
}

#[test]
fn a_bad_record_is_refused_with_the_field_that_is_wrong() {
    for (yaml, field, reason) in [
        ("a: [", "YAML", ""),
        ("name: x", "YAML", "type"),
        ("name: y\ntype: poci", "name", "folder"),
        ("name: x\ntype: server", "image", "names an image"),
        ("name: x\ntype: remote", "remote", "address"),
        ("name: x\ntype: other", "type", "other"),
        ("name: x\ntype: server\nimage: 'A B'", "image", "A B"),
        (
            "name: x\ntype: remote\nremote: {url: 'javascript:1'}",
            "remote.url",
            "web",
        ),
        (
            "name: x\ntype: server\nimage: a\nrun: {volumes: [a]}",
            "run.volumes",
            "no mount",
        ),
        (
            "name: x\ntype: server\nimage: a\nrun: {allowHosts: [a/b]}",
            "run.allowHosts",
            "no host",
        ),
        ("name: x\nname: y\ntype: poci", "YAML", "duplicate"),
    ] {
        let parsed = parsed(yaml);
        let [refused] = parsed.refused.as_slice() else {
            panic!("{yaml:?}: {parsed:?}")
        };
        assert_eq!(refused.record.as_str(), "servers/x/server.yaml");
        assert_eq!(refused.field.as_str(), field, "{refused}");
        assert!(refused.reason.contains(reason), "{refused}");
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut yaml = "name: x\ntype: poci\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let above = level - 1;
        yaml = format!(
            "{yaml}a{level}: &a{level} [*a{above}, *a{above}, *a{above}, *a{above}, *a{above}, *a{above}]\n"
        );
    }
    assert_eq!(parsed(&yaml).refused.len(), 1);
}

#[test]
fn tools_that_are_containers_are_run_unless_the_catalog_names_a_path() {
    let text = |volume: &str| {
        format!(
            "name: x\ntype: poci\ntools:\n- name: look\n  description: Looks\n  parameters: {{type: object, required: [args]}}\n  \
             container: {{image: a/b, command: [\"-s\", \"{{{{args|into}}}}\"], volumes: [\"{volume}\"]}}\n"
        )
    };
    let whole = parsed(&text("{{dir}}:{{dir}}"));
    let option = &whole.entries[0].launch[0];
    assert_eq!(option.kind(), "tools");
    let Run::Local(local) = &option.run else {
        panic!("{option:?}");
    };
    let Artifact::Tools(tools) = &local.artifact else {
        panic!("{option:?}");
    };
    assert_eq!(tools[0].image.to_string(), "docker.io/a/b:latest");
    assert_eq!(tools[0].schema, r#"{"type":"object","required":["args"]}"#);
    assert_eq!((tools[0].command.len(), tools[0].mounts.len()), (2, 1));

    let greedy = parsed(&text("/var/run/docker.sock:/var/run/docker.sock"));
    let entry = &greedy.entries[0];
    assert_eq!((entry.launch.len(), entry.tools.len()), (0, 1));
    assert!(entry.warnings[0].contains("/var/run/docker.sock"));
}

/// Counts over the registry as it was on 2026-07-08.
#[test]
#[ignore = "reads ../shared/data"]
fn the_real_registry_of_shared_data_is_read_whole() {
    let unpacked = shared_data::unpacked();
    let parsed = parse("docker", &shared_data::docker_folders(unpacked.path()));
    assert_eq!(parsed.refused, []);
    assert_eq!(parsed.entries.len(), 328);
    let mut kinds = BTreeMap::new();
    for entry in &parsed.entries {
        let kind = entry.launch.first().map_or("none", LaunchOption::kind);
        *kinds.entry(kind).or_insert(0) += 1;
    }
    assert_eq!(
        kinds,
        BTreeMap::from([("image", 249), ("none", 1), ("remote", 76), ("tools", 2)])
    );
    let count = |is: fn(&Entry) -> bool| parsed.entries.iter().filter(|entry| is(entry)).count();
    assert_eq!(count(|entry| entry.launch.len() == 2), 249);
    assert_eq!(count(|entry| entry.readme.is_some()), 81);
    assert_eq!(count(|entry| entry.description.is_some()), 269);
    assert_eq!(count(|entry| entry.categories.len() == 1), 328);
    let tools: usize = parsed.entries.iter().map(|entry| entry.tools.len()).sum();
    let is_per_call = |entry: &&Entry| {
        let option = entry.launch.first();
        option.is_none_or(|option| option.kind() == "tools")
    };
    let unlisted: usize = parsed
        .entries
        .iter()
        .filter(is_per_call)
        .map(|entry| entry.tools.len())
        .sum();
    assert_eq!(tools - unlisted, 755);
    let mut inputs = parsed.entries.iter().flat_map(|entry| &entry.launch);
    assert!(inputs.any(|option| option.inputs.iter().any(|input| input.pattern.is_some())));
    // 38 have no `config` at all; five more configure nothing that the user could say.
    assert_eq!(
        count(|entry| entry
            .launch
            .first()
            .is_some_and(|option| option.inputs.is_empty() && option.kind() == "image")),
        43
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), value in any::<String>(), other in "[{}|$x.a-c:/ ]{0,20}") {
        parsed(&text);
        for value in [serde_json::to_string(&value).unwrap(), serde_json::to_string(&other).unwrap()] {
            for key in ["image", "about: {title: 1, description", "run: {user: u, command: [a], volumes", "config: {env: [{name"] {
                let end: String = key.chars().rev().filter_map(|c| match c { '{' => Some('}'), '[' => Some(']'), _ => None }).collect();
                let end = if key.starts_with("run") { "}" } else { end.as_str() };
                let yaml = format!("name: x\ntype: server\n{key}: {value}{end}\n");
                let parsed = parsed(&yaml);
                prop_assert_eq!(parsed.entries.len() + parsed.refused.len(), 1);
            }
        }
    }

    #[test]
    fn every_reference_has_its_input(words in prop::collection::vec("[a-z{}|$./]{0,12}|\\{\\{x\\.[a-c]{1,2}\\}\\}", 0..6)) {
        let words = serde_json::to_string(&words).unwrap();
        let parsed = parsed(&format!("name: x\ntype: server\nimage: a\nrun: {{command: {words}}}\n"));
        for option in parsed.entries.iter().flat_map(|entry| &entry.launch) {
            for path in option.templates().into_iter().flat_map(crate::catalog::Template::inputs) {
                prop_assert!(option.inputs.iter().any(|input| input.path == *path));
            }
        }
    }
}
