//! Lines that are put in and read back, and the log files of instances.

use super::*;

fn instance(unit: &str) -> Instance {
    Instance::parse(&UnitName::from_systemd(unit)).unwrap()
}

#[test]
fn lines_are_followed_from_the_one_that_was_seen_last() {
    let words = |after| -> Vec<String> {
        let command = follow(&"time".parse().unwrap(), after);
        let words = command.as_std().get_args();
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    };
    let has = |words: &[String], word: &str| words.iter().any(|own| own == word);
    let now = words(None);
    assert!(has(&now, "--follow") && has(&now, "--lines=0"), "{now:?}");
    let behind = words(Some("s=1;i=2"));
    assert!(
        has(&behind, "--after-cursor=s=1;i=2") && has(&behind, "--no-tail"),
        "{behind:?}"
    );
    assert!(!has(&behind, "--lines=0"), "{behind:?}");
}

#[test]
fn a_line_cannot_add_a_field() {
    let line = b"harmless\nUSER_UNIT=mcpod-other@1-2-3.service";
    let Instance { server, unit, .. } = instance("mcpod-time@3-12-1000.service");
    let sent = datagram(&server, &unit, line);
    let fields = b"PRIORITY=6\nSYSLOG_IDENTIFIER=time\nMCPOD_SERVER=time\nUSER_UNIT=mcpod-time@3-12-1000.service\nMESSAGE\n";
    let (head, rest) = sent.split_at(fields.len());
    assert_eq!(head, fields);
    let (length, message) = rest.split_at(8);
    assert_eq!(length, (line.len() as u64).to_le_bytes());
    assert_eq!(message, [line.as_slice(), b"\n"].concat());
}

#[test]
fn only_logs_of_instances_are_logs() {
    for (file, is_over) in [("time@3-12-1000.log", false), ("time@3-unknown.last", true)] {
        let (instance, over) = instance_of_log(file).unwrap();
        assert_eq!((instance.server.as_str(), over), ("time", is_over));
    }
    for file in [
        "time.sock",
        "time.log",
        "time@x.log",
        "@3-12-1000.log",
        "time@3-12-1000.txt",
    ] {
        assert!(instance_of_log(file).is_none(), "{file}");
    }
}

#[test]
fn a_line_is_read_back_whatever_bytes_are_in_it() {
    let line = entry(
        r#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1793000000123456","MESSAGE":"hello"}"#,
    );
    let line = line.unwrap();
    assert_eq!(
        (line.time, line.text.as_str()),
        (1_793_000_000_123_456, "hello")
    );
    let bytes = entry(r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":[104,255,27]}"#);
    assert_eq!(bytes.unwrap().text, "h\u{fffd}\u{1b}");
    for broken in [
        "",
        "{}",
        "[]",
        r#"{"__CURSOR":"c","MESSAGE":"x"}"#,
        r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":null}"#,
    ] {
        assert_eq!(entry(broken), None, "{broken}");
    }
}

#[test]
fn last_words_are_the_end_of_the_log_and_fit_to_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = RuntimeDir::at(folder.path());
    let time = instance("mcpod-time@3-12-1000.service");
    assert_eq!(last_words(&runtime, &time), "");
    std::fs::create_dir(runtime.mcpod()).unwrap();
    let lines: Vec<String> = (0..100_000)
        .map(|line| format!("\u{1b}[31mline {line}"))
        .collect();
    let text = lines.join("\n");
    std::fs::write(runtime.mcpod().join("time@3-12-1000.last"), text).unwrap();
    let words = last_words(&runtime, &time);
    assert_eq!(words.lines().count(), LAST_LINES);
    assert!(
        words.ends_with("line 99999") && !words.contains('\u{1b}'),
        "{words}"
    );
    assert_eq!(logged(&runtime, &time.server), std::slice::from_ref(&time));
    forget(&runtime, &time.server);
    assert_eq!(logged(&runtime, &time.server), []);
}
