//! Bundles from a server of one thread, on this host.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::catalog::Line;

const MANIFEST: &str = r#"{"server": {"type": "binary", "entry_point": "bin/x", "mcp_config": {"command": "${__dirname}/bin/x"}}}"#;

/// An archive of files with these modes.
fn archive(files: &[(&str, &str, u32)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, content, mode) in files {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        if let Some(target) = content.strip_prefix("-> ") {
            writer.add_symlink(*name, target, options).unwrap();
            continue;
        }
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Answers every request with this, until the test ends; gives the address.
fn serve(status: &'static str, body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let mut stream = &stream;
            // Who asked may have heard enough.
            drop(
                stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(&body)),
            );
        }
    });
    format!("http://{address}/x.mcpb")
}

fn named(url: &str, bytes: &[u8]) -> Bundle {
    Bundle {
        url: Line::new(url),
        sha256: Line::new(&format!("{:X}", Sha256::digest(bytes))),
    }
}

#[tokio::test]
async fn a_bundle_is_fetched_once_verified_and_unpacked() {
    let cache = tempfile::tempdir().unwrap();
    let store = Store::below(cache.path());
    let bytes = archive(&[
        ("manifest.json", MANIFEST, 0o644),
        ("bin/x", "#!/bin/sh\n", 0o755),
        ("lib/", "", 0o755),
    ]);
    let bundle = named(&serve("200 OK", bytes.clone()), &bytes);
    assert_eq!(store.known(&bundle), None);
    let manifest = store.manifest(&bundle).await.unwrap();
    assert_eq!(manifest.program().unwrap(), "/opt/mcpod/app/bin/x");
    assert_eq!(store.known(&bundle), Some(manifest.clone()));
    // From what is kept.
    let elsewhere = named("http://127.0.0.1:9/x.mcpb", &bytes);
    assert_eq!(store.manifest(&elsewhere).await.unwrap(), manifest);
    for _ in 0..2 {
        let folder = store.unpacked(&bundle).unwrap();
        let unpacked = store.unpack(&bundle).unwrap();
        let program = folder.join("bin/x");
        assert_eq!(fs::read_to_string(&program).unwrap(), "#!/bin/sh\n");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(program).unwrap());
        assert_eq!(mode & 0o7777, 0o755);
        drop(unpacked);
        assert!(!folder.exists());
    }
}

#[tokio::test]
async fn what_is_not_what_was_meant_is_not_kept() {
    let cache = tempfile::tempdir().unwrap();
    let store = Store::below(cache.path());
    let bytes = archive(&[("manifest.json", MANIFEST, 0o644)]);
    let ok = serve("200 OK", bytes.clone());
    let gone = serve("404 Not Found", Vec::new());
    for (bundle, why) in [
        (named(&ok, b"other"), "is not the bundle that was meant"),
        (named(&gone, &bytes), "its server answers 404"),
        (
            named("file:///etc/passwd", &bytes),
            "no address of a bundle",
        ),
        (named("http://127.0.0.1:9/x", &bytes), "cannot be fetched"),
        (
            Bundle {
                url: Line::new(&ok),
                sha256: Line::new("../../x"),
            },
            "no SHA-256 of a bundle",
        ),
    ] {
        let error = store.manifest(&bundle).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(store.known(&bundle), None);
    }
    let left = fs::read_dir(cache.path().join("mcpod/bundles")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn what_is_no_bundle_or_leads_out_of_it_is_refused_whole() {
    let cache = tempfile::tempdir().unwrap();
    let store = Store::below(cache.path());
    let manifest = ("manifest.json", MANIFEST, 0o644);
    for files in [
        vec![manifest, ("../x", "out", 0o644)],
        vec![manifest, ("/etc/x", "out", 0o644)],
        vec![manifest, ("link", "-> /etc/passwd", 0o777)],
    ] {
        let bytes = archive(&files);
        let bundle = named(&serve("200 OK", bytes.clone()), &bytes);
        store.manifest(&bundle).await.unwrap();
        let refused = store.unpack(&bundle);
        let refused = match refused {
            // A leading slash is passed over.
            Ok(unpacked) => {
                assert!(unpacked.0.join("etc/x").exists(), "{files:?}");
                continue;
            }
            Err(error) => error,
        };
        assert!(matches!(refused, BundleError::Archive { .. }), "{refused}");
        assert!(!store.unpacked(&bundle).unwrap().exists());
    }
    assert!(!cache.path().join("mcpod/x").exists());
    for bytes in [
        b"no archive".to_vec(),
        archive(&[("x", "", 0o644)]),
        archive(&[("manifest.json", "{", 0o644)]),
    ] {
        let bundle = named(&serve("200 OK", bytes.clone()), &bytes);
        assert!(store.manifest(&bundle).await.is_err());
    }
}
