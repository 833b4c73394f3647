// SPDX-License-Identifier: GPL-2.0

//! What becomes of references after a picture: what the application wants, and what the slice
//! header says so that a decoder does the same (dec_ref_pic_marking(), H.264 clauses 7.3.3.3 and
//! 8.2.5).

use super::{
    encode_references::{EncodeReferences, Mark},
    few::Few,
    params::Invalid,
    reference::{Marked, Numbers, Reference, References, MAX_DPB_FRAMES},
};

/// A memory_management_control_operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// 1: a short-term reference is unused; difference_of_pic_nums_minus1.
    ShortTermUnused(u16),
    /// 2: a long-term reference is unused; long_term_pic_num.
    LongTermUnused(u8),
    /// 3: a short-term reference becomes a long-term one.
    LongTerm {
        /// difference_of_pic_nums_minus1.
        difference_of_pic_nums_minus1: u16,
        /// long_term_frame_idx.
        long_term_frame_idx: u8,
    },
    /// 4: long-term indices are below this; max_long_term_frame_idx_plus1.
    MaxLongTermFrameIdx(u8),
    /// 6: the picture becomes a long-term reference; long_term_frame_idx.
    CurrentLongTerm(u8),
}

/// Most operations of a picture: of each reference, that it becomes long-term and that it goes; and
/// one each of 4 and 6.
pub const MAX_OPERATIONS: usize = 2 * MAX_DPB_FRAMES + 2;

/// The operations of a picture; none is adaptive_ref_pic_marking_mode_flag 0: the sliding window.
pub type Operations = Few<Operation, MAX_OPERATIONS>;

/// A picture that becomes a reference.
#[derive(Clone, Copy, Debug)]
pub struct Current {
    /// Its number.
    pub numbers: Numbers,
    /// Where its reconstruction is.
    pub slot: u8,
    /// What the application calls it.
    pub timestamp: u64,
    /// max_num_ref_frames.
    pub frames: u8,
}

impl Current {
    /// The picture with its mark.
    fn marked(&self, long_term: Option<u8>) -> Reference {
        let frame_num = self.numbers.frame_num;
        Reference {
            slot: self.slot,
            timestamp: Some(self.timestamp),
            marked: match long_term {
                Some(frame_idx) => Marked::LongTerm { frame_idx },
                None => Marked::ShortTerm { frame_num },
            },
        }
    }

    /// References that there may be, this one included, clause 8.2.5.3.
    fn window(&self) -> usize {
        usize::from(self.frames.max(1)).min(MAX_DPB_FRAMES)
    }
}

const NO_ROOM: Invalid = Invalid("max_num_ref_frames");
const BAD_INDEX: Invalid = Invalid("long_term_frame_idx");
const BAD_MARK: Invalid = Invalid("marks");

/// After an IDR picture, which has long_term_reference_flag or not as the application wants it in
/// one of two ways: all others go. Says whether it has.
pub fn mark_idr(
    references: &mut References,
    current: &Current,
    wanted: &EncodeReferences,
    long_term_reference: bool,
) -> Result<bool, Invalid> {
    if !wanted.marks().is_empty() {
        return Err(BAD_MARK);
    }
    let long_term = wanted
        .becomes_long_term()
        .or(long_term_reference.then_some(0));
    // Clause 8.2.5.1: there is no other index then.
    if long_term.is_some_and(|index| index != 0 || current.frames == 0) {
        return Err(BAD_INDEX);
    }
    *references = References::new();
    references.max_long_term_frame_idx = long_term;
    references
        .insert(current.marked(long_term))
        .map_err(|_| NO_ROOM)?;
    Ok(long_term.is_some())
}

/// After a picture that is no reference: nothing happens, and nothing can be wanted.
pub fn mark_none(wanted: &EncodeReferences) -> Result<(), Invalid> {
    if !wanted.marks().is_empty() || wanted.becomes_long_term().is_some() {
        return Err(BAD_MARK);
    }
    Ok(())
}

