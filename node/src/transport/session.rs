//! One session: the door through which everything is declared.

use std::sync::{Arc, Mutex, PoisonError};

use zenoh::Wait;
use zenoh::liveliness::LivelinessToken;
use zenoh::qos::{CongestionControl, Priority, Reliability};

use super::publisher::unix_time_ns;
use super::{Arrival, Keys, Pool, Publisher, Subscriber, Topic, TransportConfig, TransportError};
use crate::mailbox::{Bell, Mailbox};
use crate::time::{Clock, MonotonicClock};

/// An open session. Everything declared through it ends with it.
#[derive(Debug)]
pub struct Session {
    inner: zenoh::Session,
    pool: Arc<Pool>,
}

/// Tokens by which others see that this process lives; gone when dropped, and when the process dies.
#[derive(Debug)]
pub struct Alive {
    _tokens: Vec<LivelinessToken>,
}

/// A text that is sent to whoever asks for it.
#[derive(Debug)]
pub struct Answer {
    text: Arc<Mutex<String>>,
    _queryable: zenoh::query::Queryable<()>,
}

impl Answer {
    /// Exchanges the text.
    pub fn set(&self, text: String) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

impl Session {
    /// Opens a session and its pool of shared memory. Listening fails at once; connecting goes on in the background.
    ///
    /// # Errors
    /// A configuration that makes no sense, an endpoint that cannot be listened on, or shared memory that is required and not to
    /// be had.
    pub fn open(config: &TransportConfig) -> Result<Self, TransportError> {
        let pool = Arc::new(Pool::open(config)?);
        let what = format!("transport: listen on {:?}, connect to {:?}", config.listen, config.connect);
        // Where shared memory is not to be had, Zenoh must not try either: it would refuse to open.
        let shared = pool.copy_reason().is_none();
        let inner = zenoh::open(config.to_zenoh(shared)?).wait().map_err(TransportError::at(what))?;
        Ok(Self { inner, pool })
    }

    /// Zenoh's id of this session.
    pub fn id(&self) -> String {
        self.inner.zid().to_string()
    }

    /// Memory for messages that are written ahead of being sent.
    pub fn pool(&self) -> Arc<Pool> {
        self.pool.clone()
    }

    /// Why what is sent is copied, if it is.
    pub fn copy_reason(&self) -> Option<&str> {
        self.pool.copy_reason()
    }

    /// Receives a topic. Up to `capacity` samples wait, the newest ones; each arrival rings `bell`.
    ///
    /// # Errors
    /// A key that Zenoh refuses.
    pub fn subscribe(
        &self,
        keys: &Keys,
        topic: Topic<'_>,
        capacity: usize,
        bell: Arc<Bell>,
        clock: MonotonicClock,
    ) -> Result<Subscriber, TransportError> {
        let key = keys.subscribe_key(topic);
        let mailbox = Arc::new(Mailbox::new(capacity, bell));
        let slot = mailbox.clone();
        let declared = self.inner.declare_subscriber(&key).callback(move |sample| {
            slot.put(Arrival { sample, received_us: clock.now_us(), received_unix_ns: unix_time_ns() });
        });
        let inner = declared.wait().map_err(TransportError::at(format!("subscribe to {key}")))?;
        Ok(Subscriber { mailbox, _inner: inner })
    }

    /// Sends a topic: reliably, ahead of ordinary traffic, unbatched, and dropped rather than waited for when a link is congested.
    ///
    /// # Errors
    /// A key that Zenoh refuses.
    pub fn publish(&self, keys: &Keys, topic: Topic<'_>) -> Result<Publisher, TransportError> {
        self.declare_publisher(keys.publish_key(topic), Priority::RealTime)
    }

    /// Sends plain text on `key`, behind all messages.
    ///
    /// # Errors
    /// A key that Zenoh refuses.
    pub fn publish_text(&self, key: &str) -> Result<Publisher, TransportError> {
        self.declare_publisher(key.to_owned(), Priority::DataLow)
    }

