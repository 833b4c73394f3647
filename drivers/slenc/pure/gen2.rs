// SPDX-License-Identifier: GPL-2.0

//! Job descriptor of the second generation, byte for byte as in Documentation/slenc/hardware.rst.

use super::{
    checks::{check, check_job},
    fields::Fields,
    list::Modification,
    marking::Operation,
    measure::Measurement,
    params::Invalid,
    picture::{Capabilities, PictureJob, Source},
    slice::Picture,
    unit_table::Memory,
    units::{self, Units},
};

/// Bytes of a descriptor that the driver writes; the result block follows.
pub const DESCRIPTOR_BYTES: usize = 512;

const LAYOUT: u32 = 2;
const OPERATION_ENCODE: u32 = 1;
const OPERATION_MEASURE: u32 = 2;
const FLAG_ALL_SKIP: u32 = 1 << 0;
const FLAG_NO_RECON: u32 = 1 << 1;
const FLAG_CABAC: u32 = 1 << 2;
const FLAG_TRANSFORM_8X8: u32 = 1 << 3;
const FLAG_DEBLOCKING_CONTROL: u32 = 1 << 4;
const FLAG_IDR: u32 = 1 << 5;
const FLAG_NO_OUTPUT_OF_PRIOR: u32 = 1 << 6;
const FLAG_LONG_TERM_REFERENCE: u32 = 1 << 7;

/// Largest long_term_frame_idx, and of frames the largest long_term_pic_num.
const MAX_LONG_TERM_FRAME_IDX: u8 = 15;

/// References that the layout has room for.
const REFERENCES: usize = 4;
/// Where the size of a picture is, in macroblocks and of the source.
const SIZE: usize = 0x010;
/// Where the format of a source is, and then the deblocking parameters and the counts.
const FORMAT: usize = 0x018;
const DEBLOCKING: usize = 0x019;
const REFERENCE_COUNT: usize = 0x01c;
/// Where the planes of a source are: their strides and addresses.
const STRIDES: usize = 0x020;
const ADDRESSES: usize = 0x030;
/// Where the references are, and behind them everything else that a job needs in memory.
const REFERENCE_ADDRESSES: usize = 0x050;
/// Where the fields of slice headers begin.
const SLICE_HEADER: usize = 0x0a0;
/// Where the operations on the reference list begin.
const MODIFICATIONS: usize = 0x0b0;
/// Where the marking operations begin.
const MARKING: usize = 0x100;
/// Marking operations that the layout has room for.
const MARKING_OPERATIONS: usize = 16;
/// Where the forced-intra ranges begin.
const FORCED_INTRA: usize = 0x180;

/// Whether the hardware has what this layout is for.
pub fn check_capabilities(able: &Capabilities) -> Result<(), Invalid> {
    check(able.cavlc, "entropy_coding_mode_flag")?;
    check(able.all_skip, "flags")?;
    check(able.header_fields, "nal_ref_idc")?;
    check(
        usize::from(able.references) <= REFERENCES,
        "reference_count",
    )
}

/// What the hardware would refuse of the parameter sets and of the slice headers.
fn check_syntax(job: &PictureJob<'_>) -> Result<(), Invalid> {
    let (sps, pps, picture) = (job.sps, job.pps, job.picture);
    check(
        (-26..=25).contains(&pps.pic_init_qp_minus26),
        "pic_init_qp_minus26",
    )?;
    check(
        pps.num_ref_idx_l0_default_active_minus1 <= 31,
        "num_ref_idx_l0_default_active_minus1",
    )?;
    let fits = |value: u16, bits_minus4: u8| {
        bits_minus4 <= 12 && u32::from(value) >> (u32::from(bits_minus4) + 4) == 0
    };
    check(
        fits(picture.frame_num, sps.log2_max_frame_num_minus4),
        "frame_num",
    )?;
    match sps.pic_order_cnt_type {
        0 => check(
            fits(
                picture.pic_order_cnt_lsb,
                sps.log2_max_pic_order_cnt_lsb_minus4,
            ),
            "pic_order_cnt_lsb",
        )?,
        order => check(order == 2, "pic_order_cnt_type")?,
    }
    check(job.cabac_init_idc <= 2, "cabac_init_idc")?;
    check(picture.nal_ref_idc <= 3, "nal_ref_idc")?;
    if picture.idr {
        check(picture.is_reference(), "nal_ref_idc")?;
        check(job.references.is_empty(), "slice_type")?;
        check(picture.frame_num == 0, "frame_num")?;
    }
    check_operations(job)
}

