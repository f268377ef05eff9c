//! What goes in comes out: every key is given hostile texts, and two readers made apart from the writer read them back.

use proptest::prelude::*;

use super::keys::{container, unit};
use super::name::UnitName;
use super::unit_file::UnitFile;
use super::value::{Assignment, MemoryMount, VolumeMount, VolumeSource};
use crate::quadlet;

mod give;
#[path = "../../tests/fixtures/hostile.rs"]
mod hostile;
#[path = "../../tests/fixtures/readers.rs"]
mod readers;

use give::give;
use readers::{Quadlet, command, systemd_lines};

#[test]
fn ordinary_values_are_taken() {
    let mut file = UnitFile::new();
    for image in [
        "alpine",
        "docker.io/mcp/time@sha256:0123",
        "localhost:5000/a/b-c_d:1.0",
    ] {
        file.push(container::IMAGE, image).unwrap();
    }
    for network in ["none", "pasta:-t,8080:80", "bridge", "slirp4netns:mtu=1500"] {
        file.push(container::NETWORK, network).unwrap();
    }
    for namespace in ["nomap", "keep-id", "keep-id:uid=1000,gid=1000"] {
        file.push(container::USER_NS, namespace).unwrap();
    }
    for user in ["0", "1000:1000", "_apt", "node"] {
        file.push(container::USER, user).unwrap();
    }
    for variable in ["KEY", "_a1", "spring.data-url"] {
        let assignment = Assignment::new(variable, "a\tb\n%i$");
        file.push(container::ENVIRONMENT, &assignment).unwrap();
    }
    let volume = VolumeMount {
        source: VolumeSource::Host("/srv/é".to_owned()),
        target: "/da ta".to_owned(),
        options: vec!["ro".to_owned(), "U".to_owned()],
    };
    file.push(container::VOLUME, &volume).unwrap();
    let memory = MemoryMount {
        target: "/tmp".to_owned(),
        options: vec!["size=64m".to_owned()],
    };
    file.push(container::TMPFS, &memory).unwrap();
    for address in ["https://example.org/a%20b", "man:mcpod(1)"] {
        file.push(unit::DOCUMENTATION, address).unwrap();
    }
    for name in [
        "mcpod-a@3-1278-1000.service",
        "sockets.target",
        "mcpod.slice",
    ] {
        file.push(unit::AFTER, &UnitName::from_systemd(name))
            .unwrap();
    }
    file.push(
        unit::DESCRIPTION,
        &"Grüße, \"100%\" \\o/ 👩\u{200d}💻".into(),
    )
    .unwrap();
    insta::assert_snapshot!(file, @r#"
    [Container]
    Image=alpine
    Image=docker.io/mcp/time@sha256:0123
    Image=localhost:5000/a/b-c_d:1.0
    Network=none
    Network=pasta:-t,8080:80
    Network=bridge
    Network=slirp4netns:mtu=1500
    UserNS=nomap
    UserNS=keep-id
    UserNS=keep-id:uid=1000,gid=1000
    User=0
    User=1000:1000
    User=_apt
    User=node
    Environment="KEY=a\tb\n%%i$$"
    Environment="_a1=a\tb\n%%i$$"
    Environment="spring.data-url=a\tb\n%%i$$"
    Volume=/srv/é:/da ta:ro,U
    Tmpfs=/tmp:size=64m

    [Unit]
    Documentation=https://example.org/a%%20b
    Documentation=man:mcpod(1)
    After=mcpod-a@3-1278-1000.service
    After=sockets.target
    After=mcpod.slice
    Description=Grüße, "100%%" \o/ 👩‍💻
    "#);
}

#[test]
fn a_refusal_names_the_key_and_the_reason() {
    let mut file = UnitFile::new();
    let refusals = [
        file.push(container::IMAGE, "--privileged"),
        file.push(container::IMAGE, "mcpod-other.build"),
        file.push(container::EXEC, &["find".to_owned(), ";".to_owned()]),
        file.push(container::EXEC, &["a".to_owned(), String::new()]),
        file.push(container::ENVIRONMENT, &Assignment::new("A B", "")),
        file.push(container::WORKING_DIR, "srv"),
        file.push(unit::DESCRIPTION, &"a\u{202e}b".into()),
        file.push(unit::DESCRIPTION, &"a\\".into()),
        file.push(unit::DESCRIPTION, &"".into()),
        file.push(unit::WANTS, &UnitName::from_systemd("a b.service")),
        file.push(container::LABEL, &Assignment::new("a", "\u{1b}[2J")),
    ];
    let refusals = refusals.map(|refusal| refusal.unwrap_err().to_string());
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Image= in [Container] cannot hold this value: it begins with a dash and would be read as an option
    Image= in [Container] cannot hold this value: it ends in .build and would be read as the name of a Quadlet unit
    Exec= in [Container] cannot hold this value: one of its words is a semicolon alone: systemd would begin another command there
    Exec= in [Container] cannot hold this value: one of its words is empty: Quadlet would drop that word and all behind it
    Environment= in [Container] cannot hold this value: "A B" is no name that can be assigned to there
    WorkingDir= in [Container] cannot hold this value: it is no absolute path
    Description= in [Unit] cannot hold this value: it has the character '\u{202e}', which cannot stand there
    Description= in [Unit] cannot hold this value: it begins or ends with '\\', which would not be read back
    Description= in [Unit] cannot hold this value: it is empty
    Wants= in [Unit] cannot hold this value: "a b.service" is no name of a systemd unit
    Label= in [Container] cannot hold this value: that of a: it has the character '\u{1b}', which cannot stand there
    "#);
    assert_eq!(file, UnitFile::new());
}

#[test]
fn every_hostile_text_is_read_back_or_refused() {
    for (_, text) in hostile::texts() {
        give(&text);
    }
}

#[test]
fn a_container_takes_all_hostile_texts_at_once() {
    let texts = hostile::texts();
    let short = texts
        .iter()
        .map(|(_, text)| text.as_str())
        .filter(|text| text.len() < 1000);
    let given = hostile::Given::new(short);
    assert!(given.arguments.len() > 40, "{}", given.arguments.len());
    assert!(given.variables.len() > 40, "{}", given.variables.len());

    let mut file = UnitFile::new();
    file.push(container::IMAGE, "image").unwrap();
    given.push_to(&mut file);
    let mut expected = vec!["/usr/bin/podman".to_owned(), "run".to_owned()];
    for (option, pairs) in [
        ("--env", &given.variables),
        ("--label", &given.labels),
        ("--annotation", &given.labels),
    ] {
        let mut pairs = pairs.clone();
        pairs.sort_by(|a, b| a.name.cmp(&b.name));
        for Assignment { name, value } in pairs {
            expected.extend([option.to_owned(), format!("{name}={value}")]);
        }
    }
    expected.push("image".to_owned());
    expected.extend(given.arguments);
    for quadlet in [Quadlet::V5_4, Quadlet::V5_8] {
        let lines = systemd_lines(&quadlet.container_service(&file.to_string()));
        assert_eq!(lines.len(), 1);
        assert_eq!(command(&lines[0].value), expected);
    }
}

#[test]
fn the_longest_file_still_makes_a_line_that_systemd_reads() {
    let mut file = UnitFile::new();
    file.push(container::IMAGE, "image").unwrap();
    // Nothing grows more than a space.
    while file
        .push(
            container::TMPFS,
            &MemoryMount {
                target: format!("/{}a", " ".repeat(200)),
                options: Vec::new(),
            },
        )
        .is_ok()
    {}
    let service = Quadlet::V5_8.container_service(&file.to_string());
    let longest = service.lines().map(str::len).max();
    assert!(longest < Some(1024 * 1024), "{longest:?}");
}

/// Any text, with those characters in plenty that mean something to a reader.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(
                    " \t\n\r\0\\\"'%$;#[]={}:,-/@ \u{a0}\u{85}\u{2028}\u{3000}aint0x"
                        .chars()
                        .collect::<Vec<_>>()
                ),
                any::<char>(),
            ],
            0..12,
        )
        .prop_map(|characters| characters.into_iter().collect()),
    ]
}

