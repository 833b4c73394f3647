// SPDX-License-Identifier: GPL-2.0

//! Plant A: the engine of the virtual hardware in a closed loop, with its own reconstructions.

use std::rc::Rc;

use slenc_engine::{Deblocking, Encoder, Picture, PictureType, Source, SourceFormat, Unit};
use slenc_pure::slenc::adapt::Stream;
use slenc_pure::slenc::params::{Pps, Sps, SLICE_TYPE_I, SLICE_TYPE_P};
use slenc_pure::slenc::units::{Kind, Unit as Header, Units};
use slenc_pure::slenc::{list, marking, slice};

use super::{psnr, reference_layer, Plant, Request, LAYERS};
use crate::content::Sequence;
use crate::frame::{Activity, Coded};

/// Codes pictures with the headers that the driver writes.
pub(crate) struct Coder {
    encoder: Encoder,
    sps: Sps,
    pps: Pps,
    stream: Stream,
    references: [Vec<u8>; LAYERS],
    recon: Vec<u8>,
    output: Vec<u8>,
    frame_num: u16,
    layer: usize,
}

impl Coder {
    /// Of pictures of this size.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let (width_mbs, height_mbs) = (width.div_ceil(16), height.div_ceil(16));
        let size = width_mbs * height_mbs * 384;
        Self {
            encoder: Encoder::new(1),
            sps: Sps {
                pic_width_in_mbs_minus1: width_mbs as u16 - 1,
                pic_height_in_map_units_minus1: height_mbs as u16 - 1,
                ..Sps::DEFAULT
            },
            pps: Pps::DEFAULT,
            stream: Stream {
                width: width as u16,
                height: height as u16,
                width_mbs: width_mbs as u16,
                height_mbs: height_mbs as u16,
                interval: None,
                sample_aspect_ratio: None,
                colour: None,
                hrd: None,
            },
            references: std::array::from_fn(|_| vec![0; size]),
            recon: vec![0; size],
            output: vec![0; 2 * size + 4096],
            frame_num: 0,
            layer: 0,
        }
    }

    /// Codes a picture of layer 0.
    pub(crate) fn encode(
        &mut self,
        sequence: &Sequence,
        samples: &[u8],
        key: bool,
        qp: i32,
        forced_intra: &[std::ops::Range<u32>],
    ) -> Coded {
        self.encode_layer(sequence, Some(samples), samples, key, 0, qp, forced_intra)
    }

    /// Codes a picture; without `source`, an all-skip one. `shown` is what it should look like.
    #[expect(clippy::too_many_arguments)]
    fn encode_layer(
        &mut self,
        sequence: &Sequence,
        source: Option<&[u8]>,
        shown: &[u8],
        key: bool,
        layer: usize,
        qp: i32,
        forced_intra: &[std::ops::Range<u32>],
    ) -> Coded {
        let (width, height) = (sequence.width, sequence.height);
        let luma = width * height;
        if key {
            self.frame_num = 0;
        }
        let (mut bytes, mut entries) = ([0; 1024], [Header::EMPTY; 4]);
        let mut units = Units::new(&mut bytes, &mut entries, true);
        let picture = slice::Picture {
            nal_ref_idc: 1,
            idr: key,
            slice_type: if key { SLICE_TYPE_I } else { SLICE_TYPE_P },
            frame_num: self.frame_num & 255,
            idr_pic_id: 0,
            pic_order_cnt_lsb: 0,
            no_output_of_prior_pics: false,
            long_term_reference: false,
            num_ref_idx_l0_active: 1,
            modifications: list::Modifications::new(),
            operations: marking::Operations::new(),
            deblocking: slice::Deblocking {
                disable_idc: 0,
                alpha_c0_offset_div2: 0,
                beta_offset_div2: 0,
            },
        };
        let written = (|| {
            if key {
                units.push_sps(&self.sps, &self.stream)?;
                units.push_pps(&self.pps)?;
            }
            let rows = height.div_ceil(16) as u16;
            units.push_slices(&self.sps, &self.pps, &picture, qp as u8, rows)
        })();
        written.expect("headers of a plain stream fit");
        let header_bytes = units.bytes();
        let units: Vec<Unit<'_>> = units
            .units()
            .iter()
            .map(|unit| Unit {
                start_code: unit.start_code,
                bits: &header_bytes[unit.offset..],
                bit_length: unit.bits,
                rows: match unit.kind {
                    Kind::Whole => None,
                    Kind::Slice { first_row, rows } => Some((first_row.into(), rows.into())),
                },
                ..Unit::default()
            })
            .collect();
        let source = source.map(|samples| {
            let (cb, cr) = samples[luma..].split_at(luma / 4);
            Source {
                format: SourceFormat::I420,
                width,
                height,
                planes: [&samples[..luma], cb, cr],
                strides: [width, width / 2, width / 2],
            }
        });
        let job = Picture {
            width_mbs: width.div_ceil(16),
            height_mbs: height.div_ceil(16),
            source,
            picture_type: if key { PictureType::I } else { PictureType::P },
            qp: qp as u8,
            chroma_qp_index_offset: 0,
            deblocking: Deblocking::default(),
            forced_intra,
            units: &units,
            ..Picture::default()
        };
        let mut unit_bytes = [0; 4];
        let reference = &self.references[reference_layer(layer)];
        let reference = (!key).then_some(&reference[..]);
        let stats = self
            .encoder
            .encode(
                &job,
                reference.as_slice(),
                &mut self.recon,
                &mut self.output,
                &mut unit_bytes,
            )
            .expect("the picture is valid and the output large enough");
        self.layer = layer;
        let macroblocks = f64::from(stats.qp_sum) / (job.width_mbs * job.height_mbs) as f64;
        Coded {
            bits: u64::from(stats.bytes) * 8,
            header_bits: u64::from(stats.header_bits),
            nonzero: stats.nonzero.into(),
            mean_qp: macroblocks,
            forced_skip_mbs: 0,
            psnr: psnr(self.error(shown, width, height)),
        }
    }

    /// Mean square error of the reconstructed luma.
    fn error(&self, shown: &[u8], width: usize, height: usize) -> f64 {
        let stride = width.div_ceil(16) * 16;
        let lines = self.recon.chunks_exact(stride).take(height);
        let square: u64 = lines
            .zip(shown.chunks_exact(width))
            .flat_map(|(recon, shown)| recon.iter().zip(shown))
            .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
            .sum();
        square as f64 / (width * height) as f64
    }

    /// The picture coded last becomes the reference of its layer and those above.
    pub(crate) fn commit(&mut self) {
        self.frame_num = self.frame_num.wrapping_add(1);
        for reference in &mut self.references[self.layer..] {
            reference.copy_from_slice(&self.recon);
        }
    }
}

