//! What goes in comes out: every key is given hostile texts, and two readers made apart from the writer read them back.

use proptest::prelude::*;

use super::error::ValueError;
use super::keys::{container, install, mcpod, service, socket, unit};
use super::name::UnitName;
use super::unit_file::UnitFile;
use super::value::{
    Assignment, MemoryMount, PodmanOption, SecretVariable, Specifier, Text, VolumeMount,
    VolumeSource,
};
use crate::quadlet;

#[path = "../../tests/fixtures/hostile.rs"]
mod hostile;
#[path = "../../tests/fixtures/readers.rs"]
mod readers;

use readers::{Line, Quadlet, Words, command, quadlet_lines, specifiers, systemd_lines, words};

/// Gives a text to every key, and reads back what the keys took.
fn give(text: &str) {
    let own = || text.to_owned();
    let below = format!("/{text}");
    let pair = Assignment::new("NAME", text);
    let whole = format!("NAME={text}");

    // One argument that is the text, or ends in it.
    container("Image", |f| f.push(container::IMAGE, text), |a| a == [text]);
    container(
        "Exec",
        |f| f.push(container::EXEC, &[own()]),
        |a| a == [text],
    );
    container(
        "Exec",
        |f| f.push(container::EXEC, &["a".to_owned(), own(), "b".to_owned()]),
        |a| a == ["a", text, "b"],
    );
    container(
        "Environment",
        |f| f.push(container::ENVIRONMENT, &pair),
        |a| a == ["--env", &whole],
    );
    container(
        "Label",
        |f| f.push(container::LABEL, &pair),
        |a| a == ["--label", &whole],
    );
    container(
        "Annotation",
        |f| f.push(container::ANNOTATION, &pair),
        |a| a == ["--annotation", &whole],
    );
    container(
        "WorkingDir",
        |f| f.push(container::WORKING_DIR, text),
        |a| a == ["--workdir", text],
    );
    container(
        "WorkingDir",
        |f| f.push(container::WORKING_DIR, &below),
        |a| a == ["--workdir", &below],
    );
    container(
        "Network",
        |f| f.push(container::NETWORK, text),
        |a| a == ["--network", text],
    );
    container(
        "User",
        |f| f.push(container::USER, text),
        |a| a == ["--user", text],
    );
    container(
        "UserNS",
        |f| f.push(container::USER_NS, text),
        |a| a == ["--userns", text],
    );
    container(
        "Pull",
        |f| f.push(container::PULL, text),
        |a| a == ["--pull", text],
    );
    container(
        "LogDriver",
        |f| f.push(container::LOG_DRIVER, text),
        |a| a == ["--log-driver", text],
    );
    container(
        "ContainerName",
        |f| f.push(container::CONTAINER_NAME, text),
        |a| a == ["--name", text],
    );
    container(
        "DropCapability",
        |f| f.push(container::DROP_CAPABILITY, text),
        |a| a == ["--cap-drop", &text.to_lowercase()],
    );
    container(
        "AddCapability",
        |f| f.push(container::ADD_CAPABILITY, text),
        |a| a == ["--cap-add", &text.to_lowercase()],
    );
    container(
        "GlobalArgs",
        |f| f.push(container::GLOBAL_ARGS, &PodmanOption::with("root", text)),
        |a| a == [format!("--root={text}")],
    );
    container(
        "PodmanArgs",
        |f| f.push(container::PODMAN_ARGS, &PodmanOption::with("volume", text)),
        |a| a == [format!("--volume={text}")],
    );

    // The parts of one argument.
    let name = Assignment::new(text, "value");
    let named = format!("{text}=value");
    container(
        "Environment",
        |f| f.push(container::ENVIRONMENT, &name),
        |a| a == ["--env", &named] && text.split('=').count() == 1,
    );
    container(
        "Label",
        |f| f.push(container::LABEL, &name),
        |a| a == ["--label", &named] && text.split('=').count() == 1,
    );
    for (secret, variable) in [(text, "KEY"), ("key", text)] {
        let value = SecretVariable {
            secret: secret.to_owned(),
            variable: variable.to_owned(),
        };
        let split = |word: &str| word.split(',').map(str::to_owned).collect::<Vec<_>>();
        let parts = [
            secret.to_owned(),
            "type=env".to_owned(),
            format!("target={variable}"),
        ];
        container(
            "Secret",
            |f| f.push(container::SECRET, &value),
            |a| a[0] == "--secret" && split(&a[1]) == parts,
        );
    }
    for (target, option) in [(text, "ro"), (&*below, "ro"), ("/data", text)] {
        let value = MemoryMount {
            target: target.to_owned(),
            options: vec![option.to_owned()],
        };
        container(
            "Tmpfs",
            |f| f.push(container::TMPFS, &value),
            |a| a[0] == "--tmpfs" && colons(&a[1]) == [target, option] && !option.contains(','),
        );
        let value = VolumeMount {
            source: VolumeSource::Unit("a.volume".to_owned()),
            target: target.to_owned(),
            options: vec![option.to_owned()],
        };
        container(
            "Volume",
            |f| f.push(container::VOLUME, &value),
            |a| {
                a[0] == "-v"
                    && colons(&a[1]) == ["a.volume", target, option]
                    && !option.contains(',')
            },
        );
    }
    for source in [
        VolumeSource::Host(own()),
        VolumeSource::Host(below.clone()),
        VolumeSource::Unit(own()),
        VolumeSource::Unit(format!("{text}.volume")),
    ] {
        let (VolumeSource::Host(path) | VolumeSource::Unit(path)) = &source;
        let value = VolumeMount {
            source: source.clone(),
            target: "/data".to_owned(),
            options: Vec::new(),
        };
        container(
            "Volume",
            |f| f.push(container::VOLUME, &value),
            |a| a[0] == "-v" && colons(&a[1]) == [path, "/data"],
        );
    }

    // Lists of words inside one argument.
    for list in [
        vec![own()],
        vec![own(), "a".to_owned()],
        vec!["a".to_owned(), own()],
    ] {
        let json = |word: &str| serde_json::from_str::<Vec<String>>(word).unwrap() == list;
        container(
            "Entrypoint",
            |f| f.push(container::ENTRYPOINT, &list),
            |a| a[0] == "--entrypoint" && json(&a[1]),
        );
        container(
            "HealthCmd",
            |f| f.push(container::HEALTH_CMD, &list),
            |a| a[0] == "--health-cmd" && json(&a[1]) && list.len() > 1,
        );
    }

    // What systemd alone reads.
    alone(
        "Unit",
        "Description",
        |f| f.push(unit::DESCRIPTION, &text.into()),
        |value| specifiers(value) == text,
    );
    alone(
        "Unit",
        "Description",
        |f| {
            f.push(
                unit::DESCRIPTION,
                &Text::from(text).and(Specifier::Instance),
            )
        },
        |value| specifiers(value) == format!("{text}3-1278-1000"),
    );
    alone(
        "Socket",
        "ListenStream",
        |f| f.push(socket::LISTEN_STREAM, &text.into()),
        |value| specifiers(value) == text && text.starts_with('/'),
    );
    alone(
        "Socket",
        "ListenStream",
        |f| {
            f.push(
                socket::LISTEN_STREAM,
                &Text::from(Specifier::RuntimeDirectory).and(&*below),
            )
        },
        |value| specifiers(value) == format!("/run/user/1000{below}"),
    );
    alone(
        "Unit",
        "Documentation",
        |f| f.push(unit::DOCUMENTATION, &format!("https://{text}")),
        |value| list(value) == [format!("https://{text}")],
    );
    alone(
        "Unit",
        "Wants",
        |f| f.push(unit::WANTS, &UnitName::from_systemd(text)),
        |value| list(value) == [text],
    );
    alone(
        "Unit",
        "After",
        |f| {
            f.push(
                unit::AFTER,
                &UnitName::from_systemd(format!("{text}.service")),
            )
        },
        |value| list(value) == [format!("{text}.service")],
    );
    alone(
        "Install",
        "WantedBy",
        |f| f.push(install::WANTED_BY, &UnitName::from_systemd(text)),
        |value| list(value) == [text],
    );
    alone(
        "Service",
        "StandardOutput",
        |f| f.push(service::STANDARD_OUTPUT, text),
        |value| value == text,
    );
    alone(
        "Service",
        "Environment",
        |f| f.push(service::ENVIRONMENT, &pair),
        |value| list_of_arguments(value) == [&*whole],
    );
    alone(
        "Service",
        "ExecStart",
        |f| f.push(service::EXEC_START, &["/a".to_owned(), own()]),
        |value| command(value) == ["/a", text],
    );
    alone(
        "Service",
        "ExecStart",
        |f| f.push(service::EXEC_START, &[own()]),
        |value| command(value) == [text],
    );
    alone(
        "Service",
        "ExecStart",
        |f| f.push(service::EXEC_START, &[below.clone()]),
        |value| command(value) == [&*below],
    );

    // What mcpod alone reads: never refused, unless it is too long for the file.
    let mut file = UnitFile::new();
    match file.push(mcpod::INPUT, text) {
        Ok(()) => {
            let printed = file.to_string();
            assert_eq!(systemd_lines(&printed).len(), 1);
            assert_eq!(quadlet_lines(&printed).len(), 1);
            assert_eq!(
                UnitFile::parse(&printed)
                    .unwrap()
                    .record(mcpod::INPUT)
                    .unwrap(),
                text
            );
        }
        Err(error) => assert!(text.len() > 30_000, "{error}"),
    }
}

