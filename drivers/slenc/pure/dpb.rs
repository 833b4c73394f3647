// SPDX-License-Identifier: GPL-2.0

//! The decoded picture buffer as the encoder keeps it: what a picture is called and numbered in the
//! stream, which references it has, and which ones there are after it (H.264 clauses 7.4.3, 8.2.4
//! and 8.2.5).
//!
//! Reconstructions live in numbered slots. A picture is planned, coded, and then committed or
//! forgotten: one that fails enters no slot and advances nothing.

use super::{
    encode_references::EncodeReferences,
    few::Few,
    list::{self, List},
    marking::{self, Current, Operations},
    order::Order,
    params::{EncodeParams, Invalid, Pps, Sps, SLICE_TYPE_I, SLICE_TYPE_P},
    reference::{Numbers, Reference, References},
    slice::{Deblocking, Picture},
};

pub use super::reference::MAX_DPB_FRAMES;

/// What the SPS that an IDR picture activates says about numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sequence {
    /// MaxFrameNum - 1.
    frame_num_mask: u16,
    /// MaxPicOrderCntLsb - 1 with pic_order_cnt_type 0; none with type 2.
    order_mask: Option<u16>,
    /// max_num_ref_frames.
    frames: u8,
}

impl Sequence {
    fn of(sps: &Sps) -> Result<Self, Invalid> {
        let mask = |log2_minus4: u8| match log2_minus4 {
            0..=12 => u16::MAX.checked_shr(12 - u32::from(log2_minus4)),
            _ => None,
        };
        let order_mask = mask(sps.log2_max_pic_order_cnt_lsb_minus4)
            .ok_or(Invalid("log2_max_pic_order_cnt_lsb_minus4"))?;
        if usize::from(sps.max_num_ref_frames) > MAX_DPB_FRAMES {
            return Err(Invalid("max_num_ref_frames"));
        }
        Ok(Self {
            frame_num_mask: mask(sps.log2_max_frame_num_minus4)
                .ok_or(Invalid("log2_max_frame_num_minus4"))?,
            order_mask: match sps.pic_order_cnt_type {
                0 => Some(order_mask),
                2 => None,
                _ => return Err(Invalid("pic_order_cnt_type")),
            },
            frames: sps.max_num_ref_frames,
        })
    }
}

/// The state between two pictures.
#[derive(Clone, Copy, Debug)]
pub struct Dpb {
    sequence: Option<Sequence>,
    references: References,
    prev_ref_frame_num: u16,
    order: Order,
    last_idr_pic_id: Option<u16>,
    /// Changes with the state, so that a plan is used on what it was made of; counts pictures.
    generation: u64,
    /// What it was of the pictures in the slots, as far as a difference tells.
    coded: [u32; SLOTS],
}

/// One more than there can be references.
const SLOTS: usize = MAX_DPB_FRAMES + 1;

/// What the next picture is to be.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its parameters. What they say about frame_num is ignored.
    pub params: &'a EncodeParams,
    /// Its references, and what becomes of them.
    pub references: &'a EncodeReferences,
    /// The adapted SPS. It takes effect where a sequence starts, and is ignored elsewhere.
    pub sps: &'a Sps,
    /// The adapted PPS.
    pub pps: &'a Pps,
    /// What the application calls it.
    pub timestamp: u64,
    /// References that the hardware can use for a picture.
    pub max_list0: u8,
}

/// A picture to come: what its headers say and which slots it uses.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The headers' part.
    pub picture: Picture,
    /// Slots of its references, in the order of RefPicList0; none of an I picture.
    pub list0: Few<u8, MAX_DPB_FRAMES>,
    /// How many pictures back the newest of its references is; 0 of an I picture.
    pub distance: u32,
    /// Slot that its reconstruction goes to; none when nothing will refer to it.
    pub reconstruction: Option<u8>,
    after: Dpb,
}

