//! Where files belong, for commands that need nothing else of the user's systemd.

use super::output::Failure;
use crate::host::{Dirs, Environment, Host};
use crate::systemd::Systemd;

/// The folders, which on a bare environment the user's systemd knows.
pub(super) async fn of(host: &Host) -> Result<Dirs, Failure> {
    let manager = if host.is_complete() {
        Environment::default()
    } else {
        let asked = async {
            let systemd = Systemd::connect(&host.runtime.bus()).await?;
            systemd.environment().await
        };
        asked.await.map(Environment::from).unwrap_or_default()
    };
    let dirs = host
        .dirs(&manager)
        .map_err(crate::orchestrator::Error::from)?;
    Ok(dirs)
}
