//! The words with which systemd tells states and results, as enums.
//!
//! A word that this list does not know yet is kept as it is, in `Other`: systemd adds one now and then.

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares an enum of systemd's words, read with `From<&str>` and written with `as_str`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word that is not in the list above.
            Other(String),
        }

        impl $name {
            /// The word as systemd writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    word => Self::Other(word.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// Whether systemd could read a unit's file.
    LoadState {
        /// The file was read.
        Loaded = "loaded",
        /// There is no file.
        NotFound = "not-found",
        /// The file was read, and says something that cannot be.
        BadSetting = "bad-setting",
        /// The file could not be read.
        Error = "error",
        /// The user has forbidden the unit.
        Masked = "masked",
    }
}

words! {
    /// Whether a unit runs, as all kinds of units tell it.
    ActiveState {
        /// It runs or, for a socket, listens.
        Active = "active",
        /// It runs and reads its configuration again.
        Reloading = "reloading",
        /// It runs and its mounts are refreshed.
        Refreshing = "refreshing",
        /// It does not run.
        Inactive = "inactive",
        /// It does not run, since it failed.
        Failed = "failed",
        /// It is being started.
        Activating = "activating",
        /// It is being stopped.
        Deactivating = "deactivating",
        /// It does not run; its folders are being cleaned.
        Maintenance = "maintenance",
    }
}

impl ActiveState {
    /// Whether nothing of the unit runs, and nothing will without a new start.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Inactive | Self::Failed)
    }
}

words! {
    /// How the last run of a service or a socket ended.
    UnitResult {
        /// As it should, or it still runs.
        Success = "success",
        /// systemd itself could not start it: no memory, no folder, no permission.
        Resources = "resources",
        /// It did not say that it was ready, or ended before it did.
        Protocol = "protocol",
        /// It took too long to start or to stop.
        Timeout = "timeout",
        /// It ended with an exit code that is a failure.
        ExitCode = "exit-code",
        /// It was killed by a signal.
        Signal = "signal",
        /// It was killed by a signal and left a core dump.
        CoreDump = "core-dump",
        /// It did not give its sign of life in time.
        Watchdog = "watchdog",
        /// It was started too often in too short a time.
        StartLimitHit = "start-limit-hit",
        /// A process of it was killed for want of memory.
        OomKill = "oom-kill",
        /// An `ExecCondition=` did not hold.
        ExecCondition = "exec-condition",
        /// A socket's service was started too often in too short a time.
        ServiceStartLimitHit = "service-start-limit-hit",
        /// A socket was connected to too often in too short a time.
        TriggerLimitHit = "trigger-limit-hit",
    }
}

words! {
    /// How a job ended.
    JobResult {
        /// It did what it was for.
        Done = "done",
        /// Another job took its place.
        Canceled = "canceled",
        /// It took longer than `JobTimeoutSec=`.
        Timeout = "timeout",
        /// The unit failed.
        Failed = "failed",
        /// A unit that this one needs failed.
        Dependency = "dependency",
        /// The unit was in that state already.
        Skipped = "skipped",
        /// The unit's file forbids the job.
        Invalid = "invalid",
        /// An `Assert...=` did not hold.
        Assert = "assert",
        /// This kind of unit cannot do that here.
        Unsupported = "unsupported",
        /// The unit was unloaded first.
        Collected = "collected",
        /// The unit starts but once, and did.
        Once = "once",
        /// The unit is frozen.
        Frozen = "frozen",
        /// The slice holds as many units as it may.
        Concurrency = "concurrency",
    }
}

impl JobResult {
    /// Whether the unit is now as it was asked to be.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }
}

/// How a process ended (waitid(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this exit code.
    Code(i32),
    /// By the signal of this number.
    Signal(i32),
}

impl Exit {
    /// Reads `ExecMainCode` and `ExecMainStatus`, which are `si_code` and `si_status` of waitid(2); none while the process lives.
    pub(super) fn from_waitid(code: i32, status: i32) -> Option<Self> {
        const CLD_EXITED: i32 = 1;
        const CLD_KILLED: i32 = 2;
        const CLD_DUMPED: i32 = 3;
        match code {
            CLD_EXITED => Some(Self::Code(status)),
            CLD_KILLED | CLD_DUMPED => Some(Self::Signal(status)),
            _ => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_back_as_it_was() {
        for word in [
            "success",
            "oom-kill",
            "exit-code",
            "a word of the future",
            "",
        ] {
            assert_eq!(UnitResult::from(word).as_str(), word);
        }
        assert_eq!(UnitResult::from("oom-kill"), UnitResult::OomKill);
        assert_eq!(JobResult::from("done"), JobResult::Done);
    }

    #[test]
    fn a_job_that_had_nothing_to_do_is_a_success() {
        assert!(JobResult::from("skipped").is_success());
        assert!(!JobResult::from("canceled").is_success());
        assert!(!JobResult::from("new").is_success());
    }

    #[test]
    fn exits_are_told_apart() {
        assert_eq!(Exit::from_waitid(0, 0), None);
        assert_eq!(Exit::from_waitid(1, 3), Some(Exit::Code(3)));
        assert_eq!(Exit::from_waitid(2, 9), Some(Exit::Signal(9)));
        assert_eq!(Exit::from_waitid(3, 11), Some(Exit::Signal(11)));
        assert_eq!(Exit::from_waitid(77, 11), None);
    }
}