/// The engine with its content.
pub(crate) struct EnginePlant {
    sequence: Rc<Sequence>,
    /// What pre-analysis finds of each picture of a period.
    activity: Vec<Activity>,
    coder: Coder,
    has_reference: bool,
}

impl EnginePlant {
    pub(crate) fn new(sequence: Rc<Sequence>, activity: Vec<Activity>) -> Self {
        Self {
            coder: Coder::new(sequence.width, sequence.height),
            sequence,
            activity,
            has_reference: false,
        }
    }

    fn picture(&self, position: usize) -> usize {
        self.sequence.order[position % self.sequence.order.len()]
    }

    /// The columns of macroblocks that cyclic refresh is at, as ranges of each row.
    fn refresh(&self, request: &Request) -> Vec<std::ops::Range<u32>> {
        if request.refresh <= 0.0 || request.key {
            return Vec::new();
        }
        let all = self.sequence.width.div_ceil(16) * self.sequence.height.div_ceil(16);
        let count = (request.refresh * all as f64).ceil() as u32;
        let all = all as u32;
        let begin = (request.position as u32).wrapping_mul(count) % all;
        std::iter::once(begin..(begin + count).min(all)).collect()
    }
}

impl Plant for EnginePlant {
    fn size(&self) -> (u32, u32) {
        (self.sequence.width as u32, self.sequence.height as u32)
    }

    fn rate(&self) -> (u64, u64) {
        self.sequence.rate
    }

    fn is_cut(&self, position: usize) -> bool {
        self.sequence.cuts[position % self.sequence.order.len()]
    }

    fn activity(&self, position: usize) -> Activity {
        self.activity[position % self.activity.len()]
    }

    fn restart(&mut self) {
        self.has_reference = false;
    }

    fn encode(&mut self, request: &Request) -> Coded {
        let sequence = self.sequence.clone();
        let samples = &sequence.pictures[self.picture(request.position)];
        let key = request.key || !self.has_reference;
        let forced_intra = self.refresh(request);
        let qp = request.qp.round() as i32;
        self.coder.encode_layer(
            &sequence,
            Some(samples),
            samples,
            key,
            request.layer,
            qp,
            &forced_intra,
        )
    }

    fn commit(&mut self) {
        self.has_reference = true;
        self.coder.commit();
    }

    fn skip(&mut self, request: &Request) -> Coded {
        let sequence = self.sequence.clone();
        let samples = &sequence.pictures[self.picture(request.position)];
        let qp = request.qp.round() as i32;
        self.coder
            .encode_layer(&sequence, None, samples, false, request.layer, qp, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn request(position: usize) -> Request {
        Request {
            position,
            key: position == 0,
            layer: 0,
            qp: 30.0,
            max_bits: None,
            refresh: 0.0,
        }
    }

    #[test]
    fn skips_are_small_and_keep_the_reference() {
        let sequence = Rc::new(table::tests::sequence());
        let mut plant = EnginePlant::new(sequence, Vec::new());
        for n in 0..3 {
            plant.encode(&request(n));
            plant.commit();
        }
        let first = plant.encode(&request(3));
        let skip = plant.skip(&request(3));
        assert!(skip.bits < 200 && skip.psnr < first.psnr, "{skip:?}");
        assert_eq!(plant.encode(&request(3)), first);
    }

    #[test]
    fn the_table_is_what_the_loop_gives_at_constant_qp() {
        let sequence = table::tests::sequence();
        let table = table::Table::make(&sequence, |_, _| ());
        let mut plant = EnginePlant::new(Rc::new(sequence), Vec::new());
        for n in 0..8 {
            let coded = plant.encode(&request(n));
            plant.commit();
            let curves = if n == 0 { &table.i } else { &table.p };
            let bits = curves.at(n, 30.0).log_bits.exp2();
            assert!((coded.bits as f64 - bits).abs() < 0.5, "{n}");
        }
    }

    #[test]
    fn refreshed_macroblocks_cost_bits() {
        let sequence = Rc::new(table::tests::sequence());
        let mut plant = EnginePlant::new(sequence, Vec::new());
        plant.encode(&request(0));
        plant.commit();
        let plain = plant.encode(&request(1));
        let refreshed = plant.encode(&Request {
            refresh: 0.25,
            ..request(1)
        });
        assert!(refreshed.bits > plain.bits);
    }
}