/// A plan that was made before another picture was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl Dpb {
    /// Empty: an IDR picture comes next.
    pub const fn new() -> Self {
        Self {
            sequence: None,
            references: References::new(),
            prev_ref_frame_num: 0,
            order: Order::new(),
            last_idr_pic_id: None,
            generation: 0,
            coded: [0; SLOTS],
        }
    }

    /// Forgets all pictures, for a new stream. The next idr_pic_id still differs from the last
    /// one: the new stream may be appended to the old one.
    pub fn clear(&mut self) {
        *self = Self {
            last_idr_pic_id: self.last_idr_pic_id,
            generation: self.generation.wrapping_add(1),
            ..Self::new()
        };
    }

    /// Slots that a stream with so many references needs: one more, for the picture being coded.
    ///
    /// An IDR picture that lowers the number is coded while the references before it are kept: a
    /// stream whose number changes needs those of the highest.
    pub fn slots(max_num_ref_frames: u8) -> usize {
        usize::from(max_num_ref_frames.max(1)).min(MAX_DPB_FRAMES) + 1
    }

    /// The references, with the newest first.
    pub fn references(&self) -> impl Iterator<Item = Reference> + '_ {
        self.references.iter()
    }

    /// The slot of that name.
    pub fn find(&self, timestamp: u64) -> Option<u8> {
        self.references()
            .find(|reference| reference.timestamp == Some(timestamp))
            .map(|reference| reference.slot)
    }

    /// Whether the picture that these parameters ask for becomes an IDR picture: also the first
    /// one, if it can be.
    pub fn starts_sequence(&self, params: &EncodeParams) -> bool {
        params.is_idr() || (self.sequence.is_none() && params.slice_type == SLICE_TYPE_I)
    }

    /// Plans the next picture.
    ///
    /// What the application says about frame_num and idr_pic_id is corrected, and so is a
    /// pic_order_cnt_lsb that would put the picture before one that is out already.
    pub fn plan(&self, asked: &Asked<'_>) -> Result<Plan, Invalid> {
        asked.params.validate()?;
        asked.references.validate()?;
        let params = asked.params.normalized();
        if params.nal_ref_idc > 3 {
            return Err(Invalid("nal_ref_idc"));
        }
        if params.slice_type != SLICE_TYPE_P && params.slice_type != SLICE_TYPE_I {
            return Err(Invalid("slice_type"));
        }
        let mut after = *self;
        after.generation = self.generation.wrapping_add(1);
        let mut plan = if self.starts_sequence(&params) {
            after.begin(asked, &params)?
        } else {
            after.go_on(asked, &params)?
        };
        let number = after.generation as u32;
        plan.distance = self.distance(&plan, number);
        let slot = plan.reconstruction.map(usize::from);
        if let Some(coded) = slot.and_then(|slot| after.coded.get_mut(slot)) {
            *coded = number;
        }
        plan.after = after;
        Ok(plan)
    }

    /// How many pictures before this one, which is the one of that number, its newest reference is.
    fn distance(&self, plan: &Plan, number: u32) -> u32 {
        let slots = plan.list0.iter();
        let coded = slots.filter_map(|slot| self.coded.get(usize::from(slot)));
        coded
            .map(|&coded| number.wrapping_sub(coded))
            .min()
            .unwrap_or(0)
    }

    /// A slot that no reference is in. Those of before an IDR picture count: it may fail, and then
    /// they stay.
    fn free_slot(&self) -> Result<u8, Invalid> {
        let is_free = |slot: &u8| self.references.iter().all(|r| r.slot != *slot);
        (0..SLOTS as u8)
            .find(is_free)
            .ok_or(Invalid("max_num_ref_frames"))
    }

    /// The state after an IDR picture.
    fn begin(&mut self, asked: &Asked<'_>, params: &EncodeParams) -> Result<Plan, Invalid> {
        let sequence = Sequence::of(asked.sps)?;
        let slot = self.free_slot()?;
        let current = Current {
            numbers: Numbers {
                frame_num: 0,
                mask: sequence.frame_num_mask,
            },
            slot,
            timestamp: asked.timestamp,
            frames: sequence.frames,
        };
        let long_term_reference = marking::mark_idr(
            &mut self.references,
            &current,
            asked.references,
            params.is_long_term_reference(),
        )?;
        // Clause 7.4.3: two IDR pictures in a row differ in it.
        let idr_pic_id = match self.last_idr_pic_id {
            Some(last) if last == params.idr_pic_id => last.wrapping_add(1),
            _ => params.idr_pic_id,
        };
        self.sequence = Some(sequence);
        self.prev_ref_frame_num = 0;
        self.last_idr_pic_id = Some(idr_pic_id);
        Ok(Plan {
            picture: Picture {
                nal_ref_idc: params.nal_ref_idc.max(1),
                idr: true,
                slice_type: params.slice_type,
                frame_num: 0,
                idr_pic_id,
                pic_order_cnt_lsb: self.order.restart(),
                no_output_of_prior_pics: params.flags & EncodeParams::NO_OUTPUT_OF_PRIOR_PICS != 0,
                long_term_reference,
                num_ref_idx_l0_active: 0,
                modifications: Few::new(),
                operations: Operations::new(),
                deblocking: Deblocking::of(params, asked.pps),
            },
            list0: Few::new(),
            distance: 0,
            reconstruction: Some(slot),
            after: *self,
        })
    }

    /// The state after any other picture.
    fn go_on(&mut self, asked: &Asked<'_>, params: &EncodeParams) -> Result<Plan, Invalid> {
        let sequence = self.sequence.ok_or(Invalid("slice_type"))?;
        let is_reference = params.nal_ref_idc != 0;
        let numbers = Numbers {
            // Clause 7.4.3: pictures that are no references do not count.
            frame_num: self.prev_ref_frame_num.wrapping_add(1) & sequence.frame_num_mask,
            mask: sequence.frame_num_mask,
        };
        let list = match (params.slice_type, sequence.frames) {
            (SLICE_TYPE_I, _) => List::default(),
            (_, 0) => return Err(Invalid("max_num_ref_frames")),
            _ => list::list0(
                &self.references,
                numbers,
                asked.references,
                params.num_ref_idx_l0_active(asked.pps),
                asked.max_list0,
            )?,
        };
        let pic_order_cnt_lsb =
            self.order
                .advance(sequence.order_mask, is_reference, params.pic_order_cnt_lsb)?;
        let mut operations = Operations::new();
        let reconstruction = if is_reference {
            let slot = self.free_slot()?;
            let current = Current {
                numbers,
                slot,
                timestamp: asked.timestamp,
                frames: sequence.frames,
            };
            operations = marking::mark(&mut self.references, &current, asked.references)?;
            self.prev_ref_frame_num = numbers.frame_num;
            Some(slot)
        } else {
            marking::mark_none(asked.references)?;
            None
        };
        Ok(Plan {
            picture: Picture {
                nal_ref_idc: params.nal_ref_idc,
                idr: false,
                slice_type: params.slice_type,
                frame_num: numbers.frame_num,
                idr_pic_id: 0,
                pic_order_cnt_lsb,
                no_output_of_prior_pics: false,
                long_term_reference: false,
                // Not more than there are references.
                num_ref_idx_l0_active: list.slots.len() as u8,
                modifications: list.modifications,
                operations,
                deblocking: Deblocking::of(params, asked.pps),
            },
            list0: list.slots,
            distance: 0,
            reconstruction,
            after: *self,
        })
    }

    /// The planned picture is coded.
    pub fn commit(&mut self, plan: &Plan) -> Result<(), Stale> {
        if plan.after.generation != self.generation.wrapping_add(1) {
            return Err(Stale);
        }
        *self = plan.after;
        Ok(())
    }
}

