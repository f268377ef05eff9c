//! Files of agents in a home folder of their own.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::host::Environment;

const URL: &str = "http://127.0.0.1:8931/mcp";
const TOKEN: &str = "5ec7e7";

struct Home {
    folder: TempDir,
    around: Surroundings,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let project = folder.path().join("project");
        fs::create_dir_all(&home).unwrap();
        fs::create_dir_all(&project).unwrap();
        let around = Surroundings {
            config: home.join(".config"),
            home,
            environment: Environment::default(),
            project,
            url: URL.to_owned(),
        };
        Self { folder, around }
    }

    fn file(&self, agent: &Agent, scope: Scope) -> PathBuf {
        agent.file(scope, &self.around).unwrap()
    }

    fn write(&self, agent: &Agent, scope: Scope, text: &str) -> PathBuf {
        let file = self.file(agent, scope);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn connect(
        &self,
        agent: &Agent,
        scope: Scope,
        reach: &Reach,
    ) -> Result<Done, ClientConfigError> {
        agent.connect(scope, reach, &self.around, Manner::default())
    }

    fn disconnect(&self, agent: &Agent, scope: Scope) -> Result<Done, ClientConfigError> {
        agent.disconnect(scope, &self.around, Manner::default())
    }

    fn state(&self, agent: &Agent, scope: Scope) -> State {
        agent.state(scope, &self.around).unwrap().1
    }

    /// All that lies here.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

fn agent(id: &str) -> &'static Agent {
    Agent::find(id).unwrap()
}

fn stdio() -> Reach {
    // A program that is there, named as ours is: only its name is looked at.
    Reach::Stdio {
        program: "mcpod".to_owned(),
    }
}

