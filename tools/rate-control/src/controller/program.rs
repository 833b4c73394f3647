// SPDX-License-Identifier: GPL-2.0

//! A BPF program with the controller of the kernel module below it.

use slenc_bpf_native::{set_time, Program, Stream};

use super::builtin::{
    capabilities, decision_from, expect, frame_of, outcome_of, scale, translate, verdict_from,
};
use super::RateController;
use crate::config::{Config, Scale};
use crate::frame::{Coded, Decision, Input, Verdict};

/// The program behind the interface of all.
pub(crate) struct Programmed {
    stream: Stream,
    macroblocks: u32,
    /// In ns from the first frame.
    time: u64,
    tells_qp: bool,
}

impl Programmed {
    pub(crate) fn new(program: Program, config: &Config) -> Self {
        let (capabilities, scale) = (capabilities(config), scale(config.scale));
        let stream = Stream::new(program, scale, capabilities, &translate(config));
        Self {
            stream: expect(stream),
            macroblocks: config.macroblocks(),
            time: 0,
            tells_qp: config.scale == Scale::Qp51,
        }
    }
}

impl RateController for Programmed {
    fn configure(&mut self, config: &Config) {
        if config.macroblocks() != self.macroblocks {
            // As a driver that starts to stream again.
            self.macroblocks = config.macroblocks();
            expect(self.stream.start(capabilities(config)));
        }
        expect(self.stream.configure(&translate(config)));
    }

    fn begin(&mut self, input: &Input) -> Decision {
        self.time += input.elapsed;
        set_time(self.time);
        decision_from(&expect(self.stream.begin(&frame_of(input))).decision)
    }

    fn end(&mut self, coded: &Coded) -> Verdict {
        verdict_from(&expect(self.stream.end(&outcome_of(coded, self.tells_qp))))
    }

    fn commit(&mut self, bits: u64) {
        expect(self.stream.commit(bits));
    }
}
