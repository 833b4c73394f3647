// SPDX-License-Identifier: GPL-2.0

//! A picture to code and what became of it, the same for every generation of the hardware.

use super::{
    dpb::MAX_DPB_FRAMES,
    in_frame::{Controlled, InFrame, Limits},
    params::{Invalid, Pps, Sps, SLICE_TYPE_I},
    slice::Picture,
    units::{self, Units},
};

/// How a source's samples lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// 4:2:0 with interleaved chroma, in one buffer or in two.
    Nv12,
    /// 4:2:0 in three planes, in one buffer or in three.
    Planar420,
    /// 4:2:2 packed, Y Cb Y Cr.
    Yuyv,
    /// 4:2:2 packed, Cb Y Cr Y.
    Uyvy,
}

impl SourceFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nv12, Self::Planar420, Self::Yuyv, Self::Uyvy];

    /// The number of the bit that stands for it in the register FORMATS.
    pub const fn number(self) -> u8 {
        match self {
            Self::Nv12 => 0,
            Self::Planar420 => 1,
            Self::Yuyv => 2,
            Self::Uyvy => 3,
        }
    }

    /// Number of planes with an address of their own.
    pub const fn planes(self) -> usize {
        match self {
            Self::Nv12 => 2,
            Self::Planar420 => 3,
            Self::Yuyv | Self::Uyvy => 1,
        }
    }

    /// Bytes of the samples of one line of a plane.
    pub const fn line_bytes(self, plane: usize, width: u32) -> u32 {
        match (self, plane) {
            (Self::Planar420, 1 | 2) => width.div_ceil(2),
            (Self::Yuyv | Self::Uyvy, _) => width.saturating_mul(2),
            _ => width,
        }
    }
}

/// A plane of a source picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plane {
    /// Bus address.
    pub address: u64,
    /// Bytes from line to line.
    pub stride: u32,
}

/// A source picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The format.
    pub format: SourceFormat,
    /// Samples in a line, even.
    pub width: u16,
    /// Lines, even.
    pub height: u16,
    /// Its planes; those that the format does not have are zero.
    pub planes: [Plane; 3],
}

/// Where coded data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Bus address.
    pub address: u64,
    /// Bytes available.
    pub size: u32,
}

/// Macroblocks in raster order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MbRange {
    /// The first one.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// A picture to code. All addresses are bus addresses.
pub struct PictureJob<'a> {
    /// What all its slice headers say.
    pub picture: &'a Picture,
    /// The SPS that it is coded with, adapted.
    pub sps: &'a Sps,
    /// The PPS that it is coded with, adapted.
    pub pps: &'a Pps,
    /// Luma QP of the slices, 0..51; without in-frame control, of every macroblock.
    pub qp: u8,
    /// cabac_init_idc, of a P picture with CABAC.
    pub cabac_init_idc: u8,
    /// Macroblock rows of each slice but the last one, which has the rest; at least one.
    pub slice_rows: u16,
    /// What to code. Nothing: every macroblock is skipped, and the picture repeats its reference.
    pub source: Option<Source>,
    /// Reconstructions that a P picture refers to: its reference list 0.
    pub references: &'a [u64],
    /// Where its reconstruction is written, if anything will refer to it.
    pub reconstruction: Option<u64>,
    /// Where coded data goes.
    pub output: Output,
    /// Macroblocks of a P picture that are coded as intra.
    pub forced_intra: &'a [MbRange],
    /// Rate control within the picture.
    pub in_frame: Option<&'a InFrame>,
    /// The NAL units that come before the slices, in stream order.
    pub units: &'a Units<'a>,
}

