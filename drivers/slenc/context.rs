// SPDX-License-Identifier: GPL-2.0

//! An open file: one encoder.

use crate::{
    device::EncoderDevice,
    formats::Formats,
    job,
    references::Stream,
    uapi::Stats, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use media::m2m::{
    self,
    Device,
    Function,
    Info,
    Job, //
};
use pin_init::Zeroable;

/// The driver's state of an open file.
#[pin_data]
pub(crate) struct Encoder {
    /// Formats of both queues, cropping and frame interval.
    #[pin]
    pub(crate) formats: Mutex<Formats>,
    /// What has been coded so far, and the picture that is being coded.
    #[pin]
    pub(crate) stream: Mutex<Stream>,
    /// Statistics of the CAPTURE buffer that was dequeued last.
    #[pin]
    pub(crate) dequeued: Mutex<Stats>,
}

#[vtable]
impl m2m::Operations for Encoder {
    type Device = EncoderDevice;
    type BufferData = Stats;

    const INFO: Info = Info {
        driver: c"slenc",
        card: c"slenc video encoder",
        function: Function::VideoEncoder,
    };

    fn open(device: &Device<Self>) -> impl PinInit<Self, Error> {
        let formats = Formats::new(device.capabilities());
        try_pin_init!(Self {
            formats <- new_mutex!(formats, "slenc::Encoder::formats"),
            stream <- new_mutex!(Stream::new()?, "slenc::Encoder::stream"),
            dequeued <- new_mutex!(Stats::zeroed(), "slenc::Encoder::dequeued"),
        }? Error)
    }

    fn device_run(job: Job<Self>) {
        job::run(job);
    }

    fn resume(device: &Device<Self>) {
        device.hardware().resume();
    }
}
