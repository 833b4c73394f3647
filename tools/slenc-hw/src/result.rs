// SPDX-License-Identifier: GPL-2.0

//! The result block (`Documentation/slenc/hardware.rst`, *Result block*).

use slenc_engine::{
    Analysis,
    Stats, //
};

use crate::le::{
    put_u32,
    put_u64, //
};

/// Bytes of a result block.
pub const RESULT_SIZE: usize = 256;

/// Where the tag is: it is written last.
pub const TAG_OFFSET: usize = 0x004;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// The picture is coded.
    Ok = 1,
    /// A field is out of range or contradicts another.
    BadDescriptor = 2,
    /// A range is not mapped, or not writable.
    DmaFault = 3,
    /// The output was too small.
    OutputFull = 4,
    /// The hardware failed.
    Internal = 5,
}

/// A result block, but for its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultBlock {
    /// Raw value of [`Status`]; an injected fault may make it another.
    pub status: u32,
    /// Offset of the field of a bad descriptor.
    pub error_info: u32,
    /// First address that could not be accessed.
    pub error_addr: u64,
    /// What the engine counted when it coded.
    pub stats: Stats,
    /// What the engine found when it measured.
    pub analysis: Analysis,
    /// Time the job took, in nanoseconds.
    pub encode_ns: u64,
}

impl ResultBlock {
    /// A result without statistics.
    pub fn new(status: Status) -> Self {
        Self {
            status: status as u32,
            error_info: 0,
            error_addr: 0,
            stats: Stats::default(),
            analysis: Analysis::default(),
            encode_ns: 0,
        }
    }

    /// The block as the driver reads it, with a tag of zero.
    pub fn to_bytes(&self) -> [u8; RESULT_SIZE] {
        let mut out = [0; RESULT_SIZE];
        let (stats, analysis) = (&self.stats, &self.analysis);
        let sse = stats.sse.unwrap_or_default();
        let motion = analysis.motion.unwrap_or_default();
        let words = [
            (0x000, self.status),
            (0x008, stats.bytes),
            (0x00c, self.error_info),
            (0x018, stats.header_bits),
            (0x01c, stats.slice_data_bits),
            (0x020, stats.emulation_bytes),
            (0x024, stats.qp_sum),
            (0x028, stats.nonzero),
            (0x02c, stats.intra_mbs),
            (0x030, stats.skip_mbs),
            (0x034, stats.pcm_mbs),
            (0x098, motion.inter_mbs),
            (0x09c, stats.in_frame.forced_skips),
            (0x0a0, stats.in_frame.max_bits),
        ];
        for (at, value) in words {
            put_u32(&mut out, at, value);
        }
        let double_words = [
            (0x010, self.error_addr),
            (0x038, stats.sad_sum),
            (0x040, stats.mad_sum),
            (0x048, self.encode_ns),
            (0x058, sse[0]),
            (0x060, sse[1]),
            (0x068, sse[2]),
            (0x070, analysis.variance),
            (0x078, analysis.intra_cost),
            (0x080, motion.zero_sad),
            (0x088, motion.motion_sad),
            (0x090, motion.motion_cost),
        ];
        for (at, value) in double_words {
            put_u64(&mut out, at, value);
        }
        for (i, &bits) in stats.in_frame.checkpoint_bits.iter().enumerate() {
            put_u32(&mut out, 0x0b0 + 4 * i, bits);
        }
        out[0x050] = stats.qp_min;
        out[0x051] = stats.qp_max;
        out
    }
}

#[cfg(test)]
mod tests {
    use slenc_engine::{
        InFrameStats,
        MotionAnalysis, //
    };

    use super::*;

    #[test]
    fn layout_is_the_manuals() {
        let block = ResultBlock {
            status: 0x0101_0101,
            error_info: 0x0404_0404,
            error_addr: 0x0505_0505_0505_0505,
            stats: Stats {
                bytes: 0x0303_0303,
                header_bits: 0x0606_0606,
                slice_data_bits: 0x0707_0707,
                emulation_bytes: 0x0808_0808,
                qp_sum: 0x0909_0909,
                nonzero: 0x0a0a_0a0a,
                intra_mbs: 0x0b0b_0b0b,
                skip_mbs: 0x0c0c_0c0c,
                pcm_mbs: 0x0d0d_0d0d,
                sad_sum: 0x0e0e_0e0e_0e0e_0e0e,
                mad_sum: 0x0f0f_0f0f_0f0f_0f0f,
                qp_min: 0x11,
                qp_max: 0x12,
                sse: Some([
                    0x1313_1313_1313_1313,
                    0x1414_1414_1414_1414,
                    0x1515_1515_1515_1515,
                ]),
                in_frame: InFrameStats {
                    forced_skips: 0x1c1c_1c1c,
                    max_bits: 0x1d1d_1d1d,
                    max_raised: true,
                    checkpoint_bits: std::array::from_fn(|i| 0x0101_0101 * (0x1e + i as u32)),
                },
            },
            analysis: Analysis {
                variance: 0x1616_1616_1616_1616,
                intra_cost: 0x1717_1717_1717_1717,
                motion: Some(MotionAnalysis {
                    zero_sad: 0x1818_1818_1818_1818,
                    motion_sad: 0x1919_1919_1919_1919,
                    motion_cost: 0x1a1a_1a1a_1a1a_1a1a,
                    inter_mbs: 0x1b1b_1b1b,
                }),
            },
            encode_ns: 0x1010_1010_1010_1010,
        };
        let bytes = block.to_bytes();
        let expected: Vec<u8> = [
            (1, 4),
            (0, 4),
            (3, 4),
            (4, 4),
            (5, 8),
            (6, 4),
            (7, 4),
            (8, 4),
            (9, 4),
            (10, 4),
            (11, 4),
            (12, 4),
            (13, 4),
            (14, 8),
            (15, 8),
            (16, 8),
            (0x11, 1),
            (0x12, 1),
            (0, 6),
            (0x13, 8),
            (0x14, 8),
            (0x15, 8),
            (0x16, 8),
            (0x17, 8),
            (0x18, 8),
            (0x19, 8),
            (0x1a, 8),
            (0x1b, 4),
            (0x1c, 4),
            (0x1d, 4),
            (0, 12),
        ]
        .into_iter()
        .chain((0x1e..0x2e).map(|value| (value, 4)))
        .chain([(0, 16)])
        .flat_map(|(value, count)| std::iter::repeat_n(value, count))
        .collect();
        assert_eq!(bytes[..], expected[..]);
    }
}