impl Default for Dpb {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_dpb))]
mod tests {
    use super::super::encode_references::Mark;
    use super::*;

    const SPS: Sps = Sps {
        log2_max_frame_num_minus4: 0,
        pic_order_cnt_type: 0,
        log2_max_pic_order_cnt_lsb_minus4: 0,
        ..Sps::DEFAULT
    };
    const IDR: EncodeParams = EncodeParams::DEFAULT;
    const P: EncodeParams = EncodeParams {
        slice_type: SLICE_TYPE_P,
        flags: 0,
        ..EncodeParams::DEFAULT
    };
    const UNUSED: EncodeParams = EncodeParams {
        nal_ref_idc: 0,
        ..P
    };
    /// Of which a test has no need when it has failed already.
    const NO_PLAN: Plan = Plan {
        picture: Picture {
            nal_ref_idc: 0,
            idr: false,
            slice_type: 9,
            frame_num: 0,
            idr_pic_id: 0,
            pic_order_cnt_lsb: 0,
            no_output_of_prior_pics: false,
            long_term_reference: false,
            num_ref_idx_l0_active: 0,
            modifications: Few::new(),
            operations: Few::new(),
            deblocking: Deblocking {
                disable_idc: 0,
                alpha_c0_offset_div2: 0,
                beta_offset_div2: 0,
            },
        },
        list0: Few::new(),
        distance: 0,
        reconstruction: None,
        after: Dpb::new(),
    };

