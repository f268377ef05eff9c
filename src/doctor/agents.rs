//! The agents of this user: which are installed, and whether they reach mcpod.

use super::{Check, Finding, Mend};
use crate::client_config::State;

/// An agent that is installed, or has mcpod in its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// What it is called, as `mcpod connect` knows it.
    pub id: &'static str,
    /// What it calls itself.
    pub title: &'static str,
    /// How the user's own configuration of it stands to mcpod.
    pub state: State,
}

/// What it means.
pub fn findings(agents: &[Agent]) -> Vec<Finding> {
    let titles = |wanted: &[State]| -> Vec<&str> {
        let found = agents.iter().filter(|agent| wanted.contains(&agent.state));
        found.map(|agent| agent.title).collect()
    };
    let connected = titles(&[State::Stdio, State::Http]);
    let mut findings = Vec::new();
    if !connected.is_empty() {
        let what = format!("agents are connected: {}", connected.join(", "));
        findings.push(Finding::ok(Check::Agents, what));
    }
    let connect = |agent: &Agent| format!("mcpod connect {}", agent.id);
    for agent in agents {
        let title = agent.title;
        let finding = match agent.state {
            State::Absent | State::Stdio | State::Http => continue,
            State::Stale => Finding::warning(
                Check::Agents,
                format!("{title} starts an mcpod that is not there any more"),
                "it has no tools of mcpod's",
            )
            .mend(Mend::run(&["mcpod", "connect", agent.id])),
            State::Foreign => Finding::note(
                Check::Agents,
                format!("{title} has another server under the name mcpod"),
                "it does not reach this mcpod",
            )
            .mend(Mend::hand(format!("{} --force", connect(agent)))),
            State::Unreadable => Finding::warning(
                Check::Agents,
                format!("the configuration of {title} cannot be read"),
                "whether it reaches mcpod is not known, and it may have no servers at all",
            )
            .mend(Mend::hand(format!(
                "{} --dry-run says where it is and what is wrong",
                connect(agent)
            ))),
        };
        findings.push(finding);
    }
    let absent: Vec<&Agent> = agents
        .iter()
        .filter(|agent| agent.state == State::Absent)
        .collect();
    if let Some(first) = absent.first() {
        let titles: Vec<&str> = absent.iter().map(|agent| agent.title).collect();
        findings.push(
            Finding::note(
                Check::Agents,
                format!("agents are not connected: {}", titles.join(", ")),
                "they do not know mcpod",
            )
            .mend(Mend::hand(connect(first))),
        );
    }
    if agents.is_empty() {
        findings.push(
            Finding::note(
                Check::Agents,
                "none of the agents that are known is installed",
                "an agent elsewhere reaches mcpod over ssh or HTTP",
            )
            .mend(Mend::hand("mcpod agents --all lists them")),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State as How;

    fn agent(id: &'static str, state: State) -> Agent {
        Agent {
            id,
            title: id,
            state,
        }
    }

    #[test]
    fn each_agent_is_connected_or_can_be() {
        let agents = [
            agent("zed", State::Stdio),
            agent("codex", State::Absent),
            agent("amp", State::Stale),
            agent("goose", State::Unreadable),
            agent("kiro", State::Foreign),
            agent("crush", State::Http),
            agent("kimi", State::Absent),
        ];
        let said: Vec<(How, String, Option<String>)> = findings(&agents)
            .into_iter()
            .map(|finding| (finding.state, finding.what, finding.mend.command()))
            .collect();
        let command = |text: &str| Some(text.to_owned());
        assert_eq!(
            said,
            [
                (How::Ok, "agents are connected: zed, crush".to_owned(), None),
                (
                    How::Warning,
                    "amp starts an mcpod that is not there any more".to_owned(),
                    command("mcpod connect amp")
                ),
                (
                    How::Warning,
                    "the configuration of goose cannot be read".to_owned(),
                    command("mcpod connect goose --dry-run says where it is and what is wrong")
                ),
                (
                    How::Note,
                    "kiro has another server under the name mcpod".to_owned(),
                    command("mcpod connect kiro --force")
                ),
                (
                    How::Note,
                    "agents are not connected: codex, kimi".to_owned(),
                    command("mcpod connect codex")
                ),
            ]
        );
    }

    #[test]
    fn where_no_agent_is_it_is_said_how_others_come() {
        let said = findings(&[]);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].state, How::Note);
        assert!(said[0].what.contains("none"), "{said:?}");
        assert!(said[0].means.as_ref().unwrap().contains("ssh"), "{said:?}");
    }
}
