//! The processor, and whether the system lets a process be punctual.

use std::thread::available_parallelism;

use super::check::Check;
use crate::privileges::{CAP_SYS_NICE, Limit, has_capability, limit};

/// Priority a real-time thread of ours would ask for.
const REAL_TIME_PRIORITY: u64 = 20;

pub fn check() -> Vec<Check> {
    vec![processor(), real_time()]
}

fn processor() -> Check {
    let cores = available_parallelism().map_or(1, |count| count.get());
    let (features, is_fast) = features();
    let detail = format!("{}, {cores} core(s), {features}", std::env::consts::ARCH);
    if is_fast {
        Check::ok("processor", detail)
    } else {
        Check::warn(
            "processor",
            detail,
            "a processor with AVX2, FMA and F16C searches the reference table several times faster",
        )
    }
}

#[cfg(target_arch = "x86_64")]
fn features() -> (String, bool) {
    let found = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
    ];
    let names: Vec<_> = found.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
    let needed = found.iter().take(3).all(|(_, has)| *has);
    (if names.is_empty() { "no vector extensions".to_owned() } else { names.join(" ") }, needed)
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> (String, bool) {
    // Vectors are part of the base instruction set (aarch64: NEON).
    ("base instruction set".to_owned(), true)
}

fn real_time() -> Check {
    let name = "real_time";
    if has_capability(CAP_SYS_NICE) {
        return Check::ok(name, "the process may set real-time priorities (CAP_SYS_NICE)");
    }
    match limit("Max realtime priority") {
        Some(Limit::Unlimited) => Check::ok(name, "RLIMIT_RTPRIO is unlimited"),
        Some(Limit::Value(most)) if most >= REAL_TIME_PRIORITY => Check::ok(name, format!("RLIMIT_RTPRIO is {most}")),
        Some(Limit::Value(most)) => Check::warn(
            name,
            format!("RLIMIT_RTPRIO is {most}: under load, frames wait for other processes"),
            format!(
                "systemd: LimitRTPRIO={REAL_TIME_PRIORITY}; docker: --ulimit rtprio={REAL_TIME_PRIORITY} --cap-add SYS_NICE; shell: a line in /etc/security/limits.conf"
            ),
        ),
        None => Check::warn(name, "the limits of the process cannot be read", "mount /proc"),
    }
}
