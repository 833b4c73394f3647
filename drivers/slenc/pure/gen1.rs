// SPDX-License-Identifier: GPL-2.0

//! Job descriptor, unit table and result block of the first generation, byte for byte as in
//! Documentation/slenc/hardware.rst.

use super::{
    params::{Invalid, SLICE_TYPE_I, SLICE_TYPE_P},
    picture::{Capabilities, Completion, Expected, Failure, PictureJob},
    units::{self, Kind, Unit, Units},
};

/// Bytes of a descriptor that the driver writes.
pub const DESCRIPTOR_BYTES: usize = 256;
/// Bytes of a result block, which follows.
pub const RESULT_BYTES: usize = 256;
/// Bytes of an entry of the unit table.
pub const UNIT_BYTES: usize = 32;
/// Ranges that the layout has room for.
const FORCED_INTRA_ENTRIES: usize = 16;

const LAYOUT: u32 = 1;
const OPERATION_ENCODE: u32 = 1;
const FLAG_ALL_SKIP: u32 = 1 << 0;
const FLAG_NO_RECON: u32 = 1 << 1;

const STATUS_OK: u32 = 1;
const STATUS_BAD_DESCRIPTOR: u32 = 2;
const STATUS_DMA_FAULT: u32 = 3;
const STATUS_OUTPUT_FULL: u32 = 4;
const STATUS_INTERNAL: u32 = 5;
/// In error_info: the offset is one in the unit table.
const ERROR_IN_UNITS: u32 = 1 << 31;

/// Bus addresses of what a job needs besides pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Header memory.
    pub headers: u64,
    /// Unit table.
    pub units: u64,
}

/// Puts little-endian fields one after the other.
struct Fields<'a> {
    rest: &'a mut [u8],
}