/// After any other reference. A decoder that carries out the operations has the same references.
pub fn mark(
    references: &mut References,
    current: &Current,
    wanted: &EncodeReferences,
) -> Result<Operations, Invalid> {
    let mut marker = Marker {
        references,
        numbers: current.numbers,
        operations: Operations::new(),
    };
    let own = wanted.becomes_long_term();
    let indices = wanted.marks().iter().filter_map(Mark::becomes_long_term);
    if let Some(highest) = indices.chain(own).max() {
        marker.allow_long_term(highest, current.frames)?;
    }
    for mark in wanted.marks() {
        marker.carry_out(mark)?;
    }
    marker.make_room(current, own)?;
    marker.remove_aged()?;
    if let Some(index) = own {
        marker.references.free_index(index);
        marker.push(Operation::CurrentLongTerm(index))?;
    }
    let operations = marker.operations;
    references
        .insert(current.marked(own))
        .map_err(|_| NO_ROOM)?;
    Ok(operations)
}

/// Changes references and writes down how.
struct Marker<'a> {
    references: &'a mut References,
    numbers: Numbers,
    operations: Operations,
}

impl Marker<'_> {
    fn push(&mut self, operation: Operation) -> Result<(), Invalid> {
        self.operations.push(operation).map_err(|_| BAD_MARK)
    }

    /// Makes `highest` one of the long-term indices, clause 8.2.5.4.4. All that there is room for
    /// are allowed at once, which takes away none.
    fn allow_long_term(&mut self, highest: u8, frames: u8) -> Result<(), Invalid> {
        let last = frames
            .checked_sub(1)
            .filter(|&last| highest <= last)
            .ok_or(BAD_INDEX)?;
        let allowed = self.references.max_long_term_frame_idx;
        if allowed.is_none_or(|allowed| allowed < highest) {
            self.references.max_long_term_frame_idx = Some(last);
            self.push(Operation::MaxLongTermFrameIdx(frames))?;
        }
        Ok(())
    }

    fn carry_out(&mut self, mark: &Mark) -> Result<(), Invalid> {
        let reference = self.references.find(mark.timestamp).ok_or(BAD_MARK)?;
        match (mark.becomes_long_term(), reference.marked) {
            (None, _) => self.remove(reference),
            (Some(index), Marked::ShortTerm { frame_num }) => {
                self.references.free_index(index);
                let marked = Marked::LongTerm { frame_idx: index };
                self.references.mark(reference.slot, marked);
                let difference_of_pic_nums_minus1 = self.difference_minus1(frame_num);
                self.push(Operation::LongTerm {
                    difference_of_pic_nums_minus1,
                    long_term_frame_idx: index,
                })
            }
            (Some(_), Marked::LongTerm { .. }) => Err(BAD_MARK),
        }
    }

    fn remove(&mut self, reference: Reference) -> Result<(), Invalid> {
        self.references.remove(reference.slot);
        self.push(match reference.marked {
            Marked::ShortTerm { frame_num } => {
                Operation::ShortTermUnused(self.difference_minus1(frame_num))
            }
            Marked::LongTerm { frame_idx } => Operation::LongTermUnused(frame_idx),
        })
    }

    fn difference_minus1(&self, frame_num: u16) -> u16 {
        self.numbers.distance(frame_num).saturating_sub(1)
    }

    /// Removes the oldest short-term reference if the picture needs its place. A decoder does that
    /// by itself, but only if there are no operations.
    fn make_room(&mut self, current: &Current, own: Option<u8>) -> Result<(), Invalid> {
        // The one that had the picture's index goes anyway.
        let replaced = own.and_then(|index| self.references.long_term(index));
        let staying = self
            .references
            .iter()
            .filter(|r| replaced.is_none_or(|replaced| replaced.slot != r.slot))
            .count();
        if staying < current.window() {
            return Ok(());
        }
        let (oldest, _) = self
            .references
            .oldest_short_term(self.numbers)
            .ok_or(NO_ROOM)?;
        if own.is_none() && self.operations.is_empty() {
            self.references.remove(oldest.slot);
            Ok(())
        } else {
            self.remove(oldest)
        }
    }

    /// Removes the short-term reference whose frame_num is the next picture's: two would have the
    /// same (clause 7.4.3).
    fn remove_aged(&mut self) -> Result<(), Invalid> {
        match self.references.oldest_short_term(self.numbers) {
            Some((oldest, frame_num)) if frame_num == self.numbers.next() => self.remove(oldest),
            _ => Ok(()),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_marking))]