impl PictureJob<'_> {
    /// Coded width in macroblocks.
    pub fn width_mbs(&self) -> u16 {
        self.sps.pic_width_in_mbs_minus1.saturating_add(1)
    }

    /// Coded height in macroblocks.
    pub fn height_mbs(&self) -> u16 {
        self.sps.pic_height_in_map_units_minus1.saturating_add(1)
    }

    /// Number of macroblocks.
    pub fn macroblocks(&self) -> u32 {
        u32::from(self.width_mbs()) * u32::from(self.height_mbs())
    }

    /// What the result of the job has to agree with when its tag is `tag`, from hardware that is
    /// `able` to do it. No time has passed yet.
    pub fn expected(&self, tag: u32, able: &Capabilities) -> Expected {
        Expected {
            tag,
            elapsed_ns: 0,
            output_size: self.output.size,
            macroblocks: self.macroblocks(),
            intra: self.picture.slice_type == SLICE_TYPE_I,
            all_skip: self.source.is_none(),
            sse: able.sse && self.source.is_some(),
            in_frame: self.in_frame.map(InFrame::limits),
        }
    }
}

/// How a picture was coded; checked for what the hardware could have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Macroblocks of the picture.
    pub macroblocks: u32,
    /// Bytes of the access unit, at most the output's size.
    pub bytes: u32,
    /// Bits of start codes, whole units and slice headers.
    pub header_bits: u32,
    /// Bits of slice data and its trailing bits.
    pub slice_data_bits: u32,
    /// Emulation prevention bytes.
    pub emulation_bytes: u32,
    /// Sum of the QPs of all macroblocks, skipped ones with the QP they inherit.
    pub qp_sum: u32,
    /// Lowest QP of a macroblock.
    pub qp_min: u8,
    /// Highest QP of a macroblock.
    pub qp_max: u8,
    /// Nonzero transform coefficient levels.
    pub nonzero: u32,
    /// Intra macroblocks, I_PCM included.
    pub intra_mbs: u32,
    /// Skipped macroblocks.
    pub skip_mbs: u32,
    /// I_PCM macroblocks.
    pub pcm_mbs: u32,
    /// Sum of absolute differences of source and prediction, luma.
    pub sad: u64,
    /// Sum over macroblocks of the absolute differences of luma and its mean there.
    pub mad: u64,
    /// Sums of squared errors of Y, Cb and Cr, if they were counted.
    pub sse: Option<[u64; 3]>,
    /// What came of in-frame control, of a picture that had it.
    pub in_frame: Option<Controlled>,
    /// Time the job took, in nanoseconds. Of the hardware's clock, and not checked.
    pub encode_ns: u64,
}

impl Completion {
    /// Mean QP in 1/256, rounded to nearest.
    pub fn qp_mean_q8(&self) -> u32 {
        // 2^24 macroblocks of QP 51 would not fit; the largest level has 139264.
        let n = self.macroblocks.max(1);
        self.qp_sum.saturating_mul(256).saturating_add(n / 2) / n
    }
}

/// What a result has to agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The job's tag.
    pub tag: u32,
    /// Nanoseconds that have passed since the job was started.
    pub elapsed_ns: u64,
    /// Bytes that the output has.
    pub output_size: u32,
    /// Macroblocks of the picture.
    pub macroblocks: u32,
    /// No macroblock can be skipped.
    pub intra: bool,
    /// Every macroblock is skipped.
    pub all_skip: bool,
    /// Squared errors are counted.
    pub sse: bool,
    /// In-frame control, if it was asked for.
    pub in_frame: Option<Limits>,
}

/// Where a field is that the hardware refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// The descriptor.
    Descriptor,
    /// The unit table.
    Units,
    /// The in-frame control block.
    Control,
}

/// Why a job did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The result is another job's, or there is none.
    NotThisJob,
    /// The hardware refused a field of the descriptor, or of what that points to.
    BadDescriptor {
        /// Offset of the field.
        offset: u32,
        /// What it is an offset in.
        within: Within,
    },
    /// Memory that the hardware could not access.
    DmaFault {
        /// First such bus address.
        address: u64,
    },
    /// The output was too small.
    OutputFull,
    /// The hardware failed and has to be reset.
    Internal,
    /// A status that no manual knows.
    UnknownStatus(u32),
    /// A result that cannot be true.
    Implausible(&'static str),
}

