// SPDX-License-Identifier: GPL-2.0

//! Plant A: the engine of the virtual hardware in a closed loop, with its own reconstructions.

use std::collections::VecDeque;
use std::rc::Rc;

use slenc_engine::{
    Checkpoint, Correction, Deblocking, Encoder, InFrame, Picture, PictureType, Source,
    SourceFormat, Unit,
};
use slenc_pure::slenc::adapt::Stream;
use slenc_pure::slenc::in_frame::{Controlled, InFrame as PlannedRows};
use slenc_pure::slenc::params::{Pps, Sps, SLICE_TYPE_I, SLICE_TYPE_P};
use slenc_pure::slenc::picture::Capabilities;
use slenc_pure::slenc::row_plan::{Decided, Shape};
use slenc_pure::slenc::units::{Kind, Unit as Header, Units};
use slenc_pure::slenc::{list, marking, slice};

use super::{psnr, reference_layer, Plant, Request, HEADER_BITS, LAYERS};
use crate::content::Sequence;
use crate::frame::{Activity, Coded};

/// A picture to be coded.
#[derive(Clone, Copy)]
struct Order<'a> {
    /// An all-skip picture in its place.
    skip: bool,
    /// What it should look like.
    shown: &'a [u8],
    key: bool,
    layer: usize,
    /// It predicts from so many pictures ago instead; 0 for not.
    back: usize,
    qp: i32,
    forced_intra: &'a [std::ops::Range<u32>],
    /// Limit of the access unit, and the size that it probably has; 0 when that is not known.
    max_bits: Option<u64>,
    expected: u64,
}

impl<'a> Order<'a> {
    fn of(shown: &'a [u8]) -> Self {
        Self {
            skip: false,
            shown,
            key: false,
            layer: 0,
            back: 0,
            qp: 0,
            forced_intra: &[],
            max_bits: None,
            expected: 0,
        }
    }
}

/// Pictures that are kept as references.
const OLDER: usize = 32;

/// The hardware that keeps to a limit.
pub(crate) const GENERATION_2: Capabilities = Capabilities {
    generation: 2,
    revision: 0,
    min_size: (16, 16),
    max_size: (4096, 2304),
    formats: 0xf,
    references: 4,
    units: 128,
    forced_intra: 16,
    all_skip: true,
    cavlc: true,
    cabac: true,
    transform_8x8: true,
    header_bits: false,
    header_fields: true,
    sse: true,
    checkpoints: 16,
    rows: true,
    hard_max: true,
    pre_analysis: true,
};

/// The one that corrects QP at checkpoints.
pub(crate) const GENERATION_1: Capabilities = Capabilities {
    generation: 1,
    rows: false,
    hard_max: false,
    pre_analysis: false,
    ..GENERATION_2
};

/// What the hardware is asked for so that a picture keeps to its limit, as the driver asks for it.
fn plan(
    order: &Order<'_>,
    max_bits: u64,
    shape: Option<&Shape>,
    rows: usize,
    able: &Capabilities,
) -> Option<PlannedRows> {
    let decided = Decided {
        qp: order.qp as u8,
        qps: (0, 51),
        predicted_bits: (order.expected > 0).then_some(order.expected),
        max_bits: Some(max_bits),
        buffer_bits: u64::MAX,
        room: None,
        header_bits: HEADER_BITS[usize::from(!order.key)],
        wanted: None,
    };
    decided.plan(shape, rows as u16, able)
}

