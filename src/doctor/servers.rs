//! Active servers whose units have a problem.

use super::{Check, Finding, Mend};
use crate::orchestrator::checkup::Checked;
use crate::orchestrator::status::State as Stage;

/// What it means, for all active servers.
pub fn findings(servers: &Result<Vec<Checked>, String>) -> Vec<Finding> {
    let servers = match servers {
        Ok(servers) => servers,
        // Why there is no systemd to ask is a finding of its own.
        Err(why) => {
            return vec![Finding::problem(
                Check::Server,
                format!("the active servers cannot be looked at: {why}"),
                "what is wrong with them is not known",
            )];
        }
    };
    let found: Vec<Finding> = servers.iter().flat_map(of_one).collect();
    if found.is_empty() {
        let what = match servers.len() {
            0 => "no server is active".to_owned(),
            count => format!("the units of all active servers are sound ({count})"),
        };
        return vec![Finding::ok(Check::Server, what)];
    }
    found
}

fn of_one(server: &Checked) -> Vec<Finding> {
    let Checked { name, .. } = server;
    let mut findings: Vec<Finding> = state_finding(server).into_iter().collect();
    if server.stale {
        findings.push(
            Finding::warning(
                Check::Server,
                format!("a file of {name} changed since systemd read it"),
                "sessions start as it was before",
            )
            .mend(Mend::run(&["systemctl", "--user", "daemon-reload"])),
        );
    } else if !server.generated {
        findings.push(
            Finding::problem(
                Check::Server,
                format!("Quadlet made no service of mcpod-{name}@.container"),
                "whoever connects to it gets no answer",
            )
            .mend(Mend::hand(
                "journalctl --user -b -t quadlet-user-generator -t podman-user-generator says why; a drop-in of yours may have a key \
                 that this Podman does not know",
            )),
        );
    }
    if !server.unedited {
        findings.push(
            Finding::note(
                Check::Server,
                format!("files of {name} were edited by hand"),
                "mcpod neither changes nor removes it unless told to; drop-ins would be left alone",
            )
            .mend(Mend::hand(format!(
                "mcpod remove {name} --force takes it away all the same"
            ))),
        );
    }
    if server.waits_online {
        findings.push(
            Finding::warning(
                Check::NetworkOnline,
                format!("sessions of {name} wait for network-online.target"),
                "where nothing on the host reaches that target, the first session of a boot waits 90 seconds",
            )
            .mend(Mend::hand(format!(
                "take DefaultDependencies= out of the drop-ins in mcpod-{name}@.container.d, or After= and Wants= on that target"
            ))),
        );
    }
    findings
}

fn state_finding(server: &Checked) -> Option<Finding> {
    let Checked { name, .. } = server;
    let socket = format!("mcpod-{name}.socket");
    let deaf = "whoever connects to it gets no answer";
    Some(match &server.state {
        Ok(Stage::Listening) if server.enabled => return None,
        Ok(Stage::Held) => Finding::note(
            Check::Server,
            format!("tools of {name} are held back"),
            "agents do not see them until you accept them",
        )
        .mend(Mend::hand(format!("mcpod accept {name}"))),
        Ok(Stage::Unverified) => Finding::note(
            Check::Server,
            format!("{name} was never tried"),
            "whether it works shows at its first use",
        )
        .mend(Mend::run(&["mcpod", "tools", name])),
        Ok(Stage::Listening) => Finding::warning(
            Check::Server,
            format!("{socket} is not enabled"),
            "it does not listen after the next boot",
        )
        .mend(Mend::run(&["systemctl", "--user", "enable", &socket])),
        Ok(Stage::Failed) => Finding::problem(Check::Server, format!("{socket} failed"), deaf)
            .mend(Mend::run(&["systemctl", "--user", "restart", &socket])),
        Ok(Stage::Stopped) => {
            Finding::problem(Check::Server, format!("{socket} is not listening"), deaf)
                .mend(Mend::run(&["systemctl", "--user", "start", &socket]))
        }
        Ok(Stage::Adding) => Finding::problem(
            Check::Server,
            format!(
                "{name} is half there: adding, changing or removing it was cut off, or goes on now"
            ),
            deaf,
        )
        .mend(Mend::hand(format!("add it again, or: mcpod remove {name}"))),
        Err(why) => Finding::problem(
            Check::Server,
            why.clone(),
            "mcpod does not know what it is any more",
        )
        .mend(Mend::hand(format!(
            "mcpod remove {name} --force, then add it again"
        ))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn sound() -> Checked {
        Checked {
            name: "time".to_owned(),
            state: Ok(Stage::Listening),
            enabled: true,
            generated: true,
            unedited: true,
            stale: false,
            waits_online: false,
        }
    }

    #[test]
    fn sound_servers_are_one_line() {
        let [finding] = &findings(&Ok(vec![sound(), sound()]))[..] else {
            panic!()
        };
        assert_eq!(finding.state, State::Ok);
        assert!(finding.what.contains("(2)"));
        assert_eq!(findings(&Ok(Vec::new()))[0].state, State::Ok);
        assert_eq!(findings(&Err("x".to_owned()))[0].state, State::Problem);
    }

    /// Fails the test unless a server has one finding, like this.
    #[track_caller]
    fn one(server: &Checked, check: Check, state: State, command: &str) {
        let found = of_one(server);
        let [finding] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((finding.check, finding.state), (check, state));
        let mend = finding.mend.command().unwrap();
        assert!(mend.contains(command), "{finding:?}");
    }

    #[test]
    fn a_server_that_does_not_listen_says_what_mends_it() {
        use State::{Note, Problem};
        for (stage, state, command) in [
            (Ok(Stage::Failed), Problem, "restart mcpod-time.socket"),
            (Ok(Stage::Stopped), Problem, "start mcpod-time.socket"),
            (Ok(Stage::Adding), Problem, "mcpod remove time"),
            (Ok(Stage::Unverified), Note, "mcpod tools time"),
            (Ok(Stage::Held), Note, "mcpod accept time"),
            (Err("x".to_owned()), Problem, "--force"),
        ] {
            let server = Checked {
                state: stage,
                ..sound()
            };
            one(&server, Check::Server, state, command);
        }
    }

    #[test]
    fn each_fault_of_its_units_is_a_finding() {
        let with = |change: fn(&mut Checked)| {
            let mut server = sound();
            change(&mut server);
            server
        };
        let (server, warning) = (Check::Server, State::Warning);
        let disabled = with(|server| server.enabled = false);
        one(&disabled, server, warning, "enable mcpod-time.socket");
        let dropped = with(|server| server.generated = false);
        one(&dropped, server, State::Problem, "journalctl");
        // What systemd has not read yet may be what makes it whole.
        let stale = with(|server| (server.stale, server.generated) = (true, false));
        one(&stale, server, warning, "daemon-reload");
        let edited = with(|server| server.unedited = false);
        one(&edited, server, State::Note, "--force");
        let waits = with(|server| server.waits_online = true);
        one(&waits, Check::NetworkOnline, warning, "DefaultDependencies");
    }
}
