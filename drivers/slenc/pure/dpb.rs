// SPDX-License-Identifier: GPL-2.0

//! The decoded picture buffer as the encoder sees it: references, frame_num, idr_pic_id and
//! picture order count (H.264 clauses 7.4.3, 8.2.1 and 8.2.5.3).
//!
//! Reconstructions live in numbered slots. A picture is planned, coded, and then committed or
//! forgotten: one that fails enters no slot and advances nothing.

use super::{
    params::{EncodeParams, Invalid, Pps, Sps, SLICE_TYPE_I, SLICE_TYPE_P},
    slice::{Deblocking, Picture},
};

/// Most references of a stream, H.264 clause A.3.1.
pub const MAX_REFERENCES: usize = 16;

/// What the SPS that an IDR picture activates says about numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sequence {
    /// MaxFrameNum - 1: a mask, as MaxFrameNum is a power of two.
    frame_num_mask: u32,
    /// MaxPicOrderCntLsb - 1 with pic_order_cnt_type 0; None: output is in coding order (type 2).
    order_mask: Option<i64>,
    references: u8,
}

impl Sequence {
    fn of(sps: &Sps) -> Result<Self, Invalid> {
        let mask = |log2_minus4: u8| match log2_minus4 {
            0..=12 => Some((16u32 << log2_minus4) - 1),
            _ => None,
        };
        let order_mask = mask(sps.log2_max_pic_order_cnt_lsb_minus4)
            .ok_or(Invalid("log2_max_pic_order_cnt_lsb_minus4"))?;
        if usize::from(sps.max_num_ref_frames) > MAX_REFERENCES {
            return Err(Invalid("max_num_ref_frames"));
        }
        Ok(Self {
            frame_num_mask: mask(sps.log2_max_frame_num_minus4)
                .ok_or(Invalid("log2_max_frame_num_minus4"))?,
            order_mask: match sps.pic_order_cnt_type {
                0 => Some(i64::from(order_mask)),
                2 => None,
                _ => return Err(Invalid("pic_order_cnt_type")),
            },
            references: sps.max_num_ref_frames,
        })
    }
}

/// A reconstruction that pictures may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reference {
    slot: u8,
    /// What the application calls it. A later picture of the same name takes it over.
    timestamp: Option<u64>,
}

/// Picture order count of the picture before, and of the last one that is a reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Order {
    last: i64,
    reference: i64,
}

/// The state between two pictures.
#[derive(Clone, Copy, Debug)]
pub struct Dpb {
    sequence: Option<Sequence>,
    /// Newest first.
    references: [Option<Reference>; MAX_REFERENCES],
    prev_ref_frame_num: u32,
    order: Order,
    last_is_reference: bool,
    last_idr_pic_id: Option<u16>,
    /// Changes with the state, so that a plan is used on what it was made of.
    generation: u64,
}

