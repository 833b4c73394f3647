// SPDX-License-Identifier: GPL-2.0

//! The scale that a codec's QPs are on.

/// A codec, as far as its quantizer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// H.264 and HEVC with 8 bits a sample (ITU-T H.264 clause 7.4.2.2, H.265 clause 7.4.9.14).
    Qp51,
    /// VP8's quantizer index (RFC 6386 section 9.6).
    Index127,
}

impl Scale {
    /// The coarsest value. The finest is 0.
    pub const fn max(self) -> i32 {
        match self {
            Self::Qp51 => 51,
            Self::Index127 => 127,
        }
    }

    /// Whether the codec has this value.
    pub fn contains(self, qp: i32) -> bool {
        (0..=self.max()).contains(&qp)
    }
}
