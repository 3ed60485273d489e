//! Which detections belong to which frame: those with its stamp.
//!
//! Lists of detections wait here for their frame, in memory that was allocated once. A list whose frame is gone is counted and
//! given up: nothing waits for ever and nothing is matched to the wrong picture.

use crate::detection::Detection;
use crate::messages::MessageError;
use crate::messages::detection_2d_array::{self, Summary};
use crate::time::Stamp;

/// Lists that wait for their frame at once. A detector ahead of the camera by more has its oldest list given up.
pub const LISTS_MAX: usize = 16;

/// What became of a list of detections that came.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered {
    /// It waits for its frame.
    Waiting {
        /// A list that had to be given up for it, its frame not having come.
        gave_up: bool,
    },
    /// A frame as new as this, or newer, was answered already.
    Late,
}

/// After a clock was set back, lists further ahead than this bear stamps of the old clock.
const AHEAD_NS_MAX: i64 = 1_000_000_000;

/// A list of detections, waiting.
#[derive(Debug)]
struct List {
    stamp: Stamp,
    is_waiting: bool,
    /// Counts arrivals: the list that came first has the lowest.
    arrival: u64,
    detections: Vec<Detection>,
}

/// Lists of detections waiting for their frames.
#[derive(Debug)]
pub struct Join {
    lists: Vec<List>,
    /// Read into first, exchanged with a slot of `lists` when the stamp is known.
    spare: Vec<Detection>,
    detections_max: usize,
    tolerance_ns: i64,
    answered: Option<Stamp>,
    arrival_count: u64,
}

impl Join {
    /// Allocates everything. Stamps that differ by at most `tolerance_us` belong together; 0 asks for equal ones.
    pub fn new(detections_max: usize, tolerance_us: u64) -> Self {
        let list = || List {
            stamp: Stamp::default(),
            is_waiting: false,
            arrival: 0,
            detections: Vec::with_capacity(detections_max),
        };
        Self {
            lists: (0..LISTS_MAX).map(|_| list()).collect(),
            spare: Vec::with_capacity(detections_max),
            detections_max,
            tolerance_ns: i64::try_from(tolerance_us.saturating_mul(1000)).unwrap_or(i64::MAX),
            answered: None,
            arrival_count: 0,
        }
    }

    /// Reads a `Detection2DArray` and lets it wait. A second list with the same stamp replaces the first.
    ///
    /// # Errors
    /// The message's fault; everything stays as it was.
    pub fn offer(&mut self, bytes: &[u8]) -> Result<(Offered, Summary), MessageError> {
        let summary = detection_2d_array::parse(bytes, self.detections_max, &mut self.spare)?;
        let stamp = summary.header.stamp;
        if self.answered.is_some_and(|answered| stamp <= answered) {
            return Ok((Offered::Late, summary));
        }
        let at = self.slot(stamp);
        let Some(list) = self.lists.get_mut(at) else { return Ok((Offered::Late, summary)) };
        let gave_up = list.is_waiting && list.stamp != stamp;
        list.stamp = stamp;
        list.is_waiting = true;
        list.arrival = self.arrival_count;
        self.arrival_count += 1;
        std::mem::swap(&mut list.detections, &mut self.spare);
        Ok((Offered::Waiting { gave_up }, summary))
    }

    /// The slot of the same stamp, else a free one, else the one that has waited longest, whatever its stamp says.
    fn slot(&self, stamp: Stamp) -> usize {
        let same = self.lists.iter().position(|list| list.is_waiting && list.stamp == stamp);
        let free = || self.lists.iter().position(|list| !list.is_waiting);
        let oldest = || (0..self.lists.len()).min_by_key(|at| self.lists.get(*at).map(|list| list.arrival));
        same.or_else(free).or_else(oldest).unwrap_or(0)
    }

    /// Where the list nearest to `stamp` within the tolerance waits.
    pub fn find(&self, stamp: Stamp) -> Option<usize> {
        let distance = |list: &List| list.stamp.since_nanos(stamp).abs();
        let near = self.lists.iter().enumerate().filter(|(_, list)| list.is_waiting);
        let near = near.filter(|(_, list)| distance(list) <= self.tolerance_ns);
        near.min_by_key(|(_, list)| distance(list)).map(|(at, _)| at)
    }

    /// The detections found by [`Join::find`]; empty for `None`.
    pub fn detections(&self, found: Option<usize>) -> &[Detection] {
        found.and_then(|at| self.lists.get(at)).map_or(&[], |list| &list.detections)
    }

    /// Gives up the list of `stamp`.
    pub fn withdraw(&mut self, stamp: Stamp) {
        for list in self.lists.iter_mut().filter(|list| list.stamp == stamp) {
            list.is_waiting = false;
        }
    }

    /// Closes a frame: its list is used up, and older ones will never be asked for again. Returns how many of those were given up.
    pub fn close(&mut self, stamp: Stamp, found: Option<usize>) -> u64 {
        self.answered = Some(stamp);
        let mut given_up = 0;
        for (at, list) in self.lists.iter_mut().enumerate() {
            if list.is_waiting && (Some(at) == found || list.stamp <= stamp) {
                list.is_waiting = false;
                given_up += u64::from(Some(at) != found);
            }
        }
        given_up
    }

