//! One line of the doctor's answer.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It runs, with less speed or certainty.
    Warn,
    /// It does not run.
    Fail,
}

/// What was looked at, what was found, and what to do about it.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Stable name, for scripts.
    pub name: &'static str,
    /// How bad it is.
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do; absent where nothing needs doing.
    pub mend: Option<String>,
}

impl Check {
    /// Nothing to do.
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), mend: None }
    }

    /// Something to do.
    pub fn warn(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state: State::Warn, detail: detail.into(), mend: Some(mend.into()) }
    }

    /// Something that must be done.
    pub fn fail(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state: State::Fail, detail: detail.into(), mend: Some(mend.into()) }
    }
}

/// One line, the mend below it.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        writeln!(f, "{state}  {:<18} {}", self.name, self.detail)?;
        self.mend.iter().try_for_each(|mend| writeln!(f, "      {:<18} mend: {mend}", ""))
    }
}
