//! What the system grants this process: memory to lock, real-time priorities (`/proc/self/{limits,status}`).

/// Bits of the capability sets (linux/capability.h).
pub const CAP_IPC_LOCK: u32 = 14;
/// Real-time priorities.
pub const CAP_SYS_NICE: u32 = 23;

/// Why `bytes` cannot be locked, as far as the limits tell; `None` where they can, or where the limits cannot be read.
pub fn lock_shortage(bytes: u64) -> Option<String> {
    if has_capability(CAP_IPC_LOCK) {
        return None;
    }
    match limit("Max locked memory")? {
        Limit::Value(most) if most < bytes => Some(format!("RLIMIT_MEMLOCK is {most} bytes, {bytes} are needed")),
        _ => None,
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
