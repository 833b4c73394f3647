// SPDX-License-Identifier: GPL-2.0

//! A decoder's references, from nothing but the bits of slice headers: H.264 clauses 7.3.3, 7.4.3,
//! 8.2.1, 8.2.4 and 8.2.5, of frames. What a stream must not do is an assertion.

use crate::bits::Reader;
use slenc_pure::slenc::params::{Pps, Sps};
use std::collections::BTreeMap;

/// What the test calls a picture.
pub(crate) type Id = usize;

/// A slice header, as far as it says something of references.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) nal_ref_idc: u64,
    pub(crate) idr: bool,
    pub(crate) is_p: bool,
    pub(crate) frame_num: i64,
    pub(crate) idr_pic_id: u64,
    pic_order_cnt_lsb: i64,
    active: usize,
    modifications: Vec<(u64, i64)>,
    long_term_reference: bool,
    pub(crate) adaptive: bool,
    operations: Vec<Vec<i64>>,
    /// Where it ends.
    pub(crate) bits: usize,
}

impl Header {
    /// Reads a NAL unit header and slice_header() of a stream of these parameter sets.
    pub(crate) fn read(bytes: &[u8], sps: &Sps, pps: &Pps) -> Self {
        let mut r = Reader::new(bytes);
        assert!(!r.flag());
        let nal_ref_idc = r.u(2);
        let idr = match r.u(5) {
            1 => false,
            5 => true,
            other => panic!("nal_unit_type {other}"),
        };
        r.ue();
        let is_p = match r.ue() {
            5 => true,
            7 => false,
            other => panic!("slice_type {other}"),
        };
        assert_eq!(r.ue(), u64::from(pps.pic_parameter_set_id));
        let frame_num = r.u(u32::from(sps.log2_max_frame_num_minus4) + 4) as i64;
        let idr_pic_id = if idr { r.ue() } else { 0 };
        let pic_order_cnt_lsb = if sps.pic_order_cnt_type == 0 {
            r.u(u32::from(sps.log2_max_pic_order_cnt_lsb_minus4) + 4) as i64
        } else {
            0
        };
        let mut header = Self {
            nal_ref_idc,
            idr,
            is_p,
            frame_num,
            idr_pic_id,
            pic_order_cnt_lsb,
            active: 0,
            modifications: Vec::new(),
            long_term_reference: false,
            adaptive: false,
            operations: Vec::new(),
            bits: 0,
        };
        if is_p {
            header.active = usize::from(pps.num_ref_idx_l0_default_active_minus1) + 1;
            if r.flag() {
                header.active = r.ue() as usize + 1;
            }
            if r.flag() {
                loop {
                    match r.ue() {
                        3 => break,
                        idc @ 0..=2 => header.modifications.push((idc, r.ue() as i64)),
                        other => panic!("modification_of_pic_nums_idc {other}"),
                    }
                }
                // Clause 7.4.3.1: the first one is not the end, and there are not more than entries.
                assert!(!header.modifications.is_empty());
                assert!(header.modifications.len() <= header.active);
            }
        }
        if nal_ref_idc != 0 {
            if idr {
                r.flag();
                header.long_term_reference = r.flag();
            } else {
                header.adaptive = r.flag();
                if header.adaptive {
                    header.read_operations(&mut r);
                }
            }
        }
        r.se();
        if pps.flags & Pps::DEBLOCKING_FILTER_CONTROL_PRESENT != 0 && r.ue() != 1 {
            r.se();
            r.se();
        }
        header.bits = r.bit;
        header
    }

    fn read_operations(&mut self, r: &mut Reader<'_>) {
        loop {
            let operation = r.ue() as i64;
            let operands = match operation {
                0 => break,
                1 | 2 | 4 | 6 => 1,
                3 => 2,
                other => panic!("memory_management_control_operation {other}"),
            };
            let mut said = vec![operation];
            said.extend((0..operands).map(|_| r.ue() as i64));
            self.operations.push(said);
        }
    }
}

/// A reference, as lists name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Short(i64),
    Long(i64),
}

