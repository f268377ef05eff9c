//! Where is measured: the user's directories, the program under test, and what runs there now.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process;

/// The longest that anything started may take to be gone.
const QUIET_WITHIN: Duration = Duration::from_mins(1);

/// How often is looked whether it is gone. Nothing is measured meanwhile.
pub(crate) const POLL: Duration = Duration::from_millis(3);

/// What runs while a container does, by the names of their processes. Podman's pause process, which stays once any container
/// ran, is none of them.
const OF_CONTAINERS: [&str; 4] = ["podman", "conmon", "crun", "mcpod"];

/// The surroundings of the measurement.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) mcpod: PathBuf,
    pub(crate) runtime: PathBuf,
    pub(crate) samples: usize,
    uid: u32,
    /// The control group of this process.
    cgroup: PathBuf,
    /// The one of the user's systemd, of which all that is the user's is below.
    manager: PathBuf,
}

impl Place {
    /// Looks at this process; mcpod lies beside its program.
    pub(crate) fn here(samples: usize) -> Self {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
        let group = own
            .lines()
            .find_map(|line| line.strip_prefix("0::/"))
            .unwrap();
        let cgroup = Path::new("/sys/fs/cgroup").join(group);
        let uid = std::fs::metadata("/proc/self").unwrap().uid();
        let manager = format!("user@{uid}.service");
        let manager = cgroup.ancestors().find(|folder| folder.ends_with(&manager));
        Self {
            mcpod: std::env::current_exe().unwrap().with_file_name("mcpod"),
            runtime: PathBuf::from(format!("/run/user/{uid}")),
            samples,
            uid,
            manager: manager.unwrap().to_owned(),
            cgroup,
        }
    }

    /// Fewer samples, for what takes long.
    pub(crate) fn samples_by(&self, divisor: usize) -> usize {
        self.samples.div_ceil(divisor)
    }

    /// Runs mcpod, which must succeed.
    pub(crate) fn mcpod(&self, words: &[&str]) -> Vec<u8> {
        process::run(Command::new(&self.mcpod).args(words))
    }

    /// Goes back to the control group that this process was started in: `podman run --cgroups=split` takes whoever started it
    /// along into one below.
    pub(crate) fn back_to_own_cgroup(&self) {
        std::fs::write(self.cgroup.join("cgroup.procs"), "0").unwrap();
    }

    /// Waits until nothing runs but so many sessions, and the guard if there are any: no unit, and no process that cleans up.
    pub(crate) fn quiet(&self, sessions: usize) {
        let started = Instant::now();
        let guards = usize::from(sessions > 0);
        loop {
            // Between two commands of a unit that is being stopped there is no process, and behind a Podman of our own no unit.
            let units = self.units();
            let processes = self.processes_of_containers();
            let count = |name: &str| processes.iter().filter(|its| *its == name).count();
            if units.len() == sessions + guards
                && count("conmon") == sessions
                && processes.len() == sessions + count("mcpod")
            {
                return;
            }
            assert!(
                started.elapsed() < QUIET_WITHIN,
                "still there: {units:?}, {processes:?}"
            );
            std::thread::sleep(POLL);
        }
    }

    /// The units in mcpod's slice that have a control group, which is as long as anything of them runs.
    fn units(&self) -> Vec<String> {
        let listed = std::fs::read_dir(self.manager.join("mcpod.slice"));
        let names = listed
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name());
        names
            .filter_map(|name| name.into_string().ok())
            .filter(|name| name.starts_with("mcpod-"))
            .collect()
    }

    /// The names of the user's processes that are there for containers.
    fn processes_of_containers(&self) -> Vec<String> {
        let mut names: Vec<String> = self.own().map(|(_pid, name)| name).collect();
        names.retain(|name| OF_CONTAINERS.contains(&name.as_str()));
        names
    }

    /// The number of a process of the user's with this name.
    pub(crate) fn pid_of(&self, name: &str) -> u32 {
        *self.pids_of(name).first().unwrap()
    }

    /// The numbers of the user's processes with this name, in their order.
    pub(crate) fn pids_of(&self, name: &str) -> Vec<u32> {
        let own = self.own().filter(|(_pid, its)| its == name);
        let mut pids: Vec<u32> = own.map(|(pid, _its)| pid).collect();
        pids.sort_unstable();
        pids
    }

    /// How many instances of servers there are.
    pub(crate) fn instances(&self) -> usize {
        let units = self.units();
        units.iter().filter(|unit| unit.contains('@')).count()
    }

    /// The processes of the instances of servers, each with the name of its unit.
    pub(crate) fn processes_of_instances(&self) -> Vec<(String, u32)> {
        let units = self.units().into_iter().filter(|unit| unit.contains('@'));
        let processes = units.flat_map(|unit| {
            let processes = processes_below(self.manager.join("mcpod.slice").join(&unit));
            processes.into_iter().map(move |pid| (unit.clone(), pid))
        });
        processes.collect()
    }

    /// The containers that there are, running or not: their names and states.
    pub(crate) fn containers(&self) -> Vec<String> {
        let mut podman = Command::new("podman");
        let words = [
            "--transient-store",
            "ps",
            "--all",
            "--format",
            "{{.Names}} {{.Status}}",
        ];
        let listed = process::run(podman.args(words));
        let listed = String::from_utf8_lossy(&listed);
        listed.lines().map(str::to_owned).collect()
    }

    /// How many kernel keys the user has (proc_key-users(5): the user, how often its record is used, keys and those that are
    /// in use, keys and their limit, bytes and their limit).
    pub(crate) fn kernel_keys(&self) -> usize {
        let users = std::fs::read_to_string("/proc/key-users").unwrap();
        let own = users.lines().find_map(|line| {
            let (uid, rest) = line.trim_start().split_once(':')?;
            let keys = rest.split_whitespace().nth(2)?;
            (uid.parse() == Ok(self.uid)).then(|| keys.split('/').next()?.parse().ok())?
        });
        own.unwrap_or_default()
    }

    /// The processes of the user's units and containers, this one and its children aside.
    pub(crate) fn processes(&self) -> Vec<u32> {
        processes_but(self.manager.clone(), Some(&self.cgroup))
    }

    /// The user's processes, by number and name. One that is gone meanwhile is passed over.
    fn own(&self) -> impl Iterator<Item = (u32, String)> {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let is_own = entry.metadata().ok()?.uid() == self.uid;
                let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
                is_own.then(|| (pid, name.trim_end().to_owned()))
            })
    }
}

/// The processes in a control group and below it.
fn processes_below(group: PathBuf) -> Vec<u32> {
    processes_but(group, None)
}

/// The same without those in another and below that.
fn processes_but(group: PathBuf, other: Option<&Path>) -> Vec<u32> {
    let mut processes = Vec::new();
    let mut folders = vec![group];
    while let Some(folder) = folders.pop() {
        // A folder that is gone meanwhile is passed over.
        let listed = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        processes.extend(listed.lines().map(|pid| pid.parse::<u32>().unwrap()));
        let below = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let below = below.map(|entry| entry.path());
        folders.extend(below.filter(|path| path.is_dir() && Some(path.as_path()) != other));
    }
    processes
}
