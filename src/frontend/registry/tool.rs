//! The registry tools: their names, what the model reads of them, and what runs when they are called.

use std::sync::Arc;

use rmcp::model::{JsonObject, ToolAnnotations};
use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Answer, Failure};
use super::{Registry, add, browse, docs, exec, find, later, mend, refresh, state};

/// A registry tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// Searches the catalog, or all tools.
    Find,
    /// Browses the catalog.
    List,
    /// Describes an entry.
    GetDocs,
    /// Makes a server active.
    Add,
    /// Takes an active server away.
    Remove,
    /// Lists the active servers.
    Active,
    /// Changes an active server.
    ConfigSet,
    /// Calls any tool.
    Exec,
    /// Reads the catalog's sources anew.
    Refresh,
    /// Says how a server does.
    Status,
    /// Runs a command as a server.
    LaunchStdio,
}

/// What a tool does to the world.
enum Effect {
    /// It looks.
    Reads,
    /// It adds something.
    Adds,
    /// It may take something away.
    Destroys,
}

impl Tool {
    /// All of them, by name.
    pub(super) const ALL: [Self; 11] = [
        Self::Active,
        Self::Add,
        Self::ConfigSet,
        Self::Exec,
        Self::Find,
        Self::GetDocs,
        Self::LaunchStdio,
        Self::List,
        Self::Refresh,
        Self::Remove,
        Self::Status,
    ];

    /// The tool of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Find => "registry-find",
            Self::List => "registry-list",
            Self::GetDocs => "registry-get-docs",
            Self::Add => "registry-add",
            Self::Remove => "registry-remove",
            Self::Active => "registry-active",
            Self::ConfigSet => "registry-config-set",
            Self::Exec => crate::frontend::route::EXEC,
            Self::Refresh => "registry-refresh",
            Self::Status => "registry-status",
            Self::LaunchStdio => "registry-launch-stdio",
        }
    }

    /// What is listed of it.
    pub(super) fn definition(self, servers: usize) -> rmcp::model::Tool {
        let (title, description, input, output) = match self {
            Self::Find => (
                "Find servers or tools",
                find::description(servers),
                schema::<find::Arguments>(),
                Some(schema::<find::Found>()),
            ),
            Self::List => (
                "Browse the catalog",
                browse::DESCRIPTION.to_owned(),
                schema::<browse::Arguments>(),
                Some(schema::<browse::Page>()),
            ),
            Self::GetDocs => (
                "Read about a server",
                docs::DESCRIPTION.to_owned(),
                schema::<docs::Arguments>(),
                Some(schema::<docs::Docs>()),
            ),
            Self::Add => (
                "Make a server active",
                add::DESCRIPTION.to_owned(),
                schema::<add::Arguments>(),
                Some(schema::<add::Added>()),
            ),
            Self::Remove => (
                "Take a server away",
                mend::REMOVE.to_owned(),
                schema::<mend::RemoveArguments>(),
                Some(schema::<mend::Removed>()),
            ),
            Self::Active => (
                "List active servers",
                state::ACTIVE.to_owned(),
                schema::<state::ActiveArguments>(),
                Some(schema::<state::ActiveServers>()),
            ),
            Self::ConfigSet => (
                "Change an active server",
                mend::CONFIG_SET.to_owned(),
                schema::<mend::ConfigSetArguments>(),
                None,
            ),
            Self::Exec => (
                "Call any tool",
                exec::DESCRIPTION.to_owned(),
                schema::<exec::Call>(),
                None,
            ),
            Self::Refresh => (
                "Refresh the catalog",
                refresh::DESCRIPTION.to_owned(),
                schema::<refresh::Arguments>(),
                Some(schema::<refresh::Refreshed>()),
            ),
            Self::Status => (
                "See how a server does",
                state::STATUS.to_owned(),
                schema::<state::StatusArguments>(),
                Some(schema::<state::ServerStatus>()),
            ),
            Self::LaunchStdio => (
                "Run a command as a server",
                later::LAUNCH_STDIO.to_owned(),
                schema::<later::LaunchStdioArguments>(),
                None,
            ),
        };
        let mut tool = rmcp::model::Tool::new(self.name(), description, input)
            .with_title(title)
            .with_annotations(self.annotations(title));
        if let Some(output) = output {
            tool = tool.with_raw_output_schema(output);
        }
        tool
    }

    fn annotations(self, title: &str) -> ToolAnnotations {
        let (effect, idempotent, open) = match self {
            Self::Find | Self::List | Self::GetDocs | Self::Active | Self::Status => {
                (Effect::Reads, true, false)
            }
            Self::Add => (Effect::Adds, false, true),
            Self::Refresh => (Effect::Adds, true, true),
            Self::Remove | Self::ConfigSet => (Effect::Destroys, true, false),
            Self::Exec | Self::LaunchStdio => (Effect::Destroys, false, true),
        };
        ToolAnnotations::with_title(title)
            .read_only(matches!(effect, Effect::Reads))
            .destructive(matches!(effect, Effect::Destroys))
            .idempotent(idempotent)
            .open_world(open)
    }

    /// Whether a call that is cancelled must come to its own end.
    pub(super) fn undoes_itself(self) -> bool {
        matches!(self, Self::Add | Self::Remove | Self::ConfigSet)
    }

    /// Calls it.
    pub(super) async fn call(
        self,
        registry: &Registry,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Answer, Failure> {
        match self {
            Self::Find => find::run(registry, &read(arguments)?),
            Self::List => browse::run(registry, &read(arguments)?),
            Self::GetDocs => docs::run(registry, &read(arguments)?),
            Self::Add => Box::pin(add::run(registry, read(arguments)?, &context)).await,
            Self::Remove => mend::remove(registry, read(arguments)?, &context).await,
            Self::Active => state::active(registry, read(arguments)?).await,
            Self::ConfigSet => mend::config_set(registry, &read(arguments)?),
            Self::Exec => Err(exec::not_called(registry, &read(arguments)?)),
            Self::Refresh => refresh::run(registry, read(arguments)?).await,
            Self::Status => state::status(registry, read(arguments)?).await,
            Self::LaunchStdio => Err(later::launch_stdio(registry, &read(arguments)?)),
        }
    }
}

/// Reads a tool's arguments; what is wrong with them is for the model to mend.
fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        Failure::new(format!("the arguments do not fit: {error}"))
            .next("look at the tool's input schema and call it again")
    })
}

/// The schema of a type, whole in itself, since some hosts do not follow references.
fn schema<T: JsonSchema>() -> Arc<JsonObject> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = match schema.to_value() {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    };
    // The type's own name says nothing to a model.
    schema.remove("title");
    Arc::new(schema)
}