impl<'a> Fields<'a> {
    fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes }
    }

    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> &mut Self {
        if let Some((field, rest)) = core::mem::take(&mut self.rest).split_first_chunk_mut::<N>() {
            *field = bytes;
            self.rest = rest;
        }
        self
    }

    fn u8(&mut self, value: u8) -> &mut Self {
        self.put([value])
    }

    fn i8(&mut self, value: i8) -> &mut Self {
        self.put(value.to_le_bytes())
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.put(value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.put(value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.put(value.to_le_bytes())
    }
}

fn check(ok: bool, what: &'static str) -> Result<(), Invalid> {
    if ok {
        Ok(())
    } else {
        Err(Invalid(what))
    }
}

/// Whether the hardware has what this layout is for.
pub fn check_capabilities(able: &Capabilities) -> Result<(), Invalid> {
    check(able.cavlc, "entropy_coding_mode_flag")?;
    check(able.header_bits, "bits_length")
}

/// What the hardware would refuse, refused before it sees it.
fn check_job(job: &PictureJob<'_>, units: &Units<'_>, able: &Capabilities) -> Result<(), Invalid> {
    able.check_size(job.width_mbs(), job.height_mbs())?;
    check(job.qp <= 51, "qp")?;
    check(
        (-12..=12).contains(&job.pps.chroma_qp_index_offset),
        "chroma_qp_index_offset",
    )?;
    check(job.output.size != 0, "output_size")?;

    let inter = job.picture.slice_type == SLICE_TYPE_P;
    check(
        inter || job.picture.slice_type == SLICE_TYPE_I,
        "picture_type",
    )?;
    check(job.references.len() == usize::from(inter), "reference_addr")?;
    check(inter || job.forced_intra.is_empty(), "forced_intra_count")?;
    let ranges = usize::from(able.forced_intra).min(FORCED_INTRA_ENTRIES);
    check(job.forced_intra.len() <= ranges, "forced_intra_count")?;
    for range in job.forced_intra {
        let end = range.first.checked_add(range.count);
        check(
            range.count != 0 && end.is_some_and(|end| end <= job.macroblocks()),
            "forced_intra",
        )?;
    }

    match &job.source {
        None => {
            check(inter && able.all_skip, "flags")?;
            check(job.forced_intra.is_empty(), "forced_intra_count")?;
        }
        Some(source) => {
            check(able.supports(source.format), "source_format")?;
            let coded_as = |samples: u16, mbs: u16| {
                samples % 2 == 0 && samples.div_ceil(16) == mbs && samples != 0
            };
            check(coded_as(source.width, job.width_mbs()), "source_width")?;
            check(coded_as(source.height, job.height_mbs()), "source_height")?;
            for (n, plane) in source.planes.iter().enumerate() {
                if n < source.format.planes() {
                    let line = source.format.line_bytes(n, u32::from(source.width));
                    check(plane.stride >= line, "source_stride")?;
                } else {
                    check(plane.stride == 0 && plane.address == 0, "source_addr")?;
                }
            }
        }
    }
    check_units(job, units, able)
}

/// The unit table: within header memory, and slices that cover the picture in order.
fn check_units(
    job: &PictureJob<'_>,
    units: &Units<'_>,
    able: &Capabilities,
) -> Result<(), Invalid> {
    check(units.units().len() <= usize::from(able.units), "unit_count")?;
    let memory = units.bytes().len();
    let mut next_row = 0;
    for unit in units.units() {
        let end = unit.offset.checked_add(unit.bits.div_ceil(8));
        check(end.is_some_and(|end| end <= memory), "bits_offset")?;
        match unit.kind {
            Kind::Whole => check(unit.bits != 0 && unit.bits % 8 == 0, "bits_length")?,
            Kind::Slice { first_row, rows } => {
                check(unit.bits != 0, "bits_length")?;
                check(first_row == next_row && rows != 0, "first_row")?;
                next_row = first_row.checked_add(rows).ok_or(Invalid("rows"))?;
            }
        }
    }
    check(next_row == job.height_mbs(), "rows")
}

/// Adds the slices to `units`, which are those of `job` before, and fills a descriptor, all of it;
/// or says which field the hardware would refuse.
pub fn describe(
    job: &PictureJob<'_>,
    able: &Capabilities,
    memory: &Memory,
    units: &mut Units<'_>,
    descriptor: &mut [u8; DESCRIPTOR_BYTES],
) -> Result<(), units::Error> {
    units.push_slices(job.sps, job.pps, job.picture, job.qp, job.slices)?;
    check_job(job, units, able)?;
    descriptor.fill(0);
    let mut flags = 0;
    if job.source.is_none() {
        flags |= FLAG_ALL_SKIP;
    }
    if job.reconstruction.is_none() {
        flags |= FLAG_NO_RECON;
    }
    let source = job.source.as_ref();
    let format = source.map_or(0, |source| source.format.number());
    let (width, height) = source.map_or((0, 0), |source| (source.width, source.height));
    let planes = source.map_or_else(Default::default, |source| source.planes);
    // check_job() has seen that both counts and the size of header memory fit.
    let forced_count = u8::try_from(job.forced_intra.len()).unwrap_or(0);
    let unit_count = u16::try_from(units.units().len()).unwrap_or(0);
    let header_size = u32::try_from(units.bytes().len()).unwrap_or(0);

    let mut f = Fields::new(descriptor);
    f.u32(LAYOUT).u32(OPERATION_ENCODE).u32(flags);
    f.u8(job.picture.slice_type).u8(job.qp);
    f.i8(job.pps.chroma_qp_index_offset).u8(format);
    f.u16(job.width_mbs()).u16(job.height_mbs());
    f.u16(width).u16(height);
    let deblocking = &job.picture.deblocking;
    f.u8(deblocking.disable_idc);
    f.i8(deblocking.alpha_c0_offset_div2);
    f.i8(deblocking.beta_offset_div2);
    f.u8(forced_count);
    f.u16(unit_count).u16(0);
    for plane in &planes {
        f.u32(plane.stride);
    }
    f.u32(0);
    for plane in &planes {
        f.u64(plane.address);
    }
    f.u64(job.references.first().copied().unwrap_or(0));
    f.u64(job.reconstruction.unwrap_or(0));
    f.u64(job.output.address).u32(job.output.size);
    f.u32(header_size).u64(memory.headers);
    f.u64(memory.units).u64(0);
    for range in job.forced_intra {
        f.u32(range.first).u32(range.count);
    }
    Ok(())
}

/// One entry of the unit table.
pub fn describe_unit(unit: &Unit) -> [u8; UNIT_BYTES] {
    let mut entry = [0; UNIT_BYTES];
    let (kind, first_row, rows) = match unit.kind {
        Kind::Whole => (0, 0, 0),
        Kind::Slice { first_row, rows } => (1, first_row, rows),
    };
    // Header memory is some kilobytes.
    let offset = u32::try_from(unit.offset).unwrap_or(u32::MAX);
    let bits = u32::try_from(unit.bits).unwrap_or(u32::MAX);
    let mut f = Fields::new(&mut entry);
    f.u8(kind).u8(unit.start_code).u16(0);
    f.u32(offset).u32(bits).u16(first_row).u16(rows);
    entry
}

/// Takes little-endian fields one after the other; behind the end all are 0.
struct Block<'a> {
    rest: &'a [u8],
}