/// A picture to come: what its headers say and which slots it uses.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The headers' part.
    pub picture: Picture,
    /// Slot that a P picture refers to: entry 0 of its list.
    pub reference: Option<u8>,
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
            references: [None; MAX_REFERENCES],
            prev_ref_frame_num: 0,
            order: Order {
                last: 0,
                reference: 0,
            },
            last_is_reference: false,
            last_idr_pic_id: None,
            generation: 0,
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
        usize::from(max_num_ref_frames.max(1)).min(MAX_REFERENCES) + 1
    }

    /// The newest live slot of that name.
    pub fn find(&self, timestamp: u64) -> Option<u8> {
        self.live()
            .find(|reference| reference.timestamp == Some(timestamp))
            .map(|reference| reference.slot)
    }

    /// Whether the picture that these parameters ask for becomes an IDR picture: also the first
    /// one, if it can be.
    pub fn starts_sequence(&self, params: &EncodeParams) -> bool {
        params.is_idr() || (self.sequence.is_none() && params.slice_type == SLICE_TYPE_I)
    }

    fn live(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().flatten()
    }

    /// Plans the next picture.
    ///
    /// `sps` is the adapted SPS; it takes effect where a sequence starts, and its numbering is
    /// ignored elsewhere. What the application says about frame_num and idr_pic_id is corrected,
    /// and so is a pic_order_cnt_lsb that would put the picture before one that is out already.
    pub fn plan(&self, params: &EncodeParams, sps: &Sps, pps: &Pps) -> Result<Plan, Invalid> {
        params.validate()?;
        let params = params.normalized();
        if params.nal_ref_idc > 3 {
            return Err(Invalid("nal_ref_idc"));
        }
        let inter = match params.slice_type {
            SLICE_TYPE_P => true,
            SLICE_TYPE_I => false,
            _ => return Err(Invalid("slice_type")),
        };
        let mut after = *self;
        let idr = self.starts_sequence(&params);
        if idr {
            after.start_sequence(Sequence::of(sps)?, params.idr_pic_id);
        }
        let sequence = after.sequence.ok_or(Invalid("slice_type"))?;
        let nal_ref_idc = if idr {
            params.nal_ref_idc.max(1)
        } else {
            params.nal_ref_idc
        };
        let is_reference = nal_ref_idc != 0;
        let frame_num = if idr {
            0
        } else {
            // Clause 7.4.3: pictures that are no references do not count.
            self.prev_ref_frame_num.wrapping_add(1) & sequence.frame_num_mask
        };
        let pic_order_cnt_lsb =
            after.advance_order(sequence, idr, is_reference, params.pic_order_cnt_lsb)?;
        let reference = match (inter, sequence.references) {
            (false, _) => None,
            (true, 0) => return Err(Invalid("max_num_ref_frames")),
            (true, _) => Some(self.live().next().ok_or(Invalid("slice_type"))?.slot),
        };
        // Not in use now: an IDR picture may fail, and then the old references stay.
        let reconstruction = if is_reference {
            let limit = u8::try_from(MAX_REFERENCES).unwrap_or(u8::MAX);
            let free = |&slot: &u8| self.live().all(|reference| reference.slot != slot);
            Some(
                (0..=limit)
                    .find(free)
                    .ok_or(Invalid("max_num_ref_frames"))?,
            )
        } else {
            None
        };
        if is_reference {
            after.prev_ref_frame_num = frame_num;
        }
        after.last_is_reference = is_reference;
        after.generation = self.generation.wrapping_add(1);
        Ok(Plan {
            picture: Picture {
                nal_ref_idc,
                idr,
                slice_type: params.slice_type,
                // Below MaxFrameNum, at most 65536.
                frame_num: frame_num as u16,
                idr_pic_id: if idr {
                    after.last_idr_pic_id.unwrap_or(0)
                } else {
                    0
                },
                pic_order_cnt_lsb,
                no_output_of_prior_pics: params.flags & EncodeParams::NO_OUTPUT_OF_PRIOR_PICS != 0,
                num_ref_idx_l0_active: u8::from(inter),
                deblocking: Deblocking::of(&params, pps),
            },
            reference,
            reconstruction,
            after,
        })
    }

    fn start_sequence(&mut self, sequence: Sequence, idr_pic_id: u16) {
        self.sequence = Some(sequence);
        self.references = [None; MAX_REFERENCES];
        self.prev_ref_frame_num = 0;
        self.order = Order::default();
        // Clause 7.4.3: two IDR pictures in a row differ in it.
        self.last_idr_pic_id = Some(if self.last_idr_pic_id == Some(idr_pic_id) {
            idr_pic_id.wrapping_add(1)
        } else {
            idr_pic_id
        });
    }

    /// Clause 8.2.1: the order of the picture, and its pic_order_cnt_lsb with type 0.
    fn advance_order(
        &mut self,
        sequence: Sequence,
        idr: bool,
        is_reference: bool,
        asked_lsb: u16,
    ) -> Result<u16, Invalid> {
        let Some(mask) = sequence.order_mask else {
            // Clause 7.4.2.1.1: with type 2 no two pictures in a row are no references.
            if !idr && !is_reference && !self.last_is_reference {
                return Err(Invalid("nal_ref_idc"));
            }
            return Ok(0);
        };
        let order = if idr {
            0
        } else {
            let last = self.order.last;
            let asked = i64::from(asked_lsb) & mask;
            [
                decoded_order(self.order.reference, asked, mask),
                last.saturating_add(2),
                last.saturating_add(1),
            ]
            .into_iter()
            .find(|&order| {
                // Pictures come out in coding order, and a decoder has to see the same order.
                order > last && decoded_order(self.order.reference, order & mask, mask) == order
            })
            .filter(|&order| order <= i64::from(i32::MAX))
            .ok_or(Invalid("pic_order_cnt_lsb"))?
        };
        self.order.last = order;
        if is_reference {
            self.order.reference = order;
        }
        // Below MaxPicOrderCntLsb, at most 65536.
        Ok((order & mask) as u16)
    }

    /// The planned picture is coded, and the application calls it `timestamp`.
    pub fn commit(&mut self, plan: &Plan, timestamp: u64) -> Result<(), Stale> {
        if plan.after.generation != self.generation.wrapping_add(1) {
            return Err(Stale);
        }
        *self = plan.after;
        let Some(slot) = plan.reconstruction else {
            return Ok(());
        };
        for reference in self.references.iter_mut().flatten() {
            if reference.timestamp == Some(timestamp) {
                reference.timestamp = None;
            }
        }
        // Clause 8.2.5.3, the sliding window: the oldest goes when there is no room.
        let window = self
            .sequence
            .map_or(1, |s| usize::from(s.references.max(1)));
        self.references.rotate_right(1);
        if let Some(newest) = self.references.first_mut() {
            *newest = Some(Reference {
                slot,
                timestamp: Some(timestamp),
            });
        }
        for old in self.references.iter_mut().skip(window) {
            *old = None;
        }
        Ok(())
    }
}

