//! Tools that are containers: what one call of one runs. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::choices::Network;
use super::evaluate::{Evaluated, Variables, evaluate};
use super::inputs::Inputs;
use super::plan::Plan;
use crate::catalog::{
    Artifact, Input, LaunchOption, Local, Mount, Run, Template, ToolContainer, Transport, Trust,
};
use crate::image::ImageReference;
use crate::quadlet::value::Assignment;

/// The tools of a server, and what they may have of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The tools, their images pinned.
    pub tools: Vec<ToolContainer>,
    /// Whether they have the open network.
    pub network: bool,
    /// Files and folders of the host that calls may name, or name something in.
    pub folders: Vec<Folder>,
    /// The option of a mount by which the host's files are relabelled for SELinux.
    pub relabel: Option<String>,
}

/// A file or folder of the host that the user named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// As the user named it.
    pub named: String,
    /// Where it truly lies.
    pub truly: String,
    /// Whether it may be changed.
    pub may_change: bool,
}

/// A container that a call runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRun {
    /// Its image.
    pub image: ImageReference,
    /// What stands behind the image's entry point.
    pub words: Vec<String>,
    /// What it sees of the host: where that lies, where it is seen, and whether it may be changed.
    pub mounts: Vec<(String, String, bool)>,
}

/// Why a call runs nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no such tool.
    #[error("there is no tool {name:?}")]
    NoTool {
        /// What was asked for.
        name: String,
    },
    /// An argument is not what its schema says.
    #[error("the argument {name} is to be a text, a number, true or false, or a list of these")]
    Argument {
        /// Its name.
        name: String,
    },
    /// An argument is missing.
    #[error("the argument {name} is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A path of the host that the user did not name.
    #[error(
        "{path} of the host is not for this tool: the user names what it may see, with mcpod add --mount PATH"
    )]
    Closed {
        /// The path.
        path: String,
    },
    /// A path that cannot be mounted.
    #[error("{path:?} cannot be mounted: it is no absolute path, or has a colon or .. in it")]
    Path {
        /// The path.
        path: String,
    },
}

impl Served {
    /// What a plan lets its tools have.
    pub fn of(plan: &Plan, tools: &[ToolContainer]) -> Self {
        let binds = plan.invocation.binds.iter();
        Self {
            tools: tools.to_vec(),
            network: plan.network == Network::Open,
            folders: binds
                .map(|bind| Folder {
                    named: bind.target.clone(),
                    truly: bind.source.clone(),
                    may_change: !bind.read_only,
                })
                .collect(),
            relabel: plan.relabel.option().map(str::to_owned),
        }
    }