impl Block<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.rest = rest;
                *field
            }
            None => [0; N],
        }
    }

    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// Reads a result block. The hardware is not trusted: what it says has to be possible.
pub fn parse_result(
    block: &[u8; RESULT_BYTES],
    expected: &Expected,
) -> Result<Completion, Failure> {
    let mut b = Block { rest: block };
    let status = b.u32();
    if b.u32() != expected.tag {
        return Err(Failure::NotThisJob);
    }
    let bytes = b.u32();
    let error_info = b.u32();
    let address = b.u64();
    match status {
        STATUS_OK => {}
        STATUS_BAD_DESCRIPTOR => {
            return Err(Failure::BadDescriptor {
                offset: error_info & !ERROR_IN_UNITS,
                in_units: error_info & ERROR_IN_UNITS != 0,
            })
        }
        STATUS_DMA_FAULT => return Err(Failure::DmaFault { address }),
        STATUS_OUTPUT_FULL => return Err(Failure::OutputFull),
        STATUS_INTERNAL => return Err(Failure::Internal),
        other => return Err(Failure::UnknownStatus(other)),
    }
    let done = Completion {
        macroblocks: expected.macroblocks,
        bytes,
        header_bits: b.u32(),
        slice_data_bits: b.u32(),
        emulation_bytes: b.u32(),
        qp_sum: b.u32(),
        nonzero: b.u32(),
        intra_mbs: b.u32(),
        skip_mbs: b.u32(),
        pcm_mbs: b.u32(),
        sad: b.u64(),
        mad: b.u64(),
        encode_ns: b.u64(),
        qp_min: b.u8(),
        qp_max: b.u8(),
    };
    match implausible(&done, expected) {
        None => Ok(done),
        Some(what) => Err(Failure::Implausible(what)),
    }
}

/// The field that cannot be true, if there is one.
fn implausible(done: &Completion, expected: &Expected) -> Option<&'static str> {
    let mbs = u64::from(expected.macroblocks);
    let bits = u64::from(done.header_bits)
        + u64::from(done.slice_data_bits)
        + u64::from(done.emulation_bytes) * 8;
    let qps = mbs * u64::from(done.qp_min)..=mbs * u64::from(done.qp_max);
    // Luma of a macroblock: 256 samples, each at most 255 off.
    let largest_difference = mbs * 256 * 255;
    let checks = [
        (
            done.bytes != 0 && done.bytes <= expected.output_size,
            "bytes",
        ),
        (bits <= u64::from(done.bytes) * 8, "header_bits"),
        (done.qp_min <= done.qp_max && done.qp_max <= 51, "qp_max"),
        (qps.contains(&u64::from(done.qp_sum)), "qp_sum"),
        (u64::from(done.nonzero) <= mbs * 384, "nonzero"),
        (
            u64::from(done.intra_mbs) + u64::from(done.skip_mbs) <= mbs,
            "intra_mbs",
        ),
        (
            !expected.intra || u64::from(done.intra_mbs) == mbs,
            "skip_mbs",
        ),
        (done.pcm_mbs <= done.intra_mbs, "pcm_mbs"),
        (done.sad <= largest_difference, "sad_sum"),
        (done.mad <= largest_difference, "mad_sum"),
    ];
    checks
        .into_iter()
        .find(|(possible, _)| !possible)
        .map(|(_, what)| what)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_gen1))]
