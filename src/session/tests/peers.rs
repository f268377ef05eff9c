//! Servers and clients that others wrote: rmcp, in both eras.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientConfig, ContentBlock, ErrorData,
    InputRequiredResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient, RoleServer};
use rmcp::{ClientHandler, ServerHandler, ServiceExt};
use tokio::sync::Notify;

use super::lists::Lists;
use super::*;

/// A server with a few tools, in versions up to `newest`.
#[derive(Clone)]
struct Sample {
    newest: ProtocolVersion,
    cancelled: Arc<Notify>,
}

impl Sample {
    fn new(newest: ProtocolVersion) -> Self {
        Self {
            newest,
            cancelled: Arc::default(),
        }
    }

    /// Serves one end of a pipe; gives the other.
    fn start(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let server = self.clone();
        tokio::spawn(async move {
            let running = server.serve(theirs).await.unwrap();
            running.waiting().await.unwrap();
        });
        ours
    }

    async fn open(&self, opening: Opening) -> Session {
        opening.open(streams([self.start()])).await.unwrap()
    }
}

impl ServerHandler for Sample {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        ProtocolVersion::known_up_to(&self.newest).into()
    }

    /// Three tools on three pages.
    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let page = request.and_then(|request| request.cursor);
        let (name, next) = match page.as_deref() {
            None => ("echo", Some("2")),
            Some("2") => ("wait", Some("3")),
            _ => ("count", None),
        };
        let tool = Tool::new(name, "a tool", rmcp::model::JsonObject::default());
        let mut result = ListToolsResult::with_all_items(vec![tool]);
        result.next_cursor = next.map(str::to_owned);
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut text = format!("{:?}", request.arguments.unwrap_or_default());
        match &*request.name {
            "wait" => {
                context.ct.cancelled().await;
                self.cancelled.notify_one();
            }
            "count" => {
                let token = context.meta.get_progress_token().unwrap();
                for step in 0..3 {
                    let progress = ProgressNotificationParam::new(token.clone(), f64::from(step));
                    context.peer.notify_progress(progress).await.unwrap();
                }
            }
            #[expect(deprecated, reason = "servers of the older era ask for roots")]
            "roots" => {
                let roots = context.peer.list_roots().await;
                text = format!("{:?}", roots.map(|roots| roots.roots.len()).ok());
            }
            "ask" => {
                let state = Some("state".to_owned());
                return Ok(InputRequiredResult::new(None, state).into());
            }
            _ => {}
        }
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

fn tool(name: &str) -> Box<RawValue> {
    raw(&json!({"name": name, "arguments": {"a": 1}}).to_string())
}