    fn frames(max_num_ref_frames: u8) -> Sps {
        Sps {
            max_num_ref_frames,
            ..SPS
        }
    }

    fn asked<'a>(params: &'a EncodeParams, sps: &'a Sps, timestamp: u64) -> Asked<'a> {
        Asked {
            params,
            references: &EncodeReferences::DEFAULT,
            sps,
            pps: &Pps::DEFAULT,
            timestamp,
            max_list0: 1,
        }
    }

    fn code_asked(dpb: &mut Dpb, asked: &Asked<'_>) -> Plan {
        let plan = dpb.plan(asked);
        // The assertion ends a KUnit test as it does a cargo test.
        assert!(plan.is_ok());
        let plan = plan.unwrap_or(NO_PLAN);
        assert!(dpb.commit(&plan).is_ok());
        plan
    }

    fn code(dpb: &mut Dpb, params: &EncodeParams, sps: &Sps, timestamp: u64) -> Plan {
        code_asked(dpb, &asked(params, sps, timestamp))
    }

    fn refused(dpb: &Dpb, params: &EncodeParams, sps: &Sps, what: &'static str) -> bool {
        let plan = dpb.plan(&asked(params, sps, 0));
        plan.is_err_and(|invalid| invalid == Invalid(what))
    }

    fn only(plan: &Plan) -> Option<u8> {
        plan.list0.iter().next().filter(|_| plan.list0.len() == 1)
    }

