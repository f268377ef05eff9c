//! The network of a server's instances: what connects them, and the hook that closes it before the server's first instruction.

use serde_json::json;

use crate::activation::choices::Network;
use crate::egress::namespace::RESOLVER;
use crate::egress::ruleset;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{container, unit};
use crate::quadlet::name::ServerName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{PodmanOption, Specifier, Text};

/// How long a hook may take before the runtime kills it, in seconds.
const HOOK_TIMEOUT: u32 = 30;

/// Whatever a hook prints goes nowhere. So it goes to the log of the instance, which is shown where that does not start.
const TO_LOG: &str = "log=$XDG_RUNTIME_DIR/mcpod/${PODMAN_SYSTEMD_UNIT#mcpod-}; log=${log%.service}.log; \
    [ ! -e \"$log\" ] || exec 2>>\"$log\"; ";

/// Loads rules, `$1`, into the network namespace of the container whose state stands on standard input. (A hook that runs in there by
/// itself, `createContainer`, may not see the folder that crun starts it in.)
const LOAD: &str = "PATH=/usr/sbin:/sbin:/usr/bin:/bin:$PATH; pid=$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p'); \
    exec nsenter -t \"$pid\" -n nft \"$1\"";

/// Starts mcpod, or fails where it is not there, which Podman itself would pass over: `$1` and what follows.
const START: &str = "exec \"$@\"";

/// What a container's unit says of its network.
pub(super) fn push_network(
    file: &mut UnitFile,
    name: &ServerName,
    network: &Network,
) -> Result<(), ValueError> {
    if *network == Network::None {
        return file.push(container::NETWORK, "none");
    }
    let below = |file: &str| {
        Text::from(Specifier::ConfigDirectory).and(&*format!("/containers/systemd/{file}"))
    };
    // Podman passes over a hook that is not there.
    file.push(unit::ASSERT_PATH_EXISTS, &below(&name.hook_file()))?;
    file.push(
        container::GLOBAL_ARGS,
        &PodmanOption::with("hooks-dir", below(&name.hook_folder())),
    )?;
    // The default of rootless Podman, said so that no containers.conf changes it.
    file.push(container::NETWORK, "pasta")?;
    if let Network::Allow(_) = network {
        file.push(container::DNS, &RESOLVER.to_string())?;
    }
    Ok(())
}

/// The hook of a network, as Podman reads it (oci-hooks(5)), with the path by which mcpod is found; none where there is no network.
///
/// It runs when the container is made and stopped, before its first instruction. The rules of the open network need nobody but nft: such
/// servers go on without mcpod.
pub fn hook(network: &Network, program: &str) -> Option<String> {
    let (script, arguments) = match network {
        Network::None => return None,
        Network::Open => (LOAD, vec![ruleset::open()]),
        Network::Allow(_) => {
            let words = [program, "egress", &network.to_string()];
            (START, words.map(str::to_owned).to_vec())
        }
    };
    let script = format!("{TO_LOG}{script}");
    let mut words = vec!["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
    words.extend(arguments);
    let hook = json!({
        "version": "1.0.0",
        "hook": {"path": "/bin/sh", "args": words, "timeout": HOOK_TIMEOUT},
        "when": {"always": true},
        "stages": ["createRuntime"],
    });
    Some(format!("{hook:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(network: &str) -> (String, Option<String>) {
        let network: Network = network.parse().unwrap();
        let mut file = UnitFile::new();
        push_network(&mut file, &"x".parse().unwrap(), &network).unwrap();
        (file.to_string(), hook(&network, "/home/u/mcpod"))
    }

    #[test]
    fn a_network_comes_with_what_closes_it() {
        assert_eq!(
            written("none"),
            ("[Container]\nNetwork=none\n".to_owned(), None)
        );
        let (unit, hook) = written("allow:a.example:443");
        let expected = "[Unit]\n\
            AssertPathExists=%E/containers/systemd/mcpod-x_network/hook.json\n\n\
            [Container]\n\
            GlobalArgs=\"--hooks-dir=%E/containers/systemd/mcpod-x_network\"\n\
            Network=pasta\n\
            DNS=127.0.0.1\n";
        assert_eq!(unit, expected);
        let hook: serde_json::Value = serde_json::from_str(&hook.unwrap()).unwrap();
        let words = json!([
            "sh",
            "-c",
            format!("{TO_LOG}{START}"),
            "sh",
            "/home/u/mcpod",
            "egress",
            "allow:a.example:443"
        ]);
        assert_eq!(hook["hook"]["args"], words);
        assert_eq!(hook["stages"], json!(["createRuntime"]));
        assert_eq!(hook["when"], json!({"always": true}));
        let (unit, hook) = written("open");
        assert!(!unit.contains("DNS="), "{unit}");
        let hook: serde_json::Value = serde_json::from_str(&hook.unwrap()).unwrap();
        assert_eq!(hook["hook"]["args"][4], ruleset::open());
    }
}