impl Default for Dpb {
    fn default() -> Self {
        Self::new()
    }
}

/// What a decoder takes for the order of a picture with this lsb, clause 8.2.1.1.
///
/// Orders are at most 2^31, so that nothing wraps, and `mask` is MaxPicOrderCntLsb - 1.
fn decoded_order(reference: i64, lsb: i64, mask: i64) -> i64 {
    let max_lsb = mask.wrapping_add(1);
    let half = max_lsb >> 1;
    let prev_lsb = reference & mask;
    let prev_msb = reference & !mask;
    let step = lsb.wrapping_sub(prev_lsb);
    let msb = if step <= half.wrapping_neg() {
        prev_msb.wrapping_add(max_lsb)
    } else if step > half {
        prev_msb.wrapping_sub(max_lsb)
    } else {
        prev_msb
    };
    msb.wrapping_add(lsb)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_dpb))]
mod tests {
    use super::*;

    const SPS: Sps = Sps {
        log2_max_frame_num_minus4: 0,
        pic_order_cnt_type: 0,
        log2_max_pic_order_cnt_lsb_minus4: 0,
        ..Sps::DEFAULT
    };
    const P: EncodeParams = EncodeParams {
        slice_type: SLICE_TYPE_P,
        flags: 0,
        ..EncodeParams::DEFAULT
    };

    fn code(dpb: &mut Dpb, params: &EncodeParams, sps: &Sps, timestamp: u64) -> Plan {
        let plan = dpb.plan(params, sps, &Pps::DEFAULT);
        assert!(plan.is_ok());
        // The assertion ends a KUnit test as it does a cargo test.
        let plan = plan.unwrap_or(Plan {
            picture: Picture {
                nal_ref_idc: 0,
                idr: false,
                slice_type: 9,
                frame_num: 0,
                idr_pic_id: 0,
                pic_order_cnt_lsb: 0,
                no_output_of_prior_pics: false,
                num_ref_idx_l0_active: 0,
                deblocking: Deblocking::default(),
            },
            reference: None,
            reconstruction: None,
            after: *dpb,
        });
        assert!(dpb.commit(&plan, timestamp).is_ok());
        plan
    }