    #[test]
    fn frame_num_counts_references_and_wraps() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &SPS, 0);
        for n in 1..40u16 {
            let params = EncodeParams {
                frame_num: 99,
                pic_order_cnt_lsb: n.wrapping_mul(2),
                ..P
            };
            let plan = code(&mut dpb, &params, &SPS, u64::from(n));
            assert_eq!(plan.picture.frame_num, n % 16);
            assert_eq!(plan.picture.pic_order_cnt_lsb, n * 2 % 16);
        }
    }

    #[test]
    fn the_longest_numbers_wrap_too() {
        let sps = Sps {
            log2_max_frame_num_minus4: 12,
            ..Sps::DEFAULT
        };
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &sps, 0);
        dpb.prev_ref_frame_num = u16::MAX - 1;
        assert_eq!(code(&mut dpb, &P, &sps, 1).picture.frame_num, u16::MAX);
        assert_eq!(code(&mut dpb, &P, &sps, 2).picture.frame_num, 0);
    }

    #[test]
    fn pictures_that_are_no_references_share_the_next_number() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &SPS, 0);
        let a = code(&mut dpb, &UNUSED, &SPS, 1);
        let b = code(&mut dpb, &UNUSED, &SPS, 2);
        let c = code(&mut dpb, &P, &SPS, 3);
        assert!(a.reconstruction.is_none() && b.reconstruction.is_none());
        for plan in [a, b, c] {
            assert_eq!(plan.picture.frame_num, 1);
            assert_eq!(only(&plan), Some(0));
        }
        assert_eq!(dpb.find(1), None);
        assert_eq!(dpb.find(3), c.reconstruction);
    }

    #[test]
    fn the_newest_reference_is_used_and_slots_alternate() {
        let mut dpb = Dpb::new();
        let mut last = code(&mut dpb, &IDR, &SPS, 0).reconstruction;
        for n in 1..10 {
            let plan = code(&mut dpb, &P, &SPS, n);
            assert_eq!(only(&plan), last);
            assert!(plan.reconstruction != last);
            assert!(plan
                .reconstruction
                .is_some_and(|slot| usize::from(slot) < Dpb::slots(1)));
            assert_eq!(dpb.find(n - 1), None);
            last = plan.reconstruction;
        }
    }

    #[test]
    fn the_window_slides_over_more_references() {
        let sps = frames(3);
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &sps, 100);
        for n in 101..120 {
            let plan = code(&mut dpb, &P, &sps, n);
            assert!(plan
                .reconstruction
                .is_some_and(|slot| usize::from(slot) < Dpb::slots(3)));
            assert_eq!(dpb.find(n), plan.reconstruction);
            assert_eq!(plan.distance, 1);
            assert!(n < 103 || dpb.find(n - 2).is_some());
            assert_eq!(dpb.find(n - 3), None);
        }
    }

    #[test]
    fn a_list_has_as_many_entries_as_asked_for() {
        let sps = frames(4);
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &sps, 0);
        for n in 1..5 {
            code(&mut dpb, &P, &sps, n);
        }
        let two_by_default = Pps {
            num_ref_idx_l0_default_active_minus1: 1,
            ..Pps::DEFAULT
        };
        let three = EncodeParams {
            flags: EncodeParams::NUM_REF_IDX_ACTIVE_OVERRIDE,
            num_ref_idx_l0_active_minus1: 2,
            ..P
        };
        let length = |params: &EncodeParams, max_list0| {
            let asked = Asked {
                pps: &two_by_default,
                max_list0,
                ..asked(params, &sps, 9)
            };
            dpb.plan(&asked).map_or(0, |plan| {
                assert_eq!(plan.list0.len(), plan.picture.num_ref_idx_l0_active.into());
                plan.list0.len()
            })
        };
        assert_eq!(length(&P, 4), 2);
        assert_eq!(length(&P, 1), 1);
        assert_eq!(length(&three, 4), 3);
        assert_eq!(length(&three, 2), 2);
    }

    #[test]
    fn a_long_term_reference_outlives_the_window() {
        let sps = frames(2);
        let mut dpb = Dpb::new();
        let long_term = EncodeParams {
            flags: EncodeParams::IDR_PIC | EncodeParams::LONG_TERM_REFERENCE,
            ..IDR
        };
        let idr = code(&mut dpb, &long_term, &sps, 50);
        assert!(idr.picture.long_term_reference);
        for n in 1..40 {
            let plan = code(&mut dpb, &P, &sps, n);
            assert!(plan.picture.operations.is_empty());
            assert_eq!(dpb.find(50), idr.reconstruction);
        }
        // The recovery: a picture that refers to nothing else.
        let mut named = EncodeReferences {
            flags: EncodeReferences::EXPLICIT,
            num_list0: 1,
            ..EncodeReferences::DEFAULT
        };
        named.list0[0] = 50;
        let recovery = code_asked(
            &mut dpb,
            &Asked {
                references: &named,
                ..asked(&P, &sps, 40)
            },
        );
        assert_eq!(only(&recovery), idr.reconstruction);
        assert_eq!(recovery.picture.modifications.len(), 1);
        // The one before is one back, and those that are no references count.
        assert_eq!(recovery.distance, 40);
        assert_eq!(code(&mut dpb, &UNUSED, &sps, 41).distance, 1);
        assert_eq!(code(&mut dpb, &P, &sps, 42).distance, 2);
        assert_eq!(code(&mut dpb, &IDR, &sps, 43).distance, 0);
    }

    #[test]
    fn a_failed_picture_leaves_no_trace() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &SPS, 0);
        let first = code(&mut dpb, &P, &SPS, 1);
        // An IDR picture that is planned and never committed: its slot is free.
        let failed = dpb.plan(&asked(&IDR, &SPS, 9)).unwrap_or(NO_PLAN);
        assert!(failed.picture.idr && failed.reconstruction != first.reconstruction);
        // One that cannot be planned.
        let mut impossible = EncodeReferences {
            num_marks: 1,
            ..EncodeReferences::DEFAULT
        };
        impossible.marks[0] = Mark {
            timestamp: 77,
            operation: Mark::UNUSED,
            ..Mark::NONE
        };
        let refused = dpb.plan(&Asked {
            references: &impossible,
            ..asked(&P, &SPS, 9)
        });
        assert!(refused.is_err());
        let next = code(&mut dpb, &P, &SPS, 2);
        assert_eq!(only(&next), first.reconstruction);
        assert_eq!(next.distance, 1);
        assert_eq!(next.picture.frame_num, 2);
        // The plan of the failed one is of no use any more.
        assert_eq!(dpb.commit(&failed), Err(Stale));
        assert_eq!(dpb.find(2), next.reconstruction);
    }

    #[test]
    fn consecutive_idr_pictures_differ() {
        let mut dpb = Dpb::new();
        let mut next = || code(&mut dpb, &IDR, &SPS, 0).picture.idr_pic_id;
        let (first, second, third) = (next(), next(), next());
        assert!(first != second && second != third);
        dpb.clear();
        let fourth = code(&mut dpb, &IDR, &SPS, 3);
        assert!(third != fourth.picture.idr_pic_id);
        let last = EncodeParams {
            idr_pic_id: u16::MAX,
            ..IDR
        };
        code(&mut dpb, &last, &SPS, 4);
        assert_eq!(code(&mut dpb, &last, &SPS, 5).picture.idr_pic_id, 0);
    }

    #[test]
    fn a_stream_starts_with_an_idr_picture() {
        let mut dpb = Dpb::new();
        assert!(refused(&dpb, &P, &SPS, "slice_type"));
        let intra = EncodeParams {
            nal_ref_idc: 0,
            flags: 0,
            ..IDR
        };
        let plan = code(&mut dpb, &intra, &SPS, 0);
        assert!(plan.picture.idr);
        assert_eq!(plan.picture.nal_ref_idc, 1);
        assert!(!code(&mut dpb, &intra, &SPS, 1).picture.idr);
        dpb.clear();
        assert!(refused(&dpb, &P, &SPS, "slice_type"));
    }

    #[test]
    fn a_name_that_is_given_again_moves() {
        let sps = frames(4);
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &sps, 7);
        let second = code(&mut dpb, &P, &sps, 7);
        assert_eq!(dpb.find(7), second.reconstruction);
        // A picture that is no reference has no name.
        code(&mut dpb, &UNUSED, &sps, 7);
        for n in 8..11 {
            code(&mut dpb, &P, &sps, n);
        }
        assert_eq!(dpb.find(7), second.reconstruction);
        code(&mut dpb, &P, &sps, 11);
        assert_eq!(dpb.find(7), None);
    }

    #[test]
    fn intra_only_streams_have_no_p_pictures() {
        let sps = frames(0);
        let mut dpb = Dpb::new();
        code(&mut dpb, &IDR, &sps, 0);
        assert!(refused(&dpb, &P, &sps, "max_num_ref_frames"));
        let intra = EncodeParams { flags: 0, ..IDR };
        for n in 1..5 {
            let plan = code(&mut dpb, &intra, &sps, n);
            assert!(plan
                .reconstruction
                .is_some_and(|slot| usize::from(slot) < Dpb::slots(0)));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut dpb = Dpb::new();
        assert!(refused(&dpb, &IDR, &frames(5), "max_num_ref_frames"));
        let typed = Sps {
            pic_order_cnt_type: 1,
            ..SPS
        };
        assert!(refused(&dpb, &IDR, &typed, "pic_order_cnt_type"));
        code(&mut dpb, &IDR, &SPS, 0);
        for slice_type in [1, 3, 4, 5, 255] {
            let other = EncodeParams { slice_type, ..P };
            assert!(refused(&dpb, &other, &SPS, "slice_type"));
        }
        let high = EncodeParams {
            nal_ref_idc: 4,
            ..P
        };
        assert!(refused(&dpb, &high, &SPS, "nal_ref_idc"));
    }
}
