//! Frames: which of those that arrive are accepted.

use crate::launch::Launch;
use crate::messages::compressed_image::CompressedImage;
use crate::messages::header::Header;
use crate::messages::image::Image;
use crate::messages::{MessageError, MessageFault};
use crate::time::Stamp;
use crate::trace::{Dropped, Timed, Trace};
use crate::transport::{Arrival, Keys, ReadFault, Subscriber};
use kernels::ImageView;

/// Header and padding of an image message may take this many bytes beside the pixels.
const HEADER_BYTES_MAX: usize = 4096;
/// A stamp further back than this is a publisher that was restarted with another clock, not a late frame.
const SET_BACK_NS_MIN: i64 = 5_000_000_000;
/// More late frames than this in a row, each later than the one before, are a clock that was set back by less.
const LATE_IN_A_ROW_MAX: u32 = 5;
/// Transport times beyond this are two clocks that disagree.
const TRANSPORT_US_MAX: i64 = 60_000_000;

/// Memory for frames that cannot be read in place; allocated once, touched only when needed.
pub struct Buffers {
    staging: Vec<u8>,
    decoded: Vec<u8>,
}

impl Buffers {
    pub fn new(launch: &Launch) -> Self {
        let frame_bytes_max = launch.limits.frame_bytes_max;
        let decoded_bytes = if launch.keys.image_is_compressed { frame_bytes_max } else { 0 };
        let staging = Vec::with_capacity(frame_bytes_max.saturating_add(HEADER_BYTES_MAX));
        Self { staging, decoded: vec![0; decoded_bytes] }
    }
}

/// A frame that was accepted.
pub struct Admitted<'a> {
    pub header: Header,
    pub image: ImageView<'a>,
    /// The stamp is far behind the last one: a publisher was restarted, older stamps are new again.
    pub clock_was_set_back: bool,
}

/// The frames' door.
pub struct Frames {
    subscriber: Subscriber,
    keys: Keys,
    frame_bytes_max: usize,
    /// `None` where stamps are no wall clock.
    age_ns_max: Option<i64>,
    order: Order,
    /// Sequence number and publisher of the last arrival.
    last: Option<(i64, [u8; 16])>,
    foreign_hash_told: bool,
    copy_told: bool,
}

impl Frames {
    pub fn new(subscriber: Subscriber, launch: &Launch) -> Self {
        let age_ns_max = i64::try_from(launch.limits.frame_age_us_max.saturating_mul(1000)).unwrap_or(i64::MAX);
        Self {
            subscriber,
            keys: launch.keys.clone(),
            frame_bytes_max: launch.limits.frame_bytes_max,
            age_ns_max: launch.camera.stamps_are_wall_clock.then_some(age_ns_max),
            order: Order::default(),
            last: None,
            foreign_hash_told: false,
            copy_told: false,
        }
    }

    /// Takes the newest frame and counts what it displaced and what never arrived.
    pub fn take(&mut self, trace: &mut Trace) -> Option<Arrival> {
        let taken = self.subscriber.take()?;
        let arrival = taken.value;
        trace.received_count += 1 + taken.displaced_count;
        trace.dropped.add(Dropped::Displaced, taken.displaced_count);
        if let Some(attachment) = arrival.attachment() {
            if let Some((sequence, gid)) = self.last
                && gid == attachment.gid
            {
                let lost = lost_between(sequence, attachment.sequence, taken.displaced_count);
                trace.lost_count = trace.lost_count.saturating_add(lost);
            }
            self.last = Some((attachment.sequence, attachment.gid));
            let transport_us = arrival.received_unix_ns.saturating_sub(attachment.source_time_ns) / 1000;
            if (0..TRANSPORT_US_MAX).contains(&transport_us) {
                trace.record(Timed::Transport, transport_us.unsigned_abs());
            }
        }
        Some(arrival)
    }

