// SPDX-License-Identifier: GPL-2.0

//! What a picture's description has to be before it is encoded. It comes from a guest.

use crate::{
    EntropyCoding, Error, InFrame, Picture, PictureType, Source, SourceFormat, MAX_CHECKPOINTS,
    MAX_REFERENCES,
};

/// Most macroblocks of a line or column, which keeps all arithmetic within 32 bits.
const MAX_SIDE_MBS: usize = 512;

fn require(condition: bool, what: &'static str) -> Result<(), Error> {
    if condition {
        Ok(())
    } else {
        Err(Error::Invalid(what))
    }
}

/// Checks everything but the output's size.
pub(crate) fn check(
    picture: &Picture<'_>,
    references: &[&[u8]],
    recon: &[u8],
    unit_bytes: &[u32],
) -> Result<(), Error> {
    let sides = 1..=MAX_SIDE_MBS;
    require(sides.contains(&picture.width_mbs), "width")?;
    require(sides.contains(&picture.height_mbs), "height")?;
    let mbs = picture.width_mbs * picture.height_mbs;
    require(picture.qp <= 51, "QP")?;
    let offsets = -12..=12;
    require(
        picture
            .chroma_offsets()
            .iter()
            .all(|offset| offsets.contains(offset)),
        "chroma QP offset",
    )?;
    let (deblocking, offsets) = (&picture.deblocking, -6..=6);
    require(
        deblocking.disable_idc <= 2
            && offsets.contains(&deblocking.alpha_c0_offset_div2)
            && offsets.contains(&deblocking.beta_offset_div2),
        "deblocking",
    )?;

    if let EntropyCoding::Cabac { init_idc } = picture.entropy_coding {
        require(init_idc <= 2, "cabac_init_idc")?;
    }
    require(recon.len() == mbs * 384, "size of the reconstruction")?;
    match picture.picture_type {
        PictureType::P => {
            let count = 1..=MAX_REFERENCES;
            require(count.contains(&references.len()), "number of references")?;
            let is_whole = |reference: &&[u8]| reference.len() == mbs * 384;
            require(references.iter().all(is_whole), "size of a reference")?;
        }
        PictureType::I => require(picture.source.is_some(), "I picture without a source")?,
    }
    if let Some(source) = &picture.source {
        check_source(source, picture.width_mbs, picture.height_mbs)?;
    }
    for range in picture.forced_intra {
        require(
            range.start <= range.end && range.end as usize <= mbs,
            "forced-intra range",
        )?;
    }
    let offsets = picture.qp_offsets.len();
    require(offsets == 0 || offsets == mbs, "number of QP offsets")?;
    if let Some(control) = &picture.in_frame {
        check_in_frame(control, picture)?;
    }
    require(unit_bytes.len() >= picture.units.len(), "unit sizes")?;
    check_units(picture)
}

fn check_in_frame(control: &InFrame<'_>, picture: &Picture<'_>) -> Result<(), Error> {
    require(
        (control.qp_min..=control.qp_max).contains(&picture.qp) && control.qp_max <= 51,
        "QPs of rows",
    )?;
    require((1..=51).contains(&control.max_step), "QP step")?;
    require(control.gain <= 256, "gain")?;
    let points = control.checkpoints;
    require(points.len() <= MAX_CHECKPOINTS, "number of checkpoints")?;
    let (mut row, mut bits) = (0, 0);
    for point in points {
        require(
            point.row > row && (point.row as usize) < picture.height_mbs,
            "row of a checkpoint",
        )?;
        require(
            (bits..=control.target_bits).contains(&point.bits),
            "bits of a checkpoint",
        )?;
        (row, bits) = (point.row, point.bits);
    }
    Ok(())
}

/// Checks what an analysis is given.
pub(crate) fn check_analysis(
    width_mbs: usize,
    height_mbs: usize,
    source: &Source<'_>,
    reference: Option<&[u8]>,
) -> Result<(), Error> {
    let sides = 1..=MAX_SIDE_MBS;
    require(sides.contains(&width_mbs), "width")?;
    require(sides.contains(&height_mbs), "height")?;
    check_source(source, width_mbs, height_mbs)?;
    require(
        reference.is_none_or(|reference| reference.len() == width_mbs * height_mbs * 384),
        "size of the reference",
    )
}

fn check_source(source: &Source<'_>, width_mbs: usize, height_mbs: usize) -> Result<(), Error> {
    let (width, height) = (source.width, source.height);
    require(
        width % 2 == 0 && width.div_ceil(16) == width_mbs,
        "source width",
    )?;
    require(
        height % 2 == 0 && height.div_ceil(16) == height_mbs,
        "source height",
    )?;
    // Bytes of a line and lines of each plane.
    let planes: &[(usize, usize)] = match source.format {
        SourceFormat::Nv12 => &[(width, height), (width, height / 2)],
        SourceFormat::I420 => &[
            (width, height),
            (width / 2, height / 2),
            (width / 2, height / 2),
        ],
        SourceFormat::Yuyv | SourceFormat::Uyvy => &[(2 * width, height)],
    };
    for (i, &(line, lines)) in planes.iter().enumerate() {
        require(source.strides[i] >= line, "source stride")?;
        let needed = source.strides[i]
            .checked_mul(lines - 1)
            .and_then(|bytes| bytes.checked_add(line));
        require(
            needed.is_some_and(|bytes| bytes <= source.planes[i].len()),
            "size of a source plane",
        )?;
    }
    Ok(())
}

fn check_units(picture: &Picture<'_>) -> Result<(), Error> {
    let height_mbs = picture.height_mbs;
    let mut next_row = 0;
    for unit in picture.units {
        require(matches!(unit.start_code, 0 | 3 | 4), "start code")?;
        match unit.header {
            Some(header) => {
                let is_slice = unit.rows.is_some();
                require(is_slice && unit.bit_length == 0, "bits beside a header")?;
                if let Some(what) = header.fault(picture) {
                    return Err(Error::Invalid(what));
                }
            }
            None => require(
                unit.bit_length >= 8 && unit.bit_length.div_ceil(8) <= unit.bits.len(),
                "bits of a unit",
            )?,
        }
        match unit.rows {
            Some((first, count)) => {
                require(first == next_row && count > 0, "rows of a slice")?;
                next_row = first.checked_add(count).ok_or(Error::Invalid("rows"))?;
                require(next_row <= height_mbs, "rows of a slice")?;
            }
            None => require(unit.bit_length % 8 == 0, "bits of a whole unit")?,
        }
    }
    require(next_row == height_mbs, "rows not covered by slices")
}