/// What a generation of the hardware can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Generation, from 1.
    pub generation: u8,
    /// Its revision.
    pub revision: u8,
    /// Width and height of the smallest picture in samples.
    pub min_size: (u16, u16),
    /// Width and height of the largest picture in samples.
    pub max_size: (u16, u16),
    /// Source formats: a bit of each [`SourceFormat::number`].
    pub formats: u32,
    /// References of one picture.
    pub references: u8,
    /// NAL units of one job.
    pub units: u8,
    /// Ranges of macroblocks that are forced to intra.
    pub forced_intra: u8,
    /// P pictures of skipped macroblocks, on demand.
    pub all_skip: bool,
    /// CAVLC entropy coding.
    pub cavlc: bool,
    /// CABAC entropy coding.
    pub cabac: bool,
    /// 8x8 transform and intra 8x8 prediction.
    pub transform_8x8: bool,
    /// Slice headers are bits that the driver gives.
    pub header_bits: bool,
    /// Slice headers are written from fields of the descriptor.
    pub header_fields: bool,
    /// Sums of squared errors are counted.
    pub sse: bool,
    /// Checkpoints of in-frame control; 0 where there is no such control.
    pub checkpoints: u8,
    /// In-frame control corrects QP at every row, and not only at checkpoints.
    pub rows: bool,
    /// In-frame control keeps to a maximum.
    pub hard_max: bool,
    /// Sources can be measured before they are coded.
    pub pre_analysis: bool,
}

impl Capabilities {
    /// Those of generation 1, for tests.
    #[cfg(any(test, CONFIG_KUNIT = "y"))]
    pub const GEN1: Self = Self {
        generation: 1,
        revision: 0,
        min_size: (16, 16),
        max_size: (1920, 1088),
        formats: 0xf,
        references: 1,
        units: 64,
        forced_intra: 16,
        all_skip: true,
        cavlc: true,
        cabac: false,
        transform_8x8: false,
        header_bits: true,
        header_fields: false,
        sse: false,
        checkpoints: 16,
        rows: false,
        hard_max: false,
        pre_analysis: false,
    };

    /// Those of generation 2, for tests.
    #[cfg(any(test, CONFIG_KUNIT = "y"))]
    pub const GEN2: Self = Self {
        generation: 2,
        max_size: (4096, 2304),
        references: 4,
        units: 128,
        cabac: true,
        transform_8x8: true,
        header_bits: false,
        header_fields: true,
        sse: true,
        rows: true,
        hard_max: true,
        pre_analysis: true,
        ..Self::GEN1
    };

    /// Smallest limit of a length, in samples: a macroblock.
    const MIN_LENGTH: u16 = 16;
    /// Largest limit of a length, in samples. H.264 table A-1 allows longer ones, of pictures that
    /// are lower; below it no buffer size overflows.
    const MAX_LENGTH: u16 = 8192;
    /// Largest number of references, H.264 clause A.3.1.
    const MAX_REFERENCES: u8 = 16;
    /// NAL units of an access unit that are no slices: delimiter, parameter sets and SEI.
    pub const OTHER_UNITS: u16 = 4;

    /// Whether an encoder can be like this. The hardware is not trusted: formats, buffer sizes and
    /// jobs follow from what it says.
    pub fn check(&self) -> Result<(), Invalid> {
        // What is coded is whole macroblocks, and so a limit in between could not be reached.
        let limits = |min: u16, max: u16| {
            Self::MIN_LENGTH <= min
                && min <= max
                && max <= Self::MAX_LENGTH
                && min % 16 == 0
                && max % 16 == 0
        };
        if !limits(self.min_size.0, self.max_size.0) {
            Err(Invalid("width"))
        } else if !limits(self.min_size.1, self.max_size.1) {
            Err(Invalid("height"))
        } else if !SourceFormat::ALL.iter().any(|&f| self.supports(f)) {
            Err(Invalid("source_format"))
        } else if !(1..=Self::MAX_REFERENCES).contains(&self.references) {
            Err(Invalid("references"))
        } else if self.slices() == 0 {
            Err(Invalid("unit_count"))
        } else {
            Ok(())
        }
    }

