// SPDX-License-Identifier: GPL-2.0

//! The PCI driver.

use crate::{
    context::Encoder,
    device::EncoderDevice,
    hw::Attached,
    statistics::Statistics, //
};
use kernel::{
    device::Core,
    pci,
    prelude::*, //
};
use media::m2m;

/// PCI device ID, of those that QEMU reserves for experiments.
const DEVICE_ID: u32 = 0x10f0;
/// PCI subsystem ID, which tells the encoder from other experiments.
const SUBSYSTEM_ID: u16 = 0x5e1c;

/// The PCI driver.
pub(crate) struct Driver;

/// What belongs to a bound device.
///
/// Dropped in this order: first the nodes disappear, then the hardware stops and its running job
/// fails, which its statistics still count, and then the buffers of open files are freed. The files, and with them the rest, may
/// stay.
pub(crate) struct Bound<'bound> {
    _nodes: m2m::Registration<'bound, Encoder>,
    _hardware: Attached<'bound, EncoderDevice>,
    _statistics: Option<Statistics>,
    _buffers: m2m::Buffers<'bound, Encoder>,
}

kernel::pci_device_table!(
    PCI_TABLE,
    <Driver as pci::Driver>::IdInfo,
    [(
        pci::DeviceId::from_id(pci::Vendor::REDHAT_QUMRANET, DEVICE_ID),
        ()
    )]
);

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Bound<'bound>;
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    #[expect(unsafe_code, reason = "a promise on the lifetime of driver data")]
    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        if u32::from(pdev.subsystem_vendor_id()) != u32::from(pci::Vendor::REDHAT_QUMRANET.as_raw())
            || pdev.subsystem_device_id() != SUBSYSTEM_ID
        {
            return Err(ENODEV);
        }
        let hardware = Attached::new(pdev, *crate::module_parameters::watchdog_ms.value_ref())?;
        let capabilities = hardware.hardware().capabilities();
        dev_info!(
            pdev,
            "generation {} revision {}, {}x{} to {}x{}\n",
            capabilities.generation,
            capabilities.revision,
            capabilities.min_size.0,
            capabilities.min_size.1,
            capabilities.max_size.0,
            capabilities.max_size.1,
        );
        // As in the register VERSION.
        let version = u32::from(capabilities.revision) << 8 | u32::from(capabilities.generation);
        let data = EncoderDevice::new(hardware.hardware().clone());
        let parent = pdev.as_ref();
        let device = m2m::Device::<Encoder>::new(parent, data, version)?;
        let buffers = m2m::Buffers::new(parent, device.clone())?;
        // SAFETY: The registration goes into the driver's data, which is dropped at unbind, and that
        // is before the module's code goes. The device was just made.
        let nodes = unsafe { m2m::Registration::new(parent, device) }?;
        Ok(Bound {
            _nodes: nodes,
            // Nobody depends on it.
            _statistics: Statistics::new(hardware.hardware()).ok(),
            _hardware: hardware,
            _buffers: buffers,
        })
    }
}
