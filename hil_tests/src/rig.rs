//! A board at work: the node and the player as a user starts them, two processes that meet on a socket.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::Board;

/// Longest wait for a process that loads a model on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);
/// Two rigs at once would measure each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A folder with a launch file and a socket; processes started from it find each other and nobody else.
pub struct Rig {
    board: Board,
    azimuth: PathBuf,
    drive: PathBuf,
    sequence: String,
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// A running node; killed where the test forgets it.
pub struct Node(Option<Child>);

/// What a node left behind.
#[derive(Debug)]
pub struct Ended {
    /// From the signal to the end of the process.
    pub took: Duration,
    /// Its last status.
    pub status: Value,
}

impl Rig {
    /// Sets a rig up for the chosen board.
    ///
    /// Plays the bundled drive, or that of `AZIMUTH_KITTI` (a KITTI tracking folder) and `AZIMUTH_SEQUENCE`.
    ///
    /// # Errors
    /// An unknown board, or no binary beside this test (`AZIMUTH_BIN` names another).
    pub fn new() -> anyhow::Result<Self> {
        let bundled = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/assets/demo");
        let rig = Self {
            board: Board::chosen()?,
            azimuth: binary()?,
            drive: std::env::var_os("AZIMUTH_KITTI").map_or_else(bundled, PathBuf::from),
            sequence: std::env::var("AZIMUTH_SEQUENCE").unwrap_or_else(|_| "0000".to_owned()),
            folder: tempfile::tempdir()?,
            _alone: ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner),
        };
        // The bounds of launch/replay.toml: a test machine may be slower than a car's computer.
        let text = format!(
            "[transport]\nlisten = [\"{}\"]\nshared_memory = \"required\"\n\
             [limits]\ndeadline_us = 60000000\njoin_wait_us = 1000000\nframe_age_us_max = 60000000\n",
            rig.endpoint()
        );
        std::fs::write(rig.launch(), text)?;
        Ok(rig)
    }

    /// Where the node listens.
    pub fn endpoint(&self) -> String {
        format!("unixsock-stream/{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("node.sock")
    }

    fn launch(&self) -> PathBuf {
        self.folder.path().join("launch.toml")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.azimuth);
        command.arg(name).arg("--config").arg(self.launch()).arg("--json");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    /// Starts a node and waits until it can be reached.
    ///
    /// # Errors
    /// It ends by itself, or cannot be reached within a minute.
    pub fn start_node(&self) -> anyhow::Result<Node> {
        let _ = std::fs::remove_file(self.socket()); // left behind by the node before
        let mut command = self.command("run");
        command.arg("--provider").arg(self.board.providers.join(","));
        command.arg("--threads").arg(self.board.threads.to_string());
        let mut child = command.spawn().with_context(|| self.azimuth.display().to_string())?;
        let until = Instant::now() + START_MAX;
        while !self.socket().exists() {
            if let Some(status) = child.try_wait()? {
                bail!("azimuth run ended at its start: {status}");
            }
            if Instant::now() > until {
                child.kill()?;
                bail!("azimuth run does not listen after {START_MAX:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Node(Some(child)))
    }

    /// Plays the first `frames` frames of the drive at `rate_hz`; returns what `azimuth replay --json` says.
    ///
    /// # Errors
    /// The player fails.
    pub fn replay(&self, rate_hz: f64, frames: usize) -> anyhow::Result<Value> {
        let mut command = self.command("replay");
        command.arg("--kitti").arg(&self.drive).args(["--sequence", &self.sequence, "--wait", "60"]);
        command.args(["--rate", &rate_hz.to_string(), "--limit", &frames.to_string()]);
        json(&command.output()?)
    }
}

/// Time that the node's own work took, microseconds a frame: the half of the frames needed less.
pub fn work_us(status: &Value) -> u64 {
    ["receive", "crop", "embed", "retrieve", "refine", "locate", "publish"]
        .iter()
        .map(|stage| count(status, &format!("/stage_us/{stage}/p50")))
        .sum()
}

/// A number in a status.
///
/// # Panics
/// It is missing: a promised field was renamed, and no check of it would mean anything.
pub fn count(value: &Value, pointer: &str) -> u64 {
    let found = value.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| unreachable!("{pointer} is no number in {value}"))
}

impl Node {
    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// The node had ended before, or does not end well.
    pub fn terminate(mut self) -> anyhow::Result<Ended> {
        let mut child = self.0.take().context("a node ends once")?;
        if let Some(status) = child.try_wait()? {
            bail!("azimuth run had ended before: {status}");
        }
        let asked = Instant::now();
        let told = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status()?;
        ensure!(told.success(), "kill -TERM {}", child.id());
        let output = child.wait_with_output()?;
        Ok(Ended { took: asked.elapsed(), status: json(&output)? })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill(); // it may have ended by itself
            let _ = child.wait();
        }
    }
}

fn json(output: &Output) -> anyhow::Result<Value> {
    ensure!(output.status.success(), "azimuth failed: {}", output.status);
    serde_json::from_slice(&output.stdout).context("azimuth's JSON")
}

/// `AZIMUTH_BIN`, or the binary that the same build has put beside this test.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("AZIMUTH_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let beside = test.ancestors().nth(2).context("a test lies in deps/")?.join("azimuth");
    ensure!(beside.exists(), "{} is missing: run `cargo build` first, or set AZIMUTH_BIN", beside.display());
    Ok(beside)
}