/// Calls the tools that work in both eras.
async fn use_tools(server: &Sample, session: &Session) {
    let lists = Lists::collect(session, LONG, None).await.lists;
    let names: Vec<_> = lists
        .tools
        .iter()
        .map(|tool| splice::find(tool.get(), &["name"]))
        .collect();
    assert_eq!(
        names,
        [
            Ok(Some("\"echo\"")),
            Ok(Some("\"wait\"")),
            Ok(Some("\"count\""))
        ]
    );
    assert!(lists.prompts.is_empty() && lists.resources.is_empty());

    let result = session
        .request("tools/call", Some(&tool("echo")), LONG)
        .await
        .unwrap();
    assert!(result.get().contains(r#"{\"a\": Number(1)}"#), "{result}");

    let wanted = CallOptions {
        progress: true,
        ..CallOptions::within(LONG)
    };
    let mut call = session
        .call("tools/call", Some(&tool("count")), wanted)
        .await
        .unwrap();
    let mut steps = Vec::new();
    while let Step::Progress(frame) = call.next().await.unwrap() {
        steps.push(frame.find(&["progress"]).unwrap().unwrap().to_owned());
    }
    assert_eq!(steps.len(), 3, "{steps:?}");

    let call = session
        .call("tools/call", Some(&tool("wait")), CallOptions::default())
        .await
        .unwrap();
    drop(call);
    server.cancelled.notified().await;

    let error = session.request("no/such", None, LONG).await.unwrap_err();
    assert!(matches!(error, SessionError::Rpc(error) if error.code == RpcError::METHOD_NOT_FOUND));
}

#[tokio::test]
async fn an_rmcp_server_of_both_eras_is_taken_as_modern() {
    let server = Sample::new(ProtocolVersion::LATEST);
    let session = server.open(opening(None)).await;
    assert_eq!(session.era().to_string(), "2026-07-28");
    use_tools(&server, &session).await;
    let params = raw(
        r#"{"name":"ask","_meta":{"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}"#,
    );
    let result = session
        .request("tools/call", Some(&params), LONG)
        .await
        .unwrap();
    assert_eq!(
        splice::find(result.get(), &["resultType"]).unwrap(),
        Some(r#""input_required""#)
    );
}

#[tokio::test]
async fn older_rmcp_servers_are_taken_as_such() {
    for version in [
        ProtocolVersion::V_2024_11_05,
        ProtocolVersion::V_2025_03_26,
        ProtocolVersion::V_2025_06_18,
        ProtocolVersion::V_2025_11_25,
    ] {
        let server = Sample::new(version.clone());
        for remembered in [None, Some("2025-11-25"), Some("2026-07-28")] {
            let session = server.open(opening(remembered)).await;
            assert_eq!(*session.era(), Era::Legacy(version.clone()));
            use_tools(&server, &session).await;
            session.close().await;
        }
    }
}

#[tokio::test]
async fn an_rmcp_server_gets_its_own_requests_answered() {
    let server = Sample::new(ProtocolVersion::V_2025_11_25);
    let (says, mut heard) = mpsc::channel(8);
    let session = server
        .open(Opening {
            client: Client::new(
                raw(r#"{"name":"agent","version":"1"}"#),
                raw(r#"{"roots":{}}"#),
            ),
            incoming: Some(says),
            ..opening(None)
        })
        .await;
    let roots = async {
        while let Some(Incoming::Request(request)) = heard.recv().await {
            request
                .answer(&raw(r#"{"roots":[{"uri":"file:///a"}]}"#))
                .await;
        }
    };
    let params = tool("roots");
    let call = session.request("tools/call", Some(&params), LONG);
    let result = tokio::select! {
        result = call => result.unwrap(),
        () = roots => panic!("the session ended"),
    };
    assert!(result.get().contains("Some(1)"), "{result}");
}

/// An rmcp client that keeps the progress it is told.
#[derive(Clone)]
struct Agent(mpsc::UnboundedSender<f64>);

impl ClientHandler for Agent {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::default().with_protocol_version(ProtocolVersion::V_2025_11_25)
    }

    async fn on_progress(
        &self,
        told: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.0.send(told.progress).unwrap();
    }
}

/// Passes on what an agent says to a session, and back what comes, as a frontend does.
async fn relay(session: Session, agent: DuplexStream) {
    let (read, mut write) = split(agent);
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let frame = Frame::parse(line).unwrap();
        let Some(id) = frame.id().cloned() else {
            continue;
        };
        let mut back = String::new();
        if frame.method() == "initialize" {
            back += Frame::result(&id, session.server()).as_str();
            back += "\n";
        } else {
            let token = frame
                .find(&["_meta", "progressToken"])
                .unwrap()
                .map(Id::from_json);
            let wanted = CallOptions {
                progress: token.is_some(),
                ..CallOptions::within(LONG)
            };
            let params = frame.payload().map(raw);
            let mut call = session
                .call(frame.method(), params.as_deref(), wanted)
                .await
                .unwrap();
            loop {
                let (frame, last) = match call.next().await.unwrap() {
                    Step::Progress(progress) => {
                        let token = token.clone().flatten().unwrap();
                        (progress.with_progress_token(&token).unwrap(), false)
                    }
                    Step::Answer(answer) => (answer.with_id(&id), true),
                };
                back += frame.as_str();
                back += "\n";
                if last {
                    break;
                }
            }
        }
        write.write_all(back.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn an_rmcp_client_reaches_an_rmcp_server_through_a_session() {
    let server = Sample::new(ProtocolVersion::V_2025_11_25);
    let session = server.open(opening(None)).await;
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(relay(session, theirs));
    let (told, mut tells) = mpsc::unbounded_channel();
    let agent = Agent(told).serve(ours).await.unwrap();
    let tools = agent.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 3);
    let result = agent
        .call_tool(CallToolRequestParams::new("count"))
        .await
        .unwrap();
    assert_eq!(result.content.len(), 1);
    for _ in 0..3 {
        tells.recv().await.unwrap();
    }
    agent.cancel().await.unwrap();
}
