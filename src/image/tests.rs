use proptest::prelude::*;

use super::*;

const HEX: &str = "b2d1235a14ac3e0e1bc2ae71f4b3a7b2eb47ee8a36dcd5f3eb0f1a8e4d2c9b10";

fn full(text: &str) -> String {
    text.parse::<ImageReference>().unwrap().to_string()
}

#[test]
fn short_names_are_docker_hubs() {
    assert_eq!(full("time"), "docker.io/library/time:latest");
    assert_eq!(full("mcp/time"), "docker.io/mcp/time:latest");
    assert_eq!(full("docker.io/node:22"), "docker.io/library/node:22");
    assert_eq!(
        full("index.docker.io/mcp/time"),
        "docker.io/mcp/time:latest"
    );
    assert_eq!(full("ghcr.io/a/b/c:V1.0_x"), "ghcr.io/a/b/c:V1.0_x");
    assert_eq!(full("localhost/built"), "localhost/built:latest");
    assert_eq!(
        full("127.0.0.1:5000/mcp/time"),
        "127.0.0.1:5000/mcp/time:latest"
    );
    assert_eq!(full("[::1]:5000/x:1"), "[::1]:5000/x:1");
    assert_eq!(full("[fe80::1]/x"), "[fe80::1]/x:latest");
}

#[test]
fn what_catalogs_get_wrong_is_put_right() {
    assert_eq!(full("ghcr.io/SamYuan1990/x:V2"), "ghcr.io/samyuan1990/x:V2");
    assert_eq!(full("SignOz/x"), "docker.io/signoz/x:latest");
    let pinned = format!("docker.io/mcp/sonarqube@sha256:{HEX}");
    assert_eq!(
        full(&format!("docker.io/mcp/sonarqube:sha256:{HEX}")),
        pinned
    );
    assert_eq!(full(&format!("mcp/sonarqube:1.0@sha256:{HEX}")), pinned);
    assert_eq!(full(&format!("mcp/sonarqube:1.0:sha256:{HEX}")), pinned);
}

#[test]
fn a_reference_is_pinned_by_its_digest() {
    let reference: ImageReference = "mcp/time:1".parse().unwrap();
    assert_eq!(reference.tag(), Some("1"));
    assert_eq!(reference.digest(), None);
    assert_eq!(reference.registry(), "docker.io");
    assert_eq!(reference.repository(), "docker.io/mcp/time");

    let digest: ImageDigest = format!("sha256:{HEX}").parse().unwrap();
    let pinned = reference.pinned(&digest);
    assert_eq!(
        pinned.to_string(),
        format!("docker.io/mcp/time@sha256:{HEX}")
    );
    assert_eq!(pinned.tag(), None);
    assert_eq!(pinned.digest(), Some(&digest));
}

#[test]
fn what_is_no_reference_is_refused() {
    let id = HEX;
    let long_tag = format!("x:{}", "t".repeat(129));
    let upper = format!("x@sha256:{}", HEX.to_uppercase());
    let sha512 = format!("x@sha512:{HEX}{HEX}");
    for bad in [
        "",
        "-x",
        "--privileged",
        "x:-tag",
        "x:",
        "x@",
        "x@sha256:abc",
        &upper,
        &sha512,
        "x:sha256:abc",
        " x",
        "x ",
        "x y",
        "x\ny",
        "x\0",
        "x\u{202e}y",
        "ä",
        "a//b",
        "/a",
        "a/",
        "a/../b",
        "a/./b",
        "a.-b/c",
        "a___b",
        "a..b",
        "a/-b",
        "a/b_",
        "host.:5000/a",
        ".example.com/a",
        "example..com/a",
        "-example.com/a",
        "example.com:0/a",
        "example.com:65536/a",
        "example.com:+1/a",
        "example.com:/a",
        "[::g]/a",
        "[::1/a",
        "dir:/etc/passwd",
        "docker://mcp/time",
        "docker-archive:/tmp/x.tar",
        "x%i",
        "x$HOME",
        "x\"y",
        "x\\y",
        "x?y=z",
        "x#y",
        id,
        &long_tag,
    ] {
        assert!(bad.parse::<ImageReference>().is_err(), "{bad:?}");
    }
    let long = "a/".repeat(200) + "a";
    assert_eq!(
        long.parse::<ImageReference>(),
        Err(ReferenceError::TooLong { length: 401 })
    );
    // 250 characters as given, 260 with the registry.
    let long = "a".repeat(124) + "/" + &"b".repeat(125);
    assert_eq!(
        long.parse::<ImageReference>(),
        Err(ReferenceError::TooLong { length: 260 })
    );
}

#[test]
fn an_error_names_the_part_and_keeps_the_text_short_and_visible() {
    let message = |text: &str| text.parse::<ImageReference>().unwrap_err().to_string();
    assert_eq!(
        message("a\u{1b}[2J\u{202e}"),
        r#""a\u{1b}[2J\u{202e}" is no image reference: its path is not legal"#
    );
    assert!(message("x:-").contains("its tag"));
    assert!(message("x@y").contains("its digest"));
    assert!(message("a.b:x/y").contains("its registry"));
    assert!(message(&("x:".to_owned() + &" ".repeat(100_000))).len() < 200);
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_plain_and_reads_the_same_again(text in "\\PC{0,80}|[a-zA-Z0-9._:/@\\[\\]-]{0,80}") {
        if let Ok(reference) = text.parse::<ImageReference>() {
            let full = reference.to_string();
            prop_assert!(full.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/@-[]".contains(&byte)));
            prop_assert!(!full.starts_with('-'));
            prop_assert!(!full.contains(".."));
            prop_assert_eq!(full.parse::<ImageReference>(), Ok(reference));
        }
    }
}
