//! What this machine says about itself.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use k2i_runtime::data_dir::DataDir;
use k2i_runtime::disk::free_bytes;
use rustix::process::{Resource, getrlimit};

use super::super::plan::MachinePlan;
use super::MachineFacts;

/// Looks. Blocks for the disk only.
pub(in crate::validate) fn look(plan: &MachinePlan) -> MachineFacts {
    MachineFacts {
        data_dir: DataDir::look(&plan.data_dir).map_err(|error| k2i_lakehouse::with_sources(&error)),
        writable: can_write_at(&plan.data_dir),
        free_bytes: free_bytes(&plan.data_dir).map_err(|error| format!("its disk does not tell: {error}")),
        memory_bytes: memory(),
        open_files: getrlimit(Resource::Nofile).current,
        listeners: plan
            .listeners
            .each_ref()
            .map(|listen| TcpListener::bind(listen.address).map(drop).map_err(|e| e.kind())),
    }
}

/// Whether a file can be made in a folder, or where the folder would be made. Leaves nothing behind.
pub(in crate::validate) fn can_write_at(folder: &Path) -> Result<(), String> {
    let nearest = nearest(folder);
    let probe = nearest.join(format!(".k2i-validate-{}", uuid::Uuid::new_v4()));
    let written = fs::write(&probe, "k2i validate\n");
    match fs::remove_file(&probe) {
        Ok(()) => written.map_err(|error| format!("cannot write in {}: {error}", nearest.display())),
        Err(error) if written.is_ok() => Err(format!("cannot remove {}: {error}", probe.display())),
        Err(_) => written.map_err(|error| format!("cannot make a file in {}: {error}", nearest.display())),
    }
}

/// The folder, or what is there of the way to it.
fn nearest(folder: &Path) -> PathBuf {
    let there = |path: &&Path| !path.as_os_str().is_empty() && path.symlink_metadata().is_ok();
    folder.ancestors().find(there).unwrap_or_else(|| Path::new("/")).to_owned()
}

/// The least of what the control groups and the machine allow.
fn memory() -> Option<u64> {
    let groups =
        fs::read_to_string("/proc/self/cgroup").ok().map(|text| group_limits(&text, &read)).unwrap_or_default();
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine_memory(&text));
    groups.into_iter().chain(machine).min()
}

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(path)
}

/// The limits of this process's control group and of those above it, by `/proc/self/cgroup` (`cgroups(7)`).
pub(super) fn group_limits(cgroup: &str, read: &dyn Fn(&str) -> io::Result<String>) -> Vec<u64> {
    let mut limits = Vec::new();
    for line in cgroup.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // In a container the own group is often mounted at the root, whatever its path is outside.
        for group in Path::new(path).ancestors().filter_map(Path::to_str) {
            let path = format!("{root}{}/{file}", group.trim_end_matches('/'));
            // `max` is no limit; version 1 says so with a number that no machine has.
            limits.extend(
                read(&path).ok().and_then(|text| text.trim().parse::<u64>().ok()).filter(|limit| *limit < 1 << 60),
            );
        }
    }
    limits
}

/// `MemTotal` of `/proc/meminfo`.
pub(super) fn machine_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