/// What the hardware would refuse of the operations on list and marking.
fn check_operations(job: &PictureJob<'_>) -> Result<(), Invalid> {
    let picture = job.picture;
    check(
        picture.modifications.len() <= job.references.len(),
        "ref_pic_list_modification_flag_l0",
    )?;
    check(
        picture.operations.len() <= MARKING_OPERATIONS
            && (picture.operations.is_empty() || (picture.is_reference() && !picture.idr)),
        "adaptive_ref_pic_marking_mode_flag",
    )?;
    // log2_max_frame_num_minus4 has been checked.
    let fits =
        |minus1: u16| u32::from(minus1) >> (u32::from(job.sps.log2_max_frame_num_minus4) + 4) == 0;
    for modification in picture.modifications.iter() {
        match modification {
            Modification::Subtract(minus1) | Modification::Add(minus1) => {
                check(fits(minus1), "abs_diff_pic_num_minus1")?;
            }
            Modification::LongTerm(number) => {
                check(number <= MAX_LONG_TERM_FRAME_IDX, "long_term_pic_num")?;
            }
        }
    }
    for operation in picture.operations.iter() {
        match operation {
            Operation::ShortTermUnused(minus1) => {
                check(fits(minus1), "difference_of_pic_nums_minus1")?;
            }
            Operation::LongTermUnused(number) => {
                check(number <= MAX_LONG_TERM_FRAME_IDX, "long_term_pic_num")?;
            }
            Operation::LongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            } => {
                check(
                    fits(difference_of_pic_nums_minus1),
                    "difference_of_pic_nums_minus1",
                )?;
                check(
                    long_term_frame_idx <= MAX_LONG_TERM_FRAME_IDX,
                    "long_term_frame_idx",
                )?;
            }
            Operation::MaxLongTermFrameIdx(plus1) => check(
                plus1 <= MAX_LONG_TERM_FRAME_IDX + 1,
                "max_long_term_frame_idx_plus1",
            )?,
            Operation::CurrentLongTerm(index) => {
                check(index <= MAX_LONG_TERM_FRAME_IDX, "long_term_frame_idx")?;
            }
        }
    }
    Ok(())
}

/// Adds the slices to `units`, which are those of `job` before, and fills a descriptor of
/// [`DESCRIPTOR_BYTES`], all of it; or says which field the hardware would refuse.
pub fn describe(
    job: &PictureJob<'_>,
    able: &Capabilities,
    memory: &Memory,
    units: &mut Units<'_>,
    descriptor: &mut [u8],
) -> Result<(), units::Error> {
    units.push_bare_slices(job.sps, job.slice_rows)?;
    check_job(job, units, able)?;
    check_syntax(job)?;
    descriptor.fill(0);
    describe_picture(job, memory, units, descriptor);
    if let Some(source) = &job.source {
        describe_source(source, descriptor);
    }
    describe_header(job, fields_at(descriptor, SLICE_HEADER));
    describe_operations(job.picture, descriptor);
    let mut f = fields_at(descriptor, FORCED_INTRA);
    for range in job.forced_intra {
        f.u32(range.first).u32(range.count);
    }
    Ok(())
}

/// Fills a descriptor of [`DESCRIPTOR_BYTES`] with a measurement; or says which field the hardware
/// would refuse.
pub fn describe_measurement(
    measurement: &Measurement,
    able: &Capabilities,
    descriptor: &mut [u8],
) -> Result<(), Invalid> {
    measurement.check(able)?;
    descriptor.fill(0);
    let mut f = Fields::new(descriptor);
    f.u32(LAYOUT).u32(OPERATION_MEASURE);
    let mut f = fields_at(descriptor, SIZE);
    f.u16(measurement.size_mbs.0).u16(measurement.size_mbs.1);
    describe_source(&measurement.source, descriptor);
    if let Some(reference) = measurement.reference {
        fields_at(descriptor, REFERENCE_COUNT).u8(1);
        fields_at(descriptor, REFERENCE_ADDRESSES).u64(reference);
    }
    Ok(())
}

/// The fields from here on.
fn fields_at(descriptor: &mut [u8], at: usize) -> Fields<'_> {
    Fields::new(descriptor.get_mut(at..).unwrap_or_default())
}

/// The fields of the source.
fn describe_source(source: &Source, descriptor: &mut [u8]) {
    let mut f = fields_at(descriptor, SIZE + 4);
    f.u16(source.width).u16(source.height);
    fields_at(descriptor, FORMAT).u8(source.format.number());
    let mut f = fields_at(descriptor, STRIDES);
    for plane in &source.planes {
        f.u32(plane.stride);
    }
    let mut f = fields_at(descriptor, ADDRESSES);
    for plane in &source.planes {
        f.u64(plane.address);
    }
}

fn flags(job: &PictureJob<'_>) -> u32 {
    [
        (job.source.is_none(), FLAG_ALL_SKIP),
        (job.reconstruction.is_none(), FLAG_NO_RECON),
        (job.pps.cabac(), FLAG_CABAC),
        (job.pps.transform_8x8(), FLAG_TRANSFORM_8X8),
        (job.pps.deblocking_control(), FLAG_DEBLOCKING_CONTROL),
        (job.picture.idr, FLAG_IDR),
        (
            job.picture.idr && job.picture.no_output_of_prior_pics,
            FLAG_NO_OUTPUT_OF_PRIOR,
        ),
        (
            job.picture.idr && job.picture.long_term_reference,
            FLAG_LONG_TERM_REFERENCE,
        ),
    ]
    .iter()
    .filter(|(set, _)| *set)
    .fold(0, |flags, (_, flag)| flags | flag)
}