mod tests {
    use super::*;

    /// After an IDR picture in slot 0 and two short-term references, in slots 1 and 2.
    fn three() -> References {
        let mut references = References::new();
        let plain = EncodeReferences::DEFAULT;
        let started = mark_idr(&mut references, &current(0, 4), &plain, false);
        assert_eq!(started, Ok(false));
        for n in 1..3 {
            let next = mark(&mut references, &current(n, 4), &EncodeReferences::DEFAULT);
            assert!(next.is_ok_and(|operations| operations.is_empty()));
        }
        references
    }

    /// The picture of that frame_num, slot and name.
    fn current(n: u8, frames: u8) -> Current {
        Current {
            numbers: Numbers {
                frame_num: n.into(),
                mask: 15,
            },
            slot: n,
            timestamp: n.into(),
            frames,
        }
    }

    fn wanted(marks: &[(u64, u8, u8)], own: Option<u8>) -> EncodeReferences {
        let mut wanted = EncodeReferences {
            num_marks: marks.len() as u8,
            flags: own.map_or(0, |_| EncodeReferences::LONG_TERM),
            long_term_frame_idx: own.unwrap_or(0),
            ..EncodeReferences::DEFAULT
        };
        for (to, &(timestamp, operation, long_term_frame_idx)) in wanted.marks.iter_mut().zip(marks)
        {
            *to = Mark {
                timestamp,
                operation,
                long_term_frame_idx,
                ..Mark::NONE
            };
        }
        wanted
    }

    fn check(references: &mut References, n: u8, asked: &EncodeReferences, said: &[Operation]) {
        let got = mark(references, &current(n, 4), asked);
        assert!(got.is_ok_and(|operations| operations.iter().eq(said.iter().copied())));
    }

    fn slots(references: &References, slots: &[u8]) {
        assert!(references.iter().map(|r| r.slot).eq(slots.iter().copied()));
    }

    #[test]
    fn the_window_slides_without_a_word() {
        let mut references = three();
        for n in 3..10 {
            check(&mut references, n, &EncodeReferences::DEFAULT, &[]);
            slots(&references, &[n, n - 1, n - 2, n - 3]);
        }
    }

    #[test]
    fn references_go_when_the_application_says_so() {
        let mut references = three();
        let asked = wanted(&[(1, Mark::UNUSED, 0)], None);
        check(&mut references, 3, &asked, &[Operation::ShortTermUnused(1)]);
        slots(&references, &[3, 2, 0]);
        // It is not there any more.
        let refused = mark(&mut references, &current(4, 4), &asked);
        assert_eq!(refused, Err(BAD_MARK));
    }

    #[test]
    fn indices_are_allowed_once() {
        let mut references = three();
        let first = wanted(&[(0, Mark::LONG_TERM, 1)], None);
        check(
            &mut references,
            3,
            &first,
            &[
                Operation::MaxLongTermFrameIdx(4),
                Operation::LongTerm {
                    difference_of_pic_nums_minus1: 2,
                    long_term_frame_idx: 1,
                },
            ],
        );
        slots(&references, &[3, 2, 1, 0]);
        // Room is made with an operation when there are others.
        check(
            &mut references,
            4,
            &wanted(&[], Some(0)),
            &[Operation::ShortTermUnused(2), Operation::CurrentLongTerm(0)],
        );
        slots(&references, &[4, 3, 2, 0]);
        // Who has an index already gives it up, and its place.
        check(
            &mut references,
            5,
            &wanted(&[], Some(1)),
            &[Operation::CurrentLongTerm(1)],
        );
        slots(&references, &[5, 4, 3, 2]);
        let gone = wanted(&[(4, Mark::UNUSED, 0)], None);
        check(&mut references, 6, &gone, &[Operation::LongTermUnused(0)]);
        slots(&references, &[6, 5, 3, 2]);
    }

