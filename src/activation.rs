//! One catalog entry and the user's choices become a plan, and the plan becomes unit files. Pure.

pub mod build;
pub mod choices;
pub mod endpoint;
pub mod evaluate;
pub mod inputs;
pub mod invocation;
pub mod limits;
pub mod manifest;
pub mod plan;
pub mod record;
pub mod units;