    fn declare_publisher(&self, key: String, priority: Priority) -> Result<Publisher, TransportError> {
        let identity = format!("{}/{key}", self.id());
        let what = format!("publish on {key}");
        let declared = self
            .inner
            .declare_publisher(key)
            .congestion_control(CongestionControl::Drop)
            .priority(priority)
            .express(true)
            // Shared memory is handed over safely on reliable links only: the sender holds it until the receiver has mapped it.
            .reliability(Reliability::Reliable);
        let inner = declared.wait().map_err(TransportError::at(what))?;
        Ok(Publisher::new(inner, self.pool.clone(), &identity))
    }

    /// Answers queries for `key` with the text last set.
    ///
    /// # Errors
    /// A key that Zenoh refuses.
    pub fn answer(&self, key: &str) -> Result<Answer, TransportError> {
        let text = Arc::new(Mutex::new(String::new()));
        let (held, reply_key) = (text.clone(), key.to_owned());
        let declared = self.inner.declare_queryable(key).callback(move |query| {
            let text = held.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Err(error) = query.reply(&reply_key, text).wait() {
                tracing::debug!("query for {reply_key} not answered: {error}");
            }
        });
        let queryable = declared.wait().map_err(TransportError::at(format!("answer queries for {key}")))?;
        Ok(Answer { text, _queryable: queryable })
    }

    /// Declares liveliness tokens.
    ///
    /// # Errors
    /// A key that Zenoh refuses.
    pub fn declare_alive(&self, keys: impl IntoIterator<Item = String>) -> Result<Alive, TransportError> {
        let declare = |key: String| {
            let what = format!("liveliness token {key}");
            self.inner.liveliness().declare_token(key).wait().map_err(TransportError::at(what))
        };
        Ok(Alive { _tokens: keys.into_iter().map(declare).collect::<Result<_, _>>()? })
    }

    /// Closes the session: everything still declared through it is withdrawn.
    pub fn close(self) {
        if let Err(error) = self.inner.close().wait() {
            tracing::debug!("closing the session: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zenoh::sample::SampleKind;

    use super::*;

    /// Two sessions that know each other by a socket of their own.
    fn pair(folder: &std::path::Path) -> (Session, Session) {
        let listen = vec![format!("unixsock-stream/{}", folder.join("a.sock").display())];
        let config = TransportConfig { listen, ..Default::default() };
        let first = Session::open(&config).unwrap();
        (first, Session::open(&config.counterpart(1 << 20)).unwrap())
    }

    #[test]
    fn whoever_asks_gets_the_text_last_set() {
        let folder = tempfile::tempdir().unwrap();
        let (node, other) = pair(folder.path());
        let answer = node.answer("azimuth/status").unwrap();
        answer.set("{\"old\": true}".to_owned());
        answer.set("{}".to_owned());
        // The question may overtake the declaration, and is then over at once: it is asked again.
        let ask = |_| {
            std::thread::sleep(Duration::from_millis(20));
            let replies = other.inner.get("azimuth/status").timeout(Duration::from_secs(2)).wait().unwrap();
            replies.recv().ok().and_then(|reply| reply.into_result().ok())
        };
        let reply = (0..500).find_map(ask).unwrap();
        assert_eq!(reply.payload().to_bytes().as_ref(), b"{}");
    }

    #[test]
    fn others_see_that_a_node_lives_and_that_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (node, other) = pair(folder.path());
        let seen = other.inner.liveliness().declare_subscriber("azimuth/alive/*").history(true).wait().unwrap();
        let alive = node.declare_alive(["azimuth/alive/front".to_owned()]).unwrap();
        let sample = seen.recv().unwrap();
        assert_eq!((sample.kind(), sample.key_expr().as_str()), (SampleKind::Put, "azimuth/alive/front"));
        drop(alive);
        assert_eq!(seen.recv().unwrap().kind(), SampleKind::Delete);
        node.close();
    }

    #[test]
    fn an_endpoint_in_use_is_refused_by_name() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp/{}", taken.local_addr().unwrap());
        let config = TransportConfig { listen: vec![endpoint.clone()], ..Default::default() };
        let error = Session::open(&config).unwrap_err().to_string();
        assert!(error.contains(&endpoint), "{error}");
    }
}