    /// Forgets what was answered and gives up the lists stamped after `stamp`, of which the publisher's clock was set back.
    /// Returns how many were given up.
    pub fn restart(&mut self, stamp: Stamp) -> u64 {
        self.answered = None;
        let mut given_up = 0;
        for list in self.lists.iter_mut().filter(|list| list.is_waiting && list.stamp.since_nanos(stamp) > AHEAD_NS_MAX)
        {
            list.is_waiting = false;
            given_up += 1;
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::header::Header;

    fn stamp(millis: i64) -> Stamp {
        Stamp::from_nanos(millis * 1_000_000)
    }

    fn message(millis: i64, ids: &[&str]) -> Vec<u8> {
        let header = Header { stamp: stamp(millis), frame_id: "cam".try_into().unwrap() };
        let detections: Vec<Detection> = ids.iter().map(|id| detection(id)).collect();
        let mut out = vec![0; detection_2d_array::size_bytes(&header, &detections).unwrap()];
        detection_2d_array::emit(&header, &detections, &mut out).unwrap();
        out
    }

    fn detection(id: &str) -> Detection {
        let box_px = kernels::BoxPx { x1: 0.0, y1: 0.0, x2: 9.0, y2: 9.0 };
        Detection { box_px, class_id: "car".try_into().unwrap(), score: 1.0, id: id.try_into().unwrap() }
    }

    fn offered(join: &mut Join, millis: i64, ids: &[&str]) -> Offered {
        join.offer(&message(millis, ids)).unwrap().0
    }

    fn ids(join: &Join, millis: i64) -> Option<Vec<String>> {
        let found = join.find(stamp(millis))?;
        Some(join.detections(Some(found)).iter().map(|detection| detection.id.to_string()).collect())
    }

    const WAITING: Offered = Offered::Waiting { gave_up: false };

    #[test]
    fn detections_are_found_by_the_stamp_of_their_frame_in_any_order() {
        let mut join = Join::new(4, 0);
        assert_eq!(offered(&mut join, 200, &["b"]), WAITING);
        assert_eq!(offered(&mut join, 100, &["a"]), WAITING);
        assert_eq!(ids(&join, 100), Some(vec!["a".to_owned()]));
        assert_eq!(ids(&join, 200), Some(vec!["b".to_owned()]));
        assert_eq!(ids(&join, 150), None);
    }

    #[test]
    fn an_empty_list_is_an_answer_too() {
        let mut join = Join::new(4, 0);
        offered(&mut join, 100, &[]);
        assert_eq!(ids(&join, 100), Some(vec![]));
    }

    #[test]
    fn within_the_tolerance_the_nearest_list_is_taken() {
        let mut join = Join::new(4, 10_000);
        offered(&mut join, 100, &["a"]);
        offered(&mut join, 108, &["b"]);
        assert_eq!(ids(&join, 105), Some(vec!["b".to_owned()]));
        assert_eq!(ids(&join, 118), Some(vec!["b".to_owned()]));
        assert_eq!(ids(&join, 119), None);
    }

    #[test]
    fn a_list_for_an_answered_frame_is_late() {
        let mut join = Join::new(4, 0);
        assert_eq!(join.close(stamp(100), None), 0);
        assert_eq!(offered(&mut join, 100, &["a"]), Offered::Late);
        assert_eq!(offered(&mut join, 90, &["a"]), Offered::Late);
        assert_eq!(offered(&mut join, 101, &["a"]), WAITING);
        assert_eq!(join.restart(stamp(90)), 0);
        assert_eq!(offered(&mut join, 90, &["a"]), WAITING);
    }

    #[test]
    fn lists_of_frames_that_never_came_are_given_up_and_counted() {
        let mut join = Join::new(4, 0);
        for millis in [100, 200, 300, 400] {
            offered(&mut join, millis, &["x"]);
        }
        let found = join.find(stamp(300));
        assert_eq!(join.close(stamp(300), found), 2);
        assert_eq!(ids(&join, 400), Some(vec!["x".to_owned()]));
        assert_eq!(ids(&join, 300), None);
    }

    #[test]
    fn a_full_room_gives_up_its_oldest_list() {
        let mut join = Join::new(4, 0);
        for millis in 1..=LISTS_MAX as i64 {
            assert_eq!(offered(&mut join, millis, &["x"]), WAITING);
        }
        assert_eq!(offered(&mut join, 1000, &["x"]), Offered::Waiting { gave_up: true });
        assert_eq!(ids(&join, 1), None);
        assert_eq!(ids(&join, 2), Some(vec!["x".to_owned()]));
    }

    #[test]
    fn lists_from_the_future_cannot_keep_out_the_present() {
        let mut join = Join::new(4, 0);
        for hour in 1..=LISTS_MAX as i64 {
            offered(&mut join, hour * 3_600_000, &["future"]);
        }
        // One present list after the other pushes out a list that has waited longer, never each other.
        assert_eq!(offered(&mut join, 100, &["a"]), Offered::Waiting { gave_up: true });
        assert_eq!(offered(&mut join, 200, &["b"]), Offered::Waiting { gave_up: true });
        assert!(ids(&join, 100).is_some() && ids(&join, 200).is_some());
        assert_eq!(join.restart(stamp(100)), LISTS_MAX as u64 - 2);
        assert!(ids(&join, 100).is_some() && ids(&join, 200).is_some());
    }

    #[test]
    fn a_second_list_for_a_frame_replaces_the_first() {
        let mut join = Join::new(4, 0);
        offered(&mut join, 100, &["a"]);
        assert_eq!(offered(&mut join, 100, &["b", "c"]), WAITING);
        assert_eq!(ids(&join, 100), Some(vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(join.close(stamp(200), None), 1);
    }

    #[test]
    fn a_broken_list_changes_nothing() {
        let mut join = Join::new(4, 0);
        offered(&mut join, 100, &["a"]);
        assert!(join.offer(&message(200, &["b"])[..40]).is_err());
        assert_eq!(ids(&join, 100), Some(vec!["a".to_owned()]));
    }
}
