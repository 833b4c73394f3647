// SPDX-License-Identifier: GPL-2.0

//! What a decoder knows of a stream of frames from picture to picture, and what of
//! the standard a picture does not keep to.

use super::{
    bits::{
        Malformed,
        Result, //
    },
    nal::{
        kind,
        Nal, //
    },
    parameter_sets::{
        Pps,
        Sps, //
    },
    references::References,
    slice::{
        Slice,
        B,
        I, //
    },
};
use std::collections::BTreeMap;

/// What a picture can violate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The order of NAL units, clause 7.4.1.2.3.
    Units,
    /// nal_ref_idc, clause 7.4.1.
    RefIdc,
    /// Slices of one picture, clauses 7.4.1.2.4 and 7.4.3.
    Slices,
    /// frame_num, clause 7.4.3.
    FrameNum,
    /// idr_pic_id, clause 7.4.3.
    IdrPicId,
    /// Picture order count, clause 8.2.1, that grows.
    Order,
    /// RefPicList0, clause 8.2.4.
    List,
    /// Marking of references, clause 8.2.5.
    Marking,
}

/// A picture, taken apart.
#[derive(Debug, Clone)]
pub struct AccessUnit {
    /// Its NAL units.
    pub units: Vec<Nal>,
    /// The SPS that it brought.
    pub sps: Option<Sps>,
    /// The PPS that it brought.
    pub pps: Option<Pps>,
    /// The parameter sets that it was coded with.
    pub active: (Sps, Pps),
    /// Its slices; there is at least one.
    pub slices: Vec<Slice>,
    /// The names of the pictures in RefPicList0.
    pub list0: Vec<u64>,
    /// What it violates.
    pub problems: Vec<(Rule, String)>,
}

impl AccessUnit {
    /// The first slice.
    pub fn slice(&self) -> &Slice {
        &self.slices[0]
    }

    /// nal_unit_type of each unit.
    pub fn kinds(&self) -> Vec<u8> {
        self.units.iter().map(|unit| unit.kind).collect()
    }
}

/// The state of a decoder.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    sps: BTreeMap<u8, Sps>,
    pps: BTreeMap<u8, Pps>,
    /// Those that are in use, to which others of the same id come later.
    active_sps: Option<Sps>,
    references: References,
    prev_ref_frame_num: i64,
    /// Of the last reference: most and least significant part.
    prev_order: (i64, i64),
    last_order: Option<i64>,
    /// FrameNumOffset and frame_num of the last picture.
    numbering: (i64, i64),
    last_idr_pic_id: Option<u32>,
}

impl Decoder {
    /// Forgets a stream; the next one is to be appended to it.
    pub fn begin(&mut self) {
        *self = Self {
            last_idr_pic_id: self.last_idr_pic_id,
            ..Self::default()
        };
    }

    /// The reference pictures.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Decodes the headers of an access unit, of the picture `name`.
    pub fn decode(&mut self, units: Vec<Nal>, name: u64) -> Result<AccessUnit> {
        let mut problems = Vec::new();
        check_units(&units, &mut problems);
        let (mut sps, mut pps) = (None, None);
        let mut slices: Vec<Slice> = Vec::new();
        for unit in &units {
            match unit.kind {
                kind::SPS => {
                    let parsed = Sps::parse(&unit.rbsp)?;
                    self.sps.insert(parsed.seq_parameter_set_id, parsed.clone());
                    sps = Some(parsed);
                }
                kind::PPS => {
                    let parsed = Pps::parse(&unit.rbsp, |id| self.sps.get(&id))?;
                    self.pps.insert(parsed.pic_parameter_set_id, parsed.clone());
                    pps = Some(parsed);
                }
                kind::SLICE | kind::IDR_SLICE => {
                    slices.push(Slice::parse(unit, |id| self.find(unit.kind, id))?)
                }
                _ => {}
            }
        }
        let first = slices
            .first()
            .ok_or_else(|| Malformed::new("an access unit has no slice"))?
            .clone();
        if first.field_pic || first.slice_type == B {
            return Err(Malformed::new("this reader knows I and P frames only"));
        }
        let kind = if first.idr {
            kind::IDR_SLICE
        } else {
            kind::SLICE
        };
        let active = self
            .find(kind, first.pic_parameter_set_id)
            .map(|(sps, pps)| (sps.clone(), pps.clone()))
            .ok_or_else(|| Malformed::new("the parameter sets of a slice are gone"))?;
        check_slices(&slices, &active.0, &mut problems);
        if first.idr {
            self.begin_sequence(&first, &active.0, &mut problems);
        }
        self.check_numbers(&first, &active.0, &mut problems);
        let list0 = self.check_references(&slices, &active.0, name, &mut problems);
        Ok(AccessUnit {
            units,
            sps,
            pps,
            active,
            slices,
            list0,
            problems,
        })
    }

