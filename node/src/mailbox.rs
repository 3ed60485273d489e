//! Where one thread leaves things for another: bounded, newest wins, and neither side ever waits for the other's work.
//!
//! A publisher's callback runs on the transport's receiving thread, which must never be held up. It only moves a sample into a
//! [`Mailbox`]; the lock inside is held for the move of one value, and what was pushed out is handed back so that it is dropped
//! outside the lock. Several mailboxes ring one [`Bell`], so that one thread can wait for whichever is filled first.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wakes the one thread that empties the mailboxes.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    condition: Condvar,
}

impl Bell {
    /// A bell that has not rung.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Wakes the waiting thread, or lets its next wait return at once.
    pub fn ring(&self) {
        *lock(&self.rung) = true;
        self.condition.notify_one();
    }

    /// Waits until the bell has rung since the last wait, or `at_most` has passed. True if it rang.
    pub fn wait(&self, at_most: Duration) -> bool {
        let rung = lock(&self.rung);
        let waited = self.condition.wait_timeout_while(rung, at_most, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *rung)
    }
}

/// A thread that panicked inside these few lines left a whole value or none: the content stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bounded box of values. Full, it gives up its oldest value for the new one.
#[derive(Debug)]
pub struct Mailbox<T> {
    slots: Mutex<Slots<T>>,
    capacity: usize,
    bell: Arc<Bell>,
}

#[derive(Debug)]
struct Slots<T> {
    values: VecDeque<T>,
    displaced_count: u64,
}

/// A value and what it cost to be the newest.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken<T> {
    /// The value.
    pub value: T,
    /// Values displaced since the last one was taken.
    pub displaced_count: u64,
}

impl<T> Mailbox<T> {
    /// A box of `capacity` values (at least one) that rings `bell`.
    pub fn new(capacity: usize, bell: Arc<Bell>) -> Self {
        let capacity = capacity.max(1);
        let slots = Slots { values: VecDeque::with_capacity(capacity), displaced_count: 0 };
        Self { slots: Mutex::new(slots), capacity, bell }
    }

    /// Leaves a value and rings. The value it displaced, if any, is dropped here, outside the lock.
    pub fn put(&self, value: T) {
        let displaced = {
            let mut slots = lock(&self.slots);
            let displaced = if slots.values.len() == self.capacity { slots.values.pop_front() } else { None };
            slots.displaced_count += u64::from(displaced.is_some());
            slots.values.push_back(value);
            displaced
        };
        drop(displaced);
        self.bell.ring();
    }

    /// Takes the oldest value.
    pub fn take(&self) -> Option<Taken<T>> {
        let mut slots = lock(&self.slots);
        let value = slots.values.pop_front()?;
        Some(Taken { value, displaced_count: std::mem::take(&mut slots.displaced_count) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_wins_and_the_displaced_are_counted() {
        let mailbox = Mailbox::new(1, Bell::new());
        assert_eq!(mailbox.take(), None);
        for value in 1..=4 {
            mailbox.put(value);
        }
        assert_eq!(mailbox.take(), Some(Taken { value: 4, displaced_count: 3 }));
        assert_eq!(mailbox.take(), None);
        mailbox.put(5);
        assert_eq!(mailbox.take(), Some(Taken { value: 5, displaced_count: 0 }));
    }

    #[test]
    fn a_box_of_three_keeps_the_newest_three_in_order() {
        let mailbox = Mailbox::new(3, Bell::new());
        (1..=5).for_each(|value| mailbox.put(value));
        let taken: Vec<_> = std::iter::from_fn(|| mailbox.take()).collect();
        assert_eq!(taken.iter().map(|taken| taken.value).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(taken.iter().map(|taken| taken.displaced_count).sum::<u64>(), 2);
    }

    #[test]
    fn a_ring_before_the_wait_is_not_lost_and_counts_once() {
        let bell = Bell::new();
        bell.ring();
        bell.ring();
        assert!(bell.wait(Duration::from_secs(60)));
        assert!(!bell.wait(Duration::ZERO));
    }

    #[test]
    fn nothing_is_lost_or_doubled_between_two_threads() {
        let bell = Bell::new();
        let mailbox = Arc::new(Mailbox::new(1, bell.clone()));
        let sender = {
            let mailbox = mailbox.clone();
            std::thread::spawn(move || (1..=10_000u64).for_each(|value| mailbox.put(value)))
        };
        let (mut taken_count, mut displaced_count, mut last) = (0, 0, 0);
        while last != 10_000 {
            bell.wait(Duration::from_secs(60));
            while let Some(Taken { value, displaced_count: displaced }) = mailbox.take() {
                assert!(value > last);
                last = value;
                taken_count += 1;
                displaced_count += displaced;
            }
        }
        sender.join().unwrap();
        assert_eq!(taken_count + displaced_count, 10_000);
    }
}
