//! Pictures decoded ahead of their time, straight into the memory they will be sent in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kernels::PixelFormat;

use crate::messages::compressed_image;
use crate::messages::header::Header;
use crate::messages::image::ImageLayout;
use crate::transport::{Loan, Pool};

/// How long the decoder waits for a subscriber to give memory back before it gives the picture up.
const POOL_WAIT_MAX: Duration = Duration::from_secs(1);
const POOL_POLL: Duration = Duration::from_millis(1);

/// A message with its pixels, its header still to be written.
pub struct Decoded {
    /// The message's layout; its stamp is set when it is sent.
    pub layout: ImageLayout,
    /// The message's bytes.
    pub loan: Loan,
}

/// Why a picture is not played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Subscribers hold all of the pool.
    PoolFull,
    /// The file cannot be read or decoded; the text names it.
    Picture(String),
}

/// A thread that decodes pictures in order. It ends, and is waited for, when this is dropped.
pub struct DecodeAhead {
    receiver: Option<Receiver<Result<Decoded, Skipped>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl DecodeAhead {
    /// Starts to decode `pictures`, at most `ahead` of them before they are taken.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        pictures: Vec<PathBuf>,
        header: Header,
        [width_px, height_px]: [u32; 2],
        pool: Arc<Pool>,
        ahead: usize,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(ahead);
        let stop = Arc::new(AtomicBool::new(false));
        let wish = stop.clone();
        let decode_all = move || {
            for picture in &pictures {
                let layout = ImageLayout { header: header.clone(), width_px, height_px, format: PixelFormat::Rgb8 };
                if sender.send(decode(picture, layout, &pool, &wish)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("decode".to_owned()).spawn(decode_all)?;
        Ok(Self { receiver: Some(receiver), stop, thread: Some(thread) })
    }

    /// The next picture, waited for at most `at_most`.
    ///
    /// # Errors
    /// It is not decoded yet, or there are no more.
    pub fn take(&self, at_most: Duration) -> Result<Result<Decoded, Skipped>, RecvTimeoutError> {
        let receiver = self.receiver.as_ref().ok_or(RecvTimeoutError::Disconnected)?;
        receiver.recv_timeout(at_most)
    }
}

impl Drop for DecodeAhead {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.receiver.take());
        // Shared memory must not be touched while the process is taken down.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn decode(picture: &Path, layout: ImageLayout, pool: &Pool, stop: &AtomicBool) -> Result<Decoded, Skipped> {
    let refused = |why: &dyn std::fmt::Display| Skipped::Picture(format!("{}: {why}", picture.display()));
    let bytes = std::fs::read(picture).map_err(|error| refused(&error))?;
    let size_bytes = layout.size_bytes().map_err(|error| refused(&error))?;
    let mut loan = wait_for_loan(pool, size_bytes, stop).ok_or(Skipped::PoolFull)?;
    let pixels = layout.emit(&mut loan).map_err(|error| refused(&error))?;
    let decoded = compressed_image::decode(&bytes, pixels).map_err(|fault| refused(&fault))?;
    if [decoded.width_px, decoded.height_px] != [layout.width_px, layout.height_px] || decoded.format != layout.format {
        return Err(refused(&"another size or format than the first picture of the sequence"));
    }
    Ok(Decoded { layout, loan })
}

/// This thread has time; the one that sends has none, and never waits.
fn wait_for_loan(pool: &Pool, size_bytes: usize, stop: &AtomicBool) -> Option<Loan> {
    let until = Instant::now() + POOL_WAIT_MAX;
    loop {
        match pool.loan(size_bytes) {
            Ok(loan) => return Some(loan),
            Err(_) if Instant::now() < until && !stop.load(Ordering::Relaxed) => std::thread::sleep(POOL_POLL),
            Err(_) => return None,
        }
    }
}