    /// Entries of a reference list at most: there is memory for so many references.
    pub fn list0(&self) -> u8 {
        self.references.min(MAX_DPB_FRAMES as u8)
    }

    /// Slices of one picture at most: units that the others leave.
    pub fn slices(&self) -> u16 {
        u16::from(self.units).saturating_sub(Self::OTHER_UNITS)
    }

    /// Most bits of a P picture that only skips, without its headers, when the slices have at most so
    /// many macroblocks.
    pub fn skip_bits(&self, size_mbs: (u16, u16), max_slice_mbs: Option<u32>) -> u32 {
        let slices = self.slices_of(size_mbs, max_slice_mbs);
        let mbs = u32::from(size_mbs.0) * u32::from(size_mbs.1);
        // mb_skip_run has at most 35 bits, and the trailing bits are 8; the rest is for emulation
        // prevention, as with "HARD_MAX" in hardware.rst. CABAC takes a fraction of a bit a
        // macroblock, more of them before its contexts have adapted.
        let (slice, all) = if self.cabac { (400, mbs / 8) } else { (80, 0) };
        slices.saturating_mul(slice).saturating_add(all)
    }

    /// Bits that a macroblock of an I picture takes at the least, times 256, without headers, when
    /// the slices have at most so many macroblocks.
    pub fn intra_floor_q8(&self, size_mbs: (u16, u16), max_slice_mbs: Option<u32>) -> u32 {
        let slices = self.slices_of(size_mbs, max_slice_mbs);
        let mbs = u32::from(size_mbs.0) * u32::from(size_mbs.1);
        // "HARD_MAX" in hardware.rst: Intra_16x16 with DC prediction and nothing else has 8 bits with
        // CAVLC. CABAC takes less, once its contexts have adapted.
        let cavlc = u64::from(mbs) * 8 + u64::from(slices) * 60;
        let cabac = u64::from(mbs / 2) + u64::from(slices) * 1200;
        let floor = if self.cabac { cavlc.max(cabac) } else { cavlc };
        let floor_q8 = (floor * 256).div_ceil(u64::from(mbs.max(1)));
        floor_q8.try_into().unwrap_or(u32::MAX)
    }

    /// Slices of a picture.
    fn slices_of(&self, size_mbs: (u16, u16), max_slice_mbs: Option<u32>) -> u32 {
        let rows = units::slice_rows(size_mbs, max_slice_mbs, self.slices());
        u32::from(size_mbs.1).div_ceil(u32::from(rows.max(1)))
    }

    /// Whether pictures of this format can be a source.
    pub fn supports(&self, format: SourceFormat) -> bool {
        self.formats & (1 << format.number()) != 0
    }

    /// Whether pictures of so many macroblocks can be coded.
    pub fn check_size(&self, width_mbs: u16, height_mbs: u16) -> Result<(), Invalid> {
        let fits = |mbs: u16, min: u16, max: u16| {
            let samples = u32::from(mbs) * 16;
            (u32::from(min)..=u32::from(max)).contains(&samples)
        };
        if !fits(width_mbs, self.min_size.0, self.max_size.0) {
            Err(Invalid("width_mbs"))
        } else if !fits(height_mbs, self.min_size.1, self.max_size.1) {
            Err(Invalid("height_mbs"))
        } else {
            Ok(())
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_picture))]
mod tests {
    use super::*;