/// A plan in the engine's terms.
fn in_frame<'a>(
    plan: &PlannedRows,
    checkpoints: &'a [Checkpoint],
    able: &Capabilities,
) -> InFrame<'a> {
    InFrame {
        correction: if able.rows {
            Correction::Rows
        } else {
            Correction::Checkpoints
        },
        checkpoints,
        target_bits: plan.target_bits,
        qp_min: plan.qp_min,
        qp_max: plan.qp_max,
        max_step: plan.max_step,
        gain: plan.gain,
        max_bits: plan.max_bits,
        hard_max: plan.hard_max,
    }
}

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
    /// Of the picture coded last, squared and added up in the upper and in the lower half.
    errors: [u64; 2],
    /// Pictures that were references, the newest first.
    older: VecDeque<Vec<u8>>,
    /// How the bits lay in the last I and in the last P picture with a limit.
    shapes: [Option<Shape>; 2],
    able: &'static Capabilities,
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
            errors: [0; 2],
            older: VecDeque::new(),
            shapes: [None; 2],
            able: &GENERATION_2,
        }
    }

    /// Codes a picture of layer 0.
    pub(crate) fn encode(
        &mut self,
        sequence: &Sequence,
        samples: &[u8],
        key: bool,
        qp: i32,
    ) -> Coded {
        let order = Order {
            key,
            qp,
            ..Order::of(samples)
        };
        self.carry_out(sequence, &order)
    }

    /// Codes a picture.
    fn carry_out(&mut self, sequence: &Sequence, order: &Order<'_>) -> Coded {
        let Order {
            skip,
            shown,
            key,
            layer,
            qp,
            forced_intra,
            ..
        } = *order;
        let source = (!skip).then_some(shown);
        let (width, height) = (sequence.width, sequence.height);
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
        let source = source.map(|samples| source_of(sequence, samples));
        let kind = usize::from(!key);
        let rows = height.div_ceil(16);
        let plan = order.max_bits.and_then(|max_bits| {
            plan(order, max_bits, self.shapes[kind].as_ref(), rows, self.able)
        });
        let points = plan.iter().flat_map(|plan| plan.checkpoints.iter());
        let checkpoints: Vec<Checkpoint> = points
            .map(|point| Checkpoint {
                row: point.row.into(),
                bits: point.bits,
            })
            .collect();
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
            in_frame: plan
                .as_ref()
                .map(|plan| in_frame(plan, &checkpoints, self.able)),
            ..Picture::default()
        };
        let mut unit_bytes = [0; 4];
        let newest = &self.references[reference_layer(layer)];
        let older = order.back.checked_sub(1).and_then(|n| self.older.get(n));
        let reference = older.unwrap_or(newest);
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
        if plan.is_some() {
            let controlled = Controlled {
                checkpoint_bits: stats.in_frame.checkpoint_bits,
                forced_skips: stats.in_frame.forced_skips,
                ..Controlled::default()
            };
            // One that was cut tells nothing of the next.
            let shape = Shape::of(&controlled, stats.slice_data_bits);
            self.shapes[kind] = shape.or(self.shapes[kind]);
        }
        let macroblocks = f64::from(stats.qp_sum) / (job.width_mbs * job.height_mbs) as f64;
        self.errors = self.errors_of_halves(shown, width, height);
        let square: u64 = self.errors.iter().sum();
        Coded {
            bits: u64::from(stats.bytes) * 8,
            header_bits: u64::from(stats.header_bits),
            nonzero: stats.nonzero.into(),
            mean_qp: macroblocks,
            forced_skip_mbs: stats.in_frame.forced_skips,
            psnr: psnr(square as f64 / (width * height) as f64),
        }
    }

    /// What the hardware finds of a source by measuring it, with the reference of a layer if there
    /// is one.
    fn measure(&mut self, sequence: &Sequence, samples: &[u8], layer: Option<usize>) -> Activity {
        let (width, height) = (sequence.width, sequence.height);
        let reference = layer.map(|layer| &self.references[reference_layer(layer)][..]);
        let found = self
            .encoder
            .analyse(
                width.div_ceil(16),
                height.div_ceil(16),
                &source_of(sequence, samples),
                reference,
            )
            .expect("the source is valid");
        Activity {
            inter: found.motion.map_or(found.intra_cost, |m| m.motion_cost),
            intra: found.intra_cost,
        }
    }

    /// Sums of the squared errors of the reconstructed luma, of the upper and of the lower half.
    fn errors_of_halves(&self, shown: &[u8], width: usize, height: usize) -> [u64; 2] {
        let stride = width.div_ceil(16) * 16;
        let lines = self.recon.chunks_exact(stride).take(height);
        let mut errors = [0; 2];
        for (n, (recon, shown)) in lines.zip(shown.chunks_exact(width)).enumerate() {
            let pairs = recon.iter().zip(shown);
            let square: u64 = pairs.map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
            errors[usize::from(n >= height / 2)] += square;
        }
        errors
    }

    /// The picture coded last becomes the reference of its layer and those above.
    pub(crate) fn commit(&mut self) {
        self.frame_num = self.frame_num.wrapping_add(1);
        for reference in &mut self.references[self.layer..] {
            reference.copy_from_slice(&self.recon);
        }
        self.older.truncate(OLDER - 1);
        self.older.push_front(self.recon.clone());
    }
}

fn source_of<'a>(sequence: &Sequence, samples: &'a [u8]) -> Source<'a> {
    let (width, height) = (sequence.width, sequence.height);
    let luma = width * height;
    let (cb, cr) = samples[luma..].split_at(luma / 4);
    Source {
        format: SourceFormat::I420,
        width,
        height,
        planes: [&samples[..luma], cb, cr],
        strides: [width, width / 2, width / 2],
    }
}

/// The engine with its content.
pub(crate) struct EnginePlant {
    sequence: Rc<Sequence>,
    coder: Coder,
    has_reference: bool,
    /// PSNR of the upper half less that of the lower, in dB, added up; and of how many pictures.
    slope: (f64, u32),
}

impl EnginePlant {
    pub(crate) fn new(sequence: Rc<Sequence>, able: &'static Capabilities) -> Self {
        Self {
            coder: Coder {
                able,
                ..Coder::new(sequence.width, sequence.height)
            },
            sequence,
            has_reference: false,
            slope: (0.0, 0),
        }
    }