    /// The parameter sets of a slice. An SPS takes effect with an IDR picture.
    fn find(&self, kind: u8, id: u8) -> Option<(&Sps, &Pps)> {
        let pps = self.pps.get(&id)?;
        let sps = match &self.active_sps {
            Some(sps) if kind != kind::IDR_SLICE => {
                (sps.seq_parameter_set_id == pps.seq_parameter_set_id).then_some(sps)
            }
            _ => self.sps.get(&pps.seq_parameter_set_id),
        }?;
        Some((sps, pps))
    }

    fn begin_sequence(&mut self, slice: &Slice, sps: &Sps, problems: &mut Vec<(Rule, String)>) {
        if self.last_idr_pic_id.is_some() && self.last_idr_pic_id == slice.idr_pic_id {
            problems.push((
                Rule::IdrPicId,
                format!("idr_pic_id is {:?} twice", slice.idr_pic_id),
            ));
        }
        self.last_idr_pic_id = slice.idr_pic_id;
        self.active_sps = Some(sps.clone());
        self.references = References::default();
        self.prev_order = (0, 0);
        self.last_order = None;
        self.numbering = (0, 0);
    }

    /// frame_num and picture order.
    fn check_numbers(&mut self, slice: &Slice, sps: &Sps, problems: &mut Vec<(Rule, String)>) {
        let frame_num = i64::from(slice.frame_num);
        let wanted = match slice.idr {
            true => 0,
            false => (self.prev_ref_frame_num + 1) % sps.max_frame_num(),
        };
        if frame_num != wanted {
            problems.push((
                Rule::FrameNum,
                format!("frame_num is {frame_num}, and has to be {wanted}"),
            ));
        }
        let order = self.order(slice, sps);
        if let (Some(last), Some(order)) = (self.last_order, order) {
            if order <= last {
                problems.push((
                    Rule::Order,
                    format!("the picture order count is {order} after {last}"),
                ));
            }
        }
        self.last_order = order;
        if slice.nal_ref_idc != 0 {
            self.prev_ref_frame_num = frame_num;
        }
    }

    /// The picture order count, clause 8.2.1, of types 0 and 2.
    fn order(&mut self, slice: &Slice, sps: &Sps) -> Option<i64> {
        let is_reference = slice.nal_ref_idc != 0;
        if sps.pic_order_cnt_type == 2 {
            let (offset, last) = self.numbering;
            let frame_num = i64::from(slice.frame_num);
            let wraps = !slice.idr && last > frame_num;
            let offset = offset + if wraps { sps.max_frame_num() } else { 0 };
            self.numbering = (offset, frame_num);
            return Some(2 * (offset + frame_num) - i64::from(!is_reference));
        }
        let lsb = i64::from(slice.pic_order_cnt_lsb?);
        let max = sps.max_pic_order_cnt_lsb();
        let (prev_msb, prev_lsb) = self.prev_order;
        let msb = if lsb < prev_lsb && prev_lsb - lsb >= max / 2 {
            prev_msb + max
        } else if lsb > prev_lsb && lsb - prev_lsb > max / 2 {
            prev_msb - max
        } else {
            prev_msb
        };
        if is_reference {
            self.prev_order = (msb, lsb);
        }
        Some(msb + lsb)
    }

