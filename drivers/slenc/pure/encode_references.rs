// SPDX-License-Identifier: GPL-2.0

//! The control with which an application chooses references: byte for byte the structure of the
//! uAPI.
//!
//! C header: `linux/v4l2-stateless-encoder.h`, where the fields are described.

use super::params::Invalid;
use core::mem::size_of;

/// V4L2_H264_ENCODE_REFERENCES_MAX: entries of each list.
const ENTRIES: usize = 16;
/// Highest LongTermFrameIdx there is, H.264 clause 7.4.3.3: one less than the most references.
const MAX_LONG_TERM_FRAME_IDX: u8 = 15;

/// struct v4l2_h264_encode_mark.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Mark {
    pub timestamp: u64,
    pub operation: u8,
    pub long_term_frame_idx: u8,
    pub reserved: [u8; 6],
}

impl Mark {
    /// V4L2_H264_ENCODE_MARK_UNUSED.
    pub const UNUSED: u8 = 1;
    /// V4L2_H264_ENCODE_MARK_LONG_TERM.
    pub const LONG_TERM: u8 = 2;

    /// An entry that is not used.
    pub const NONE: Self = Self {
        timestamp: 0,
        operation: 0,
        long_term_frame_idx: 0,
        reserved: [0; 6],
    };

    /// The long-term index that the reference gets, if it becomes a long-term one.
    pub fn becomes_long_term(&self) -> Option<u8> {
        (self.operation == Self::LONG_TERM).then_some(self.long_term_frame_idx)
    }
}

/// struct v4l2_ctrl_h264_encode_references.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct EncodeReferences {
    pub list0: [u64; ENTRIES],
    pub marks: [Mark; ENTRIES],
    pub num_list0: u8,
    pub num_marks: u8,
    pub long_term_frame_idx: u8,
    pub reserved0: [u8; 5],
    pub flags: u32,
    pub reserved1: [u32; 29],
}

impl EncodeReferences {
    /// V4L2_H264_ENCODE_REFERENCES_FLAG_EXPLICIT.
    pub const EXPLICIT: u32 = 0x1;
    /// V4L2_H264_ENCODE_REFERENCES_FLAG_SUBSTITUTE.
    pub const SUBSTITUTE: u32 = 0x2;
    /// V4L2_H264_ENCODE_REFERENCES_FLAG_LONG_TERM.
    pub const LONG_TERM: u32 = 0x4;
    const FLAGS: u32 = Self::EXPLICIT | Self::SUBSTITUTE | Self::LONG_TERM;

    /// The newest references, and a sliding window.
    pub const DEFAULT: Self = Self {
        list0: [0; ENTRIES],
        marks: [Mark::NONE; ENTRIES],
        num_list0: 0,
        num_marks: 0,
        long_term_frame_idx: 0,
        reserved0: [0; 5],
        flags: 0,
        reserved1: [0; 29],
    };

    /// Names of the references, if the application names them.
    pub fn list0(&self) -> Option<&[u64]> {
        let names = self.list0.get(..usize::from(self.num_list0));
        names.filter(|_| self.flags & Self::EXPLICIT != 0)
    }

    /// Whether a name that no reference has stands for the newest one.
    pub fn may_substitute(&self) -> bool {
        self.flags & Self::SUBSTITUTE != 0
    }

    /// What becomes of references.
    pub fn marks(&self) -> &[Mark] {
        self.marks
            .get(..usize::from(self.num_marks))
            .unwrap_or_default()
    }

    /// The long-term index that the picture itself gets, if it becomes a long-term reference.
    pub fn becomes_long_term(&self) -> Option<u8> {
        (self.flags & Self::LONG_TERM != 0).then_some(self.long_term_frame_idx)
    }

    /// What setting the control checks; the rest is of the picture's time.
    pub fn validate(&self) -> Result<(), Invalid> {
        let explicit = self.flags & Self::EXPLICIT != 0;
        if self.flags & !Self::FLAGS != 0 {
            return Err(Invalid("flags"));
        }
        if self.reserved0 != [0; 5] || self.reserved1 != [0; 29] {
            return Err(Invalid("reserved"));
        }
        if usize::from(self.num_list0) > ENTRIES || (!explicit && self.num_list0 != 0) {
            return Err(Invalid("num_list0"));
        }
        if usize::from(self.num_marks) > ENTRIES {
            return Err(Invalid("num_marks"));
        }
        let own = self.becomes_long_term();
        if own.is_some_and(|index| index > MAX_LONG_TERM_FRAME_IDX) {
            return Err(Invalid("long_term_frame_idx"));
        }
        let mut names = self.list0().unwrap_or_default();
        while let Some((name, later)) = names.split_first() {
            if later.contains(name) {
                return Err(Invalid("list0"));
            }
            names = later;
        }
        for mark in self.marks() {
            if ![Mark::UNUSED, Mark::LONG_TERM].contains(&mark.operation) {
                return Err(Invalid("operation"));
            }
            let index = mark.becomes_long_term();
            if index.is_some_and(|index| index > MAX_LONG_TERM_FRAME_IDX) {
                return Err(Invalid("long_term_frame_idx"));
            }
            if mark.reserved != [0; 6] {
                return Err(Invalid("reserved"));
            }
        }
        Ok(())
    }

