//! A session that keeps every answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use node::messages::detection_3d_array;
use zenoh::Wait;

/// How often a node is asked whether it lives, and the time between: a question that nobody hears is over at once.
const ASKED_MAX: usize = 500;
const ASKED_EVERY: Duration = Duration::from_millis(20);
/// Nothing came for so long: nothing will. A slow board takes seconds for a frame.
const QUIET: Duration = Duration::from_secs(5);
const QUIET_TRIES_MAX: usize = 4;

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The frame's stamp, nanoseconds since the UNIX epoch.
    pub stamp_ns: i64,
    /// From the stamp to here.
    pub latency_ns: i64,
    /// Objects in it; none where the message could not be read.
    pub objects: Option<usize>,
}

/// Keeps every message on `object_pose`, in the order they came.
pub struct Listener {
    answers: Arc<Mutex<Vec<Answer>>>,
    session: zenoh::Session,
    _subscriber: zenoh::pubsub::Subscriber<()>,
}

impl Listener {
    /// Connects to a node.
    ///
    /// # Errors
    /// Zenoh's.
    pub fn connect(endpoint: &str) -> anyhow::Result<Self> {
        let mut config = zenoh::Config::default();
        for (key, value) in [
            ("connect/endpoints", format!("[\"{endpoint}\"]")),
            ("listen/endpoints", "[]".to_owned()),
            ("scouting/multicast/enabled", "false".to_owned()),
        ] {
            config.insert_json5(key, &value).map_err(|error| anyhow!("{key}: {error}"))?;
        }
        let session = zenoh::open(config).wait().map_err(|error| anyhow!("{endpoint}: {error}"))?;
        let answers = Arc::new(Mutex::new(Vec::new()));
        let kept = answers.clone();
        let declared = session.declare_subscriber("object_pose").callback(move |sample| {
            let answer = read(&sample.payload().to_bytes());
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        });
        let subscriber = declared.wait().map_err(|error| anyhow!("object_pose: {error}"))?;
        wait_for_node(&session)?;
        Ok(Self { answers, session, _subscriber: subscriber })
    }

    /// Waits until nothing more comes, ends the session, and returns what came.
    ///
    /// # Errors
    /// Zenoh's.
    pub fn finish(self) -> anyhow::Result<Vec<Answer>> {
        let count = || self.answers.lock().unwrap_or_else(PoisonError::into_inner).len();
        let mut before = count();
        for _ in 0..QUIET_TRIES_MAX {
            std::thread::sleep(QUIET);
            let now = count();
            if now == before {
                break;
            }
            before = now;
        }
        self.session.close().wait().map_err(|error| anyhow!("{error}"))?;
        Ok(std::mem::take(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The node's answer means that it knows what was declared before the question.
fn wait_for_node(session: &zenoh::Session) -> anyhow::Result<()> {
    for _ in 0..ASKED_MAX {
        let asked = session.liveliness().get("azimuth/alive/*").timeout(Duration::from_secs(1)).wait();
        if asked.map_err(|error| anyhow!("{error}"))?.recv().is_ok() {
            return Ok(());
        }
        std::thread::sleep(ASKED_EVERY);
    }
    Err(anyhow!("no node answers"))
}

fn read(bytes: &[u8]) -> Answer {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ns = i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX);
    match detection_3d_array::parse(bytes) {
        Ok((header, objects)) => {
            let stamp_ns = header.stamp.to_nanos();
            Answer { stamp_ns, latency_ns: now_ns - stamp_ns, objects: Some(objects.len()) }
        }
        Err(_) => Answer { stamp_ns: 0, latency_ns: 0, objects: None },
    }
}