    /// Builds the list of the slices, and marks references.
    fn check_references(
        &mut self,
        slices: &[Slice],
        sps: &Sps,
        name: u64,
        problems: &mut Vec<(Rule, String)>,
    ) -> Vec<u64> {
        let mut list0 = Vec::new();
        for slice in slices.iter().filter(|slice| slice.slice_type != I) {
            match self.references.list0(slice, sps) {
                Ok(list) => list0 = list,
                Err(Malformed(what)) => problems.push((Rule::List, what)),
            }
        }
        if let Err(Malformed(what)) = self.references.mark(&slices[0], sps, name) {
            problems.push((Rule::Marking, what));
        }
        list0
    }
}

/// Order and nal_ref_idc of the units.
fn check_units(units: &[Nal], problems: &mut Vec<(Rule, String)>) {
    let place = |unit: &Nal| match unit.kind {
        kind::AUD => 0,
        kind::SPS => 1,
        kind::PPS => 2,
        kind::SLICE | kind::IDR_SLICE => 4,
        kind::FILLER => 5,
        _ => 3,
    };
    if !units.is_sorted_by_key(place) {
        let kinds: Vec<_> = units.iter().map(|unit| unit.kind).collect();
        problems.push((Rule::Units, format!("the NAL units are of types {kinds:?}")));
    }
    for unit in units {
        let wrong = match unit.kind {
            kind::AUD | kind::SEI | kind::FILLER => unit.ref_idc != 0,
            kind::SPS | kind::PPS | kind::IDR_SLICE => unit.ref_idc == 0,
            _ => false,
        };
        if wrong {
            problems.push((
                Rule::RefIdc,
                format!(
                    "nal_ref_idc is {} in a NAL unit of type {}",
                    unit.ref_idc, unit.kind
                ),
            ));
        }
    }
}

