// SPDX-License-Identifier: GPL-2.0

//! The references between two pictures, as a decoder has them: how each is marked (H.264 clause
//! 8.2.5.1) and numbered (8.2.4.1), and in which order a P picture finds them (8.2.4.2.1).

use super::few::Few;

/// Most references of a stream. Each takes memory for a whole picture.
pub const MAX_DPB_FRAMES: usize = 4;

/// How a reference is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// "Used for short-term reference".
    ShortTerm {
        /// FrameNum.
        frame_num: u16,
    },
    /// "Used for long-term reference".
    LongTerm {
        /// LongTermFrameIdx, which for frames is LongTermPicNum as well.
        frame_idx: u8,
    },
}

/// A reconstruction that pictures may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where it is.
    pub slot: u8,
    /// What the application calls it, as long as no later reference is called so.
    pub timestamp: Option<u64>,
    /// How it is marked.
    pub marked: Marked,
}

/// What the PicNum of short-term references is counted from: the picture that refers to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// frame_num of the picture; CurrPicNum.
    pub frame_num: u16,
    /// MaxFrameNum - 1: a mask, as MaxFrameNum is a power of two.
    pub mask: u16,
}

impl Numbers {
    /// PicNum of a short-term reference, clause 8.2.4.1: pictures with a higher number than this
    /// one come from before the last wrap.
    pub fn pic_num(&self, frame_num: u16) -> i32 {
        let number = i32::from(frame_num);
        if frame_num > self.frame_num {
            // Both are at most 65535.
            number - i32::from(self.mask) - 1
        } else {
            number
        }
    }

    /// How far PicNum of a short-term reference is below CurrPicNum: not 0, as no two have the
    /// same frame_num.
    pub fn distance(&self, frame_num: u16) -> u16 {
        self.frame_num.wrapping_sub(frame_num) & self.mask
    }

    /// frame_num of the picture after this one, if this one is a reference.
    pub fn next(&self) -> u16 {
        self.frame_num.wrapping_add(1) & self.mask
    }
}

/// All references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct References {
    /// Newest first.
    list: Few<Reference, MAX_DPB_FRAMES>,
    /// MaxLongTermFrameIdx; none is "no long-term frame indices".
    pub(super) max_long_term_frame_idx: Option<u8>,
}

impl References {
    /// None.
    pub const fn new() -> Self {
        Self {
            list: Few::new(),
            max_long_term_frame_idx: None,
        }
    }

    /// All of them, in coding order with the newest first.
    pub fn iter(&self) -> impl Iterator<Item = Reference> + '_ {
        self.list.iter()
    }

    /// The one of this name.
    pub fn find(&self, timestamp: u64) -> Option<Reference> {
        self.iter()
            .find(|reference| reference.timestamp == Some(timestamp))
    }

    /// The long-term reference of this index.
    pub fn long_term(&self, index: u8) -> Option<Reference> {
        let marked = Marked::LongTerm { frame_idx: index };
        self.iter().find(|reference| reference.marked == marked)
    }

    /// The short-term reference that the sliding window removes: that of the lowest PicNum.
    pub fn oldest_short_term(&self, numbers: Numbers) -> Option<(Reference, u16)> {
        self.iter()
            .filter_map(|reference| match reference.marked {
                Marked::ShortTerm { frame_num } => Some((reference, frame_num)),
                Marked::LongTerm { .. } => None,
            })
            .min_by_key(|(_, frame_num)| numbers.pic_num(*frame_num))
    }

    /// RefPicList0 of a P picture before it is modified: short-term references with PicNum
    /// descending, then long-term ones with LongTermPicNum ascending.
    pub fn initial_list(&self, numbers: Numbers) -> Few<Reference, MAX_DPB_FRAMES> {
        // No PicNum is 65536 or more off.
        let place = |reference: &Reference| match reference.marked {
            Marked::ShortTerm { frame_num } => numbers.pic_num(frame_num).wrapping_neg(),
            Marked::LongTerm { frame_idx } => i32::from(frame_idx) + 0x10_0000,
        };
        let mut list = Few::new();
        let mut last = i32::MIN;
        while let Some(next) = self.iter().filter(|r| place(r) > last).min_by_key(place) {
            last = place(&next);
            // There are no more of them than places.
            let _ = list.push(next);
        }
        list
    }

    /// Removes the one in this slot.
    pub(super) fn remove(&mut self, slot: u8) {
        self.list.retain(|reference| reference.slot != slot);
    }

    /// Removes the long-term reference of this index, if there is one.
    pub(super) fn free_index(&mut self, index: u8) {
        if let Some(holder) = self.long_term(index) {
            self.remove(holder.slot);
        }
    }

    /// Changes how the one in this slot is marked.
    pub(super) fn mark(&mut self, slot: u8, marked: Marked) {
        for reference in self.list.iter_mut().filter(|r| r.slot == slot) {
            reference.marked = marked;
        }
    }

    /// Adds the newest one, which takes over its name; or says that there is no place.
    pub(super) fn insert(&mut self, newest: Reference) -> Result<(), Reference> {
        self.list.push_front(newest)?;
        for older in self.list.iter_mut().skip(1) {
            if older.timestamp == newest.timestamp {
                older.timestamp = None;
            }
        }
        Ok(())
    }
}