    /// Accepts a frame, or counts why not.
    pub fn admit<'a>(
        &mut self,
        arrival: &'a Arrival,
        buffers: &'a mut Buffers,
        trace: &mut Trace,
    ) -> Option<Admitted<'a>> {
        let is_shared = arrival.is_shared();
        self.tell_oddities(arrival, is_shared);
        let (count, bytes_max) = match is_shared {
            true => (&mut trace.frames_shm_total, self.frame_bytes_max.saturating_add(HEADER_BYTES_MAX)),
            false => (&mut trace.frames_copied_total, buffers.staging.capacity()),
        };
        *count += 1;
        let Buffers { staging, decoded } = buffers;
        let read = match arrival.bytes(bytes_max, staging) {
            Ok(bytes) => read_image(bytes, self.keys.image_is_compressed, self.frame_bytes_max, decoded),
            Err(ReadFault::TooLarge) => return refused(trace, Dropped::TooLarge),
            Err(ReadFault::Invalidated) => return refused(trace, Dropped::Invalidated),
        };
        let (header, image) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::debug!("frame refused: {error}");
                let too_large = error.fault == MessageFault::FrameTooLarge;
                return refused(trace, if too_large { Dropped::TooLarge } else { Dropped::Malformed });
            }
        };
        match self.order.judge(header.stamp, arrival.received_unix_ns, self.age_ns_max) {
            Ok(clock_was_set_back) => Some(Admitted { header, image, clock_was_set_back }),
            Err(reason) => refused(trace, reason),
        }
    }

    fn tell_oddities(&mut self, arrival: &Arrival, is_shared: bool) {
        if !self.foreign_hash_told && !self.keys.hash_matches(self.keys.image_topic(), arrival.key()) {
            tracing::warn!("frames come with another type hash than this node was built for: {}", arrival.key());
            self.foreign_hash_told = true;
        }
        if !self.copy_told && !is_shared {
            tracing::warn!(
                "frames do not come by shared memory: camera and node must run on one machine as one user, with shared memory \
                 on in both and enough locked memory (azimuth doctor)"
            );
            self.copy_told = true;
        }
    }
}

fn refused<T>(trace: &mut Trace, reason: Dropped) -> Option<T> {
    trace.dropped.add(reason, 1);
    None
}

/// Header and pixels of either kind of image message.
fn read_image<'a>(
    bytes: &'a [u8],
    is_compressed: bool,
    frame_bytes_max: usize,
    decoded: &'a mut [u8],
) -> Result<(Header, ImageView<'a>), MessageError> {
    if !is_compressed {
        return Image::parse(bytes, frame_bytes_max).map(|image| (image.header, image.pixels));
    }
    let message = CompressedImage::parse(bytes)?;
    let picture = message.decode(decoded)?;
    let corrupt = MessageError { fault: MessageFault::CompressedDataCorrupt, byte: 0 };
    let pixels = decoded.get(..picture.data_bytes).ok_or(corrupt)?;
    let row_bytes = picture.width_px as usize * picture.format.bytes_per_pixel();
    let image = ImageView::new(pixels, picture.width_px, picture.height_px, row_bytes, picture.format);
    Ok((message.header, image.map_err(|_| corrupt)?))
}

/// Messages that one publisher counted between two arrivals and that neither arrived nor were displaced here.
fn lost_between(before: i64, now: i64, displaced_count: u64) -> u64 {
    // Not newer: the publisher counts from the start again, or the numbers wrapped.
    let step = u64::try_from(now.saturating_sub(before)).unwrap_or(0);
    step.saturating_sub(1).saturating_sub(displaced_count)
}

/// Stamps only move forward.
#[derive(Debug, Default)]
struct Order {
    last: Option<Stamp>,
    /// Stamps refused in a row, each later than the one before, and the latest of them.
    refused_count: u32,
    refused: Stamp,
}

impl Order {
    /// Accepts the stamp of a frame that came at `received_unix_ns`; true where stamps were set back.
    fn judge(&mut self, stamp: Stamp, received_unix_ns: i64, age_ns_max: Option<i64>) -> Result<bool, Dropped> {
        if stamp == Stamp::default() {
            return Err(Dropped::NoStamp);
        }
        if let Some(age_ns_max) = age_ns_max {
            let age_ns = received_unix_ns.saturating_sub(stamp.to_nanos());
            if age_ns > age_ns_max {
                return Err(Dropped::Stale);
            }
            if age_ns < -age_ns_max {
                return Err(Dropped::FromFuture);
            }
        }
        let step_ns = self.last.map_or(1, |last| stamp.since_nanos(last));
        let set_back = step_ns <= -SET_BACK_NS_MIN || (step_ns <= 0 && self.is_steady(stamp));
        if step_ns <= 0 && !set_back {
            return Err(Dropped::OutOfOrder);
        }
        self.last = Some(stamp);
        self.refused_count = 0;
        Ok(set_back)
    }

