//! The independent witness: eclipse-zenoh and rosbags in Python.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

/// How long a slow board takes for the last frame.
const LAST_ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// `peer/object_pose_peer.py` at work.
pub struct PythonPeer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl PythonPeer {
    /// Starts it with the Python of `AZIMUTH_PEER_PYTHON` (see `peer/requirements.txt`), and waits until it listens to the node.
    ///
    /// # Errors
    /// No such Python, a missing package, or no connection.
    pub fn connect(endpoint: &str) -> anyhow::Result<Self> {
        let python = std::env::var_os("AZIMUTH_PEER_PYTHON").unwrap_or_else(|| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/object_pose_peer.py");
        let mut command = Command::new(&python);
        command.arg(script).arg(endpoint).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| python.to_string_lossy().into_owned())?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().context("its output was asked for")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        ensure!(line.trim() == "listening", "the Python peer did not start: {line}");
        Ok(Self { child, input, output })
    }

    /// Tells it that this was all; returns its summary (see the script).
    ///
    /// # Errors
    /// It failed meanwhile.
    pub fn finish(mut self) -> anyhow::Result<Value> {
        std::thread::sleep(LAST_ANSWER_MAX);
        drop(self.input.take()); // the end of its input is the sign
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        ensure!(self.child.wait()?.success(), "the Python peer failed");
        serde_json::from_str(&text).context("the Python peer's summary")
    }
}

impl Drop for PythonPeer {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it has ended unless the test failed before
        let _ = self.child.wait();
    }
}
