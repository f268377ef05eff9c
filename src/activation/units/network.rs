//! The network of a server's instances: what connects them, and the hook that closes it before the server's first instruction.

use serde_json::json;

use crate::activation::choices::Network;
use crate::egress::namespace::RESOLVER;
use crate::egress::policy::Policy;
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

/// A path below Quadlet's folder.
pub(super) fn below(file: &str) -> Text {
    Text::from(Specifier::ConfigDirectory).and(&*format!("/containers/systemd/{file}"))
}

/// The hook of a network, as Podman reads it (oci-hooks(5)), with the path by which mcpod is found; none where there is no network.
///
/// It runs when the container is made and stopped, before its first instruction. The rules of the open network need nobody but nft: such
/// servers go on without mcpod.
pub fn hook(network: &Network, proxy: Option<&str>, program: &str) -> Option<String> {
    match network {
        Network::None => None,
        Network::Open => Some(open_hook(proxy)),
        Network::Allow(_) => {
            let words = [program, "egress", &network.to_string()];
            Some(written(START, &words))
        }
    }
}

/// The hook of the open network, which is that of all builds: this host and its link are closed, but for a proxy there.
pub fn open_hook(proxy: Option<&str>) -> String {
    let policy = proxy.map_or_else(|| Policy::new(&[]), Policy::to_proxy);
    written(LOAD, &[&ruleset::open(&policy)])
}

/// A hook that runs a script with arguments.
fn written(script: &str, arguments: &[&str]) -> String {
    let script = format!("{TO_LOG}{script}");
    let words = [&["sh", "-c", &script, "sh"], arguments].concat();
    let hook = json!({
        "version": "1.0.0",
        "hook": {"path": "/bin/sh", "args": words, "timeout": HOOK_TIMEOUT},
        "when": {"always": true},
        "stages": ["createRuntime"],
    });
    format!("{hook:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(network: &str) -> (String, Option<String>) {
        let network: Network = network.parse().unwrap();
        let mut file = UnitFile::new();
        push_network(&mut file, &"x".parse().unwrap(), &network).unwrap();
        (file.to_string(), hook(&network, None, "/home/u/mcpod"))
    }

    #[test]
    fn a_network_comes_with_what_closes_it() {
        assert_eq!(of("none"), ("[Container]\nNetwork=none\n".to_owned(), None));
        let (unit, hook) = of("allow:a.example:443");
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
        let (unit, hook) = of("open");
        assert!(!unit.contains("DNS="), "{unit}");
        let hook: serde_json::Value = serde_json::from_str(&hook.unwrap()).unwrap();
        assert_eq!(hook["hook"]["args"][4], ruleset::open(&Policy::new(&[])));
    }

    #[test]
    fn a_proxy_on_this_host_stays_open() {
        let rule = "ip daddr 169.254.1.2/32 meta l4proto { tcp, udp } th dport 3128 accept";
        let proxy = "http://host.containers.internal:3128";
        assert!(open_hook(Some(proxy)).contains(rule));
        assert!(!open_hook(Some("http://proxy.example:3128")).contains("3128"));
        assert!(!open_hook(None).contains(rule));
    }
}