    #[test]
    fn mean_qp_is_rounded_to_nearest() {
        let c = Completion {
            macroblocks: 3,
            qp_sum: 80,
            ..Completion::default()
        };
        // 26.666 * 256 = 6826.67
        assert_eq!(c.qp_mean_q8(), 6827);
        assert_eq!(Completion::default().qp_mean_q8(), 0);
        let largest = Completion {
            macroblocks: 1,
            qp_sum: u32::MAX,
            ..Completion::default()
        };
        assert_eq!(largest.qp_mean_q8(), u32::MAX);
    }

    const GEN1: Capabilities = Capabilities::GEN1;

    #[test]
    fn an_encoder_that_can_be() {
        assert!(GEN1.check().is_ok());
        let least = Capabilities {
            max_size: (16, 16),
            formats: 0x8,
            units: 5,
            forced_intra: 0,
            all_skip: false,
            ..GEN1
        };
        assert!(least.check().is_ok());
        assert_eq!((least.slices(), GEN1.slices()), (1, 60));
        assert!(Capabilities::GEN2.check().is_ok());
        let most = Capabilities {
            max_size: (8192, 8192),
            formats: u32::MAX,
            references: 16,
            units: u8::MAX,
            ..GEN1
        };
        assert!(most.check().is_ok());
        assert_eq!((least.list0(), most.list0()), (1, 4));
    }

    #[test]
    fn skipping_takes_little() {
        // One slice; nine of them.
        assert_eq!(GEN1.skip_bits((11, 9), None), 80);
        assert_eq!(GEN1.skip_bits((11, 9), Some(11)), 9 * 80);
        assert_eq!(
            Capabilities::GEN2.skip_bits((256, 144), None),
            400 + 256 * 144 / 8
        );
        assert_eq!(GEN1.skip_bits((0, 0), Some(0)), 0);
    }

    #[test]
    fn intra_takes_something() {
        assert_eq!(GEN1.intra_floor_q8((16, 16), None), 256 * 8 + 60);
        assert_eq!(GEN1.intra_floor_q8((16, 16), Some(1)), 256 * 8 + 16 * 60);
        // What adaptation takes is much of a small picture.
        assert_eq!(Capabilities::GEN2.intra_floor_q8((1, 1), None), 1200 * 256);
        assert_eq!(
            Capabilities::GEN2.intra_floor_q8((256, 144), None),
            8 * 256 + 1
        );
        assert_eq!(GEN1.intra_floor_q8((0, 0), None), 0);
    }

    #[test]
    fn an_encoder_that_cannot_be() {
        let refused = |able: Capabilities, what| able.check() == Err(Invalid(what));
        for (min, max) in [
            // What reads as zeros, and as ones.
            (0, 0),
            (0, 1920),
            (16, 0),
            (u16::MAX, u16::MAX),
            (16, u16::MAX),
            (16, 8208),
            (1936, 1920),
            // No whole macroblocks.
            (2, 1920),
            (18, 1920),
            (16, 1081),
            (16, 1080),
        ] {
            let wide = Capabilities {
                min_size: (min, 16),
                max_size: (max, 1088),
                ..GEN1
            };
            assert!(refused(wide, "width"));
            let high = Capabilities {
                min_size: (16, min),
                max_size: (1920, max),
                ..GEN1
            };
            assert!(refused(high, "height"));
        }
        for formats in [0, 0x10, 0xffff_fff0] {
            assert!(refused(Capabilities { formats, ..GEN1 }, "source_format"));
        }
        for references in [0, 17, u8::MAX] {
            assert!(refused(Capabilities { references, ..GEN1 }, "references"));
        }
        for units in [0, 3] {
            assert!(refused(Capabilities { units, ..GEN1 }, "unit_count"));
        }
    }

    #[test]
    fn lines_of_each_format() {
        assert_eq!(SourceFormat::Nv12.line_bytes(1, 640), 640);
        assert_eq!(SourceFormat::Planar420.line_bytes(0, 640), 640);
        assert_eq!(SourceFormat::Planar420.line_bytes(2, 640), 320);
        assert_eq!(SourceFormat::Uyvy.line_bytes(0, 640), 1280);
    }
}
