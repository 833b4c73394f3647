// SPDX-License-Identifier: GPL-2.0

//! Registers of BAR 0, as in Documentation/slenc/hardware.rst.
//!
//! What is the same in all generations is here; what they differ in is in memory, and in
//! [`crate::hal`].

use kernel::{
    io::register,
    prelude::*, //
};

/// Bytes of the BAR that have registers.
pub(crate) const END: usize = 0x40;

register! {
    /// Identification.
    pub(crate) ID(u32) @ 0x000 {
        31:0 id;
    }

    /// Generation and revision.
    pub(crate) VERSION(u32) @ 0x004 {
        /// Revisions of a generation differ in what was reserved.
        15:8 revision;
        7:0 generation;
    }

    /// Features, a bit each.
    pub(crate) CAPS(u32) @ 0x008 {
        /// Sums of squared errors are counted.
        11:11 sse => bool;
        /// A job that measures a source.
        10:10 pre_analysis => bool;
        /// In-frame control keeps to a maximum.
        9:9 hard_max => bool;
        /// In-frame control corrects QP at every row.
        8:8 rows => bool;
        /// In-frame control corrects QP at checkpoints.
        7:7 checkpoints => bool;
        /// Ranges of macroblocks can be forced to intra.
        6:6 forced_intra => bool;
        /// P pictures of skipped macroblocks, on demand.
        5:5 all_skip => bool;
        /// Slice headers are written from fields of the descriptor.
        4:4 header_fields => bool;
        /// Slice headers are bits that the driver gives.
        3:3 header_bits => bool;
        /// 8x8 transform and intra 8x8 prediction.
        2:2 transform_8x8 => bool;
        /// CABAC entropy coding.
        1:1 cabac => bool;
        /// CAVLC entropy coding.
        0:0 cavlc => bool;
    }

    /// Counts.
    pub(crate) LIMITS(u32) @ 0x00c {
        /// Checkpoints of in-frame control.
        31:24 checkpoints;
        /// Forced-intra ranges of one job.
        23:16 forced_intra;
        /// NAL units of one job.
        15:8 units;
        /// References of one picture.
        7:0 references;
    }

    /// Smallest picture, in luma samples.
    pub(crate) MIN_SIZE(u32) @ 0x010 {
        31:16 height;
        15:0 width;
    }

    /// Largest picture, in luma samples.
    pub(crate) MAX_SIZE(u32) @ 0x014 {
        31:16 height;
        15:0 width;
    }

    /// Source formats, a bit each.
    pub(crate) FORMATS(u32) @ 0x018 {
        31:0 formats;
    }

    /// Reset.
    pub(crate) CTRL(u32) @ 0x020 {
        /// Written 1: abandons the job and resets all registers. Reads as 1 until that is done.
        0:0 reset => bool;
    }

    /// Causes of the interrupt. A doorbell clears them.
    pub(crate) IRQ_STATUS(u32) @ 0x028 {
        /// A job ended without a result.
        2:2 descriptor_error => bool;
        /// A doorbell was ignored.
        1:1 doorbell_error => bool;
        /// A job ended, and its result says how.
        0:0 done => bool;
    }

    /// Causes that send the MSI.
    pub(crate) IRQ_ENABLE(u32) @ 0x02c {
        2:2 descriptor_error => bool;
        1:1 doorbell_error => bool;
        0:0 done => bool;
    }

    /// Bus address of the job descriptor, low half.
    pub(crate) DESC_ADDR_LO(u32) @ 0x030 {
        31:0 address;
    }

    /// Bus address of the job descriptor, high half.
    pub(crate) DESC_ADDR_HI(u32) @ 0x034 {
        31:0 address;
    }

    /// Starts the job at DESC_ADDR.
    pub(crate) DOORBELL(u32) @ 0x038 {
        /// Any value but 0. It comes back in the result block.
        31:0 tag;
    }
}

impl ID {
    /// "SLNC" in memory order.
    const SLNC: u32 = 0x434e_4c53;

    /// Whether this is the hardware that the manual describes.
    pub(crate) fn is_slenc(self) -> bool {
        self.into_raw() == Self::SLNC
    }

    /// Whether nothing answered.
    pub(crate) fn is_gone(self) -> bool {
        self.into_raw() == u32::MAX
    }
}

impl IRQ_STATUS {
    /// Whether nothing answered: most of the bits are reserved, and read as zero.
    pub(crate) fn is_gone(self) -> bool {
        self.into_raw() == u32::MAX
    }

    /// Whether the running job will not have a result.
    pub(crate) fn job_lost(self) -> bool {
        self.descriptor_error() || self.doorbell_error()
    }
}

impl IRQ_ENABLE {
    /// Everything that ends a job.
    pub(crate) fn all() -> Self {
        Self::zeroed()
            .with_descriptor_error(true)
            .with_doorbell_error(true)
            .with_done(true)
    }
}
