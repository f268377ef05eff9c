//! An agent on another machine, with ssh as its command.

use crate::changes::afterwards;
use crate::idle::Idle;
use crate::machine::{run, sh};
use crate::running::{Running, start};
use crate::server::Server;

/// A server of ssh for its user alone, which needs no root: where a key is, and what it says to nobody else.
const CONFIGURE: &str = r"
set -eu
mkdir -m 700 ~/sshd
ssh-keygen -q -t ed25519 -N '' -f ~/sshd/host
ssh-keygen -q -t ed25519 -N '' -f ~/sshd/key
cat >~/sshd/config <<END
Port 2222
ListenAddress 127.0.0.1
HostKey $HOME/sshd/host
AuthorizedKeysFile $HOME/sshd/key.pub
PidFile $HOME/sshd/pid
UsePAM no
StrictModes no
END
cat >~/sshd/client <<END
Host box
HostName 127.0.0.1
Port 2222
IdentityFile $HOME/sshd/key
UserKnownHostsFile $HOME/sshd/known
StrictHostKeyChecking accept-new
BatchMode yes
END
/usr/sbin/sshd -f ~/sshd/config
";

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

#[test]
fn ssh_is_command_enough_for_an_agent_elsewhere() {
    let _machine = Idle::now();
    let _sshd = afterwards(|| sh(r#"kill "$(cat ~/sshd/pid)"; rm -r ~/sshd"#, &[]));
    sh(CONFIGURE, &[]).ok();
    let ssh = |words: &[&str]| -> Vec<String> {
        ["ssh", "-F", "/home/tester/sshd/client", "box"]
            .iter()
            .chain(words)
            .map(|word| (*word).to_owned())
            .collect()
    };
    let starts = |words: &[&str]| -> Running {
        let words = ssh(words);
        start(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // Nothing but what a login over ssh without PAM has in its environment.
    run(&ssh(&["env"])).ok();
    assert!(!run(&ssh(&["env"])).stdout.contains("XDG_RUNTIME_DIR"));

    let echo = Server::misbehaving("echo");
    let mut attached = starts(&["mcpod", "attach", "echo"]);
    attached.say(HELLO);
    assert!(attached.line().contains("\"id\": 1"));
    assert_eq!(echo.instances().len(), 1);
    attached.finish().ok();

    let mut serving = starts(&["mcpod", "serve"]);
    serving.say(HELLO);
    assert!(serving.line().contains("\"serverInfo\""));
    serving.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    serving.say(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo__echo","arguments":{"text":"from afar"}}}"#);
    while !serving.line().contains("from afar") {}
    assert_eq!(echo.instances().len(), 1);
    // A connection that breaks ends its sessions: the agent's ssh is killed, and what it had on the box goes too.
    drop(serving);
    crate::idle::no_orphans();
}