fn http() -> Reach {
    Reach::Http {
        token: TOKEN.to_owned(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn every_agent_is_connected_found_connected_and_leaves_nothing_behind() {
    for agent in AGENTS {
        for scope in [Scope::User, Scope::Project] {
            for reach in [stdio(), http()] {
                let home = Home::new();
                let done = match home.connect(agent, scope, &reach) {
                    Ok(done) => done,
                    Err(ClientConfigError::NoProject(_)) => {
                        assert_eq!(agent.file(scope, &home.around), None);
                        continue;
                    }
                    Err(ClientConfigError::NoHttp(_) | ClientConfigError::TokenInProject(_)) => {
                        assert!(matches!(reach, Reach::Http { .. }), "{}", agent.id);
                        assert!(home.files().is_empty(), "{}", agent.id);
                        continue;
                    }
                    Err(error) => panic!("{}: {error}", agent.id),
                };
                assert_eq!(done.change, Change::Added, "{}", agent.id);
                let text = fs::read_to_string(&done.file).unwrap();
                let state = home.state(agent, scope);
                match reach {
                    Reach::Http { .. } => {
                        assert_eq!(state, State::Http, "{}: {text}", agent.id);
                        assert!(text.contains(URL), "{}: {text}", agent.id);
                        // The token, where it has to be said, is said to nobody else.
                        assert_eq!(text.contains(TOKEN), !text.contains(TOKEN_VARIABLE));
                        if text.contains(TOKEN) {
                            assert_eq!((scope, mode(&done.file)), (Scope::User, 0o600));
                        }
                        assert!(!done.shown.contains(TOKEN), "{}", done.shown);
                    }
                    // There is no program of that name in an empty PATH.
                    Reach::Stdio { .. } => assert_eq!(state, State::Stale, "{}: {text}", agent.id),
                }
                let again = home.connect(agent, scope, &reach).unwrap();
                assert_eq!(again.change, Change::None, "{}", agent.id);
                assert_eq!(fs::read_to_string(&done.file).unwrap(), text);
                assert_eq!(
                    home.disconnect(agent, scope).unwrap().change,
                    Change::Removed
                );
                assert_eq!(home.state(agent, scope), State::Absent);
                assert_eq!(home.disconnect(agent, scope).unwrap().change, Change::None);
                assert_eq!(home.files(), Vec::<PathBuf>::new(), "{}", agent.id);
            }
        }
    }
}

#[test]
fn of_one_way_to_reach_mcpod_nothing_is_left_after_the_other() {
    for agent in AGENTS {
        let home = Home::new();
        home.connect(agent, Scope::User, &stdio()).unwrap();
        let alone = fs::read_to_string(home.file(agent, Scope::User)).unwrap();
        match home.connect(agent, Scope::User, &http()) {
            Ok(done) => assert_eq!(done.change, Change::Updated, "{}", agent.id),
            Err(ClientConfigError::NoHttp(_)) => continue,
            Err(error) => panic!("{}: {error}", agent.id),
        }
        assert_eq!(home.state(agent, Scope::User), State::Http, "{}", agent.id);
        home.connect(agent, Scope::User, &stdio()).unwrap();
        let back = fs::read_to_string(home.file(agent, Scope::User)).unwrap();
        let read = |text: &str| agent.format.read(text).unwrap();
        assert_eq!(read(&back), read(&alone), "{}: {back}", agent.id);
    }
}

#[test]
fn a_file_that_is_there_keeps_its_words_and_its_mode_and_has_one_backup() {
    let home = Home::new();
    let claude = agent("claude-code");
    let before = "{\n  \"numStartups\": 3,\n  \"projects\": {}\n}\n";
    let file = home.write(claude, Scope::User, before);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    home.connect(claude, Scope::User, &stdio()).unwrap();
    let backup = file.with_extension("json.mcpod-backup");
    assert_eq!(fs::read_to_string(&backup).unwrap(), before);
    assert_eq!((mode(&file), mode(&backup)), (0o640, 0o640));
    home.connect(claude, Scope::User, &http()).unwrap();
    assert_eq!(home.files().len(), 2, "{:?}", home.files());
    // What the agent writes meanwhile stays.
    let text = fs::read_to_string(&file).unwrap().replace(": 3", ": 4");
    fs::write(&file, text).unwrap();
    home.disconnect(claude, Scope::User).unwrap();
    let read: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(read["numStartups"], 4);
    assert_eq!(
        claude.format.find(&read.to_string(), "mcpServers", NAME),
        Ok(None)
    );
}

#[test]
fn a_file_with_a_token_is_for_its_user_alone() {
    let home = Home::new();
    let zed = agent("zed");
    let file = home.write(zed, Scope::User, "{\n  // mine\n  \"theme\": \"One\"\n}\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    home.connect(zed, Scope::User, &http()).unwrap();
    let backup = file.with_extension("json.mcpod-backup");
    assert_eq!((mode(&file), mode(&backup)), (0o600, 0o600));
    // The next backup has the token in it.
    home.connect(zed, Scope::User, &stdio()).unwrap();
    assert!(fs::read_to_string(&backup).unwrap().contains(TOKEN));
    assert_eq!(mode(&backup), 0o600);
}

#[test]
fn what_is_not_ours_is_written_over_only_by_force() {
    let home = Home::new();
    let cursor = agent("cursor");
    let theirs = json!({"mcpServers": {"mcpod": {
        "command": "npx", "args": ["mcpod"], "env": {"KEY": "5ec7e7"},
    }}});
    let file = home.write(cursor, Scope::User, &theirs.to_string());
    assert_eq!(home.state(cursor, Scope::User), State::Foreign);
    for error in [
        home.connect(cursor, Scope::User, &stdio()).unwrap_err(),
        home.disconnect(cursor, Scope::User).unwrap_err(),
    ] {
        let said = format!("{error} {}", error.hint().unwrap());
        assert!(said.contains("npx") && said.contains("--force"), "{said}");
        assert!(!said.contains("5ec7e7"), "{said}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), theirs.to_string());
    let force = Manner {
        force: true,
        dry_run: false,
    };
    cursor
        .connect(Scope::User, &stdio(), &home.around, force)
        .unwrap();
    let backup = file.with_extension("json.mcpod-backup");
    assert_eq!(fs::read_to_string(backup).unwrap(), theirs.to_string());
}

#[test]
fn what_cannot_be_read_is_left_alone_and_what_belongs_into_it_is_said() {
    let home = Home::new();
    for (id, text, part) in [
        ("vscode", "{\"servers\": {", "\"servers\""),
        ("codex", "[mcp_servers", "[mcp_servers.mcpod]"),
        ("goose", "extensions: {a: {cmd: b}}\n", "extensions:"),
        ("kiro", "{\"mcpServers\": []}", "\"mcpServers\""),
    ] {
        let agent = agent(id);
        let file = home.write(agent, Scope::User, text);
        let error = home.connect(agent, Scope::User, &stdio()).unwrap_err();
        assert!(
            matches!(error, ClientConfigError::Uneditable { .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains(file.to_str().unwrap()),
            "{error}"
        );
        assert!(error.hint().unwrap().contains(part), "{:?}", error.hint());
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let home = Home::new();
    let dry = Manner {
        force: false,
        dry_run: true,
    };
    let cursor = agent("cursor");
    let done = cursor
        .connect(Scope::User, &stdio(), &home.around, dry)
        .unwrap();
    assert_eq!(done.change, Change::Added);
    assert!(done.shown.contains("\"mcpServers\""), "{}", done.shown);
    assert!(home.files().is_empty());
    home.connect(cursor, Scope::User, &stdio()).unwrap();
    let files = home.files();
    cursor.disconnect(Scope::User, &home.around, dry).unwrap();
    assert_eq!(home.files(), files);
}

#[test]
fn links_are_followed_but_not_out_of_a_project() {
    let home = Home::new();
    let claude = agent("claude-code");
    // Dotfiles are often links into a repository.
    let dotfiles = home.around.home.join("dotfiles");
    fs::create_dir_all(&dotfiles).unwrap();
    fs::write(dotfiles.join("claude.json"), "{\"a\": 1}\n").unwrap();
    let file = home.file(claude, Scope::User);
    symlink(dotfiles.join("claude.json"), &file).unwrap();
    home.connect(claude, Scope::User, &stdio()).unwrap();
    assert!(file.is_symlink());
    assert!(
        fs::read_to_string(dotfiles.join("claude.json"))
            .unwrap()
            .contains("mcpod")
    );
    assert!(dotfiles.join("claude.json.mcpod-backup").exists());

    // A project may not name a file of its user's, nor a folder.
    let outside = home.around.home.join("theirs.json");
    fs::write(&outside, "{}\n").unwrap();
    symlink(&outside, home.file(claude, Scope::Project)).unwrap();
    symlink(&home.around.home, home.around.project.join(".cursor")).unwrap();
    for agent in [claude, agent("cursor")] {
        let error = home.connect(agent, Scope::Project, &stdio()).unwrap_err();
        assert!(
            matches!(error, ClientConfigError::Outside { .. }),
            "{error}"
        );
        assert_eq!(home.state(agent, Scope::Project), State::Unreadable);
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "{}\n");
    assert!(!home.around.home.join("mcp.json").exists());

    symlink(
        home.around.project.join("gone"),
        home.around.project.join(".vscode"),
    )
    .unwrap();
    let error = home
        .connect(agent("vscode"), Scope::Project, &stdio())
        .unwrap_err();
    assert!(error.to_string().contains(".vscode"), "{error}");
}

#[test]
fn a_variable_moves_an_agents_folder_and_a_second_form_of_its_file_is_found() {
    let mut home = Home::new();
    let moved = home.folder.path().join("moved");
    home.around.environment = Environment::from(std::collections::BTreeMap::from([(
        "CODEX_HOME".to_owned(),
        moved.display().to_string(),
    )]));
    let codex = agent("codex");
    assert_eq!(home.file(codex, Scope::User), moved.join("config.toml"));
    fs::create_dir_all(&moved).unwrap();
    assert!(codex.is_installed(&home.around));

    let opencode = agent("opencode");
    let other = home.around.config.join("opencode/opencode.json");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, "{}").unwrap();
    assert_eq!(home.file(opencode, Scope::User), other);
}

#[test]
fn ids_are_unique_and_can_be_typed() {
    let mut ids: Vec<&str> = AGENTS.iter().map(|agent| agent.id).collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), AGENTS.len());
    let typable = |c: char| c.is_ascii_lowercase() || c == '-';
    assert!(ids.iter().all(|id| id.chars().all(typable)));
}
