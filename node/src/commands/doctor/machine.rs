//! The processor, and whether the system lets a process be punctual.

use std::thread::available_parallelism;

use super::check::Check;

/// Priority a real-time thread of ours would ask for.
const REAL_TIME_PRIORITY: u64 = 20;

/// Bits of the capability sets in `/proc/self/status` (linux/capability.h).
pub const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_NICE: u32 = 23;

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

/// A resource limit of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// None.
    Unlimited,
    /// In the unit of the resource.
    Value(u64),
}

/// The soft limit of this process under that name in `/proc/self/limits`.
pub fn limit(name: &str) -> Option<Limit> {
    parse_limit(&std::fs::read_to_string("/proc/self/limits").ok()?, name)
}

fn parse_limit(text: &str, name: &str) -> Option<Limit> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(Limit::Unlimited),
        number => number.parse().ok().map(Limit::Value),
    }
}

/// Whether this process may do what the capability `bit` allows.
pub fn has_capability(bit: u32) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|text| parse_capability(&text, bit))
}

fn parse_capability(text: &str, bit: u32) -> bool {
    let set = text.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|set| set >> bit & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let text = "\
Limit                     Soft Limit           Hard Limit           Units     
Max locked memory         8388608              8388608              bytes     
Max realtime priority     0                    0                    
Max realtime timeout      unlimited            unlimited            us        
";
        assert_eq!(parse_limit(text, "Max locked memory"), Some(Limit::Value(8_388_608)));
        assert_eq!(parse_limit(text, "Max realtime priority"), Some(Limit::Value(0)));
        assert_eq!(parse_limit(text, "Max realtime timeout"), Some(Limit::Unlimited));
        assert_eq!(parse_limit(text, "Max nonsense"), None);
    }

    #[test]
    fn capabilities_are_bits_of_the_effective_set() {
        let text = "Name:\tx\nCapInh:\tffffffffffffffff\nCapEff:\t0000000000004000\n";
        assert!(parse_capability(text, CAP_IPC_LOCK));
        assert!(!parse_capability(text, CAP_SYS_NICE));
        assert!(!parse_capability("", CAP_IPC_LOCK));
    }
}
