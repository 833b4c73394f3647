// SPDX-License-Identifier: GPL-2.0

//! Plant B: frames by table. Sizes are those of constant QP; what a change of QP, a skipped
//! picture or a distant reference does to them is modelled.

use std::rc::Rc;

use super::table::{Entry, Table};
use super::{mse, psnr, reference_layer, Plant, Request, HEADER_BITS, LAYERS, SKIP_BITS};
use crate::frame::{Activity, Coded};

/// A picture that others refer to.
#[derive(Clone, Copy, Debug)]
struct Reference {
    position: usize,
    mse: f64,
}

/// A table being played.
pub(crate) struct Trace {
    table: Rc<Table>,
    slots: [Option<Reference>; LAYERS],
    coded: Option<(usize, Reference)>,
}

impl Trace {
    pub(crate) fn new(table: Rc<Table>) -> Self {
        Self {
            table,
            slots: [None; LAYERS],
            coded: None,
        }
    }

    /// A P frame whose reference is several pictures back has all their changes to code. They
    /// add up as energy does, and intra prediction bounds them.
    fn inter(&self, reference: usize, request: &Request) -> Entry {
        let period = self.table.period();
        let mut energy = 0.0;
        for position in reference + 1..=request.position {
            let log_bits = self.table.p.at(position % period, request.qp).log_bits;
            energy += (2.0 * log_bits).exp2();
        }
        let n = request.position % period;
        let own = self.table.p.at(n, request.qp);
        let intra = self.table.i.at(n, request.qp);
        let log_bits = (energy.log2() / 2.0).min(intra.log_bits.max(own.log_bits));
        // Macroblocks forced to intra cost their share of an I frame.
        let bits =
            log_bits.exp2() * (1.0 - request.refresh) + intra.log_bits.exp2() * request.refresh;
        Entry {
            log_bits: bits.log2(),
            ..own
        }
    }

    fn entry(&self, request: &Request) -> Entry {
        let reference = self.slots[reference_layer(request.layer)];
        match reference.filter(|_| !request.key) {
            Some(reference) => self.inter(request.reference(reference.position), request),
            None => {
                let n = request.position % self.table.period();
                self.table.i.at(n, request.qp)
            }
        }
    }
}

/// What a hard maximum makes of a frame: rows are coded at coarser and coarser QPs, and what
/// does not fit at the coarsest is skipped. `entry` codes it at a QP.
pub(super) fn limited(
    request: &Request,
    macroblocks: u32,
    entry: impl Fn(&Request) -> Entry,
) -> (Entry, f64, u32) {
    let at = |qp: f64| entry(&Request { qp, ..*request });
    let mut qp = request.qp;
    let mut found = at(qp);
    let Some(limit) = request.max_bits.map(|max| (max.max(1) as f64).log2()) else {
        return (found, qp, 0);
    };
    while found.log_bits > limit && qp < 51.0 {
        qp = (qp + 0.125).min(51.0);
        found = at(qp);
    }
    let mut skipped = 0;
    if found.log_bits > limit {
        let share = 1.0 - (limit - found.log_bits).exp2();
        skipped = (f64::from(macroblocks) * share).ceil() as u32;
        found.log_bits = limit;
        // Skipped rows show the reference: a rough figure, which only must be bad.
        found.psnr -= 20.0 * share;
    }
    (found, qp, skipped)
}

impl Plant for Trace {
    fn size(&self) -> (u32, u32) {
        (self.table.width, self.table.height)
    }

    fn rate(&self) -> (u64, u64) {
        self.table.rate
    }

    fn is_cut(&self, position: usize) -> bool {
        self.table.cuts[position % self.table.period()]
    }

    fn activity(&mut self, position: usize, _layer: usize) -> Activity {
        self.table.activity(position % self.table.period())
    }

    fn restart(&mut self) {
        self.slots = [None; LAYERS];
        self.coded = None;
    }

