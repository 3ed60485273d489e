//! Whether frames can come without a copy: space in `/dev/shm`, and leave to lock it.
#![expect(unsafe_code, reason = "statvfs(3) fills a plain struct; no other call tells the free space of a file system")]

use std::ffi::CStr;
use std::path::Path;

use super::check::Check;
use crate::privileges::{CAP_IPC_LOCK, Limit, has_capability, limit};

const FOLDER: &str = "/dev/shm";
const FOLDER_C: &CStr = c"/dev/shm";

/// A ring of eight frames of 1920 x 1080 x 3 bytes, the transport's own pool of 16 MiB and its bookkeeping.
const NEEDED_BYTES: u64 = 8 * 1920 * 1080 * 3 + (16 << 20) + (2 << 20);

pub fn check() -> Vec<Check> {
    vec![space(), locking()]
}

fn space() -> Check {
    let name = "shared_memory";
    let mend = "docker: --ipc=host or --shm-size=256m; otherwise mount a tmpfs there; without it every frame is copied";
    if let Err(error) = probe(Path::new(FOLDER)) {
        return Check::warn(name, format!("{FOLDER} cannot be written: {error}"), mend);
    }
    match free_bytes() {
        Some(free) if free >= NEEDED_BYTES => Check::ok(name, format!("{FOLDER} is writable, {} MiB free", free >> 20)),
        Some(free) => {
            Check::warn(name, format!("{FOLDER} has {} MiB free, {} are wanted", free >> 20, NEEDED_BYTES >> 20), mend)
        }
        None => Check::warn(name, format!("{FOLDER} is writable, its free space cannot be read"), mend),
    }
}

/// Creates a file there and removes it again.
fn probe(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!("azimuth-doctor-{}", std::process::id()));
    std::fs::File::create_new(&file)?;
    std::fs::remove_file(&file)
}

fn free_bytes() -> Option<u64> {
    let mut status = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path is a terminated constant and the struct is ours, for the call to fill.
    let returned = unsafe { libc::statvfs(FOLDER_C.as_ptr(), status.as_mut_ptr()) };
    if returned != 0 {
        return None;
    }
    // SAFETY: all-zero bytes are a valid `statvfs`, and the call succeeded.
    let status = unsafe { status.assume_init() };
    status.f_bavail.checked_mul(status.f_frsize)
}

fn locking() -> Check {
    let name = "locked_memory";
    if has_capability(CAP_IPC_LOCK) {
        return Check::ok(name, "the process may lock any amount of memory (CAP_IPC_LOCK)");
    }
    let mend = "systemd: LimitMEMLOCK=infinity; docker: --ulimit memlock=-1; shell: ulimit -l unlimited";
    match limit("Max locked memory") {
        Some(Limit::Unlimited) => Check::ok(name, "RLIMIT_MEMLOCK is unlimited"),
        Some(Limit::Value(most)) if most >= NEEDED_BYTES => {
            Check::ok(name, format!("RLIMIT_MEMLOCK is {} MiB", most >> 20))
        }
        Some(Limit::Value(most)) => Check::warn(
            name,
            format!(
                "RLIMIT_MEMLOCK is {} KiB, {} MiB are wanted: shared memory is refused without an error and frames are copied",
                most >> 10,
                NEEDED_BYTES >> 20
            ),
            mend,
        ),
        None => Check::warn(name, "the limits of the process cannot be read", mend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_written_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert!(probe(folder.path()).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(probe(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn every_finding_that_is_not_ok_has_a_mend() {
        for check in check() {
            assert_eq!(check.mend.is_none(), check.state == super::super::check::State::Ok, "{check:?}");
        }
    }
}