/// All references.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoder {
    /// By FrameNum.
    short: BTreeMap<i64, Id>,
    /// By LongTermFrameIdx.
    long: BTreeMap<i64, Id>,
    /// MaxLongTermFrameIdx + 1; 0 is "no long-term frame indices".
    long_term_indices: i64,
    prev_ref_frame_num: i64,
    /// prevPicOrderCntMsb and prevPicOrderCntLsb.
    prev_order: (i64, i64),
    last_order: i64,
    last_idr_pic_id: Option<u64>,
    last_is_reference: bool,
}

impl Decoder {
    /// All pictures that are references.
    pub(crate) fn references(&self) -> Vec<Id> {
        self.short
            .values()
            .chain(self.long.values())
            .copied()
            .collect()
    }

    /// The long-term index of a picture.
    pub(crate) fn long_term_index(&self, id: Id) -> Option<i64> {
        let found = self.long.iter().find(|(_, other)| **other == id);
        found.map(|(index, _)| *index)
    }

    /// Forgets the references, as for a stream that is appended.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            last_idr_pic_id: self.last_idr_pic_id,
            ..Self::default()
        };
    }

    /// Decodes a picture of the active SPS, and returns its RefPicList0.
    pub(crate) fn decode(&mut self, h: &Header, sps: &Sps, id: Id) -> Vec<Id> {
        let max_frame_num = 16i64 << sps.log2_max_frame_num_minus4;
        if h.idr {
            assert!(h.nal_ref_idc != 0 && !h.is_p && h.frame_num == 0);
            assert_ne!(self.last_idr_pic_id, Some(h.idr_pic_id), "clause 7.4.3");
            self.clear();
            self.last_idr_pic_id = Some(h.idr_pic_id);
        } else {
            let expected = (self.prev_ref_frame_num + 1) % max_frame_num;
            assert_eq!(h.frame_num, expected, "a gap");
        }
        self.check_order(h, sps);
        assert!(
            !self.short.contains_key(&h.frame_num) || h.idr,
            "a number twice"
        );
        let list = if h.is_p {
            self.list0(h, max_frame_num)
        } else {
            Vec::new()
        };
        if h.nal_ref_idc != 0 {
            self.mark(h, sps, max_frame_num, id);
            self.prev_ref_frame_num = h.frame_num;
        }
        self.last_is_reference = h.nal_ref_idc != 0;
        list
    }

    /// Clauses 8.2.1.1 and 8.2.1.3: order grows.
    fn check_order(&mut self, h: &Header, sps: &Sps) {
        if sps.pic_order_cnt_type == 2 {
            assert!(h.idr || h.nal_ref_idc != 0 || self.last_is_reference);
            return;
        }
        let max = 16i64 << sps.log2_max_pic_order_cnt_lsb_minus4;
        let lsb = h.pic_order_cnt_lsb;
        let (prev_msb, prev_lsb) = self.prev_order;
        let msb = if lsb < prev_lsb && prev_lsb - lsb >= max / 2 {
            prev_msb + max
        } else if lsb > prev_lsb && lsb - prev_lsb > max / 2 {
            prev_msb - max
        } else {
            prev_msb
        };
        if h.idr {
            assert_eq!(lsb, 0);
        } else {
            assert!(msb + lsb > self.last_order, "output in coding order");
        }
        self.last_order = msb + lsb;
        if h.nal_ref_idc != 0 {
            self.prev_order = (msb, lsb);
        }
    }

    /// Clause 8.2.4.1.
    fn pic_num(&self, frame_num: i64, h: &Header, max_frame_num: i64) -> i64 {
        if frame_num > h.frame_num {
            frame_num - max_frame_num
        } else {
            frame_num
        }
    }

    /// The short-term reference of a PicNum: its FrameNum.
    fn short_term(&self, pic_num: i64, h: &Header, max_frame_num: i64) -> i64 {
        let of = |frame_num: i64| self.pic_num(frame_num, h, max_frame_num);
        let found = self
            .short
            .keys()
            .find(|frame_num| of(**frame_num) == pic_num);
        *found.unwrap_or_else(|| panic!("no short-term reference {pic_num}: {self:?}"))
    }

    /// Clauses 8.2.4.2.1 and 8.2.4.3.
    fn list0(&self, h: &Header, max_frame_num: i64) -> Vec<Id> {
        let mut numbers: Vec<i64> = self
            .short
            .keys()
            .map(|frame_num| self.pic_num(*frame_num, h, max_frame_num))
            .collect();
        numbers.sort_by_key(|number| -number);
        let mut list: Vec<Option<Entry>> = numbers
            .into_iter()
            .map(Entry::Short)
            .chain(self.long.keys().map(|index| Entry::Long(*index)))
            .map(Some)
            .collect();
        list.resize(h.active, None);
        list.push(None);
        let mut predicted = h.frame_num;
        for (place, &(idc, value)) in h.modifications.iter().enumerate() {
            let entry = match idc {
                2 => {
                    assert!(self.long.contains_key(&value));
                    Entry::Long(value)
                }
                _ => {
                    let difference = value + 1;
                    assert!(difference <= max_frame_num);
                    predicted += if idc == 0 { -difference } else { difference };
                    predicted = predicted.rem_euclid(max_frame_num);
                    let number = self.pic_num(predicted, h, max_frame_num);
                    self.short_term(number, h, max_frame_num);
                    Entry::Short(number)
                }
            };
            // Clause 8.2.4.3.1, as it stands there.
            for n in (place + 1..=h.active).rev() {
                list[n] = list[n - 1];
            }
            list[place] = Some(entry);
            let mut next = place + 1;
            for n in place + 1..=h.active {
                if list[n] != Some(entry) {
                    list[next] = list[n];
                    next += 1;
                }
            }
        }
        list.truncate(h.active);
        list.into_iter()
            .map(|entry| match entry.expect("an entry without a reference") {
                Entry::Short(number) => self.short[&self.short_term(number, h, max_frame_num)],
                Entry::Long(index) => self.long[&index],
            })
            .collect()
    }

    /// Clause 8.2.5.
    fn mark(&mut self, h: &Header, sps: &Sps, max_frame_num: i64, id: Id) {
        let room = usize::from(sps.max_num_ref_frames.max(1));
        let mut own = None;
        if h.idr {
            if h.long_term_reference {
                self.long_term_indices = 1;
                own = Some(0);
            }
        } else if h.adaptive {
            assert!(!h.operations.is_empty());
            let of_kind = |kind| h.operations.iter().filter(move |o| o[0] == kind).count();
            assert!(of_kind(4) <= 1 && of_kind(6) <= 1, "clause 7.4.3.3");
            for operation in &h.operations {
                own = own.or(self.carry_out(operation, h, sps, max_frame_num));
            }
        } else if self.short.len() + self.long.len() == room {
            // Clause 8.2.5.3.
            let of = |frame_num: &i64| self.pic_num(*frame_num, h, max_frame_num);
            let oldest = *self.short.keys().min_by_key(|n| of(n)).expect("no room");
            self.short.remove(&oldest);
        }
        match own {
            Some(index) => {
                assert!(index < self.long_term_indices);
                self.long.insert(index, id);
            }
            None => {
                self.short.insert(h.frame_num, id);
            }
        }
        assert!(self.short.len() + self.long.len() <= room, "{self:?}");
    }

    /// Clause 8.2.5.4: returns the index that the picture itself gets.
    fn carry_out(
        &mut self,
        operation: &[i64],
        h: &Header,
        sps: &Sps,
        max_frame_num: i64,
    ) -> Option<i64> {
        let named = |difference_minus1: i64| h.frame_num - (difference_minus1 + 1);
        match *operation {
            [1, difference] => {
                let frame_num = self.short_term(named(difference), h, max_frame_num);
                self.short.remove(&frame_num);
            }
            [2, long_term_pic_num] => {
                assert!(self.long.remove(&long_term_pic_num).is_some());
            }
            [3, difference, index] => {
                assert!(index < self.long_term_indices);
                let frame_num = self.short_term(named(difference), h, max_frame_num);
                let id = self.short.remove(&frame_num).unwrap();
                self.long.insert(index, id);
            }
            [4, plus1] => {
                assert!(plus1 <= i64::from(sps.max_num_ref_frames));
                self.long_term_indices = plus1;
                self.long.retain(|index, _| *index < plus1);
            }
            [6, index] => return Some(index),
            ref other => panic!("{other:?}"),
        }
        None
    }
}