mod tests {
    use super::super::{
        params::{Pps, Sps},
        picture::{MbRange, Output, Plane, Source, SourceFormat},
        slice::{Deblocking, Picture},
        units::Units,
    };
    use super::*;

    const GEN1: Capabilities = Capabilities::GEN1;
    const MEMORY: Memory = Memory {
        headers: 0x1_0000_1000,
        units: 0x1_0000_2000,
    };
    const SPS: Sps = Sps {
        pic_width_in_mbs_minus1: 3,
        pic_height_in_map_units_minus1: 2,
        ..Sps::DEFAULT
    };
    const PPS: Pps = Pps {
        chroma_qp_index_offset: -3,
        ..Pps::DEFAULT
    };
    const PICTURE: Picture = Picture {
        nal_ref_idc: 1,
        idr: false,
        slice_type: SLICE_TYPE_P,
        frame_num: 1,
        idr_pic_id: 0,
        pic_order_cnt_lsb: 0,
        no_output_of_prior_pics: false,
        num_ref_idx_l0_active: 1,
        deblocking: Deblocking {
            disable_idc: 2,
            alpha_c0_offset_div2: -2,
            beta_offset_div2: 5,
        },
    };
    const SOURCE: Source = Source {
        format: SourceFormat::Nv12,
        width: 50,
        height: 48,
        planes: [
            Plane {
                address: 0x2_0000_0001,
                stride: 64,
            },
            Plane {
                address: 0x2_0000_1001,
                stride: 50,
            },
            Plane {
                address: 0,
                stride: 0,
            },
        ],
    };

    fn job<'a>(units: &'a Units<'a>) -> PictureJob<'a> {
        PictureJob {
            picture: &PICTURE,
            sps: &SPS,
            pps: &PPS,
            qp: 30,
            slices: 3,
            source: Some(SOURCE),
            references: &[0x3_0000_0000],
            reconstruction: Some(0x4_0000_0000),
            output: Output {
                address: 0x5_0000_0000,
                size: 4096,
            },
            forced_intra: &[],
            units,
        }
    }

