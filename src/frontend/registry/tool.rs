//! The registry tools: their names, what the model reads of them, and what runs when they are called.

use std::sync::Arc;

use rmcp::model::{JsonObject, ToolAnnotations};
use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::answer::{Answer, Explained, Failure};
use super::arguments::read;
use super::{
    Registry, accept, add, browse, config, docs, exec, find, launch, refresh, remove, state,
};

/// A registry tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// Searches the catalog, or all tools.
    Find,
    /// Browses the catalog.
    List,
    /// Describes an entry.
    GetDocs,
    /// Asks the user to accept tools that changed.
    Accept,
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
    pub(super) const ALL: [Self; 12] = [
        Self::Accept,
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
            Self::Accept => "registry-accept",
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
    pub(super) fn definition(self, summary: &str) -> rmcp::model::Tool {
        let (title, description, input, output) = match self {
            Self::Find => (
                "Find servers or tools",
                find::description(summary),
                arguments::<find::Arguments>(),
                Some(answers::<find::Found>()),
            ),
            Self::List => (
                "Browse the catalog",
                browse::DESCRIPTION.to_owned(),
                arguments::<browse::Arguments>(),
                Some(answers::<browse::Page>()),
            ),
            Self::GetDocs => (
                "Read about a server",
                docs::DESCRIPTION.to_owned(),
                arguments::<docs::Arguments>(),
                Some(answers::<docs::Docs>()),
            ),
            Self::Accept => (
                "Accept changed tools",
                accept::DESCRIPTION.to_owned(),
                arguments::<accept::Arguments>(),
                Some(answers::<accept::Accepted>()),
            ),
            Self::Add => (
                "Make a server active",
                add::DESCRIPTION.to_owned(),
                arguments::<add::Arguments>(),
                Some(answers::<add::Added>()),
            ),
            Self::Remove => (
                "Take a server away",
                remove::DESCRIPTION.to_owned(),
                arguments::<remove::Arguments>(),
                Some(answers::<remove::Removed>()),
            ),
            Self::Active => (
                "List active servers",
                state::ACTIVE.to_owned(),
                arguments::<state::ActiveArguments>(),
                Some(answers::<state::ActiveServers>()),
            ),
            Self::ConfigSet => (
                "Change an active server",
                config::DESCRIPTION.to_owned(),
                arguments::<config::Arguments>(),
                Some(answers::<config::Changed>()),
            ),
            Self::Exec => (
                "Call any tool",
                exec::DESCRIPTION.to_owned(),
                arguments::<exec::Call>(),
                None,
            ),
            Self::Refresh => (
                "Refresh the catalog",
                refresh::DESCRIPTION.to_owned(),
                arguments::<refresh::Arguments>(),
                Some(answers::<refresh::Refreshed>()),
            ),
            Self::Status => (
                "See how a server does",
                state::STATUS.to_owned(),
                arguments::<state::StatusArguments>(),
                Some(answers::<state::ServerStatus>()),
            ),
            Self::LaunchStdio => (
                "Run a command as a server",
                launch::DESCRIPTION.to_owned(),
                arguments::<launch::Arguments>(),
                Some(answers::<add::Added>()),
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
            Self::Accept => (Effect::Adds, true, false),
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
        matches!(
            self,
            Self::Accept | Self::Add | Self::LaunchStdio | Self::Remove | Self::ConfigSet
        )
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
            Self::Accept => accept::run(registry, read(arguments)?, &context).await,
            Self::Add => Box::pin(add::run(registry, read(arguments)?, &context)).await,
            Self::Remove => remove::run(registry, read(arguments)?, &context).await,
            Self::Active => state::active(registry, read(arguments)?).await,
            Self::ConfigSet => Box::pin(config::run(registry, read(arguments)?, &context)).await,
            Self::Exec => Err(exec::not_called(registry, &read(arguments)?)),
            Self::Refresh => refresh::run(registry, read(arguments)?, &context).await,
            Self::Status => state::status(registry, read(arguments)?).await,
            Self::LaunchStdio => Box::pin(launch::run(registry, read(arguments)?, &context)).await,
        }
    }
}

/// The schema of a tool's arguments. One that may be left out need not be null besides: not all hosts know several types.
fn arguments<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = schema::<T>();
    // Of a tool that takes nothing, which hosts of some models refuse without.
    let members = Arc::make_mut(&mut schema);
    members
        .entry("properties")
        .or_insert_with(|| Value::Object(JsonObject::new()));
    walk(members, &|members| {
        if let Some(Value::Array(types)) = members.get("type")
            && let [one, null] = types.as_slice()
            && null == "null"
        {
            let one = one.clone();
            members.insert("type".to_owned(), one);
        }
    });
    schema
}

/// The schema of what a tool answers, one that failed as well: there are clients that hold every answer against it (the TypeScript SDK
/// 1.x), and tell the model of what does not fit instead of what went wrong.
fn answers<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = schema::<T>();
    let members = Arc::make_mut(&mut schema);
    members.remove("required");
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        let error = JsonObject::clone(&self::schema::<Explained>());
        properties.insert("error".to_owned(), Value::Object(error));
    }
    schema
}

/// The schema of a type, whole in itself, since some hosts do not follow references.
pub(super) fn schema<T: JsonSchema>() -> Arc<JsonObject> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = match schema.to_value() {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    };
    // The type's own name says nothing to a model.
    schema.remove("title");
    walk(&mut schema, &|members| {
        // `uint32` and the like: clients warn of formats that JSON Schema does not have.
        members.retain(|key, value| key != "format" || !value.is_string());
    });
    Arc::new(schema)
}

/// Changes every object in a schema.
fn walk(members: &mut JsonObject, change: &impl Fn(&mut JsonObject)) {
    change(members);
    for value in members.values_mut() {
        walk_value(value, change);
    }
}

fn walk_value(value: &mut Value, change: &impl Fn(&mut JsonObject)) {
    match value {
        Value::Object(members) => walk(members, change),
        Value::Array(items) => {
            for item in items {
                walk_value(item, change);
            }
        }
        _ => {}
    }
}
