//! Starting and stopping: systemd answers with a job, and tells by the signal `JobRemoved` how it ended.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zbus::{Message, ObjectPath, OwnedObjectPath};

use crate::quadlet::name::UnitName;

use super::signals::{self, Signals};
use super::state::JobResult;
use super::{Systemd, SystemdError, refusal_of};

/// A job that waits for the same unit is replaced by ours.
const REPLACE: &str = "replace";

impl Systemd {
    /// Starts a unit and waits until it is up, as its `Type=` defines that. A unit that is up already is left alone.
    ///
    /// After [`SystemdError::TimedOut`] the job goes on; stop the unit to end it.
    pub async fn start(&self, unit: &UnitName, patience: Duration) -> Result<(), SystemdError> {
        in_time(unit, patience, async {
            let mut jobs = self.ended_jobs().await?;
            let job = self
                .link()
                .await?
                .manager
                .start_unit(unit.as_str(), REPLACE)
                .await;
            let job = job.map_err(refusal_of("StartUnit", unit))?;
            jobs.success_of(unit, job).await
        })
        .await
    }

    /// Stops a unit and waits until nothing of it runs. A unit that is not loaded is stopped already.
    ///
    /// After [`SystemdError::TimedOut`] the job goes on; systemd kills what has not ended after the unit's `TimeoutStopSec=`.
    pub async fn stop(&self, unit: &UnitName, patience: Duration) -> Result<(), SystemdError> {
        in_time(unit, patience, async {
            let mut jobs = self.ended_jobs().await?;
            let job = self
                .link()
                .await?
                .manager
                .stop_unit(unit.as_str(), REPLACE)
                .await;
            match job.map_err(refusal_of("StopUnit", unit)) {
                Ok(job) => jobs.success_of(unit, job).await,
                Err(SystemdError::NoSuchUnit { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Waits until nothing of a unit runs, what cleans up behind it (`ExecStopPost=`) included: a job may be over before that is. A unit
    /// that is not loaded is over.
    pub async fn await_end(&self, unit: &UnitName, patience: Duration) -> Result<(), SystemdError> {
        in_time(unit, patience, async {
            let (tell, mut told) = unbounded_channel();
            let rule = signals::of_properties(unit)?;
            let link = self.link().await?;
            let _signals = Signals::receive(&link.connection, rule, move |_| {
                // The receiver is gone only when this task is about to end too.
                tell.send(()).ok();
            })
            .await?;
            link.subscribe().await?;
            while !self.status(unit).await?.active.is_over() {
                told.recv().await.ok_or(SystemdError::Closed)?;
            }
            Ok(())
        })
        .await
    }

    /// Lets systemd stop a unit, and does not wait until it has. A unit that is not loaded is stopped already.
    pub async fn begin_stop(&self, unit: &UnitName) -> Result<(), SystemdError> {
        match self
            .link()
            .await?
            .manager
            .stop_unit(unit.as_str(), REPLACE)
            .await
            .map_err(refusal_of("StopUnit", unit))
        {
            Ok(_) | Err(SystemdError::NoSuchUnit { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Listens, from when this returns, to how jobs end.
    pub(super) async fn ended_jobs(&self) -> Result<EndedJobs, SystemdError> {
        // Unbounded, and yet small: it lives as long as one job, and only one thing is kept of each signal.
        let (ended, jobs) = unbounded_channel();
        let rule = signals::of_manager("JobRemoved")?;
        let link = self.link().await?;
        let signals = Signals::receive(&link.connection, rule, move |message| {
            if let Some(removed) = JobRemoved::read(message) {
                // The receiver is gone only when this task is about to end too.
                ended.send(removed).ok();
            }
        })
        .await?;
        link.subscribe().await?;
        Ok(EndedJobs {
            jobs,
            _signals: signals,
        })
    }
}

/// Gives up on a unit's job when its time is over.
pub(super) async fn in_time<T>(
    unit: &UnitName,
    patience: Duration,
    job: impl Future<Output = Result<T, SystemdError>>,
) -> Result<T, SystemdError> {
    match tokio::time::timeout(patience, job).await {
        Ok(result) => result,
        Err(_) => Err(SystemdError::TimedOut {
            unit: unit.clone(),
            waited: patience,
        }),
    }
}

/// What `JobRemoved` tells.
#[derive(Debug)]
pub(super) struct JobRemoved {
    pub(super) job: OwnedObjectPath,
    pub(super) unit: UnitName,
    pub(super) result: JobResult,
}

impl JobRemoved {
    pub(super) fn read(message: &Message) -> Option<Self> {
        let body = message.body();
        let (_id, job, unit, result): (u32, ObjectPath<'_>, &str, &str) =
            body.deserialize().ok()?;
        Some(Self {
            job: job.into(),
            unit: UnitName::from_systemd(unit),
            result: result.into(),
        })
    }
}

/// The jobs that have ended since this was made.
#[derive(Debug)]
pub(super) struct EndedJobs {
    jobs: UnboundedReceiver<JobRemoved>,
    _signals: Signals,
}

impl EndedJobs {
    /// Waits for the end of one job and tells whether it was a success.
    pub(super) async fn success_of(
        &mut self,
        unit: &UnitName,
        job: OwnedObjectPath,
    ) -> Result<(), SystemdError> {
        while let Some(removed) = self.jobs.recv().await {
            if removed.job == job {
                return if removed.result.is_success() {
                    Ok(())
                } else {
                    Err(SystemdError::JobFailed {
                        unit: unit.clone(),
                        result: removed.result,
                    })
                };
            }
        }
        Err(SystemdError::Closed)
    }
}