    fn encode(&mut self, request: &Request) -> Coded {
        let macroblocks = self.table.width.div_ceil(16) * self.table.height.div_ceil(16);
        let (entry, qp, skipped) = limited(request, macroblocks, |request| self.entry(request));
        let reference = Reference {
            position: request.position,
            mse: mse(entry.psnr),
        };
        self.coded = Some((request.layer, reference));
        Coded {
            // Whole bytes, and never above the limit.
            bits: (entry.log_bits.exp2() / 8.0 + 1e-6).floor() as u64 * 8,
            header_bits: HEADER_BITS[usize::from(!request.key)],
            nonzero: entry.nonzero as u64,
            mean_qp: qp,
            forced_skip_mbs: skipped,
            psnr: entry.psnr,
        }
    }

    fn commit(&mut self) {
        if let Some((layer, reference)) = self.coded.take() {
            self.slots[layer..].fill(Some(reference));
        }
    }

    fn skip(&mut self, request: &Request) -> Coded {
        self.coded = None;
        let period = self.table.period();
        let shown = self.slots[reference_layer(request.layer)];
        let error = shown.map_or(255.0f64.powi(2), |reference| {
            let positions = reference.position + 1..=request.position;
            let changes = positions.map(|n| self.table.changes[n % period].mse);
            reference.mse + changes.sum::<f64>()
        });
        Coded {
            bits: SKIP_BITS,
            header_bits: SKIP_BITS,
            nonzero: 0,
            mean_qp: request.qp,
            forced_skip_mbs: 0,
            psnr: psnr(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn request(position: usize, key: bool) -> Request {
        Request {
            position,
            key,
            layer: 0,
            back: 0,
            qp: 30.0,
            max_bits: None,
            expected: 0,
            refresh: 0.0,
        }
    }

    fn trace() -> Trace {
        Trace::new(Rc::new(Table::make(&table::tests::sequence(), |_, _| ())))
    }

    #[test]
    fn constant_qp_gives_the_table() {
        let mut trace = trace();
        let first = trace.encode(&request(0, true));
        trace.commit();
        let table = trace.table.clone();
        assert_eq!(
            first.bits,
            table.i.at(0, 30.0).log_bits.exp2().round() as u64
        );
        for n in 1..20 {
            let coded = trace.encode(&request(n, false));
            trace.commit();
            let bits = table.p.at(n % 8, 30.0).log_bits.exp2();
            assert!((coded.bits as f64 - bits).abs() <= 8.0);
        }
    }

    #[test]
    fn a_dropped_cut_is_still_to_be_coded() {
        let mut trace = trace();
        for n in 0..4 {
            trace.encode(&request(n, n == 0));
            trace.commit();
        }
        let cut = trace.encode(&request(4, false));
        let skip = trace.skip(&request(4, false));
        let late = trace.encode(&request(5, false));
        assert_eq!(skip.bits, SKIP_BITS);
        assert!(skip.psnr < cut.psnr - 5.0);
        let ratio = late.bits as f64 / cut.bits as f64;
        assert!((0.9..1.5).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_hard_maximum_holds() {
        let mut trace = trace();
        trace.encode(&request(0, true));
        trace.commit();
        let free = trace.encode(&request(4, false)).bits;
        for divisor in [2, 4, 1000] {
            let coded = trace.encode(&Request {
                max_bits: Some(free / divisor),
                ..request(4, false)
            });
            assert!(coded.bits <= free / divisor);
            assert_eq!(coded.forced_skip_mbs > 0, divisor == 1000);
            assert!(coded.mean_qp > 30.0);
        }
    }

    #[test]
    fn layers_refer_to_lower_ones() {
        let mut trace = trace();
        trace.encode(&request(0, true));
        trace.commit();
        let of_layer = |layer| Request {
            layer,
            ..request(1, false)
        };
        trace.encode(&of_layer(1));
        trace.commit();
        assert_eq!(
            trace.slots.map(|s| s.map(|r| r.position)),
            [Some(0), Some(1), Some(1)]
        );
        // Layer 0 predicts over two pictures, layer 2 over one.
        let base = trace.encode(&request(2, false)).bits;
        let top = trace.encode(&Request {
            layer: 2,
            ..request(2, false)
        });
        assert!(base > top.bits);
    }
}