    #[test]
    fn frame_num_counts_references_and_wraps() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        for n in 1..40u16 {
            let plan = code(
                &mut dpb,
                &EncodeParams {
                    frame_num: 99,
                    pic_order_cnt_lsb: n.wrapping_mul(2),
                    ..P
                },
                &SPS,
                u64::from(n),
            );
            assert_eq!(plan.picture.frame_num, n % 16);
            assert_eq!(plan.picture.pic_order_cnt_lsb, n * 2 % 16);
        }
    }

    #[test]
    fn pictures_that_are_no_references_share_the_next_number() {
        let mut dpb = Dpb::new();
        let unused = EncodeParams {
            nal_ref_idc: 0,
            ..P
        };
        code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        let a = code(&mut dpb, &unused, &SPS, 1);
        let b = code(&mut dpb, &unused, &SPS, 2);
        let c = code(&mut dpb, &P, &SPS, 3);
        assert!(a.reconstruction.is_none() && b.reconstruction.is_none());
        for plan in [a, b, c] {
            assert_eq!(plan.picture.frame_num, 1);
            assert_eq!(plan.reference, Some(0));
        }
        assert_eq!(dpb.find(1), None);
        assert_eq!(dpb.find(3), c.reconstruction);
    }

    #[test]
    fn the_newest_reference_is_used_and_slots_alternate() {
        let mut dpb = Dpb::new();
        let mut last = code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0).reconstruction;
        for n in 1..10 {
            let plan = code(&mut dpb, &P, &SPS, n);
            assert_eq!(plan.reference, last);
            assert!(plan.reconstruction != plan.reference);
            assert!(plan
                .reconstruction
                .is_some_and(|slot| usize::from(slot) < Dpb::slots(1)));
            assert_eq!(dpb.find(n - 1), None);
            last = plan.reconstruction;
        }
    }

    #[test]
    fn the_window_slides_over_more_references() {
        let sps = Sps {
            max_num_ref_frames: 3,
            ..SPS
        };
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &sps, 100);
        for n in 101..120 {
            let plan = code(&mut dpb, &P, &sps, n);
            assert!(plan
                .reconstruction
                .is_some_and(|slot| usize::from(slot) < Dpb::slots(3)));
            assert_eq!(dpb.find(n), plan.reconstruction);
            assert!(n < 103 || dpb.find(n - 2).is_some());
            assert_eq!(dpb.find(n - 3), None);
        }
    }

    #[test]
    fn a_failed_picture_leaves_no_trace() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        let first = code(&mut dpb, &P, &SPS, 1);
        // An IDR picture that is planned and never committed: its slot is free.
        let failed = dpb.plan(&EncodeParams::DEFAULT, &SPS, &Pps::DEFAULT);
        assert!(failed.is_ok_and(|plan| plan.reconstruction != first.reconstruction));
        let next = code(&mut dpb, &P, &SPS, 2);
        assert_eq!(next.reference, first.reconstruction);
        assert_eq!(next.picture.frame_num, 2);
        // The plan of the failed one is of no use any more.
        let stale = failed.map(|plan| dpb.commit(&plan, 9));
        assert_eq!(stale, Ok(Err(Stale)));
        assert_eq!(dpb.find(2), next.reconstruction);
    }

    #[test]
    fn consecutive_idr_pictures_differ() {
        let mut dpb = Dpb::new();
        let first = code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        let second = code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 1);
        let third = code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 2);
        assert!(first.picture.idr_pic_id != second.picture.idr_pic_id);
        assert!(second.picture.idr_pic_id != third.picture.idr_pic_id);
        dpb.clear();
        let fourth = code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 3);
        assert!(third.picture.idr_pic_id != fourth.picture.idr_pic_id);
        let last = EncodeParams {
            idr_pic_id: u16::MAX,
            ..EncodeParams::DEFAULT
        };
        code(&mut dpb, &last, &SPS, 4);
        assert_eq!(code(&mut dpb, &last, &SPS, 5).picture.idr_pic_id, 0);
    }

    #[test]
    fn a_stream_starts_with_an_idr_picture() {
        let mut dpb = Dpb::new();
        assert!(dpb.plan(&P, &SPS, &Pps::DEFAULT).is_err());
        let intra = EncodeParams {
            nal_ref_idc: 0,
            flags: 0,
            ..EncodeParams::DEFAULT
        };
        let plan = code(&mut dpb, &intra, &SPS, 0);
        assert!(plan.picture.idr);
        assert_eq!(plan.picture.nal_ref_idc, 1);
        assert!(!code(&mut dpb, &intra, &SPS, 1).picture.idr);
        dpb.clear();
        assert!(dpb.plan(&P, &SPS, &Pps::DEFAULT).is_err());
    }

    #[test]
    fn a_name_that_is_given_again_moves() {
        let sps = Sps {
            max_num_ref_frames: 4,
            ..SPS
        };
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &sps, 7);
        let second = code(&mut dpb, &P, &sps, 7);
        assert_eq!(dpb.find(7), second.reconstruction);
        code(&mut dpb, &P, &sps, 8);
        code(&mut dpb, &P, &sps, 9);
        code(&mut dpb, &P, &sps, 10);
        assert_eq!(dpb.find(7), second.reconstruction);
        code(&mut dpb, &P, &sps, 11);
        assert_eq!(dpb.find(7), None);
    }

    #[test]
    fn order_never_goes_back() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        let mut seen = 0;
        // Counting as it should be; a client that does not care; jumps, some of them backwards.
        let asked = [
            2, 4, 6, 0, 0, 0, 0, 0, 0, 0, 9, 3, 3, 15, 1, 8, 7, 6, 5, 200,
        ];
        for (n, pic_order_cnt_lsb) in asked.into_iter().enumerate() {
            let params = EncodeParams {
                pic_order_cnt_lsb,
                ..P
            };
            let plan = code(&mut dpb, &params, &SPS, n as u64);
            let lsb = i64::from(plan.picture.pic_order_cnt_lsb);
            let decoded = decoded_order(seen, lsb, 15);
            assert!(decoded > seen);
            seen = decoded;
        }
    }

    #[test]
    fn order_that_counts_on_is_kept() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        for n in 1..40u16 {
            let params = EncodeParams {
                pic_order_cnt_lsb: (n * 3) % 16,
                ..P
            };
            let plan = code(&mut dpb, &params, &SPS, u64::from(n));
            assert_eq!(plan.picture.pic_order_cnt_lsb, (n * 3) % 16);
        }
    }

    #[test]
    fn order_that_cannot_be_said_is_refused() {
        let mut dpb = Dpb::new();
        let unused = EncodeParams {
            nal_ref_idc: 0,
            ..P
        };
        code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        // MaxPicOrderCntLsb / 2 after the last reference is as far as it goes.
        let mut said = 0;
        while let Ok(plan) = dpb.plan(&unused, &SPS, &Pps::DEFAULT) {
            assert!(dpb.commit(&plan, 1).is_ok());
            said += 1;
            assert!(said < 10);
        }
        assert_eq!(said, 4);
    }

    #[test]
    fn coding_order_needs_a_reference_in_between() {
        let mut dpb = Dpb::new();
        let unused = EncodeParams {
            nal_ref_idc: 0,
            ..P
        };
        code(&mut dpb, &EncodeParams::DEFAULT, &Sps::DEFAULT, 0);
        code(&mut dpb, &unused, &Sps::DEFAULT, 1);
        assert!(dpb.plan(&unused, &Sps::DEFAULT, &Pps::DEFAULT).is_err());
        code(&mut dpb, &P, &Sps::DEFAULT, 2);
        code(&mut dpb, &unused, &Sps::DEFAULT, 3);
    }

    #[test]
    fn intra_only_streams_have_no_p_pictures() {
        let sps = Sps {
            max_num_ref_frames: 0,
            ..SPS
        };
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &sps, 0);
        assert!(dpb.plan(&P, &sps, &Pps::DEFAULT).is_err());
        let intra = EncodeParams {
            flags: 0,
            ..EncodeParams::DEFAULT
        };
        for n in 1..5 {
            let plan = code(&mut dpb, &intra, &sps, n);
            assert!(plan
                .reconstruction
                .is_some_and(|slot| usize::from(slot) < Dpb::slots(0)));
        }
    }

    #[test]
    fn other_slice_types_are_refused() {
        let mut dpb = Dpb::new();
        code(&mut dpb, &EncodeParams::DEFAULT, &SPS, 0);
        for slice_type in [1, 3, 4, 5, 255] {
            let other = EncodeParams { slice_type, ..P };
            assert!(dpb.plan(&other, &SPS, &Pps::DEFAULT).is_err());
        }
        let high = EncodeParams {
            nal_ref_idc: 4,
            ..P
        };
        assert!(dpb.plan(&high, &SPS, &Pps::DEFAULT).is_err());
    }
}
