//! The real catalogs, and as many copies of it as are asked for: each with names, images, packages and addresses of its own,
//! since what is the same would be merged.

use std::fs;
use std::path::Path;
use std::process::Command;

use mcpod::catalog::refresh::SourcesFile;
use serde_json::Value;

/// The sources in a folder, which are read from there; the first copy of the lists from repositories.
pub(crate) fn sources(data: &Path, copies: usize) -> SourcesFile {
    let at = |folder: &str| data.join(folder).display().to_string();
    let mut text = format!(
        "docker.url = 'file://{}'\nofficial.url = '{}'\nawesome.url = 'file://{}'\n",
        at("docker-mcp-registry"),
        at("official-registry/all"),
        at("awesome-mcp-servers"),
    );
    for copy in 1..copies {
        for kind in ["docker", "official", "list"] {
            let url = at(&format!("copy-{copy}/{kind}"));
            text = format!(
                "{text}[[extra]]\nname = '{kind}-{copy}'\nkind = '{kind}'\nurl = '{url}'\n"
            );
        }
    }
    toml::from_str(&text).unwrap()
}

/// Makes copies 1 to `copies` of the data in a folder.
pub(crate) fn multiply(data: &Path, copies: usize) {
    for copy in 1..copies {
        let to = data.join(format!("copy-{copy}"));
        let mark = format!("c{copy}");
        let servers = to.join("docker/servers");
        for folder in listed(&data.join("docker-mcp-registry/servers")) {
            let name = folder.file_name().unwrap().to_str().unwrap();
            let into = servers.join(format!("{name}-{mark}"));
            fs::create_dir_all(&into).unwrap();
            for file in listed(&folder) {
                let text = fs::read_to_string(&file).unwrap();
                let text = if file.ends_with("server.yaml") {
                    renamed(&text, name, &mark)
                } else {
                    text
                };
                fs::write(into.join(file.file_name().unwrap()), text).unwrap();
            }
        }
        for (from, into, change) in [
            (
                "official-registry/all",
                "official",
                other_items as fn(&str, &str) -> String,
            ),
            ("awesome-mcp-servers/docs", "list/docs", |text, mark| {
                text.replace(
                    "](https://github.com/",
                    &format!("](https://github.com/{mark}-"),
                )
            }),
        ] {
            let into = to.join(into);
            fs::create_dir_all(&into).unwrap();
            for file in listed(&data.join(from)) {
                if file.is_file() {
                    let text = change(&fs::read_to_string(&file).unwrap(), &mark);
                    fs::write(into.join(file.file_name().unwrap()), text).unwrap();
                }
            }
        }
    }
}

/// A `server.yaml` under another name.
fn renamed(yaml: &str, name: &str, mark: &str) -> String {
    let lines = yaml.lines().map(|line| {
        let (key, value) = line.split_once(": ").unwrap_or((line, ""));
        match key.trim() {
            "name" if line.starts_with("name:") => format!("name: {name}-{mark}"),
            "image" if line.starts_with("image:") => match value.rsplit_once(':') {
                Some((image, tag)) => format!("image: {image}-{mark}:{tag}"),
                None => format!("image: {value}-{mark}"),
            },
            "project" => format!("{line}-{mark}"),
            "url" => line.replace("://", &format!("://{mark}.")),
            _ => line.replace(&format!("{{{{{name}."), &format!("{{{{{name}-{mark}.")),
        }
    });
    lines.map(|line| line + "\n").collect()
}

/// A page of the official registry with other servers.
fn other_items(page: &str, mark: &str) -> String {
    let mut page: Value = serde_json::from_str(page).unwrap();
    for item in page["servers"].as_array_mut().unwrap() {
        let server = &mut item["server"];
        append(&mut server["name"], mark);
        append(&mut server["repository"]["url"], mark);
        for package in server["packages"].as_array_mut().into_iter().flatten() {
            append(&mut package["identifier"], mark);
        }
        for remote in server["remotes"].as_array_mut().into_iter().flatten() {
            if let Some(url) = remote["url"].as_str() {
                remote["url"] = url.replace("://", &format!("://{mark}.")).into();
            }
        }
    }
    page.to_string()
}

fn append(text: &mut Value, mark: &str) {
    if let Some(own) = text.as_str().filter(|own| !own.is_empty()) {
        *text = format!("{own}-{mark}").into();
    }
}

fn listed(folder: &Path) -> Vec<std::path::PathBuf> {
    let items = fs::read_dir(folder).unwrap();
    items.map(|item| item.unwrap().path()).collect()
}

/// Makes a folder a repository.
fn commit(folder: &Path) {
    for words in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "commit",
            "--quiet",
            "--message=all",
        ],
    ] {
        let status = Command::new("git").args(words).current_dir(folder).status();
        assert!(status.unwrap().success(), "git {words:?}");
    }
}

/// Unpacks the archive of sources, which lies beside the project's folder.
pub(crate) fn unpacked() -> tempfile::TempDir {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("shared/data/catalog-sources.tar.zst"))
        .find(|path| path.exists());
    let archive = archive.expect("the group `catalog` measures ../shared/data, which is not there");
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .arg("--zstd")
        .arg("-xf")
        .arg(fs::canonicalize(archive).unwrap())
        .arg("-C")
        .arg(folder.path())
        .status();
    assert!(
        status.unwrap().success(),
        "tar cannot read the archive: is zstd installed?"
    );
    for repository in ["docker-mcp-registry", "awesome-mcp-servers"] {
        commit(&folder.path().join(repository));
    }
    folder
}
