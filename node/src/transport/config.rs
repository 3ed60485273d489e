//! How the node's session is reached: the `[transport]` table of a launch file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::TransportError;

/// What a session is among others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionMode {
    /// Talks to other sessions directly, listens and connects.
    #[default]
    Peer,
    /// Talks through one router that it connects to.
    Client,
}

impl SessionMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Client => "client",
        }
    }
}

/// Whether messages may travel by shared memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedMemoryUse {
    /// Used where the machine allows it; where not, the log says why and messages are copied.
    #[default]
    Preferred,
    /// Used, or the start fails.
    Required,
    /// Not used.
    Off,
}

/// The session, its endpoints and its shared memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransportConfig {
    /// Peer or client.
    pub mode: SessionMode,
    /// Endpoints to accept connections on; failing to listen fails the start.
    pub listen: Vec<String>,
    /// Endpoints to connect to; tried again and again in the background.
    pub connect: Vec<String>,
    /// Whether other sessions are looked for by UDP multicast.
    pub multicast: bool,
    /// Whether to share memory with sessions on this machine.
    pub shared_memory: SharedMemoryUse,
    /// Shared memory for what this process sends, bytes. At least two of its largest messages.
    pub pool_bytes: usize,
    /// A Zenoh configuration (JSON5) to start from: TLS, access control, quality of service. What is set above is set on top of it.
    pub zenoh_config: Option<PathBuf>,
}

/// Where the node listens and everything else on the machine connects, unless a launch file says otherwise.
pub const DEFAULT_ENDPOINT: &str = "tcp/127.0.0.1:7447";

/// Messages that may wait for the link before one is dropped; the most that Zenoh allows.
const QUEUED_MESSAGES: usize = 16;

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            mode: SessionMode::Peer,
            listen: vec![DEFAULT_ENDPOINT.to_owned()],
            connect: Vec::new(),
            multicast: false,
            shared_memory: SharedMemoryUse::Preferred,
            pool_bytes: 1 << 20,
            zenoh_config: None,
        }
    }
}

impl TransportConfig {
    /// A session on this machine's side of a node with this configuration: it connects where the node listens, and where the node
    /// itself connects (a router). Its pool holds `pool_bytes`.
    pub fn counterpart(&self, pool_bytes: usize) -> Self {
        let connect = self.listen.iter().chain(&self.connect).cloned().collect();
        Self { listen: Vec::new(), connect, pool_bytes, ..self.clone() }
    }

    /// The configuration in Zenoh's own form, with shared memory or without.
    ///
    /// # Errors
    /// A file that cannot be read or holds an unknown key, or an endpoint that is none; the message names it.
    pub(super) fn to_zenoh(&self, shared: bool) -> Result<zenoh::Config, TransportError> {
        let mut config = match &self.zenoh_config {
            Some(path) => zenoh::Config::from_file(path)
                .map_err(TransportError::at(format!("transport.zenoh_config = {}", path.display())))?,
            None => zenoh::Config::default(),
        };
        let called = if self.multicast || !self.connect.is_empty() { "[\"router\", \"peer\"]" } else { "[]" };
        let values = [
            ("mode", quoted(self.mode.as_str())),
            ("listen/endpoints", list(&self.listen)),
            ("connect/endpoints", list(&self.connect)),
            ("scouting/multicast/enabled", self.multicast.to_string()),
            // Whoever connects may tell of others; this session calls nobody but those it was told to in its launch file, or,
            // where it was told of a router, those that the router knows.
            ("scouting/gossip/autoconnect", format!("{{\"router\": {called}, \"peer\": {called}}}")),
            ("transport/shared_memory/enabled", shared.to_string()),
            // Set up at the start: the first frame must not pay for it. Without shared memory, nothing is to be set up.
            ("transport/shared_memory/mode", quoted(if shared { "init" } else { "lazy" })),
            // A frame, its calibration and its detections leave together: with two places in the queue, the last would be dropped
            // whenever the sending thread is late by a millisecond.
            ("transport/link/tx/queue/size/real_time", QUEUED_MESSAGES.to_string()),
            // Our messages are written into our own pool; Zenoh's second one would only cost locked memory.
            ("transport/shared_memory/transport_optimization/enabled", "false".to_owned()),
        ];
        for (key, value) in values {
            config.insert_json5(key, &value).map_err(TransportError::at(format!("transport: {key} = {value}")))?;
        }
        Ok(config)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(config: &TransportConfig, key: &str) -> String {
        config.to_zenoh(true).unwrap().get_json(key).unwrap()
    }

    #[test]
    fn by_default_only_this_machine_can_connect_and_nobody_is_looked_for() {
        let config = TransportConfig::default();
        assert_eq!(json(&config, "mode"), "\"peer\"");
        assert_eq!(json(&config, "listen/endpoints"), "[\"tcp/127.0.0.1:7447\"]");
        assert_eq!(json(&config, "scouting/multicast/enabled"), "false");
        assert_eq!(json(&config, "scouting/gossip/autoconnect"), "{\"router\":[],\"peer\":[]}");
        assert_eq!(json(&config, "transport/shared_memory/enabled"), "true");
    }

    #[test]
    fn the_counterpart_connects_where_the_node_listens() {
        let counterpart = TransportConfig::default().counterpart(1 << 24);
        assert_eq!(json(&counterpart, "listen/endpoints"), "[]");
        assert_eq!(json(&counterpart, "connect/endpoints"), "[\"tcp/127.0.0.1:7447\"]");
    }

    #[test]
    fn an_endpoint_that_is_none_is_named() {
        let config = TransportConfig { listen: vec!["127.0.0.1:7447".to_owned()], ..Default::default() };
        let error = config.to_zenoh(true).unwrap_err().to_string();
        assert!(error.contains("listen/endpoints") && error.contains("127.0.0.1:7447"), "{error}");
    }

    #[test]
    fn a_configuration_file_comes_first_and_its_mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zenoh.json5");
        std::fs::write(&path, "{ transport: { link: { tx: { lease: 5000 } } }, mode: 'client' }").unwrap();
        let config = TransportConfig { zenoh_config: Some(path.clone()), ..Default::default() };
        assert_eq!(json(&config, "transport/link/tx/lease"), "5000");
        assert_eq!(json(&config, "mode"), "\"peer\"");
        std::fs::write(&path, "{ transprot: {} }").unwrap();
        let error = config.to_zenoh(true).unwrap_err().to_string();
        assert!(error.contains("zenoh.json5") && error.contains("transprot"), "{error}");
    }

    #[test]
    fn every_zenoh_configuration_beside_the_launch_files_loads() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../launch");
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|found| found == "json5")).collect();
        assert!(!files.is_empty());
        for file in files {
            let config = TransportConfig { zenoh_config: Some(file.clone()), ..Default::default() };
            assert!(config.to_zenoh(true).is_ok(), "{}", file.display());
        }
    }
}
