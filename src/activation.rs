//! One catalog entry and the user's choices become a plan, and the plan becomes unit files. Pure.

pub mod limits;
