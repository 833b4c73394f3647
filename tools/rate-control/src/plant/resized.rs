// SPDX-License-Identifier: GPL-2.0

//! Pictures that are smaller than those of the content, where the size changes in mid-stream.

use super::{Plant, Request, HEADER_BITS};
use crate::frame::Coded;

/// An encoder whose pictures are smaller than those of its content.
pub(crate) struct Resized<'a> {
    pub(crate) plant: &'a mut dyn Plant,
    /// Their size by that of the content's.
    pub(crate) share: f64,
}

impl Resized<'_> {
    /// A picture of a quarter of the size takes a third of the bits: there is more detail in each
    /// of its macroblocks. Headers are as long as ever.
    fn data(&self) -> f64 {
        self.share.powf(0.75)
    }

    fn resized(&self, coded: Coded) -> Coded {
        let data = coded.bits.saturating_sub(coded.header_bits);
        let data = (data as f64 * self.data()).floor() as u64;
        Coded {
            bits: (coded.header_bits + data).next_multiple_of(8),
            nonzero: (coded.nonzero as f64 * self.data()) as u64,
            forced_skip_mbs: (f64::from(coded.forced_skip_mbs) * self.share) as u32,
            ..coded
        }
    }

    /// The limit of the content's picture that keeps this one to `max` bits, in whole bytes.
    fn whole(&self, max: u64, headers: u64) -> u64 {
        let data = (max & !7).saturating_sub(headers);
        headers + (data as f64 / self.data()) as u64
    }

    pub(crate) fn encode(&mut self, request: &Request) -> Coded {
        if self.share == 1.0 {
            return self.plant.encode(request);
        }
        let headers = HEADER_BITS[usize::from(!request.key)];
        let whole = Request {
            max_bits: request.max_bits.map(|max| self.whole(max, headers)),
            ..*request
        };
        let coded = self.plant.encode(&whole);
        self.resized(coded)
    }
}