    /// The same with zeros where a field does not apply.
    pub fn normalized(&self) -> Self {
        let mut r = *self;
        let (names, marks) = (usize::from(r.num_list0), usize::from(r.num_marks));
        r.list0.iter_mut().skip(names).for_each(|name| *name = 0);
        for mark in r.marks.iter_mut().skip(marks) {
            *mark = Mark::NONE;
        }
        for mark in &mut r.marks {
            if mark.operation != Mark::LONG_TERM {
                mark.long_term_frame_idx = 0;
            }
        }
        if r.flags & Self::LONG_TERM == 0 {
            r.long_term_frame_idx = 0;
        }
        r
    }
}

const _: () = {
    assert!(size_of::<Mark>() == 16);
    assert!(size_of::<EncodeReferences>() == 512);
};

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_encode_references))]
mod tests {
    use super::*;

    const OK: EncodeReferences = EncodeReferences {
        num_list0: 2,
        list0: [7, 0, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        flags: EncodeReferences::EXPLICIT,
        ..EncodeReferences::DEFAULT
    };

    /// With one mark.
    fn marked(mark: Mark) -> EncodeReferences {
        let mut references = EncodeReferences {
            num_marks: 1,
            ..EncodeReferences::DEFAULT
        };
        references.marks[0] = mark;
        references
    }

    #[test]
    fn the_default_is_valid_and_normal() {
        assert!(EncodeReferences::DEFAULT.validate().is_ok());
        assert!(EncodeReferences::DEFAULT.normalized() == EncodeReferences::DEFAULT);
        assert!(EncodeReferences::DEFAULT.list0().is_none());
        assert!(EncodeReferences::DEFAULT.becomes_long_term().is_none());
    }

    #[test]
    fn names_may_be_any_but_only_once() {
        assert!(OK.validate().is_ok());
        assert!(OK.list0() == Some(&[7, 0][..]));
        for (num_list0, ok) in [(3, true), (4, false), (16, false), (17, false)] {
            let longer = EncodeReferences { num_list0, ..OK };
            assert_eq!(longer.validate().is_ok(), ok);
        }
        let unasked = EncodeReferences { flags: 0, ..OK };
        assert_eq!(unasked.validate(), Err(Invalid("num_list0")));
    }

    #[test]
    fn each_range_is_checked() {
        let base = EncodeReferences::DEFAULT;
        let mut late = base;
        late.reserved1[28] = 1;
        for bad in [
            EncodeReferences { flags: 8, ..base },
            EncodeReferences {
                reserved0: [0, 0, 0, 0, 1],
                ..base
            },
            late,
            EncodeReferences {
                num_marks: 17,
                ..base
            },
            // A mark that does nothing.
            EncodeReferences {
                num_marks: 1,
                ..base
            },
            EncodeReferences {
                flags: EncodeReferences::LONG_TERM,
                long_term_frame_idx: 16,
                ..base
            },
            marked(Mark {
                operation: 3,
                ..Mark::NONE
            }),
            marked(Mark {
                operation: Mark::LONG_TERM,
                long_term_frame_idx: 16,
                ..Mark::NONE
            }),
            marked(Mark {
                operation: Mark::UNUSED,
                reserved: [1; 6],
                ..Mark::NONE
            }),
        ] {
            assert!(bad.validate().is_err());
        }
    }

    #[test]
    fn limits_are_accepted() {
        let index = EncodeReferences {
            flags: EncodeReferences::LONG_TERM | EncodeReferences::SUBSTITUTE,
            long_term_frame_idx: 15,
            ..EncodeReferences::DEFAULT
        };
        assert!(index.validate().is_ok());
        assert_eq!(index.becomes_long_term(), Some(15));
        let mark = marked(Mark {
            operation: Mark::LONG_TERM,
            long_term_frame_idx: 15,
            ..Mark::NONE
        });
        assert!(mark.validate().is_ok());
        assert_eq!(mark.marks()[0].becomes_long_term(), Some(15));
    }

    #[test]
    fn what_does_not_apply_becomes_zero() {
        let normal = EncodeReferences {
            num_list0: 1,
            long_term_frame_idx: 200,
            ..OK
        }
        .normalized();
        assert!(normal.list0 == [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(normal.long_term_frame_idx, 0);
        let mut unused = marked(Mark {
            operation: Mark::UNUSED,
            long_term_frame_idx: 200,
            ..Mark::NONE
        });
        unused.marks[1].timestamp = 1;
        assert!(unused.validate().is_ok());
        let normal = unused.normalized();
        assert_eq!(normal.marks[0].long_term_frame_idx, 0);
        assert!(normal.marks[1] == Mark::NONE);
    }
}