    /// Counts a stamp behind the last one. Single late frames are late; several in a row that go forward among themselves are a
    /// clock that was set back a little.
    fn is_steady(&mut self, stamp: Stamp) -> bool {
        let goes_on = self.refused_count > 0 && stamp > self.refused;
        self.refused_count = if goes_on { self.refused_count + 1 } else { 1 };
        self.refused = stamp;
        self.refused_count > LATE_IN_A_ROW_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn judged(order: &mut Order, seconds: f64) -> Result<bool, Dropped> {
        order.judge(Stamp::from_nanos((seconds * 1e9) as i64), 0, None)
    }

    #[test]
    fn stamps_only_move_forward_unless_the_publisher_was_restarted() {
        let mut order = Order::default();
        assert_eq!(judged(&mut order, 100.0), Ok(false));
        assert_eq!(judged(&mut order, 100.1), Ok(false));
        assert_eq!(judged(&mut order, 100.1), Err(Dropped::OutOfOrder));
        assert_eq!(judged(&mut order, 96.0), Err(Dropped::OutOfOrder));
        assert_eq!(judged(&mut order, 95.1), Ok(true));
        assert_eq!(judged(&mut order, 95.2), Ok(false));
    }

    #[test]
    fn a_clock_set_back_a_little_costs_a_few_frames() {
        let mut order = Order::default();
        assert_eq!(judged(&mut order, 100.0), Ok(false));
        let later = |frame: u32| 97.0 + f64::from(frame) / 10.0;
        for frame in 0..LATE_IN_A_ROW_MAX {
            assert_eq!(judged(&mut order, later(frame)), Err(Dropped::OutOfOrder));
        }
        assert_eq!(judged(&mut order, later(LATE_IN_A_ROW_MAX)), Ok(true));
        assert_eq!(judged(&mut order, later(LATE_IN_A_ROW_MAX + 1)), Ok(false));
    }

    #[test]
    fn late_frames_among_good_ones_are_never_taken_for_a_clock() {
        let mut order = Order::default();
        for frame in 1..40 {
            assert_eq!(judged(&mut order, f64::from(frame)), Ok(false));
            assert_eq!(judged(&mut order, f64::from(frame) - 0.5), Err(Dropped::OutOfOrder));
        }
    }

    #[test]
    fn a_refused_stamp_does_not_move_the_order() {
        let mut order = Order::default();
        let (now, most) = (1000 * SECOND, Some(SECOND / 2));
        let judge = |order: &mut Order, nanos: i64| order.judge(Stamp::from_nanos(nanos), now, most);
        assert_eq!(judge(&mut order, 0), Err(Dropped::NoStamp));
        assert_eq!(judge(&mut order, now - SECOND / 2 - 1), Err(Dropped::Stale));
        assert_eq!(judge(&mut order, now + SECOND / 2 + 1), Err(Dropped::FromFuture));
        assert_eq!(judge(&mut order, now - SECOND / 2), Ok(false));
        assert_eq!(judge(&mut order, now + SECOND / 2), Ok(false));
    }

    #[test]
    fn gaps_in_the_sequence_are_losses_unless_the_frames_were_displaced_here() {
        assert_eq!(lost_between(7, 8, 0), 0);
        assert_eq!(lost_between(7, 12, 0), 4);
        assert_eq!(lost_between(7, 12, 3), 1);
        assert_eq!(lost_between(7, 8, 5), 0, "frames of two publishers on one key");
        assert_eq!(lost_between(12, 1, 0), 0, "the publisher was restarted");
        assert_eq!(lost_between(i64::MAX, i64::MIN, 0), 0, "the numbers wrapped");
    }
}