    #[test]
    fn long_term_references_can_fill_the_buffer() {
        let mut references = three();
        let all = wanted(
            &[
                (0, Mark::LONG_TERM, 0),
                (1, Mark::LONG_TERM, 1),
                (2, Mark::LONG_TERM, 2),
            ],
            Some(3),
        );
        assert!(mark(&mut references, &current(3, 4), &all).is_ok());
        let full = references;
        let refused = mark(&mut references, &current(4, 4), &EncodeReferences::DEFAULT);
        assert_eq!(refused, Err(NO_ROOM));
        // Not as one of them.
        let mut references = full;
        check(
            &mut references,
            4,
            &wanted(&[], Some(2)),
            &[Operation::CurrentLongTerm(2)],
        );
        slots(&references, &[4, 3, 1, 0]);
        // Nor when one goes.
        let mut references = full;
        check(
            &mut references,
            4,
            &wanted(&[(1, Mark::UNUSED, 0)], None),
            &[Operation::LongTermUnused(1)],
        );
        slots(&references, &[4, 3, 2, 0]);
    }

    #[test]
    fn no_two_have_the_same_number() {
        let mut references = three();
        // The newest but one goes each time: the IDR picture stays.
        for n in 3..15u8 {
            let last = u64::from(n) - 1;
            check(
                &mut references,
                n,
                &wanted(&[(last, Mark::UNUSED, 0)], None),
                &[Operation::ShortTermUnused(0)],
            );
        }
        slots(&references, &[14, 1, 0]);
        // After this one comes frame_num 0.
        check(
            &mut references,
            15,
            &EncodeReferences::DEFAULT,
            &[Operation::ShortTermUnused(14)],
        );
        slots(&references, &[15, 14, 1]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for asked in [
            wanted(&[(9, Mark::UNUSED, 0)], None),
            wanted(&[(9, Mark::LONG_TERM, 0)], None),
            wanted(&[(1, Mark::LONG_TERM, 4)], None),
            wanted(&[], Some(4)),
            // It is long-term by then; it is gone by then.
            wanted(&[(1, Mark::LONG_TERM, 0), (1, Mark::LONG_TERM, 1)], None),
            wanted(&[(1, Mark::UNUSED, 0), (1, Mark::UNUSED, 0)], None),
        ] {
            let mut references = three();
            assert!(mark(&mut references, &current(3, 4), &asked).is_err());
            assert_eq!(mark_none(&asked), Err(BAD_MARK));
            assert!(mark_idr(&mut references, &current(3, 4), &asked, false).is_err());
        }
        let plain = EncodeReferences::DEFAULT;
        assert!(mark_none(&plain).is_ok());
        // An intra-only stream has no long-term references.
        let mut references = References::new();
        assert!(mark_idr(&mut references, &current(0, 0), &plain, true).is_err());
        assert!(mark_idr(&mut references, &current(0, 0), &plain, false).is_ok());
        assert!(mark(&mut references, &current(1, 0), &wanted(&[], Some(0))).is_err());
        assert!(mark(&mut references, &current(1, 0), &plain).is_ok());
        assert_eq!(references.iter().count(), 1);
    }

    #[test]
    fn an_idr_picture_may_be_long_term() {
        for (asked, flag) in [
            (wanted(&[], Some(0)), false),
            (EncodeReferences::DEFAULT, true),
        ] {
            let mut references = three();
            assert_eq!(
                mark_idr(&mut references, &current(7, 4), &asked, flag),
                Ok(true)
            );
            slots(&references, &[7]);
            assert!(references.long_term(0).is_some());
            // Index 0 is allowed by that, and others have to be.
            check(
                &mut references,
                1,
                &wanted(&[], Some(1)),
                &[
                    Operation::MaxLongTermFrameIdx(4),
                    Operation::CurrentLongTerm(1),
                ],
            );
        }
        let one = wanted(&[], Some(1));
        assert!(mark_idr(&mut three(), &current(7, 4), &one, false).is_err());
    }
}
