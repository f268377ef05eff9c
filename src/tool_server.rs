//! The server of tools that are containers: it speaks MCP on its standard input and output, and each call of a tool is a container
//! of its own, which is gone when the call has ended.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, InitializeResult, JsonObject, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use tokio::process::Command;

use crate::activation::tools::{Served, ToolRun};
use crate::systemd::command::read;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Serves the tools.
#[derive(Debug, Clone)]
pub struct ToolServer {
    served: Arc<Served>,
}

impl ToolServer {
    /// Reads what the unit says.
    pub fn of_json(json: &str) -> Result<Self, serde_json::Error> {
        Ok(Self {
            served: Arc::new(serde_json::from_str(json)?),
        })
    }

    /// Serves until the client is gone.
    pub async fn serve(self) -> anyhow::Result<()> {
        let running = rmcp::serve_server(self, (tokio::io::stdin(), tokio::io::stdout())).await?;
        running.waiting().await?;
        Ok(())
    }
}

impl ServerHandler for ToolServer {
    fn get_info(&self) -> InitializeResult {
        InitializeResult::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(
                "mcpod-tools",
                env!("CARGO_PKG_VERSION"),
            ))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.served.tools.iter().map(|tool| {
            let schema: JsonObject = serde_json::from_str(&tool.schema).unwrap_or_default();
            let description = tool.description.as_ref().map(ToString::to_string);
            Tool::new(
                tool.name.to_string(),
                description.unwrap_or_default(),
                schema,
            )
        });
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let run = match self.served.run(&request.name, &arguments) {
            Ok(run) => run,
            Err(error) => return Ok(failed(&error.to_string()).into()),
        };
        let result = tokio::select! {
            result = carry_out(&self.served, &run) => result,
            () = context.ct.cancelled() => failed("cancelled"),
        };
        Ok(result.into())
    }
}

fn failed(message: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}

/// Runs a container, and gives what it printed.
async fn carry_out(served: &Served, run: &ToolRun) -> CallToolResult {
    let mut run = run.clone();
    for (source, ..) in &mut run.mounts {
        // A link in what the user named could lead anywhere: what is mounted is where it leads to.
        let truly = std::fs::canonicalize(&*source);
        let is_within = |path: &Path| {
            let mut folders = served.folders.iter();
            folders.any(|folder| path.starts_with(&folder.truly))
        };
        match truly.map(|truly| (is_within(&truly), truly.into_os_string().into_string())) {
            Ok((true, Ok(truly))) => *source = truly,
            Ok(_) => return failed(&format!("{source} leads out of what the user named")),
            Err(error) => return failed(&format!("{source} cannot be mounted: {error}")),
        }
    }
    let spawned = command(served, &run).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return failed(&format!("podman cannot be run: {error}")),
    };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async { tokio::try_join!(read(stdout), read(stderr), child.wait()) };
    let (stdout, stderr, status) = match tokio::time::timeout(PATIENCE, ended).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => return failed(&format!("podman cannot be run: {error}")),
        Err(_) => return failed(&format!("it did not end within {PATIENCE:?}")),
    };
    let mut content = vec![ContentBlock::text(stdout)];
    if !stderr.is_empty() {
        content.push(ContentBlock::text(stderr));
    }
    if status.success() {
        CallToolResult::success(content)
    } else {
        content.push(ContentBlock::text(format!("it ended with {status}")));
        CallToolResult::error(content)
    }
}

/// `podman run`, in the sandbox of all servers. All of it stays in the session's control group.
fn command(served: &Served, run: &ToolRun) -> Command {
    let mut command = Command::new("podman");
    let session = std::env::var("INVOCATION_ID").unwrap_or_default();
    command
        .args([
            "--transient-store",
            "--events-backend=none",
            "run",
            "--rm",
            "--init",
        ])
        .args([
            "--pull=missing",
            "--quiet",
            "--cgroups=disabled",
            "--pids-limit=0",
        ])
        .args(["--read-only", "--cap-drop=all", "--log-driver=none"])
        .arg("--security-opt=no-new-privileges")
        .arg(if served.network {
            "--network=pasta"
        } else {
            "--network=none"
        })
        // The user's own id is there where the user's files are.
        .arg(if run.mounts.is_empty() {
            "--userns=nomap"
        } else {
            "--userns=keep-id"
        })
        .arg(format!("--timeout={}", PATIENCE.as_secs()))
        .arg(format!("--label=io.mcpod.session={session}"));
    for (source, target, may_change) in &run.mounts {
        let mut how = if *may_change { "rw" } else { "ro" }.to_owned();
        if let Some(relabel) = &served.relabel {
            how = format!("{how},{relabel}");
        }
        command.arg(format!("--volume={source}:{target}:{how}"));
    }
    command
        .arg("--")
        .arg(run.image.to_string())
        .args(&run.words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
