// SPDX-License-Identifier: GPL-2.0

//! The slot of the running job: who takes the job out of it ends it, and nobody else can.
//!
//! Interrupt, watchdog and unbind may all want to end the same job. Each has to take it from here
//! first, and only one gets it.

/// A job that the hardware works on.
#[derive(Debug, PartialEq, Eq)]
pub struct Running<T> {
    /// Rung at the doorbell, and different for each job.
    pub tag: u32,
    /// When the watchdog may have it, in nanoseconds.
    pub deadline: u64,
    /// Whose job it is.
    pub token: T,
}

/// Why a job was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another job runs, or the hardware is being reset.
    Busy,
    /// There is no hardware any more.
    Gone,
}

/// What happens to the slot whose job was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next job may come.
    Idle,
    /// The hardware has to be reset first.
    Reset,
}

/// How much longer a job may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// No job runs.
    Idle,
    /// So many nanoseconds.
    Wait(u64),
    /// The job with this tag is out of time.
    Expired(u32),
}

#[derive(Debug)]
enum State<T> {
    Idle,
    Running(Running<T>),
    Resetting,
    Gone,
}

/// The slot.
#[derive(Debug)]
pub struct Slot<T> {
    state: State<T>,
    last_tag: u32,
}

impl<T> Slot<T> {
    /// Empty.
    pub const fn new() -> Self {
        Self {
            state: State::Idle,
            last_tag: 0,
        }
    }

    /// Whether a job could be started.
    pub fn ready(&self) -> Result<(), Refused> {
        match self.state {
            State::Idle => Ok(()),
            State::Running(_) | State::Resetting => Err(Refused::Busy),
            State::Gone => Err(Refused::Gone),
        }
    }

    /// Starts a job, and returns its tag.
    pub fn start(&mut self, token: T, deadline: u64) -> Result<u32, (Refused, T)> {
        if let Err(refused) = self.ready() {
            return Err((refused, token));
        }
        // Any value but 0.
        let tag = self.last_tag.checked_add(1).unwrap_or(1);
        self.last_tag = tag;
        self.state = State::Running(Running {
            tag,
            deadline,
            token,
        });
        Ok(tag)
    }

    /// What it is doing, in a word.
    pub fn state(&self) -> &'static str {
        match self.state {
            State::Idle => "idle",
            State::Running(_) => "running",
            State::Resetting => "resetting",
            State::Gone => "gone",
        }
    }

    /// The tag of the running job.
    pub fn running(&self) -> Option<u32> {
        match &self.state {
            State::Running(job) => Some(job.tag),
            _ => None,
        }
    }

    /// Takes the job with this tag, if it still runs. Who gets it has to end it.
    pub fn take(&mut self, tag: u32, then: Then) -> Option<Running<T>> {
        if self.running() != Some(tag) {
            return None;
        }
        let next = match then {
            Then::Idle => State::Idle,
            Then::Reset => State::Resetting,
        };
        self.replace(next)
    }

    /// The reset that [`Then::Reset`] announced is done.
    pub fn reset_done(&mut self) {
        if matches!(self.state, State::Resetting) {
            self.state = State::Idle;
        }
    }

    /// There is no hardware any more. Who gets the job that ran has to end it.
    pub fn close(&mut self) -> Option<Running<T>> {
        self.replace(State::Gone)
    }

    fn replace(&mut self, next: State<T>) -> Option<Running<T>> {
        match core::mem::replace(&mut self.state, next) {
            State::Running(job) => Some(job),
            _ => None,
        }
    }

    /// What a watchdog that wakes at `now` has to do.
    pub fn watch(&self, now: u64) -> Watch {
        match &self.state {
            State::Running(job) => match job.deadline.checked_sub(now) {
                None | Some(0) => Watch::Expired(job.tag),
                Some(left) => Watch::Wait(left),
            },
            _ => Watch::Idle,
        }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_slot))]
mod tests {
    use super::*;

    fn running() -> Slot<&'static str> {
        let mut slot = Slot::new();
        assert_eq!(slot.start("job", 100), Ok(1));
        slot
    }

    #[test]
    fn a_job_is_taken_once() {
        let mut slot = running();
        assert!(slot.take(2, Then::Idle).is_none());
        assert!(slot
            .take(1, Then::Idle)
            .is_some_and(|job| job.token == "job"));
        assert!(slot.take(1, Then::Idle).is_none());
        assert!(slot.close().is_none());
    }

    #[test]
    fn states_have_names() {
        let mut slot = Slot::new();
        assert_eq!(slot.state(), "idle");
        assert_eq!(slot.start((), 100), Ok(1));
        assert_eq!(slot.state(), "running");
        assert!(slot.take(1, Then::Reset).is_some());
        assert_eq!(slot.state(), "resetting");
        slot.reset_done();
        assert_eq!(slot.state(), "idle");
        slot.close();
        assert_eq!(slot.state(), "gone");
    }

    #[test]
    fn one_job_at_a_time() {
        let mut slot = running();
        assert_eq!(slot.start("next", 0), Err((Refused::Busy, "next")));
        assert!(slot.take(1, Then::Idle).is_some());
        assert_eq!(slot.start("next", 0), Ok(2));
        // The interrupt of the first job, late.
        assert!(slot.take(1, Then::Idle).is_none());
        assert_eq!(slot.running(), Some(2));
    }

    #[test]
    fn nothing_starts_during_a_reset() {
        let mut slot = running();
        slot.reset_done();
        assert_eq!(slot.running(), Some(1));
        assert!(slot.take(1, Then::Reset).is_some());
        assert_eq!(slot.start("next", 0), Err((Refused::Busy, "next")));
        slot.reset_done();
        assert_eq!(slot.start("next", 0), Ok(2));
    }

    #[test]
    fn gone_is_for_ever() {
        let mut slot = running();
        assert!(slot.close().is_some_and(|job| job.tag == 1));
        assert_eq!(slot.ready(), Err(Refused::Gone));
        assert_eq!(slot.start("next", 0), Err((Refused::Gone, "next")));
        slot.reset_done();
        assert!(slot.take(1, Then::Idle).is_none());
        assert!(slot.close().is_none());
        assert_eq!(slot.ready(), Err(Refused::Gone));
        // Also when it goes during a reset.
        let mut slot = running();
        assert!(slot.take(1, Then::Reset).is_some());
        assert!(slot.close().is_none());
        slot.reset_done();
        assert_eq!(slot.ready(), Err(Refused::Gone));
    }

    #[test]
    fn the_watchdog_looks_at_the_job_that_runs_now() {
        let mut slot = running();
        assert_eq!(slot.watch(40), Watch::Wait(60));
        assert_eq!(slot.watch(100), Watch::Expired(1));
        assert_eq!(slot.watch(u64::MAX), Watch::Expired(1));
        assert!(slot.take(1, Then::Idle).is_some());
        assert_eq!(slot.watch(200), Watch::Idle);
        assert_eq!(slot.start("next", 300), Ok(2));
        assert_eq!(slot.watch(200), Watch::Wait(100));
    }

    #[test]
    fn tags_are_never_zero() {
        let mut slot = Slot::new();
        slot.last_tag = u32::MAX - 1;
        assert_eq!(slot.start("last", 0), Ok(u32::MAX));
        assert!(slot.take(u32::MAX, Then::Idle).is_some());
        assert_eq!(slot.start("first", 0), Ok(1));
    }
}
