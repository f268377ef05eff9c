//! The timer that refreshes the catalog every day.
//!
//! A package puts its units into the system's directory. Where none did, they are written beside the servers' units.

use std::time::Duration;

use super::own_units::unit_path;
use super::{Error, Orchestrator};
use crate::host;
use crate::quadlet::name::UnitName;
use crate::systemd::LoadState;

const SERVICE: &str = "mcpod-refresh.service";
const TIMER: &str = "mcpod-refresh.timer";
const SERVICE_TEXT: &str = include_str!("../../units/mcpod-refresh.service");
const TIMER_TEXT: &str = include_str!("../../units/mcpod-refresh.timer");

/// Where packages install this program; the units name it.
const PACKAGED_PROGRAM: &str = "/usr/bin/mcpod";

/// How long systemd may take to start or stop a timer, which does nothing.
const PATIENCE: Duration = Duration::from_secs(10);

impl Orchestrator {
    /// Writes the timer's units where they are missing, enables the timer and starts it.
    pub async fn enable_timer(&self) -> Result<(), Error> {
        let program = host::program()?;
        let lock = self.lock(|| {}).await?;
        let units = [
            (SERVICE, service(&program)?),
            (TIMER, TIMER_TEXT.to_owned()),
        ];
        for (path, text) in self.unpackaged(units).await? {
            self.units.write(&lock, &path, &text)?;
        }
        self.systemd.reload().await?;
        let timer = UnitName::from_systemd(TIMER);
        self.systemd.enable(&[&timer]).await?;
        Ok(self.systemd.start(&timer, PATIENCE).await?)
    }

    /// Stops the timer, disables it and takes away the units that enabling it wrote.
    pub async fn disable_timer(&self) -> Result<(), Error> {
        let timer = UnitName::from_systemd(TIMER);
        let lock = self.lock(|| {}).await?;
        if self.systemd.status(&timer).await?.load != LoadState::NotFound {
            self.systemd.stop(&timer, PATIENCE).await?;
            self.systemd.disable(&[&timer]).await?;
        }
        for name in [SERVICE, TIMER] {
            self.units.remove(&lock, &unit_path(name))?;
        }
        Ok(self.systemd.reload().await?)
    }
}

/// The service for this program, wherever it lies.
fn service(program: &str) -> Result<String, Error> {
    let command = crate::guard::command_line(&[program, "refresh"])?;
    Ok(SERVICE_TEXT.replace(&format!("{PACKAGED_PROGRAM} refresh"), &command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preset_of_packages_turns_the_timer_on() {
        let preset = include_str!("../../packaging/90-mcpod.preset");
        let lines: Vec<&str> = preset
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(lines, [format!("enable {TIMER}")]);
        assert!(TIMER_TEXT.contains("\n[Install]\nWantedBy=timers.target"));
    }

    #[test]
    fn the_service_runs_the_program_where_it_lies() {
        let text = service("/opt/my tools/mcpod").unwrap();
        assert!(
            text.contains("\nExecStart=\"/opt/my tools/mcpod\" refresh\n"),
            "{text}"
        );
        assert_eq!(service(PACKAGED_PROGRAM).unwrap(), SERVICE_TEXT);
    }
}
