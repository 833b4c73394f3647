// SPDX-License-Identifier: GPL-2.0

//! What a job has to be, for hardware of any generation.

use super::{
    params::{Invalid, Pps, SLICE_TYPE_I, SLICE_TYPE_P},
    picture::{Capabilities, PictureJob, Source},
    slice::Deblocking,
    units::{Kind, Units},
};

/// Ranges of forced-intra macroblocks that descriptors have room for.
const FORCED_INTRA_ENTRIES: usize = 16;

/// Bytes of a macroblock of a reconstruction.
const RECONSTRUCTION_MB_BYTES: u64 = 384;

/// An error of `what`, unless `ok`.
pub fn check(ok: bool, what: &'static str) -> Result<(), Invalid> {
    if ok {
        Ok(())
    } else {
        Err(Invalid(what))
    }
}

/// What hardware of any generation would refuse, refused before it sees it. `units` are those of the
/// job and its slices.
pub fn check_job(
    job: &PictureJob<'_>,
    units: &Units<'_>,
    able: &Capabilities,
) -> Result<(), Invalid> {
    able.check_size(job.width_mbs(), job.height_mbs())?;
    check(job.qp <= 51, "qp")?;
    check_parameters(job, able)?;
    check(
        job.output.size != 0 && job.output.address != 0,
        "output_addr",
    )?;
    check_references(job, able)?;
    check_forced_intra(job, able)?;
    match &job.source {
        None => check(
            job.picture.slice_type == SLICE_TYPE_P && able.all_skip,
            "flags",
        )?,
        Some(source) => check_source(source, (job.width_mbs(), job.height_mbs()), able)?,
    }
    if let Some(control) = job.in_frame {
        control.check(job, able)?;
    }
    check_units(job, units, able)
}

/// What the PPS and the slice headers say of how the picture is coded.
fn check_parameters(job: &PictureJob<'_>, able: &Capabilities) -> Result<(), Invalid> {
    let pps = job.pps;
    let offsets = -12..=12;
    check(
        offsets.contains(&pps.chroma_qp_index_offset),
        "chroma_qp_index_offset",
    )?;
    let mut flags = Pps::DEBLOCKING_FILTER_CONTROL_PRESENT;
    if able.cabac {
        flags |= Pps::ENTROPY_CODING_MODE;
    }
    if able.transform_8x8 {
        flags |= Pps::TRANSFORM_8X8_MODE;
    }
    check(pps.flags & !flags == 0, "flags")?;
    check(
        offsets.contains(&pps.second_chroma_qp_index_offset)
            && (able.transform_8x8 || !pps.is_extended()),
        "second_chroma_qp_index_offset",
    )?;
    let deblocking = &job.picture.deblocking;
    let offsets = -6..=6;
    check(
        deblocking.disable_idc <= 2
            && offsets.contains(&deblocking.alpha_c0_offset_div2)
            && offsets.contains(&deblocking.beta_offset_div2)
            && (pps.deblocking_control() || *deblocking == Deblocking::default()),
        "disable_deblocking_filter_idc",
    )
}

/// As many references as the slice headers say, each another one, and a reconstruction apart from
/// all of them.
fn check_references(job: &PictureJob<'_>, able: &Capabilities) -> Result<(), Invalid> {
    let inter = job.picture.slice_type == SLICE_TYPE_P;
    check(
        inter || job.picture.slice_type == SLICE_TYPE_I,
        "picture_type",
    )?;
    let count = job.references.len();
    check(
        (count != 0) == inter && count <= usize::from(able.references),
        "reference_addr",
    )?;
    check(
        !inter || count == usize::from(job.picture.num_ref_idx_l0_active),
        "num_ref_idx_l0_active_minus1",
    )?;
    let size = u64::from(job.macroblocks()) * RECONSTRUCTION_MB_BYTES;
    check(job.reconstruction != Some(0), "recon_addr")?;
    for (n, &reference) in job.references.iter().enumerate() {
        let before = job.references.get(..n).unwrap_or_default();
        check(
            reference != 0 && !before.contains(&reference),
            "reference_addr",
        )?;
        check(
            job.reconstruction
                .is_none_or(|address| address.abs_diff(reference) >= size),
            "recon_addr",
        )?;
    }
    Ok(())
}

/// The macroblocks of a P picture with a source that are coded as intra.
fn check_forced_intra(job: &PictureJob<'_>, able: &Capabilities) -> Result<(), Invalid> {
    let may = job.picture.slice_type == SLICE_TYPE_P && job.source.is_some();
    let most = usize::from(able.forced_intra).min(FORCED_INTRA_ENTRIES);
    check(
        job.forced_intra.len() <= if may { most } else { 0 },
        "forced_intra_count",
    )?;
    for range in job.forced_intra {
        let end = range.first.checked_add(range.count);
        check(
            range.count != 0 && end.is_some_and(|end| end <= job.macroblocks()),
            "forced_intra",
        )?;
    }
    Ok(())
}

/// A source of so many macroblocks, whose planes the hardware can read.
pub fn check_source(
    source: &Source,
    (width_mbs, height_mbs): (u16, u16),
    able: &Capabilities,
) -> Result<(), Invalid> {
    check(able.supports(source.format), "source_format")?;
    let coded_as =
        |samples: u16, mbs: u16| samples % 2 == 0 && samples.div_ceil(16) == mbs && samples >= 16;
    check(coded_as(source.width, width_mbs), "source_width")?;
    check(coded_as(source.height, height_mbs), "source_height")?;
    for (n, plane) in source.planes.iter().enumerate() {
        if n < source.format.planes() {
            let line = source.format.line_bytes(n, u32::from(source.width));
            check(plane.stride >= line, "source_stride")?;
            check(plane.address != 0, "source_addr")?;
        } else {
            check(plane.stride == 0 && plane.address == 0, "source_addr")?;
        }
    }
    Ok(())
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
                check(first_row == next_row && rows != 0, "first_row")?;
                next_row = first_row.checked_add(rows).ok_or(Invalid("rows"))?;
            }
        }
    }
    check(next_row == job.height_mbs(), "rows")
}
