//! The table of agents.

use super::{Agent, Base, Place, Shape, TOKEN_VARIABLE, Token, Trace, Verified};
use crate::client_config::edit::Format;

const fn home(rest: &'static str) -> Place {
    Place {
        below: Base::Home,
        rest,
    }
}

const fn config(rest: &'static str) -> Place {
    Place {
        below: Base::Config,
        rest,
    }
}

const fn moved(variable: &'static str, usual: &'static str, rest: &'static str) -> Place {
    Place {
        below: Base::Moved(variable, usual),
        rest,
    }
}

/// Where most agents that took over Claude Desktop's form have the servers.
const SERVERS: &str = "mcpServers";

const BRACES: Token = Token::Expanded("${MCPOD_TOKEN}");
const ENV_BRACES: Token = Token::Expanded("${env:MCPOD_TOKEN}");

/// All agents, by what is typed.
pub const AGENTS: &[Agent] = &[
    Agent {
        id: "amp",
        title: "Amp",
        user: &[config("amp/settings.json"), config("amp/settings.jsonc")],
        project: &[".amp/settings.json", ".amp/settings.jsonc"],
        format: Format::Json,
        servers: "amp.mcpServers",
        shape: Shape::Plain,
        token: BRACES,
        traces: &[Trace::Program("amp"), Trace::Folder(Base::Config, "amp")],
        verified: Verified::Run,
    },
    Agent {
        id: "claude-code",
        title: "Claude Code",
        user: &[moved("CLAUDE_CONFIG_DIR", "", ".claude.json")],
        project: &[".mcp.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Typed,
        token: BRACES,
        traces: &[
            Trace::Program("claude"),
            Trace::Folder(Base::Moved("CLAUDE_CONFIG_DIR", ".claude"), ""),
        ],
        verified: Verified::Run,
    },
    Agent {
        id: "claude-desktop",
        title: "Claude Desktop",
        user: &[config("Claude/claude_desktop_config.json")],
        project: &[],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Plain,
        token: Token::NoHttp,
        traces: &[
            Trace::Program("claude-desktop"),
            Trace::Folder(Base::Config, "Claude"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "cline",
        title: "Cline",
        user: &[home(".cline/data/settings/cline_mcp_settings.json")],
        project: &[],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Streamable,
        token: Token::Literal,
        traces: &[Trace::Program("cline"), Trace::Folder(Base::Home, ".cline")],
        verified: Verified::Source,
    },
    Agent {
        id: "cline-vscode",
        title: "Cline in VS Code",
        user: &[
            config(
                "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            ),
            home(
                ".vscode-server/data/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            ),
        ],
        project: &[],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Streamable,
        token: Token::Literal,
        traces: &[
            Trace::Folder(
                Base::Config,
                "Code/User/globalStorage/saoudrizwan.claude-dev",
            ),
            Trace::Folder(
                Base::Home,
                ".vscode-server/data/User/globalStorage/saoudrizwan.claude-dev",
            ),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "codex",
        title: "Codex",
        user: &[moved("CODEX_HOME", ".codex", "config.toml")],
        project: &[".codex/config.toml"],
        format: Format::Toml,
        servers: "mcp_servers",
        shape: Shape::Bearer("bearer_token_env_var"),
        token: Token::Expanded(TOKEN_VARIABLE),
        traces: &[
            Trace::Program("codex"),
            Trace::Folder(Base::Moved("CODEX_HOME", ".codex"), ""),
        ],
        verified: Verified::Run,
    },
    Agent {
        id: "continue",
        title: "Continue",
        // A file of its own in this folder is read as Claude Desktop's would be.
        user: &[home(".continue/mcpServers/mcpod.json")],
        project: &[".continue/mcpServers/mcpod.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Typed,
        token: Token::Literal,
        traces: &[Trace::Folder(Base::Home, ".continue")],
        verified: Verified::Source,
    },
    Agent {
        id: "copilot",
        title: "Copilot CLI",
        user: &[moved("COPILOT_HOME", ".copilot", "mcp-config.json")],
        project: &[".mcp.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Tools,
        token: BRACES,
        traces: &[
            Trace::Program("copilot"),
            Trace::Folder(Base::Moved("COPILOT_HOME", ".copilot"), ""),
        ],
        verified: Verified::Run,
    },
    Agent {
        id: "crush",
        title: "Crush",
        user: &[config("crush/crush.json")],
        project: &[".crush.json", "crush.json"],
        format: Format::Json,
        servers: "mcp",
        shape: Shape::Typed,
        token: Token::Expanded("$MCPOD_TOKEN"),
        traces: &[
            Trace::Program("crush"),
            Trace::Folder(Base::Config, "crush"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "cursor",
        title: "Cursor",
        user: &[home(".cursor/mcp.json")],
        project: &[".cursor/mcp.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Plain,
        token: ENV_BRACES,
        traces: &[
            Trace::Program("cursor"),
            Trace::Program("cursor-agent"),
            Trace::Folder(Base::Home, ".cursor"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "gemini",
        title: "Gemini CLI",
        user: &[home(".gemini/settings.json")],
        project: &[".gemini/settings.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Typed,
        token: BRACES,
        traces: &[
            Trace::Program("gemini"),
            Trace::Folder(Base::Home, ".gemini"),
        ],
        verified: Verified::Run,
    },
    Agent {
        id: "goose",
        title: "goose",
        user: &[config("goose/config.yaml")],
        project: &[],
        format: Format::Yaml,
        servers: "extensions",
        shape: Shape::Extension,
        token: BRACES,
        traces: &[
            Trace::Program("goose"),
            Trace::Folder(Base::Config, "goose"),
        ],
        verified: Verified::Source,
    },
    Agent {
        id: "kimi",
        title: "Kimi Code",
        user: &[moved("KIMI_CODE_HOME", ".kimi-code", "mcp.json")],
        project: &[".kimi-code/mcp.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Bearer("bearerTokenEnvVar"),
        token: Token::Expanded(TOKEN_VARIABLE),
        traces: &[
            Trace::Program("kimi"),
            Trace::Folder(Base::Moved("KIMI_CODE_HOME", ".kimi-code"), ""),
        ],
        verified: Verified::Source,
    },
    Agent {
        id: "kiro",
        title: "Kiro",
        user: &[home(".kiro/settings/mcp.json")],
        project: &[".kiro/settings/mcp.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Plain,
        token: BRACES,
        traces: &[
            Trace::Program("kiro"),
            Trace::Program("kiro-cli"),
            Trace::Folder(Base::Home, ".kiro"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "lm-studio",
        title: "LM Studio",
        user: &[
            home(".lmstudio/mcp.json"),
            home(".cache/lm-studio/mcp.json"),
        ],
        project: &[],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Plain,
        token: Token::Literal,
        traces: &[
            Trace::Program("lms"),
            Trace::Folder(Base::Home, ".lmstudio"),
            Trace::Folder(Base::Home, ".cache/lm-studio"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "opencode",
        title: "opencode",
        user: &[
            config("opencode/opencode.jsonc"),
            config("opencode/opencode.json"),
        ],
        project: &["opencode.jsonc", "opencode.json"],
        format: Format::Json,
        servers: "mcp",
        shape: Shape::Words,
        token: Token::Expanded("{env:MCPOD_TOKEN}"),
        traces: &[
            Trace::Program("opencode"),
            Trace::Folder(Base::Config, "opencode"),
        ],
        verified: Verified::Run,
    },
    Agent {
        id: "qoder",
        title: "Qoder CLI",
        user: &[home(".qoder/settings.json")],
        project: &[".mcp.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Typed,
        token: BRACES,
        traces: &[
            Trace::Program("qodercli"),
            Trace::Folder(Base::Home, ".qoder"),
        ],
        verified: Verified::Run,
    },
    Agent {
        id: "trae",
        title: "Trae",
        user: &[
            config("Trae/User/mcp.json"),
            config("Trae CN/User/mcp.json"),
        ],
        project: &[".trae/mcp.json"],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::Plain,
        token: Token::Literal,
        traces: &[
            Trace::Program("trae"),
            Trace::Folder(Base::Config, "Trae"),
            Trace::Folder(Base::Config, "Trae CN"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "vscode",
        title: "VS Code",
        user: &[config("Code/User/mcp.json")],
        project: &[".vscode/mcp.json"],
        format: Format::Json,
        servers: "servers",
        shape: Shape::Typed,
        token: ENV_BRACES,
        traces: &[Trace::Program("code"), Trace::Folder(Base::Config, "Code")],
        verified: Verified::Docs,
    },
    Agent {
        id: "vscode-insiders",
        title: "VS Code Insiders",
        user: &[config("Code - Insiders/User/mcp.json")],
        project: &[".vscode/mcp.json"],
        format: Format::Json,
        servers: "servers",
        shape: Shape::Typed,
        token: ENV_BRACES,
        traces: &[
            Trace::Program("code-insiders"),
            Trace::Folder(Base::Config, "Code - Insiders"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "vscode-server",
        title: "VS Code Server",
        user: &[home(".vscode-server/data/User/mcp.json")],
        project: &[".vscode/mcp.json"],
        format: Format::Json,
        servers: "servers",
        shape: Shape::Typed,
        token: ENV_BRACES,
        traces: &[Trace::Folder(Base::Home, ".vscode-server")],
        verified: Verified::Source,
    },
    Agent {
        id: "windsurf",
        title: "Windsurf",
        user: &[home(".codeium/windsurf/mcp_config.json")],
        project: &[],
        format: Format::Json,
        servers: SERVERS,
        shape: Shape::ServerUrl,
        token: ENV_BRACES,
        traces: &[
            Trace::Program("windsurf"),
            Trace::Folder(Base::Home, ".codeium/windsurf"),
        ],
        verified: Verified::Docs,
    },
    Agent {
        id: "zed",
        title: "Zed",
        user: &[config("zed/settings.json")],
        project: &[".zed/settings.json"],
        format: Format::Json,
        servers: "context_servers",
        shape: Shape::Plain,
        token: Token::Literal,
        traces: &[Trace::Program("zed"), Trace::Folder(Base::Config, "zed")],
        verified: Verified::Docs,
    },
];