/// The fields before those of slice headers, but for the source.
fn describe_picture(
    job: &PictureJob<'_>,
    memory: &Memory,
    units: &Units<'_>,
    descriptor: &mut [u8],
) {
    // check_job() has seen that all counts and the size of header memory fit.
    let reference_count = u8::try_from(job.references.len()).unwrap_or(0);
    let forced_count = u8::try_from(job.forced_intra.len()).unwrap_or(0);
    let unit_count = u16::try_from(units.units().len()).unwrap_or(0);
    let header_size = u32::try_from(units.bytes().len()).unwrap_or(0);
    let headers = if header_size == 0 { 0 } else { memory.headers };

    let mut f = Fields::new(descriptor);
    f.u32(LAYOUT).u32(OPERATION_ENCODE).u32(flags(job));
    f.u8(job.picture.slice_type).u8(job.qp);
    f.i8(job.pps.chroma_qp_index_offset);
    f.i8(job.pps.second_chroma_qp_index_offset);
    f.u16(job.width_mbs()).u16(job.height_mbs());
    let mut f = fields_at(descriptor, DEBLOCKING);
    let deblocking = &job.picture.deblocking;
    f.u8(deblocking.disable_idc);
    f.i8(deblocking.alpha_c0_offset_div2);
    f.i8(deblocking.beta_offset_div2);
    f.u8(reference_count).u8(forced_count).u16(unit_count);
    let mut f = fields_at(descriptor, REFERENCE_ADDRESSES);
    for n in 0..REFERENCES {
        f.u64(job.references.get(n).copied().unwrap_or(0));
    }
    f.u64(job.reconstruction.unwrap_or(0));
    f.u64(job.output.address).u32(job.output.size);
    f.u32(header_size).u64(headers).u64(memory.units);
    f.u64(memory.control_of(job));
}

/// The fields of slice headers.
fn describe_header(job: &PictureJob<'_>, mut f: Fields<'_>) {
    let (sps, pps, picture) = (job.sps, job.pps, job.picture);
    let (order_bits, order) = if sps.pic_order_cnt_type == 0 {
        (
            sps.log2_max_pic_order_cnt_lsb_minus4,
            picture.pic_order_cnt_lsb,
        )
    } else {
        (0, 0)
    };
    let cabac_init_idc = if pps.cabac() && !job.references.is_empty() {
        job.cabac_init_idc
    } else {
        0
    };
    let idr_pic_id = if picture.idr { picture.idr_pic_id } else { 0 };
    f.u8(picture.nal_ref_idc).u8(pps.pic_parameter_set_id);
    f.i8(pps.pic_init_qp_minus26);
    f.u8(pps.num_ref_idx_l0_default_active_minus1);
    f.u8(sps.log2_max_frame_num_minus4);
    f.u8(sps.pic_order_cnt_type).u8(order_bits);
    f.u8(cabac_init_idc);
    f.u16(picture.frame_num).u16(idr_pic_id).u16(order);
    // check_operations() has seen that both counts fit.
    f.u8(u8::try_from(picture.modifications.len()).unwrap_or(0));
    f.u8(u8::try_from(picture.operations.len()).unwrap_or(0));
}

/// The operations on list and marking; those that are not used stay zero.
fn describe_operations(picture: &Picture, descriptor: &mut [u8]) {
    let mut f = fields_at(descriptor, MODIFICATIONS);
    for modification in picture.modifications.iter() {
        let (modification_of_pic_nums_idc, value) = match modification {
            Modification::Subtract(minus1) => (0, minus1.into()),
            Modification::Add(minus1) => (1, minus1.into()),
            Modification::LongTerm(number) => (2, number.into()),
        };
        f.u8(modification_of_pic_nums_idc).u8(0).u16(0).u32(value);
    }
    let mut f = fields_at(descriptor, MARKING);
    for operation in picture.operations.iter() {
        // The operation's number, long_term_frame_idx and the other operand.
        let (number, index, value): (u8, u8, u32) = match operation {
            Operation::ShortTermUnused(difference) => (1, 0, difference.into()),
            Operation::LongTermUnused(number) => (2, 0, number.into()),
            Operation::LongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            } => (3, long_term_frame_idx, difference_of_pic_nums_minus1.into()),
            Operation::MaxLongTermFrameIdx(plus1) => (4, 0, plus1.into()),
            Operation::CurrentLongTerm(index) => (6, index, 0),
        };
        f.u8(number).u8(index).u16(0).u32(value);
    }
}
