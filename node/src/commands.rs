//! The commands of `azimuth`, one file each.
//!
//! Every file gives `Args` (a `clap::Args`) and `execute(&Args) -> anyhow::Result<ExitCode>`.
//! Results go to standard output, everything else to standard error.

pub mod bench;
pub mod demo;
pub mod doctor;
pub mod estimate;
pub mod replay;
pub mod run;

use std::io::Write;

/// Writes to standard output. A reader that has seen enough (`azimuth doctor | head -1`) is no error.
///
/// # Errors
/// Any other that the system gives.
pub fn print(text: &str) -> std::io::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// An error and all that caused it on one line, "what: why: why"; a cause that was already told is not repeated.
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let io = || std::io::Error::other("disk on fire");
        let told = anyhow::Error::from(io()).context("a.png").context("frame 3");
        assert_eq!(error_chain(told.as_ref()), "frame 3: a.png: disk on fire");
        let told = anyhow::Error::from(io()).context("a.png: disk on fire");
        assert_eq!(error_chain(told.as_ref()), "a.png: disk on fire");
    }
}
