//! `server.yaml`, `tools.json` and the readme of Docker's registry.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpod::catalog::source::docker::{Folder, parse};

fuzz_target!(|bytes: &[u8]| {
    let folder = |server: &[u8]| Folder {
        name: "x".to_owned(),
        server: server.to_vec(),
        tools: Some(bytes.to_vec()),
        readme: Some(bytes.to_vec()),
    };
    let inside = [b"name: x\ntype: server\nimage: a\n".as_slice(), bytes].concat();
    let parsed = parse("docker", &[folder(bytes), folder(&inside)]);
    assert_eq!(parsed.entries.len() + parsed.refused.len(), 2);
});
