//! The part of systemd's `Manager` interface that is used, declared by hand after org.freedesktop.systemd1(5).

use zbus::{OwnedObjectPath, Variant};

/// A unit as `ListUnitsByPatterns` tells it: name, description, load state, active state, sub state, the unit it follows, its object,
/// the id, type and object of its job.
pub(super) type ListedUnit = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

/// A process of a unit: its control group, its number, its command line.
pub(super) type UnitProcess = (String, u32, String);

/// A link that enabling or disabling made or removed: what was done, the link, what it points to.
pub(super) type Change = (String, String, String);

/// Properties of a unit that is to be made, by name.
pub(super) type UnitProperties<'a> = Vec<(&'a str, Variant<'a>)>;

/// Where systemd is on the bus.
pub(super) const DESTINATION: &str = "org.freedesktop.systemd1";
/// The interface of the manager object, whose signals tell of jobs and units.
pub(super) const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// The manager object; the objects of units and jobs lie below it.
pub(super) const ROOT: &str = "/org/freedesktop/systemd1";

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub(super) trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;

    fn reload(&self) -> zbus::Result<()>;

    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;

    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;

    /// `others` are units that are made along with it, each by name.
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: UnitProperties<'_>,
        others: Vec<(&str, UnitProperties<'_>)>,
    ) -> zbus::Result<OwnedObjectPath>;

    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;

    fn get_unit_processes(&self, name: &str) -> zbus::Result<Vec<UnitProcess>>;

    fn enable_unit_files(
        &self,
        files: &[&str],
        runtime: bool,
        force: bool,
    ) -> zbus::Result<(bool, Vec<Change>)>;

    fn disable_unit_files(&self, files: &[&str], runtime: bool) -> zbus::Result<Vec<Change>>;

    fn list_units_by_patterns(
        &self,
        states: &[&str],
        patterns: &[&str],
    ) -> zbus::Result<Vec<ListedUnit>>;

    #[zbus(property)]
    fn environment(&self) -> zbus::Result<Vec<String>>;

    #[zbus(property)]
    fn control_group(&self) -> zbus::Result<String>;

    #[zbus(property)]
    fn version(&self) -> zbus::Result<String>;
}
