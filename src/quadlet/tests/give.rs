//! Gives a text to a key, and reads it back as Quadlet and systemd do.

use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{container, install, mcpod, service, socket, unit};
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{
    Assignment, MemoryMount, PodmanOption, SecretVariable, Specifier, Text, VolumeMount,
    VolumeSource,
};

use super::readers::{
    Line, Quadlet, Words, command, quadlet_lines, specifiers, systemd_lines, words,
};

/// Gives a text to every key, and reads back what the keys took.
pub(super) fn give(text: &str) {
    give_as_argument(text);
    give_as_part(text);
    give_as_word_of_a_list(text);
    give_to_systemd(text);
    give_to_the_record(text);
}

/// Keys whose value is one argument of podman, or ends one.
fn give_as_argument(text: &str) {
    let own = || text.to_owned();
    let below = format!("/{text}");
    let pair = Assignment::new("NAME", text);
    let whole = format!("NAME={text}");

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
}

/// Keys whose value has parts.
fn give_as_part(text: &str) {
    let own = || text.to_owned();
    let below = format!("/{text}");
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
        container(
            "PodmanArgs",
            |f| f.push(container::VOLUME_OPTION, &value),
            |a| colons(a[0].strip_prefix("--volume=").unwrap()) == [path, "/data"] && a.len() == 1,
        );
    }
}

/// Keys whose value is a list inside one argument.
fn give_as_word_of_a_list(text: &str) {
    let own = || text.to_owned();
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
}

/// Keys that systemd alone reads.
fn give_to_systemd(text: &str) {
    let own = || text.to_owned();
    let below = format!("/{text}");
    let pair = Assignment::new("NAME", text);
    let whole = format!("NAME={text}");
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
        |f| f.push(service::EXEC_START, std::slice::from_ref(&below)),
        |value| command(value) == [&*below],
    );
}

/// Keys that mcpod alone reads: nothing is refused, unless it is too long for the file.
fn give_to_the_record(text: &str) {
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
    assert_eq!(quadlet_lines(&printed), std::slice::from_ref(line));
}
