//! Threads that wait for work: started once, so that a search starts none and allocates nothing.
#![expect(
    unsafe_code,
    reason = "threads that outlive a call cannot be shown, in safe code, what the call borrows; `run` returns after all are done"
)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// A job for all threads, without the lifetime of what it borrows.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync));

// SAFETY: the function behind the pointer is `Sync`: it may be called from any thread while it
// lives, and `Pool::run` keeps it alive until all threads are done with it.
unsafe impl Send for Job {}

#[derive(Default)]
struct State {
    job: Option<Job>,
    /// Counts the jobs: a thread takes each once.
    round: u64,
    running_count: usize,
    panic: Option<Box<dyn Any + Send>>,
    stopped: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    started: Condvar,
    finished: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        condition.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads beside the caller's own.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("thread_count", &self.threads.len()).finish()
    }
}

impl Pool {
    /// Starts `thread_count` threads; fewer when the system has no more to give.
    pub fn new(thread_count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let start = |index: usize| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("top-k-{index}")).spawn(move || work(&shared, index)).ok()
        };
        Self { threads: (1..=thread_count).map_while(start).collect(), shared }
    }

    /// Calls that [`Pool::run`] makes at once: the caller's, and one in each thread.
    pub fn width(&self) -> usize {
        self.threads.len() + 1
    }

    /// Calls `job` with every number below [`Pool::width`], at the same time, and returns after all
    /// calls have. Panics when one of them panicked.
    pub fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        let borrowed: *const (dyn Fn(usize) + Sync + '_) = job;
        // SAFETY: only the lifetime changes. The pointer is used by the threads below alone, and
        // `Finish` waits for all of them before this function returns or unwinds.
        let job_of_any_lifetime = Job(unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(borrowed)
        });
        let mut state = self.shared.lock();
        state.job = Some(job_of_any_lifetime);
        state.round += 1;
        // Of a job whose caller panicked as well, and did not ask.
        state.panic = None;
        state.running_count = self.threads.len();
        drop(state);
        self.shared.started.notify_all();
        let finish = Finish(&self.shared);
        job(0);
        drop(finish);
        if let Some(panic) = self.shared.lock().panic.take() {
            resume_unwind(panic);
        }
    }
}

/// Waits for all threads, also when the caller's own call panics.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        while state.running_count > 0 {
            state = Shared::wait(&self.0.finished, state);
        }
        state.job = None;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.started.notify_all();
        for thread in self.threads.drain(..) {
            // Panics of jobs were caught; there is nothing to learn here.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, index: usize) {
    let mut seen = 0;
    loop {
        let mut state = shared.lock();
        while state.round == seen && !state.stopped {
            state = Shared::wait(&shared.started, state);
        }
        if state.stopped {
            return;
        }
        seen = state.round;
        let Some(Job(job)) = state.job else { continue };
        drop(state);
        // SAFETY: the caller of `run` keeps the function alive until `running_count` is zero, and
        // this thread has not been subtracted yet.
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*job)(index) }));
        let mut state = shared.lock();
        state.running_count -= 1;
        if let Err(panic) = result {
            state.panic.get_or_insert(panic);
        }
        drop(state);
        shared.finished.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_number_is_called_once_a_run() {
        let mut pool = Pool::new(3);
        for _ in 0..200 {
            let calls = [const { AtomicUsize::new(0) }; 4];
            pool.run(&|index| {
                calls[index].fetch_add(1, Ordering::Relaxed);
            });
            assert!(calls.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn a_panic_in_any_thread_reaches_the_caller_and_the_pool_lives_on() {
        let mut pool = Pool::new(2);
        for guilty in 0..3 {
            let result = catch_unwind(AssertUnwindSafe(|| pool.run(&|index| assert!(index != guilty, "planted"))));
            assert!(result.is_err());
        }
        let sum = AtomicUsize::new(0);
        pool.run(&|index| {
            sum.fetch_add(index, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 3);
    }

    #[test]
    fn no_threads_at_all_is_the_callers_own() {
        let mut pool = Pool::new(0);
        assert_eq!(pool.width(), 1);
        let called = AtomicUsize::new(0);
        pool.run(&|index| called.store(index + 1, Ordering::Relaxed));
        assert_eq!(called.into_inner(), 1);
    }
}