    /// By how much the upper half of the pictures is better than the lower, in dB.
    pub(crate) fn top_against_bottom(&self) -> f64 {
        self.slope.0 / f64::from(self.slope.1.max(1))
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

    fn activity(&mut self, position: usize, layer: usize) -> Activity {
        let sequence = self.sequence.clone();
        let samples = &sequence.pictures[self.picture(position)];
        let layer = self.has_reference.then_some(layer);
        self.coder.measure(&sequence, samples, layer)
    }

    fn restart(&mut self) {
        self.has_reference = false;
        self.slope = (0.0, 0);
    }

    fn encode(&mut self, request: &Request) -> Coded {
        let sequence = self.sequence.clone();
        let samples = &sequence.pictures[self.picture(request.position)];
        let key = request.key || !self.has_reference;
        let forced_intra = self.refresh(request);
        let order = Order {
            key,
            layer: request.layer,
            back: request.back,
            qp: request.qp.round() as i32,
            forced_intra: &forced_intra,
            max_bits: request.max_bits,
            expected: request.expected,
            ..Order::of(samples)
        };
        self.coder.carry_out(&sequence, &order)
    }

    fn commit(&mut self) {
        self.has_reference = true;
        self.coder.commit();
        let half = (self.sequence.width * self.sequence.height) as f64 / 2.0;
        let [top, bottom] = self.coder.errors.map(|error| psnr(error as f64 / half));
        self.slope.0 += top - bottom;
        self.slope.1 += 1;
    }

    fn skip(&mut self, request: &Request) -> Coded {
        let sequence = self.sequence.clone();
        let samples = &sequence.pictures[self.picture(request.position)];
        let order = Order {
            skip: true,
            layer: request.layer,
            qp: request.qp.round() as i32,
            ..Order::of(samples)
        };
        self.coder.carry_out(&sequence, &order)
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
            back: 0,
            qp: 30.0,
            max_bits: None,
            expected: 0,
            refresh: 0.0,
        }
    }

    #[test]
    fn skips_are_small_and_keep_the_reference() {
        let sequence = Rc::new(table::tests::sequence());
        let mut plant = EnginePlant::new(sequence, &GENERATION_2);
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
        let mut plant = EnginePlant::new(Rc::new(sequence), &GENERATION_2);
        for n in 0..8 {
            let coded = plant.encode(&request(n));
            plant.commit();
            let curves = if n == 0 { &table.i } else { &table.p };
            let bits = curves.at(n, 30.0).log_bits.exp2();
            assert!((coded.bits as f64 - bits).abs() < 0.5, "{n}");
        }
    }

    #[test]
    fn a_hard_maximum_holds() {
        let sequence = Rc::new(table::tests::sequence());
        let mut plant = EnginePlant::new(sequence, &GENERATION_2);
        for n in 0..4 {
            plant.encode(&request(n));
            plant.commit();
        }
        let cut = request(4);
        let free = plant.encode(&cut);
        assert_eq!(free.forced_skip_mbs, 0);
        for divisor in [2, 4, 8] {
            let limit = free.bits / divisor;
            let coded = plant.encode(&Request {
                max_bits: Some(limit),
                ..cut
            });
            assert!(coded.bits <= limit, "{} of {limit}", coded.bits);
            assert!(coded.psnr < free.psnr);
        }
        // What holds it in the end is that nothing more is coded.
        let coded = plant.encode(&Request {
            max_bits: Some(300),
            ..cut
        });
        assert!(coded.bits <= 300 && coded.forced_skip_mbs > 0);
    }

    #[test]
    fn checkpoints_correct_what_is_left() {
        let sequence = Rc::new(table::tests::sequence());
        let mut plants = [&GENERATION_1, &GENERATION_2].map(|able| {
            let mut plant = EnginePlant::new(sequence.clone(), able);
            for n in 0..4 {
                plant.encode(&request(n));
                plant.commit();
            }
            plant
        });
        let free = plants[0].encode(&request(4)).bits;
        let limited = Request {
            max_bits: Some(free / 4),
            expected: free,
            ..request(4)
        };
        let [points, rows] = plants.each_mut().map(|plant| plant.encode(&limited));
        // They make it smaller, and skip nothing; what they promise is nothing.
        assert!(points.bits < free && points.mean_qp > 30.0);
        assert!(points.bits > free / 4 && points.forced_skip_mbs == 0);
        assert!(rows.bits <= free / 4);
    }

    #[test]
    fn an_older_reference_leaves_more_to_code() {
        let sequence = Rc::new(table::tests::sequence());
        let mut plant = EnginePlant::new(sequence, &GENERATION_2);
        for n in 0..8 {
            plant.encode(&request(n));
            plant.commit();
        }
        let bits = |plant: &mut EnginePlant, back| {
            let older = Request { back, ..request(8) };
            plant.encode(&older).bits
        };
        // The sequence begins again: eight pictures ago there was this one.
        let newest = bits(&mut plant, 0);
        assert_eq!(bits(&mut plant, 1), newest);
        assert!(bits(&mut plant, 8) < newest / 4);
        assert!(bits(&mut plant, 4) > 2 * bits(&mut plant, 8));
    }

    #[test]
    fn refreshed_macroblocks_cost_bits() {
        let sequence = Rc::new(table::tests::sequence());
        let mut plant = EnginePlant::new(sequence, &GENERATION_2);
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
