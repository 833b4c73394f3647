// SPDX-License-Identifier: GPL-2.0

//! The watchdog: one delayed work item that sleeps until the running job is out of time.
//!
//! It is not set anew for each job. It wakes at the deadline of the job it was set for, looks at
//! the one that runs then, and sleeps again for what that one has left: a job costs no more than
//! a try to set a timer that is set already.

use super::{
    Client,
    Hardware, //
};
use crate::pure::slot::Watch;
use kernel::{
    bindings,
    sync::Arc,
    time::{
        msecs_to_jiffies,
        Delta, //
    },
    workqueue::{
        self,
        DelayedWork,
        HasWork,
        Work,
        WorkItem, //
    }, //
};

kernel::impl_has_delayed_work! {
    impl{C: Client} HasDelayedWork<Self> for Hardware<C> { self.watchdog }
}

impl<C: Client> WorkItem for Hardware<C> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        match this.watch() {
            Watch::Idle => {}
            Watch::Wait(nanoseconds) => set(&this, nanoseconds),
            Watch::Expired(tag) => this.expire(tag),
        }
    }
}

/// Lets the watchdog wake after this time, or earlier when it is set already.
pub(super) fn set<C: Client>(this: &Arc<Hardware<C>>, nanoseconds: u64) {
    let left = Delta::from_nanos(i64::try_from(nanoseconds).unwrap_or(i64::MAX));
    let ms = u32::try_from(left.as_millis_ceil()).unwrap_or(u32::MAX);
    let delay = msecs_to_jiffies(ms);
    // The long one, as a reset may take its time. An error gives the reference back: the item is
    // pending.
    let _ = workqueue::system_long().enqueue_delayed::<_, 0>(this.clone(), delay);
}

/// Waits until the watchdog neither runs nor will run. Before, the slot has to be closed, and after
/// that job memory taken: a job is started, and the watchdog set for it, with that locked, and so
/// nothing sets it again.
///
/// The kernel crate has no cancellation of work items. Without it the module's code could go
/// while the item is pending.
#[expect(unsafe_code, reason = "the edge of interrupts and timers")]
pub(super) fn cancel<C: Client>(this: &Arc<Hardware<C>>) {
    let hardware = Arc::as_ptr(this).cast_mut();
    // SAFETY: `hardware` points to a live `Hardware`: `this` holds a reference.
    let work: *mut Work<Hardware<C>> = unsafe { Hardware::<C>::raw_get_work(hardware) };
    // SAFETY: `work` points to the work item in that `Hardware`.
    let work = unsafe { Work::raw_get(work) };
    // SAFETY: By the guarantee of `HasDelayedWork`, `work` is the field of that name of a
    // `delayed_work`.
    let delayed = unsafe { kernel::container_of!(work, bindings::delayed_work, work) };
    // SAFETY: `delayed` was initialised with `hardware`, and this is process context, outside of
    // the item itself.
    let pending = unsafe { bindings::cancel_delayed_work_sync(delayed) };
    if pending {
        // SAFETY: `set` gave the reference to the item when it was enqueued, and the item, which
        // would have taken it back, has been cancelled before it ran.
        drop(unsafe { Arc::from_raw(hardware) });
    }
}

/// What [`Hardware`] embeds.
pub(super) type Item<C> = DelayedWork<Hardware<C>>;
