//! Records that are written, marked and read back.

use super::*;

#[test]
fn a_record_is_read_back_with_another_state_and_without_its_hash() {
    let record = Record {
        id: "docker:time".to_owned(),
        given: "time".to_owned(),
        launch: "1 image".to_owned(),
        launch_hash: Some("sha256:1".to_owned()),
        image: "docker.io/mcp/time".to_owned(),
        digest: String::new(),
        network: "none".to_owned(),
        limits: "memory 1G, tasks 512, sessions 16".parse().unwrap(),
        inputs: vec![Assignment::new("State", "mine\nState=verified\n")],
        environment: Vec::new(),
        mounts: vec![Bind::at("/a b", true), Bind::at("/c", false)],
        secrets: vec!["token".to_owned()],
        instances: Instances::Private,
        entry: None,
        scripts: false,
        always_on: true,
        previous: Some("docker.io/mcp/time sha256:0".to_owned()),
        tools: Tools::Any,
        tools_hash: None,
        state: State::Verified,
        added: Timestamp::UNIX_EPOCH,
    };
    let mut unit = UnitFile::new();
    record.write(&mut unit, &["other"]).unwrap();
    let text = unit.to_string();
    assert!(is_unedited(&text, &["other"]) && !is_unedited(&text, &["edited"]));
    let marked = with_state(&text, State::Adding);
    assert!(!is_unedited(&marked, &["other"]));
    let read = Record::parse(&marked).unwrap();
    let expected = Record {
        state: State::Adding,
        ..record
    };
    assert_eq!(read, expected);
    assert_eq!(with_state(&marked, State::Verified), text);
    let other = Record {
        tools: Tools::Accepted,
        ..read.clone()
    };
    let rewritten = with_record(&text, &other, &["more"]).unwrap();
    assert!(is_unedited(&rewritten, &["more"]));
    assert_eq!(Record::parse(&rewritten).unwrap(), other);

    assert!(!Record::says_single(&text));
    let mut unit = UnitFile::new();
    let single = Record {
        instances: Instances::Single,
        ..read
    };
    single.write(&mut unit, &[]).unwrap();
    assert!(Record::says_single(&unit.to_string()));
}