fn colons(word: &str) -> Vec<&str> {
    word.split(':').collect()
}

/// A list of names, as systemd reads it.
fn list(value: &str) -> Vec<String> {
    words(value, Words::Names)
        .iter()
        .map(|word| specifiers(word))
        .collect()
}

/// A list of words that are no command, as systemd reads it.
fn list_of_arguments(value: &str) -> Vec<String> {
    words(value, Words::Arguments)
        .iter()
        .map(|word| specifiers(word))
        .collect()
}

/// Pushes to a container, and lets Quadlet and then systemd read it: the command must have the arguments that are expected, and there
/// must be nothing else.
#[track_caller]
fn container(
    key: &str,
    push: impl Fn(&mut UnitFile) -> Result<(), ValueError>,
    expected: impl Fn(&[String]) -> bool,
) {
    let mut file = UnitFile::new();
    if key != "Image" {
        file.push(container::IMAGE, "image").unwrap();
    }
    if let Err(error) = push(&mut file) {
        assert_eq!((error.section, error.key), ("Container", key));
        return;
    }
    let printed = file.to_string();
    assert_eq!(UnitFile::parse(&printed).as_ref(), Ok(&file));
    for quadlet in [Quadlet::V5_4, Quadlet::V5_8] {
        let service = quadlet.container_service(&printed);
        assert!(service.lines().all(|line| line.len() < 1024 * 1024));
        let mut lines = systemd_lines(&service);
        let Line {
            section,
            key: start,
            value,
        } = lines.pop().unwrap();
        assert_eq!((&*section, &*start), ("Service", "ExecStart"));
        let arguments = command(&value);
        for line in lines {
            // Only a mount's source may come to stand elsewhere, and there too it must be read as it is.
            assert_eq!((key, &*line.section), ("Volume", "Unit"));
            let source = colons(&arguments[3])[0];
            assert_eq!(list(&line.value), [source], "{}", line.key);
        }
        assert_eq!(arguments[0], "/usr/bin/podman");
        let mut arguments = arguments[1..].to_vec();
        let run = arguments.iter().position(|word| word == "run").unwrap();
        arguments.remove(run);
        if key != "Image" {
            let image = arguments.iter().position(|word| word == "image").unwrap();
            assert_eq!(
                image,
                if key == "Exec" {
                    0
                } else {
                    arguments.len() - 1
                }
            );
            arguments.remove(image);
        }
        assert!(expected(&arguments), "{key}= was read as {arguments:?}");
    }
}

/// Pushes to a file that systemd reads itself.
#[track_caller]
fn alone(
    section: &str,
    key: &str,
    push: impl Fn(&mut UnitFile) -> Result<(), ValueError>,
    expected: impl Fn(&str) -> bool,
) {
    let mut file = UnitFile::new();
    if let Err(error) = push(&mut file) {
        assert_eq!((error.section, error.key), (section, key));
        return;
    }
    let printed = file.to_string();
    assert_eq!(UnitFile::parse(&printed).as_ref(), Ok(&file));
    let [line] = &*systemd_lines(&printed) else {
        panic!("more than one line: {printed:?}");
    };
    assert_eq!((&*line.section, &*line.key), (section, key));
    assert!(expected(&line.value), "{key}= was read as {:?}", line.value);
    // [Unit] and [Service] also stand in Quadlet's files, and go through it.
    assert_eq!(quadlet_lines(&printed), [line.clone()]);
}

#[test]
fn every_hostile_text_is_read_back_or_refused() {
    for (what, text) in hostile::texts() {
        println!("{what}");
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
