// SPDX-License-Identifier: GPL-2.0

//! The MSI and its thread.

use super::{
    Client,
    Hardware, //
};
use kernel::{
    device::Core,
    irq,
    pci,
    prelude::*,
    sync::Arc, //
};

/// Serves interrupts in a thread: results are in memory, and ending a job sleeps.
struct Handler<C: Client>(Arc<Hardware<C>>);

impl<C: Client> irq::ThreadedHandler for Handler<C> {
    fn handle_threaded(&self) -> irq::IrqReturn {
        if self.0.serve() {
            irq::IrqReturn::Handled
        } else {
            irq::IrqReturn::None
        }
    }
}

/// A requested interrupt. Dropping it waits for its thread.
///
/// # Invariants
///
/// `registration` borrows from `vectors`, which does not move, and is dropped first.
pub(super) struct Interrupt<'bound, C: Client> {
    #[expect(dead_code, reason = "held for its drop")]
    registration: Pin<KBox<irq::ThreadedRegistration<'bound, Handler<C>>>>,
    #[expect(dead_code, reason = "held for its drop")]
    vectors: KBox<pci::IrqVectorRegistration<'bound>>,
}

impl<'bound, C: Client> Interrupt<'bound, C> {
    #[expect(unsafe_code, reason = "the edge of interrupts")]
    pub(super) fn new(
        pdev: &'bound pci::Device<Core<'_>>,
        hardware: Arc<Hardware<C>>,
    ) -> Result<Self> {
        let msi = pci::IrqTypes::default().with(pci::IrqType::Msi);
        let vectors = KBox::new(pdev.alloc_irq_vectors(1, 1, msi)?, GFP_KERNEL)?;
        // SAFETY: The box is not moved out of and not changed as long as the reference lives: by
        // the type invariant its only user, `registration`, is dropped first, and so it is when
        // this function fails, in which it is a later variable.
        let borrowed: &'bound pci::IrqVectorRegistration<'bound> =
            unsafe { &*core::ptr::from_ref(&*vectors) };
        let request = irq::IrqRequest::from(borrowed.index(0)?);
        // SAFETY: The registration is dropped with its box.
        let registration = unsafe {
            irq::ThreadedRegistration::new(
                request,
                irq::Flags::ONESHOT,
                c"slenc",
                Ok::<_, Error>(Handler(hardware)),
            )
        };
        let registration = KBox::pin_init(registration, GFP_KERNEL)?;
        // INVARIANT: Fields are dropped in the order of their declaration, and a box's content
        // does not move with the box.
        Ok(Self {
            registration,
            vectors,
        })
    }
}
