//! What lies beside the program in packages: manual pages that man can show, a bill of materials.

use std::path::Path;
use std::process::Command;

use crate::{VERSION, output, package};

#[test]
fn man_shows_every_page_without_a_complaint() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/package/man");
    let mut pages = 0;
    for page in std::fs::read_dir(folder).unwrap() {
        let page = page.unwrap().path();
        let shown = Command::new("man")
            .args(["--warnings", "--local-file"])
            .arg(&page)
            .envs([("MANWIDTH", "100"), ("LC_ALL", "C.UTF-8")])
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&shown.stderr);
        assert!(
            shown.status.success() && complaints.is_empty(),
            "{}: {complaints}",
            page.display()
        );
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(
            text.contains("NAME") && text.contains("SEE ALSO"),
            "{}: {text}",
            page.display()
        );
        pages += 1;
    }
    assert!(pages > 15, "{pages}");
}

#[test]
fn the_bill_of_materials_names_what_is_built_in_and_its_licences() {
    let bill = package(&format!("mcpod-{VERSION}."), ".cdx.json");
    let bill: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(bill).unwrap()).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["component"]["name"], "mcpod");
    let components = bill["components"].as_array().unwrap();
    let zbus = components
        .iter()
        .find(|component| component["name"] == "zbus")
        .unwrap();
    assert!(zbus["version"].as_str().unwrap().starts_with('6'));
    assert!(zbus["licenses"].is_array() && zbus["hashes"].is_array());
    // What only tests need is not in the program.
    assert!(
        !components
            .iter()
            .any(|component| component["name"] == "proptest")
    );
}

#[test]
fn the_sums_are_those_of_the_packages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/packages");
    output(
        "sh",
        &[
            "-c",
            &format!("cd {} && sha256sum --check SHA256SUMS", folder.display()),
        ],
    );
}