impl Default for References {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_reference))]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers {
        frame_num: 2,
        mask: 15,
    };

    fn references(marked: [Marked; 4]) -> References {
        let mut references = References::new();
        for (slot, marked) in (0u8..).zip(marked) {
            let added = references.insert(Reference {
                slot,
                timestamp: Some(slot.into()),
                marked,
            });
            assert!(added.is_ok());
        }
        references
    }

    const MIXED: [Marked; 4] = [
        Marked::LongTerm { frame_idx: 2 },
        Marked::ShortTerm { frame_num: 15 },
        Marked::LongTerm { frame_idx: 0 },
        Marked::ShortTerm { frame_num: 1 },
    ];

    #[test]
    fn numbers_before_the_wrap_are_negative() {
        assert_eq!(NUMBERS.pic_num(1), 1);
        assert_eq!(NUMBERS.pic_num(15), -1);
        assert_eq!(NUMBERS.distance(1), 1);
        assert_eq!(NUMBERS.distance(15), 3);
        assert_eq!(NUMBERS.next(), 3);
        let last = Numbers {
            frame_num: u16::MAX,
            mask: u16::MAX,
        };
        assert_eq!(last.pic_num(0), 0);
        assert_eq!(last.distance(0), u16::MAX);
        assert_eq!(last.next(), 0);
        let first = Numbers {
            frame_num: 0,
            ..last
        };
        assert_eq!(first.pic_num(u16::MAX), -1);
        assert_eq!(first.pic_num(1), -65535);
    }

    #[test]
    fn short_term_references_come_first_and_descend() {
        let list = references(MIXED).initial_list(NUMBERS);
        assert!(list.iter().map(|r| r.slot).eq([3, 1, 2, 0]));
        let extremes = references([
            Marked::ShortTerm { frame_num: 1 },
            Marked::LongTerm { frame_idx: 15 },
            Marked::ShortTerm {
                frame_num: u16::MAX,
            },
            Marked::ShortTerm { frame_num: 0 },
        ]);
        let list = extremes.initial_list(Numbers {
            frame_num: 0,
            mask: u16::MAX,
        });
        assert!(list.iter().map(|r| r.slot).eq([3, 2, 0, 1]));
    }

    #[test]
    fn the_oldest_is_the_lowest_number() {
        let oldest = references(MIXED).oldest_short_term(NUMBERS);
        assert!(oldest.is_some_and(|(r, frame_num)| r.slot == 1 && frame_num == 15));
        let long = references([0, 1, 2, 3].map(|frame_idx| Marked::LongTerm { frame_idx }));
        assert!(long.oldest_short_term(NUMBERS).is_none());
    }

    #[test]
    fn a_name_moves_to_the_newest() {
        let mut references = references(MIXED);
        let newer = Reference {
            slot: 4,
            timestamp: Some(1),
            marked: Marked::ShortTerm { frame_num: 2 },
        };
        assert_eq!(references.insert(newer), Err(newer));
        assert!(references.find(1).is_some_and(|r| r.slot == 1));
        references.free_index(2);
        references.free_index(7);
        assert_eq!(references.iter().count(), 3);
        assert!(references.insert(newer).is_ok());
        assert_eq!(references.find(1), Some(newer));
        assert!(references
            .iter()
            .any(|r| r.slot == 1 && r.timestamp.is_none()));
        references.mark(4, Marked::LongTerm { frame_idx: 3 });
        assert!(references.long_term(3).is_some_and(|r| r.slot == 4));
        references.remove(4);
        assert!(references.find(1).is_none());
    }
}