    /// As the server is told.
    pub fn to_json(&self) -> String {
        // Nothing in it is a map with keys that are no text, which is all that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Works out what a call runs.
    pub fn run(&self, name: &str, arguments: &Map<String, Value>) -> Result<ToolRun, CallError> {
        let named = |tool: &&ToolContainer| &*tool.name == name;
        let tool = self
            .tools
            .iter()
            .find(named)
            .ok_or_else(|| CallError::NoTool {
                name: name.to_owned(),
            })?;
        let (option, given) = option_of(tool, arguments)?;
        let none = std::collections::BTreeMap::new();
        // Each argument is one of the option's inputs, and takes any text.
        let missing = |name: &str| CallError::Argument {
            name: name.to_owned(),
        };
        let inputs =
            Inputs::new(name, &option, &given, &none).map_err(|_| missing("of the call"))?;
        let value = |template: &Template| evaluate(template, &inputs, &Variables::new());
        let mut words = Vec::new();
        for template in &tool.command {
            let value = value(template);
            words.extend(value.present().map(|word| word.expose().to_owned()));
        }
        let mut mounts = Vec::new();
        for mount in &tool.mounts {
            match mount {
                Mount::Bind {
                    source,
                    target,
                    read_only,
                } => {
                    let (source, target) = (one(&value(source)), one(&value(target)));
                    if !source.is_empty() && !target.is_empty() {
                        mounts.push(self.mount(&source, &target, !read_only)?);
                    }
                }
                Mount::Each(template) => {
                    for item in value(template).present() {
                        let (source, target) = item.expose().split_once(':').unwrap_or_default();
                        mounts.push(self.mount(source, target, true)?);
                    }
                }
                // What a call leaves is gone with it: there is nothing to keep.
                Mount::Volume { .. } => {}
            }
        }
        Ok(ToolRun {
            image: tool.image.clone(),
            words,
            mounts,
        })
    }

    /// Lets a mount pass that lies in what the user named.
    fn mount(
        &self,
        source: &str,
        target: &str,
        wanted: bool,
    ) -> Result<(String, String, bool), CallError> {
        for path in [source, target] {
            let is_way_up = path.split('/').any(|part| part == "..");
            if !path.starts_with('/')
                || path.contains(':')
                || path.contains(char::is_control)
                || is_way_up
            {
                return Err(CallError::Path {
                    path: path.to_owned(),
                });
            }
        }
        let within = |folder: &&Folder| {
            let rest = source.strip_prefix(folder.named.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // The nearest says whether it may be changed.
        let named = self.folders.iter().filter(within);
        let named = named.max_by_key(|folder| folder.named.len());
        let folder = named.ok_or_else(|| CallError::Closed {
            path: source.to_owned(),
        })?;
        let may_change = wanted && folder.may_change;
        Ok((source.to_owned(), target.to_owned(), may_change))
    }
}

/// The launch option whose inputs are the arguments of a call, and their values.
fn option_of(
    tool: &ToolContainer,
    arguments: &Map<String, Value>,
) -> Result<(LaunchOption, Vec<Assignment>), CallError> {
    let (mut inputs, mut given) = (Vec::<Input>::new(), Vec::new());
    let templates = tool
        .command
        .iter()
        .chain(tool.mounts.iter().flat_map(Mount::templates));
    for path in templates.flat_map(Template::inputs) {
        if inputs.iter().any(|input| input.path == *path) {
            continue;
        }
        let name = path.as_str();
        let refused = || CallError::Argument {
            name: name.to_owned(),
        };
        let value = arguments.get(name).ok_or_else(|| CallError::Missing {
            name: name.to_owned(),
        })?;
        let many = value.as_array();
        let items = many.map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items {
            let text = match item {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => item.to_string(),
                _ => return Err(refused()),
            };
            given.push(Assignment::new(name, text));
        }
        inputs.push(Input {
            many: many.is_some(),
            ..Input::text(path.clone())
        });
    }
    let local = Local {
        artifact: Artifact::Tools(Vec::new()),
        transport: Transport::Stdio,
        args: Vec::new(),
        env: Vec::new(),
        mounts: Vec::new(),
        user: None,
        network: crate::catalog::Network::Unstated,
    };
    let option = LaunchOption {
        trust: Trust::Declared,
        inputs,
        run: Run::Local(Box::new(local)),
    };
    Ok((option, given))
}

fn one(value: &Evaluated) -> String {
    value.joined().expose().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::catalog::{Line, Syntax};

    fn served(folders: &[(&str, bool)]) -> Served {
        let template = |text: &str| Template::parse(text, Syntax::DoubleBraces);
        Served {
            tools: vec![ToolContainer {
                name: Line::new("ffmpeg"),
                description: None,
                schema: "{}".to_owned(),
                image: "example.com/ffmpeg:1".parse().unwrap(),
                command: vec![template("-q"), template("{{args|into}}")],
                mounts: vec![Mount::parse("{{basedir}}:{{basedir}}").unwrap()],
            }],
            network: false,
            folders: folders
                .iter()
                .map(|(folder, may_change)| Folder {
                    named: (*folder).to_owned(),
                    truly: (*folder).to_owned(),
                    may_change: *may_change,
                })
                .collect(),
            relabel: None,
        }
    }

    fn run(served: &Served, arguments: &Value) -> Result<ToolRun, CallError> {
        served.run("ffmpeg", arguments.as_object().unwrap())
    }

    #[test]
    fn a_call_is_a_container_with_what_the_user_named() {
        let served = served(&[("/srv/films", false), ("/srv/films/new", true)]);
        let ran = run(
            &served,
            &json!({"args": ["-i", "a b", 3], "basedir": "/srv/films/new/x"}),
        )
        .unwrap();
        assert_eq!(ran.words, ["-q", "-i", "a b", "3"]);
        let path = || "/srv/films/new/x".to_owned();
        assert_eq!(ran.mounts, [(path(), path(), true)]);
        let ran = run(&served, &json!({"args": [], "basedir": "/srv/films"})).unwrap();
        assert_eq!((ran.words.len(), ran.mounts[0].2), (1, false));
        // What the server is told is what it works with.
        assert_eq!(
            serde_json::from_str::<Served>(&served.to_json()).unwrap(),
            served
        );
    }

    #[test]
    fn nothing_else_of_the_host_is_mounted() {
        let served = served(&[("/srv/films", true)]);
        for path in [
            "/",
            "/srv",
            "/srv/filmsy",
            "/etc",
            "/var/run/docker.sock",
            "/srv/films/../..",
            "srv",
            "/srv/films:/x",
            "",
        ] {
            let ran = run(&served, &json!({"args": [], "basedir": path}));
            assert!(ran.is_err() || ran.unwrap().mounts.is_empty(), "{path}");
        }
        for (arguments, why) in [
            (json!({"basedir": "/srv/films"}), "args is missing"),
            (
                json!({"args": {}, "basedir": "/srv/films"}),
                "is to be a text",
            ),
            (
                json!({"args": [["x"]], "basedir": "/srv/films"}),
                "is to be a text",
            ),
            (
                json!({"args": ["x\u{1b}"], "basedir": "/srv/films"}),
                "is to be a text",
            ),
        ] {
            let error = run(&served, &arguments).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(served.run("rm", &Map::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_path_leads_out_of_what_was_named(path in "(/srv/films)?[/.a:]{0,10}") {
            let served = served(&[("/srv/films", true)]);
            if let Ok(ran) = run(&served, &json!({"args": [], "basedir": path})) {
                for (source, ..) in ran.mounts {
                    prop_assert!(source == "/srv/films" || source.starts_with("/srv/films/"));
                    prop_assert!(!source.split('/').any(|part| part == ".."));
                }
            }
        }
    }
}