/// A text that is nearly a unit file.
fn any_file() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "[A]", "[B]", "\n", "\n", "\r\n", "Key", "=", " ", "\t", "\\", "\\\n", "#", ";",
            "value", "\u{feff}", "\0", "[", "]"
        ])
        .prop_map(str::to_owned),
        any_text(),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    // A text that fails is printed; nothing is left beside the sources.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_back_or_refused(text in any_text()) {
        give(&text);
    }

    #[test]
    fn whatever_was_parsed_is_printed_and_parsed_again(text in any_file()) {
        if let Ok(file) = UnitFile::parse(&text) {
            let printed = file.to_string();
            prop_assert_eq!(UnitFile::parse(&printed), Ok(file));
        }
    }

    #[test]
    fn a_file_is_parsed_as_systemd_reads_it(text in any_file()) {
        let noncharacter = |c: char| u32::from(c) & 0xFFFE == 0xFFFE || ('\u{FDD0}'..='\u{FDEF}').contains(&c);
        prop_assume!(!text.contains(noncharacter));
        if let Ok(file) = UnitFile::parse(&text) {
            let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text).replace("\r\n", "\n");
            for line in systemd_lines(&text) {
                let read = systemd_lines(&text).into_iter().filter(|l| l.section == line.section && l.key == line.key).map(|l| l.value);
                prop_assert!(file.all(&line.section, &line.key).eq(read));
            }
        }
    }
}