/// What slices of one picture have in common, and where they begin.
fn check_slices(slices: &[Slice], sps: &Sps, problems: &mut Vec<(Rule, String)>) {
    let mbs = sps
        .pic_width_in_mbs
        .saturating_mul(sps.pic_height_in_map_units);
    let starts: Vec<_> = slices.iter().map(|slice| slice.first_mb_in_slice).collect();
    let in_order = starts.windows(2).all(|pair| pair[0] < pair[1]);
    if starts[0] != 0 || !in_order || starts[starts.len() - 1] >= mbs {
        problems.push((
            Rule::Slices,
            format!("slices of {mbs} macroblocks begin at {starts:?}"),
        ));
    }
    if !slices.iter().all(|slice| slice.same_picture(&slices[0])) {
        problems.push((
            Rule::Slices,
            "slices of one picture have different headers".to_owned(),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes syntax elements.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn u(mut self, bits: u32, value: u32) -> Self {
            self.0
                .extend((0..bits).rev().map(|bit| (value >> bit) & 1 != 0));
            self
        }

        fn ue(self, value: u32) -> Self {
            let code = value + 1;
            let length = 32 - code.leading_zeros();
            self.u(length - 1, 0).u(length, code)
        }

        fn nal(self, ref_idc: u8, kind: u8) -> Nal {
            let mut bits = self.u(1, 1).0;
            bits.resize(bits.len().next_multiple_of(8), false);
            let rbsp = bits
                .chunks(8)
                .map(|byte| {
                    byte.iter()
                        .fold(0, |value, &bit| (value << 1) | u8::from(bit))
                })
                .collect();
            Nal {
                ref_idc,
                kind,
                start_code: 4,
                rbsp,
            }
        }
    }

    /// An SPS of 2x2 macroblocks with log2s of 4, order type 0.
    fn sps(references: u32) -> Nal {
        Writer::default()
            .u(16, 66 << 8)
            .u(8, 10)
            .ue(0)
            .ue(0)
            .ue(0)
            .ue(0)
            .ue(references)
            .u(1, 0)
            .ue(1)
            .ue(1)
            .u(4, 0b1100)
            .nal(3, kind::SPS)
    }

    fn pps() -> Nal {
        let start = Writer::default().ue(0).ue(0).u(2, 0).ue(0).ue(0).ue(0);
        start.u(3, 0).ue(0).ue(0).ue(0).u(3, 0).nal(3, kind::PPS)
    }

    fn idr(id: u32) -> Nal {
        let start = Writer::default().ue(0).ue(7).ue(0).u(4, 0).ue(id).u(4, 0);
        start.u(2, 0).ue(0).nal(1, kind::IDR_SLICE)
    }

    fn p(first: u32, frame_num: u32, lsb: u32) -> Nal {
        let start = Writer::default().ue(first).ue(5).ue(0).u(4, frame_num);
        let start = start.u(4, lsb).u(2, 0).u(1, 0);
        start.ue(0).nal(1, kind::SLICE)
    }

    fn rules(unit: &AccessUnit) -> Vec<Rule> {
        unit.problems.iter().map(|&(rule, _)| rule).collect()
    }

    fn started() -> Decoder {
        let mut decoder = Decoder::default();
        let first = decoder.decode(vec![sps(1), pps(), idr(0)], 7).unwrap();
        assert_eq!(rules(&first), []);
        assert!(first.sps.is_some() && first.pps.is_some());
        decoder
    }

    #[test]
    fn a_good_stream_has_no_problems() {
        let mut decoder = started();
        for n in 1..40u32 {
            let unit = decoder
                .decode(
                    vec![p(0, n % 16, 2 * n % 16), p(2, n % 16, 2 * n % 16)],
                    n.into(),
                )
                .unwrap();
            assert_eq!(rules(&unit), []);
            assert_eq!(unit.list0, [if n == 1 { 7 } else { u64::from(n) - 1 }]);
        }
        assert_eq!(rules(&decoder.decode(vec![idr(1)], 0).unwrap()), []);
    }

    #[test]
    fn each_rule_can_be_broken() {
        for (units, rule) in [
            (vec![p(0, 2, 2)], Rule::FrameNum),
            (vec![p(0, 1, 0)], Rule::Order),
            (vec![idr(0)], Rule::IdrPicId),
            (vec![p(1, 1, 2)], Rule::Slices),
            (vec![p(0, 1, 2), p(4, 1, 2)], Rule::Slices),
            (vec![p(0, 1, 2), p(2, 1, 4)], Rule::Slices),
            (vec![p(0, 1, 2), sps(1)], Rule::Units),
            (
                vec![
                    Nal {
                        ref_idc: 0,
                        ..pps()
                    },
                    p(0, 1, 2),
                ],
                Rule::RefIdc,
            ),
        ] {
            let unit = started().decode(units, 1).unwrap();
            assert_eq!(rules(&unit), [rule], "{:?}", unit.problems);
        }
        let mut decoder = Decoder::default();
        let unit = decoder.decode(vec![sps(0), pps(), idr(0)], 0).unwrap();
        assert_eq!(rules(&unit), []);
        decoder.references = References::default();
        let unit = decoder.decode(vec![p(0, 1, 2)], 1).unwrap();
        assert_eq!(rules(&unit), [Rule::List]);
    }

    #[test]
    fn an_sps_waits_for_an_idr_picture() {
        let mut decoder = started();
        let unit = decoder.decode(vec![sps(2), p(0, 1, 2)], 1).unwrap();
        assert_eq!(unit.active.0.max_num_ref_frames, 1);
        let unit = decoder.decode(vec![idr(1)], 2).unwrap();
        assert_eq!(unit.active.0.max_num_ref_frames, 2);
    }

    #[test]
    fn a_new_stream_needs_parameter_sets() {
        let mut decoder = started();
        decoder.begin();
        assert!(decoder.decode(vec![idr(1)], 1).is_err());
        let unit = decoder.decode(vec![sps(1), pps(), idr(0)], 1).unwrap();
        assert_eq!(rules(&unit), [Rule::IdrPicId]);
        assert!(decoder.decode(vec![sps(1)], 1).is_err());
    }

    proptest! {
        #[test]
        fn any_units_are_decoded_without_a_panic(
            units in prop::collection::vec(
                (0u8..4, prop::sample::select(vec![1u8, 5, 6, 7, 8, 9]),
                 prop::collection::vec(any::<u8>(), 0..24)),
                0..4,
            ),
        ) {
            let mut decoder = started();
            let units = units
                .into_iter()
                .map(|(ref_idc, kind, rbsp)| Nal { ref_idc, kind, start_code: 3, rbsp })
                .collect();
            if decoder.decode(units, 1).is_ok() {
                let _ = decoder.decode(vec![p(0, 1, 2)], 2);
            }
        }
    }
}
