// SPDX-License-Identifier: GPL-2.0

//! What all open files share: the hardware.

use crate::{
    context::Encoder,
    hw::{
        Client,
        Done,
        Hardware, //
    },
    job,
    pure::picture::Capabilities, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use media::m2m::Job;

/// The encoder's part of a [`media::m2m::Device`].
pub(crate) struct EncoderDevice {
    hardware: Arc<Hardware<Self>>,
}

impl EncoderDevice {
    pub(crate) fn new(hardware: Arc<Hardware<Self>>) -> Self {
        Self { hardware }
    }

    pub(crate) fn hardware(&self) -> &Arc<Hardware<Self>> {
        &self.hardware
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        self.hardware.capabilities()
    }
}

impl Client for EncoderDevice {
    type Token = Job<Encoder>;

    fn finished(token: Job<Encoder>, outcome: Result<Done>) {
        job::finish(token, outcome);
    }
}