    /// Runs `check` with the units that come before the slices: a PPS.
    fn with_units(check: impl FnOnce(&Units<'_>)) {
        let (mut bytes, mut entries) = ([0; 16], [Unit::EMPTY]);
        let mut units = Units::new(&mut bytes, &mut entries, true);
        assert!(units.push_pps(&PPS).is_ok());
        check(&units);
    }

    /// Describes a job of a few slices, and runs `check` with its units.
    fn described(
        job: &PictureJob<'_>,
        able: &Capabilities,
        check: impl FnOnce(&[u8; DESCRIPTOR_BYTES], &Units<'_>),
    ) -> Result<(), units::Error> {
        let (mut bytes, mut entries) = ([0; 128], [Unit::EMPTY; 5]);
        let mut units = Units::after(job.units, &mut bytes, &mut entries)?;
        let mut descriptor = [0xff; DESCRIPTOR_BYTES];
        describe(job, able, &MEMORY, &mut units, &mut descriptor)?;
        check(&descriptor, &units);
        Ok(())
    }

    /// Whether a job is refused for what it is.
    fn refused(job: PictureJob<'_>) -> bool {
        matches!(
            described(&job, &GEN1, |_, _| ()),
            Err(units::Error::Invalid(_))
        )
    }

    fn u32_at(bytes: &[u8], at: usize) -> u32 {
        Block {
            rest: bytes.get(at..).unwrap_or_default(),
        }
        .u32()
    }

    fn u64_at(bytes: &[u8], at: usize) -> u64 {
        Block {
            rest: bytes.get(at..).unwrap_or_default(),
        }
        .u64()
    }

    #[test]
    fn fields_are_where_the_manual_says() {
        with_units(|units| {
            let ranges = [
                MbRange { first: 1, count: 2 },
                MbRange { first: 7, count: 5 },
            ];
            let job = PictureJob {
                forced_intra: &ranges,
                ..job(units)
            };
            let done = described(&job, &GEN1, |d, units| {
                assert_eq!(u32_at(d, 0x00), 1);
                assert_eq!(u32_at(d, 0x04), 1);
                assert_eq!(u32_at(d, 0x08), 0);
                assert!(d[0x0c..0x10] == [0, 30, 0xfd, 0][..]);
                assert_eq!(u32_at(d, 0x10), (3 << 16) | 4);
                assert_eq!(u32_at(d, 0x14), (48 << 16) | 50);
                assert!(d[0x18..0x1c] == [2, 0xfe, 5, 2][..]);
                assert_eq!(u32_at(d, 0x1c), 4);
                assert_eq!(u32_at(d, 0x20), 64);
                assert_eq!(u32_at(d, 0x24), 50);
                assert_eq!(u64_at(d, 0x28), 0);
                assert_eq!(u64_at(d, 0x30), 0x2_0000_0001);
                assert_eq!(u64_at(d, 0x38), 0x2_0000_1001);
                assert_eq!(u64_at(d, 0x40), 0);
                assert_eq!(u64_at(d, 0x48), 0x3_0000_0000);
                assert_eq!(u64_at(d, 0x50), 0x4_0000_0000);
                assert_eq!(u64_at(d, 0x58), 0x5_0000_0000);
                assert_eq!(u32_at(d, 0x60), 4096);
                assert_eq!(u32_at(d, 0x64) as usize, units.bytes().len());
                assert_eq!(u64_at(d, 0x68), MEMORY.headers);
                assert_eq!(u64_at(d, 0x70), MEMORY.units);
                assert_eq!(u64_at(d, 0x78), 0);
                assert_eq!(u64_at(d, 0x80), (2 << 32) | 1);
                assert_eq!(u64_at(d, 0x88), (5 << 32) | 7);
                assert!(d[0x90..].iter().all(|&byte| byte == 0));
            });
            assert!(done.is_ok());
        });
    }

    #[test]
    fn slices_come_after_the_other_units() {
        with_units(|units| {
            let done = described(&job(units), &GEN1, |_, all| {
                assert!(all.units().first() == units.units().first());
                let slice = |n: usize| all.units().get(n).copied().unwrap_or(Unit::EMPTY);
                for (n, row) in [(1, 0), (2, 1), (3, 2)] {
                    let kind = Kind::Slice {
                        first_row: row,
                        rows: 1,
                    };
                    assert!(slice(n).kind == kind);
                    assert!(slice(n).bits > 8);
                }
                assert_eq!(all.units().len(), 4);
            });
            assert!(done.is_ok());
        });
    }

    #[test]
    fn a_unit_is_where_the_manual_says() {
        let entry = describe_unit(&Unit {
            kind: Kind::Slice {
                first_row: 0x0102,
                rows: 0x0304,
            },
            start_code: 3,
            offset: 0x1122,
            bits: 0x3344,
        });
        assert_eq!(u32_at(&entry, 0), (3 << 8) | 1);
        assert_eq!(u32_at(&entry, 4), 0x1122);
        assert_eq!(u32_at(&entry, 8), 0x3344);
        assert_eq!(u32_at(&entry, 12), 0x0304_0102);
        assert!(entry[16..] == [0; 16][..]);
        let whole = describe_unit(&Unit {
            start_code: 4,
            ..Unit::EMPTY
        });
        assert_eq!(u32_at(&whole, 0), 4 << 8);
    }

    #[test]
    fn a_skipped_picture_has_no_source() {
        with_units(|units| {
            let skip = PictureJob {
                source: None,
                reconstruction: None,
                ..job(units)
            };
            let done = described(&skip, &GEN1, |d, _| {
                assert_eq!(u32_at(d, 0x08), 3);
                assert_eq!(u32_at(d, 0x14), 0);
                assert!(d[0x20..0x48].iter().all(|&byte| byte == 0));
                assert_eq!(u64_at(d, 0x50), 0);
            });
            assert!(done.is_ok());
            let unable = Capabilities {
                all_skip: false,
                ..GEN1
            };
            assert!(described(&skip, &unable, |_, _| ()).is_err());
        });
    }

    #[test]
    fn what_hardware_would_refuse_is_refused() {
        with_units(|units| {
            assert!(!refused(job(units)));
            assert!(refused(PictureJob {
                qp: 52,
                ..job(units)
            }));
            assert!(refused(PictureJob {
                pps: &Pps {
                    chroma_qp_index_offset: 13,
                    ..PPS
                },
                ..job(units)
            }));
            for slice_type in [1, SLICE_TYPE_I] {
                assert!(refused(PictureJob {
                    picture: &Picture {
                        slice_type,
                        ..PICTURE
                    },
                    ..job(units)
                }));
            }
            assert!(refused(PictureJob {
                references: &[],
                ..job(units)
            }));
            assert!(refused(PictureJob {
                references: &[0x3_0000_0000, 0x6_0000_0000],
                ..job(units)
            }));
            let wide = Sps {
                pic_width_in_mbs_minus1: 120,
                ..SPS
            };
            assert!(refused(PictureJob {
                sps: &wide,
                source: Some(Source {
                    width: 1936,
                    ..SOURCE
                }),
                ..job(units)
            }));
            for slices in [0, 4] {
                assert!(refused(PictureJob {
                    slices,
                    ..job(units)
                }));
            }
            assert!(refused(PictureJob {
                output: Output {
                    address: 0,
                    size: 0,
                },
                ..job(units)
            }));
            for range in [
                MbRange { first: 0, count: 0 },
                MbRange {
                    first: 0,
                    count: 13,
                },
                MbRange {
                    first: 1,
                    count: u32::MAX,
                },
            ] {
                assert!(refused(PictureJob {
                    forced_intra: &[range],
                    ..job(units)
                }));
            }
            assert!(refused(PictureJob {
                forced_intra: &[MbRange { first: 0, count: 1 }; 17],
                ..job(units)
            }));
        });
    }

    #[test]
    fn sources_have_to_fit_their_picture() {
        with_units(|units| {
            let refused = |source: Source| {
                refused(PictureJob {
                    source: Some(source),
                    ..job(units)
                })
            };
            assert!(!refused(SOURCE));
            assert!(refused(Source {
                width: 51,
                ..SOURCE
            }));
            assert!(refused(Source {
                width: 48,
                ..SOURCE
            }));
            assert!(refused(Source {
                width: 66,
                ..SOURCE
            }));
            assert!(refused(Source {
                height: 50,
                ..SOURCE
            }));
            let mut narrow = SOURCE;
            narrow.planes[1].stride = 49;
            assert!(refused(narrow));
            let mut extra = SOURCE;
            extra.planes[2].stride = 64;
            assert!(refused(extra));
            // The same planes as a packed format: one too many, and lines too short.
            assert!(refused(Source {
                format: SourceFormat::Yuyv,
                ..SOURCE
            }));
        });
    }

    #[test]
    fn too_many_slices_for_the_unit_table() {
        with_units(|units| {
            let three = Capabilities { units: 3, ..GEN1 };
            let refused = described(&job(units), &three, |_, _| ());
            assert!(refused == Err(Invalid("unit_count").into()));
        });
    }

    #[test]
    fn hardware_without_this_layout() {
        assert!(check_capabilities(&GEN1).is_ok());
        for (cavlc, header_bits) in [(false, true), (true, false)] {
            let unable = Capabilities {
                cavlc,
                header_bits,
                ..GEN1
            };
            assert!(check_capabilities(&unable).is_err());
        }
    }

    const EXPECTED: Expected = Expected {
        tag: 77,
        output_size: 4096,
        macroblocks: 12,
        intra: false,
    };

    /// A result of a picture that is coded.
    fn result() -> [u8; RESULT_BYTES] {
        let mut block = [0; RESULT_BYTES];
        let mut f = Fields::new(&mut block);
        f.u32(STATUS_OK).u32(77).u32(1000).u32(0).u64(0);
        // header, slice data, emulation; QP sum, nonzero, intra, skip, I_PCM
        f.u32(100).u32(7892).u32(1);
        f.u32(12 * 30 + 2).u32(500).u32(2).u32(3).u32(1);
        f.u64(12_345).u64(54_321).u64(1_000_000).u8(30).u8(31);
        block
    }

    fn with(at: usize, value: u32) -> Result<Completion, Failure> {
        let mut block = result();
        Fields::new(block.get_mut(at..).unwrap_or_default()).u32(value);
        parse_result(&block, &EXPECTED)
    }

    #[test]
    fn a_result_is_read_from_where_the_manual_says() {
        let wanted = Completion {
            macroblocks: 12,
            bytes: 1000,
            header_bits: 100,
            slice_data_bits: 7892,
            emulation_bytes: 1,
            qp_sum: 362,
            qp_min: 30,
            qp_max: 31,
            nonzero: 500,
            intra_mbs: 2,
            skip_mbs: 3,
            pcm_mbs: 1,
            sad: 12_345,
            mad: 54_321,
            encode_ns: 1_000_000,
        };
        assert!(parse_result(&result(), &EXPECTED) == Ok(wanted));
    }

    #[test]
    fn another_tag_is_another_job() {
        assert_eq!(with(0x04, 0), Err(Failure::NotThisJob));
        assert_eq!(with(0x04, 76), Err(Failure::NotThisJob));
    }

    #[test]
    fn each_status_is_told_apart() {
        assert_eq!(with(0x00, STATUS_OUTPUT_FULL), Err(Failure::OutputFull));
        assert_eq!(with(0x00, STATUS_INTERNAL), Err(Failure::Internal));
        assert_eq!(with(0x00, 0), Err(Failure::UnknownStatus(0)));
        assert_eq!(with(0x00, 6), Err(Failure::UnknownStatus(6)));
        let mut block = result();
        let mut f = Fields::new(&mut block);
        f.u32(STATUS_BAD_DESCRIPTOR).u32(77).u32(0);
        f.u32(ERROR_IN_UNITS | 0x24);
        let bad = Failure::BadDescriptor {
            offset: 0x24,
            in_units: true,
        };
        assert!(parse_result(&block, &EXPECTED) == Err(bad));
        let mut f = Fields::new(&mut block);
        f.u32(STATUS_DMA_FAULT).u32(77).u32(0).u32(0);
        f.u64(0xdead_0000_0000);
        let fault = Failure::DmaFault {
            address: 0xdead_0000_0000,
        };
        assert!(parse_result(&block, &EXPECTED) == Err(fault));
    }

    #[test]
    fn what_cannot_be_true_is_not_believed() {
        let lie = |at, value| matches!(with(at, value), Err(Failure::Implausible(_)));
        assert!(lie(0x08, 0));
        assert!(lie(0x08, 4097));
        assert!(lie(0x08, u32::MAX));
        assert!(lie(0x18, 101));
        assert!(lie(0x1c, u32::MAX));
        assert!(lie(0x20, u32::MAX));
        assert!(lie(0x24, 12 * 30 - 1));
        assert!(lie(0x24, 12 * 31 + 1));
        assert!(lie(0x28, 12 * 384 + 1));
        assert!(lie(0x2c, 10));
        assert!(lie(0x30, u32::MAX));
        assert!(lie(0x34, 3));
        assert!(lie(0x3c, 1));
        assert!(lie(0x44, 1));
        // qp_min above qp_max, qp_max above 51.
        assert!(lie(0x50, (31 << 8) | 32));
        assert!(lie(0x50, (52 << 8) | 30));
    }

    #[test]
    fn intra_pictures_skip_nothing() {
        let expected = Expected {
            intra: true,
            ..EXPECTED
        };
        let skipped = parse_result(&result(), &expected);
        assert!(skipped == Err(Failure::Implausible("skip_mbs")));
        let mut block = result();
        let mut f = Fields::new(block.get_mut(0x2c..).unwrap_or_default());
        f.u32(12).u32(0);
        assert!(parse_result(&block, &expected).is_ok());
    }

    #[test]
    fn a_device_that_is_gone_is_no_result() {
        let block = [0xff; RESULT_BYTES];
        assert!(parse_result(&block, &EXPECTED) == Err(Failure::NotThisJob));
        let expected = Expected {
            tag: u32::MAX,
            ..EXPECTED
        };
        assert!(parse_result(&block, &expected) == Err(Failure::UnknownStatus(u32::MAX)));
    }
}
