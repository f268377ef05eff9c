//! The unit files of a server for where there is no mcpod: what leads to mcpod is taken out, all else stays as it stands.

use crate::guard::GUARD_UNIT;

/// The file as it can stand without mcpod.
///
/// Its record goes. So does the guard, which stops instances whose client is gone without ending them, and hands what servers write
/// to their standard error on to the journal: that goes to the journal directly then, where only root can read it (journald files it
/// under the user that the server is inside the container).
pub fn alone(text: &str) -> String {
    let mut alone = String::with_capacity(text.len());
    let mut section = "";
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let is_guard = line.strip_prefix("Wants=") == Some(GUARD_UNIT);
        // The log that this opens to all is not there any more.
        let opens_log = line.starts_with("ExecStartPre=") && line.contains("/proc/self/fd/2");
        if section == "[X-Mcpod]" || is_guard || opens_log {
            continue;
        }
        if line.starts_with("StandardError=append:") {
            alone.push_str("StandardError=journal");
        } else {
            alone.push_str(line);
        }
        alone.push('\n');
    }
    alone.truncate(alone.trim_end().len());
    alone.push('\n');
    alone
}

/// The line by which a file, a unit or a hook, starts mcpod itself, if there is one: such a server is nothing without it.
pub fn needs_mcpod(text: &str) -> Option<&str> {
    let lines = text.lines().map(|line| line.trim().trim_end_matches(','));
    let mut starting = lines.filter(|line| {
        let is_word_of_hook = line.starts_with('"') && line.ends_with("/mcpod\"");
        let is_command = line.split_once('=').is_some_and(|(key, command)| {
            let program = command
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .trim_start_matches(['-', ':', '+', '!', '@', '"']);
            let program = program.trim_end_matches('"');
            key.starts_with("Exec") && program.rsplit('/').next() == Some("mcpod")
        });
        is_word_of_hook || is_command
    });
    starting.next()
}

#[cfg(test)]
mod tests {
    use super::super::network::hook;
    use super::*;

    #[test]
    fn what_leads_to_mcpod_is_taken_out_and_nothing_else() {
        let template = "[Unit]\nDescription=MCP server time, session %i\nWants=mcpod-guard.service\nWants=mine.service\n[Container]\nImage=a@sha256:1\n[Service]\nStandardError=append:%t/mcpod/time@%i.log\nExecStartPre=/bin/chmod 0666 /proc/self/fd/2\nExecStartPre=/bin/true\nSlice=mcpod.slice\n";
        insta::assert_snapshot!(alone(template), @r"
        [Unit]
        Description=MCP server time, session %i
        Wants=mine.service
        [Container]
        Image=a@sha256:1
        [Service]
        StandardError=journal
        ExecStartPre=/bin/true
        Slice=mcpod.slice
        ");
        let socket = "[Socket]\nAccept=true\n\n[Install]\nWantedBy=sockets.target\n\n[X-Mcpod]\nId=a\nContent=sha256:1\n";
        assert!(alone(socket).ends_with("WantedBy=sockets.target\n"));
        assert_eq!(alone(&alone(template)), alone(template));
    }

    #[test]
    fn a_server_that_is_nothing_without_mcpod_is_known() {
        for line in [
            "ExecStart=/usr/bin/mcpod bridge https://example.com/mcp",
            "ExecStart=-/opt/mcpod bridge",
        ] {
            let text = format!("[Service]\n{line}\n");
            assert_eq!(needs_mcpod(&text), Some(line));
        }
        let hook = |network: &str| hook(&network.parse().unwrap(), None, "/home/u/.local/mcpod");
        let needing = hook("allow:a.example").unwrap();
        assert_eq!(needs_mcpod(&needing), Some("\"/home/u/.local/mcpod\""));
        assert_eq!(needs_mcpod(&hook("open").unwrap()), None);
        assert_eq!(
            needs_mcpod("[Service]\nExecStart=/bin/sh -c mcpod\nSlice=mcpod.slice\n"),
            None
        );
    }
}
