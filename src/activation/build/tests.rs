//! Recipes of images, and what package managers answer.

use proptest::prelude::*;

use super::*;
use crate::settings::Settings;

fn known_build(package: &str) -> Build {
    let package: Package = package.parse().unwrap();
    Build::of_package(&package, None, false, &Settings::default().build).unwrap()
}

/// The package that a build is of.
fn package(build: &Build) -> &Package {
    match &build.source {
        Source::Package(package) => package,
        Source::Repository(_) | Source::Bundle(_) => panic!("{build}"),
    }
}

fn recipe(build: &Build) -> String {
    build.containerfile().unwrap().unwrap().to_string()
}

fn answer(success: bool, stdout: &str, stderr: &str) -> Answer {
    Answer {
        success,
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    }
}

/// A recipe with the beginnings of its longest lines.
fn shortened(package: &str) -> String {
    let text = recipe(&known_build(package));
    let lines = text.lines().map(|line| crate::text::shortened(line, 110));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_package_of_npm_is_installed_without_its_scripts() {
    insta::assert_snapshot!(shortened("npm:@scope/server@1.2.3"), @r#"
    FROM docker.io/library/node:22-slim
    RUN --mount=type=tmpfs,target=/tmp ["npm","install","--prefix","/opt/mcpod/app","--omit=dev","--ignore-script…
    RUN --mount=type=tmpfs,target=/tmp ["node","-e","const fs = require(\"fs\");\nconst [folder, wanted] = proces…
    ENV HOME=/tmp
    WORKDIR /tmp
    USER 1000:1000
    ENTRYPOINT ["/bin/sh","-c","read -r entry </opt/mcpod/entry && exec /opt/mcpod/app/node_modules/.bin/\"$entry…
    "#);
    let text = recipe(&known_build("npm:@scope/server@1.2.3"));
    assert!(text.contains(r#""--","@scope/server@1.2.3"]"#));
    let mut consented = known_build("npm:x@1.0.0");
    consented.scripts = true;
    let text = recipe(&consented);
    assert!(!text.contains("--ignore-scripts"));
}

#[test]
fn a_package_of_pypi_gets_an_environment_of_its_own() {
    insta::assert_snapshot!(shortened("pypi:mcp-server-time@2026.1.26"), @r#"
    FROM docker.io/library/python:3.12-slim
    RUN --mount=type=tmpfs,target=/tmp ["python3","-m","venv","--without-pip","/opt/mcpod/app"]
    RUN --mount=type=tmpfs,target=/tmp ["python3","-m","pip","--python","/opt/mcpod/app/bin/python3","install","-…
    RUN --mount=type=tmpfs,target=/tmp ["/opt/mcpod/app/bin/python3","-c","import re, sys\nfrom importlib.metadat…
    ENV HOME=/tmp
    WORKDIR /tmp
    USER 1000:1000
    ENTRYPOINT ["/bin/sh","-c","read -r entry </opt/mcpod/entry && exec /opt/mcpod/app/bin/\"$entry\" \"$@\"","mc…
    "#);
    let text = recipe(&known_build("pypi:y@1.0"));
    assert!(text.contains(r#""--prefer-binary""#));
    assert!(text.contains(r#""--","y==1.0"]"#));
}

#[test]
fn a_crate_is_compiled_and_what_that_takes_is_not_kept() {
    insta::assert_snapshot!(shortened("cargo:some-server@1.2.3"), @r#"
    FROM docker.io/library/rust:1
    RUN --mount=type=tmpfs,target=/tmp ["/bin/sh","-euc","export CARGO_HOME=/var/tmp/mcpod/cargo CARGO_TARGET_DIR…
    RUN --mount=type=tmpfs,target=/tmp ["/bin/sh","-euc","wanted=$2 name=$1\nif [ -e /opt/mcpod/name ]; then read…
    ENV HOME=/tmp
    WORKDIR /tmp
    USER 1000:1000
    ENTRYPOINT ["/bin/sh","-c","read -r entry </opt/mcpod/entry && exec /opt/mcpod/app/bin/\"$entry\" \"$@\"","mc…
    "#);
    let text = recipe(&known_build("cargo:some-server@1.2.3"));
    assert!(text.contains(
        r#"rm -rf /var/tmp/mcpod","mcpod","--locked","--version","1.2.3","--","some-server"]"#
    ));
    assert!(text.contains(r#""mcpod","some-server",""]"#));
}

#[test]
fn a_tool_of_net_is_installed_without_a_greeting() {
    let text = recipe(&known_build("nuget:Some.Server@1.2.3-preview.1"));
    assert!(text.starts_with("FROM mcr.microsoft.com/dotnet/sdk:10.0\n"));
    assert!(text.contains(
        r#""dotnet","tool","install","--tool-path","/opt/mcpod/app/bin","--version","1.2.3-preview.1","Some.Server"]"#
    ));
}

#[test]
fn the_version_of_a_crate_is_what_cargo_says() {
    let exact = |build: &Build, answer: &Answer| {
        Build::exact(package(build), answer).map(|package| package.to_string())
    };
    let newest = known_build("cargo:x");
    let asked = Build::question(package(&known_build("cargo:x@1.0.1")));
    assert_eq!(
        asked[2..],
        [
            "cargo",
            "info",
            "--color=never",
            "--registry=crates-io",
            "--",
            "x@1.0.1"
        ]
    );
    let said = "x #mcp\nWhat it does\nversion: 1.0.1 (latest 1.0.229)\nlicense: MIT\n";
    assert_eq!(
        exact(&newest, &answer(true, said, "")),
        Ok("cargo:x@1.0.1".to_owned())
    );
    let none = "    Updating crates.io index\nerror: could not find `x` in registry `y`\n";
    assert_eq!(
        exact(&newest, &answer(false, "", none))
            .unwrap_err()
            .to_string(),
        "there is no package cargo:x"
    );
    assert_eq!(
        exact(&known_build("cargo:x@9"), &answer(false, "", none))
            .unwrap_err()
            .to_string(),
        "cargo:x has no version 9"
    );
    let down =
        "error: failed to query replaced source registry `crates-io`\n  Could not resolve hostname";
    assert!(matches!(
        exact(&newest, &answer(false, "", down)),
        Err(BuildError::NoAnswer { output, .. }) if output.contains("Could not resolve")
    ));
}

#[test]
fn the_version_of_a_tool_of_net_is_the_newest_that_is_finished() {
    let exact = |package_named: &str, said: &str| {
        let build = known_build(package_named);
        let said = answer(true, said, "");
        Build::exact(package(&build), &said).map(|package| package.to_string())
    };
    let found = |versions: &[&str]| {
        let packages: Vec<_> = versions
            .iter()
            .map(|version| serde_json::json!({"id": "Some.Server", "version": version}))
            .collect();
        serde_json::json!({"version": 2, "problems": [], "searchResult": [{"sourceName": "nuget.org", "packages": packages}]}).to_string()
    };
    let said = found(&["0.9.0", "1.0.0", "1.1.0-preview.2"]);
    assert_eq!(
        exact("nuget:some.server", &said),
        Ok("nuget:some.server@1.0.0".to_owned())
    );
    assert_eq!(
        exact("nuget:some.server@1.1.0-preview.2", &said),
        Ok("nuget:some.server@1.1.0-preview.2".to_owned())
    );
    assert_eq!(
        exact("nuget:some.server", &found(&["0.1.0-a", "0.1.0-b"])),
        Ok("nuget:some.server@0.1.0-b".to_owned())
    );
    assert_eq!(
        exact("nuget:some.server@2", &said).unwrap_err().to_string(),
        "nuget:some.server has no version 2"
    );
    assert_eq!(
        exact("nuget:some.server", &found(&[]))
            .unwrap_err()
            .to_string(),
        "there is no package nuget:some.server"
    );
    let down = r#"{"version": 2, "problems": [{"text": "Unable to load the service index", "problemType": "Error"}], "searchResult": []}"#;
    for said in [down, "", "error NU1301: Unable to load the service index"] {
        assert!(
            matches!(
                exact("nuget:some.server", said),
                Err(BuildError::NoAnswer { .. })
            ),
            "{said}"
        );
    }
}

#[test]
fn the_version_is_what_the_package_manager_says() {
    let newest = known_build("npm:x");
    assert_eq!(Build::question(package(&newest)).last().unwrap(), "version");
    let exact = |build: &Build, answer: &Answer| {
        Build::exact(package(build), answer).map(|package| package.to_string())
    };
    assert_eq!(
        exact(&newest, &answer(true, "\"1.2.3\"\n", "")).unwrap(),
        "npm:x@1.2.3"
    );
    let range = known_build("npm:x@1.x");
    assert_eq!(
        exact(&range, &answer(true, "[\"1.0.0\", \"1.9.1\"]", "")).unwrap(),
        "npm:x@1.9.1"
    );
    let nothing = r#"{"error": {"code": "E404", "summary": "Not Found - GET"}}"#;
    assert_eq!(
        exact(&newest, &answer(false, nothing, ""))
            .unwrap_err()
            .to_string(),
        "there is no package npm:x"
    );
    let no_match = r#"{"error": {"code": "E404", "summary": "No match found for version 1.x"}}"#;
    assert_eq!(
        exact(&range, &answer(false, no_match, ""))
            .unwrap_err()
            .to_string(),
        "npm:x has no version 1.x"
    );
    let down = r#"{"error": {"code": "EAI_AGAIN", "summary": "getaddrinfo"}}"#;
    assert!(
        exact(&newest, &answer(false, down, ""))
            .unwrap_err()
            .to_string()
            .contains("getaddrinfo")
    );

    let listed = answer(true, "y (2.0)\nAvailable versions: 2.0, 1.0\n", "");
    assert_eq!(
        exact(&known_build("pypi:y"), &listed).unwrap(),
        "pypi:y@2.0"
    );
    assert_eq!(
        exact(&known_build("pypi:y@1.0"), &listed).unwrap(),
        "pypi:y@1.0"
    );
    assert_eq!(
        exact(&known_build("pypi:y@3"), &listed)
            .unwrap_err()
            .to_string(),
        "pypi:y has no version 3"
    );
    let unknown = "ERROR: No matching distribution found for y";
    assert_eq!(
        exact(&known_build("pypi:y"), &answer(false, "", unknown))
            .unwrap_err()
            .to_string(),
        "there is no package pypi:y"
    );
    let down = format!("WARNING: Retrying (Retry(total=1))\n{unknown}");
    assert!(matches!(
        Build::exact(package(&known_build("pypi:y")), &answer(false, "", &down)),
        Err(BuildError::NoAnswer { .. })
    ));
}

#[test]
fn an_answer_that_is_no_version_is_refused() {
    for version in ["--help", "1 2", "1;id", "$(id)", "", "1\n2"] {
        let json = serde_json::Value::from(version).to_string();
        assert!(
            Build::exact(package(&known_build("npm:x")), &answer(true, &json, "")).is_err(),
            "{version}"
        );
    }
}

fn git(url: &str, reference: &str, folder: &str) -> Git {
    let some = |text: &str| (!text.is_empty()).then(|| crate::catalog::Line::new(text));
    Git {
        url: crate::catalog::Line::new(url),
        reference: some(reference),
        folder: some(folder),
        dockerfile: None,
    }
}

#[test]
fn a_repository_is_built_by_what_lies_in_its_folder() {
    let settings = Settings::default().build;
    let named = git("https://example.com/a/b", "main", "/src/x/");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let found = |files: &[&str]| {
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        let found = Repository::of(&named).unwrap().found(commit, &files)?;
        assert_eq!(
            found.to_string(),
            format!("git+https://example.com/a/b.git#{commit}:src/x")
        );
        Ok::<_, BuildError>(found)
    };
    let own = found(&["package.json", "Dockerfile"]).unwrap();
    assert_eq!(own.recipe, Some(Recipe::Own("Dockerfile".to_owned())));
    assert!(matches!(
        found(&["README"]),
        Err(BuildError::NoRecipe { .. })
    ));
    for (files, installed) in [
        (
            ["package.json", "pyproject.toml"],
            r#""npm","run","--prefix","/opt/mcpod/src","--if-present","--ignore-scripts","build""#,
        ),
        (["x", "pyproject.toml"], r#""--","/opt/mcpod/src"]"#),
        (
            ["go.mod", "Cargo.toml"],
            r#"set -- \"$1\" --locked; fi\ncargo install"#,
        ),
        (["go.mod", "main.go"], r#"go install -trimpath \"$what\""#),
    ] {
        let mut build = Build::of_repository(&named, None, false).unwrap();
        assert_eq!(build.containerfile(), Ok(None));
        build.settle_on(found(&files).unwrap(), &settings);
        let text = recipe(&build);
        assert!(text.contains("COPY . /opt/mcpod/src\n"), "{text}");
        assert!(text.contains(installed), "{text}");
    }
}

#[test]
fn what_could_be_taken_for_something_else_is_no_repository() {
    for (url, reference, folder) in [
        ("file:///etc", "", ""),
        ("ext::sh -c id", "", ""),
        ("-https://x/y", "", ""),
        ("https://me:secret@x/y", "", ""),
        ("https://x/y z", "", ""),
        ("https://x/y#z", "", ""),
        ("https://x/$(id)", "", ""),
        ("https://x/y", "--upload-pack=id", ""),
        ("https://x/y", "a b", ""),
        ("https://x/y", "a:b", ""),
        ("https://x/y", "", "../.."),
        ("https://x/y", "", "a/../../b"),
        ("https://x/y", "", "-f"),
    ] {
        let refused = Repository::of(&git(url, reference, folder));
        assert!(
            matches!(refused, Err(BuildError::Repository { .. })),
            "{url} {reference} {folder}"
        );
    }
}

proptest! {
    #[test]
    fn no_repository_adds_anything_to_a_unit(
        url in "(https|http|git|file)://\\PC{0,20}|(https|git)://[a-z./%$#:@ -]{0,20}",
        reference in "\\PC{0,12}|[a-z/.-]{0,12}",
        folder in "\\PC{0,12}|[a-z/.-]{0,12}",
    ) {
        let Ok(build) = Build::of_repository(&git(&url, &reference, &folder), None, false) else {
            return Ok(());
        };
        let name = "x".parse().unwrap();
        let settings = Settings::default().build;
        let unit = crate::activation::units::build(&name, &build, "/r/Containerfile", &settings).unwrap().to_string();
        let known = Build::of_repository(&git("https://x/y", "", ""), None, false).unwrap();
        let known = crate::activation::units::build(&name, &known, "/r/Containerfile", &settings).unwrap().to_string();
        let others = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with("SetWorkingDirectory=")).map(str::to_owned).collect()
        };
        prop_assert_eq!(others(&unit), others(&known));
        prop_assert_eq!(unit.lines().count(), known.lines().count());
    }

    #[test]
    fn no_name_version_or_command_adds_an_instruction_an_option_or_a_word(
        name in "\\PC{0,16}|[ -~\\n]{0,16}|@[a-z/.;-]{0,12}|--[a-z]{1,8}",
        version in prop::option::of("\\PC{0,12}|[ -~\\n]{0,12}|-[a-z]{1,4}|[0-9.]{1,5}"),
        entry in prop::option::of("\\PC{0,12}|[ -~\\n]{0,12}|[a-z-]{1,8}"),
        registry in prop::sample::select(vec![Registry::Npm, Registry::Pypi, Registry::Nuget, Registry::Cargo]),
    ) {
        let package = Package { registry, name, version };
        let Ok(build) = Build::of_package(&package, entry.as_deref(), false, &Settings::default().build) else {
            return Ok(());
        };
        let text = recipe(&build);
        let versioned = if package.version.is_some() { "@1" } else { "" };
        let known = recipe(&known_build(&format!("{}:known{versioned}", registry.as_str())));
        prop_assert_eq!(text.lines().count(), known.lines().count());
        for (line, known) in text.lines().zip(known.lines()) {
            let instruction = |line: &str| line.split('[').next().map(str::to_owned);
            prop_assert_eq!(instruction(line), instruction(known));
            if let (Some((_, words)), Some((_, known))) = (line.split_once('['), known.split_once('[')) {
                let words: Vec<String> = serde_json::from_str(&format!("[{words}")).unwrap();
                let known: Vec<String> = serde_json::from_str(&format!("[{known}")).unwrap();
                prop_assert_eq!(words.len(), known.len());
                for (word, known) in words.iter().zip(&known) {
                    // What is not as it always is stands where nothing is taken for an option.
                    prop_assert!(word == known || !word.starts_with('-'), "{}", word);
                }
            }
        }
    }
}

#[test]
fn a_proxy_on_this_host_is_reached_from_here_by_its_loopback() {
    for (given, here) in [
        (
            "http://host.containers.internal:3128",
            "http://127.0.0.1:3128/",
        ),
        ("socks5://169.254.1.2:1080", "socks5://127.0.0.1:1080"),
        ("http://proxy.example:3128", "http://proxy.example:3128"),
    ] {
        assert_eq!(proxy_of_host(given), here);
    }
}
